//! `MqttBroker` against a broker that fails in every way a script can name.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use exproto_runtime::broker::{
    Broker, Gone, Link, MqttBroker, MqttLink, MqttSettings, Notice, Outbox, Request, inbox,
};
use exproto_runtime::session::{ConnInfo, Credentials, Outcome, Ticket};
use exproto_runtime::testkit::mqtt::ScriptedBroker;

struct Device {
    link: MqttLink,
    outbox: Outbox,
    tickets: u64,
    waiting: HashMap<Ticket, (String, String)>,
}

fn settings(scripted: &ScriptedBroker) -> MqttSettings {
    let mut settings = MqttSettings::new(scripted.url());
    settings.reconnect_min = Duration::from_millis(1);
    settings.reconnect_max = Duration::from_millis(20);
    settings
}

fn device(broker: &MqttBroker) -> Device {
    let (sender, outbox) = inbox(8);
    Device { link: broker.link(&ConnInfo::default(), sender), outbox, tickets: 0, waiting: HashMap::new() }
}

impl Device {
    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    fn publish_request(&mut self, topic: &str, payload: &str, qos: u8) -> Request {
        let ticket = self.ticket();
        self.waiting.insert(ticket, (topic.into(), payload.into()));
        Request::Publish {
            ticket,
            topic: topic.into(),
            payload: payload.to_owned().into(),
            qos,
            retain: false,
        }
    }

    async fn publish(&mut self, topic: &str, payload: &str, qos: u8) {
        let request = self.publish_request(topic, payload, qos);
        self.link.submit(request).await.unwrap();
    }

    async fn subscribe(&mut self, filter: &str) -> Outcome {
        let ticket = self.ticket();
        self.link.submit(Request::Subscribe { ticket, filter: filter.into(), qos: 1 }).await.unwrap();
        self.outcome().await
    }

    async fn log_in(&mut self, client_id: &str) -> Outcome {
        let ticket = self.ticket();
        let credentials = Credentials { client_id: client_id.into(), ..Credentials::default() };
        self.link.submit(Request::Authenticate(ticket, Box::new(credentials))).await.unwrap();
        self.outcome().await
    }

    async fn outcome(&mut self) -> Outcome {
        match self.outbox.next().await.unwrap() {
            Notice::Completed(_, outcome) => outcome,
            other => panic!("{other:?}"),
        }
    }

    async fn message(&mut self) -> (String, String, u8) {
        match self.outbox.next().await.unwrap() {
            Notice::Message { topic, payload, qos, .. } => {
                (topic.to_string(), String::from_utf8(payload.to_vec()).unwrap(), qos)
            }
            other => panic!("{other:?}"),
        }
    }

    /// Waits until every publish is done, and checks that each had been
    /// acknowledged by the broker when its end was reported.
    async fn all_done(&mut self, scripted: &ScriptedBroker) {
        while !self.waiting.is_empty() {
            let Notice::Completed(ticket, outcome) = self.outbox.next().await.unwrap() else { panic!() };
            assert_eq!(outcome, Outcome::Done);
            let (topic, payload) = self.waiting.remove(&ticket).unwrap();
            let acknowledged = scripted.seen().acknowledged;
            assert!(
                acknowledged.iter().any(|published| published.topic == topic && published.payload == payload),
                "{topic} {payload} done without acknowledgement"
            );
        }
        assert!(self.outbox.try_next().is_none());
    }
}

/// The payloads of a topic, each as often as it was acknowledged.
fn acknowledged(scripted: &ScriptedBroker, topic: &str) -> Vec<String> {
    let of_topic = scripted.seen().acknowledged.into_iter().filter(|published| published.topic == topic);
    of_topic.map(|published| String::from_utf8(published.payload.to_vec()).unwrap()).collect()
}

fn first_of_each(mut payloads: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    payloads.retain(|payload| seen.insert(payload.clone()));
    payloads
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn a_connection_that_breaks_at_any_publish_loses_nothing() {
    const EACH: usize = 5;
    for qos in [1, 2] {
        for keeps_session in [true, false] {
            for broken in 1..=2 * EACH {
                let scripted = ScriptedBroker::start().await.unwrap();
                let broker = MqttBroker::start(settings(&scripted));
                broker.connected().await.unwrap();
                let mut devices = [device(&broker), device(&broker)];
                scripted.kill_at_publish(broken);
                scripted.stop_listening();
                for number in 0..EACH {
                    for (at, device) in devices.iter_mut().enumerate() {
                        device.publish(&format!("t/{at}"), &number.to_string(), qos).await;
                    }
                }
                scripted.until(|seen| seen.connected == 0).await;
                if !keeps_session {
                    scripted.forget_sessions();
                }
                scripted.listen_again().await.unwrap();
                for (at, device) in devices.iter_mut().enumerate() {
                    device.all_done(&scripted).await;
                    let payloads = acknowledged(&scripted, &format!("t/{at}"));
                    if qos == 2 && keeps_session {
                        assert_eq!(payloads, numbers(EACH), "exactly once");
                    }
                    assert_eq!(
                        first_of_each(payloads),
                        numbers(EACH),
                        "QoS {qos}, session {keeps_session}, {broken}"
                    );
                }
                assert_eq!(scripted.seen().resumed, usize::from(keeps_session));
                let counters = broker.counters();
                assert_eq!((counters.published, counters.acknowledged), (2 * EACH as u64, 2 * EACH as u64));
                assert!(counters.resent > 0 && counters.connects == 2, "{counters:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_was_not_acknowledged_is_not_done_and_comes_again() {
    for keeps_session in [true, false] {
        let scripted = ScriptedBroker::start().await.unwrap();
        let broker = MqttBroker::start(settings(&scripted));
        let mut device = device(&broker);
        scripted.pause();
        for number in numbers(20) {
            device.publish("t", &number, 1).await;
        }
        scripted.until(|seen| seen.received.len() == 20).await;
        assert!(device.outbox.try_next().is_none());
        scripted.stop_listening();
        scripted.kill();
        scripted.resume();
        if !keeps_session {
            scripted.forget_sessions();
        }
        assert!(scripted.seen().acknowledged.is_empty());
        scripted.listen_again().await.unwrap();
        device.all_done(&scripted).await;
        assert_eq!(acknowledged(&scripted, "t"), numbers(20));
        let again = scripted.seen().received.split_off(20);
        assert!(
            again.iter().all(|published| published.dup == keeps_session),
            "marked as sent again in a resumed session"
        );
    }
}

#[tokio::test]
async fn acknowledgements_that_get_lost_mean_sending_again() {
    for keeps_session in [true, false] {
        let scripted = ScriptedBroker::start().await.unwrap();
        let broker = MqttBroker::start(settings(&scripted));
        let mut device = device(&broker);
        scripted.pause();
        for number in numbers(20) {
            device.publish("t", &number, 1).await;
        }
        scripted.until(|seen| seen.received.len() == 20).await;
        // Noted as acknowledged, but nothing leaves before the connections drop.
        scripted.resume();
        scripted.kill();
        if !keeps_session {
            scripted.forget_sessions();
        }
        assert_eq!(acknowledged(&scripted, "t"), numbers(20));
        device.all_done(&scripted).await;
        assert_eq!(acknowledged(&scripted, "t").len(), 40);
    }
}

#[tokio::test]
async fn breaks_again_and_again_lose_nothing() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let broker = MqttBroker::start(settings(&scripted));
    let mut device = device(&broker);
    let mut breaks = 0;
    for number in 0..200 {
        if number % 10 == 0 {
            scripted.kill_at_publish(3 + number / 10);
            breaks += 1;
            if number % 20 == 0 {
                scripted.forget_sessions();
            }
        }
        device.publish("t", &number.to_string(), 1 + (number % 2) as u8).await;
    }
    device.all_done(&scripted).await;
    let mut payloads = acknowledged(&scripted, "t");
    payloads.sort();
    payloads.dedup();
    assert_eq!(payloads.len(), 200);
    assert!(breaks == 20 && broker.counters().connects > 1);
}

#[tokio::test]
async fn a_broker_that_dies_before_connack_is_tried_again() {
    let scripted = ScriptedBroker::start().await.unwrap();
    scripted.hold_connects();
    let broker = MqttBroker::start(settings(&scripted));
    let mut device = device(&broker);
    device.publish("t", "x", 1).await;
    for connects in 1..=3 {
        scripted.until(|seen| seen.connects >= connects).await;
        assert!(!broker.is_connected());
        scripted.kill();
    }
    assert!(scripted.seen().received.is_empty());
    scripted.answer_connects();
    scripted.kill();
    device.all_done(&scripted).await;
    assert_eq!(acknowledged(&scripted, "t"), ["x"]);
}

#[tokio::test]
async fn a_broker_that_is_not_there_yet_is_waited_for() {
    let scripted = ScriptedBroker::start().await.unwrap();
    scripted.stop_listening();
    let broker = MqttBroker::start(settings(&scripted));
    let mut device = device(&broker);
    device.publish("t", "x", 1).await;
    while broker.counters().disconnects < 3 {
        tokio::task::yield_now().await;
    }
    scripted.listen_again().await.unwrap();
    device.all_done(&scripted).await;
}

/// Standing still is noticed by what does not happen, so this one test takes
/// its time: two and a half keep alives.
#[tokio::test]
async fn a_broker_that_stops_reading_is_given_up() {
    for payload in ["small".to_owned(), "x".repeat(1 << 16)] {
        let scripted = ScriptedBroker::start().await.unwrap();
        let mut settings = settings(&scripted);
        settings.keep_alive = Duration::from_secs(1);
        let broker = MqttBroker::start(settings);
        let mut device = device(&broker);
        broker.connected().await.unwrap();
        scripted.freeze();
        // The large ones are more than the buffers of a socket take.
        for number in 0..400 {
            device.publish("t", &format!("{number} {payload}"), 1).await;
        }
        while broker.counters().disconnects == 0 {
            tokio::task::yield_now().await;
        }
        scripted.kill();
        scripted.thaw();
        while !device.waiting.is_empty() {
            let Notice::Completed(ticket, outcome) = device.outbox.next().await.unwrap() else { panic!() };
            assert_eq!(outcome, Outcome::Done);
            device.waiting.remove(&ticket).unwrap();
        }
        assert_eq!(first_of_each(acknowledged(&scripted, "t")).len(), 400);
    }
}

#[tokio::test]
async fn a_full_queue_makes_devices_wait() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let mut settings = settings(&scripted);
    (settings.in_flight, settings.queue) = (4, 2);
    let broker = MqttBroker::start(settings);
    let mut device = device(&broker);
    scripted.pause();
    for number in numbers(4) {
        device.publish("t", &number, 1).await;
    }
    scripted.until(|seen| seen.received.len() == 4).await;
    // No room in flight: two wait in the queue, the third waits outside.
    for number in ["4", "5"] {
        device.publish("t", number, 1).await;
    }
    let request = device.publish_request("t", "6", 1);
    {
        let mut submit = pin!(device.link.submit(request));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(submit.as_mut().poll(&mut context), Poll::Pending);
        assert_eq!(scripted.seen().received.len(), 4);
        scripted.resume();
        submit.await.unwrap();
    }
    device.all_done(&scripted).await;
    assert_eq!(acknowledged(&scripted, "t"), numbers(7));
}

#[tokio::test]
async fn a_refused_publish_says_why_and_nothing_else_suffers() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let broker = MqttBroker::start(settings(&scripted));
    let mut device = device(&broker);
    scripted.refuse("secret", 0x87);
    device.publish("secret", "x", 1).await;
    assert_eq!(device.outcome().await, Outcome::Refused { code: 0x87, reason: "not authorized".into() });
    scripted.refuse("secret", 0x87);
    device.publish("secret", "x", 2).await;
    assert!(matches!(device.outcome().await, Outcome::Refused { code: 0x87, .. }));
    // No subscribers is not a failure.
    scripted.refuse("lonely", 0x10);
    device.publish("lonely", "x", 1).await;
    assert_eq!(device.outcome().await, Outcome::Done);
    device.publish("bad/+/topic", "x", 1).await;
    assert!(matches!(device.outcome().await, Outcome::Refused { code: 0x90, .. }));
    device.publish("t", "y", 0).await;
    assert_eq!(device.outcome().await, Outcome::Done);
    assert_eq!(scripted.seen().connects, 1);
    assert_eq!(broker.counters().refused, 3);
}

#[tokio::test]
async fn what_the_broker_cannot_take_is_refused_here() {
    let scripted = ScriptedBroker::start().await.unwrap();
    scripted.announce(Some(100), Some(1));
    let broker = MqttBroker::start(settings(&scripted));
    let mut device = device(&broker);
    // Header 2, topic 2 + 1, packet identifier 2, properties 1.
    device.publish("t", &"x".repeat(92), 1).await;
    assert_eq!(device.outcome().await, Outcome::Done);
    device.publish("t", &"x".repeat(93), 1).await;
    assert!(matches!(device.outcome().await, Outcome::Refused { code: 0x95, .. }));
    device.publish("t", "x", 2).await;
    assert!(matches!(device.outcome().await, Outcome::Refused { code: 0x9B, .. }));
    assert_eq!(scripted.seen().connects, 1);
}

#[tokio::test]
async fn a_broker_that_comes_back_smaller_does_not_stop_everything() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let broker = MqttBroker::start(settings(&scripted));
    let mut device = device(&broker);
    scripted.pause();
    device.publish("t", &"x".repeat(200), 1).await;
    device.publish("t", "small", 1).await;
    scripted.until(|seen| seen.received.len() == 2).await;
    scripted.announce(Some(100), None);
    scripted.kill();
    scripted.resume();
    let mut outcomes = vec![device.outcome().await, device.outcome().await];
    outcomes.sort_by_key(Outcome::is_done);
    assert!(matches!(&outcomes[..], [Outcome::Refused { code: 0x95, .. }, Outcome::Done]), "{outcomes:?}");
}

#[tokio::test]
async fn subscriptions_are_shared_restored_and_dropped_with_their_last_device() {
    for keeps_session in [true, false] {
        let scripted = ScriptedBroker::start().await.unwrap();
        let broker = MqttBroker::start(settings(&scripted));
        let (mut one, mut two) = (device(&broker), device(&broker));
        assert_eq!(one.subscribe("all/#").await, Outcome::Done);
        assert_eq!(two.subscribe("all/#").await, Outcome::Done);
        assert_eq!(two.subscribe("two").await, Outcome::Done);
        assert_eq!(scripted.seen().subscribed, ["all/#", "two"]);
        assert_eq!(scripted.deliver("all/x", "1", 1), 1);
        assert_eq!(one.message().await, ("all/x".into(), "1".into(), 1));
        assert_eq!(two.message().await, ("all/x".into(), "1".into(), 1));

        scripted.stop_listening();
        scripted.kill();
        if !keeps_session {
            scripted.forget_sessions();
        }
        scripted.listen_again().await.unwrap();
        let expected = if keeps_session { 2 } else { 4 };
        scripted.until(|seen| seen.connected == 1 && seen.subscribed.len() == expected).await;
        assert_eq!((scripted.deliver("all/y", "2", 0), scripted.deliver("two", "3", 2)), (1, 1));
        assert_eq!(one.message().await, ("all/y".into(), "2".into(), 0));
        assert_eq!(two.message().await, ("all/y".into(), "2".into(), 0));
        assert_eq!(two.message().await, ("two".into(), "3".into(), 1));

        drop(two);
        scripted.until(|seen| seen.unsubscribed == ["two"]).await;
        assert_eq!((scripted.deliver("two", "4", 0), scripted.deliver("all/z", "5", 0)), (0, 1));
        assert_eq!(one.message().await, ("all/z".into(), "5".into(), 0));
        drop(one);
        scripted.until(|seen| seen.unsubscribed == ["two", "all/#"]).await;
        assert_eq!(broker.counters().messages, 6);
    }
}

#[tokio::test]
async fn devices_that_leave_while_the_broker_is_away_leave_no_subscription() {
    for keeps_session in [true, false] {
        let scripted = ScriptedBroker::start().await.unwrap();
        let broker = MqttBroker::start(settings(&scripted));
        let (mut one, mut two) = (device(&broker), device(&broker));
        assert_eq!(one.subscribe("one").await, Outcome::Done);
        assert_eq!(two.subscribe("two").await, Outcome::Done);
        scripted.stop_listening();
        scripted.kill();
        if !keeps_session {
            scripted.forget_sessions();
        }
        drop(two);
        scripted.listen_again().await.unwrap();
        assert_eq!(one.subscribe("more").await, Outcome::Done);
        if keeps_session {
            scripted.until(|seen| seen.unsubscribed == ["two"]).await;
        }
        assert_eq!((scripted.deliver("two", "x", 0), scripted.deliver("one", "y", 0)), (0, 1));
        assert_eq!(one.message().await.0, "one");
    }
}

#[tokio::test]
async fn overlapping_filters_of_different_devices_bring_no_doubles() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let broker = MqttBroker::start(settings(&scripted));
    let (mut one, mut two) = (device(&broker), device(&broker));
    one.subscribe("a/b").await;
    two.subscribe("a/+").await;
    assert_eq!(scripted.deliver("a/b", "x", 1), 2);
    assert_eq!(scripted.deliver("a/b", "y", 1), 2);
    for device in [&mut one, &mut two] {
        assert_eq!(device.message().await.1, "x");
        assert_eq!(device.message().await.1, "y");
    }
    assert_eq!(broker.counters().messages, 4);
}

#[tokio::test]
async fn a_refused_subscription_says_why() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let broker = MqttBroker::start(settings(&scripted));
    let mut device = device(&broker);
    scripted.refuse_subscription("secret/#", 0x87);
    assert_eq!(
        device.subscribe("secret/#").await,
        Outcome::Refused { code: 0x87, reason: "not authorized".into() }
    );
    assert!(matches!(device.subscribe("not/#/valid").await, Outcome::Refused { code: 0x8F, .. }));
    assert_eq!(device.subscribe("secret/#").await, Outcome::Done);
}

#[tokio::test]
async fn a_device_that_does_not_read_loses_messages_alone() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let broker = MqttBroker::start(settings(&scripted));
    let (mut idle, mut busy) = (device(&broker), device(&broker));
    idle.subscribe("t").await;
    busy.subscribe("t").await;
    for number in 0..20 {
        scripted.deliver("t", number.to_string(), 0);
        assert_eq!(busy.message().await.1, number.to_string());
    }
    for number in 0..8 {
        assert_eq!(idle.message().await.1, number.to_string());
    }
    assert!(idle.outbox.try_next().is_none());
    assert_eq!((idle.outbox.dropped(), broker.counters().dropped), (12, 12));
}

#[tokio::test]
async fn the_newest_connection_with_a_client_id_stays() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let broker = MqttBroker::start(settings(&scripted));
    let (mut one, mut two) = (device(&broker), device(&broker));
    assert!(matches!(one.log_in("").await, Outcome::Refused { code: 0x85, .. }));
    assert_eq!(one.log_in("truck").await, Outcome::Done);
    assert_eq!(two.log_in("truck").await, Outcome::Done);
    assert!(matches!(one.outbox.next().await, Some(Notice::Closed(_))));
    drop(one);
    assert_eq!(broker.logged_in(), 1);
    assert!(two.outbox.try_next().is_none());
    drop(two);
    assert_eq!(broker.logged_in(), 0);
}

#[tokio::test]
async fn an_authenticator_decides() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let only_truck = |_: &ConnInfo, who: &Credentials| match who.client_id.as_str() {
        "bug" => panic!("a mistake of the user"),
        "truck" => Outcome::Done,
        _ => Outcome::Refused { code: 0x87, reason: "unknown".into() },
    };
    let broker = MqttBroker::start_with(settings(&scripted), only_truck);
    let mut device = device(&broker);
    assert!(matches!(device.log_in("car").await, Outcome::Refused { code: 0x87, .. }));
    assert!(matches!(device.log_in("bug").await, Outcome::Failed(_)));
    assert_eq!(broker.logged_in(), 0);
    assert_eq!(device.log_in("truck").await, Outcome::Done);
}

#[tokio::test]
async fn closing_waits_for_acknowledgements() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let broker = MqttBroker::start(settings(&scripted));
    let mut device = device(&broker);
    scripted.pause();
    for number in numbers(5) {
        device.publish("t", &number, 1).await;
    }
    scripted.until(|seen| seen.received.len() == 5).await;
    let closing = tokio::spawn({
        let broker = broker.clone();
        async move { broker.close(Duration::from_secs(600)).await }
    });
    let request = device.publish_request("t", "late", 1);
    let late = Ticket(device.tickets);
    while device.link.submit(request.clone()).await != Err(Gone) {}
    device.waiting.remove(&late);
    assert!(!closing.is_finished());
    scripted.resume();
    closing.await.unwrap();
    assert_eq!(acknowledged(&scripted, "t")[..5], numbers(5));
    scripted.until(|seen| seen.connected == 0).await;
    assert_eq!(broker.connected().await, Err(Gone));
}

#[tokio::test]
async fn closing_at_once_says_what_did_not_get_through() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let broker = MqttBroker::start(settings(&scripted));
    let mut device = device(&broker);
    scripted.pause();
    device.publish("t", "x", 1).await;
    scripted.until(|seen| seen.received.len() == 1).await;
    broker.close(Duration::ZERO).await;
    assert!(matches!(device.outcome().await, Outcome::Failed(_)));
    assert_eq!(broker.counters().failed, 1);
}

#[tokio::test]
async fn several_connections_share_the_devices() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let mut settings = settings(&scripted);
    settings.connections = 3;
    let broker = MqttBroker::start(settings);
    broker.connected().await.unwrap();
    assert_eq!(scripted.seen().connected, 3);
    let mut devices: Vec<_> = (0..6).map(|_| device(&broker)).collect();
    for (at, device) in devices.iter_mut().enumerate() {
        for number in numbers(10) {
            device.publish(&format!("t/{at}"), &number, 1).await;
        }
    }
    scripted.kill();
    for (at, device) in devices.iter_mut().enumerate() {
        device.all_done(&scripted).await;
        assert_eq!(first_of_each(acknowledged(&scripted, &format!("t/{at}"))), numbers(10));
    }
}
