//! The frames that are measured.

use crate::framing;

const JT808: &str = include_str!("../../tests/captures/jt808/bench_0200.hexl");

/// Frames as they stand on the wire, and what is inside of them.
#[derive(Clone, Debug)]
pub struct Input {
    /// Whole frames, flags and escapes included.
    pub wire: Vec<Vec<u8>>,
    /// Header and body, without escapes and checksum.
    pub payloads: Vec<Vec<u8>>,
    /// The payloads with their checksum.
    pub checked: Vec<Vec<u8>>,
    /// All frames one after the other, cut where a network might have.
    pub chunks: Vec<Vec<u8>>,
}

impl Input {
    /// The 256 location reports.
    ///
    /// # Panics
    ///
    /// When the file that was compiled in is damaged.
    #[must_use]
    pub fn jt808() -> Self {
        let wire: Vec<Vec<u8>> = frames(JT808);
        let payloads: Vec<Vec<u8>> = wire
            .iter()
            .map(|frame| {
                let mut scratch = Vec::new();
                framing::open(frame, &mut scratch).expect("a whole frame").to_vec()
            })
            .collect();
        let checked = payloads
            .iter()
            .map(|payload| {
                let mut checked = payload.clone();
                checked.push(framing::xor(payload));
                checked
            })
            .collect();
        let chunks = cut(&wire.concat());
        Self { wire, payloads, checked, chunks }
    }
}

/// The frames of a file, one a line.
pub(crate) fn frames(file: &str) -> Vec<Vec<u8>> {
    file.lines().map(hex).collect()
}

/// The same bytes one by one.
pub(crate) fn singly(chunks: &[Vec<u8>]) -> Vec<Vec<u8>> {
    chunks.iter().flatten().map(|byte| vec![*byte]).collect()
}

fn hex(line: &str) -> Vec<u8> {
    line.as_bytes()
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("hex is ASCII");
            u8::from_str_radix(pair, 16).expect("two hex digits")
        })
        .collect()
}

/// Cuts into chunks of 1 to 1,460 bytes, the same in each run.
pub(crate) fn cut(mut stream: &[u8]) -> Vec<Vec<u8>> {
    let mut chunks = Vec::new();
    let mut state: u32 = 0x2545_F491;
    while !stream.is_empty() {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let len = 1 + state as usize % 1460;
        let (chunk, rest) = stream.split_at(len.min(stream.len()));
        chunks.push(chunk.to_vec());
        stream = rest;
    }
    chunks
}
