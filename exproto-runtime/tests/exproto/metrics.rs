//! What the handler counts and measures.

use exproto_runtime::exproto::{CallKind, EventKind};

use super::*;

#[test]
fn events_and_calls_are_measured_by_kind() {
    run(async {
        for service in ALL {
            let bench = Bench::new(service).await;
            let device = bench.member().await;
            until(|| bench.stats.events(EventKind::Bytes).unwrap().in_flight == 0).await;
            bench.emqx.hold("Publish");
            device.bytes(&reading(1)).later();
            device.wait(|calls| names(calls).ends_with(&["Publish"])).await;
            let bytes = bench.stats.events(EventKind::Bytes).unwrap();
            assert_eq!((bytes.done, bytes.in_flight, bytes.queued), (1, 1, 0), "{service:?}");
            let publish = bench.stats.calls(CallKind::Publish).unwrap();
            assert_eq!((publish.done, publish.failed, publish.in_flight), (0, 0, 1));
            if service == Service::Streams {
                // Over streams EMQX tells of the next one before.
                device.bytes(&reading(2)).later();
                until(|| bench.stats.events(EventKind::Bytes).unwrap().queued == 1).await;
            }
            bench.emqx.release("Publish");
            let frames = if service == Service::Streams { 2 } else { 1 };
            device.wait_received(welcome(true).len() + frames * ack(1, 0).len()).await;
            device.close().answered().await;
            bench.connections(0).await;
            for kind in EventKind::ALL {
                let event = bench.stats.events(kind).unwrap();
                assert_eq!((event.in_flight, event.queued), (0, 0), "{kind:?}");
            }
            assert_eq!(bench.stats.events(EventKind::Closed).unwrap().done, 1);
            let publish = bench.stats.calls(CallKind::Publish).unwrap();
            assert!(publish.done >= 1 && publish.in_flight == 0 && !publish.time.is_zero());
            bench.assert_sound();
        }
    });
}

#[test]
fn the_text_for_scrapers_has_each_family_once() {
    run(async {
        let bench = Bench::new(Service::Unary).await;
        let device = bench.member().await;
        bench.emqx.answer(|call| (call.what.name() == "Publish").then_some(Reply::DENIED));
        device.bytes(&reading(1)).answered().await;
        device.close().answered().await;
        let mut text = String::new();
        bench.stats.write_open_metrics(&mut text, "a\"b");
        for line in [
            "exproto_handler_created_total{handler=\"a\\\"b\"} 1",
            "exproto_handler_connections{handler=\"a\\\"b\"} 0",
            "exproto_event_seconds_count{handler=\"a\\\"b\",event=\"bytes\"} 2",
            "exproto_events_in_flight{handler=\"a\\\"b\",event=\"bytes\"} 0",
            "exproto_calls_total{handler=\"a\\\"b\",call=\"publish\",result=\"denied\"} 1",
            "exproto_calls_total{handler=\"a\\\"b\",call=\"send\",result=\"done\"} 2",
            "exproto_call_seconds_bucket{handler=\"a\\\"b\",call=\"publish\",le=\"+Inf\"} 1",
            "exproto_connections_ended_total{handler=\"a\\\"b\",reason=\"by_device\"} 1",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
        let families: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        let mut distinct = families.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(families.len(), distinct.len());
        // No family without help, no sample without a family.
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap();
            let family = families.iter().filter_map(|family| family.split(' ').next());
            assert!(family.clone().any(|family| name.starts_with(family)), "{line}");
        }
    });
}

#[test]
fn a_shutdown_begins_when_no_event_is_under_way() {
    run(async {
        let mut bench = Bench::with::<Toy<'static>>(Service::Unary, |settings| {
            settings.handover = Duration::from_secs(60);
        })
        .await;
        let (busy, other) = (bench.member_as(1).await, bench.member_as(2).await);
        bench.emqx.hold("Publish");
        let told = busy.bytes(&reading(1));
        busy.wait(|calls| names(calls).ends_with(&["Publish"])).await;
        // More of the same device comes meanwhile: EMQX would close it if it
        // were told to go now.
        let more = busy.bytes(&frame(&Toy::Beat));
        bench.stop.take().unwrap().send(()).unwrap();
        // Others are served as ever.
        for _ in 0..10 {
            other.bytes(&frame(&Toy::Beat)).answered().await;
        }
        bench.emqx.release("Publish");
        told.answered().await;
        more.answered().await;
        bench.served.await.unwrap().unwrap();
        assert!(busy.is_open() && other.is_open());
        assert_eq!(bench.emqx.faults(), Vec::<String>::new());
    });
}
