//! Calls to EMQX's adapter, which may be late, slow or gone.

use super::*;

#[test]
fn calls_are_bounded_and_streams_are_not() {
    // More events at once than hyper's own limit on streams, on two channels.
    const DEVICES: u16 = 500;
    run(async {
        let bench = Bench::with::<Toy<'static>>(Service::Unary, |settings| settings.max_calls = 8).await;
        let mut devices = Vec::new();
        for id in 0..DEVICES {
            let device = bench.emqx.connect().await;
            device.bytes(&frame(&Toy::Hello { id, key: b"" })).answered().await;
            devices.push(device);
        }
        bench.emqx.hold("Publish");
        let told: Vec<_> = devices.iter().map(|device| device.bytes(&reading(1))).collect();
        until(|| bench.stats.read().unwrap().received_bytes == 2 * u64::from(DEVICES)).await;
        let held = |calls: &[Call]| calls.iter().filter(|call| call.what.name() == "Publish").count() == 8;
        bench.emqx.wait(held).await;
        bench.emqx.release("Publish");
        for told in told {
            told.answered().await;
        }
        assert_eq!(bench.emqx.most_under_way(), 8);
        bench.assert_sound();
    });
}

#[test]
fn calls_wait_for_an_adapter_that_is_not_there_yet() {
    run(async {
        // A port that refuses connections until it is listened at.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();

        // Only the listener of the adapter is missing.
        let elsewhere = FakeEmqx::start().await.unwrap();
        let settings = ExProtoSettings::new(format!("http://{address}"));
        let bench = Bench::serve::<Toy<'static>>(elsewhere, Service::Unary, settings).await;
        let device = bench.emqx.connect().await;
        let told = device.bytes(&frame(&Toy::Beat));
        until(|| bench.stats.read().unwrap().calls_repeated > 0).await;

        let late = FakeEmqx::with(socket.listen(16).unwrap());
        late.wait(|calls| calls.iter().any(|call| call.what == What::Send(ack(0, 0)))).await;
        told.answered().await;
        assert_eq!(bench.stats.read().unwrap().calls_failed, 0);
    });
}

#[test]
fn without_an_adapter_nothing_is_said_to_be_done() {
    run(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let mut settings = ExProtoSettings::new(format!("http://{}", socket.local_addr().unwrap()));
        settings.adapter_patience = Duration::from_millis(100);
        let emqx = FakeEmqx::start().await.unwrap();
        let bench = Bench::serve::<Toy<'static>>(emqx, Service::Unary, settings).await;
        let device = bench.emqx.connect().await;
        device.bytes(&frame(&Toy::Hello { id: 41, key: b"" })).answered().await;
        let stats = bench.stats.read().unwrap();
        assert!(stats.calls_failed > 0);
        assert_eq!(stats.sessions.logins, 0);
        assert_eq!(bench.emqx.faults(), Vec::<String>::new());
    });
}

#[test]
fn a_broken_adapter_connection_costs_what_was_under_way() {
    run(async {
        let emqx = FakeEmqx::start().await.unwrap();
        let relay = Relay::to(&emqx).await;
        let settings = ExProtoSettings::new(relay.url.clone());
        let bench = Bench::serve::<Toy<'static>>(emqx, Service::Unary, settings).await;
        let (device, idle) = (bench.member_as(1).await, bench.member_as(2).await);
        bench.emqx.hold("Publish");
        let told = device.bytes(&reading(1));
        device.wait(|calls| names(calls).ends_with(&["Publish"])).await;
        relay.cut();

        // Nobody knows whether it was published: no reply, and the device has
        // to send it again.
        told.answered().await;
        device.wait_closed().await;
        assert_eq!(device.received(), welcome(true));
        bench.emqx.release("Publish");
        // Others go on over a new connection.
        idle.bytes(&reading(2)).answered().await;
        assert_eq!(idle.received(), [welcome(true), ack(2, 0)].concat());
        bench.connections(1).await;
        bench.assert_sound();
    });
}

/// A TCP relay in front of an adapter, whose connections can be cut.
pub(super) struct Relay {
    pub(super) url: String,
    cut: watch::Sender<u32>,
}

impl Relay {
    pub(super) async fn to(emqx: &FakeEmqx) -> Self {
        let target = emqx.adapter().trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let cut = watch::Sender::new(0);
        let cuts = cut.subscribe();
        tokio::spawn(async move {
            while let Ok((mut here, _)) = listener.accept().await {
                let mut there = TcpStream::connect(&target).await.unwrap();
                let mut cuts = cuts.clone();
                cuts.mark_unchanged();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut here, &mut there) => {}
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        Self { url, cut }
    }

    pub(super) fn cut(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }
}

#[test]
fn a_wrong_adapter_address_is_refused_at_once() {
    run(async {
        for address in ["", "127.0.0.1:9100", "https://127.0.0.1:9100", "http://"] {
            let error = ExProtoHandler::<Toy<'static>>::new(ExProtoSettings::new(address)).unwrap_err();
            assert!(error.to_string().contains("no address of EMQX's ExProto adapter"), "{error}");
        }
    });
}
