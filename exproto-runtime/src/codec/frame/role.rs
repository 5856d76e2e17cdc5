//! Which side of a connection reads.

use super::FrameKind;

/// Who reads a stream. Both sides of a connection may have frames of their
/// own, see `#[frame(sent)]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// The platform reads what devices send: all kinds but those that are only
    /// ever sent to devices.
    #[default]
    Platform,
    /// A device reads what the platform sends: all kinds but the hello of
    /// devices, in the order of [`Deframer::read_as`](super::Deframer::read_as).
    Device,
}

impl Role {
    /// How many ranks the kinds have.
    pub(super) const RANKS: u8 = 4;

    /// When a kind is tried, the lowest rank first; `None` if it is not looked
    /// for.
    #[inline]
    pub(super) fn rank(self, kind: &FrameKind, greeted: bool) -> Option<u8> {
        if kind.first && greeted {
            return None;
        }
        match self {
            Self::Platform => (!kind.sent).then_some(0),
            Self::Device if kind.first => kind.sent.then_some(0),
            Self::Device if kind.lead.0.is_empty() => Some(3),
            Self::Device => Some(if kind.sent { 1 } else { 2 }),
        }
    }
}
