//! What a relation asks of a field further in: `count(body.items)`.

use alloc::vec::Vec;

use super::layout::Codec;
use super::schema::FieldInfo;
use super::sentence::{Message, distance, same};
use super::writer::Writer;

/// What is asked of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// How many elements or bytes it has.
    Count,
    /// How many bytes it has.
    Size,
    /// Whether it is there: 1 or 0.
    Present,
}

impl Asked {
    const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Size => "size",
            Self::Present => "present",
        }
    }
}

/// A field that can be asked, or one whose own fields can be.
#[derive(Clone, Copy, Debug)]
pub struct Inner {
    /// Its name; empty of the one value of a layout without names, whose fields are
    /// found without a name for it.
    pub name: &'static str,
    /// What it answers.
    pub answers: &'static [Asked],
    /// What is inside it.
    pub within: &'static [Self],
}

/// How many bytes a codec writes; one that refuses the value is told so where it
/// is written.
#[must_use]
pub fn encoded_size<'a, T, C: Codec<'a, T>>(codec: &C, value: &T, at: &'static FieldInfo) -> Option<u64> {
    let mut bytes = Vec::new();
    let _ = codec.encode(value, &mut Writer::new(&mut bytes), at);
    Some(bytes.len() as u64)
}

/// Fails the build where nothing of this name answers.
#[track_caller]
pub const fn check_inner(known: &[Inner], path: &[&str], asked: Asked, whole: &str) {
    if !found(known, path, asked) {
        unknown(known, path, asked, whole);
    }
}

const fn found(known: &[Inner], path: &[&str], asked: Asked) -> bool {
    let [name, further @ ..] = path else { return false };
    let mut i = 0;
    while i < known.len() {
        let one = &known[i];
        if one.name.is_empty() && found(one.within, path, asked) {
            return true;
        }
        if same(one.name, name)
            && (further.is_empty() && answers(one, asked) || found(one.within, further, asked))
        {
            return true;
        }
        i += 1;
    }
    false
}

const fn answers(one: &Inner, asked: Asked) -> bool {
    let mut i = 0;
    while i < one.answers.len() {
        if one.answers[i] as u8 == asked as u8 {
            return true;
        }
        i += 1;
    }
    false
}

#[track_caller]
const fn unknown(known: &[Inner], path: &[&str], asked: Asked, whole: &str) -> ! {
    let mut message = Message::new();
    message.add("nothing in `").add(whole).add("` that `").add(asked.name()).add("(..)` can speak of is `");
    let mut i = 0;
    while i < path.len() {
        message.add(if i > 0 { "." } else { "" }).add(path[i]);
        i += 1;
    }
    message.add("`");
    let mut near = Near { name: "", far: usize::MAX };
    if let [.., name] = path {
        nearest(known, name, asked, &mut near);
    }
    if near.name.is_empty() {
        message.add(match asked {
            Asked::Count => ": it counts a list or bytes, in whatever variant",
            Asked::Size => ": it is the size of bytes or text, in whatever variant",
            Asked::Present => ": it speaks of an `Option`, in whatever variant",
        });
    } else {
        message.add("; did you mean `").add(near.name).add("`?");
    }
    message.fail();
}

struct Near {
    name: &'static str,
    far: usize,
}

const fn nearest(known: &[Inner], name: &str, asked: Asked, near: &mut Near) {
    let mut i = 0;
    while i < known.len() {
        let one = &known[i];
        let far = distance(one.name, name);
        if answers(one, asked) && far < near.far && far <= 1 + one.name.len() / 3 {
            near.name = one.name;
            near.far = far;
        }
        nearest(one.within, name, asked, near);
        i += 1;
    }
}
