//! Field types that keep what was received and convert on access.

mod bcd;
mod list;
mod text;
mod time;

pub use bcd::{Bcd, BcdError};
pub use list::{Counted, List, ListBuf, ListIter, Sequence};
#[cfg(feature = "charsets")]
pub use text::Gbk;
pub use text::{Ascii, Charset, Text, TextBuf, Utf8};
pub use time::{BcdTime, ByteTime, Cp56Time, TimeError, UnixMillis, UnixSeconds, YMDHMS, order};

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
