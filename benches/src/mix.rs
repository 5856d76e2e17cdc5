//! Streams of what devices of a fleet send, cut into chunks of 1 to 1,460 bytes
//! and byte by byte: only finding frames is measured.
//!
//! By hand all three keep one buffer, look at frames where they lie and drop
//! what is used up once a chunk; they begin each frame anew when bytes have
//! come.

use std::hint::black_box;

use exproto_runtime::ExProtoFrame;

use crate::cases::{Case, Work, deframe};
use crate::framing;
use crate::input::{cut, frames, singly};
use crate::ours::borrowed;

const JT808: &str = include_str!("../../tests/captures/jt808/bench_mix.hexl");
const GBT32960: &str = include_str!("../../tests/captures/gbt32960/bench_mix.hexl");
const TELTONIKA: &str = include_str!("../../tests/captures/teltonika/bench_mix.hexl");

/// The envelope of GB/T 32960.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 65_560)]
#[wire(endian = big)]
#[allow(missing_docs)]
pub struct Gbt32960<'a> {
    #[wire(before(b"##"))]
    pub command: u8,
    pub response: u8,
    pub vin: [u8; 17],
    pub encryption: u8,
    #[wire(before(length: u16 = size(data)))]
    #[wire(after(check: u8 = xor(command..)))]
    pub data: &'a [u8],
}

/// The envelope of Teltonika's packets.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 8192)]
#[wire(endian = big)]
#[allow(missing_docs)]
pub struct Teltonika<'a> {
    #[wire(before(preamble: u32 = 0))]
    #[wire(before(length: u32 = size(data)))]
    #[wire(after(check: u32 = crc("CRC-16/ARC", data..)))]
    pub data: &'a [u8],
}

/// The size of the frame at the front: `None` if that has not come, an error if
/// none begins so.
type Size = fn(&[u8]) -> Option<Result<usize, ()>>;

/// A stream of frames that begin with their length, by hand.
#[derive(Debug)]
pub struct Lengths {
    buffer: Vec<u8>,
    size: Size,
    is_right: fn(&[u8]) -> bool,
}

impl Lengths {
    /// Calls `each` with every right frame that ends in `chunk`; what is none is
    /// left out byte by byte.
    #[inline]
    pub fn feed(&mut self, chunk: &[u8], mut each: impl FnMut(&[u8])) {
        self.buffer.extend_from_slice(chunk);
        let mut rest = &self.buffer[..];
        while let Some(size) = (self.size)(rest) {
            let frame = match size {
                Ok(size) if rest.len() < size => break,
                Ok(size) => rest.get(..size).filter(|frame| (self.is_right)(frame)),
                Err(()) => None,
            };
            let used = frame.map_or(1, <[u8]>::len);
            if let Some(frame) = frame {
                each(frame);
            }
            rest = rest.get(used..).unwrap_or(&[]);
        }
        let used = self.buffer.len() - rest.len();
        self.buffer.drain(..used);
    }
}

fn size_gbt(bytes: &[u8]) -> Option<Result<usize, ()>> {
    if !b"##".starts_with(bytes.get(..2).unwrap_or(bytes)) {
        return Some(Err(()));
    }
    let length = bytes.get(22..24)?;
    Some(Ok(25 + usize::from(length[0]) * 256 + usize::from(length[1])))
}

fn right_gbt(frame: &[u8]) -> bool {
    frame.split_last().is_some_and(|(check, rest)| framing::xor(rest.get(2..).unwrap_or(&[])) == *check)
}

fn size_telt(bytes: &[u8]) -> Option<Result<usize, ()>> {
    if !bytes.iter().take(4).all(|byte| *byte == 0) {
        return Some(Err(()));
    }
    let length = bytes.get(4..8)?.first_chunk()?;
    let size = (u32::from_be_bytes(*length) as usize).saturating_add(12);
    Some(if size <= 8192 { Ok(size) } else { Err(()) })
}

fn right_telt(frame: &[u8]) -> bool {
    crate::telt::hand::open(frame).is_some()
}

/// The measurements.
pub const CASES: &[Case] = &[
    Case { task: "mix-flags", peer: "hand", prepare: || flags(cut) },
    Case { task: "mix-flags", peer: "ours", prepare: || ours::<borrowed::Message<'_>>(JT808, cut) },
    Case { task: "mix-flags-bytes", peer: "hand", prepare: || flags(bytes) },
    Case { task: "mix-flags-bytes", peer: "ours", prepare: || ours::<borrowed::Message<'_>>(JT808, bytes) },
    Case { task: "mix-length", peer: "hand", prepare: || hand(GBT32960, size_gbt, right_gbt, cut) },
    Case { task: "mix-length", peer: "ours", prepare: || ours::<Gbt32960<'_>>(GBT32960, cut) },
    Case { task: "mix-length-bytes", peer: "hand", prepare: || hand(GBT32960, size_gbt, right_gbt, bytes) },
    Case { task: "mix-length-bytes", peer: "ours", prepare: || ours::<Gbt32960<'_>>(GBT32960, bytes) },
    Case { task: "mix-crc", peer: "hand", prepare: || hand(TELTONIKA, size_telt, right_telt, cut) },
    Case { task: "mix-crc", peer: "ours", prepare: || ours::<Teltonika<'_>>(TELTONIKA, cut) },
    Case { task: "mix-crc-bytes", peer: "hand", prepare: || hand(TELTONIKA, size_telt, right_telt, bytes) },
    Case { task: "mix-crc-bytes", peer: "ours", prepare: || ours::<Teltonika<'_>>(TELTONIKA, bytes) },
];

fn bytes(stream: &[u8]) -> Vec<Vec<u8>> {
    singly(&[stream.to_vec()])
}

fn ours<P: exproto_runtime::codec::Protocol<Ctx: exproto_runtime::codec::NoCtx> + 'static>(
    file: &str,
    cut: fn(&[u8]) -> Vec<Vec<u8>>,
) -> Work {
    let wire = frames(file);
    Work { round: deframe::<P>(cut(&wire.concat()), wire.len()), frames: wire.len() }
}

fn flags(cut: fn(&[u8]) -> Vec<Vec<u8>>) -> Work {
    let wire = frames(JT808);
    let (chunks, expected) = (cut(&wire.concat()), wire.len());
    let mut stream = framing::Stream::default();
    let round = move || {
        let mut frames = 0;
        for chunk in &chunks {
            stream.feed(black_box(chunk), |payload| frames += usize::from(black_box(payload).is_ok()));
        }
        assert_eq!(frames, expected);
    };
    Work { round: Box::new(round), frames: expected }
}

fn hand(file: &str, size: Size, is_right: fn(&[u8]) -> bool, cut: fn(&[u8]) -> Vec<Vec<u8>>) -> Work {
    let wire = frames(file);
    let (chunks, expected) = (cut(&wire.concat()), wire.len());
    let mut stream = Lengths { buffer: Vec::new(), size, is_right };
    let round = move || {
        let mut frames = 0;
        for chunk in &chunks {
            stream.feed(black_box(chunk), |frame| frames += usize::from(!black_box(frame).is_empty()));
        }
        assert_eq!(frames, expected);
    };
    Work { round: Box::new(round), frames: expected }
}
