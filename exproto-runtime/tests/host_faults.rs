//! Devices and brokers that fail, over real sockets: after each fault nothing
//! that a device was told is stored is missing at the broker, the host works on,
//! and no task, socket or byte is left behind.

#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(all(feature = "host", feature = "testkit"))]

#[path = "line/mod.rs"]
mod line;
#[path = "memory/mod.rs"]
mod memory;
#[path = "running/mod.rs"]
mod running;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use exproto_runtime::broker::{MqttBroker, MqttSettings};
use exproto_runtime::host::{Host, HostError, Stopped};
use exproto_runtime::metrics::{Counter, Metrics};
use exproto_runtime::testkit::mqtt::ScriptedBroker;
use line::{Line, wire};
use running::{Device, Running, listener, patiently, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// On this runtime, so that its tasks can be counted.
fn here() -> Running {
    Running::start(listener(), |host| host.workers(0))
}

/// Tasks of this runtime: each connection is one, and its socket lives in it.
fn alive() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Nothing is left of the devices that were there.
async fn all_is_gone(metrics: &Metrics, tasks: usize) {
    until("the devices to be gone", || metrics.open() == 0).await;
    until("their tasks to be gone", || alive() <= tasks).await;
    assert_eq!(metrics.held(), 0);
}

async fn works_on(host: &Running) {
    let mut device = host.log_in("after").await;
    device.send(&["data 1", "bye"]).await;
    assert_eq!(device.line().await, "stored 1");
    assert_eq!(device.line().await, "good bye");
    assert_eq!(device.line().await, "");
}

/// Closes with a reset.
fn reset(device: Device) {
    device.stream.get_ref().set_zero_linger().unwrap();
}

#[tokio::test]
async fn devices_that_vanish_reset_or_half_close_leave_nothing_behind() {
    let host = here();
    works_on(&host).await;
    all_is_gone(&host.metrics, 1).await;
    let tasks = alive();
    for round in 0..3 {
        // Before a byte, in the middle of a frame, and with a publish under way.
        drop(host.connect().await);
        reset(host.connect().await);
        let mut partial = host.log_in("partial").await;
        partial.stream.write_all(b"\ndata 12").await.unwrap();
        if round == 0 {
            drop(partial)
        } else {
            reset(partial)
        }
        let waiting = format!("line/waiting{round}/up");
        host.broker.hold(&waiting);
        let mut vanishing = host.log_in(&format!("waiting{round}")).await;
        vanishing.send(&["data 5"]).await;
        host.broker.waiting(1).await;
        reset(vanishing);
        host.broker.release();
        // One that has said all it wants, and waits for the answers.
        let mut half = host.log_in("half").await;
        half.send(&["data 6", "ping"]).await;
        half.stream.shutdown().await.unwrap();
        assert_eq!(half.line().await, "stored 6");
        assert_eq!(half.line().await, "pong");
        assert_eq!(half.line().await, "");
        drop(half);
        all_is_gone(&host.metrics, tasks).await;
    }
    works_on(&host).await;
    all_is_gone(&host.metrics, tasks).await;
    assert_eq!(host.stop().await.open, 0);
}

#[tokio::test]
async fn a_thousand_reconnects_are_served_one_and_all() {
    const AT_ONCE: usize = 100;
    let host = here();
    works_on(&host).await;
    all_is_gone(&host.metrics, 1).await;
    let tasks = alive();
    for round in 0..10 {
        let mut devices = JoinSet::new();
        for index in 0..AT_ONCE {
            let address = host.address;
            devices.spawn(async move {
                let mut device = connect(address).await;
                device.send(&[&format!("hello {index}"), &format!("data {round}")]).await;
                assert_eq!(device.line().await, "welcome");
                assert_eq!(device.line().await, format!("stored {round}"));
                device
            });
        }
        let devices = patiently("all devices", devices.join_all()).await;
        assert_eq!(host.metrics.open(), AT_ONCE as u64);
        // All at once, half of them with a reset.
        for (index, device) in devices.into_iter().enumerate() {
            if index % 2 == 0 { reset(device) } else { drop(device) }
        }
        all_is_gone(&host.metrics, tasks).await;
    }
    assert_eq!(host.broker.published().len(), 1 + 10 * AT_ONCE);
    works_on(&host).await;
    host.stop().await;
}

async fn connect(address: SocketAddr) -> Device {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.set_send_buffer_size(4096).unwrap();
    let stream = socket.connect(address).await.unwrap();
    Device { stream: BufReader::new(stream), line: Vec::new() }
}

/// A host in front of a broker that does what the test says, by MQTT.
struct Bridged {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    scripted: ScriptedBroker,
    broker: MqttBroker,
    stop: Option<oneshot::Sender<()>>,
    host: JoinHandle<Result<Stopped, HostError>>,
}

impl Bridged {
    async fn start(change: impl FnOnce(&mut MqttSettings)) -> Self {
        let scripted = ScriptedBroker::start().await.unwrap();
        let mut settings = MqttSettings::new(scripted.url());
        settings.reconnect_min = Duration::from_millis(1);
        settings.reconnect_max = Duration::from_millis(20);
        change(&mut settings);
        let broker = MqttBroker::start(settings);
        // Small buffers, so that a socket is full soon.
        let listener = listener().receive_buffer(4096).chunk(256);
        let builder = Host::<Line<'static>>::builder().workers(0).listener(listener);
        let host = builder.bind(broker.clone()).unwrap();
        let address = host.addresses().next().unwrap().1;
        let metrics = host.metrics();
        let (stop, stopped) = oneshot::channel::<()>();
        let host = tokio::spawn(host.run(async {
            let _ = stopped.await;
        }));
        Self { address, metrics, scripted, broker, stop: Some(stop), host }
    }

    async fn log_in(&self, id: &str) -> Device {
        let mut device = connect(self.address).await;
        device.send(&[&format!("hello {id}")]).await;
        assert_eq!(device.line().await, "welcome");
        device
    }

    /// Everything that devices were told is stored has reached the broker.
    fn nothing_is_missing(&self, stored: &[(String, String)]) {
        let seen = self.scripted.seen();
        let there: HashSet<(String, String)> = seen
            .acknowledged
            .iter()
            .map(|publish| (publish.topic.clone(), String::from_utf8_lossy(&publish.payload).into_owned()))
            .collect();
        for told in stored {
            assert!(there.contains(told), "{told:?} is missing");
        }
    }

    async fn stop(mut self) {
        drop(self.stop.take());
        patiently("the host to stop", self.host).await.unwrap().unwrap();
        patiently("the broker to close", self.broker.close(Duration::from_secs(5))).await;
    }
}

/// A device that sends one after the other, and notes what it was told is stored.
async fn report(bridged: &Bridged, id: &str, from: usize, count: usize) -> (Device, Vec<(String, String)>) {
    let mut device = bridged.log_in(id).await;
    let mut stored = Vec::new();
    for number in from..from + count {
        device.send(&[&format!("data {number}")]).await;
        assert_eq!(device.line().await, format!("stored {number}"));
        stored.push((format!("line/{id}/up"), number.to_string()));
    }
    (device, stored)
}

#[tokio::test]
async fn a_broker_that_is_killed_again_and_again_loses_nothing() {
    let bridged = Bridged::start(|_| {}).await;
    let mut stored = Vec::new();
    let killing = async {
        for kill in 1..=8 {
            // While publishes are under way, with and without its memory.
            bridged.scripted.kill_at_publish(5);
            let before = bridged.scripted.seen().connects;
            patiently("the next connection", bridged.scripted.until(|seen| seen.connects > before)).await;
            if kill % 2 == 0 {
                bridged.scripted.forget_sessions();
            }
        }
    };
    let reporting = async {
        let mut all = Vec::new();
        for round in 0..20 {
            let (first, second, third) = tokio::join!(
                report(&bridged, "1", 100 * round, 10),
                report(&bridged, "2", 100 * round, 10),
                report(&bridged, "3", 100 * round, 10)
            );
            for (_, stored) in [first, second, third] {
                all.extend(stored);
            }
        }
        all
    };
    let ((), told) = patiently("all devices", async { tokio::join!(killing, reporting) }).await;
    stored.extend(told);
    assert_eq!(stored.len(), 600);
    bridged.nothing_is_missing(&stored);
    until("the devices to be gone", || bridged.metrics.open() == 0).await;
    bridged.stop().await;
}

#[tokio::test]
async fn while_the_broker_stands_still_devices_wait_and_are_told_nothing() {
    // A small queue, so that it is full soon.
    let bridged = Bridged::start(|settings| {
        settings.queue = 4;
        settings.in_flight = 2;
    })
    .await;
    let mut devices = Vec::new();
    for id in 0..20 {
        devices.push(bridged.log_in(&id.to_string()).await);
    }
    bridged.scripted.pause();
    for device in &mut devices {
        device.send(&["data 1", "data 2"]).await;
    }
    // The broker has what may be under way, and acknowledges none of it.
    patiently("publishes", bridged.scripted.until(|seen| seen.received.len() >= 2)).await;
    assert_eq!(bridged.metrics.get(Counter::Acknowledged), 0);
    let replies = bridged.metrics.get(Counter::Replies);
    assert_eq!(replies, 20, "of the logins");
    // A device that needs no broker is served, and new ones are let in.
    let mut other = connect(bridged.address).await;
    other.send(&["ping"]).await;
    assert_eq!(other.line().await, "pong");
    bridged.scripted.resume();
    let mut stored = Vec::new();
    for (id, device) in devices.iter_mut().enumerate() {
        for number in 1..=2 {
            assert_eq!(device.line().await, format!("stored {number}"));
            stored.push((format!("line/{id}/up"), number.to_string()));
        }
    }
    bridged.nothing_is_missing(&stored);
    drop((devices, other));
    until("the devices to be gone", || bridged.metrics.open() == 0).await;
    bridged.stop().await;
}

#[tokio::test]
async fn what_the_broker_refuses_is_not_told_as_stored() {
    let bridged = Bridged::start(|_| {}).await;
    let mut device = bridged.log_in("1").await;
    // Quota exceeded, and not authorized.
    for code in [0x97, 0x87] {
        bridged.scripted.refuse("line/1/up", code);
        device.send(&["data 1"]).await;
        assert_eq!(device.line().await, "lost 1");
    }
    device.send(&["data 2"]).await;
    assert_eq!(device.line().await, "stored 2");
    bridged.nothing_is_missing(&[("line/1/up".into(), "2".into())]);
    assert_eq!(bridged.metrics.get(Counter::Unpublished), 2);
    bridged.stop().await;
}

#[tokio::test]
async fn a_broker_that_is_away_keeps_devices_waiting_until_it_is_back() {
    let bridged = Bridged::start(|_| {}).await;
    let mut device = bridged.log_in("1").await;
    bridged.scripted.stop_listening();
    bridged.scripted.kill();
    device.send(&["data 1", "ping"]).await;
    let mut other = connect(bridged.address).await;
    other.send(&["ping"]).await;
    assert_eq!(other.line().await, "pong");
    // What waits behind the publish is not answered before it.
    assert!(nothing_to_read(&mut device));
    bridged.scripted.listen_again().await.unwrap();
    assert_eq!(device.line().await, "stored 1");
    assert_eq!(device.line().await, "pong");
    bridged.nothing_is_missing(&[("line/1/up".into(), "1".into())]);
    bridged.stop().await;
}

fn nothing_to_read(device: &mut Device) -> bool {
    let error = device.stream.get_ref().try_read(&mut [0]).map_err(|error| error.kind());
    error == Err(std::io::ErrorKind::WouldBlock)
}

#[tokio::test]
async fn a_flood_beside_a_broker_that_stands_still_takes_no_memory() {
    let bridged = Bridged::start(|_| {}).await;
    bridged.scripted.pause();
    let lines = wire(&["data 0123456789"]).repeat(100);
    let mut floods = Vec::new();
    for id in 0..5 {
        let device = bridged.log_in(&id.to_string()).await;
        // As much as the sockets take.
        let stream = device.stream.into_inner();
        let mut sent = 0;
        while let Ok(count) = stream.try_write(&lines[sent % lines.len()..]) {
            sent += count;
            assert!(sent < 64 << 20);
            tokio::task::yield_now().await;
        }
        floods.push((stream, sent));
    }
    assert_eq!(bridged.metrics.held(), 0, "less than every connection may keep");
    bridged.scripted.resume();
    // All of it arrives, and is answered.
    let mut draining = JoinSet::new();
    for (stream, sent) in floods {
        let rest = lines[sent % lines.len()..].to_vec();
        let all = (sent + rest.len()) / wire(&["data 0123456789"]).len();
        draining.spawn(async move { drain(stream, &rest, all).await });
    }
    let stored: usize = patiently("all answers", draining.join_all()).await.into_iter().sum();
    assert!(bridged.scripted.seen().acknowledged.len() >= stored);
    assert_eq!(bridged.metrics.get(Counter::Acknowledged), stored as u64);
    until("the devices to be gone", || bridged.metrics.open() == 0).await;
    bridged.stop().await;
}

/// Sends the rest and reads all answers; how many there were.
async fn drain(stream: TcpStream, rest: &[u8], answers: usize) -> usize {
    let (mut read, mut write) = stream.into_split();
    let reading = async {
        let (mut seen, mut buffer) = (0, vec![0; 64 * 1024]);
        while seen < answers {
            let length = read.read(&mut buffer).await.unwrap();
            assert_ne!(length, 0, "the connection ended after {seen} answers");
            seen += buffer[..length].iter().filter(|byte| **byte == b's').count();
        }
        seen
    };
    let (sent, seen) = tokio::join!(write.write_all(rest), reading);
    sent.unwrap();
    seen
}
