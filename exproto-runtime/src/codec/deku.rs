//! Types of the `deku` crate as fields.

use alloc::vec::Vec;

use deku::no_std_io::Cursor;
use deku::reader::{Leftover, Reader as DekuSource};
use deku::writer::Writer as DekuSink;
use deku::{DekuError, DekuReader, DekuWriter};

use super::error::{Error, ErrorKind};
use super::layout::Codec;
use super::reader::Reader;
use super::schema::FieldInfo;
use super::trace::Flag;
use super::writer::Writer;

/// Any type with `DekuRead` and `DekuWrite` of the `deku` crate, 0.20, as a
/// field: `#[wire(as = Deku)]`. Feature `deku`.
///
/// An extent bounds it, and it has to use it up. Without one it ends where
/// deku has read enough. The type needs nothing else: in JSON it is its bytes
/// in hex, or with [`Serde`](super::Serde) what `serde` makes of it.
///
/// # Errors
///
/// [`Short`](ErrorKind::Short) when deku needs more bytes than there are, and
/// [`Custom`](ErrorKind::Custom) for all else, at the byte where deku stopped.
///
/// # What deku does not keep
///
/// Each value is written again after it is read and compared: where deku drops
/// padding or bits at the end the frame is flagged
/// [`Reserved`](Flag::Reserved) and re-encodes as it was received.
///
/// # Limits
///
/// For `#[deku(count = "n")]` deku 0.20 reserves memory for `n` elements before
/// it reads them: put a limit on an `n` that a device sends, with
/// `#[deku(assert = "*n <= 64")]`.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use deku::prelude::*;
/// use exproto_runtime::ExProtoFrame;
/// use exproto_runtime::codec::{Deku, ErrorKind, from_bytes, to_bytes, to_json};
///
/// #[derive(DekuRead, DekuWrite, Debug, PartialEq)]
/// #[deku(endian = "big")]
/// struct Sample {
///     #[deku(bits = 4)]
///     kind: u8,
///     #[deku(bits = 12)]
///     value: u16,
/// }
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// struct Packet {
///     #[wire(as = Deku)]
///     sample: Sample,
///     check: u8,
/// }
///
/// let packet = from_bytes::<Packet>(&[0x71, 0x23, 9]).unwrap().frame;
/// assert_eq!(packet, Packet { sample: Sample { kind: 7, value: 0x123 }, check: 9 });
/// assert_eq!(to_bytes(&packet).unwrap(), [0x71, 0x23, 9]);
/// let mut json = Vec::new();
/// to_json(&packet, &mut json);
/// assert_eq!(json, br#"{"sample":"7123","check":9}"#);
/// let error = from_bytes::<Packet>(&[0x71]).unwrap_err();
/// assert_eq!((error.kind(), error.field().name), (ErrorKind::Short, "sample"));
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deku;

/// As [`Deku`], for types that deku reads with a context:
/// `as = DekuWith(deku::ctx::Endian::Big)`.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use deku::ctx::Endian;
/// use deku::prelude::*;
/// use exproto_runtime::ExProtoFrame;
/// use exproto_runtime::codec::{DekuWith, from_bytes};
///
/// #[derive(DekuRead, DekuWrite, Debug, PartialEq)]
/// #[deku(endian = "order", ctx = "order: Endian")]
/// struct Count(u16);
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// struct Counts {
///     #[wire(as = DekuWith(Endian::Big))]
///     big: Count,
///     #[wire(as = DekuWith(Endian::Little))]
///     little: Count,
/// }
///
/// let counts = from_bytes::<Counts>(&[0, 1, 2, 0]).unwrap().frame;
/// assert_eq!(counts, Counts { big: Count(1), little: Count(2) });
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DekuWith<C>(pub C);

impl<'a, T: DekuReader<'a> + DekuWriter> Codec<'a, T> for Deku {
    const DELIMITED: bool = true;
    const MIN: usize = 0;

    fn decode(&self, r: &mut Reader<'a>, at: &'static FieldInfo) -> Result<T, Error> {
        read(r, at, ())
    }

    fn encode(&self, value: &T, w: &mut Writer<'_>, at: &'static FieldInfo) -> Result<(), Error> {
        let bytes = written(value, ()).map_err(|error| w.error(kind(&error), w.here(), at))?;
        w.bytes(&bytes);
        Ok(())
    }
}

impl<'a, T: DekuReader<'a, C> + DekuWriter<C>, C: Copy> Codec<'a, T> for DekuWith<C> {
    const DELIMITED: bool = true;
    const MIN: usize = 0;

    fn decode(&self, r: &mut Reader<'a>, at: &'static FieldInfo) -> Result<T, Error> {
        read(r, at, self.0)
    }

    fn encode(&self, value: &T, w: &mut Writer<'_>, at: &'static FieldInfo) -> Result<(), Error> {
        let bytes = written(value, self.0).map_err(|error| w.error(kind(&error), w.here(), at))?;
        w.bytes(&bytes);
        Ok(())
    }
}

fn kind(error: &DekuError) -> ErrorKind {
    match error {
        DekuError::Incomplete(_) => ErrorKind::Short,
        _ => ErrorKind::Custom,
    }
}

fn read<'a, T, C>(r: &mut Reader<'a>, at: &'static FieldInfo, ctx: C) -> Result<T, Error>
where
    T: DekuReader<'a, C> + DekuWriter<C>,
    C: Copy,
{
    let (offset, ahead) = (r.offset(), r.slice(r.offset(), r.offset().saturating_add(r.left() as u32)));
    let mut source = DekuSource::new(Cursor::new(ahead));
    let value = T::from_reader_with_ctx(&mut source, ctx);
    // A byte that was looked at and put back.
    let back = u64::from(matches!(source.leftover, Some(Leftover::Byte(_))));
    let used = source.into_inner().position().saturating_sub(back);
    let used = usize::try_from(used).map_or(ahead.len(), |used| used.min(ahead.len()));
    let value = value.map_err(|error| {
        r.fail(kind(&error), offset.saturating_add(used as u32), at, ahead.len() as u64, 0)
    })?;
    let bytes = r.take(used, at)?;
    if written(&value, ctx).ok().as_deref() != Some(bytes) {
        r.flag_at(Flag::Reserved, at, offset);
    }
    Ok(value)
}

fn written<T: DekuWriter<C>, C>(value: &T, ctx: C) -> Result<Vec<u8>, DekuError> {
    let mut sink = Cursor::new(Vec::new());
    {
        let mut writer = DekuSink::new(&mut sink);
        value.to_writer(&mut writer, ctx)?;
        writer.finalize()?;
    }
    Ok(sink.into_inner())
}
