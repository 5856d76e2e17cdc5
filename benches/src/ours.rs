//! The location report as exproto has it.

use exproto_runtime::codec::{
    Algorithm, Check, Decode, Encode, Error, Escape, Family, FieldInfo, FlagScan, Framing, Protocol, Reader, Trace,
    Value, Visitor, Wire, Writer,
};

static ESCAPE: Escape = Escape { byte: 0x7D, codes: &[(0x01, 0x7D), (0x02, 0x7E)] };
static FRAME: FieldInfo = FieldInfo::new("Raw", "frame");

/// A frame whose content is not looked at: what the frame layer alone costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Raw<'a> {
    /// Header, body and checksum.
    pub bytes: &'a [u8],
}

impl Wire for Raw<'_> {
    const MIN: usize = 0;
    const SIZE: Option<usize> = None;
    type Ctx = ();
}

impl<'a> Decode<'a> for Raw<'a> {
    fn decode<T: Trace>(r: &mut Reader<'a, T>, (): ()) -> Result<Self, Error> {
        Ok(Self { bytes: r.rest() })
    }
}

impl Encode for Raw<'_> {
    fn encode(&self, w: &mut Writer<'_>, (): ()) -> Result<(), Error> {
        w.bytes(self.bytes);
        Ok(())
    }
}

impl Value for Raw<'_> {
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        v.bytes(self.bytes);
    }
}

impl Family for Raw<'_> {
    type At<'f> = Raw<'f>;
}

impl Protocol for Raw<'_> {
    const NAME: &'static str = "Raw";
    const FRAMING: Framing = Framing::Flag { flag: 0x7E, escape: Some(&ESCAPE), max: 4096 };
    const CHECK: Option<Check> =
        Some(Check { from: 0, tail: 1, width: 1, big_endian: true, algorithm: Algorithm::Xor, at: &FRAME });
    type Scan = FlagScan;

    fn scanner() -> FlagScan {
        FlagScan::new(0x7E, 4096).escaping(0x7D)
    }
}
