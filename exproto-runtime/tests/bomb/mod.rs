//! `Toy` with a bug: the reply to one reading panics.

use exproto_runtime::codec::{
    Context, Decode, Encode, Error, Family, FieldInfo, FlagScan, FrameKind, Protocol, Reader, Trace, Value,
    Visitor, Wire, Writer,
};
use exproto_runtime::session::{
    Access, After, Asks, Cx, DeliverError, Delivery, Gateway, Outcome, Pairing, Refusal, Stage, TopicBuf,
};

use crate::toy::{Meter, Toy};

/// The serial number of the reading that is fatal.
pub(crate) const FUSE: u8 = 0xF0;

#[derive(Debug)]
pub(crate) struct Bomb<'a>(Toy<'a>);

impl Wire for Bomb<'_> {
    const MIN: usize = <Toy<'static> as Wire>::MIN;
    const SIZE: Option<usize> = None;
    type Ctx = ();
}

impl<'a> Decode<'a> for Bomb<'a> {
    fn decode<T: Trace>(r: &mut Reader<'a, T>, (): ()) -> Result<Self, Error> {
        Toy::decode(r, ()).map(Self)
    }
}

impl Encode for Bomb<'_> {
    fn encode(&self, w: &mut Writer<'_>, (): ()) -> Result<(), Error> {
        self.0.encode(w, ())
    }
}

impl Value for Bomb<'_> {
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        self.0.show(at, v);
    }
}

impl Family for Bomb<'_> {
    type At<'f> = Bomb<'f>;
}

impl Context for Bomb<'_> {
    type Ctx = ();
}

impl Protocol for Bomb<'_> {
    const NAME: &'static str = "Bomb";
    const KINDS: &'static [FrameKind] = <Toy<'static> as Protocol>::KINDS;
    type Scan = FlagScan;

    fn scanner((): ()) -> FlagScan {
        <Toy<'static> as Protocol>::scanner(())
    }

    fn decode_kind<'f, T: Trace>(_: usize, r: &mut Reader<'f, T>, (): ()) -> Result<Bomb<'f>, Error> {
        Bomb::decode(r, ())
    }
}

impl Gateway for Bomb<'static> {
    fn ctx(_: &Cx<'_, Self::State>) {}

    type State = Meter;
    const ANONYMOUS: bool = false;

    fn access(frame: &Bomb<'_>) -> Access {
        Toy::access(&frame.0)
    }

    fn answers(frame: &Bomb<'_>) -> Option<Pairing> {
        Toy::answers(&frame.0)
    }

    fn ask(
        frame: &Bomb<'_>,
        stage: Stage,
        cx: &mut Cx<'_, Meter>,
        asks: &mut Asks<'_>,
    ) -> Result<(), Refusal> {
        Toy::ask(&frame.0, stage, cx, asks)
    }

    fn settle(
        frame: &Bomb<'_>,
        cx: &mut Cx<'_, Meter>,
        outcome: &Outcome,
        reply: &mut Vec<u8>,
    ) -> Result<After, Error> {
        assert!(!matches!(frame.0, Toy::Reading { serial: FUSE, .. }), "a bug of the user");
        Toy::settle(&frame.0, cx, outcome, reply)
    }

    fn filters(cx: &Cx<'_, Meter>, each: &mut dyn FnMut(&TopicBuf, u8)) -> Result<(), Refusal> {
        Toy::filters(cx, each)
    }

    fn deliver(
        topic: &str,
        payload: &[u8],
        cx: &mut Cx<'_, Meter>,
        frame: &mut Vec<u8>,
    ) -> Result<Delivery, DeliverError> {
        Toy::deliver(topic, payload, cx, frame)
    }
}
