//! A small gateway, implemented by hand in the form of generated code.

use crate::codec::{
    Algorithm, Check, Context, Decode, Encode, Error, ErrorKind, Escape, Family, FieldInfo, Flag, FlagScan,
    Flags, FrameKind, Framing, Protocol, Reader, Scale, Segment, Stuffing, Trace, Value, Visitor, Wire,
    Writer, encode, to_json,
};
use crate::session::{
    Access, After, Asks, CloseReason, Credentials, Cx, DeliverError, Delivery, Gateway, Outcome, Pairing,
    Refusal, Stage, TopicBuf,
};

#[derive(Debug, PartialEq)]
pub(super) struct Toy<'a> {
    pub(super) serial: u8,
    pub(super) segment: Option<(u8, u8)>,
    pub(super) body: Body<'a>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Body<'a> {
    Login { id: &'a str },
    Report { temperature: i16 },
    Blob { data: &'a [u8] },
    Bye,
    Ack { serial: u8, result: u8 },
    Other { tag: u8, data: &'a [u8] },
}

static TAG: FieldInfo = FieldInfo::new("Toy", "tag");
static LEN: FieldInfo = FieldInfo::new("Toy", "len");
static SERIAL: FieldInfo = FieldInfo::new("Toy", "serial");
static SEGMENT: FieldInfo = FieldInfo::new("Toy", "segment");
static BODY: FieldInfo = FieldInfo::new("Toy", "body");
static CHECK: FieldInfo = FieldInfo::new("Toy", "check");
static LOGIN: FieldInfo = FieldInfo::new("Body", "login");
static REPORT: FieldInfo = FieldInfo::new("Body", "report");
static BLOB: FieldInfo = FieldInfo::new("Body", "blob");
static ACK: FieldInfo = FieldInfo::new("Body", "ack");
static OTHER: FieldInfo = FieldInfo::new("Body", "other");
static LOGIN_ID: FieldInfo = FieldInfo::new("Body::Login", "id");
static TEMPERATURE: FieldInfo = FieldInfo::new("Body::Report", "temperature")
    .scaled(Scale { mul: 1, add: 0, decimals: 1, div: 1 })
    .with_range(-400, 850)
    .with_unit("°C");
static BLOB_DATA: FieldInfo = FieldInfo::new("Body::Blob", "data");
static ACK_SERIAL: FieldInfo = FieldInfo::new("Body::Ack", "serial");
static ACK_RESULT: FieldInfo = FieldInfo::new("Body::Ack", "result");
static OTHER_TAG: FieldInfo = FieldInfo::new("Body::Other", "tag");
static OTHER_DATA: FieldInfo = FieldInfo::new("Body::Other", "data");
static ESCAPE: Escape = Escape { byte: 0x7D, codes: &[(0x01, 0x7D), (0x02, 0x7E)], xor: None };

impl Family for Toy<'_> {
    type At<'f> = Toy<'f>;
}

impl Wire for Toy<'_> {
    const MIN: usize = 4;
    const SIZE: Option<usize> = None;
    type Ctx = ();
}

impl<'a> Decode<'a> for Toy<'a> {
    fn decode<T: Trace>(r: &mut Reader<'a, T>, (): ()) -> Result<Self, Error> {
        let start = r.offset();
        let [tag, len, serial] = *r.run::<3>(&TAG)?;
        r.span(&TAG, start, 1);
        r.span(&LEN, start + 1, 1);
        r.span(&SERIAL, start + 2, 1);
        let segment = if tag & 0x80 == 0 {
            None
        } else {
            r.enter(&SEGMENT);
            let [index, total] = *r.run::<2>(&SEGMENT)?;
            r.leave();
            Some((index, total))
        };
        let mut sub = r.sub_framed(usize::from(len), 1, (&LEN, start + 1), &BODY)?;
        sub.enter(&BODY);
        let body = match segment {
            None => Body::select(tag, &mut sub)?,
            Some(_) => Body::Other { tag: tag & 0x7F, data: sub.rest() },
        };
        sub.leave();
        r.finish(sub, &BODY)?;
        r.enter(&CHECK);
        r.run::<1>(&CHECK)?;
        r.leave();
        Ok(Self { serial, segment, body })
    }
}

impl<'a> Body<'a> {
    fn select<T: Trace>(tag: u8, r: &mut Reader<'a, T>) -> Result<Self, Error> {
        let start = r.offset();
        Ok(match tag {
            1 => {
                let id = core::str::from_utf8(r.rest())
                    .map_err(|_| r.fail(ErrorKind::Custom, start, &LOGIN_ID, 0, 0))?;
                Self::Login { id }
            }
            2 => {
                let temperature = i16::from_be_bytes(*r.run::<2>(&TEMPERATURE)?);
                r.span(&TEMPERATURE, start, 2);
                if !(-400..=850).contains(&temperature) {
                    r.flag_at(Flag::Range, &TEMPERATURE, start);
                }
                Self::Report { temperature }
            }
            3 => Self::Blob { data: r.rest() },
            4 => Self::Bye,
            5 => {
                let [serial, result] = *r.run::<2>(&ACK_SERIAL)?;
                Self::Ack { serial, result }
            }
            tag => Self::Other { tag, data: r.rest() },
        })
    }

    fn tag(&self) -> u8 {
        match self {
            Self::Login { .. } => 1,
            Self::Report { .. } => 2,
            Self::Blob { .. } => 3,
            Self::Bye => 4,
            Self::Ack { .. } => 5,
            Self::Other { tag, .. } => *tag,
        }
    }
}

impl Encode for Toy<'_> {
    fn encode(&self, w: &mut Writer<'_>, (): ()) -> Result<(), Error> {
        let segmented = if self.segment.is_some() { 0x80 } else { 0 };
        let start = w.run([self.body.tag() | segmented, 0, self.serial]);
        if let Some((index, total)) = self.segment {
            w.run([index, total]);
        }
        let body = w.here();
        match &self.body {
            Body::Login { id } => w.bytes(id.as_bytes()),
            Body::Report { temperature } => w.bytes(&temperature.to_be_bytes()),
            Body::Blob { data } | Body::Other { data, .. } => w.bytes(data),
            Body::Bye => {}
            Body::Ack { serial, result } => w.bytes(&[*serial, *result]),
        }
        w.patch_be::<2>(start, 0, 8, w.since(body) as u64, &LEN)?;
        let check = crate::codec::xor(w.slice(start));
        w.run([check]);
        Ok(())
    }
}

impl Value for Toy<'_> {
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        v.begin();
        v.field(&SERIAL);
        self.serial.show(&SERIAL, v);
        v.field(&BODY);
        self.body.show(&BODY, v);
        v.end();
    }
}

type Member<'m, V> = (&'static FieldInfo, &'m dyn Fn(&mut V));

impl Value for Body<'_> {
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        if let Self::Bye = self {
            return v.text("bye");
        }
        let mut members = |variant: &'static FieldInfo, fields: &[Member<'_, V>]| {
            v.begin();
            v.field(variant);
            v.begin();
            for (at, show) in fields {
                v.field(at);
                show(v);
            }
            v.end();
            v.end();
        };
        match self {
            Self::Login { id } => members(&LOGIN, &[(&LOGIN_ID, &|v| id.show(&LOGIN_ID, v))]),
            Self::Report { temperature } => {
                members(&REPORT, &[(&TEMPERATURE, &|v| temperature.show(&TEMPERATURE, v))]);
            }
            Self::Blob { data } => members(&BLOB, &[(&BLOB_DATA, &|v| data.show(&BLOB_DATA, v))]),
            Self::Ack { serial, result } => members(
                &ACK,
                &[
                    (&ACK_SERIAL, &|v| serial.show(&ACK_SERIAL, v)),
                    (&ACK_RESULT, &|v| result.show(&ACK_RESULT, v)),
                ],
            ),
            Self::Other { tag, data } => members(
                &OTHER,
                &[(&OTHER_TAG, &|v| tag.show(&OTHER_TAG, v)), (&OTHER_DATA, &|v| data.show(&OTHER_DATA, v))],
            ),
            Self::Bye => {}
        }
    }
}

impl Context for Toy<'_> {
    type Ctx = ();
}

impl Protocol for Toy<'_> {
    const NAME: &'static str = "Toy";
    const KINDS: &'static [FrameKind] =
        &[FrameKind::new(Framing::Flag { flag: 0x7E, escape: Some(Stuffing::Escape(&ESCAPE)), max: 64 })
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
        FlagScan::new(0x7E, 64)
    }

    fn decode_kind<'f, T: Trace>(_: usize, r: &mut Reader<'f, T>, (): ()) -> Result<Toy<'f>, Error> {
        Toy::decode(r, ())
    }

    fn segment<'s>(frame: &'s Toy<'_>, (): ()) -> Option<Segment<'s>> {
        let (index, total) = frame.segment?;
        let Body::Other { tag, data } = frame.body else {
            return None;
        };
        Some(Segment::numbered(u64::from(tag), u32::from(index), u32::from(total), data))
    }

    fn join<'f, T: Trace>(
        _: usize,
        head: &'f [u8],
        body: &'f [u8],
        (): (),
        trace: T,
    ) -> Result<(Toy<'f>, Flags), Error> {
        let mut outer = Reader::traced(head, trace);
        let [tag, _, serial] = *outer.run::<3>(&TAG)?;
        let mut r = Reader::traced(body, trace);
        r.enter(&BODY);
        let body = Body::select(tag & 0x7F, &mut r)?;
        r.leave();
        Ok((Toy { serial, segment: None, body }, r.flags()))
    }

    fn kind(frame: &Toy<'_>) -> &'static str {
        match frame.body {
            Body::Login { .. } => "login",
            Body::Report { .. } => "report",
            Body::Blob { .. } => "blob",
            Body::Bye => "bye",
            Body::Ack { .. } => "ack",
            Body::Other { .. } => "other",
        }
    }
}

impl Gateway for Toy<'static> {
    fn ctx(_: &Cx<'_, Self::State>) {}

    type State = ();
    const ANONYMOUS: bool = false;

    fn access(frame: &Toy<'_>) -> Access {
        match frame.body {
            Body::Report { .. } | Body::Blob { .. } => Access::Member,
            Body::Ack { .. } => Access::Sent,
            _ => Access::Public,
        }
    }

    fn answers(_: &Toy<'_>) -> Option<Pairing> {
        None
    }

    fn ask(frame: &Toy<'_>, stage: Stage, cx: &mut Cx<'_, ()>, asks: &mut Asks<'_>) -> Result<(), Refusal> {
        let mut topic = asks.topic();
        match (&frame.body, stage) {
            (Body::Login { id }, Stage::Auth) => {
                asks.authenticate(Credentials { client_id: String::from(*id), ..Credentials::default() });
            }
            (Body::Report { .. }, Stage::Rest) => {
                topic.literal("toy/");
                topic.value(cx.client_id);
                topic.literal("/report");
                // Broken over lines, as a user's own format may be.
                asks.publish(&topic, 1, false, |out| {
                    out.extend_from_slice(b"{\n\"report\": ");
                    to_json(frame, out);
                    out.push(b'}');
                })?;
            }
            (Body::Blob { data }, Stage::Rest) => {
                topic.literal("toy/");
                topic.value(cx.client_id);
                topic.literal("/blob");
                asks.publish(&topic, 0, false, |out| out.extend_from_slice(data))?;
            }
            _ => {}
        }
        asks.reuse(topic);
        Ok(())
    }

    fn settle(
        frame: &Toy<'_>,
        _: &mut Cx<'_, ()>,
        outcome: &Outcome,
        reply: &mut Vec<u8>,
    ) -> Result<After, Error> {
        let ack = Body::Ack { serial: frame.serial, result: outcome.pick(0, 1) };
        match frame.body {
            Body::Login { .. } | Body::Report { .. } => {
                encode::<Toy<'_>>(&Toy { serial: 0, segment: None, body: ack }, reply)?;
                Ok(After::Stay)
            }
            Body::Bye => Ok(After::Close(CloseReason::Done("bye".into()))),
            _ => Ok(After::Stay),
        }
    }

    fn filters(cx: &Cx<'_, ()>, each: &mut dyn FnMut(&TopicBuf, u8)) -> Result<(), Refusal> {
        let mut filter = cx.topic();
        filter.literal("toy/down");
        each(&filter, 1);
        Ok(())
    }

    fn deliver(_: &str, _: &[u8], _: &mut Cx<'_, ()>, _: &mut Vec<u8>) -> Result<Delivery, DeliverError> {
        Err(DeliverError::NoRoute)
    }
}
