//! Batches of ten records with nested lists: Teltonika codec 8.

use std::hint::black_box;

use exproto_runtime::codec;

use crate::cases::{Case, Work};
use crate::input::frames;
use crate::rounds::{encoding, ok, some, work};

const FILE: &str = include_str!("../../tests/captures/teltonika/bench_codec8.hexl");

/// A record as code by hand and comparisons have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Record {
    pub fix: Fix,
    pub one: Vec<(u8, u8)>,
    pub two: Vec<(u8, u16)>,
    pub four: Vec<(u8, u32)>,
    pub eight: Vec<(u8, u64)>,
}

/// What every record begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Fix {
    pub time: u64,
    pub priority: u8,
    pub lon: i32,
    pub lat: i32,
    pub altitude: i16,
    pub course: u16,
    pub satellites: u8,
    pub speed: u16,
    pub event: u8,
}

/// By hand.
pub mod hand {
    use super::*;

    static CRC: crc::Crc<u16, crc::Table<16>> = crc::Crc::<u16, crc::Table<16>>::new(&crc::CRC_16_ARC);

    /// The content of a packet whose checksum and length are right.
    #[inline]
    #[must_use]
    pub fn open(wire: &[u8]) -> Option<&[u8]> {
        let (head, rest) = wire.split_first_chunk::<8>()?;
        let &[0, 0, 0, 0, l0, l1, l2, l3] = head else { return None };
        let (data, sent) = rest.split_last_chunk::<4>()?;
        let right = data.len() == u32::from_be_bytes([l0, l1, l2, l3]) as usize
            && u32::from(CRC.checksum(data)) == u32::from_be_bytes(*sent);
        right.then_some(data)
    }

    /// Cuts codec and counts off.
    #[inline(always)]
    fn records(data: &[u8]) -> Option<(usize, &[u8])> {
        let &[8, count, ref records @ .., again] = data else { return None };
        (count == again).then_some((usize::from(count), records))
    }

    #[inline(always)]
    fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
        let (taken, rest) = bytes.split_first_chunk::<N>()?;
        *bytes = rest;
        Some(taken)
    }

    #[inline(always)]
    fn fix(bytes: &[u8; 26]) -> (Fix, u8) {
        let &[
            t0,
            t1,
            t2,
            t3,
            t4,
            t5,
            t6,
            t7,
            priority,
            o0,
            o1,
            o2,
            o3,
            a0,
            a1,
            a2,
            a3,
            h0,
            h1,
            c0,
            c1,
            satellites,
            s0,
            s1,
            event,
            total,
        ] = bytes;
        let fix = Fix {
            time: u64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
            priority,
            lon: i32::from_be_bytes([o0, o1, o2, o3]),
            lat: i32::from_be_bytes([a0, a1, a2, a3]),
            altitude: i16::from_be_bytes([h0, h1]),
            course: u16::from_be_bytes([c0, c1]),
            satellites,
            speed: u16::from_be_bytes([s0, s1]),
            event,
        };
        (fix, total)
    }

    /// The bytes of a list: its count and its elements of `N` bytes.
    #[inline(always)]
    fn list<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [[u8; N]]> {
        let &[count] = take::<1>(bytes)?;
        let (list, rest) = bytes.split_at_checked(usize::from(count) * N)?;
        *bytes = rest;
        Some(list.as_chunks().0)
    }

    /// Reads all records; `None` if they are none.
    #[inline]
    #[must_use]
    pub fn parse(data: &[u8]) -> Option<Vec<Record>> {
        let (count, mut rest) = records(data)?;
        let mut all = Vec::with_capacity(count.min(rest.len() / 30));
        for _ in 0..count {
            let (fix, total) = fix(take(&mut rest)?);
            let one: Vec<(u8, u8)> = list(&mut rest)?.iter().map(|&[id, a]| (id, a)).collect();
            let two: Vec<_> =
                list(&mut rest)?.iter().map(|&[id, a, b]| (id, u16::from_be_bytes([a, b]))).collect();
            let four: Vec<_> = list(&mut rest)?
                .iter()
                .map(|&[id, a, b, c, d]| (id, u32::from_be_bytes([a, b, c, d])))
                .collect();
            let eight: Vec<_> = list(&mut rest)?
                .iter()
                .map(|&[id, a, b, c, d, e, f, g, h]| (id, u64::from_be_bytes([a, b, c, d, e, f, g, h])))
                .collect();
            if one.len() + two.len() + four.len() + eight.len() != usize::from(total) {
                return None;
            }
            all.push(Record { fix, one, two, four, eight });
        }
        rest.is_empty().then_some(all)
    }

    /// A record whose lists are read where they lie.
    #[derive(Clone, Copy, Debug)]
    #[allow(missing_docs)]
    pub struct RecordRef<'a> {
        pub fix: Fix,
        pub one: &'a [[u8; 2]],
        pub two: &'a [[u8; 3]],
        pub four: &'a [[u8; 5]],
        pub eight: &'a [[u8; 9]],
    }

    impl<'a> RecordRef<'a> {
        /// The record at the front.
        #[inline(always)]
        pub fn read(rest: &mut &'a [u8]) -> Option<Self> {
            let (fix, total) = fix(take(rest)?);
            let (one, two, four, eight) = (list(rest)?, list(rest)?, list(rest)?, list(rest)?);
            (one.len() + two.len() + four.len() + eight.len() == usize::from(total)).then_some(Self {
                fix,
                one,
                two,
                four,
                eight,
            })
        }
    }

    /// Verifies the extents of all records: their number and bytes; `None` if
    /// they are none.
    #[inline]
    #[must_use]
    pub fn parse_ref(data: &[u8]) -> Option<(usize, &[u8])> {
        let (count, records) = records(data)?;
        let mut rest = records;
        for _ in 0..count {
            RecordRef::read(&mut rest)?;
        }
        rest.is_empty().then_some((count, records))
    }

    /// Appends a packet; `None` if a list is too long.
    #[inline]
    #[must_use]
    pub fn encode(records: &[Record], out: &mut Vec<u8>) -> Option<()> {
        let count = u8::try_from(records.len()).ok()?;
        out.extend_from_slice(&[0, 0, 0, 0]);
        let length = out.len();
        out.extend_from_slice(&[0, 0, 0, 0, 8, count]);
        for Record { fix, one, two, four, eight } in records {
            let total = u8::try_from(one.len() + two.len() + four.len() + eight.len()).ok()?;
            let [t0, t1, t2, t3, t4, t5, t6, t7] = fix.time.to_be_bytes();
            let [o0, o1, o2, o3] = fix.lon.to_be_bytes();
            let [a0, a1, a2, a3] = fix.lat.to_be_bytes();
            let [h0, h1] = fix.altitude.to_be_bytes();
            let [c0, c1] = fix.course.to_be_bytes();
            let [s0, s1] = fix.speed.to_be_bytes();
            let (priority, satellites, event) = (fix.priority, fix.satellites, fix.event);
            // The total is at least the length of each.
            out.extend_from_slice(&[
                t0,
                t1,
                t2,
                t3,
                t4,
                t5,
                t6,
                t7,
                priority,
                o0,
                o1,
                o2,
                o3,
                a0,
                a1,
                a2,
                a3,
                h0,
                h1,
                c0,
                c1,
                satellites,
                s0,
                s1,
                event,
                total,
                one.len() as u8,
            ]);
            for (id, value) in one {
                out.extend_from_slice(&[*id, *value]);
            }
            out.push(two.len() as u8);
            for (id, value) in two {
                let [a, b] = value.to_be_bytes();
                out.extend_from_slice(&[*id, a, b]);
            }
            out.push(four.len() as u8);
            for (id, value) in four {
                let [a, b, c, d] = value.to_be_bytes();
                out.extend_from_slice(&[*id, a, b, c, d]);
            }
            out.push(eight.len() as u8);
            for (id, value) in eight {
                let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
                out.extend_from_slice(&[*id, a, b, c, d, e, f, g, h]);
            }
        }
        out.push(count);
        let data = out.get(length + 4..)?;
        let check = u32::from(CRC.checksum(data));
        let bytes = u32::try_from(data.len()).ok()?;
        *out.get_mut(length..)?.first_chunk_mut()? = bytes.to_be_bytes();
        out.extend_from_slice(&check.to_be_bytes());
        Some(())
    }
}

/// Declared for exproto.
#[allow(missing_docs)]
pub mod ours {
    use exproto_runtime::ExProtoFrame;
    use exproto_runtime::codec::List;

    /// What every record begins with.
    #[derive(ExProtoFrame, Clone, Copy, Debug, PartialEq)]
    #[wire(endian = big)]
    pub struct Fix {
        pub time: u64,
        pub priority: u8,
        pub lon: i32,
        pub lat: i32,
        pub altitude: i16,
        pub course: u16,
        pub satellites: u8,
        pub speed: u16,
        pub event: u8,
    }

    #[derive(ExProtoFrame, Clone, Copy, Debug, PartialEq)]
    pub struct One {
        pub id: u8,
        pub value: u8,
    }

    #[derive(ExProtoFrame, Clone, Copy, Debug, PartialEq)]
    #[wire(endian = big)]
    pub struct Two {
        pub id: u8,
        pub value: u16,
    }

    #[derive(ExProtoFrame, Clone, Copy, Debug, PartialEq)]
    #[wire(endian = big)]
    pub struct Four {
        pub id: u8,
        pub value: u32,
    }

    #[derive(ExProtoFrame, Clone, Copy, Debug, PartialEq)]
    #[wire(endian = big)]
    pub struct Eight {
        pub id: u8,
        pub value: u64,
    }

    /// A packet that owns its records.
    #[derive(ExProtoFrame, Clone, Debug, PartialEq)]
    #[frame(max = 8192)]
    #[wire(endian = big)]
    pub struct Owned {
        #[wire(before(preamble: u32 = 0), before(length: u32 = size(codec..=again)))]
        #[wire(before(codec: u8 = 8), before(n: u8 = count(records)))]
        #[wire(after(again: u8 = count(records)), after(check: u32 = crc("CRC-16/ARC", codec..)))]
        pub records: Vec<Record>,
    }

    #[derive(ExProtoFrame, Clone, Debug, PartialEq)]
    #[wire(endian = big)]
    pub struct Record {
        pub fix: Fix,
        #[wire(before(total: u8 = count(one) + count(two) + count(four) + count(eight)))]
        #[wire(count = prefix(u8))]
        pub one: Vec<One>,
        #[wire(count = prefix(u8))]
        pub two: Vec<Two>,
        #[wire(count = prefix(u8))]
        pub four: Vec<Four>,
        #[wire(count = prefix(u8))]
        pub eight: Vec<Eight>,
    }

    /// A packet whose records are read where they lie.
    #[derive(ExProtoFrame, Clone, Debug, PartialEq)]
    #[frame(max = 8192)]
    #[wire(endian = big)]
    pub struct Borrowed<'a> {
        #[wire(before(preamble: u32 = 0), before(length: u32 = size(codec..=again)))]
        #[wire(before(codec: u8 = 8), before(n: u8 = count(records)))]
        #[wire(after(again: u8 = count(records)), after(check: u32 = crc("CRC-16/ARC", codec..)))]
        pub records: List<'a, RecordRef<'a>>,
    }

    #[derive(ExProtoFrame, Clone, Debug, PartialEq)]
    #[wire(endian = big)]
    pub struct RecordRef<'a> {
        pub fix: Fix,
        #[wire(before(total: u8 = count(one) + count(two) + count(four) + count(eight)))]
        #[wire(count = prefix(u8))]
        pub one: List<'a, One>,
        #[wire(count = prefix(u8))]
        pub two: List<'a, Two>,
        #[wire(count = prefix(u8))]
        pub four: List<'a, Four>,
        #[wire(count = prefix(u8))]
        pub eight: List<'a, Eight>,
    }

    impl Fix {
        fn plain(&self) -> super::Fix {
            let Self { time, priority, lon, lat, altitude, course, satellites, speed, event } = *self;
            super::Fix { time, priority, lon, lat, altitude, course, satellites, speed, event }
        }
    }

    impl Record {
        /// The value to compare with that of other peers.
        #[must_use]
        pub fn plain(&self) -> super::Record {
            super::Record {
                fix: self.fix.plain(),
                one: self.one.iter().map(|io| (io.id, io.value)).collect(),
                two: self.two.iter().map(|io| (io.id, io.value)).collect(),
                four: self.four.iter().map(|io| (io.id, io.value)).collect(),
                eight: self.eight.iter().map(|io| (io.id, io.value)).collect(),
            }
        }
    }

    impl RecordRef<'_> {
        /// The value to compare with that of other peers.
        #[must_use]
        pub fn plain(&self) -> super::Record {
            super::Record {
                fix: self.fix.plain(),
                one: self.one.iter().map(|io| (io.id, io.value)).collect(),
                two: self.two.iter().map(|io| (io.id, io.value)).collect(),
                four: self.four.iter().map(|io| (io.id, io.value)).collect(),
                eight: self.eight.iter().map(|io| (io.id, io.value)).collect(),
            }
        }
    }
}

/// Declared for deku: counts are fields of their own.
pub mod with_deku {
    use std::io::Cursor;

    use deku::prelude::*;

    #[derive(Clone, Debug, PartialEq, DekuRead, DekuWrite)]
    #[deku(endian = "big")]
    #[allow(missing_docs)]
    pub struct Data {
        codec: u8,
        n: u8,
        #[deku(count = "n")]
        pub records: Vec<Record>,
        again: u8,
    }

    #[derive(Clone, Debug, PartialEq, DekuRead, DekuWrite)]
    #[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
    #[allow(missing_docs)]
    pub struct Record {
        time: u64,
        priority: u8,
        lon: i32,
        lat: i32,
        altitude: i16,
        course: u16,
        satellites: u8,
        speed: u16,
        event: u8,
        total: u8,
        n1: u8,
        #[deku(count = "n1")]
        one: Vec<(u8, u8)>,
        n2: u8,
        #[deku(count = "n2")]
        two: Vec<(u8, u16)>,
        n4: u8,
        #[deku(count = "n4")]
        four: Vec<(u8, u32)>,
        n8: u8,
        #[deku(count = "n8")]
        eight: Vec<(u8, u64)>,
    }

    impl Data {
        /// Reads the content of a packet.
        #[inline]
        #[must_use]
        pub fn parse(data: &[u8]) -> Option<Self> {
            let mut cursor = Cursor::new(data);
            Self::from_reader_with_ctx(&mut Reader::new(&mut cursor), ()).ok()
        }
    }

    impl Record {
        /// The value to compare with that of other peers.
        #[must_use]
        pub fn plain(&self) -> super::Record {
            let Self { time, priority, lon, lat, altitude, course, satellites, speed, event, .. } = *self;
            let fix = super::Fix { time, priority, lon, lat, altitude, course, satellites, speed, event };
            let Self { one, two, four, eight, .. } = self.clone();
            super::Record { fix, one, two, four, eight }
        }
    }
}

pub mod with_winnow;

/// Declared for binrw: counts are fields of their own.
pub mod with_binrw {
    use std::io::Cursor;

    use binrw::{BinRead as _, binrw};

    #[binrw]
    #[brw(big)]
    #[derive(Clone, Debug, PartialEq)]
    #[allow(missing_docs)]
    pub struct Data {
        codec: u8,
        n: u8,
        #[br(count = n)]
        pub records: Vec<Record>,
        again: u8,
    }

    #[binrw]
    #[brw(big)]
    #[derive(Clone, Debug, PartialEq)]
    #[allow(missing_docs)]
    pub struct Record {
        time: u64,
        priority: u8,
        lon: i32,
        lat: i32,
        altitude: i16,
        course: u16,
        satellites: u8,
        speed: u16,
        event: u8,
        total: u8,
        n1: u8,
        #[br(count = n1)]
        one: Vec<(u8, u8)>,
        n2: u8,
        #[br(count = n2)]
        two: Vec<(u8, u16)>,
        n4: u8,
        #[br(count = n4)]
        four: Vec<(u8, u32)>,
        n8: u8,
        #[br(count = n8)]
        eight: Vec<(u8, u64)>,
    }

    impl Data {
        /// Reads the content of a packet.
        #[inline]
        #[must_use]
        pub fn parse(data: &[u8]) -> Option<Self> {
            Self::read(&mut Cursor::new(data)).ok()
        }
    }

    impl Record {
        /// The value to compare with that of other peers.
        #[must_use]
        pub fn plain(&self) -> super::Record {
            let Self { time, priority, lon, lat, altitude, course, satellites, speed, event, .. } = *self;
            let fix = super::Fix { time, priority, lon, lat, altitude, course, satellites, speed, event };
            let Self { one, two, four, eight, .. } = self.clone();
            super::Record { fix, one, two, four, eight }
        }
    }
}

/// The measurements. `batch-decode` verifies the checksum, `batch-parse` does
/// not; `batch-ref` verifies the extents of all records, `batch-walk` then
/// reads each record once.
pub const CASES: &[Case] = &[
    Case {
        task: "batch-decode",
        peer: "hand",
        prepare: || work(input(), |w| some(&hand::open(w).and_then(hand::parse))),
    },
    Case {
        task: "batch-decode",
        peer: "ours",
        prepare: || work(input(), |w| ok(&codec::decode::<ours::Owned>(w))),
    },
    Case {
        task: "batch-decode",
        peer: "binrw",
        prepare: || work(input(), |w| some(&hand::open(w).and_then(with_binrw::Data::parse))),
    },
    Case {
        task: "batch-decode",
        peer: "deku",
        prepare: || work(input(), |w| some(&hand::open(w).and_then(with_deku::Data::parse))),
    },
    Case {
        task: "batch-decode",
        peer: "winnow",
        prepare: || work(input(), |w| some(&hand::open(w).and_then(with_winnow::parse))),
    },
    Case { task: "batch-parse", peer: "hand", prepare: || work(input(), |w| some(&hand::parse(content(w)))) },
    Case {
        task: "batch-parse",
        peer: "ours",
        prepare: || work(input(), |w| ok(&codec::decode_unverified::<ours::Owned>(w))),
    },
    Case {
        task: "batch-parse",
        peer: "binrw",
        prepare: || work(input(), |w| some(&with_binrw::Data::parse(content(w)))),
    },
    Case {
        task: "batch-parse",
        peer: "deku",
        prepare: || work(input(), |w| some(&with_deku::Data::parse(content(w)))),
    },
    Case {
        task: "batch-parse",
        peer: "winnow",
        prepare: || work(input(), |w| some(&with_winnow::parse(content(w)))),
    },
    Case {
        task: "batch-ref",
        peer: "hand",
        prepare: || work(input(), |w| some(&hand::parse_ref(content(w)))),
    },
    Case {
        task: "batch-ref",
        peer: "ours",
        prepare: || work(input(), |w| ok(&codec::decode_unverified::<ours::Borrowed<'_>>(w))),
    },
    Case { task: "batch-walk", peer: "hand", prepare: || work(input(), walk_hand) },
    Case { task: "batch-walk", peer: "ours", prepare: || work(input(), walk_ours) },
    Case { task: "batch-encode", peer: "hand", prepare: encode_hand },
    Case { task: "batch-encode", peer: "ours", prepare: encode_ours },
];

/// The 32 packets.
#[must_use]
pub fn input() -> Vec<Vec<u8>> {
    frames(FILE)
}

/// What stands between length and checksum.
#[inline]
#[must_use]
pub fn content(wire: &[u8]) -> &[u8] {
    wire.get(8..wire.len() - 4).unwrap_or(&[])
}

fn walk_hand(wire: &[u8]) -> bool {
    let Some((count, mut rest)) = hand::parse_ref(content(wire)) else { return false };
    for _ in 0..count {
        black_box(&hand::RecordRef::read(&mut rest));
    }
    true
}

fn walk_ours(wire: &[u8]) -> bool {
    let Ok(packet) = codec::decode_unverified::<ours::Borrowed<'_>>(wire) else { return false };
    for record in &packet.frame.records {
        black_box(&record);
    }
    true
}

fn encode_hand() -> Work {
    let values = input().iter().filter_map(|wire| hand::parse(content(wire))).collect();
    encoding(values, |value: &Vec<Record>, out| hand::encode(value, out).is_some())
}

fn encode_ours() -> Work {
    let values =
        input().iter().filter_map(|wire| Some(codec::decode::<ours::Owned>(wire).ok()?.frame)).collect();
    encoding(values, |value: &ours::Owned, out| codec::encode::<ours::Owned>(value, out).is_ok())
}
