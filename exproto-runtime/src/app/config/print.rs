//! The settings in print: a file with the defaults, and the tables of the manual.

use std::fmt::Write as _;

use super::Config;
use super::definition::SECTIONS;

/// Columns of the printed file.
const WIDTH: usize = 88;

impl Config {
    /// A commented file that says what holds if nothing is set.
    pub(in crate::app) fn print(&self) -> String {
        let mut out = String::from(
            "# Settings of `serve --config FILE`. Flags have precedence over variables of the\n\
             # environment, these over this file. Passwords belong into files of their own.\n",
        );
        for (section, about) in SECTIONS {
            let Some(target) = self.target(section) else { continue };
            out.push('\n');
            comment(&mut out, about);
            // Writing to a `String` cannot fail.
            let _ = match *section {
                "listener" => writeln!(out, "[[{section}]]"),
                _ => writeln!(out, "[{section}]"),
            };
            for info in target.infos() {
                out.push('\n');
                match info.otherwise {
                    Some(otherwise) => comment(&mut out, &format!("{}. Default: {otherwise}.", info.help)),
                    None => comment(&mut out, &format!("{}.", info.help)),
                }
                let _ = match target.show(info.key) {
                    Some(value) => writeln!(out, "{} = {value}", info.key),
                    None => writeln!(out, "# {} = {}", info.key, info.example),
                };
            }
        }
        out
    }

    /// The tables of the manual.
    #[cfg(test)]
    pub(super) fn manual(&self) -> String {
        let mut out = String::new();
        for (section, about) in SECTIONS {
            let Some(target) = self.target(section) else { continue };
            let table = if *section == "listener" { "[[listener]]" } else { &format!("[{section}]") };
            let _ =
                write!(out, "### `{table}`\n\n{about}\n\n| key, flag | default | what |\n|---|---|---|\n");
            for info in target.infos() {
                let default = match (info.otherwise, target.show(info.key)) {
                    (Some(words), _) => words.to_owned(),
                    (None, Some(value)) => format!("`{value}`"),
                    (None, None) => "none".to_owned(),
                };
                let cell = |text: &str| text.replace('|', "\\|").replace('[', "\\[");
                let _ =
                    writeln!(out, "| `{}` `--{}` | {default} | {} |", info.key, info.flag, cell(info.help));
            }
            out.push('\n');
        }
        out
    }
}

/// Lines that begin with `#`, broken between words.
fn comment(out: &mut String, text: &str) {
    let mut column = 0;
    for word in text.split_whitespace() {
        let wide = word.chars().count() + 1;
        if column == 0 || column + wide > WIDTH {
            out.push_str(if column == 0 { "#" } else { "\n#" });
            column = 1;
        }
        out.push(' ');
        out.push_str(word);
        column += wide;
    }
    out.push('\n');
}
