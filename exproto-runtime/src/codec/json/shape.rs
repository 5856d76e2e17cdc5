//! Other shapes of JSON than that of the declaration: parts whose fields stand
//! in their parent, and lists whose elements stand in an object by their names.
//!
//! What generated code is made of; not public: changes with every release.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{Display, Write as _};
use core::str::FromStr;

use super::fill::{Fill, FillError, Object, unknown};
use super::node::Node;
use crate::codec::Decode;
use crate::codec::layout::Wire;
use crate::codec::schema::FieldInfo;
use crate::codec::types::{List, ListBuf, TextBuf, Word};
use crate::codec::value::{Value, Visitor};

/// A key of an object: a field, or those of a part.
#[derive(Debug)]
pub enum JsonKey {
    /// A field's name, or that of a variant.
    Name(&'static str),
    /// Those of a part whose fields stand here.
    Of(&'static [JsonKey]),
}

/// The keys of what can stand in its parent, whatever its type parameters are.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no fields that could stand in its parent",
    label = "`flatten` is for a declared struct with named fields, or an enum with content"
)]
pub trait JsonKeys {
    /// Its keys.
    const KEYS: &'static [JsonKey];
}

impl<T: JsonKeys> JsonKeys for Option<T> {
    const KEYS: &'static [JsonKey] = T::KEYS;
}

/// What can stand in its parent.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no fields that could stand in its parent",
    label = "`flatten` is for a declared struct with named fields, or an enum with content"
)]
pub trait Flat {
    /// Shows the fields without what is around them.
    fn show_fields<V: Visitor>(&self, v: &mut V);
}

impl<T: Flat> Flat for Option<T> {
    fn show_fields<V: Visitor>(&self, v: &mut V) {
        if let Some(value) = self {
            value.show_fields(v);
        }
    }
}

/// The mirror of [`Flat`].
pub trait FillFlat<'f>: Sized {
    /// Made of the members that are its own.
    ///
    /// # Errors
    ///
    /// As of [`Fill`].
    fn fill_fields(node: Option<&'f Node>) -> Result<Self, FillError>;
}

impl<'f, T: FillFlat<'f> + JsonKeys> FillFlat<'f> for Option<T> {
    fn fill_fields(node: Option<&'f Node>) -> Result<Self, FillError> {
        let mut members = node.and_then(Node::members).into_iter().flatten();
        match members.any(|(name, value)| !value.is_null() && has(T::KEYS, name)) {
            true => T::fill_fields(node).map(Some),
            false => Ok(None),
        }
    }
}

fn has(keys: &[JsonKey], name: &str) -> bool {
    keys.iter().any(|key| match key {
        JsonKey::Name(known) => *known == name,
        JsonKey::Of(keys) => has(keys, name),
    })
}

fn names(keys: &[JsonKey], all: &mut Vec<&'static str>) {
    for key in keys {
        match key {
            JsonKey::Name(name) => all.push(name),
            JsonKey::Of(keys) => names(keys, all),
        }
    }
}

impl Node {
    /// Opens an object whose keys are among `keys`.
    ///
    /// # Errors
    ///
    /// As of [`Node::object`].
    #[doc(hidden)]
    pub fn with_keys<'f>(node: Option<&'f Self>, keys: &[JsonKey]) -> Result<Object<'f>, FillError> {
        let object = Self::open(node)?;
        for (name, _) in node.and_then(Self::members).into_iter().flatten() {
            if !has(keys, name) {
                let mut known = Vec::new();
                names(keys, &mut known);
                return Err(unknown("field", name, &known));
            }
        }
        Ok(object)
    }

    /// The only member whose key is one of `known`: its place there, and its
    /// value.
    ///
    /// # Errors
    ///
    /// There is none, or more than one.
    #[doc(hidden)]
    pub fn one_of<'f>(
        node: Option<&'f Self>,
        known: &[&str],
    ) -> Result<(usize, Option<&'f Self>), FillError> {
        let members = node.and_then(Self::members).into_iter().flatten();
        let mut found = members.filter_map(|(name, value)| {
            known.iter().position(|known| *known == name).map(|index| (index, Some(value)))
        });
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(FillError::new(format!("one of these is missing: {}", known.join(", ")))),
            (Some(_), Some(_)) => {
                Err(FillError::new(format!("only one of these may be given: {}", known.join(", "))))
            }
        }
    }
}

/// Fails the build when a key would stand twice in an object.
#[track_caller]
pub const fn check_distinct(keys: &[JsonKey]) {
    let mut at = 0;
    while let Some(name) = nth(keys, at) {
        let mut before = 0;
        while before < at {
            if let Some(other) = nth(keys, before)
                && same(name, other)
            {
                panic!(
                    "two fields would have the same name in JSON: one of the struct and one of a part that `flatten` puts there, or one of two parts"
                );
            }
            before += 1;
        }
        at += 1;
    }
}

/// The name at this place, parts gone through.
const fn nth(keys: &[JsonKey], at: usize) -> Option<&'static str> {
    let (mut left, mut i) = (at, 0);
    while i < keys.len() {
        match &keys[i] {
            JsonKey::Name(name) => {
                if left == 0 {
                    return Some(name);
                }
                left -= 1;
            }
            JsonKey::Of(inner) => {
                if let Some(name) = nth(inner, left) {
                    return Some(name);
                }
                left -= count(inner);
            }
        }
        i += 1;
    }
    None
}

const fn count(keys: &[JsonKey]) -> usize {
    let (mut all, mut i) = (0, 0);
    while i < keys.len() {
        all += match &keys[i] {
            JsonKey::Name(_) => 1,
            JsonKey::Of(inner) => count(inner),
        };
        i += 1;
    }
    all
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// An element that has a name in an object.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no name of its own in an object",
    label = "`map` needs one for each element",
    note = "elements are enums, named as their variants are, or structs that say `#[wire(key = \"{{field}}\")]`"
)]
pub trait Entry {
    /// Appends the name.
    fn put_key(&self, out: &mut String);
    /// Shows what is not in the name.
    fn show_entry<V: Visitor>(&self, v: &mut V);
}

/// The mirror of [`Entry`].
pub trait FillEntry<'f>: Sized {
    /// Made of a member.
    ///
    /// # Errors
    ///
    /// As of [`Fill`], and a name that no element has.
    fn fill_entry(name: &str, node: &'f Node) -> Result<Self, FillError>;
}

/// A list whose elements have names.
pub trait Entries {
    /// Shows each element under its name; the second of the same name as
    /// `name#2`, and so on.
    fn show_entries<V: Visitor>(&self, v: &mut V);
}

fn show_all<T: Entry, V: Visitor>(list: impl Iterator<Item = T>, tail: &[u8], v: &mut V) {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    v.begin();
    for element in list {
        let mut name = String::new();
        element.put_key(&mut name);
        let times = seen.entry(name.clone()).or_default();
        *times = times.saturating_add(1);
        if *times > 1 || ends_in_number(&name) {
            // Writing to a `String` cannot fail.
            let _ = write!(name, "#{times}");
        }
        v.key(&name);
        element.show_entry(v);
    }
    if !tail.is_empty() {
        v.key("tail");
        v.bytes(tail);
    }
    v.end();
}

impl<T: Entry> Entry for &T {
    fn put_key(&self, out: &mut String) {
        (**self).put_key(out);
    }
    fn show_entry<V: Visitor>(&self, v: &mut V) {
        (**self).show_entry(v);
    }
}

impl<T: Entry> Entries for Vec<T> {
    fn show_entries<V: Visitor>(&self, v: &mut V) {
        show_all(self.iter(), &[], v);
    }
}

impl<T: Entry> Entries for ListBuf<T> {
    fn show_entries<V: Visitor>(&self, v: &mut V) {
        show_all(self.items.iter(), &self.tail, v);
    }
}

impl<'a, T: Entry + Wire + Decode<'a> + Clone> Entries for List<'a, T> {
    fn show_entries<V: Visitor>(&self, v: &mut V) {
        show_all(self.iter(), self.tail(), v);
    }
}

impl<L: Entries> Entries for Option<L> {
    fn show_entries<V: Visitor>(&self, v: &mut V) {
        match self {
            Some(list) => list.show_entries(v),
            None => v.null(),
        }
    }
}

/// Shows a list as an object, or as it is to who wants to see the declaration.
pub fn show_map<L: Entries + Value, V: Visitor>(list: &L, at: &'static FieldInfo, v: &mut V) {
    if v.plain() { list.show(at, v) } else { list.show_entries(v) }
}

/// A list made of an object, or of an array as without `map`.
///
/// # Errors
///
/// As of [`Fill`], with the name of the element.
pub fn fill_map<'f, T: FillEntry<'f> + Fill<'f>, L: From<Vec<T>>>(
    node: Option<&'f Node>,
    at: &'static FieldInfo,
) -> Result<L, FillError> {
    let Some(members) = node.and_then(Node::members) else { return T::fill_list(node, at).map(L::from) };
    let mut all = Vec::new();
    for (name, value) in members {
        let own = match name.rsplit_once('#') {
            Some((own, _)) if ends_in_number(name) => own,
            _ => name,
        };
        all.push(T::fill_entry(own, value).map_err(|error| error.within(name))?);
    }
    Ok(L::from(all))
}

/// The number in a name between what is before and behind it.
#[must_use]
pub fn number_in<N: FromStr>(name: &str, before: &str, behind: &str) -> Option<N> {
    let digits = name.strip_prefix(before)?.strip_suffix(behind)?;
    // `+5` is a number too, and not how we write it.
    digits.parse().ok().filter(|_| !digits.starts_with('+'))
}

/// Text that is the name of a member, or part of it.
pub trait KeyText: Display + Sized {
    /// The text, if it can be that.
    fn from_key(name: &str) -> Option<Self>;
}

impl KeyText for Word {
    fn from_key(name: &str) -> Option<Self> {
        Self::new(name.as_bytes())
    }
}

impl KeyText for TextBuf {
    fn from_key(name: &str) -> Option<Self> {
        Some(name.into())
    }
}

/// The text in a name between what is before and behind it.
#[must_use]
pub fn text_in<T: KeyText>(name: &str, before: &str, behind: &str) -> Option<T> {
    T::from_key(name.strip_prefix(before)?.strip_suffix(behind)?)
}

/// Whether a name ends as the second of a name does.
fn ends_in_number(name: &str) -> bool {
    name.rsplit_once('#')
        .is_some_and(|(_, times)| !times.is_empty() && times.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Appends a name with a number or text in it.
pub fn put_number(number: impl Display, before: &str, behind: &str, out: &mut String) {
    // Writing to a `String` cannot fail.
    let _ = write!(out, "{before}{number}{behind}");
}

/// No element has this name.
#[must_use]
pub fn no_entry(known: &[&str]) -> FillError {
    FillError::new(format!("no such element; there are: {}", known.join(", ")))
}

/// The value of a field that JSON does not show and was not given.
#[derive(Debug)]
pub struct Unseen<T>(pub core::marker::PhantomData<T>);

/// Chosen by method resolution for types that have a default.
pub trait UnseenDefault<T> {
    /// The default.
    ///
    /// # Errors
    ///
    /// None.
    fn unseen(&self) -> Result<T, FillError>;
}

/// Chosen for all others.
pub trait UnseenMissing<T> {
    /// Nothing: it has to be given.
    ///
    /// # Errors
    ///
    /// Always.
    fn unseen(&self) -> Result<T, FillError>;
}

impl<T: Default> UnseenDefault<T> for Unseen<T> {
    fn unseen(&self) -> Result<T, FillError> {
        Ok(T::default())
    }
}

impl<T> UnseenMissing<T> for &Unseen<T> {
    fn unseen(&self) -> Result<T, FillError> {
        Err(FillError::missing())
    }
}

/// A variant made of what stands under its name.
pub trait FillVariant<'f>: Sized {
    /// Made of the content; `index` is the place of the variant.
    ///
    /// # Errors
    ///
    /// As of [`Fill`].
    fn fill_variant(index: usize, content: Option<&'f Node>) -> Result<Self, FillError>;
}
