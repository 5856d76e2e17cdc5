//! `Box<T>`: laid out as a `T` is. A type that holds itself needs one.

use alloc::boxed::Box;

use super::byte_set::ByteSet;
use super::error::Error;
use super::frame::{Halt, Walk, WalkBody, Walker};
use super::inner::{Asked, Inner};
use super::layout::{Decode, Encode, EncodeBody, Family, Fields, Joint, Select, Tagged, Wire};
use super::random::Random;
use super::reader::Reader;
use super::sample::Sample;
use super::schema::FieldInfo;
use super::trace::Trace;
use super::writer::Writer;

impl<T: Wire> Wire for Box<T> {
    const MIN: usize = T::MIN;
    const SIZE: Option<usize> = T::SIZE;
    const GREEDY: bool = T::GREEDY;
    const BYTES: ByteSet = T::BYTES;
    const ANY_BYTES: bool = T::ANY_BYTES;
    const DELIMITED: bool = T::DELIMITED;
    const ENDS_WITHOUT_MAX_DEPTH: () = T::ENDS_WITHOUT_MAX_DEPTH;
    const INNER: &'static [Inner] = T::INNER;
    const FIELDS: Fields = T::FIELDS;
    type Ctx = T::Ctx;

    fn inner(&self, path: &[&str], asked: Asked) -> Option<u64> {
        (**self).inner(path, asked)
    }

    fn joint(&self) -> Joint {
        (**self).joint()
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for Box<T> {
    fn decode<R: Trace>(r: &mut Reader<'a, R>, ctx: Self::Ctx) -> Result<Self, Error> {
        T::decode(r, ctx).map(Self::new)
    }
}

impl<T: Encode> Encode for Box<T> {
    fn encode(&self, w: &mut Writer<'_>, ctx: Self::Ctx) -> Result<(), Error> {
        (**self).encode(w, ctx)
    }
}

impl<T: Tagged> Tagged for Box<T> {
    const MAX_TAG: u64 = T::MAX_TAG;
    const HAS_OTHER: bool = T::HAS_OTHER;
    const MAX_OTHER: u64 = T::MAX_OTHER;
    const GREEDY: bool = T::GREEDY;
    const BYTES: ByteSet = T::BYTES;
    const TAG_BYTES: ByteSet = T::TAG_BYTES;
    const ENDS_WITHOUT_MAX_DEPTH: () = T::ENDS_WITHOUT_MAX_DEPTH;
    const INNER: &'static [Inner] = T::INNER;
    const FIELDS: Fields = T::FIELDS;
    type Ctx = T::Ctx;

    fn tag(&self) -> u64 {
        (**self).tag()
    }

    fn inner(&self, path: &[&str], asked: Asked) -> Option<u64> {
        (**self).inner(path, asked)
    }

    fn joint(&self) -> Joint {
        (**self).joint()
    }
}

impl<'a, T: Select<'a>> Select<'a> for Box<T> {
    fn select<R: Trace>(tag: u64, r: &mut Reader<'a, R>, ctx: Self::Ctx) -> Result<Self, Error> {
        T::select(tag, r, ctx).map(Self::new)
    }

    fn opaque<R: Trace>(tag: u64, r: &mut Reader<'a, R>) -> Result<Self, Error> {
        T::opaque(tag, r).map(Self::new)
    }
}

impl<T: EncodeBody> EncodeBody for Box<T> {
    fn encode_body(&self, w: &mut Writer<'_>, ctx: Self::Ctx) -> Result<(), Error> {
        (**self).encode_body(w, ctx)
    }

    fn encode_behind<const N: usize>(
        &self,
        w: &mut Writer<'_>,
        ctx: Self::Ctx,
        head: impl Fn(&Writer<'_>, u64, Option<usize>) -> Result<[u8; N], Error>,
    ) -> Result<bool, Error> {
        (**self).encode_behind(w, ctx, head)
    }
}

impl<T: Family> Family for Box<T> {
    type At<'f> = Box<T::At<'f>>;
}

impl<C, T: Sample<C>> Sample<C> for Box<T> {
    fn sample(random: &mut Random, size: Option<usize>, at: &'static FieldInfo, ctx: C) -> Self {
        Self::new(T::sample(random, size, at, ctx))
    }
}

impl<X, C, T: Walk<X, C>> Walk<X, C> for Box<T> {
    type Scan = T::Scan;
    const STUCK: Option<&'static str> = T::STUCK;

    fn walk(scan: &mut Self::Scan, w: &mut Walker<'_>, ctx: C) -> Result<(), Halt> {
        T::walk(scan, w, ctx)
    }
}

impl<X, C, T: WalkBody<X, C>> WalkBody<X, C> for Box<T> {
    type Scan = T::Scan;
    const STUCK: Option<&'static str> = T::STUCK;

    fn walk_body(tag: u64, scan: &mut Self::Scan, w: &mut Walker<'_>, ctx: C) -> Result<(), Halt> {
        T::walk_body(tag, scan, w, ctx)
    }

    fn walk_opaque(tag: u64, scan: &mut Self::Scan, w: &mut Walker<'_>) -> Result<(), Halt> {
        T::walk_opaque(tag, scan, w)
    }
}
