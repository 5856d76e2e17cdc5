//! `MqttBroker` and `MqttClient` speak MQTT 3.1.1 and 5 alike, through a
//! network that breaks.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use exproto_runtime::broker::{
    Broker, EmbeddedBroker, EmbeddedSettings, Link, MqttBroker, MqttClient, MqttLink, MqttSettings, MqttUrl,
    MqttVersion, Notice, Outbox, Request, inbox,
};
use exproto_runtime::session::{ConnInfo, Outcome, Ticket};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const BOTH: [MqttVersion; 2] = [MqttVersion::V3, MqttVersion::V5];

async fn start() -> EmbeddedBroker {
    EmbeddedBroker::start(EmbeddedSettings::any_port()).await.unwrap()
}

fn settings(url: MqttUrl, version: MqttVersion) -> MqttSettings {
    let mut settings = MqttSettings::new(url.with_version(version));
    settings.reconnect_min = Duration::from_millis(1);
    settings.reconnect_max = Duration::from_millis(20);
    settings
}

/// A network between a broker and its clients.
struct Network {
    address: SocketAddr,
    cuts: watch::Sender<u32>,
}

impl Network {
    async fn to(broker: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let cuts = watch::channel(0).0;
        let cut = cuts.subscribe();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut cut = cut.clone();
                cut.mark_unchanged();
                tokio::spawn(async move {
                    let mut broker = TcpStream::connect(broker).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut socket, &mut broker) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { address, cuts }
    }

    /// Drops all connections.
    fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

fn device(broker: &MqttBroker) -> (MqttLink, Outbox) {
    let (sender, outbox) = inbox(100);
    (broker.link(&ConnInfo::default(), sender), outbox)
}

fn publish(number: u64, qos: u8) -> Request {
    let payload = number.to_string().into();
    Request::Publish { ticket: Ticket(number), topic: "up".into(), payload, qos, retain: false }
}

async fn completed(outbox: &mut Outbox) -> (Ticket, Outcome) {
    match outbox.next().await.unwrap() {
        Notice::Completed(ticket, outcome) => (ticket, outcome),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn devices_publish_and_receive() {
    for version in BOTH {
        let embedded = start().await;
        let broker = MqttBroker::start(settings(embedded.url(), version));
        let (mut link, mut outbox) = device(&broker);
        let mut watcher = MqttClient::connect(&embedded.url().with_version(version)).await.unwrap();
        watcher.subscribe("up", 2).await.unwrap();
        for qos in 0..=2 {
            link.submit(publish(u64::from(qos), qos)).await.unwrap();
            assert_eq!(completed(&mut outbox).await, (Ticket(u64::from(qos)), Outcome::Done));
            let message = watcher.next().await.unwrap();
            assert_eq!((message.topic.as_str(), message.qos), ("up", qos));
            assert_eq!(message.payload, qos.to_string());
        }
        let subscribe = Request::Subscribe { ticket: Ticket(9), filter: "down/+".into(), qos: 1 };
        link.submit(subscribe).await.unwrap();
        assert_eq!(completed(&mut outbox).await, (Ticket(9), Outcome::Done));
        watcher.publish("down/1", "hello", 1, false).await.unwrap();
        match outbox.next().await.unwrap() {
            Notice::Message { topic, payload, qos, .. } => {
                assert_eq!((&*topic, &payload[..], qos), ("down/1", &b"hello"[..], 1));
            }
            other => panic!("{other:?}"),
        }
        link.submit(Request::Unsubscribe { ticket: Ticket(10), filter: "down/+".into() }).await.unwrap();
        assert_eq!(completed(&mut outbox).await, (Ticket(10), Outcome::Done));
        let refused = watcher.publish("a/#", "", 1, false).await.unwrap_err();
        assert!(refused.to_string().contains("`a/#`"), "{refused}");
        assert!(watcher.subscribe("a/#/b", 1).await.is_err());
    }
}

#[tokio::test]
async fn a_network_that_breaks_loses_nothing_acknowledged_and_no_subscription() {
    for version in BOTH {
        let embedded = start().await;
        let network = Network::to(embedded.local_addr()).await;
        let broker = MqttBroker::start(settings(network.address.into(), version));
        let (mut link, mut outbox) = device(&broker);
        let mut watcher = MqttClient::connect(&embedded.url()).await.unwrap();
        watcher.subscribe("up", 1).await.unwrap();
        link.submit(Request::Subscribe { ticket: Ticket(0), filter: "down".into(), qos: 1 }).await.unwrap();
        assert_eq!(completed(&mut outbox).await, (Ticket(0), Outcome::Done));

        let mut open: BTreeSet<_> = (1..=100).map(Ticket).collect();
        for number in 1..=100 {
            link.submit(publish(number, 1 + (number % 2) as u8)).await.unwrap();
            if number % 20 == 0 {
                network.cut();
            }
        }
        while !open.is_empty() {
            let (ticket, outcome) = completed(&mut outbox).await;
            assert_eq!(outcome, Outcome::Done);
            assert!(open.remove(&ticket));
        }
        let mut missing: BTreeSet<_> = (1..=100_u64).map(|number| number.to_string()).collect();
        while !missing.is_empty() {
            let message = watcher.next().await.unwrap();
            missing.remove(std::str::from_utf8(&message.payload).unwrap());
        }

        let before = broker.counters().connects;
        network.cut();
        while broker.counters().connects == before || !broker.is_connected() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Subscribing again is under way, maybe; a second subscription waits for it.
        link.submit(Request::Subscribe { ticket: Ticket(200), filter: "other".into(), qos: 1 })
            .await
            .unwrap();
        assert_eq!(completed(&mut outbox).await, (Ticket(200), Outcome::Done));
        watcher.publish("down", "still there", 1, false).await.unwrap();
        assert!(matches!(outbox.next().await, Some(Notice::Message { .. })));
        broker.close(Duration::from_secs(60)).await;
    }
}
