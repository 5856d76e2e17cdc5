//! Field types for numbers in nibbles and times in any layout.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, clippy::unusual_byte_groupings)]

mod derived;

use derived::json;
use exproto_runtime::codec::{
    BcdDegMin, BcdInt, BitTime, FieldInfo, Fill, Flag, Node, TextTime, Ticks, TimeLayout, from_bytes,
    to_bytes,
};
use exproto_runtime::prelude::*;

static AT: FieldInfo = FieldInfo::new("", "value");

macro_rules! layouts {
    ($($name:ident $pattern:literal { $($rest:tt)* })*) => {$(
        struct $name;
        impl TimeLayout for $name {
            const PATTERN: &'static str = $pattern;
            $($rest)*
        }
    )*};
}

layouts! {
    DateTime "YYYYMMMMYYYDDDDD_CChhhhh__mmmmmm" { const YEAR: i64 = 1900; }
    Date "YYYYMMMMYYYDDDDD" {}
    Files "YYYYYYYMMMMDDDDDhhhhhmmmmmmsssss" { const YEAR: i64 = 1980; const SECOND: (i64, i64) = (2, 1); }
    Short "__mmmmmm ssssssssssssssss" { const SECOND: (i64, i64) = (1, 1000); }
    Weeks "wwwwwwwwwwwwwwww ssssssssssssssssssssssssssssssss" { const EPOCH: i64 = 315_964_800 - 18; const SECOND: (i64, i64) = (1, 1000); }
    OfYear "YYYYYYYYmmmmmmmmmmmmmmmmmmmmmmmm" {}
    OfDay "ssssssssssssssssssssssss" {}
    Packed "YYYYYYYYYYYYYYYY MMMMMMMM DDDDDDDD WWWWWWWW hhhhhhhh mmmmmmmm" { const YEAR: i64 = 0; const BCD: bool = true; const ZONE: i32 = 60; }
    Clock "hhmmss" {}
    Day "DDMMYY" {}
    Full "YYYYMMDDhhmmss" { const ZONE: i32 = 480; }
    Iso "YYYY-MM-DDThh:mm:ss.fffZ" {}
    Slashed "YY/MM/DD,hh:mm:ss" { const ZONE: i32 = -90; }
}

/// The bits as text, and back.
fn bits<L: TimeLayout>(raw: u64, text: &str) {
    let time = BitTime::<L>::new(raw);
    assert_eq!(time.to_string(), text, "{raw:x}");
    assert_eq!(text.parse::<BitTime<L>>().unwrap().get(), raw, "{text}");
    let node = Node::parse(json(&time).as_bytes()).unwrap();
    assert_eq!(BitTime::<L>::fill(Some(&node), &AT).unwrap(), time);
}

#[test]
fn bits_make_up_a_time() {
    bits::<DateTime>(0x151F_3732 & !0x2000 | 0x2000, "2008-05-31T23:50:00Z");
    bits::<Date>(0x1A5F, "2010-10-31");
    bits::<Files>(0x58BF_6005, "2024-05-31T12:00:10Z");
    bits::<Short>(0x22_3039, "00:34:12.345");
    bits::<Weeks>(2200 << 32 | 100_000_250, "2022-03-07T03:46:22.250Z");
    bits::<OfYear>(24 << 24 | 1441, "2024-01-02T00:01:00Z");
    bits::<OfDay>(86_399, "23:59:59");
    bits::<Packed>(0x2024_05_31_05_12_59, "2024-05-31T12:59:00+01:00");
    // What is none is its number.
    assert_eq!(json(&BitTime::<OfDay>::new(86_400)), "86400");
    assert_eq!(json(&BitTime::<Date>::new(0)), "0");
    assert_eq!(json(&BitTime::<Files>::new(u64::from(u32::MAX))), "4294967295");
    assert_eq!(json(&BitTime::<Packed>::new(0x2024_0A_31_05_12_59)), "9046825445429849");
    // What has no place is refused.
    assert!("1979-12-31T23:59:59Z".parse::<BitTime<Files>>().is_err());
    assert!("2108-01-01T00:00:00Z".parse::<BitTime<Files>>().is_err());
    assert!("2024-13-01T00:00:00Z".parse::<BitTime<Files>>().is_err());
    assert!("24:00:00".parse::<BitTime<OfDay>>().is_err());
}

/// The characters as text, and back.
fn text<L: TimeLayout>(wire: &str, shown: &str) {
    let time = TextTime::<L>::from_bytes(wire.as_bytes()).unwrap();
    assert_eq!(time.to_string(), shown);
    assert_eq!(shown.parse::<TextTime<L>>().unwrap(), time);
    let node = Node::parse(json(&time).as_bytes()).unwrap();
    assert_eq!(TextTime::<L>::fill(Some(&node), &AT).unwrap(), time);
}

#[test]
fn characters_make_up_a_time() {
    text::<Clock>("235950", "23:59:50");
    text::<Day>("310524", "2024-05-31");
    text::<Full>("20240531120000", "2024-05-31T12:00:00+08:00");
    text::<Iso>("2024-05-31T12:00:00.250Z", "2024-05-31T12:00:00.250Z");
    text::<Slashed>("24/05/31,12:00:09", "2024-05-31T12:00:09-01:30");
    assert_eq!(TextTime::<Full>::from_bytes(b"20240531120000").unwrap().unix(), Some(1_717_128_000));

    #[derive(ExProtoFrame, Debug)]
    #[wire(sep = b',')]
    struct Line {
        at: TextTime<Clock>,
        on: TextTime<Day>,
    }
    for (wire, odd, shown) in [
        ("235950,310524", false, r#"{"at":"23:59:50","on":"2024-05-31"}"#),
        (",", false, r#"{"at":null,"on":null}"#),
        ("245950,310224", true, r#"{"at":"245950","on":"310224"}"#),
        ("23595,", true, r#"{"at":"23595","on":null}"#),
    ] {
        let line = from_bytes::<Line>(wire.as_bytes()).unwrap();
        assert_eq!(line.flags.has(Flag::Time), odd, "{wire}");
        assert_eq!(json(&line.frame), shown);
        assert_eq!(to_bytes(&line.frame).unwrap(), wire.as_bytes());
    }
}

#[test]
fn counts_have_any_unit_and_epoch() {
    assert_eq!(
        Ticks::<10_000_000, 1, -11_644_473_600>::new(116_444_736_000_000_001).to_string(),
        "1970-01-01T00:00:00.0000001Z"
    );
    assert_eq!(Ticks::<10_000_000, 1, -62_135_596_800>::new(0).to_string(), "0001-01-01T00:00:00.0000000Z");
    assert_eq!(Ticks::<100, 1, 946_684_800, 480>::new(150).to_string(), "2000-01-01T00:00:01.50+08:00");
    assert_eq!(Ticks::<1, 86_400>::new(1).unix(), Some(86_400));
    for raw in [0, 1, 99, 12_345_678_901] {
        let time = Ticks::<100, 1, 946_684_800, 480>::new(raw);
        assert_eq!(time.to_string().parse(), Ok(time));
        assert_eq!(
            Ticks::from_unix(time.unix().unwrap()).map(|time: Ticks<100, 1, 946_684_800, 480>| time.get()),
            Some(raw / 100 * 100)
        );
    }
    assert_eq!(json(&Ticks::<1>::new(u64::MAX)), u64::MAX.to_string());
    assert!("1969-12-31T23:59:59Z".parse::<Ticks<1>>().is_err());
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Fix {
    #[wire(as = u32, before(status: u8 = sign(lat, 4, 0)))]
    lat: BcdDegMin<2, 8>,
    #[wire(bits = 36, after(_: bits(2)), after(east: bits(1) = sign(lon, 1, 0)), after(_: bits(1)))]
    lon: BcdDegMin<3, 9>,
    #[wire(bits = 12, scale = 0.1)]
    speed: BcdInt<3>,
    #[wire(bits = 12)]
    course: BcdInt<3>,
    #[wire(as = u24, endian = little)]
    meter: BcdInt<6>,
}

#[test]
fn digits_stand_on_any_nibble() {
    let bytes =
        [0x00, 0x22, 0x35, 0x34, 0x45, 0x11, 0x35, 0x44, 0x35, 0x12, 0x08, 0x73, 0x59, 0x56, 0x34, 0x12];
    let fix = from_bytes::<Fix>(&bytes).unwrap();
    assert!(fix.flags.is_empty());
    assert_eq!(
        json(&fix.frame),
        r#"{"lat":-22.589075,"lon":113.90725167,"speed":8.7,"course":359,"meter":123456}"#
    );
    assert_eq!(to_bytes(&fix.frame).unwrap(), bytes);
    let node = Node::parse(json(&fix.frame).as_bytes()).unwrap();
    assert_eq!(Fix::fill(Some(&node), &AT).unwrap(), fix.frame);
    // Nibbles above nine are kept and shown.
    let mut odd = bytes;
    odd[10] = 0xAF;
    let fix = from_bytes::<Fix>(&odd).unwrap().frame;
    assert!(json(&fix).contains(r#""speed":"af7""#));
    assert_eq!(to_bytes(&fix).unwrap(), odd);
    assert_eq!(BcdInt::<3>::new(1000), None);
    assert_eq!(BcdInt::<3>::new(-999).unwrap().get(), Some(-999));
    assert_eq!(BcdDegMin::<2, 8>::from_degrees(100.0), None);
    // Rounded up to the next degree.
    assert_eq!(BcdDegMin::<2, 4>::from_degrees(9.9999).unwrap().nibbles(), 0x1000);
    let mut random = Random::new(9);
    for _ in 0..200 {
        let made: Fix = random.make();
        let bytes = to_bytes(&made).unwrap();
        assert_eq!(from_bytes::<Fix>(&bytes).unwrap().frame, made);
        let node = Node::parse(json(&made).as_bytes()).unwrap();
        assert_eq!(to_bytes(&Fix::fill(Some(&node), &AT).unwrap()).unwrap(), bytes, "{}", json(&made));
    }
}
