use std::io::Cursor;

use deku::prelude::*;

#[derive(Debug, Clone, PartialEq, DekuRead, DekuWrite)]
#[deku(endian = "big")]
pub struct Message {
    pub id: u16,
    #[deku(bits = 1)]
    pub reserved: bool,
    #[deku(bits = 1)]
    pub versioned: bool,
    #[deku(bits = 1)]
    pub segmented: bool,
    #[deku(bits = 3)]
    pub encryption: u8,
    #[deku(bits = 10)]
    pub length: u16,
    #[deku(cond = "*versioned")]
    pub version: Option<u8>,
    #[deku(count = "if *versioned { 10 } else { 6 }")]
    pub phone: Vec<u8>,
    pub serial: u16,
    #[deku(cond = "*segmented")]
    pub part: Option<Part>,
    #[deku(ctx = "*id, *length")]
    pub body: Body,
    pub check: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, DekuRead, DekuWrite)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
pub struct Part {
    pub total: u16,
    pub index: u16,
}

#[derive(Debug, Clone, PartialEq, DekuRead, DekuWrite)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian, id: u16, length: u16", id = "id")]
pub enum Body {
    #[deku(id = "0x0200")]
    Location(#[deku(ctx = "length")] Location),
    #[deku(id_pat = "_")]
    Other(#[deku(count = "length")] Vec<u8>),
}

#[derive(Debug, Clone, PartialEq, DekuRead, DekuWrite)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian, length: u16")]
pub struct Location {
    pub alarm: u32,
    pub status: u32,
    #[deku(assert = "*latitude <= 90_000_000")]
    pub latitude: u32,
    #[deku(assert = "*longitude <= 180_000_000")]
    pub longitude: u32,
    pub altitude: u16,
    pub speed: u16,
    #[deku(assert = "*course <= 360")]
    pub course: u16,
    pub time: [u8; 6],
    #[deku(bytes_read = "length.saturating_sub(28)")]
    pub items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, DekuRead, DekuWrite)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
pub struct Item {
    pub id: u8,
    pub length: u8,
    #[deku(ctx = "*id, *length")]
    pub value: ItemValue,
}

#[derive(Debug, Clone, PartialEq, DekuRead, DekuWrite)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian, id: u8, length: u8", id = "(id, length)")]
pub enum ItemValue {
    #[deku(id = "(0x01, 4)")]
    Mileage(u32),
    #[deku(id = "(0x02, 2)")]
    Fuel(u16),
    #[deku(id = "(0x03, 2)")]
    RecorderSpeed(u16),
    #[deku(id = "(0x30, 1)")]
    Signal(u8),
    #[deku(id = "(0x31, 1)")]
    Satellites(u8),
    #[deku(id_pat = "_")]
    Other(#[deku(count = "length")] Vec<u8>),
}

pub fn parse(payload: &[u8]) -> Option<Message> {
    Message::from_reader_with_ctx(&mut Reader::new(&mut Cursor::new(payload)), ()).ok()
}

pub fn encode(message: &Message, out: &mut Vec<u8>) -> bool {
    message.to_writer(&mut Writer::new(&mut Cursor::new(out)), ()).is_ok()
}
