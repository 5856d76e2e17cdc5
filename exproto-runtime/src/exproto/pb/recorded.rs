//! Messages recorded from EMQX 5.8.9 decode to what they say and encode to
//! the same bytes: names and numbers of `proto/exproto.proto` are right.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use prost::Message as _;
use serde_json::{Value, json};

use super::*;

const RECORDED: &str = include_str!("../../../tests/recordings/exproto-messages.txt");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn address(address: Option<Address>) -> Value {
    address.map_or(Value::Null, |a| json!({ "host": a.host, "port": a.port }))
}

fn timer_type(value: i32) -> &'static str {
    TimerType::try_from(value).unwrap().as_str_name()
}

/// The fields of a message, and what it is encoded to.
fn read(name: &str, wire: &[u8]) -> (Value, Vec<u8>) {
    macro_rules! read {
        ($type:ty, |$m:ident| $fields:expr) => {{
            let $m = <$type>::decode(wire).unwrap();
            let again = $m.encode_to_vec();
            ($fields, again)
        }};
    }
    match name {
        "SocketCreatedRequest" => read!(SocketCreatedRequest, |m| {
            let info = m.conninfo.unwrap();
            let kind = info.socktype().as_str_name();
            let cert = info.peercert.map_or(Value::Null, |c| json!({ "cn": c.cn, "dn": c.dn }));
            json!({ "conn": m.conn, "conninfo": {
                "socktype": kind,
                "peername": address(info.peername),
                "sockname": address(info.sockname),
                "peercert": cert,
            } })
        }),
        "ReceivedBytesRequest" => {
            read!(ReceivedBytesRequest, |m| json!({ "conn": m.conn, "bytes": hex(&m.bytes) }))
        }
        "ReceivedMessagesRequest" => read!(ReceivedMessagesRequest, |m| {
            let messages: Vec<_> = m
                .messages
                .into_iter()
                .map(|m| {
                    json!({ "node": m.node, "id": m.id, "qos": m.qos, "from": m.from, "topic": m.topic,
                        "payload": hex(&m.payload), "timestamp": m.timestamp })
                })
                .collect();
            json!({ "conn": m.conn, "messages": messages })
        }),
        "TimerTimeoutRequest" => {
            read!(TimerTimeoutRequest, |m| json!({ "conn": m.conn, "type": timer_type(m.r#type) }))
        }
        "SocketClosedRequest" => {
            read!(SocketClosedRequest, |m| json!({ "conn": m.conn, "reason": m.reason }))
        }
        "SendBytesRequest" => {
            read!(SendBytesRequest, |m| json!({ "conn": m.conn, "bytes": hex(&m.bytes) }))
        }
        "CloseSocketRequest" => read!(CloseSocketRequest, |m| json!({ "conn": m.conn })),
        "AuthenticateRequest" => read!(AuthenticateRequest, |m| {
            let client = m.clientinfo.map_or(Value::Null, |c| {
                json!({ "proto_name": c.proto_name, "proto_ver": c.proto_ver, "clientid": c.clientid,
                    "username": c.username, "mountpoint": c.mountpoint })
            });
            json!({ "conn": m.conn, "clientinfo": client, "password": m.password })
        }),
        "TimerRequest" => read!(TimerRequest, |m| {
            json!({ "conn": m.conn, "type": timer_type(m.r#type), "interval": m.interval })
        }),
        "PublishRequest" => read!(PublishRequest, |m| {
            json!({ "conn": m.conn, "topic": m.topic, "qos": m.qos, "payload": hex(&m.payload) })
        }),
        "RawPublishRequest" => read!(RawPublishRequest, |m| {
            json!({ "topic": m.topic, "qos": m.qos, "payload": hex(&m.payload) })
        }),
        "SubscribeRequest" => {
            read!(SubscribeRequest, |m| { json!({ "conn": m.conn, "topic": m.topic, "qos": m.qos }) })
        }
        "UnsubscribeRequest" => {
            read!(UnsubscribeRequest, |m| json!({ "conn": m.conn, "topic": m.topic }))
        }
        "CodeResponse" => {
            read!(CodeResponse, |m| { json!({ "code": m.code().as_str_name(), "message": m.message }) })
        }
        other => panic!("unknown message `{other}`"),
    }
}

#[test]
fn recorded_messages_are_read_and_written_alike() {
    let mut names = BTreeSet::new();
    for line in RECORDED.lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.split('\t');
        let (name, fields, wire) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let wire = unhex(wire);
        let (read, again) = read(name, &wire);
        assert_eq!(read, serde_json::from_str::<Value>(fields).unwrap(), "{name}");
        assert_eq!(again, wire, "{name} {fields}");
        names.insert(name);
    }
    assert_eq!(names.len(), 14, "{names:?}");
}
