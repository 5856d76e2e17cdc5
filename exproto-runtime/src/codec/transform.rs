//! Bytes that stand on the wire in another form than their layout says:
//! encrypted, compressed, obfuscated.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::error::ErrorKind;
use super::own::{Bytes, With};

/// What stands on the wire in place of the bytes of a field, and back: what
/// `#[wire(via = TRANSFORM)]` names.
///
/// The layout of the field is that of the bytes which [`decode`](Self::decode)
/// makes; lengths and checksums of the surrounding layout speak of what stands on
/// the wire. Two functions make a transform too, `via = with(DECODE, ENCODE)`; see
/// [`via`](crate::doc::wire#via). An `Option` of a transform changes nothing if it
/// is `None`; a `Box<dyn Transform>` is one of several.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::Transform;
///
/// /// Each byte is combined with the key and the one before it.
/// struct Rolling(u8);
///
/// impl Transform for Rolling {
///     fn decode(&self, bytes: &[u8], _: usize) -> Option<Vec<u8>> {
///         let mut last = self.0;
///         Some(bytes.iter().map(|byte| byte ^ std::mem::replace(&mut last, *byte)).collect())
///     }
///     fn encode(&self, bytes: &[u8]) -> Option<Vec<u8>> {
///         let mut last = self.0;
///         Some(bytes.iter().map(|byte| { last ^= byte; last }).collect())
///     }
///     fn exact(&self) -> bool {
///         true
///     }
/// }
///
/// assert_eq!(Rolling(0x55).encode(b"abc").unwrap(), [0x34, 0x56, 0x35]);
/// assert_eq!(Rolling(0x55).decode(&[0x34, 0x56, 0x35], 64).unwrap(), b"abc");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no transform",
    label = "`via` needs a value that turns bytes into bytes and back",
    note = "implement `Transform` for it, or give two functions: `via = with(DECODE, ENCODE)`"
)]
pub trait Transform {
    /// The bytes that the layout reads, of those that stand on the wire, or
    /// `None` if these are none of this form.
    ///
    /// At most `max` bytes are wanted; more are an error, so that there is no use
    /// in making them. A decompressor stops there.
    fn decode(&self, bytes: &[u8], max: usize) -> Option<Vec<u8>>;

    /// The bytes for the wire, or `None` if these cannot be brought into this
    /// form.
    fn encode(&self, bytes: &[u8]) -> Option<Vec<u8>>;

    /// Whether `encode` gives, of what `decode` made, always the bytes that
    /// `decode` was given. Ciphers do, compression does not.
    ///
    /// Where it is not so (the default), each field is transformed back when it is
    /// read; a difference is flagged, so that the frame re-encodes as received.
    fn exact(&self) -> bool {
        false
    }

    /// Whether zeros follow what `decode` makes, up to `max` bytes, where the layout
    /// reads more than there is. See [`TrailingZeros`].
    fn zeros(&self) -> bool {
        false
    }
}

/// Zeros at the end of a field that do not stand on the wire: `via =
/// TrailingZeros::keep(1)`.
///
/// Written, the zeros at the end are left out, but for so many bytes that stay in any
/// case. Read, a layout that has more bytes than there are finds zeros, at most up to
/// the field's `max`; one that takes the rest finds what there is. Zeros that are sent
/// all the same are flagged [`Transform`](crate::codec::Flag::Transform) and re-encode
/// as received.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{from_bytes, to_bytes, TrailingZeros};
/// use exproto_runtime::prelude::*;
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// #[wire(endian = little)]
/// struct Message {
///     #[wire(size = prefix(u8), via = TrailingZeros::keep(1), max = 255)]
///     status: Status,
/// }
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// #[wire(endian = little)]
/// struct Status { mode: u8, voltage: u16, errors: u32 }
///
/// let message = Message { status: Status { mode: 4, voltage: 12, errors: 0 } };
/// assert_eq!(to_bytes(&message)?, [2, 4, 12]);
/// assert_eq!(from_bytes::<Message>(&[2, 4, 12])?.frame, message);
/// # }
/// # Ok::<(), exproto_runtime::codec::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrailingZeros {
    least: usize,
}

impl TrailingZeros {
    /// So many bytes stay, whether they are zero or not.
    #[must_use]
    pub const fn keep(least: usize) -> Self {
        Self { least }
    }
}

impl Transform for TrailingZeros {
    fn decode(&self, bytes: &[u8], _: usize) -> Option<Vec<u8>> {
        Some(bytes.to_vec())
    }

    fn encode(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        bytes.get(..used.max(self.least.min(bytes.len()))).map(<[u8]>::to_vec)
    }

    fn zeros(&self) -> bool {
        true
    }
}

impl<T: Transform + ?Sized> Transform for &T {
    fn decode(&self, bytes: &[u8], max: usize) -> Option<Vec<u8>> {
        (**self).decode(bytes, max)
    }

    fn encode(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        (**self).encode(bytes)
    }

    fn exact(&self) -> bool {
        (**self).exact()
    }

    fn zeros(&self) -> bool {
        (**self).zeros()
    }
}

impl<T: Transform + ?Sized> Transform for Box<T> {
    fn decode(&self, bytes: &[u8], max: usize) -> Option<Vec<u8>> {
        (**self).decode(bytes, max)
    }

    fn encode(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        (**self).encode(bytes)
    }

    fn exact(&self) -> bool {
        (**self).exact()
    }

    fn zeros(&self) -> bool {
        (**self).zeros()
    }
}

/// `None` leaves the bytes as they are.
impl<T: Transform> Transform for Option<T> {
    fn decode(&self, bytes: &[u8], max: usize) -> Option<Vec<u8>> {
        match self {
            Some(transform) => transform.decode(bytes, max),
            None => Some(bytes.to_vec()),
        }
    }

    fn encode(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        match self {
            Some(transform) => transform.encode(bytes),
            None => Some(bytes.to_vec()),
        }
    }

    fn exact(&self) -> bool {
        self.as_ref().is_none_or(Transform::exact)
    }

    fn zeros(&self) -> bool {
        self.as_ref().is_some_and(Transform::zeros)
    }
}

impl<D, E, A, B> Transform for With<D, E>
where
    D: Fn(&[u8]) -> A,
    A: Bytes,
    E: Fn(&[u8]) -> B,
    B: Bytes,
{
    fn decode(&self, bytes: &[u8], _: usize) -> Option<Vec<u8>> {
        collected(&(self.0)(bytes))
    }

    fn encode(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        collected(&(self.1)(bytes))
    }
}

fn collected(bytes: &impl Bytes) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    bytes.put(&mut |bytes| all.extend_from_slice(bytes)).then_some(all)
}

/// `via = with(DECODE, ENCODE)`: the bounds let closures know what they are
/// given.
#[doc(hidden)]
pub fn through<D, E, A, B>(decode: D, encode: E) -> With<D, E>
where
    D: Fn(&[u8]) -> A,
    A: Bytes,
    E: Fn(&[u8]) -> B,
    B: Bytes,
{
    With(decode, encode)
}

/// What a transform made of the bytes on the wire.
#[doc(hidden)]
#[derive(Debug)]
pub struct Opened {
    pub bytes: Vec<u8>,
    /// Whether it makes the same bytes on the wire of them.
    pub same: bool,
    /// Whether zeros were added that need not be read.
    pub filled: bool,
}

/// Transforms the bytes of a field.
///
/// # Errors
///
/// The transform refuses them, or makes more than `max` bytes of them.
#[doc(hidden)]
#[inline(never)]
pub fn opened<V: Transform + ?Sized>(via: &V, wire: &[u8], max: usize) -> Result<Opened, ErrorKind> {
    let bytes = via.decode(wire, max).ok_or(ErrorKind::Transform)?;
    if bytes.len() > max {
        return Err(ErrorKind::TooLong);
    }
    let same = via.exact() || via.encode(&bytes).is_some_and(|again| again == wire);
    Ok(Opened { bytes, same, filled: false })
}

/// Adds the zeros that a layout of more bytes finds, once.
#[doc(hidden)]
#[cold]
pub fn filled<V: Transform + ?Sized>(via: &V, opened: &mut Opened, max: usize) -> bool {
    if opened.filled || !via.zeros() {
        return false;
    }
    opened.filled = true;
    opened.bytes.resize(max.max(opened.bytes.len()), 0);
    true
}
