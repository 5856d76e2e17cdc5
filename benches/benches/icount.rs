//! Instructions and allocations per frame, counted by callgrind.
//!
//! `cargo bench -p exproto-benches --bench icount [-- PART_OF_A_NAME]`
//!
//! The program runs itself under valgrind, once with few and once with many
//! rounds of a case; the difference has no start-up and no preparation in it.
#![allow(clippy::print_stdout)]

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use exproto_benches::cases::{CASES, Case};
use exproto_benches::input::Input;

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
    print_table(filter)
}

/// What runs under valgrind.
fn run(name: &str, rounds: u64) -> Result<(), Box<dyn Error>> {
    let case = Case::find(name).ok_or_else(|| format!("no case is named `{name}`"))?;
    let mut round = (case.prepare)(Input::jt808());
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
    let frames = Input::jt808().wire.len() as u64;
    println!("{:<24} {:>12} {:>8} {:>12}", "case", "instr/frame", "ratio", "allocs/frame");
    let mut first: Option<(&str, f64)> = None;
    for case in CASES.iter().filter(|case| case.name().contains(filter)) {
        let few = Counts::of(case, FEW)?;
        let many = Counts::of(case, MANY)?;
        let per_frame = |few: u64, many: u64| (many - few) as f64 / ((MANY - FEW) * frames) as f64;
        let instructions = per_frame(few.instructions, many.instructions);
        let allocations = per_frame(few.allocations, many.allocations);
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
