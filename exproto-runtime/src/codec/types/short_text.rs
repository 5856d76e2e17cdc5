//! Text that is copied, without an allocation or a lifetime.

use core::fmt;

use super::charset::Charset;
use super::text::{Text, TextBuf};
use crate::codec::error::{Error, ErrorKind};
use crate::codec::json::{Fill, FillError, Node};
use crate::codec::random::Random;
use crate::codec::reader::Reader;
use crate::codec::sample::Sample;
use crate::codec::schema::FieldInfo;
use crate::codec::value::{Value, Visitor};

/// Text of at most `N` bytes, at most 65 535: a value that is `Copy`.
///
/// It stands where [`TextBuf`] does, `as = Ascii` and an extent, and keeps the bytes as
/// received, padding included; a longer one is a
/// [`TooLong`](crate::codec::ErrorKind::TooLong) error. Texts are equal that read the
/// same.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{from_bytes, to_bytes, ShortText};
/// use exproto_runtime::prelude::*;
///
/// #[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
/// struct Device {
///     #[wire(size = 8, fill = 0, as = Ascii)]
///     name: ShortText<8>,
///     kind: u8,
/// }
///
/// let device = Device { name: ShortText::new("pump").unwrap(), kind: 3 };
/// assert_eq!(to_bytes(&device)?, *b"pump\0\0\0\0\x03");
/// let copy = from_bytes::<Device>(b"pump\0\0\0\0\x03")?.frame;
/// assert_eq!((copy, copy.name.as_text().to_str().as_ref()), (device, "pump"));
/// # }
/// # Ok::<(), exproto_runtime::codec::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct ShortText<const N: usize> {
    bytes: [u8; N],
    len: u16,
    charset: Charset,
    pad: u8,
}

impl<const N: usize> ShortText<N> {
    /// This text; `None` if it has more than `N` bytes in UTF-8.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        Self::of(Text::from(text))
    }

    /// The bytes of a text, with their character set; `None` if they are more than `N`.
    #[must_use]
    pub fn of(text: Text<'_>) -> Option<Self> {
        let (from, len) = (text.as_bytes(), u16::try_from(text.as_bytes().len()).ok()?);
        let mut bytes = [0; N];
        bytes.get_mut(..from.len())?.copy_from_slice(from);
        Some(Self { bytes, len, charset: text.charset(), pad: text.pad() })
    }

    /// The text, borrowed.
    #[must_use]
    pub fn as_text(&self) -> Text<'_> {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or(&self.bytes);
        Text::new(bytes, self.charset).padded_with(self.pad)
    }

    /// A text that was read, if there is room for it.
    pub(super) fn fitting(
        text: Text<'_>,
        r: &Reader<'_>,
        offset: u32,
        at: &'static FieldInfo,
    ) -> Result<Self, Error> {
        let len = text.as_bytes().len() as u64;
        Self::of(text).ok_or_else(|| r.fail(ErrorKind::TooLong, offset, at, len, N as u64))
    }
}

impl<const N: usize> Default for ShortText<N> {
    fn default() -> Self {
        Self { bytes: [0; N], len: 0, charset: Charset::Utf8, pad: 0 }
    }
}

impl<const N: usize> From<ShortText<N>> for TextBuf {
    fn from(text: ShortText<N>) -> Self {
        text.as_text().into()
    }
}

impl<const N: usize> PartialEq for ShortText<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_text() == other.as_text()
    }
}

impl<const N: usize> Eq for ShortText<N> {}

impl<const N: usize> PartialEq<str> for ShortText<N> {
    fn eq(&self, other: &str) -> bool {
        self.as_text() == *other
    }
}

impl<const N: usize> fmt::Display for ShortText<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_text().fmt(f)
    }
}

impl<const N: usize> fmt::Debug for ShortText<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_text(), f)
    }
}

impl<const N: usize> Value for ShortText<N> {
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        self.as_text().show(at, v);
    }
}

impl<'f, const N: usize> Fill<'f> for ShortText<N> {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        let text = <&str as Fill<'f>>::fill(node, at)?;
        Self::new(text).ok_or_else(|| FillError::new(alloc::format!("at most {N} bytes are possible here")))
    }
}

impl<const N: usize> Sample for ShortText<N> {
    fn sample(random: &mut Random, size: Option<usize>, at: &'static FieldInfo, (): ()) -> Self {
        let text = Text::sample(random, size, at, ());
        let bytes = text.as_bytes();
        let short = bytes.get(..bytes.len().min(N)).unwrap_or_default();
        Self::of(Text::new(short, text.charset())).unwrap_or_default()
    }
}
