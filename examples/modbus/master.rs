//! What the master reads: a map of registers, the requests that come of it, and
//! what the answers mean.

use std::str::FromStr;
use std::time::Duration;

use exproto_runtime::codec::{FillError, JsonObject, Node, Value, to_json};
use exproto_runtime::prelude::*;

use super::{Request, Response};

/// A value of a device: a line of the map, such as
/// `voltage 1 input 30 f32 1 5s`: its name, the unit, the table, the address of
/// its first register, its type, what it is multiplied by, and how often it is
/// read.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub name: String,
    unit: u8,
    table: Table,
    address: u16,
    kind: Kind,
    scale: f64,
    /// Nobody has given it a name: its answers stay as they are.
    raw: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Table {
    Coil,
    Input,
    HoldingRegister,
    InputRegister,
}

/// How words become a number; `low first` where the lower of two words comes
/// first.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Bit,
    U16,
    I16,
    U32 { low_first: bool },
    I32 { low_first: bool },
    F32 { low_first: bool },
}

impl Kind {
    const fn words(self) -> u16 {
        match self {
            Self::Bit | Self::U16 | Self::I16 => 1,
            Self::U32 { .. } | Self::I32 { .. } | Self::F32 { .. } => 2,
        }
    }

    fn number(self, words: &[u16]) -> Option<f64> {
        let long = |low_first| match *words {
            [low, high] if low_first => Some(u32::from(high) << 16 | u32::from(low)),
            [high, low] => Some(u32::from(high) << 16 | u32::from(low)),
            _ => None,
        };
        match (self, words) {
            (Self::Bit | Self::U16, [word]) => Some(f64::from(*word)),
            (Self::I16, [word]) => Some(f64::from(*word as i16)),
            (Self::U32 { low_first }, _) => long(low_first).map(f64::from),
            (Self::I32 { low_first }, _) => long(low_first).map(|bits| f64::from(bits as i32)),
            (Self::F32 { low_first }, _) => long(low_first).map(|bits| f64::from(f32::from_bits(bits))),
            _ => None,
        }
    }
}

impl Point {
    /// What a request that came by MQTT reads or writes.
    fn unnamed(unit: u8, request: &Request<'_>) -> Self {
        use Request::*;
        let address = match *request {
            ReadCoils { address, .. }
            | ReadInputs { address, .. }
            | ReadHolding { address, .. }
            | ReadInput { address, .. }
            | WriteCoil { address, .. }
            | WriteRegister { address, .. }
            | WriteCoils { address, .. }
            | WriteRegisters { address, .. }
            | Mask { address, .. }
            | ReadWrite { address, .. }
            | ReadFifo { address } => address.to_string(),
            _ => format!("function-{}", request.tag()),
        };
        let (table, kind) = (Table::HoldingRegister, Kind::U16);
        Self { name: address, unit, table, address: 0, kind, scale: 1.0, raw: true }
    }

    pub fn unit(&self) -> u8 {
        self.unit
    }

    /// What is sent to read it.
    pub fn request(&self) -> Request<'static> {
        let (address, count) = (self.address, self.kind.words());
        match self.table {
            Table::Coil => Request::ReadCoils { address, count },
            Table::Input => Request::ReadInputs { address, count },
            Table::HoldingRegister => Request::ReadHolding { address, count },
            Table::InputRegister => Request::ReadInput { address, count },
        }
    }

    /// What the answer means.
    fn value(&self, response: &Response<'_>) -> Option<f64> {
        let number = match (self.table, response) {
            (Table::Coil, Response::Coils { coils: bits })
            | (Table::Input, Response::Inputs { inputs: bits }) => f64::from(bits.first()? & 1),
            (Table::HoldingRegister, Response::Holding { values })
            | (Table::InputRegister, Response::Input { values }) => self.kind.number(values)?,
            _ => return None,
        };
        // Seven digits after the point are more than a register holds.
        Some((number * self.scale * 1e7).round() / 1e7)
    }
}

impl FromStr for Point {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let [name, unit, table, address, kind, scale] = words(line)?;
        let table = match table {
            "coil" => Table::Coil,
            "input" => Table::Input,
            "holding-register" => Table::HoldingRegister,
            "input-register" => Table::InputRegister,
            other => return Err(format!("no table {other:?}")),
        };
        let kind = match (table, kind) {
            (Table::Coil | Table::Input, "bit") => Kind::Bit,
            (_, "u16") => Kind::U16,
            (_, "i16") => Kind::I16,
            (_, "u32") => Kind::U32 { low_first: false },
            (_, "u32-low-first") => Kind::U32 { low_first: true },
            (_, "i32") => Kind::I32 { low_first: false },
            (_, "i32-low-first") => Kind::I32 { low_first: true },
            (_, "f32") => Kind::F32 { low_first: false },
            (_, "f32-low-first") => Kind::F32 { low_first: true },
            (_, other) => return Err(format!("no type {other:?} in this table")),
        };
        let number = |text: &str| text.parse::<u16>().map_err(|_| format!("{text:?} is no number"));
        let unit = u8::try_from(number(unit)?).map_err(|_| "a unit is at most 247".to_owned())?;
        let scale = scale.parse().map_err(|_| format!("{scale:?} is no number"))?;
        Ok(Self { name: name.into(), unit, table, address: number(address)?, kind, scale, raw: false })
    }
}

fn words(line: &str) -> Result<[&str; 6], String> {
    let words: Vec<_> = line.split_whitespace().collect();
    words.try_into().map_err(|_| "NAME UNIT TABLE ADDRESS TYPE SCALE PERIOD are wanted".to_owned())
}

/// What a gateway reads of the devices on a line.
#[derive(Debug, Default)]
pub struct Master {
    schedule: Schedule<Point>,
}

impl Master {
    /// Takes a map over. A line is a [`Point`] and how often it is read, in
    /// seconds or `250ms`; empty lines and those that begin with `#` say nothing.
    pub fn read_map(&mut self, map: &str) -> Result<(), String> {
        self.schedule.clear();
        for (line, text) in (1..).zip(map.lines()) {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let wrong = |why: String| format!("line {line} of the map: {why}");
            let (point, period) = text.rsplit_once(char::is_whitespace).unwrap_or((text, ""));
            let point = point.parse().map_err(wrong)?;
            let every = time(period).ok_or_else(|| wrong(format!("{period:?} is no time such as 5s")))?;
            self.schedule.every(every, point);
        }
        Ok(())
    }
}

fn time(text: &str) -> Option<Duration> {
    match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(millis), _) => millis.parse().ok().map(Duration::from_millis),
        (None, Some(seconds)) => seconds.parse().ok().map(Duration::from_secs),
        _ => None,
    }
}

/// Reads the map when a converter has logged in: `--param map=FILE`. Without one
/// only what comes by MQTT is asked.
pub fn start<F>(_: &F, cx: &mut Cx<'_, Master>, _: &mut Asks<'_>) -> Result<(), Refusal> {
    let Some(file) = cx.param("map") else { return Ok(()) };
    let map = std::fs::read_to_string(file).map_err(|error| Refusal::new(format!("{file}: {error}")))?;
    cx.state.read_map(&map).map_err(|error| Refusal::new(format!("{file}: {error}")))
}

/// The point that is to be read now, or what to do instead.
pub fn due<F>(cx: &mut Cx<'_, Master>) -> Result<Point, Next<F>> {
    let Some(point) = cx.state.schedule.due(cx.clock).cloned() else {
        return Err(Next::In(cx.state.schedule.wait(cx.clock)));
    };
    cx.remember(point.clone());
    Ok(point)
}

/// A request of a payload such as
/// `{"unit":1,"pdu":{"read_holding":{"address":107,"count":3}}}`. Unit 0 is all
/// of them, and none answers.
pub fn asked<'p>(payload: &'p Node, cx: &mut Cx<'_, Master>) -> Result<(u8, Request<'p>), FillError> {
    let (unit, request) = (payload.field("unit")?, payload.field("pdu")?);
    cx.remember(Point::unnamed(unit, &request));
    if unit == 0 {
        cx.expect_no_answer();
    }
    Ok((unit, request))
}

/// The value of a named point, or why there is none; else the answer as it is.
pub fn tell<F: Value>(frame: &F, response: &Response<'_>, cx: &Cx<'_, Master>, payload: &mut Vec<u8>) {
    let Some(point) = cx.asked::<Point>().filter(|point| !point.raw) else {
        return to_json(frame, payload);
    };
    JsonObject::write(payload, |json| match (point.value(response), response) {
        (Some(value), _) => json.put("value", &value).end(),
        (None, Response::Exception { code, .. }) => json.put("error", code).end(),
        (None, _) => json.put("error", "not what was asked").end(),
    });
}

/// Says of a point that nobody answered.
pub fn silent(cx: &mut Cx<'_, Master>, asks: &mut Asks<'_>) -> Result<(), Refusal> {
    let Some(point) = cx.asked::<Point>() else { return Ok(()) };
    let mut topic = asks.topic();
    topic.literal("modbus/");
    topic.value(&cx.client_id);
    topic.literal("/");
    topic.value(&point.unit);
    topic.literal("/");
    topic.value(&point.name);
    asks.publish(&topic, 1, false, |payload| {
        JsonObject::write(payload, |json| json.put("error", "no answer").end());
    })
}
