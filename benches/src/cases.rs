//! Every measurement by name.

use std::hint::black_box;

use exproto_runtime::codec::{self, Deframer, Item, NoCtx, Protocol, RawFrame};

use crate::input::{Input, singly};
use crate::ours::{borrowed, owned};
use crate::with_binrw::{declared, matched};
use crate::{framing, hand, header, mix, modbus, report, telt, with_deku};

/// Works through all frames of the input once.
pub type Round = Box<dyn FnMut()>;

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What is done: cases of one task are compared.
    pub task: &'static str,
    /// Who does it.
    pub peer: &'static str,
    /// Prepares everything that is not measured.
    pub prepare: fn() -> Work,
}

/// What is measured.
#[allow(missing_debug_implementations)]
pub struct Work {
    /// Works through all frames once.
    pub round: Round,
    /// How many there are.
    pub frames: usize,
}

/// What is measured on location reports; the first of each task is the one that
/// others are compared with.
///
/// | task | from | to |
/// |---|---|---|
/// | `frame` | wire | payload: flags, escapes, checksum |
/// | `stream` | chunks of 1 to 1,460 bytes | payloads |
/// | `decode` | wire | owned value |
/// | `parse` | payload | owned value |
/// | `decode-ref` | wire | borrowing value, extents of the items verified |
/// | `walk-ref` | wire | the same, and each item decoded once |
/// | `bytes` | chunks of one byte | payloads |
/// | `encode` | owned value | wire, into a reused buffer |
const JT808: &[Case] = &[
    Case {
        task: "frame",
        peer: "hand",
        prepare: || jt808(|i| wire(i, |wire, scratch| framing::open(wire, scratch).is_ok())),
    },
    Case {
        task: "frame",
        peer: "ours",
        prepare: || jt808(|i| deframed(i, |raw| !black_box(raw.payload).is_empty())),
    },
    Case { task: "stream", peer: "hand", prepare: || jt808(stream_hand) },
    Case { task: "stream", peer: "ours", prepare: || jt808(stream_ours) },
    Case { task: "decode", peer: "hand", prepare: || jt808(|i| decode(i, hand::parse)) },
    Case { task: "decode", peer: "hand-checked", prepare: || jt808(|i| decode(i, hand::parse_checked)) },
    Case { task: "decode", peer: "ours", prepare: || jt808(|i| deframed(i, decode_ours)) },
    Case { task: "decode", peer: "binrw-match", prepare: || jt808(|i| decode(i, matched::Message::parse)) },
    Case { task: "decode", peer: "binrw", prepare: || jt808(|i| decode(i, declared::Message::parse)) },
    Case { task: "decode", peer: "deku", prepare: || jt808(|i| decode(i, with_deku::Message::parse)) },
    Case {
        task: "decode",
        peer: "deku-bits",
        prepare: || jt808(|i| decode(i, with_deku::BitMessage::parse)),
    },
    Case { task: "parse", peer: "hand", prepare: || jt808(|i| parse(i, hand::parse)) },
    Case { task: "parse", peer: "hand-checked", prepare: || jt808(|i| parse(i, hand::parse_checked)) },
    Case { task: "parse", peer: "ours", prepare: || jt808(parse_ours) },
    Case { task: "parse", peer: "binrw-match", prepare: || jt808(|i| parse(i, matched::Message::parse)) },
    Case { task: "parse", peer: "binrw", prepare: || jt808(|i| parse(i, declared::Message::parse)) },
    Case { task: "parse", peer: "deku", prepare: || jt808(|i| parse(i, with_deku::Message::parse)) },
    Case { task: "parse", peer: "deku-bits", prepare: || jt808(|i| parse(i, with_deku::BitMessage::parse)) },
    Case { task: "decode-ref", peer: "hand", prepare: || jt808(|i| wire(i, decode_ref)) },
    Case { task: "decode-ref", peer: "hand-checked", prepare: || jt808(|i| wire(i, decode_ref_checked)) },
    Case { task: "decode-ref", peer: "ours", prepare: || jt808(|i| deframed(i, decode_ref_ours)) },
    Case { task: "walk-ref", peer: "hand", prepare: || jt808(|i| wire(i, walk_ref)) },
    Case { task: "walk-ref", peer: "hand-checked", prepare: || jt808(|i| wire(i, walk_ref_checked)) },
    Case { task: "walk-ref", peer: "ours", prepare: || jt808(|i| deframed(i, walk_ref_ours)) },
    Case {
        task: "encode",
        peer: "hand",
        prepare: || jt808(|i| encode(i, hand::parse, hand::Message::encode)),
    },
    Case { task: "encode", peer: "ours", prepare: || jt808(encode_ours) },
    Case {
        task: "encode",
        peer: "binrw",
        prepare: || jt808(|i| encode(i, declared::Message::parse, declared::Message::encode)),
    },
    Case {
        task: "encode",
        peer: "deku",
        prepare: || jt808(|i| encode(i, with_deku::Message::parse, with_deku::Message::encode)),
    },
    Case {
        task: "encode",
        peer: "deku-bits",
        prepare: || jt808(|i| encode(i, with_deku::BitMessage::parse, with_deku::BitMessage::encode)),
    },
    Case { task: "bytes", peer: "hand", prepare: || jt808(bytes_hand) },
    Case { task: "bytes", peer: "ours", prepare: || jt808(bytes_ours) },
];

/// All measurements.
pub fn all() -> impl Iterator<Item = &'static Case> {
    [JT808, telt::CASES, report::CASES, modbus::CASES, header::CASES, mix::CASES].into_iter().flatten()
}

impl Case {
    /// The name: task and peer.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.task, self.peer)
    }

    /// The case of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        all().find(|case| case.name() == name)
    }
}

/// The location reports.
fn jt808(round: impl FnOnce(Input) -> Round) -> Work {
    let input = Input::jt808();
    let frames = input.wire.len();
    Work { round: round(input), frames }
}

/// Whole frames through `read`.
fn wire(input: Input, read: fn(&[u8], &mut Vec<u8>) -> bool) -> Round {
    let mut scratch = Vec::with_capacity(4096);
    Box::new(move || {
        for frame in &input.wire {
            assert!(read(black_box(frame), &mut scratch));
        }
    })
}

/// Whole frames through the deframer and then `each`.
fn deframed(input: Input, each: impl Fn(&RawFrame<'_>) -> bool + 'static) -> Round {
    let mut deframer = Deframer::<borrowed::Message<'_>>::new();
    let mut scratch = Vec::with_capacity(4096);
    Box::new(move || {
        for frame in &input.wire {
            let mut chunk = &black_box(frame)[..];
            let Some(Item::Frame(raw)) = deframer.next(&mut chunk, &mut scratch) else {
                panic!("not a frame")
            };
            assert!(each(&raw));
        }
    })
}

#[inline]
fn decode_ours(raw: &RawFrame<'_>) -> bool {
    let message = raw.decode::<owned::Message>();
    black_box(&message).is_ok()
}

#[inline]
fn decode_ref_ours(raw: &RawFrame<'_>) -> bool {
    let message = raw.decode::<borrowed::Message<'_>>();
    black_box(&message).is_ok()
}

#[inline]
fn walk_ref_ours(raw: &RawFrame<'_>) -> bool {
    let message = raw.decode::<borrowed::Message<'_>>();
    let Ok(message) = black_box(&message) else {
        return false;
    };
    if let borrowed::Body::Location(location) = &message.frame.body {
        for item in &location.items {
            black_box(&item);
        }
    }
    true
}

fn parse_ours(input: Input) -> Round {
    Box::new(move || {
        for payload in &input.checked {
            let message = codec::decode_unverified::<owned::Message>(black_box(payload));
            assert!(black_box(&message).is_ok());
        }
    })
}

fn encode_ours(input: Input) -> Round {
    let decode = |payload: &Vec<u8>| codec::decode::<owned::Message>(payload).ok();
    let messages: Vec<_> = input.checked.iter().filter_map(decode).collect();
    assert_eq!(messages.len(), input.checked.len());
    let mut out = Vec::with_capacity(4096);
    Box::new(move || {
        for message in &messages {
            out.clear();
            assert!(codec::encode::<owned::Message>(black_box(&message.frame), &mut out).is_ok());
            black_box(&out);
        }
    })
}

fn stream_hand(input: Input) -> Round {
    let frames = input.wire.len();
    feed(input.chunks, frames, framing::Stream::default())
}

fn bytes_hand(input: Input) -> Round {
    let frames = input.wire.len();
    feed(singly(&input.chunks), frames, framing::Stream::default())
}

fn feed(chunks: Vec<Vec<u8>>, expected: usize, mut stream: framing::Stream) -> Round {
    Box::new(move || {
        let mut frames = 0;
        for chunk in &chunks {
            stream.feed(black_box(chunk), |payload| frames += usize::from(black_box(payload).is_ok()));
        }
        assert_eq!(frames, expected);
    })
}

fn stream_ours(input: Input) -> Round {
    let frames = input.wire.len();
    deframe::<borrowed::Message<'_>>(input.chunks, frames)
}

fn bytes_ours(input: Input) -> Round {
    let frames = input.wire.len();
    deframe::<borrowed::Message<'_>>(singly(&input.chunks), frames)
}

/// Chunks through a deframer of ours.
pub(crate) fn deframe<P: Protocol<Ctx: NoCtx> + 'static>(chunks: Vec<Vec<u8>>, expected: usize) -> Round {
    let mut deframer = Deframer::<P>::new();
    let mut scratch = Vec::with_capacity(4096);
    Box::new(move || {
        let mut frames = 0;
        for chunk in &chunks {
            let mut chunk = &black_box(chunk)[..];
            while let Some(item) = deframer.next(&mut chunk, &mut scratch) {
                frames += usize::from(matches!(black_box(&item), Item::Frame(_)));
            }
        }
        assert_eq!(frames, expected);
    })
}

#[inline]
fn decode_ref(wire: &[u8], scratch: &mut Vec<u8>) -> bool {
    black_box(&hand::decode_ref(wire, scratch)).is_ok()
}

#[inline]
fn decode_ref_checked(wire: &[u8], scratch: &mut Vec<u8>) -> bool {
    black_box(&hand::decode_ref_checked(wire, scratch)).is_ok()
}

#[inline]
fn walk_ref(wire: &[u8], scratch: &mut Vec<u8>) -> bool {
    let message = hand::decode_ref(wire, scratch);
    black_box(&message).as_ref().is_ok_and(walk)
}

#[inline]
fn walk_ref_checked(wire: &[u8], scratch: &mut Vec<u8>) -> bool {
    let message = hand::decode_ref_checked(wire, scratch);
    black_box(&message).as_ref().is_ok_and(|(message, _)| walk(message))
}

#[inline]
fn walk(message: &hand::MessageRef<'_>) -> bool {
    if let hand::BodyRef::Location { items, .. } = message.body {
        for item in items {
            black_box(&item);
        }
    }
    true
}

/// Whole frames to values, framing included.
fn decode<M: 'static, E: 'static>(input: Input, read: impl Fn(&[u8]) -> Result<M, E> + 'static) -> Round {
    let mut scratch = Vec::with_capacity(4096);
    Box::new(move || {
        for frame in &input.wire {
            let Ok(payload) = framing::open(black_box(frame), &mut scratch) else { panic!("not a frame") };
            let message = read(payload);
            assert!(black_box(&message).is_ok());
        }
    })
}

/// Payloads to values.
fn parse<M: 'static, E: 'static>(input: Input, read: impl Fn(&[u8]) -> Result<M, E> + 'static) -> Round {
    Box::new(move || {
        for payload in &input.payloads {
            let message = read(black_box(payload));
            assert!(black_box(&message).is_ok());
        }
    })
}

/// Values to whole frames.
fn encode<M: 'static, E: 'static>(
    input: Input,
    read: impl Fn(&[u8]) -> Result<M, E>,
    write: impl Fn(&M, &mut Vec<u8>) -> Result<(), E> + 'static,
) -> Round {
    let messages: Vec<M> = input.payloads.iter().filter_map(|payload| read(payload).ok()).collect();
    assert_eq!(messages.len(), input.payloads.len());
    let mut out = Vec::with_capacity(4096);
    Box::new(move || {
        for message in &messages {
            out.clear();
            assert!(write(black_box(message), &mut out).is_ok());
            black_box(&out);
        }
    })
}
