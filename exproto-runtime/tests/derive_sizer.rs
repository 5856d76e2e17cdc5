//! Frames whose end is worked out from the layout, beyond a length at a place
//! that the macro knows.
#![allow(clippy::unwrap_used, missing_docs, missing_debug_implementations, unreachable_pub)]
#![cfg(feature = "derive")]

mod framing;

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{
    Codec, End, Error, ErrorKind, FieldInfo, Protocol, Reader, Text, Writer, decode, encode,
};
use framing::{Got, feed, round_trip, same_however_cut};

fn frames(got: &[Got]) -> Vec<Vec<u8>> {
    got.iter()
        .map(|got| match got {
            Got::Frame(_, wire, _) => wire.clone(),
            Got::Bad(..) => panic!("{got:?}"),
        })
        .collect()
}

/// No byte is looked at twice, but for a few at the start of each frame.
fn walks<P: Protocol<Ctx = ()>>(stream: &[u8], frames: usize) {
    for size in [1, 2, 3, 7, 64, stream.len()] {
        let (got, visited) = feed::<P>(&stream.chunks(size).collect::<Vec<_>>(), false);
        assert_eq!(got.len(), frames, "{got:?}");
        let most = (stream.len() + 8 * frames) as u64;
        assert!(visited <= most, "{visited} visits of {} bytes in chunks of {size}", stream.len());
    }
}

// --- A checksum behind parts of constant size -------------------------------

/// What a frame is for: one byte, as only the compiler knows.
#[derive(ExProtoFrame, Debug, PartialEq, Clone, Copy)]
#[wire(tag = u8)]
pub enum Purpose {
    #[wire(tag = 1)]
    Report,
    #[wire(tag = 2)]
    Alarm,
    #[wire(other)]
    Other(u8),
}

/// A checksum after parts whose size only the compiler knows, with one of them
/// behind it.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 300)]
#[wire(endian = big)]
pub struct Headed<'a> {
    #[wire(before(b"#"))]
    pub purpose: Purpose,
    #[wire(before(len: u8 = size(data)))]
    #[wire(after(check: u16 = crc("CRC-16/MODBUS", len..)))]
    pub data: &'a [u8],
    pub again: Purpose,
}

/// The same, with a part that varies in size before the checksum's range: its
/// place is not constant, so decoding verifies it.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(datagram, max = 300)]
#[wire(endian = big)]
pub struct Varying<'a> {
    pub first: Short<'a>,
    #[wire(before(len: u8 = size(data)))]
    #[wire(after(check: u8 = xor(len..)))]
    pub data: &'a [u8],
}

#[derive(ExProtoFrame, Debug, PartialEq)]
pub struct Short<'a> {
    #[wire(size = prefix(u8))]
    pub text: &'a [u8],
}

#[test]
fn the_frame_search_verifies_a_checksum_behind_parts_of_constant_size() {
    let headed = |data: &[u8]| {
        let mut out = Vec::new();
        let frame = Headed { purpose: Purpose::Report, data, again: Purpose::Alarm };
        encode::<Headed<'_>>(&frame, &mut out).unwrap();
        out
    };
    let check = Headed::KINDS[0].check.unwrap();
    assert_eq!((check.from, check.tail, check.width), (2, 3, 2));
    let mut bad = headed(b"spoilt");
    bad[4] ^= 1;
    let stream = [headed(b"one"), bad, headed(b"two")].concat();
    let got = same_however_cut::<Headed<'_>>(&stream);
    assert!(matches!(&got[1], Got::Bad(ErrorKind::Checksum, _, false)), "{got:?}");
    assert!(
        got.iter().any(|got| matches!(got, Got::Frame(_, wire, _) if *wire == headed(b"two"))),
        "{got:?}"
    );

    assert!(Varying::KINDS[0].check.is_none());
    let mut out = Vec::new();
    encode::<Varying<'_>>(&Varying { first: Short { text: b"ab" }, data: b"c" }, &mut out).unwrap();
    out[4] ^= 1;
    let error = decode::<Varying<'_>>(&out[..6]).map(|received| received.frame);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Checksum);
}

// --- Walks -------------------------------------------------------------------

/// Tagged values in lists, nothing says how long anything is.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 512)]
#[wire(endian = big)]
pub struct Nested<'a> {
    #[wire(before(b"N"))]
    #[wire(before(id: u8 = tag(body)))]
    pub unit: u8,
    #[wire(after(check: u16 = crc("CRC-16/MODBUS", unit..)))]
    pub body: Body<'a>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
#[allow(private_interfaces)] // the search keeps no type that is private
pub enum Body<'a> {
    #[wire(tag = 1)]
    Ping,
    #[wire(tag = 2)]
    Values {
        #[wire(count = prefix(u8))]
        groups: Vec<Group<'a>>,
    },
    #[wire(tag = 3)]
    Blobs {
        #[wire(count = prefix(u16), each(size = prefix(u8)))]
        blobs: Vec<&'a [u8]>,
    },
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Group<'a> {
    at: u32,
    #[wire(before(n: u8 = count(values)))]
    values: Vec<Field<'a>>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(tag = u8, endian = big)]
pub enum Field<'a> {
    #[wire(tag = 1)]
    Byte(u8),
    #[wire(tag = 2)]
    Word(u16),
    #[wire(tag = 3)]
    Text(#[wire(until = b"\0", as = exproto_runtime::codec::Ascii)] Text<'a>),
    #[wire(tag = 4)]
    Var(#[wire(as = exproto_runtime::codec::Leb128)] u32),
}

fn nested(body: Body<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode::<Nested<'_>>(&Nested { unit: 7, body }, &mut out).unwrap();
    out
}

fn groups() -> Vec<u8> {
    nested(Body::Values {
        groups: vec![
            Group { at: 1, values: vec![Field::Byte(1), Field::Text(Text::from("one")), Field::Var(70_000)] },
            Group { at: 2, values: vec![] },
            Group { at: 3, values: vec![Field::Word(3), Field::Var(5), Field::Text(Text::from(""))] },
        ],
    })
}

#[test]
fn nested_lists_of_tagged_values_are_walked() {
    let all = [nested(Body::Ping), groups(), nested(Body::Blobs { blobs: vec![b"", b"abc", &[9; 200]] })];
    let stream = all.concat();
    assert_eq!(frames(&same_however_cut::<Nested<'_>>(&stream)), all);
    assert_eq!(round_trip::<Nested<'_>>(&stream), 3);
    walks::<Nested<'_>>(&stream, 3);
}

/// Answers by function code, without a length; the catch-all has no end.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 256)]
#[wire(endian = big)]
pub struct Answer<'a> {
    #[wire(before(function: u8 = tag(answer)))]
    pub unit: u8,
    #[wire(after(check: u16 = crc("CRC-16/MODBUS", ..), endian = little))]
    pub answer: Answers<'a>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
pub enum Answers<'a> {
    #[wire(tag = 3 | 4)]
    Registers {
        #[wire(tag)]
        function: u8,
        #[wire(before(bytes: u8 = count(values) * 2))]
        values: Vec<u16>,
    },
    #[wire(tag = 6)]
    Written { register: u16, value: u16 },
    #[wire(tag = 0x2B)]
    Named {
        #[wire(before(more: bits(1) = present(next)), before(_: bits(7)))]
        next: Option<u8>,
        #[wire(count = prefix(u8))]
        names: Vec<Name<'a>>,
    },
    #[wire(tag = 0x81..=0xFF)]
    Refused {
        #[wire(tag)]
        function: u8,
        code: u8,
    },
}

#[derive(ExProtoFrame, Debug, PartialEq)]
pub struct Name<'a> {
    pub id: u8,
    #[wire(size = prefix(u8))]
    pub text: &'a [u8],
}

fn answer(answer: Answers<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode::<Answer<'_>>(&Answer { unit: 1, answer }, &mut out).unwrap();
    out
}

fn answers() -> Vec<Vec<u8>> {
    vec![
        answer(Answers::Registers { function: 3, values: vec![1, 0xFFFF, 3] }),
        answer(Answers::Written { register: 1, value: 3 }),
        answer(Answers::Named {
            next: Some(9),
            names: vec![Name { id: 0, text: b"maker" }, Name { id: 1, text: b"" }],
        }),
        answer(Answers::Named { next: None, names: vec![] }),
        answer(Answers::Refused { function: 0x83, code: 2 }),
    ]
}

#[test]
fn the_function_code_says_where_an_answer_ends() {
    let stream = answers().concat();
    assert_eq!(frames(&same_however_cut::<Answer<'_>>(&stream)), answers());
    assert_eq!(round_trip::<Answer<'_>>(&stream), 5);
    walks::<Answer<'_>>(&stream, 5);
}

#[test]
fn an_unknown_tag_or_a_wrong_checksum_is_given_up_and_the_next_frame_found() {
    let mut spoilt = answer(Answers::Written { register: 7, value: 8 });
    spoilt[3] ^= 1;
    for noise in [&b"\x01\x63zz"[..], &spoilt] {
        let stream = [&answers()[0][..], noise, &answers().concat()].concat();
        let got = same_however_cut::<Answer<'_>>(&stream);
        let whole: Vec<_> = got
            .iter()
            .filter_map(|got| if let Got::Frame(_, wire, _) = got { Some(wire) } else { None })
            .collect();
        assert_eq!(whole.len(), 6, "{got:?}");
        assert!(got.iter().all(|got| !matches!(got, Got::Bad(_, _, true))));
        let wire: Vec<u8> = got
            .iter()
            .flat_map(|got| match got {
                Got::Frame(_, wire, _) | Got::Bad(_, wire, _) => wire.clone(),
            })
            .collect();
        assert_eq!(wire, stream, "no byte is lost");
    }
}

/// The bytes before the check, whatever they are; where they end their layout says.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 256)]
#[wire(endian = big)]
pub struct Guarded<'a> {
    pub unit: u8,
    #[wire(rest, after(check: u16 = crc("CRC-16/MODBUS", ..), endian = little))]
    pub order: Order<'a>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(tag = u8, endian = big, lenient)]
pub enum Order<'a> {
    #[wire(tag = 3)]
    Read { register: u16, count: u16 },
    #[wire(tag = 16)]
    Write {
        register: u16,
        #[wire(before(count: u16 = count(values)), before(bytes: u8 = size(values)))]
        values: Vec<u16>,
    },
    #[wire(other)]
    Other {
        #[wire(tag)]
        function: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[test]
fn a_part_that_takes_the_rest_ends_where_its_layout_does() {
    let wire = |order| {
        let mut out = Vec::new();
        encode::<Guarded<'_>>(&Guarded { unit: 1, order }, &mut out).unwrap();
        out
    };
    let read = wire(Order::Read { register: 7, count: 2 });
    let write = wire(Order::Write { register: 7, values: vec![1, 2] });
    let stream = [&read[..], &write, &read].concat();
    assert_eq!(frames(&same_however_cut::<Guarded<'_>>(&stream)), [&read[..], &write, &read]);
    walks::<Guarded<'_>>(&stream, 3);

    // What does not fit its variant ends there too, and is kept as it is.
    let odd = wire(Order::Other { function: 16, data: &[0, 7, 0, 9, 2, 0, 1] });
    let stream = [&odd[..], &read].concat();
    assert_eq!(frames(&same_however_cut::<Guarded<'_>>(&stream)), [&odd[..], &read]);
    assert_eq!(round_trip::<Guarded<'_>>(&stream), 2);
    // Of an unknown function the end is unknown: it is given up, what follows is found.
    let unknown = wire(Order::Other { function: 0x63, data: b"zz" });
    let got = same_however_cut::<Guarded<'_>>(&[&unknown[..], &read].concat());
    assert!(
        matches!(&got[..], [Got::Bad(_, bad, false), Got::Frame(_, good, _)] if *bad == unknown && *good == read),
        "{got:?}"
    );
}

/// A length after optional fields, and one that speaks of a range in the
/// middle that begins before it.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 4096)]
#[wire(endian = big)]
pub struct Headers<'a> {
    #[wire(before(b"H"))]
    #[wire(before(routed: bits(1) = present(route)), before(named: bits(1) = present(name)), before(_: bits(6)))]
    pub route: Option<Route>,
    #[wire(size = prefix(u8), as = exproto_runtime::codec::Ascii)]
    pub name: Option<Text<'a>>,
    pub kind: Purpose,
    #[wire(before(len: u16 = size(kind..=parts)))]
    #[wire(count = prefix(u8))]
    pub parts: Vec<Short<'a>>,
    #[wire(size = if kind == Purpose::Alarm { 4 } else { 1 })]
    pub tail: &'a [u8],
}

#[derive(ExProtoFrame, Debug, PartialEq, Clone, Copy)]
#[wire(endian = big)]
pub struct Route {
    pub from: u16,
    pub to: u16,
}

#[test]
fn a_length_is_reached_behind_optional_fields() {
    let headers = |route, name: Option<&'static str>, kind, tail: &'static [u8]| {
        let mut out = Vec::new();
        let parts = vec![Short { text: b"\xFF\xFE" }, Short { text: b"" }];
        let frame = Headers { route, name: name.map(Text::from), kind, parts, tail };
        encode::<Headers<'_>>(&frame, &mut out).unwrap();
        out
    };
    let all = [
        headers(None, None, Purpose::Report, b"t"),
        headers(Some(Route { from: 1, to: 2 }), None, Purpose::Alarm, b"tail"),
        headers(None, Some("name"), Purpose::Alarm, b"tail"),
        headers(Some(Route { from: 1, to: 2 }), Some(""), Purpose::Report, b"t"),
    ];
    let stream = all.concat();
    assert_eq!(frames(&same_however_cut::<Headers<'_>>(&stream)), all);
    assert_eq!(round_trip::<Headers<'_>>(&stream), 4);
    walks::<Headers<'_>>(&stream, 4);
    let (_, visited) = feed::<Headers<'_>>(&[&stream], false);
    assert!(visited < stream.len() as u64, "what the length speaks of is not looked at");
    // A length that ends before it began.
    let mut bad = all[0].clone();
    bad[3..5].copy_from_slice(&[0, 1]);
    let got = same_however_cut::<Headers<'_>>(&[bad, all[1].clone()].concat());
    assert!(matches!(&got[0], Got::Bad(ErrorKind::Length, _, false)), "{got:?}");
    assert!(matches!(&got[1], Got::Frame(..)), "{got:?}");
}

/// Values as lines of text: a letter, and what it stands for.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 64)]
pub struct Line<'a> {
    pub value: Reply<'a>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(tag = u8)]
pub enum Reply<'a> {
    #[wire(tag = b'+')]
    Simple(#[wire(until = b"\r\n", as = exproto_runtime::codec::Ascii)] Text<'a>),
    #[wire(tag = b':')]
    Number(#[wire(until = b"\r\n")] exproto_runtime::codec::Dec),
    #[wire(tag = b'=')]
    Counted {
        #[wire(until = b"\r\n")]
        n: exproto_runtime::codec::Dec,
        #[wire(size = n.value().unwrap_or(0) as usize, after(b"\r\n"))]
        data: &'a [u8],
    },
    #[wire(tag = b'$')]
    Bulk {
        #[wire(before(n: dec = size(data), until = b"\r\n"))]
        #[wire(after(b"\r\n"))]
        data: &'a [u8],
    },
    #[wire(tag = b'*')]
    Fields(Fields<'a>),
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',', after(b"#"))]
pub struct Fields<'a> {
    #[wire(as = exproto_runtime::codec::Ascii)]
    pub first: Text<'a>,
    pub second: Option<exproto_runtime::codec::Dec>,
    #[wire(as = exproto_runtime::codec::Ascii)]
    pub third: Option<Text<'a>>,
}

#[test]
fn text_ends_where_its_marks_are() {
    let all: Vec<&[u8]> = vec![
        b"+OK\r\n",
        b":12\r\n",
        b"=5\r\na\r\nb#\r\n",
        b"*one,2,three#",
        b"*one,,#",
        b"*,,#",
        b"+\r\n",
        b"+\rx\r\r\n",
    ];
    let stream = all.concat();
    assert_eq!(frames(&same_however_cut::<Line<'_>>(&stream)), all);
    assert_eq!(round_trip::<Line<'_>>(&stream), all.len());
    // A beginning of an end that is none is looked at again.
    walks::<Line<'_>>(&stream, all.len());
}

/// Codecs that know where a value ends, one of the user's own, contexts,
/// conditions and a size by an earlier part.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 700)]
#[wire(endian = big)]
pub struct Mixed<'a> {
    #[wire(before(b"M"))]
    pub head: Head,
    #[wire(as = exproto_runtime::codec::Leb128)]
    pub len: u32,
    #[wire(size = len)]
    pub data: &'a [u8],
    #[wire(as = exproto_runtime::codec::BerLength)]
    pub count: u16,
    #[wire(count = count, each(size = head.width))]
    pub cells: Vec<&'a [u8]>,
    #[wire(if = head.wide())]
    pub more: Option<u32>,
    #[wire(as = Quoted)]
    pub quoted: u32,
    #[wire(ctx(wide = head.wide()))]
    pub choice: Choice,
    #[wire(count = head.width, ctx(wide = head.wide()))]
    pub choices: Vec<Choice>,
    #[wire(if = more.is_some(), size = 2)]
    pub last: Option<&'a [u8]>,
    #[wire(size = prefix(exproto_runtime::codec::Leb128))]
    pub long: &'a [u8],
    #[wire(count = prefix(exproto_runtime::codec::BerLength))]
    pub shorts: Vec<Short<'a>>,
    pub three: [Short<'a>; 3],
}

#[derive(ExProtoFrame, Debug, PartialEq, Clone, Copy)]
pub struct Head {
    pub width: u8,
    pub flags: u8,
}

impl Head {
    pub fn wide(self) -> bool {
        self.flags & 1 != 0
    }
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big, ctx(wide: bool))]
pub enum Choice {
    #[wire(when = wide)]
    Wide {
        value: u32,
        #[wire(count = prefix(u8))]
        list: Vec<u16>,
    },
    #[wire(when = true)]
    Narrow(u8),
}

/// Digits in quotes.
pub struct Quoted;

impl Codec<'_, u32> for Quoted {
    const DELIMITED: bool = true;
    const FINDS_END: bool = true;
    fn end(&self, bytes: &[u8], seen: usize) -> End {
        match bytes.iter().enumerate().skip(seen.max(1)).find(|(_, byte)| **byte == b'"') {
            Some((at, _)) => End::After(at + 1),
            None => End::Need(if bytes.is_empty() { 2 } else { 1 }),
        }
    }
    fn decode(&self, r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<u32, Error> {
        let mut value = 0;
        r.run::<1>(at)?;
        loop {
            match r.run::<1>(at)? {
                [b'"'] => return Ok(value),
                [digit] => value = value * 10 + u32::from(digit & 15),
            }
        }
    }
    fn encode(&self, value: &u32, w: &mut Writer<'_>, _: &'static FieldInfo) -> Result<(), Error> {
        w.bytes(format!("\"{value}\"").as_bytes());
        Ok(())
    }
}

fn mixed(flags: u8) -> Vec<u8> {
    let wide = flags & 1 != 0;
    let choice = || if wide { Choice::Wide { value: 1, list: vec![7] } } else { Choice::Narrow(5) };
    let frame = Mixed {
        head: Head { width: 2, flags },
        len: 130,
        data: &[b'M'; 130],
        count: 3,
        cells: vec![b"ab", b"cd", b"ef"],
        more: wide.then_some(9),
        quoted: 1234,
        choice: choice(),
        choices: vec![choice(), choice()],
        last: wide.then_some(b"zz"),
        long: &[7; 200],
        shorts: (0..130).map(|_| Short { text: b"" }).collect(),
        three: [Short { text: b"1" }, Short { text: b"22" }, Short { text: b"" }],
    };
    let mut out = Vec::new();
    encode::<Mixed<'_>>(&frame, &mut out).unwrap();
    out
}

#[test]
fn sizes_may_depend_on_earlier_fields_and_codecs() {
    let all = [mixed(0), mixed(1), mixed(0)];
    let stream = all.concat();
    assert_eq!(frames(&same_however_cut::<Mixed<'_>>(&stream)), all);
    assert_eq!(round_trip::<Mixed<'_>>(&stream), 3);
    walks::<Mixed<'_>>(&stream, 3);
}

/// A frame over any body that has a layout.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 256)]
#[wire(endian = big)]
pub struct Over<P> {
    pub unit: u8,
    #[wire(after(check: u16 = crc("CRC-16/MODBUS", ..), endian = little))]
    pub pdu: P,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(tag = u8, endian = big)]
pub enum Ask {
    #[wire(tag = 3)]
    Read { from: u16, count: u16 },
    #[wire(tag = 16)]
    Write {
        from: u16,
        #[wire(before(n: u16 = count(values)), before(_: u8))]
        values: Vec<u16>,
    },
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(tag = u8, endian = big)]
pub enum Told<'a> {
    #[wire(tag = 3)]
    Read(#[wire(size = prefix(u8))] &'a [u8]),
    #[wire(tag = 16)]
    Written(u32),
}

#[test]
fn a_generic_frame_ends_where_its_body_ends() {
    let asked = |pdu| {
        let mut out = Vec::new();
        encode::<Over<Ask>>(&Over { unit: 1, pdu }, &mut out).unwrap();
        out
    };
    let told = |pdu| {
        let mut out = Vec::new();
        encode::<Over<Told<'_>>>(&Over { unit: 1, pdu }, &mut out).unwrap();
        out
    };
    let asks = [asked(Ask::Read { from: 1, count: 2 }), asked(Ask::Write { from: 1, values: vec![7, 8] })];
    let tolds = [told(Told::Read(b"abcd")), told(Told::Written(9))];
    let (asks, tolds) = ((asks.concat(), asks), (tolds.concat(), tolds));
    assert_eq!(frames(&same_however_cut::<Over<Ask>>(&asks.0)), asks.1);
    assert_eq!(frames(&same_however_cut::<Over<Told<'_>>>(&tolds.0)), tolds.1);
    walks::<Over<Ask>>(&asks.0, 2);
    walks::<Over<Told<'_>>>(&tolds.0, 2);
}

/// Counts that a device may lie about.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 1000)]
#[wire(endian = big)]
pub struct Hostile<'a> {
    #[wire(before(b"X"))]
    #[wire(count = prefix(u32))]
    pub fixed: Vec<Route>,
    #[wire(count = prefix(u32))]
    pub empty: Vec<Nothing>,
    #[wire(count = prefix(u32))]
    pub sized: Vec<Steady>,
    #[wire(size = prefix(u64))]
    pub data: &'a [u8],
}

/// No bytes at all, though its size is no constant.
#[derive(ExProtoFrame, Debug, PartialEq)]
pub struct Nothing {
    #[wire(if = false)]
    pub value: Option<u8>,
}

/// Nothing in it has to be read.
#[derive(ExProtoFrame, Debug, PartialEq)]
pub struct Steady {
    #[wire(if = true)]
    pub value: Option<u8>,
}

#[test]
fn hostile_counts_cost_nothing() {
    let head = |fixed: u32, empty: u32, sized: u32, data: u64| {
        let (fixed, empty, sized) = (fixed.to_be_bytes(), empty.to_be_bytes(), sized.to_be_bytes());
        [&b"X"[..], &fixed, &empty, &sized, &data.to_be_bytes()].concat()
    };
    let good = head(0, 0, 0, 1);
    let good = [&good[..], b"d"].concat();
    assert_eq!(frames(&same_however_cut::<Hostile<'_>>(&good)).len(), 1);
    for bad in [
        head(u32::MAX, 0, 0, 0),
        head(0, 0, u32::MAX, 0),
        head(0, 0, 0, u64::MAX),
        head(0, 0, 0, u64::MAX - 20),
    ] {
        let stream = [&bad[..], &good, &good].concat();
        let got = same_however_cut::<Hostile<'_>>(&stream);
        assert!(matches!(&got[0], Got::Bad(ErrorKind::TooLong, ..)), "{got:?}");
        assert_eq!(got.iter().filter(|got| matches!(got, Got::Frame(..))).count(), 2, "{got:?}");
        let (_, visited) = feed::<Hostile<'_>>(&stream.chunks(1).collect::<Vec<_>>(), false);
        assert!(visited < 3 * stream.len() as u64, "{visited} visits");
    }
    // Elements without bytes, as many as a count can say.
    let many = [&head(0, u32::MAX, 0, 0)[..], &good].concat();
    let got = same_however_cut::<Hostile<'_>>(&many);
    assert!(matches!(&got[0], Got::Frame(..)), "{got:?}");
}
