//! The checks of the fuzz targets on a stable compiler: with the seeds that
//! fuzzing starts from, and with every input that ever failed.
#![allow(clippy::unwrap_used)]

#[path = "fuzz/src/checks/mod.rs"]
mod checks;
mod common;
#[path = "fuzz/seeds.rs"]
mod seeds;

use seeds::{TARGETS, seeds as seeds_of};

#[test]
fn all_seeds_pass() {
    for (name, check) in TARGETS {
        let seeds = seeds_of(name);
        assert!(seeds.len() > 50, "{name}: {} seeds", seeds.len());
        for seed in seeds {
            check(&seed);
        }
    }
}

/// Writes the seeds where cargo-fuzz looks for them.
#[test]
#[ignore = "writes files, for fuzzing: see tests/fuzz/README.md"]
fn write_seeds() {
    for (name, _) in TARGETS {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for (at, seed) in seeds_of(name).iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{at:03}")), seed).unwrap();
        }
    }
}
