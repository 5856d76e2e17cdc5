//! Values with a JSON form by `serde`.

use alloc::format;
use alloc::vec::Vec;

use serde_core::{Serialize, de::DeserializeOwned};

use super::byte_set::ByteSet;
use super::error::Error;
use super::json::{FillError, Node};
use super::layout::Codec;
use super::random::Random;
use super::reader::Reader;
use super::schema::FieldInfo;
use super::value::Visitor;
use super::writer::Writer;

/// Another codec, whose values are in JSON what `serde` makes of them:
/// `as = Serde(CODEC)`, for types that have no form of ours but `Serialize` and
/// `Deserialize`.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::ExProtoFrame;
/// use exproto_runtime::codec::{Codec, Error, FieldInfo, Reader, Serde, Writer, from_bytes, to_json};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Debug, PartialEq)]
/// struct Point { x: u8, y: u8 }
///
/// struct Points;
///
/// impl Codec<'_, Point> for Points {
///     const SIZE: Option<usize> = Some(2);
///     fn decode(&self, r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<Point, Error> {
///         let [x, y] = *r.run::<2>(at)?;
///         Ok(Point { x, y })
///     }
///     fn encode(&self, point: &Point, w: &mut Writer<'_>, _: &'static FieldInfo) -> Result<(), Error> {
///         w.run([point.x, point.y]);
///         Ok(())
///     }
/// }
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// struct Line {
///     #[wire(as = Serde(Points))]
///     from: Point,
///     #[wire(as = Points)]
///     to: Point,
/// }
///
/// let mut json = Vec::new();
/// to_json(&from_bytes::<Line>(&[1, 2, 3, 4]).unwrap().frame, &mut json);
/// assert_eq!(json, br#"{"from":{"x":1,"y":2},"to":"0304"}"#);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Serde<C>(pub C);

impl<'a, T: Serialize + DeserializeOwned, C: Codec<'a, T>> Codec<'a, T> for Serde<C> {
    const SIZE: Option<usize> = C::SIZE;
    const DELIMITED: bool = C::DELIMITED;
    const MIN: usize = C::MIN;
    const BYTES: Option<ByteSet> = C::BYTES;

    fn decode(&self, r: &mut Reader<'a>, at: &'static FieldInfo) -> Result<T, Error> {
        self.0.decode(r, at)
    }

    fn encode(&self, value: &T, w: &mut Writer<'_>, at: &'static FieldInfo) -> Result<(), Error> {
        self.0.encode(value, w, at)
    }

    fn show<V: Visitor>(&self, value: &T, _: &'static FieldInfo, v: &mut V) {
        match serde_json::to_string(value) {
            Ok(json) => v.json(&json),
            Err(_) => v.null(),
        }
    }

    fn fill(&self, node: &'a Node, _: &'static FieldInfo) -> Result<T, FillError> {
        let mut json = Vec::new();
        node.write(&mut json);
        serde_json::from_slice(&json).map_err(|error| FillError::new(format!("{error}")))
    }

    fn sample(&self, random: &mut Random, size: Option<usize>, at: &'static FieldInfo) -> Option<T> {
        self.0.sample(random, size, at)
    }

    fn holds(&self, size: usize) -> usize {
        self.0.holds(size)
    }
}
