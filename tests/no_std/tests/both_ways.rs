//! What the crate without the standard library makes.

use exproto_no_std::{Pulse, Report, read, write};

#[test]
fn a_report_goes_both_ways() {
    let report = Report {
        sensor: 7,
        temperature: -215,
        name: "boiler".into(),
        pulses: vec![Pulse(1, 0x7E), Pulse(2, 300)].into(),
    };
    let mut wire = write(&report).expect("it can be written");
    assert_eq!(wire[..4], [0x7E, 7, 0xFF, 0x29]);
    let one = br#"{"sensor":7,"temperature":-21.5,"name":"boiler","pulses":[[1,126],[2,300]]}"#;
    assert_eq!(String::from_utf8_lossy(&read(&wire)), String::from_utf8_lossy(one));
    // Damaged, it is no frame; the next one is.
    let again = wire.clone();
    wire[2] ^= 1;
    wire.extend(again);
    assert_eq!(read(&wire), one);
}
