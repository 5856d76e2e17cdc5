//! Walking a decoded value: the one way in which JSON, pictures and reports
//! see it.

use alloc::vec::Vec;

use super::schema::FieldInfo;
use super::types::Chunk;

/// Receives a value piece by piece.
///
/// A struct is `begin`, then `field` and its value for each field, then `end`;
/// a list is `begin_list`, then `element` and its value for each element, then
/// `end_list`. A variant with content is a struct with one field.
pub trait Visitor {
    /// An unsigned number; `at` has its scale and unit.
    fn uint(&mut self, value: u64, at: &'static FieldInfo);
    /// A signed number; `at` has its scale and unit.
    fn int(&mut self, value: i64, at: &'static FieldInfo);
    /// A floating-point number.
    fn float(&mut self, value: f64);
    /// A floating-point number of single precision, so that 0.1 stays 0.1.
    fn float32(&mut self, value: f32) {
        self.float(f64::from(value));
    }
    /// True or false.
    fn bool(&mut self, value: bool);
    /// No value.
    fn null(&mut self);
    /// Text.
    fn text(&mut self, value: &str);
    /// Bytes.
    fn bytes(&mut self, value: &[u8]);
    /// A piece of a payload: by default a struct.
    fn chunk(&mut self, value: &Chunk<&[u8]>) {
        value.show_fields(self);
    }
    /// A value that is JSON already, of a type that knows nothing of visitors.
    fn json(&mut self, value: &str) {
        self.text(value);
    }
    /// A struct begins.
    fn begin(&mut self);
    /// A field of the struct comes next.
    fn field(&mut self, at: &'static FieldInfo);
    /// A member of the struct comes next that is no field: an element of a list
    /// under its name.
    fn key(&mut self, name: &str);
    /// The struct ends.
    fn end(&mut self);
    /// Whether the value is to be seen as it is declared: with hidden fields, parts
    /// as parts and lists as lists.
    fn plain(&self) -> bool {
        false
    }
    /// A list begins.
    fn begin_list(&mut self);
    /// An element of the list comes next.
    fn element(&mut self);
    /// The list ends.
    fn end_list(&mut self);
}

/// A value that a [`Visitor`] can walk. Derived for all declared types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be shown",
    label = "this type has no JSON form",
    note = "derive `ExProtoFrame` on it, or implement `exproto_runtime::codec::Value`"
)]
pub trait Value {
    /// Shows the value as that of the field `at`.
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V);

    /// Shows the content of an enum without the name of its variant; anything
    /// else as [`show`](Self::show) does.
    fn show_content<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        self.show(at, v);
    }

    /// Shows a slice of such values; bytes are not shown as a list of numbers.
    #[doc(hidden)]
    fn show_slice<V: Visitor>(slice: &[Self], at: &'static FieldInfo, v: &mut V)
    where
        Self: Sized,
    {
        v.begin_list();
        for value in slice {
            v.element();
            value.show(at, v);
        }
        v.end_list();
    }
}

#[cold]
fn show_sentinel<V: Visitor>(name: &'static str, v: &mut V) {
    if name == "null" { v.null() } else { v.text(name) }
}

macro_rules! unsigned {
    ($($int:ty),*) => {$(
        impl Value for $int {
            #[inline]
            fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
                match at.sentinel(*self as i64) {
                    None => v.uint(u64::from(*self), at),
                    Some(name) => show_sentinel(name, v),
                }
            }
        }
    )*};
}

macro_rules! signed {
    ($($int:ty),*) => {$(
        impl Value for $int {
            #[inline]
            fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
                match at.sentinel(i64::from(*self)) {
                    None => v.int(i64::from(*self), at),
                    Some(name) => show_sentinel(name, v),
                }
            }
        }
    )*};
}

unsigned!(u16, u32, u64);
signed!(i8, i16, i32, i64);

impl Value for u8 {
    #[inline]
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        match at.sentinel(i64::from(*self)) {
            None => v.uint(u64::from(*self), at),
            Some(name) => show_sentinel(name, v),
        }
    }

    #[inline]
    fn show_slice<V: Visitor>(slice: &[Self], _: &'static FieldInfo, v: &mut V) {
        v.bytes(slice);
    }
}

impl Value for bool {
    #[inline]
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        v.bool(*self);
    }
}

impl Value for f32 {
    #[inline]
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        v.float32(*self);
    }
}

impl Value for f64 {
    #[inline]
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        v.float(*self);
    }
}

impl Value for str {
    #[inline]
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        v.text(self);
    }
}

impl Value for alloc::string::String {
    #[inline]
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        v.text(self);
    }
}

impl<T: Value + ?Sized> Value for &T {
    #[inline]
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        (**self).show(at, v);
    }
}

impl<T: Value> Value for Option<T> {
    #[inline]
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        match self {
            Some(value) => value.show(at, v),
            None => v.null(),
        }
    }
}

impl<T: Value> Value for [T] {
    #[inline]
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        T::show_slice(self, at, v);
    }
}

impl<T: Value, const N: usize> Value for [T; N] {
    #[inline]
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        T::show_slice(self, at, v);
    }
}

impl<T: Value> Value for Vec<T> {
    #[inline]
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        T::show_slice(self, at, v);
    }
}

impl<T: Value + ?Sized> Value for alloc::boxed::Box<T> {
    #[inline]
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        (**self).show(at, v);
    }

    fn show_content<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        (**self).show_content(at, v);
    }
}
