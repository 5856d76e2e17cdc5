//! What surrounds the bytes of a frame on the wire.

use alloc::vec::Vec;

use super::{Blocks, Stuffing};

/// How a frame is told apart from what stands beside it.
///
/// ```text
/// Flag        7E payload 7E payload 7E      neighbours may share the flag
/// Delimited   start payload end  start payload end
/// Bare        payload payload               the payload says how long it is
/// Datagram    [payload] [payload]           the transport says it
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// One byte that stands before and after each frame and never inside, as
    /// in HDLC: neighbours may share it, empty frames are no frames.
    Flag {
        /// The byte.
        flag: u8,
        /// How the flag is kept out of the frame.
        escape: Option<Stuffing>,
        /// The most bytes between two flags, escapes included.
        max: usize,
    },
    /// Bytes before and bytes after each frame; those after never stand
    /// inside. Empty frames are no frames.
    Delimited {
        /// The bytes before it; none if only the end is marked.
        start: &'static [u8],
        /// The bytes after it.
        end: &'static [u8],
        /// A `\r` before the end belongs to it: written, not required.
        line: bool,
        /// How the end is kept out of the frame.
        escape: Option<Stuffing>,
        /// The most bytes of a frame, delimiters included.
        max: usize,
    },
    /// Nothing: the frame's own fields say where it ends.
    Bare {
        /// What stands on the wire in place of the frame's bytes: those before its end is
        /// known are the same.
        escape: Option<Stuffing>,
        /// The most bytes of a frame.
        max: usize,
    },
    /// Nothing: each datagram is a frame.
    Datagram {
        /// What stands on the wire in place of the frame's bytes.
        escape: Option<Stuffing>,
        /// The most bytes of a frame.
        max: usize,
    },
}

impl Framing {
    /// Appends the frame whose un-escaped bytes are `payload`, as it stands on
    /// the wire; without them where a transform refuses them.
    pub fn wrap(&self, payload: &[u8], out: &mut Vec<u8>) {
        out.reserve(payload.len() + 2);
        self.begin(out);
        let from = out.len();
        out.extend_from_slice(payload);
        let _ = self.end(out, from);
    }

    /// Begins a frame at the end of `out`: its content is to be appended next.
    #[inline(always)]
    pub(crate) fn begin(&self, out: &mut Vec<u8>) {
        match self {
            Self::Flag { flag, .. } => out.push(*flag),
            Self::Delimited { start, .. } => out.extend_from_slice(start),
            Self::Bare { .. } | Self::Datagram { .. } => {}
        }
    }

    /// Ends the frame whose content was appended from `from` on. `None` where its bytes
    /// cannot be brought into the form that they have on the wire.
    #[inline(always)]
    pub(crate) fn end(&self, out: &mut Vec<u8>, from: usize) -> Option<()> {
        if let Some(escape) = self.stuffing() {
            escape.apply_in_place(out, from)?;
        }
        match self {
            Self::Flag { flag, .. } => out.push(*flag),
            Self::Delimited { end, line, .. } => {
                if *line {
                    out.push(b'\r');
                }
                out.extend_from_slice(end);
            }
            Self::Bare { .. } | Self::Datagram { .. } => {}
        }
        Some(())
    }

    /// Where in the frame that stands in `out` from `from` on its end stands too
    /// early, if nothing keeps it out.
    #[inline(always)]
    pub(crate) fn cut_at(&self, out: &[u8], from: usize) -> Option<usize> {
        let wire = out.get(from..)?;
        let (at, len) = match self {
            Self::Flag { flag, escape: None | Some(Stuffing::By(_)), .. } => {
                (memchr::memchr(*flag, wire)?, 1)
            }
            Self::Delimited { end, escape: None | Some(Stuffing::By(_)), .. } => {
                (memchr::memmem::find(wire, end)?, end.len())
            }
            _ => return None,
        };
        (at + len < wire.len()).then_some(at)
    }

    /// Whether the same stands before, after and within frames of both.
    pub(crate) fn same_marks(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Flag { flag: a, escape: b, .. }, Self::Flag { flag: c, escape: d, .. }) => {
                (a, b) == (c, d)
            }
            (
                Self::Delimited { start: a, end: b, line: c, escape: d, .. },
                Self::Delimited { start: e, end: f, line: g, escape: h, .. },
            ) => (a, b, c, d) == (e, f, g, h),
            _ => false,
        }
    }

    /// How delimiters are kept out of the frame.
    #[inline]
    #[must_use]
    pub const fn stuffing(&self) -> Option<Stuffing> {
        match self {
            Self::Flag { escape, .. }
            | Self::Delimited { escape, .. }
            | Self::Bare { escape, .. }
            | Self::Datagram { escape, .. } => *escape,
        }
    }

    /// The blocks that the frame stands in, each with a checksum.
    #[inline]
    pub(crate) const fn blocks(&self) -> Option<&'static Blocks> {
        match self {
            Self::Bare { escape: Some(Stuffing::Blocks(blocks)), .. } => Some(blocks),
            _ => None,
        }
    }

    /// Whether lengths and checksums in it are what stands on the wire.
    #[inline]
    pub(crate) const fn is_plain(&self) -> bool {
        self.stuffing().is_none()
    }

    /// The most bytes of a frame.
    #[must_use]
    pub const fn max(&self) -> usize {
        match self {
            Self::Flag { max, .. }
            | Self::Delimited { max, .. }
            | Self::Bare { max, .. }
            | Self::Datagram { max, .. } => *max,
        }
    }

    /// The bytes inside the delimiters of `wire`, still escaped.
    #[must_use]
    pub fn inner<'w>(&self, wire: &'w [u8]) -> &'w [u8] {
        match self {
            Self::Flag { flag, .. } => {
                let inner = wire.strip_prefix(&[*flag]).unwrap_or(wire);
                inner.strip_suffix(&[*flag]).unwrap_or(inner)
            }
            Self::Delimited { start, end, line, .. } => {
                let inner = wire.strip_prefix(*start).unwrap_or(wire);
                let inner = inner.strip_suffix(*end).unwrap_or(inner);
                if *line { inner.strip_suffix(b"\r").unwrap_or(inner) } else { inner }
            }
            Self::Bare { .. } | Self::Datagram { .. } => wire,
        }
    }

    /// Appends received bytes of a frame with the delimiter that it may have
    /// shared with the frame before.
    pub fn restore(&self, wire: &[u8], out: &mut Vec<u8>) {
        if let Self::Flag { flag, .. } = self
            && (wire.first() != Some(flag) || wire.len() == 1)
        {
            out.push(*flag);
        }
        out.extend_from_slice(wire);
    }

    /// Whether our own encoder would delimit and escape as `wire` does.
    #[must_use]
    pub fn is_canonical(&self, wire: &[u8]) -> bool {
        let line = match self {
            Self::Delimited { end, line: true, .. } => {
                wire.strip_suffix(*end).is_some_and(|wire| wire.ends_with(b"\r"))
            }
            _ => true,
        };
        line && (self.has_one_form()
            || self.stuffing().is_none_or(|escape| escape.is_canonical(self.inner(wire))))
    }

    /// Whether a frame can be escaped in one way only: all that has a code
    /// cannot stand within the flags.
    pub(crate) const fn has_one_form(&self) -> bool {
        let (flag, escape) = match self {
            Self::Flag { flag, escape: Some(Stuffing::Escape(escape)), .. } => (*flag, escape),
            Self::Flag { escape: None, .. } => return true,
            _ => return false,
        };
        let mut codes = escape.codes;
        while let [(_, value), rest @ ..] = codes {
            if *value != flag && *value != escape.byte {
                return false;
            }
            codes = rest;
        }
        escape.xor.is_none()
    }

    /// Where on the wire the un-escaped byte `offset` stands; `wire` is the
    /// whole frame with its delimiters.
    #[must_use]
    pub fn wire_offset(&self, wire: &[u8], offset: usize) -> usize {
        let opening = match self {
            Self::Flag { flag, .. } => usize::from(wire.first() == Some(flag)),
            Self::Delimited { start, .. } if wire.starts_with(start) => start.len(),
            _ => 0,
        };
        let inner = wire.get(opening..).unwrap_or(&[]);
        opening + self.stuffing().map_or(offset, |escape| escape.raw_offset(inner, offset))
    }
}
