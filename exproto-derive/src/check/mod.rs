//! Mistakes that only show in the whole model. One function a rule; the
//! comment before it states the rule.
//!
//! A rule is silent about what is reported already: items, variants and
//! layouts that are `broken` may lack only what could not be read.

mod absent;
mod blocks;
mod digits;
mod extents;
mod frame;
mod groups;
mod index;
mod layout;
mod named;
mod numbers;
mod peek;
mod profiles;
mod relations;
mod routes;
mod segments;
pub(crate) mod shape;
mod stream;
mod summed;
mod tags;
pub(crate) mod transparent;
mod via;

use crate::ctxt::{Ctxt, nearest};
use crate::ir::{Item, Layout, Model, Shape};

/// Runs all rules.
pub(crate) fn check(model: &Model, ctxt: &mut Ctxt) {
    layout::check(model, ctxt);
    tags::check(model, ctxt);
    frame::check(model, ctxt);
    shape::check(model, ctxt);
    routes::check(model, ctxt);
}

/// All layouts of a model.
fn layouts(model: &Model) -> Vec<&Layout> {
    match &model.shape {
        Shape::Struct(layout) => vec![layout],
        Shape::Bits(bits) => vec![&bits.layout],
        Shape::Scalar(_) => Vec::new(),
        Shape::Enum(data) => data.variants.iter().map(|variant| &variant.layout).collect(),
    }
}

/// The real field of this name.
fn field_named<'l>(layout: &'l Layout, name: &str) -> Option<&'l Item> {
    layout.items.iter().find(|item| item.member.is_some() && item.name.as_deref() == Some(name))
}

/// What to say when a field is not there: the nearest, or all there are.
fn field_hint(layout: &Layout, name: &str, more: &[&str]) -> String {
    let fields =
        layout.items.iter().filter(|item| item.member.is_some()).filter_map(|item| item.name.as_deref());
    let known: Vec<&str> = fields.chain(more.iter().copied()).collect();
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "there are none".into(),
        None => format!("there are: {}", known.join(", ")),
    }
}

/// The largest value of so many bits.
const fn max_of(bits: u32) -> u64 {
    if bits >= 64 { u64::MAX } else { (1 << bits) - 1 }
}
