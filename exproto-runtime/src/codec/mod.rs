//! Bytes to typed frames and back. No IO, no clock, no async.
//!
//! | module | what it holds |
//! |---|---|
//! | `layout` | the traits that the derive implements |
//! | `reader`, `writer` | the cursors that generated code works with |
//! | `part` | values that are no frames, to and from bytes |
//! | `frame` | frame boundaries, escapes, the deframer, reassembly |
//! | `check` | checksums |
//! | `types` | field types that keep what was received: BCD, text, lists |
//! | `schema`, `value` | names, scales and the walk over a decoded value |
//! | `json` | values to JSON, and JSON payloads to values |
//! | `explain` | the picture of a frame |
//! | `sample`, `random` | made-up values within what the layout allows |
//! | `error`, `trace` | what went wrong, where, and how it came to that |

mod check;
mod error;
mod explain;
mod frame;
pub(crate) mod json;
mod layout;
mod part;
mod random;
mod reader;
mod sample;
mod scalar;
mod schema;
mod trace;
mod types;
mod value;
mod writer;

pub use check::{Algorithm, Crc, CrcParams, internet, sum, xor};
pub use error::{Error, ErrorKind};
pub use explain::{
    Explanation, Failure, Oddity, Path, Place, Recorder, Span, explain, explain_bad, explain_item,
    explain_joined,
};
pub use frame::{
    Assembled, Bad, Check, Deframer, Escape, FlagScan, FrameKind, FrameScan, Framing, Item, Lead, RawFrame,
    Reassembler, ReassemblyLimits, Received, Scanner, Step, Stuffing, decode, encode, reencode,
};
#[doc(hidden)]
pub use frame::{Constant, Cursor, FrameLayout, Frames, Halt, Only, frame_size};
pub use json::{Fill, FillError, JsonWriter, Node, Object, to_json};
pub use layout::{
    Codec, Decode, Encode, EncodeBody, Family, NoCtx, Protocol, Scalar, Segment, Select, Tagged, Wire,
};
pub use part::{from_bytes, to_bytes};
pub use random::{Random, Uniform};
pub use reader::Reader;
pub use sample::Sample;
pub use schema::{FieldInfo, Scale};
pub use trace::{Flag, Flags, NoTrace, Trace};
#[cfg(feature = "charsets")]
pub use types::Gbk;
pub use types::{
    Ascii, Bcd, BcdError, BcdNumber, BcdTime, BerLength, ByteTime, Charset, Cp56Time, Dec, DegMin, HexNum,
    Latin1, Leb128, List, ListBuf, ListIter, SignMagnitude, Text, TextBuf, TimeError, UnixMillis,
    UnixSeconds, Utf8, Utf16Be, Utf16Le, YMDHMS, ZigZag, order,
};
#[doc(hidden)]
pub use types::{Counted, Sequence};
pub use value::{Value, Visitor};
pub use writer::{At, Writer};
