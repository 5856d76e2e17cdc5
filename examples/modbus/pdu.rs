//! Requests and responses, the same in all forms.

use exproto_runtime::prelude::*;

/// What the master asks.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8, endian = big, lenient)]
pub enum Request<'a> {
    #[wire(tag = 0x01)]
    ReadCoils {
        address: u16,
        #[wire(range = 1..=2000)]
        count: u16,
    },
    #[wire(tag = 0x02)]
    ReadInputs {
        address: u16,
        #[wire(range = 1..=2000)]
        count: u16,
    },
    #[wire(tag = 0x03)]
    ReadHolding {
        address: u16,
        #[wire(range = 1..=125)]
        count: u16,
    },
    #[wire(tag = 0x04)]
    ReadInput {
        address: u16,
        #[wire(range = 1..=125)]
        count: u16,
    },
    #[wire(tag = 0x05)]
    WriteCoil { address: u16, state: Switch },
    #[wire(tag = 0x06)]
    WriteRegister { address: u16, value: u16 },
    #[wire(tag = 0x07)]
    ReadStatus,
    #[wire(tag = 0x08)]
    Diagnose { sub: u16, data: u16 },
    #[wire(tag = 0x0B)]
    ReadEventCounter,
    #[wire(tag = 0x0C)]
    ReadEventLog,
    #[wire(tag = 0x0F)]
    WriteCoils {
        address: u16,
        #[wire(range = 1..=1968)]
        count: u16,
        #[wire(size = prefix(u8))]
        coils: &'a [u8],
    },
    #[wire(tag = 0x10)]
    WriteRegisters {
        address: u16,
        #[wire(before(count: u16 = count(values)), before(bytes: u8 = size(values)))]
        values: Vec<u16>,
    },
    #[wire(tag = 0x11)]
    ReadId,
    #[wire(tag = 0x14)]
    ReadFile {
        #[wire(before(bytes: u8 = size(parts)))]
        parts: List<'a, FilePart>,
    },
    #[wire(tag = 0x15)]
    WriteFile {
        #[wire(before(bytes: u8 = size(records)))]
        records: List<'a, FileRecord>,
    },
    #[wire(tag = 0x16)]
    Mask { address: u16, and: u16, or: u16 },
    #[wire(tag = 0x17)]
    ReadWrite {
        address: u16,
        #[wire(range = 1..=125)]
        count: u16,
        write_address: u16,
        #[wire(before(n: u16 = count(values)), before(bytes: u8 = size(values)))]
        values: Vec<u16>,
    },
    #[wire(tag = 0x18)]
    ReadFifo { address: u16 },
    #[wire(tag = 0x2B)]
    ReadDevice {
        #[wire(before(mei: u8 = 0x0E))]
        access: u8,
        object: u8,
    },
    #[wire(other)]
    Other {
        #[wire(tag)]
        function: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

/// What a device answers.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8, endian = big, lenient)]
pub enum Response<'a> {
    #[wire(tag = 0x01)]
    Coils {
        #[wire(size = prefix(u8))]
        coils: &'a [u8],
    },
    #[wire(tag = 0x02)]
    Inputs {
        #[wire(size = prefix(u8))]
        inputs: &'a [u8],
    },
    #[wire(tag = 0x03)]
    Holding {
        #[wire(size = prefix(u8))]
        values: Vec<u16>,
    },
    #[wire(tag = 0x04)]
    Input {
        #[wire(size = prefix(u8))]
        values: Vec<u16>,
    },
    #[wire(tag = 0x05)]
    CoilWritten { address: u16, state: Switch },
    #[wire(tag = 0x06)]
    RegisterWritten { address: u16, value: u16 },
    #[wire(tag = 0x07)]
    Status { status: u8 },
    #[wire(tag = 0x08)]
    Diagnosis { sub: u16, data: u16 },
    #[wire(tag = 0x0B)]
    EventCounter { busy: u16, count: u16 },
    #[wire(tag = 0x0C)]
    EventLog {
        #[wire(before(bytes: u8 = size(busy..=log)))]
        busy: u16,
        events: u16,
        messages: u16,
        log: &'a [u8],
    },
    #[wire(tag = 0x0F)]
    CoilsWritten { address: u16, count: u16 },
    #[wire(tag = 0x10)]
    RegistersWritten { address: u16, count: u16 },
    /// An id of as many bytes as the device likes, its state, and more.
    #[wire(tag = 0x11)]
    Id {
        #[wire(size = prefix(u8))]
        data: &'a [u8],
    },
    #[wire(tag = 0x14)]
    File {
        #[wire(before(bytes: u8 = size(parts)))]
        parts: List<'a, FileData>,
    },
    #[wire(tag = 0x15)]
    FileWritten {
        #[wire(before(bytes: u8 = size(records)))]
        records: List<'a, FileRecord>,
    },
    #[wire(tag = 0x16)]
    Masked { address: u16, and: u16, or: u16 },
    #[wire(tag = 0x17)]
    ReadWritten {
        #[wire(size = prefix(u8))]
        values: Vec<u16>,
    },
    #[wire(tag = 0x18)]
    Fifo {
        #[wire(before(bytes: u16 = size(count..=values)), before(count: u16 = count(values)))]
        values: Vec<u16>,
    },
    #[wire(tag = 0x2B)]
    Device {
        #[wire(before(mei: u8 = 0x0E))]
        access: u8,
        conformity: u8,
        /// FF: there are more, from `next` on.
        more: u8,
        next: u8,
        #[wire(count = prefix(u8))]
        objects: List<'a, Object<'a>>,
    },
    #[wire(tag = 0x81..=0xFF)]
    Exception {
        #[wire(tag)]
        function: u8,
        code: Exception,
    },
    #[wire(other)]
    Other {
        #[wire(tag)]
        function: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u16, endian = big)]
pub enum Switch {
    #[wire(tag = 0)]
    Off,
    #[wire(tag = 0xFF00)]
    On,
    #[wire(other)]
    Other(u16),
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
pub enum Exception {
    #[wire(tag = 0x01)]
    Function,
    #[wire(tag = 0x02)]
    Address,
    #[wire(tag = 0x03)]
    Value,
    #[wire(tag = 0x04)]
    Failure,
    #[wire(tag = 0x05)]
    Acknowledge,
    #[wire(tag = 0x06)]
    Busy,
    #[wire(tag = 0x08)]
    Parity,
    #[wire(tag = 0x0A)]
    NoPath,
    #[wire(tag = 0x0B)]
    Silent,
    #[wire(other)]
    Other(u8),
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct FilePart {
    #[wire(before(kind: u8 = 6))]
    pub file: u16,
    pub record: u16,
    pub length: u16,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct FileRecord {
    #[wire(before(kind: u8 = 6))]
    pub file: u16,
    pub record: u16,
    #[wire(before(length: u16 = count(values)))]
    pub values: Vec<u16>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct FileData {
    #[wire(before(length: u8 = size(kind..=values)), before(kind: u8 = 6))]
    pub values: Vec<u16>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
pub struct Object<'a> {
    pub id: u8,
    #[wire(size = prefix(u8), as = Utf8)]
    pub value: Text<'a>,
}
