//! JSON to values: the fields of a downlink.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::node::{Node, clip};
use crate::codec::schema::{FieldInfo, Scale};

/// A value that can be made of JSON. Derived for all declared types.
///
/// `'f` is the life of the [`Node`], which borrowed frames borrow from.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::{FieldInfo, Fill, Node, Scale};
///
/// static LAT: FieldInfo =
///     FieldInfo::new("Position", "lat").scaled(Scale { mul: 1, add: 0, decimals: 6, div: 1 });
/// let node = Node::parse(b"22.589078")?;
/// assert_eq!(i32::fill(Some(&node), &LAT)?, 22_589_078);
/// # Ok::<(), exproto_runtime::codec::FillError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made of JSON",
    label = "this type has no way from a payload to a frame",
    note = "derive `ExProtoFrame` on it, or implement `exproto_runtime::codec::Fill`"
)]
pub trait Fill<'f>: Sized {
    /// Makes the value of `node`, which is `None` when the key is missing.
    /// `at` is the field: its scale is inverted and its range holds.
    ///
    /// # Errors
    ///
    /// The path and what is wrong there.
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError>;

    /// Makes a list of such values; bytes come as hex.
    ///
    /// # Errors
    ///
    /// The path and what is wrong there.
    #[doc(hidden)]
    fn fill_list(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Vec<Self>, FillError> {
        let node = present(node)?;
        let elements = node.elements().ok_or_else(|| node.expected("an array"))?;
        elements
            .iter()
            .enumerate()
            .map(|(index, element)| {
                Self::fill(Some(element), at).map_err(|error| error.within_element(index))
            })
            .collect()
    }
}

/// Why a payload did not become a frame: where in it, and what is wrong there.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::FillError;
///
/// let error = FillError::missing().within("value").within_element(2).within("params");
/// assert_eq!(error.to_string(), "params[2].value: missing");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FillError {
    path: String,
    message: String,
}

impl FillError {
    /// An error at the value that is being made.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { path: String::new(), message: message.into() }
    }

    /// A value is needed and none is there.
    #[must_use]
    pub fn missing() -> Self {
        Self::new("missing")
    }

    /// The same error, seen from the object that has the value as member `name`.
    #[must_use]
    pub fn within(self, name: &str) -> Self {
        self.below(clip(name))
    }

    /// The same error, seen from the array that has the value as element `index`.
    #[must_use]
    pub fn within_element(self, index: usize) -> Self {
        self.below(format!("[{index}]"))
    }

    fn below(mut self, mut outer: String) -> Self {
        if !self.path.is_empty() && !self.path.starts_with('[') {
            outer.push('.');
        }
        outer.push_str(&self.path);
        self.path = outer;
        self
    }

    /// Where in the payload: `params[2].value`; `""` for the whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong there.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl core::error::Error for FillError {}

/// An object of which all keys are known: how a struct is filled.
#[derive(Clone, Copy, Debug)]
pub struct Object<'f> {
    node: &'f Node,
}

impl<'f> Object<'f> {
    /// The value of field `at`, from the member of the same name.
    ///
    /// # Errors
    ///
    /// Those of the field's type, with the path to it.
    pub fn field<T: Fill<'f>>(&self, at: &'static FieldInfo) -> Result<T, FillError> {
        T::fill(self.node.get(at.name), at).map_err(|error| error.within(at.name))
    }

    /// As [`field`](Self::field), made by a function.
    ///
    /// # Errors
    ///
    /// Those of the function, with the path to the field.
    #[doc(hidden)]
    pub fn field_by<T>(
        &self,
        at: &'static FieldInfo,
        make: impl FnOnce(Option<&'f Node>) -> Result<T, FillError>,
    ) -> Result<T, FillError> {
        make(self.node.get(at.name)).map_err(|error| error.within(at.name))
    }

    /// The member `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'f Node> {
        self.node.get(name)
    }
}

impl Node {
    /// Opens an object whose keys are among `known`.
    ///
    /// # Errors
    ///
    /// It is missing, is no object, or has a key that is not known: the error
    /// names the nearest that is.
    pub fn object<'f>(node: Option<&'f Self>, known: &[&str]) -> Result<Object<'f>, FillError> {
        let object = Self::open(node)?;
        for (name, _) in object.node.members().into_iter().flatten() {
            if !known.contains(&name) {
                return Err(unknown("field", name, known));
            }
        }
        Ok(object)
    }

    /// Opens an object whatever its keys are.
    ///
    /// # Errors
    ///
    /// It is missing, or is no object.
    #[doc(hidden)]
    pub fn open(node: Option<&Self>) -> Result<Object<'_>, FillError> {
        let node = present(node)?;
        if node.members().is_none() {
            return Err(node.expected("an object"));
        }
        Ok(Object { node })
    }

    /// Opens a variant, `"name"` or `{"name": content}`: its place in `known`
    /// and its content.
    ///
    /// # Errors
    ///
    /// It is missing, has another form, or a name that is not known: the error
    /// names the nearest that is.
    pub fn variant<'f>(
        node: Option<&'f Self>,
        known: &[&str],
    ) -> Result<(usize, Option<&'f Self>), FillError> {
        let node = present(node)?;
        let (name, content) = if let Some(name) = node.as_str() {
            (name, None)
        } else {
            let mut members = node.members().into_iter().flatten();
            match (members.next(), members.next()) {
                (Some((name, content)), None) => (name, Some(content)),
                _ => return Err(node.expected("\"variant\" or {\"variant\": content}")),
            }
        };
        match known.iter().position(|known| *known == name) {
            Some(index) => Ok((index, content)),
            None => Err(unknown("variant", name, known)),
        }
    }
}

/// A node that is neither missing nor `null`.
fn present(node: Option<&Node>) -> Result<&Node, FillError> {
    node.filter(|node| !node.is_null()).ok_or_else(FillError::missing)
}

#[cold]
pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> FillError {
    let shown = clip(name);
    let Some(nearest) = nearest(&shown, known) else {
        let known = known.join(", ");
        return FillError::new(format!("unknown {what} `{shown}`; known: {known}"));
    };
    FillError::new(format!("unknown {what} `{shown}`; did you mean `{nearest}`?"))
}

/// The known name that takes the fewest changes, if those are few.
fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let limit = name.chars().count().div_ceil(3);
    let (distance, known) = known.iter().map(|known| (distance(name, known), *known)).min()?;
    (distance <= limit).then_some(known)
}

/// The number of characters to insert, delete or replace.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(b.chars()) {
            let above = *cell;
            let changed = diagonal + usize::from(a != b);
            left = changed.min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The raw integer of a number, within `low..=high` and the field's range.
fn integer(node: Option<&Node>, at: &'static FieldInfo, low: i128, high: i128) -> Result<i128, FillError> {
    if let Some(raw) = sentinel(node, at)? {
        // Unsigned numbers above the signed range were wrapped into it.
        return Ok(if low == 0 && raw < 0 { i128::from(raw as u64) } else { i128::from(raw) });
    }
    let node = present(node)?;
    let text = node.as_number().ok_or_else(|| node.expected("a number"))?;
    let scale = at.scale;
    let raw = match text.parse::<i128>() {
        // The plain integer, by far the most frequent.
        Ok(raw) if scale.is_one() => raw,
        _ => scale.invert(text).ok_or_else(|| outside(text, at, low, high))?,
    };
    if scale.is_one() && !is_whole(text, raw) {
        return Err(FillError::new(format!("a whole number is needed here, not {}", clip(text))));
    }
    if raw < low || raw > high {
        return Err(outside(text, at, low, high));
    }
    if let Some((low, high)) = at.range
        && (raw < i128::from(low) || raw > i128::from(high))
    {
        return Err(outside(text, at, i128::from(low), i128::from(high)));
    }
    Ok(raw)
}

/// The raw value of a sentinel's name.
fn sentinel(node: Option<&Node>, at: &'static FieldInfo) -> Result<Option<i64>, FillError> {
    if at.sentinels.is_empty() {
        return Ok(None);
    }
    let Some(node) = node.filter(|node| !node.is_null()) else { return Ok(at.sentinel_named("null")) };
    let Some(name) = node.as_str() else { return Ok(None) };
    if let Some(raw) = at.sentinel_named(name).filter(|_| name != "null") {
        return Ok(Some(raw));
    }
    let known: Vec<&str> =
        at.sentinels.iter().map(|(_, name)| *name).filter(|name| *name != "null").collect();
    Err(unknown("state", name, &known))
}

/// Whether the number `text`, which rounds to `raw`, has no fraction.
fn is_whole(text: &str, raw: i128) -> bool {
    const DECIMALS: u8 = 18;
    if !text.contains(['.', 'e', 'E']) {
        return true;
    }
    let finer = Scale { mul: 1, add: 0, decimals: DECIMALS, div: 1 };
    raw.checked_mul(10_i128.pow(u32::from(DECIMALS))).is_some_and(|whole| finer.invert(text) == Some(whole))
}

#[cold]
fn outside(text: &str, at: &'static FieldInfo, low: i128, high: i128) -> FillError {
    let (mut low, mut high) = (at.scale.render(low), at.scale.render(high));
    if at.scale.mul < 0 {
        core::mem::swap(&mut low, &mut high);
    }
    let space = if at.unit.is_empty() { "" } else { " " };
    FillError::new(format!("{} is not within {low} to {high}{space}{}", clip(text), at.unit))
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl<'f> Fill<'f> for $int {
            fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
                let raw = integer(node, at, i128::from(<$int>::MIN), i128::from(<$int>::MAX))?;
                // Within the bounds just checked.
                Ok(raw as $int)
            }
        }
    )*};
}

integers!(u16, u32, u64, i8, i16, i32, i64);

impl<'f> Fill<'f> for u8 {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        Ok(integer(node, at, 0, 0xFF)? as u8)
    }

    fn fill_list(node: Option<&'f Node>, _: &'static FieldInfo) -> Result<Vec<Self>, FillError> {
        Ok(present(node)?.bytes_of_hex()?.into())
    }
}

impl<'f> Fill<'f> for bool {
    fn fill(node: Option<&'f Node>, _: &'static FieldInfo) -> Result<Self, FillError> {
        let node = present(node)?;
        node.as_bool().ok_or_else(|| node.expected("true or false"))
    }
}

macro_rules! floats {
    ($($float:ty),*) => {$(
        impl<'f> Fill<'f> for $float {
            fn fill(node: Option<&'f Node>, _: &'static FieldInfo) -> Result<Self, FillError> {
                let node = present(node)?;
                let text = node.as_number().ok_or_else(|| node.expected("a number"))?;
                let value = text.parse::<$float>().ok().filter(|value| value.is_finite());
                value.ok_or_else(|| {
                    FillError::new(format!("{} is too large for a {}", clip(text), stringify!($float)))
                })
            }
        }
    )*};
}

floats!(f32, f64);

impl<'f> Fill<'f> for &'f str {
    fn fill(node: Option<&'f Node>, _: &'static FieldInfo) -> Result<Self, FillError> {
        let node = present(node)?;
        node.as_str().ok_or_else(|| node.expected("a text"))
    }
}

impl<'f> Fill<'f> for String {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        <&str>::fill(node, at).map(Self::from)
    }
}

impl<'f> Fill<'f> for &'f [u8] {
    fn fill(node: Option<&'f Node>, _: &'static FieldInfo) -> Result<Self, FillError> {
        present(node)?.bytes_of_hex()
    }
}

impl<'f, T: Fill<'f>> Fill<'f> for Vec<T> {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        T::fill_list(node, at)
    }
}

impl<'f, T: Fill<'f>, const N: usize> Fill<'f> for [T; N] {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        let list = T::fill_list(node, at)?;
        Self::try_from(list)
            .map_err(|list| FillError::new(format!("exactly {N} are needed here, not {}", list.len())))
    }
}

impl<'f, T: Fill<'f>> Fill<'f> for Option<T> {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        match node {
            Some(node) if !node.is_null() => T::fill(Some(node), at).map(Some),
            _ => Ok(None),
        }
    }
}

impl<'f, T: Fill<'f>> Fill<'f> for Box<T> {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        T::fill(node, at).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::string::ToString;
    use alloc::vec;

    use super::*;
    use crate::codec::{Value, Visitor, to_json};

    static PLAIN: FieldInfo = FieldInfo::new("T", "plain");
    static DEGREES: FieldInfo = FieldInfo::new("T", "degrees")
        .scaled(Scale { mul: 1, add: 0, decimals: 6, div: 1 })
        .with_range(-90_000_000, 90_000_000)
        .with_unit("°");
    static CURRENT: FieldInfo = FieldInfo::new("T", "current")
        .scaled(Scale { mul: 1, add: -10_000, decimals: 1, div: 1 })
        .with_unit("A");

    fn filled<T: for<'f> Fill<'f>>(text: &str, at: &'static FieldInfo) -> Result<T, String> {
        let node = Node::parse(text.as_bytes()).unwrap();
        T::fill(Some(&node), at).map_err(|error| error.to_string())
    }

    #[test]
    fn integers_are_exact_and_bounded() {
        assert_eq!(filled::<u8>("255", &PLAIN), Ok(255));
        assert_eq!(filled::<u8>("256", &PLAIN), Err("256 is not within 0 to 255".to_string()));
        assert_eq!(filled::<u8>("-1", &PLAIN), Err("-1 is not within 0 to 255".to_string()));
        assert_eq!(filled::<u64>("18446744073709551615", &PLAIN), Ok(u64::MAX));
        assert_eq!(filled::<i64>("-9223372036854775808", &PLAIN), Ok(i64::MIN));
        assert!(filled::<u64>("18446744073709551616", &PLAIN).is_err());
        assert!(filled::<u64>(&"9".repeat(500), &PLAIN).is_err());
        assert!(filled::<u64>("1e999999999999", &PLAIN).is_err());
        assert!(filled::<u64>("1e-999", &PLAIN).is_err());
        assert_eq!(filled::<u16>("1e3", &PLAIN), Ok(1000));
        assert_eq!(filled::<u16>("3.0", &PLAIN), Ok(3));
        let error = filled::<u16>("3.7", &PLAIN).unwrap_err();
        assert_eq!(error, "a whole number is needed here, not 3.7");
        let error = filled::<u16>("\"3\"", &PLAIN).unwrap_err();
        assert_eq!(error, "a number is needed here, not the text \"3\"");
        assert_eq!(filled::<u16>("null", &PLAIN), Err("missing".to_string()));
    }

    #[test]
    fn scales_are_inverted_exactly() {
        assert_eq!(filled::<i32>("22.589078", &DEGREES), Ok(22_589_078));
        assert_eq!(filled::<i32>("-22.589078", &DEGREES), Ok(-22_589_078));
        assert_eq!(filled::<i32>("90", &DEGREES), Ok(90_000_000));
        assert_eq!(filled::<i32>("22.5890784", &DEGREES), Ok(22_589_078));
        assert_eq!(
            filled::<i32>("90.000001", &DEGREES),
            Err("90.000001 is not within -90 to 90 °".to_string())
        );
        assert_eq!(filled::<u16>("0.5", &CURRENT), Ok(10_005));
        assert_eq!(filled::<u16>("-1000", &CURRENT), Ok(0));
        let error = filled::<u16>("-1000.1", &CURRENT).unwrap_err();
        assert_eq!(error, "-1000.1 is not within -1000 to 5553.5 A");
    }

    #[test]
    fn every_scaled_value_survives_the_way_out_and_back() {
        static MICRO: FieldInfo =
            FieldInfo::new("T", "micro").scaled(Scale { mul: 5, add: -37, decimals: 6, div: 1 });
        for raw in [0, 1, 7, 8, 1 << 53, (1 << 53) + 1, u64::MAX / 7, u64::MAX] {
            let mut out = Vec::new();
            raw.show(&MICRO, &mut crate::codec::JsonWriter::new(&mut out));
            let text = String::from_utf8(out).unwrap();
            assert_eq!(filled::<u64>(&text, &MICRO), Ok(raw), "{text}");
        }
    }

    #[test]
    fn other_types_have_their_forms() {
        assert_eq!(filled::<bool>("true", &PLAIN), Ok(true));
        assert!(filled::<bool>("1", &PLAIN).is_err());
        assert_eq!(filled::<f64>("0.1", &PLAIN), Ok(0.1));
        assert!(filled::<f64>("1e999", &PLAIN).unwrap_err().contains("too large for a f64"));
        assert!(filled::<f32>("1e39", &PLAIN).is_err());
        assert_eq!(filled::<String>("\"é\\n\"", &PLAIN), Ok("é\n".to_string()));
        assert_eq!(filled::<Vec<u8>>("\"00ff\"", &PLAIN), Ok(vec![0, 0xFF]));
        assert_eq!(filled::<[u8; 2]>("\"00ff\"", &PLAIN), Ok([0, 0xFF]));
        assert_eq!(filled::<[u8; 2]>("\"00\"", &PLAIN), Err("exactly 2 are needed here, not 1".to_string()));
        assert_eq!(filled::<Vec<u16>>("[1,2]", &PLAIN), Ok(vec![1, 2]));
        assert_eq!(filled::<[u16; 2]>("[1,2]", &PLAIN), Ok([1, 2]));
        assert_eq!(filled::<Vec<u16>>("[1,-2]", &PLAIN), Err("[1]: -2 is not within 0 to 65535".to_string()));
        assert_eq!(filled::<Option<u8>>("null", &PLAIN), Ok(None));
        assert_eq!(Option::<u8>::fill(None, &PLAIN), Ok(None));
        assert_eq!(filled::<Option<u8>>("4", &PLAIN), Ok(Some(4)));
        assert_eq!(u8::fill(None, &PLAIN), Err(FillError::missing()));
        let node = Node::parse(b"[\"7e\",\"text\"]").unwrap();
        let elements = node.elements().unwrap();
        assert_eq!(<&[u8]>::fill(elements.first(), &PLAIN), Ok(&[0x7E][..]));
        assert_eq!(<&str>::fill(elements.last(), &PLAIN), Ok("text"));
    }

    // What follows is the model for generated code: a borrowed struct, and an
    // enum with a struct variant, a transparent tuple variant and a unit one.

    #[derive(Debug, PartialEq)]
    struct Param<'a> {
        id: u32,
        value: &'a [u8],
        note: Option<&'a str>,
    }

    static PARAM_ID: FieldInfo = FieldInfo::new("Param", "id");
    static PARAM_VALUE: FieldInfo = FieldInfo::new("Param", "value");
    static PARAM_NOTE: FieldInfo = FieldInfo::new("Param", "note");

    impl<'f> Fill<'f> for Param<'f> {
        // The `at` of a struct is that of the field which holds it: unused.
        fn fill(node: Option<&'f Node>, _: &'static FieldInfo) -> Result<Self, FillError> {
            let object = Node::object(node, &["id", "value", "note"])?;
            Ok(Self {
                id: object.field(&PARAM_ID)?,
                value: object.field(&PARAM_VALUE)?,
                note: object.field(&PARAM_NOTE)?,
            })
        }
    }

    impl Value for Param<'_> {
        fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
            v.begin();
            v.field(&PARAM_ID);
            self.id.show(&PARAM_ID, v);
            v.field(&PARAM_VALUE);
            self.value.show(&PARAM_VALUE, v);
            v.field(&PARAM_NOTE);
            self.note.show(&PARAM_NOTE, v);
            v.end();
        }
    }

    #[derive(Debug, PartialEq)]
    enum Command<'a> {
        Set { params: Vec<Param<'a>> },
        Text(&'a str),
        Restart,
    }

    // The names of variants are fields of the enum, in snake case.
    static SET: FieldInfo = FieldInfo::new("Command", "set");
    static TEXT: FieldInfo = FieldInfo::new("Command", "text");
    static SET_PARAMS: FieldInfo = FieldInfo::new("Command::Set", "params");
    static TEXT_0: FieldInfo = FieldInfo::new("Command::Text", "0");

    impl<'f> Fill<'f> for Command<'f> {
        fn fill(node: Option<&'f Node>, _: &'static FieldInfo) -> Result<Self, FillError> {
            match Node::variant(node, &["set", "text", "restart"])? {
                // A closure, so that the path gets the variant's name.
                (0, content) => (|| {
                    let object = Node::object(content, &["params"])?;
                    Ok(Self::Set { params: object.field(&SET_PARAMS)? })
                })()
                .map_err(|error: FillError| error.within("set")),
                (1, content) => {
                    Fill::fill(content, &TEXT_0).map(Self::Text).map_err(|error| error.within("text"))
                }
                // `variant` returns no index beyond its list.
                _ => Ok(Self::Restart),
            }
        }
    }

    impl Value for Command<'_> {
        fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
            match self {
                Self::Set { params } => {
                    v.begin();
                    v.field(&SET);
                    v.begin();
                    v.field(&SET_PARAMS);
                    params.show(&SET_PARAMS, v);
                    v.end();
                    v.end();
                }
                Self::Text(text) => {
                    v.begin();
                    v.field(&TEXT);
                    text.show(&TEXT_0, v);
                    v.end();
                }
                Self::Restart => v.text("restart"),
            }
        }
    }

    #[test]
    fn generated_forms_go_out_and_come_back() {
        let commands = [
            Command::Set { params: vec![] },
            Command::Set {
                params: vec![
                    Param { id: 1, value: &[0, 0xFF], note: None },
                    Param { id: u32::MAX, value: &[], note: Some("\"x\"") },
                ],
            },
            Command::Text("hello"),
            Command::Restart,
        ];
        for command in commands {
            let mut out = Vec::new();
            to_json(&command, &mut out);
            let node = Node::parse(&out).unwrap();
            assert_eq!(Command::fill(Some(&node), &PLAIN).unwrap(), command);
        }
    }

    #[test]
    fn errors_name_the_path_and_the_nearest_name() {
        let error = |text: &str| {
            let node = Node::parse(text.as_bytes()).unwrap();
            Command::fill(Some(&node), &PLAIN).unwrap_err().to_string()
        };
        assert_eq!(
            error(r#"{"set":{"params":[{"id":1,"value":""},{"id":2,"value":"00"},{"id":3}]}}"#),
            "set.params[2].value: missing"
        );
        assert_eq!(
            error(r#"{"set":{"params":[{"id":1,"valeu":"00"}]}}"#),
            "set.params[0]: unknown field `valeu`; did you mean `value`?"
        );
        assert_eq!(error(r#"{"setp":{}}"#), "unknown variant `setp`; did you mean `set`?");
        assert_eq!(error(r#""reboot_now""#), "unknown variant `reboot_now`; known: set, text, restart");
        assert_eq!(error(r#"{"text":5}"#), "text: a text is needed here, not the number 5");
        assert_eq!(error(r#""text""#), "text: missing");
        assert_eq!(
            error(r#"{"set":{},"text":""}"#),
            "\"variant\" or {\"variant\": content} is needed here, not an object"
        );
        assert_eq!(error("[]"), "\"variant\" or {\"variant\": content} is needed here, not an array");
    }

    #[test]
    fn distances_are_counted() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("lat", "lat"), 0);
        assert_eq!(distance("phon", "phone"), 1);
    }
}
