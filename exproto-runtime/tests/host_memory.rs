//! How much memory idle connections take. Not run by default, because it
//! needs many file descriptors: `cargo test --test host_memory -- --ignored --nocapture`.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]
#![cfg(all(feature = "host", target_os = "linux"))]

#[path = "line/mod.rs"]
mod line;
#[path = "memory/mod.rs"]
mod memory;

use exproto_runtime::host::{Host, Listener, OpenFiles};
use exproto_runtime::metrics::Counter;
use line::{Line, wire};
use memory::Memory;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// Devices in this process take memory too: their sockets are plain ones of
/// the standard library, without a task or a buffer.
#[tokio::test]
#[ignore = "opens 8,000 file descriptors"]
async fn memory_of_idle_connections() {
    const DEVICES: usize = 4000;
    OpenFiles::raise().unwrap();
    let broker = Memory::default();
    let host = Host::<Line<'static>>::builder()
        .workers(2)
        .listener(Listener::tcp(([127, 0, 0, 1], 0)))
        .bind(broker.clone())
        .unwrap();
    let address = host.addresses().next().unwrap().1;
    let metrics = host.metrics();
    tokio::spawn(host.run(std::future::pending()));
    let mut devices = Vec::with_capacity(DEVICES);
    let mut before = 0;
    for index in 0..DEVICES + 100 {
        if index == 100 {
            // After everything that is there once has been made.
            before = resident();
        }
        let mut device = TcpStream::connect(address).await.unwrap();
        device.write_all(&wire(&[&format!("hello {index}"), "data 1"])).await.unwrap();
        let mut replies = [0; 9 + 10];
        device.read_exact(&mut replies).await.unwrap();
        devices.push(device.into_std().unwrap());
    }
    let each = (resident() - before) / DEVICES;
    println!("{each} bytes for each of {} idle connections that are logged in", metrics.open());
    assert_eq!(metrics.get(Counter::Acknowledged), DEVICES as u64 + 100);
    assert!(each < 8192);
}
