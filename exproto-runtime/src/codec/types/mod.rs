//! Field types that keep what was received and convert on access.

mod bcd;
mod list;
mod text;
mod time;

pub use bcd::{Bcd, BcdError};
pub use list::{Counted, List, ListBuf, ListIter, Sequence};
pub use text::{Ascii, Charset, Text, TextBuf, Utf8};
#[cfg(feature = "charsets")]
pub use text::Gbk;
pub use time::{BcdTime, TimeError};
