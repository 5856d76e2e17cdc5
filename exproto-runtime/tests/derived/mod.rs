//! Decoding and encoding for the tests of derived layouts.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use core::fmt::Debug;

use exproto_runtime::codec::{
    Decode, Encode, Error, ErrorKind, FieldInfo, Fill, Flag, Node, Random, Reader, Sample, Value, Writer,
    from_bytes, to_json,
};

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

/// The kind of a mistake and its field.
pub fn place(error: &Error) -> (ErrorKind, &'static str) {
    (error.kind(), error.field().name)
}

/// The JSON of a value.
pub fn json(value: &(impl Value + ?Sized)) -> String {
    let mut out = Vec::new();
    to_json(value, &mut out);
    String::from_utf8(out).unwrap()
}

/// The value of JSON.
#[track_caller]
pub fn filled<T: for<'f> Fill<'f>>(text: &str) -> T {
    static AT: FieldInfo = FieldInfo::new("", "value");
    let node = Node::parse(text.as_bytes()).unwrap();
    T::fill(Some(&node), &AT).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Random values come back from the wire and from JSON.
#[track_caller]
pub fn round<T>(runs: usize)
where
    T: for<'a> Decode<'a, Ctx = ()> + Encode<Ctx = ()> + Sample + Value + for<'f> Fill<'f>,
{
    let mut random = Random::new(5);
    for _ in 0..runs {
        let made: T = random.make();
        let (bytes, text) = (write(&made).unwrap(), json(&made));
        let again = from_bytes::<T>(&bytes).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(again.flags.is_empty(), "{bytes:02x?}");
        assert_eq!(json(&again.frame), text, "{bytes:02x?}");
        assert_eq!(write(&again.frame).unwrap(), bytes);
        let filled = filled::<T>(&text);
        assert_eq!(json(&filled), text);
        assert_eq!(write(&filled).unwrap(), bytes, "{text}");
    }
}

/// Every beginning of the bytes of random values is refused.
#[track_caller]
pub fn no_shorter<T>(runs: usize)
where
    T: for<'a> Decode<'a, Ctx = ()> + Encode<Ctx = ()> + Sample,
{
    let mut random = Random::new(5);
    for _ in 0..runs {
        let bytes = write(&random.make::<T>()).unwrap();
        for end in 0..bytes.len() {
            assert!(from_bytes::<T>(&bytes[..end]).is_err(), "{:02x?}", &bytes[..end]);
        }
    }
}

/// Random values are what is read of their bytes, and no change of a byte stops
/// the program or reads as what is written otherwise.
#[track_caller]
pub fn samples<T>(seed: u64)
where
    T: for<'a> Decode<'a, Ctx = ()> + Encode<Ctx = ()> + Sample + PartialEq + Debug,
{
    let mut random = Random::new(seed);
    for _ in 0..300 {
        let value: T = random.make();
        let bytes = write(&value).unwrap();
        assert_eq!(flagged::<T>(&bytes), Ok((value, vec![])));
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] = other[at].wrapping_add(random.within(1..=255_u8));
            let mut r = Reader::new(&other);
            if let Ok(value) = T::decode(&mut r, ())
                && r.flags().is_empty()
            {
                assert_eq!(write(&value).unwrap(), other[..other.len() - r.left()]);
            }
        }
    }
}
