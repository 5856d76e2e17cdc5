//! Nanoseconds per frame, and ratios to the first case of each task.
//!
//! `cargo bench -p exproto-benches --bench time [-- PART_OF_A_NAME]`
//!
//! All cases of a task take turns, so that whatever else the machine does
//! meets all of them; medians of the turns are compared.
#![allow(clippy::print_stdout)]

use std::env;
use std::time::{Duration, Instant};

use exproto_benches::cases::{self, Case, Round};

const TURNS: usize = 31;
/// How long one turn of a case takes at least.
const TURN: Duration = Duration::from_millis(4);

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    if !args.iter().any(|arg| arg == "--bench") {
        println!("skipped: time is measured by `cargo bench -p exproto-benches --bench time`");
        return;
    }
    let filter = args.iter().find(|arg| !arg.starts_with('-')).map_or("", String::as_str);
    let cases: Vec<&Case> = cases::all().filter(|case| case.name().contains(filter)).collect();
    println!("{:<24} {:>10} {:>8}", "case", "ns/frame", "ratio");
    for task in cases.chunk_by(|a, b| a.task == b.task) {
        print_task(task);
    }
}

/// One case with its times so far.
struct Runner {
    name: String,
    round: Round,
    rounds: u32,
    times: Vec<Duration>,
}

impl Runner {
    fn new(case: &Case) -> Self {
        let mut round = (case.prepare)().round;
        let mut rounds = 1;
        // As many rounds as fill a turn; warms up as well.
        loop {
            let time = measure(&mut round, rounds);
            if time >= TURN {
                return Self { name: case.name(), round, rounds, times: Vec::with_capacity(TURNS) };
            }
            rounds *= 2;
        }
    }
}

fn measure(round: &mut Round, rounds: u32) -> Duration {
    let begin = Instant::now();
    for _ in 0..rounds {
        round();
    }
    begin.elapsed()
}

fn print_task(cases: &[&Case]) {
    let frames = cases.first().map_or(1, |case| (case.prepare)().frames) as f64;
    let mut runners: Vec<Runner> = cases.iter().map(|case| Runner::new(case)).collect();
    for _ in 0..TURNS {
        for runner in &mut runners {
            let time = measure(&mut runner.round, runner.rounds);
            runner.times.push(time / runner.rounds);
        }
    }
    let mut first = None;
    for runner in &mut runners {
        runner.times.sort_unstable();
        let median = runner.times[runner.times.len() / 2].as_nanos() as f64 / frames;
        let measure = *first.get_or_insert(median);
        println!("{:<24} {median:>10.1} {:>8.2}", runner.name, median / measure);
    }
}
