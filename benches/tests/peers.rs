//! All peers give the same values and the same bytes, or they are not worth
//! comparing.
#![allow(clippy::unwrap_used)]

use exproto_benches::cases;
use exproto_benches::input::Input;
use exproto_benches::ours::{borrowed, owned};
use exproto_benches::with_binrw::{declared, matched};
use exproto_benches::{PlainItem, framing, hand, header, telt, with_deku};
use exproto_runtime::codec::{decode, encode};

#[test]
fn all_peers_decode_the_same_values() {
    let input = Input::jt808();
    assert_eq!(input.wire.len(), 256);
    let mut scratch = Vec::new();
    for ((wire, payload), checked) in input.wire.iter().zip(&input.payloads).zip(&input.checked) {
        let plain = hand::decode(wire, &mut scratch).unwrap().plain().unwrap();
        assert_eq!(hand::decode_ref(wire, &mut scratch).unwrap().plain().unwrap(), plain);
        let received = decode::<owned::Message>(checked).unwrap();
        assert_eq!(received.frame.plain().unwrap(), plain);
        let received = decode::<borrowed::Message<'_>>(checked).unwrap();
        assert_eq!(received.frame.plain().unwrap(), plain);
        assert_eq!(with_deku::Message::parse(payload).unwrap().plain(), plain);
        assert_eq!(with_deku::BitMessage::parse(payload).unwrap().plain(), plain);
        assert_eq!(declared::Message::parse(payload).unwrap().plain(), plain);
        assert_eq!(matched::Message::parse(payload).unwrap().plain(), plain);
    }
}

#[test]
fn the_values_are_those_of_the_bytes() {
    // Read off the hex of the first frame.
    let plain = hand::decode(&Input::jt808().wire[0], &mut Vec::new()).unwrap().plain().unwrap();
    assert_eq!((plain.id, plain.serial, plain.encryption, plain.version), (0x0200, 0, 0, None));
    assert_eq!(plain.phone, [0x01, 0x36, 0x66, 0x73, 0x84, 0x84]);
    let location = &plain.location;
    assert_eq!((location.alarm, location.status), (0, 0x0008_0003));
    assert_eq!((location.latitude, location.longitude), (0x01DB_85A8, 0x0737_D5DB));
    assert_eq!((location.altitude, location.speed, location.course), (0x0163, 0x0281, 0x00FE));
    assert_eq!(location.time, [0x25, 0x01, 0x15, 0x12, 0x45, 0x56]);
    assert_eq!(
        location.items,
        [
            PlainItem::Mileage(0x002B_1141),
            PlainItem::Fuel(0x0207),
            PlainItem::Signal(0x1E),
            PlainItem::Other { id: 0xE1, data: vec![0x0B, 0xB9, 0x80, 0xA5, 0x75, 0xA8, 0x96, 0x61] },
        ]
    );
}

#[test]
fn all_peers_encode_the_same_bytes() {
    let input = Input::jt808();
    let mut out = Vec::new();
    for ((wire, payload), checked) in input.wire.iter().zip(&input.payloads).zip(&input.checked) {
        let mut check = |peer: &str, write: &dyn Fn(&mut Vec<u8>)| {
            out.clear();
            out.push(0xAA); // appended to what is there
            write(&mut out);
            assert_eq!(out[0], 0xAA, "{peer}");
            assert_eq!(&out[1..], &wire[..], "{peer}");
        };
        check("hand", &|out| hand::parse(payload).unwrap().encode(out).unwrap());
        check("ours", &|out| {
            encode::<owned::Message>(&decode::<owned::Message>(checked).unwrap().frame, out).unwrap()
        });
        check("ours, borrowed", &|out| {
            let received = decode::<borrowed::Message<'_>>(checked).unwrap();
            encode::<borrowed::Message<'_>>(&received.frame, out).unwrap();
        });
        check("deku", &|out| with_deku::Message::parse(payload).unwrap().encode(out).unwrap());
        check("deku-bits", &|out| with_deku::BitMessage::parse(payload).unwrap().encode(out).unwrap());
        check("binrw", &|out| declared::Message::parse(payload).unwrap().encode(out).unwrap());
        check("binrw-match", &|out| matched::Message::parse(payload).unwrap().encode(out).unwrap());
    }
}

#[test]
fn checks_by_hand_find_what_ours_flags() {
    let input = Input::jt808();
    let clean = &input.payloads[0];
    let mut checked = Vec::new();
    let mut agree = |payload: &[u8], what: &str| {
        checked.clear();
        checked.extend_from_slice(payload);
        checked.push(framing::xor(payload));
        let ours = decode::<borrowed::Message<'_>>(&checked);
        let hand = hand::parse_ref_checked(payload);
        let owned = hand::parse_checked(payload);
        let odd = ours.map(|received| !received.flags.is_empty()).ok();
        assert_eq!(hand.map(|(_, odd)| odd).ok(), odd, "{what}");
        assert_eq!(owned.map(|(_, odd)| odd).ok(), odd, "{what}");
    };
    // Single bytes of the phone number, the coordinates, the course, the time,
    // ids and lengths of items.
    let items = [40, 41, 46, 47, 50, 51, 53, 54];
    for at in [4, 9, 20, 24, 32, 34, 35, 36, 37, 38, 39].into_iter().chain(items) {
        // A last nibble of F is the padding of an odd number of digits, which
        // the code by hand does not know.
        for value in (0..=255).filter(|value| at != 9 || value & 15 != 15) {
            let mut payload = clean.clone();
            payload[at] = value;
            agree(&payload, &format!("byte {at} = {value:02x}"));
        }
    }
    // Bytes behind the last item.
    let mut payload = clean.clone();
    payload.push(1);
    payload[3] += 1;
    agree(&payload, "a byte more");
}

#[test]
fn hand_refuses_what_is_wrong() {
    let input = Input::jt808();
    let wire = input.wire.iter().find(|wire| !wire[1..].contains(&0x7D)).unwrap();
    let mut scratch = Vec::new();
    let mut damaged = wire.clone();
    damaged[20] ^= 1;
    assert_eq!(hand::decode(&damaged, &mut scratch), Err(framing::Error::Checksum));
    damaged[4] ^= 1; // makes the checksum right again, and the length wrong
    assert_eq!(hand::decode(&damaged, &mut scratch), Err(framing::Error::Length));
    assert_eq!(hand::decode(&wire[1..], &mut scratch), Err(framing::Error::Flag));
    assert_eq!(hand::decode(&wire[..wire.len() - 1], &mut scratch), Err(framing::Error::Flag));
    assert_eq!(hand::decode(b"\x7E\x7D\x03\x7E", &mut scratch), Err(framing::Error::Escape));
    for len in 0..input.payloads[0].len() {
        assert!(hand::parse(&input.payloads[0][..len]).is_err(), "{len} bytes");
    }
}

#[test]
fn hand_keeps_other_forms() {
    let roundtrip = |payload: &[u8]| {
        let mut wire = vec![];
        let start = framing::begin(&mut wire);
        wire.extend_from_slice(payload);
        framing::close(&mut wire, start);
        let message = hand::decode(&wire, &mut Vec::new()).unwrap();
        let mut again = Vec::new();
        message.encode(&mut again).unwrap();
        assert_eq!(again, wire);
        message
    };
    // A 2019 header, escapes everywhere.
    let message = roundtrip(&[
        0x02, 0x7E, 0x40, 0x03, 0x7D, 0, 0, 0, 0, 0x7E, 0x7D, 0x7D, 0x7E, 0, 9, 1, 2, 0x7E, 0x7D, 0x01,
    ]);
    assert_eq!((message.header.version, message.header.serial), (Some(0x7D), 0x0102));
    // A segment of a location report is no location report.
    let message = roundtrip(&[0x02, 0x00, 0x20, 0x01, 0, 0, 0, 0, 0, 1, 0, 2, 0, 3, 0, 1, 0xFF]);
    assert_eq!(message.header.part, Some(hand::Part { total: 3, index: 1 }));
    assert_eq!(message.body, hand::Body::Other { id: 0x0200, data: vec![0xFF] });
    // Items: known, known of another length, and one that overruns the body.
    let mut payload = vec![0x02, 0x00, 0x80, 28 + 6 + 3 + 2, 0, 0, 0, 0, 0, 1, 0, 2];
    payload.extend([0; 28]);
    payload.extend([0x01, 4, 0, 0, 0, 7, 0x30, 1, 9, 0x02, 3]);
    let plain = roundtrip(&payload).plain().unwrap();
    assert!(plain.reserved);
    assert_eq!(plain.location.items, [PlainItem::Mileage(7), PlainItem::Signal(9)]);
    assert_eq!(plain.location.tail, [0x02, 3]);
}

#[test]
fn every_case_runs() {
    for case in cases::all() {
        ((case.prepare)().round)();
    }
}

#[test]
fn all_peers_agree_on_headers() {
    let input = header::input();
    assert_eq!(input.len(), 256);
    let mut out = Vec::new();
    for wire in &input {
        let plain = header::hand::verify(wire).and_then(header::hand::parse).unwrap();
        let ours = decode::<header::ours::Header>(wire).unwrap();
        assert!(ours.flags.is_empty());
        assert_eq!(ours.frame.plain(), plain);
        for parse in [
            header::with_zerocopy::parse,
            header::with_winnow::parse,
            header::with_binrw::parse,
            header::with_deku::parse,
        ] {
            assert_eq!(parse(wire), Some(plain));
        }
        for write in [
            header::hand::encode,
            header::with_zerocopy::encode,
            header::with_binrw::encode,
            header::with_deku::encode,
        ] {
            out.clear();
            write(&plain, &mut out).unwrap();
            assert_eq!(&out, wire);
        }
        out.clear();
        encode::<header::ours::Header>(&ours.frame, &mut out).unwrap();
        assert_eq!(&out, wire);
        let mut damaged = wire.clone();
        damaged[0] ^= 1;
        assert_eq!(header::hand::parse(&damaged), None);
        assert!(header::hand::verify(&damaged).is_none());
        assert!(decode::<header::ours::Header>(&damaged).is_err());
    }
    // A value that its bits cannot hold.
    let plain = header::Header { channel: 32, ..header::hand::parse(&input[0]).unwrap() };
    assert_eq!(header::hand::encode(&plain, &mut out), None);
}

#[test]
fn all_peers_agree_on_batches() {
    let input = telt::input();
    assert_eq!(input.len(), 32);
    let mut out = Vec::new();
    for wire in &input {
        let plain = telt::hand::open(wire).and_then(telt::hand::parse).unwrap();
        assert_eq!(plain.len(), 10);
        let owned = decode::<telt::ours::Owned>(wire).unwrap().frame;
        assert_eq!(owned.records.iter().map(telt::ours::Record::plain).collect::<Vec<_>>(), plain);
        let lying = decode::<telt::ours::Borrowed<'_>>(wire).unwrap().frame;
        assert_eq!(lying.records.iter().map(|record| record.plain()).collect::<Vec<_>>(), plain);
        let content = telt::content(wire);
        let deku = telt::with_deku::Data::parse(content).unwrap();
        assert_eq!(deku.records.iter().map(telt::with_deku::Record::plain).collect::<Vec<_>>(), plain);
        let binrw = telt::with_binrw::Data::parse(content).unwrap();
        assert_eq!(binrw.records.iter().map(telt::with_binrw::Record::plain).collect::<Vec<_>>(), plain);
        out.clear();
        telt::hand::encode(&plain, &mut out).unwrap();
        assert_eq!(&out, wire);
        out.clear();
        encode::<telt::ours::Owned>(&owned, &mut out).unwrap();
        assert_eq!(&out, wire);
        // Cut short, too long, with another total.
        for len in 0..content.len() {
            assert!(telt::hand::parse(&content[..len]).is_none());
            assert!(telt::hand::parse_ref(&content[..len]).is_none());
        }
        let mut damaged = content.to_vec();
        damaged[2 + 25] ^= 1;
        assert!(telt::hand::parse(&damaged).is_none() && telt::hand::parse_ref(&damaged).is_none());
    }
}
