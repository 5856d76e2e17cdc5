//! The traits that `#[derive(ExProtoFrame)]` implements.
//!
//! They are split by direction, because only decoding has a lifetime, and
//! enums whose tag lies elsewhere have traits of their own.

use alloc::vec::Vec;

use super::byte_set::ByteSet;
use super::error::Error;
use super::frame::{FrameKind, Scanner};
use super::inner::{Asked, Inner};
use super::json::{FillError, Node};
use super::random::Random;
use super::reader::Reader;
use super::trace::Trace;
use super::value::{Value, Visitor};
use super::writer::Writer;

/// A type with a layout on the wire.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no layout",
    label = "this type is no part of a protocol",
    note = "add `#[derive(ExProtoFrame)]` to it, or say with `#[wire(as = ..)]` which codec reads it"
)]
pub trait Wire {
    /// The smallest number of bytes a value takes.
    const MIN: usize;
    /// The number of bytes if all values take the same.
    const SIZE: Option<usize>;
    /// Whether it takes all bytes of its extent, so that nothing may follow it
    /// without one.
    const GREEDY: bool = false;
    /// The bytes that a value may hold.
    const BYTES: ByteSet = ByteSet::ALL;
    /// Whether any [`SIZE`](Self::SIZE) bytes are a value, of which decoding refuses and
    /// flags none, whatever the context. The extent of a list of such values is one
    /// multiplication, and none of them is looked at before it is asked for.
    const ANY_BYTES: bool = false;
    /// Whether it is a frame that stands between delimiters or is escaped, which
    /// only the frame search takes off, so that it is no part of another layout.
    const DELIMITED: bool = false;
    /// Cannot be evaluated where types hold each other and none has a
    /// `max_depth`.
    #[doc(hidden)]
    const ENDS_WITHOUT_MAX_DEPTH: () = ();
    /// What relations of a surrounding layout may ask of the fields.
    #[doc(hidden)]
    const INNER: &'static [Inner] = &[];
    /// The byte between its fields, see [`sep`](crate::doc::wire#sep).
    #[doc(hidden)]
    const FIELDS: Fields = Fields::NONE;
    /// Values of the surrounding layout that decide this one; `()` if none.
    type Ctx: Copy;
    /// The answer of a field of this name, if it is there in this value.
    #[doc(hidden)]
    fn inner(&self, path: &[&str], asked: Asked) -> Option<u64> {
        let _ = (path, asked);
        None
    }
    /// Whether a separator stands before this value, where it is the last of a
    /// layout with [`sep`](crate::doc::wire#sep).
    fn joint(&self) -> Joint {
        Joint::Always
    }
}

/// Whether a separator stands before the last value of a layout with
/// [`sep`](crate::doc::wire#sep).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joint {
    /// Always, also before an empty value.
    Always,
    /// It is written, and may be missing.
    May,
    /// Never: the value has no fields, or none that is there.
    Never,
}

/// What stands between the fields of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub struct Fields {
    /// The byte.
    between: Option<u8>,
    /// Whether only the end of what surrounds it says how many there are.
    open: bool,
}

impl Fields {
    /// No byte.
    pub const NONE: Self = Self { between: None, open: false };

    /// This byte.
    #[must_use]
    pub const fn new(between: u8, open: bool) -> Self {
        Self { between: Some(between), open }
    }

    /// Whether it is this byte, so that the fields stand among those around.
    #[must_use]
    pub const fn among(self, byte: u8) -> bool {
        matches!(self.between, Some(between) if between == byte)
    }

    /// Whether it is this byte, and what surrounds it says how many there are.
    #[must_use]
    pub const fn open_among(self, byte: u8) -> bool {
        self.among(byte) && self.open
    }
}

/// A type that can be read from bytes that live for `'a`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be decoded",
    label = "this type has no layout",
    note = "add `#[derive(ExProtoFrame)]` to it, or say with `#[wire(as = ..)]` which codec reads it"
)]
pub trait Decode<'a>: Wire + Sized {
    /// Reads one value.
    ///
    /// # Errors
    ///
    /// What the layout refuses, with offset and field.
    fn decode<T: Trace>(r: &mut Reader<'a, T>, ctx: Self::Ctx) -> Result<Self, Error>;
}

/// A type that can be written.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be encoded",
    label = "this type has no layout",
    note = "add `#[derive(ExProtoFrame)]` to it, or say with `#[wire(as = ..)]` which codec writes it"
)]
pub trait Encode: Wire {
    /// Writes the value.
    ///
    /// # Errors
    ///
    /// A length, count or value that does not fit its field.
    fn encode(&self, w: &mut Writer<'_>, ctx: Self::Ctx) -> Result<(), Error>;
}

/// An enum whose tag lies in another field.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not selected by a tag",
    label = "`tag(..)` needs an enum with `#[wire(tag = ..)]` on its variants",
    note = "derive `ExProtoFrame` on the enum and give each variant `#[wire(tag = VALUE)]`"
)]
pub trait Tagged {
    /// The largest tag of a declared variant.
    const MAX_TAG: u64;
    /// Whether an `other` variant keeps unknown tags.
    const HAS_OTHER: bool;
    /// The largest tag that the `other` variant can keep.
    const MAX_OTHER: u64 = u64::MAX;
    /// Whether some variant takes all bytes of its extent, so that nothing may
    /// follow without one.
    const GREEDY: bool = false;
    /// The bytes that a variant may hold, without its tag.
    const BYTES: ByteSet = ByteSet::ALL;
    /// The bytes of the tags of declared variants.
    const TAG_BYTES: ByteSet = ByteSet::ALL;
    /// Cannot be evaluated where types hold each other and none has a
    /// `max_depth`.
    #[doc(hidden)]
    const ENDS_WITHOUT_MAX_DEPTH: () = ();
    /// What relations of a surrounding layout may ask of the fields.
    #[doc(hidden)]
    const INNER: &'static [Inner] = &[];
    /// The byte between its fields, see [`sep`](crate::doc::wire#sep).
    #[doc(hidden)]
    const FIELDS: Fields = Fields::NONE;
    /// Values of the surrounding layout that decide this one.
    type Ctx: Copy;
    /// The tag of this value.
    fn tag(&self) -> u64;
    /// The answer of a field of this name, if it is there in this value.
    #[doc(hidden)]
    fn inner(&self, path: &[&str], asked: Asked) -> Option<u64> {
        let _ = (path, asked);
        None
    }
    /// As [`Wire::joint`].
    fn joint(&self) -> Joint {
        Joint::Always
    }
}

/// Reading an enum whose tag lies in another field.
pub trait Select<'a>: Tagged + Sized {
    /// Reads the variant that has `tag`.
    ///
    /// # Errors
    ///
    /// What the variant's layout refuses; an unknown tag without `other`.
    fn select<T: Trace>(tag: u64, r: &mut Reader<'a, T>, ctx: Self::Ctx) -> Result<Self, Error>;

    /// Keeps the bytes raw in the `other` variant, whatever the tag.
    ///
    /// # Errors
    ///
    /// Only an enum without `other` has any.
    fn opaque<T: Trace>(tag: u64, r: &mut Reader<'a, T>) -> Result<Self, Error>;
}

/// Writing an enum whose tag lies in another field.
pub trait EncodeBody: Tagged {
    /// Writes the variant without its tag.
    ///
    /// # Errors
    ///
    /// A length, count or value that does not fit its field.
    fn encode_body(&self, w: &mut Writer<'_>, ctx: Self::Ctx) -> Result<(), Error>;

    /// Writes what `head` makes of the tag and the number of bytes, if that is known
    /// before they are written, and behind it the variant; whether it was known.
    ///
    /// # Errors
    ///
    /// Those of `head` and of [`encode_body`](Self::encode_body).
    #[doc(hidden)]
    fn encode_behind<const N: usize>(
        &self,
        w: &mut Writer<'_>,
        ctx: Self::Ctx,
        head: impl Fn(&Writer<'_>, u64, Option<usize>) -> Result<[u8; N], Error>,
    ) -> Result<bool, Error> {
        let head = head(w, self.tag(), None)?;
        w.run(head);
        self.encode_body(w, ctx)?;
        Ok(false)
    }
}

/// A value that is one unsigned integer on the wire: C-like enums, bit sets.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an integer on the wire",
    label = "`as = INTEGER` and `bits = N` need an integer, a C-like enum or a struct of bits",
    note = "derive `ExProtoFrame` with `#[wire(tag = u8)]` on a C-like enum or `#[wire(bits = u16)]` on a struct"
)]
pub trait Scalar: Copy {
    /// The largest raw value of a declared variant or bit.
    const MAX_RAW: u64;
    /// The most bits that a value may have on the wire; [`from_raw`](Self::from_raw)
    /// knows the raw integers of so many.
    const BITS: u32 = 64;
    /// The bytes of the raw integers of declared variants, without leading
    /// zeros.
    const BYTES: ByteSet = ByteSet::ALL;
    /// The value of a raw integer. Every integer has one; nothing is lost.
    fn from_raw(raw: u64) -> Self;
    /// The raw integer of the value.
    fn raw(self) -> u64;
}

/// The same type at another lifetime.
///
/// `Message<'a>` is `Message<'f>` at `'f`; a type without a lifetime is itself.
pub trait Family {
    /// The type at `'f`.
    type At<'f>;
}

/// What has to be known of a connection to read and write its frames.
pub trait Context {
    /// `()` for most protocols; else the struct that the derive names after
    /// the frame, see [`ctx`](crate::doc::wire#ctx).
    type Ctx: Copy + Send + 'static;
}

/// A frame: a type with `#[frame(..)]`, the outermost layout of a protocol.
///
/// Implemented for every lifetime of a borrowed frame, so that functions of
/// the user take `&Message<'_>` without ceremony.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a frame",
    label = "this type has no `#[frame(..)]`",
    note = "add `#[derive(ExProtoFrame)]` and `#[frame(..)]` to the outermost type of the protocol"
)]
pub trait Protocol:
    Context + for<'f> Family<At<'f>: Encode + Wire<Ctx = <Self as Context>::Ctx> + Value>
{
    /// The name of the type.
    const NAME: &'static str;
    /// Where a frame begins and ends on the wire, for each kind of frames: one
    /// unless several share a port.
    const KINDS: &'static [FrameKind];
    /// The state of the frame search.
    type Scan: Scanner;

    /// A fresh frame search of a connection that knows this.
    fn scanner(ctx: Self::Ctx) -> Self::Scan;

    /// What the connection knows from now on.
    #[inline]
    fn tell(scan: &mut Self::Scan, ctx: Self::Ctx) {
        let _ = (scan, ctx);
    }

    /// Decodes a frame of one of the [`KINDS`](Self::KINDS). `ctx` is what the
    /// connection knows that decides the layout, `()` for most protocols.
    ///
    /// # Errors
    ///
    /// What the layout refuses.
    fn decode_kind<'f, T: Trace>(
        kind: usize,
        r: &mut Reader<'f, T>,
        ctx: Self::Ctx,
    ) -> Result<Self::At<'f>, Error>;

    /// Whether one of the [`KINDS`](Self::KINDS) is looked for on a connection
    /// that knows this.
    #[inline]
    fn wanted(kind: usize, ctx: Self::Ctx) -> bool {
        let _ = (kind, ctx);
        true
    }

    /// Which of the [`KINDS`](Self::KINDS) a frame has.
    fn kind_of(frame: &Self::At<'_>) -> usize {
        let _ = frame;
        0
    }

    /// The segment of a longer message that this frame carries, if any.
    fn segment<'s>(frame: &'s Self::At<'_>, ctx: Self::Ctx) -> Option<Segment<'s>> {
        let _ = (frame, ctx);
        None
    }

    /// Decodes a message from the whole frame `head`, of this kind, that
    /// carried its first segment and the joined segments `body`.
    ///
    /// # Errors
    ///
    /// What the layout refuses; offsets count in the joined bytes.
    fn join<'f, T: Trace>(
        kind: usize,
        head: &'f [u8],
        body: &'f [u8],
        ctx: Self::Ctx,
        trace: T,
    ) -> Result<(Self::At<'f>, super::trace::Flags), Error> {
        let _ = body;
        let mut r = Reader::traced(head, trace).found();
        let frame = Self::decode_kind(kind, &mut r, ctx)?;
        Ok((frame, r.flags()))
    }

    /// The name of the message in the frame: its variant, in snake case.
    fn kind(frame: &Self::At<'_>) -> &'static str {
        let _ = frame;
        Self::NAME
    }
}

/// One segment of a message that was cut into several frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'s> {
    /// Which of the [`KINDS`](Protocol::KINDS) the frame has.
    pub kind: usize,
    /// What the segments of one message have in common.
    pub key: u64,
    /// Where in the message it belongs.
    pub at: Position,
    /// The bytes of this segment.
    pub data: &'s [u8],
}

/// Where in a message a [`Segment`] belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// By its number.
    Number {
        /// The number of this segment, as on the wire.
        index: u32,
        /// The number of the first one.
        first: u32,
        /// How many there are, if this one says it.
        total: Option<u32>,
    },
    /// By its bytes.
    Byte {
        /// How many bytes of the message come before it.
        offset: u32,
        /// How many the message has, if this one says it.
        size: Option<u32>,
    },
}

impl Position {
    /// The number of the segment, or the offset of its first byte.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Number { index, .. } => index,
            Self::Byte { offset, .. } => offset,
        }
    }
}

impl<'s> Segment<'s> {
    /// Segment `index` of `total`, counted from 1.
    #[must_use]
    pub const fn numbered(key: u64, index: u32, total: u32, data: &'s [u8]) -> Self {
        Self { kind: 0, key, at: Position::Number { index, first: 1, total: Some(total) }, data }
    }
}

impl core::fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.at {
            Position::Number { index, total: Some(total), .. } => write!(f, "segment {index} of {total}"),
            Position::Number { index, .. } => write!(f, "segment {index}"),
            Position::Byte { offset, size } => {
                let end = u64::from(offset) + self.data.len() as u64;
                write!(f, "bytes {offset}..{end}")?;
                size.map_or(Ok(()), |size| write!(f, " of {size}"))
            }
        }
    }
}

/// Stands in for the context of a part or frame that takes none.
#[diagnostic::on_unimplemented(
    message = "this layout needs a context",
    label = "the type declares `ctx(..)`, nothing gives it",
    note = "of a field: `#[wire(ctx(name = value))]`; of a gateway's frame: `#[route(gateway, ctx = FUNCTION)]`; in calls: `decode_with`, `encode_with`, `explain_with`"
)]
pub trait NoCtx: Copy {
    /// The empty context.
    const NONE: Self;
}

impl NoCtx for () {
    const NONE: Self = ();
}

/// Converts between the bytes of a field and a value of type `T`: the escape
/// hatch of `#[wire(as = ..)]`.
///
/// Only [`decode`](Self::decode) and [`encode`](Self::encode) are needed, and
/// nothing of `T`. Where `T` has [`Value`], [`Fill`](super::Fill) or
/// [`Sample`](super::Sample) those are used, as for the field of any type;
/// where it has not, the codec's [`show`](Self::show), [`fill`](Self::fill)
/// and [`sample`](Self::sample) are, which by default deal with the value's
/// bytes: hex digits in JSON.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::{Codec, Error, Reader, Writer, FieldInfo};
///
/// /// Degrees as tenths above -40.
/// struct Celsius;
///
/// impl Codec<'_, i16> for Celsius {
///     const SIZE: Option<usize> = Some(1);
///     fn decode(&self, r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<i16, Error> {
///         Ok(i16::from(r.run::<1>(at)?[0]) - 40)
///     }
///     fn encode(&self, value: &i16, w: &mut Writer<'_>, at: &'static FieldInfo) -> Result<(), Error> {
///         let raw = u8::try_from(value + 40)
///             .map_err(|_| w.error(exproto_runtime::codec::ErrorKind::Overflow, w.here(), at))?;
///         w.run([raw]);
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no codec for `{T}`",
    label = "this codec cannot make the type of the field",
    note = "implement `Codec` for this pair, or use a codec whose value has the field's type"
)]
pub trait Codec<'a, T> {
    /// The number of bytes if all values take the same.
    const SIZE: Option<usize> = None;

    /// Whether it knows itself where a value ends, as integers of variable
    /// length do. Other codecs take all bytes of their extent.
    const DELIMITED: bool = Self::SIZE.is_some();

    /// The fewest bytes of a value.
    const MIN: usize = match Self::SIZE {
        Some(size) => size,
        None if Self::DELIMITED => 1,
        None => 0,
    };

    /// Whether [`end`](Self::end) tells where a value ends. Only such codecs
    /// stand in a frame whose end is worked out by walking over its layout.
    const FINDS_END: bool = Self::SIZE.is_some();

    /// The bytes that a value may hold; `None` if that is not said. Then a value
    /// that goes on to a delimiter, to a separator or to the end of the frame is
    /// taken for text, which holds no delimiters, and another one may hold any
    /// byte.
    ///
    /// Between delimiters without escapes no field may hold the delimiter.
    const BYTES: Option<ByteSet> = None;

    /// Where a value ends that begins with `bytes`, as far as they have come;
    /// the first `seen` of them were looked at by an earlier call.
    ///
    /// # Examples
    ///
    /// A number that ends with the first byte below 0x80:
    ///
    /// ```
    /// use exproto_runtime::codec::{Codec, End, Leb128};
    ///
    /// let end = |bytes: &[u8], seen| <Leb128 as Codec<'_, u32>>::end(&Leb128, bytes, seen);
    /// assert_eq!(end(&[0x81, 0x82], 0), End::Need(1));
    /// assert_eq!(end(&[0x81, 0x82, 0x03, 0xFF], 2), End::After(3));
    /// ```
    fn end(&self, bytes: &[u8], seen: usize) -> End {
        let _ = (bytes, seen);
        Self::SIZE.map_or(End::Never, End::After)
    }

    /// Reads a value; `r` ends where the extent of the field ends.
    ///
    /// # Errors
    ///
    /// Bytes that are no value of this codec.
    fn decode(&self, r: &mut Reader<'a>, at: &'static super::FieldInfo) -> Result<T, Error>;

    /// Writes a value.
    ///
    /// # Errors
    ///
    /// A value that this codec cannot write.
    fn encode(&self, value: &T, w: &mut Writer<'_>, at: &'static super::FieldInfo) -> Result<(), Error>;

    /// Shows a value whose type is no [`Value`]: by default its bytes, or
    /// `null` if it cannot be written.
    fn show<V: Visitor>(&self, value: &T, at: &'static super::FieldInfo, v: &mut V) {
        let mut bytes = Vec::new();
        match self.encode(value, &mut Writer::new(&mut bytes), at) {
            Ok(()) => v.bytes(&bytes),
            Err(_) => v.null(),
        }
    }

    /// Makes a value whose type is no [`Fill`](super::Fill) of JSON: by default
    /// of its bytes in hex. `node` is not `null`.
    ///
    /// # Errors
    ///
    /// What stands there is no value of this codec.
    fn fill(&self, node: &'a Node, at: &'static super::FieldInfo) -> Result<T, FillError> {
        let mut r = Reader::new(node.bytes_of_hex()?);
        match self.decode(&mut r, at) {
            Ok(value) if r.left() == 0 => Ok(value),
            Ok(_) => Err(FillError::new("there are more bytes than a value has")),
            Err(error) => Err(FillError::new(error.kind().sentence())),
        }
    }

    /// Makes a random value of a type that is no [`Sample`](super::Sample), of
    /// `size` bytes if that is given: by default of random bytes, until some
    /// are a value. `None` if none were; then the type's `Default` is taken,
    /// and without one who asked for random frames panics.
    fn sample(&self, random: &mut Random, size: Option<usize>, at: &'static super::FieldInfo) -> Option<T> {
        super::own::of_random_bytes(self, random, size, at)
    }

    /// How many bytes of its own a value has that takes `size` on the wire, where a
    /// codec writes several for each: letters of two bytes, digits of hexadecimal
    /// text. Only random values of [`Sample`](super::Sample) types ask.
    fn holds(&self, size: usize) -> usize {
        size
    }
}

/// Where a value ends; see [`Codec::end`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// After so many bytes from its start, whether they have come or not.
    After(usize),
    /// After so many bytes if nothing follows them; what follows may belong to it
    /// too. With the next byte it is asked again, and told that the last of
    /// these is not seen yet; an answer that is the same then holds.
    Perhaps(usize),
    /// At least so many bytes more tell.
    Need(usize),
    /// No value begins so.
    Never,
}
