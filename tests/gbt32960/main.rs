//! The GB/T 32960.3 example.
#![allow(clippy::unwrap_used)]

mod bodies;
mod captures;
mod emqx;
#[path = "../../examples/gbt32960.rs"]
#[allow(dead_code, non_shorthand_field_patterns, clippy::print_stdout)]
mod gbt32960;

type Message = gbt32960::Message<'static>;

/// The car of frames that are made here.
const VIN: &str = "LTEST000000000001";

fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// A frame around a data unit, made without the codec.
fn frame(lead: &str, command: u8, answer: u8, data: &[u8]) -> Vec<u8> {
    let mut wire = [lead.as_bytes(), &[command, answer], VIN.as_bytes(), &[1]].concat();
    wire.extend((data.len() as u16).to_be_bytes());
    wire.extend(data);
    wire.push(wire[2..].iter().fold(0, |check, byte| check ^ byte));
    wire
}
