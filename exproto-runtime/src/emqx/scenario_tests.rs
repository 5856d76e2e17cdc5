//! The stand-in in 102 scenarios recorded from EMQX 5.8.9: the same devices,
//! the same handler, the same clients of the broker. What differs from the
//! recordings is listed, with the reason, in
//! `tests/recordings/exproto-host-differences.txt`, and nothing else differs.
//!
//! Sockets, handler and broker are in memory and the clock stands still unless
//! everybody waits for it, so that nothing depends on the machine.
#![allow(clippy::unwrap_used)]

#[path = "scenario_world.rs"]
mod world;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use world::World;

const SCENARIOS: &str = include_str!("../../tests/recordings/exproto-host.jsonl");
const DIFFERENCES: &str = include_str!("../../tests/recordings/exproto-host-differences.txt");

/// A scenario is quiet when nothing has happened for so long.
const QUIET: Duration = Duration::from_millis(220);

/// Why a scenario cannot be replayed without sockets.
fn unplayable(scenario: &Value) -> bool {
    let odd = |step: &Value| step["path"].is_string() || step["raw"].is_string();
    scenario["restarts"] == true
        || scenario["other"] == true
        || scenario["listener_port"].is_string()
        || scenario["script"].as_array().unwrap().iter().any(odd)
}

async fn play(world: &World, steps: &[Value]) {
    for step in steps {
        if step["do"] == "repeat" {
            for number in 1..=step["times"].as_u64().unwrap() {
                let text = step["steps"].to_string().replace("@K@", &number.to_string());
                let steps: Vec<Value> = serde_json::from_str(&text).unwrap();
                Box::pin(play(world, &steps)).await;
            }
            continue;
        }
        one(world, step).await;
        if step["do"] != "sleep" && step["nowait"] != true {
            settle(world).await;
        }
    }
}

async fn settle(world: &World) {
    for _ in 0..200 {
        let before = world.lanes.activity();
        sleep(QUIET).await;
        if world.lanes.activity() == before {
            return;
        }
    }
}

async fn one(world: &World, step: &Value) {
    let device = || step["dev"].as_str().unwrap();
    match step["do"].as_str().unwrap() {
        "connect" => world.connect(device()),
        "send" => world.send(device(), world::bytes(&step["bytes"])),
        "half-close" | "close" => world.close(device(), step["do"] == "close"),
        "reset" => world.reset(device()),
        "pause_read" => world.pause(device(), true),
        "resume_read" => world.pause(device(), false),
        "sleep" => sleep(Duration::from_millis(step["ms"].as_u64().unwrap())).await,
        "await" => {
            let patience = Duration::from_millis(step["timeout_ms"].as_u64().unwrap_or(5000));
            let end = Instant::now() + patience;
            while Instant::now() < end && !world.has_happened(step) {
                sleep(Duration::from_millis(10)).await;
            }
        }
        "call" => {
            let call = world.call(step.clone(), "calls script");
            if step["nowait"] == true {
                tokio::spawn(call);
            } else {
                call.await;
            }
        }
        "parallel_n" => {
            let calls: Vec<_> = (0..step["count"].as_u64().unwrap())
                .map(|number| {
                    let text = step["template"].to_string().replace("@N@", &format!("{number:06x}"));
                    tokio::spawn(world.call(serde_json::from_str(&text).unwrap(), "calls script"))
                })
                .collect();
            for call in calls {
                call.await.unwrap();
            }
        }
        "kick" => world.lab.kick(step["clientid"].as_str().unwrap()),
        "mqtt_subscribe" => world.lab.observe(step["topic"].as_str().unwrap()),
        "mqtt_publish" => {
            let times = step["times"].as_u64();
            for number in 0..times.unwrap_or(1) {
                let mut payload = world::bytes(&step["payload"]);
                if times.is_some() {
                    payload.extend_from_slice(number.to_string().as_bytes());
                }
                world.lanes.stir();
                let (topic, qos) = (step["topic"].as_str().unwrap(), step["qos"].as_u64().unwrap());
                world.lab.publish(topic, &payload.into(), qos as u8, step["retain"] == true);
                if let Some(gap) = step["gap_ms"].as_u64() {
                    sleep(Duration::from_millis(gap)).await;
                }
            }
        }
        "mqtt_connect" | "count_streams" => {}
        other => panic!("{other}"),
    }
}

/// The lines of `ours` that are not EMQX's, and the other way round, in order.
fn difference(emqx: &[String], ours: &[String]) -> Vec<String> {
    // The longest common subsequence, from the end.
    let mut common = vec![vec![0_usize; ours.len() + 1]; emqx.len() + 1];
    for (i, line) in emqx.iter().enumerate().rev() {
        for (j, other) in ours.iter().enumerate().rev() {
            common[i][j] =
                if line == other { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < emqx.len() || j < ours.len() {
        if i < emqx.len() && j < ours.len() && emqx[i] == ours[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == ours.len() || (i < emqx.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(format!("    - {}", emqx[i]));
            i += 1;
        } else {
            lines.push(format!("    + {}", ours[j]));
            j += 1;
        }
    }
    lines
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|line| line.as_str().unwrap().to_owned()).collect()
}

/// What differs in a scenario, in the form of the list.
fn differences(scenario: &Value) -> String {
    if unplayable(scenario) {
        return "  not replayed\n".into();
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let ours = runtime.block_on(async {
        let world = World::new(scenario);
        play(&world, scenario["script"].as_array().unwrap()).await;
        settle(&world).await;
        world.told(&strings(&scenario["unordered"]))
    });
    let mut emqx: BTreeMap<String, Vec<String>> = scenario["lanes"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(lane, lines)| (lane.clone(), strings(lines)))
        .collect();
    let mut text = String::new();
    let lanes: std::collections::BTreeSet<_> = emqx.keys().chain(ours.keys()).cloned().collect();
    for lane in lanes {
        let emqx = emqx.remove(&lane).unwrap_or_default();
        let none = Vec::new();
        let lines = difference(&emqx, ours.get(&lane).unwrap_or(&none));
        if !lines.is_empty() {
            writeln!(text, "  {lane}\n{}", lines.join("\n")).unwrap();
        }
    }
    text
}

#[test]
fn the_stand_in_behaves_as_recorded_but_for_what_is_listed() {
    let mut found = String::new();
    let mut count = 0;
    for line in SCENARIOS.lines() {
        let scenario: Value = serde_json::from_str(line).unwrap();
        let differs = differences(&scenario);
        if !differs.is_empty() {
            write!(found, "{}\n{differs}", scenario["name"].as_str().unwrap()).unwrap();
        }
        count += 1;
    }
    assert_eq!(count, 102);
    let is_why = |line: &&str| line.starts_with("  why: ");
    let listed: Vec<_> = DIFFERENCES.lines().filter(|line| !line.starts_with('#')).collect();
    let names = listed.iter().filter(|line| !line.starts_with(' ')).count();
    assert_eq!(listed.iter().filter(|line| is_why(line)).count(), names, "each has one reason");
    let listed: Vec<_> = listed.into_iter().filter(|line| !is_why(line)).collect();
    assert!(found.lines().eq(listed.iter().copied()), "the list should be\n{found}");
}
