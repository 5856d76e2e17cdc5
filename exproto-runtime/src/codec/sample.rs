//! Made-up values of declared types, within what the layout allows: for
//! simulated devices and for tests.

use alloc::vec::Vec;

use super::random::Random;
use super::schema::FieldInfo;
use super::types::{
    Bcd, BcdTime, ByteTime, Charset, Cp56Time, Dec, DegMin, HexNum, SignMagnitude, Text, TextBuf, UnixMillis,
    UnixSeconds, Word,
};

/// A type of which random values can be made. Derived for all declared types;
/// `C` is the context that decides the layout.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::Random;
/// use exproto_runtime::ExProtoFrame;
///
/// #[derive(ExProtoFrame, Debug)]
/// #[wire(endian = big)]
/// struct Reading {
///     #[wire(range = 1..=12)]
///     month: u8,
///     value: i16,
/// }
///
/// let reading: Reading = Random::new(7).make();
/// assert!((1..=12).contains(&reading.month));
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "no random `{Self}` can be made",
    label = "this type has no `Sample`",
    note = "derive `ExProtoFrame` on it, or implement `exproto_runtime::codec::Sample`"
)]
pub trait Sample<C = ()>: Sized {
    /// Makes a value of the field `at` that takes `size` bytes, if that is
    /// given.
    fn sample(random: &mut Random, size: Option<usize>, at: &'static FieldInfo, ctx: C) -> Self;
}

impl Random {
    /// Makes a value.
    pub fn make<T: Sample>(&mut self) -> T {
        T::sample(self, None, &super::schema::UNNAMED, ())
    }
}

const POOL: usize = 1024;

/// Bytes to borrow from.
static BYTES: [u8; POOL] = {
    let mut bytes = [0; POOL];
    let mut state = 0x2545_F491_u32;
    let mut i = 0;
    while i < POOL {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes[i] = (state >> 8) as u8;
        i += 1;
    }
    bytes
};

/// Letters and digits to borrow from.
static LETTERS: [u8; POOL] = {
    const ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let mut letters = [0; POOL];
    let mut i = 0;
    while i < POOL {
        letters[i] = ALPHABET[BYTES[i] as usize % ALPHABET.len()];
        i += 1;
    }
    letters
};

/// Random bytes to borrow from.
pub(super) fn bytes(random: &mut Random, size: usize) -> &'static [u8] {
    slice(&BYTES, random, Some(size))
}

/// A random slice of a pool, `size` long or up to 12 bytes.
fn slice(pool: &'static [u8; POOL], random: &mut Random, size: Option<usize>) -> &'static [u8] {
    let size = size.unwrap_or_else(|| random.within(0..=12)).min(POOL);
    let start = random.within(0..=POOL - size);
    pool.get(start..start + size).unwrap_or(&[])
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl Sample for $int {
            fn sample(random: &mut Random, _: Option<usize>, at: &'static FieldInfo, (): ()) -> Self {
                let (low, high) = at.range.unwrap_or((i64::MIN, i64::MAX));
                let low = <$int>::try_from(low).unwrap_or(<$int>::MIN);
                let high = <$int>::try_from(high).unwrap_or(<$int>::MAX);
                random.within(low..=high)
            }
        }
    )*};
}

integers!(u8, u16, u32, u64, i8, i16, i32, i64);

impl Sample for bool {
    fn sample(random: &mut Random, _: Option<usize>, _: &'static FieldInfo, (): ()) -> Self {
        random.chance(0.5)
    }
}

impl Sample for f32 {
    fn sample(random: &mut Random, _: Option<usize>, _: &'static FieldInfo, (): ()) -> Self {
        (random.fraction() * 2000.0 - 1000.0) as Self
    }
}

impl Sample for f64 {
    fn sample(random: &mut Random, _: Option<usize>, _: &'static FieldInfo, (): ()) -> Self {
        random.fraction() * 2000.0 - 1000.0
    }
}

impl Sample for &[u8] {
    fn sample(random: &mut Random, size: Option<usize>, _: &'static FieldInfo, (): ()) -> Self {
        slice(&BYTES, random, size)
    }
}

impl Sample for Vec<u8> {
    fn sample(random: &mut Random, size: Option<usize>, _: &'static FieldInfo, (): ()) -> Self {
        slice(&BYTES, random, size).to_vec()
    }
}

impl<const N: usize> Sample for [u8; N] {
    fn sample(random: &mut Random, _: Option<usize>, _: &'static FieldInfo, (): ()) -> Self {
        core::array::from_fn(|_| random.within(0..=u8::MAX))
    }
}

impl Sample for Text<'_> {
    fn sample(random: &mut Random, size: Option<usize>, _: &'static FieldInfo, (): ()) -> Self {
        Text::new(slice(&LETTERS, random, size), Charset::Utf8)
    }
}

impl Sample for TextBuf {
    fn sample(random: &mut Random, size: Option<usize>, at: &'static FieldInfo, (): ()) -> Self {
        Text::sample(random, size, at, ()).into()
    }
}

impl<const N: usize> Sample for Bcd<N> {
    fn sample(random: &mut Random, size: Option<usize>, _: &'static FieldInfo, (): ()) -> Self {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = random.within(0..=9_u8) << 4 | random.within(0..=9_u8);
        }
        let size = size.unwrap_or(N).min(N);
        Self::from_bytes(bytes.get(..size).unwrap_or(&bytes)).unwrap_or_default()
    }
}

impl Sample for Word {
    fn sample(random: &mut Random, _: Option<usize>, at: &'static FieldInfo, (): ()) -> Self {
        Self::new(Text::sample(random, Some(3), at, ()).as_bytes()).unwrap_or_default()
    }
}

impl Sample for Dec {
    fn sample(random: &mut Random, size: Option<usize>, _: &'static FieldInfo, (): ()) -> Self {
        let size = size.unwrap_or(4).min(18);
        let mut digits = [b'0'; 18];
        for digit in &mut digits {
            *digit = random.within(b'0'..=b'9');
        }
        // Without `size` in the form that JSON gives back.
        if let Some(first) = digits.first_mut().filter(|first| **first == b'0') {
            *first = b'1';
        }
        Self::from_bytes(digits.get(..size).unwrap_or(&[])).unwrap_or_default()
    }
}

impl Sample for HexNum {
    fn sample(random: &mut Random, size: Option<usize>, _: &'static FieldInfo, (): ()) -> Self {
        let size = size.unwrap_or(8).min(16);
        let most = if size >= 16 { u64::MAX } else { (1 << (4 * size)) - 1 };
        Self::new(random.within(0..=most), size)
    }
}

impl<const DEGREES: usize> Sample for DegMin<DEGREES> {
    fn sample(random: &mut Random, _: Option<usize>, _: &'static FieldInfo, (): ()) -> Self {
        Self::from_degrees(f64::from(random.within(0..=89_999_999_u32)) / 1e6).unwrap_or_default()
    }
}

impl<const BITS: u32> Sample for SignMagnitude<BITS> {
    fn sample(random: &mut Random, _: Option<usize>, at: &'static FieldInfo, (): ()) -> Self {
        let most = ((1_u64 << (BITS - 1)) - 1).cast_signed();
        let (low, high) = at.range.unwrap_or((-most, most));
        Self::new(random.within(low.max(-most)..=high.min(most))).unwrap_or_default()
    }
}

// 2001 to 2098, so that no zone leads out of the century.
const FIRST: i64 = 978_307_200;
const LAST: i64 = 4_070_908_799;

macro_rules! times {
    ($([$($generics:tt)*] $name:ty, $from:ident, $factor:literal;)*) => {$(
        impl<$($generics)*> Sample for $name {
            fn sample(random: &mut Random, _: Option<usize>, _: &'static FieldInfo, (): ()) -> Self {
                Self::$from(random.within(FIRST * $factor..=LAST * $factor)).unwrap_or_default()
            }
        }
    )*};
}

times! {
    [const ZONE: i32, const ORDER: u32] BcdTime<ZONE, ORDER>, from_unix, 1;
    [const ZONE: i32, const ORDER: u32] ByteTime<ZONE, ORDER>, from_unix, 1;
    [const ZONE: i32] Cp56Time<ZONE>, from_unix_millis, 1000;
    [const EPOCH: i64, const ZONE: i32] UnixSeconds<EPOCH, ZONE>, from_unix, 1;
    [const EPOCH: i64, const ZONE: i32] UnixMillis<EPOCH, ZONE>, from_unix_millis, 1000;
}
