//! What bytes of an enemy may cost: an allocator that counts, and such bytes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use exproto_runtime::codec::{Deframer, Item, NoCtx, Protocol, RawFrame, reencode_with, to_json};

/// The most bytes that a value may take for each byte that it is read from. A list of
/// structs with pointers in them takes more room than its bytes on the wire, and twice as
/// much while it grows.
pub const VALUE: usize = 128;

/// The same for what keeps, finds and unstuffs frames: a buffer that has grown.
pub const FRAMES: usize = 4;

/// Bytes that anything may take: small buffers, and the state of a search, which follows up
/// to 32 beginnings of frames.
pub const FLOOR: usize = 8192;

/// The system's allocator; counts what each thread has.
struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(change: isize) {
    // Not where a thread ends.
    let _ = LIVE.try_with(|live| {
        let now = live.get().wrapping_add(change);
        live.set(now);
        let _ = MOST.try_with(|most| most.set(most.get().max(now)));
    });
}

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may be there for a moment.
        count(size as isize);
        let moved = unsafe { System.realloc(at, layout, size) };
        count(-(layout.size() as isize));
        moved
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `work` makes, and the most bytes that it had at a time beyond those before.
pub fn most<R>(work: impl FnOnce() -> R) -> (R, usize) {
    let (before, outer) = (LIVE.get(), MOST.get());
    MOST.set(before);
    let made = work();
    let inner = MOST.get();
    MOST.set(outer.max(inner));
    (made, inner.saturating_sub(before).max(0) as usize)
}

/// Repeatable chance.
#[derive(Debug)]
pub struct Chance(pub u64);

impl Chance {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 >> 33) ^ self.0;
        mixed.wrapping_mul(0xFF51_AFD7_ED55_8CCD) >> 16
    }

    pub fn below(&mut self, most: usize) -> usize {
        (self.bits() % most.max(1) as u64) as usize
    }

    /// A byte that makes trouble more often than others.
    pub fn byte(&mut self) -> u8 {
        match self.below(8) {
            0 | 1 => 0xFF,
            2 => 0,
            3 => 0x7F,
            4 => 0x80,
            _ => self.bits() as u8,
        }
    }
}

/// What an enemy makes of a sound frame, or of nothing.
pub fn spoilt(chance: &mut Chance, sound: &[u8]) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    if chance.below(8) == 0 || bytes.is_empty() {
        let size = chance.below(200);
        return (0..size).map(|_| chance.byte()).collect();
    }
    for _ in 0..1 + chance.below(3) {
        let at = chance.below(bytes.len());
        match chance.below(8) {
            // Numbers as large as they can be.
            0..=2 => {
                let width = 1 << chance.below(4);
                let value = chance.byte();
                bytes.iter_mut().skip(at).take(width).for_each(|byte| *byte = value);
            }
            3 => bytes.truncate(at.max(1)),
            4 => {
                let end = (at + chance.below(60)).min(bytes.len());
                let copy: Vec<u8> = bytes.get(at..end).unwrap_or(&[]).to_vec();
                for _ in 0..chance.below(20) {
                    bytes.splice(at..at, copy.iter().copied());
                }
            }
            5 => {
                let value = chance.byte();
                bytes.insert(at, value);
            }
            _ => {
                let value = chance.byte();
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

/// Reads what a stream holds of `P` in pieces of `size` bytes and looks what that takes. How
/// many frames there were.
#[track_caller]
pub fn stream<P: Protocol>(ctx: P::Ctx, bytes: &[u8], size: usize, accept_bad: bool) -> usize {
    let mut frames = 0;
    let limit = P::KINDS.iter().map(|kind| kind.framing.max()).max().unwrap_or(0);
    let kept = limit.min(bytes.len());
    let mut deframer = Deframer::<P>::with_ctx(ctx).accepting_bad(accept_bad);
    let mut scratch = Vec::new();
    let mut inside = 0;
    let ((), taken) = most(|| {
        for chunk in bytes.chunks(size.max(1)) {
            let mut input = chunk;
            while let Some(item) = deframer.next(&mut input, &mut scratch) {
                frames += usize::from(matches!(item, Item::Frame(_)));
                inside = inside.max(value::<P>(&item, ctx));
            }
        }
        while let Some(item) = deframer.finish(&mut scratch) {
            frames += usize::from(matches!(item, Item::Frame(_)));
            inside = inside.max(value::<P>(&item, ctx));
        }
    });
    let most = FLOOR + FRAMES * kept.max(size.min(bytes.len())) + inside;
    assert!(taken <= most, "{}: {taken} bytes taken for {} of a stream", P::NAME, bytes.len());
    // Each byte once, those of bytes given up at most as often as frames may begin there.
    let looked = deframer.visited();
    assert!(looked <= 64 + 40 * bytes.len() as u64, "{}: {looked} looked at of {}", P::NAME, bytes.len());
    frames
}

/// Decodes a frame, shows it, writes it again. The most bytes that took.
#[track_caller]
fn value<P: Protocol>(item: &Item<'_>, ctx: P::Ctx) -> usize {
    let Item::Frame(raw) = item else { return 0 };
    decoded::<P>(raw, ctx)
}

/// The same of bytes between delimiters.
#[track_caller]
pub fn payload<P: Protocol<Ctx: NoCtx>>(bytes: &[u8], accept_bad: bool) -> usize {
    let raw = RawFrame {
        wire: bytes,
        payload: bytes,
        offset: 0,
        flags: Default::default(),
        accept_bad,
        kind: 0,
        piece: None,
    };
    decoded::<P>(&raw, NoCtx::NONE)
}

#[track_caller]
fn decoded<P: Protocol>(raw: &RawFrame<'_>, ctx: P::Ctx) -> usize {
    let (received, taken) = most(|| raw.decode_with::<P>(ctx));
    let bytes = raw.payload.len();
    let limit = VALUE * bytes + FLOOR;
    assert!(
        taken <= limit,
        "{}: {taken} bytes taken by the value of {bytes}: {:02x?}",
        P::NAME,
        some(raw.payload)
    );
    let Ok(received) = received else { return limit };
    let mut json = Vec::new();
    let ((), shown) = most(|| to_json(&received.frame, &mut json));
    assert!(shown <= limit, "{}: {shown} bytes of JSON of {bytes}: {:02x?}", P::NAME, some(raw.payload));
    let mut again = Vec::new();
    let (written, taken) = most(|| reencode_with::<P>(&received, raw, ctx, &mut again));
    assert!(taken <= limit, "{}: {taken} bytes taken to write {bytes}: {:02x?}", P::NAME, some(raw.payload));
    if let Err(error) = written {
        panic!("{}: {error}, read from {:02x?}", P::NAME, some(raw.payload));
    }
    // The value, its JSON and its bytes are there at a time.
    3 * limit
}

/// As many bytes as a message has room for.
fn some(bytes: &[u8]) -> &[u8] {
    bytes.get(..64).unwrap_or(bytes)
}
