//! Random numbers for made-up values: small, seeded, the same on every run.

use core::ops::RangeInclusive;

/// A generator of random numbers (SplitMix64). Not for secrets.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::Random;
///
/// let mut random = Random::new(7);
/// let speed: u16 = random.within(0..=1200);
/// assert!(speed <= 1200);
/// assert_eq!(Random::new(7).within(0..=1200_u16), speed);
/// ```
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
    /// How deep it is within types that hold themselves.
    depth: u32,
    /// Whether that is enough.
    deep: bool,
    /// Whether the next body is one that nothing reads.
    unread: bool,
}

impl Random {
    /// A generator; equal seeds give equal numbers.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed, depth: 0, deep: false, unread: false }
    }

    /// Makes a value of a type that may hold itself `max` times. Some levels
    /// show how it is; with each there are several times as many values.
    #[doc(hidden)]
    pub fn nested<T>(&mut self, max: u32, make: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.deep;
        self.depth += 1;
        self.deep = self.depth >= max.min(3);
        let made = make(self);
        self.depth -= 1;
        self.deep = outer;
        made
    }

    /// Whether lists and options of declared types are to be empty.
    #[doc(hidden)]
    #[must_use]
    pub fn is_deep(&self) -> bool {
        self.deep
    }

    /// Makes a body that is kept as it came, whatever its tag: its `other` variant.
    #[doc(hidden)]
    pub fn unread<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> T {
        self.unread = true;
        let made = make(self);
        self.unread = false;
        made
    }

    /// Whether this is such a body; what is within it is none.
    #[doc(hidden)]
    pub fn take_unread(&mut self) -> bool {
        core::mem::take(&mut self.unread)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number of the range, ends included; its start if it is empty.
    pub fn within<T: Uniform>(&mut self, range: RangeInclusive<T>) -> T {
        T::within(self, &range)
    }

    /// A number from 0 up to, but without, 1.
    pub fn fraction(&mut self) -> f64 {
        // The 53 bits that a float can hold.
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.fraction() < probability
    }

    /// One of the values, `None` of none.
    pub fn one_of<'v, T>(&mut self, values: &'v [T]) -> Option<&'v T> {
        let last = values.len().checked_sub(1)?;
        values.get(self.within(0..=last))
    }
}

/// A number that [`Random::within`] can make: whole, or a float.
pub trait Uniform: Copy + sealed::Sealed {
    /// A number of the range.
    fn within(random: &mut Random, range: &RangeInclusive<Self>) -> Self;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! whole {
    ($($int:ty),*) => {$(
        impl sealed::Sealed for $int {}
        impl Uniform for $int {
            fn within(random: &mut Random, range: &RangeInclusive<Self>) -> Self {
                let (low, high) = (*range.start() as i128, *range.end() as i128);
                // At most 2^64 values. Scaling is not quite even for counts that
                // are no power of two; nobody who simulates devices can tell.
                let count = (high - low).max(0) as u128 + 1;
                let offset = (u128::from(random.bits()) * count) >> 64;
                (low + offset as i128) as Self
            }
        }
    )*};
}

whole!(u8, u16, u32, u64, usize, i8, i16, i32, i64);

macro_rules! float {
    ($($float:ty),*) => {$(
        impl sealed::Sealed for $float {}
        impl Uniform for $float {
            fn within(random: &mut Random, range: &RangeInclusive<Self>) -> Self {
                let (low, high) = (*range.start(), *range.end());
                let part = random.fraction() as $float;
                // Not by the width of the range, which may be infinite.
                let value = low * (1.0 - part) + high * part;
                // Rounding may lead out of a narrow range.
                if range.contains(&value) { value } else { low }
            }
        }
    )*};
}

float!(f32, f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_in_their_range_and_reach_both_ends() {
        let mut random = Random::new(1);
        let mut seen = [false; 4];
        for _ in 0..1000 {
            let value: i8 = random.within(-1..=2);
            seen[usize::try_from(value + 1).unwrap_or(9)] = true;
        }
        assert_eq!(seen, [true; 4]);
        for _ in 0..100 {
            assert_eq!(random.within(5..=5_u8), 5);
            let _: u64 = random.within(0..=u64::MAX);
            let _: i64 = random.within(i64::MIN..=i64::MAX);
        }
        #[allow(clippy::reversed_empty_ranges, reason = "what is tested")]
        let empty: u32 = random.within(9..=3);
        assert_eq!(empty, 9);
        assert_eq!(random.one_of::<u8>(&[]), None);
    }

    #[test]
    fn floats_stay_in_their_range_and_spread_over_it() {
        let mut random = Random::new(1);
        let mut quarters = [0; 4];
        for _ in 0..1000 {
            let value: f32 = random.within(-1.0..=1.0);
            assert!((-1.0..=1.0).contains(&value), "{value}");
            quarters[((value + 1.0) * 2.0).min(3.0) as usize] += 1;
            assert!(random.within(f64::MIN..=f64::MAX).is_finite());
            assert_eq!(random.within(0.1..=0.1_f32), 0.1);
        }
        assert!(quarters.iter().all(|count| *count > 150), "{quarters:?}");
        #[allow(clippy::reversed_empty_ranges, reason = "what is tested")]
        let empty: f64 = random.within(9.0..=3.0);
        assert_eq!(empty, 9.0);
    }

    #[test]
    fn equal_seeds_give_equal_numbers() {
        let numbers = |seed| {
            let mut random = Random::new(seed);
            [random.bits(), random.bits(), random.bits()]
        };
        assert_eq!(numbers(3), numbers(3));
        assert_ne!(numbers(3), numbers(4));
    }
}
