#![allow(clippy::unwrap_used)]

mod toy;

use serde_json::Value as Json;

use super::hex::{self, MAX_LINE};
use super::*;
use crate::codec::encode;
use toy::{Body, Toy};

fn frame(serial: u8, body: Body<'_>) -> Vec<u8> {
    segment(serial, None, body)
}

fn segment(serial: u8, segment: Option<(u8, u8)>, body: Body<'_>) -> Vec<u8> {
    let mut wire = Vec::new();
    encode::<Toy<'_>>(&Toy { serial, segment, body }, &mut wire).unwrap();
    wire
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn output(input: &str, args: &DecodeArgs) -> (bool, String) {
    let mut out = Vec::new();
    let ok = decode_lines::<Toy<'static>>(&mut input.as_bytes(), args, &mut out).unwrap();
    (ok, String::from_utf8(out).unwrap())
}

fn json_args() -> DecodeArgs {
    DecodeArgs { json: true, ..DecodeArgs::default() }
}

/// The object of each line.
fn objects(input: &str, args: &DecodeArgs) -> Vec<Json> {
    let (ok, out) = output(input, args);
    let objects: Vec<Json> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(ok, objects.iter().all(|object| object["ok"] == true));
    objects
}

fn object(bytes: &[u8], args: &DecodeArgs) -> Json {
    let mut objects = objects(&text(bytes), args);
    assert_eq!(objects.len(), 1);
    objects.remove(0)
}

fn strings(value: &Json) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect()
}

const LOGIN: Body<'_> = Body::Login { id: "A" };
const REPORT: Body<'_> = Body::Report { temperature: -215 };

#[test]
fn an_object_is_exactly_as_stated() {
    let bytes = [frame(1, LOGIN), frame(2, REPORT)].concat();
    let (ok, out) = output(&text(&bytes), &json_args());
    assert!(ok);
    let expected = concat!(
        r#"{"ok":true,"frames":["#,
        r#"{"kind":"login","fields":{"serial":1,"body":{"login":{"id":"A"}}},"client_id":"A","publishes":[],"#,
        r#""replies":["7e0502000100067e"],"reencoded":"7e01010141407e","flags":[]},"#,
        r#"{"kind":"report","fields":{"serial":2,"body":{"report":{"temperature":-21.5}}},"client_id":"A","#,
        r#""publishes":[{"topic":"toy/A/report","qos":1,"#,
        r#""payload":{ "report": {"serial":2,"body":{"report":{"temperature":-21.5}}}}}],"#,
        r#""replies":["7e0502000200057e"],"reencoded":"7e020202ff29d47e","flags":[]}"#,
        r#"],"rest":"","errors":[]}"#,
        "\n"
    );
    assert_eq!(out, expected);
}

#[test]
fn each_line_is_a_connection_of_its_own_unless_told_otherwise() {
    let lines = format!(
        "# a comment\n\n{}  # and another\n   \r\n{}\r\n",
        text(&frame(1, LOGIN)),
        text(&frame(2, REPORT))
    );
    let fresh = objects(&lines, &json_args());
    assert_eq!(fresh.len(), 2);
    assert_eq!(fresh[0]["frames"][0]["client_id"], "A");
    // A session that refuses does not make the codec's result bad.
    assert_eq!(fresh[1]["ok"], true);
    assert_eq!(fresh[1]["frames"][0]["client_id"], Json::Null);
    assert_eq!(strings(&fresh[1]["frames"][0]["flags"]), ["not logged in"]);
    assert_eq!(fresh[1]["frames"][0]["publishes"], Json::Array(vec![]));

    for args in [
        DecodeArgs { stream: true, ..json_args() },
        DecodeArgs { datagram: true, ..json_args() },
        DecodeArgs { client_id: Some("A".into()), ..json_args() },
    ] {
        let kept = objects(&lines, &args);
        assert_eq!(kept[1]["frames"][0]["publishes"][0]["topic"], "toy/A/report", "{args:?}");
        assert_eq!(kept[1]["frames"][0]["flags"], Json::Array(vec![]));
    }
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    let bytes = [frame(1, LOGIN), frame(0x7E, REPORT), frame(3, REPORT)].concat();
    let whole = objects(&text(&bytes), &json_args());
    let args = DecodeArgs { stream: true, ..json_args() };
    for cut in 1..bytes.len() {
        let (a, b) = bytes.split_at(cut);
        let parts = objects(&format!("{}\n{}\n", text(a), text(b)), &args);
        let frames: Vec<&Json> = parts.iter().flat_map(|part| part["frames"].as_array().unwrap()).collect();
        assert_eq!(frames, whole[0]["frames"].as_array().unwrap().iter().collect::<Vec<_>>(), "cut at {cut}");
        assert_eq!(parts[1]["rest"], "");
        // What is incomplete is shown with the flag that began it.
        let rest = parts[0]["rest"].as_str().unwrap();
        if !rest.is_empty() {
            assert!(rest.starts_with("7e") && text(a).ends_with(rest), "cut at {cut}: {rest}");
            assert_eq!(parts[0]["ok"], false);
        }
    }
}

#[test]
fn datagrams_do_not_continue_each_other() {
    let bytes = [frame(1, LOGIN), frame(2, REPORT)].concat();
    let (a, b) = bytes.split_at(10);
    let args = DecodeArgs { datagram: true, ..json_args() };
    let parts = objects(&format!("{}\n{}\n{}", text(a), text(b), text(&frame(3, REPORT))), &args);
    assert_eq!((&parts[0]["ok"], &parts[0]["rest"]), (&Json::Bool(false), &Json::from("7e0202")));
    assert_eq!(parts[1]["errors"][0]["kind"], "garbage");
    assert_eq!(parts[1]["errors"][0]["offset"], 0);
    assert_eq!(parts[2]["ok"], true);
    assert_eq!(parts[2]["frames"][0]["client_id"], "A");
}

#[test]
fn errors_say_where_in_the_line() {
    // An escape before the damage: offsets count in what was received.
    let good = frame(0x7E, REPORT);
    let mut bytes = good.clone();
    let length = 2;
    bytes[length] = 1;
    let check = bytes.len() - 2;
    bytes[check] ^= 3;
    let bytes = [good.clone(), bytes].concat();
    let result = object(&bytes, &json_args());
    assert_eq!(result["ok"], false);
    assert_eq!(result["frames"].as_array().unwrap().len(), 1);
    let error = &result["errors"][0];
    assert_eq!((&error["kind"], &error["path"]), (&Json::from("length"), &Json::from("len")));
    assert_eq!(error["offset"], good.len() + length);
    let message = "the length field disagrees with the bytes that follow: the field says 1, 2 are there";
    assert_eq!(error["message"], message);

    let mut bytes = good.clone();
    bytes[check] ^= 1;
    let result = object(&bytes, &json_args());
    let error = &result["errors"][0];
    assert_eq!((&error["kind"], &error["path"]), (&Json::from("checksum"), &Json::from("check")));
    assert_eq!(error["offset"], check);
    assert!(error["message"].as_str().unwrap().contains("received 169 (0xa9), wanted 168 (0xa8)"), "{error}");

    let bytes = [b"xyz".as_slice(), &good, b"\x7Eab\x7D\x09\x7E"].concat();
    let result = object(&bytes, &json_args());
    let errors = result["errors"].as_array().unwrap();
    assert_eq!((&errors[0]["kind"], &errors[0]["offset"]), (&Json::from("garbage"), &Json::from(0)));
    assert_eq!(
        (&errors[1]["kind"], &errors[1]["offset"]),
        (&Json::from("escape"), &Json::from(3 + good.len() + 3))
    );
    assert_eq!(errors[1]["path"], "");
    assert_eq!(result["frames"].as_array().unwrap().len(), 1);
}

#[test]
fn offsets_of_a_stream_count_from_its_beginning() {
    let good = frame(1, LOGIN);
    let args = DecodeArgs { stream: true, ..json_args() };
    let parts = objects(&format!("{0}\n{0}\n7e616263647e", text(&good)), &args);
    assert_eq!(parts[2]["errors"][0]["kind"], "checksum");
    assert_eq!(parts[2]["errors"][0]["offset"], 2 * good.len() + 4);
}

#[test]
fn bad_frames_can_be_accepted() {
    let mut bytes = frame(2, REPORT);
    bytes[2] = 9;
    let args = DecodeArgs { accept_bad: true, client_id: Some("A".into()), ..json_args() };
    let result = object(&bytes, &args);
    assert_eq!(result["ok"], true, "{result}");
    let shown = &result["frames"][0];
    assert_eq!(strings(&shown["flags"]), ["wrong checksum accepted", "wrong length accepted"]);
    assert_eq!(shown["reencoded"], text(&bytes));
    assert_eq!(shown["publishes"][0]["topic"], "toy/A/report");
}

#[test]
fn odd_values_are_flagged_with_their_path() {
    let bytes = frame(2, Body::Report { temperature: 900 });
    let args = DecodeArgs { client_id: Some("A".into()), ..json_args() };
    let result = object(&bytes, &args);
    assert_eq!(strings(&result["frames"][0]["flags"]), ["body.report.temperature: value outside its range"]);
    assert_eq!(result["frames"][0]["reencoded"], text(&bytes));
}

#[test]
fn segments_are_put_together() {
    let part = |index, data| segment(index, Some((index, 2)), Body::Other { tag: 2, data });
    let bytes = [part(2, b"\x01"), part(1, b"\x03")].concat();
    let args = DecodeArgs { client_id: Some("A".into()), ..json_args() };
    let result = object(&bytes, &args);
    let frames = &result["frames"];
    assert_eq!((&result["ok"], &frames[0]["kind"]), (&Json::Bool(true), &Json::from("other")));
    assert_eq!(strings(&frames[0]["flags"]), ["segment 2 of 2"]);
    assert_eq!(frames[0]["publishes"], Json::Array(vec![]));
    // The frame that completes the message shows it, but is still itself on
    // the wire.
    assert_eq!(frames[1]["kind"], "report");
    assert_eq!(frames[1]["fields"]["body"]["report"]["temperature"], 76.9);
    assert_eq!(strings(&frames[1]["flags"]), ["segment 1 of 2", "reassembled from 2 segments"]);
    assert_eq!(frames[1]["reencoded"], text(&part(1, b"\x03")));
    assert_eq!(frames[1]["publishes"][0]["topic"], "toy/A/report");

    // A message whose whole cannot be read, and a segment that fits nothing.
    let part = |index, total, data| segment(index, Some((index, total)), Body::Other { tag: 2, data });
    let result = object(&[part(1, 2, b""), part(2, 2, b"\x03"), part(5, 4, b"")].concat(), &args);
    assert_eq!(result["errors"][0]["kind"], "short");
    assert_eq!(result["errors"][0]["path"], "body.report.temperature");
    let flags = strings(&result["frames"][2]["flags"]);
    assert_eq!(flags[0], "segment 5 of 4");
    assert!(flags[1].starts_with("segment not used: "), "{flags:?}");
}

#[test]
fn payloads_that_are_no_json_are_hex() {
    let args = DecodeArgs { client_id: Some("A".into()), ..json_args() };
    for (data, payload) in [
        (&b"\x00\xFF"[..], r#"{"hex":"00ff"}"#),
        (b"", r#"{"hex":""}"#),
        (b"[1, 18446744073709551615]", "[1, 18446744073709551615]"),
        (b"0.10000000000000000001", "0.10000000000000000001"),
        (b"{\"a\":1}{", r#"{"hex":"7b2261223a317d7b"}"#),
    ] {
        let (_, out) = output(&text(&frame(1, Body::Blob { data })), &args);
        let expected = format!(r#""payload":{payload}}}]"#);
        assert!(out.contains(&expected), "{out}");
    }
}

#[test]
fn the_session_says_why_it_does_nothing() {
    let bytes = [frame(1, Body::Bye), frame(2, LOGIN)].concat();
    let result = object(&bytes, &json_args());
    assert_eq!(result["ok"], true);
    assert_eq!(strings(&result["frames"][0]["flags"]), ["connection closed: done: bye"]);
    assert_eq!(strings(&result["frames"][1]["flags"]), ["after the connection was closed"]);
    assert_eq!(result["frames"][1]["client_id"], Json::Null);

    let ack = frame(1, Body::Ack { serial: 1, result: 0 });
    let result = object(&ack, &json_args());
    assert_eq!(strings(&result["frames"][0]["flags"]), ["refused: only ever sent to devices"]);
    let args = DecodeArgs { role: Role::Device, client_id: Some("A".into()), ..json_args() };
    let result = object(&[ack, frame(2, REPORT)].concat(), &args);
    assert_eq!(result["frames"][0]["flags"], Json::Array(vec![]));
    assert_eq!(result["frames"][1]["publishes"], Json::Array(vec![]));
}

#[test]
fn nothing_is_not_ok() {
    let result = objects("7e\n7e7e\n7e01", &json_args());
    for (result, rest) in result.iter().zip(["", "", "7e01"]) {
        assert_eq!((&result["ok"], &result["rest"]), (&Json::Bool(false), &Json::from(rest)));
    }
    assert_eq!(objects("", &json_args()), Vec::<Json>::new());
}

#[test]
fn hex_is_read_in_any_dress() {
    let read = |line: &str| {
        let mut out = Vec::new();
        hex::parse(line.as_bytes(), &mut out).map(|()| out)
    };
    let bytes = Ok(vec![0x7E, 0x0A, 0xBC]);
    for line in ["7e0abc", "7E 0A\tBC ", "0x7e0abc", "0x7E 0X0a 0xbc", " 7e0aBC # 00", "7e0abc\r\n"] {
        assert_eq!(read(line), bytes, "{line}");
    }
    let bad = |line: &str| read(line).unwrap_err();
    assert_eq!(bad("7e0"), (2, "half a byte: one hex digit stands alone".to_string()));
    assert_eq!(bad("7 e"), (0, "half a byte: one hex digit stands alone".to_string()));
    assert_eq!(bad("7e  0g"), (5, "'g' is no hex digit".to_string()));
    assert_eq!(bad("7eéé"), (2, "'é' is no hex digit".to_string()));
    assert_eq!(bad("0x7ex"), (4, "'x' is no hex digit".to_string()));
}

#[test]
fn a_hex_error_is_an_error_of_its_line_alone() {
    let good = text(&frame(1, LOGIN));
    let input = format!("\u{feff}{good}\n{good}zz\n{good}\n");
    let results = objects(&input, &json_args());
    assert_eq!(results[0]["ok"], true);
    let (_, out) = output(&format!("{good}zz"), &json_args());
    let at = good.len();
    let expected = format!(
        "{{\"ok\":false,\"frames\":[],\"rest\":\"\",\"errors\":[{{\"kind\":\"hex\",\"offset\":{at},\"path\":\"\",\"message\":\"'z' is no hex digit\"}}]}}\n"
    );
    assert_eq!(out, expected);
    assert_eq!(results[2]["ok"], true);
}

#[test]
fn a_line_without_end_is_refused_and_skipped() {
    let good = text(&frame(1, LOGIN));
    let input = format!("{}\n{good}\n", "7".repeat(MAX_LINE + 10));
    let results = objects(&input, &json_args());
    assert_eq!(results.len(), 2);
    assert_eq!(results[0]["errors"][0]["kind"], "hex");
    assert!(results[0]["errors"][0]["message"].as_str().unwrap().contains("longer than 4194304"));
    assert_eq!(results[1]["ok"], true);
}

#[test]
fn the_picture_shows_bytes_fields_and_what_follows() {
    let mut bad = frame(3, REPORT);
    bad[4] = 9;
    let bytes = [frame(1, LOGIN), frame(2, Body::Report { temperature: 900 }), bad].concat();
    let (ok, out) = output(&format!("{}\n7e02\n7e zz\n7e7e\n", text(&bytes)), &DecodeArgs::default());
    assert!(!ok);
    let expected = r#"Toy login, 5 bytes from byte 1 of the stream
  0000  01 01 01 41 40                                    ...A@
  0..1  01                         Toy.tag
  1..2  01                         Toy.len
  2..3  01                         Toy.serial  1
  3..4  41                         Toy.body    {"login":{"id":"A"}}
  4..5  40                         Toy.check
client id: A
reply: 7e0502000100067e
encodes as received
"#;
    assert!(out.starts_with(expected), "{out}");
    let expected = r#"
odd: Toy.body > Body::Report.temperature at byte 3: value outside its range
client id: A
publish: toy/A/report qos 1 {"#;
    assert!(out.contains(expected), "{out}");
    let expected = r#"
error: Toy.check at byte 5: the checksum does not match the bytes received
       received 213 (0xd5), wanted 35 (0x23)

-- line 2
incomplete: 7e02

-- line 3
error: hex at 3: 'z' is no hex digit

-- line 4
no frame
"#;
    assert!(out.ends_with(expected), "{out}");
}

#[test]
fn arguments_are_understood() {
    use clap::Parser;

    #[derive(clap::Parser)]
    struct Program {
        #[command(flatten)]
        args: DecodeArgs,
    }

    let parse = |line: &str| Program::try_parse_from(line.split(' ')).map(|program| program.args);
    let args = parse("x --json --stream --accept-bad --as A --role device 7e 02").unwrap();
    assert!(args.json && args.stream && args.accept_bad && !args.datagram);
    assert_eq!((args.client_id.as_deref(), args.role), (Some("A"), Role::Device));
    assert_eq!(args.hex, ["7e", "02"]);
    assert_eq!(parse("x").unwrap().role, Role::Platform);
    assert!(parse("x --stream --datagram").is_err());
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn damaged_bytes_give_one_object_and_lose_nothing() {
    let part = |index, data| segment(index, Some((index, 2)), Body::Other { tag: 2, data });
    let whole = [
        frame(1, LOGIN),
        frame(0x7E, REPORT),
        part(1, b"\x03"),
        frame(3, Body::Blob { data: b"{\"a\":\n1}" }),
        part(2, b"\x04"),
        frame(4, Body::Ack { serial: 1, result: 0 }),
        frame(5, Body::Bye),
    ]
    .concat();
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let (mut frames, mut errors) = (0, 0);
    for round in 0..2000 {
        let mut bytes = whole.clone();
        for _ in 0..=numbers.below(6) {
            let at = numbers.below(bytes.len());
            match numbers.below(4) {
                0 => bytes[at] = [0x7E, 0x7D, 0x80, 0xFF, 0x01][numbers.below(5)],
                1 => bytes[at] ^= 1 << numbers.below(8),
                2 => drop(bytes.remove(at)),
                _ => bytes.insert(at, numbers.below(256) as u8),
            }
        }
        let args = DecodeArgs { accept_bad: round % 2 == 0, ..json_args() };
        let input = text(&bytes);
        let (ok, out) = output(&input, &args);
        assert_eq!(out.lines().count(), 1, "{out}");
        let object: Json = serde_json::from_str(&out).unwrap();
        assert_eq!(object["ok"], ok);
        for shown in object["frames"].as_array().unwrap() {
            // A frame that shares a flag is shown with one of its own.
            let wire = shown["reencoded"].as_str().unwrap();
            assert!(input.contains(&wire[2..]), "{input}: {shown}");
            frames += 1;
        }
        for error in object["errors"].as_array().unwrap() {
            assert!(error["offset"].as_u64().unwrap() <= bytes.len() as u64, "{input}: {error}");
            errors += 1;
        }
        // The picture agrees.
        let picture = DecodeArgs { json: false, ..args };
        assert_eq!(output(&input, &picture).0, ok);
    }
    assert!(frames > 1000 && errors > 1000, "{frames} frames, {errors} errors");
}
