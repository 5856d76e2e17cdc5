//! The `decode` command: what bytes mean, and what the gateway would do with
//! them.
//!
//! | module | what it holds |
//! |---|---|
//! | `hex` | lines of hex, bounded and tolerant |
//! | `decoder` | one connection: frames, segments, a device's session |
//! | `show` | the JSON object of a line, and the picture |

mod decoder;
mod hex;
mod show;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use decoder::{Decoder, Problem};
use hex::{Line, Lines};
use show::{JsonLine, Picture, Sink};

use crate::session::Gateway;

/// Show what bytes mean and what the gateway would do with them.
///
/// Each line of hex is what a fresh connection sends; blanks, `0x`, empty
/// lines and `#` comments are ignored.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct DecodeArgs {
    /// Bytes in hex, all arguments together one line; standard input if none.
    #[arg(value_name = "HEX")]
    pub(crate) hex: Vec<String>,

    /// Print one JSON object for each line instead of a picture.
    #[arg(long)]
    pub(crate) json: bool,

    /// Take all lines as chunks of one connection.
    #[arg(long, conflicts_with = "datagram")]
    pub(crate) stream: bool,

    /// Take each line as one datagram of the same device.
    #[arg(long)]
    pub(crate) datagram: bool,

    /// Accept and flag frames with a wrong checksum or length.
    #[arg(long)]
    pub(crate) accept_bad: bool,

    /// A parameter that the protocol's functions and topics ask for, as often
    /// as needed.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = super::param)]
    pub(crate) params: Vec<(String, String)>,

    /// The profile whose routes hold instead of those without one.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// Start logged in as this client id.
    #[arg(long = "as", value_name = "ID")]
    pub(crate) client_id: Option<String>,

    /// Who reads: the platform reads what devices send, a device what the
    /// platform sends.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) role: Role,
}

/// Who reads the frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Role {
    /// Frames come from devices and go through the gateway's routes.
    #[default]
    Platform,
    /// Frames come from the platform; nothing is published or answered.
    Device,
}

impl From<Role> for crate::codec::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Platform => Self::Platform,
            Role::Device => Self::Device,
        }
    }
}

/// Runs the command.
///
/// The picture ends with failure when a line is no whole, readable frame; with
/// `--json` the objects say so, and only input and output can fail.
pub(crate) fn run<G: Gateway>(args: DecodeArgs) -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let result = if args.hex.is_empty() {
        if io::stdin().is_terminal() {
            let _ = writeln!(io::stderr(), "Type or paste hex, one line for each connection.");
        }
        decode_lines::<G>(&mut io::stdin().lock(), &args, &mut out)
    } else {
        decode_lines::<G>(&mut args.hex.join(" ").as_bytes(), &args, &mut out)
    };
    match result {
        Ok(all_ok) if all_ok || args.json => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        // Whoever reads has seen enough: `decode .. | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "decode: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Decodes each line of `input`; whether all of them were whole, readable
/// frames.
///
/// # Errors
///
/// Those of `input` and `out`.
pub(crate) fn decode_lines<G: Gateway>(
    input: &mut dyn BufRead,
    args: &DecodeArgs,
    out: &mut dyn Write,
) -> io::Result<bool> {
    let mut decoder = Decoder::<G>::new(args);
    let mut lines = Lines::new(input);
    let mut all_ok = true;
    let mut first = true;
    while let Some((number, line)) = lines.next()? {
        if !(first || args.stream || args.datagram) {
            decoder = Decoder::new(args);
        }
        first = false;
        let ok = if args.json {
            let mut json = JsonLine::default();
            let rest = one_line(&mut decoder, &line, args, &mut json)?;
            json.write(&rest, out)?
        } else {
            let mut picture = Picture::new(out, number)?;
            let rest = one_line(&mut decoder, &line, args, &mut picture)?;
            picture.finish(&rest)?
        };
        all_ok &= ok;
        // Somebody may be typing, or following a log.
        out.flush()?;
    }
    Ok(all_ok)
}

/// Shows one line in `sink`; the bytes of the frame that is incomplete.
fn one_line<G: Gateway>(
    decoder: &mut Decoder<G>,
    line: &Line<'_>,
    args: &DecodeArgs,
    sink: &mut dyn Sink,
) -> io::Result<Vec<u8>> {
    match line {
        Line::Bytes(bytes) => decoder.feed(bytes, sink)?,
        Line::Bad { offset, message } => {
            sink.problem(Problem::hex(*offset, message.clone()), None)?;
        }
    }
    if !args.stream {
        decoder.end_of_line(sink)?;
    }
    let rest = decoder.rest();
    if args.datagram {
        decoder.next_datagram();
    }
    Ok(rest)
}
