//! Payloads to nodes: serde_json reads, level by level.
//!
//! By [`RawValue`]s instead of in one go, because serde_json otherwise turns
//! numbers into floats, and a downlink's `22.589078` has to become the integer
//! 22589078 exactly. A byte is looked at once for each object or array around
//! it, which [`Node::MAX_DEPTH`] bounds.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::fmt;

use serde_core::de::{self, Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;
use serde_json::value::RawValue;

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
    let text = core::str::from_utf8(payload)
        .map_err(|error| no_json(format_args!("it is not UTF-8 from byte {} on", error.valid_up_to())))?;
    // Finds all that is wrong, and where, but for what escapes in strings mean.
    let raw = serde_json::from_str(text).map_err(|error| no_json(format_args!("{error}")))?;
    let mut budget = Budget(nodes);
    budget.take().map_err(refused)?;
    node(raw, Node::MAX_DEPTH, &mut budget)
}

fn no_json(why: fmt::Arguments<'_>) -> FillError {
    FillError::new(format!("the payload is no JSON: {why}"))
}

/// What serde_json says about a value inside the payload. It counts lines and
/// columns from the start of that value, so they are left out: the path says
/// where it is.
fn refused(error: serde_json::Error) -> FillError {
    let data = error.is_data();
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(&*text, |(what, _)| what);
    // The only such error is the one of `Budget`.
    if data { FillError::new(what) } else { no_json(format_args!("{what}")) }
}

fn node(raw: &RawValue, depth: usize, budget: &mut Budget) -> Result<Node, FillError> {
    let text = raw.get();
    Ok(Node::new(match text.as_bytes().first() {
        Some(b'{') => object(text, deeper(depth)?, budget)?,
        Some(b'[') => list(text, deeper(depth)?, budget)?,
        Some(b'"') => Kind::Text(serde_json::from_str(text).map_err(refused)?),
        Some(b't') => Kind::Bool(true),
        Some(b'f') => Kind::Bool(false),
        Some(b'n') => Kind::Null,
        _ => Kind::Number(text.into()),
    }))
}

fn deeper(depth: usize) -> Result<usize, FillError> {
    depth
        .checked_sub(1)
        .ok_or_else(|| FillError::new(format!("the payload is nested more than {} deep", Node::MAX_DEPTH)))
}

fn object(text: &str, depth: usize, budget: &mut Budget) -> Result<Kind, FillError> {
    let raw = Deserializer::from_str(text).deserialize_map(Members(budget)).map_err(refused)?;
    // Sorted for the search alone: a quadratic one would let a payload of
    // many keys cost minutes.
    let mut keys: Vec<&str> = raw.iter().map(|(key, _)| &**key).collect();
    keys.sort_unstable();
    if let Some([key, _]) = keys.array_windows().find(|[a, b]| a == b) {
        return Err(FillError::new(format!("the key \"{}\" stands there twice", clip(key))));
    }
    let members = raw.into_iter().map(|(key, value)| match node(value, depth, budget) {
        Ok(node) => Ok((key, node)),
        Err(error) => Err(error.within(&key)),
    });
    Ok(Kind::Object(members.collect::<Result<_, _>>()?))
}

fn list(text: &str, depth: usize, budget: &mut Budget) -> Result<Kind, FillError> {
    let raw = Deserializer::from_str(text).deserialize_seq(Elements(budget)).map_err(refused)?;
    let elements = raw
        .into_iter()
        .enumerate()
        .map(|(index, value)| node(value, depth, budget).map_err(|error| error.within_element(index)));
    Ok(Kind::List(elements.collect::<Result<_, _>>()?))
}

/// How many more values there may be.
struct Budget(usize);

impl Budget {
    fn take<E: de::Error>(&mut self) -> Result<(), E> {
        self.0 = self
            .0
            .checked_sub(1)
            .ok_or_else(|| E::custom(format_args!("the payload has more than {} values", Node::MAX_NODES)))?;
        Ok(())
    }
}

/// The members of an object as they stand there: a map would hide that a key
/// is there twice.
struct Members<'b>(&'b mut Budget);

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Vec<(Box<str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            self.0.take()?;
            members.push(member);
        }
        Ok(members)
    }
}

/// The elements of an array. Not read as a `Vec`, so that the bound holds
/// before they are collected.
struct Elements<'b>(&'b mut Budget);

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            self.0.take()?;
            elements.push(element);
        }
        Ok(elements)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::string::String;

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
            (Kind::List(a), V::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
            (Kind::Object(a), V::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(key, a)| b.get(&**key).is_some_and(|b| same(a, b)))
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
            (Ok(_), Err(error)) => assert!(error.to_string().contains("out of range"), "{shown}: {error}"),
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
        let texts: Vec<_> = node.elements().unwrap().iter().filter_map(Node::as_number).collect();
        assert_eq!(texts, ["18446744073709551615", "0.10000000000000000001"]);
    }

    #[test]
    fn errors_say_where() {
        let error = |text: &str| Node::parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error("{\"a\":[1,x]}"), "the payload is no JSON: expected value at line 1 column 9");
        assert_eq!(error("{\"a\":1,\"b\":3,\"a\":2}"), "the key \"a\" stands there twice");
        assert_eq!(
            error("{\"a\":1"),
            "the payload is no JSON: EOF while parsing an object at line 1 column 6"
        );
        assert_eq!(
            error(" {\"a\":[1,\n\"\\ud83d\"]}"),
            "a[1]: the payload is no JSON: unexpected end of hex escape"
        );
        assert_eq!(
            error("{\"a\":[{\"\\ude9a\":1}]}"),
            "a[0]: the payload is no JSON: lone leading surrogate in hex escape"
        );
        assert_eq!(error("{\"a\":[1,{\"b\":0,\"b\":0}]}"), "a[1]: the key \"b\" stands there twice");
        assert_eq!(
            Node::parse(b"{\"a\":\"\xB1\"}").unwrap_err().to_string(),
            "the payload is no JSON: it is not UTF-8 from byte 6 on"
        );
    }

    #[test]
    fn size_depth_and_count_are_bounded() {
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(Node::parse(deep(Node::MAX_DEPTH).as_bytes()).is_ok());
        let error = Node::parse(deep(Node::MAX_DEPTH + 1).as_bytes()).unwrap_err();
        assert!(error.message().contains("nested more than 64 deep"), "{error}");
        // Nothing on the way out takes long or grows: a path of clipped length.
        assert!(Node::parse("[".repeat(Node::MAX_BYTES).as_bytes()).is_err());

        let many = |n: usize| alloc::format!("[{}0]", "0,".repeat(n - 2));
        assert!(Node::parse(many(Node::MAX_NODES).as_bytes()).is_ok());
        let error = Node::parse(many(Node::MAX_NODES + 1).as_bytes()).unwrap_err();
        assert!(error.message().contains("more than 65536 values"), "{error}");

        let long = alloc::format!("\"{}\"", "x".repeat(Node::MAX_BYTES - 2));
        assert!(Node::parse(long.as_bytes()).is_ok());
        assert!(Node::parse(alloc::format!("{long} ").as_bytes()).is_err());
    }
}
