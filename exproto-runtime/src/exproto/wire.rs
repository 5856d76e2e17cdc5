//! Calls as they are sent: the adapter's messages, written without putting them
//! together first.

use bytes::{BufMut, Bytes, BytesMut};
use prost::encoding::{encode_varint, encoded_len_varint};

use super::call::{Call, PROBE};

/// What EMQX knows the protocol as. EMQX makes an atom of it and never frees
/// it, and 5.8 checks passwords for this name only.
const PROTO_NAME: &str = "exproto";

/// A field of a message: its number, and what it holds.
#[derive(Clone, Copy)]
enum Field<'a> {
    Bytes(u8, &'a [u8]),
    Number(u8, u32),
    Message(u8, &'a [Field<'a>]),
}

/// A call's message behind its prefix.
pub(super) fn encode(call: &Call, conn: &str, proto_ver: &str) -> Bytes {
    use Field::{Message, Number};
    match call {
        Call::Send(bytes) => message(&[string(1, conn), Field::Bytes(2, bytes)]),
        Call::Close => message(&[string(1, conn)]),
        Call::Authenticate(who) => {
            let username = who.username.as_deref().unwrap_or_default();
            let info =
                [string(1, PROTO_NAME), string(2, proto_ver), string(3, &who.client_id), string(4, username)];
            let password = who.password.as_deref().unwrap_or_default();
            message(&[string(1, conn), Message(2, &info), string(3, password)])
        }
        // The kind of the timer, keep-alive, is the number 0.
        Call::StartTimer(seconds) => message(&[string(1, conn), Number(3, *seconds)]),
        Call::Publish { topic, payload, qos } => message(&[
            string(1, conn),
            string(2, topic),
            Number(3, u32::from(*qos)),
            Field::Bytes(4, payload),
        ]),
        Call::RawPublish { topic, payload, qos } => {
            message(&[string(1, topic), Number(2, u32::from(*qos)), Field::Bytes(3, payload)])
        }
        Call::Subscribe { filter, qos } => {
            message(&[string(1, conn), string(2, filter), Number(3, u32::from(*qos))])
        }
        Call::Unsubscribe { filter } => message(&[string(1, conn), string(2, filter)]),
        Call::Probe => message(&[string(1, conn), string(2, PROBE)]),
    }
}

fn string(number: u8, text: &str) -> Field<'_> {
    Field::Bytes(number, text.as_bytes())
}

impl Field<'_> {
    /// Bytes on the wire. What is empty or 0 is not sent, but for messages.
    fn size(&self) -> usize {
        match *self {
            Self::Bytes(_, []) | Self::Number(_, 0) => 0,
            Self::Bytes(_, bytes) => 1 + encoded_len_varint(bytes.len() as u64) + bytes.len(),
            Self::Number(_, value) => 1 + encoded_len_varint(value.into()),
            Self::Message(_, fields) => {
                let size = size(fields);
                1 + encoded_len_varint(size as u64) + size
            }
        }
    }

    fn put(&self, out: &mut BytesMut) {
        match *self {
            Self::Bytes(_, []) | Self::Number(_, 0) => {}
            Self::Bytes(number, bytes) => {
                out.put_u8(number << 3 | 2);
                encode_varint(bytes.len() as u64, out);
                out.put_slice(bytes);
            }
            Self::Number(number, value) => {
                out.put_u8(number << 3);
                encode_varint(value.into(), out);
            }
            Self::Message(number, fields) => {
                out.put_u8(number << 3 | 2);
                encode_varint(size(fields) as u64, out);
                for field in fields {
                    field.put(out);
                }
            }
        }
    }
}

fn size(fields: &[Field<'_>]) -> usize {
    fields.iter().map(Field::size).sum()
}

fn message(fields: &[Field<'_>]) -> Bytes {
    let size = size(fields);
    let mut out = BytesMut::with_capacity(5 + size);
    // Not compressed.
    out.put_u8(0);
    out.put_u32(u32::try_from(size).unwrap_or(u32::MAX));
    for field in fields {
        field.put(&mut out);
    }
    out.freeze()
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::super::pb;
    use super::*;
    use crate::session::Credentials;

    #[test]
    fn messages_are_those_of_the_protocol() {
        for conn in ["", "g1hkAA", &"x".repeat(300)] {
            let (text, bytes) = ("t".repeat(conn.len()), Bytes::from(vec![7; conn.len() * 60]));
            let (own, topic) = (conn.to_owned(), text.clone());
            let same = |call: Call, wanted: &dyn Fn() -> Vec<u8>| {
                let (sent, wanted) = (encode(&call, conn, "1"), wanted());
                assert_eq!(sent[1..5], u32::try_from(wanted.len()).unwrap_or(0).to_be_bytes());
                assert_eq!((sent[0], &sent[5..]), (0, &wanted[..]), "{call:?}");
            };
            same(Call::Send(bytes.clone()), &|| {
                pb::SendBytesRequest { conn: own.clone(), bytes: bytes.clone() }.encode_to_vec()
            });
            same(Call::Close, &|| pb::CloseSocketRequest { conn: own.clone() }.encode_to_vec());
            for name in [None, Some(text.clone())] {
                let who =
                    Credentials { client_id: text.clone(), username: name.clone(), password: name.clone() };
                let info = pb::ClientInfo {
                    proto_name: "exproto".into(),
                    proto_ver: "1".into(),
                    clientid: text.clone(),
                    username: name.clone().unwrap_or_default(),
                    mountpoint: String::new(),
                };
                same(Call::Authenticate(Box::new(who)), &|| {
                    pb::AuthenticateRequest {
                        conn: own.clone(),
                        clientinfo: Some(info.clone()),
                        password: name.clone().unwrap_or_default(),
                    }
                    .encode_to_vec()
                });
            }
            for interval in [1, 127, 128, 65_535_000, u32::MAX] {
                same(Call::StartTimer(interval), &|| {
                    let r#type = pb::TimerType::Keepalive as i32;
                    pb::TimerRequest { conn: own.clone(), r#type, interval }.encode_to_vec()
                });
            }
            for qos in 0..3_u8 {
                let wire = u32::from(qos);
                same(Call::Publish { topic: topic.clone(), payload: bytes.clone(), qos }, &|| {
                    pb::PublishRequest {
                        conn: own.clone(),
                        topic: topic.clone(),
                        qos: wire,
                        payload: bytes.clone(),
                    }
                    .encode_to_vec()
                });
                same(Call::RawPublish { topic: topic.clone(), payload: bytes.clone(), qos }, &|| {
                    pb::RawPublishRequest { topic: topic.clone(), qos: wire, payload: bytes.clone() }
                        .encode_to_vec()
                });
                same(Call::Subscribe { filter: topic.clone(), qos }, &|| {
                    pb::SubscribeRequest { conn: own.clone(), topic: topic.clone(), qos: wire }
                        .encode_to_vec()
                });
            }
            same(Call::Unsubscribe { filter: topic.clone() }, &|| {
                pb::UnsubscribeRequest { conn: own.clone(), topic: topic.clone() }.encode_to_vec()
            });
            same(Call::Probe, &|| {
                pb::UnsubscribeRequest { conn: own.clone(), topic: PROBE.into() }.encode_to_vec()
            });
        }
    }
}
