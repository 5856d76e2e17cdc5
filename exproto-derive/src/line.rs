//! What is known of a field of a line: whether it takes one field or several,
//! and whether it may hold what stands between them.

use crate::ir::{Extent, Item, ListKind, Repr};

impl Item {
    /// Whether it is a list with this byte, which stands between the fields
    /// around it too, between its elements, and its end does not depend on what
    /// follows: each element is a field, or several.
    pub(crate) fn lists_fields(&self, byte: u8) -> bool {
        self.attrs.sep.as_ref().is_some_and(|key| key.value == byte)
            && matches!(self.repr, Repr::List(ListKind::Vec | ListKind::Array, _))
            && self.counted()
    }

    /// Whether it is of a type that may have the same byte between its fields as
    /// there is around it, so that they stand among those.
    pub(crate) fn may_have_fields(&self) -> bool {
        let attrs = &self.attrs;
        matches!(self.repr, Repr::Part | Repr::Body(_))
            && self.relation.is_none()
            && self.opaque.is_none()
            && attrs.via.is_none()
            && attrs.extra.is_none()
            && attrs.max.is_none()
    }

    /// Whether something says the bytes of a value, which may then hold the byte
    /// that stands between fields.
    pub(crate) fn sized(&self) -> bool {
        matches!(
            self.extent,
            Extent::Fixed(_)
                | Extent::Size(_)
                | Extent::PrefixSize(..)
                | Extent::PrefixSizeBy(_)
                | Extent::BySize(_)
                | Extent::BySizes(_)
        ) || matches!(self.repr, Repr::Array(_))
            || matches!(self.repr, Repr::Slice | Repr::Buffer) && self.counted()
    }
}
