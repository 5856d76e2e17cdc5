//! Which bytes a layout may hold, for the compiler.

/// A set of bytes: those that a value may have on the wire.
///
/// Frames between delimiters without escapes compile only if no field may hold
/// the delimiter. Text is taken for free of delimiters, because its protocol
/// means it so and encoding refuses what is not; its set has the other bytes
/// that a character set needs.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::ByteSet;
///
/// const LETTERS: ByteSet = ByteSet::range(b'A', b'F').or(ByteSet::of(b"-+"));
/// assert!(LETTERS.has(b'C') && LETTERS.has(b'+') && !LETTERS.has(b'G'));
/// assert!(ByteSet::PACKED.has(0x19) && !ByteSet::PACKED.has(0x1A));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSet([u64; 4]);

impl ByteSet {
    /// No byte.
    pub const NONE: Self = Self([0; 4]);
    /// Any byte.
    pub const ALL: Self = Self([u64::MAX; 4]);
    /// Packed decimal, also where an `F` fills up: nibbles 0 to 9 and F.
    pub const PACKED: Self = {
        let (mut set, mut byte) = (Self::NONE, 0_u16);
        while byte < 0x100 {
            let (high, low) = (byte >> 4, byte & 15);
            if (high < 10 || high == 15) && (low < 10 || low == 15) {
                set = set.with(byte as u8);
            }
            byte += 1;
        }
        set
    };

    /// These 256 bits, the lowest of the first for byte 0.
    #[doc(hidden)]
    #[must_use]
    pub const fn of_bits(bits: [u64; 4]) -> Self {
        Self(bits)
    }

    /// These bytes.
    #[must_use]
    pub const fn of(bytes: &[u8]) -> Self {
        let (mut set, mut i) = (Self::NONE, 0);
        while i < bytes.len() {
            set = set.with(bytes[i]);
            i += 1;
        }
        set
    }

    /// The bytes from `low` to `high`, both included.
    #[must_use]
    pub const fn range(low: u8, high: u8) -> Self {
        let (mut set, mut byte) = (Self::NONE, low as u16);
        while byte <= high as u16 {
            set = set.with(byte as u8);
            byte += 1;
        }
        set
    }

    /// The bytes of both.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a | e, b | f, c | g, d | h])
    }

    /// Whether it has this byte.
    #[must_use]
    pub const fn has(self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] >> (byte & 63) & 1 == 1
    }

    /// Whether it has all of them.
    #[must_use]
    pub const fn has_all(self, bytes: &[u8]) -> bool {
        let mut i = 0;
        while i < bytes.len() {
            if !self.has(bytes[i]) {
                return false;
            }
            i += 1;
        }
        true
    }

    /// Whether it has one of them.
    #[must_use]
    pub const fn has_any(self, bytes: &[u8]) -> bool {
        let mut i = 0;
        while i < bytes.len() {
            if self.has(bytes[i]) {
                return true;
            }
            i += 1;
        }
        false
    }

    const fn with(mut self, byte: u8) -> Self {
        self.0[(byte >> 6) as usize] |= 1 << (byte & 63);
        self
    }
}
