//! Declared for exproto.
#![allow(missing_docs)]

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::List;

/// What a master sends.
#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
pub struct Ask {
    pub transaction: u16,
    #[wire(before(protocol: u16 = 0), before(length: u16 = size(unit..=pdu)))]
    pub unit: u8,
    pub pdu: Request,
}

#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
#[wire(tag = u8, endian = big)]
pub enum Request {
    #[wire(tag = 3)]
    ReadHolding { address: u16, count: u16 },
    #[wire(tag = 4)]
    ReadInput { address: u16, count: u16 },
    #[wire(tag = 6)]
    Write { address: u16, value: u16 },
    #[wire(tag = 16)]
    WriteMany {
        address: u16,
        #[wire(before(count: u16 = count(values)), before(bytes: u8 = size(values)))]
        values: Vec<u16>,
    },
}

/// What a device sends.
#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
pub struct Answer {
    pub transaction: u16,
    #[wire(before(protocol: u16 = 0), before(length: u16 = size(unit..=pdu)))]
    pub unit: u8,
    pub pdu: Response,
}

#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
#[wire(tag = u8, endian = big)]
pub enum Response {
    #[wire(tag = 3)]
    Holding(#[wire(size = prefix(u8))] Vec<u16>),
    #[wire(tag = 4)]
    Input(#[wire(size = prefix(u8))] Vec<u16>),
    #[wire(tag = 6)]
    Written { address: u16, value: u16 },
    #[wire(tag = 16)]
    WrittenMany { address: u16, count: u16 },
    #[wire(tag = 0x81..=0xFF)]
    Exception {
        #[wire(tag)]
        function: u8,
        code: u8,
    },
}

/// As [`Answer`], its registers where they lie.
#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
pub struct AnswerRef<'a> {
    pub transaction: u16,
    #[wire(before(protocol: u16 = 0), before(length: u16 = size(unit..=pdu)))]
    pub unit: u8,
    pub pdu: ResponseRef<'a>,
}

#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
#[wire(tag = u8, endian = big)]
pub enum ResponseRef<'a> {
    #[wire(tag = 3)]
    Holding(#[wire(size = prefix(u8))] List<'a, Register>),
    #[wire(tag = 4)]
    Input(#[wire(size = prefix(u8))] List<'a, Register>),
    #[wire(tag = 6)]
    Written { address: u16, value: u16 },
    #[wire(tag = 16)]
    WrittenMany { address: u16, count: u16 },
    #[wire(tag = 0x81..=0xFF)]
    Exception {
        #[wire(tag)]
        function: u8,
        code: u8,
    },
}

#[derive(ExProtoFrame, Clone, Copy, Debug, PartialEq)]
#[wire(endian = big)]
pub struct Register(pub u16);

impl AnswerRef<'_> {
    /// The same value with everything of its own.
    #[must_use]
    pub fn owned(&self) -> Answer {
        let values = |list: &List<'_, Register>| list.iter().map(|register| register.0).collect::<Vec<_>>();
        let pdu = match &self.pdu {
            ResponseRef::Holding(list) => Response::Holding(values(list)),
            ResponseRef::Input(list) => Response::Input(values(list)),
            ResponseRef::Written { address, value } => Response::Written { address: *address, value: *value },
            ResponseRef::WrittenMany { address, count } => {
                Response::WrittenMany { address: *address, count: *count }
            }
            ResponseRef::Exception { function, code } => {
                Response::Exception { function: *function, code: *code }
            }
        };
        Answer { transaction: self.transaction, unit: self.unit, pdu }
    }
}
