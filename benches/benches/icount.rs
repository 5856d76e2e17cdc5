//! Instructions and allocations per frame, counted by callgrind.
//!
//! `cargo bench -p exproto-benches --bench icount [-- PART_OF_A_NAME]`
//!
//! `cargo bench -p exproto-benches --bench icount -- --check` compares the ratios
//! of ours to code by hand with those of `ratios.txt` and fails if one is worse.
//!
//! The program runs itself under valgrind, once with few and once with many
//! rounds of a case; the difference has no start-up and no preparation in it.
#![allow(clippy::print_stdout)]

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use exproto_benches::cases::{self, Case};

/// The ratios that were reached.
const RATIOS: &str = include_str!("../ratios.txt");
/// So much worse or better than that is worth a word.
const TOLERANCE: f64 = 0.1;

const FEW: u64 = 2;
const MANY: u64 = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [flag, name, rounds] = &args[..]
        && flag == "--run"
    {
        return run(name, rounds.parse()?);
    }
    if !args.iter().any(|arg| arg == "--bench") {
        println!("skipped: instructions are counted by `cargo bench -p exproto-benches --bench icount`");
        return Ok(());
    }
    if !has_valgrind() {
        println!("skipped: `valgrind` is not installed, and it is what counts the instructions");
        return Ok(());
    }
    let filter = args.iter().find(|arg| !arg.starts_with('-')).map_or("", String::as_str);
    if args.iter().any(|arg| arg == "--check") {
        return check(filter);
    }
    print_table(filter)
}

/// Compares ratios with those that were reached before. Not counts: another
/// compiler makes other code of both.
fn check(filter: &str) -> Result<(), Box<dyn Error>> {
    let mut worse = Vec::new();
    for line in RATIOS.lines().filter(|line| !line.starts_with('#') && line.contains(filter)) {
        let (task, reached) = line.split_once(' ').ok_or("a line of `ratios.txt` is a task and a ratio")?;
        let reached: f64 = reached.trim().parse()?;
        let of = |peer: &str| Case::find(&format!("{task}/{peer}"));
        let (ours, hand) = (of("ours"), of("hand-checked").or_else(|| of("hand")));
        let (Some(ours), Some(hand)) = (ours, hand) else {
            return Err(format!("`ratios.txt` names `{task}`, which is not measured").into());
        };
        let (ours, _) = per_frame(ours)?;
        let (hand, _) = per_frame(hand)?;
        let ratio = ours / hand;
        let change = ratio / reached - 1.0;
        println!("{task:<20} {ratio:>6.2}, was {reached:>6.2}");
        if change > TOLERANCE {
            worse.push(format!("{task}: {ratio:.2} of hand-written code, was {reached:.2}"));
        } else if change < -TOLERANCE {
            println!("    better: write {ratio:.2} into benches/ratios.txt");
        }
    }
    let tasks = cases::all().filter(|case| case.peer == "ours").map(|case| case.task);
    for task in tasks.filter(|task| !RATIOS.lines().any(|line| line.split(' ').next() == Some(task))) {
        worse.push(format!("{task}: benches/ratios.txt has no line for it"));
    }
    if worse.is_empty() { Ok(()) } else { Err(worse.join("\n").into()) }
}

/// What runs under valgrind.
fn run(name: &str, rounds: u64) -> Result<(), Box<dyn Error>> {
    let case = Case::find(name).ok_or_else(|| format!("no case is named `{name}`"))?;
    let mut round = (case.prepare)().round;
    for _ in 0..rounds {
        round();
    }
    Ok(())
}

fn has_valgrind() -> bool {
    let version =
        Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

fn print_table(filter: &str) -> Result<(), Box<dyn Error>> {
    println!("{:<24} {:>12} {:>8} {:>12}", "case", "instr/frame", "ratio", "allocs/frame");
    let mut first: Option<(&str, f64)> = None;
    for case in cases::all().filter(|case| case.name().contains(filter)) {
        let (instructions, allocations) = per_frame(case)?;
        let measure = match first {
            Some((task, measure)) if task == case.task => measure,
            _ => instructions,
        };
        first = Some((case.task, measure));
        println!(
            "{:<24} {instructions:>12.0} {:>8.2} {allocations:>12.2}",
            case.name(),
            instructions / measure
        );
    }
    Ok(())
}

/// Instructions and allocations per frame.
fn per_frame(case: &Case) -> Result<(f64, f64), Box<dyn Error>> {
    let frames = (case.prepare)().frames as u64;
    let few = Counts::of(case, FEW)?;
    let many = Counts::of(case, MANY)?;
    let per_frame = |few: u64, many: u64| (many - few) as f64 / ((MANY - FEW) * frames) as f64;
    Ok((per_frame(few.instructions, many.instructions), per_frame(few.allocations, many.allocations)))
}

/// What callgrind counted in one run.
struct Counts {
    instructions: u64,
    allocations: u64,
}

impl Counts {
    fn of(case: &Case, rounds: u64) -> Result<Self, Box<dyn Error>> {
        let file = env::temp_dir().join(format!("exproto-icount-{}.out", std::process::id()));
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--compress-strings=no"])
            .arg(format!("--callgrind-out-file={}", file.display()))
            .arg(env::current_exe()?)
            .args(["--run", &case.name(), &rounds.to_string()])
            .output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("callgrind failed on `{}`: {said}", case.name()).into());
        }
        let counts = Self::read(&file);
        fs::remove_file(&file)?;
        counts
    }

    /// Reads the profile: a line with the sum, and for each call the line of
    /// the called function followed by one with the number of calls.
    fn read(file: &Path) -> Result<Self, Box<dyn Error>> {
        let profile = fs::read_to_string(file)?;
        let mut instructions = None;
        let mut allocations = 0;
        let mut allocates = false;
        for line in profile.lines() {
            if let Some(sum) = line.strip_prefix("summary: ") {
                instructions = Some(sum.trim().parse()?);
            } else if let Some(name) = line.strip_prefix("cfn=") {
                allocates = matches!(name, "malloc" | "calloc" | "realloc");
            } else if let Some(calls) = line.strip_prefix("calls=") {
                if allocates {
                    let count = calls.split(' ').next().unwrap_or_default();
                    allocations += count.parse::<u64>()?;
                }
                allocates = false;
            }
        }
        let instructions = instructions.ok_or("the profile has no `summary` line")?;
        Ok(Self { instructions, allocations })
    }
}
