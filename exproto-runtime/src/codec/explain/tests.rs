#![allow(clippy::unwrap_used)]

use alloc::string::ToString;

use super::*;
use crate::codec::frame::{
    Check, Deframer, Escape, FlagScan, FrameKind, Framing, ReassemblyLimits, Stuffing,
};
use crate::codec::{
    Algorithm, Context, Decode, Encode, Family, Reader, Scale, Segment, Trace, Visitor, Wire, Writer,
};

// A small layout, implemented by hand in the form of generated code.

#[derive(Debug, PartialEq)]
struct Packet<'a> {
    segment: Option<(u8, u8)>,
    body: Body<'a>,
}

#[derive(Debug, PartialEq)]
enum Body<'a> {
    Location { lat: i32, note: Option<u8>, items: Vec<Entry<'a>> },
    FreeText(&'a str),
    Other { tag: u8, data: &'a [u8] },
}

#[derive(Debug, PartialEq)]
struct Entry<'a> {
    id: u8,
    value: &'a [u8],
}

static TAG: FieldInfo = FieldInfo::new("Packet", "tag");
static LEN: FieldInfo = FieldInfo::new("Packet", "len");
static SEGMENT: FieldInfo = FieldInfo::new("Packet", "segment");
static BODY: FieldInfo = FieldInfo::new("Packet", "body");
static CHECK: FieldInfo = FieldInfo::new("Packet", "check");
static LOCATION: FieldInfo = FieldInfo::new("Body", "location");
static FREE_TEXT: FieldInfo = FieldInfo::new("Body", "free_text");
static OTHER: FieldInfo = FieldInfo::new("Body", "other");
static LAT: FieldInfo = FieldInfo::new("Body::Location", "lat")
    .scaled(Scale { mul: 1, add: 0, decimals: 6, div: 1 })
    .with_range(-90_000_000, 90_000_000)
    .with_unit("°");
static NOTE: FieldInfo = FieldInfo::new("Body::Location", "note");
static ITEMS: FieldInfo = FieldInfo::new("Body::Location", "items");
static FREE_TEXT_0: FieldInfo = FieldInfo::new("Body::FreeText", "0");
static OTHER_TAG: FieldInfo = FieldInfo::new("Body::Other", "tag");
static OTHER_DATA: FieldInfo = FieldInfo::new("Body::Other", "data");
static ENTRY_ID: FieldInfo = FieldInfo::new("Entry", "id");
static ENTRY_LEN: FieldInfo = FieldInfo::new("Entry", "len");
static ENTRY_VALUE: FieldInfo = FieldInfo::new("Entry", "value");
static ESCAPE: Escape = Escape { byte: 0x7D, codes: &[(0x01, 0x7D), (0x02, 0x7E)], xor: None };

impl Family for Packet<'_> {
    type At<'f> = Packet<'f>;
}

impl Wire for Packet<'_> {
    const MIN: usize = 3;
    const SIZE: Option<usize> = None;
    type Ctx = ();
}

impl<'a> Decode<'a> for Packet<'a> {
    fn decode<T: Trace>(r: &mut Reader<'a, T>, (): ()) -> Result<Self, Error> {
        let start = r.offset();
        let head = r.run::<2>(&TAG)?;
        r.span(&TAG, start, 1);
        r.span(&LEN, start + 1, 1);
        r.enter(&SEGMENT);
        let segment = if head[0] & 0x80 != 0 {
            let [index, total] = *r.run::<2>(&SEGMENT)?;
            Some((index, total))
        } else {
            None
        };
        r.leave();
        let mut sub = r.sub_framed(usize::from(head[1]), 1, (&LEN, start + 1), &BODY)?;
        sub.enter(&BODY);
        let body = Body::select(if segment.is_some() { 9 } else { head[0] }, &mut sub)?;
        sub.leave();
        r.finish(sub, &BODY)?;
        r.enter(&CHECK);
        r.run::<1>(&CHECK)?;
        r.leave();
        Ok(Self { segment, body })
    }
}

impl<'a> Body<'a> {
    fn select<T: Trace>(tag: u8, r: &mut Reader<'a, T>) -> Result<Self, Error> {
        r.enter(match tag {
            1 => &LOCATION,
            2 => &FREE_TEXT,
            7 => return Err(r.fail(ErrorKind::Tag, 0, &TAG, 7, 0)),
            _ => &OTHER,
        });
        let body = Self::variant(tag, r)?;
        r.leave();
        Ok(body)
    }

    fn variant<T: Trace>(tag: u8, r: &mut Reader<'a, T>) -> Result<Self, Error> {
        match tag {
            1 => {
                let start = r.offset();
                let lat = i32::from_be_bytes(*r.run::<4>(&LAT)?);
                r.span(&LAT, start, 4);
                if !(-90_000_000..=90_000_000).contains(&lat) {
                    r.flag_at(Flag::Range, &LAT, start);
                }
                r.enter(&NOTE);
                let note = if lat == 0 { Some(r.run::<1>(&NOTE)?[0]) } else { None };
                r.leave();
                r.enter(&ITEMS);
                let mut items = Vec::new();
                while r.left() > 0 {
                    let (mark, before) = (r.trace().mark(), *r);
                    r.enter_element(items.len());
                    match Entry::decode(r) {
                        Ok(entry) => items.push(entry),
                        // A tail that is cut off is dropped here; a list
                        // that keeps it would flag it the same way.
                        Err(error) if error.kind() == ErrorKind::Short => {
                            r.trace().rewind(mark);
                            *r = before;
                            r.flag_at(Flag::Tail, &ITEMS, before.offset());
                            r.rest();
                            break;
                        }
                        Err(error) => return Err(error),
                    }
                    r.leave();
                }
                r.leave();
                Ok(Self::Location { lat, note, items })
            }
            2 => {
                let offset = r.offset();
                r.enter(&FREE_TEXT_0);
                let text = core::str::from_utf8(r.rest())
                    .map_err(|_| r.fail(ErrorKind::Custom, offset, &FREE_TEXT_0, 0, 0))?;
                r.leave();
                Ok(Self::FreeText(text))
            }
            tag => {
                r.enter(&OTHER_TAG);
                r.leave();
                r.enter(&OTHER_DATA);
                let data = r.rest();
                r.leave();
                Ok(Self::Other { tag, data })
            }
        }
    }
}

impl<'a> Entry<'a> {
    fn decode<T: Trace>(r: &mut Reader<'a, T>) -> Result<Self, Error> {
        let start = r.offset();
        let [id, len] = *r.run::<2>(&ENTRY_ID)?;
        r.span(&ENTRY_ID, start, 1);
        r.span(&ENTRY_LEN, start + 1, 1);
        if len > 100 {
            return Err(r.fail(ErrorKind::Constant, start + 1, &ENTRY_LEN, u64::from(len), 4));
        }
        r.enter(&ENTRY_VALUE);
        let value = r.take(usize::from(len), &ENTRY_VALUE)?;
        r.leave();
        Ok(Self { id, value })
    }
}

impl Encode for Packet<'_> {
    fn encode(&self, w: &mut Writer<'_>, (): ()) -> Result<(), Error> {
        // The tests only read.
        Err(w.error(ErrorKind::Custom, w.here(), &BODY))
    }
}

impl Value for Packet<'_> {
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        v.begin();
        v.field(&SEGMENT);
        self.segment.map(|(index, _)| index).show(&SEGMENT, v);
        v.field(&BODY);
        v.begin();
        match &self.body {
            Body::Location { lat, note, items } => {
                v.field(&LOCATION);
                v.begin();
                v.field(&LAT);
                lat.show(&LAT, v);
                v.field(&NOTE);
                note.show(&NOTE, v);
                v.field(&ITEMS);
                v.begin_list();
                for item in items {
                    v.element();
                    v.begin();
                    v.field(&ENTRY_ID);
                    item.id.show(&ENTRY_ID, v);
                    v.field(&ENTRY_VALUE);
                    item.value.show(&ENTRY_VALUE, v);
                    v.end();
                }
                v.end_list();
                v.end();
            }
            Body::FreeText(text) => {
                v.field(&FREE_TEXT);
                text.show(&FREE_TEXT_0, v);
            }
            Body::Other { tag, data } => {
                v.field(&OTHER);
                v.begin();
                v.field(&OTHER_TAG);
                tag.show(&OTHER_TAG, v);
                v.field(&OTHER_DATA);
                data.show(&OTHER_DATA, v);
                v.end();
            }
        }
        v.end();
        v.end();
    }
}

impl Context for Packet<'_> {
    type Ctx = ();
}

impl Protocol for Packet<'_> {
    const NAME: &'static str = "Packet";
    const KINDS: &'static [FrameKind] =
        &[FrameKind::new(Framing::Flag { flag: 0x7E, escape: Some(Stuffing::Escape(&ESCAPE)), max: 64 })
            .checked(Some(Check {
                from: 0,
                tail: 1,
                gap: 0,
                width: 1,
                digits: None,
                big_endian: true,
                algorithm: Algorithm::Xor,
                at: &CHECK,
            }))];
    type Scan = FlagScan;

    fn scanner((): ()) -> FlagScan {
        FlagScan::new(0x7E, 64)
    }

    fn decode_kind<'f, T: Trace>(_: usize, r: &mut Reader<'f, T>, (): ()) -> Result<Packet<'f>, Error> {
        Packet::decode(r, ())
    }

    fn segment<'s>(frame: &'s Packet<'_>, (): ()) -> Option<Segment<'s>> {
        let (index, total) = frame.segment?;
        let Body::Other { data, .. } = frame.body else {
            return None;
        };
        Some(Segment::numbered(0, u32::from(index), u32::from(total), data))
    }

    fn join<'f, T: Trace>(
        _: usize,
        head: &'f [u8],
        body: &'f [u8],
        (): (),
        trace: T,
    ) -> Result<(Packet<'f>, Flags), Error> {
        let mut r = Reader::traced(body, trace);
        r.enter(&BODY);
        let body = Body::select(head.first().copied().unwrap_or(0) & 0x7F, &mut r)?;
        r.leave();
        Ok((Packet { segment: None, body }, r.flags()))
    }

    fn kind(frame: &Packet<'_>) -> &'static str {
        match frame.body {
            Body::Location { .. } => "location",
            Body::FreeText(_) => "free_text",
            Body::Other { .. } => "other",
        }
    }
}

/// A frame with the right length and checksum.
fn wire(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut payload = alloc::vec![tag, body.len() as u8];
    payload.extend_from_slice(body);
    sealed(&payload)
}

fn sealed(payload: &[u8]) -> Vec<u8> {
    let mut payload = payload.to_vec();
    payload.push(crate::codec::xor(&payload));
    let mut wire = Vec::new();
    Packet::KINDS[0].framing.wrap(&payload, &mut wire);
    wire
}

fn explained(wire: &[u8]) -> Explanation {
    let mut input = wire;
    let mut scratch = Vec::new();
    let mut deframer = Deframer::<Packet<'_>>::new();
    explain_item::<Packet<'_>>(&deframer.next(&mut input, &mut scratch).unwrap())
}

#[track_caller]
fn draws(wire: &[u8], expected: &str) {
    let drawn = explained(wire).to_string();
    let expected = expected.strip_prefix('\n').unwrap();
    assert_eq!(drawn, expected, "drawn:\n{drawn}");
}

#[test]
fn a_frame_is_drawn_with_fields_and_values() {
    draws(
        &wire(1, b"\x01\x58\xAF\x76\x01\x02\x7E\x10\x02\x00\x2B\x0A0123456789"),
        r#"
Packet location, 25 bytes from byte 1 of the stream
  0000  01 16 01 58 af 76 01 02  7e 10 02 00 2b 0a 30 31  ...X.v..~...+.01
  0010  32 33 34 35 36 37 38 39  d8                       23456789.
    0..1  01                         Packet.tag
    1..2  16                         Packet.len
    2..2                             Packet.segment
   2..24  01 58 af 76 01 02 7e 10 .. Packet.body
   2..24  01 58 af 76 01 02 7e 10 ..   Body.location
    2..6  01 58 af 76                    Body::Location.lat    22.589302 °
    6..6                                 Body::Location.note
   6..24  01 02 7e 10 02 00 2b 0a ..     Body::Location.items
   6..10  01 02 7e 10                      [0]
    6..7  01                                 Entry.id          1
    7..8  02                                 Entry.len
   8..10  7e 10                              Entry.value       "7e10"
  10..12  02 00                            [1]
  10..11  02                                 Entry.id          2
  11..12  00                                 Entry.len
  12..12                                     Entry.value       ""
  12..24  2b 0a 30 31 32 33 34 35 ..       [2]
  12..13  2b                                 Entry.id          43
  13..14  0a                                 Entry.len
  14..24  30 31 32 33 34 35 36 37 ..         Entry.value       "30313233343536373839"
  24..25  d8                         Packet.check
"#,
    );
}

#[test]
fn oddities_are_listed_with_their_path() {
    draws(
        &wire(1, b"\x7F\xFF\xFF\xFF\x01\x01A\x02\x09B"),
        r#"
Packet location, 13 bytes from byte 1 of the stream
  0000  01 0a 7f ff ff ff 01 01  41 02 09 42 83           ........A..B.
    0..1  01                         Packet.tag
    1..2  0a                         Packet.len
    2..2                             Packet.segment
   2..12  7f ff ff ff 01 01 41 02 .. Packet.body
   2..12  7f ff ff ff 01 01 41 02 ..   Body.location
    2..6  7f ff ff ff                    Body::Location.lat    2147.483647 °
    6..6                                 Body::Location.note
   6..12  01 01 41 02 09 42              Body::Location.items
    6..9  01 01 41                         [0]
    6..7  01                                 Entry.id          1
    7..8  01                                 Entry.len
    8..9  41                                 Entry.value       "41"
  12..13  83                         Packet.check
odd: Packet.body > Body.location > Body::Location.lat at byte 2: value outside its range
odd: Packet.body > Body.location > Body::Location.items at byte 9: list ends in bytes that are no whole element
"#,
    );
    let explanation = explained(&wire(1, b"\x7F\xFF\xFF\xFF\x01\x01A\x02\x09B"));
    let dotted: Vec<_> = explanation.oddities().iter().map(|oddity| oddity.path.dotted()).collect();
    assert_eq!(dotted, ["body.location.lat", "body.location.items"]);
}

#[test]
fn a_short_field_is_marked_with_what_is_left() {
    draws(
        &wire(1, b"\x01\x58"),
        r#"
Packet, 5 bytes from byte 1 of the stream
  0000  01 02 01 58 5a                                    ...XZ
              ^^^^^
  0..1  01                         Packet.tag
  1..2  02                         Packet.len
  2..2                             Packet.segment
   2..                             Packet.body
   2..                               Body.location
error: Packet.body > Body.location > Body::Location.lat at byte 2: the field needs more bytes than are left
       2 bytes left, 4 needed
"#,
    );
}

#[test]
fn nothing_left_is_marked_behind_the_last_byte() {
    // The checksum is the extent's end here, so the mark stands under it.
    draws(
        &wire(1, b"\0\0\0\0"),
        r#"
Packet, 7 bytes from byte 1 of the stream
  0000  01 04 00 00 00 00 05                              .......
                          ^^
  0..1  01                         Packet.tag
  1..2  04                         Packet.len
  2..2                             Packet.segment
   2..  00 00 00 00                Packet.body
   2..  00 00 00 00                  Body.location
  2..6  00 00 00 00                    Body::Location.lat
   6..                                 Body::Location.note
error: Packet.body > Body.location > Body::Location.note at byte 6: the field needs more bytes than are left
       0 bytes left, 1 needed
"#,
    );
}

#[test]
fn an_error_in_an_element_names_it() {
    let wire = wire(1, b"\0\0\0\x01\x01\x01A\x02\x01B\x03\xFFCDEFGHI");
    draws(
        &wire,
        r#"
Packet, 22 bytes from byte 1 of the stream
  0000  01 13 00 00 00 01 01 01  41 02 01 42 03 ff 43 44  ........A..B..CD
                                                ^^
  0010  45 46 47 48 49 ad                                 EFGHI.
    0..1  01                         Packet.tag
    1..2  13                         Packet.len
    2..2                             Packet.segment
     2..  00 00 00 01 01 01 41 02 .. Packet.body
     2..  00 00 00 01 01 01 41 02 ..   Body.location
    2..6  00 00 00 01                    Body::Location.lat
    6..6                                 Body::Location.note
     6..  01 01 41 02 01 42 03           Body::Location.items
    6..9  01 01 41                         [0]
    6..7  01                                 Entry.id
    7..8  01                                 Entry.len
    8..9  41                                 Entry.value
   9..12  02 01 42                         [1]
   9..10  02                                 Entry.id
  10..11  01                                 Entry.len
  11..12  42                                 Entry.value
    12..  03                               [2]
  12..13  03                                 Entry.id
  13..14  ff                                 Entry.len
error: Packet.body > Body.location > Body::Location.items[2] > Entry.len at byte 13: another value stands where a constant should
       received 255 (0xff), wanted 4
"#,
    );
    let failure = explained(&wire).failure().unwrap().clone();
    assert_eq!(failure.path.dotted(), "body.location.items[2].len");
    assert_eq!(failure.compared, Some((0xFF, 4)));
}

#[test]
fn a_wrong_length_is_marked_at_the_length() {
    draws(
        &sealed(b"\x02\x09hello"),
        r#"
Packet, 8 bytes from byte 1 of the stream
  0000  02 09 68 65 6c 6c 6f 69                           ..helloi
           ^^
  0..1  02                         Packet.tag
  1..2  09                         Packet.len
  2..2                             Packet.segment
error: Packet.len at byte 1: the length field disagrees with the bytes that follow
       the field says 9, 5 are there
"#,
    );
}

#[test]
fn a_tag_without_variant_is_drawn() {
    draws(
        &wire(7, b""),
        r#"
Packet, 3 bytes from byte 1 of the stream
  0000  07 00 07                                          ...
        ^^
  0..1  07                         Packet.tag
  1..2  00                         Packet.len
  2..2                             Packet.segment
   2..                             Packet.body
error: Packet.tag at byte 0: no variant has this tag
       received 7
"#,
    );
}

#[test]
fn a_wrong_checksum_is_drawn_with_the_fields() {
    let mut wire = wire(2, b"h~llo");
    wire[7] = b'L';
    draws(
        &wire,
        r#"
Packet free_text, 8 bytes from byte 1 of the stream
  0000  02 05 68 7e 6c 4c 6f 7e                           ..h~lLo~
                             ^^
  0..1  02                         Packet.tag
  1..2  05                         Packet.len
  2..2                             Packet.segment
  2..7  68 7e 6c 4c 6f             Packet.body
  2..7  68 7e 6c 4c 6f               Body.free_text
  2..7  68 7e 6c 4c 6f                 Body::FreeText.0  "h~lLo"
  7..8  7e                         Packet.check
error: Packet.check at byte 7: the checksum does not match the bytes received
       received 126 (0x7e), wanted 94 (0x5e)
"#,
    );
}

#[test]
fn bytes_that_are_no_frame_are_drawn() {
    draws(
        b"garbage~",
        r#"
no Packet, 7 bytes from byte 0 of the stream
  0000  67 61 72 62 61 67 65                              garbage
        ^^
error: frame at byte 0: the bytes belong to no frame
"#,
    );
    draws(
        b"~ab\x7D\x05c~",
        r#"
no Packet, 6 bytes from byte 1 of the stream
  0000  61 62 7d 05 63 7e                                 ab}.c~
              ^^
error: frame at byte 2: the escape byte is followed by a byte that is no escape code
"#,
    );
    let mut long = b"~".to_vec();
    long.resize(70, b'x');
    let drawn = explained(&long).to_string();
    assert!(drawn.ends_with("error: frame at byte 0: the frame is longer than its limit\n"), "{drawn}");
}

#[test]
fn accepted_checksums_are_flagged() {
    let mut wire = wire(2, b"hello");
    let check = wire.len() - 2;
    wire[check] ^= 1;
    let mut input = &wire[..];
    let mut scratch = Vec::new();
    let mut deframer = Deframer::<Packet<'_>>::new().accepting_bad(true);
    let item = deframer.next(&mut input, &mut scratch).unwrap();
    let explanation = explain_item::<Packet<'_>>(&item);
    let [oddity] = explanation.oddities() else { panic!("{explanation}") };
    assert_eq!(oddity.to_string(), "Packet.check at byte 7: wrong checksum accepted");
    assert!(explanation.failure().is_none());
}

#[test]
fn a_joined_message_is_drawn_without_places() {
    let head = b"\x81\x04\x01\x02\0\0\0\x01";
    let drawn = explain_joined::<Packet<'_>>(0, head, b"\0\0\0\x01\x01\x01A").to_string();
    let expected = r#"
Packet location, 7 bytes joined of segments
  0000  00 00 00 01 01 01 41                              ......A
  Packet.body
    Body.location
      Body::Location.lat    0.000001 °
      Body::Location.note
      Body::Location.items
        [0]
          Entry.id          1
          Entry.len
          Entry.value       "41"
"#;
    assert_eq!(drawn, expected.strip_prefix('\n').unwrap(), "drawn:\n{drawn}");
}

#[test]
fn every_cut_of_a_frame_is_explained() {
    // Nothing that a device sends makes the picture fail.
    let whole = b"\x01\x16\x01\x58\xAF\x76\x01\x02\x7E\x10\x02\x00\x2B\x0A0123456789";
    for end in 0..whole.len() {
        let explanation = explained(&sealed(&whole[..end]));
        let failure = explanation.failure().unwrap();
        assert!((failure.error.offset() as usize) <= end + 1, "{explanation}");
        assert!(explanation.to_string().contains("error: "));
    }
}

#[test]
fn long_pictures_are_cut() {
    let body: Vec<u8> = (0..3000_u32).flat_map(|_| [1, 0]).collect();
    let mut payload = b"\0\0\0\x01".to_vec();
    payload.extend(body);
    let drawn = explain_joined::<Packet<'_>>(0, b"\x01", &payload).to_string();
    assert!(drawn.contains("\n   ..\n"), "{drawn}");
    assert!(drawn.contains(" fields more\n"));
    assert!(drawn.lines().count() < 1100);
}

#[test]
fn a_segment_and_its_limits_belong_together() {
    // The toy's own segments, as the tools put them together.
    let mut reassembler = crate::codec::Reassembler::new(ReassemblyLimits::default());
    let mut whole = None;
    for (index, part) in [(1_u8, &b"\0\0\0"[..]), (2, b"\x01\x01\x01A")] {
        let mut payload = alloc::vec![0x81, part.len() as u8, index, 2];
        payload.extend_from_slice(part);
        payload.push(crate::codec::xor(&payload));
        let received = crate::codec::decode::<Packet<'_>>(&payload).unwrap();
        let segment = Packet::segment(&received.frame, ()).unwrap();
        whole = reassembler.add(0, segment, &payload).unwrap();
    }
    let whole = whole.unwrap();
    let explanation = explain_joined::<Packet<'_>>(0, &whole.head, &whole.body);
    assert!(explanation.failure().is_none(), "{explanation}");
}

#[test]
fn variant_names_are_in_snake_case() {
    for (name, expected) in [
        ("Location", "location"),
        ("PlatformAck", "platform_ack"),
        ("GPSFix", "gps_fix"),
        ("A", "a"),
        ("Rfid2Tag", "rfid2_tag"),
        ("already_so", "already_so"),
    ] {
        assert_eq!(snake(name), expected);
    }
}
