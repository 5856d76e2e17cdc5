//! Connections: how they begin and end, in what order EMQX tells of them.

use super::*;

#[test]
fn a_connection_that_emqx_has_lost_is_forgotten() {
    run(async {
        for method in ["Publish", "Send"] {
            let bench = Bench::new(Service::Unary).await;
            let device = bench.member().await;
            bench.emqx.answer(move |call| (call.what.name() == method).then_some(Reply::GONE));
            device.bytes(&reading(1)).answered().await;
            bench.connections(0).await;
            assert_eq!(bench.stats.read().unwrap().gone, 1, "{method}");
            bench.assert_sound();
        }
    });
}

#[test]
fn a_connection_whose_end_is_never_told_is_found_out() {
    run(async {
        let bench = Bench::with::<Toy<'static>>(Service::Unary, |settings| {
            settings.probe = Duration::from_millis(20);
        })
        .await;
        let alive = bench.member().await;
        let device = bench.emqx.connect().await;
        device.vanish();
        bench.connections(1).await;
        assert_eq!(bench.stats.read().unwrap().gone, 1);
        // Asking does no harm.
        alive.wait(|calls| names(calls).contains(&"Unsubscribe")).await;
        assert_eq!(alive.filters(), [("toy/41/down/set".to_owned(), 1)]);
        assert_eq!(alive.received(), welcome(true));
        bench.assert_sound();
    });
}

#[test]
fn unknown_connections_are_closed() {
    run(async {
        for service in [Service::Unary, Service::Streams] {
            let bench = Bench::with::<Toy<'static>>(service, |settings| {
                settings.created_wait = Duration::from_millis(50);
            })
            .await;
            let device = bench.emqx.appear(Socket::Tcp);
            device.bytes(&reading(1)).answered().await;
            device.wait_closed().await;
            assert_eq!(device.calls(), [What::Close], "{service:?}");
            bench.connections(0).await;
            assert!(bench.stats.read().unwrap().unknown > 0);

            // Its end, and that of one never heard of, are nothing to do.
            let silent = bench.emqx.appear(Socket::Tcp);
            silent.close().answered().await;
            bench.connections(0).await;
            assert_eq!(silent.calls(), []);
            bench.assert_sound();
        }
    });
}

#[test]
fn unknown_connections_are_adopted_if_wanted() {
    run(async {
        for service in [Service::Unary, Service::Streams] {
            let bench = Bench::with::<Toy<'static>>(service, |settings| {
                settings.unknown = UnknownConnection::Adopt;
                settings.created_wait = Duration::from_millis(50);
            })
            .await;
            // EMQX has the device logged in since before the restart.
            bench.emqx.answer(|call| (call.what.name() == "Authenticate").then_some(Reply::DUPLICATE));
            let device = bench.emqx.appear(Socket::Tcp);
            // The end of a frame whose beginning went to the handler before.
            let cut = [&reading(1)[3..], &frame(&Toy::Hello { id: 41, key: b"" })].concat();
            device.bytes(&cut).answered().await;
            device.wait_received(welcome(true).len()).await;
            assert_eq!(device.received(), welcome(true), "{service:?}");
            assert_eq!(bench.stats.read().unwrap().adopted, 1);
            bench.assert_sound();
        }
    });
}

#[test]
fn a_second_beginning_is_ignored() {
    run(async {
        let bench = Bench::new(Service::Unary).await;
        let device = bench.member().await;
        device.created().answered().await;
        device.bytes(&reading(1)).answered().await;
        assert!(device.received().ends_with(&ack(1, 0)));
        assert_eq!(bench.stats.read().unwrap().duplicates, 1);
        bench.assert_sound();
    });
}

#[test]
fn streams_may_bring_events_in_any_order() {
    run(async {
        let bench = Bench::with::<Toy<'static>>(Service::Streams, |settings| {
            settings.created_wait = Duration::from_secs(30);
            settings.quiet = Duration::from_secs(1);
        })
        .await;

        // Bytes before the beginning.
        let device = bench.emqx.appear(Socket::Tcp);
        device.bytes(&frame(&Toy::Hello { id: 41, key: b"" })).answered().await;
        until(|| bench.stats.read().unwrap().received_bytes == 1).await;
        device.bytes(&reading(1)).answered().await;
        until(|| bench.stats.read().unwrap().received_bytes == 2).await;
        assert_eq!(device.calls(), []);
        device.created().answered().await;
        let all = [welcome(true), ack(1, 0)].concat();
        device.wait_received(all.len()).await;
        assert_eq!(device.received(), all);

        // The end before the last bytes, before the beginning.
        let device = bench.emqx.appear(Socket::Tcp);
        device.close().answered().await;
        until(|| bench.stats.read().unwrap().closed == 1).await;
        device.bytes(&frame(&Toy::Beat)).answered().await;
        device.created().answered().await;
        device.wait_received(ack(0, 0).len()).await;
        assert_eq!(device.received(), ack(0, 0));
        bench.connections(1).await;
        bench.assert_sound();
    });
}

#[test]
fn bytes_before_the_beginning_are_bounded() {
    run(async {
        let bench = Bench::with::<Toy<'static>>(Service::Streams, |settings| {
            settings.created_wait = Duration::from_secs(30);
            settings.early_bytes = 100;
        })
        .await;
        let device = bench.emqx.appear(Socket::Tcp);
        device.bytes(&[0x7E; 101]).answered().await;
        device.wait_closed().await;
        assert_eq!(device.calls(), [What::Close]);
        bench.connections(0).await;
        bench.assert_sound();
    });
}

#[test]
fn streams_end_with_their_connection() {
    run(async {
        let bench = Bench::with::<Toy<'static>>(Service::Streams, |settings| {
            settings.stream_linger = Duration::from_millis(10);
        })
        .await;
        for id in 1..=10 {
            let device = bench.member_as(id).await;
            device.close().answered().await;
        }
        bench.connections(0).await;
        bench.emqx.streams_ended().await;
        bench.assert_sound();
    });
}

#[test]
fn streams_of_several_connections_stay_open() {
    run(async {
        let bench = Bench::with::<Toy<'static>>(Service::SharedStreams, |settings| {
            settings.stream_linger = Duration::from_millis(10);
        })
        .await;
        let (first, second) = (bench.member_as(1).await, bench.member_as(2).await);
        first.close().answered().await;
        bench.connections(1).await;
        second.close().answered().await;
        bench.connections(0).await;
        // Nothing is lost between two devices.
        let third = bench.member_as(3).await;
        third.bytes(&reading(1)).answered().await;
        third.wait_received(welcome(true).len() + ack(1, 0).len()).await;
        assert_eq!(bench.emqx.streams(), 3);
        bench.assert_sound();
    });
}

#[test]
fn listeners_are_told_apart_by_the_address_of_the_socket() {
    run(async {
        let emqx = FakeEmqx::start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        emqx.use_handler(listener.local_addr().unwrap(), Service::Unary);
        let mut settings = ExProtoSettings::new(emqx.adapter());
        settings.unknown = UnknownConnection::Adopt;
        let session = SessionSettings::default;
        let handler = ExProtoHandler::<Toy<'static>>::new(settings)
            .and_then(|handler| handler.with_listener::<Bomb<'static>>(([0, 0, 0, 0], 7994), session()))
            .and_then(|handler| handler.with_listener::<Toy<'static>>(([10, 0, 0, 1], 7994), session()))
            .unwrap();
        let stats = handler.counters();
        tokio::spawn(handler.serve(listener, std::future::pending()));

        // Only one of the gateways panics here.
        for (address, panics) in [("127.0.0.1:7993", 0), ("127.0.0.1:7994", 1), ("10.0.0.1:7994", 1)] {
            let device = emqx.connect_to(address.parse().unwrap()).await;
            device.bytes(&frame(&Toy::Hello { id: 41, key: b"" })).answered().await;
            device.bytes(&reading(bomb::FUSE)).answered().await;
            assert_eq!(stats.read().unwrap().panics, panics, "{address}");
        }
        // Nobody knows whose this is.
        let device = emqx.appear(Socket::Tcp);
        device.bytes(&reading(1)).answered().await;
        device.wait_closed().await;
        assert_eq!((device.calls(), stats.read().unwrap().adopted), (vec![What::Close], 0));
    });
}

#[test]
fn a_close_that_failed_is_counted() {
    run(async {
        let bench = Bench::new(Service::Unary).await;
        bench.emqx.answer(|call| (call.what == What::Close).then_some(Reply::CRASHED));
        let unknown = bench.emqx.appear(Socket::Tcp);
        unknown.bytes(&reading(1)).answered().await;
        assert_eq!(unknown.calls(), [What::Close]);
        let stats = bench.stats.read().unwrap();
        assert_eq!((stats.unknown, stats.calls_failed), (1, 1));
        bench.assert_sound();
    });
}
