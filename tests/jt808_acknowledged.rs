//! Acknowledged means published: a device is told "stored" only of what the
//! broker has acknowledged, whatever happens to the broker; and all that
//! happens to it is a delay for the devices.
//!
//! Trucks on real sockets, the host, the MQTT broker's client, and a scripted
//! broker that is killed, paused and restarted at every step of their life.
//! Nothing sleeps and nothing is timed: where a test waits, it waits for
//! something to happen, and the patience that ends it is for a test that hangs.
// What a failed test prints tells at which step it was.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use common::jt808::Body;
use common::{Header, Message, hex, location_body};
use exproto_runtime::broker::{MqttBroker, MqttSettings};
use exproto_runtime::codec::{Deframer, Item, decode};
use exproto_runtime::host::{Host, Listener};
use exproto_runtime::testkit::mqtt::{Published, ScriptedBroker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// Ends a test that hangs; no test waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// The whole stack, on the runtime of the test.
struct Stack {
    scripted: ScriptedBroker,
    address: SocketAddr,
    /// Dropped, it stops the host.
    _stop: oneshot::Sender<()>,
}

impl Stack {
    async fn start() -> Self {
        let scripted = ScriptedBroker::start().await.unwrap();
        let mut settings = MqttSettings::new(scripted.url());
        settings.reconnect_min = Duration::from_millis(1);
        settings.reconnect_max = Duration::from_millis(2);
        let broker = MqttBroker::start(settings);
        let listener = Listener::tcp(([127, 0, 0, 1], 0));
        let host = Host::<Message>::builder().workers(0).listener(listener).bind(broker).unwrap();
        let address = host.addresses().next().unwrap().1;
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(host.run(async {
            let _ = stopped.await;
        }));
        Self { scripted, address, _stop: stop }
    }

    /// The locations that the broker has acknowledged, and how often.
    fn acknowledged(&self) -> BTreeMap<(String, u64), usize> {
        let mut locations = BTreeMap::new();
        for publish in self.scripted.seen().acknowledged {
            *locations.entry(location(&publish)).or_default() += 1;
        }
        locations
    }
}

/// Whose location it is, and which: its altitude is its number.
fn location(publish: &Published) -> (String, u64) {
    let phone = publish.topic.strip_prefix("jt808/").unwrap().strip_suffix("/up/location").unwrap();
    assert_eq!(publish.qos, 1);
    let json: serde_json::Value = serde_json::from_slice(&publish.payload).unwrap();
    (phone.to_owned(), json["altitude"].as_u64().unwrap())
}

/// A truck that takes what it is told for granted.
struct Truck {
    phone: String,
    header: Header,
    stream: TcpStream,
    received: Vec<u8>,
    /// Locations that it has been told are stored.
    stored: Vec<u64>,
}

impl Truck {
    async fn connect(stack: &Stack, number: u8) -> Self {
        let phone = format!("000000000139000000{number:02}");
        let header = Header { version: Some(1), phone: common::unhex(&phone), serial: 0, part: None };
        let stream = patiently("a connection", TcpStream::connect(stack.address)).await.unwrap();
        Self { phone, header, stream, received: Vec::new(), stored: Vec::new() }
    }

    async fn send(&mut self, id: u16, body: &[u8]) {
        self.header.serial += 1;
        let frame = self.header.frame(id, body);
        patiently("a full socket", self.stream.write_all(&frame)).await.unwrap();
    }

    async fn register(&mut self) {
        let mut body = vec![0; 4 + 11 + 30 + 30 + 1];
        body.extend(b"plate");
        self.send(0x0100, &body).await;
    }

    async fn authenticate(&mut self) {
        let mut body = b"\x07exproto".to_vec();
        body.resize(body.len() + 15 + 20, 0);
        self.send(0x0102, &body).await;
    }

    /// Sends the location whose number is its altitude.
    async fn report(&mut self, number: u16) {
        let mut body = location_body(&[]);
        body[16..18].copy_from_slice(&number.to_be_bytes());
        self.send(0x0200, &body).await;
    }

    /// The payload of the next frame that the platform sends.
    async fn next(&mut self) -> Vec<u8> {
        loop {
            let (mut deframer, mut scratch) = (Deframer::<Message>::new(), Vec::new());
            let mut input = &self.received[..];
            if let Some(item) = deframer.next(&mut input, &mut scratch) {
                let Item::Frame(raw) = item else { panic!("{}: {item:?}", self.phone) };
                let payload = raw.payload.to_vec();
                // The opening flag stays out of the frame.
                let used = raw.offset as usize + raw.wire.len();
                self.received.drain(..used);
                return payload;
            }
            let read = patiently("an answer", self.stream.read_buf(&mut self.received)).await.unwrap();
            assert_ne!(read, 0, "{}: the connection was closed; devices notice only delay", self.phone);
        }
    }

    /// Waits for the answer to what was sent last, or to an earlier `serial`.
    async fn answered(&mut self, stack: &Stack, serial: u16) {
        let payload = self.next().await;
        // First of all, before anything else can happen.
        let acknowledged = stack.acknowledged();
        match decode::<Message>(&payload).unwrap().frame.body {
            Body::RegisterAck { serial: of, result, .. } => assert_eq!((of, result), (serial, 0)),
            Body::PlatformAck { serial: of, id, result } => {
                assert_eq!((of, result), (serial, 0), "{}: answer to {id:04x}", self.phone);
                if id == 0x0200 {
                    let number = u64::from(serial) - 2;
                    let known = acknowledged.contains_key(&(self.phone.clone(), number));
                    assert!(known, "{}: {number} is said to be stored and is not", self.phone);
                    self.stored.push(number);
                }
            }
            other => panic!("{}: {other:?}", self.phone),
        }
    }

    /// Nothing has arrived although everything had its chance to run.
    async fn has_no_answer(&mut self) {
        assert!(self.received.is_empty(), "{}: {}", self.phone, hex(&self.received));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let mut buffer = [0; 64];
        match self.stream.try_read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(read) => panic!("{}: answered too early: {}", self.phone, hex(&buffer[..read])),
            Err(error) => panic!("{}: {error}", self.phone),
        }
    }
}

/// What happens to the broker.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Its connections break.
    Kill,
    /// It acknowledges nothing for a while.
    Pause,
    /// It acknowledges nothing for a while, and then its connections break.
    PauseAndKill,
    /// It is gone, and comes back with the sessions of its clients.
    Restart,
    /// It is gone, and comes back knowing nothing.
    RestartEmpty,
    /// It takes connections and says nothing for a while.
    Mute,
}

const FAULTS: [Fault; 6] =
    [Fault::Kill, Fault::Pause, Fault::PauseAndKill, Fault::Restart, Fault::RestartEmpty, Fault::Mute];

impl Fault {
    fn begin(self, broker: &ScriptedBroker) {
        match self {
            Self::Kill => broker.kill(),
            Self::Pause | Self::PauseAndKill => broker.pause(),
            Self::Restart => {
                broker.stop_listening();
                broker.kill();
            }
            Self::RestartEmpty => {
                broker.stop_listening();
                broker.kill();
                broker.forget_sessions();
            }
            Self::Mute => {
                broker.hold_connects();
                broker.kill();
            }
        }
    }

    async fn end(self, broker: &ScriptedBroker) {
        match self {
            Self::Kill => {}
            Self::Pause => broker.resume(),
            Self::PauseAndKill => {
                broker.kill();
                broker.resume();
            }
            Self::Restart | Self::RestartEmpty => broker.listen_again().await.unwrap(),
            Self::Mute => {
                broker.answer_connects();
                broker.kill();
            }
        }
    }
}

const TRUCKS: u8 = 3;
const REPORTS: u16 = 3;
/// Connect, register, authenticate, and the reports.
const STEPS: u16 = 3 + REPORTS;

/// One life of a small fleet; at the step `at` the fault begins before the
/// trucks act and ends before they get their answers.
async fn life(fault: Fault, at: u16) {
    let stack = Stack::start().await;
    let mut trucks = Vec::new();
    for step in 0..STEPS {
        if step == at {
            fault.begin(&stack.scripted);
        }
        match step {
            0 => {
                for number in 1..=TRUCKS {
                    trucks.push(Truck::connect(&stack, number).await);
                }
            }
            1 => {
                for truck in &mut trucks {
                    truck.register().await;
                }
            }
            2 => {
                for truck in &mut trucks {
                    truck.authenticate().await;
                }
            }
            _ => {
                for truck in &mut trucks {
                    truck.report(step - 2).await;
                }
            }
        }
        if step == at {
            if step > 2 && fault != Fault::Kill {
                if matches!(fault, Fault::Pause | Fault::PauseAndKill) {
                    // They are on the broker's side, and it says nothing.
                    let sent = usize::from(TRUCKS) * usize::from(step - 2);
                    patiently("the publishes", stack.scripted.until(|seen| seen.received.len() >= sent))
                        .await;
                }
                for truck in &mut trucks {
                    truck.has_no_answer().await;
                }
            }
            fault.end(&stack.scripted).await;
        }
        if step > 0 {
            for truck in &mut trucks {
                truck.answered(&stack, step).await;
            }
        }
    }
    let acknowledged = stack.acknowledged();
    for truck in &mut trucks {
        let all: Vec<u64> = (1..=u64::from(REPORTS)).collect();
        assert_eq!(truck.stored, all, "{}", truck.phone);
        for number in all {
            assert!(acknowledged.contains_key(&(truck.phone.clone(), number)), "{} {number}", truck.phone);
        }
        truck.has_no_answer().await;
    }
    // Nothing but what the trucks sent.
    assert_eq!(acknowledged.len(), usize::from(TRUCKS) * usize::from(REPORTS));
}

#[tokio::test]
async fn whatever_happens_to_the_broker_at_whatever_step_is_a_delay() {
    for at in 0..STEPS {
        for fault in FAULTS {
            println!("{fault:?} at step {at}");
            life(fault, at).await;
        }
    }
}

/// All trucks logged in.
async fn fleet(stack: &Stack) -> Vec<Truck> {
    let mut trucks = Vec::new();
    for number in 1..=TRUCKS {
        let mut truck = Truck::connect(stack, number).await;
        truck.register().await;
        truck.answered(stack, 1).await;
        truck.authenticate().await;
        truck.answered(stack, 2).await;
        trucks.push(truck);
    }
    trucks
}

#[tokio::test]
async fn a_broker_that_dies_at_any_publish_loses_none() {
    let total = usize::from(TRUCKS) * usize::from(REPORTS);
    for nth in 1..=total {
        let stack = Stack::start().await;
        let mut trucks = fleet(&stack).await;
        stack.scripted.kill_at_publish(nth);
        // All at once: the gateway takes the next when the broker has the last.
        for truck in &mut trucks {
            for number in 1..=REPORTS {
                truck.report(number).await;
            }
        }
        for serial in 3..3 + REPORTS {
            for truck in &mut trucks {
                truck.answered(&stack, serial).await;
            }
        }
        let seen = stack.scripted.seen();
        assert!(seen.connects > 1, "killed at publish {nth}");
        assert_eq!(stack.acknowledged().len(), total, "killed at publish {nth}");
        // What was on its way is sent again, not skipped.
        assert!(seen.received.len() > total, "{} publishes arrived", seen.received.len());
    }
}

#[tokio::test]
async fn a_broker_that_dies_again_and_again_loses_none() {
    let stack = Stack::start().await;
    let mut trucks = fleet(&stack).await;
    let mut rng = common::Rng(77);
    for number in 1..=30_u16 {
        let fault = FAULTS[rng.below(FAULTS.len())];
        let broken = rng.below(3) == 0;
        if broken {
            fault.begin(&stack.scripted);
        }
        for truck in &mut trucks {
            truck.report(number).await;
        }
        if broken {
            for _ in 0..rng.below(40) {
                tokio::task::yield_now().await;
            }
            fault.end(&stack.scripted).await;
        }
        for truck in &mut trucks {
            truck.answered(&stack, 2 + number).await;
        }
    }
    assert_eq!(stack.acknowledged().len(), usize::from(TRUCKS) * 30);
}

#[tokio::test]
async fn a_report_that_the_broker_refuses_is_not_said_to_be_stored() {
    let stack = Stack::start().await;
    let mut trucks = fleet(&stack).await;
    let truck = &mut trucks[0];
    stack.scripted.refuse(&format!("jt808/{}/up/location", truck.phone), 0x97);
    truck.report(1).await;
    let payload = truck.next().await;
    let Body::PlatformAck { serial, id, result } = decode::<Message>(&payload).unwrap().frame.body else {
        panic!("{}", hex(&payload))
    };
    assert_eq!((serial, id, result), (3, 0x0200, 1));
    assert!(stack.acknowledged().is_empty());
    // It goes on.
    truck.report(2).await;
    truck.answered(&stack, 4).await;
}

#[tokio::test]
async fn a_truck_that_leaves_before_its_answer_has_its_report_published_all_the_same() {
    let stack = Stack::start().await;
    let mut trucks = fleet(&stack).await;
    stack.scripted.pause();
    let mut truck = trucks.remove(0);
    truck.report(1).await;
    patiently("the publish", stack.scripted.until(|seen| seen.received.len() == 1)).await;
    let phone = truck.phone.clone();
    drop(truck);
    // The broker breaks before it has acknowledged it, with nobody waiting.
    stack.scripted.kill();
    stack.scripted.resume();
    patiently("the publish", stack.scripted.until(|seen| seen.acknowledged.len() == 1)).await;
    assert!(stack.acknowledged().contains_key(&(phone, 1)));
}
