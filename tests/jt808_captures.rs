//! Frames of other projects' tests through the JT/T 808 example: read, written
//! again byte for byte, compared with what those projects say, answered.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::jt808::{Authenticate, Body, ItemValue, Location, Message as Frame, Register};
use common::{Capture, Conn, Message, all_captures, hex, smallchi, traccar, unhex, wire_offset, wrap, xor};
use exproto_runtime::codec::Tagged as _;
use exproto_runtime::codec::{
    Bad, Deframer, ErrorKind, Flag, Item as Raw, Protocol, RawFrame, Received, Text, decode, explain,
    reencode,
};
use serde_json::{Value as Json, json};

/// The one item in a frame's bytes.
fn with_item<R>(wire: &[u8], accept_bad: bool, look: impl FnOnce(Raw<'_>) -> R) -> R {
    let mut deframer = Deframer::<Message>::new().accepting_bad(accept_bad);
    let (mut scratch, mut input) = (Vec::new(), wire);
    let result = look(deframer.next(&mut input, &mut scratch).expect("an item"));
    assert!(deframer.next(&mut input, &mut scratch).is_none(), "a second item in {}", hex(wire));
    assert!(deframer.pending().is_empty());
    result
}

fn with_frame<R>(
    capture: &Capture,
    accept_bad: bool,
    look: impl FnOnce(&RawFrame<'_>, Received<Frame<'_>>) -> R,
) -> R {
    with_item(&capture.wire, accept_bad, |item| match item {
        Raw::Frame(raw) => match raw.decode::<Message>() {
            Ok(received) => look(&raw, received),
            Err(error) => panic!("{}: {error}\n{}", capture.name, explain::<Message>(&raw)),
        },
        Raw::Bad(Bad { error, .. }) => panic!("{}: {error}", capture.name),
    })
}

fn written_again(raw: &RawFrame<'_>, received: &Received<Frame<'_>>) -> Vec<u8> {
    let mut out = Vec::new();
    reencode::<Message>(received, raw, &mut out).unwrap();
    out
}

fn good(captures: Vec<Capture>) -> impl Iterator<Item = Capture> {
    captures.into_iter().filter(Capture::is_good)
}

#[test]
fn good_frames_are_read_and_written_again_byte_for_byte() {
    let mut kinds = BTreeMap::<&str, usize>::new();
    for capture in good(all_captures()) {
        with_frame(&capture, false, |raw, received| {
            assert_eq!(hex(raw.payload), hex(&capture.payload()), "{}", capture.name);
            assert_eq!(hex(&written_again(raw, &received)), hex(&capture.wire), "{}", capture.name);
            *kinds.entry(Message::kind(&received.frame)).or_default() += 1;
        });
    }
    // All kinds of the example but the text of 2019 and the logout have a
    // frame from elsewhere; a declaration that reads everything as `other`
    // would pass the loop above.
    for (kind, least) in [
        ("terminal_ack", 1),
        ("heartbeat", 3),
        ("logout", 1),
        ("register", 12),
        ("authenticate", 4),
        ("parameters", 5),
        ("location", 80),
        ("batch", 9),
        ("platform_ack", 1),
        ("register_ack", 3),
        ("set_parameters", 3),
        ("query_parameters", 1),
        ("text", 3),
    ] {
        assert!(kinds.get(kind).copied().unwrap_or(0) >= least, "{kind}: {kinds:?}");
    }
}

#[test]
fn nothing_of_the_good_frames_is_odd_but_what_is_named_here() {
    // Traccar's fleet has trackers whose "phone" is an IMEI in binary.
    let binary_phone = ["4f07", "4eb6", "4e5d", "0b3a"];
    let odd = [
        // Four items without bytes and a tail that is no item.
        ("Jt808ProtocolDecoderTest.testDecode:252", Flag::Tail),
        // Made-up items with lengths of two bytes and with ids of two bytes.
        ("Test1_2_2:114", Flag::Tail),
        ("Test1_2_1:178", Flag::Tail),
        // 0x0001 with two bytes more than the standard gives it.
        ("Test1:46", Flag::Raw),
    ];
    let mut seen = Vec::new();
    for capture in good(all_captures()) {
        with_frame(&capture, false, |raw, received| {
            let phone = hex(received.frame.phone.as_bytes());
            for flag in received.flags.iter() {
                if flag == Flag::Digits && binary_phone.iter().any(|prefix| phone.starts_with(prefix)) {
                    continue;
                }
                let known = (capture.name.as_str(), flag);
                assert!(odd.contains(&known), "{}: {flag:?}\n{}", capture.name, explain::<Message>(raw));
                seen.push(capture.name.clone());
            }
        });
    }
    assert_eq!(seen.len(), odd.len(), "{seen:?}");
}

/// Lines of the capture files that are no message at all.
const NO_MESSAGE: [&str; 2] = [
    // Five bytes to show the escapes, without header or checksum.
    "Jt808FrameEncoderTest.testDecode:17",
    // A buffer for a test of "skip to the next flag", with flags inside.
    "CompositeTest2:454",
];

#[test]
fn frames_with_a_wrong_checksum_or_length_are_refused_at_the_right_byte() {
    let (mut sums, mut lengths) = (0, 0);
    let bad = |capture: &Capture| !capture.is_good() && !NO_MESSAGE.contains(&capture.name.as_str());
    for capture in all_captures().iter().filter(|capture| bad(capture)) {
        let payload = capture.payload();
        let (kind, at) = if capture.checksum_ok {
            lengths += 1;
            (ErrorKind::Length, 2)
        } else {
            // Who cannot trust the bytes cannot trust the length in them.
            sums += 1;
            (ErrorKind::Checksum, payload.len() - 1)
        };
        let (error, offset) = with_item(&capture.wire, false, |item| match item {
            Raw::Frame(raw) => {
                let error = raw.decode::<Message>().expect_err(&capture.name);
                (error, raw.stream_offset::<Message>(error.offset()))
            }
            Raw::Bad(bad) => (bad.error, bad.offset + u64::from(bad.error.offset())),
        });
        assert_eq!(error.kind(), kind, "{}: {error}", capture.name);
        assert_eq!(offset, wire_offset(&capture.wire, at) as u64, "{}: {error}", capture.name);
        assert_eq!(error.field().name, if capture.checksum_ok { "length" } else { "check" });
        // The gateway does not take them in either.
        let mut conn = Conn::new();
        conn.log_in("013800138000").send(&capture.wire);
        assert!(conn.publishes().is_empty() && conn.sent().is_empty(), "{}", capture.name);
        assert_eq!(conn.take_tally().bad_frames, 1, "{}", capture.name);
    }
    assert!(sums >= 10 && lengths >= 10, "{sums} wrong checksums, {lengths} wrong lengths");
}

#[test]
fn with_accept_bad_they_are_flagged_and_written_again_as_received() {
    let bad = |capture: &Capture| !capture.is_good() && !NO_MESSAGE.contains(&capture.name.as_str());
    for capture in all_captures().iter().filter(|capture| bad(capture)) {
        with_frame(capture, true, |raw, received| {
            let has = |flag| received.flags.has(flag);
            assert_eq!(has(Flag::Checksum), !capture.checksum_ok, "{}", capture.name);
            assert_eq!(has(Flag::Length), !capture.length_ok, "{}", capture.name);
            assert_eq!(hex(&written_again(raw, &received)), hex(&capture.wire), "{}", capture.name);
        });
    }
    // Nothing changes for those that are right.
    for capture in good(all_captures()) {
        with_frame(&capture, true, |raw, received| {
            assert!(!received.flags.has(Flag::Checksum) && !received.flags.has(Flag::Length));
            assert_eq!(hex(&written_again(raw, &received)), hex(&capture.wire), "{}", capture.name);
        });
    }
}

#[test]
fn the_two_lines_that_are_no_message_are_told_apart() {
    let all = all_captures();
    let [escapes, composite] =
        NO_MESSAGE.map(|name| all.iter().find(|capture| capture.name == name).unwrap());
    let found = |capture: &Capture, accept| {
        let mut deframer = Deframer::<Message>::new().accepting_bad(accept);
        let (mut scratch, mut input, mut found) = (Vec::new(), &capture.wire[..], Vec::new());
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            found.push(match item {
                Raw::Frame(raw) => match raw.decode::<Message>() {
                    Ok(received) => {
                        assert_eq!(written_again(&raw, &received), wrap(raw.payload));
                        None
                    }
                    Err(error) => Some((error.kind(), raw.stream_offset::<Message>(error.offset()))),
                },
                Raw::Bad(bad) => Some((bad.error.kind(), bad.offset + u64::from(bad.error.offset()))),
            });
        }
        found
    };
    assert_eq!(found(escapes, false), [Some((ErrorKind::Checksum, 7))]);
    assert_eq!(found(escapes, true), [Some((ErrorKind::Short, 7))]);
    let checksums = [1, 14, 32].map(|at| Some((ErrorKind::Checksum, at)));
    assert_eq!(found(composite, false), checksums);
    // One byte; a header that breaks off; 16 bytes that are almost a message.
    assert_eq!(found(composite, true), [Some((ErrorKind::Short, 1)), Some((ErrorKind::Short, 14)), None]);
}

// Traccar.

/// The locations of a message of the standard.
fn locations<'a>(frame: &Frame<'a>) -> Vec<Location<'a>> {
    match &frame.body {
        Body::Location(location) => vec![location.clone()],
        Body::Batch { items, .. } => items.iter().map(|item| item.0).collect(),
        _ => Vec::new(),
    }
}

fn near(ours: f64, theirs: &Json, tolerance: f64) -> bool {
    theirs.as_f64().is_some_and(|theirs| (ours - theirs).abs() <= tolerance)
}

/// `2026-08-17T14:18:12.000Z` of a Unix time.
fn iso(unix: i64) -> String {
    let (days, second) = (unix.div_euclid(86_400), unix.rem_euclid(86_400));
    let mut year = 1970;
    let mut day = days;
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    while day >= 365 + i64::from(leap(year)) {
        day -= 365 + i64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year}-{month:02}-{:02}T{hour:02}:{minute:02}:{:02}.000Z", day + 1, second % 60)
}

/// How one location differs from what Traccar made of it.
fn differences(location: &Location<'_>, position: &Json) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |key: &str, ours: String, same: bool| {
        if !same {
            let theirs = position.get(key).unwrap_or(&position["attributes"][key]);
            differences.push(format!("{key}: {ours}, Traccar: {theirs}"));
        }
    };
    let time = location.time.unix().map(iso);
    if position.get("fixTime").is_some() {
        let sign = |bit: u32| if location.status & bit == 0 { 1.0 } else { -1.0 };
        let lat = f64::from(location.lat) * 1e-6 * sign(4);
        let lon = f64::from(location.lon) * 1e-6 * sign(8);
        let knots = f64::from(location.speed) * 0.1 / 1.852;
        compare("latitude", lat.to_string(), near(lat, &position["latitude"], 1e-9));
        compare("longitude", lon.to_string(), near(lon, &position["longitude"], 1e-9));
        let valid = location.status & 2 != 0;
        compare("valid", valid.to_string(), position["valid"] == valid);
        let altitude = location.altitude;
        compare("altitude", altitude.to_string(), near(altitude.into(), &position["altitude"], 0.0));
        compare("speedKnots", knots.to_string(), near(knots, &position["speedKnots"], 0.001));
        compare(
            "course",
            location.course.to_string(),
            near(location.course.into(), &position["course"], 0.0),
        );
        compare("fixTime", format!("{time:?}"), position["fixTime"].as_str() == time.as_deref());
    }
    compare("deviceTime", format!("{time:?}"), position["deviceTime"].as_str() == time.as_deref());
    for item in &location.items {
        let (key, ours) = match item.0 {
            ItemValue::Mileage(tenths) => ("odometer", f64::from(tenths) * 100.0),
            ItemValue::Fuel(tenths) => ("fuel", f64::from(tenths) * 0.1),
            // Traccar leaves a standstill out.
            ItemValue::RecorderSpeed(0) => continue,
            ItemValue::RecorderSpeed(tenths) => ("obdSpeed", f64::from(tenths) * 0.1),
            ItemValue::SignalStrength(strength) => ("rssi", strength.into()),
            ItemValue::Satellites(number) => ("sat", number.into()),
            ItemValue::Other { .. } => continue,
        };
        compare(key, ours.to_string(), near(ours, &position["attributes"][key], 1e-6));
    }
    differences
}

#[test]
fn locations_are_those_that_traccar_reads() {
    // Where Traccar lets an item of one maker win over that of the standard.
    let known = [
        // Item 0x36 has an odometer of its own.
        ("Jt808ProtocolDecoderTest.testDecode:337", "odometer: 1800, Traccar: 1193482000"),
        // Item 0xE8 has a signal strength of its own.
        ("Jt808ProtocolDecoderTest.testDecode:397", "rssi: 24, Traccar: 3"),
    ];
    let mut found = Vec::new();
    let mut compared = 0;
    for capture in good(traccar()) {
        let Some(positions) = capture.expect["decoded"].as_array() else { continue };
        with_frame(&capture, false, |_, received| {
            let ours = locations(&received.frame);
            // The others are messages of single makers: published as they are.
            let standard = !matches!(received.frame.body, Body::Other { .. });
            assert_eq!(ours.len(), if standard { positions.len() } else { 0 }, "{}", capture.name);
            for (location, position) in ours.iter().zip(positions) {
                compared += 1;
                found.extend(
                    differences(location, position).into_iter().map(|line| (capture.name.clone(), line)),
                );
            }
        });
    }
    assert_eq!(compared, 97, "locations compared");
    let found: Vec<_> = found.iter().map(|(name, line)| (name.as_str(), line.as_str())).collect();
    assert_eq!(found, known);
}

/// The IMEI that Traccar makes of a phone that is no decimal: the six bytes as
/// a number, and its check digit.
fn imei(phone: &[u8]) -> String {
    let number = phone.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)).to_string();
    let luhn = |(place, digit): (usize, char)| {
        let digit = digit.to_digit(10).unwrap();
        let weighed = if place % 2 == 0 { 2 * digit } else { digit };
        weighed / 10 + weighed % 10
    };
    let sum: u32 = number.chars().rev().enumerate().map(luhn).sum();
    format!("{number}{}", (10 - sum % 10) % 10)
}

#[test]
fn devices_have_the_ids_that_traccar_gives_them() {
    let mut compared = 0;
    for capture in good(traccar()) {
        let Some(ids) = capture.expect["deviceIds"].as_array() else { continue };
        with_frame(&capture, false, |_, received| {
            let phone = received.frame.phone;
            let ours = if phone.is_decimal() {
                let digits = phone.to_string();
                let short = match digits.trim_start_matches('0') {
                    "" => "0",
                    short => short,
                };
                // Traccar also tries the digits without the leading zeros.
                if short == digits { json!([digits]) } else { json!([short, digits]) }
            } else {
                json!([imei(phone.as_bytes())])
            };
            assert_eq!(ours, Json::Array(ids.clone()), "{}", capture.name);
            compared += 1;
        });
    }
    assert!(compared >= 90, "{compared} ids compared");
}

#[test]
fn answers_are_those_that_traccar_gives() {
    let mut compared = 0;
    for capture in good(traccar()) {
        let Some(theirs) = capture.expect["replies"].as_array() else { continue };
        // They were recorded before the escapes went in.
        let recorded = |reply: &Json| unhex(reply.as_str().unwrap());
        let mut theirs: Vec<_> =
            theirs.iter().map(recorded).map(|reply| reply[1..reply.len() - 1].to_vec()).collect();
        let payload = capture.payload();
        let id = u16::from_be_bytes([payload[0], payload[1]]);
        let phone = with_frame(&capture, false, |_, received| received.frame.phone.to_string());
        match id {
            // Traccar answers these to no maker, or only to some: a driver's
            // card, a way bill, and two messages of one maker. We acknowledge
            // what we have published, so that it is not sent again.
            0x0701 | 0x0702 | 0x1300 | 0x2070 => {
                assert!(theirs.is_empty(), "{}", capture.name);
                theirs.push(general_answer(&payload));
            }
            // The code of a registration is the server's to choose.
            0x0100 => theirs = vec![registered(&theirs[0], "exproto")],
            _ => {}
        }
        let mut conn = Conn::new();
        conn.log_in(&phone).send(&capture.wire);
        let ours = conn.sent_frames();
        let show = |replies: &[Vec<u8>]| replies.iter().map(|reply| hex(reply)).collect::<Vec<_>>();
        assert_eq!(show(&ours), show(&theirs), "{} {id:04x}: {:?}", capture.name, conn.take_reports());
        compared += 1;
    }
    assert!(compared >= 90, "{compared} answers compared");
}

/// 0x8001 to a frame in the header's form of 2013.
fn general_answer(payload: &[u8]) -> Vec<u8> {
    let mut answer = vec![0x80, 0x01, 0x00, 0x05];
    answer.extend_from_slice(&payload[4..10]);
    answer.extend_from_slice(&[0, 0]);
    answer.extend_from_slice(&payload[10..12]);
    answer.extend_from_slice(&payload[..2]);
    answer.push(0);
    answer.push(xor(&answer));
    answer
}

/// A 0x8100 with another code.
fn registered(payload: &[u8], code: &str) -> Vec<u8> {
    let received = decode::<Message>(payload).unwrap();
    let Body::RegisterAck { serial, result, .. } = received.frame.body else { panic!("no 0x8100") };
    let body = Body::RegisterAck { serial, result, code: Some(Text::from(code)) };
    let wire = common::encoded(&Frame { body, ..received.frame });
    common::unescape(&wire[1..wire.len() - 1]).unwrap()
}

// SmallChi.

/// What our frame says where SmallChi's tests assert something: `None` if the
/// declaration has no such field.
fn ours(frame: &Frame<'_>, payload: &[u8], path: &str) -> Option<Json> {
    // `package.Header.MsgNum`, `body.PlateNo.TrimStart()`, `((Type)item).ParamId`
    let name = path.rsplit_once(").").filter(|(_, name)| !name.is_empty()).map_or(path, |(_, name)| name);
    let name = path.split_once(".Header.").map_or(name, |(_, name)| name);
    let trimmed = path.ends_with(".TrimStart('0')");
    let name = path.rsplit_once(".TrimStart(").map_or(name, |(name, _)| name);
    let name = name.rsplit_once('.').map_or(name, |(_, name)| name);
    let text = |text: &Text<'_>| {
        let text = text.to_str();
        // SmallChi pads on either side, so its tests cut zeros off.
        Json::from(if trimmed { text.trim_start_matches('0') } else { &text })
    };
    if path.contains(".Header.") {
        return match name {
            "MsgNum" => Some(frame.serial.into()),
            "TerminalPhoneNo" => Some(frame.phone.to_string().trim_start_matches('0').into()),
            "ProtocolVersion" => frame.version.map(Json::from),
            "MsgId" => Some(u16::from_be_bytes([payload[0], payload[1]]).into()),
            _ => None,
        };
    }
    if name == "CalculateCheckXorCode" {
        return payload.last().map(|check| (*check).into());
    }
    match &frame.body {
        Body::TerminalAck { serial, .. } if name == "ReplyMsgNum" => Some((*serial).into()),
        Body::PlatformAck { serial, .. } if name == "MsgNum" => Some((*serial).into()),
        Body::RegisterAck { serial, code, .. } => match name {
            "AckMsgNum" => Some((*serial).into()),
            "Code" => code.as_ref().map(text),
            _ => None,
        },
        Body::Authenticate(Authenticate::V2013 { code } | Authenticate::V2019 { code, .. })
            if name == "Code" =>
        {
            Some(text(code))
        }
        Body::Register(
            Register::V2011 { province, city, maker, model, terminal, colour, plate }
            | Register::V2013 { province, city, maker, model, terminal, colour, plate }
            | Register::V2019 { province, city, maker, model, terminal, colour, plate },
        ) => match name {
            "AreaID" => Some((*province).into()),
            "CityOrCountyId" => Some((*city).into()),
            "MakerId" => Some(text(maker)),
            "TerminalModel" => Some(text(model)),
            "TerminalId" => Some(text(terminal)),
            "PlateColor" => Some((*colour).into()),
            "PlateNo" => Some(text(plate)),
            _ => None,
        },
        Body::Text { flags, kind, text: shown } => match name {
            "TextFlag" => Some((*flags).into()),
            "TextType" => kind.map(Json::from),
            "TextInfo" => Some(text(shown)),
            _ => None,
        },
        Body::Parameters { serial, .. } if name == "MsgNum" => Some((*serial).into()),
        Body::Parameters { list, .. } if name == "AnswerParamsCount" => Some(list.len().into()),
        Body::Parameters { list, .. } | Body::SetParameters { list } => {
            let (_, id) = path.split_once("0x8103_0x")?;
            let id = u32::from_str_radix(id.get(..4)?, 16).unwrap();
            let value = list.iter().find(|parameter| parameter.id == id)?.value;
            match (name, value) {
                ("ParamId", _) => Some(id.into()),
                ("ParamLength", _) => Some(value.len().into()),
                ("ParamValue", &[a, b, c, d]) => Some(u32::from_be_bytes([a, b, c, d]).into()),
                ("ParamValue", _) => Some(core::str::from_utf8(value).unwrap().into()),
                _ => None,
            }
        }
        Body::Location(location) => {
            let item = |wanted: fn(&ItemValue<'_>) -> Option<u32>| {
                location.items.iter().find_map(|item| wanted(&item.0)).map(Json::from)
            };
            match name {
                "AlarmFlag" => Some(location.alarm.into()),
                "StatusFlag" => Some(location.status.into()),
                "Lat" => Some(location.lat.into()),
                "Lng" => Some(location.lon.into()),
                "Altitude" => Some(location.altitude.into()),
                "Speed" => Some(location.speed.into()),
                "GPSTime" => {
                    Some(location.time.to_string().replace('T', " ").trim_end_matches("+08:00").into())
                }
                "Mileage" => {
                    item(|value| if let ItemValue::Mileage(value) = value { Some(*value) } else { None })
                }
                "Oil" => item(
                    |value| if let ItemValue::Fuel(value) = value { Some((*value).into()) } else { None },
                ),
                _ => None,
            }
        }
        _ => None,
    }
}

#[test]
fn fields_are_what_smallchi_asserts() {
    let shown = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut known = UNKNOWN.map(|path| (path, false));
    let mut compared = 0;
    for capture in good(smallchi()) {
        let payload = capture.payload();
        for case in capture.expect["cases"].as_array().unwrap() {
            // The others set fields of an object whose bytes are not this frame.
            for assert in case["asserts"].as_array().unwrap().iter().filter(|_| case["direction"] == "decode")
            {
                let path = assert["path"].as_str().unwrap();
                with_frame(&capture, false, |_, received| match ours(&received.frame, &payload, path) {
                    Some(ours) => {
                        assert_eq!(shown(&ours), shown(&assert["value"]), "{}: {path}", capture.name);
                        compared += 1;
                    }
                    None => {
                        let known = known.iter_mut().find(|((message, prefix), _)| {
                            let of = received.frame.body.tag() as u16;
                            of == *message && path.starts_with(prefix)
                        });
                        let Some((_, seen)) = known else {
                            panic!("{}: {path} is not compared", capture.name)
                        };
                        *seen = true;
                    }
                });
            }
        }
    }
    assert!(compared >= 180, "{compared} values compared");
    assert!(known.iter().all(|(_, seen)| *seen), "not in the captures any more: {known:?}");
}

/// What SmallChi's tests assert and the declaration does not have, by message.
const UNKNOWN: [(u16, &str); 14] = [
    // Its object of the form of 2011 says version 1; no byte of the frame does.
    (0x0100, "jT808_0X0100.Header.ProtocolVersion"),
    // Items of single makers, and of ids and lengths of two or more bytes that
    // SmallChi made up.
    (0x0200, "jt808_0x0200_0x"),
    (0x0200, "jT808LocationAttachImpl0X"),
    // Parameters that the example leaves as bytes.
    (0x8103, "jT808_0x8103_0x"),
    // 0x0001 with two bytes more than the standard gives it: kept raw.
    (0x0001, "JT808Bodies.ReplyMsgNum"),
    (0x0001, "JT808Bodies.Test"),
    // Messages that the example publishes as they are.
    (0x0201, "jT808_0X0201."),
    (0x0201, "((JT808_0x0200_0x0"),
    (0x0304, "JT808Bodies."),
    (0x0900, "jT808_0x0900_0x83.PassthroughContent"),
    (0x0900, "JT808Bodies.PassthroughType"),
    (0x8004, "((JT808_0x8004)jT808Package.Bodies).Time"),
    (0x8105, "JT808_0x8105."),
    (0x8800, "jT808_0X8800."),
];
