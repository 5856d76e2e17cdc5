//! A strict, bounded JSON parser.
//!
//! A parser of its own, because the usual ones turn numbers into floats, and
//! a downlink's `22.589078` has to become the integer 22589078 exactly.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::fill::FillError;
use super::node::{Kind, Node, clip};

pub(super) fn parse(payload: &[u8]) -> Result<Node, FillError> {
    if payload.len() > Node::MAX_BYTES {
        return Err(FillError::new(format!(
            "the payload has {} bytes, more than the {} that are parsed",
            payload.len(),
            Node::MAX_BYTES
        )));
    }
    whole(payload, Node::MAX_NODES)
}

/// Whether the bytes are one JSON value.
#[cfg(feature = "cli")]
pub(crate) fn is_json(bytes: &[u8]) -> bool {
    whole(bytes, usize::MAX).is_ok()
}

fn whole(payload: &[u8], nodes: usize) -> Result<Node, FillError> {
    let Ok(text) = core::str::from_utf8(payload) else {
        return Err(FillError::new("the payload is no JSON: it is not UTF-8"));
    };
    let mut parser = Parser { text, at: 0, nodes };
    let node = parser.value(Node::MAX_DEPTH)?;
    parser.blanks();
    if parser.at < text.len() {
        return Err(parser.error("something follows the value"));
    }
    Ok(node)
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    /// How many more values there may be.
    nodes: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn error(&self, what: &str) -> FillError {
        FillError::new(format!(
            "the payload is no JSON: {what} at byte {}",
            self.at
        ))
    }

    fn value(&mut self, depth: usize) -> Result<Node, FillError> {
        self.blanks();
        self.nodes = self.nodes.checked_sub(1).ok_or_else(|| {
            FillError::new(format!(
                "the payload has more than {} values",
                Node::MAX_NODES
            ))
        })?;
        let kind = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Kind::Text(self.string()?.into_boxed_str()),
            Some(b'-' | b'0'..=b'9') => Kind::Number(self.number()?.into()),
            Some(b't') => self.word("true", Kind::Bool(true))?,
            Some(b'f') => self.word("false", Kind::Bool(false))?,
            Some(b'n') => self.word("null", Kind::Null)?,
            Some(_) => return Err(self.error("no value can begin")),
            None => return Err(self.error("a value is missing")),
        };
        Ok(Node::new(kind))
    }

    fn deeper(&self, depth: usize) -> Result<usize, FillError> {
        depth.checked_sub(1).ok_or_else(|| {
            FillError::new(format!(
                "the payload is nested more than {} deep at byte {}",
                Node::MAX_DEPTH,
                self.at
            ))
        })
    }

    fn object(&mut self, depth: usize) -> Result<Kind, FillError> {
        let depth = self.deeper(depth)?;
        self.at += 1;
        let mut members: Vec<(Box<str>, Node)> = Vec::new();
        self.blanks();
        if self.eat(b'}') {
            return Ok(Kind::Object(members));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.error("a key in quotes is missing"));
            }
            let key = self.string()?;
            self.blanks();
            if !self.eat(b':') {
                return Err(self.error("`:` is missing"));
            }
            let value = self.value(depth).map_err(|error| error.within(&key))?;
            members.push((key.into_boxed_str(), value));
            self.blanks();
            if self.eat(b'}') {
                break;
            }
            if !self.eat(b',') {
                return Err(self.error("`,` or `}` is missing"));
            }
        }
        // Sorted for the search alone: a quadratic one would let a payload of
        // many keys cost minutes.
        let mut keys: Vec<&str> = members.iter().map(|(key, _)| &**key).collect();
        keys.sort_unstable();
        match keys.windows(2).find(|pair| pair.first() == pair.last()) {
            Some(pair) => {
                let key = pair.first().copied().unwrap_or_default();
                Err(FillError::new(format!(
                    "the key \"{}\" stands there twice",
                    clip(key)
                )))
            }
            None => Ok(Kind::Object(members)),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Kind, FillError> {
        let depth = self.deeper(depth)?;
        self.at += 1;
        let mut list = Vec::new();
        self.blanks();
        if self.eat(b']') {
            return Ok(Kind::List(list));
        }
        loop {
            list.push(
                self.value(depth)
                    .map_err(|error| error.within_element(list.len()))?,
            );
            self.blanks();
            if self.eat(b']') {
                return Ok(Kind::List(list));
            }
            if !self.eat(b',') {
                return Err(self.error("`,` or `]` is missing"));
            }
        }
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<Kind, FillError> {
        if self
            .text
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(word))
        {
            self.at += word.len();
            return Ok(kind);
        }
        Err(self.error("no value can begin"))
    }

    fn digits(&mut self) -> bool {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.at > start
    }

    fn number(&mut self) -> Result<&'t str, FillError> {
        let start = self.at;
        self.eat(b'-');
        // A leading zero stands alone.
        if !self.eat(b'0') && !self.digits() {
            return Err(self.error("a digit is missing"));
        }
        if self.eat(b'.') && !self.digits() {
            return Err(self.error("a digit is missing"));
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            if !self.digits() {
                return Err(self.error("a digit is missing"));
            }
        }
        Ok(self.text.get(start..self.at).unwrap_or(""))
    }

    fn string(&mut self) -> Result<String, FillError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or("");
            let Some(plain) = rest
                .bytes()
                .position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\')
            else {
                self.at = self.text.len();
                return Err(self.error("the closing quote is missing"));
            };
            out.push_str(rest.get(..plain).unwrap_or(""));
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(self.error("a control character stands in a text")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, FillError> {
        self.at += 1;
        let code = self.peek();
        self.at += 1;
        Ok(match code {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => {
                self.at -= 1;
                return Err(self.error("no such escape"));
            }
        })
    }

    fn unicode(&mut self) -> Result<char, FillError> {
        let first = self.code_unit()?;
        let code = match first {
            // The first half of a pair needs the second.
            0xD800..=0xDBFF => {
                if !(self.eat(b'\\') && self.eat(b'u')) {
                    return Err(self.error("half of a surrogate pair stands alone"));
                }
                let second = self.code_unit()?;
                match second {
                    0xDC00..=0xDFFF => 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00),
                    _ => return Err(self.error("half of a surrogate pair stands alone")),
                }
            }
            code => code,
        };
        char::from_u32(code).ok_or_else(|| self.error("half of a surrogate pair stands alone"))
    }

    fn code_unit(&mut self) -> Result<u32, FillError> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.error("four hex digits are needed after \\u"));
            };
            value = value << 4 | digit;
            self.at += 1;
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::string::ToString;

    use super::*;

    fn same(node: &Node, value: &serde_json::Value) -> bool {
        use serde_json::Value as V;
        match (&node.kind, value) {
            (Kind::Null, V::Null) => true,
            (Kind::Bool(a), V::Bool(b)) => a == b,
            (Kind::Number(a), V::Number(b)) => {
                let (a, b) = (a.parse::<f64>().unwrap(), b.as_f64().unwrap());
                // serde_json trades the last bit for speed.
                (a - b).abs() <= a.abs() * 1e-15
            }
            (Kind::Text(a), V::String(b)) => **a == **b,
            (Kind::List(a), V::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (Kind::Object(a), V::Object(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .all(|(key, a)| b.get(&**key).is_some_and(|b| same(a, b)))
            }
            _ => false,
        }
    }

    fn agree(text: &[u8]) {
        let ours = Node::parse(text);
        let theirs = serde_json::from_slice::<serde_json::Value>(text);
        let shown = String::from_utf8_lossy(text);
        match (&ours, &theirs) {
            (Ok(node), Ok(value)) => assert!(same(node, value), "{shown}"),
            (Err(_), Err(_)) => {}
            // Ours has no floats to overflow, theirs takes the last of two keys.
            (Ok(_), Err(error)) => assert!(
                error.to_string().contains("out of range"),
                "{shown}: {error}"
            ),
            (Err(error), Ok(_)) => assert!(error.to_string().contains("twice"), "{shown}: {error}"),
        }
    }

    const TEXTS: &[&str] = &[
        "null",
        " true ",
        "false",
        "nul",
        "truex",
        "0",
        "-0",
        "00",
        "01",
        "1.",
        ".5",
        "1.5e3",
        "1e",
        "1e+",
        "1E-2",
        "-",
        "+1",
        "1 2",
        "\"\"",
        "\"a\\u00e9\\n\\/\"",
        "\"\\ud83d\\ude9a\"",
        "\"\\ud83d\"",
        "\"\\ude9a\"",
        "\"\\ud83dx\"",
        "\"\\ud83d\\n\"",
        "\"\\ud83d\\u0041\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"abc",
        "\"a\nb\"",
        "\"é京\"",
        "[]",
        "[ ]",
        "[1,2]",
        "[1,]",
        "[,1]",
        "[1",
        "{}",
        "{ \"a\" : 1 , \"b\" : [ {} ] }",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "",
        "  ",
        "[1]]",
        "{\"a\":{\"b\":[null,true,\"x\"]}}",
        "\u{feff}1",
        "{\"lat\":22.589078,\"items\":[{\"id\":1,\"data\":\"00ff\"},{\"id\":2}]}",
    ];

    #[test]
    fn accepts_what_json_is_and_nothing_else() {
        for text in TEXTS {
            agree(text.as_bytes());
            // Every prefix and every text with one byte changed.
            for at in 0..text.len() {
                agree(&text.as_bytes()[..at]);
                for byte in b"{}[]\",:0e-.\\u \x01\xff" {
                    let mut changed = text.as_bytes().to_vec();
                    changed[at] = *byte;
                    agree(&changed);
                }
            }
        }
    }

    #[test]
    fn numbers_stay_as_written() {
        let node = Node::parse(b"[18446744073709551615, 0.10000000000000000001]").unwrap();
        let texts: Vec<_> = node
            .elements()
            .unwrap()
            .iter()
            .filter_map(Node::as_number)
            .collect();
        assert_eq!(texts, ["18446744073709551615", "0.10000000000000000001"]);
    }

    #[test]
    fn errors_say_where() {
        let error = |text: &str| Node::parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            error("{\"a\":[1,x]}"),
            "a[1]: the payload is no JSON: no value can begin at byte 8"
        );
        assert_eq!(
            error("{\"a\":1,\"a\":2}"),
            "the key \"a\" stands there twice"
        );
        assert_eq!(
            error("{\"a\":1"),
            "the payload is no JSON: `,` or `}` is missing at byte 6"
        );
    }

    #[test]
    fn size_depth_and_count_are_bounded() {
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(Node::parse(deep(Node::MAX_DEPTH).as_bytes()).is_ok());
        let error = Node::parse(deep(Node::MAX_DEPTH + 1).as_bytes()).unwrap_err();
        assert!(
            error.message().contains("nested more than 64 deep"),
            "{error}"
        );
        // Nothing on the way out takes long or grows: a path of clipped length.
        assert!(Node::parse("[".repeat(Node::MAX_BYTES).as_bytes()).is_err());

        let many = |n: usize| alloc::format!("[{}0]", "0,".repeat(n - 2));
        assert!(Node::parse(many(Node::MAX_NODES).as_bytes()).is_ok());
        let error = Node::parse(many(Node::MAX_NODES + 1).as_bytes()).unwrap_err();
        assert!(
            error.message().contains("more than 65536 values"),
            "{error}"
        );

        let long = alloc::format!("\"{}\"", "x".repeat(Node::MAX_BYTES - 2));
        assert!(Node::parse(long.as_bytes()).is_ok());
        assert!(Node::parse(alloc::format!("{long} ").as_bytes()).is_err());
    }
}
