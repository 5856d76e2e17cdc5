//! What a user sees of a mistake: programs that do not compile, with the
//! sentences expected on the offending lines.
//!
//! Each file in `tests/ui` is a program. `//~ TEXT` expects one error whose
//! message or label contains the text on that line, `//~^ TEXT` on the line
//! above; `//~+ TEXT` allows the same error more than once, where the compiler
//! says it for each trait. There are no other errors. Only our own sentences
//! are compared, so that every version of the compiler passes.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Expected {
    line: u64,
    text: String,
    /// Whether the same may be said more than once.
    many: bool,
}

#[derive(Debug)]
struct Found {
    lines: Vec<u64>,
    rendered: String,
    text: String,
}

#[test]
fn mistakes_give_the_sentences_they_should() {
    let cases = cases();
    assert!(cases.len() > 5, "the folder of cases is not there");
    let found = check(&cases);
    let mut wrong = String::new();
    for (name, path) in &cases {
        let expected = expectations(path);
        let errors = found.get(name.as_str()).map_or(&[][..], Vec::as_slice);
        let mut left: Vec<&Found> = errors.iter().collect();
        for one in &expected {
            let matches = |error: &&Found| error.lines.contains(&one.line) && error.text.contains(&one.text);
            match left.iter().position(&matches) {
                Some(_) if one.many => left.retain(|error| !matches(error)),
                Some(at) => {
                    left.remove(at);
                }
                None => writeln!(wrong, "{name}:{}: no error says `{}`", one.line, one.text).unwrap(),
            }
        }
        for error in left {
            writeln!(wrong, "{name}: an error too many:\n{}", error.rendered).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The programs, by name.
fn cases() -> BTreeMap<String, PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let mut cases = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            cases.insert(path.file_stem().unwrap().to_str().unwrap().to_string(), path);
        }
    }
    cases
}

fn expectations(path: &Path) -> Vec<Expected> {
    let source = fs::read_to_string(path).unwrap();
    let mut expected = Vec::new();
    for (number, line) in (1..).zip(source.lines()) {
        let Some((_, text)) = line.split_once("//~") else { continue };
        let (many, text) = text.strip_prefix('+').map_or((false, text), |text| (true, text));
        let above = text.bytes().take_while(|byte| *byte == b'^').count();
        expected.push(Expected { line: number - above as u64, text: text[above..].trim().to_string(), many });
    }
    expected
}

/// Compiles all cases at once, in a package of their own; returns the errors
/// of each.
fn check(cases: &BTreeMap<String, PathBuf>) -> BTreeMap<String, Vec<Found>> {
    let runtime = env!("CARGO_MANIFEST_DIR");
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui");
    fs::create_dir_all(&package).unwrap();
    let mut manifest = format!(
        "[package]\nname = \"ui\"\nversion = \"0.0.0\"\nedition = \"2024\"\nautobins = false\n\n[workspace]\n\n\
         [dependencies]\nexproto-runtime = {{ path = {runtime:?}, default-features = false, features = [\"derive\", \"exhook\"] }}\n"
    );
    for (name, path) in cases {
        write!(manifest, "\n[[bin]]\nname = {name:?}\npath = {path:?}\n").unwrap();
    }
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    // The versions that are tested, and no look at a registry.
    fs::copy(Path::new(runtime).join("../Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["check", "--bins", "--keep-going", "--quiet", "--offline", "--message-format=json"])
        .current_dir(&package)
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui-target"))
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let mut errors: BTreeMap<String, Vec<Found>> = BTreeMap::new();
    let mut built = 0;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else { continue };
        built += usize::from(message["reason"] == "compiler-artifact");
        let diagnostic = &message["message"];
        let name = message["target"]["name"].as_str().unwrap_or_default();
        // The last line counts the errors and stands nowhere.
        let spans = diagnostic["spans"].as_array().map_or(&[][..], Vec::as_slice);
        if message["reason"] != "compiler-message" || diagnostic["level"] != "error" || spans.is_empty() {
            continue;
        }
        errors.entry(name.to_string()).or_default().push(Found {
            lines: spans.iter().filter(|span| span["is_primary"] == true).flat_map(lines).collect(),
            rendered: diagnostic["rendered"].as_str().unwrap_or_default().to_string(),
            text: texts(diagnostic),
        });
    }
    assert!(built > 0, "nothing was built:\n{}", String::from_utf8_lossy(&output.stderr));
    errors
}

/// The lines a span covers, also where a macro stands that made it.
fn lines(span: &Value) -> Vec<u64> {
    let mut found = Vec::new();
    let mut at = span;
    while let (Some(from), Some(to)) = (at["line_start"].as_u64(), at["line_end"].as_u64()) {
        found.extend(from..=to);
        at = &at["expansion"]["span"];
    }
    found
}

/// Message, labels and notes.
fn texts(diagnostic: &Value) -> String {
    let mut all = diagnostic["message"].as_str().unwrap_or_default().to_string();
    for span in diagnostic["spans"].as_array().into_iter().flatten() {
        all.push('\n');
        all.push_str(span["label"].as_str().unwrap_or_default());
    }
    for child in diagnostic["children"].as_array().into_iter().flatten() {
        all.push('\n');
        all.push_str(child["message"].as_str().unwrap_or_default());
    }
    all
}
