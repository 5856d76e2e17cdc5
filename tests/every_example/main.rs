//! What has to hold for every example alike: random values come back, derived bytes
//! are verified, and whatever is wrong with a frame has a picture that says so.
#![allow(clippy::unwrap_used)]

macro_rules! examples {
    ($($name:ident $file:literal)*) => {$(
        #[path = $file]
        #[allow(dead_code, unreachable_pub, non_shorthand_field_patterns, clippy::print_stdout)]
        mod $name;
    )*};
}

examples! {
    eelink "../../examples/eelink.rs"
    galileosky "../../examples/galileosky.rs"
    gbt32960 "../../examples/gbt32960.rs"
    gt06 "../../examples/gt06.rs"
    h02 "../../examples/h02.rs"
    jt808 "../../examples/jt808.rs"
    modbus "../../examples/modbus.rs"
    teltonika "../../examples/teltonika.rs"
}

mod pictures;
mod random;
mod twins;

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The frames of a file of captures.
fn frames(lines: &str) -> Vec<Vec<u8>> {
    let parse = |line: &str| -> serde_json::Value { serde_json::from_str(line).unwrap() };
    lines.lines().map(|line| unhex(parse(line)["hex"].as_str().unwrap())).collect()
}
