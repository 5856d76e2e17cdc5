//! Declared for deku and for binrw: lengths and counts are fields of their own
//! and written as they were read, which favours both.
#![allow(missing_docs)]

use std::io::Cursor;

use binrw::{BinRead, BinWrite};
use deku::prelude::*;

use super::{hand, ours};

#[derive(DekuRead, DekuWrite, BinRead, BinWrite, Clone, Debug, PartialEq)]
#[deku(endian = "big")]
#[brw(big)]
pub struct Ask {
    transaction: u16,
    #[deku(assert_eq = "0")]
    #[br(assert(protocol == 0))]
    protocol: u16,
    length: u16,
    unit: u8,
    pdu: Request,
}

#[derive(DekuRead, DekuWrite, BinRead, BinWrite, Clone, Debug, PartialEq)]
#[deku(id_type = "u8", endian = "endian", ctx = "endian: deku::ctx::Endian")]
#[brw(big)]
enum Request {
    #[deku(id = "3")]
    #[brw(magic = 3_u8)]
    ReadHolding { address: u16, count: u16 },
    #[deku(id = "4")]
    #[brw(magic = 4_u8)]
    ReadInput { address: u16, count: u16 },
    #[deku(id = "6")]
    #[brw(magic = 6_u8)]
    Write { address: u16, value: u16 },
    #[deku(id = "16")]
    #[brw(magic = 16_u8)]
    WriteMany {
        address: u16,
        count: u16,
        #[deku(assert = "u16::from(*bytes) == *count * 2")]
        #[br(assert(u16::from(bytes) == count * 2))]
        bytes: u8,
        #[deku(count = "count")]
        #[br(count = count)]
        values: Vec<u16>,
    },
}

#[derive(DekuRead, DekuWrite, BinRead, BinWrite, Clone, Debug, PartialEq)]
#[deku(endian = "big")]
#[brw(big)]
pub struct Answer {
    transaction: u16,
    #[deku(assert_eq = "0")]
    #[br(assert(protocol == 0))]
    protocol: u16,
    length: u16,
    unit: u8,
    pdu: Response,
}

#[derive(DekuRead, DekuWrite, BinRead, BinWrite, Clone, Debug, PartialEq)]
#[deku(id_type = "u8", endian = "endian", ctx = "endian: deku::ctx::Endian")]
#[brw(big)]
enum Response {
    #[deku(id = "3")]
    #[brw(magic = 3_u8)]
    Holding(Registers),
    #[deku(id = "4")]
    #[brw(magic = 4_u8)]
    Input(Registers),
    #[deku(id = "6")]
    #[brw(magic = 6_u8)]
    Written { address: u16, value: u16 },
    #[deku(id = "16")]
    #[brw(magic = 16_u8)]
    WrittenMany { address: u16, count: u16 },
    #[deku(id_pat = "0x81..=0xFF")]
    Exception {
        #[br(assert(function > 0x80))]
        function: u8,
        code: u8,
    },
}

#[derive(DekuRead, DekuWrite, BinRead, BinWrite, Clone, Debug, PartialEq)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
#[brw(big)]
struct Registers {
    bytes: u8,
    #[deku(count = "bytes / 2")]
    #[br(count = bytes / 2)]
    values: Vec<u16>,
}

macro_rules! peer {
    ($message:ty) => {
        impl $message {
            /// Reads a frame; `None` if it is none.
            #[inline]
            #[must_use]
            pub fn parse_deku(wire: &[u8]) -> Option<Self> {
                if !hand::is_whole(wire) {
                    return None;
                }
                Self::from_reader_with_ctx(&mut Reader::new(&mut Cursor::new(wire)), ()).ok()
            }

            /// Reads a frame; `None` if it is none.
            #[inline]
            #[must_use]
            pub fn parse_binrw(wire: &[u8]) -> Option<Self> {
                if !hand::is_whole(wire) {
                    return None;
                }
                Self::read(&mut Cursor::new(wire)).ok()
            }

            /// Appends the frame as it stands on the wire.
            #[inline]
            #[must_use]
            pub fn encode_deku(&self, out: &mut Vec<u8>) -> Option<()> {
                self.to_writer(&mut Writer::new(&mut behind(out)), ()).ok()
            }

            /// Appends the frame as it stands on the wire.
            #[inline]
            #[must_use]
            pub fn encode_binrw(&self, out: &mut Vec<u8>) -> Option<()> {
                self.write(&mut behind(out)).ok()
            }
        }
    };
}

peer!(Ask);
peer!(Answer);

#[inline(always)]
fn behind(out: &mut Vec<u8>) -> Cursor<&mut Vec<u8>> {
    let end = out.len() as u64;
    let mut cursor = Cursor::new(out);
    cursor.set_position(end);
    cursor
}

impl Ask {
    /// The value to compare with that of other peers.
    #[must_use]
    pub fn plain(self) -> ours::Ask {
        let pdu = match self.pdu {
            Request::ReadHolding { address, count } => ours::Request::ReadHolding { address, count },
            Request::ReadInput { address, count } => ours::Request::ReadInput { address, count },
            Request::Write { address, value } => ours::Request::Write { address, value },
            Request::WriteMany { address, values, .. } => ours::Request::WriteMany { address, values },
        };
        ours::Ask { transaction: self.transaction, unit: self.unit, pdu }
    }
}

impl Answer {
    /// The value to compare with that of other peers.
    #[must_use]
    pub fn plain(self) -> ours::Answer {
        let pdu = match self.pdu {
            Response::Holding(registers) => ours::Response::Holding(registers.values),
            Response::Input(registers) => ours::Response::Input(registers.values),
            Response::Written { address, value } => ours::Response::Written { address, value },
            Response::WrittenMany { address, count } => ours::Response::WrittenMany { address, count },
            Response::Exception { function, code } => ours::Response::Exception { function, code },
        };
        ours::Answer { transaction: self.transaction, unit: self.unit, pdu }
    }
}
