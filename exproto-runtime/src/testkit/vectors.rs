//! Frames and what becomes of them, in a file: a bug report that is a test.
//!
//! Each line is a JSON object, a case; empty lines and lines that begin with
//! `#` are comments. A case is what a fresh connection sends and what is
//! expected of it; what is not given is not compared.
//!
//! | key | meaning |
//! |---|---|
//! | `name` | what the case shows |
//! | `in` | bytes in hex, or an array of them: chunks. Blanks are ignored |
//! | `client_id` | the device is logged in under this id already |
//! | `profile` | the profile whose routes hold |
//! | `from` | `"platform"`: frames that go to devices, which are only decoded; else the device sends them |
//! | `frames` | the JSON of each frame; of bytes that are none `{"error": "..."}` |
//! | `publishes` | each message: `topic`, `payload`, `qos` unless 0, `retain` if it is. A payload is its JSON, or its text, or `{"hex": ".."}` |
//! | `replies` | all bytes that the device is sent, in hex |
//! | `closed` | why the gateway closes the connection |
//!
//! With `EXPROTO_BLESS=1` in the environment the expected parts are written
//! into the file as they are, for you to read. `frames` are compared for every
//! way to cut the bytes in two.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::TestConn;
use crate::codec::{Deframer, Item, to_json};
use crate::session::{ConnInfo, Gateway, SessionSettings};

/// Inputs up to this many bytes are cut at every place.
const CUT_EVERYWHERE: usize = 4096;

/// Runs the cases of a file, see the [module](self).
///
/// # Panics
///
/// A case fails, or the file cannot be read: the message names file, line and
/// what differs.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::prelude::*;
/// use exproto_runtime::testkit::vectors;
///
/// #[derive(ExProtoFrame, Debug)]
/// #[frame(line, max = 64)]
/// #[route(gateway, anonymous, publish("lines", payload = text))]
/// struct Line<'a> {
///     #[wire(rest, as = Ascii)]
///     text: Text<'a>,
/// }
///
/// let file = std::env::temp_dir().join(format!("lines-{}.jsonl", std::process::id()));
/// std::fs::write(&file, r#"
/// ## A line in two chunks.
/// {"name": "hello", "in": ["68 65", "6C6C6F 0D0A"], "frames": [{"text": "hello"}],
///  "publishes": [{"topic": "lines", "payload": "hello"}]}
/// "#.replace(",\n ", ",")).unwrap();
/// vectors::check::<Line<'static>>(&file);
/// # std::fs::remove_file(file).unwrap();
/// # }
/// ```
#[track_caller]
pub fn check<G: Gateway>(path: impl AsRef<Path>) {
    let path = path.as_ref();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => panic!("{}: {error}", path.display()),
    };
    let ran = run::<G>(&text);
    if std::env::var_os("EXPROTO_BLESS").is_some_and(|value| value == "1") {
        if let Err(error) = std::fs::write(path, &ran.blessed) {
            panic!("{}: {error}", path.display());
        }
    } else if !ran.failures.is_empty() {
        panic!("{}", ran.report(&path.display().to_string()));
    }
}

/// What became of the cases of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ran {
    /// How many cases there were.
    pub cases: usize,
    /// What is not as expected.
    pub failures: Vec<Mismatch>,
    /// The file with everything as it is now.
    pub blessed: String,
}

/// Something that is not as a case expects.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    /// The line, from 1.
    pub line: usize,
    /// The name of the case.
    pub name: String,
    /// Where in the case, `publishes[0].payload.temperature`, and what differs.
    pub message: String,
}

impl Ran {
    /// The failures, each with `file` and line.
    #[must_use]
    pub fn report(&self, file: &str) -> String {
        let mut text = String::new();
        for failure in &self.failures {
            let _ = writeln!(text, "{file}:{}: {}: {}", failure.line, failure.name, failure.message);
        }
        let failed = self.failures.len();
        let _ = write!(
            text,
            "{failed} differences in {} cases; EXPROTO_BLESS=1 takes over what there is",
            self.cases
        );
        text
    }
}

/// Runs the cases of `text`.
#[must_use]
pub fn run<G: Gateway>(text: &str) -> Ran {
    let mut ran = Ran::default();
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            ran.blessed.push_str(line);
            ran.blessed.push('\n');
            continue;
        }
        ran.cases += 1;
        let mut fail = |name: &str, message: String| {
            ran.failures.push(Mismatch { line: index + 1, name: name.into(), message });
        };
        let case = match Case::parse(trimmed).and_then(|case| case.known_profile::<G>().map(|()| case)) {
            Ok(case) => case,
            Err(error) => {
                fail("no case", error);
                ran.blessed.push_str(line);
                ran.blessed.push('\n');
                continue;
            }
        };
        let found = case.found::<G>();
        for (key, value) in &found {
            if let Some(want) = case.object.get(*key)
                && let Some(message) = difference(key, want, value)
            {
                fail(&case.name, message);
            }
        }
        // What a case expects and nothing became of.
        for key in EXPECTED {
            if case.object.contains_key(key) && !found.iter().any(|(found, _)| *found == key) {
                fail(&case.name, format!("`{key}` is nothing that frames from the platform have"));
            }
        }
        if let Some(cut) = case.differs_when_cut::<G>() {
            fail(&case.name, format!("the frames are others when the bytes come as {cut} and the rest"));
        }
        case.write(&found, &mut ran.blessed);
    }
    ran
}

const GIVEN: [&str; 5] = ["name", "from", "client_id", "profile", "in"];
const EXPECTED: [&str; 4] = ["frames", "publishes", "replies", "closed"];

/// One line of the file.
struct Case {
    object: serde_json::Map<String, Value>,
    name: String,
    chunks: Vec<Vec<u8>>,
    from_platform: bool,
}

impl Case {
    fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
        let Value::Object(object) = value else { return Err("a case is an object".into()) };
        if let Some(key) = object.keys().find(|key| !GIVEN.iter().chain(&EXPECTED).any(|known| known == key))
        {
            let known = GIVEN.iter().chain(&EXPECTED).copied().collect::<Vec<_>>().join("`, `");
            return Err(format!("`{key}` is no key of a case: there are `{known}`"));
        }
        let name = object.get("name").and_then(Value::as_str).unwrap_or("unnamed").to_owned();
        let hex = |value: &Value| {
            let text = value.as_str().ok_or("`in` is hex, or an array of it")?;
            bytes_of(text).ok_or(format!("`in`: \"{text}\" is no hex"))
        };
        let chunks = match object.get("in") {
            Some(Value::Array(chunks)) => chunks.iter().map(hex).collect::<Result<_, _>>()?,
            Some(value) => vec![hex(value)?],
            None => return Err("`in` is missing: what is sent".into()),
        };
        let from_platform = match object.get("from").map(Value::as_str) {
            None | Some(Some("device")) => false,
            Some(Some("platform")) => true,
            Some(_) => return Err("`from` is \"device\" or \"platform\"".into()),
        };
        Ok(Self { object, name, chunks, from_platform })
    }

    fn settings(&self) -> SessionSettings {
        let profile = self.object.get("profile").and_then(Value::as_str).map(Into::into);
        SessionSettings { profile, ..SessionSettings::default() }
    }

    fn known_profile<G: Gateway>(&self) -> Result<(), String> {
        self.settings().check_profile::<G>().map_err(|error| error.to_string())
    }

    /// Everything that became of the case.
    fn found<G: Gateway>(&self) -> Vec<(&'static str, Value)> {
        let frames = frames::<G>(self.chunks.iter().map(Vec::as_slice));
        let mut found = vec![("frames", Value::Array(frames))];
        if self.from_platform {
            return found;
        }
        let mut device = TestConn::<G>::with(ConnInfo::default(), self.settings());
        if let Some(id) = self.object.get("client_id").and_then(Value::as_str) {
            device.log_in(id);
        }
        for chunk in &self.chunks {
            device.send(chunk);
        }
        let publishes = device.publishes().iter().map(|publish| {
            let mut object = serde_json::Map::new();
            object.insert("topic".into(), publish.topic.clone().into());
            object.insert("payload".into(), payload(&publish.payload));
            if publish.qos > 0 {
                object.insert("qos".into(), publish.qos.into());
            }
            if publish.retain {
                object.insert("retain".into(), true.into());
            }
            Value::Object(object)
        });
        found.push(("publishes", publishes.collect()));
        found.push(("replies", hex_of(device.sent()).into()));
        if let Some(reason) = device.closed() {
            found.push(("closed", reason.to_string().into()));
        } else if self.object.contains_key("closed") {
            found.push(("closed", Value::Null));
        }
        found
    }

    /// Where the bytes can be cut so that other frames come of them.
    fn differs_when_cut<G: Gateway>(&self) -> Option<usize> {
        let all = self.chunks.concat();
        if all.len() > CUT_EVERYWHERE || G::KINDS.iter().any(|kind| is_datagram(&kind.framing)) {
            return None;
        }
        let whole = frames::<G>([&all[..]].into_iter());
        (1..all.len()).find(|at| {
            let (first, second) = all.split_at(*at);
            frames::<G>([first, second].into_iter()) != whole
        })
    }

    /// The case with what became of it, as a line.
    fn write(&self, found: &[(&'static str, Value)], out: &mut String) {
        let given = GIVEN.iter().filter_map(|key| Some((*key, self.object.get(*key)?)));
        let found = found.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (*key, value));
        let mut separator = '{';
        for (key, value) in given.chain(found) {
            let _ = write!(out, "{separator}\"{key}\":{value}");
            separator = ',';
        }
        out.push_str("}\n");
    }
}

fn is_datagram(framing: &crate::codec::Framing) -> bool {
    matches!(framing, crate::codec::Framing::Datagram { .. })
}

/// The JSON of each frame; what is left at the end is an error too.
fn frames<'c, G: Gateway>(chunks: impl Iterator<Item = &'c [u8]>) -> Vec<Value> {
    // Knows what decides the layout of the next frame.
    let mut device = TestConn::<G>::new();
    let mut deframer = Deframer::<G>::with_ctx(device.ctx());
    let mut scratch = Vec::new();
    let mut all = Vec::new();
    for chunk in chunks {
        let mut input = chunk;
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            all.push(shown(&item, &mut device));
            if size_of::<G::Ctx>() != 0 {
                deframer.set_ctx(device.ctx());
            }
        }
    }
    while let Some(item) = deframer.finish(&mut scratch) {
        all.push(shown(&item, &mut device));
    }
    all
}

fn shown<G: Gateway>(item: &Item<'_>, device: &mut TestConn<G>) -> Value {
    let error = |error: crate::codec::Error| serde_json::json!({ "error": error.to_string() });
    match item {
        Item::Bad(bad) => error(bad.error),
        Item::Frame(raw) => {
            let value = match raw.decode_with::<G>(device.ctx()) {
                Err(why) => error(why),
                Ok(received) => {
                    let mut json = Vec::new();
                    to_json(&received.frame, &mut json);
                    serde_json::from_slice(&json).unwrap_or(Value::Null)
                }
            };
            if size_of::<G::Ctx>() != 0
                && let Some(kind) = G::KINDS.get(raw.kind)
            {
                let mut wire = Vec::new();
                kind.framing.restore(raw.wire, &mut wire);
                device.send(&wire);
            }
            value
        }
    }
}

/// A payload as a case has it.
fn payload(bytes: &[u8]) -> Value {
    match serde_json::from_slice(bytes) {
        // Text that is JSON of a string would read as the text itself.
        Ok(Value::String(_)) | Err(_) => match core::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => serde_json::json!({ "hex": hex_of(bytes) }),
        },
        Ok(value) => value,
    }
}

/// Where and how two values differ.
fn difference(path: &str, want: &Value, found: &Value) -> Option<String> {
    match (want, found) {
        (Value::Object(want), Value::Object(found)) => {
            for (key, value) in want {
                match found.get(key) {
                    Some(found) => {
                        if let Some(message) = difference(&format!("{path}.{key}"), value, found) {
                            return Some(message);
                        }
                    }
                    None => return Some(format!("{path}.{key}: expected {value}, it is not there")),
                }
            }
            let more = found.keys().find(|key| !want.contains_key(*key))?;
            Some(format!("{path}.{more}: not expected, it is {}", found.get(more)?))
        }
        (Value::Array(want), Value::Array(found)) => {
            for (index, (want, found)) in want.iter().zip(found).enumerate() {
                if let Some(message) = difference(&format!("{path}[{index}]"), want, found) {
                    return Some(message);
                }
            }
            match (want.len(), found.len()) {
                (wanted, there) if wanted < there => {
                    Some(format!("{path}[{wanted}]: not expected, it is {}", found.get(wanted)?))
                }
                (wanted, there) if wanted > there => {
                    Some(format!("{path}[{there}]: expected {}, it is not there", want.get(there)?))
                }
                _ => None,
            }
        }
        // Hex in capitals or with blanks.
        (Value::String(wanted), Value::String(there))
            if path == "replies" && bytes_of(wanted).is_some() && bytes_of(wanted) == bytes_of(there) =>
        {
            None
        }
        _ if want == found => None,
        _ => Some(format!("{path}: expected {want}, got {found}")),
    }
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    digits.chunks(2).map(pair).collect()
}
