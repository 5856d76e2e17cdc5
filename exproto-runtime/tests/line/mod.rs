//! A gateway of text lines, written by hand as the derive would write it, so
//! that the tests of the layers below the derive can be read.
//!
//! | line of the device | what it means |
//! |---|---|
//! | `hello ID` | logs in; reply `welcome` or `refused`; then `line/ID/down` becomes `down TEXT` |
//! | `data N` | publishes `N` on `line/ID/up`; reply `stored N` |
//! | `ping` | reply `pong`, without the broker |
//! | `flood N` | reply of `N` bytes, without the broker |
//! | `who` | reply of the transport and the name in the certificate, without the broker |
//! | `from` | reply of the addresses of both ends, without the broker |
//! | `bye` | closes |
//! | `panic` | panics |
//! | `look N` | waits for a lookup, which panics if `N` is 0; reply `found` or `not found` |
//!
//! On a listener that is called `panic` it panics before the first frame.

#![allow(dead_code, unreachable_pub)]

use exproto_runtime::codec::{
    Context, Decode, Encode, Error, Family, FieldInfo, FlagScan, FrameKind, Framing, Protocol, Reader, Trace,
    Value, Visitor, Wire, Writer,
};
use exproto_runtime::session::{
    Access, After, Asks, CloseReason, Credentials, Cx, DeliverError, Delivery, Gateway, Lookup, Outcome,
    Pairing, Refusal, Stage, TopicBuf,
};

/// A line of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a>(pub &'a str);

static TEXT: FieldInfo = FieldInfo::new("Line", "text");
const MAX: usize = 2048;

impl<'a> Line<'a> {
    fn parts(&self) -> (&'a str, &'a str) {
        self.0.split_once(' ').unwrap_or((self.0, ""))
    }
}

/// The bytes of lines.
pub fn wire(lines: &[&str]) -> Vec<u8> {
    lines.iter().flat_map(|line| ["\n", line, "\n"]).flat_map(|part| part.bytes()).collect()
}

impl Wire for Line<'_> {
    const MIN: usize = 0;
    const SIZE: Option<usize> = None;
    type Ctx = ();
}

impl<'a> Decode<'a> for Line<'a> {
    fn decode<T: Trace>(r: &mut Reader<'a, T>, (): ()) -> Result<Self, Error> {
        Ok(Self(std::str::from_utf8(r.rest()).unwrap_or("invalid")))
    }
}

impl Encode for Line<'_> {
    fn encode(&self, w: &mut Writer<'_>, (): ()) -> Result<(), Error> {
        w.bytes(self.0.as_bytes());
        Ok(())
    }
}

impl Value for Line<'_> {
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        v.begin();
        v.field(&TEXT);
        v.text(self.0);
        v.end();
    }
}

impl Family for Line<'_> {
    type At<'f> = Line<'f>;
}

impl Context for Line<'_> {
    type Ctx = ();
}

impl Protocol for Line<'_> {
    const NAME: &'static str = "Line";
    const KINDS: &'static [FrameKind] =
        &[FrameKind::new(Framing::Flag { flag: b'\n', escape: None, max: MAX })];
    type Scan = FlagScan;

    fn scanner((): ()) -> FlagScan {
        FlagScan::new(b'\n', MAX)
    }

    fn decode_kind<'f, T: Trace>(_: usize, r: &mut Reader<'f, T>, (): ()) -> Result<Line<'f>, Error> {
        Line::decode(r, ())
    }
}

fn line(text: &str, out: &mut Vec<u8>) {
    Line::KINDS[0].framing.wrap(text.as_bytes(), out);
}

impl Gateway for Line<'static> {
    fn ctx(cx: &Cx<'_, Self::State>) {
        assert!(&*cx.info.listener != "panic", "as the listener wished");
    }

    type State = u32;
    const ANONYMOUS: bool = false;

    fn access(frame: &Line<'_>) -> Access {
        if frame.parts().0 == "data" { Access::Member } else { Access::Public }
    }

    fn lookup(frame: &Line<'_>, _: &mut Cx<'_, u32>) -> Option<Lookup> {
        let ("look", number) = frame.parts() else { return None };
        let number: u32 = number.parse().unwrap_or(0);
        Some(Lookup::new(async move {
            assert!(number != 0, "as the device wished");
            Ok(number)
        }))
    }

    fn answers(_: &Line<'_>) -> Option<Pairing> {
        None
    }

    fn ask(frame: &Line<'_>, stage: Stage, cx: &mut Cx<'_, u32>, asks: &mut Asks<'_>) -> Result<(), Refusal> {
        match (stage, frame.parts()) {
            (Stage::Auth, ("hello", id)) => {
                asks.authenticate(Credentials { client_id: id.into(), username: None, password: None });
            }
            (Stage::Rest, ("data", value)) => {
                let mut topic = asks.topic();
                topic.literal("line/");
                topic.value(cx.client_id);
                topic.literal("/up");
                asks.publish(&topic, 1, false, |payload| payload.extend_from_slice(value.as_bytes()))?;
                asks.reuse(topic);
            }
            (Stage::Rest, ("panic", _)) => panic!("as the device wished"),
            _ => {}
        }
        Ok(())
    }

    fn settle(
        frame: &Line<'_>,
        cx: &mut Cx<'_, u32>,
        outcome: &Outcome,
        reply: &mut Vec<u8>,
    ) -> Result<After, Error> {
        *cx.state += 1;
        match frame.parts() {
            ("hello", _) => line(outcome.pick("welcome", "refused"), reply),
            ("data", value) => line(&format!("{} {value}", outcome.pick("stored", "lost")), reply),
            ("ping", _) => line("pong", reply),
            ("look", _) => line(outcome.pick("found", "not found"), reply),
            ("flood", count) => line(&"x".repeat(count.parse().unwrap_or(0)), reply),
            ("who", _) => {
                line(&format!("{} {}", cx.info.transport.name(), cx.certificate("name")), reply);
            }
            ("from", _) => line(&format!("{} {}", cx.info.peer, cx.info.local), reply),
            ("bye", _) => {
                line("good bye", reply);
                return Ok(After::Close(CloseReason::Done("bye".into())));
            }
            _ => {}
        }
        Ok(After::Stay)
    }

    fn filters(cx: &Cx<'_, u32>, each: &mut dyn FnMut(&TopicBuf, u8)) -> Result<(), Refusal> {
        let mut filter = cx.topic();
        filter.literal("line/");
        filter.value(cx.client_id);
        filter.literal("/down");
        each(&filter, 1);
        Ok(())
    }

    fn deliver(
        _: &str,
        payload: &[u8],
        _: &mut Cx<'_, u32>,
        frame: &mut Vec<u8>,
    ) -> Result<Delivery, DeliverError> {
        let text = std::str::from_utf8(payload).map_err(|error| DeliverError::Payload(error.to_string()))?;
        line(&format!("down {text}"), frame);
        Ok(Delivery { kind: "down", answer: None })
    }
}
