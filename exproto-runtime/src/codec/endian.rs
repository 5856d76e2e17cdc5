//! Byte orders as values.

/// A byte order that is known only when a frame is read: what
/// `#[wire(endian = EXPR)]` evaluates to, and what a context hands on.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::ExProtoFrame;
/// use exproto_runtime::codec::{Endian, from_bytes};
///
/// #[derive(ExProtoFrame, Debug)]
/// #[wire(endian = if order == b'I' { little } else { big })]
/// struct Header {
///     order: u8,
///     version: u16,
///     #[wire(ctx(order = if order == b'I' { Endian::Little } else { Endian::Big }))]
///     body: Body,
/// }
///
/// #[derive(ExProtoFrame, Debug)]
/// #[wire(ctx(order: Endian), endian = order)]
/// struct Body { value: u32 }
///
/// let header = from_bytes::<Header>(b"I\x01\0\x02\0\0\0").unwrap().frame;
/// assert_eq!((header.version, header.body.value), (1, 2));
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endian {
    /// The highest byte comes first.
    Big,
    /// The lowest byte comes first.
    Little,
}
