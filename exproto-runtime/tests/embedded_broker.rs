//! What an MQTT broker has to do, of the embedded one: eight checks, each with
//! MQTT 3.1.1 and with MQTT 5; and how it starts and stops.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::time::Duration;

use exproto_runtime::broker::{
    Broker, EmbeddedBroker, EmbeddedSettings, Link, MqttBroker, MqttClient, MqttSettings, Notice, Request,
    inbox,
};
use exproto_runtime::session::{ConnInfo, Outcome, Ticket};

async fn start() -> EmbeddedBroker {
    EmbeddedBroker::start(EmbeddedSettings::any_port()).await.unwrap()
}

/// Topic, payload, retain flag.
type Message = (String, String, bool);

fn message(topic: &str, payload: &str, retain: bool) -> Message {
    (topic.into(), payload.into(), retain)
}

/// A client over one of the two MQTT crates, and the checks.
macro_rules! checks {
    ($version:ident, $mqtt:ident, $keep_session:path, $will:path) => {
        mod $version {
            use super::*;
            use $mqtt::{AsyncClient, Event, MqttOptions, Packet, PublishOptions, QoS};

            struct Client {
                client: AsyncClient,
                messages: tokio::sync::mpsc::UnboundedReceiver<Message>,
                task: tokio::task::JoinHandle<()>,
            }

            fn options(broker: &EmbeddedBroker, id: &str) -> MqttOptions {
                let address = broker.local_addr();
                MqttOptions::new(id, (address.ip().to_string(), address.port()))
            }

            async fn connect(options: MqttOptions) -> Client {
                let (client, mut events) = AsyncClient::builder(options).capacity(100).build();
                let (sender, messages) = tokio::sync::mpsc::unbounded_channel();
                let (connected, established) = tokio::sync::oneshot::channel();
                let mut connected = Some(connected);
                let task = tokio::spawn(async move {
                    while let Ok(event) = events.poll().await {
                        match event {
                            Event::Incoming(Packet::ConnAck(_)) => {
                                connected.take().unwrap().send(()).unwrap();
                            }
                            Event::Incoming(Packet::Publish(publish)) => {
                                let topic = String::from_utf8(publish.topic.to_vec()).unwrap();
                                let payload = String::from_utf8(publish.payload.to_vec()).unwrap();
                                let _ = sender.send((topic, payload, publish.retain));
                            }
                            _ => {}
                        }
                    }
                });
                established.await.unwrap();
                Client { client, messages, task }
            }

            impl Client {
                async fn new(broker: &EmbeddedBroker, id: &str) -> Self {
                    connect(options(broker, id)).await
                }

                async fn subscribe(&self, filter: &str, qos: QoS) {
                    let notice = self.client.subscribe_tracked(filter, qos).await.unwrap();
                    notice.wait_completion_async().await.unwrap();
                }

                async fn publish(&self, topic: &str, payload: &str, qos: QoS, retain: bool) {
                    let options = PublishOptions::new(qos).retain(retain);
                    let notice = self.client.publish_tracked(topic, payload, options).await.unwrap();
                    notice.wait_completion_async().await.unwrap();
                }

                async fn next(&mut self) -> Message {
                    self.messages.recv().await.unwrap()
                }

                /// Goes away without DISCONNECT.
                async fn kill(self) {
                    self.task.abort();
                    let _ = self.task.await;
                }
            }

            #[tokio::test]
            async fn wildcards_at_qos_1() {
                let broker = start().await;
                let mut one = Client::new(&broker, "one").await;
                let mut all = Client::new(&broker, "all").await;
                let sender = Client::new(&broker, "sender").await;
                one.subscribe("a/+/c", QoS::AtLeastOnce).await;
                all.subscribe("a/#", QoS::AtLeastOnce).await;
                for topic in ["a/b/c", "a/b/d", "b", "a", "a/x/c"] {
                    sender.publish(topic, topic, QoS::AtLeastOnce, false).await;
                }
                for topic in ["a/b/c", "a/x/c"] {
                    assert_eq!(one.next().await, message(topic, topic, false));
                }
                for topic in ["a/b/c", "a/b/d", "a", "a/x/c"] {
                    assert_eq!(all.next().await, message(topic, topic, false));
                }
            }

            #[tokio::test]
            async fn qos_2_arrives_once() {
                let broker = start().await;
                let mut receiver = Client::new(&broker, "receiver").await;
                let sender = Client::new(&broker, "sender").await;
                receiver.subscribe("t", QoS::ExactlyOnce).await;
                for payload in ["1", "2", "3"] {
                    sender.publish("t", payload, QoS::ExactlyOnce, false).await;
                }
                for payload in ["1", "2", "3"] {
                    assert_eq!(receiver.next().await, message("t", payload, false));
                }
                assert!(receiver.messages.try_recv().is_err());
            }

            #[tokio::test]
            async fn retained_messages_come_to_later_subscribers() {
                let broker = start().await;
                let sender = Client::new(&broker, "sender").await;
                sender.publish("r/a", "old", QoS::AtLeastOnce, true).await;
                sender.publish("r/a", "new", QoS::AtLeastOnce, true).await;
                sender.publish("r/b", "not kept", QoS::AtLeastOnce, false).await;
                let mut receiver = Client::new(&broker, "receiver").await;
                receiver.subscribe("r/+", QoS::AtLeastOnce).await;
                sender.publish("r/end", "end", QoS::AtLeastOnce, false).await;
                let (topic, payload, _) = receiver.next().await;
                assert_eq!((topic.as_str(), payload.as_str()), ("r/a", "new"));
                assert_eq!(receiver.next().await.0, "r/end");
            }

            #[tokio::test]
            async fn the_retain_flag_tells_kept_from_live() {
                let broker = start().await;
                let sender = Client::new(&broker, "sender").await;
                let mut live = Client::new(&broker, "live").await;
                live.subscribe("r", QoS::AtLeastOnce).await;
                sender.publish("r", "x", QoS::AtLeastOnce, true).await;
                assert_eq!(live.next().await, message("r", "x", false));
                let mut late = Client::new(&broker, "late").await;
                late.subscribe("r", QoS::AtLeastOnce).await;
                assert_eq!(late.next().await, message("r", "x", true));
            }

            #[tokio::test]
            async fn an_empty_payload_clears_what_was_retained() {
                let broker = start().await;
                let sender = Client::new(&broker, "sender").await;
                sender.publish("r/a", "x", QoS::AtLeastOnce, true).await;
                sender.publish("r/a", "", QoS::AtLeastOnce, true).await;
                let mut receiver = Client::new(&broker, "receiver").await;
                receiver.subscribe("r/+", QoS::AtLeastOnce).await;
                sender.publish("r/end", "end", QoS::AtLeastOnce, false).await;
                assert_eq!(receiver.next().await.0, "r/end");
            }

            #[tokio::test]
            async fn a_shared_subscription_gives_each_message_to_one_member() {
                let broker = start().await;
                let sender = Client::new(&broker, "sender").await;
                let mut members = [Client::new(&broker, "one").await, Client::new(&broker, "two").await];
                for member in &members {
                    member.subscribe("$share/group/s/#", QoS::AtLeastOnce).await;
                    member.subscribe("end", QoS::AtLeastOnce).await;
                }
                for payload in 0..6 {
                    sender.publish("s/t", &payload.to_string(), QoS::AtLeastOnce, false).await;
                }
                sender.publish("end", "", QoS::AtLeastOnce, false).await;
                let mut got = Vec::new();
                for member in &mut members {
                    let before = got.len();
                    loop {
                        let (topic, payload, _) = member.next().await;
                        if topic == "end" {
                            break;
                        }
                        got.push(payload);
                    }
                    assert!(got.len() > before, "members take turns");
                }
                let distinct: BTreeSet<_> = got.iter().cloned().collect();
                assert_eq!((got.len(), distinct.len()), (6, 6), "{got:?}");
            }

            #[tokio::test]
            async fn the_last_will_is_published_when_a_client_dies() {
                let broker = start().await;
                let mut receiver = Client::new(&broker, "receiver").await;
                receiver.subscribe("will", QoS::AtLeastOnce).await;
                let mut options = options(&broker, "mortal");
                options.set_last_will($will("will", "gone"));
                connect(options).await.kill().await;
                assert_eq!(receiver.next().await, message("will", "gone", false));
            }

            #[tokio::test]
            async fn a_session_keeps_messages_for_a_client_that_is_away() {
                let broker = start().await;
                let mut options = options(&broker, "sleeper");
                $keep_session(&mut options);
                let sleeper = connect(options.clone()).await;
                sleeper.subscribe("q", QoS::AtLeastOnce).await;
                sleeper.kill().await;
                let sender = Client::new(&broker, "sender").await;
                for payload in ["1", "2", "3"] {
                    sender.publish("q", payload, QoS::AtLeastOnce, false).await;
                }
                let mut sleeper = connect(options).await;
                for payload in ["1", "2", "3"] {
                    assert_eq!(sleeper.next().await, message("q", payload, false));
                }
            }
        }
    };
}

fn keep_session_3(options: &mut rumqttc_v4::MqttOptions) {
    options.set_clean_session(false);
}

fn keep_session_5(options: &mut rumqttc::MqttOptions) {
    options
        .set_clean_start(false)
        .set_session_expiry_interval(Some(600))
        // A client made anew takes the session over, as after a restart.
        .set_broker_session_resume_policy(rumqttc::BrokerSessionResumePolicy::AllowBrokerOnly);
}

fn will_3(topic: &str, payload: &str) -> rumqttc_v4::LastWill {
    rumqttc_v4::LastWill::new(topic, payload, rumqttc_v4::QoS::AtLeastOnce, false)
}

fn will_5(topic: &str, payload: &str) -> rumqttc::LastWill {
    rumqttc::LastWill::new(topic, payload, rumqttc::QoS::AtLeastOnce, false, None)
}

checks!(mqtt_3_1_1, rumqttc_v4, keep_session_3, will_3);
checks!(mqtt_5, rumqttc, keep_session_5, will_5);

#[tokio::test]
async fn brokers_run_side_by_side_and_apart() {
    let (one, two) = (start().await, start().await);
    assert_ne!(one.local_addr(), two.local_addr());
    assert!(one.local_addr().ip().is_loopback());
    let mut watcher = MqttClient::connect(&two.url()).await.unwrap();
    watcher.subscribe("#", 1).await.unwrap();
    for (broker, payload) in [(&one, "one"), (&two, "two")] {
        let mut sender = MqttClient::connect(&broker.url()).await.unwrap();
        sender.publish("t", payload, 1, false).await.unwrap();
    }
    assert_eq!(watcher.next().await.unwrap().payload, "two");
}

#[tokio::test]
async fn a_port_in_use_is_an_error_and_a_stopped_broker_frees_it() {
    let broker = start().await;
    let mut settings = EmbeddedSettings::any_port();
    settings.bind = broker.local_addr();
    let error = EmbeddedBroker::start(settings.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);

    let mut client = MqttClient::connect(&broker.url()).await.unwrap();
    broker.stop().await;
    client.next().await.unwrap_err();
    let error = MqttClient::connect(&settings.bind.into()).await.unwrap_err().to_string();
    assert!(error.contains(&settings.bind.to_string()), "{error}");

    let again = EmbeddedBroker::start(settings.clone()).await.unwrap();
    MqttClient::connect(&again.url()).await.unwrap();
}

#[tokio::test]
async fn retained_messages_have_a_bound() {
    let mut settings = EmbeddedSettings::any_port();
    settings.max_retained = 2;
    let broker = EmbeddedBroker::start(settings).await.unwrap();
    let mut client = MqttClient::connect(&broker.url()).await.unwrap();
    for (topic, payload) in [("a", "1"), ("b", "1"), ("c", "1"), ("a", "2")] {
        client.publish(topic, payload, 1, true).await.unwrap();
    }
    client.subscribe("#", 1).await.unwrap();
    client.publish("end", "", 1, false).await.unwrap();
    let mut kept = Vec::new();
    loop {
        let received = client.next().await.unwrap();
        if received.topic == "end" {
            break;
        }
        assert!(received.retained);
        kept.push((received.topic, received.payload));
    }
    kept.sort();
    assert_eq!(kept, [("a".into(), "2".into()), ("b".into(), "1".into())]);
}

/// The broker restarts in the middle: nothing is left of it, and still every
/// publish ends well and the subscription works.
#[tokio::test]
async fn devices_survive_a_restart() {
    let embedded = start().await;
    let mut settings = EmbeddedSettings::any_port();
    settings.bind = embedded.local_addr();
    let mut mqtt = MqttSettings::new(embedded.url());
    mqtt.reconnect_min = Duration::from_millis(5);
    mqtt.reconnect_max = Duration::from_millis(50);
    let broker = MqttBroker::start(mqtt);
    let (sender, mut outbox) = inbox(10);
    let mut link = broker.link(&ConnInfo::default(), sender);
    link.submit(Request::Subscribe { ticket: Ticket(0), filter: "down/+".into(), qos: 1 }).await.unwrap();
    let publish = |number: u64| Request::Publish {
        ticket: Ticket(number),
        topic: "up".into(),
        payload: number.to_string().into(),
        qos: 1,
        retain: false,
    };
    for number in 1..=50 {
        link.submit(publish(number)).await.unwrap();
    }
    embedded.stop().await;
    for number in 51..=100 {
        link.submit(publish(number)).await.unwrap();
    }
    let embedded = EmbeddedBroker::start(settings).await.unwrap();
    let mut open: BTreeSet<u64> = (0..=100).collect();
    while !open.is_empty() {
        match outbox.next().await.unwrap() {
            Notice::Completed(Ticket(number), outcome) => {
                assert_eq!(outcome, Outcome::Done);
                assert!(open.remove(&number));
            }
            other => panic!("{other:?}"),
        }
    }
    // A second subscription is confirmed after the first was restored.
    link.submit(Request::Subscribe { ticket: Ticket(101), filter: "other".into(), qos: 1 }).await.unwrap();
    assert!(matches!(outbox.next().await, Some(Notice::Completed(_, Outcome::Done))));
    let mut client = MqttClient::connect(&embedded.url()).await.unwrap();
    client.publish("down/7", "hello", 1, false).await.unwrap();
    match outbox.next().await.unwrap() {
        Notice::Message { topic, payload, .. } => {
            assert_eq!((&*topic, &payload[..]), ("down/7", &b"hello"[..]));
        }
        other => panic!("{other:?}"),
    }
}
