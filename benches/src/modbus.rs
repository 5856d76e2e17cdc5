//! Short requests and responses: Modbus/TCP.
//!
//! Requests and responses are two types, because nothing in a frame tells which
//! it is. Code by hand and the parsers of winnow make the values that are
//! declared for exproto.

use std::hint::black_box;

use exproto_runtime::codec;

use crate::cases::{Case, Work};
use crate::input::frames;
use crate::rounds::{encoding, ok, some, work};

pub mod counted;
pub mod hand;
pub mod ours;
pub mod with_winnow;

const FILE: &str = include_str!("../../tests/captures/modbus/bench_tcp.hexl");

/// The measurements: `ask` is what a master sends, `answer` what a device does;
/// `answer-ref` leaves registers where they lie, `answer-walk` reads each once.
pub const CASES: &[Case] = &[
    Case { task: "ask-decode", peer: "hand", prepare: || decode(asks, hand::ask) },
    Case {
        task: "ask-decode",
        peer: "ours",
        prepare: || work(asks(), |wire| ok(&codec::decode::<ours::Ask>(wire))),
    },
    Case { task: "ask-decode", peer: "winnow", prepare: || decode(asks, with_winnow::ask) },
    Case { task: "ask-decode", peer: "binrw", prepare: || decode(asks, counted::Ask::parse_binrw) },
    Case { task: "ask-decode", peer: "deku", prepare: || decode(asks, counted::Ask::parse_deku) },
    Case { task: "answer-decode", peer: "hand", prepare: || decode(answers, hand::answer) },
    Case {
        task: "answer-decode",
        peer: "ours",
        prepare: || work(answers(), |wire| ok(&codec::decode::<ours::Answer>(wire))),
    },
    Case { task: "answer-decode", peer: "winnow", prepare: || decode(answers, with_winnow::answer) },
    Case { task: "answer-decode", peer: "binrw", prepare: || decode(answers, counted::Answer::parse_binrw) },
    Case { task: "answer-decode", peer: "deku", prepare: || decode(answers, counted::Answer::parse_deku) },
    Case {
        task: "answer-ref",
        peer: "hand",
        prepare: || work(answers(), |wire| some(&hand::answer_ref(wire))),
    },
    Case {
        task: "answer-ref",
        peer: "ours",
        prepare: || work(answers(), |wire| ok(&codec::decode::<ours::AnswerRef<'_>>(wire))),
    },
    Case { task: "answer-walk", peer: "hand", prepare: || work(answers(), walk_hand) },
    Case { task: "answer-walk", peer: "ours", prepare: || work(answers(), walk_ours) },
    Case { task: "ask-encode", peer: "hand", prepare: || encode(asks, hand::ask, hand::write_ask) },
    Case {
        task: "ask-encode",
        peer: "ours",
        prepare: || encode(asks, hand::ask, |ask, out| codec::encode::<ours::Ask>(ask, out).ok()),
    },
    Case {
        task: "ask-encode",
        peer: "binrw",
        prepare: || encode(asks, counted::Ask::parse_binrw, counted::Ask::encode_binrw),
    },
    Case {
        task: "ask-encode",
        peer: "deku",
        prepare: || encode(asks, counted::Ask::parse_deku, counted::Ask::encode_deku),
    },
    Case {
        task: "answer-encode",
        peer: "hand",
        prepare: || encode(answers, hand::answer, hand::write_answer),
    },
    Case {
        task: "answer-encode",
        peer: "ours",
        prepare: || {
            encode(answers, hand::answer, |answer, out| codec::encode::<ours::Answer>(answer, out).ok())
        },
    },
    Case {
        task: "answer-encode",
        peer: "binrw",
        prepare: || encode(answers, counted::Answer::parse_binrw, counted::Answer::encode_binrw),
    },
    Case {
        task: "answer-encode",
        peer: "deku",
        prepare: || encode(answers, counted::Answer::parse_deku, counted::Answer::encode_deku),
    },
];

/// The 128 requests.
#[must_use]
pub fn asks() -> Vec<Vec<u8>> {
    frames(FILE).into_iter().step_by(2).collect()
}

/// The 128 responses.
#[must_use]
pub fn answers() -> Vec<Vec<u8>> {
    frames(FILE).into_iter().skip(1).step_by(2).collect()
}

fn decode<V: 'static>(input: fn() -> Vec<Vec<u8>>, read: fn(&[u8]) -> Option<V>) -> Work {
    work(input(), move |wire| some(&read(wire)))
}

fn encode<V: 'static>(
    input: fn() -> Vec<Vec<u8>>,
    read: fn(&[u8]) -> Option<V>,
    write: impl Fn(&V, &mut Vec<u8>) -> Option<()> + 'static,
) -> Work {
    let values: Vec<V> = input().iter().filter_map(|wire| read(wire)).collect();
    encoding(values, move |value, out| write(value, out).is_some())
}

fn walk_hand(wire: &[u8]) -> bool {
    let Some(answer) = hand::answer_ref(wire) else { return false };
    if let hand::ResponseRef::Holding(values) | hand::ResponseRef::Input(values) = answer.pdu {
        for value in values {
            black_box(&u16::from_be_bytes(*value));
        }
    }
    true
}

fn walk_ours(wire: &[u8]) -> bool {
    let Ok(answer) = codec::decode::<ours::AnswerRef<'_>>(wire) else { return false };
    if let ours::ResponseRef::Holding(values) | ours::ResponseRef::Input(values) = &answer.frame.pdu {
        for value in values {
            black_box(&value.0);
        }
    }
    true
}
