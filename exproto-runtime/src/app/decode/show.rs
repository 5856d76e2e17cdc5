//! The JSON object of a line, and the picture.

use std::io::{self, Write};

use super::decoder::{Problem, Publish, Shown};
use crate::codec::Explanation;
use crate::codec::json::{is_json, write_hex, write_string};

/// Takes what a line holds, in order.
pub(super) trait Sink {
    /// A frame; pictures of it, if they are wanted.
    fn frame(&mut self, shown: Shown, pictures: &[Explanation]) -> io::Result<()>;

    /// Something that could not be read.
    fn problem(&mut self, problem: Problem, picture: Option<&Explanation>) -> io::Result<()>;
}

/// Collects the object of a line: whether it is ok comes first in it and is
/// known last.
#[derive(Default)]
pub(super) struct JsonLine {
    frames: Vec<u8>,
    errors: Vec<u8>,
}

impl Sink for JsonLine {
    fn frame(&mut self, shown: Shown, _: &[Explanation]) -> io::Result<()> {
        let out = &mut self.frames;
        separate(out);
        out.extend_from_slice(b"{\"kind\":");
        write_string(shown.kind, out);
        out.extend_from_slice(b",\"fields\":");
        out.extend_from_slice(&shown.fields);
        out.extend_from_slice(b",\"client_id\":");
        match &shown.client_id {
            Some(client_id) => write_string(client_id, out),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"publishes\":[");
        for publish in &shown.publishes {
            separate(out);
            out.extend_from_slice(b"{\"topic\":");
            write_string(&publish.topic, out);
            out.extend_from_slice(b",\"qos\":");
            out.extend_from_slice(publish.qos.to_string().as_bytes());
            out.extend_from_slice(b",\"payload\":");
            write_payload(publish, out);
            out.push(b'}');
        }
        out.extend_from_slice(b"],\"replies\":[");
        for reply in &shown.replies {
            separate(out);
            write_quoted_hex(reply, out);
        }
        out.extend_from_slice(b"],\"reencoded\":");
        match &shown.reencoded {
            Some(wire) => write_quoted_hex(wire, out),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"flags\":[");
        for flag in shown.flags.iter().chain(&shown.oddities) {
            separate(out);
            write_string(flag, out);
        }
        out.extend_from_slice(b"]}");
        Ok(())
    }

    fn problem(&mut self, problem: Problem, _: Option<&Explanation>) -> io::Result<()> {
        let out = &mut self.errors;
        separate(out);
        out.extend_from_slice(b"{\"kind\":");
        write_string(problem.kind, out);
        out.extend_from_slice(b",\"offset\":");
        out.extend_from_slice(problem.offset.to_string().as_bytes());
        out.extend_from_slice(b",\"path\":");
        write_string(&problem.path, out);
        out.extend_from_slice(b",\"message\":");
        write_string(&problem.message, out);
        out.push(b'}');
        Ok(())
    }
}

impl JsonLine {
    /// Writes the object; whether the line was whole, readable frames.
    pub(super) fn write(&self, rest: &[u8], out: &mut dyn Write) -> io::Result<bool> {
        let ok = !self.frames.is_empty() && self.errors.is_empty() && rest.is_empty();
        let mut hex = Vec::new();
        write_hex(rest, &mut hex);
        write!(out, "{{\"ok\":{ok},\"frames\":[")?;
        out.write_all(&self.frames)?;
        out.write_all(b"],\"rest\":\"")?;
        out.write_all(&hex)?;
        out.write_all(b"\",\"errors\":[")?;
        out.write_all(&self.errors)?;
        out.write_all(b"]}\n")?;
        Ok(ok)
    }
}

/// A comma, unless nothing or an opening bracket stands before.
fn separate(out: &mut Vec<u8>) {
    if !matches!(out.last(), None | Some(b'[')) {
        out.push(b',');
    }
}

fn write_quoted_hex(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    write_hex(bytes, out);
    out.push(b'"');
}

/// The payload as it is where it is JSON: its numbers stay exact.
fn write_payload(publish: &Publish, out: &mut Vec<u8>) {
    if is_json(&publish.payload) {
        // Between the parts of a value a line break is a blank like others;
        // within a string it cannot stand.
        let one_line =
            publish.payload.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte });
        out.extend(one_line);
    } else {
        out.extend_from_slice(b"{\"hex\":");
        write_quoted_hex(&publish.payload, out);
        out.push(b'}');
    }
}

/// Draws a line as it is decoded.
pub(super) struct Picture<'o> {
    out: &'o mut dyn Write,
    frames: usize,
    problems: usize,
}

impl<'o> Picture<'o> {
    pub(super) fn new(out: &'o mut dyn Write, line: usize) -> io::Result<Self> {
        if line > 1 {
            writeln!(out, "\n-- line {line}")?;
        }
        Ok(Self { out, frames: 0, problems: 0 })
    }

    /// Ends the line; whether it was whole, readable frames.
    pub(super) fn finish(self, rest: &[u8]) -> io::Result<bool> {
        if !rest.is_empty() {
            writeln!(self.out, "incomplete: {}", hex(rest))?;
        } else if self.frames + self.problems == 0 {
            writeln!(self.out, "no frame")?;
        }
        Ok(self.frames > 0 && self.problems == 0 && rest.is_empty())
    }

    fn gap(&mut self) -> io::Result<()> {
        if self.frames + self.problems > 0 {
            writeln!(self.out)?;
        }
        Ok(())
    }
}

impl Sink for Picture<'_> {
    fn frame(&mut self, shown: Shown, pictures: &[Explanation]) -> io::Result<()> {
        self.gap()?;
        self.frames += 1;
        for picture in pictures {
            write!(self.out, "{picture}")?;
        }
        let out = &mut *self.out;
        for flag in &shown.flags {
            writeln!(out, "flag: {flag}")?;
        }
        if let Some(client_id) = &shown.client_id {
            writeln!(out, "client id: {client_id}")?;
        }
        for publish in &shown.publishes {
            let mut payload = Vec::new();
            write_payload(publish, &mut payload);
            let payload = String::from_utf8_lossy(&payload);
            writeln!(out, "publish: {} qos {} {payload}", publish.topic, publish.qos)?;
        }
        for reply in &shown.replies {
            writeln!(out, "reply: {}", hex(reply))?;
        }
        match &shown.reencoded {
            Some(_) if shown.same => writeln!(out, "encodes as received"),
            Some(wire) => writeln!(out, "encodes as: {}", hex(wire)),
            None => Ok(()),
        }
    }

    fn problem(&mut self, problem: Problem, picture: Option<&Explanation>) -> io::Result<()> {
        self.gap()?;
        self.problems += 1;
        match picture {
            Some(picture) => write!(self.out, "{picture}"),
            // The picture of a hex error is the line itself.
            None => writeln!(self.out, "error: {} at {}: {}", problem.kind, problem.offset, problem.message),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    write_hex(bytes, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}
