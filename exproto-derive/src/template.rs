//! Topic templates: literals and `{placeholders}`.

use syn::LitStr;

use crate::ctxt::Ctxt;

/// A piece of a template.
pub(crate) enum Piece {
    Literal(String),
    Placeholder(String, Form),
    /// A level of a filter that the topic of a message gives.
    Level(String),
}

/// How a value is written.
#[derive(Clone, Default)]
pub(crate) struct Form {
    /// Characters that it has at least; zeros are put before it.
    pub(crate) width: usize,
    /// A number in hexadecimal digits: whether they are upper case.
    pub(crate) hex: Option<bool>,
    /// What stands there if the value is missing or empty.
    pub(crate) missing: String,
}

impl Form {
    /// Whether the value stands there as it is.
    pub(crate) fn is_plain(&self) -> bool {
        self.width == 0 && self.hex.is_none() && self.missing.is_empty()
    }
}

/// The most characters that a value is filled up to.
const MAX_WIDTH: usize = 64;

/// `name:015`, `name:04X`, `name|text`, all but the name optional.
fn form(inside: &str) -> Result<(&str, Form), String> {
    let (rest, missing) = match inside.split_once('|') {
        Some((rest, missing)) => (rest, missing.trim()),
        None => (inside, ""),
    };
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if rest.len() < inside.len() && (missing.is_empty() || !missing.chars().all(plain)) {
        return Err(format!(
            "behind `|` stands what a missing value is replaced by, letters, digits, `-`, `_` and `.`: `{{{}|none}}`",
            rest.trim()
        ));
    }
    let (name, spec) = match rest.split_once(':') {
        Some((name, spec)) => (name.trim(), Some(spec.trim())),
        None => (rest.trim(), None),
    };
    let mut found = Form { missing: missing.to_string(), ..Form::default() };
    let Some(spec) = spec else { return Ok((name, found)) };
    let (digits, hex) = match spec.strip_suffix(['x', 'X']) {
        Some(digits) => (digits, Some(spec.ends_with('X'))),
        None => (spec, None),
    };
    found.hex = hex;
    let width = digits.strip_prefix('0').and_then(|width| width.parse::<usize>().ok());
    match width {
        Some(width @ 1..=MAX_WIDTH) => found.width = width,
        None if digits.is_empty() && hex.is_some() => {}
        Some(0) | None => {
            return Err(format!(
                "`{spec}` is no format: `:015` fills up with zeros to 15 characters, `:x` and `:X` are hexadecimal digits, `:04X` is both"
            ));
        }
        Some(width) => {
            return Err(format!(
                "{width} characters are more than the {MAX_WIDTH} that a value may be filled up to"
            ));
        }
    }
    Ok((name, found))
}

/// What a template is used for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// A topic to publish on.
    Topic,
    /// A filter to subscribe to.
    Filter,
    /// The filter of messages for a device.
    Deliver,
    /// Any text: client id, user name, password.
    Text,
}

/// Takes a template apart and checks what can be checked without values.
pub(crate) fn parse(literal: &LitStr, purpose: Use, ctxt: &mut Ctxt) -> Vec<Piece> {
    let text = literal.value();
    let mut pieces = Vec::new();
    let mut rest = text.as_str();
    while let Some(open) = rest.find(['{', '}']) {
        if rest[open..].starts_with('}') {
            ctxt.error(literal, "a `}` without its `{`: a placeholder is written `{field}`");
            return pieces;
        }
        if open > 0 {
            pieces.push(Piece::Literal(rest[..open].to_string()));
        }
        let Some(close) = rest[open..].find('}') else {
            ctxt.error(literal, "a `{` without its `}`: a placeholder is written `{field}`");
            return pieces;
        };
        let (name, form) = match form(&rest[open + 1..open + close]) {
            Ok(found) => found,
            Err(message) => {
                ctxt.error(literal, message);
                return pieces;
            }
        };
        let plain = |name: &str| {
            !name.is_empty()
                && name.chars().all(|c| c.is_alphanumeric() || c == '_')
                && !matches!(name, "_" | "self" | "Self" | "super" | "crate")
        };
        if let Some(level) = name.strip_prefix('+').filter(|level| plain(level) && form.is_plain()) {
            if purpose != Use::Deliver {
                ctxt.error(
                    literal,
                    format_args!("`{{+{level}}}` is a level that the topic of a message gives: it stands in the filter of a `deliver`"),
                );
                return pieces;
            }
            pieces.push(Piece::Level(level.to_string()));
            rest = &rest[open + close + 1..];
            continue;
        }
        if !name.split('.').all(plain) {
            ctxt.error(
                literal,
                format_args!(
                    "`{{{name}}}` is no placeholder: write the name of a field, such as `{{serial}}` or `{{head.serial}}`"
                ),
            );
            return pieces;
        }
        pieces.push(Piece::Placeholder(name.to_string(), form));
        rest = &rest[open + close + 1..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest.to_string()));
    }
    check(literal, &with_levels(&pieces), purpose, ctxt);
    pieces
}

/// The template with a wildcard for each level that a topic gives.
pub(crate) fn with_levels(pieces: &[Piece]) -> String {
    let texts = pieces.iter().map(|piece| match piece {
        Piece::Literal(text) => text.clone(),
        Piece::Placeholder(name, _) => format!("{{{name}}}"),
        Piece::Level(_) => "+".to_string(),
    });
    texts.collect()
}

fn check(literal: &LitStr, text: &str, purpose: Use, ctxt: &mut Ctxt) {
    if text.is_empty() {
        ctxt.error(literal, "this is empty");
        return;
    }
    if text.contains('\0') {
        ctxt.error(literal, "MQTT allows no NUL here");
    }
    match purpose {
        Use::Text => {}
        Use::Topic => {
            if let Some(wildcard) = text.chars().find(|c| matches!(c, '+' | '#')) {
                ctxt.error(
                    literal,
                    format_args!("`{wildcard}` stands only in filters: a topic to publish on names one place, for example with `{{client_id}}`"),
                );
            } else if text.starts_with("$share/") {
                ctxt.error(literal, "`$share` stands only in filters: publish on the topic behind the group");
            }
        }
        Use::Filter | Use::Deliver => filter(literal, text, ctxt),
    }
}

fn filter(literal: &LitStr, text: &str, ctxt: &mut Ctxt) {
    let mut levels: Vec<&str> = text.split('/').collect();
    if levels.first() == Some(&"$share") {
        if levels.len() < 3 || levels[1].is_empty() || levels[2..].iter().all(|level| level.is_empty()) {
            ctxt.error(literal, "a shared subscription is written `$share/GROUP/FILTER`");
            return;
        }
        levels.drain(..2);
    }
    let last = levels.len() - 1;
    for (index, level) in levels.iter().enumerate() {
        if level.contains('#') && (*level != "#" || index != last) {
            ctxt.error(literal, "`#` stands alone in the last level of a filter: `site/#`");
        }
        if level.contains('+') && *level != "+" {
            ctxt.error(literal, "`+` stands alone in a level of a filter: `site/+/up`");
        }
    }
}
