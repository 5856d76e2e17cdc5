//! Six-byte times: every day of the century, and text that is none.
#![allow(clippy::unwrap_used)]

use alloc::format;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use super::*;

/// All days from 2000-01-01 to 2099-12-31 with the second they begin at in
/// UTC, counted one by one.
fn days() -> impl Iterator<Item = (i64, [u8; 3])> {
    // `date -u -d 2000-01-01 +%s`.
    let mut second = 946_684_800;
    (0..100_u8)
        .flat_map(|year| {
            let february = if year.is_multiple_of(4) { 29 } else { 28 };
            [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
                .into_iter()
                .enumerate()
                .flat_map(move |(month, days)| (1..=days).map(move |day| [year, month as u8 + 1, day]))
        })
        .map(move |day| {
            second += 86_400;
            (second - 86_400, day)
        })
}

fn packed(parts: [u8; 6]) -> [u8; 6] {
    parts.map(|part| u8::from_str_radix(&format!("{part}"), 16).unwrap())
}

fn every_day_in<const ZONE: i32>() {
    let east = i64::from(ZONE) * 60;
    for (begin, [year, month, day]) in days() {
        for (second, [h, m, s]) in [(0, [0, 0, 0]), (45_296, [12, 34, 56]), (86_399, [23, 59, 59])] {
            let time = BcdTime::<ZONE>::from_bytes(packed([year, month, day, h, m, s]));
            let unix = begin + second - east;
            assert!(time.is_valid(), "{time}");
            assert_eq!(time.unix(), Some(unix), "{time}");
            assert_eq!(BcdTime::from_unix(unix), Some(time), "{unix}");
            if second == 45_296 {
                continue;
            }
            assert_eq!(time.to_string().parse(), Ok(time));
            // Seen from another zone it is the same moment, or outside the century.
            let utc = BcdTime::<0>::from_unix(unix);
            assert_eq!(utc.map(|utc| utc.unix()), utc.map(|_| Some(unix)));
            if let Some(utc) = utc {
                assert_eq!(utc.to_string().parse(), Ok(time), "{utc}");
            }
        }
    }
}

#[test]
fn every_day_of_the_century_agrees_with_counting() {
    assert_eq!(days().count(), 36_525);
    // `date -u -d 2099-12-31 +%s`.
    assert_eq!(days().last(), Some((4_102_358_400, [99, 12, 31])));
    every_day_in::<0>();
    every_day_in::<{ 8 * 60 }>();
    every_day_in::<{ 14 * 60 }>();
    every_day_in::<{ -12 * 60 }>();
    every_day_in::<{ 5 * 60 + 45 }>();
    every_day_in::<{ -(9 * 60 + 30) }>();
}

#[test]
fn outside_the_century_there_is_no_time() {
    fn at<const ZONE: i32>() {
        let first = 946_684_800 - i64::from(ZONE) * 60;
        let last = 4_102_444_799 - i64::from(ZONE) * 60;
        let digits = |unix| BcdTime::<ZONE>::from_unix(unix).map(|time| time.0);
        assert_eq!(digits(first - 1), None);
        assert_eq!(digits(first), Some([0, 1, 1, 0, 0, 0]));
        assert_eq!(digits(last), Some([0x99, 0x12, 0x31, 0x23, 0x59, 0x59]));
        assert_eq!(digits(last + 1), None);
        assert_eq!(digits(i64::MAX), None);
        assert_eq!(digits(i64::MIN), None);
    }
    at::<0>();
    at::<{ 8 * 60 }>();
    at::<{ -(3 * 60 + 30) }>();
}

#[test]
fn a_time_exists_if_its_day_was_counted() {
    let days: Vec<[u8; 6]> =
        days().map(|(_, [year, month, day])| packed([year, month, day, 23, 59, 59])).collect();
    // All months and days there could be, in a leap year, one that is none,
    // and years that are no decimal.
    for year in [0x00, 0x01, 0x24, 0x99, 0x0A, 0xA0] {
        for month in 0..=255 {
            for day in 0..=255 {
                let time = BcdTime::<0>::from_bytes([year, month, day, 0x23, 0x59, 0x59]);
                let exists = days.binary_search(time.as_bytes()).is_ok();
                assert_eq!(time.is_valid(), exists, "{:x?}", time.0);
                assert_eq!(time.unix().is_some(), exists, "{:x?}", time.0);
            }
        }
    }
    // And all values of the clock.
    for byte in 0..=255_u8 {
        let decimal = byte >> 4 < 10 && byte & 15 < 10;
        for (at, end) in [(3, 0x24), (4, 0x60), (5, 0x60)] {
            let mut bytes = [0x24, 0x02, 0x29, 0, 0, 0];
            bytes[at] = byte;
            assert_eq!(BcdTime::<0>::from_bytes(bytes).is_valid(), decimal && byte < end, "{bytes:x?}");
        }
    }
}

#[test]
fn a_time_that_does_not_exist_is_flagged_shown_and_read_again() {
    for bytes in [[0x23, 0x02, 0x29, 0, 0, 0], [0; 6], [0xFF; 6], [0x24, 0x05, 0x31, 0x24, 0, 0]] {
        let mut r = Reader::new(&bytes);
        let time = BcdTime::<480>::decode(&mut r, ()).unwrap();
        assert!(r.flags().has(Flag::Time), "{bytes:x?}");
        assert_eq!((time.unix(), time.as_bytes()), (None, &bytes));
        assert_eq!(time.to_string().parse(), Ok(time));
    }
    let mut r = Reader::new(&[0x24, 0x02, 0x29, 0, 0, 0]);
    BcdTime::<480>::decode(&mut r, ()).unwrap();
    assert!(r.flags().is_empty());
}

#[test]
fn text_may_name_its_zone() {
    let parse = |text: &str| text.parse::<BcdTime<480>>().map(|time| time.to_string());
    for text in [
        "2024-02-29T00:30:00+08:00",
        "2024-02-29T00:30:00",
        " 2024-02-29 00:30:00.999 ",
        "2024-02-28T16:30:00Z",
        "2024-02-28t16:30:00.5z",
        "2024-02-29T00:30:00+0800",
        "2024-02-29T00:30:00+08",
        "2024-02-28T16:00:00-00:30",
        "2024-02-28T05:30:00-11",
        "240229003000",
    ] {
        assert_eq!(parse(text).as_deref(), Ok("2024-02-29T00:30:00+08:00"), "{text}");
    }
    // The zone decides about the century.
    assert_eq!(parse("1999-12-31T16:00:00Z").as_deref(), Ok("2000-01-01T00:00:00+08:00"));
    assert_eq!(parse("2100-01-01T00:00:00+09:00").as_deref(), Ok("2099-12-31T23:00:00+08:00"));
    assert_eq!(parse("2099-12-31T16:00:00Z"), Err(TimeError));
}

#[test]
fn other_text_is_no_time() {
    for text in [
        "",
        "2024",
        "24022900300",
        "24022900300x",
        "2024-02-30T00:00:00",
        "2023-02-29T00:00:00",
        "2024-00-10T00:00:00",
        "2024-13-10T00:00:00",
        "2024-01-00T00:00:00",
        "2024-01-10T24:00:00",
        "2024-01-10T00:60:00",
        "2024-01-10T00:00:60",
        "2024-01-10T-1:00:00",
        "2024-+1-10T00:00:00",
        "2024/01/10T00:00:00",
        "2024-01-10_00:00:00",
        "2024-01-10T00:00:00.",
        "2024-01-10T00:00:00.Z",
        "2024-01-10T00:00:005",
        "2024-01-10T00:00:00Zx",
        "2024-01-10T00:00:00+8",
        "2024-01-10T00:00:00+08:0",
        "2024-01-10T00:00:00+08:60",
        "2024-01-10T00:00:00+-8:00",
        "2024-01-10T00:00:00 08:00",
        "2024-01-10T00:00:00+9223372036854775807",
        "2024-01-10T00:00:00+9223372036854775807:00",
        "2024-01-10T00:00:0\u{e9}",
        "1999-01-10T00:00:00",
        "2100-01-10T00:00:00",
        "9999-12-31T23:59:59-99:59",
        "0000-01-01T00:00:00+99:59",
    ] {
        assert_eq!(text.parse::<BcdTime<480>>(), Err(TimeError), "{text}");
    }
}
