//! `--profile emqx`: the topics and the JSON of EMQX's own GB/T 32960 gateway
//! (EMQX 5 and 6, data exchange guide of `emqx_gateway_gbt32960`), so that
//! consumers need not change when a fleet moves. Numbers are raw. What a
//! device is answered is the same as without the profile.

use std::net::Ipv4Addr;

use exproto_runtime::codec::{Base64, Encode, FillError, JsonObject, Node, Scalar, to_bytes};

use super::*;

#[path = "emqx/down.rs"]
mod down;
#[path = "emqx/report.rs"]
mod report;

pub(super) use down::down;
use report::{block, block2025, infos, sign};

/// `{"Cmd": .., "Encrypt": .., "Vin": .., "Data": {..}}` of every message.
pub(super) fn up(frame: &Message<'_>, _: &mut Cx<'_, Vehicle>, payload: &mut Vec<u8>) {
    let command = (frame.body.tag() >> 8) as u8;
    JsonObject::write(payload, |json| {
        json.put("Cmd", &command).put("Encrypt", &(frame.encryption.raw() as u8)).put("Vin", &frame.vin);
        json.object("Data", |json| data(&frame.body, json));
    });
}

fn data(body: &Body<'_>, json: &mut JsonObject<'_>) {
    match body {
        Body::Login(Login::V2016 { time, serial, iccid, number, code_length, codes }) => {
            at("Time", time, json).put("Seq", serial).put("ICCID", iccid);
            json.put("Num", number).put("Length", code_length).put("Id", codes);
        }
        Body::Login(Login::V2025 { time, serial, iccid, packs, codes }) => {
            at("Time", time, json).put("Seq", serial).put("ICCID", iccid);
            json.put("BmsNum", &(packs.len() as u8)).list("BatteryPackCounts", packs.iter());
            let mut codes = codes.iter();
            let of_system = |count: &u8| codes.by_ref().take(usize::from(*count)).collect::<Vec<_>>();
            json.list("BatteryPackEncodings", packs.iter().map(of_system));
        }
        Body::Report(Report::V2016 { time, blocks }) | Body::Reissue(Report::V2016 { time, blocks }) => {
            let own = |block: &Block<'_>| matches!(block, Block::User { .. });
            infos(blocks.iter().collect(), blocks.tail(), own, block, at("Time", time, json));
        }
        Body::Report(Report::V2025 { time, blocks }) | Body::Reissue(Report::V2025 { time, blocks }) => {
            let own = |block: &Block2025<'_>| matches!(block, Block2025::User { .. });
            infos(blocks.iter().collect(), blocks.tail(), own, block2025, at("Time", time, json));
        }
        Body::Logout { time, serial } | Body::PlatformLogout { time, serial } => {
            at("Time", time, json).put("Seq", serial);
        }
        Body::PlatformLogin { time, serial, user, password, encryption } => {
            at("Time", time, json).put("Seq", serial).put("Username", user).put("Password", password);
            json.put("Encrypt", encryption);
        }
        Body::Activate { time, chip, public_key, of, signature } => {
            at("Time", time, json).put("ChipID", chip).put("PubKeyLen", &(public_key.len() as u16));
            json.put("PubKey", hex(public_key).as_str()).put("VIN", of);
            json.object("Signature", |json| sign(signature, json));
        }
        Body::ExchangeKey { kind, key, from, to } => {
            json.put("KeyType", kind).put("KeyLength", &(key.len() as u16)).put("Key", hex(key).as_str());
            at("ExpireTime", to, at("ActiveTime", from, json));
        }
        Body::Queried { time, parameters, .. } | Body::Configured { time, parameters, .. } => {
            at("Time", time, json);
            if let Some(Parameters { number, list }) = parameters {
                let list =
                    list.iter().flat_map(|parameter| ids(&parameter).map(move |id| (id, parameter.clone())));
                json.put("Total", number).objects("Params", list, |json, (id, it)| parameter(id, &it, json));
            }
        }
        Body::Controlled { time, command, .. } => {
            at("Time", time, json);
            if let Some(command) = command {
                json.put("Command", &(command.tag() as u8));
                control(command, json);
            }
        }
        Body::KeyExchanged { time, data, .. } => {
            at("Time", time, json);
            if !data.is_empty() {
                json.put("Data", &Base64(data));
            }
        }
        Body::Other { data, .. } => {
            json.put("Type", "CustomData").put("Data", &Base64(data));
        }
        _ => {}
    }
}

fn at<'j, 'o>(name: &str, time: &Time, json: &'j mut JsonObject<'o>) -> &'j mut JsonObject<'o> {
    let [year, month, day, hour, minute, second] = time.as_bytes();
    json.object(name, |json| {
        json.put("Year", year).put("Month", month).put("Day", day);
        json.put("Hour", hour).put("Minute", minute).put("Second", second);
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The identifiers of a parameter: an address has one for its length as well.
fn ids(parameter: &Parameter<'_>) -> std::ops::RangeInclusive<u8> {
    let id = parameter.tag() as u8;
    let last = if matches!(id, 0x04 | 0x0D) { id + 1 } else { id };
    id..=last
}

fn parameter(id: u8, parameter: &Parameter<'_>, json: &mut JsonObject<'_>) {
    let name = format!("0x{id:02X}");
    match parameter {
        Parameter::Platform { address } | Parameter::PublicPlatform { address } => match id {
            0x04 | 0x0D => json.put(&name, &(address.as_bytes().len() as u8)),
            _ => json.put(&name, address),
        },
        Parameter::ReportPeriod(Period::V2016(value)) | Parameter::AlarmPeriod(Period::V2016(value)) => {
            json.put(&name, value)
        }
        Parameter::ReportPeriod(Period::V2025(value)) | Parameter::AlarmPeriod(Period::V2025(value)) => {
            json.put(&name, value)
        }
        Parameter::StorePeriod(value)
        | Parameter::PlatformPort(value)
        | Parameter::TerminalTimeout(value)
        | Parameter::PlatformTimeout(value)
        | Parameter::PublicPort(value) => json.put(&name, value),
        Parameter::HeartbeatPeriod(value) | Parameter::LoginWait(value) | Parameter::Sampling(value) => {
            json.put(&name, value)
        }
        Parameter::Hardware(value) | Parameter::Firmware(value) => json.put(&name, value),
    };
}

fn control(command: &Command<'_>, json: &mut JsonObject<'_>) {
    match command {
        Command::Upgrade(it) => {
            let [_, _, a, b, c, d] = it.ip;
            json.object("Param", |json| {
                json.put("DialingName", &it.dial).put("Username", &it.user).put("Password", &it.password);
                json.put("Ip", &Ipv4Addr::new(a, b, c, d)).put("Port", &it.port);
                json.put("ManufacturerId", &it.maker).put("HardwareVer", &it.hardware);
                json.put("SoftwareVer", &it.firmware).put("UpgradeUrl", &it.url).put("Timeout", &it.limit);
            });
        }
        Command::Alarm { level, text } => {
            json.object("Param", |json| json.put("Level", level).put("Message", text).end());
        }
        _ => json.put("Param", "").end(),
    }
}
