//! The `check` command: files of frames and what has to become of them.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Failure;
use crate::session::Gateway;
use crate::testkit::vectors;

/// Check files of frames and what has to become of them.
///
/// Each line is a JSON object with `in`, bytes in hex that a device sends, and
/// what is expected: `frames`, `publishes`, `replies`. Lines that begin with `#`
/// are comments.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// Files with one case a line.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Write what becomes of the frames into the files.
    #[arg(long)]
    bless: bool,
}

/// Runs the command.
pub(crate) fn run<G: Gateway>(args: CheckArgs) -> Result<ExitCode, Failure> {
    let mut all_ok = true;
    for path in args.files {
        let name = path.display().to_string();
        let text =
            std::fs::read_to_string(&path).map_err(|error| Failure::new(format!("{name}: {error}")))?;
        let ran = vectors::run::<G>(&text);
        if args.bless {
            std::fs::write(&path, &ran.blessed).map_err(|error| Failure::new(format!("{name}: {error}")))?;
            eprintln!("{name}: {} cases written", ran.cases);
        } else if ran.failures.is_empty() {
            eprintln!("{name}: {} cases hold", ran.cases);
        } else {
            all_ok = false;
            eprintln!("{}", ran.report(&name));
        }
    }
    Ok(if all_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
