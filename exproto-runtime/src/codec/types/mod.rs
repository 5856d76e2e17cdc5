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
pub use time::{BcdTime, TimeError};

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

impl<'f, const ZONE: i32> Fill<'f> for BcdTime<ZONE> {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        use alloc::string::ToString as _;
        text_of(node, at)?.parse().map_err(|error: TimeError| FillError::new(error.to_string()))
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
