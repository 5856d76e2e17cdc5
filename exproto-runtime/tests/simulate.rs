//! Simulated devices against a host with a broker in memory.

#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(feature = "cli")]

#[path = "line/mod.rs"]
mod line;
#[path = "memory/mod.rs"]
mod memory;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use exproto_runtime::app::{Counts, Device, Random, Rate, Sender, SimulateOptions, simulate};
use exproto_runtime::host::{Host, Listener};
use exproto_runtime::metrics::{Counter, Metrics};
use line::Line;
use memory::Memory;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

/// Logs in, reports numbers, waits for each to be stored.
struct Reporter {
    number: u32,
    open: Vec<String>,
}

impl Device<Line<'static>> for Reporter {
    fn new(number: u32, _: &mut Random) -> Self {
        Self { number, open: Vec::new() }
    }

    fn start(&mut self, out: &mut Sender<'_, Line<'static>>) {
        out.send(&Line(&format!("hello {}", self.number)));
    }

    fn received(&mut self, frame: &Line<'_>, out: &mut Sender<'_, Line<'static>>) {
        match frame.0.split_once(' ') {
            None if frame.0 == "welcome" => out.ready(),
            Some(("stored", value)) if self.open.iter().any(|open| open == value) => {
                self.open.retain(|open| open != value);
            }
            _ => out.failed(&format!("unexpected `{}`", frame.0)),
        }
    }

    fn tick(&mut self, random: &mut Random, out: &mut Sender<'_, Line<'static>>) {
        let value = random.within(0..=u32::MAX).to_string();
        out.send(&Line(&format!("data {value}")));
        self.open.push(value);
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        assert!(self.open.is_empty() || std::thread::panicking(), "not stored: {:?}", self.open);
    }
}

struct Gateway {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    broker: Memory,
    _stop: oneshot::Sender<()>,
}

fn gateway(address: SocketAddr) -> Gateway {
    let broker = Memory::default();
    let host = Host::<Line<'static>>::builder()
        .workers(1)
        .listener(Listener::tcp(address))
        .bind(broker.clone())
        .unwrap();
    let address = host.addresses().next().unwrap().1;
    let metrics = host.metrics();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(host.run(async {
        let _ = stopped.await;
    }));
    Gateway { address, metrics, broker, _stop: stop }
}

fn options(address: SocketAddr, devices: u32) -> SimulateOptions {
    let mut options = SimulateOptions::new(address);
    options.devices = devices;
    options.rate = Rate::every(Duration::from_millis(5));
    options.ramp = 10_000;
    options
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    if tokio::time::timeout(Duration::from_secs(60), wait).await.is_err() {
        panic!("waited in vain for {what}");
    }
}

#[tokio::test]
async fn devices_log_in_report_and_leave_without_losing_a_reply() {
    let gateway = gateway(([127, 0, 0, 1], 0).into());
    let counts = Arc::new(Counts::default());
    let (stop, stopped) = watch::channel(false);
    let devices = tokio::spawn(simulate::<Line<'static>, Reporter>(
        options(gateway.address, 40),
        Arc::clone(&counts),
        stopped,
    ));
    until("reports", || counts.totals().received > 1000).await;
    assert_eq!(counts.totals().ready, 40);
    stop.send_replace(true);
    devices.await.unwrap();
    let totals = counts.totals();
    assert_eq!((totals.errors, totals.connected, totals.ready, totals.reconnects), (0, 0, 0, 0));
    assert_eq!(totals.sent, totals.received, "each frame is answered, also the last ones");
    assert_eq!(gateway.metrics.get(Counter::Acknowledged), totals.sent - 40);
    assert_eq!(gateway.broker.published().len() as u64, totals.sent - 40);
}

#[tokio::test]
async fn devices_come_back_when_the_gateway_does() {
    // The address of a gateway that is not there yet.
    let reserved = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    let counts = Arc::new(Counts::default());
    let (stop, stopped) = watch::channel(false);
    let devices =
        tokio::spawn(simulate::<Line<'static>, Reporter>(options(address, 2), Arc::clone(&counts), stopped));
    until("refused connections", || counts.totals().errors >= 2).await;
    assert_eq!(counts.totals().connected, 0);
    let gateway = gateway(address);
    until("devices", || counts.totals().ready == 2).await;
    assert!(counts.totals().reconnects >= 2);
    stop.send_replace(true);
    devices.await.unwrap();
    assert_eq!(gateway.metrics.get(Counter::Accepted), 2);
}

/// Does everything wrong.
struct Wrong;

impl Device<Line<'static>> for Wrong {
    fn new(_: u32, _: &mut Random) -> Self {
        Self
    }

    fn start(&mut self, out: &mut Sender<'_, Line<'static>>) {
        out.send(&Line("bye"));
    }

    fn received(&mut self, _: &Line<'_>, out: &mut Sender<'_, Line<'static>>) {
        out.failed("as the script wishes");
        out.leave();
    }

    fn tick(&mut self, _: &mut Random, _: &mut Sender<'_, Line<'static>>) {}
}

#[tokio::test]
async fn what_a_script_finds_wrong_is_counted_and_a_device_may_leave() {
    let gateway = gateway(([127, 0, 0, 1], 0).into());
    let counts = Arc::new(Counts::default());
    let (_stop, stopped) = watch::channel(false);
    // Ends by itself, because all devices leave.
    simulate::<Line<'static>, Wrong>(options(gateway.address, 3), Arc::clone(&counts), stopped).await;
    let totals = counts.totals();
    assert_eq!((totals.errors, totals.received, totals.connected), (3, 3, 0));
}
