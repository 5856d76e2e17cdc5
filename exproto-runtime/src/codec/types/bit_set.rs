//! Sets of bits whose JSON is the names of those that are set.

use core::fmt;
use core::marker::PhantomData;

use crate::codec::json::{Fill, FillError, Node};
use crate::codec::layout::Scalar;
use crate::codec::random::Random;
use crate::codec::sample::Sample;
use crate::codec::schema::FieldInfo;
use crate::codec::value::{Value, Visitor};

/// Bits with names, such as a word of alarms: in JSON the list of those that are set.
///
/// `E` names the bits, counted from the lowest: a C-like enum with `tag = u8`, whose
/// `other` variant keeps those without a name. Bits without a name are kept and shown
/// as numbers. The set stands in any integer, `as = u16`, or in `bits = N`.
///
/// A struct of bits shows each bit with `true` or `false`, and may have fields of
/// several bits; a `BitSet` is for words of which few bits are set.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{from_bytes, to_bytes, to_json, BitSet};
/// use exproto_runtime::prelude::*;
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// #[wire(endian = big)]
/// struct Report {
///     #[wire(as = u16)]
///     alarms: BitSet<Alarm>,
/// }
///
/// #[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
/// #[wire(tag = u8)]
/// enum Alarm {
///     Sos,
///     Overspeed,
///     #[wire(tag = 9)]
///     PowerCut,
///     #[wire(other)]
///     Bit(u8),
/// }
///
/// let report = from_bytes::<Report>(&[0x82, 0x02])?.frame;
/// assert!(report.alarms.has(Alarm::Overspeed) && !report.alarms.has(Alarm::Sos));
/// let mut json = Vec::new();
/// to_json(&report, &mut json);
/// assert_eq!(json, br#"{"alarms":["overspeed","power_cut",15]}"#);
/// let alarms: BitSet<Alarm> = [Alarm::Overspeed, Alarm::PowerCut, Alarm::Bit(15)].into_iter().collect();
/// assert_eq!(to_bytes(&Report { alarms })?, [0x82, 0x02]);
/// # }
/// # Ok::<(), exproto_runtime::codec::Error>(())
/// ```
pub struct BitSet<E> {
    bits: u64,
    names: PhantomData<fn() -> E>,
}

impl<E> BitSet<E> {
    /// The set of the bits that are 1 here.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self { bits, names: PhantomData }
    }

    /// The set as a number.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.bits
    }

    /// Whether no bit is set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// How many bits are set.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.bits.count_ones()
    }
}

impl<E: Scalar> BitSet<E> {
    /// Whether this bit is set.
    #[must_use]
    pub fn has(self, bit: E) -> bool {
        self.bits & mask(bit) != 0
    }

    /// Sets or clears a bit; one above the 64th changes nothing.
    pub fn set(&mut self, bit: E, on: bool) {
        if on {
            self.bits |= mask(bit);
        } else {
            self.bits &= !mask(bit);
        }
    }

    /// The bits that are set, the lowest first.
    pub fn iter(self) -> impl Iterator<Item = E> {
        numbers(self.bits).map(|bit| E::from_raw(bit))
    }
}

fn mask<E: Scalar>(bit: E) -> u64 {
    u32::try_from(bit.raw()).ok().and_then(|bit| 1_u64.checked_shl(bit)).unwrap_or(0)
}

fn numbers(bits: u64) -> impl Iterator<Item = u64> {
    (0..64).filter(move |bit| bits >> bit & 1 == 1)
}

impl<E> Clone for BitSet<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for BitSet<E> {}

impl<E> PartialEq for BitSet<E> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}

impl<E> Eq for BitSet<E> {}

impl<E> Default for BitSet<E> {
    fn default() -> Self {
        Self::from_bits(0)
    }
}

impl<E: Scalar + fmt::Debug> fmt::Debug for BitSet<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl<E: Scalar> FromIterator<E> for BitSet<E> {
    fn from_iter<I: IntoIterator<Item = E>>(bits: I) -> Self {
        Self::from_bits(bits.into_iter().fold(0, |all, bit| all | mask(bit)))
    }
}

impl<E> Scalar for BitSet<E>
where
    E: Scalar,
{
    // All bits up to the highest that has a name; an integer names any.
    const MAX_RAW: u64 = match E::MAX_RAW {
        highest @ 0..63 => (1 << (highest + 1)) - 1,
        63 => u64::MAX,
        _ => 0,
    };

    #[inline(always)]
    fn from_raw(raw: u64) -> Self {
        Self::from_bits(raw)
    }

    #[inline(always)]
    fn raw(self) -> u64 {
        self.bits
    }
}

impl<E: Scalar + Value> Value for BitSet<E> {
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        v.begin_list();
        for bit in numbers(self.bits) {
            v.element();
            match E::from_raw(bit) {
                name if name.raw() == bit => name.show(at, v),
                // The enum has no name for it, and none for those without a name.
                _ => v.uint(bit, at),
            }
        }
        v.end_list();
    }
}

impl<'f, E: Scalar + Fill<'f>> Fill<'f> for BitSet<E> {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        let node = node.ok_or_else(FillError::missing)?;
        let elements = node.elements().ok_or_else(|| node.expected("an array"))?;
        let bits = elements.iter().enumerate().map(|(index, element)| {
            let bit = E::fill(Some(element), at).and_then(|bit| {
                let known = bit.raw() < 64;
                if known { Ok(bit) } else { Err(FillError::new("bits are numbered from 0 to 63")) }
            });
            bit.map_err(|error| error.within_element(index))
        });
        bits.collect()
    }
}

impl<E: Scalar> Sample for BitSet<E> {
    fn sample(random: &mut Random, _: Option<usize>, _: &'static FieldInfo, (): ()) -> Self {
        // Bits that have names, so that it fits wherever those do.
        Self::from_bits(random.within(0..=Self::MAX_RAW))
    }
}
