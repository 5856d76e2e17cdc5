//! What a handler must do to live with EMQX, one test for each duty.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::adapter::Relay;
use super::*;

const HELLO: Toy<'static> = Toy::Hello { id: 41, key: b"" };

#[test]
fn serves_both_services_on_one_port() {
    run(async {
        let bench = Bench::new(Service::Unary).await;
        let address = bench.address;
        for (id, service) in (1..).zip(ALL) {
            bench.emqx.use_handler(address, service);
            let device = bench.member_as(id).await;
            device.bytes(&reading(1)).answered().await;
            device.wait_received(welcome(true).len() + ack(1, 0).len()).await;
        }
        bench.connections(4).await;
        bench.assert_sound();
    });
}

#[test]
fn works_off_the_events_of_a_connection_one_after_the_other() {
    run(async {
        let bench = Bench::new(Service::Streams).await;
        let device = bench.member().await;
        bench.emqx.hold("Publish");
        for serial in 0..5 {
            device.bytes(&reading(serial)).answered().await;
        }
        device.messages(&[("toy/41/down/set", b"1")]).answered().await;
        device.wait(|calls| names(calls).ends_with(&["Publish"])).await;
        bench.emqx.release("Publish");
        device.wait(|calls| calls.len() == 2 + 1 + 5 * 2 + 1).await;
        // `Set` may come anywhere between the readings, but nothing overlaps:
        // two calls at the same time are a fault.
        let sent = device.calls().iter().filter(|call| call.name() == "Send").count();
        assert_eq!(sent, 1 + 5 + 1);
        bench.assert_sound();
    });
}

#[test]
fn has_a_bounded_inbox_and_holds_the_reply_when_it_is_full() {
    run(async {
        // Unary: the answer is the only back-pressure.
        let bench = Bench::new(Service::Unary).await;
        let device = bench.member().await;
        bench.emqx.hold("Publish");
        let mut first = device.bytes(&reading(1));
        device.wait(|calls| names(calls).ends_with(&["Publish"])).await;
        assert!(!first.is_answered());
        bench.emqx.release("Publish");
        first.answered().await;
        bench.assert_sound();

        // Streams: no more than the mailbox is read ahead.
        let bench = Bench::with::<Toy<'static>>(Service::Streams, |settings| settings.mailbox = 2).await;
        let device = bench.member().await;
        let before = bench.stats.read().unwrap().received_bytes;
        bench.emqx.hold("Publish");
        for serial in 0..20 {
            device.bytes(&reading(serial)).later();
        }
        until(|| bench.stats.read().unwrap().received_bytes >= before + 3).await;
        // One in work, two in the mailbox, one on its way into it.
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        assert!(bench.stats.read().unwrap().received_bytes <= before + 4);
        bench.emqx.release("Publish");
        device.wait_received(welcome(true).len() + 20 * ack(1, 0).len()).await;
        bench.assert_sound();
    });
}

#[test]
fn starts_the_timer_of_udp_by_itself() {
    run(async {
        for service in ALL {
            let bench = Bench::new(service).await;
            let udp = bench.emqx.connect_by(Socket::Udp).await;
            udp.wait(|calls| calls == [What::StartTimer { seconds: 600 }]).await;
            let tcp = bench.emqx.connect_by(Socket::Tcp).await;
            tcp.bytes(&frame(&Toy::Beat)).answered().await;
            tcp.wait(|calls| names(calls) == ["Send"]).await;
        }
    });
}

#[test]
fn never_answers_an_error_for_what_a_device_did() {
    run(async {
        for service in ALL {
            let bench = Bench::new(service).await;
            let device = bench.emqx.connect().await;
            // No frame at all, a wrong checksum, an unknown tag, a frame without an end.
            for bytes in
                [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x7E\x03\x04\x7E", b"\x7E\x55\x55\x7E", &[0x7D; 5000]]
            {
                device.bytes(bytes).answered().await;
            }
            device.close().answered().await;
            bench.connections(0).await;
            bench.assert_sound();
        }
    });
}

#[test]
fn accepts_every_event_of_unknown_connections() {
    run(async {
        for unknown in [UnknownConnection::Close, UnknownConnection::Adopt] {
            for service in ALL {
                let bench = Bench::with::<Toy<'static>>(service, |settings| {
                    settings.unknown = unknown;
                    settings.created_wait = Duration::from_millis(20);
                })
                .await;
                let device = || bench.emqx.appear(Socket::Tcp);
                device().bytes(&frame(&Toy::Beat)).answered().await;
                device().messages(&[("t", b"x")]).answered().await;
                device().messages(&[]).answered().await;
                device().timed_out().answered().await;
                device().close().answered().await;
                bench.assert_sound();
            }
        }
    });
}

#[test]
fn collects_connections_whose_end_was_never_told() {
    run(async {
        let bench = Bench::with::<Toy<'static>>(Service::Unary, |settings| {
            settings.probe = Duration::from_millis(20);
        })
        .await;
        for _ in 0..20 {
            bench.emqx.connect().await.vanish();
        }
        bench.connections(0).await;
        assert_eq!(bench.stats.read().unwrap().gone, 20);
        bench.assert_sound();
    });
}

#[test]
fn collects_the_connection_that_a_device_has_left_for_another() {
    run(async {
        // Without asking from time to time.
        let bench =
            Bench::with::<Toy<'static>>(Service::Unary, |settings| settings.probe = Duration::ZERO).await;
        let (old, alive) = (bench.member_as(41).await, bench.member_as(42).await);
        // EMQX discards it, with an event under way that loses the report.
        old.vanish();
        let new = bench.member_as(41).await;
        bench.connections(2).await;
        // A false alarm costs nothing.
        let again = bench.member_as(42).await;
        alive.wait(|calls| names(calls).ends_with(&["Unsubscribe"])).await;
        for device in [new, again, alive] {
            device.bytes(&reading(1)).answered().await;
            assert!(device.received().ends_with(&ack(1, 0)));
        }
        bench.connections(3).await;
        bench.assert_sound();
    });
}

#[test]
fn takes_a_second_beginning_for_the_first() {
    run(async {
        for service in ALL {
            let bench = Bench::new(service).await;
            let device = bench.member().await;
            device.created().answered().await;
            device.bytes(&reading(1)).answered().await;
            device.wait_received(welcome(true).len() + ack(1, 0).len()).await;
            until(|| bench.stats.read().unwrap().duplicates == 1).await;
            assert_eq!(bench.stats.read().unwrap().connections, 1);
            bench.assert_sound();
        }
    });
}

#[test]
fn delivers_all_messages_of_an_event() {
    run(async {
        let bench = Bench::new(Service::Unary).await;
        let device = bench.member().await;
        device.messages(&vec![("toy/41/down/set", &b"7"[..]); 101]).answered().await;
        assert_eq!(names(&device.calls()[3..]), ["Send"; 101]);
        bench.assert_sound();
    });
}

#[test]
fn takes_large_events() {
    run(async {
        let bench = Bench::new(Service::Unary).await;
        let device = bench.member().await;
        let large = vec![b'x'; 400 << 10];
        device.messages(&vec![("toy/41/down/none", &large[..]); 101]).answered().await;
        device.bytes(&vec![0; 20 << 20]).answered().await;
        bench.assert_sound();
    });
}

#[test]
fn takes_any_number_of_streams() {
    run(async {
        let bench = Bench::new(Service::Unary).await;
        let mut devices = Vec::new();
        for id in 0..300 {
            devices.push(bench.member_as(id).await);
        }
        bench.emqx.hold("Publish");
        let told: Vec<_> = devices.iter().map(|device| device.bytes(&reading(1))).collect();
        bench.emqx.wait(|calls| calls.iter().filter(|c| c.what.name() == "Publish").count() == 300).await;
        bench.emqx.release("Publish");
        for told in told {
            told.answered().await;
        }
        bench.assert_sound();
    });
}

/// Reads HTTP/2 frames: type, flags, payload.
async fn http2(socket: &mut TcpStream) -> (u8, u8, Vec<u8>) {
    let mut head = [0; 9];
    socket.read_exact(&mut head).await.unwrap();
    let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
    socket.read_exact(&mut payload).await.unwrap();
    (head[3], head[4], payload)
}

const SETTINGS: u8 = 4;
const PING: u8 = 6;
const EMPTY_SETTINGS: [u8; 9] = [0, 0, 0, SETTINGS, 0, 0, 0, 0, 0];
const SETTINGS_ACK: [u8; 9] = [0, 0, 0, SETTINGS, 1, 0, 0, 0, 0];

#[test]
fn sends_no_goaway_and_settings_that_refuse_nothing() {
    run(async {
        let bench = Bench::new(Service::Unary).await;
        let mut socket = TcpStream::connect(bench.address).await.unwrap();
        socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        socket.write_all(&EMPTY_SETTINGS).await.unwrap();
        // More pings than strict servers allow.
        for n in 0..1000_u64 {
            let mut ping = vec![0, 0, 8, PING, 0, 0, 0, 0, 0];
            ping.extend(n.to_be_bytes());
            socket.write_all(&ping).await.unwrap();
        }
        let mut settings = Vec::new();
        let mut answered = 0;
        while answered < 1000 {
            let (kind, flags, payload) = http2(&mut socket).await;
            match kind {
                SETTINGS if flags == 0 => settings = payload,
                PING if flags == 1 => answered += 1,
                kind => assert_ne!(kind, 7, "GOAWAY"),
            }
        }
        let setting = |id: u16| {
            let entry = settings.chunks(6).find(|entry| entry[..2] == id.to_be_bytes())?;
            Some(u32::from_be_bytes([entry[2], entry[3], entry[4], entry[5]]))
        };
        assert_eq!(setting(3), None, "MAX_CONCURRENT_STREAMS");
        assert!(setting(4).unwrap() >= 1 << 20, "INITIAL_WINDOW_SIZE");
    });
}

#[test]
fn keeps_the_channel_to_the_adapter_alive() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let settings = ExProtoSettings::new(format!("http://{}", listener.local_addr().unwrap()));
        let bench =
            Bench::serve::<Toy<'static>>(FakeEmqx::start().await.unwrap(), Service::Unary, settings).await;
        let device = bench.emqx.connect().await;
        device.bytes(&frame(&Toy::Beat)).later();
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.read_exact(&mut [0; 24]).await.unwrap();
        socket.write_all(&EMPTY_SETTINGS).await.unwrap();
        socket.write_all(&SETTINGS_ACK).await.unwrap();
        while http2(&mut socket).await.0 != 1 {}
        // EMQX drops a channel after a minute in which nothing came.
        tokio::time::pause();
        let before = tokio::time::Instant::now();
        loop {
            let (kind, flags, _) = http2(&mut socket).await;
            if (kind, flags) == (PING, 0) {
                break;
            }
        }
        assert!(before.elapsed() < Duration::from_secs(45), "{:?}", before.elapsed());
    });
}

#[test]
fn repeats_calls_only_if_they_were_certainly_not_sent() {
    run(async {
        let emqx = FakeEmqx::start().await.unwrap();
        let relay = Relay::to(&emqx).await;
        let bench =
            Bench::serve::<Toy<'static>>(emqx, Service::Unary, ExProtoSettings::new(&relay.url)).await;
        let device = bench.member().await;
        bench.emqx.hold("Publish");
        let told = device.bytes(&reading(1));
        device.wait(|calls| names(calls).ends_with(&["Publish"])).await;
        relay.cut();
        told.answered().await;
        device.wait_closed().await;
        bench.emqx.release("Publish");
        assert_eq!(device.calls().iter().filter(|call| call.name() == "Publish").count(), 1);
        bench.assert_sound();
    });
}

#[test]
fn drops_what_it_has_of_a_connection_that_is_gone() {
    run(async {
        for method in ["Authenticate", "Subscribe", "Publish", "Send", "Close"] {
            let bench = Bench::new(Service::Unary).await;
            bench.emqx.answer(move |call| (call.what.name() == method).then_some(Reply::GONE));
            let device = bench.emqx.connect().await;
            device.bytes(&frame(&HELLO)).answered().await;
            device.bytes(&reading(1)).answered().await;
            device.bytes(&frame(&Toy::Bye)).answered().await;
            bench.connections(0).await;
            assert!(bench.stats.read().unwrap().gone > 0, "{method}");
            bench.assert_sound();
        }
    });
}

#[test]
fn logs_in_with_one_name_of_the_protocol() {
    run(async {
        let bench = Bench::with::<Toy<'static>>(Service::Unary, |settings| {
            "7".clone_into(&mut settings.proto_ver);
        })
        .await;
        for id in 1..4 {
            let device = bench.member_as(id).await;
            assert!(
                matches!(&device.calls()[0], What::Authenticate { proto_name, .. } if proto_name == "exproto")
            );
        }
        bench.assert_sound();
    });
}

#[test]
fn has_one_login_under_way_at_a_time() {
    run(async {
        let bench = Bench::new(Service::Unary).await;
        bench.emqx.hold("Authenticate");
        let device = bench.emqx.connect().await;
        let twice = [frame(&HELLO), frame(&HELLO), reading(1)].concat();
        let told = device.bytes(&twice);
        device.wait(|calls| names(calls) == ["Authenticate"]).await;
        bench.emqx.release("Authenticate");
        told.answered().await;
        assert_eq!(device.received(), [welcome(true), welcome(true), ack(1, 0)].concat());
        bench.assert_sound();
    });
}

#[test]
fn works_when_the_end_of_a_connection_is_never_told() {
    run(async {
        for service in ALL {
            let bench =
                Bench::with::<Toy<'static>>(service, |settings| settings.probe = Duration::from_millis(50))
                    .await;
            for round in 0..5 {
                let device = bench.member().await;
                device.bytes(&reading(round)).answered().await;
                device.wait_received(welcome(true).len() + ack(1, 0).len()).await;
                device.vanish();
            }
            bench.connections(0).await;
            bench.assert_sound();
        }
    });
}

#[test]
fn calls_the_adapter_of_the_node_that_has_the_connection() {
    run(async {
        // Connections of the test kit are on the node emqx@127.0.0.1.
        let (mine, other) = (FakeEmqx::start().await.unwrap(), FakeEmqx::start().await.unwrap());
        let settings = ExProtoSettings::new("http://127.0.0.2:1")
            .node("emqx@10.9.9.9", other.adapter())
            .node("emqx@127.0.0.1", mine.adapter());
        let bench = Bench::serve::<Toy<'static>>(mine, Service::Unary, settings).await;
        let device = bench.member().await;
        assert_eq!(names(&device.calls()), ["Authenticate", "Subscribe", "Send"]);
        assert_eq!(other.calls(), []);

        // Its adapter is not there: any other one.
        let mine = FakeEmqx::start().await.unwrap();
        let settings =
            ExProtoSettings::new("").node("emqx@127.0.0.1", "http://127.0.0.1:1").node("b@b", mine.adapter());
        let bench = Bench::serve::<Toy<'static>>(mine, Service::Unary, settings).await;
        let device = bench.member().await;
        assert_eq!(names(&device.calls()), ["Authenticate", "Subscribe", "Send"]);
        assert_eq!(bench.stats.read().unwrap().calls_repeated, 0);
        bench.assert_sound();
    });
}
