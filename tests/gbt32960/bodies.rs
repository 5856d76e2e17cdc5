//! Data units of SmallChi's tests, in frames that are made around them.

use exproto_runtime::codec::{Flag, encode, reencode, to_json};
use serde_json::Value as Json;

use super::captures::with_frame;
use super::{Message, frame, unhex};

/// Name, command with answer flag, and data unit; of reports the blocks alone.
fn bodies() -> Vec<(String, u16, Vec<u8>)> {
    let lines = include_str!("../captures/gbt32960/bodies.jsonl").lines();
    let parse = |line: &str| {
        let json: Json = serde_json::from_str(line).unwrap();
        let text = |key: &str| json[key].as_str().unwrap().to_owned();
        (text("name"), u16::from_str_radix(&text("kind"), 16).unwrap(), unhex(&text("hex")))
    };
    lines.map(parse).collect()
}

/// What is not as the declaration says, and why.
const ODD: [(&str, &[Flag]); 11] = [
    // The temperature of hydrogen and the pressure, and an alarm's level, are beyond what
    // the standard allows.
    ("JTNE_0x02_0x03_DeviceTest", &[Flag::Range]),
    ("JTNE_0x02_0x07_DeviceTest", &[Flag::Range]),
    ("JTNE_0x02_Composite_DeviceTest", &[Flag::Range]),
    ("JTNE_0x02_DeviceTest", &[Flag::Range]),
    ("JTNE_0x03_DeviceTest", &[Flag::Range]),
    // A maker's block of the vehicle without pedals, so that what follows it is read as
    // something else.
    ("JTNE_0x02_0x01_PlatformTest", &[Flag::Tail]),
    ("JTNE_0x02_Composite_PlatformTest", &[Flag::Range, Flag::Tail]),
    ("JTNE_0x02_PlatformTest", &[Flag::Range, Flag::Tail]),
    ("JTNE_0x03_PlatformTest", &[Flag::Range, Flag::Tail]),
    // Parameters of a maker, whose sizes nobody knows.
    ("JTNE_0x80Reply_CustomBody_DeviceTest", &[Flag::Tail]),
    ("JTNE_0x81_CustomBody_DeviceTest", &[Flag::Tail]),
];

/// An upgrade whose fields are all text, the address first.
const ANOTHER_UPGRADE: &str = "1301161737380168747470";

/// What is known of some.
const KNOWN: [(&str, &str); 9] = [
    ("JTNE_0x01_DeviceTest", r#""number":3,"code_length":4,"codes":"123445679870""#),
    ("JTNE_0x02_0x01_DeviceTest", r#""speed":5.8,"mileage":666.6,"voltage":10,"current":-990.1,"soc":3"#),
    ("JTNE_0x02_0x04_DeviceTest", r#"{"state":1,"speed":203,"consumption":1.02}"#),
    ("JTNE_0x02_0x05_DeviceTest", r#"{"state":1,"lon":3.255555,"lat":1.233355}"#),
    ("JTNE_0x02_0x07_DeviceTest", r#""battery":[1000,1001,1002],"motor":[2000,2001,2002]"#),
    ("JTNE_0x02_0x09_DeviceTest", r#"{"system":2,"probes":[-35,-34,-33,-32]}"#),
    ("JTNE_0x04_DeviceTest", r#"{"time":"2019-01-22T23:55:56+08:00","serial":4444}"#),
    ("JTNE_0x05_PlatformTest", r#""user":"SmallChi518","password":"1234567890123456789""#),
    ("JTNE_0x80_DeviceTest", r#"{"ids":"0102"}"#),
];

#[test]
fn data_units_are_read_and_written_again() {
    let bodies = bodies();
    assert_eq!(bodies.len(), 40);
    for (name, kind, body) in &bodies {
        let time = if matches!(kind >> 8, 2 | 3) { unhex("18051f0c0000") } else { vec![] };
        let wire = frame("##", (kind >> 8) as u8, *kind as u8, &[time, body.clone()].concat());
        with_frame(name, &wire, |raw, received| {
            let (mut again, mut json) = (Vec::new(), Vec::new());
            reencode::<Message>(&received, raw, &mut again).unwrap();
            assert_eq!(again, wire, "{name}");
            again.clear();
            encode::<Message>(&received.frame, &mut again).unwrap();
            assert_eq!(again, wire, "{name}");

            let odd = ODD.iter().find(|(odd, _)| odd == name).map_or(&[][..], |(_, flags)| flags);
            let odd = if body.starts_with(&unhex(ANOTHER_UPGRADE)) { &[Flag::Raw] } else { odd };
            assert_eq!(received.flags.iter().collect::<Vec<_>>(), odd, "{name}");

            to_json(&received.frame, &mut json);
            let json = String::from_utf8(json).unwrap();
            for (_, part) in KNOWN.iter().filter(|(known, _)| known == name) {
                assert!(json.contains(part), "{name}: {json}");
            }
        });
    }
}
