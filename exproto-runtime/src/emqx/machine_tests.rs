#![allow(clippy::unwrap_used)]

use super::*;

type Under = Machine<&'static str>;

fn machine(transport: Transport, change: impl FnOnce(&mut StandInSettings)) -> Under {
    let mut settings = StandInSettings::new("http://h");
    change(&mut settings);
    let at = ConnInfo { transport, peer: ([10, 0, 0, 7], 4000).into(), ..ConnInfo::default() };
    Machine::new(at, Arc::new(settings), 0)
}

/// A connection whose handler knows of it and is told nothing now.
fn known() -> Under {
    let mut machine = machine(Transport::Tcp, |_| {});
    tell(&mut machine);
    machine
}

/// The next event, answered at once.
fn tell(machine: &mut Under) -> String {
    let event = machine.next_event();
    let said = said(event);
    machine.told(Ok(()));
    said
}

fn said(event: Option<Event>) -> String {
    match event {
        None => "nothing".into(),
        Some(Event::Created(info)) => format!("created {}", info.socktype().as_str_name()),
        Some(Event::Bytes(bytes)) => format!("bytes {}", String::from_utf8_lossy(&bytes)),
        Some(Event::Messages(messages)) => {
            let topics: Vec<_> = messages.iter().map(|message| &*message.topic).collect();
            format!("messages {}", topics.join(" "))
        }
        Some(Event::TimedOut) => "timed out".into(),
        Some(Event::Closed(reason)) => format!("closed {reason}"),
    }
}

/// What is to be done, in words.
fn wanted(machine: &mut Under) -> Vec<String> {
    std::iter::from_fn(|| machine.next_action())
        .map(|action| match action {
            Action::Send(bytes) => format!("send {}", String::from_utf8_lossy(&bytes)),
            Action::Close => "close".into(),
            Action::Ask(Request::Authenticate(ticket, who)) => {
                format!("login {} {}", ticket.0, who.client_id)
            }
            Action::Ask(Request::Publish { ticket, topic, qos, .. }) => {
                format!("publish {} {topic} {qos}", ticket.0)
            }
            Action::Ask(Request::Subscribe { ticket, filter, qos }) => {
                format!("subscribe {} {filter} {qos}", ticket.0)
            }
            Action::Ask(Request::Unsubscribe { ticket, filter }) => {
                format!("unsubscribe {} {filter}", ticket.0)
            }
            Action::Answer(to, reply) => format!("{to}: {reply:?}"),
        })
        .collect()
}

fn login(machine: &mut Under) {
    let who = Credentials { client_id: "dev-1".into(), ..Credentials::default() };
    machine.call(0, Call::Authenticate(who), "login");
    machine.completed(Ticket(1), &Outcome::Done);
    assert_eq!(wanted(machine), ["login 1 dev-1", "login: Done"]);
}

fn publish(topic: &str, qos: u32) -> Call {
    Call::Publish { topic: topic.into(), payload: Bytes::from_static(b"x"), qos }
}

fn message(topic: &str) -> Message {
    Message { topic: topic.into(), payload: Bytes::from_static(b"x"), ..Message::default() }
}

#[test]
fn one_event_is_under_way_and_the_rest_is_joined() {
    let mut it = machine(Transport::Tcp, |_| {});
    it.bytes(0, b"a");
    assert_eq!(said(it.next_event()), "created TCP");
    it.bytes(0, b"b");
    it.message(message("t1"));
    it.message(message("t2"));
    it.bytes(0, b"c");
    assert_eq!(said(it.next_event()), "nothing", "the beginning is not answered yet");
    it.told(Ok(()));
    assert_eq!(tell(&mut it), "bytes ab");
    assert_eq!(tell(&mut it), "messages t1 t2");
    assert_eq!(tell(&mut it), "bytes c");
    assert_eq!(tell(&mut it), "nothing");
}

#[test]
fn datagrams_are_not_joined() {
    let mut it = machine(Transport::Udp, |_| {});
    it.bytes(0, b"a");
    it.bytes(0, b"b");
    it.bytes(0, b"");
    for wanted in ["created UDP", "bytes a", "bytes b", "nothing"] {
        assert_eq!(tell(&mut it), wanted);
    }
    assert_eq!(said(machine(Transport::Dtls, |_| {}).next_event()), "created DTLS");
    it.call(0, Call::Send(vec![0; 65_508].into()), "send");
    assert_eq!(wanted(&mut it), ["send: Wrong"]);
}

#[test]
fn what_waits_is_bounded() {
    let mut it = machine(Transport::Tcp, |settings| (settings.held_bytes, settings.batch) = (10, 2));
    it.bytes(0, b"123456789");
    assert!(it.wants_bytes() && it.wants_messages());
    it.bytes(0, b"0");
    assert!(!it.wants_bytes() && !it.wants_messages());
    assert_eq!(tell(&mut it), "created TCP");
    assert!(!it.wants_bytes());
    assert_eq!(tell(&mut it), "bytes 1234567890");
    assert!(it.wants_bytes());
    it.message(message("t"));
    assert!(it.wants_messages());
    it.message(message("t"));
    assert!(it.wants_bytes() && !it.wants_messages());
    assert_eq!(tell(&mut it), "messages t t");
    assert!(it.wants_messages());
    assert_eq!(it.held, 0);
}

#[test]
fn the_end_is_told_last_and_the_last_answers_still_go_out() {
    let mut it = known();
    login(&mut it);
    it.bytes(0, b"last");
    it.half_closed();
    it.message(message("late"));
    assert_eq!(said(it.next_event()), "bytes last");
    it.call(0, Call::Send("reply".into()), "send");
    it.call(0, publish("t", 1), "publish");
    assert_eq!(wanted(&mut it), ["send reply", "send: Done", "publish 2 t 1"]);
    it.told(Ok(()));
    assert_eq!(said(it.next_event()), "closed {shutdown,tcp_closed}");
    it.completed(Ticket(2), &Outcome::Done);
    it.call(0, Call::Send("more".into()), "send");
    it.call(0, publish("t", 1), "publish");
    it.call(0, Call::Authenticate(Credentials::default()), "login");
    it.call(0, Call::Close, "close");
    assert_eq!(
        wanted(&mut it),
        ["close", "publish: Done", "send: Done", "publish: Unexpected", "login: Disconnected", "close: Done"]
    );
    assert!(!it.is_over());
    it.told(Err("lost".into()));
    assert!(it.is_over());
    assert_eq!(tell(&mut it), "nothing");
}

#[test]
fn a_close_lets_what_waits_be_told() {
    let mut it = machine(Transport::Tls, |_| {});
    it.bytes(0, b"a");
    it.call(0, Call::Send("bye".into()), "send");
    it.call(0, Call::Close, "close");
    assert_eq!(wanted(&mut it), ["send bye", "send: Done", "close", "close: Done"]);
    it.half_closed();
    it.gone("{shutdown,kicked}");
    for wanted in ["created SSL", "bytes a", "closed {shutdown,normal}", "nothing"] {
        assert_eq!(tell(&mut it), wanted);
    }
    assert!(it.is_over());
}

#[test]
fn an_event_that_fails_ends_the_connection() {
    let mut it = known();
    it.bytes(0, b"a");
    assert_eq!(said(it.next_event()), "bytes a");
    it.bytes(0, b"b");
    it.message(message("t"));
    it.told(Err("{shutdown,boom}".into()));
    assert_eq!(wanted(&mut it), ["close"]);
    assert_eq!(it.held, 0);
    assert_eq!(tell(&mut it), "closed {shutdown,boom}");
    assert!(it.is_over());

    // As does the beginning.
    let mut it = machine(Transport::Tcp, |_| {});
    it.next_event();
    it.told(Err("{shutdown,down}".into()));
    assert_eq!(tell(&mut it), "closed {shutdown,down}");
}

#[test]
fn calls_before_the_login_are_refused() {
    let mut it = known();
    it.call(0, publish("t", 0), "publish");
    it.call(0, Call::Subscribe { topic: "t".into(), qos: 0 }, "subscribe");
    it.call(0, Call::Unsubscribe { topic: "t".into() }, "unsubscribe");
    // Before anything else, as in EMQX.
    it.call(0, publish("t", 3), "qos");
    assert_eq!(
        wanted(&mut it),
        ["publish: Unexpected", "subscribe: Unexpected", "unsubscribe: Unexpected", "qos: Wrong"]
    );
}

#[test]
fn a_refused_login_may_be_tried_again() {
    let mut it = known();
    let who = |id: &str| Credentials { client_id: id.into(), ..Credentials::default() };
    it.call(0, Call::Authenticate(who("")), "empty");
    it.call(0, Call::Authenticate(who("a")), "first");
    it.call(0, Call::Authenticate(who("a")), "second");
    assert_eq!(wanted(&mut it), ["empty: Nameless", "login 1 a", "second: Duplicate"]);
    it.completed(Ticket(1), &Outcome::Refused { code: 0x87, reason: "no".into() });
    it.call(0, Call::Authenticate(who("b")), "third");
    it.completed(Ticket(2), &Outcome::Done);
    it.call(0, Call::Authenticate(who("b")), "fourth");
    assert_eq!(
        wanted(&mut it),
        ["first: Refused(\"not_authorized\")", "login 2 b", "third: Done", "fourth: Duplicate"]
    );
}

#[test]
fn topics_are_mounted_and_checked() {
    let mut it =
        machine(Transport::Tcp, |settings| settings.mountpoint = "mp/${clientid}/${peerhost}/".into());
    tell(&mut it);
    login(&mut it);
    it.call(0, publish("up", 2), "a");
    it.call(0, Call::Subscribe { topic: "down/#".into(), qos: 0 }, "b");
    it.call(0, Call::Unsubscribe { topic: "down/#".into() }, "c");
    assert_eq!(
        wanted(&mut it),
        [
            "publish 2 mp/dev-1/10.0.0.7/up 2",
            "subscribe 3 mp/dev-1/10.0.0.7/down/# 2",
            "unsubscribe 4 mp/dev-1/10.0.0.7/down/#"
        ]
    );
    it.message(message("mp/dev-1/10.0.0.7/down/1"));
    assert_eq!(tell(&mut it), "messages down/1");
    it.call(0, publish("a/+", 0), "a");
    it.call(0, Call::Subscribe { topic: "a/#/b".into(), qos: 0 }, "b");
    it.call(0, Call::Subscribe { topic: "t".into(), qos: 3 }, "c");
    it.call(0, Call::Unsubscribe { topic: "$queue/t".into() }, "d");
    assert_eq!(wanted(&mut it), ["a: Wrong", "b: Wrong", "c: Wrong", "d: Done"]);
}

#[test]
fn a_stream_has_to_say_something_once() {
    let mut it = known();
    assert_eq!(it.next_due(), Some(30_000));
    it.due(29_999);
    assert_eq!(tell(&mut it), "nothing");
    it.due(30_000);
    assert_eq!(wanted(&mut it), ["close"]);
    assert_eq!(tell(&mut it), "closed {shutdown,idle_timeout}");

    let mut it = known();
    it.bytes(1, b"a");
    assert_eq!(it.next_due(), None);

    let mut it = machine(Transport::Tcp, |settings| settings.idle_timeout = Duration::ZERO);
    assert_eq!((it.next_due(), tell(&mut it)), (None, "created TCP".into()));
}

#[test]
fn a_peer_is_idle_from_its_last_datagram_on() {
    let mut it = machine(Transport::Udp, |_| {});
    it.bytes(20_000, b"a");
    assert_eq!(it.next_due(), Some(50_000));
    it.bytes(40_000, b"");
    assert_eq!(it.next_due(), Some(70_000));
}

#[test]
fn a_timer_takes_the_place_of_the_idle_time() {
    let mut it = known();
    it.call(1_000, Call::StartTimer { seconds: 60 }, "timer");
    assert_eq!(it.next_due(), Some(91_000));
    it.bytes(2_000, b"a");
    assert_eq!(it.next_due(), Some(92_000));
    // A second one holds at once.
    it.call(3_000, Call::StartTimer { seconds: 2 }, "timer");
    it.call(3_000, Call::StartTimer { seconds: 0 }, "none");
    assert_eq!(wanted(&mut it), ["timer: Done", "timer: Done", "none: Wrong"]);
    it.due(6_000);
    assert!(!it.wants_bytes());
    assert_eq!(tell(&mut it), "bytes a");
    assert_eq!(said(it.next_event()), "timed out");
    it.call(6_000, Call::Send("bye".into()), "send");
    assert_eq!(wanted(&mut it), ["send bye", "send: Done"], "the device still hears of it");
    it.told(Ok(()));
    assert_eq!(wanted(&mut it), ["close"]);
    assert_eq!(tell(&mut it), "closed {shutdown,keepalive_timeout}");
    // As it is when the handler closes it itself.
    let mut it = known();
    it.call(0, Call::StartTimer { seconds: 2 }, "timer");
    it.due(3_000);
    assert_eq!(said(it.next_event()), "timed out");
    it.call(3_000, Call::Close, "close");
    it.told(Ok(()));
    assert_eq!(tell(&mut it), "closed {shutdown,keepalive_timeout}");
    // The longest interval that can be said.
    let mut it = known();
    it.call(0, Call::StartTimer { seconds: u32::MAX }, "timer");
    assert_eq!(it.next_due(), Some(u64::from(u32::MAX) * 1500));
}

#[test]
fn what_the_broker_can_not_answer_any_more_is_answered() {
    let mut it = known();
    login(&mut it);
    it.call(0, publish("t", 1), "publish");
    it.abandon();
    assert_eq!(
        wanted(&mut it),
        ["publish 2 t 1", "publish: Failed(\"the connection to the broker has ended\")"]
    );
    it.completed(Ticket(2), &Outcome::Done);
    assert!(wanted(&mut it).is_empty());
}
