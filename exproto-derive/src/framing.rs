//! Where a frame ends, worked out from its layout: by a constant size, by a
//! length or count at a known place, or by the delimiters of `#[frame(..)]`.

use proc_macro2::Ident;

use crate::attr::frame::{FrameAttrs, Named, Ranges};
use crate::attr::wire::Endian;
use crate::blocks::Blocks;
use crate::ir::{Extent, Frame, IntTy, Item, Layout, ListKind, Presence, Repr, Shape};
use crate::lower::{bounds, fixed_at};
use crate::relation::{Relation, Source};
use crate::spoken::const_path;

/// The most leading bytes by which a frame is recognised.
const LEAD: usize = 8;

/// What says where a frame ends.
pub(crate) enum Bounds {
    /// Delimiters.
    Marked,
    /// The transport.
    Datagram,
    /// Every item has a constant size.
    Fixed,
    /// A number at a constant place.
    Length(Length),
    /// What the layout says on the way.
    Walk,
    /// A function of the user.
    Found,
    /// Not looked for, because something else is wrong.
    Unknown,
}

/// A number that says how long the frame is.
pub(crate) struct Length {
    pub(crate) place: Place,
    /// The items it speaks of.
    pub(crate) first: usize,
    pub(crate) last: usize,
    /// The list whose elements it counts, if it counts no bytes.
    pub(crate) elements_of: Option<usize>,
}

impl Length {
    /// Whether its byte order is chosen at run time.
    fn order_chosen(&self, items: &[Item]) -> bool {
        let endian = match &self.place {
            Place::Prefix(_, _, endian) => *endian,
            Place::Item(index) => match items.get(*index).map(|item| &item.repr) {
                Some(Repr::Int(_, endian) | Repr::Scalar(_, endian)) => *endian,
                Some(Repr::Bits(slot)) => slot.endian,
                _ => return false,
            },
        };
        matches!(endian, Endian::Chosen(_))
    }
}

/// Where the number stands.
pub(crate) enum Place {
    /// It is this item.
    Item(usize),
    /// It stands right before the content of this item.
    Prefix(usize, IntTy, Endian),
}

/// Bytes that always stand at a known place.
pub(crate) struct Fixture {
    /// From the start, or from its own start to the end of the frame.
    pub(crate) at: usize,
    pub(crate) from_end: bool,
    pub(crate) bytes: Vec<u8>,
    pub(crate) info: Ident,
}

/// What `#[frame(..)]` means for this layout.
pub(crate) fn frame_of(attrs: FrameAttrs, blocks: Option<Blocks>, shape: &Shape, broken: bool) -> Frame {
    let nothing = |attrs| Frame {
        attrs,
        blocks: None,
        check: None,
        body: None,
        broken,
        bounds: Bounds::Unknown,
        lead: Vec::new(),
        fixtures: Vec::new(),
    };
    let Shape::Struct(layout) = shape else { return nothing(attrs) };
    let items = &layout.items;
    let body = items.iter().position(|item| matches!(item.repr, Repr::Body(_)));
    // A checksum that starts at a constant offset, covers everything up to
    // itself and has a constant distance to the end needs no decoding. Whether
    // the size of a part is a constant the compiler says.
    let check = items.iter().enumerate().position(|(index, item)| {
        let Some(Relation { source: Source::Check(algorithm, range), ops, .. }) = &item.relation else {
            return false;
        };
        let Some((first, last)) = bounds(items, range, index) else { return false };
        ops.is_empty()
            && algorithm.is_plain()
            && matches!(item.repr, Repr::Int(_, Endian::Big | Endian::Little))
            && last < index
            && (last + 1..index).all(|i| fixed_at(items, i).is_some())
            && (0..first).chain(index..items.len()).all(|i| constant(items, i))
    });
    let marked = attrs.flag.is_some()
        || attrs.start.is_some()
        || attrs.end.is_some()
        || attrs.line.is_some()
        || attrs.stuffing.as_ref().is_some_and(|key| key.value != Named::Own);
    let bounds = if marked {
        Bounds::Marked
    } else if attrs.datagram.is_some() {
        Bounds::Datagram
    } else if attrs.find.is_some() {
        Bounds::Found
    } else {
        match bounds_of(layout) {
            // The walk comes to what chooses the byte order first.
            Bounds::Length(length) if length.order_chosen(items) => Bounds::Walk,
            bounds => bounds,
        }
    };
    let bare = matches!(bounds, Bounds::Fixed | Bounds::Length(_) | Bounds::Walk | Bounds::Found);
    let (mut lead, mut fixtures) = if bare { fixtures(items) } else { (Vec::new(), Vec::new()) };
    if let Bounds::Walk = bounds {
        // They are compared on the way, but for those behind a payload in pieces.
        fixtures.retain(|fixture| fixture.from_end && crate::stream::payload(items).is_some());
    }
    if attrs.transform.is_some() {
        // They stand elsewhere on the wire, if at all.
        lead.clear();
        fixtures.clear();
    }
    if let Some(given) = &attrs.lead {
        lead.clone_from(&given.value);
    }
    let mut check = check;
    if let Some(blocks) = &blocks {
        // On the wire they stand elsewhere: decoding looks at them.
        check = None;
        lead.truncate(blocks.first);
        while lead.last().is_some_and(|ranges| ranges[..] == [(0, 0xFF)]) {
            lead.pop();
        }
        fixtures.retain(|fixture| !fixture.from_end && fixture.at + fixture.bytes.len() <= blocks.first);
    }
    Frame { attrs, check, body, blocks, broken, bounds, lead, fixtures }
}

/// The field `body` of a declared type: the body of a frame with routes where
/// no tag selects one.
pub(crate) fn named_body(shape: &Shape) -> Option<usize> {
    let Shape::Struct(layout) = shape else { return None };
    layout.items.iter().position(|item| {
        item.name.as_deref() == Some("body") && item.member.is_some() && matches!(item.repr, Repr::Part)
    })
}

/// Whether the size of an item is a constant, known here or to the compiler.
pub(crate) fn constant(items: &[Item], index: usize) -> bool {
    fixed_at(items, index).is_some()
        || items.get(index).is_some_and(|item| {
            matches!(item.presence, Presence::Always)
                && item.group.is_none()
                && match (&item.repr, &item.extent) {
                    (_, Extent::Fixed(_)) | (Repr::Part | Repr::Array(_), Extent::Own) => true,
                    (Repr::Codec(codec), Extent::Own) => const_path(codec),
                    (Repr::List(ListKind::Array, _), _) => item.each.as_deref().is_some_and(|each| {
                        each.fixed().is_some()
                            || matches!((&each.repr, &each.extent), (Repr::Part, Extent::Own))
                    }),
                    _ => false,
                }
        })
}

fn bounds_of(layout: &Layout) -> Bounds {
    let items = &layout.items;
    if crate::stream::payload(items).is_some() {
        // The walk tells where the payload begins too.
        return Bounds::Walk;
    }
    let varying: Vec<usize> = (0..items.len()).filter(|index| !constant(items, *index)).collect();
    let (Some(first_varying), Some(last_varying)) = (varying.first().copied(), varying.last().copied())
    else {
        return Bounds::Fixed;
    };
    for (index, item) in items.iter().enumerate().take(first_varying) {
        let number = matches!(item.repr, Repr::Int(..) | Repr::Scalar(..) | Repr::Bits(_));
        let Some(Relation { source: Source::Size(range), .. }) =
            item.relation.as_ref().filter(|relation| number && relation.turns_round())
        else {
            continue;
        };
        if let Some((first, last)) = bounds(items, range, index)
            && first <= first_varying
            && last_varying <= last
        {
            return Bounds::Length(Length { place: Place::Item(index), first, last, elements_of: None });
        }
    }
    // One list or blob that says itself how long it is.
    let [only] = varying[..] else { return Bounds::Walk };
    let Some(item) = items.get(only).filter(|item| matches!(item.presence, Presence::Always)) else {
        return Bounds::Walk;
    };
    let (place, elements_of) = match &item.extent {
        Extent::PrefixSize(int, endian) => (Place::Prefix(only, *int, *endian), None),
        Extent::PrefixCount(int, endian) if element_is_constant(item) => {
            (Place::Prefix(only, *int, *endian), Some(only))
        }
        Extent::ByCount(carrier)
            if element_is_constant(item)
                && *carrier < only
                && matches!(items[*carrier].relation, Some(Relation { source: Source::Count(_), .. })) =>
        {
            (Place::Item(*carrier), Some(only))
        }
        _ => return Bounds::Walk,
    };
    Bounds::Length(Length { place, first: only, last: only, elements_of })
}

/// Whether all elements of a list have the same size.
fn element_is_constant(item: &Item) -> bool {
    match (&item.repr, &item.each) {
        (Repr::Slice | Repr::Buffer, _) => true,
        (Repr::List(..), Some(each)) => {
            each.fixed().is_some() || (matches!(each.repr, Repr::Part) && matches!(each.extent, Extent::Own))
        }
        (Repr::List(..), None) => true,
        _ => false,
    }
}

/// The leading bytes that never change, and the other bytes that do not.
fn fixtures(items: &[Item]) -> (Vec<Ranges>, Vec<Fixture>) {
    let mut lead: Vec<Ranges> = Vec::new();
    let mut found = Vec::new();
    let (mut at, mut front) = (0, 0);
    for (index, item) in items.iter().enumerate() {
        let Some(size) = fixed_at(items, index) else { break };
        if let Some(bytes) = constant_bytes(item) {
            if at + bytes.len() <= LEAD {
                lead.resize(at, vec![(0, 0xFF)]);
                lead.extend(bytes.iter().map(|byte| vec![(*byte, *byte)]));
            } else {
                found.push(Fixture { at, from_end: false, bytes, info: item.info.clone() });
            }
        }
        at += size;
        front = index + 1;
    }
    let mut tail = 0;
    for index in (front..items.len()).rev() {
        let Some(size) = fixed_at(items, index) else { break };
        tail += size;
        if let Some(bytes) = items.get(index).and_then(constant_bytes) {
            let info = items[index].info.clone();
            found.push(Fixture { at: tail, from_end: true, bytes, info });
        }
    }
    (lead, found)
}

/// The bytes of an item that always has the same.
pub(crate) fn constant_bytes(item: &Item) -> Option<Vec<u8>> {
    if !matches!(item.presence, Presence::Always) {
        return None;
    }
    match (&item.repr, &item.relation) {
        (Repr::Constant(bytes), _) => Some(bytes.clone()),
        (Repr::Int(int, endian), Some(Relation { source: Source::Constant(expr), .. })) => {
            let value = crate::ir::literal(expr)? as u64;
            if let Some(digits) = int.digits {
                return digits.text(value, int.bytes);
            }
            let bytes = value.to_be_bytes();
            let mut bytes = bytes.get(8_usize.checked_sub(int.bytes)?..)?.to_vec();
            if *endian == Endian::Little {
                bytes.reverse();
            }
            Some(bytes)
        }
        _ => None,
    }
}
