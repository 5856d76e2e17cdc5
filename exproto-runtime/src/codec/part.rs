//! Whole values of declared types that are no frames: for tests, tools and
//! tutorials.

use alloc::vec::Vec;

use super::error::Error;
use super::frame::Received;
use super::layout::{Decode, Encode};
use super::reader::Reader;
use super::schema::UNNAMED;
use super::writer::Writer;

/// Decodes a value of a declared type that `bytes` are, all of them.
///
/// For parts of a frame; [`Deframer`](crate::codec::Deframer) and
/// [`decode`](crate::codec::decode) are for frames.
///
/// # Errors
///
/// What the layout refuses, and bytes that are left over.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{from_bytes, to_bytes};
/// use exproto_runtime::ExProtoFrame;
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// #[wire(endian = big)]
/// struct Position { lat: i32, lon: i32 }
///
/// let bytes = [0, 0, 0, 1, 0, 0, 0, 2];
/// let position = from_bytes::<Position>(&bytes)?.frame;
/// assert_eq!(position, Position { lat: 1, lon: 2 });
/// assert_eq!(to_bytes(&position)?, bytes);
/// # }
/// # Ok::<(), exproto_runtime::codec::Error>(())
/// ```
pub fn from_bytes<'a, T: Decode<'a, Ctx = ()>>(bytes: &'a [u8]) -> Result<Received<T>, Error> {
    let mut reader = Reader::new(bytes);
    let frame = T::decode(&mut reader, ())?;
    let end = reader;
    reader.finish(end, &UNNAMED)?;
    Ok(Received { frame, flags: reader.flags() })
}

/// Encodes a value of a declared type.
///
/// # Errors
///
/// A length, count or value that does not fit its field.
pub fn to_bytes<T: Encode<Ctx = ()>>(value: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    value.encode(&mut Writer::new(&mut bytes), ())?;
    Ok(bytes)
}
