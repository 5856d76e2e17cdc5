//! The limits of a listener, and what attackers get from it: nothing that the
//! other devices miss. Over real sockets on loopback.

#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(feature = "host")]

#[path = "line/mod.rs"]
mod line;
#[path = "memory/mod.rs"]
mod memory;
#[path = "running/mod.rs"]
mod running;

use std::net::IpAddr;
use std::time::Duration;

use exproto_runtime::host::Listener;
use exproto_runtime::metrics::{Counter, Ended, Shed};
use exproto_runtime::session::SessionSettings;
use line::wire;
use running::{Device, Running, listener, patiently, until};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// One worker, so that attackers and devices certainly share a thread.
fn under_attack(listener: Listener) -> Running {
    Running::start(listener, |host| host.workers(1))
}

fn session(change: impl FnOnce(&mut SessionSettings)) -> SessionSettings {
    let mut settings = SessionSettings::default();
    change(&mut settings);
    settings
}

fn at(last: u8) -> IpAddr {
    [127, 0, 0, last].into()
}

/// A device that was there before is served as ever.
async fn is_unharmed(device: &mut Device) {
    device.send(&["data 7", "ping"]).await;
    assert_eq!(device.line().await, "stored 7");
    assert_eq!(device.line().await, "pong");
}

#[tokio::test]
async fn only_networks_that_may_connect_are_served() {
    let listener = listener()
        .allow("127.0.0.0/28".parse().unwrap())
        .allow("127.0.1.0/24".parse().unwrap())
        .deny("127.0.0.2".parse().unwrap());
    let host = Running::start(listener, |host| host);
    for (address, served) in
        [(at(1), true), (at(2), false), (at(16), false), ([127, 0, 1, 9].into(), true), (at(15), true)]
    {
        let mut device = host.connect_from(address).await;
        // One that is turned away may notice it while it sends.
        let _ = device.stream.write_all(&wire(&["ping"])).await;
        assert_eq!(device.line().await, if served { "pong" } else { "" }, "{address}");
    }
    assert_eq!(host.metrics.shed(Shed::Network), 2);
    host.stop().await;
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_others_have_theirs() {
    let host = Running::start(listener().connections_per_address(2), |host| host);
    let mut first = host.log_in("1").await;
    let second = host.log_in("2").await;
    assert_eq!(host.connect().await.line().await, "");
    assert_eq!(host.metrics.shed(Shed::Address), 1);
    let mut other = host.connect_from(at(3)).await;
    is_unharmed(&mut first).await;
    other.send(&["ping"]).await;
    assert_eq!(other.line().await, "pong");
    drop(second);
    until("the place", || host.metrics.open() == 2).await;
    drop(host.log_in("4").await);
    host.stop().await;
}

#[tokio::test]
async fn new_connections_above_the_rate_are_turned_away() {
    let host = Running::start(listener().connections_per_second(1), |host| host);
    let mut first = host.log_in("1").await;
    // However slow this machine is, of so many most come within the same second.
    let mut turned_away = 0;
    for _ in 0..50 {
        let mut device = host.connect().await;
        let _ = device.stream.write_all(&wire(&["ping"])).await;
        turned_away += u64::from(device.line().await.is_empty());
    }
    assert!(turned_away > 0);
    assert_eq!(host.metrics.shed(Shed::Rate), turned_away);
    assert_eq!(host.count(Counter::Accepted), 51 - turned_away);
    is_unharmed(&mut first).await;
    host.stop().await;
}

#[tokio::test]
async fn a_device_that_sends_too_fast_waits_and_loses_nothing() {
    let host = under_attack(listener().bytes_per_second(20_000).frames_per_second(5000));
    let fast = host.log_in("fast").await;
    let mut other = host.log_in("other").await;
    let lines: Vec<String> = (0..4000).map(|index| format!("data {index}")).collect();
    let texts: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (read, mut write) = fast.stream.into_inner().into_split();
    let answers = async {
        let mut lines = BufReader::new(read).lines();
        let mut stored = 0;
        while stored < 4000 {
            let line = lines.next_line().await.unwrap().unwrap();
            if !line.is_empty() {
                assert_eq!(line, format!("stored {stored}"));
                stored += 1;
            }
        }
    };
    let bytes = wire(&texts);
    let (sent, ()) = patiently("all answers", async { tokio::join!(write.write_all(&bytes), answers) }).await;
    sent.unwrap();
    is_unharmed(&mut other).await;
    assert!(host.count(Counter::Delayed) > 0);
    host.stop().await;
}

#[tokio::test]
async fn those_who_say_nothing_or_dribble_are_sent_away() {
    let settings = session(|settings| {
        settings.first_frame = Duration::from_secs(3);
        settings.max_bad_frames = 0;
    });
    let host = under_attack(listener().session(settings));
    let mut device = host.log_in("1").await;
    let silent: Vec<Device> = connect(&host, 40).await;
    let mut dribbling = connect(&host, 40).await;
    // A byte now and then does not help: a whole frame is wanted.
    patiently("the end of all of them", async {
        while host.metrics.ended(Ended::NoFrame) < 80 {
            for attacker in &mut dribbling {
                let _ = attacker.stream.write_all(b"x").await;
            }
            is_unharmed(&mut device).await;
        }
    })
    .await;
    assert_eq!(host.metrics.open(), 1);
    drop((silent, dribbling));
    host.stop().await;
}

#[tokio::test]
async fn a_flood_of_bad_frames_ends_the_connection() {
    // Longer than any line may be.
    let noise = wire(&[&"x".repeat(4000)]);
    let host = under_attack(listener());
    let mut device = host.log_in("1").await;
    for attacker in &mut connect(&host, 20).await {
        for _ in 0..20 {
            if attacker.stream.write_all(&noise).await.is_err() {
                break;
            }
        }
        assert_eq!(attacker.line().await, "");
        is_unharmed(&mut device).await;
    }
    until("the end of all of them", || host.metrics.ended(Ended::BadFrames) == 20).await;
    // Each has cost as much as was allowed, and no more.
    let bad = host.count(Counter::BadFrames);
    let most = u64::from(SessionSettings::default().max_bad_frames);
    assert_eq!(bad, 20 * most, "a connection ends with the last bad frame that it may send");
    host.stop().await;
}

#[tokio::test]
async fn frames_without_an_end_take_no_memory() {
    let settings = session(|settings| settings.max_bad_frames = 0);
    let host = under_attack(listener().session(settings));
    let mut device = host.log_in("1").await;
    let mut attackers = connect(&host, 20).await;
    let endless = vec![b'x'; 64 * 1024];
    for attacker in &mut attackers {
        attacker.stream.write_all(&endless).await.unwrap();
    }
    let all = 20 * endless.len() as u64;
    until("all bytes to be read", || host.count(Counter::BytesIn) >= all).await;
    // The longest line is kept of each, which is less than every connection may.
    assert_eq!(host.metrics.held(), 0);
    is_unharmed(&mut device).await;
    assert_eq!(host.metrics.open(), 21);
    drop(attackers);
    until("the end of all of them", || host.metrics.open() == 1).await;
    host.stop().await;
}

#[tokio::test]
async fn devices_that_never_read_fill_no_more_than_all_may_keep() {
    const ALL: usize = 400 << 10;
    // Each may keep much, all together less.
    let listener = listener().unsent(100 << 10).send_buffer(4096).all_buffers(ALL).chunk(64);
    let host = under_attack(listener);
    let mut device = host.log_in("1").await;
    let mut attackers = connect(&host, 10).await;
    let floods = wire(&["flood 1500"]).repeat(200);
    for attacker in &mut attackers {
        attacker.stream.write_all(&floods).await.unwrap();
    }
    until("the buffers to be full", || host.metrics.held() > ALL as u64).await;
    // What each may always keep, and the answers to one chunk, may come on top.
    let most = ALL + 10 * ((16 << 10) + 16 * 1502);
    assert!(host.metrics.held() <= most as u64, "{} bytes are kept", host.metrics.held());
    assert_eq!(host.connect().await.line().await, "", "nobody new is let in");
    assert_eq!(host.metrics.shed(Shed::Buffers), 1);
    is_unharmed(&mut device).await;
    drop(attackers);
    until("the memory to be free", || host.metrics.held() == 0).await;
    drop(host.log_in("2").await);
    host.stop().await;
}

async fn connect(host: &Running, count: usize) -> Vec<Device> {
    let mut devices = Vec::new();
    for _ in 0..count {
        devices.push(host.connect().await);
    }
    devices
}
