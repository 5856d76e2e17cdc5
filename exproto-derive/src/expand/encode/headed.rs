//! What stands right before a body and speaks of it, written together with it: a
//! variant knows its tag, and most know their size before they are written.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Encode, place_name};
use crate::expand::common::{Locals, ctx_value};
use crate::ir::{Extent, IntTy, Item, Presence, Repr};
use crate::lower::{bounds, fixed_at};
use crate::relation::{self, Relation, Source};

/// A run of items and the body behind it.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    first: usize,
    body: usize,
}

impl Head {
    pub(super) fn is_of(self, body: Option<usize>) -> bool {
        body == Some(self.body)
    }
}

/// Whether an item is always there and nothing else is written with it.
fn alone(item: &Item) -> bool {
    matches!(item.presence, Presence::Always)
        && item.absent.is_none()
        && item.group.is_none()
        && item.column.is_none()
        && item.opens.is_none()
        && item.joins.is_empty()
        && item.endian.is_none()
        && item.attrs.via.is_none()
        && item.wire_max().is_none()
}

/// Whether all values of an integer fit it as it stands on the wire.
fn whole(int: IntTy) -> bool {
    int.digits.is_none() && int.bytes == int.held
}

impl Encode<'_> {
    /// The items from `first` to before `end`, a run, if they are written together
    /// with the body behind them.
    pub(super) fn head(&self, first: usize, end: usize) -> Option<Head> {
        let items = &self.layout.items;
        let body = items.get(end)?;
        let free = matches!(body.repr, Repr::Body(_))
            && matches!(body.extent, Extent::Own | Extent::Rest(_) | Extent::BySize(_))
            && alone(body);
        let plain = |item: &Item| match &item.repr {
            Repr::Int(int, _) => int.digits.is_none(),
            repr => matches!(repr, Repr::Constant(_) | Repr::Array(_)),
        };
        let head = Head { first, body: end };
        let fits = free
            && self.within.is_none()
            && self.late().is_empty()
            && items[first..end].iter().all(|item| alone(item) && plain(item))
            && (first..end).any(|index| self.says_size(head, index));
        fits.then_some(head)
    }

    /// Whether the item is an integer with the size of the body, and of no more.
    pub(super) fn says_size(&self, head: Head, index: usize) -> bool {
        let items = &self.layout.items;
        let (Repr::Int(int, _), Some(Relation { source: Source::Size(range), .. })) =
            (&items[index].repr, &items[index].relation)
        else {
            return false;
        };
        let its = bounds(items, range, index) == Some((head.body, head.body));
        (head.first..head.body).contains(&index) && its && whole(*int)
    }

    /// The size of the body in the item `index` of its head, as the integer there; 0
    /// where it is written later.
    pub(super) fn size_in_head(&self, index: usize, int: IntTy) -> Option<TokenStream> {
        let head = self.head.filter(|head| self.says_size(*head, index))?;
        let items = &self.layout.items;
        let ops = items[index].relation.as_ref().map_or(&[][..], |relation| &relation.ops);
        let (value, info, ty) =
            (relation::forward(ops, quote!((__size as i64))), &items[index].info, int.rust());
        let at: usize = (head.first..index).filter_map(|item| fixed_at(items, item)).sum();
        Some(quote! {
            match __size {
                __p::Some(__size) => <#ty as __p::TryFrom<i64>>::try_from(#value)
                    .map_err(|_| __w.error(__p::ErrorKind::Overflow, __w.here().plus(#at), &#info))?,
                __p::None => (0 as #ty),
            }
        })
    }

    /// Writes the head and the body, and into the head what only then is known.
    pub(super) fn head_and_body(&self, head: Head) -> TokenStream {
        let Head { first, body } = head;
        let item = &self.layout.items[body];
        let making = Self { head: Some(head), ..*self };
        let (statements, bytes, places) = making.bytes_of_run(first, body);
        let (count, local) = (bytes.len(), &item.local);
        let (start, end) = (place_name(first), place_name(body));
        let ctx = ctx_value(item, self.layout, self.model, &quote!(__p::Tagged), Locals::References);
        let late = Self { known: Some(head), ..*self };
        let patches = (first..=body).map(|done| late.patches(done, body + 1));
        quote! {
            let #start = __w.here();
            let __known: bool = match __p::EncodeBody::encode_behind(#local, __w, #ctx,
                |__w: &__p::Writer<'_>, __tag: u64, __size: __p::Option<usize>|
                    -> __p::Result<[u8; #count], __p::Error> { #statements __p::Ok([#(#bytes),*]) })
            {
                __p::Ok(__known) => __known,
                __p::Err(__e) => return __p::Err(__e),
            };
            #places
            let #end = #start.plus(#count);
            #(#patches)*
        }
    }

    /// An expression that writes what `__head` makes of the tag and the size, then the
    /// items; it is whether the size was known.
    pub(crate) fn behind_head(&self, tag: &TokenStream) -> TokenStream {
        let items = &self.layout.items;
        let of_bytes = |item: &Item| match &item.repr {
            Repr::Int(int, _) => whole(*int),
            repr => matches!(repr, Repr::Constant(_) | Repr::Array(_) | Repr::TagReceiver),
        };
        let bare = |item: &Item| alone(item) && item.relation.is_none();
        let one_run =
            |index: usize| bare(&items[index]) && of_bytes(&items[index]) && fixed_at(items, index).is_some();
        let size: usize = (0..items.len()).filter_map(|index| fixed_at(items, index)).sum();
        if self.late().is_empty() && (0..items.len()).all(one_run) {
            let (statements, bytes, _) = self.bytes_of_run(0, items.len());
            return quote!({
                let __h = __head(&*__w, #tag, __p::Some(#size))?;
                #statements
                __w.run_behind(__h, [#(#bytes),*]);
                true
            });
        }
        let tail = |item: &Item| {
            bare(item)
                && matches!(item.repr, Repr::Slice | Repr::Buffer)
                && matches!(item.extent, Extent::Rest(_))
        };
        let unknown: Vec<usize> =
            (0..items.len()).filter(|index| fixed_at(items, *index).is_none()).collect();
        let known = match unknown[..] {
            [] => Some(quote!(#size)),
            [one] if tail(&items[one]) => {
                let local = &items[one].local;
                Some(quote!((#size + <[u8]>::len(&#local[..]))))
            }
            _ => None,
        };
        let (is_known, size) = match known {
            Some(size) => (true, quote!(__p::Some(#size))),
            None => (false, quote!(__p::None)),
        };
        let statements = self.statements();
        quote!({
            let __h = __head(&*__w, #tag, #size)?;
            __w.run(__h);
            #statements
            #is_known
        })
    }
}
