//! Field types that keep what was received and convert on access.

mod armor;
mod at_once;
mod bcd;
mod bit_set;
mod bit_text;
mod charset;
mod chunk;
mod decimal;
mod digits;
mod distinct;
mod integer;
mod list;
mod net;
mod nibbles;
mod short_text;
mod text;
mod time;
mod word;
mod words;

pub use armor::Armor;
pub use at_once::{list_of, list_to_end, numbers_of, numbers_to_end};
pub use bcd::{Bcd, BcdError};
pub use bit_set::BitSet;
pub use bit_text::BitText;
pub use charset::{Ascii, Charset, Latin1, Utf8, Utf16Be, Utf16Le};
#[cfg(feature = "charsets")]
pub use charset::{
    Big5, EucJp, EucKr, Gbk, Ibm866, Iso8859_2, Iso8859_5, Iso8859_7, Iso8859_15, Koi8R, Koi8U, ShiftJis,
    Windows874, Windows1250, Windows1251, Windows1252, Windows1253, Windows1254, Windows1255, Windows1256,
    Windows1257, Windows1258,
};
pub use chunk::{Chunk, InPieces};
pub use decimal::Decimal;
pub use digits::{Dec, DegMin, HexNum};
pub use distinct::Distinct;
pub use integer::{BcdNumber, BerLength, Leb128, SignMagnitude, ZigZag};
pub use list::{Counted, List, ListBuf, ListIter, Sequence, only_last};
pub use net::{AddressError, Mac, Uuid};
pub use nibbles::{BcdDegMin, BcdInt};
pub use short_text::ShortText;
pub use text::{Text, TextBuf};
pub use time::{
    BcdTime, BitTime, ByteTime, Cp56Time, TextTime, Ticks, TimeError, TimeLayout, UnixMillis, UnixSeconds,
    YMDHMS, order,
};
pub use word::Word;
pub use words::{Badc, Cdab, Half};

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::codec::frame::walk_whole;
use crate::codec::json::{Fill, FillError, Node};
use crate::codec::layout::Wire;
use crate::codec::schema::FieldInfo;

/// The text of a node.
fn text_of<'f>(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<&'f str, FillError> {
    <&str as Fill<'f>>::fill(node, at)
}

impl<'f, const N: usize> Fill<'f> for Bcd<N> {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        use alloc::string::ToString as _;
        text_of(node, at)?.parse().map_err(|error: BcdError| FillError::new(error.to_string()))
    }
}

walk_whole! {
    [const N: usize] Bcd[N];
    [const ZONE: i32, const ORDER: u32] BcdTime[ZONE, ORDER];
    [const ZONE: i32, const ORDER: u32] ByteTime[ZONE, ORDER];
    [const ZONE: i32] Cp56Time[ZONE];
    [] Word;
    [] Dec;
    [] HexNum;
    [const DEGREES: usize] DegMin[DEGREES];
    [] Ipv4Addr;
    [] Ipv6Addr;
    [] Mac;
    [] Uuid;
}

/// `Fill` of a type by its text form.
macro_rules! by_text {
    ($([$($generics:tt)*] $name:ty;)*) => {$(
        impl<'f, $($generics)*> Fill<'f> for $name {
            fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
                use alloc::string::ToString as _;
                text_of(node, at)?.parse().map_err(|error: TimeError| FillError::new(error.to_string()))
            }
        }
    )*};
}

by_text! {
    [const ZONE: i32, const ORDER: u32] BcdTime<ZONE, ORDER>;
    [const ZONE: i32, const ORDER: u32] ByteTime<ZONE, ORDER>;
    [const ZONE: i32] Cp56Time<ZONE>;
}

/// `Fill` of a counted time: its text form, or the number on the wire.
macro_rules! by_text_or_number {
    ($($name:ident)*) => {$(
        impl<'f, const EPOCH: i64, const ZONE: i32> Fill<'f> for $name<EPOCH, ZONE> {
            fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
                use alloc::string::ToString as _;
                if node.is_some_and(|node| node.as_number().is_some()) {
                    return u64::fill(node, at).map(Self::new);
                }
                text_of(node, at)?.parse().map_err(|error: TimeError| FillError::new(error.to_string()))
            }
        }
    )*};
}

by_text_or_number!(UnixSeconds UnixMillis);

/// `Fill` of a number as text: `null` is no text, a number its shortest form,
/// text itself.
fn number_text<'f>(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<&'f str, FillError> {
    match node {
        Some(node) if !node.is_null() => match node.as_number() {
            Some(number) => Ok(number),
            None => text_of(Some(node), at),
        },
        _ => Ok(""),
    }
}

fn too_long() -> FillError {
    FillError::new("a number has at most 23 characters")
}

impl<'f> Fill<'f> for Word {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        let text = text_of(node, at)?;
        Self::new(text.as_bytes()).ok_or_else(|| FillError::new("a word has at most 8 characters"))
    }
}

impl<'f> Fill<'f> for Dec {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        Self::from_bytes(number_text(node, at)?.as_bytes()).ok_or_else(too_long)
    }
}

impl<'f> Fill<'f> for HexNum {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        if node.is_some_and(|node| node.as_number().is_some()) {
            return u64::fill(node, at).map(|value| Self::new(value, 1));
        }
        Self::from_bytes(number_text(node, at)?.as_bytes()).ok_or_else(too_long)
    }
}

impl<'f, const DEGREES: usize> Fill<'f> for DegMin<DEGREES> {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        if let Some(node) = node.filter(|node| node.as_number().is_some()) {
            let degrees = f64::fill(Some(node), at)?;
            return Self::from_degrees(degrees)
                .ok_or_else(|| FillError::new("degrees are needed here, within what the field can hold"));
        }
        Self::from_bytes(number_text(node, at)?.as_bytes()).ok_or_else(too_long)
    }
}

impl<'f, const BITS: u32> Fill<'f> for SignMagnitude<BITS> {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        Self::new(i64::fill(node, at)?)
            .ok_or_else(|| FillError::new("the number is too large for this field"))
    }
}

impl<'f> Fill<'f> for Text<'f> {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        text_of(node, at).map(Text::from)
    }
}

impl<'f> Fill<'f> for TextBuf {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        text_of(node, at).map(Self::from)
    }
}

impl<'f, T: Fill<'f> + Wire> Fill<'f> for List<'f, T> {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        T::fill_list(node, at).map(Self::from)
    }
}

impl<'f, T: Fill<'f>> Fill<'f> for ListBuf<T> {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        T::fill_list(node, at).map(Self::from)
    }
}
