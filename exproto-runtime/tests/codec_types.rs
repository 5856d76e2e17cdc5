//! Field types: every form goes through both directions and through JSON.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{
    BcdTime, ByteTime, Cp56Time, Decode, Encode, Error, ErrorKind, FieldInfo, Fill, Flag, Flags, Node,
    Random, Reader, Sample, UnixMillis, UnixSeconds, Value, Wire, Writer, order, to_json,
};

static AT: FieldInfo = FieldInfo::new("", "value");

fn encoded<T: Encode + Wire<Ctx = ()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut Writer::new(&mut bytes), ()).unwrap();
    bytes
}

fn read<'a, T: Decode<'a> + Wire<Ctx = ()>>(bytes: &'a [u8]) -> Result<(T, Flags), Error> {
    let mut r = Reader::new(bytes);
    let value = T::decode(&mut r, ())?;
    assert_eq!(r.left(), 0, "bytes left of {bytes:02x?}");
    Ok((value, r.flags()))
}

fn json(value: &impl Value) -> String {
    let mut out = Vec::new();
    to_json(value, &mut out);
    String::from_utf8(out).unwrap()
}

/// `bytes` decode to `text` and `flags`, and both ways back give the same.
#[track_caller]
fn both_ways<T>(bytes: &[u8], text: &str, flags: Flags)
where
    T: for<'a> Decode<'a> + Encode + Wire<Ctx = ()> + Value + for<'f> Fill<'f>,
{
    let (value, found) = read::<T>(bytes).unwrap();
    assert_eq!(json(&value), text);
    assert_eq!(found, flags, "flags of {text}");
    assert_eq!(encoded(&value), bytes, "of {text}");
    let node = Node::parse(text.as_bytes()).unwrap();
    let filled = T::fill(Some(&node), &AT).unwrap();
    assert_eq!(encoded(&filled), bytes, "from {text}");
    for cut in 0..bytes.len() {
        if let Err(error) = read::<T>(&bytes[..cut]) {
            assert!(error.offset() as usize <= cut, "{error}");
        }
    }
}

/// Random values survive bytes and JSON.
fn samples<T>(seed: u64)
where
    T: for<'a> Decode<'a> + Encode + Wire<Ctx = ()> + Value + for<'f> Fill<'f> + Sample,
{
    let mut random = Random::new(seed);
    for _ in 0..300 {
        let value: T = random.make();
        let bytes = encoded(&value);
        let (again, flags) =
            read::<T>(&bytes).unwrap_or_else(|error| panic!("{error} in {bytes:02x?} of {}", json(&value)));
        assert_eq!(encoded(&again), bytes);
        assert_eq!(json(&again), json(&value));
        assert_eq!(flags, Flags::NONE, "{}", json(&value));
        let node = Node::parse(json(&value).as_bytes()).unwrap();
        assert_eq!(encoded(&T::fill(Some(&node), &AT).unwrap()), bytes, "{}", json(&value));
    }
}

fn flag(flag: Flag) -> Flags {
    let mut r = Reader::new(&[]);
    r.flag_at(flag, &AT, 0);
    r.flags()
}

mod times {
    use super::*;

    const CST: i32 = 8 * 60;

    #[derive(ExProtoFrame, Debug)]
    #[wire(endian = big)]
    struct Times {
        packed: BcdTime<CST>,
        clock: BcdTime<0, { order("hmsDMY") }>,
        plain: ByteTime<-150>,
        cp56: Cp56Time,
        #[wire(as = u32)]
        unix: UnixSeconds,
        #[wire(as = u32, endian = little)]
        since_2000: UnixSeconds<946_684_800, CST>,
        #[wire(as = u64)]
        millis: UnixMillis,
    }

    const GOOD: [u8; 41] = [
        0x24,
        0x02,
        0x29,
        0x23,
        0x59,
        0x59, //
        0x16,
        0x42,
        0x52,
        0x13,
        0x11,
        0x20, //
        24,
        12,
        31,
        23,
        59,
        58, //
        0x58,
        0x1B,
        30,
        12,
        0xA0 | 31,
        5,
        24, //
        0x66,
        0x59,
        0xBC,
        0x80, //
        0x10,
        0x0E,
        0,
        0, //
        0,
        0,
        1,
        0x8F,
        0xCE,
        0x8C,
        0x2D,
        0xFA,
    ];

    #[test]
    fn go_both_ways() {
        let mut bytes = GOOD.to_vec();
        bytes[25..29].copy_from_slice(&1_717_156_800_u32.to_be_bytes());
        bytes[33..].copy_from_slice(&1_717_156_800_250_u64.to_be_bytes());
        both_ways::<Times>(
            &bytes,
            concat!(
                r#"{"packed":"2024-02-29T23:59:59+08:00","clock":"2020-11-13T16:42:52Z","#,
                r#""plain":"2024-12-31T23:59:58-02:30","cp56":"2024-05-31T12:30:07.000Z","#,
                r#""unix":"2024-05-31T12:00:00Z","since_2000":"2000-01-01T01:00:00+08:00","#,
                r#""millis":"2024-05-31T12:00:00.250Z"}"#
            ),
            Flags::NONE,
        );
        samples::<Times>(5);
    }

    #[test]
    fn that_do_not_exist_are_kept_and_flagged() {
        for (at, odd) in
            [(1, 0x13), (1, 0x00), (2, 0x30), (3, 0x24), (5, 0x60), (0, 0x0A), (12, 100), (13, 2), (24, 0xFF)]
        {
            let mut bytes = GOOD;
            bytes[at] = odd;
            let (value, flags) = read::<Times>(&bytes).unwrap();
            assert_eq!(encoded(&value), bytes);
            assert_eq!(flags, flag(Flag::Time), "{odd} at {at}");
        }
    }

    #[test]
    fn beyond_four_digits_of_a_year_are_numbers() {
        #[derive(ExProtoFrame, Debug)]
        #[wire(endian = big)]
        struct Far(#[wire(as = u64)] UnixSeconds);
        both_ways::<Far>(&[0xFF; 8], "18446744073709551615", Flags::NONE);
        both_ways::<Far>(&[0, 0, 0, 0x3A, 0xFF, 0xF4, 0x41, 0x80], "253402300800", Flags::NONE);
        both_ways::<Far>(&[0, 0, 0, 0x3A, 0xFF, 0xF4, 0x41, 0x7F], "\"9999-12-31T23:59:59Z\"", Flags::NONE);
    }

    #[test]
    fn in_other_zones_are_converted_and_others_refused() {
        let time: BcdTime<CST> = "2024-05-31T12:00:00.5Z".parse().unwrap();
        assert_eq!(time.to_string(), "2024-05-31T20:00:00+08:00");
        for wrong in [
            "2024-02-30T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "1999-12-31T15:00:00Z",
            "2024-01-01",
            "",
            "2024-01-01T00:00:00+",
            "２０２４-01-01T00:00:00Z",
        ] {
            assert!(wrong.parse::<BcdTime<CST>>().is_err(), "{wrong}");
            assert!(wrong.parse::<Cp56Time>().is_err(), "{wrong}");
        }
        assert!("1969-12-31T23:59:59Z".parse::<UnixSeconds>().is_err());
        let node = Node::parse(b"\"2124-05-31T12:00:00Z\"").unwrap();
        let error = <BcdTime as Fill<'_>>::fill(Some(&node), &AT).unwrap_err().to_string();
        assert!(error.contains("2024-05-31T12:00:00"), "{error}");
    }
}

mod integers {
    use super::*;

    macro_rules! widths {
        ($($name:ident { $order:ident: $($field:ident: $on_wire:ident as $ty:ty),* })*) => {$(
            #[derive(ExProtoFrame, Debug, PartialEq)]
            #[wire(endian = $order)]
            struct $name {
                $(#[wire(as = $on_wire)] $field: $ty,)*
            }
        )*};
    }

    widths! {
        Big { big: a: u24 as u32, b: u40 as u64, c: u48 as u64, d: u56 as u64 }
        Little { little: a: u24 as u32, b: u40 as u64, c: u48 as u64, d: u56 as u64 }
    }

    #[test]
    fn of_odd_widths_go_both_ways() {
        let bytes: Vec<u8> = (1..=21).collect();
        let (value, _) = read::<Big>(&bytes).unwrap();
        assert_eq!(
            value,
            Big { a: 0x01_0203, b: 0x04_0506_0708, c: 0x090A_0B0C_0D0E, d: 0x0F_1011_1213_1415 }
        );
        assert_eq!(encoded(&value), bytes);
        let (value, _) = read::<Little>(&bytes).unwrap();
        assert_eq!(
            value,
            Little { a: 0x03_0201, b: 0x08_0706_0504, c: 0x0E0D_0C0B_0A09, d: 0x15_1413_1211_100F }
        );
        assert_eq!(encoded(&value), bytes);
        samples::<Big>(1);
        samples::<Little>(2);
        let mut out = Vec::new();
        let error = Big { a: 1 << 24, b: 0, c: 0, d: 0 }.encode(&mut Writer::new(&mut out), ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overflow);
    }
}

mod sentinels {
    use super::*;

    /// A value of an electric vehicle, and signed ones.
    #[derive(ExProtoFrame, Debug)]
    #[wire(endian = big)]
    struct Reading {
        #[wire(range = 0..=100, unit = "%", sentinel(0xFE => abnormal, 0xFF => invalid))]
        soc: u8,
        #[wire(scale = 0.1, range = 0..=2200, sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
        speed: u16,
        #[wire(sentinel(0x7FFF => null, 0x8000 => error))]
        level: i16,
        #[wire(sentinel(0xFFFF_FFFF_FFFF_FFFF => null))]
        total: u64,
        #[wire(count = prefix(u8), sentinel(0xFFFF => null), scale = 0.001)]
        volts: Vec<u16>,
    }

    #[test]
    fn are_told_from_numbers_and_from_each_other() {
        let bytes = [
            0xFE, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0xFF, 0xFF, 0x10, 0x00,
        ];
        both_ways::<Reading>(
            &bytes,
            r#"{"soc":"abnormal","speed":"invalid","level":null,"total":null,"volts":[null,4.096]}"#,
            Flags::NONE,
        );
        let bytes = [50, 0x00, 0x64, 0x80, 0x00, 0, 0, 0, 0, 0, 0, 0, 7, 0];
        both_ways::<Reading>(
            &bytes,
            r#"{"soc":50,"speed":10,"level":"error","total":7,"volts":[]}"#,
            Flags::NONE,
        );
        let (_, flags) = read::<Reading>(&[101, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        assert_eq!(flags, flag(Flag::Range));
        samples::<Reading>(4);
    }

    #[test]
    fn unknown_names_are_refused_with_the_nearest() {
        let node = Node::parse(br#"{"soc":"invalit","speed":0,"level":0,"total":0,"volts":[]}"#).unwrap();
        let error = Reading::fill(Some(&node), &AT).unwrap_err();
        assert_eq!(error.to_string(), "soc: unknown state `invalit`; did you mean `invalid`?");
    }
}
