//! Frames between delimiters, and the stuffing that keeps these out of them.

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{Deframer, ErrorKind, Flag, Item, encode, reencode};

use super::framing::{Got, round_trip, same_however_cut, visits};
use super::payloads;

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(start = b"*", end = b"##", max = 32, skip = b"\r\n")]
pub struct Marked<'a> {
    #[wire(rest)]
    pub text: &'a [u8],
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(line, max = 32)]
pub struct Line<'a> {
    #[wire(rest)]
    pub text: &'a [u8],
}

#[test]
fn delimiters_of_several_bytes() {
    let got = same_however_cut::<Marked<'_>>(b"*one##\r\n*t#w#o##*##*three##\r\n");
    assert_eq!(payloads(&got), [&b"one"[..], b"t#w#o", b"three"]);
    assert_eq!(got.len(), 3);
    assert_eq!(round_trip::<Marked<'_>>(b"*one##*two##"), 2);
    let got = same_however_cut::<Marked<'_>>(b"junk*one##?*two##");
    assert_eq!(got[0], Got::Bad(ErrorKind::Garbage, b"junk".to_vec(), false));
    assert_eq!(payloads(&got), [&b"one"[..], b"two"]);
    let long = [b"*", &[b'x'; 40][..], b"##*two##"].concat();
    let got = same_however_cut::<Marked<'_>>(&long);
    assert!(matches!(&got[0], Got::Bad(ErrorKind::TooLong, wire, false) if wire.len() == 32), "{got:?}");
    assert_eq!(payloads(&got), [&b"two"[..]]);
    let stream = b"*a frame of some length##".repeat(50);
    assert!(visits::<Marked<'_>>(&stream) <= 1.3, "{}", visits::<Marked<'_>>(&stream));
    // No end ever comes, and every byte may be a start.
    assert!(visits::<Marked<'_>>(&[b'*'; 5000]) <= 5.0);
}

#[test]
fn lines_end_in_one_or_two_bytes() {
    let got = same_however_cut::<Line<'_>>(b"one\r\ntwo\n\r\n\nthree\r\n");
    assert_eq!(payloads(&got), [&b"one"[..], b"two", b"three"]);
    assert_eq!(round_trip::<Line<'_>>(b"one\r\ntwo\r\n"), 2);
    // What is written differently goes out as it came.
    let mut deframer = Deframer::<Line<'_>>::new();
    let (mut input, mut scratch) = (&b"two\n"[..], Vec::new());
    let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) else { panic!() };
    let received = raw.decode::<Line<'_>>().unwrap();
    assert!(received.flags.has(Flag::Framing));
    let mut again = Vec::new();
    reencode::<Line<'_>>(&received, &raw, &mut again).unwrap();
    assert_eq!(again, b"two\n");
    // A line that is too long is dropped up to its end.
    for len in 29..100 {
        let long = [b"first\n", &vec![b'x'; len][..], b"\r\nshort\r\n"].concat();
        let got = same_however_cut::<Line<'_>>(&long);
        if len <= 30 {
            assert_eq!(payloads(&got), [&b"first"[..], &vec![b'x'; len], b"short"]);
        } else {
            assert_eq!(payloads(&got), [&b"first"[..], b"short"]);
            assert_eq!(
                got[1],
                Got::Bad(
                    ErrorKind::TooLong,
                    vec![b'x'; 32][..32.min(len)]
                        .iter()
                        .copied()
                        .chain((len < 32).then_some(b'\r'))
                        .collect(),
                    false
                )
            );
        }
    }
}

macro_rules! stuffed {
    ($name:ident: $($frame:tt)*) => {
        #[derive(ExProtoFrame, Debug, PartialEq)]
        #[frame($($frame)*)]
        pub struct $name<'a> {
            #[wire(rest)]
            pub data: &'a [u8],
        }
    };
}

stuffed!(Slip: stuffing = slip, max = 600);
stuffed!(Hdlc: stuffing = hdlc, max = 600);
stuffed!(Ppp: stuffing = ppp, max = 600);
stuffed!(Cobs: stuffing = cobs, max = 600);
stuffed!(Xor: flag = 0x7E, escape(0x7D ^ 0x40: 0x7E, 0x7D), max = 600);
stuffed!(Pairs: start = 0x5B, end = 0x5D, max = 600, escape(
    b"\x5A\x01" => b"\x5B", b"\x5A\x02" => b"\x5A", b"\x5E\x01" => b"\x5D", b"\x5E\x02" => b"\x5E"));

macro_rules! any_bytes {
    ($($name:ident)*) => {$({
        let datas: Vec<Vec<u8>> = vec![
            b"plain".to_vec(),
            (0..=255).collect(),
            vec![0; 7],
            vec![0x7E, 0x7D, 0xC0, 0xDB, 0x5A, 0x5B, 0x5D, 0x5E],
            vec![1],
        ];
        let mut stream = Vec::new();
        for data in &datas {
            encode::<$name<'_>>(&$name { data }, &mut stream).unwrap();
        }
        let got = same_however_cut::<$name<'_>>(&stream);
        let want: Vec<&[u8]> = datas.iter().map(|data| &data[..]).collect();
        assert_eq!(payloads(&got), want, stringify!($name));
        let mut deframer = Deframer::<$name<'_>>::new();
        let (mut input, mut scratch) = (&stream[..], Vec::new());
        let mut again = Vec::new();
        while let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) {
            let received = raw.decode::<$name<'_>>().unwrap();
            assert!(received.flags.is_empty(), "{}: {:?}", stringify!($name), received.flags);
            reencode::<$name<'_>>(&received, &raw, &mut again).unwrap();
        }
        assert_eq!(again, stream, stringify!($name));
    })*};
}

#[test]
fn stuffing_carries_any_bytes() {
    any_bytes!(Slip Hdlc Ppp Cobs Xor Pairs);
}

#[test]
fn well_known_stuffings_are_as_published() {
    let wire = |encode: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        encode(&mut out);
        out
    };
    let data = &[1, 0xC0, 0xDB, 0x7E, 0x7D, 0][..];
    assert_eq!(
        wire(&|out| encode::<Slip<'_>>(&Slip { data }, out).unwrap()),
        [0xC0, 1, 0xDB, 0xDC, 0xDB, 0xDD, 0x7E, 0x7D, 0, 0xC0]
    );
    assert_eq!(
        wire(&|out| encode::<Hdlc<'_>>(&Hdlc { data }, out).unwrap()),
        [0x7E, 1, 0xC0, 0xDB, 0x7D, 0x5E, 0x7D, 0x5D, 0, 0x7E]
    );
    assert_eq!(
        wire(&|out| encode::<Ppp<'_>>(&Ppp { data }, out).unwrap()),
        [0x7E, 0x7D, 0x21, 0xC0, 0xDB, 0x7D, 0x5E, 0x7D, 0x5D, 0x7D, 0x20, 0x7E]
    );
    assert_eq!(
        wire(&|out| encode::<Cobs<'_>>(&Cobs { data }, out).unwrap()),
        [6, 1, 0xC0, 0xDB, 0x7E, 0x7D, 1, 0]
    );
    // The END before the first SLIP frame may be missing.
    let got = same_however_cut::<Slip<'_>>(b"ab\xC0\xC0cd\xC0");
    assert_eq!(payloads(&got), [&b"ab"[..], b"cd"]);
}

#[test]
fn more_escapes_than_needed_are_kept() {
    // 01 need not be escaped in HDLC, but may be.
    let wire = b"\x7E\x7D\x21\x55\x7E";
    let mut deframer = Deframer::<Hdlc<'_>>::new();
    let (mut input, mut scratch) = (&wire[..], Vec::new());
    let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) else { panic!() };
    let received = raw.decode::<Hdlc<'_>>().unwrap();
    assert_eq!(received.frame.data, b"\x01\x55");
    assert!(received.flags.has(Flag::Framing));
    let mut again = Vec::new();
    reencode::<Hdlc<'_>>(&received, &raw, &mut again).unwrap();
    assert_eq!(again, wire);
}
