// A small protocol with every kind of route, its traits implemented by hand:
// what `#[derive(ExProtoFrame)]` with `#[route(..)]` generates, in a form that
// can be read. The declaration that each part stands for is in its comment.
//
// A frame is `7E tag body xor 7E` with 7E and 7D escaped by 7D.
//
// This file is also included by documentation tests, hence no inner attributes
// and only full paths from the crate's root in `use`.

use exproto_runtime::codec::{
    self, Algorithm, Check, Context, Decode, Encode, Error, ErrorKind, Escape, Family, FieldInfo, FlagScan,
    Flags, FrameKind, Framing, Protocol, Reader, Segment, Stuffing, Trace, Value, Visitor, Wire, Writer,
};
use exproto_runtime::session::{
    Access, After, Asks, CloseReason, Credentials, Cx, DeliverError, Delivery, Gateway, Outcome, Pairing,
    Refusal, Stage, TopicBuf, capture,
};

// #[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 512)]
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Toy<'a> {
    // tag 0x01, route(auth(client_id = "{id}", password = "{key}"), reply = welcome)
    Hello { id: u16, key: &'a [u8] },
    // tag 0x02, route(publish("toy/{client_id}/up/reading", qos = 1), reply(always = ack))
    Reading { serial: u8, value: u16 },
    // tag 0x03, route(heartbeat, reply = ack)
    Beat,
    // tag 0x04, route(close("bye"), reply = ack)
    Bye,
    // tag 0x05, route(publish("toy/{client_id}/up/batch", qos = 1, each = values), reply = ack)
    Batch { serial: u8, values: &'a [u8] },
    // tag 0x06, route(publish("toy/{client_id}/up/{name}", qos = 0, payload = raw), reply = ack)
    Note { serial: u8, name: &'a str },
    // tag 0x07, route(publish("toy/{client_id}/up/answer", payload = ..), reply = ack), echoes the serial of `Set`
    Answer { serial: u8, result: u8 },
    // tag 0x08, a segment of a longer message, which is a whole payload without its checksum
    Part { key: u8, index: u8, total: u8, data: &'a [u8] },
    // tag 0x09, route(subscribe("toy/{client_id}/extra", qos = 0), reply = ack)
    Join { serial: u8 },
    // tag 0x0A, route(unsubscribe("toy/{client_id}/extra"))
    Leave { serial: u8 },
    // tag 0x0B, route(auth(client_id = "{id}"), publish("toy/{id}/up/register", qos = 1), reply = welcome)
    Register { id: u16 },
    // tag 0x0C, route(reply = a reply that cannot be encoded)
    Riddle,
    // tag 0x0D, route(ignore)
    Noise,
    // tag 0x0E, route(publish("toy/{client_id}/up/first"), publish("toy/{client_id}/up/{name}"), reply = ack)
    Both { serial: u8, name: &'a str },
    // tag 0x80, route(sent)
    Ack { serial: u8, result: u8 },
    // tag 0x81, route(deliver("toy/{client_id}/down/set", qos = 1)), answered by the echoed serial
    Set { serial: u8, value: u16 },
    // tag 0x82, route(sent)
    Welcome { ok: bool },
}

// route(gateway(state = Meter))
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Meter {
    pub(crate) asked: u32,
    pub(crate) settled: u32,
}

static FRAME: FieldInfo = FieldInfo::new("", "Toy");
static TAG: FieldInfo = FieldInfo::new("Toy", "tag");
static BODY: FieldInfo = FieldInfo::new("Toy", "body");
static CHECK: FieldInfo = FieldInfo::new("Toy", "check");
static ESCAPE: Escape = Escape { byte: 0x7D, codes: &[(0x01, 0x7D), (0x02, 0x7E)], xor: None };

impl Toy<'_> {
    fn tag(&self) -> u8 {
        match self {
            Self::Hello { .. } => 0x01,
            Self::Reading { .. } => 0x02,
            Self::Beat => 0x03,
            Self::Bye => 0x04,
            Self::Batch { .. } => 0x05,
            Self::Note { .. } => 0x06,
            Self::Answer { .. } => 0x07,
            Self::Part { .. } => 0x08,
            Self::Join { .. } => 0x09,
            Self::Leave { .. } => 0x0A,
            Self::Register { .. } => 0x0B,
            Self::Riddle => 0x0C,
            Self::Noise => 0x0D,
            Self::Both { .. } => 0x0E,
            Self::Ack { .. } => 0x80,
            Self::Set { .. } => 0x81,
            Self::Welcome { .. } => 0x82,
        }
    }
}

impl<'a> Toy<'a> {
    fn read<T: Trace>(r: &mut Reader<'a, T>) -> Result<Self, Error> {
        let offset = r.offset();
        let [tag] = *r.run::<1>(&TAG)?;
        Ok(match tag {
            0x01 => Self::Hello { id: u16::from_be_bytes(*r.run(&BODY)?), key: r.rest() },
            0x02 => {
                let [serial, high, low] = *r.run::<3>(&BODY)?;
                Self::Reading { serial, value: u16::from_be_bytes([high, low]) }
            }
            0x03 => Self::Beat,
            0x04 => Self::Bye,
            0x05 => Self::Batch { serial: r.run::<1>(&BODY)?[0], values: r.rest() },
            0x06 | 0x0E => {
                let [serial] = *r.run::<1>(&BODY)?;
                let offset = r.offset();
                let name = core::str::from_utf8(r.rest())
                    .map_err(|_| r.fail(ErrorKind::Custom, offset, &BODY, 0, 0))?;
                if tag == 0x06 { Self::Note { serial, name } } else { Self::Both { serial, name } }
            }
            0x07 => {
                let [serial, result] = *r.run::<2>(&BODY)?;
                Self::Answer { serial, result }
            }
            0x08 => {
                let [key, index, total] = *r.run::<3>(&BODY)?;
                Self::Part { key, index, total, data: r.rest() }
            }
            0x09 => Self::Join { serial: r.run::<1>(&BODY)?[0] },
            0x0A => Self::Leave { serial: r.run::<1>(&BODY)?[0] },
            0x0B => Self::Register { id: u16::from_be_bytes(*r.run(&BODY)?) },
            0x0C => Self::Riddle,
            0x0D => Self::Noise,
            0x80 => {
                let [serial, result] = *r.run::<2>(&BODY)?;
                Self::Ack { serial, result }
            }
            0x81 => {
                let [serial, high, low] = *r.run::<3>(&BODY)?;
                Self::Set { serial, value: u16::from_be_bytes([high, low]) }
            }
            0x82 => Self::Welcome { ok: r.run::<1>(&BODY)?[0] != 0 },
            other => return Err(r.fail(ErrorKind::Tag, offset, &TAG, u64::from(other), 0)),
        })
    }
}

impl Wire for Toy<'_> {
    const MIN: usize = 2;
    const SIZE: Option<usize> = None;
    type Ctx = ();
}

impl<'a> Decode<'a> for Toy<'a> {
    fn decode<T: Trace>(r: &mut Reader<'a, T>, (): ()) -> Result<Self, Error> {
        // The checksum behind the body was verified by the frame layer.
        let mut body = r.sub_rest(1, &FRAME)?;
        let frame = Self::read(&mut body)?;
        r.finish(body, &BODY)?;
        r.run::<1>(&CHECK)?;
        Ok(frame)
    }
}

impl Encode for Toy<'_> {
    fn encode(&self, w: &mut Writer<'_>, (): ()) -> Result<(), Error> {
        let start = w.run([self.tag()]);
        match *self {
            Self::Hello { id, key } => {
                w.run(id.to_be_bytes());
                w.bytes(key);
            }
            Self::Reading { serial, value } | Self::Set { serial, value } => {
                w.run([serial]);
                w.run(value.to_be_bytes());
            }
            Self::Beat | Self::Bye | Self::Riddle | Self::Noise => {}
            Self::Batch { serial, values } => {
                w.run([serial]);
                w.bytes(values);
            }
            Self::Note { serial, name } | Self::Both { serial, name } => {
                w.run([serial]);
                w.bytes(name.as_bytes());
            }
            Self::Answer { serial, result } | Self::Ack { serial, result } => {
                w.run([serial, result]);
            }
            Self::Part { key, index, total, data } => {
                w.run([key, index, total]);
                w.bytes(data);
            }
            Self::Join { serial } | Self::Leave { serial } => {
                w.run([serial]);
            }
            Self::Register { id } => {
                w.run(id.to_be_bytes());
            }
            Self::Welcome { ok } => {
                w.run([u8::from(ok)]);
            }
        }
        let check = codec::xor(w.slice(start));
        w.run([check]);
        Ok(())
    }
}

impl Value for Toy<'_> {
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        v.uint(u64::from(self.tag()), at);
    }
}

// `Toy<'a>` is the same family at every lifetime, and a frame at every one, so
// that `fn ack(frame: &Toy<'_>, ..)` needs no ceremony. The gateway is
// implemented at `'static` alone: it is only ever a type parameter.
impl Family for Toy<'_> {
    type At<'f> = Toy<'f>;
}

impl Context for Toy<'_> {
    type Ctx = ();
}

impl Protocol for Toy<'_> {
    const NAME: &'static str = "Toy";
    const KINDS: &'static [FrameKind] =
        &[FrameKind::new(Framing::Flag { flag: 0x7E, escape: Some(Stuffing::Escape(&ESCAPE)), max: 512 })
            .checked(Some(Check {
                from: 0,
                tail: 1,
                gap: 0,
                width: 1,
                digits: None,
                big_endian: true,
                algorithm: Algorithm::Xor,
                at: &CHECK,
            }))];
    type Scan = FlagScan;

    fn scanner((): ()) -> FlagScan {
        FlagScan::new(0x7E, 512)
    }

    fn decode_kind<'f, T: Trace>(_: usize, r: &mut Reader<'f, T>, (): ()) -> Result<Toy<'f>, Error> {
        Toy::decode(r, ())
    }

    fn segment<'s>(frame: &'s Toy<'_>, (): ()) -> Option<Segment<'s>> {
        match *frame {
            Toy::Part { key, index, total, data } => {
                Some(Segment::numbered(key.into(), index.into(), total.into(), data))
            }
            _ => None,
        }
    }

    fn join<'f, T: Trace>(
        _: usize,
        _: &'f [u8],
        body: &'f [u8],
        (): (),
        trace: T,
    ) -> Result<(Toy<'f>, Flags), Error> {
        let mut r = Reader::traced(body, trace);
        let frame = Toy::read(&mut r)?;
        let end = r;
        r.finish(end, &BODY)?;
        Ok((frame, r.flags()))
    }

    fn kind(frame: &Toy<'_>) -> &'static str {
        match frame {
            Toy::Hello { .. } => "hello",
            Toy::Reading { .. } => "reading",
            Toy::Beat => "beat",
            Toy::Bye => "bye",
            Toy::Batch { .. } => "batch",
            Toy::Note { .. } => "note",
            Toy::Answer { .. } => "answer",
            Toy::Part { .. } => "part",
            Toy::Join { .. } => "join",
            Toy::Leave { .. } => "leave",
            Toy::Register { .. } => "register",
            Toy::Riddle => "riddle",
            Toy::Noise => "noise",
            Toy::Both { .. } => "both",
            Toy::Ack { .. } => "ack",
            Toy::Set { .. } => "set",
            Toy::Welcome { .. } => "welcome",
        }
    }
}

impl Gateway for Toy<'static> {
    fn ctx(_: &Cx<'_, Self::State>) {}

    type State = Meter;
    const ANONYMOUS: bool = false;

    // From the variant alone: nothing is rendered for a device that may not
    // send the frame.
    fn access(frame: &Toy<'_>) -> Access {
        match frame {
            Toy::Hello { .. } | Toy::Register { .. } => Access::Public, // auth
            Toy::Beat | Toy::Bye | Toy::Noise => Access::Public,        // heartbeat, close, ignore
            Toy::Riddle => Access::Public,                              // reply alone
            Toy::Ack { .. } | Toy::Set { .. } | Toy::Welcome { .. } => Access::Sent,
            _ => Access::Member,
        }
    }

    fn answers(frame: &Toy<'_>) -> Option<Pairing> {
        match frame {
            Toy::Answer { serial, .. } => Some(Pairing::Key(u64::from(*serial))),
            _ => None,
        }
    }

    fn ask(
        frame: &Toy<'_>,
        stage: Stage,
        cx: &mut Cx<'_, Meter>,
        asks: &mut Asks<'_>,
    ) -> Result<(), Refusal> {
        // One arm for each stage that a variant has routes in.
        match (frame, stage) {
            (Toy::Hello { id, key }, Stage::Auth) => {
                let mut text = asks.topic();
                text.value(id);
                asks.authenticate(Credentials {
                    client_id: text.finish()?.to_owned(),
                    username: None,
                    password: Some(String::from_utf8_lossy(key).into_owned()),
                });
                asks.reuse(text);
            }
            (Toy::Register { id }, Stage::Auth) => {
                asks.authenticate(Credentials { client_id: id.to_string(), ..Credentials::default() });
            }
            (Toy::Register { id }, Stage::Rest) => {
                let mut topic = asks.topic();
                topic.literal("toy/");
                topic.value(id);
                topic.literal("/up/register");
                asks.publish(&topic, 1, true, |payload| payload.extend_from_slice(b"{}"))?;
                asks.reuse(topic);
            }
            (Toy::Reading { value, .. }, Stage::Rest) => {
                cx.state.asked += 1;
                let mut topic = asks.topic();
                topic.literal("toy/");
                topic.value(cx.client_id);
                topic.literal("/up/reading");
                asks.publish(&topic, 1, false, |payload| {
                    payload.extend_from_slice(format!("{{\"value\":{value}}}").as_bytes());
                })?;
                asks.reuse(topic);
            }
            (Toy::Batch { values, .. }, Stage::Rest) => {
                let mut topic = asks.topic();
                topic.literal("toy/");
                topic.value(cx.client_id);
                topic.literal("/up/batch");
                for value in *values {
                    asks.publish(&topic, 1, false, |payload| {
                        payload.extend_from_slice(value.to_string().as_bytes());
                    })?;
                }
                asks.reuse(topic);
            }
            (Toy::Note { name, .. }, Stage::Rest) => {
                let mut topic = asks.topic();
                topic.literal("toy/");
                topic.value(cx.client_id);
                topic.literal("/up/");
                topic.value(*name);
                asks.publish(&topic, 0, false, |payload| payload.extend_from_slice(b"noted"))?;
                asks.reuse(topic);
            }
            (Toy::Both { name, .. }, Stage::Rest) => {
                for name in ["first", *name] {
                    let mut topic = asks.topic();
                    topic.literal("toy/");
                    topic.value(cx.client_id);
                    topic.literal("/up/");
                    topic.value(name);
                    asks.publish(&topic, 1, false, |payload| payload.extend_from_slice(b"both"))?;
                    asks.reuse(topic);
                }
            }
            (Toy::Answer { result, .. }, Stage::Rest) => {
                let request = cx.request.unwrap_or("nothing");
                let mut topic = asks.topic();
                topic.literal("toy/");
                topic.value(cx.client_id);
                topic.literal("/up/answer");
                asks.publish(&topic, 1, false, |payload| {
                    payload.extend_from_slice(format!("{request} {result}").as_bytes());
                })?;
                asks.reuse(topic);
            }
            (Toy::Join { .. } | Toy::Leave { .. }, Stage::Rest) => {
                let mut filter = asks.topic();
                filter.literal("toy/");
                filter.value(cx.client_id);
                filter.literal("/extra");
                if matches!(frame, Toy::Join { .. }) {
                    asks.subscribe(&filter, 0)?;
                } else {
                    asks.unsubscribe(&filter)?;
                }
                asks.reuse(filter);
            }
            _ => {}
        }
        Ok(())
    }

    fn settle(
        frame: &Toy<'_>,
        cx: &mut Cx<'_, Meter>,
        outcome: &Outcome,
        reply: &mut Vec<u8>,
    ) -> Result<After, Error> {
        cx.state.settled += 1;
        let ack = |serial: u8, result: u8, reply: &mut Vec<u8>| {
            codec::encode::<Toy<'_>>(&Toy::Ack { serial, result }, reply)
        };
        match *frame {
            // The reply of an `auth` route sees every outcome.
            Toy::Hello { .. } | Toy::Register { .. } => {
                codec::encode::<Toy<'_>>(&Toy::Welcome { ok: outcome.is_done() }, reply)?;
            }
            // `reply(always = ..)`.
            Toy::Reading { serial, .. } => ack(serial, outcome.pick(0, 1), reply)?,
            // `reply = ..`: on success alone.
            Toy::Batch { serial, .. }
            | Toy::Note { serial, .. }
            | Toy::Both { serial, .. }
            | Toy::Join { serial }
            | Toy::Leave { serial }
                if outcome.is_done() =>
            {
                ack(serial, 0, reply)?;
            }
            // Whether the answer is one is known here, too.
            Toy::Answer { serial, .. } => ack(serial, if cx.request.is_some() { 2 } else { 3 }, reply)?,
            Toy::Beat => ack(0, 0, reply)?,
            Toy::Bye => {
                ack(0, 0, reply)?;
                return Ok(After::Close(CloseReason::Done("bye".into())));
            }
            Toy::Riddle => {
                reply.push(0x7E);
                return Err(Error::new(ErrorKind::Overflow, 0, &BODY));
            }
            _ => {}
        }
        Ok(After::Stay)
    }

    fn filters(cx: &Cx<'_, Meter>, each: &mut dyn FnMut(&TopicBuf, u8)) -> Result<(), Refusal> {
        let mut filter = cx.topic();
        filter.literal("toy/");
        filter.value(cx.client_id);
        filter.literal("/down/set");
        filter.finish()?;
        each(&filter, 1);
        Ok(())
    }

    fn deliver(
        topic: &str,
        payload: &[u8],
        cx: &mut Cx<'_, Meter>,
        frame: &mut Vec<u8>,
    ) -> Result<Delivery, DeliverError> {
        // The filter is filled in once more and compared; wildcards in it
        // would be captured.
        let mut filter = cx.topic();
        filter.literal("toy/");
        filter.value(cx.client_id);
        filter.literal("/down/set");
        if capture::<0>(filter.as_str(), topic).is_some() {
            let value = core::str::from_utf8(payload)
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| DeliverError::Payload("expected a number from 0 to 65535".into()))?;
            let serial = cx.next_serial();
            let set = Toy::Set { serial, value };
            codec::encode::<Toy<'_>>(&set, frame).map_err(DeliverError::Encode)?;
            return Ok(Delivery { kind: "set", answer: Some(Pairing::Key(u64::from(serial))) });
        }
        Err(DeliverError::NoRoute)
    }
}
