use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{self, Bcd, BcdTime, ListBuf};

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 4096)]
#[wire(endian = big)]
pub struct Message {
    #[wire(before(id: u16 = tag(body)))]
    #[wire(bits = 1)]
    pub reserved: bool,
    #[wire(before(versioned: bits(1) = present(version)))]
    #[wire(before(segmented: bits(1) = present(part)))]
    #[wire(bits = 3)]
    pub encryption: u8,
    #[wire(before(length: bits(10) = size(body)))]
    pub version: Option<u8>,
    #[wire(size = if version.is_some() { 10 } else { 6 })]
    pub phone: Bcd<10>,
    pub serial: u16,
    pub part: Option<Part>,
    #[wire(opaque = part.is_some() || encryption != 0)]
    #[wire(after(check: u8 = xor(id..)))]
    pub body: Body,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Part {
    pub total: u16,
    pub index: u16,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, lenient)]
pub enum Body {
    #[wire(tag = 0x0200)]
    Location(Location),
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u16,
        #[wire(rest)]
        data: Vec<u8>,
    },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Location {
    pub alarm: u32,
    pub status: u32,
    #[wire(range = 0..=90_000_000)]
    pub latitude: u32,
    #[wire(range = 0..=180_000_000)]
    pub longitude: u32,
    pub altitude: u16,
    pub speed: u16,
    #[wire(range = 0..=360)]
    pub course: u16,
    #[wire(size = 6)]
    pub time: BcdTime<480>,
    #[wire(rest, lenient)]
    pub items: ListBuf<Item>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
pub struct Item {
    #[wire(before(id: u8 = tag(value)))]
    #[wire(before(length: u8 = size(value)))]
    pub value: ItemValue,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, lenient)]
pub enum ItemValue {
    #[wire(tag = 0x01)]
    Mileage(u32),
    #[wire(tag = 0x02)]
    Fuel(u16),
    #[wire(tag = 0x03)]
    RecorderSpeed(u16),
    #[wire(tag = 0x30)]
    Signal(u8),
    #[wire(tag = 0x31)]
    Satellites(u8),
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u8,
        #[wire(rest)]
        data: Vec<u8>,
    },
}

pub fn parse(payload: &[u8]) -> Option<Message> {
    Some(codec::decode::<Message>(payload).ok()?.frame)
}

pub fn encode(message: &Message, out: &mut Vec<u8>) -> bool {
    codec::encode::<Message>(message, out).is_ok()
}
