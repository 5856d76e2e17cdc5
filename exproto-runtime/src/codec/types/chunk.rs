//! Payloads that are handed out in pieces.

use alloc::vec::Vec;

use crate::codec::error::{Error, ErrorKind};
use crate::codec::frame::{Halt, Piece, Walk, Walker};
use crate::codec::json::{Fill, FillError, Node};
use crate::codec::layout::{Decode, Encode, Wire};
use crate::codec::random::Random;
use crate::codec::reader::Reader;
use crate::codec::sample::Sample;
use crate::codec::schema::FieldInfo;
use crate::codec::trace::Trace;
use crate::codec::value::{Value, Visitor};
use crate::codec::writer::Writer;

static CHUNK: FieldInfo = FieldInfo::new("", "chunk");

/// One piece of a payload, the type of a field with
/// [`stream`](crate::doc::wire#stream). `B` is `&[u8]`, or `Vec<u8>` in frames that
/// own their bytes.
///
/// A payload that is no larger than a piece is one piece, [`whole`](Self::whole).
/// Only that can be written: encoding another one is a
/// [`Size`](ErrorKind::Size) error.
///
/// In JSON it is `{"offset":0,"total":3,"last":true,"bytes":"0a0b0c"}`; made of JSON
/// it may also be the digits alone. A route with `payload = FIELD` publishes the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Chunk<B> {
    /// Bytes of the payload before this piece.
    pub offset: u64,
    /// Bytes of the whole payload.
    pub total: u64,
    /// Whether nothing of the payload follows.
    pub last: bool,
    /// The bytes of this piece.
    pub bytes: B,
}

impl<B: AsRef<[u8]>> Chunk<B> {
    /// A whole payload.
    ///
    /// ```
    /// use exproto_runtime::codec::Chunk;
    ///
    /// let chunk = Chunk::whole(b"abc");
    /// assert_eq!((chunk.offset, chunk.total, chunk.last), (0, 3, true));
    /// ```
    #[must_use]
    pub fn whole(bytes: B) -> Self {
        let total = bytes.as_ref().len() as u64;
        Self { offset: 0, total, last: true, bytes }
    }

    /// Whether this is the whole payload.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.offset == 0 && self.last && self.total == self.bytes.as_ref().len() as u64
    }
}

/// A field that can hold one piece of its payload. Emitted for fields with `stream`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot hold one piece of a payload",
    label = "a field with `stream` is a `Chunk`",
    note = "write `Chunk<&'a [u8]>`, or `Chunk<Vec<u8>>` in a frame that owns its bytes"
)]
pub trait InPieces<'a> {
    /// `rest` begins with the field at this offset, with what says its size before it.
    fn of_piece(rest: &'a [u8], offset: u32, piece: &Piece) -> Self;
}

impl<'a, B: From<&'a [u8]>> InPieces<'a> for Chunk<B> {
    fn of_piece(rest: &'a [u8], at: u32, piece: &Piece) -> Self {
        let bytes = rest.get(piece.head.saturating_sub(at as usize)..).unwrap_or(&[]);
        let Piece { offset, total, last, .. } = *piece;
        Self { offset, total, last, bytes: bytes.into() }
    }
}

impl<B> Wire for Chunk<B> {
    const MIN: usize = 0;
    const SIZE: Option<usize> = None;
    const GREEDY: bool = true;
    type Ctx = ();
}

impl<X, B> Walk<X> for Chunk<B> {
    type Scan = ();
    const STUCK: Option<&'static str> =
        Some("nothing says where this frame ends: a `Chunk` takes all bytes there are; give it a `size`");

    fn walk((): &mut (), _: &mut Walker<'_>, (): ()) -> Result<(), Halt> {
        Ok(())
    }
}

impl<'a, B: From<&'a [u8]> + AsRef<[u8]>> Decode<'a> for Chunk<B> {
    fn decode<T: Trace>(r: &mut Reader<'a, T>, (): ()) -> Result<Self, Error> {
        Ok(Self::whole(r.rest().into()))
    }
}

impl<B: AsRef<[u8]>> Encode for Chunk<B> {
    fn encode(&self, w: &mut Writer<'_>, (): ()) -> Result<(), Error> {
        if !self.is_whole() {
            return Err(w.error(ErrorKind::Size, w.here(), &CHUNK));
        }
        w.bytes(self.bytes.as_ref());
        Ok(())
    }
}

impl<B: AsRef<[u8]>> Value for Chunk<B> {
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        let Self { offset, total, last, .. } = *self;
        v.chunk(&Chunk { offset, total, last, bytes: self.bytes.as_ref() });
    }
}

impl Chunk<&[u8]> {
    /// Shows the piece as a struct.
    pub(crate) fn show_fields<V: Visitor + ?Sized>(&self, v: &mut V) {
        static OFFSET: FieldInfo = FieldInfo::new("Chunk", "offset");
        static TOTAL: FieldInfo = FieldInfo::new("Chunk", "total");
        static LAST: FieldInfo = FieldInfo::new("Chunk", "last");
        static BYTES: FieldInfo = FieldInfo::new("Chunk", "bytes");
        v.begin();
        v.field(&OFFSET);
        v.uint(self.offset, &OFFSET);
        v.field(&TOTAL);
        v.uint(self.total, &TOTAL);
        v.field(&LAST);
        v.bool(self.last);
        v.field(&BYTES);
        v.bytes(self.bytes);
        v.end();
    }
}

impl<'f, B: From<&'f [u8]> + AsRef<[u8]>> Fill<'f> for Chunk<B> {
    fn fill(node: Option<&'f Node>, _: &'static FieldInfo) -> Result<Self, FillError> {
        let node = node.filter(|node| !node.is_null()).ok_or_else(FillError::missing)?;
        if node.members().is_none() {
            return Ok(Self::whole(node.bytes_of_hex()?.into()));
        }
        let bytes = node.get("bytes").ok_or_else(FillError::missing)?.bytes_of_hex()?;
        let number = |name: &str, otherwise: u64| match node.get(name) {
            Some(number) => u64::fill(Some(number), &CHUNK),
            None => Ok(otherwise),
        };
        let last = node.get("last").is_none_or(|last| last.as_bool() != Some(false));
        let (offset, total) = (number("offset", 0)?, number("total", bytes.len() as u64)?);
        Ok(Self { offset, total, last, bytes: bytes.into() })
    }
}

impl Sample for Chunk<&[u8]> {
    fn sample(random: &mut Random, size: Option<usize>, at: &'static FieldInfo, (): ()) -> Self {
        Self::whole(<&[u8]>::sample(random, size, at, ()))
    }
}

impl Sample for Chunk<Vec<u8>> {
    fn sample(random: &mut Random, size: Option<usize>, at: &'static FieldInfo, (): ()) -> Self {
        Self::whole(Vec::sample(random, size, at, ()))
    }
}
