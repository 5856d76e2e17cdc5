//! What a handler written by hand does with a frame.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use exproto_benches::hand::{self, BodyRef, ItemRef};

/// The devices that are logged in, by EMQX's name for the connection.
#[derive(Default)]
pub(crate) struct Devices(Mutex<HashMap<String, String>>);

/// What follows from a frame.
pub(crate) enum Act {
    LogIn { client_id: String },
    Publish { topic: String, payload: String },
    Nothing,
}

impl Devices {
    pub(crate) fn logged_in(&self, conn: String, client_id: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(conn, client_id);
    }

    /// A frame, whole in one event.
    pub(crate) fn received(&self, conn: &str, frame: &[u8]) -> Act {
        let mut scratch = Vec::new();
        let Ok(message) = hand::decode_ref(frame, &mut scratch) else { return Act::Nothing };
        let (fix, items) = match message.body {
            BodyRef::Location { fix, items, .. } => (fix, items),
            BodyRef::Other { id: 0x0002, .. } => {
                return Act::LogIn { client_id: digits(message.header.phone.as_bytes()) };
            }
            BodyRef::Other { .. } => return Act::Nothing,
        };
        let topic = match self.0.lock().unwrap_or_else(PoisonError::into_inner).get(conn) {
            Some(client_id) => format!("devices/{client_id}/up/location"),
            None => return Act::Nothing,
        };
        let mut json = String::with_capacity(256);
        let _ = write!(json, "{{\"alarm\":{},\"status\":{},\"latitude\":", fix.alarm, fix.status);
        decimal(&mut json, fix.latitude, 1_000_000);
        json.push_str(",\"longitude\":");
        decimal(&mut json, fix.longitude, 1_000_000);
        let _ = write!(json, ",\"altitude\":{},\"speed\":", fix.altitude);
        decimal(&mut json, fix.speed.into(), 10);
        let [year, month, day, hour, minute, second] = fix.time;
        let _ = write!(
            json,
            ",\"course\":{},\"time\":\"20{year:02x}-{month:02x}-{day:02x}T{hour:02x}:{minute:02x}:{second:02x}+08:00\",\"items\":[",
            fix.course
        );
        for (index, item) in items.into_iter().enumerate() {
            json.push_str(if index == 0 { "{\"value\":{" } else { ",{\"value\":{" });
            match item {
                ItemRef::Mileage(value) => {
                    json.push_str("\"mileage\":");
                    decimal(&mut json, value, 10);
                }
                ItemRef::Fuel(value) => {
                    json.push_str("\"fuel\":");
                    decimal(&mut json, value.into(), 10);
                }
                ItemRef::RecorderSpeed(value) => {
                    json.push_str("\"recorder_speed\":");
                    decimal(&mut json, value.into(), 10);
                }
                ItemRef::Signal(value) => {
                    let _ = write!(json, "\"signal\":{value}");
                }
                ItemRef::Satellites(value) => {
                    let _ = write!(json, "\"satellites\":{value}");
                }
                ItemRef::Other { id, data } => {
                    let _ = write!(json, "\"other\":{{\"id\":{id},\"data\":\"");
                    for byte in data {
                        let _ = write!(json, "{byte:02x}");
                    }
                    json.push_str("\"}");
                }
            }
            json.push_str("}}");
        }
        json.push_str("]}");
        Act::Publish { topic, payload: json }
    }
}

fn digits(packed: &[u8]) -> String {
    let mut text = String::with_capacity(packed.len() * 2);
    for byte in packed {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A number of parts, as the shortest decimal.
fn decimal(out: &mut String, value: u32, parts: u32) {
    let (whole, mut rest) = (value / parts, value % parts);
    let _ = write!(out, "{whole}");
    if rest == 0 {
        return;
    }
    let mut width = parts.ilog10() as usize;
    while rest % 10 == 0 {
        (rest, width) = (rest / 10, width - 1);
    }
    let _ = write!(out, ".{rest:0width$}");
}
