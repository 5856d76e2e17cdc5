//! Devices, brokers and clocks that do whatever they like.

use std::sync::Arc;
use std::time::Duration;

use exproto_runtime::codec::{Deframer, Item, decode};
use exproto_runtime::session::{
    Action, BeforeLogin, ConnInfo, Event, Now, OnRefused, Out, Outcome, Session, SessionSettings, Ticket,
    TopicPolicy, valid_filter, valid_topic,
};
use exproto_runtime::testkit::TestConn;

use super::{DOWN, Input};
use crate::common::jt808::Body;
use crate::common::{MAX, Message, PHONE, location_body, settings, unhex, v2013, v2019};

/// The ids of the messages, those that only the platform sends and one that
/// nobody knows included.
const IDS: [u16; 16] = [
    0x0001, 0x0002, 0x0003, 0x0100, 0x0102, 0x0104, 0x0200, 0x0704, 0x8001, 0x8100, 0x8103, 0x8104, 0x8300,
    0x0900, 0x0200, 0x0102,
];

/// No sequence of events makes a session panic, keep without bound, send what
/// is no frame, or answer what the broker has not got.
pub fn session(data: &[u8]) {
    let mut input = Input::new(data);
    let mode = input.byte();
    let settings = settings_of(mode);
    if mode & 0x80 == 0 {
        connection(&mut input, settings);
    } else {
        bare(&mut input, settings);
    }
}

fn settings_of(mode: u8) -> SessionSettings {
    settings(|settings| {
        settings.accept_bad = mode & 1 != 0;
        settings.max_bad_frames = if mode & 2 == 0 { 0 } else { 3 };
        settings.before_login = if mode & 4 == 0 { BeforeLogin::Drop } else { BeforeLogin::Close };
        settings.on_refused = if mode & 8 == 0 { OnRefused::Close } else { OnRefused::Keep };
        settings.topics = if mode & 16 == 0 { TopicPolicy::Refuse } else { TopicPolicy::Escape };
        settings.answers = 3;
        settings.stash = 1024;
        settings.reassembly.messages = 2;
        settings.reassembly.bytes = 2048;
    })
}

/// A frame of the device, as the input wants it.
fn device_frame(input: &mut Input<'_>, serial: u16) -> Vec<u8> {
    let form = input.byte();
    let header = if form & 1 == 0 { v2013(serial) } else { v2019(serial) };
    let header = if form & 2 == 0 {
        header
    } else {
        header.part(input.number::<1>() as u16 & 7, input.number::<1>() as u16 & 7)
    };
    let body = match form >> 2 & 3 {
        0 => location_body(&[]),
        1 => b"code".to_vec(),
        _ => {
            let len = input.byte();
            input.take(len.into()).to_vec()
        }
    };
    header.frame(IDS[usize::from(form >> 4)], &body)
}

/// A connection with all that is around it.
fn connection(input: &mut Input<'_>, settings: SessionSettings) {
    let mut conn = TestConn::<Message>::with(ConnInfo::default(), settings);
    let mut serial = 0;
    while !input.is_empty() {
        serial += 1;
        let op = input.byte();
        match op & 15 {
            0..=2 => {
                let frame = device_frame(input, serial);
                let (head, tail) = frame.split_at(usize::from(op >> 4) * frame.len() / 16);
                conn.send(head).send(tail);
            }
            3 => drop(conn.send(input.take(usize::from(op)))),
            4 => drop(conn.send(&v2013(serial).frame(0x0102, b"code"))),
            5 => drop(conn.send(&v2013(serial).frame(0x0200, &location_body(&[])))),
            6 => drop(conn.pause()),
            7 => drop(conn.resume()),
            8 | 9 if conn.waiting() > 0 => drop(conn.acknowledge_next()),
            10 => drop(conn.refuse_next(0x87, "not authorized")),
            11 if op & 16 == 0 => drop(conn.fail_next("lost")),
            11 => drop(conn.fail_all("gone")),
            12 => {
                let payload = input.byte();
                conn.message(DOWN[usize::from(op >> 4) % 3], input.take(payload.into()));
            }
            13 => drop(conn.deliver("jt808/x/down/text", br#"{"flags":1,"text":"hi"}"#)),
            14 => drop(conn.advance(Duration::from_millis(input.number::<2>() * 4))),
            15 => match op >> 4 {
                0 => drop(conn.disconnect()),
                1..=7 => drop(conn.deny_login(0x86, "bad password")),
                _ => drop(conn.allow_login()),
            },
            _ => {}
        }
        assert!(conn.take_reports().len() <= 8);
        if !conn.is_open() {
            break;
        }
    }
    conn.allow_login().resume();
    if conn.is_open() {
        assert_eq!((conn.waiting(), conn.wants_bytes()), (0, true), "{:#?}", conn.transcript());
    }
    for publish in conn.publishes() {
        assert_eq!(valid_topic(&publish.topic), Ok(()), "{publish:?}");
        assert!(publish.json().is_object(), "{publish:?}");
    }
    for (filter, _) in conn.subscriptions() {
        assert_eq!(valid_filter(filter), Ok(()), "{filter:?}");
    }
    answered_when_done(conn.transcript());
}

/// Reads in the transcript that whatever was sent while requests were out is
/// a downlink, and that the answer says how they ended.
pub fn answered_when_done(transcript: &[String]) {
    let (mut out, mut refused, mut failed) = (0_usize, false, false);
    let mut login = false;
    for line in transcript {
        if let Some(frames) = line.strip_prefix("send ") {
            assert!(!failed, "sent after an unknown end: {transcript:#?}");
            for (at, told) in told(&unhex(frames)).into_iter().enumerate() {
                let Some(result) = told else { continue };
                assert!(out == 0, "an answer before its time: {transcript:#?}");
                assert!(at > 0 || !refused || result != 0, "told that all is well: {transcript:#?}");
            }
            (refused, login) = (false, false);
        } else if let Some((what @ ("authenticate" | "publish" | "subscribe"), end)) = line.split_once(": ") {
            out -= 1;
            failed |= end.starts_with("failed");
            // A refused subscription is no fault of the device.
            refused |= end.starts_with("refused") && what != "subscribe";
            login |= what == "authenticate";
        } else if line.starts_with("close: ") {
            return;
        } else {
            assert!(!refused || out > 0 || login, "the next one before an answer: {transcript:#?}");
            out += 1;
        }
    }
}

/// The result that each answer to a device tells; `None` for downlinks.
fn told(wire: &[u8]) -> Vec<Option<u8>> {
    let (mut input, mut scratch) = (wire, Vec::new());
    let mut deframer = Deframer::<Message>::new();
    let mut told = Vec::new();
    while let Some(item) = deframer.next(&mut input, &mut scratch) {
        let Item::Frame(raw) = item else { panic!("{item:?} was sent") };
        told.push(match decode::<Message>(raw.payload).unwrap().frame.body {
            Body::PlatformAck { result, .. } => Some(result),
            // It asks the broker for nothing.
            Body::RegisterAck { .. } => Some(0),
            // Lost segments are asked for by the clock.
            Body::Resend(_) | Body::Text { .. } | Body::SetParameters { .. } | Body::QueryParameters => None,
            other => panic!("{other:?} was sent"),
        });
    }
    assert_eq!(deframer.pending(), b"", "half a frame was sent");
    told
}

/// A session whose driver ignores all rules: bytes that are not wanted, ends of
/// tickets that nobody has or that ended before, timers that were not set.
fn bare(input: &mut Input<'_>, settings: SessionSettings) {
    let stash = settings.stash;
    let mut session = Session::<Message>::new(ConnInfo::default(), Arc::new(settings));
    let (mut out, mut scratch) = (Out::new(), Vec::new());
    let (mut now, mut serial, mut tickets, mut longest) = (0, 0, 0, 0);
    session.on(Now::default(), Event::Connected, &mut scratch, &mut out);
    while !input.is_empty() {
        out.clear();
        serial += 1;
        let op = input.byte();
        let ticket = Ticket(tickets.max(u64::from(op >> 4)) - u64::from(op >> 4));
        let closed = session.close_reason().is_some();
        let mut bytes = |session: &mut Session<Message>, bytes: &[u8]| {
            longest = longest.max(bytes.len());
            session.on(Now::new(now, 0), Event::Bytes(bytes), &mut scratch, &mut out);
        };
        match op & 15 {
            0..=2 => {
                let mut frames = Vec::new();
                for _ in 0..=op >> 6 {
                    frames.extend(device_frame(input, serial));
                }
                bytes(&mut session, &frames);
            }
            3 => bytes(&mut session, input.take(usize::from(op))),
            4 => bytes(&mut session, &v2013(serial).frame(0x0102, b"code")),
            5 => bytes(
                &mut session,
                &v2013(serial).frame(0x0200, &location_body(&[])).repeat(op as usize >> 5),
            ),
            6..=9 => {
                session.on(Now::new(now, 0), Event::Completed(ticket, Outcome::Done), &mut scratch, &mut out)
            }
            10 => {
                let refused = Outcome::Refused { code: 0x87, reason: "no".into() };
                session.on(Now::new(now, 0), Event::Completed(ticket, refused), &mut scratch, &mut out);
            }
            11 => {
                let failed = Outcome::Failed("lost".into());
                session.on(Now::new(now, 0), Event::Completed(ticket, failed), &mut scratch, &mut out);
            }
            12 => {
                let len = input.byte();
                let (topic, payload) = (DOWN[usize::from(op >> 4) % 3], input.take(len.into()));
                session.on(Now::new(now, 0), Event::Message { topic, payload }, &mut scratch, &mut out);
            }
            13 => session.on(Now::new(now, 0), Event::Timer, &mut scratch, &mut out),
            14 => now += input.number::<2>(),
            _ if op == 0x5F => session.on(Now::new(now, 0), Event::Closed, &mut scratch, &mut out),
            _ => session.log_in(PHONE),
        }
        assert!(!closed || out.is_empty(), "{out:?} after the end");
        for action in out.actions() {
            let of = match action {
                Action::Send(range) => {
                    told(out.bytes(range));
                    continue;
                }
                Action::Authenticate(ticket, _)
                | Action::Publish { ticket, .. }
                | Action::Subscribe { ticket, .. }
                | Action::Unsubscribe { ticket, .. } => ticket.0,
                _ => continue,
            };
            assert_eq!(of, tickets, "tickets count up");
            tickets += 1;
        }
        // What is put aside when a frame has to wait is the rest of one event.
        let kept = session.incomplete().len();
        assert!(kept <= stash.max(MAX) + longest, "{kept} bytes kept");
        assert!(session.take_reports().len() <= 8);
        session.take_tally();
    }
}
