//! Elements that differ in their tags.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use super::list::List;
use crate::codec::error::{Error, ErrorKind};
use crate::codec::frame::{Halt, Walk, Walker};
use crate::codec::json::{Fill, FillError, Node};
use crate::codec::layout::{Decode, Encode, Tagged, Wire};
use crate::codec::random::Random;
use crate::codec::reader::Reader;
use crate::codec::sample::Sample;
use crate::codec::schema::FieldInfo;
use crate::codec::trace::Trace;
use crate::codec::types::Sequence;
use crate::codec::value::{Value, Visitor};
use crate::codec::writer::Writer;

static ELEMENTS: FieldInfo = FieldInfo::new("Distinct", "elements");

/// Elements of which no two have the same tag: a record that ends where a tag
/// comes again.
///
/// Takes at least one element, then all that follow, up to the first whose tag
/// was there before or that cannot be read. `T` is an enum that begins with
/// its tag. So a list of them, `List<'a, Distinct<'a, T>>`, is cut into records
/// where nothing but repetition tells them apart; a `lenient` one keeps what
/// was read of a record that breaks off. Shown as a list, and used like one: it
/// derefs to [`List`].
///
/// Written one after the other, two that have no tag in common are read as one.
/// Writing one that has a tag twice is a [`Relation`](ErrorKind::Relation) error.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{Distinct, List, from_bytes, to_bytes};
/// use exproto_runtime::ExProtoFrame;
///
/// #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
/// struct Log<'a> { #[wire(rest)] records: List<'a, Distinct<'a, Item>> }
///
/// #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
/// #[wire(tag = u8, endian = little)]
/// enum Item {
///     #[wire(tag = 0x10)] Number(u16),
///     #[wire(tag = 0x20)] Speed(u8),
/// }
///
/// let bytes = [0x10, 1, 0, 0x20, 50, 0x10, 2, 0, 0x20, 60];
/// let log = from_bytes::<Log>(&bytes).unwrap().frame;
/// let numbers: Vec<_> = log.records.iter().map(|record| record.iter().next()).collect();
/// assert_eq!(numbers, [Some(Item::Number(1)), Some(Item::Number(2))]);
/// assert_eq!(to_bytes(&log).unwrap(), bytes);
/// # }
/// ```
pub struct Distinct<'a, T: Wire>(List<'a, T>);

/// Tags that were there. Those of one byte take no memory of their own.
#[derive(Default)]
struct Seen {
    low: [u64; 4],
    high: BTreeSet<u64>,
}

impl Seen {
    /// Notes a tag; whether it is new.
    fn note(&mut self, tag: u64) -> bool {
        let Some(word) = self.low.get_mut(usize::try_from(tag / 64).unwrap_or(usize::MAX)) else {
            return self.high.insert(tag);
        };
        let bit = 1 << (tag % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}

impl<'a, T: Wire> Deref for Distinct<'a, T> {
    type Target = List<'a, T>;

    fn deref(&self) -> &List<'a, T> {
        &self.0
    }
}

impl<T: Wire + Clone> Clone for Distinct<'_, T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Wire> Default for Distinct<'_, T> {
    fn default() -> Self {
        Self(List::default())
    }
}

impl<T: Wire> From<Vec<T>> for Distinct<'_, T> {
    fn from(elements: Vec<T>) -> Self {
        Self(elements.into())
    }
}

impl<'a, T: Decode<'a> + Clone + PartialEq> PartialEq for Distinct<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<'a, T: Decode<'a> + Clone + fmt::Debug> fmt::Debug for Distinct<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Wire> Wire for Distinct<'_, T> {
    const MIN: usize = T::MIN;
    const SIZE: Option<usize> = None;
    const GREEDY: bool = T::GREEDY;
    type Ctx = T::Ctx;
}

impl<'a, I: Decode<'a> + Encode + Tagged> Decode<'a> for Distinct<'a, I> {
    fn decode<T: Trace>(r: &mut Reader<'a, T>, ctx: <I as Wire>::Ctx) -> Result<Self, Error> {
        let (mut ahead, mut seen, mut count) = (*r, Seen::default(), 0);
        while ahead.left() > 0 {
            let (before, mark) = (ahead, ahead.trace().mark());
            ahead.enter_element(count);
            match I::decode(&mut ahead, ctx) {
                Ok(element) if ahead.left() < before.left() && seen.note(element.tag()) => ahead.leave(),
                Err(error) if count == 0 => return Err(error),
                _ => {
                    ahead = before;
                    ahead.trace().rewind(mark);
                    break;
                }
            }
            count += 1;
        }
        if count == 0 {
            return Err(r.fail(ErrorKind::Short, r.offset(), &ELEMENTS, 0, 1));
        }
        let bytes = r.take(r.left() - ahead.left(), &ELEMENTS)?;
        r.absorb(ahead);
        Ok(Self(List::lying(bytes, count, ctx)))
    }
}

impl<'a, I: Decode<'a> + Encode + Tagged + Clone> Encode for Distinct<'a, I> {
    fn encode(&self, w: &mut Writer<'_>, ctx: <I as Wire>::Ctx) -> Result<(), Error> {
        let mut seen = Seen::default();
        if !self.0.iter().all(|element| seen.note(element.tag())) {
            return Err(w.error(ErrorKind::Relation, w.here(), &ELEMENTS));
        }
        self.0.encode_all(w, ctx)
    }
}

impl<'a, T: Decode<'a> + Clone + Value> Value for Distinct<'a, T> {
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        self.0.show(at, v);
    }
}

impl<'f, T: Fill<'f> + Wire> Fill<'f> for Distinct<'f, T> {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        List::fill(node, at).map(Self)
    }
}

impl<C: Copy, T: Sample<C> + Wire + Tagged> Sample<C> for Distinct<'_, T> {
    fn sample(random: &mut Random, _: Option<usize>, at: &'static FieldInfo, ctx: C) -> Self {
        let mut seen = Seen::default();
        let mut elements: Vec<T> = (0..4).map(|_| T::sample(random, None, at, ctx)).collect();
        elements.retain(|element| seen.note(element.tag()));
        elements.into()
    }
}

impl<X, C, T: Wire> Walk<X, C> for Distinct<'_, T> {
    type Scan = ();
    const STUCK: Option<&'static str> = Some(
        "nothing says where this frame ends: a `Distinct` goes on until a tag comes again; give the list a `size`",
    );

    fn walk((): &mut (), _: &mut Walker<'_>, _: C) -> Result<(), Halt> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn tags_of_any_size_are_noted() {
        let mut seen = Seen::default();
        let tags = [0, 63, 64, 255, 256, u64::MAX];
        assert!(tags.iter().all(|tag| seen.note(*tag)));
        assert!(!tags.iter().any(|tag| seen.note(*tag)));
    }
}
