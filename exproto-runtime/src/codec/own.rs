//! Values whose type has no walks of its own: a codec's, made with another
//! crate or by two functions.
//!
//! A declared type has [`Value`], [`Fill`] and [`Sample`]. What stands behind
//! `as = CODEC` need not: generated code asks, by method resolution, for the
//! type's own walk and takes that of the codec where there is none.

use alloc::vec::Vec;
use core::marker::PhantomData;

use super::json::{Fill, FillError, Node};
use super::layout::Codec;
use super::random::Random;
use super::sample::Sample;
use super::schema::FieldInfo;
use super::value::{Value, Visitor};

/// A value and its codec, to be shown.
#[doc(hidden)]
#[derive(Debug)]
pub struct Shown<'v, C, T>(pub &'v C, pub &'v T);

/// Chosen for types that have a walk.
#[doc(hidden)]
pub trait ShowOwn<'v> {
    type Out: Value + 'v;
    fn shown(&self) -> Self::Out;
}

/// Chosen for all others.
#[doc(hidden)]
pub trait ShowByCodec<'v, 'a> {
    type Out: Value;
    fn shown(&self) -> Self::Out;
}

impl<'v, C, T: Value> ShowOwn<'v> for Shown<'v, C, T> {
    type Out = &'v T;

    #[inline(always)]
    fn shown(&self) -> &'v T {
        self.1
    }
}

impl<'v, 'a, C: Codec<'a, T>, T> ShowByCodec<'v, 'a> for &Shown<'v, C, T> {
    type Out = ByCodec<'v, 'a, C, T>;

    #[inline(always)]
    fn shown(&self) -> Self::Out {
        ByCodec { codec: self.0, value: self.1, life: PhantomData }
    }
}

/// A value that its codec shows.
#[doc(hidden)]
#[derive(Debug)]
pub struct ByCodec<'v, 'a, C, T> {
    codec: &'v C,
    value: &'v T,
    life: PhantomData<&'a ()>,
}

impl<'a, C: Codec<'a, T>, T> Value for ByCodec<'_, 'a, C, T> {
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        self.codec.show(self.value, at, v);
    }
}

/// A list of which each element is shown through a function.
#[doc(hidden)]
#[derive(Debug)]
pub struct ShownList<'v, T, F>(pub &'v [T], pub F);

impl<'v, T, O: Value, F: Fn(&'v T) -> O> Value for ShownList<'v, T, F> {
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        v.begin_list();
        for value in self.0 {
            v.element();
            (self.1)(value).show(at, v);
        }
        v.end_list();
    }
}

/// A value of a codec, to be made.
#[doc(hidden)]
#[derive(Debug)]
pub struct Made<'c, C, T>(&'c C, PhantomData<T>);

impl<'c, C, T> Made<'c, C, T> {
    #[inline(always)]
    pub const fn by(codec: &'c C) -> Self {
        Self(codec, PhantomData)
    }
}

/// Chosen for types that can be made of JSON.
#[doc(hidden)]
pub trait FillOwn<'f, T> {
    fn filled(&self, node: Option<&'f Node>, at: &'static FieldInfo) -> Result<T, FillError>;
}

/// Chosen for all others.
#[doc(hidden)]
pub trait FillByCodec<'f, T> {
    fn filled(&self, node: Option<&'f Node>, at: &'static FieldInfo) -> Result<T, FillError>;
}

impl<'f, C, T: Fill<'f>> FillOwn<'f, T> for Made<'_, C, T> {
    fn filled(&self, node: Option<&'f Node>, at: &'static FieldInfo) -> Result<T, FillError> {
        T::fill(node, at)
    }
}

impl<'f, C: Codec<'f, T>, T> FillByCodec<'f, T> for &Made<'_, C, T> {
    fn filled(&self, node: Option<&'f Node>, at: &'static FieldInfo) -> Result<T, FillError> {
        match node {
            Some(node) if !node.is_null() => self.0.fill(node, at),
            _ => Err(FillError::missing()),
        }
    }
}

/// Makes an `Option`: a key that is missing or `null` is `None`.
#[doc(hidden)]
pub fn fill_option<'f, T>(
    node: Option<&'f Node>,
    make: impl FnOnce(Option<&'f Node>) -> Result<T, FillError>,
) -> Result<Option<T>, FillError> {
    match node.filter(|node| !node.is_null()) {
        None => Ok(None),
        node => make(node).map(Some),
    }
}

/// Makes a list, each element through a function.
#[doc(hidden)]
pub fn fill_each<'f, T>(
    node: Option<&'f Node>,
    make: impl Fn(Option<&'f Node>) -> Result<T, FillError>,
) -> Result<Vec<T>, FillError> {
    let node = node.filter(|node| !node.is_null()).ok_or_else(FillError::missing)?;
    let elements = node.elements().ok_or_else(|| node.expected("an array"))?;
    let made = |(index, element)| make(Some(element)).map_err(|error| error.within_element(index));
    elements.iter().enumerate().map(made).collect()
}

/// How much a value holds that takes so many bytes on the wire.
#[doc(hidden)]
pub trait HeldByCodec<'a, T> {
    fn held(&self, size: usize) -> usize;
}

/// Chosen where what a codec is for is known only of a type parameter.
#[doc(hidden)]
pub trait HeldAll<T> {
    fn held(&self, size: usize) -> usize;
}

impl<'a, C: Codec<'a, T>, T> HeldByCodec<'a, T> for &Made<'_, C, T> {
    fn held(&self, size: usize) -> usize {
        self.0.holds(size)
    }
}

impl<C, T> HeldAll<T> for Made<'_, C, T> {
    fn held(&self, size: usize) -> usize {
        size
    }
}

/// Chosen for types of which there are random values; these have the size that is
/// `held`, what codecs make that on the wire.
#[doc(hidden)]
pub trait SampleOwn<T> {
    fn sampled(
        &self,
        random: &mut Random,
        size: Option<usize>,
        held: Option<usize>,
        at: &'static FieldInfo,
    ) -> T;
}

/// Chosen for types with a default, should the codec make nothing.
#[doc(hidden)]
pub trait SampleOrDefault<'a, T> {
    fn sampled(
        &self,
        random: &mut Random,
        size: Option<usize>,
        held: Option<usize>,
        at: &'static FieldInfo,
    ) -> T;
}

/// Chosen for all others.
#[doc(hidden)]
pub trait SampleByCodec<'a, T> {
    fn sampled(
        &self,
        random: &mut Random,
        size: Option<usize>,
        held: Option<usize>,
        at: &'static FieldInfo,
    ) -> T;
}

// Called on `&&Made`, methods are looked for on `&Made`, `&&Made` and `Made`.
impl<C, T: Sample> SampleOwn<T> for &Made<'_, C, T> {
    fn sampled(
        &self,
        random: &mut Random,
        _: Option<usize>,
        held: Option<usize>,
        at: &'static FieldInfo,
    ) -> T {
        T::sample(random, held, at, ())
    }
}

impl<'a, C: Codec<'a, T>, T: Default> SampleOrDefault<'a, T> for &&Made<'_, C, T> {
    fn sampled(
        &self,
        random: &mut Random,
        size: Option<usize>,
        _: Option<usize>,
        at: &'static FieldInfo,
    ) -> T {
        self.0.sample(random, size, at).unwrap_or_default()
    }
}

impl<'a, C: Codec<'a, T>, T> SampleByCodec<'a, T> for Made<'_, C, T> {
    #[track_caller]
    fn sampled(
        &self,
        random: &mut Random,
        size: Option<usize>,
        _: Option<usize>,
        at: &'static FieldInfo,
    ) -> T {
        match self.0.sample(random, size, at) {
            Some(value) => value,
            // Only who asks for random frames comes here.
            None => panic!(
                "no random bytes are a value of `{at}`: give its codec a `sample`, or its type a `Default`"
            ),
        }
    }
}

/// Two functions as a codec: what `as = with(READ, WRITE)` stands for.
///
/// `READ` takes all bytes of the field's extent and gives the value, or
/// `None` or an `Err` if they are none. `WRITE` takes a reference to the value
/// and gives its bytes: a `Vec<u8>`, a `[u8; N]`, a `&[u8]`, or an `Option` or
/// `Result` of one of these if it cannot be written. Either refusal is a
/// [`Custom`](super::ErrorKind::Custom) error at the field.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::ExProtoFrame;
/// use exproto_runtime::codec::{ErrorKind, from_bytes, to_bytes, to_json};
///
/// #[derive(Debug, PartialEq)]
/// struct Version { major: u8, minor: u8 }
///
/// fn read_version(bytes: &[u8]) -> Option<Version> {
///     let (major, minor) = std::str::from_utf8(bytes).ok()?.split_once('.')?;
///     Some(Version { major: major.parse().ok()?, minor: minor.parse().ok()? })
/// }
///
/// fn write_version(version: &Version) -> Vec<u8> {
///     format!("{}.{}", version.major, version.minor).into()
/// }
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// struct Hello {
///     #[wire(size = prefix(u8), as = with(read_version, write_version))]
///     version: Version,
/// }
///
/// let hello = from_bytes::<Hello>(b"\x042.11").unwrap().frame;
/// assert_eq!(hello, Hello { version: Version { major: 2, minor: 11 } });
/// assert_eq!(to_bytes(&hello).unwrap(), b"\x042.11");
/// let error = from_bytes::<Hello>(b"\x01x").unwrap_err();
/// assert_eq!((error.kind(), error.offset()), (ErrorKind::Custom, 1));
///
/// // `Version` says nothing of JSON: its bytes are shown.
/// let mut json = Vec::new();
/// to_json(&hello, &mut json);
/// assert_eq!(json, br#"{"version":"322e3131"}"#);
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct With<R, W>(pub R, pub W);

/// What a function of `as = with(..)` may return: a `T`, or not.
#[doc(hidden)]
pub trait Perhaps<T> {
    fn perhaps(self) -> Option<T>;
}

impl<T> Perhaps<T> for Option<T> {
    fn perhaps(self) -> Self {
        self
    }
}

impl<T, E> Perhaps<T> for Result<T, E> {
    fn perhaps(self) -> Option<T> {
        self.ok()
    }
}

/// What the writing function of `as = with(..)` may return.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a writing function returns",
    label = "return the bytes",
    note = "a writing function is `fn(&T) -> Vec<u8>`, or gives a `[u8; N]`, a `&[u8]`, an `Option` or a `Result` of these"
)]
pub trait Bytes {
    fn put(&self, out: &mut impl FnMut(&[u8])) -> bool;
}

impl Bytes for Vec<u8> {
    fn put(&self, out: &mut impl FnMut(&[u8])) -> bool {
        out(self);
        true
    }
}

impl Bytes for &[u8] {
    fn put(&self, out: &mut impl FnMut(&[u8])) -> bool {
        out(self);
        true
    }
}

impl<const N: usize> Bytes for [u8; N] {
    fn put(&self, out: &mut impl FnMut(&[u8])) -> bool {
        out(self);
        true
    }
}

impl<B: Bytes> Bytes for Option<B> {
    fn put(&self, out: &mut impl FnMut(&[u8])) -> bool {
        self.as_ref().is_some_and(|bytes| bytes.put(out))
    }
}

impl<B: Bytes, E> Bytes for Result<B, E> {
    fn put(&self, out: &mut impl FnMut(&[u8])) -> bool {
        self.as_ref().is_ok_and(|bytes| bytes.put(out))
    }
}

impl<'a, T, R, W, A, B> Codec<'a, T> for With<R, W>
where
    R: Fn(&'a [u8]) -> A,
    A: Perhaps<T>,
    W: Fn(&T) -> B,
    B: Bytes,
{
    fn decode(&self, r: &mut super::Reader<'a>, at: &'static FieldInfo) -> Result<T, super::Error> {
        let (offset, bytes) = (r.offset(), r.rest());
        (self.0)(bytes)
            .perhaps()
            .ok_or_else(|| r.fail(super::ErrorKind::Custom, offset, at, super::own::head(bytes), 0))
    }

    fn encode(
        &self,
        value: &T,
        w: &mut super::Writer<'_>,
        at: &'static FieldInfo,
    ) -> Result<(), super::Error> {
        let here = w.here();
        match (self.1)(value).put(&mut |bytes| w.bytes(bytes)) {
            true => Ok(()),
            false => Err(w.error(super::ErrorKind::Custom, here, at)),
        }
    }
}

/// The first bytes as a number, for reports.
pub(super) fn head(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Makes a value of random bytes: what codecs do that make none themselves.
pub(super) fn of_random_bytes<'a, T, C: Codec<'a, T> + ?Sized>(
    codec: &C,
    random: &mut Random,
    size: Option<usize>,
    at: &'static FieldInfo,
) -> Option<T> {
    for attempt in 0..256_usize {
        // First short ones, then longer ones.
        let size = size.or(C::SIZE).unwrap_or_else(|| random.within(0..=4 + attempt / 8));
        let bytes = super::sample::bytes(random, size);
        let mut r = super::Reader::new(bytes);
        if let Ok(value) = codec.decode(&mut r, at)
            && (r.left() == 0 || C::DELIMITED)
        {
            return Some(value);
        }
    }
    None
}
