//! Bytes to typed frames and back. No IO, no clock, no async.
//!
//! | module | what it holds |
//! |---|---|
//! | `layout` | the traits that the derive implements |
//! | `boxed` | `Box<T>` as a field |
//! | `reader`, `writer` | the cursors that generated code works with |
//! | `inner` | what relations ask of fields further in |
//! | `own`, `serde`, `deku` | values of types that only a codec knows |
//! | `peek` | the bytes that come next, for conditions |
//! | `part` | values that are no frames, to and from bytes |
//! | `frame` | frame boundaries, escapes, the deframer, reassembly |
//! | `check` | checksums |
//! | `transform` | bytes in another form on the wire: encrypted, compressed |
//! | `types` | field types that keep what was received: BCD, text, lists |
//! | `schema`, `value` | names, scales and the walk over a decoded value |
//! | `json` | values to JSON, and JSON payloads to values |
//! | `explain` | the picture of a frame |
//! | `sample`, `random` | made-up values within what the layout allows |
//! | `sentence` | messages of the compiler |
//! | `error`, `trace` | what went wrong, where, and how it came to that |
//!
//! # Where a frame begins and ends: `#[frame(..)]`
//!
//! Goes on the outermost struct. Most often nothing has to be said: a frame
//! whose items all have a constant size is that long, and one with a length,
//! or a count of elements of one size, at a constant place ends where that
//! says; else the search walks over the layout. What the length counts is in its relation:
//!
//! ```
//! # #[cfg(feature = "derive")] {
//! use exproto_runtime::ExProtoFrame;
//! use exproto_runtime::codec::{Deframer, Item, encode};
//!
//! /// `@@`, a length that counts from itself to the check, data, the check.
//! #[derive(ExProtoFrame, Debug, PartialEq)]
//! #[frame(max = 256)]
//! #[wire(endian = big)]
//! struct Message<'a> {
//!     #[wire(before(b"@@"), before(len: u16 = size(len..=check)))]
//!     #[wire(after(check: u8 = xor(len..)))]
//!     data: &'a [u8],
//! }
//!
//! let mut wire = b"noise".to_vec();
//! encode::<Message<'_>>(&Message { data: b"hi" }, &mut wire).unwrap();
//! assert_eq!(wire[5..], *b"@@\x00\x05hi\x04");
//!
//! let mut deframer = Deframer::<Message<'_>>::new();
//! let (mut input, mut scratch) = (&wire[..], Vec::new());
//! assert!(matches!(deframer.next(&mut input, &mut scratch), Some(Item::Bad(bad)) if bad.wire == b"noise"));
//! let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) else { panic!() };
//! assert_eq!(raw.decode::<Message<'_>>().unwrap().frame.data, b"hi");
//! # }
//! ```
//!
//! | key | meaning |
//! |---|---|
//! | (none) | the layout says where the frame ends |
//! | `flag = 0x7E` | one byte before and after, which neighbours may share |
//! | `start = b"*", end = b"#"` | bytes before and after; `start` may be left out |
//! | `line` | ends in `\n`, with or without `\r` before it; written with both |
//! | `datagram` | each datagram is a frame |
//! | `escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E)` | an escape byte, its codes and what they stand for |
//! | `escape(0x7D ^ 0x20: 0x7E, 0x7D)` | an escape byte before the bytes listed, which are combined with `0x20` by exclusive or; any other escaped byte is understood too |
//! | `escape(b"\x5A\x01" => b"\x5B", ..)` | sequences of any length and what they stand for |
//! | `stuffing = slip` | `C0 .. C0` with `DB DC`, `DB DD` |
//! | `stuffing = hdlc` | `7E .. 7E` with `7D ^ 20` for `7E` and `7D` |
//! | `stuffing = ppp` | the same, and for all bytes below 20 |
//! | `stuffing = cobs` | consistent overhead byte stuffing, ends in `00` |
//! | `blocks(first = 8, size = 16, check: u16 = crc("CRC-16/DNP", ..))` | a checksum behind each block |
//! | `max = BYTES` | the most bytes of a frame: needed with delimiters; else from the `range` of the length, or 65 536 |
//! | `skip = b"\r\n"` | bytes between frames that mean nothing |
//! | `lead = [0x78, 0x79 \| 0x7A, 0x01..=0xFF, _]` | the leading bytes, where constants do not say them |
//! | `resync = auto` | after bytes that are no frame the next one is looked for |
//! | `resync = close` | bytes that are no frame end the connection |
//! | `reassemble(..)` | segments that make up one message |
//! | `one_of` | on an enum: each variant holds one kind of frame, told apart by leading bytes in the order of the variants |
//! | `first` | on its variant: only ever the first frame of a connection |
//! | `sent` | on its variant: only ever sent to devices |
//!
//! ```text
//!           on the wire                       payload
//! flag      7E 30 7D 02 08 7E                 30 7E 08
//! end       2A 48 51 23          * H Q #      48 51
//! length    40 40 00 05 68 69 04              all of it
//! cobs      03 11 22 02 33 00                 11 22 00 33
//! ```
//!
//! A frame with a length is found again after garbage, a bad length, a wrong
//! constant or a wrong checksum: the search goes on at the byte after its
//! first, by the leading bytes. Without constants at its start and without a
//! checksum nothing tells where the next frame begins, so the first error is
//! [`fatal`](Bad::fatal) and the session closes the connection.

mod any_width;
mod bits;
mod boxed;
mod byte_set;
mod check;
#[cfg(feature = "deku")]
mod deku;
mod endian;
mod error;
mod explain;
mod fnv;
mod frame;
mod inner;
pub(crate) mod json;
mod layout;
mod number;
mod own;
mod part;
mod peek;
mod random;
mod reader;
mod sample;
mod scalar;
mod schema;
mod segment;
pub(crate) mod sentence;
mod serde;
mod signed;
mod trace;
mod transform;
mod types;
mod value;
mod writer;

#[doc(hidden)]
pub use any_width::AnyWidth;
#[doc(hidden)]
pub use bits::{bit_bytes, bit_count, bit_padding, bits_at, put_wide, wide_bits};
pub use byte_set::ByteSet;
pub use check::{Algorithm, Crc, CrcParams, MoreBytes, Register, fletcher, internet, sum, xor};
#[cfg(feature = "deku")]
#[cfg_attr(docsrs, doc(cfg(feature = "deku")))]
pub use deku::{Deku, DekuWith};
pub use endian::Endian;
pub use error::{Error, ErrorKind};
pub use explain::{
    Explanation, Failure, Layer, Oddity, Path, Place, Recorder, Span, explain, explain_bad, explain_bad_with,
    explain_item, explain_item_with, explain_joined, explain_joined_with, explain_with,
};
#[doc(hidden)]
pub use fnv::Fnv;
pub use frame::{
    Ask, Assembled, Bad, Blocks, ByTransform, Check, Deframer, Escape, FlagScan, FrameKind, FrameScan,
    Framing, Item, Lead, Parts, Piece, RawFrame, Reassembler, ReassemblyLimits, Received, Role, Scanner,
    Step, Stuffing, decode, decode_unverified, decode_with, encode, encode_with, reencode, reencode_with,
};
#[doc(hidden)]
pub use frame::{
    Constant, Cursor, FrameLayout, FrameWalk, Frames, Halt, Keep, Kept, ListScan, Only, Split, Steps,
    Streamed, SummedScan, Turn, Walk, WalkBody, Walker, codec_stuck, first_stuck, followers_tell, frame_size,
    kinds_apart, not_stuck,
};
#[doc(hidden)]
pub use inner::{Asked, Inner, check_inner, encoded_size};
pub use json::{Base64, Fill, FillError, JsonObject, JsonWriter, Node, Object, to_json};
#[doc(hidden)]
pub use json::{
    Entries, Entry, FillEntry, FillFlat, FillVariant, Flat, JsonKey, JsonKeys, Unseen, UnseenDefault,
    UnseenMissing, check_distinct, fill_map, no_entry, number_in, put_number, show_map, text_in,
};
#[doc(hidden)]
pub use layout::Fields;
pub use layout::{
    Codec, Context, Decode, Encode, EncodeBody, End, Family, Joint, NoCtx, Position, Protocol, Scalar,
    Segment, Select, Tagged, Wire,
};
pub use number::Digits;
pub use own::With;
#[doc(hidden)]
pub use own::{
    ByCodec, Bytes, FillByCodec, FillOwn, HeldAll, HeldByCodec, Made, Perhaps, SampleByCodec,
    SampleOrDefault, SampleOwn, ShowByCodec, ShowOwn, Shown, ShownList, fill_each, fill_option,
};
pub use part::{from_bytes, to_bytes};
#[doc(hidden)]
pub use peek::Peek;
pub use random::{Random, Uniform};
pub use reader::Reader;
pub use sample::Sample;
pub use schema::{FieldInfo, Scale};
#[doc(hidden)]
pub use segment::{SegmentData, SegmentNumber};
pub use serde::Serde;
pub use signed::Signed;
#[doc(hidden)]
pub use signed::{home_bits, join_bits, part_bits, sign_of};
pub use trace::{Flag, Flags, NoTrace, Trace};
#[doc(hidden)]
pub use transform::{Opened, filled, opened, through};
pub use transform::{TrailingZeros, Transform};
pub use types::{
    AddressError, Armor, Ascii, Badc, Bcd, BcdDegMin, BcdError, BcdInt, BcdNumber, BcdTime, BerLength,
    BitSet, BitText, BitTime, ByteTime, Cdab, Charset, Chunk, Cp56Time, Dec, Decimal, DegMin, Distinct, Half,
    HexNum, Latin1, Leb128, List, ListBuf, ListIter, Mac, ShortText, SignMagnitude, Text, TextBuf, TextTime,
    Ticks, TimeError, TimeLayout, UnixMillis, UnixSeconds, Utf8, Utf16Be, Utf16Le, Uuid, Word, YMDHMS,
    ZigZag, order,
};
#[cfg(feature = "charsets")]
pub use types::{
    Big5, EucJp, EucKr, Gbk, Ibm866, Iso8859_2, Iso8859_5, Iso8859_7, Iso8859_15, Koi8R, Koi8U, ShiftJis,
    Windows874, Windows1250, Windows1251, Windows1252, Windows1253, Windows1254, Windows1255, Windows1256,
    Windows1257, Windows1258,
};
#[doc(hidden)]
pub use types::{Counted, InPieces, Sequence, list_of, list_to_end, numbers_of, numbers_to_end, only_last};
pub use value::{Value, Visitor};
pub use writer::{At, Writer};
