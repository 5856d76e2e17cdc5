//! Frames in blocks with a checksum behind each.

use alloc::vec::Vec;

use crate::codec::check::Algorithm;
use crate::codec::error::ErrorKind;
use crate::codec::schema::FieldInfo;

/// A frame whose bytes stand on the wire in blocks, each with a checksum behind it: the
/// first of `first` bytes, the others of `size`, the last one with what is left.
///
/// ```
/// use exproto_runtime::codec::{Algorithm, Blocks, FieldInfo, Stuffing};
///
/// static CHECKS: FieldInfo = FieldInfo::new("Message", "blocks");
/// static BLOCKS: Blocks =
///     Blocks { first: 2, size: 3, width: 1, big_endian: true, algorithm: Algorithm::Xor, at: &CHECKS };
/// let mut wire = Vec::new();
/// Stuffing::Blocks(&BLOCKS).apply(&[1, 2, 4, 5, 6, 7], &mut wire);
/// assert_eq!(wire, [1, 2, 3, 4, 5, 6, 7, 7, 7]);
/// let mut plain = Vec::new();
/// assert!(Stuffing::Blocks(&BLOCKS).remove(&wire, &mut plain).is_ok());
/// assert_eq!(plain, [1, 2, 4, 5, 6, 7]);
/// wire[4] ^= 1;
/// assert_eq!(Stuffing::Blocks(&BLOCKS).remove(&wire, &mut plain), Err(6)); // the checksum
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Blocks {
    /// Bytes of the first block, at least one.
    pub first: usize,
    /// Bytes of the others, at least one; the last may have fewer.
    pub size: usize,
    /// Bytes of each checksum.
    pub width: usize,
    /// Whether its first byte is the highest.
    pub big_endian: bool,
    /// How it is computed, of the bytes of its block.
    pub algorithm: Algorithm,
    /// What errors speak of.
    pub at: &'static FieldInfo,
}

impl PartialEq for Blocks {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}

impl Eq for Blocks {}

impl Blocks {
    /// Bytes on the wire of a frame of so many.
    pub(super) fn on_wire(&self, plain: usize) -> usize {
        let others = plain.saturating_sub(self.first).div_ceil(self.size.max(1));
        plain.saturating_add(self.width.saturating_mul(others.saturating_add(1)))
    }

    /// Bytes on the wire of the first block.
    pub(super) fn first_on_wire(&self) -> usize {
        self.first.saturating_add(self.width)
    }

    /// The blocks on the wire: where each begins, its bytes and its checksum.
    fn each<'w>(&self, wire: &'w [u8]) -> impl Iterator<Item = (usize, &'w [u8], &'w [u8])> + use<'w> {
        let Self { first, size, width, .. } = *self;
        let (mut at, mut block) = (0, first);
        core::iter::from_fn(move || {
            let rest = wire.get(at..).filter(|rest| !rest.is_empty())?;
            let whole = rest.get(..block.saturating_add(width)).unwrap_or(rest);
            let begins = at;
            at += whole.len();
            block = size;
            let (bytes, check) = whole.split_at(whole.len().saturating_sub(width));
            Some((begins, bytes, check))
        })
    }

    fn is_right(&self, bytes: &[u8], check: &[u8]) -> bool {
        let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        let sent =
            if self.big_endian { check.iter().fold(0, fold) } else { check.iter().rev().fold(0, fold) };
        !bytes.is_empty() && check.len() == self.width && self.algorithm.compute(bytes, self.width) == sent
    }

    /// Compares all checksums.
    ///
    /// # Errors
    ///
    /// Where the first wrong one stands on the wire.
    pub(super) fn verify(&self, wire: &[u8]) -> Result<(), usize> {
        match self.each(wire).find(|(_, bytes, check)| !self.is_right(bytes, check)) {
            Some((at, bytes, _)) => Err(at + bytes.len()),
            None => Ok(()),
        }
    }

    /// Appends the bytes of all blocks, whether their checksums are right or not.
    pub(super) fn take_out(&self, wire: &[u8], out: &mut Vec<u8>) {
        out.reserve(wire.len());
        for (_, bytes, _) in self.each(wire) {
            out.extend_from_slice(bytes);
        }
    }

    /// Appends `plain` in blocks.
    pub(super) fn apply(&self, plain: &[u8], out: &mut Vec<u8>) {
        out.reserve(self.on_wire(plain.len()));
        let (first, others) = plain.split_at(self.first.min(plain.len()));
        for block in core::iter::once(first).chain(others.chunks(self.size.max(1))) {
            out.extend_from_slice(block);
            let check = self.algorithm.compute(block, self.width).to_be_bytes();
            let check = check.get(check.len().saturating_sub(self.width)..).unwrap_or(&[]);
            if self.big_endian {
                out.extend_from_slice(check);
            } else {
                out.extend(check.iter().rev());
            }
        }
    }

    /// Where on the wire the byte `offset` stands.
    pub(super) fn raw_offset(&self, offset: usize) -> usize {
        match offset.checked_sub(self.first) {
            None => offset,
            Some(behind) => offset + self.width * (1 + behind / self.size.max(1)),
        }
    }

    /// What is wrong with a frame.
    pub(super) const fn error(&self) -> ErrorKind {
        ErrorKind::Checksum
    }
}
