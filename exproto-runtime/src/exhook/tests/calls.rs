//! What becomes of calls: order, deadlines, failures, overload, duplicates.

use std::time::Duration;

use super::emqx::{Wire, about, authorize, client, message, publish};
use super::*;

const DENIED: &str = "08021800";
const IGNORED: &str = "0801";

#[test]
fn events_of_a_thousand_clients_keep_their_order() {
    const CLIENTS: usize = 1_000;
    const EVENTS: usize = 6;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let bench = Bench::new().await;
        let clients = (0..CLIENTS).map(|number| {
            let emqx = bench.emqx.clone();
            tokio::spawn(async move {
                // As EMQX does it: the next event of a client when the one
                // before is answered.
                for event in 0..EVENTS {
                    let client = client(&format!("c{number}"), 0);
                    let request = Wire::new().part(1, client).text(2, format!("e{event}")).bytes();
                    emqx.call("v2", "OnSessionUnsubscribed", request).await;
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.unwrap();
        }
        let (script, counters) = bench.end().await;
        let mut next = std::collections::HashMap::<String, usize>::new();
        for text in script.seen.lock().unwrap().iter() {
            let (_, rest) = text.split_once("client_id: \"").unwrap();
            let (client, rest) = rest.split_once('"').unwrap();
            let (_, rest) = rest.split_once("filter: \"e").unwrap();
            let (event, _) = rest.split_once('"').unwrap();
            let next = next.entry(client.to_owned()).or_default();
            assert_eq!(event.parse::<usize>().unwrap(), *next, "{client}");
            *next += 1;
        }
        assert_eq!(next.len(), CLIENTS);
        assert!(next.values().all(|count| *count == EVENTS));
        assert_eq!(counters.hook(Hook::SessionUnsubscribed).calls, (CLIENTS * EVENTS) as u64);
        assert_eq!(counters.waiting(), 0);
    });
}

#[test]
fn what_fails_is_denied_in_time() {
    run(async {
        let mut bench = Bench::new().await;
        for failure in [Do::Fail, Do::Panic, Do::Hang] {
            bench.emqx.patience = Duration::from_secs(60);
            if matches!(failure, Do::Hang) {
                // A tenth of it is what the answer has on its way back, on a busy machine too.
                bench.emqx.patience = Duration::from_secs(2);
            }
            bench.auth(failure);
            let answer = bench.emqx.call("v2", "OnClientAuthorize", authorize("t")).await;
            assert_eq!(hex(&answer), DENIED);
            let answer = bench.emqx.call("v3", "OnClientAuthenticate", about(client("a", 1))).await;
            assert_eq!(hex(&answer), DENIED);
        }
        for hook in [Hook::ClientAuthorize, Hook::ClientAuthenticate] {
            let stats = bench.of(hook);
            assert_eq!((stats.errors, stats.panics, stats.late, stats.denied), (1, 1, 1, 3));
        }
        bench.emqx.patience = Duration::from_secs(60);
        bench.publish(Do::Panic);
        let answer = bench.emqx.call("v2", "OnMessagePublish", publish("1", "t", "p")).await;
        let dropped = Wire::new().text(1, "allow_publish").text(2, "false");
        let expected = Wire::new().int(1, 2).part(4, message("1", "t", "p").part(8, dropped));
        assert_eq!(hex(&answer), hex(&expected.bytes()));
        bench.end().await;
    });
}

#[test]
fn what_fails_is_ignored_if_it_is_set_so() {
    run(async {
        let bench = Bench::with(|settings| {
            settings.authenticate = FailSafe::Ignore;
            settings.authorize = FailSafe::Ignore;
            settings.publish = FailSafe::Ignore;
        })
        .await;
        bench.auth(Do::Panic);
        bench.publish(Do::Fail);
        for (method, request) in [
            ("OnClientAuthorize", authorize("t")),
            ("OnClientAuthenticate", about(client("a", 1))),
            ("OnMessagePublish", publish("1", "t", "p")),
        ] {
            assert_eq!(hex(&bench.emqx.call("v2", method, request).await), IGNORED);
        }
        bench.end().await;
    });
}

#[test]
fn a_topic_that_emqx_would_not_survive_is_an_error() {
    run(async {
        let bench = Bench::with(|settings| settings.publish = FailSafe::Ignore).await;
        for (number, topic) in ["a/#", "+", "", "a\0b"].into_iter().enumerate() {
            bench.publish(Do::Answer(Publish::Replace(Replace::new().topic(topic))));
            let request = publish(&number.to_string(), "t", "p");
            assert_eq!(hex(&bench.emqx.call("v2", "OnMessagePublish", request).await), IGNORED);
        }
        assert_eq!(bench.of(Hook::MessagePublish).errors, 4);
        bench.end().await;
    });
}

#[test]
fn too_many_calls_are_answered_without_the_users_code() {
    run(async {
        let bench = Bench::with(|settings| settings.max_calls = 1).await;
        bench.auth(Do::Hang);
        let emqx = bench.emqx.clone();
        let hanging = tokio::spawn(async move { emqx.call("v2", "OnClientAuthorize", authorize("t")).await });
        while bench.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        bench.auth(Do::Answer(Auth::Allow));
        let answer = bench.emqx.call("v2", "OnClientAuthorize", authorize("t")).await;
        assert_eq!(hex(&answer), DENIED);
        assert_eq!(bench.of(Hook::ClientAuthorize).overload, 1);
        // EMQX gives up, and there is room again.
        hanging.abort();
        let _ = hanging.await;
        loop {
            let answer = bench.emqx.call("v2", "OnClientAuthorize", authorize("t")).await;
            if hex(&answer) == "1801" {
                break;
            }
        }
        bench.end().await;
    });
}

#[test]
fn events_that_find_no_room_are_answered_and_counted() {
    run(async {
        let bench = Bench::with(|settings| settings.max_client_events = 2).await;
        // Nothing passes.
        bench.script.gate.forget_permits(Semaphore::MAX_PERMITS);
        for _ in 0..5 {
            let filter = Wire::new().part(1, client("a", 1)).text(2, "t").bytes();
            bench.emqx.call("v2", "OnSessionUnsubscribed", filter).await;
        }
        let stats = bench.of(Hook::SessionUnsubscribed);
        assert_eq!((stats.calls, stats.dropped), (5, 2));
        assert_eq!(bench.counters.waiting(), 3);
        // Other clients are not concerned.
        bench.emqx.call("v2", "OnClientConnected", about(client("b", 1))).await;
        assert_eq!(bench.counters.waiting(), 4);
        bench.script.gate.add_permits(100);
        let (script, _) = bench.end().await;
        assert_eq!(script.seen.lock().unwrap().len(), 4);
    });
}

#[test]
fn a_failing_event_does_not_hold_up_the_next() {
    run(async {
        let bench = Bench::with(|settings| settings.event_patience = Duration::from_millis(20)).await;
        for failure in [Do::Panic, Do::Fail, Do::Hang] {
            *bench.script.events.lock().unwrap() = failure;
            let request = Wire::new().part(1, client("a", 1)).text(2, "t").bytes();
            bench.emqx.call("v2", "OnSessionUnsubscribed", request).await;
            while bench.counters.waiting() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        let stats = bench.of(Hook::SessionUnsubscribed);
        assert_eq!((stats.calls, stats.panics, stats.errors, stats.late), (3, 1, 1, 1));
        assert_eq!(bench.seen().len(), 3);
        bench.end().await;
    });
}

#[test]
fn what_emqx_tells_twice_happens_once() {
    run(async {
        let bench = Bench::new().await;
        for _ in 0..2 {
            bench.emqx.call("v2", "OnClientConnected", about(client("a", 4000))).await;
        }
        // Another connection, and one of an EMQX that tells no ports.
        bench.emqx.call("v2", "OnClientConnected", about(client("a", 4001))).await;
        for _ in 0..2 {
            bench.emqx.call("v2", "OnClientConnected", about(client("a", 0))).await;
        }
        // A message is delivered for each subscription that matches.
        for _ in 0..2 {
            let request = Wire::new().part(1, client("a", 4001)).part(2, message("1", "t", "p")).bytes();
            bench.emqx.call("v2", "OnMessageDelivered", request).await;
        }
        // The second call comes with the first one's answer in it.
        let prefixed = Replace::new().topic("in/t");
        bench.publish(Do::Answer(Publish::Replace(prefixed)));
        let first = bench.emqx.call("v2", "OnMessagePublish", publish("7", "t", "p")).await;
        assert_ne!(hex(&first), IGNORED);
        let second = bench.emqx.call("v2", "OnMessagePublish", publish("7", "in/t", "p")).await;
        assert_eq!(hex(&second), IGNORED);
        // A delayed message comes back with its id and another topic.
        let delayed = bench.emqx.call("v2", "OnMessagePublish", publish("7", "later", "p")).await;
        assert_ne!(hex(&delayed), IGNORED);
        assert_eq!(bench.of(Hook::MessagePublish).duplicates, 1);
        let (script, counters) = bench.end().await;
        let connected = counters.hook(Hook::ClientConnected);
        assert_eq!((connected.calls, connected.duplicates), (5, 1));
        assert_eq!(counters.hook(Hook::MessageDelivered).duplicates, 0);
        assert_eq!(script.seen.lock().unwrap().len(), 4 + 2 + 2);
    });
}

/// A provider with few hooks, called by an EMQX that has loaded another one.
#[test]
fn calls_that_nobody_asked_for_are_ignored() {
    struct Few;

    #[exhook]
    impl HookProvider for Few {
        #[on(topics = ["t/#"])]
        async fn on_message_publish(&self, _: &MessagePublish) -> Publish {
            Publish::Drop
        }
    }

    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let emqx = Emqx::new(listener.local_addr().unwrap());
        let server = ExHookServer::new(Few, ExHookSettings::default());
        let counters = server.counters();
        let served = tokio::spawn(server.serve(listener, pending()));
        let list = emqx.call("v3", "OnProviderLoaded", Bytes::new()).await;
        let spec = Wire::new().text(1, "message.publish").text(2, "t/#");
        assert_eq!(list, Wire::new().part(1, spec).bytes());
        assert_eq!(hex(&emqx.call("v3", "OnClientAuthorize", authorize("t")).await), IGNORED);
        assert_eq!(hex(&emqx.call("v3", "OnMessagePublish", publish("1", "u", "p")).await), IGNORED);
        assert_ne!(hex(&emqx.call("v3", "OnMessagePublish", publish("1", "t/1", "p")).await), IGNORED);
        assert_eq!(emqx.call("v3", "OnClientConnected", about(client("a", 1))).await, Bytes::new());
        for hook in [Hook::ClientAuthorize, Hook::MessagePublish, Hook::ClientConnected] {
            assert_eq!(counters.hook(hook).unregistered, 1, "{hook}");
        }
        served.abort();
    });
}
