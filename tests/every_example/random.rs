//! Random values of every frame of every example: written and read they are the same,
//! and a byte that another decides does not change in silence.

use exproto_runtime::codec::{Deframer, Item, Random, decode, encode, reencode, to_json};

use super::{eelink, galileosky, gbt32960, gt06, h02, jt808, modbus, teltonika};

fn json<T: exproto_runtime::codec::Value>(value: &T) -> String {
    let mut json = Vec::new();
    to_json(value, &mut json);
    String::from_utf8(json).unwrap()
}

/// 200 random values: written, and what is read of that written again, they are the same
/// bytes, with nothing odd about them. At least `$same` of them are also the same value in
/// JSON. No bit of a byte that `$derived` names changes in silence.
macro_rules! random {
    ($frame:ty, $same:literal, $derived:expr) => {{
        let (mut random, mut same) = (Random::new(7), 0_i32);
        let derived: fn(&[u8]) -> Vec<usize> = $derived;
        for _ in 0..200 {
            let value: $frame = random.make();
            let mut wire = Vec::new();
            if encode::<$frame>(&value, &mut wire).is_err() {
                continue;
            }
            let (mut deframer, mut scratch) = (Deframer::<$frame>::new(), Vec::new());
            let mut payload = Vec::new();
            deframer.datagram(&wire, &mut scratch, |item| {
                let Item::Frame(raw) = item else { return };
                payload = raw.payload.to_vec();
                let received =
                    raw.decode::<$frame>().unwrap_or_else(|error| panic!("{error}: {}", json(&value)));
                let mut again = Vec::new();
                reencode::<$frame>(&received, &raw, &mut again).unwrap();
                assert_eq!(again, wire, "{}", json(&value));
                if !received.flags.is_lossy() {
                    again.clear();
                    encode::<$frame>(&received.frame, &mut again).unwrap();
                    assert_eq!(again, wire, "{}", json(&value));
                }
                same += i32::from(received.flags.is_empty() && json(&received.frame) == json(&value));
            });
            for at in derived(&payload).into_iter().filter(|at| *at < payload.len()) {
                let mut changed = payload.clone();
                changed[at] ^= 1 << (random.within(0..=7_u8));
                if let Ok(received) = decode::<$frame>(&changed) {
                    let silent = received.flags.is_empty();
                    assert!(!silent, "byte {at} of {payload:02x?}: {}", json(&received.frame));
                }
            }
        }
        let least: i32 = $same;
        assert!(same >= least, "{}: {same}", stringify!($frame));
    }};
}

/// All bytes: a checksum covers them.
fn all(payload: &[u8]) -> Vec<usize> {
    (0..payload.len()).collect()
}

/// No byte follows from others.
fn none(_: &[u8]) -> Vec<usize> {
    vec![]
}

// Where values do not come back as they were: an enum is told by what the frame's header
// says and not by the value, an `Option` that is there where bytes are left takes those of
// the next one, a lenient list ends with the first record that is longer than its room, and
// a field with `is` is computed.

#[test]
fn messages_of_cars_and_trucks() {
    random!(jt808::Message<'static>, 190, all);
    // Where the frame begins is looked for by the search alone.
    random!(gbt32960::Message<'static>, 190, |payload| (2..payload.len()).collect());
}

#[test]
fn messages_of_gt06() {
    random!(gt06::Short<'static>, 180, all);
    random!(gt06::Long<'static>, 200, all);
    random!(gt06::Ack, 200, all);
    random!(gt06::LongAck, 200, all);
}

#[test]
fn messages_of_teltonika() {
    random!(teltonika::Hello<'static>, 200, |_| vec![0, 1]);
    // A time in thirty bits does not reach far.
    random!(teltonika::Packet<'static>, 180, all);
    random!(teltonika::KeepAlive, 200, all);
    random!(teltonika::Welcome, 200, none);
    random!(teltonika::Taken, 200, none);
    random!(teltonika::udp::Datagram<'static>, 160, |_| vec![0, 1, 4]);
    random!(teltonika::udp::Noted, 200, |_| vec![0, 1, 4]);
}

#[test]
fn messages_of_eelink() {
    random!(eelink::Package<'static>, 150, |_| vec![0, 1, 3, 4]);
    random!(eelink::Envelope<'static>, 140, all);
    random!(eelink::Answer, 200, |_| vec![0, 1, 3, 4]);
    random!(eelink::Enclosed, 200, all);
    random!(eelink::Order<'static>, 150, all);
}

#[test]
fn messages_of_galileosky() {
    random!(galileosky::Tags<'static>, 0, all);
    random!(galileosky::Photo<'static>, 0, all);
    random!(galileosky::Taken, 200, |_| vec![0]);
    random!(galileosky::PhotoTaken, 200, |_| vec![0]);
    random!(galileosky::Order<'static>, 200, all);
    random!(galileosky::Iridium<'static>, 90, |_| vec![0, 1, 2, 3, 4, 5]);
    random!(galileosky::packed::Packed, 0, all);
}

#[test]
fn messages_of_h02() {
    random!(h02::Line<'static>, 0, none);
    random!(h02::Confirm<'static>, 200, none);
    random!(h02::Order<'static>, 200, none);
    // The mark is `$` or `X`.
    random!(h02::binary::Short, 5, none);
    random!(h02::binary::Imei, 200, |_| vec![0]);
    random!(h02::binary::Long, 200, |_| vec![0]);
    random!(h02::binary::Long46, 200, |_| vec![0]);
    random!(h02::binary::Long48, 200, |_| vec![0]);
}

#[test]
fn messages_of_modbus() {
    // An empty line is no frame.
    random!(modbus::TcpHello<'static>, 180, none);
    random!(modbus::TcpBeat, 200, all);
    random!(modbus::TcpAsk<'static>, 200, |_| vec![2, 3, 4, 5]);
    random!(modbus::TcpAnswer<'static>, 200, |_| vec![2, 3, 4, 5]);
    random!(modbus::RtuAsk<'static>, 200, all);
    random!(modbus::RtuAnswer<'static>, 200, all);
    random!(modbus::HexAsk<'static>, 200, all);
    random!(modbus::HexAnswer<'static>, 200, all);
}
