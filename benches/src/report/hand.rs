//! By hand.

use super::ours::{Alarms, Block, Owned, Report, Temperatures, Voltages};
use super::{Cell, Extremes, Location, Motor, Running, System};
use crate::framing::xor;

/// Where the data unit begins in what [`open`] gives.
const DATA: usize = 22;

/// What stands between the leading bytes and the checksum of a frame whose
/// length and checksum are right.
#[inline]
#[must_use]
pub fn open(wire: &[u8]) -> Option<&[u8]> {
    let [b'#', b'#', content @ .., check] = wire else { return None };
    (xor(content) == *check).then_some(content)
}

#[inline(always)]
fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(taken)
}

#[inline(always)]
fn many<'a, const N: usize>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [[u8; N]]> {
    let (list, rest) = bytes.split_at_checked(count * N)?;
    *bytes = rest;
    Some(list.as_chunks().0)
}

/// A count of one byte and as many elements.
#[inline(always)]
fn list<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [[u8; N]]> {
    let &[count] = take(bytes)?;
    many(bytes, usize::from(count))
}

/// A count of two bytes and as many bytes.
#[inline(always)]
fn long<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let count = usize::from(u16::from_be_bytes(*take(bytes)?));
    let (list, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(list)
}

/// What stands before the data unit.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Head {
    pub command: u8,
    pub response: u8,
    pub vin: [u8; 17],
    pub encryption: u8,
    pub time: [u8; 6],
}

/// Header, time, and the bytes of the blocks.
#[inline(always)]
fn head(content: &[u8]) -> Option<(Head, &[u8])> {
    let (fixed, data) = content.split_first_chunk::<DATA>()?;
    let &[command, response, ref vin @ .., encryption, l0, l1] = fixed;
    if data.len() != usize::from(u16::from_be_bytes([l0, l1])) {
        return None;
    }
    let (time, blocks) = data.split_first_chunk::<6>()?;
    Some((Head { command, response, vin: *vin, encryption, time: *time }, blocks))
}

#[inline(always)]
fn running(bytes: &[u8; 20]) -> Running {
    let &[
        state,
        charging,
        mode,
        s0,
        s1,
        m0,
        m1,
        m2,
        m3,
        v0,
        v1,
        c0,
        c1,
        soc,
        dc_dc,
        gear,
        i0,
        i1,
        accelerator,
        brake,
    ] = bytes;
    Running {
        state,
        charging,
        mode,
        speed: u16::from_be_bytes([s0, s1]),
        mileage: u32::from_be_bytes([m0, m1, m2, m3]),
        voltage: u16::from_be_bytes([v0, v1]),
        current: u16::from_be_bytes([c0, c1]),
        soc,
        dc_dc,
        gear,
        insulation: u16::from_be_bytes([i0, i1]),
        accelerator,
        brake,
    }
}

#[inline(always)]
fn motor(bytes: &[u8; 12]) -> Motor {
    let &[number, state, controller, s0, s1, t0, t1, temperature, v0, v1, c0, c1] = bytes;
    Motor {
        number,
        state,
        controller,
        speed: u16::from_be_bytes([s0, s1]),
        torque: u16::from_be_bytes([t0, t1]),
        temperature,
        voltage: u16::from_be_bytes([v0, v1]),
        current: u16::from_be_bytes([c0, c1]),
    }
}

#[inline(always)]
fn location(bytes: &[u8; 9]) -> Location {
    let &[state, o0, o1, o2, o3, a0, a1, a2, a3] = bytes;
    Location { state, lon: u32::from_be_bytes([o0, o1, o2, o3]), lat: u32::from_be_bytes([a0, a1, a2, a3]) }
}

#[inline(always)]
fn extremes(bytes: &[u8; 14]) -> Extremes {
    let &[a, b, h0, h1, c, d, l0, l1, t0, t1, t2, k0, k1, k2] = bytes;
    Extremes {
        highest: Cell { system: a, cell: b, voltage: u16::from_be_bytes([h0, h1]) },
        lowest: Cell { system: c, cell: d, voltage: u16::from_be_bytes([l0, l1]) },
        hottest: [t0, t1, t2],
        coldest: [k0, k1, k2],
    }
}

#[inline(always)]
fn system(bytes: &[u8; 9]) -> System {
    let &[number, v0, v1, c0, c1, t0, t1, f0, f1] = bytes;
    System {
        number,
        voltage: u16::from_be_bytes([v0, v1]),
        current: u16::from_be_bytes([c0, c1]),
        total: u16::from_be_bytes([t0, t1]),
        first: u16::from_be_bytes([f0, f1]),
    }
}

#[inline(always)]
fn codes(bytes: &[[u8; 4]]) -> Vec<u32> {
    bytes.iter().map(|code| u32::from_be_bytes(*code)).collect()
}

/// Reads a report; `None` if it is none.
#[inline]
#[must_use]
pub fn parse(content: &[u8]) -> Option<Owned> {
    let (Head { command, response, vin, encryption, time }, mut rest) = head(content)?;
    let mut blocks = Vec::new();
    while let Some((&kind, after)) = rest.split_first() {
        rest = after;
        blocks.push(match kind {
            1 => Block::Running(running(take(&mut rest)?)),
            2 => Block::Motors(list(&mut rest)?.iter().map(motor).collect()),
            5 => Block::Location(location(take(&mut rest)?)),
            6 => Block::Extremes(extremes(take(&mut rest)?)),
            7 => {
                let AlarmsRef { level, flags, battery, motor, engine, other } = AlarmsRef::read(&mut rest)?;
                let (battery, motor, engine, other) =
                    (codes(battery), codes(motor), codes(engine), codes(other));
                Block::Alarms(Alarms { level, flags, battery, motor, engine, other })
            }
            8 => {
                let &[count] = take(&mut rest)?;
                let mut systems = Vec::with_capacity(usize::from(count).min(rest.len() / 10));
                for _ in 0..count {
                    let (system, cells) = (system(take(&mut rest)?), list(&mut rest)?);
                    let cells = cells.iter().map(|cell| u16::from_be_bytes(*cell)).collect();
                    systems.push(Voltages { system, cells });
                }
                Block::Voltages(systems)
            }
            9 => {
                let &[count] = take(&mut rest)?;
                let mut systems = Vec::with_capacity(usize::from(count).min(rest.len() / 3));
                for _ in 0..count {
                    let &[system] = take(&mut rest)?;
                    systems.push(Temperatures { system, probes: long(&mut rest)?.to_vec() });
                }
                Block::Temperatures(systems)
            }
            id @ 0x80..=0xFE => Block::User { id, data: long(&mut rest)?.to_vec() },
            _ => return None,
        });
    }
    Some(Owned { command, response, vin, encryption, report: Report { time, blocks } })
}

/// The alarms where they lie.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct AlarmsRef<'a> {
    pub level: u8,
    pub flags: u32,
    pub battery: &'a [[u8; 4]],
    pub motor: &'a [[u8; 4]],
    pub engine: &'a [[u8; 4]],
    pub other: &'a [[u8; 4]],
}

impl<'a> AlarmsRef<'a> {
    #[inline(always)]
    fn read(rest: &mut &'a [u8]) -> Option<Self> {
        let &[level, f0, f1, f2, f3] = take(rest)?;
        let (battery, motor, engine, other) = (list(rest)?, list(rest)?, list(rest)?, list(rest)?);
        Some(Self { level, flags: u32::from_be_bytes([f0, f1, f2, f3]), battery, motor, engine, other })
    }
}

/// A block whose lists are read where they lie.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum BlockRef<'a> {
    Running(Running),
    Motors(&'a [[u8; 12]]),
    Location(Location),
    Extremes(Extremes),
    Alarms(AlarmsRef<'a>),
    Voltages { count: u8, systems: &'a [u8] },
    Temperatures { count: u8, systems: &'a [u8] },
    User { id: u8, data: &'a [u8] },
}

impl<'a> BlockRef<'a> {
    /// The block at the front.
    #[inline(always)]
    pub fn read(rest: &mut &'a [u8]) -> Option<Self> {
        let &[kind] = take(rest)?;
        Some(match kind {
            1 => Self::Running(running(take(rest)?)),
            2 => Self::Motors(list(rest)?),
            5 => Self::Location(location(take(rest)?)),
            6 => Self::Extremes(extremes(take(rest)?)),
            7 => Self::Alarms(AlarmsRef::read(rest)?),
            8 => {
                let (&[count], start) = (take(rest)?, *rest);
                for _ in 0..count {
                    take::<9>(rest)?;
                    list::<2>(rest)?;
                }
                Self::Voltages { count, systems: start.get(..start.len() - rest.len())? }
            }
            9 => {
                let (&[count], start) = (take(rest)?, *rest);
                for _ in 0..count {
                    take::<1>(rest)?;
                    long(rest)?;
                }
                Self::Temperatures { count, systems: start.get(..start.len() - rest.len())? }
            }
            id @ 0x80..=0xFE => Self::User { id, data: long(rest)? },
            _ => return None,
        })
    }
}

/// Verifies the extents of all blocks; `None` if they are none.
#[inline]
#[must_use]
pub fn parse_ref(content: &[u8]) -> Option<(Head, &[u8])> {
    let (head, blocks) = head(content)?;
    let mut rest = blocks;
    while !rest.is_empty() {
        BlockRef::read(&mut rest)?;
    }
    Some((head, blocks))
}

/// A count of one byte and the bytes of as many elements.
#[inline(always)]
fn put<T, const N: usize>(out: &mut Vec<u8>, list: &[T], bytes: impl Fn(&T) -> [u8; N]) -> Option<()> {
    out.push(u8::try_from(list.len()).ok()?);
    out.reserve(list.len() * N);
    for element in list {
        out.extend_from_slice(&bytes(element));
    }
    Some(())
}

#[inline(always)]
fn put_long(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    out.extend_from_slice(&u16::try_from(bytes.len()).ok()?.to_be_bytes());
    out.extend_from_slice(bytes);
    Some(())
}

#[inline(always)]
fn put_running(out: &mut Vec<u8>, of: &Running) {
    let ([s0, s1], [m0, m1, m2, m3]) = (of.speed.to_be_bytes(), of.mileage.to_be_bytes());
    let ([v0, v1], [c0, c1]) = (of.voltage.to_be_bytes(), of.current.to_be_bytes());
    let [i0, i1] = of.insulation.to_be_bytes();
    let (state, charging, mode, soc, dc_dc, gear) =
        (of.state, of.charging, of.mode, of.soc, of.dc_dc, of.gear);
    out.extend_from_slice(&[1, state, charging, mode, s0, s1, m0, m1, m2, m3, v0, v1, c0, c1, soc, dc_dc]);
    out.extend_from_slice(&[gear, i0, i1, of.accelerator, of.brake]);
}

#[inline(always)]
fn motor_bytes(of: &Motor) -> [u8; 12] {
    let ([s0, s1], [t0, t1]) = (of.speed.to_be_bytes(), of.torque.to_be_bytes());
    let ([v0, v1], [c0, c1]) = (of.voltage.to_be_bytes(), of.current.to_be_bytes());
    [of.number, of.state, of.controller, s0, s1, t0, t1, of.temperature, v0, v1, c0, c1]
}

#[inline(always)]
fn put_fixed(out: &mut Vec<u8>, block: &Block) {
    match block {
        Block::Running(of) => put_running(out, of),
        Block::Location(of) => {
            let ([o0, o1, o2, o3], [a0, a1, a2, a3]) = (of.lon.to_be_bytes(), of.lat.to_be_bytes());
            out.extend_from_slice(&[5, of.state, o0, o1, o2, o3, a0, a1, a2, a3]);
        }
        Block::Extremes(Extremes { highest, lowest, hottest: [t0, t1, t2], coldest: [k0, k1, k2] }) => {
            let ([h0, h1], [l0, l1]) = (highest.voltage.to_be_bytes(), lowest.voltage.to_be_bytes());
            let (high, low) = ([highest.system, highest.cell], [lowest.system, lowest.cell]);
            let ([a, b], [c, d]) = (high, low);
            out.extend_from_slice(&[6, a, b, h0, h1, c, d, l0, l1, *t0, *t1, *t2, *k0, *k1, *k2]);
        }
        _ => {}
    }
}

/// Appends a frame; `None` if a list is too long.
#[inline]
#[must_use]
pub fn encode(frame: &Owned, out: &mut Vec<u8>) -> Option<()> {
    let Owned { command, response, vin, encryption, report } = frame;
    out.extend_from_slice(b"##");
    let start = out.len();
    out.extend_from_slice(&[*command, *response]);
    out.extend_from_slice(vin);
    let length = start + DATA - 2;
    out.extend_from_slice(&[*encryption, 0, 0]);
    out.extend_from_slice(&report.time);
    for block in &report.blocks {
        match block {
            Block::Motors(motors) => {
                out.push(2);
                put(out, motors, motor_bytes)?;
            }
            Block::Alarms(of) => {
                let [f0, f1, f2, f3] = of.flags.to_be_bytes();
                out.extend_from_slice(&[7, of.level, f0, f1, f2, f3]);
                for list in [&of.battery, &of.motor, &of.engine, &of.other] {
                    put(out, list, |code| code.to_be_bytes())?;
                }
            }
            Block::Voltages(systems) => {
                out.extend_from_slice(&[8, u8::try_from(systems.len()).ok()?]);
                for Voltages { system: of, cells } in systems {
                    let ([v0, v1], [c0, c1]) = (of.voltage.to_be_bytes(), of.current.to_be_bytes());
                    let ([t0, t1], [f0, f1]) = (of.total.to_be_bytes(), of.first.to_be_bytes());
                    out.extend_from_slice(&[of.number, v0, v1, c0, c1, t0, t1, f0, f1]);
                    put(out, cells, |cell| cell.to_be_bytes())?;
                }
            }
            Block::Temperatures(systems) => {
                out.extend_from_slice(&[9, u8::try_from(systems.len()).ok()?]);
                for Temperatures { system, probes } in systems {
                    out.push(*system);
                    put_long(out, probes)?;
                }
            }
            Block::User { id, data } => {
                out.push(*id);
                put_long(out, data)?;
            }
            fixed => put_fixed(out, fixed),
        }
    }
    let data = u16::try_from(out.len() - start - DATA).ok()?;
    *out.get_mut(length..)?.first_chunk_mut()? = data.to_be_bytes();
    let check = xor(out.get(start..)?);
    out.push(check);
    Some(())
}
