//! Field types: every form goes through both directions and through JSON.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod derived;

use derived::json;
use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{
    Ascii, Bcd, BcdNumber, BcdTime, BerLength, BitTime, ByteTime, Cp56Time, Dec, Decode, DegMin, Encode,
    Error, ErrorKind, FieldInfo, Fill, Flag, Flags, HexNum, Latin1, Leb128, Node, Random, Reader, Sample,
    Scalar, SignMagnitude, Text, TextBuf, TextTime, TimeLayout, UnixMillis, UnixSeconds, Utf16Be, Utf16Le,
    Value, Wire, Writer, ZigZag, from_bytes, order, to_bytes,
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

    widths! {
        Signed { big: a: i24 as i32, b: i40 as i64, c: i48 as i64, d: i56 as i64, e: i16 as i32, f: i8 as i64 }
        SignedLittle { little: a: i24 as i32, b: i40 as i64, c: i48 as i64, d: i56 as i64, e: i16 as i32, f: i8 as i64 }
    }

    #[test]
    fn with_sign_are_extended_and_bounded() {
        let mut bytes = vec![0xFF; 24];
        bytes[2] = 0xFE;
        let (value, _) = read::<Signed>(&bytes).unwrap();
        assert_eq!(value, Signed { a: -2, b: -1, c: -1, d: -1, e: -1, f: -1 });
        assert_eq!(encoded(&value), bytes);
        bytes[2] = 0x80;
        let (value, _) = read::<SignedLittle>(&bytes).unwrap();
        assert_eq!(value.a, -0x7F_0001);
        assert_eq!(encoded(&value), bytes);
        samples::<Signed>(1);
        samples::<SignedLittle>(2);
        for (a, fits) in [(-0x80_0000, true), (0x7F_FFFF, true), (-0x80_0001, false), (0x80_0000, false)] {
            let mut out = Vec::new();
            let value = Signed { a, b: 0, c: 0, d: 0, e: 0, f: 0 };
            assert_eq!(value.encode(&mut Writer::new(&mut out), ()).is_ok(), fits, "{a}");
        }
    }

    #[derive(ExProtoFrame, Debug)]
    #[wire(endian = little)]
    struct Forms {
        #[wire(as = Leb128)]
        id: u32,
        #[wire(as = ZigZag)]
        delta: i64,
        #[wire(as = BerLength)]
        len: u64,
        #[wire(as = BcdNumber::<2>)]
        packed: u16,
        #[wire(as = u24, scale = 0.5)]
        level: SignMagnitude<24>,
    }

    #[test]
    fn of_other_forms_go_both_ways() {
        both_ways::<Forms>(
            &[0xAC, 0x02, 0x03, 0x82, 0x01, 0x00, 0x12, 0x34, 0x03, 0x00, 0x80],
            r#"{"id":300,"delta":-2,"len":256,"packed":1234,"level":-1.5}"#,
            Flags::NONE,
        );
        let largest = [
            &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F][..],
            &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            &[0x88, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x99, 0x99, 0xFF, 0xFF, 0x7F],
        ];
        let text = format!(
            r#"{{"id":4294967295,"delta":{},"len":{},"packed":9999,"level":4194303.5}}"#,
            i64::MIN,
            u64::MAX
        );
        both_ways::<Forms>(&largest.concat(), &text, Flags::NONE);
        samples::<Pairs>(8);
    }

    #[derive(ExProtoFrame, Debug)]
    struct Pairs {
        #[wire(as = Leb128)]
        a: u16,
        #[wire(as = Leb128)]
        b: u64,
        #[wire(as = ZigZag)]
        c: i8,
        #[wire(as = BerLength)]
        d: u32,
        #[wire(bits = 7)]
        e: SignMagnitude<7>,
        #[wire(bits = 1)]
        f: bool,
    }

    #[test]
    fn too_large_is_refused_and_too_long_is_flagged() {
        let read = |bytes: &[u8]| {
            read::<Forms>(&[bytes, &[0, 0, 0, 0, 0, 0, 0]].concat()).map(|(value, flags)| (value.id, flags))
        };
        assert_eq!(read(&[0x80, 0x00]).unwrap(), (0, flag(Flag::Reserved)));
        assert_eq!(read(&[0xFF, 0xFF, 0xFF, 0xFF, 0x1F]).unwrap_err().kind(), ErrorKind::Range);
        assert_eq!(read(&[0x80; 11]).unwrap_err().kind(), ErrorKind::Range);
        for ber in [&[0x81, 0x05][..], &[0x82, 0x00, 0x80]] {
            let bytes = [&[0, 0][..], ber, &[0, 0, 0, 0, 0]].concat();
            assert_eq!(super::read::<Forms>(&bytes).unwrap().1, flag(Flag::Reserved), "{ber:02x?}");
        }
        let (value, flags) = super::read::<Forms>(&[0, 0, 0, 0x1A, 0x00, 0, 0, 0]).unwrap();
        assert_eq!((value.packed, flags), (2000, flag(Flag::Digits)));
        let mut out = Vec::new();
        let wide = Forms { id: 0, delta: 0, len: 0, packed: 10_000, level: SignMagnitude::default() };
        assert_eq!(wide.encode(&mut Writer::new(&mut out), ()).unwrap_err().kind(), ErrorKind::Overflow);
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
            0xFE, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0xFF, 0xFF,
            0x10, 0x00,
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

    /// Shows as its number, and has states but neither scale nor unit.
    #[derive(ExProtoFrame, Debug)]
    struct State(#[wire(sentinel(0xFE => abnormal, 0xFF => null))] u8);

    #[derive(ExProtoFrame, Debug)]
    struct States {
        first: State,
        #[wire(count = prefix(u8))]
        more: Vec<State>,
    }

    #[test]
    fn of_a_value_that_shows_as_its_only_field_keep_their_names() {
        let text = r#"{"first":"abnormal","more":[null,1]}"#;
        both_ways::<States>(&[0xFE, 2, 0xFF, 1], text, Flags::NONE);
        samples::<States>(4);
    }

    #[test]
    fn unknown_names_are_refused_with_the_nearest() {
        let node = Node::parse(br#"{"soc":"invalit","speed":0,"level":0,"total":0,"volts":[]}"#).unwrap();
        let error = Reading::fill(Some(&node), &AT).unwrap_err();
        assert_eq!(error.to_string(), "soc: unknown state `invalit`; did you mean `invalid`?");
    }
}

mod texts {
    use super::*;

    #[derive(ExProtoFrame, Debug)]
    struct Padded {
        #[wire(as = Ascii, size = 6, fill = b' ')]
        spaces: TextBuf,
        #[wire(as = Ascii, size = 4, fill = 0xFF)]
        ones: TextBuf,
        #[wire(as = Latin1, size = 5)]
        latin: TextBuf,
        #[wire(as = Utf16Be, size = 8, fill = 0)]
        big: TextBuf,
        #[wire(as = Utf16Le, size = prefix(u8))]
        little: TextBuf,
    }

    #[test]
    fn are_read_without_their_padding() {
        let bytes = [
            b"AB C  9\xFF\xFF\xFFgr\xFC\xDFe".as_slice(),
            b"\x01\x00\xD8\x3D\xDE\x00\0\0",
            b"\x04A\0\x2D\x4E",
        ]
        .concat();
        let (value, flags) = read::<Padded>(&bytes).unwrap();
        let text = "{\"spaces\":\"AB C\",\"ones\":\"9\",\"latin\":\"gr\u{fc}\u{df}e\",\"big\":\"\u{100}\u{1F600}\",\"little\":\"A\u{4e2d}\"}";
        assert_eq!(json(&value), text);
        assert_eq!(flags, Flags::NONE);
        assert_eq!(encoded(&value), bytes);
        let node = Node::parse(json(&value).as_bytes()).unwrap();
        assert_eq!(encoded(&Padded::fill(Some(&node), &AT).unwrap()), bytes);
    }

    #[test]
    fn that_are_not_valid_are_kept_and_flagged() {
        let good =
            [b"AB C  9\xFF\xFF\xFFgrune".as_slice(), b"\x01\x00\xD8\x3D\xDE\x00\0\0", b"\x04A\0\x2D\x4E"]
                .concat();
        for (at, odd) in [(0, 0x80), (6, 0xFE), (19, 0x00)] {
            let mut bytes = good.clone();
            bytes[at] = odd;
            let (value, flags) = read::<Padded>(&bytes).unwrap();
            assert_eq!(flags, flag(Flag::Text), "{odd:x} at {at}");
            assert_eq!(encoded(&value), bytes);
        }
        // Half a character.
        let mut bytes = good.clone();
        let at = bytes.len() - 5;
        bytes[at] = 3;
        bytes.pop();
        assert_eq!(read::<Padded>(&bytes).unwrap().1, flag(Flag::Text));
    }

    #[derive(ExProtoFrame, Debug)]
    struct Borrowed<'a> {
        #[wire(as = Latin1, rest)]
        text: Text<'a>,
    }

    #[test]
    fn latin_has_no_other_letters() {
        let mut out = Vec::new();
        let error =
            Borrowed { text: Text::from("\u{100}") }.encode(&mut Writer::new(&mut out), ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Custom);
    }
}

mod digits {
    use super::*;

    #[derive(ExProtoFrame, Debug)]
    struct Phone {
        #[wire(size = 6)]
        even: Bcd<6>,
        #[wire(size = 6)]
        odd: Bcd<6>,
        #[wire(size = 4, fill = 0xFF)]
        short: Bcd<4>,
    }

    #[test]
    fn an_odd_number_of_them_has_a_pad() {
        both_ways::<Phone>(
            &[0x01, 0x38, 0, 0x13, 0x80, 0, 0x13, 0x80, 0x01, 0x38, 0x00, 0x0F, 0x12, 0x3F, 0xFF, 0xFF],
            r#"{"even":"013800138000","odd":"13800138000","short":"123"}"#,
            Flags::NONE,
        );
        both_ways::<Phone>(
            &[0x01, 0x38, 0, 0x13, 0x80, 0, 0x13, 0x80, 0x01, 0x38, 0xF0, 0x0F, 0xFF, 0xFF, 0xFF, 0xFF],
            r#"{"even":"013800138000","odd":"13800138f00","short":""}"#,
            flag(Flag::Digits),
        );
        let odd: Bcd<6> = "13800138000".parse().unwrap();
        assert_eq!(odd.to_number(), Some(13_800_138_000));
        assert!(odd.is_decimal());
        assert!("1380013800012".parse::<Bcd<6>>().is_err());
        assert!("x".parse::<Bcd<6>>().is_err());
    }

    /// Nine digits and a nibble of flags in five bytes, then three digits and
    /// three.
    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[wire(endian = big)]
    struct Nibbles {
        #[wire(bits = 36)]
        longitude: u64,
        #[wire(before(_: bits(1)))]
        #[wire(bits = 1)]
        valid: bool,
        #[wire(bits = 1)]
        north: bool,
        #[wire(bits = 1)]
        east: bool,
        #[wire(before(_: bits(0x18)))]
        end: u8,
    }

    #[test]
    fn aligned_to_nibbles_are_bits() {
        let (value, flags) = read::<Nibbles>(&[0x11, 0x40, 0x77, 0x72, 0x4E, 0, 0, 0, 9]).unwrap();
        assert_eq!(value.longitude, 0x1_1407_7724);
        assert!(value.valid && value.north && !value.east);
        assert_eq!(flags, flag(Flag::Reserved));
    }

    #[derive(ExProtoFrame, Debug)]
    struct Numbers {
        #[wire(size = 6)]
        speed: Dec,
        #[wire(size = prefix(u8))]
        course: Dec,
        #[wire(size = 8)]
        status: HexNum,
        #[wire(size = 9)]
        lat: DegMin<2>,
        #[wire(size = 10)]
        lon: DegMin<3>,
    }

    #[test]
    fn as_text_keep_their_form() {
        let bytes = b"000.50\x03045FFFFFBFF2235.344511407.7724";
        let (value, flags) = read::<Numbers>(bytes).unwrap();
        assert_eq!(flags, Flags::NONE);
        assert_eq!(encoded(&value), bytes);
        assert_eq!(
            json(&value),
            r#"{"speed":0.5,"course":45,"status":"FFFFFBFF","lat":22.58907500,"lon":114.12954000}"#
                .replace("7500", "75")
                .replace("4000", "4")
        );
        assert_eq!(value.status.value(), Some(0xFFFF_FBFF));
        // Degrees come back as they were.
        let node = Node::parse(json(&value.lat).as_bytes()).unwrap();
        assert_eq!(DegMin::<2>::fill(Some(&node), &AT).unwrap(), value.lat);
        let node = Node::parse(json(&value.lon).as_bytes()).unwrap();
        assert_eq!(DegMin::<3>::fill(Some(&node), &AT).unwrap(), value.lon);
        for (odd, text) in [
            (&b"2260.0000"[..], "\"2260.0000\""),
            (b"22x5.3445", "\"22x5.3445\""),
            (b"2235.34-5", "\"2235.34-5\""),
        ] {
            let mut bytes = bytes.to_vec();
            bytes[18..27].copy_from_slice(odd);
            let (value, flags) = read::<Numbers>(&bytes).unwrap();
            assert_eq!(flags, flag(Flag::Digits));
            assert_eq!(json(&value.lat), text);
            assert_eq!(encoded(&value), bytes);
        }
    }

    #[test]
    fn every_number_is_exact() {
        let dec = |text: &str| Dec::from_bytes(text.as_bytes()).unwrap();
        assert_eq!(dec("+007").value(), Some(7));
        assert_eq!(dec("-12.345").scaled(2), Some(-1234));
        assert_eq!(dec(".5").scaled(1), Some(5));
        assert_eq!(dec("5.").scaled(1), Some(50));
        assert_eq!(dec("9223372036854775807").value(), Some(i64::MAX));
        assert_eq!(dec("9223372036854775808").value(), None);
        for wrong in ["", ".", "-", "1e5", "0x10", "1 2", "--1", "1.2.3", "inf", "NaN"] {
            assert_eq!(dec(wrong).value(), None, "{wrong}");
            assert_eq!(dec(wrong).to_f64(), None, "{wrong}");
        }
        assert!(Dec::from_bytes(&[b'1'; 24]).is_none());
        assert_eq!(DegMin::<2>::from_degrees(59.999_999_99).unwrap().to_string(), "6000.0000");
        assert_eq!(DegMin::<2>::from_degrees(-1.0).unwrap().to_string(), "-0100.0000");
        assert_eq!(DegMin::<2>::from_degrees(100.0), None);
        samples::<Lines>(6);
    }

    #[derive(ExProtoFrame, Debug)]
    struct Lines {
        #[wire(size = 3)]
        number: Dec,
        #[wire(size = 8)]
        status: HexNum,
        #[wire(size = 9)]
        lat: DegMin<2>,
    }
}

#[test]
fn years_of_two_digits_lie_in_a_window() {
    struct Window;
    impl TimeLayout for Window {
        const PATTERN: &'static str = "YYMMDD";
        const YEAR: i64 = 1900;
        const WINDOW: i64 = 81;
    }
    struct Centuries;
    impl TimeLayout for Centuries {
        const PATTERN: &'static str = "CC YYYYYYY MMMM DDDDD";
        const YEAR: i64 = 1900;
        const WINDOW: i64 = 81;
    }
    for (text, date) in [
        ("810101", "1981-01-01"),
        ("991231", "1999-12-31"),
        ("000229", "2000-02-29"),
        ("801231", "2080-12-31"),
    ] {
        let time = from_bytes::<TextTime<Window>>(text.as_bytes()).unwrap().frame;
        assert_eq!(time.to_string(), date);
        assert_eq!(to_bytes(&date.parse::<TextTime<Window>>().unwrap()).unwrap(), text.as_bytes());
    }
    // A hundred years earlier there is nothing that is read so.
    assert!("1980-12-31".parse::<TextTime<Window>>().is_err());
    for (century, year, date) in
        [(0_u64, 81_u64, "1981-02-03"), (0, 25, "2025-02-03"), (1, 25, "2025-02-03"), (1, 99, "2099-02-03")]
    {
        let time = BitTime::<Centuries>::from_raw(century << 16 | year << 9 | 2 << 5 | 3);
        assert_eq!(time.to_string(), date);
    }
    assert_eq!("2025-02-03".parse::<BitTime<Centuries>>().unwrap().raw(), 1 << 16 | 25 << 9 | 2 << 5 | 3);
    assert!("1925-02-03".parse::<BitTime<Centuries>>().is_err());
}
