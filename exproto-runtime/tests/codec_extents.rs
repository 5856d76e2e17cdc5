//! Where values end: sentinels, separators, bounds, and bytes beyond a layout.
#![cfg(feature = "derive")]
#![allow(clippy::large_enum_variant, clippy::unwrap_used, missing_docs, unreachable_pub)]

mod derived;

use derived::json;
use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{
    Ascii, Dec, Decode, DegMin, Encode, Error, ErrorKind, FieldInfo, Fill, Flag, Flags, HexNum, Node, Random,
    Reader, Sample, Text, TextBuf, Utf16Le, Value, Wire, Word, Writer,
};

static AT: FieldInfo = FieldInfo::new("", "value");

fn encode<T: Encode + Wire<Ctx = ()>>(value: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    value.encode(&mut Writer::new(&mut bytes), ())?;
    Ok(bytes)
}

fn decode<'a, T: Decode<'a> + Wire<Ctx = ()>>(bytes: &'a [u8]) -> Result<(T, Flags), Error> {
    let mut r = Reader::new(bytes);
    let value = T::decode(&mut r, ())?;
    assert_eq!(r.left(), 0, "bytes left of {bytes:02x?}");
    Ok((value, r.flags()))
}

fn samples<T>(seed: u64)
where
    T: for<'a> Decode<'a> + Encode + Wire<Ctx = ()> + Value + for<'f> Fill<'f> + Sample,
{
    let mut random = Random::new(seed);
    for _ in 0..300 {
        let value: T = random.make();
        let bytes = encode(&value).unwrap_or_else(|error| panic!("{error}: {}", json(&value)));
        let (again, flags) = decode::<T>(&bytes).unwrap_or_else(|error| panic!("{error} in {bytes:02x?}"));
        assert_eq!((encode(&again).unwrap(), flags), (bytes.clone(), Flags::NONE));
        let node = Node::parse(json(&value).as_bytes()).unwrap();
        assert_eq!(encode(&T::fill(Some(&node), &AT).unwrap()).unwrap(), bytes, "{}", json(&value));
    }
}

fn flag(flag: Flag) -> Flags {
    let mut r = Reader::new(&[]);
    r.flag_at(flag, &AT, 0);
    r.flags()
}

/// Texts and bytes that end with bytes of their own.
#[derive(ExProtoFrame, Debug)]
#[wire(endian = big)]
struct Terminated {
    #[wire(as = Ascii, until = b'\0')]
    name: TextBuf,
    #[wire(until = b"\r\n", max = 8)]
    line: Vec<u8>,
    #[wire(until = 0xFF)]
    list: Vec<Pair>,
    #[wire(as = Utf16Le, size = prefix(u8), max = 20)]
    title: TextBuf,
    #[wire(count = prefix(u8), max = 2)]
    few: Vec<u16>,
}

#[derive(ExProtoFrame, Debug)]
#[wire(endian = big)]
struct Pair {
    #[wire(range = 0..=9)]
    a: u8,
    #[wire(range = 0..=9)]
    b: u8,
}

#[test]
fn a_sentinel_ends_a_value_and_is_not_part_of_it() {
    let bytes = b"dev\0a\rb\r\n\x01\x02\x03\x04\xFF\x02A\0\x01\x00\x07";
    let (value, flags) = decode::<Terminated>(bytes).unwrap();
    assert_eq!(flags, Flags::NONE);
    assert_eq!(
        json(&value),
        r#"{"name":"dev","line":"610d62","list":[{"a":1,"b":2},{"a":3,"b":4}],"title":"A","few":[7]}"#
    );
    assert_eq!(encode(&value).unwrap(), bytes);
    for cut in 0..bytes.len() {
        let error = decode::<Terminated>(&bytes[..cut]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Short, "{error} after {cut}");
        assert!(error.offset() as usize <= cut);
    }
}

#[test]
fn a_value_with_its_own_sentinel_is_not_written() {
    let make = |name: &str, line: &[u8]| Terminated {
        name: name.into(),
        line: line.to_vec(),
        list: vec![],
        title: "".into(),
        few: vec![],
    };
    assert!(encode(&make("ab", b"ab")).is_ok());
    for (name, line) in [("a\0b", &b""[..]), ("", b"a\r\nb"), ("", b"\r\n")] {
        let error = encode(&make(name, line)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Custom, "{error}");
    }
    // The carriage return would end the value one byte early.
    let (value, _) = decode::<Terminated>(b"\0\r\r\n\xFF\0\0").unwrap();
    assert_eq!(value.line, b"\r");
    assert_eq!(encode(&value).unwrap(), b"\0\r\r\n\xFF\0\0");
    // And it is bounded.
    assert_eq!(encode(&make("", b"123456789")).unwrap_err().kind(), ErrorKind::TooLong);
}

#[test]
fn a_bound_is_held_in_both_directions() {
    let good = b"\0\r\n\xFF\x00\x02\0\x01\0\x02";
    let (mut value, _) = decode::<Terminated>(good).unwrap();
    value.few.push(3);
    assert_eq!(encode(&value).unwrap_err().kind(), ErrorKind::TooLong);
    let error = decode::<Terminated>(b"\0\r\n\xFF\x00\x03\0\x01\0\x02\0\x03").unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::TooLong, "few"));
    let error = decode::<Terminated>(&[b"\0\r\n\xFF\x16".as_slice(), &[0; 23]].concat()).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::TooLong, "title"));
    let error = decode::<Terminated>(b"\x00123456789\r\n\xFF\x00\x00").unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::TooLong, "line"));
    samples::<Terminated>(3);
}

/// A block that newer devices make longer.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Growing {
    #[wire(size = prefix(u8), extra)]
    block: Block,
    #[wire(before(len: u8 = size(second)))]
    #[wire(extra)]
    second: Block,
    end: u8,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Block {
    a: u16,
}

#[test]
fn bytes_beyond_a_layout_are_flagged() {
    let value = Growing { block: Block { a: 1 }, second: Block { a: 2 }, end: 9 };
    let bytes = encode(&value).unwrap();
    assert_eq!(bytes, [2, 0, 1, 2, 0, 2, 9]);
    assert_eq!(decode::<Growing>(&bytes).unwrap(), (value, Flags::NONE));
    let (longer, flags) = decode::<Growing>(&[4, 0, 1, 7, 7, 3, 0, 2, 8, 9]).unwrap();
    assert_eq!(longer, Growing { block: Block { a: 1 }, second: Block { a: 2 }, end: 9 });
    assert_eq!(flags, flag(Flag::Extra));
    assert_eq!(decode::<Growing>(&[1, 0, 1, 2, 0, 2, 9]).unwrap_err().kind(), ErrorKind::Short);
}

/// Fields with commas between them, of which the last may be missing.
#[derive(ExProtoFrame, Debug)]
#[wire(sep = b',')]
struct Position {
    #[wire(as = Ascii)]
    valid: TextBuf,
    lat: DegMin<2>,
    speed: Dec,
    status: HexNum,
    mcc: Option<Dec>,
    mnc: Option<Dec>,
    #[wire(as = Ascii)]
    cell: Option<TextBuf>,
}

#[test]
fn separated_fields_keep_every_character() {
    for (text, shown) in [
        (
            "A,2235.3445,000.50,FFFFFBFF",
            r#"{"valid":"A","lat":22.589075,"speed":0.5,"status":"FFFFFBFF","mcc":null,"mnc":null,"cell":null}"#,
        ),
        (
            "V,,,,460,00,x y",
            r#"{"valid":"V","lat":null,"speed":null,"status":null,"mcc":460,"mnc":0,"cell":"x y"}"#,
        ),
        (
            "V,0000.0000,+1,0,,",
            r#"{"valid":"V","lat":0.0,"speed":1,"status":"0","mcc":null,"mnc":null,"cell":null}"#,
        ),
        // What follows the last field is its text: nothing is lost.
        (
            "V,,,,460,00,x,y",
            r#"{"valid":"V","lat":null,"speed":null,"status":null,"mcc":460,"mnc":0,"cell":"x,y"}"#,
        ),
    ] {
        let (value, flags) = decode::<Position>(text.as_bytes()).unwrap();
        assert_eq!(flags, Flags::NONE, "{text}");
        assert_eq!(json(&value), shown);
        assert_eq!(encode(&value).unwrap(), text.as_bytes());
    }
    for text in ["", "A", "A,2235.3445", "A,2235.3445,1"] {
        let error = decode::<Position>(text.as_bytes()).unwrap_err();
        assert_eq!((error.kind(), error.offset() as usize), (ErrorKind::Short, text.len()), "{text}");
    }
}

#[test]
fn separators_are_not_written_into_fields_nor_gaps_between_them() {
    let (mut value, _) = decode::<Position>(b"A,,,,1,2").unwrap();
    value.mcc = None;
    assert_eq!(encode(&value).unwrap_err().kind(), ErrorKind::Relation);
    let (mut value, _) = decode::<Position>(b"A,,,").unwrap();
    value.valid = "A,B".into();
    assert_eq!(encode(&value).unwrap_err().kind(), ErrorKind::Custom);
    let mut random = Random::new(2);
    for _ in 0..300 {
        let value: Position = random.make();
        let bytes = encode(&value).unwrap();
        let (again, flags) = decode::<Position>(&bytes).unwrap();
        assert_eq!((encode(&again).unwrap(), flags), (bytes, Flags::NONE));
    }
}

/// A line of text around another one.
#[derive(ExProtoFrame, Debug)]
#[wire(before(b"*HQ,"), sep = b',', after(b"#"))]
struct Line<'a> {
    #[wire(as = Ascii)]
    id: Text<'a>,
    #[wire(as = Ascii)]
    command: Text<'a>,
    position: Position,
}

#[test]
fn separated_fields_nest() {
    let text = b"*HQ,4109179024,V1,A,2235.3445,5,FF,460#";
    let (line, _) = decode::<Line<'_>>(text).unwrap();
    assert_eq!((line.id.to_str(), line.command.to_str()), ("4109179024".into(), "V1".into()));
    assert_eq!(line.position.mcc.unwrap().value(), Some(460));
    assert_eq!(encode(&line).unwrap(), text);
}

/// Which command it is stands in the text.
#[derive(ExProtoFrame, Debug)]
#[wire(before(b"*"), sep = b',', after(b"#"))]
struct Command<'a> {
    #[wire(as = Ascii)]
    id: Text<'a>,
    #[wire(is = tag(body))]
    command: Word,
    body: Body<'a>,
}

#[derive(ExProtoFrame, Debug)]
#[wire(sep = b',')]
enum Body<'a> {
    #[wire(tag = b"V1")]
    Position(Position),
    #[wire(tag = b"D1" | b"S17")]
    Interval {
        #[wire(tag)]
        command: Word,
        seconds: Dec,
        count: Option<Dec>,
    },
    #[wire(other)]
    Other {
        #[wire(tag)]
        command: Word,
        #[wire(as = Ascii)]
        fields: Text<'a>,
    },
}

#[test]
fn a_word_chooses_the_variant() {
    for (text, kind) in [
        ("*4109,V1,A,2235.3445,5,FF,460#", "position"),
        ("*4109,D1,010#", "interval"),
        ("*4109,S17,10,3#", "interval"),
        ("*4109,LONGWORD,a,b#", "other"),
        ("*4109,XT,#", "other"),
    ] {
        let (line, flags) = decode::<Command<'_>>(text.as_bytes()).unwrap();
        assert_eq!(flags, Flags::NONE);
        assert_eq!(encode(&line).unwrap(), text.as_bytes());
        assert!(json(&line).contains(&format!(r#""body":{{"{kind}":"#)), "{}", json(&line));
        let shown = json(&line);
        let node = Node::parse(shown.as_bytes()).unwrap();
        if !text.contains(",0") && kind != "position" {
            let again = Command::fill(Some(&node), &AT).unwrap();
            assert_eq!(encode(&again).unwrap(), text.as_bytes());
        }
    }
    assert_eq!(decode::<Command<'_>>(b"*4109,LONGWORDS,#").unwrap_err().kind(), ErrorKind::Size);
    // The variant decides, not what stands in the field.
    let (mut line, _) = decode::<Command<'_>>(b"*4109,D1,010#").unwrap();
    line.command = Word::default();
    assert_eq!(encode(&line).unwrap(), b"*4109,D1,010#");
}

/// Text frames of real trackers.
#[derive(ExProtoFrame, Debug)]
#[wire(before(b"*"), sep = b',', after(b"#"))]
struct Tracker<'a> {
    #[wire(as = Ascii)]
    maker: Text<'a>,
    #[wire(as = Ascii)]
    id: Text<'a>,
    #[wire(is = tag(body))]
    command: Word,
    body: Report<'a>,
}

#[derive(ExProtoFrame, Debug)]
#[wire(sep = b',', lenient)]
enum Report<'a> {
    #[wire(tag = b"V1" | b"V6" | b"V8")]
    Fix {
        #[wire(tag)]
        command: Word,
        #[wire(as = Ascii)]
        time: Text<'a>,
        #[wire(as = Ascii)]
        valid: Text<'a>,
        lat: DegMin<2>,
        #[wire(as = Ascii)]
        ns: Text<'a>,
        lon: DegMin<3>,
        #[wire(as = Ascii)]
        ew: Text<'a>,
        speed: Dec,
        course: Dec,
        #[wire(as = Ascii)]
        date: Text<'a>,
        status: Option<HexNum>,
        mcc: Option<Dec>,
        #[wire(as = Ascii)]
        more: Option<Text<'a>>,
    },
    #[wire(other)]
    Other {
        #[wire(tag)]
        command: Word,
        #[wire(rest)]
        fields: &'a [u8],
    },
}

#[test]
fn text_of_real_trackers_goes_back_character_by_character() {
    let captures = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/captures/h02/text.jsonl");
    let captures = std::fs::read_to_string(captures).unwrap();
    let (mut fixes, mut others, mut odd) = (0, 0, 0);
    let mut unparted = Vec::new();
    for line in captures.lines() {
        let node = Node::parse(line.as_bytes()).unwrap();
        let text = node.get("text").and_then(Node::as_str).unwrap();
        let (frame, flags) = decode::<Tracker<'_>>(text.as_bytes()).unwrap();
        if flags.has(Flag::Missing) {
            unparted.push(text.to_string());
            assert_eq!(encode(&frame).unwrap(), text.replace('#', ",#").as_bytes());
            continue;
        }
        assert_eq!(encode(&frame).unwrap(), text.as_bytes());
        match &frame.body {
            Report::Fix { lat, lon, .. } => {
                fixes += 1;
                // `38.6508` has no degrees: kept as it is, and flagged.
                odd += usize::from(flags != Flags::NONE);
                let degrees = lat.degrees().is_some() && lon.degrees().is_some();
                assert!(degrees || flags != Flags::NONE, "{text}");
            }
            Report::Other { .. } => others += 1,
        }
    }
    // Nothing follows the command, not even a separator.
    assert_eq!(unparted, ["*HQ,135790246811220,HTBT#", "*HQ,4109198974,#"]);
    assert_eq!((fixes, others, odd), (34, 40, 9));
    let text =
        b"*HQ,8161289587,V1,181933,A,5444.3994,N,02516.3844,E,000.05,000,090317,FFFFBBFF,246,03,00002,41565#";
    let (frame, _) = decode::<Tracker<'_>>(text).unwrap();
    let Report::Fix { lat, lon, status: Some(status), more: Some(more), .. } = frame.body else {
        panic!("a fix")
    };
    assert_eq!((lat.micro(), lon.micro()), (Some(54_739_990), Some(25_273_073)));
    assert_eq!((status.value(), more.to_str()), (Some(0xFFFF_BBFF), "03,00002,41565".into()));
}
