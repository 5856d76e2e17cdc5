//! In which order random values are made: a tag, count or flag that expressions
//! speak of is that of its field, which is made before.

use proc_macro2::TokenStream;
use quote::quote;

use crate::expand::common::names;
use crate::expand::decode::of_bits;
use crate::ir::{Item, Layout, Repr};
use crate::lower::position;
use crate::relation::{self, Asked, Relation, Source};
use crate::walk::all_expressions;

/// What is made.
#[derive(Clone, Copy)]
pub(super) enum Step {
    /// A field as its type and keys say.
    Any(usize),
    /// What follows from fields that are made.
    Computed(usize),
}

/// The fields, and the items that expressions speak of.
pub(super) fn order(layout: &Layout) -> Vec<Step> {
    let mut plan =
        Plan { items: &layout.items, steps: Vec::new(), state: vec![State::New; layout.items.len()] };
    for index in 0..layout.items.len() {
        if layout.items[index].member.is_some() {
            plan.visit(index);
        }
    }
    plan.steps
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Waiting,
    Done,
}

struct Plan<'p> {
    items: &'p [Item],
    steps: Vec<Step>,
    state: Vec<State>,
}

impl Plan<'_> {
    fn visit(&mut self, index: usize) {
        let item = &self.items[index];
        match self.state[index] {
            State::Done => return,
            // It depends on itself: anything first.
            State::Waiting => {
                self.steps.push(Step::Any(index));
                return;
            }
            State::New => {}
        }
        self.state[index] = State::Waiting;
        let ranges = item.range.iter().flat_map(|(low, high)| [low, high]);
        let spoken: Vec<_> = all_expressions(item).into_iter().chain(ranges).collect();
        for earlier in 0..index {
            if spoken.iter().any(|expr| names(expr, &self.items[earlier])) {
                self.visit(earlier);
            }
        }
        let source = source(self.items, index).filter(|_| self.spoken_of(index));
        if let Some(field) = source {
            self.visit(field);
        }
        self.state[index] = State::Done;
        let known = source.is_some() || item.member.is_none();
        self.steps.push(if known { Step::Computed(index) } else { Step::Any(index) });
    }

    fn spoken_of(&self, index: usize) -> bool {
        let item = &self.items[index];
        self.items.iter().skip(index).flat_map(all_expressions).any(|expr| names(expr, item))
    }
}

/// The field that a tag, count or flag follows from.
fn source(items: &[Item], index: usize) -> Option<usize> {
    match &items[index].relation.as_ref()?.source {
        Source::Count(field) | Source::Present(field) | Source::Tag(field) => position(items, field),
        _ => None,
    }
}

/// The value of an item that follows from others.
pub(super) fn computed(layout: &Layout, index: usize) -> TokenStream {
    let items = &layout.items;
    let item = &items[index];
    let (local, ty) = (&item.local, &item.ty);
    let target = source(items, index).and_then(|at| items.get(at)).map(|item| &item.local);
    let value = match (item.relation.as_ref(), target) {
        (Some(Relation { source: Source::Count(_), .. }), Some(list)) => {
            quote!((__p::Counted::counted(&#list) as i64))
        }
        (Some(Relation { source: Source::Present(_), .. }), Some(option)) => {
            quote!((#option.is_some() as i64))
        }
        (Some(Relation { source: Source::Tag(_), .. }), Some(body)) => {
            quote!((__p::Tagged::tag(&#body) as i64))
        }
        // Handed on, it decides what the field further in is.
        (Some(Relation { source: Source::Inside(Asked::Present, _), .. }), _) => {
            quote!(__random.chance(0.5) as i64)
        }
        (Some(Relation { source: Source::Inside(..), .. }), _) => quote!(__random.within(0..=3_usize) as i64),
        (Some(Relation { source: Source::Constant(expr), .. }), _) => quote!(((#expr) as i64)),
        // What is not written yet has no size.
        _ => quote!(0_i64),
    };
    let value = relation::forward(item.relation.as_ref().map_or(&[][..], |relation| &relation.ops), value);
    let value = match &item.repr {
        Repr::Int(..) | Repr::Codec(_) | Repr::Sized(_) => quote!((#value as #ty)),
        Repr::Bits(slot) => of_bits(ty, slot.count, &quote!({ let __v: u64 = (#value) as u64; __v })),
        _ => quote!(<#ty as __p::Scalar>::from_raw((#value) as u64)),
    };
    quote!(let #local: #ty = #value;)
}
