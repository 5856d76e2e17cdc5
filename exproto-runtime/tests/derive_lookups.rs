//! Frames that wait for what somebody else knows.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use exproto_runtime::prelude::*;
use exproto_runtime::testkit::TestConn;

#[cfg(feature = "host")]
#[path = "memory/mod.rs"]
mod memory;

#[derive(ExProtoFrame, Debug)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64)]
#[route(gateway)]
struct Message {
    #[wire(before(id: u8 = tag(body)))]
    device: u8,
    body: Body,
}

#[derive(ExProtoFrame, Debug)]
enum Body {
    #[wire(tag = 1)]
    #[route(lookup = owner, auth(client_id = cx.found::<String>().cloned()), reply = answer)]
    Login,
    #[wire(tag = 2)]
    #[route(lookup = rate, publish("up/{client_id}", payload = with(price)), reply = answer)]
    Reading { value: u8 },
    #[wire(tag = 3)]
    #[route(heartbeat, reply = answer)]
    Beat,
    #[wire(tag = 0x81)]
    #[route(sent)]
    Answer { ok: u8 },
}

fn answer(frame: &Message, _: &mut Cx<'_, ()>, outcome: &Outcome) -> Message {
    Message { device: frame.device, body: Body::Answer { ok: outcome.pick(1, 0) } }
}

fn owner(frame: &Message, _: &mut Cx<'_, ()>) -> Lookup {
    let device = frame.device;
    Lookup::new(async move {
        match device {
            9 => Err(Refusal::new("stolen")),
            8 => panic!("a bug of the user"),
            #[cfg(feature = "host")]
            6 => {
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
                Ok("d6".into())
            }
            _ => Ok(format!("d{device}")),
        }
    })
}

/// What the lookups of one test wait for.
static READY: AtomicU8 = AtomicU8::new(0);

fn rate(frame: &Message, _: &mut Cx<'_, ()>) -> Option<Lookup> {
    let Body::Reading { value } = frame.body else { return None };
    let lookup = Lookup::new(std::future::poll_fn(move |_| {
        let ready = READY.load(Ordering::Relaxed);
        if ready >= value { std::task::Poll::Ready(Ok(100_u32)) } else { std::task::Poll::Pending }
    }));
    (value != 0).then_some(lookup)
}

fn price(frame: &Message, cx: &mut Cx<'_, ()>, payload: &mut Vec<u8>) {
    let Body::Reading { value } = frame.body else { return };
    let rate = cx.found::<u32>().copied().unwrap_or(1);
    payload.extend((u32::from(value) * rate).to_string().bytes());
}

fn login(device: u8) -> TestConn<Message> {
    let mut conn = TestConn::new();
    conn.send(&[0x7E, 1, device, 0x7E]);
    conn
}

#[test]
fn what_was_found_decides_who_it_is() {
    let mut conn = login(7);
    assert_eq!((conn.client_id(), conn.sent()), ("d7", &b"\x7E\x81\x07\x01\x7E"[..]));
    // Nothing to ask: the frame goes its way.
    conn.send(b"\x7E\x02\x07\x00\x7E");
    assert_eq!(conn.publishes()[0].text(), "0");
}

#[test]
fn a_refusal_and_a_panic_refuse_the_login() {
    for (device, why) in [(9, "refused: stolen"), (8, "refused: the lookup panicked")] {
        let conn = login(device);
        assert_eq!(conn.sent(), [0x7E, 0x81, device, 0, 0x7E]);
        assert_eq!(conn.closed().unwrap().to_string(), why);
    }
}

#[test]
fn frames_wait_in_order_and_one_that_waits_too_long_is_refused() {
    let mut conn = login(7);
    conn.take_sent();
    READY.store(0, Ordering::Relaxed);
    conn.send(b"\x7E\x02\x07\x05\x7E\x7E\x03\x07\x7E");
    assert!(conn.sent().is_empty() && !conn.wants_bytes());
    READY.store(5, Ordering::Relaxed);
    conn.look();
    assert_eq!(conn.publishes()[0].text(), "500");
    assert_eq!(conn.take_sent(), b"\x7E\x81\x07\x01\x7E\x7E\x81\x07\x01\x7E");

    conn.send(b"\x7E\x02\x07\x06\x7E");
    conn.advance(Duration::from_secs(9));
    assert!(conn.sent().is_empty());
    conn.advance(Duration::from_secs(1));
    assert_eq!(conn.take_sent(), b"\x7E\x81\x07\x00\x7E");
    let reports: Vec<_> = conn.take_reports().iter().map(ToString::to_string).collect();
    assert_eq!(reports, ["`reading` refused: the lookup did not end within 10 s"]);
    // It ends all the same, and nobody cares.
    READY.store(6, Ordering::Relaxed);
    conn.look().send(b"\x7E\x03\x07\x7E");
    assert_eq!(conn.sent(), b"\x7E\x81\x07\x01\x7E");
    assert_eq!(conn.publishes().len(), 1);
    assert!(conn.is_open());
}

#[cfg(feature = "host")]
#[tokio::test]
async fn the_host_waits_for_a_lookup_and_answers() {
    use exproto_runtime::host::{Host, Listener};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = Listener::tcp(([127, 0, 0, 1], 0)).linger(Duration::ZERO);
    let host = Host::<Message>::builder().listener(listener).bind(memory::Memory::default()).unwrap();
    let address = host.addresses().next().unwrap().1;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(host.run(async {
        let _ = stopped.await;
    }));
    for (device, ok) in [(6, 1), (8, 0), (9, 0)] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(&[0x7E, 1, device, 0x7E]).await.unwrap();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, [0x7E, 0x81, device, ok, 0x7E]);
    }
    drop(stop);
    running.await.unwrap().unwrap();
}
