//! Each device as a client of the broker of its own.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::SocketAddr;
use std::time::Duration;

use exproto_runtime::broker::{
    Broker, DeviceSettings, DeviceWill, EmbeddedBroker, EmbeddedSettings, Link, Mode, MqttBroker, MqttClient,
    MqttLink, MqttSettings, MqttUrl, MqttVersion, Notice, Outbox, Receipt, Request, inbox,
};
use exproto_runtime::session::{ConnInfo, Credentials, Outcome, Ticket};
use exproto_runtime::testkit::mqtt::ScriptedBroker;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const BOTH: [MqttVersion; 2] = [MqttVersion::V3, MqttVersion::V5];

async fn start() -> EmbeddedBroker {
    EmbeddedBroker::start(EmbeddedSettings::any_port()).await.unwrap()
}

fn host_with(url: MqttUrl, devices: DeviceSettings) -> MqttBroker {
    let mut settings = MqttSettings::new(url);
    settings.mode = Mode::PerDevice(devices);
    settings.reconnect_min = Duration::from_millis(1);
    settings.reconnect_max = Duration::from_millis(20);
    settings.login_timeout = Duration::from_secs(60);
    MqttBroker::start(settings)
}

fn host(url: MqttUrl) -> MqttBroker {
    host_with(url, DeviceSettings::default())
}

struct Device {
    link: MqttLink,
    outbox: Outbox,
    tickets: u64,
}

fn device_with(host: &MqttBroker, limit: usize) -> Device {
    let (sender, outbox) = inbox(limit);
    Device { link: host.link(&ConnInfo::default(), sender), outbox, tickets: 0 }
}

fn device(host: &MqttBroker) -> Device {
    device_with(host, 100)
}

async fn logged_in(host: &MqttBroker, client_id: &str) -> Device {
    let mut device = device(host);
    assert_eq!(device.log_in(client_id).await, Outcome::Done);
    device
}

impl Device {
    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    async fn log_in(&mut self, client_id: &str) -> Outcome {
        let credentials = Credentials {
            client_id: client_id.into(),
            username: Some("user".into()),
            password: Some("secret".into()),
        };
        let ticket = self.ticket();
        self.link.submit(Request::Authenticate(ticket, Box::new(credentials))).await.unwrap();
        self.outcome().await
    }

    async fn subscribe(&mut self, filter: &str) {
        let ticket = self.ticket();
        self.link.submit(Request::Subscribe { ticket, filter: filter.into(), qos: 1 }).await.unwrap();
        assert_eq!(self.outcome().await, Outcome::Done);
    }

    async fn publish(&mut self, topic: &str, payload: &str, qos: u8) {
        let ticket = self.ticket();
        let (topic, payload) = (topic.to_owned(), payload.to_owned().into());
        self.link.submit(Request::Publish { ticket, topic, payload, qos, retain: false }).await.unwrap();
    }

    async fn outcome(&mut self) -> Outcome {
        match self.outbox.next().await.unwrap() {
            Notice::Completed(_, outcome) => outcome,
            other => panic!("{other:?}"),
        }
    }

    async fn unconfirmed(&mut self) -> (String, Option<Receipt>) {
        match self.outbox.next().await.unwrap() {
            Notice::Message { payload, receipt, .. } => {
                (String::from_utf8(payload.to_vec()).unwrap(), receipt)
            }
            other => panic!("{other:?}"),
        }
    }

    async fn message(&mut self) -> String {
        let (payload, receipt) = self.unconfirmed().await;
        if let Some(receipt) = receipt {
            receipt.confirm();
        }
        payload
    }

    async fn closed(&mut self) -> String {
        loop {
            match self.outbox.next().await.unwrap() {
                Notice::Closed(why) => return why.into(),
                Notice::Completed(..) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

async fn sender(embedded: &EmbeddedBroker) -> MqttClient {
    MqttClient::connect(&embedded.url()).await.unwrap()
}

/// Waits until the broker has no connection of this client any more: another
/// one with the same client id would drive it out otherwise.
async fn away(host: &MqttBroker, device: Device) {
    drop(device);
    host.close(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_login_is_the_brokers_decision() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let host = host(scripted.url());
    let mut device = device(&host);
    scripted.refuse_login("truck", 0x87);
    let refused = Outcome::Refused { code: 0x87, reason: "not authorized".into() };
    assert_eq!(device.log_in("truck").await, refused);
    assert_eq!(host.logged_in(), 0);
    // A broker that is busy is asked again.
    scripted.refuse_login("truck", 0x89);
    assert_eq!(device.log_in("truck").await, Outcome::Done);
    assert_eq!(host.logged_in(), 1);
    let login = (Some("user".to_owned()), Some("secret".to_owned()));
    assert_eq!(scripted.seen().logins, [login.clone(), login.clone(), login]);
    device.publish("t", "x", 1).await;
    assert_eq!(device.outcome().await, Outcome::Done);
    drop(device);
    scripted.until(|seen| seen.connected == 0).await;
    assert_eq!(host.logged_in(), 0);
}

#[tokio::test]
async fn who_took_a_client_id_over_is_not_driven_out() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let (one, two) = (host(scripted.url()), host(scripted.url()));
    let mut old = logged_in(&one, "truck").await;
    let mut new = logged_in(&two, "truck").await;
    assert_eq!(old.closed().await, "another connection took over the client id");
    drop(old);
    new.publish("t", "x", 1).await;
    assert_eq!(new.outcome().await, Outcome::Done);
    assert_eq!(scripted.seen().connects, 2);
}

#[tokio::test]
async fn a_login_that_gets_no_answer_fails_in_time() {
    let scripted = ScriptedBroker::start().await.unwrap();
    scripted.hold_connects();
    let mut settings = MqttSettings::new(scripted.url());
    settings.mode = Mode::PerDevice(DeviceSettings::default());
    settings.login_timeout = Duration::from_millis(50);
    let host = MqttBroker::start(settings);
    let mut device = device(&host);
    assert_eq!(device.log_in("truck").await, Outcome::Failed("the broker did not answer in time".into()));
    scripted.until(|seen| seen.connected == 0).await;
}

#[tokio::test]
async fn what_was_sent_to_a_device_that_is_away_comes_to_it_through_another_host() {
    for version in BOTH {
        let embedded = start().await;
        let url = embedded.url().with_version(version);
        let one = host(url.clone());
        let mut truck = logged_in(&one, "truck").await;
        truck.subscribe("down/truck").await;
        away(&one, truck).await;

        let mut sender = sender(&embedded).await;
        for number in 0..20 {
            sender.publish("down/truck", number.to_string(), 1, false).await.unwrap();
        }
        let two = host(url);
        let mut truck = logged_in(&two, "truck").await;
        for number in 0..20 {
            assert_eq!(truck.message().await, number.to_string(), "{version:?}");
        }
        truck.subscribe("down/truck").await;
        sender.publish("down/truck", "live", 1, false).await.unwrap();
        assert_eq!(truck.message().await, "live");
        truck.publish("up", "x", 1).await;
        assert_eq!(truck.outcome().await, Outcome::Done);
    }
}

#[tokio::test]
async fn what_the_device_has_not_got_comes_again() {
    for version in BOTH {
        let embedded = start().await;
        let url = embedded.url().with_version(version);
        let one = host(url.clone());
        let mut truck = logged_in(&one, "truck").await;
        truck.subscribe("down").await;
        let mut sender = sender(&embedded).await;
        for payload in ["a", "b", "c"] {
            sender.publish("down", payload, 1, false).await.unwrap();
        }
        assert_eq!(truck.message().await, "a");
        assert_eq!(truck.unconfirmed().await.0, "b");
        // What follows in the same order says that the confirmation has arrived.
        truck.publish("up", "x", 1).await;
        while !matches!(truck.outbox.next().await, Some(Notice::Completed(..))) {}
        away(&one, truck).await;
        let two = host(url);
        let mut truck = logged_in(&two, "truck").await;
        // The broker had both under way; not every one keeps their order then.
        let mut again = [truck.message().await, truck.message().await];
        again.sort();
        assert_eq!(again, ["b", "c"], "{version:?}");
    }
}

#[tokio::test]
async fn a_small_inbox_loses_nothing() {
    let embedded = start().await;
    let one = host(embedded.url());
    let mut truck = logged_in(&one, "truck").await;
    truck.subscribe("down").await;
    away(&one, truck).await;
    let mut sender = sender(&embedded).await;
    for number in 0..50 {
        sender.publish("down", number.to_string(), 1, false).await.unwrap();
    }
    let two = host(embedded.url());
    let mut truck = device_with(&two, 2);
    assert_eq!(truck.log_in("truck").await, Outcome::Done);
    for number in 0..50 {
        assert_eq!(truck.message().await, number.to_string());
    }
    assert_eq!(truck.outbox.dropped(), 0);
}

#[tokio::test]
async fn a_device_that_comes_to_another_host_leaves_the_first() {
    for version in BOTH {
        let embedded = start().await;
        let url = embedded.url().with_version(version);
        let (one, two) = (host(url.clone()), host(url));
        let mut old = logged_in(&one, "truck").await;
        old.subscribe("down").await;
        let mut new = logged_in(&two, "truck").await;
        old.closed().await;
        new.subscribe("down").await;
        sender(&embedded).await.publish("down", "x", 1, false).await.unwrap();
        assert_eq!(new.message().await, "x");
        drop(old);
        new.publish("up", "x", 1).await;
        assert_eq!(new.outcome().await, Outcome::Done);
        assert_eq!((one.counters().connects, two.counters().connects), (1, 1), "no fight over it");
    }
}

#[tokio::test]
async fn on_one_host_the_newest_connection_stays() {
    for version in BOTH {
        let embedded = start().await;
        let host = host(embedded.url().with_version(version));
        let mut old = logged_in(&host, "truck").await;
        let mut new = logged_in(&host, "truck").await;
        old.closed().await;
        drop(old);
        new.publish("up", "x", 1).await;
        assert_eq!(new.outcome().await, Outcome::Done);
        assert_eq!((host.logged_in(), host.counters().connects), (1, 2));
    }
}

#[tokio::test]
async fn a_will_is_for_those_who_go_without_a_good_bye() {
    for version in BOTH {
        let embedded = start().await;
        let mut watcher = sender(&embedded).await;
        watcher.subscribe("state/+", 1).await.unwrap();
        let mut devices = DeviceSettings::default();
        devices.will = Some(DeviceWill::new("state/{client_id}", "{client_id} is gone"));
        let host = host_with(embedded.url().with_version(version), devices);

        let mut polite = logged_in(&host, "polite").await;
        polite.link.good_bye();
        drop(polite);
        drop(logged_in(&host, "rude").await);
        let message = watcher.next().await.unwrap();
        assert_eq!((message.topic.as_str(), &message.payload[..]), ("state/rude", &b"rude is gone"[..]));

        let mut odd = device(&host);
        assert!(matches!(odd.log_in("a/#").await, Outcome::Refused { code: 0x85, .. }));
    }
}

#[tokio::test]
async fn who_does_not_log_in_is_a_client_all_the_same() {
    for version in BOTH {
        let embedded = start().await;
        let host = host(embedded.url().with_version(version));
        let mut watcher = sender(&embedded).await;
        watcher.subscribe("up", 1).await.unwrap();
        let mut anonymous = device(&host);
        anonymous.publish("up", "x", 1).await;
        assert_eq!(anonymous.outcome().await, Outcome::Done);
        assert_eq!(watcher.next().await.unwrap().payload, "x");
        assert_eq!(host.logged_in(), 0);
        // Logging in makes it another client.
        assert_eq!(anonymous.log_in("truck").await, Outcome::Done);
        anonymous.publish("up", "y", 1).await;
        assert_eq!(anonymous.outcome().await, Outcome::Done);
        assert_eq!(watcher.next().await.unwrap().payload, "y");
    }
}

#[tokio::test]
async fn in_a_session_begun_elsewhere_qos_2_is_qos_1() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let (one, two) = (host(scripted.url()), host(scripted.url()));
    let mut truck = logged_in(&one, "truck").await;
    truck.publish("up", "1", 2).await;
    assert_eq!(truck.outcome().await, Outcome::Done);
    away(&one, truck).await;
    let mut truck = logged_in(&two, "truck").await;
    truck.publish("up", "2", 2).await;
    assert_eq!(truck.outcome().await, Outcome::Done);
    let qos: Vec<_> = scripted.seen().received.iter().map(|published| published.qos).collect();
    assert_eq!((qos, scripted.seen().resumed), (vec![2, 1], 1));
}

#[tokio::test]
async fn a_clean_start_leaves_nothing_waiting() {
    let embedded = start().await;
    let mut devices = DeviceSettings::default();
    devices.clean_start = true;
    let one = host_with(embedded.url(), devices.clone());
    let mut truck = logged_in(&one, "truck").await;
    truck.subscribe("down").await;
    away(&one, truck).await;
    let mut sender = sender(&embedded).await;
    sender.publish("down", "old", 1, false).await.unwrap();
    let two = host_with(embedded.url(), devices);
    let mut truck = logged_in(&two, "truck").await;
    truck.subscribe("down").await;
    sender.publish("down", "new", 1, false).await.unwrap();
    assert_eq!(truck.message().await, "new");
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
}

#[tokio::test]
async fn a_device_goes_with_its_connection_and_finds_its_session_again() {
    for version in BOTH {
        let embedded = start().await;
        let network = Network::to(embedded.local_addr()).await;
        let host = host(MqttUrl::from(network.address).with_version(version));
        let mut truck = logged_in(&host, "truck").await;
        truck.subscribe("down").await;
        network.cuts.send_modify(|cuts| *cuts += 1);
        assert_eq!(truck.closed().await, "the connection to the broker has ended");
        drop(truck);
        sender(&embedded).await.publish("down", "x", 1, false).await.unwrap();
        let mut truck = logged_in(&host, "truck").await;
        assert_eq!(truck.message().await, "x");
    }
}
