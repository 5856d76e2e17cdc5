//! The session at its own interface: single events, odd orders of events,
//! random ones, and what it costs.
#![cfg(feature = "testkit")]
#![allow(clippy::unwrap_used)]

mod toy;

use std::sync::Arc;
use std::time::Duration;

use exproto_runtime::codec;
use exproto_runtime::session::{
    Action, CloseReason, ConnInfo, Event, Millis, Now, Out, Outcome, Session, SessionSettings, Ticket,
};
use exproto_runtime::testkit::{Fate, TestConn};
use toy::Toy;

const HELLO: Toy<'_> = Toy::Hello { id: 41, key: b"" };

fn wire(frame: &Toy<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode::<Toy<'_>>(frame, &mut bytes).unwrap();
    bytes
}

fn reading(serial: u8) -> Vec<u8> {
    wire(&Toy::Reading { serial, value: 1 })
}

/// A session whose driver is the test.
struct Bare {
    session: Session<Toy<'static>>,
    scratch: Vec<u8>,
    out: Out,
}

impl Bare {
    fn new(settings: SessionSettings) -> Self {
        let session = Session::new(ConnInfo::default(), Arc::new(settings));
        let mut bare = Self { session, scratch: Vec::new(), out: Out::new() };
        bare.on(0, Event::Connected);
        bare
    }

    fn logged_in(settings: SessionSettings) -> Self {
        let mut bare = Self::new(settings);
        bare.session.log_in("41");
        bare
    }

    /// The actions of one event, without timers.
    fn on(&mut self, now: Millis, event: Event<'_>) -> Vec<String> {
        self.out.clear();
        self.session.on(Now::new(now, 0), event, &mut self.scratch, &mut self.out);
        self.out
            .actions()
            .iter()
            .filter_map(|action| match action {
                Action::Send(range) => Some(format!("send {}", self.out.bytes(range).len())),
                Action::Close(reason) => Some(format!("close {reason}")),
                Action::Authenticate(Ticket(ticket), _) => Some(format!("{ticket} authenticate")),
                Action::Publish { ticket: Ticket(ticket), .. } => Some(format!("{ticket} publish")),
                Action::Subscribe { ticket: Ticket(ticket), .. } => Some(format!("{ticket} subscribe")),
                Action::Unsubscribe { ticket: Ticket(ticket), .. } => Some(format!("{ticket} unsubscribe")),
                _ => None,
            })
            .collect()
    }

    fn bytes(&mut self, bytes: &[u8]) -> Vec<String> {
        self.on(0, Event::Bytes(bytes))
    }

    fn done(&mut self, ticket: u64) -> Vec<String> {
        self.on(0, Event::Completed(Ticket(ticket), Outcome::Done))
    }
}

#[test]
fn late_unknown_and_repeated_tickets_mean_nothing() {
    let mut bare = Bare::new(SessionSettings::default());
    assert_eq!(bare.done(0), [""; 0], "before anything was asked");
    assert_eq!(bare.bytes(&wire(&HELLO)), ["0 authenticate"]);
    assert_eq!(bare.done(0), ["1 subscribe"]);
    assert_eq!(bare.done(0), [""; 0], "the ticket of the stage before");
    assert_eq!(bare.done(7), [""; 0]);
    assert_eq!(bare.done(u64::MAX), [""; 0]);
    assert_eq!(bare.done(1), ["send 5"]);
    let batch = wire(&Toy::Batch { serial: 1, values: &[1, 2] });
    assert_eq!(bare.bytes(&batch), ["2 publish", "3 publish"]);
    assert_eq!(bare.done(3), [""; 0]);
    assert_eq!(bare.done(3), [""; 0], "once only");
    assert_eq!(bare.on(0, Event::Completed(Ticket(3), Outcome::Failed("late".into()))), [""; 0]);
    assert_eq!(bare.done(2), ["send 6"]);
    assert_eq!(bare.done(2), [""; 0]);
}

#[test]
fn bytes_that_come_unwanted_are_kept_up_to_a_bound() {
    let mut settings = SessionSettings::default();
    settings.stash = 60;
    let mut bare = Bare::logged_in(settings);
    // Those that came together with the frame that waits are not unwanted.
    let mut chunk = reading(1);
    chunk.extend(wire(&Toy::Beat).repeat(10));
    assert_eq!(bare.bytes(&chunk), ["0 publish"]);
    assert!(!bare.session.wants_bytes());
    assert_eq!(bare.bytes(&wire(&Toy::Beat).repeat(2)), [""; 0]);
    assert_eq!(bare.done(0), ["send 78"], "an acknowledgement and twelve beats, in one");

    assert_eq!(bare.bytes(&reading(2)), ["1 publish"]);
    assert_eq!(bare.bytes(&[0x7E; 60]), [""; 0]);
    let closed = bare.bytes(&[0x7E]);
    assert_eq!(closed, [format!("close {}", CloseReason::Flooded)]);
    assert_eq!(bare.session.close_reason(), Some(&CloseReason::Flooded));
    assert_eq!(bare.session.take_tally().undelivered, 1);
}

#[test]
fn replies_of_one_chunk_are_sent_together() {
    let mut bare = Bare::logged_in(SessionSettings::default());
    assert_eq!(bare.bytes(&wire(&Toy::Beat).repeat(3)), ["send 18"]);
    let lost = [wire(&Toy::Beat), wire(&Toy::Riddle), wire(&Toy::Beat)].concat();
    assert_eq!(bare.bytes(&lost), ["send 12"], "a reply that was not made leaves no gap");
    let mut mixed = wire(&Toy::Beat).repeat(2);
    mixed.extend(reading(1));
    mixed.extend(wire(&Toy::Beat));
    assert_eq!(bare.bytes(&mixed), ["send 12", "0 publish"]);
    assert_eq!(bare.done(0), ["send 12"]);
}

#[test]
fn actions_of_another_event_in_the_same_list_are_left_alone() {
    let mut bare = Bare::logged_in(SessionSettings::default());
    let (beat, mut out) = (wire(&Toy::Beat), Out::new());
    for _ in 0..2 {
        bare.session.on(Now::default(), Event::Bytes(&beat), &mut bare.scratch, &mut out);
    }
    let sends: Vec<&Action> =
        out.actions().iter().filter(|action| matches!(action, Action::Send(_))).collect();
    assert_eq!(sends.len(), 2);
}

#[test]
fn nothing_happens_after_the_end() {
    let mut bare = Bare::logged_in(SessionSettings::default());
    assert_eq!(bare.bytes(&wire(&Toy::Bye)), ["send 6", "close done: bye"]);
    assert!(!bare.session.wants_bytes());
    assert_eq!(bare.bytes(&reading(1)), [""; 0]);
    assert_eq!(bare.on(0, Event::Timer), [""; 0]);
    assert_eq!(bare.on(0, Event::Message { topic: "toy/41/down/set", payload: b"1" }), [""; 0]);
    assert_eq!(bare.done(0), [""; 0]);
    assert_eq!(bare.on(0, Event::Closed), [""; 0]);
}

#[test]
fn one_timer_serves_thousands_of_frames() {
    let mut bare = Bare::logged_in(SessionSettings::default());
    let mut started = 0;
    let mut fires = Millis::MAX;
    for now in (0..100_000).step_by(10) {
        if fires <= now {
            fires = Millis::MAX;
            bare.on(now, Event::Timer);
            count(&bare.out, now, &mut started, &mut fires);
        }
        bare.on(now, Event::Bytes(&reading(1)));
        count(&bare.out, now, &mut started, &mut fires);
        bare.on(now, Event::Completed(Ticket(now / 10), Outcome::Done));
        count(&bare.out, now, &mut started, &mut fires);
    }
    assert_eq!(bare.session.take_tally().replies, 10_000);
    assert!(started < 10, "{started} timers");

    fn count(out: &Out, now: Millis, started: &mut u32, fires: &mut Millis) {
        for action in out.actions() {
            if let Action::StartTimer(time) = action {
                *started += 1;
                *fires = now + time.as_millis() as u64;
            }
        }
    }
}

#[test]
fn a_timer_that_fires_early_is_started_again() {
    let mut bare = Bare::new(SessionSettings::default());
    assert_eq!(bare.on(10, Event::Timer), [""; 0]);
    let timers: Vec<_> = bare.out.actions().iter().map(|action| format!("{action:?}")).collect();
    assert_eq!(timers, ["StartTimer(29.99s)"]);
}

#[test]
fn an_idle_session_is_small() {
    let size = size_of::<Session<Toy<'static>>>();
    let state = size_of::<toy::Meter>();
    assert!(size - state < 370, "{size} bytes, {state} of them the user's");
}

/// A generator of numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }
}

fn random_frame(dice: &mut Dice, serial: u8) -> Vec<u8> {
    let data = [serial, dice.roll(256) as u8, 0x7E, 0x7D];
    let frame = match dice.roll(14) {
        0 => HELLO,
        1 => Toy::Register { id: 41 },
        2 => Toy::Beat,
        3 => Toy::Batch { serial, values: &data },
        4 => Toy::Note { serial, name: "a" },
        5 => Toy::Answer { serial: dice.roll(4) as u8, result: 0 },
        6 => Toy::Part { key: 1, index: dice.roll(4) as u8, total: 3, data: &data },
        7 => Toy::Join { serial },
        8 => Toy::Ack { serial, result: 0 },
        9 => Toy::Riddle,
        _ => Toy::Reading { serial, value: u16::from(serial) },
    };
    let mut bytes = wire(&frame);
    if dice.roll(8) == 0 {
        let at = dice.roll(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << dice.roll(8);
    }
    bytes
}

/// Random devices, random brokers: whatever happens, what a device is told to
/// be stored has been acknowledged by the broker.
#[test]
fn acknowledged_means_published() {
    let (mut acknowledged, mut closed) = (0, 0);
    for seed in 1..=300_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut conn = TestConn::<Toy<'static>>::new();
        for serial in 1..=120_u8 {
            let frame = random_frame(&mut dice, serial);
            let (head, tail) = frame.split_at(dice.roll(frame.len() as u64) as usize);
            conn.send(head).send(tail);
            match dice.roll(40) {
                0..4 => drop(conn.pause()),
                4..8 => drop(conn.resume()),
                8..16 if conn.waiting() > 0 => drop(conn.acknowledge_next()),
                16 => drop(conn.refuse_next(0x87, "not authorized")),
                17 if dice.roll(4) == 0 => drop(conn.fail_next("lost")),
                18 => drop(conn.message("toy/41/down/set", b"5")),
                19 => drop(conn.advance(Duration::from_millis(dice.roll(20_000)))),
                _ => {}
            }
            conn.each_sent(|sent| {
                let Toy::Ack { serial: told @ 1.., result: 0 } = sent else { return };
                let payload = format!("{{\"value\":{told}}}");
                let all: Vec<_> =
                    conn.publishes().iter().filter(|publish| publish.payload == payload.as_bytes()).collect();
                // Frames of other kinds are acknowledged with the same frame.
                assert!(
                    all.is_empty() || all.iter().any(|publish| publish.fate == Fate::Acknowledged),
                    "seed {seed}: device was told that {told} is stored"
                );
                acknowledged += all.len();
            });
        }
        closed += usize::from(!conn.is_open());
    }
    assert!(acknowledged > 1_000, "{acknowledged}");
    assert!(closed > 10 && closed < 290, "{closed}");
}

#[test]
fn no_sequence_of_events_panics() {
    for seed in 1..=400_u64 {
        let mut dice = Dice(seed.wrapping_mul(0xD134_2543_DE82_EF95));
        let mut settings = SessionSettings::default();
        settings.max_bad_frames = 0;
        settings.accept_bad = dice.roll(2) == 0;
        let mut bare = Bare::new(settings);
        let mut now = 0;
        for serial in 0..100_u8 {
            now += dice.roll(3_000);
            let ticket = Ticket(dice.roll(60));
            match dice.roll(12) {
                0 => drop(bare.on(now, Event::Timer)),
                1 => drop(bare.on(now, Event::Completed(ticket, Outcome::Failed("lost".into())))),
                2 => {
                    let refused = Outcome::Refused { code: 0x87, reason: "no".into() };
                    drop(bare.on(now, Event::Completed(ticket, refused)));
                }
                3..6 => {
                    for ticket in 0..60 {
                        bare.on(now, Event::Completed(Ticket(ticket), Outcome::Done));
                    }
                }
                6 => drop(bare.on(now, Event::Message { topic: "toy/41/down/set", payload: b"7" })),
                7 => {
                    let noise: Vec<u8> = (0..dice.roll(700)).map(|_| dice.roll(256) as u8).collect();
                    bare.on(now, Event::Bytes(&noise));
                }
                8 if dice.roll(20) == 0 => drop(bare.on(now, Event::Closed)),
                _ => {
                    let frame = random_frame(&mut dice, serial);
                    bare.on(now, Event::Bytes(&frame));
                }
            }
        }
        bare.session.take_reports();
        bare.session.take_tally();
    }
}
