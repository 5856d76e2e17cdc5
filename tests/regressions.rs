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

/// Inputs that failed, be it by a mistake of the check: the target, the bytes,
/// and what is special about them.
const FAILED: &[(&str, &str, &str)] = &[
    ("roundtrip", "0000010100000000", "a registration of 2011 that is as long as those of 2013"),
    ("session", "01040f00", "a device that hangs up after its login"),
    ("session", "0004005603010ee204", "lost segments, which the gateway asks for"),
    (
        "json",
        "7b22656e6372797074696f6e223a226e6f6e65222c2276657273696f6e223a6e756c6c2c2270686f6e65223a22306233613732326563336666222c2273657269616c223a302c2270617274223a6e756c6c2c22626f6479223a22686561727462656174227d",
        "digits with padding, which the JSON of the value does not show",
    ),
];

#[test]
fn what_failed_once_passes() {
    for (target, input, why) in FAILED {
        let (_, check) = TARGETS.iter().find(|(name, _)| name == target).unwrap();
        println!("{why}");
        check(&common::unhex(input));
    }
}

/// The check of sessions is a reader of transcripts: it has to find in them
/// what must not be.
#[test]
fn wrong_transcripts_are_found() {
    let header = common::v2013(1);
    let answer =
        |result| format!("send {}", common::hex(&common::acknowledgement(&header, 1, 0x0200, result)));
    let publish = "publish jt808/1/up/location qos 1 {}";
    let (good, bad) = (answer(0), answer(1));
    let right: [&[&str]; 4] = [
        &[publish, "publish: done", &good],
        &[publish, "publish: refused (0x87 no)", &bad, publish, "publish: done", &good],
        &["subscribe a qos 1", "subscribe: refused (0x87 no)", &good],
        &[publish, "publish: failed (lost)", "close: lost"],
    ];
    let wrong: [&[&str]; 5] = [
        &[publish, &good],
        &[publish, publish, "publish: done", &good],
        &[publish, "publish: refused (0x87 no)", &good],
        &[publish, "publish: failed (lost)", &bad],
        &["authenticate 1", &bad],
    ];
    let passes = |lines: &[&str]| {
        let transcript: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        std::panic::catch_unwind(|| checks::answered_when_done(&transcript)).is_ok()
    };
    for lines in right {
        assert!(passes(lines), "{lines:?}");
    }
    for lines in wrong {
        assert!(!passes(lines), "{lines:?}");
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
