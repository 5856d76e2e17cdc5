//! Vector files: what they compare, how they say what differs, blessing.
#![cfg(feature = "testkit")]
#![allow(clippy::unwrap_used, reason = "a test that fails says so")]

use exproto_runtime::prelude::*;
use exproto_runtime::testkit::vectors::{check, run};

#[derive(ExProtoFrame, Debug)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64)]
#[wire(endian = big)]
#[route(gateway)]
struct Message<'a> {
    #[wire(before(id: u8 = tag(body)))]
    serial: u8,
    #[wire(rest, after(check: u8 = xor(id..)))]
    body: Body<'a>,
}

#[derive(ExProtoFrame, Debug)]
#[wire(endian = big)]
enum Body<'a> {
    #[wire(tag = 1)]
    #[route(auth(client_id = "{imei}"), reply = ack(frame))]
    Login {
        #[wire(rest, as = Ascii)]
        imei: Text<'a>,
    },
    #[wire(tag = 2)]
    #[route(publish("meter/{client_id}/reading", qos = 1), reply = ack(frame))]
    Reading {
        #[wire(scale = 0.1)]
        temperature: i16,
    },
    #[wire(tag = 3)]
    #[route(publish("meter/{client_id}/raw", payload = data))]
    Raw {
        #[wire(rest)]
        data: &'a [u8],
    },
    #[wire(tag = 4)]
    #[route(close("bye"))]
    Bye,
    #[wire(tag = 0x81)]
    #[route(sent)]
    Ack { serial: u8 },
}

fn ack(frame: &Message<'_>) -> Message<'static> {
    Message { serial: 0, body: Body::Ack { serial: frame.serial } }
}

const CASES: &str = r#"# Ticket 812: the meter in the cellar.

{"name":"login and reading","in":["7E 01 01 31","30 01 7E 7E 02 02 FF 29 D6 7E"],"frames":[{"body":{"login":{"imei":"10"}},"serial":1},{"body":{"reading":{"temperature":-21.5}},"serial":2}],"publishes":[{"payload":{"temperature":-21.5},"qos":1,"topic":"meter/10/reading"}],"replies":"7e810001807e7e810002837e"}
{"name":"known already","client_id":"m","in":"7E0301FFFD7E","frames":[{"body":{"raw":{"data":"ff"}},"serial":1}]}
{"name":"sent to it","from":"platform","in":"7e810001807e","frames":[{"body":{"ack":{"serial":1}},"serial":0}]}
"#;

#[test]
fn cases_hold_or_say_what_differs() {
    let good = CASES.lines().take(3).chain(CASES.lines().skip(4)).collect::<Vec<_>>().join("\n");
    let ran = run::<Message<'static>>(&good);
    assert_eq!((ran.cases, ran.failures.len()), (2, 0), "{}", ran.report("file"));

    let differs = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        run::<Message<'static>>(&good.replace(from, to)).report("my.jsonl")
    };
    let report = differs(r#"{"reading":{"temperature":-21.5}}"#, r#"{"reading":{"temperature":-21.6}}"#);
    assert_eq!(
        report.lines().next().unwrap(),
        "my.jsonl:3: login and reading: frames[1].body.reading.temperature: expected -21.6, got -21.5"
    );
    let report = differs(r#""qos":1,"#, "");
    assert!(report.contains("publishes[0].qos: not expected, it is 1"), "{report}");
    let report = differs("7e810001807e7e81", "7e810001807e7f81");
    assert!(report.contains(r#"replies: expected "7e810001807e7f810002837e", got "7e810001"#), "{report}");
    let report = differs(r#""publishes":["#, r#""closed":"bye","publishes":["#);
    assert!(report.contains(r#"closed: expected "bye", got null"#), "{report}");
    let report = differs(r#""publishes":["#, r#""published":["#);
    assert!(
        report.contains("my.jsonl:3: no case: `published` is no key of a case: there are `name`"),
        "{report}"
    );
    let report = differs("7E 01 01", "7E 01 0");
    assert!(report.contains(r#"`in`: "7E 01 0 31" is no hex"#), "{report}");
    // Hex of replies may be written in any way.
    let capitals = good.replace("7e810001807e7e810002837e", "7E 81 00 01 80 7E 7E 81 00 02 83 7E");
    assert!(run::<Message<'static>>(&capitals).failures.is_empty());
}

#[test]
fn blessing_fills_in_what_there_is() {
    let bare = "# A comment.\n\n{\"name\":\"all\",\"client_id\":\"m\",\"in\":[\"7E0301FF\",\"FD7E 7E 04 02 06 7E\"]}\n";
    let blessed = run::<Message<'static>>(bare).blessed;
    assert_eq!(
        blessed,
        "# A comment.\n\n{\"name\":\"all\",\"client_id\":\"m\",\"in\":[\"7E0301FF\",\"FD7E 7E 04 02 06 7E\"],\
         \"frames\":[{\"body\":{\"raw\":{\"data\":\"ff\"}},\"serial\":1},{\"body\":\"bye\",\"serial\":2}],\
         \"publishes\":[{\"payload\":{\"hex\":\"ff\"},\"topic\":\"meter/m/raw\"}],\"replies\":\"\",\"closed\":\"done: bye\"}\n"
    );
    let again = run::<Message<'static>>(&blessed);
    assert!(again.failures.is_empty(), "{}", again.report("file"));
    assert_eq!(again.blessed, blessed);

    let broken = run::<Message<'static>>("{\"in\":\"7E0301FF007E\"}").blessed;
    assert!(broken.contains(r#"[{"error":"Message.check at byte 3: the checksum"#), "{broken}");
}

#[test]
fn a_file_is_checked_by_one_line() {
    let file = std::env::temp_dir().join(format!("exproto-vectors-{}.jsonl", std::process::id()));
    let blessed = run::<Message<'static>>(CASES).blessed;
    std::fs::write(&file, &blessed).unwrap();
    check::<Message<'static>>(&file);
    std::fs::write(&file, blessed.replace("-21.5", "7")).unwrap();
    let panic = std::panic::catch_unwind(|| check::<Message<'static>>(&file)).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.starts_with(&format!("{}:3: login and reading: ", file.display())), "{message}");
    std::fs::remove_file(file).unwrap();
}
