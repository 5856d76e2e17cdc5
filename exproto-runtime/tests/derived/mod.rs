//! Decoding and encoding for the tests of derived layouts.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use core::fmt::Debug;

use exproto_runtime::codec::{Decode, Encode, Error, ErrorKind, Flag, Reader, Writer};

/// The value in exactly these bytes.
pub fn read<'a, T: Decode<'a, Ctx = ()>>(bytes: &'a [u8]) -> Result<T, Error> {
    flagged(bytes).map(|(value, _)| value)
}

/// The value in exactly these bytes, and what was odd.
pub fn flagged<'a, T: Decode<'a, Ctx = ()>>(bytes: &'a [u8]) -> Result<(T, Vec<Flag>), Error> {
    let mut reader = Reader::new(bytes);
    let value = T::decode(&mut reader, ())?;
    assert_eq!(reader.left(), 0, "bytes are left over");
    Ok((value, reader.flags().iter().collect()))
}

/// As [`flagged`], of bytes that may go on behind the value.
pub fn flagged_loose<'a, T: Decode<'a, Ctx = ()>>(bytes: &'a [u8]) -> Result<(T, Vec<Flag>), Error> {
    let mut reader = Reader::new(bytes);
    let value = T::decode(&mut reader, ())?;
    Ok((value, reader.flags().iter().collect()))
}

/// The bytes of a value.
pub fn write<T: Encode<Ctx = ()>>(value: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    value.encode(&mut Writer::new(&mut bytes), ())?;
    Ok(bytes)
}

/// Both directions: these bytes are this value, nothing odd about it, and every
/// shorter input is refused without a panic.
#[track_caller]
pub fn both<'a, T: Decode<'a, Ctx = ()> + Encode<Ctx = ()> + Debug + PartialEq>(bytes: &'a [u8], value: T) {
    let (decoded, flags) = flagged::<T>(bytes).unwrap();
    assert_eq!(decoded, value);
    assert_eq!(flags, []);
    assert_eq!(write(&value).unwrap(), bytes);
}

/// What is wrong with these bytes, where, in which field.
#[track_caller]
pub fn refused<'a, T: Decode<'a, Ctx = ()> + Debug>(bytes: &'a [u8]) -> (ErrorKind, u32, &'static str) {
    let error = read::<T>(bytes).unwrap_err();
    (error.kind(), error.offset(), error.field().name)
}
