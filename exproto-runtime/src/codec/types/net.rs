//! Addresses and identifiers, shown as people write them.

use alloc::format;
use alloc::string::ToString as _;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use super::text_of;
use crate::codec::error::Error;
use crate::codec::json::{Fill, FillError, Node};
use crate::codec::layout::{Decode, Encode, Wire};
use crate::codec::random::Random;
use crate::codec::reader::Reader;
use crate::codec::sample::Sample;
use crate::codec::schema::FieldInfo;
use crate::codec::trace::Trace;
use crate::codec::value::{Value, Visitor};
use crate::codec::writer::Writer;

static ADDRESS: FieldInfo = FieldInfo::new("", "address");

/// A hardware address of six bytes, as `00:1a:2b:3c:4d:5e`; dashes between the
/// bytes are understood too.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use core::net::Ipv4Addr;
/// use exproto_runtime::codec::{Mac, Uuid, from_bytes, to_bytes, to_json};
/// use exproto_runtime::ExProtoFrame;
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// struct Peer { address: Ipv4Addr, hardware: Mac, id: Uuid }
///
/// let bytes = *b"\xC0\xA8\x00\x09\x00\x1A\x2B\x3C\x4D\x5E0123456789abcdef";
/// let peer = from_bytes::<Peer>(&bytes).unwrap().frame;
/// assert_eq!(peer.address, Ipv4Addr::new(192, 168, 0, 9));
/// assert_eq!(peer.hardware, "00-1A-2B-3C-4D-5E".parse().unwrap());
/// assert_eq!(to_bytes(&peer).unwrap(), bytes);
/// let mut json = Vec::new();
/// to_json(&peer, &mut json);
/// assert_eq!(
///     String::from_utf8(json).unwrap(),
///     r#"{"address":"192.168.0.9","hardware":"00:1a:2b:3c:4d:5e","id":"30313233-3435-3637-3839-616263646566"}"#
/// );
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mac(pub [u8; 6]);

/// An identifier of sixteen bytes in the order of its text (RFC 9562), as
/// `f81d4fae-7dec-11d0-a765-00a0c91e6bf6`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uuid(pub [u8; 16]);

/// Text that is no address or identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressError(&'static str);

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "write {}", self.0)
    }
}

impl core::error::Error for AddressError {}

/// The bytes of hex digits in groups of so many bytes.
fn grouped<const N: usize>(text: &str, separators: &[u8], groups: &[usize]) -> Option<[u8; N]> {
    let (mut bytes, mut at) = ([0; N], 0);
    let mut rest = text.as_bytes();
    for (index, group) in groups.iter().enumerate() {
        if index > 0 {
            let (separator, after) = rest.split_first()?;
            rest = separators.contains(separator).then_some(after)?;
        }
        for _ in 0..*group {
            let ([high, low], after) = rest.split_first_chunk::<2>()?;
            let digit = |byte: &u8| char::from(*byte).to_digit(16);
            *bytes.get_mut(at)? = (digit(high)? << 4 | digit(low)?) as u8;
            at += 1;
            rest = after;
        }
    }
    (rest.is_empty() && at == N).then_some(bytes)
}

impl FromStr for Mac {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        grouped(text, b":-", &[1; 6]).map(Self).ok_or(AddressError("six bytes, `00:1a:2b:3c:4d:5e`"))
    }
}

impl FromStr for Uuid {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        grouped(text, b"-", &[4, 2, 2, 2, 6])
            .map(Self)
            .ok_or(AddressError("sixteen bytes, `f81d4fae-7dec-11d0-a765-00a0c91e6bf6`"))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if at > 0 { ":" } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" })?;
        }
        Ok(())
    }
}

macro_rules! debug {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    )*};
}

debug!(Mac Uuid);

impl From<[u8; 6]> for Mac {
    fn from(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }
}

impl From<[u8; 16]> for Uuid {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

macro_rules! walks {
    ($($name:ident, $bytes:literal, $to:expr;)*) => {$(
        impl Wire for $name {
            const MIN: usize = $bytes;
            const SIZE: Option<usize> = Some($bytes);
            type Ctx = ();
        }

        impl<'a> Decode<'a> for $name {
            #[inline]
            fn decode<T: Trace>(r: &mut Reader<'a, T>, (): ()) -> Result<Self, Error> {
                let make = |bytes: [u8; $bytes]| Self::from(bytes);
                r.run::<$bytes>(&ADDRESS).map(|bytes| make(*bytes))
            }
        }

        impl Encode for $name {
            fn encode(&self, w: &mut Writer<'_>, (): ()) -> Result<(), Error> {
                let bytes: fn(&Self) -> [u8; $bytes] = $to;
                w.run(bytes(self));
                Ok(())
            }
        }

        impl Value for $name {
            fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
                v.text(&format!("{self}"));
            }
        }

        impl<'f> Fill<'f> for $name {
            fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
                text_of(node, at)?.parse().map_err(|error: <Self as FromStr>::Err| FillError::new(error.to_string()))
            }
        }

        impl Sample for $name {
            fn sample(random: &mut Random, _: Option<usize>, _: &'static FieldInfo, (): ()) -> Self {
                let mut bytes = [0; $bytes];
                bytes.iter_mut().for_each(|byte| *byte = random.within(0..=u8::MAX));
                Self::from(bytes)
            }
        }
    )*};
}

walks! {
    Ipv4Addr, 4, Self::octets;
    Ipv6Addr, 16, Self::octets;
    Mac, 6, |value| value.0;
    Uuid, 16, |value| value.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_texts_are_read() {
        assert_eq!("00:1a:2b:3c:4d:5e".parse(), Ok(Mac([0, 0x1A, 0x2B, 0x3C, 0x4D, 0x5E])));
        for text in [
            "",
            "001a2b3c4d5e",
            "00:1a:2b:3c:4d",
            "00:1a:2b:3c:4d:5e:",
            "00:1a:2b:3c:4d:5g",
            "0:1a:2b:3c:4d:5e",
        ] {
            assert!(text.parse::<Mac>().is_err(), "{text}");
        }
        let text = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
        assert_eq!(text.parse::<Uuid>().map(|uuid| uuid.to_string()).as_deref(), Ok(text));
        assert_eq!(text.to_uppercase().parse::<Uuid>(), text.parse::<Uuid>());
        assert!("f81d4fae7dec11d0a76500a0c91e6bf6".parse::<Uuid>().is_err());
    }
}
