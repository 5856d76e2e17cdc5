//! `MqttBroker` with several addresses, of which some are out of reach.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::time::Duration;

use exproto_runtime::broker::{
    Broker, Link, MqttBroker, MqttLink, MqttSettings, Notice, Outbox, Request, inbox,
};
use exproto_runtime::session::{ConnInfo, Outcome, Ticket};
use exproto_runtime::testkit::mqtt::ScriptedBroker;

async fn pair() -> (ScriptedBroker, ScriptedBroker) {
    (ScriptedBroker::start().await.unwrap(), ScriptedBroker::start().await.unwrap())
}

fn settings(one: &ScriptedBroker, two: &ScriptedBroker) -> MqttSettings {
    let mut settings = MqttSettings::new(one.url());
    settings.fallbacks = vec![two.url()];
    settings.reconnect_min = Duration::from_millis(1);
    settings.reconnect_max = Duration::from_millis(20);
    settings
}

fn device(broker: &MqttBroker) -> (MqttLink, Outbox) {
    let (sender, outbox) = inbox(100);
    (broker.link(&ConnInfo::default(), sender), outbox)
}

async fn publish(link: &mut MqttLink, number: u64, qos: u8) {
    let (ticket, topic, payload) = (Ticket(number), "t".into(), number.to_string().into());
    link.submit(Request::Publish { ticket, topic, payload, qos, retain: false }).await.unwrap();
}

async fn subscribe(link: &mut MqttLink, number: u64, filter: &str) {
    let request = Request::Subscribe { ticket: Ticket(number), filter: filter.into(), qos: 1 };
    link.submit(request).await.unwrap();
}

async fn all_done(outbox: &mut Outbox, tickets: impl Iterator<Item = u64>) {
    let mut open: BTreeSet<_> = tickets.map(Ticket).collect();
    while !open.is_empty() {
        let Some(Notice::Completed(ticket, outcome)) = outbox.next().await else { panic!() };
        assert_eq!(outcome, Outcome::Done);
        assert!(open.remove(&ticket));
    }
}

fn leaves(broker: &ScriptedBroker) {
    broker.stop_listening();
    broker.kill();
}

fn acknowledged(broker: &ScriptedBroker) -> BTreeSet<u64> {
    let payloads = broker.seen().acknowledged.into_iter().map(|published| published.payload);
    payloads.map(|payload| std::str::from_utf8(&payload).unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn the_next_broker_takes_over_what_was_under_way() {
    let (one, two) = pair().await;
    let broker = MqttBroker::start(settings(&one, &two));
    let (mut link, mut outbox) = device(&broker);
    subscribe(&mut link, 0, "down").await;
    all_done(&mut outbox, 0..1).await;
    one.pause();
    for number in 1..=20 {
        publish(&mut link, number, 1 + (number % 2) as u8).await;
    }
    one.until(|seen| seen.received.len() == 20).await;
    assert_eq!(two.seen().connects, 0, "in reserve");

    leaves(&one);
    all_done(&mut outbox, 1..=20).await;
    assert_eq!(acknowledged(&two), (1..=20).collect());
    assert_eq!((two.seen().subscribed, two.deliver("down", "x", 1)), (vec!["down".to_owned()], 1));
    assert!(matches!(outbox.next().await, Some(Notice::Message { .. })));
}

/// The first one kept a session of ours, whose packet identifiers are used for
/// other messages by now.
#[tokio::test]
async fn a_broker_that_comes_back_does_not_take_new_messages_for_old_ones() {
    let (one, two) = pair().await;
    let broker = MqttBroker::start(settings(&one, &two));
    let (mut link, mut outbox) = device(&broker);
    subscribe(&mut link, 0, "old").await;
    all_done(&mut outbox, 0..1).await;
    one.pause();
    for number in 1..=5 {
        publish(&mut link, number, 2).await;
    }
    one.until(|seen| seen.received.len() == 5).await;
    leaves(&one);
    all_done(&mut outbox, 1..=5).await;
    subscribe(&mut link, 6, "new").await;
    all_done(&mut outbox, 6..7).await;

    one.resume();
    one.listen_again().await.unwrap();
    leaves(&two);
    for number in 11..=15 {
        publish(&mut link, number, 2).await;
    }
    all_done(&mut outbox, 11..=15).await;
    assert!(acknowledged(&one).is_superset(&(11..=15).collect()));
    assert_eq!(one.seen().resumed, 0);
    one.until(|seen| seen.subscribed.ends_with(&["old".to_owned(), "new".to_owned()])).await;
    assert_eq!((one.deliver("old", "x", 0), one.deliver("new", "x", 0)), (1, 1));
}

#[tokio::test]
async fn in_one_cluster_the_session_goes_on() {
    let (one, two) = pair().await;
    let mut settings = settings(&one, &two);
    settings.one_cluster = true;
    let broker = MqttBroker::start(settings);
    let (mut link, mut outbox) = device(&broker);
    subscribe(&mut link, 0, "down").await;
    all_done(&mut outbox, 0..1).await;
    leaves(&one);
    publish(&mut link, 1, 1).await;
    all_done(&mut outbox, 1..2).await;
    assert_eq!(acknowledged(&two), [1].into());

    // These two keep no sessions for each other, but the first has its own.
    one.listen_again().await.unwrap();
    leaves(&two);
    publish(&mut link, 2, 1).await;
    all_done(&mut outbox, 2..3).await;
    assert_eq!((acknowledged(&one), one.seen().resumed), ([2].into(), 1));
    assert_eq!(one.deliver("down", "x", 0), 1);
}

#[tokio::test]
async fn a_broker_that_drops_everybody_is_passed_over() {
    let (one, two) = pair().await;
    let mut settings = settings(&one, &two);
    // No connection lasts so long that it counts as a good one.
    settings.reconnect_max = Duration::from_secs(3600);
    let broker = MqttBroker::start(settings);
    let (mut link, mut outbox) = device(&broker);
    one.pause();
    publish(&mut link, 1, 1).await;
    for connects in 1..=4 {
        one.until(|seen| seen.received.len() == connects).await;
        one.kill();
    }
    all_done(&mut outbox, 1..2).await;
    assert_eq!((acknowledged(&two), one.seen().connects), ([1].into(), 4));
}
