//! Bytes of all generations, written by hand from the wire contract.

use super::emqx::{Wire, about, authorize, client, message, publish};
use super::*;

fn loading(version: &str) -> Bytes {
    Wire::new().part(1, Wire::new().text(1, version)).bytes()
}

#[test]
fn each_generation_is_told_its_own_names() {
    run(async {
        let bench = Bench::new().await;
        for (generation, version, authorize, takenover) in [
            ("v1", "4.4.19", "client.check_acl", "session.takeovered"),
            ("v2", "5.8.9", "client.authorize", "session.takenover"),
            ("v3", "6.0.0", "client.authorize", "session.takenover"),
        ] {
            let mut expected = Wire::new();
            for hook in Hook::ALL {
                let name = match hook {
                    Hook::ClientAuthorize => authorize,
                    Hook::SessionTakenover => takenover,
                    _ => hook.name(),
                };
                let mut spec = Wire::new().text(1, name);
                if [Hook::MessagePublish, Hook::MessageDropped].contains(hook) {
                    spec = spec.text(2, "#");
                }
                expected = expected.part(1, spec);
            }
            // Loading again gives the same.
            for _ in 0..2 {
                let told = bench.emqx.call(generation, "OnProviderLoaded", loading(version)).await;
                assert_eq!(hex(&told), hex(&expected.clone().bytes()), "{generation}");
            }
        }
        let (script, counters) = bench.end().await;
        assert_eq!(script.seen.lock().unwrap().len(), 6);
        assert_eq!(counters.loading().calls, 6);
    });
}

/// Every answer, in every generation: kind in field 1, boolean in field 3,
/// message in field 4.
#[test]
fn answers_in_all_generations() {
    run(async {
        let bench = Bench::with(|settings| settings.duplicates = Duration::ZERO).await;
        // EMQX 4.3.3 and later has the order of all that follow.
        bench.emqx.call("v1", "OnProviderLoaded", loading("4.3.3")).await;
        for generation in ["v1", "v2", "v3"] {
            for (auth, bytes) in [
                (Auth::Allow, "1801"),
                (Auth::Deny, "1800"),
                (Auth::Ignore, "0801"),
                (Auth::Stop(Decision::Allow), "08021801"),
                (Auth::Stop(Decision::Deny), "08021800"),
            ] {
                bench.auth(Do::Answer(auth));
                let ask = if generation == "v1" { "OnClientCheckAcl" } else { "OnClientAuthorize" };
                assert_eq!(hex(&bench.emqx.call(generation, ask, authorize("t")).await), bytes);
                let answer = bench.emqx.call(generation, "OnClientAuthenticate", about(client("a", 1))).await;
                assert_eq!(hex(&answer), bytes);
            }
            let asked = message("i", "t", "p");
            let dropped = Wire::new().text(1, "allow_publish").text(2, "false");
            let dropped = asked.clone().part(8, dropped);
            let replaced = Wire::new().text(2, "i").int(3, 2).text(4, "a").text(5, "u").text(6, "q");
            let with = Replace::new().topic("u").qos(Qos::ExactlyOnce).payload("q");
            for (answer, expected) in [
                (Publish::Pass, Wire::new().int(1, 1)),
                (Publish::Drop, Wire::new().part(4, dropped.clone())),
                (Publish::Replace(with.clone()), Wire::new().part(4, replaced.clone())),
                (Publish::Stop(Verdict::Pass), Wire::new().int(1, 2).part(4, asked.clone())),
                (Publish::Stop(Verdict::Drop), Wire::new().int(1, 2).part(4, dropped)),
                (Publish::Stop(Verdict::Replace(with)), Wire::new().int(1, 2).part(4, replaced)),
            ] {
                bench.publish(Do::Answer(answer));
                let told = bench.emqx.call(generation, "OnMessagePublish", publish("i", "t", "p")).await;
                assert_eq!(hex(&told), hex(&expected.bytes()));
            }
        }
        bench.end().await;
    });
}

/// EMQX 4.3.0 to 4.3.2: IGNORE is 0, CONTINUE is 1.
#[test]
fn the_old_order_of_kinds() {
    let answers = async |versions: &[&str]| {
        let bench = Bench::new().await;
        for version in versions {
            bench.emqx.call("v1", "OnProviderLoaded", loading(version)).await;
        }
        let mut all = Vec::new();
        for auth in [Auth::Allow, Auth::Deny, Auth::Ignore, Auth::Stop(Decision::Allow)] {
            bench.auth(Do::Answer(auth));
            all.push(hex(&bench.emqx.call("v1", "OnClientCheckAcl", authorize("t")).await));
        }
        // Who says its version with the call needs no guess.
        let meta = Wire::new().text(1, "n@1").text(2, "4.4.19");
        let request = Wire::new().part(1, client("a", 1)).part(5, meta).bytes();
        bench.auth(Do::Answer(Auth::Allow));
        assert_eq!(hex(&bench.emqx.call("v1", "OnClientCheckAcl", request).await), "1801");
        bench.end().await;
        all
    };
    run(async {
        assert_eq!(answers(&["4.3.1"]).await, ["08011801", "08011800", "", "08021801"]);
        assert_eq!(answers(&["4.3.3"]).await, ["1801", "1800", "0801", "08021801"]);
        // Both kinds of nodes, or loaded by an earlier run: answers that mean
        // the same in both orders.
        let either = ["08021801", "08021800", "", "08021801"];
        assert_eq!(answers(&["4.3.1", "4.3.3"]).await, either);
        assert_eq!(answers(&[]).await, either);
    });
}

/// What only some generations have.
#[test]
fn fields_of_one_generation() {
    run(async {
        let bench = Bench::new().await;
        let filter = Wire::new().text(1, "t/#").int(2, 1);
        let request = Wire::new().part(1, client("a", 1)).part(3, filter).bytes();
        bench.emqx.call("v1", "OnClientSubscribe", request).await;

        let options = Wire::new().int(1, 2).text(2, "g").int(3, 1).int(5, 1);
        let request = Wire::new().part(1, client("b", 1)).text(2, "t").part(3, options).bytes();
        bench.emqx.call("v1", "OnSessionSubscribed", request).await;

        let options = Wire::new().int(1, 2).int(3, 2).int(4, 1);
        let filter = Wire::new().text(1, "$share/g/t").part(3, options);
        let property = Wire::new().text(1, "k").text(2, "v");
        let request = Wire::new().part(1, client("c", 9)).part(3, filter).part(5, property.clone());
        bench.emqx.call("v3", "OnClientSubscribe", request.bytes()).await;

        let request = Wire::new().part(1, message("i", "t", "p")).part(3, property.clone()).part(4, property);
        bench.emqx.call("v3", "OnMessagePublish", request.bytes()).await;
        // Fields and kinds that nobody knows yet do no harm.
        let request = Wire::new().part(1, client("d", 1)).int(2, 77).text(99, "?").text(3, "t").bytes();
        bench.emqx.call("v3", "OnClientAuthorize", request).await;

        let (script, _) = bench.end().await;
        let seen = script.seen.lock().unwrap();
        let of = |client: &str| {
            let name = format!("client_id: {client:?}");
            seen.iter().find(|text| text.contains(&name)).unwrap().clone()
        };
        // The port came later, and the field is another's here.
        assert!(of("a").contains("peer_port: 0,"), "{}", of("a"));
        assert!(of("a").contains("filter: \"t/#\", options: SubscribeOptions { qos: AtLeastOnce"));
        assert!(of("b").contains("filter: \"$share/g/t\", options: SubscribeOptions { qos: ExactlyOnce, retain_handling: 1, retain_as_published: false, no_local: true }"));
        assert!(of("c").contains("peer_port: 9,"));
        assert!(of("c").contains("retain_handling: 2, retain_as_published: true, no_local: false }"));
        assert!(of("c").contains("user_properties: [Property { name: \"k\", value: \"v\" }]"));
        let publish = seen.iter().find(|text| text.starts_with("MessagePublish")).unwrap();
        assert!(publish.contains("properties: [Property"), "{publish}");
        // A password is nowhere but where it is needed, and not in logs.
        assert!(seen.iter().all(|text| !text.contains("secret")));
    });
}

use std::time::Duration;
