//! Cyclic redundancy checks of any width up to 64 bits, by tables that are
//! built at compile time.

/// What tells one CRC from another: the parameters of the usual catalogues.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::{Crc, CrcParams};
///
/// // CRC-16/X-25.
/// static X25: Crc<u16> = Crc::<u16>::new(CrcParams {
///     width: 16, poly: 0x1021, init: 0xFFFF, refin: true, refout: true, xorout: 0xFFFF,
/// });
/// assert_eq!(X25.compute(b"123456789"), 0x906E);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrcParams {
    /// Bits of the check.
    pub width: u32,
    /// The polynomial without its highest term.
    pub poly: u64,
    /// The register before the first byte.
    pub init: u64,
    /// Whether bytes go in with their lowest bit first.
    pub refin: bool,
    /// Whether the register is mirrored at the end.
    pub refout: bool,
    /// What the register is combined with at the end.
    pub xorout: u64,
}

/// A CRC and its tables. `R` is the register: `u16` for up to 16 bits, `u32` for up to
/// 32 bits, `u64` for more.
#[derive(Clone, Debug)]
pub struct Crc<R: Register> {
    params: CrcParams,
    /// The register before the first byte.
    start: R,
    /// What a byte does to the register when so many more bytes follow it: as many
    /// bytes take as many look-ups that do not wait for each other.
    tables: R::Tables,
}

/// The integer that a CRC is computed in: `u16`, `u32` or `u64`.
pub trait Register: sealed::Sealed + Copy {
    #[doc(hidden)]
    type Tables: Clone + core::fmt::Debug;
}

mod sealed {
    pub trait Sealed {}
}

/// The lowest `width` bits of `value`, the last one first.
const fn mirrored(value: u64, width: u32) -> u64 {
    value.reverse_bits() >> (64 - width)
}

macro_rules! register {
    // As many tables as take 8 KiB or, of the widest, twice that.
    ($int:ty, $bits:literal, $tables:literal) => {
        impl sealed::Sealed for $int {}

        impl Register for $int {
            type Tables = [[$int; 256]; $tables];
        }

        impl Crc<$int> {
            /// Builds the tables; meant for a `static`.
            ///
            /// # Panics
            ///
            /// If `width` is 0 or more than the register has.
            #[must_use]
            pub const fn new(params: CrcParams) -> Self {
                assert!(
                    params.width > 0 && params.width <= $bits,
                    "the width of a CRC is 1 to that of its register"
                );
                let mut tables = [[0; 256]; $tables];
                let mut byte = 0;
                while byte < 256 {
                    // A register that goes left lies against its upper end, one
                    // that goes right against its lower: then the width of the
                    // check makes no difference to the loop.
                    tables[0][byte] = if params.refin {
                        let poly = mirrored(params.poly, params.width) as $int;
                        let mut register = byte as $int;
                        let mut bit = 0;
                        while bit < 8 {
                            register = if register & 1 == 1 { register >> 1 ^ poly } else { register >> 1 };
                            bit += 1;
                        }
                        register
                    } else {
                        let poly = (params.poly as $int) << ($bits - params.width);
                        let mut register = (byte as $int) << ($bits - 8);
                        let mut bit = 0;
                        while bit < 8 {
                            let high = register >> ($bits - 1) == 1;
                            register <<= 1;
                            if high {
                                register ^= poly;
                            }
                            bit += 1;
                        }
                        register
                    };
                    byte += 1;
                }
                let mut more = 1;
                while more < $tables {
                    let mut byte = 0;
                    while byte < 256 {
                        let before = tables[more - 1][byte];
                        tables[more][byte] = if params.refin {
                            before >> 8 ^ tables[0][(before & 0xFF) as usize]
                        } else {
                            before << 8 ^ tables[0][(before >> ($bits - 8)) as usize]
                        };
                        byte += 1;
                    }
                    more += 1;
                }
                Self { params, start: Self::laid(params.init, params), tables }
            }

            /// The register after a block that is no shorter than it; `first` are its
            /// bytes, the one first that the next byte meets.
            #[inline(always)]
            fn step<const N: usize>(&self, first: [u8; $bits / 8], block: &[u8; N]) -> $int {
                // By numbers: a chain of iterators stays a loop.
                let (mut next, mut at) = (0, 0);
                while at < N {
                    let byte = if at < $bits / 8 { block[at] ^ first[at] } else { block[at] };
                    next ^= self.tables[N - 1 - at][usize::from(byte)];
                    at += 1;
                }
                next
            }

            /// The CRC of `bytes`.
            #[inline]
            #[must_use]
            pub fn compute(&self, bytes: &[u8]) -> u64 {
                self.run(self.start, bytes)
            }

            /// The CRC of bytes whose CRC is `before`, and of more `bytes` behind them.
            #[must_use]
            pub fn go_on(&self, before: u64, bytes: &[u8]) -> u64 {
                let CrcParams { width, refout, xorout, .. } = self.params;
                let ordered = before ^ xorout;
                // As catalogues write it.
                let init = if refout { mirrored(ordered, width) } else { ordered };
                self.compute_from(init, bytes)
            }

            /// The CRC of `bytes` with another register to begin with, written
            /// as catalogues write `init`: for checks that are seeded.
            #[must_use]
            pub fn compute_from(&self, init: u64, bytes: &[u8]) -> u64 {
                self.run(Self::laid(init, self.params), bytes)
            }

            /// The register as it is computed in: one that goes left lies against its
            /// upper end, one that goes right against its lower, the last bit first.
            const fn laid(init: u64, params: CrcParams) -> $int {
                let CrcParams { width, refin, .. } = params;
                let init = init & (u64::MAX >> (64 - width));
                if refin { mirrored(init, width) as $int } else { (init as $int) << ($bits - width) }
            }

            fn run(&self, start: $int, bytes: &[u8]) -> u64 {
                let CrcParams { width, refin, refout, xorout, .. } = self.params;
                let (t, mut register) = (&self.tables[0], start);
                let (blocks, mut tail) = bytes.as_chunks::<$tables>();
                let raw = if refin {
                    for block in blocks {
                        register = self.step(register.to_le_bytes(), block);
                    }
                    if $tables > 8
                        && let Some((block, rest)) = tail.split_first_chunk::<8>()
                    {
                        register = self.step(register.to_le_bytes(), block);
                        tail = rest;
                    }
                    if $bits <= 32
                        && let Some((block, rest)) = tail.split_first_chunk::<4>()
                    {
                        register = self.step(register.to_le_bytes(), block);
                        tail = rest;
                    }
                    for byte in tail {
                        register = register >> 8 ^ t[usize::from(register as u8 ^ byte)];
                    }
                    u64::from(register)
                } else {
                    for block in blocks {
                        register = self.step(register.to_be_bytes(), block);
                    }
                    if $tables > 8
                        && let Some((block, rest)) = tail.split_first_chunk::<8>()
                    {
                        register = self.step(register.to_be_bytes(), block);
                        tail = rest;
                    }
                    if $bits <= 32
                        && let Some((block, rest)) = tail.split_first_chunk::<4>()
                    {
                        register = self.step(register.to_be_bytes(), block);
                        tail = rest;
                    }
                    for byte in tail {
                        let high = (register >> ($bits - 8)) as u8;
                        register = register << 8 ^ t[usize::from(high ^ byte)];
                    }
                    u64::from(register >> ($bits - width))
                };
                let ordered = if refin == refout { raw } else { mirrored(raw, width) };
                (ordered ^ xorout) & (u64::MAX >> (64 - width))
            }
        }
    };
}

register!(u16, 16, 16);
register!(u32, 32, 8);
register!(u64, 64, 8);
