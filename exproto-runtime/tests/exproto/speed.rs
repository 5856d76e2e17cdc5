//! What makes a handler faster, and must not change what it does.

use exproto_runtime::grpc::GrpcServer;

use super::*;

#[test]
fn threads_of_its_own_serve_alike() {
    run(async {
        for service in ALL {
            let emqx = FakeEmqx::start().await.unwrap();
            let handler = ExProtoHandler::<Toy<'static>>::new(ExProtoSettings::new(emqx.adapter())).unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            emqx.use_handler(listener.local_addr().unwrap(), service);
            let stats = handler.counters();
            let (stop, stopped) = oneshot::channel();
            let server = GrpcServer::new().workers(3).with(handler);
            let served = tokio::spawn(server.serve(listener, async {
                let _ = stopped.await;
            }));
            let mut devices = Vec::new();
            for id in 0..20 {
                let device = emqx.connect().await;
                device.bytes(&frame(&Toy::Hello { id, key: b"" })).answered().await;
                devices.push(device);
            }
            for serial in 0..5 {
                let told: Vec<_> = devices.iter().map(|device| device.bytes(&reading(serial))).collect();
                for told in told {
                    told.answered().await;
                }
            }
            for device in &devices {
                device.wait_received(welcome(true).len() + 5 * ack(1, 0).len()).await;
            }
            emqx.publish("toy/7/down/set", b"1");
            devices[7].wait(|calls| calls.len() == 2 + 1 + 5 * 2 + 1).await;
            for device in &devices {
                device.close().answered().await;
            }
            until(|| stats.read().unwrap().connections == 0).await;
            stop.send(()).unwrap();
            served.await.unwrap().unwrap();
            assert_eq!(emqx.faults(), Vec::<String>::new(), "{service:?}");
        }
    });
}

fn publishes(calls: &[What]) -> usize {
    calls.iter().filter(|call| call.name() == "Publish").count()
}

#[test]
fn publishes_of_an_event_may_go_out_together() {
    run(async {
        let bench = Bench::with::<Toy<'static>>(Service::Unary, |settings| {
            settings.concurrent_publishes = 5;
        })
        .await;
        let device = bench.member().await;
        bench.emqx.hold("Publish");
        let frames: Vec<u8> = (0..8).flat_map(reading).collect();
        let mut told = device.bytes(&frames);
        device.wait(|calls| publishes(calls) == 5).await;
        assert!(!told.is_answered());
        assert_eq!(names(&device.calls()).iter().filter(|name| **name == "Send").count(), 1, "the welcome");
        bench.emqx.release("Publish");
        told.answered().await;
        assert_eq!(bench.emqx.most_under_way(), 5);
        // The answers in their order, and none before all publishes in front of it.
        let acks: Vec<u8> = (0..8).flat_map(|serial| ack(serial, 0)).collect();
        assert!(device.received().ends_with(&acks));
        assert_eq!(publishes(&device.calls()), 8);
        // One frame alone behaves as ever.
        device.bytes(&reading(9)).answered().await;
        assert!(device.received().ends_with(&ack(9, 0)));
    });
}

#[test]
fn what_failed_beside_others_is_not_told_as_done() {
    run(async {
        let bench = Bench::with::<Toy<'static>>(Service::Unary, |settings| {
            settings.concurrent_publishes = 8;
        })
        .await;
        let device = bench.member().await;
        let mut left = 3;
        bench.emqx.answer(move |call| {
            if call.what.name() == "Publish" {
                left -= 1;
            }
            (call.what.name() == "Publish" && left == 0).then_some(Reply::DENIED)
        });
        device.bytes(&(0..4).flat_map(reading).collect::<Vec<u8>>()).answered().await;
        device.wait_closed().await;
        assert_eq!(device.received(), welcome(true), "no frame is acknowledged");
        assert_eq!(publishes(&device.calls()), 4);
        bench.connections(0).await;
        assert_eq!(bench.stats.read().unwrap().calls_failed, 1);
    });
}
