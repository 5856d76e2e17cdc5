//! `--profile emqx`: the JSON of EMQX's own JT/T 808 gateway (EMQX 5, data
//! exchange guide of `emqx_gateway_jt808`), so that consumers need not change
//! when a fleet moves. Numbers are raw, phone and time digits.

use exproto_runtime::codec::{Base64, Charset, FillError, JsonObject, Node, Scalar, to_bytes};

use super::*;

/// `{"header": .., "body": ..}` of every message.
pub(super) fn up(frame: &Message<'_>, cx: &mut Cx<'_, Terminal>, payload: &mut Vec<u8>) {
    JsonObject::write(payload, |json| {
        json.object("header", |json| header(frame, cx.wire, json));
        json.object("body", |json| body(&frame.body, json));
    });
}

fn header(frame: &Message<'_>, wire: &[u8], json: &mut JsonObject<'_>) {
    json.put("msg_id", &(frame.body.tag() as u16)).put("encrypt", &(frame.encryption.raw() as u8));
    json.put("len", &length(frame, wire));
    if let Some(version) = &frame.version {
        json.put("proto_ver", version);
    }
    json.put("phone", &frame.phone).put("msg_sn", &frame.serial);
    if let Some(part) = &frame.part {
        json.put("frag_total", &part.total).put("frag_sn", &part.index);
    }
}

/// The bytes of the body: what the header says, of a message that was put
/// together all that there is.
fn length(frame: &Message<'_>, wire: &[u8]) -> u32 {
    let around = if frame.version.is_some() { 18 } else { 13 };
    let said = match wire {
        [_, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low]) & 0x3FF),
        _ => 0,
    };
    let length = if said + around == wire.len() { said } else { wire.len() };
    length as u32
}

fn body(body: &Body<'_>, json: &mut JsonObject<'_>) {
    match body {
        Body::TerminalAck { serial, id, result } => {
            json.put("seq", serial).put("id", id).put("result", result);
        }
        Body::Parameters { serial, list } => {
            json.put("seq", serial).put("length", &(list.len() as u32));
            json.objects("params", list.iter(), |json, it| parameter(it.id, it.value, json));
        }
        Body::Location(report) => location(report, json),
        Body::Batch { kind, items } => {
            json.put("type", &(kind.raw() as u8)).put("length", &(items.len() as u32));
            json.objects("location", items.iter(), |json, item| location(&item.0, json));
        }
        Body::Other { data, .. } => {
            json.put("unknown_id", &true).put("data", &Base64(data));
        }
        _ => {}
    }
}

fn location(report: &Location<'_>, json: &mut JsonObject<'_>) {
    json.put("alarm", &report.alarm).put("status", &report.status);
    json.put("latitude", &report.lat).put("longitude", &report.lon).put("altitude", &report.altitude);
    json.put("speed", &report.speed).put("direction", &report.course);
    let time: String = report.time.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    json.put("time", time.as_str());
    if report.items.iter().next().is_none() {
        return;
    }
    json.object("extra", |json| {
        for Item(value) in report.items.iter() {
            match value {
                ItemValue::Mileage(value) => json.put("mileage", &value),
                ItemValue::Fuel(value) => json.put("fuel_meter", &value),
                ItemValue::RecorderSpeed(value) => json.put("speed", &value),
                ItemValue::SignalStrength(value) => json.put("rssi", &value),
                ItemValue::Satellites(value) => json.put("gnss_sat_num", &value),
                ItemValue::Other { id, data } => json.put(&id.to_string(), &Base64(data)),
            };
        }
    });
}

/// Text as it stands on the wire.
#[derive(ExProtoFrame, Debug)]
struct Words<'a>(#[wire(rest, as = Gbk)] Text<'a>);

/// What a parameter is (JT/T 808-2019, table 12).
enum Kind {
    Number(usize),
    Text,
    Bytes,
}

fn kind(id: u32) -> Kind {
    match id {
        0x10..=0x17 | 0x1A | 0x1D | 0x40..=0x44 | 0x48 | 0x49 | 0x83 => Kind::Text,
        0x31 | 0x5B..=0x5E | 0x81 | 0x82 | 0x101 | 0x103 => Kind::Number(2),
        0x84 | 0x90..=0x92 | 0x94 => Kind::Number(1),
        0x01..=0x07
        | 0x18
        | 0x19
        | 0x1B
        | 0x1C
        | 0x20..=0x22
        | 0x27..=0x29
        | 0x2C..=0x30
        | 0x45..=0x47
        | 0x50..=0x5A
        | 0x64
        | 0x65
        | 0x70..=0x74
        | 0x80
        | 0x93
        | 0x95
        | 0x100
        | 0x102 => Kind::Number(4),
        _ => Kind::Bytes,
    }
}

fn parameter(id: u32, value: &[u8], json: &mut JsonObject<'_>) {
    json.put("id", &id);
    match kind(id) {
        Kind::Number(size) if value.len() == size => {
            json.put("value", &value.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)));
        }
        Kind::Text => {
            json.put("value", &Text::new(value, Charset::Gbk));
        }
        _ => {
            json.put("value", &Base64(value));
        }
    }
}

/// A command, which `header.msg_id` names; the rest of the header is the
/// gateway's.
pub(super) fn down<'f>(payload: &'f Node, cx: &mut Cx<'_, Terminal>) -> Result<Body<'f>, FillError> {
    let header: &Node = payload.field("header")?;
    let id = header.field::<u16>("msg_id").map_err(|error| error.within("header"))?;
    let body = payload.get("body").unwrap_or(payload);
    match id {
        0x8103 => set_parameters(body),
        0x8104 => Ok(Body::QueryParameters),
        0x8300 => text(body, cx.state.version.is_some()),
        _ => Err(FillError::new(format!("no such command: {id:#06x}")).within("msg_id").within("header")),
    }
    .map_err(|error| if error.path().starts_with("header") { error } else { error.within("body") })
}

fn text(body: &Node, v2019: bool) -> Result<Body<'_>, FillError> {
    let kind = if v2019 { Some(body.field::<Option<u8>>("text_type")?.unwrap_or(1)) } else { None };
    Ok(Body::Text { flags: body.field("flag")?, kind, text: body.field::<&str>("text")?.into() })
}

fn set_parameters(body: &Node) -> Result<Body<'_>, FillError> {
    let params: &Node = body.field("params")?;
    let elements = params.elements().ok_or_else(|| params.expected("an array").within("params"))?;
    let list = elements.iter().enumerate().map(|(index, node)| {
        one_parameter(node).map_err(|error| error.within_element(index).within("params"))
    });
    Ok(Body::SetParameters { list: list.collect::<Result<Vec<_>, _>>()?.into() })
}

fn one_parameter(node: &Node) -> Result<Parameter<'_>, FillError> {
    let (id, value): (u32, &Node) = (node.field("id")?, node.field("value")?);
    let value = match kind(id) {
        Kind::Number(4) => value.keep(node.field::<u32>("value")?.to_be_bytes().to_vec()),
        Kind::Number(2) => value.keep(node.field::<u16>("value")?.to_be_bytes().to_vec()),
        Kind::Number(_) => value.keep(vec![node.field("value")?]),
        Kind::Text => {
            let text = Words(node.field::<&str>("value")?.into());
            value.keep(to_bytes(&text).map_err(|error| FillError::new(error.to_string()).within("value"))?)
        }
        Kind::Bytes => value.bytes_of_base64().map_err(|error| error.within("value"))?,
    };
    Ok(Parameter { id, value })
}
