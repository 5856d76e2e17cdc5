//! Declared gateways behind EMQX: what their sessions need of the driver.

use std::sync::atomic::{AtomicUsize, Ordering};

use exproto_runtime::prelude::*;
use tokio::sync::Notify;

use super::*;

/// Kinds of frames that what follows tells apart.
#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
#[route(gateway)]
enum Port {
    #[frame(followed)]
    Short(Short),
    Long(Long),
}

#[derive(ExProtoFrame, Debug)]
#[frame]
#[route(one_of = Port, auth(client_id = "meter-{value}"), publish("short"))]
struct Short {
    #[wire(before(b"$"))]
    value: u8,
}

#[derive(ExProtoFrame, Debug)]
#[frame]
#[route(one_of = Port, publish("long"))]
struct Long {
    #[wire(before(b"$"))]
    values: [u8; 2],
}

#[test]
fn a_datagram_ends_its_frames() {
    run(async {
        for service in ALL {
            let bench = Bench::with::<Port>(service, |_| {}).await;
            let device = bench.emqx.connect_by(Socket::Udp).await;
            // Nothing comes behind the frame, and nobody waits for it.
            device.bytes(b"$\x05").answered().await;
            device.wait(|calls| names(calls).contains(&"Publish")).await;
            assert_eq!(names(&device.calls()), ["StartTimer", "Authenticate", "Publish"], "{service:?}");
            // Half a frame is no part of what the next datagram holds.
            device.bytes(b"$").answered().await;
            device.bytes(b"$\x01\x02").answered().await;
            device.wait(|calls| names(calls).len() == 4).await;
            let topics: Vec<_> = device
                .calls()
                .into_iter()
                .filter_map(|call| if let What::Publish { topic, .. } = call { Some(topic) } else { None })
                .collect();
            assert_eq!(topics, ["short", "long"], "{service:?}");
            bench.assert_sound();
        }
    });
}

/// Asks elsewhere before the login: answered when the test says so.
#[derive(ExProtoFrame, Debug)]
#[frame]
#[route(gateway, lookup = find, auth(client_id = cx.found::<String>().cloned()))]
#[route(publish("found/{client_id}/{device}"))]
#[route(reply = Asking { device: outcome.pick(1, 0) })]
struct Asking {
    #[wire(before(b"?"))]
    device: u8,
}

static BEGUN: AtomicUsize = AtomicUsize::new(0);
static ANSWER: Notify = Notify::const_new();

fn find(frame: &Asking, cx: &mut Cx<'_, ()>) -> Option<Lookup> {
    let device = frame.device;
    cx.client_id.is_empty().then(|| {
        BEGUN.fetch_add(1, Ordering::SeqCst);
        Lookup::new(async move {
            ANSWER.notified().await;
            match device {
                8 => Err(Refusal::new("stolen")),
                9 => panic!("the database is gone"),
                device => Ok(format!("meter-{device}")),
            }
        })
    })
}

#[test]
fn a_frame_waits_for_its_lookup() {
    run(async {
        let mut begun = 0;
        for service in [Service::Unary, Service::Streams] {
            let bench = Bench::with::<Asking>(service, |_| {}).await;
            let device = bench.emqx.connect().await;
            // Both in one event: it is done when the lookup is.
            let mut told = device.bytes(b"?\x07?\x05");
            begun += 1;
            until(|| BEGUN.load(Ordering::SeqCst) == begun).await;
            assert_eq!(device.calls(), [], "{service:?}");
            assert!(service != Service::Unary || !told.is_answered());
            ANSWER.notify_one();
            told.answered().await;
            device.wait_received(4).await;
            assert_eq!(device.received(), b"?\x01?\x01");
            assert_eq!(device.client_id().as_deref(), Some("meter-7"));
            let topics: Vec<_> = device
                .calls()
                .into_iter()
                .filter_map(|call| if let What::Publish { topic, .. } = call { Some(topic) } else { None })
                .collect();
            assert_eq!(topics, ["found/meter-7/7", "found/meter-7/5"]);

            // Refused, and a future that panics: the device hears it and is closed.
            for number in [8, 9] {
                let device = bench.emqx.connect().await;
                let told = device.bytes(&[b'?', number]);
                begun += 1;
                until(|| BEGUN.load(Ordering::SeqCst) == begun).await;
                ANSWER.notify_one();
                told.answered().await;
                device.wait_closed().await;
                assert_eq!(device.received(), b"?\x00", "{number}");
                assert_eq!(device.client_id(), None);
            }

            // One that leaves meanwhile is forgotten.
            let device = bench.emqx.connect().await;
            let told = device.bytes(b"?\x07");
            begun += 1;
            until(|| BEGUN.load(Ordering::SeqCst) == begun).await;
            device.close().later();
            told.later();
            // The end is told when what came before it is dealt with.
            ANSWER.notify_one();
            bench.connections(1).await;
            assert_eq!(bench.emqx.faults(), Vec::<String>::new());
        }
    });
}
