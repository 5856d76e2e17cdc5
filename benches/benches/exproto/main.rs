//! What a frame costs a handler of EMQX: declared here, against handlers written
//! by hand over tonic, hyper and h2, all in one run.
//!
//! `cargo bench -p exproto-benches --bench exproto [-- WHAT..] [ROUNDS]`
//!
//! This process plays EMQX; each handler runs in a process of its own, so that
//! only its time is counted. One 60-byte frame is one event and one publish.
//! Needs `/proc`.
#![allow(clippy::print_stdout)]

mod by_hand;
mod declared;
mod host;
mod peers;
mod serving;

use std::env;
use std::error::Error;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use host::{Load, Way, devices};
use serving::Serving;

#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    dead_code,
    rust_2018_idioms,
    clippy::all
)]
#[rustfmt::skip]
#[path = "../../../exproto-runtime/src/exproto/pb/emqx_exproto_v1.rs"]
mod pb;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn Error + Send + Sync>;

const DEVICES: usize = 64;
const WARM_UP: Duration = Duration::from_millis(500);
const TIME: Duration = Duration::from_secs(2);

fn main() -> Result<(), Failure> {
    let mut args: Vec<String> = env::args().skip(1).collect();
    if let [flag, peer, adapter] = &args[..]
        && flag == "--serve"
    {
        return runtime()?.block_on(peers::serve(peer, adapter));
    }
    let before = args.len();
    args.retain(|arg| arg != "--bench");
    if args.len() == before {
        println!("skipped: handlers are measured by `cargo bench -p exproto-benches --bench exproto`");
        return Ok(());
    }
    let rounds = args.iter().find_map(|arg| arg.parse().ok()).unwrap_or(9);
    args.retain(|arg| arg.parse::<usize>().is_err());
    let wanted = |what: &str| args.is_empty() || args.iter().any(|arg| arg == what);
    runtime()?.block_on(async {
        if wanted("cost") {
            cost(rounds).await?;
        }
        if wanted("half") {
            half(rounds).await?;
        }
        if wanted("burst") {
            burst(rounds).await?;
        }
        if wanted("many") {
            many().await?;
        }
        if wanted("cores") {
            cores(rounds).await?;
        }
        Ok(())
    })
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// What one measurement gives.
#[derive(Clone, Copy, Default)]
struct Figures {
    /// Microseconds of the handler's processor for a frame.
    processor: f64,
    frames_per_second: f64,
    /// Microseconds from event to answer.
    p50: f64,
    p99: f64,
}

async fn measure(
    peer: &str,
    count: usize,
    frames: usize,
    pause: Option<Duration>,
) -> Result<Figures, Failure> {
    let serving = Serving::start(peer).await?;
    let way = Way::to(&serving.address).await?;
    let load = Load::start(devices(&way, count).await?, frames, pause);
    tokio::time::sleep(WARM_UP).await;
    let (done, processor, clock) =
        (load.done.load(Ordering::Relaxed), serving.processor_time()?, Instant::now());
    tokio::time::sleep(TIME).await;
    let done = (load.done.load(Ordering::Relaxed) - done) as f64;
    let processor = (serving.processor_time()? - processor) as f64 / 1e3;
    let seconds = clock.elapsed().as_secs_f64();
    let times = load.end().await?;
    let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied().map_or(0.0, f64::from);
    Ok(Figures {
        processor: processor / done,
        frames_per_second: done / seconds,
        p50: at(0.5),
        p99: at(0.99),
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Alternating rounds; the ratios are of each round, to its first.
async fn table(
    title: &str,
    peers: &[&str],
    rounds: usize,
    mut round: impl AsyncFnMut(&str) -> Result<Figures, Failure>,
) -> Result<(), Failure> {
    println!("\n{title}");
    println!(
        "{:<16} {:>12} {:>8} {:>10} {:>8} {:>8} {:>8} {:>8}",
        "handler", "CPU us/frame", "ratio", "frames/s", "ratio", "p50 us", "p99 us", "ratio"
    );
    let mut all: Vec<Vec<Figures>> = vec![Vec::new(); peers.len()];
    for _ in 0..rounds.max(1) {
        for (peer, figures) in peers.iter().zip(&mut all) {
            figures.push(round(peer).await?);
        }
    }
    for (peer, figures) in peers.iter().zip(&all) {
        let of = |get: fn(&Figures) -> f64| median(figures.iter().map(get).collect());
        let ratio = |get: fn(&Figures) -> f64| {
            median(figures.iter().zip(&all[0]).map(|(own, first)| get(own) / get(first)).collect())
        };
        println!(
            "{peer:<16} {:>12.2} {:>8.3} {:>10.0} {:>8.3} {:>8.0} {:>8.0} {:>8.3}",
            of(|it| it.processor),
            ratio(|it| it.processor),
            of(|it| it.frames_per_second),
            ratio(|it| it.frames_per_second),
            of(|it| it.p50),
            of(|it| it.p99),
            ratio(|it| it.p99),
        );
    }
    Ok(())
}

/// A frame, as fast as it goes; before it, that all publish the same.
async fn cost(rounds: usize) -> Result<(), Failure> {
    let peers = ["tonic", "tuned", "h2", "ours"];
    let mut published = Vec::new();
    for peer in peers {
        let serving = Serving::start(peer).await?;
        let way = Way::to(&serving.address).await?;
        for mut device in devices(&way, 1).await? {
            let report = device.report();
            device.tell(&report).await?;
        }
        let first = serving.seen.first.lock().unwrap_or_else(PoisonError::into_inner).clone();
        published.push(first.ok_or_else(|| format!("{peer} has published nothing"))?);
    }
    for (peer, (topic, payload)) in peers.iter().zip(&published) {
        if (topic, payload) != (&published[0].0, &published[0].1) {
            let first = String::from_utf8_lossy(&published[0].1);
            let other = String::from_utf8_lossy(payload);
            return Err(format!("{peer} publishes something else:\n{topic} {other}\n{first}").into());
        }
    }
    table("A frame of one of 64 devices", &peers, rounds, async |peer| measure(peer, DEVICES, 1, None).await)
        .await
}

/// At half of what plain tonic can do here.
async fn half(rounds: usize) -> Result<(), Failure> {
    let most = measure("tonic", DEVICES, 1, None).await?.frames_per_second;
    let pause = Duration::from_secs_f64(2.0 * DEVICES as f64 / most);
    table(
        &format!("The same at {:.0} frames a second", most / 2.0),
        &["tonic", "tuned", "h2", "ours"],
        rounds,
        async |peer| measure(peer, DEVICES, 1, Some(pause)).await,
    )
    .await
}

/// Frames of one device that come together.
async fn burst(rounds: usize) -> Result<(), Failure> {
    table("Eight frames of one device in one event", &["ours", "ours-concurrent"], rounds, async |peer| {
        measure(peer, 1, 8, None).await
    })
    .await
}

/// Many devices at once, and an adapter that stops answering.
async fn many() -> Result<(), Failure> {
    const MANY: usize = 10_000;
    println!("\n10,000 devices\n{:<16} {:>12} {:>16}", "handler", "peak MB", "stalled, peak MB");
    for peer in ["tonic", "tuned", "h2", "ours"] {
        let serving = Serving::start(peer).await?;
        let way = Way::to(&serving.address).await?;
        let devices = match devices(&way, MANY).await {
            Ok(devices) => devices,
            Err(error) => {
                println!("{peer:<16} {error}");
                continue;
            }
        };
        let load = Load::start(devices, 1, None);
        tokio::time::sleep(TIME).await;
        let peak = serving.peak_memory()?;
        serving.seen.stall(true);
        tokio::time::sleep(TIME).await;
        let stalled = serving.peak_memory()?;
        serving.seen.stall(false);
        println!("{peer:<16} {:>12.1} {:>16.1}", peak as f64 / 1024.0, stalled as f64 / 1024.0);
        if let Err(error) = load.end().await {
            println!("{peer:<16} {error}");
        }
    }
    Ok(())
}

async fn cores(rounds: usize) -> Result<(), Failure> {
    table("Threads that serve", &["ours-workers-1", "ours-workers-2"], rounds, async |peer| {
        measure(peer, DEVICES, 1, None).await
    })
    .await
}
