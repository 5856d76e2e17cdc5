//! What to type next, in the words in which this program was started.

use std::env;
use std::path::Path;

/// The name of the program's file.
pub(super) fn program_name() -> Option<String> {
    let program = env::args_os().next()?;
    Some(Path::new(&program).file_stem()?.to_string_lossy().into_owned())
}

/// The command line that starts this program, without arguments.
pub(super) fn start_again() -> String {
    let program = env::args_os().next().unwrap_or_default();
    line(&program.to_string_lossy(), env::var_os("CARGO").is_some())
}

/// Programs below `target` are started by cargo, as a rule.
fn line(program: &str, by_cargo: bool) -> String {
    let path = Path::new(program);
    let name = path.file_stem().map_or_else(|| program.into(), |stem| stem.to_string_lossy());
    let folders: Vec<_> =
        path.parent().into_iter().flat_map(Path::components).map(|part| part.as_os_str()).collect();
    let release = if folders.iter().any(|folder| *folder == "release") { " --release" } else { "" };
    match folders.last() {
        Some(last) if *last == "examples" => format!("cargo run{release} --example {name} --"),
        Some(last) if by_cargo && (*last == "release" || *last == "debug") => {
            format!("cargo run{release} --bin {name} --")
        }
        _ => program.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn the_line_is_what_a_user_would_type() {
        assert_eq!(line("target/release/examples/jt808", true), "cargo run --release --example jt808 --");
        assert_eq!(line("/x/target/debug/examples/jt808", false), "cargo run --example jt808 --");
        assert_eq!(line("target/release/gateway", true), "cargo run --release --bin gateway --");
        assert_eq!(line("/usr/bin/gateway", false), "/usr/bin/gateway");
        assert_eq!(line("gateway", true), "gateway");
    }
}
