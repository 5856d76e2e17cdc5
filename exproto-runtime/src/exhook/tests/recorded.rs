//! Calls recorded from EMQX 5.8.9: what they say arrives, and each answer that
//! EMQX was seen to take is given on the wire as it was then.

use std::collections::BTreeSet;

use prost::Message as _;
use serde_json::{Value, json};

use super::*;
use crate::exhook::pb::v2;

const RECORDED: &str = include_str!("../../../tests/recordings/exhook-calls.txt");

struct Call {
    method: &'static str,
    fields: Value,
    request: Bytes,
    /// What the recording provider answered.
    answer: Bytes,
}

fn recorded() -> Vec<Call> {
    let lines = RECORDED.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut parts = line.split('\t');
            let mut next = || parts.next().unwrap();
            Call {
                method: next(),
                fields: serde_json::from_str(next()).unwrap(),
                request: unhex(next()),
                answer: unhex(next()),
            }
        })
        .collect()
}

fn text<'v>(fields: &'v Value, path: &str) -> &'v str {
    fields.pointer(path).and_then(Value::as_str).unwrap_or("")
}

/// Each text of a request, as it is expected in what the provider was given.
fn texts(fields: &Value, out: &mut Vec<String>) {
    match fields {
        Value::Object(object) => {
            // Seen as bytes, by design nowhere, or as an enum.
            let skip = ["payload", "password", "type"];
            object.iter().filter(|(key, _)| !skip.contains(&key.as_str())).for_each(|(_, v)| texts(v, out));
        }
        Value::Array(array) => array.iter().for_each(|value| texts(value, out)),
        Value::String(text) if !text.is_empty() => out.push(format!("{text:?}")),
        _ => {}
    }
}

#[test]
fn every_recorded_call_arrives_in_every_generation_that_has_it() {
    run(async {
        let bench = Bench::with(|settings| settings.duplicates = std::time::Duration::ZERO).await;
        let mut methods = BTreeSet::new();
        for call in recorded() {
            methods.insert(call.method);
            // v3 has all fields of v2, with the same numbers.
            for generation in ["v2", "v3"] {
                let before = bench.seen().len();
                bench.emqx.call(generation, call.method, call.request.clone()).await;
                while bench.counters.waiting() > 0 {
                    tokio::task::yield_now().await;
                }
                let seen = bench.seen();
                assert_eq!(seen.len(), before + 1, "{}", call.method);
                let seen = &seen[before];
                let mut expected = Vec::new();
                texts(&call.fields, &mut expected);
                for text in expected {
                    assert!(seen.contains(&text), "{} in {generation}: {text} is not in {seen}", call.method);
                }
            }
        }
        assert_eq!(methods.len(), 21, "{methods:?}");
        bench.end().await;
    });
}

/// The recorded answers that a typed answer stands for.
#[test]
fn recorded_answers_are_given_alike() {
    run(async {
        let bench = Bench::with(|settings| settings.duplicates = std::time::Duration::ZERO).await;
        let mut kinds = BTreeSet::new();
        for call in recorded() {
            let answered = v2::ValuedResponse::decode(call.answer.clone()).unwrap();
            let last = answered.r#type == 2;
            let name;
            match (call.method, answered.r#type, answered.value) {
                ("OnClientAuthenticate" | "OnClientAuthorize", kind, value) => {
                    let auth = match (kind, value) {
                        (1, None) => Auth::Ignore,
                        (0, Some(v2::valued_response::Value::BoolResult(allow))) => Auth::from(allow),
                        (2, Some(v2::valued_response::Value::BoolResult(true))) => {
                            Auth::Stop(Decision::Allow)
                        }
                        (2, Some(v2::valued_response::Value::BoolResult(false))) => {
                            Auth::Stop(Decision::Deny)
                        }
                        // Answers that mean nothing to EMQX, and that no type
                        // stands for.
                        _ => continue,
                    };
                    name = format!("{auth:?}");
                    bench.auth(Do::Answer(auth));
                }
                ("OnMessagePublish", 0 | 2, Some(v2::valued_response::Value::Message(message))) => {
                    let asked = &call.fields["message"];
                    let allow = message.headers.get("allow_publish").map(String::as_str);
                    // Changes that EMQX does not take, or does not survive.
                    let lawful = crate::session::valid_topic(&message.topic).is_ok()
                        && message.qos <= 2
                        && message.id == text(asked, "/id")
                        && message.from == text(asked, "/from")
                        && json!(message.timestamp) == asked["timestamp"]
                        && message.headers.keys().all(|key| {
                            key == "allow_publish" || !text(asked, &format!("/headers/{key}")).is_empty()
                        });
                    if !lawful || !matches!(allow, None | Some("false")) {
                        continue;
                    }
                    let mut with = Replace::new();
                    if message.topic != text(asked, "/topic") {
                        with = with.topic(message.topic);
                    }
                    if hex(&message.payload) != text(asked, "/payload") {
                        with = with.payload(message.payload);
                    }
                    if json!(message.qos) != asked["qos"] {
                        with = with.qos(Qos::from_number(message.qos));
                    }
                    let publish = match (allow, last) {
                        (Some(_), false) => Publish::Drop,
                        (Some(_), true) => Publish::Stop(Verdict::Drop),
                        (None, false) => Publish::Replace(with),
                        (None, true) => Publish::Stop(Verdict::Replace(with)),
                    };
                    name = format!("{publish:?}");
                    bench.publish(Do::Answer(publish));
                }
                _ => continue,
            }
            kinds.insert(name.clone());
            let answer = bench.emqx.call("v2", call.method, call.request).await;
            // The order of headers is free.
            let (given, then) = (v2::ValuedResponse::decode(answer), v2::ValuedResponse::decode(call.answer));
            assert_eq!(given.unwrap(), then.unwrap(), "{} {name}", call.method);
        }
        for kind in ["Allow", "Deny", "Ignore", "Stop(Allow)", "Stop(Deny)", "Drop", "Stop(Drop)"] {
            assert!(kinds.contains(kind), "{kind} is not among {kinds:?}");
        }
        assert!(kinds.iter().any(|kind| kind.contains("topic: Some")), "{kinds:?}");
        assert!(kinds.iter().any(|kind| kind.contains("payload: Some")), "{kinds:?}");
        bench.end().await;
    });
}
