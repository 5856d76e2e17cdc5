//! The ExProto driver against EMQX's side of the interface.
#![cfg(all(feature = "grpc", feature = "testkit"))]
#![allow(clippy::unwrap_used)]

mod adapter;
#[path = "../bomb/mod.rs"]
mod bomb;
mod callbacks;
mod connections;
#[cfg(feature = "derive")]
mod declared;
mod metrics;
mod must;
mod resume;
mod speed;
#[allow(dead_code)]
#[path = "../toy/mod.rs"]
mod toy;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use exproto_runtime::codec;
use exproto_runtime::exproto::{ExProtoHandler, ExProtoSettings, StatsHandle, UnknownConnection};
use exproto_runtime::session::{Gateway, SessionSettings};
use exproto_runtime::testkit::TestConn;
use exproto_runtime::testkit::emqx::{Call, Device, FakeEmqx, Reply, Service, Socket, What};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use bomb::Bomb;
use toy::Toy;

const ALL: [Service; 4] =
    [Service::Unary, Service::OneMessageStreams, Service::Streams, Service::SharedStreams];

/// A handler that is being served, and its EMQX.
struct Bench {
    emqx: FakeEmqx,
    /// Of the handler.
    address: SocketAddr,
    stats: StatsHandle,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Bench {
    async fn new(service: Service) -> Self {
        Self::with::<Toy<'static>>(service, |_| {}).await
    }

    async fn with<G: Gateway>(service: Service, set: impl FnOnce(&mut ExProtoSettings)) -> Self {
        let emqx = FakeEmqx::start().await.unwrap();
        let mut settings = ExProtoSettings::new(emqx.adapter());
        set(&mut settings);
        Self::serve::<G>(emqx, service, settings).await
    }

    async fn serve<G: Gateway>(emqx: FakeEmqx, service: Service, settings: ExProtoSettings) -> Self {
        Self::of(emqx, service, ExProtoHandler::<G>::new(settings).unwrap()).await
    }

    async fn of<G: 'static>(emqx: FakeEmqx, service: Service, handler: ExProtoHandler<G>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        emqx.use_handler(address, service);
        let stats = handler.counters();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(handler.serve(listener, async {
            let _ = stopped.await;
        }));
        Self { emqx, address, stats, stop: Some(stop), served }
    }

    /// A device that is logged in as 41.
    async fn member(&self) -> Device {
        self.member_as(41).await
    }

    async fn member_as(&self, id: u16) -> Device {
        let device = self.emqx.connect().await;
        device.bytes(&frame(&Toy::Hello { id, key: b"" })).answered().await;
        device.wait_received(welcome(true).len()).await;
        device
    }

    async fn connections(&self, count: usize) {
        until(|| self.stats.read().unwrap().connections == count).await;
    }

    fn assert_sound(&self) {
        assert_eq!(self.emqx.faults(), Vec::<String>::new());
        assert_eq!(self.stats.read().map_or(0, |stats| stats.panics), 0);
    }
}

/// Waits for something that cannot be waited for.
async fn until(mut ready: impl FnMut() -> bool) {
    let wait = async {
        while !ready() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("it happens at last");
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

fn frame(toy: &Toy<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode::<Toy<'_>>(toy, &mut bytes).unwrap();
    bytes
}

fn welcome(ok: bool) -> Vec<u8> {
    frame(&Toy::Welcome { ok })
}

fn ack(serial: u8, result: u8) -> Vec<u8> {
    frame(&Toy::Ack { serial, result })
}

fn reading(serial: u8) -> Vec<u8> {
    frame(&Toy::Reading { serial, value: 215 })
}

fn names(calls: &[What]) -> Vec<&'static str> {
    calls.iter().map(What::name).collect()
}

fn publish(id: &str) -> What {
    What::Publish { topic: format!("toy/{id}/up/reading"), qos: 1, payload: br#"{"value":215}"#.to_vec() }
}

#[test]
fn a_device_from_its_first_to_its_last_byte() {
    run(async {
        let bench = Bench::new(Service::Unary).await;
        let device = bench.emqx.connect().await;
        assert_eq!(device.calls(), []);

        device.bytes(&frame(&Toy::Hello { id: 41, key: b"secret" })).answered().await;
        assert_eq!(
            device.calls(),
            [
                What::Authenticate {
                    client_id: "41".into(),
                    username: String::new(),
                    password: "secret".into(),
                    proto_name: "exproto".into(),
                },
                What::Subscribe { filter: "toy/41/down/set".into(), qos: 1 },
                What::Send(welcome(true)),
            ]
        );

        device.bytes(&reading(7)).answered().await;
        assert_eq!(device.calls()[3..], [publish("41"), What::Send(ack(7, 0))]);

        bench.emqx.publish("toy/41/down/set", b"12");
        let set = frame(&Toy::Set { serial: 0, value: 12 });
        device.wait(|calls| calls.len() == 6).await;
        assert_eq!(device.calls()[5], What::Send(set));

        device.bytes(&frame(&Toy::Bye)).answered().await;
        assert_eq!(names(&device.calls()[6..]), ["Send", "Close"]);
        device.wait_closed().await;
        bench.connections(0).await;

        let stats = bench.stats.read().unwrap();
        assert_eq!((stats.created, stats.received_bytes, stats.closed, stats.unknown), (1, 3, 1, 0));
        assert_eq!((stats.sessions.frames, stats.sessions.publishes, stats.sessions.downlinks), (3, 1, 1));
        bench.assert_sound();
    });
}

#[test]
fn any_cut_gives_what_the_session_gives_through_every_service() {
    let mut stream = frame(&Toy::Hello { id: 41, key: b"\x7E\x7D" });
    stream.extend(reading(1));
    stream.extend(frame(&Toy::Batch { serial: 2, values: &[1, 2, 3] }));
    stream.extend(b"rubbish");
    stream.extend(frame(&Toy::Note { serial: 3, name: "n" }));
    stream.extend(frame(&Toy::Beat));

    let mut model = TestConn::<Toy<'static>>::new();
    model.send(&stream);
    let wanted: Vec<_> = model
        .publishes()
        .iter()
        .map(|p| What::Publish { topic: p.topic.clone(), qos: p.qos.into(), payload: p.payload.clone() })
        .collect();
    assert_eq!(wanted.len(), 5);

    for service in ALL {
        run(async {
            let bench = Bench::new(service).await;
            let cuts = (1..stream.len()).map(|cut| vec![&stream[..cut], &stream[cut..]]);
            let bytewise = stream.chunks(1).collect();
            for cut in cuts.chain([bytewise]) {
                let device = bench.emqx.connect().await;
                for part in &cut {
                    device.bytes(part).answered().await;
                }
                device.wait_received(model.sent().len()).await;
                assert_eq!(device.received(), model.sent(), "{service:?}");
                let published: Vec<_> =
                    device.calls().into_iter().filter(|call| call.name() == "Publish").collect();
                assert_eq!(published, wanted, "{service:?}");
                device.close().answered().await;
            }
            bench.connections(0).await;
            bench.assert_sound();
        });
    }
}

#[test]
fn a_slow_publish_holds_the_answer_and_the_reply() {
    run(async {
        let bench = Bench::new(Service::Unary).await;
        let device = bench.member().await;
        bench.emqx.hold("Publish");

        // Two frames in one event, and an event behind it.
        let mut told = device.bytes(&[reading(1), reading(2)].concat());
        let mut next = device.bytes(&reading(3));
        device.wait(|calls| names(calls).ends_with(&["Publish"])).await;
        // Another device is not concerned.
        let other = bench.emqx.connect().await;
        other.bytes(&frame(&Toy::Beat)).answered().await;
        assert!(!told.is_answered() && !next.is_answered());
        assert_eq!(device.received(), welcome(true));

        bench.emqx.release("Publish");
        next.answered().await;
        assert!(told.is_answered());
        let acks = [welcome(true), ack(1, 0), ack(2, 0), ack(3, 0)].concat();
        assert_eq!(device.received(), acks);
        let calls = device.calls();
        assert_eq!(names(&calls[3..]), ["Publish", "Send", "Publish", "Send", "Publish", "Send"]);
        bench.assert_sound();
    });
}

#[test]
fn what_emqx_answers_the_device_learns() {
    // Refused: the device is told. Failed: nobody knows what has become of
    // the frame, so the device is closed without a reply and sends it again.
    let told = |result| vec![What::Send(ack(9, result))];
    let closed = vec![What::Close];
    run(async {
        for (reply, wanted) in [
            (Reply::SUCCESS, told(0)),
            (Reply::DENIED, told(1)),
            (Reply::UNEXPECTED, told(1)),
            (Reply::Code(1, "{error,'PARAMS_TYPE_ERROR'}"), told(1)),
            (Reply::Code(3, ""), told(1)),
            (Reply::Code(4, ""), told(1)),
            (Reply::CRASHED, closed.clone()),
            (Reply::Crash, closed.clone()),
            (Reply::Code(99, ""), closed.clone()),
            (Reply::GONE, vec![]),
        ] {
            let bench = Bench::new(Service::Unary).await;
            let device = bench.member().await;
            let said = reply.clone();
            bench.emqx.answer(move |call| (call.what.name() == "Publish").then(|| said.clone()));
            device.bytes(&reading(9)).answered().await;
            assert_eq!(device.calls()[3..], [vec![publish("41")], wanted].concat(), "{reply:?}");
            bench.assert_sound();
        }
    });
}

#[test]
fn a_refused_login_is_told_and_closed() {
    run(async {
        let bench = Bench::new(Service::Unary).await;
        bench.emqx.answer(|call| {
            (call.what.name() == "Authenticate").then_some(Reply::Code(5, "bad_username_or_password"))
        });
        let device = bench.emqx.connect().await;
        device.bytes(&frame(&Toy::Hello { id: 41, key: b"x" })).answered().await;
        assert_eq!(names(&device.calls()), ["Authenticate", "Send", "Close"]);
        assert_eq!(device.received(), welcome(false));
        device.wait_closed().await;
        bench.connections(0).await;
        bench.assert_sound();
    });
}

#[test]
fn a_device_may_log_in_twice_although_emqx_forbids_it() {
    run(async {
        let bench = Bench::new(Service::Unary).await;
        let device = bench.member().await;
        device.bytes(&frame(&Toy::Hello { id: 41, key: b"" })).answered().await;
        assert_eq!(device.received(), [welcome(true), welcome(true)].concat());
        device.bytes(&reading(1)).answered().await;
        assert!(device.received().ends_with(&ack(1, 0)));
        bench.assert_sound();
    });
}

#[test]
fn timers_of_emqx() {
    run(async {
        let bench = Bench::new(Service::Unary).await;
        let udp = bench.emqx.connect_by(Socket::Udp).await;
        // The session's idle time.
        assert_eq!(udp.calls(), [What::StartTimer { seconds: 600 }]);

        let bench = Bench::with::<Toy<'static>>(Service::Unary, |settings| {
            settings.keepalive = Some(Duration::from_secs(90));
        })
        .await;
        let tcp = bench.emqx.connect().await;
        assert_eq!(tcp.calls(), [What::StartTimer { seconds: 90 }]);

        // EMQX before 4.3.19 leaves the closing to us.
        tcp.timed_out().answered().await;
        assert_eq!(names(&tcp.calls()), ["StartTimer", "Close"]);
        tcp.wait_closed().await;
        bench.connections(0).await;
        bench.assert_sound();
    });
}

#[test]
fn the_sessions_own_timer_runs() {
    run(async {
        let bench = Bench::with::<Toy<'static>>(Service::Unary, |settings| {
            let mut session = SessionSettings::default();
            session.first_frame = Duration::from_millis(30);
            settings.session = Arc::new(session);
        })
        .await;
        let device = bench.emqx.connect().await;
        device.wait_closed().await;
        assert_eq!(device.calls(), [What::Close]);
        bench.connections(0).await;
        bench.assert_sound();
    });
}

#[test]
fn every_message_of_an_event_is_delivered_in_order() {
    run(async {
        for service in ALL {
            let bench = Bench::new(service).await;
            let device = bench.member().await;
            let payloads: Vec<_> = (0..101).map(|n| n.to_string()).collect();
            let messages: Vec<_> = payloads.iter().map(|p| ("toy/41/down/set", p.as_bytes())).collect();
            device.messages(&messages).answered().await;
            device.wait(|calls| calls.len() == 3 + 101).await;
            let wanted: Vec<u8> =
                (0..101u8).flat_map(|n| frame(&Toy::Set { serial: n, value: n.into() })).collect();
            assert_eq!(device.received(), [welcome(true), wanted].concat(), "{service:?}");
            bench.assert_sound();
        }
    });
}

#[test]
fn a_panic_costs_one_device() {
    run(async {
        let bench = Bench::with::<Bomb<'static>>(Service::Unary, |_| {}).await;
        let (bad, good) = (bench.member_as(1).await, bench.member_as(2).await);
        bad.bytes(&reading(bomb::FUSE)).answered().await;
        bad.wait_closed().await;
        assert_eq!(names(&bad.calls()[3..]), ["Publish", "Close"]);
        good.bytes(&reading(1)).answered().await;
        assert!(good.received().ends_with(&ack(1, 0)));
        bench.connections(1).await;
        assert_eq!(bench.stats.read().unwrap().panics, 1);
        assert_eq!(bench.emqx.faults(), Vec::<String>::new());
    });
}

#[test]
fn a_shutdown_finishes_what_has_begun() {
    run(async {
        for service in [Service::Unary, Service::Streams] {
            let mut bench = Bench::new(service).await;
            let device = bench.member().await;
            bench.emqx.hold("Publish");
            let told = device.bytes(&reading(1));
            device.wait(|calls| names(calls).ends_with(&["Publish"])).await;
            bench.stop.take().unwrap().send(()).unwrap();
            bench.emqx.release("Publish");
            told.answered().await;
            bench.served.await.unwrap().unwrap();
            assert_eq!(device.received(), [welcome(true), ack(1, 0)].concat(), "{service:?}");
            // Devices stay with EMQX.
            assert!(device.is_open());
            assert_eq!(bench.stats.read(), None);
            assert_eq!(bench.emqx.faults(), Vec::<String>::new());
        }
    });
}

#[test]
fn the_services_can_be_mounted_elsewhere() {
    run(async {
        let emqx = FakeEmqx::start().await.unwrap();
        let handler = ExProtoHandler::<Toy<'static>>::new(ExProtoSettings::new(emqx.adapter())).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        emqx.use_handler(listener.local_addr().unwrap(), Service::Unary);
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let server = tonic::transport::Server::builder().add_routes(handler.into_services());
        tokio::spawn(server.serve_with_incoming(incoming));
        let device = emqx.connect().await;
        device.bytes(&frame(&Toy::Beat)).answered().await;
        assert_eq!(device.received(), ack(0, 0));
    });
}
