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
/// static X25: Crc<u32> = Crc::<u32>::new(CrcParams {
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

/// A CRC and its tables. `R` is the register: `u32` for up to 32 bits, `u64`
/// for more.
#[derive(Clone, Debug)]
pub struct Crc<R> {
    params: CrcParams,
    /// What a byte does to the register when 0 to 7 more bytes follow it: eight
    /// bytes take eight look-ups that do not wait for each other.
    tables: [[R; 256]; 8],
}

/// The lowest `width` bits of `value`, the last one first.
const fn mirrored(value: u64, width: u32) -> u64 {
    value.reverse_bits() >> (64 - width)
}

macro_rules! register {
    ($int:ty, $bits:literal) => {
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
                let mut tables = [[0; 256]; 8];
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
                while more < 8 {
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
                Self { params, tables }
            }

            /// The CRC of `bytes`.
            #[inline]
            #[must_use]
            pub fn compute(&self, bytes: &[u8]) -> u64 {
                self.compute_from(self.params.init, bytes)
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
                let CrcParams { width, refin, refout, xorout, .. } = self.params;
                let mask = u64::MAX >> (64 - width);
                let t = &self.tables;
                let (words, tail) = bytes.as_chunks::<8>();
                let raw = if refin {
                    let mut register = mirrored(init & mask, width) as $int;
                    for word in words {
                        let [a, b, c, d, e, f, g, h] =
                            (u64::from_le_bytes(*word) ^ u64::from(register)).to_le_bytes().map(usize::from);
                        register =
                            t[7][a] ^ t[6][b] ^ t[5][c] ^ t[4][d] ^ t[3][e] ^ t[2][f] ^ t[1][g] ^ t[0][h];
                    }
                    for byte in tail {
                        register = register >> 8 ^ t[0][usize::from(register as u8 ^ byte)];
                    }
                    u64::from(register)
                } else {
                    let mut register = ((init & mask) as $int) << ($bits - width);
                    for word in words {
                        let [a, b, c, d, e, f, g, h] = (u64::from_be_bytes(*word)
                            ^ u64::from(register) << (64 - $bits))
                            .to_be_bytes()
                            .map(usize::from);
                        register =
                            t[7][a] ^ t[6][b] ^ t[5][c] ^ t[4][d] ^ t[3][e] ^ t[2][f] ^ t[1][g] ^ t[0][h];
                    }
                    for byte in tail {
                        let high = (register >> ($bits - 8)) as u8;
                        register = register << 8 ^ t[0][usize::from(high ^ byte)];
                    }
                    u64::from(register >> ($bits - width))
                };
                let ordered = if refin == refout { raw } else { mirrored(raw, width) };
                (ordered ^ xorout) & mask
            }
        }
    };
}

register!(u32, 32);
register!(u64, 64);
