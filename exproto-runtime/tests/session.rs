//! The session's behaviour, shown on a toy protocol through the test kit.
#![cfg(feature = "testkit")]
#![allow(clippy::unwrap_used)]

mod toy;

use std::time::Duration;

use exproto_runtime::codec;
use exproto_runtime::session::{
    BeforeLogin, CloseReason, ConnInfo, OnRefused, Report, SessionSettings, TopicPolicy,
};
use exproto_runtime::testkit::{Fate, TestConn};
use toy::Toy;

type Conn = TestConn<Toy<'static>>;

const HELLO: Toy<'_> = Toy::Hello { id: 41, key: b"secret" };

fn wire(frame: &Toy<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode::<Toy<'_>>(frame, &mut bytes).unwrap();
    bytes
}

fn stream(frames: &[Toy<'_>]) -> Vec<u8> {
    frames.iter().flat_map(wire).collect()
}

fn settings(change: impl FnOnce(&mut SessionSettings)) -> SessionSettings {
    let mut settings = SessionSettings::default();
    change(&mut settings);
    settings
}

fn connect(change: impl FnOnce(&mut SessionSettings)) -> Conn {
    Conn::with(ConnInfo::default(), settings(change))
}

fn logged_in() -> Conn {
    let mut conn = Conn::new();
    conn.send_frame(&HELLO);
    assert_eq!(conn.client_id(), "41");
    conn.take_sent();
    conn.take_tally();
    conn
}

fn reading(serial: u8) -> Toy<'static> {
    Toy::Reading { serial, value: u16::from(serial) }
}

/// The serial numbers and results of the acknowledgements sent.
fn acks(conn: &Conn) -> Vec<(u8, u8)> {
    let mut acks = Vec::new();
    conn.each_sent(|frame| {
        if let Toy::Ack { serial, result } = frame {
            acks.push((*serial, *result));
        }
    });
    acks
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A stream with all that a session meets.
fn everything() -> Vec<u8> {
    let mut damaged = wire(&reading(9));
    damaged[2] ^= 0x40;
    let mut bytes = b"\x01\x02garbage".to_vec();
    bytes.extend(stream(&[reading(1), HELLO, reading(2), Toy::Beat, Toy::Beat]));
    bytes.extend(damaged);
    bytes.extend(stream(&[
        Toy::Batch { serial: 3, values: &[7; 130] },
        Toy::Reading { serial: 4, value: 0x7D7E },
        Toy::Note { serial: 5, name: "no/levels" },
        Toy::Note { serial: 6, name: "yes" },
        Toy::Part { key: 1, index: 2, total: 2, data: &[0, 8] },
        Toy::Join { serial: 7 },
        Toy::Part { key: 1, index: 1, total: 2, data: &[2, 8] },
        Toy::Ack { serial: 1, result: 0 },
        Toy::Leave { serial: 9 },
        Toy::Noise,
        Toy::Riddle,
        Toy::Answer { serial: 9, result: 1 },
        Toy::Bye,
        reading(10),
    ]));
    bytes
}

fn transcript_of(chunks: &[&[u8]], deferred: bool) -> Vec<String> {
    let mut conn = connect(|settings| settings.max_bad_frames = 0);
    if deferred {
        conn.pause();
    }
    for chunk in chunks {
        conn.send(chunk);
    }
    while conn.waiting() > 0 {
        conn.acknowledge_next();
    }
    conn.transcript().to_vec()
}

#[test]
fn the_same_happens_however_the_bytes_are_cut_and_the_broker_answers() {
    let bytes = everything();
    let expected = transcript_of(&[&bytes], false);
    assert_eq!(expected.last().unwrap(), "close: done: bye");
    assert!(expected.contains(&"publish toy/41/up/reading qos 1 {\"value\":32126}".to_owned()));
    assert_eq!(expected.iter().filter(|line| line.starts_with("publish toy/41/up/batch")).count(), 130);
    assert!(expected.contains(&"publish toy/41/up/reading qos 1 {\"value\":8}".to_owned()), "joined");
    for deferred in [false, true] {
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(transcript_of(&single, deferred), expected, "byte by byte, deferred: {deferred}");
        for at in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(at);
            assert_eq!(transcript_of(&[head, tail], deferred), expected, "cut at {at}, deferred: {deferred}");
        }
    }
}

#[test]
fn a_reply_follows_the_acknowledgement() {
    let mut conn = logged_in();
    conn.pause().send_frame(&reading(7));
    assert_eq!(conn.publishes()[0].fate, Fate::Waiting);
    assert!(conn.sent().is_empty());
    assert!(!conn.wants_bytes());
    conn.acknowledge_next();
    assert_eq!(conn.publishes()[0].fate, Fate::Acknowledged);
    assert_eq!(acks(&conn), [(7, 0)]);
    assert!(conn.wants_bytes());
}

#[test]
fn a_reply_waits_for_all_that_its_frame_asked_for() {
    let mut conn = logged_in();
    conn.pause().send_frame(&Toy::Batch { serial: 1, values: &[1, 2, 3] });
    assert_eq!(conn.waiting(), 3);
    conn.acknowledge_next().acknowledge_next();
    assert!(conn.sent().is_empty());
    conn.acknowledge_next();
    assert_eq!(acks(&conn), [(1, 0)]);
}

#[test]
fn frames_behind_a_waiting_one_keep_their_order() {
    let mut conn = logged_in();
    conn.pause().send(&stream(&[reading(1), Toy::Beat, reading(2), reading(3)]));
    assert_eq!(conn.publishes().len(), 1, "one frame of a device is under way at a time");
    conn.acknowledge_next();
    assert_eq!(acks(&conn), [(1, 0), (0, 0)]);
    assert_eq!(conn.publishes().len(), 2);
    conn.acknowledge_next().acknowledge_next();
    assert_eq!(acks(&conn), [(1, 0), (0, 0), (2, 0), (3, 0)]);
    assert_eq!(conn.state().asked, 3);
    assert_eq!(conn.state().settled, 5, "each frame is settled once, the login too");
}

#[test]
fn the_login_is_a_barrier_before_the_other_routes() {
    let mut conn = Conn::new();
    conn.pause().send_frame(&Toy::Register { id: 41 });
    assert_eq!(conn.transcript(), ["authenticate 41"]);
    assert_eq!(conn.client_id(), "");
    conn.acknowledge_next();
    assert_eq!(conn.client_id(), "41");
    assert_eq!(
        conn.transcript()[2..],
        ["subscribe toy/41/down/set qos 1", "publish toy/41/up/register qos 1 retained {}"]
    );
    assert!(conn.sent().is_empty(), "the reply waits for the other routes");
    conn.resume();
    assert_eq!(conn.sent_kinds(), ["welcome"]);
    assert_eq!(conn.take_tally().logins, 1);
}

#[test]
fn a_refused_login_is_answered_and_nothing_else_is_done() {
    let mut conn = Conn::new();
    conn.deny_login(0x86, "bad password").send(&stream(&[Toy::Register { id: 41 }, reading(1)]));
    let mut welcome = Vec::new();
    conn.each_sent(|frame| welcome.push(format!("{frame:?}")));
    assert_eq!(welcome, ["Welcome { ok: false }"]);
    assert_eq!(conn.closed(), Some(&CloseReason::Refused("bad password".into())));
    assert!(conn.publishes().is_empty() && conn.subscriptions().is_empty());
    assert_eq!(conn.client_id(), "");
    assert_eq!(conn.take_tally().logins_refused, 1);
    let report = Report::Refused { kind: "register", reason: "bad password".into() };
    assert_eq!(conn.take_reports(), [report]);
}

#[test]
fn a_refused_device_may_try_again_if_the_settings_say_so() {
    let mut conn = connect(|settings| settings.on_refused = OnRefused::Keep);
    conn.deny_login(0x86, "bad password").send_frame(&HELLO);
    assert_eq!((conn.closed(), conn.client_id()), (None, ""));
    conn.allow_login().send_frame(&HELLO);
    assert_eq!((conn.closed(), conn.client_id()), (None, "41"));
    assert_eq!(conn.sent_kinds(), ["welcome", "welcome"]);
}

#[test]
fn a_connection_does_not_change_its_identity() {
    let mut conn = logged_in();
    conn.send_frame(&HELLO);
    assert_eq!((conn.closed(), conn.sent_kinds()), (None, vec!["welcome"]));
    conn.send_frame(&Toy::Hello { id: 42, key: b"" });
    assert_eq!(conn.client_id(), "41");
    assert!(matches!(conn.closed(), Some(CloseReason::Refused(_))));
    assert!(!conn.transcript().iter().any(|line| line.starts_with("authenticate 42")));
}

#[test]
fn a_login_whose_end_is_unknown_is_not_answered() {
    let mut conn = Conn::new();
    conn.fail_next("broker lost").send_frame(&HELLO);
    assert!(conn.sent().is_empty());
    assert_eq!(conn.closed(), Some(&CloseReason::Undelivered("broker lost".into())));
}

#[test]
fn frames_before_the_login_are_refused() {
    let mut conn = Conn::new();
    conn.send(&stream(&[reading(1), Toy::Beat, HELLO, reading(2)]));
    assert_eq!(acks(&conn), [(0, 0), (2, 0)], "a heartbeat needs no login");
    assert_eq!(conn.publishes().len(), 1);
    assert_eq!(conn.state().asked, 1, "nothing is rendered for a device that may not send");
    assert_eq!(conn.take_tally().refused, 1);

    let mut conn = connect(|settings| settings.before_login = BeforeLogin::Close);
    conn.send(&stream(&[reading(1), HELLO]));
    assert_eq!(conn.closed().unwrap().to_string(), "refused: `reading` before the login");
    assert_eq!(conn.client_id(), "");
}

#[test]
fn frames_that_only_the_platform_sends_are_ignored() {
    let mut conn = logged_in();
    conn.send(&stream(&[Toy::Ack { serial: 1, result: 0 }, Toy::Welcome { ok: true }]));
    assert!(conn.sent().is_empty() && conn.is_open());
    assert_eq!(conn.take_tally().unexpected, 2);
}

#[test]
fn a_failed_publish_closes_without_a_reply() {
    let mut conn = logged_in();
    conn.fail_next("broker lost").send(&stream(&[reading(1), Toy::Beat]));
    assert!(conn.sent().is_empty(), "the device has to send it again");
    assert_eq!(conn.closed(), Some(&CloseReason::Undelivered("broker lost".into())));
    assert_eq!(conn.take_tally().undelivered, 1);
}

#[test]
fn one_failure_in_a_batch_is_a_failure_of_all() {
    for refused_first in [false, true] {
        let mut conn = logged_in();
        conn.pause().send_frame(&Toy::Batch { serial: 1, values: &[1, 2, 3] });
        if refused_first {
            conn.refuse_next(0x87, "not authorized").fail_next("lost").acknowledge_next();
        } else {
            conn.fail_next("lost").refuse_next(0x87, "not authorized").acknowledge_next();
        }
        assert!(conn.sent().is_empty());
        assert!(matches!(conn.closed(), Some(CloseReason::Undelivered(_))));
    }
}

#[test]
fn the_route_decides_about_a_refused_publish() {
    let mut conn = logged_in();
    conn.refuse_next(0x87, "not authorized").send_frame(&reading(1));
    conn.refuse_next(0x87, "not authorized").send_frame(&Toy::Note { serial: 2, name: "x" });
    conn.send_frame(&reading(3));
    assert_eq!(acks(&conn), [(1, 1), (3, 0)], "one route replies always, the other on success");
    assert!(conn.is_open());
    assert_eq!(conn.take_tally().refused, 2);
}

#[test]
fn a_value_that_must_not_stand_in_a_topic_refuses_its_frame() {
    let mut conn = logged_in();
    conn.send_frame(&Toy::Note { serial: 1, name: "a/b" }).send_frame(&reading(2));
    assert_eq!(conn.publishes().len(), 1);
    assert_eq!(acks(&conn), [(2, 0)]);
    assert_eq!(conn.take_tally().refused, 1);
    assert_eq!(
        conn.take_reports()[0].to_string(),
        "`note` refused: the value \"a/b\" after `toy/41/up/` holds '/', which has a meaning in topics"
    );

    let mut conn = connect(|settings| settings.topics = TopicPolicy::Escape);
    conn.send_frame(&HELLO).send_frame(&Toy::Note { serial: 1, name: "a/b" });
    assert_eq!(conn.publishes()[0].topic, "toy/41/up/a%2Fb");
}

#[test]
fn nothing_is_done_of_a_frame_that_is_refused_half_way() {
    let mut conn = logged_in();
    conn.pause().send_frame(&Toy::Both { serial: 1, name: "a/b" });
    assert_eq!((conn.waiting(), conn.publishes().len()), (0, 0));
    conn.send_frame(&Toy::Both { serial: 2, name: "a" });
    conn.acknowledge_next().acknowledge_next();
    assert_eq!(acks(&conn), [(2, 0)]);
    assert_eq!(conn.take_tally().publishes, 2);
}

#[test]
fn a_refused_deliver_filter_does_not_stop_the_login() {
    let mut conn = Conn::new();
    conn.pause().send_frame(&HELLO).acknowledge_next().refuse_next(0x87, "not authorized");
    let mut frames = Vec::new();
    conn.each_sent(|frame| frames.push(format!("{frame:?}")));
    assert_eq!(frames, ["Welcome { ok: true }"]);
    assert_eq!(conn.take_tally().subscriptions_refused, 1);
    assert!(matches!(&conn.take_reports()[..], [Report::NotSubscribed { .. }]));
    assert!(!conn.message("toy/41/down/set", b"1"));
}

#[test]
fn a_failed_deliver_filter_makes_the_device_come_back() {
    let mut conn = Conn::new();
    conn.pause().send_frame(&HELLO).acknowledge_next().fail_next("broker lost");
    assert!(conn.sent().is_empty());
    assert!(matches!(conn.closed(), Some(CloseReason::Undelivered(_))));
}

#[test]
fn routes_subscribe_and_unsubscribe() {
    let mut conn = logged_in();
    conn.send_frame(&Toy::Join { serial: 1 });
    assert_eq!(conn.subscriptions().last().unwrap(), &("toy/41/extra".to_owned(), 0));
    conn.send_frame(&Toy::Leave { serial: 2 });
    assert_eq!(conn.subscriptions().len(), 1);
    assert_eq!(acks(&conn), [(1, 0), (2, 0)]);
}

#[test]
fn the_route_closes_after_its_reply() {
    let mut conn = logged_in();
    conn.send(&stream(&[Toy::Bye, Toy::Beat]));
    assert_eq!(acks(&conn), [(0, 0)], "what follows is not looked at");
    assert_eq!(conn.closed(), Some(&CloseReason::Done("bye".into())));
}

#[test]
fn a_reply_that_cannot_be_encoded_is_reported_and_leaves_no_bytes() {
    let mut conn = logged_in();
    conn.send(&stream(&[Toy::Beat, Toy::Riddle, Toy::Beat]));
    assert_eq!(acks(&conn), [(0, 0), (0, 0)]);
    assert_eq!(conn.take_tally().replies_lost, 1);
    assert!(matches!(&conn.take_reports()[..], [Report::NoReply { kind: "riddle", .. }]));
}

#[test]
fn messages_become_frames() {
    let mut conn = logged_in();
    assert!(conn.message("toy/41/down/set", b"258"));
    assert!(!conn.message("toy/42/down/set", b"258"), "the broker knows the filters");
    assert_eq!(conn.sent_frames(), [wire(&Toy::Set { serial: 0, value: 258 })[1..6].to_vec()]);
    conn.message("toy/41/down/set", b"much");
    conn.deliver("toy/42/down/set", b"1");
    let reports: Vec<String> = conn.take_reports().iter().map(ToString::to_string).collect();
    assert_eq!(
        reports,
        [
            "message on `toy/41/down/set` not delivered: the payload does not make a frame: \
             expected a number from 0 to 65535",
            "message on `toy/42/down/set` not delivered: no `deliver` route has this topic",
        ]
    );
    let tally = conn.take_tally();
    assert_eq!((tally.downlinks, tally.undeliverable), (1, 2));
}

#[test]
fn messages_do_not_wait_for_frames() {
    let mut conn = logged_in();
    conn.pause().send_frame(&reading(1));
    conn.message("toy/41/down/set", b"1");
    assert_eq!(conn.sent_kinds(), ["set"]);
}

#[test]
fn messages_before_the_login_are_dropped() {
    let mut conn = Conn::new();
    conn.deliver("toy/41/down/set", b"1");
    assert!(conn.sent().is_empty());
    assert_eq!(conn.take_tally().undeliverable, 1);
}

#[test]
fn answers_find_their_downlink_once() {
    let mut conn = logged_in();
    conn.message("toy/41/down/set", b"1");
    conn.message("toy/41/down/set", b"2");
    for serial in [1, 0, 1, 9] {
        conn.send_frame(&Toy::Answer { serial, result: serial });
    }
    let answers: Vec<&str> = conn.publishes().iter().map(|publish| publish.text()).collect();
    assert_eq!(answers, ["set 1", "set 0", "nothing 1", "nothing 9"]);
    assert_eq!(acks(&conn), [(1, 2), (0, 2), (1, 3), (9, 3)], "the reply sees it too");
    assert_eq!(conn.take_tally().answered, 2);
}

#[test]
fn downlinks_wait_for_answers_neither_for_ever_nor_without_number() {
    let mut conn = connect(|settings| settings.answers = 3);
    conn.send_frame(&HELLO);
    for _ in 0..5 {
        conn.message("toy/41/down/set", b"1");
    }
    for serial in [1, 2] {
        conn.send_frame(&Toy::Answer { serial, result: 0 });
    }
    conn.advance(seconds(60));
    conn.send_frame(&Toy::Answer { serial: 3, result: 0 });
    let answers: Vec<&str> = conn.publishes().iter().map(|publish| publish.text()).collect();
    assert_eq!(answers, ["nothing 0", "set 0", "nothing 0"]);
}

#[test]
fn segments_make_a_message_in_any_order() {
    let note = b"\x06\x05hello world";
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
        let mut conn = logged_in();
        for at in order {
            let data = note.chunks(5).nth(at).unwrap();
            conn.send_frame(&Toy::Part { key: 3, index: at as u8 + 1, total: 3, data });
        }
        assert_eq!(conn.publishes()[0].topic, "toy/41/up/hello world", "{order:?}");
        assert_eq!(acks(&conn), [(5, 0)]);
        let tally = conn.take_tally();
        assert_eq!((tally.frames, tally.segments, tally.joined), (3, 3, 1));
    }
}

#[test]
fn a_joined_message_waits_for_the_broker_like_a_frame() {
    let mut conn = logged_in();
    conn.pause();
    conn.send_frame(&Toy::Part { key: 3, index: 1, total: 2, data: &[2, 9] });
    conn.send_frame(&Toy::Part { key: 3, index: 2, total: 2, data: &[0, 1] });
    assert!(conn.sent().is_empty());
    conn.acknowledge_next();
    assert_eq!(acks(&conn), [(9, 0)]);
}

#[test]
fn missing_segments_are_given_up_in_time() {
    let mut conn = logged_in();
    conn.send_frame(&Toy::Part { key: 3, index: 1, total: 2, data: &[2, 9] });
    conn.advance(seconds(119));
    assert_eq!(conn.take_tally().segments_lost, 0);
    conn.advance(seconds(2));
    assert_eq!(conn.take_tally().segments_lost, 1);
    conn.send_frame(&Toy::Part { key: 3, index: 2, total: 2, data: &[0, 1] });
    assert!(conn.publishes().is_empty() && conn.is_open());
}

#[test]
fn unusable_segments_are_reported_and_not_fatal() {
    let mut conn = logged_in();
    conn.send_frame(&Toy::Part { key: 3, index: 0, total: 2, data: &[] });
    conn.send_frame(&Toy::Part { key: 3, index: 3, total: 2, data: &[] });
    assert_eq!(conn.take_tally().segments_lost, 2);
    assert!(matches!(&conn.take_reports()[..], [Report::Segment { kind: "part", .. }, _]));
    // What was joined is no message.
    conn.send_frame(&Toy::Part { key: 3, index: 1, total: 1, data: &[0x66] });
    let reports = conn.take_reports();
    assert!(matches!(&reports[..], [Report::BadFrame { hex, len: 1, .. }] if hex == "66"), "{reports:?}");
    conn.send_frame(&reading(1));
    assert_eq!(acks(&conn), [(1, 0)]);
}

#[test]
fn little_is_kept_of_a_device_that_has_not_logged_in() {
    let joined = |conn: &mut Conn| {
        for index in 1..=255 {
            conn.send_frame(&Toy::Part { key: 3, index, total: 255, data: &[b'x'; 300] });
        }
        let tally = conn.take_tally();
        tally.joined + tally.bad_frames
    };
    assert_eq!(joined(&mut Conn::new()), 0);
    assert_eq!(joined(&mut logged_in()), 1);
}

#[test]
fn bad_frames_are_reported_with_their_bytes() {
    let mut conn = logged_in();
    let before = wire(&HELLO).len() as u64;
    // An escape before the place of the error: offsets count on the wire.
    let mut damaged = wire(&Toy::Reading { serial: 0x7E, value: 5 });
    let check = damaged.len() - 2;
    damaged[check] ^= 1;
    conn.send(&damaged).send(b"\x7Ejunk\x7E").send_frame(&Toy::Beat);
    assert_eq!(acks(&conn), [(0, 0)]);
    assert_eq!(conn.take_tally().bad_frames, 2);
    let reports = conn.take_reports();
    let Report::BadFrame { hex, at, error, .. } = &reports[0] else { panic!("{reports:?}") };
    // The opening flag is no part of it, because neighbours may share it.
    assert_eq!((hex.as_str(), *at), ("027D020005787E", before + 1));
    let shown = usize::try_from(error.offset()).unwrap();
    assert_eq!(&hex[2 * shown..2 * shown + 2], format!("{:02X}", damaged[check]));
}

#[test]
fn errors_of_the_layout_count_on_the_wire_too() {
    let mut conn = logged_in();
    // A name that is no text, behind an escaped serial number.
    let payload = [0x06, 0x7E, 0xFF, 0x06 ^ 0x7E ^ 0xFF];
    let mut bytes = Vec::new();
    <Toy<'_> as codec::Protocol>::KINDS[0].framing.wrap(&payload, &mut bytes);
    conn.send(&bytes);
    let reports = conn.take_reports();
    let Report::BadFrame { hex, error, .. } = &reports[0] else { panic!("{reports:?}") };
    assert_eq!((hex.as_str(), error.offset()), ("067D02FF877E", 3));
}

#[test]
fn too_many_bad_frames_in_a_row_close_the_connection() {
    let bad = [0x7E, 0x66, 0x66, 0x7E];
    let mut conn = connect(|settings| settings.max_bad_frames = 3);
    conn.send_frame(&HELLO).send(&bad).send(&bad).send_frame(&Toy::Beat).send(&bad).send(&bad);
    assert!(conn.is_open(), "a good frame starts the count again");
    conn.send(&bad);
    assert_eq!(conn.closed(), Some(&CloseReason::BadFrames));

    let mut conn = connect(|settings| settings.max_bad_frames = 0);
    for _ in 0..100 {
        conn.send(&bad);
    }
    assert!(conn.is_open());
    assert_eq!(conn.take_tally().bad_frames, 100);
    assert_eq!(conn.take_reports().len(), 8, "what nobody takes does not pile up");
    assert_eq!(conn.take_reports().len(), 0);
}

#[test]
fn a_frame_does_not_wait_for_ever() {
    let mut conn = logged_in();
    conn.pause().send_frame(&reading(1)).advance(seconds(59));
    assert!(conn.is_open());
    conn.advance(seconds(1));
    assert_eq!(
        conn.closed().unwrap().to_string(),
        "not delivered to the broker: the broker did not answer within 60 s"
    );
    assert!(conn.sent().is_empty());
    assert_eq!(conn.take_tally().undelivered, 1);
    // The broker comes back and answers for a device that is gone.
    conn.resume();
    assert!(conn.sent().is_empty());
}

#[test]
fn each_frame_has_a_deadline_of_its_own() {
    let mut conn = logged_in();
    conn.pause().send(&stream(&[reading(1), reading(2), reading(3)]));
    for _ in 0..3 {
        conn.advance(seconds(50)).acknowledge_next();
    }
    assert_eq!(acks(&conn), [(1, 0), (2, 0), (3, 0)]);
    assert!(conn.is_open());
}

#[test]
fn a_silent_device_is_let_go() {
    let mut conn = logged_in();
    conn.advance(seconds(599));
    conn.send(&wire(&Toy::Beat)[..2]);
    conn.advance(seconds(599));
    assert!(conn.is_open(), "any byte counts");
    conn.advance(seconds(1));
    assert_eq!(conn.closed(), Some(&CloseReason::Idle));
}

#[test]
fn waiting_for_the_broker_is_not_silence() {
    let mut conn = connect(|settings| {
        settings.idle = seconds(10);
        settings.deadline = seconds(100);
    });
    conn.send_frame(&HELLO).pause().send_frame(&reading(1)).advance(seconds(50));
    assert!(conn.is_open());
    conn.resume().advance(seconds(9));
    assert!(conn.is_open());
    conn.advance(seconds(1));
    assert_eq!(conn.closed(), Some(&CloseReason::Idle));
}

#[test]
fn a_connection_has_to_show_a_frame_soon() {
    let mut conn = Conn::new();
    conn.send(b"\x7E");
    for _ in 0..29 {
        conn.send(b"\x02").advance(seconds(1));
    }
    assert!(conn.is_open());
    conn.advance(seconds(1));
    assert_eq!(conn.closed(), Some(&CloseReason::NoFrame));

    let mut conn = connect(|settings| settings.first_frame = Duration::ZERO);
    conn.advance(seconds(599));
    assert!(conn.is_open());
}

#[test]
fn times_of_zero_are_no_limits() {
    let mut conn = connect(|settings| {
        settings.first_frame = Duration::ZERO;
        settings.idle = Duration::ZERO;
        settings.deadline = Duration::ZERO;
        settings.answer_timeout = Duration::ZERO;
    });
    conn.advance(seconds(1 << 30)).send_frame(&HELLO);
    conn.message("toy/41/down/set", b"1");
    conn.pause().send_frame(&reading(1)).advance(seconds(1 << 30)).resume();
    conn.send_frame(&Toy::Answer { serial: 0, result: 0 });
    assert_eq!(conn.publishes()[1].text(), "set 0");
    assert!(conn.is_open());
}

#[test]
fn a_frame_that_waits_when_the_device_goes_is_counted() {
    let mut conn = logged_in();
    conn.pause().send_frame(&reading(1)).disconnect().resume();
    assert!(conn.sent().is_empty());
    assert_eq!(conn.take_tally().undelivered, 1);
}
