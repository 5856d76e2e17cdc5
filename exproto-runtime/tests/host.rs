//! The host in front of a broker in memory, over real sockets on loopback.
//!
//! Deadlines are tested beside the connection itself, on a clock that stands
//! still; here nothing depends on time.

#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(feature = "host")]

#[path = "line/mod.rs"]
mod line;
#[path = "memory/mod.rs"]
mod memory;
#[path = "running/mod.rs"]
mod running;

use std::time::Duration;

use exproto_runtime::host::{Host, Listener};
use exproto_runtime::metrics::{Counter, Ended, Shed};
use line::{Line, wire};
use memory::Memory;
use running::{Running, listener, patiently, start, until};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_device_logs_in_publishes_and_gets_messages() {
    let host = start();
    let mut device = host.log_in("41").await;
    device.send(&["data 7", "data 8", "ping"]).await;
    assert_eq!(device.line().await, "stored 7");
    assert_eq!(device.line().await, "stored 8");
    assert_eq!(device.line().await, "pong");
    assert_eq!(
        host.broker.published(),
        [("line/41/up".to_owned(), "7".to_owned()), ("line/41/up".into(), "8".into())]
    );
    host.broker.subscribed("line/41/down").await;
    host.broker.deliver("line/41/down", "left");
    assert_eq!(device.line().await, "down left");
    device.send(&["bye"]).await;
    assert_eq!(device.line().await, "good bye");
    assert_eq!(device.line().await, "");
    drop(device);
    until("the end of the connection", || host.metrics.open() == 0).await;
    assert_eq!(host.metrics.ended(Ended::Done), 1);
    assert_eq!(host.count(Counter::Frames), 5);
    assert_eq!(host.count(Counter::Publishes), 2);
    assert_eq!(host.count(Counter::Acknowledged), 2);
    assert_eq!(host.count(Counter::Downlinks), 1);
    assert_eq!(
        host.count(Counter::BytesIn),
        wire(&["hello 41", "data 7", "data 8", "ping", "bye"]).len() as u64
    );
    assert_eq!(host.stop().await.open, 0);
}

#[tokio::test]
async fn frames_may_be_cut_anywhere() {
    let host = start();
    let mut device = host.connect().await;
    device.stream.get_ref().set_nodelay(true).unwrap();
    for byte in wire(&["hello 1", "data 5", "ping"]) {
        device.stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    for expected in ["welcome", "stored 5", "pong"] {
        assert_eq!(device.line().await, expected);
    }
    host.stop().await;
}

#[tokio::test]
async fn a_device_whose_publish_waits_holds_up_nobody_else() {
    // One worker, so that the two devices certainly share a thread.
    let host = Running::start(listener(), |host| host.workers(1));
    let mut slow = host.log_in("slow").await;
    let mut quick = host.log_in("quick").await;
    host.broker.hold("line/slow/up");
    slow.send(&["data 1", "ping"]).await;
    host.broker.waiting(1).await;
    quick.send(&["data 2"]).await;
    assert_eq!(quick.line().await, "stored 2");
    host.broker.release();
    // What came after the held frame is answered after it.
    assert_eq!(slow.line().await, "stored 1");
    assert_eq!(slow.line().await, "pong");
    host.stop().await;
}

#[tokio::test]
async fn a_held_publish_stops_the_device_through_its_socket() {
    const CHUNK: usize = 1024;
    let host = Running::start(listener().chunk(CHUNK).receive_buffer(4096), |host| host.workers(1));
    let mut device = host.log_in("1").await;
    let before = host.count(Counter::BytesIn);
    host.broker.hold("line/1/up");
    let lines = wire(&["data 0123456789"]);
    // The first frame on its own, so that the rest comes when it waits.
    device.stream.write_all(&lines).await.unwrap();
    host.broker.waiting(1).await;

    // A full socket is the proof: the system's buffers take no more because
    // the host does not read.
    let pushed = device.fill(&lines).await;
    let taken = host.count(Counter::BytesIn) - before;
    assert!(taken <= (lines.len() + CHUNK) as u64, "{taken} bytes were read while a frame waited");
    assert_eq!(host.broker.published().len(), 1);

    // Nothing was lost: all of it arrives when the broker goes on.
    host.broker.release();
    let (mut read, mut write) = device.stream.into_inner().into_split();
    let replies = tokio::spawn(async move {
        let mut sink = vec![0; 4096];
        while read.read(&mut sink).await.unwrap_or(0) > 0 {}
    });
    write.write_all(&lines[pushed % lines.len()..]).await.unwrap();
    host.broker.acknowledged(pushed / lines.len() + 2).await;
    drop(write);
    patiently("the end of the stream", replies).await.unwrap();
    assert!(host.broker.published().iter().all(|(_, payload)| payload == "0123456789"));
    host.stop().await;
}

#[tokio::test]
async fn a_full_queue_to_the_broker_stops_the_device_too() {
    let host = Running::start(listener(), |host| host.workers(1));
    let mut device = host.log_in("1").await;
    let mut other = host.log_in("2").await;
    host.broker.refuse_room("line/1/up");
    device.send(&["data 1", "ping"]).await;
    host.broker.queueing(1).await;
    other.send(&["data 2"]).await;
    assert_eq!(other.line().await, "stored 2");
    let before = host.count(Counter::BytesIn);
    device.send(&["ping"]).await;
    other.send(&["ping"]).await;
    assert_eq!(other.line().await, "pong");
    assert_eq!(
        host.count(Counter::BytesIn) - before,
        wire(&["ping"]).len() as u64,
        "of the other device alone"
    );
    host.broker.give_room();
    for expected in ["stored 1", "pong", "pong"] {
        assert_eq!(device.line().await, expected);
    }
    host.stop().await;
}

#[tokio::test]
async fn new_connections_above_the_limit_are_turned_away() {
    let host = Running::start(listener().max_connections(2), |host| host);
    let mut first = host.log_in("1").await;
    let second = host.log_in("2").await;
    let mut third = host.connect().await;
    assert_eq!(third.line().await, "");
    assert_eq!(host.metrics.shed(Shed::Connections), 1);
    first.send(&["ping"]).await;
    assert_eq!(first.line().await, "pong");
    // A place that is given up can be had again.
    drop(second);
    until("the place", || host.metrics.open() == 1).await;
    drop(host.log_in("3").await);
    host.stop().await;
}

#[tokio::test]
async fn a_panic_ends_its_own_connection_alone() {
    let host = Running::start(listener(), |host| host.workers(1));
    let mut unlucky = host.log_in("1").await;
    let mut other = host.log_in("2").await;
    unlucky.send(&["panic"]).await;
    assert_eq!(unlucky.line().await, "");
    other.send(&["data 1"]).await;
    assert_eq!(other.line().await, "stored 1");
    until("the end of the connection", || host.metrics.ended(Ended::Panic) == 1).await;
    assert_eq!(host.count(Counter::Panics), 1);
    assert_eq!(host.metrics.open(), 1);
    drop(host.log_in("3").await);
    host.stop().await;
}

#[tokio::test]
async fn a_panic_of_a_lookup_refuses_its_frame_and_is_counted() {
    let host = start();
    let mut device = host.log_in("1").await;
    device.send(&["look 0", "look 7", "data 1"]).await;
    for expected in ["not found", "found", "stored 1"] {
        assert_eq!(device.line().await, expected);
    }
    assert_eq!(host.count(Counter::Panics), 1);
    host.stop().await;
}

#[tokio::test]
async fn a_panic_before_the_first_frame_leaves_the_listener_alone() {
    let host = Running::start(listener().name("panic"), |host| host);
    for _ in 0..3 {
        assert_eq!(host.connect().await.line().await, "");
    }
    until("the ends to be counted", || host.metrics.ended(Ended::Panic) == 3).await;
    assert_eq!(host.count(Counter::Panics), 3);
    assert_eq!(host.stop().await.open, 0);
}

#[tokio::test]
async fn a_device_that_does_not_read_is_not_read_either() {
    const REPLY: u64 = 1502;
    let host =
        Running::start(listener().unsent(1024).chunk(64).send_buffer(4096).receive_buffer(4096), |host| {
            host.workers(1)
        });
    let mut device = host.log_in("1").await;
    let welcome = wire(&["welcome"]).len() as u64;
    let lines = wire(&["flood 1500"]);
    let pushed = device.fill(&lines).await;
    // The host may be at work still: what it sends between these two only makes
    // less of what waits.
    let made = welcome + (host.count(Counter::Replies) - 1) * REPLY;
    let unsent = made.saturating_sub(host.count(Counter::BytesOut));
    let most = 1024 + (64 / lines.len() as u64 + 1) * REPLY;
    assert!(unsent <= most, "{unsent} bytes wait for the device");

    // It goes on when the device reads again, and nothing was lost.
    let (read, mut write) = device.stream.into_inner().into_split();
    let replies = tokio::spawn(async move {
        let mut lines = BufReader::new(read).lines();
        let mut floods = 0;
        while let Some(line) = lines.next_line().await.unwrap() {
            match line.as_str() {
                "" => {}
                "pong" => return floods,
                flood => floods += flood.len() / 1500,
            }
        }
        panic!("the connection ended after {floods} replies");
    });
    write.write_all(&lines[pushed % lines.len()..]).await.unwrap();
    write.write_all(&wire(&["ping"])).await.unwrap();
    assert_eq!(patiently("all replies", replies).await.unwrap(), pushed / lines.len() + 1);
    host.stop().await;
}

#[tokio::test]
async fn shutdown_lets_a_publish_in_flight_end() {
    let host = start();
    let mut device = host.log_in("1").await;
    let idle = host.log_in("2").await;
    host.broker.hold("line/1/up");
    device.send(&["data 1"]).await;
    host.broker.waiting(1).await;
    let Running { stop, host: running, metrics, broker, address } = host;
    drop(stop);
    until("the idle connection to end", || metrics.ended(Ended::Shutdown) == 1).await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody is let in any more");
    broker.release();
    assert_eq!(device.line().await, "stored 1");
    assert_eq!(device.line().await, "");
    drop((device, idle));
    let stopped = patiently("the host to stop", running).await.unwrap().unwrap();
    assert_eq!((stopped.open, stopped.cut_off), (2, 0));
    assert_eq!(metrics.ended(Ended::Shutdown), 2);
}

#[tokio::test]
async fn shutdown_does_not_wait_for_ever() {
    let host = Running::start(listener(), |host| host.drain(Duration::ZERO));
    let mut device = host.log_in("1").await;
    host.broker.hold("line/1/up");
    device.send(&["data 1"]).await;
    host.broker.waiting(1).await;
    let stopped = host.stop().await;
    assert_eq!((stopped.open, stopped.cut_off), (1, 1));
    assert_eq!(device.line().await, "", "what is not published is not acknowledged");
}

#[tokio::test]
async fn dropping_the_host_ends_its_connections() {
    let host = start();
    let mut device = host.log_in("1").await;
    host.host.abort();
    assert_eq!(device.line().await, "");
    until("the end of the connection", || host.metrics.open() == 0).await;
    assert_eq!(host.metrics.ended(Ended::Shutdown), 1);
}

#[tokio::test]
async fn connections_run_on_the_callers_runtime_too() {
    let host = Running::start(listener(), |host| host.workers(0));
    let mut device = host.log_in("1").await;
    device.send(&["data 1"]).await;
    assert_eq!(device.line().await, "stored 1");
    assert_eq!(host.stop().await.open, 1);
    assert_eq!(device.line().await, "");
}

#[tokio::test]
async fn a_device_whose_client_id_is_taken_over_has_to_go() {
    let host = start();
    let mut device = host.log_in("1").await;
    host.broker.kick("1");
    assert_eq!(device.line().await, "");
    drop(device);
    until("the end of the connection", || host.metrics.ended(Ended::Kicked) == 1).await;
    host.stop().await;
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = Host::<Line<'static>>::builder()
        .listener(Listener::tcp(address).name("trucks"))
        .bind(Memory::default())
        .unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&format!("listener `trucks` cannot listen on {address}: ")), "{text}");
}
