//! Encoding a layout: runs of fixed items as one array, lengths and checksums
//! written when what they speak of is there.

mod column;
mod computed;
mod headed;
mod patch;
mod value;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::Type;

use super::check;
use super::common::{Locals, by_bytes, choose_order, int_bytes, is_little, type_is, user_expr};
use super::group::group_at;
use crate::covered;
use crate::ir::{Absent, BitSlot, IntTy, Item, Layout, Model, Presence, Repr};
use crate::lower::{bounds, fixed_at, position};
use crate::relation::{self, Relation, Source};

pub(crate) use headed::Head;

/// What is encoded; its fields are in scope as references.
#[derive(Clone, Copy)]
pub(crate) struct Encode<'e> {
    pub(crate) model: &'e Model,
    pub(crate) layout: &'e Layout,
    /// The items that are written, if not all: first and last.
    pub(crate) within: Option<(usize, usize)>,
    /// What is written together with its body, while its bytes are made.
    pub(crate) head: Option<Head>,
    /// What was, while that is written which was not known then.
    pub(crate) known: Option<Head>,
}

/// Where a relation's value comes from.
enum Due {
    /// Known when the item is written.
    Now(TokenStream),
    /// The same, a checksum: `u64`, cut to its field.
    Check(TokenStream),
    /// Written after the item of this index.
    After(usize),
}

impl<'e> Encode<'e> {
    /// All of a layout.
    pub(crate) fn new(model: &'e Model, layout: &'e Layout) -> Self {
        Self { model, layout, within: None, head: None, known: None }
    }
}

impl Encode<'_> {
    /// Statements that write all items to `__w`.
    pub(crate) fn statements(&self) -> TokenStream {
        self.with_computed(self.all())
    }

    fn all(&self) -> TokenStream {
        let items = &self.layout.items;
        let mut out = TokenStream::new();
        out.extend(self.before_columns());
        out.extend(self.range(0, items.len()));
        out
    }

    /// Statements that write the items from `from` to before `to`.
    pub(crate) fn range(&self, from: usize, to: usize) -> TokenStream {
        let items = &self.layout.items;
        let mut out = TokenStream::new();
        let mut index = from;
        while index < to {
            if let Some((field, last)) = group_at(self.layout, index) {
                out.extend(self.group(index, field, last));
                index = last + 1;
                continue;
            }
            out.extend(self.opening(index));
            let ends = |i: &usize| !self.in_run(*i) || *i > index && items[*i].opens.is_some();
            let end = (index..to).find(ends).unwrap_or(to);
            if end > index
                && end < to
                && let Some(head) = self.head(index, end)
            {
                out.extend(self.head_and_body(head));
                index = end + 1;
            } else if end > index {
                out.extend(self.run(index, end));
                for done in index..end {
                    out.extend(self.patches(done, end));
                }
                index = end;
            } else {
                out.extend(self.single(index));
                out.extend(self.patches(index, index + 1));
                index += 1;
            }
        }
        out
    }

    /// Whether the item is part of a run of constant size: a checksum over
    /// what stands before it is not, it has to see those bytes written.
    fn in_run(&self, index: usize) -> bool {
        let item = &self.layout.items[index];
        let plain = matches!(
            item.repr,
            Repr::Int(..)
                | Repr::Scalar(..)
                | Repr::Bits(_)
                | Repr::Constant(_)
                | Repr::Array(_)
                | Repr::TagReceiver
                | Repr::Skipped(_)
        );
        let sees_before = match &item.relation {
            Some(Relation { source: Source::Size(range), .. }) => {
                bounds(&self.layout.items, range, index).is_some_and(|(_, last)| last < index)
            }
            Some(Relation { source: Source::Sum(terms), .. }) => {
                terms.iter().any(|term| matches!(term.source, Source::Size(_)))
                    && matches!(self.due(index), Some(Due::Now(_)))
            }
            Some(Relation { source: Source::Check(..), .. }) => {
                covered::due(&self.layout.items, index).is_some_and(|due| due < index)
            }
            _ => false,
        };
        // Bits are patched into their container, which is part of a run.
        let sees_before = sees_before && !matches!(item.repr, Repr::Bits(_));
        plain && fixed_at(&self.layout.items, index).is_some() && !sees_before
    }

    fn run(&self, first: usize, end: usize) -> TokenStream {
        let start = place_name(first);
        let (statements, bytes, places) = self.bytes_of_run(first, end);
        quote!(#statements let #start = __w.run([#(#bytes),*]); #places)
    }

    /// What has to be done first, the bytes of the run, and the places in it.
    fn bytes_of_run(&self, first: usize, end: usize) -> (TokenStream, Vec<TokenStream>, TokenStream) {
        let mut statements = TokenStream::new();
        let mut bytes: Vec<TokenStream> = Vec::new();
        let mut places = TokenStream::new();
        let start = place_name(first);
        for index in first..end {
            if index > first {
                let place = place_name(index);
                let at = match &self.layout.items[index].repr {
                    // All fields of a container are patched at its start.
                    Repr::Bits(slot) if slot.first != index => {
                        let container = place_name(slot.first);
                        quote!(#container)
                    }
                    _ => {
                        let at = bytes.len();
                        quote!(#start.plus(#at))
                    }
                };
                places.extend(quote!(let #place = #at;));
            }
            // Those of a container each for itself: it may hold other parts too.
            let bits = matches!(self.layout.items[index].repr, Repr::Bits(_));
            let (before, after) =
                if bits { Default::default() } else { super::join::home(&self.layout.items, index) };
            statements.extend(before);
            self.bytes_of(index, &mut statements, &mut bytes);
            statements.extend(after);
        }
        (statements, bytes, places)
    }

    /// The bytes of an item in a run.
    fn bytes_of(&self, index: usize, statements: &mut TokenStream, bytes: &mut Vec<TokenStream>) {
        let item = &self.layout.items[index];
        let name = format_ident!("__b{}", index);
        statements.extend(self.choose_order(index));
        match &item.repr {
            Repr::Int(int, endian) => {
                let value = self.int_value(index, *int);
                statements.extend(self.fits(item, *int, &value));
                let (statement, parts) = int_bytes(&name, &value, *int, *endian);
                statements.extend(statement);
                bytes.extend(parts);
            }
            Repr::Scalar(int, endian) => {
                let raw = self.raw_value(index);
                let info = &item.info;
                let max = int.max();
                let raw_int = IntTy { held: 8, ..*int };
                let local = format_ident!("__u{}", index);
                let over = over(&quote!(#local), *int, max);
                statements.extend(quote! {
                    let #local: u64 = #raw;
                    if #over { return __p::Err(__w.error(__p::ErrorKind::Overflow, __w.here(), &#info)); }
                });
                let (statement, parts) =
                    int_bytes(&name, &quote!(#local), IntTy { signed: false, ..raw_int }, *endian);
                statements.extend(statement);
                bytes.extend(parts);
            }
            Repr::Bits(slot) if slot.first == index => self.container(slot, index, statements, bytes),
            Repr::Constant(constant) => bytes.extend(constant.iter().map(|byte| quote!(#byte))),
            Repr::Array(_) => {
                let local = &item.local;
                let size = item.fixed().unwrap_or(0);
                bytes.extend((0..size).map(|i| quote!(#local[#i])));
            }
            _ => {}
        }
    }

    fn container(
        &self,
        slot: &BitSlot,
        first: usize,
        statements: &mut TokenStream,
        bytes: &mut Vec<TokenStream>,
    ) {
        let container = format_ident!("__k{}", first);
        let size = slot.bytes;
        statements.extend(if slot.wide() {
            quote!(let mut #container = [0_u8; #size];)
        } else {
            quote!(let mut #container: u64 = 0;)
        });
        for (index, item) in self.layout.items.iter().enumerate() {
            let Repr::Bits(own) = &item.repr else { continue };
            if own.first != first {
                continue;
            }
            let (before, after) = super::join::home(&self.layout.items, index);
            let (raw, info) = (self.raw_value(index), &item.info);
            let (shift, count, max) = (own.shift, own.count, max_of(own.count));
            let masked = if IntTy::of_type(&item.ty).is_some_and(|int| int.signed) {
                in_sign(own.count, &raw)
            } else {
                quote!((#raw))
            };
            let put = if slot.wide() {
                let little = is_little(slot.endian);
                quote!(__p::put_wide(&mut #container, #little, #shift, #count, __v);)
            } else {
                quote!(#container |= __v << #shift;)
            };
            statements.extend(before);
            statements.extend(quote! {
                let __v: u64 = #masked;
                if __v > #max { return __p::Err(__w.error(__p::ErrorKind::Overflow, __w.here(), &#info)); }
                #put
            });
            statements.extend(after);
        }
        if slot.wide() {
            bytes.extend((0..slot.bytes).map(|i| quote!(#container[#i])));
            return;
        }
        let int = IntTy { held: 8, ..IntTy::binary(slot.bytes) };
        let name = format_ident!("__b{}", first);
        let (statement, parts) = int_bytes(&name, &quote!(#container), int, slot.endian);
        statements.extend(statement);
        bytes.extend(parts);
    }

    /// The value of an integer item, in its Rust type.
    fn int_value(&self, index: usize, int: IntTy) -> TokenStream {
        let item = &self.layout.items[index];
        let ty = int.rust();
        if let Some(size) = self.size_in_head(index, int) {
            return size;
        }
        if item.relation.is_some() || item.member.is_none() {
            let info = &item.info;
            return match self.due(index) {
                Some(Due::Now(value)) => {
                    let value = quote! {
                        <#ty as __p::TryFrom<i64>>::try_from(#value)
                            .map_err(|_| __w.error(__p::ErrorKind::Overflow, __w.here(), &#info))?
                    };
                    self.noted(index, value)
                }
                Some(Due::Check(value)) => self.noted(index, quote!((#value as #ty))),
                // A later patch adds to what stands there.
                Some(Due::After(_)) => quote!((0 as #ty)),
                None => {
                    let fill = item.fill.unwrap_or(0);
                    quote!(#fill as #ty)
                }
            };
        }
        let local = &item.local;
        quote!(*#local)
    }

    /// The value of a bit or scalar item, as `u64`.
    fn raw_value(&self, index: usize) -> TokenStream {
        let item = &self.layout.items[index];
        if item.relation.is_some() || item.member.is_none() {
            let info = &item.info;
            return match self.due(index) {
                Some(Due::Now(value)) => {
                    let value = quote! {
                        <u64 as __p::TryFrom<i64>>::try_from(#value)
                            .map_err(|_| __w.error(__p::ErrorKind::Overflow, __w.here(), &#info))?
                    };
                    self.noted(index, value)
                }
                Some(Due::Check(value)) => self.noted(index, value),
                Some(Due::After(_)) => quote!(0_u64),
                None => {
                    let fill = u64::from(item.fill.unwrap_or(0));
                    quote!(#fill)
                }
            };
        }
        self.stored_raw(item)
    }

    /// The integer that a field stands for, as `u64`.
    fn stored_raw(&self, item: &Item) -> TokenStream {
        let (local, ty) = (&item.local, &item.ty);
        if type_is(ty, "bool") || IntTy::of_type(ty).is_some() {
            if matches!(item.repr, Repr::Scalar(..)) {
                return quote!(__p::Scalar::raw(*#local));
            }
            return quote!((*#local as u64));
        }
        quote!(__p::Scalar::raw(*#local))
    }

    /// Looks up the byte order of an item that has one chosen at run time.
    pub(super) fn choose_order(&self, index: usize) -> TokenStream {
        choose_order(&self.layout.items[index], index, self.layout, self.model, Locals::References)
    }

    fn due(&self, index: usize) -> Option<Due> {
        let items = &self.layout.items;
        let relation = items[index].relation.as_ref()?;
        let bits = matches!(items[index].repr, Repr::Bits(_));
        let local =
            |name: &Ident| position(items, name).and_then(|at| items.get(at)).map(|item| item.local.clone());
        let now = |value: TokenStream| Some(Due::Now(relation::forward(&relation.ops, value)));
        match &relation.source {
            Source::Constant(expr) => now(quote!(((#expr) as i64))),
            Source::Count(field) => {
                let list = local(field)?;
                now(quote!((__p::Counted::counted(#list) as i64)))
            }
            Source::Sum(terms) => {
                let due = terms.iter().filter_map(|term| {
                    let Source::Size(range) = &term.source else { return None };
                    let (_, last) = bounds(items, range, index)?;
                    Some((last, last - self.constant_tail(index, last).0))
                });
                let due: Vec<(usize, usize)> = due.collect();
                if due.iter().any(|(last, _)| bits || *last >= index) {
                    let after = due.iter().map(|(_, due)| *due).max()?;
                    return Some(Due::After(after.max(index)));
                }
                now(self.sum(terms, index, index))
            }
            Source::Present(field) => {
                let option = local(field)?;
                now(quote!((#option.is_some() as i64)))
            }
            Source::Inside(..) => {
                let answer = super::inner::ask(items, &relation.source, |item| item.local.to_token_stream())?;
                now(quote!((__p::Option::unwrap_or(#answer, 0) as i64)))
            }
            Source::Tag(field) if self.head.is_some_and(|head| head.is_of(position(items, field))) => {
                now(quote!((__tag as i64)))
            }
            Source::Tag(field) => {
                let body = local(field)?;
                now(quote!((__p::Tagged::tag(#body) as i64)))
            }
            // Written with each element.
            Source::Sizes(_) | Source::Counts(_) => None,
            Source::Bits(..) | Source::Sign(..) => Some(Due::Now(super::join::part(items, index)?)),
            Source::Size(range) => {
                let (first, last) = bounds(items, range, index)?;
                if last >= index || bits {
                    let (count, _) = self.constant_tail(index, last);
                    return Some(Due::After((last - count).max(index)));
                }
                let (from, to) = (place_name(first), self.end_place(last, index));
                now(quote!((__w.size_between(#from, #to) as i64)))
            }
            Source::Check(_, range) => {
                let (first, last) = bounds(items, range, index)?;
                let due = covered::due(items, index)?;
                if due >= index || bits {
                    return Some(Due::After(due.max(index)));
                }
                let (from, to) = (place_name(first), self.end_place(last, index));
                let bytes = quote!(__w.between(#from, #to));
                Some(Due::Check(check::compute(
                    self.model,
                    self.layout,
                    &items[index],
                    &bytes,
                    Locals::References,
                )))
            }
        }
    }

    fn fits(&self, item: &Item, int: IntTy, value: &TokenStream) -> TokenStream {
        if item.member.is_none() && item.relation.is_none() {
            return TokenStream::new();
        }
        let info = &item.info;
        if int.digits.is_some() && int.signed {
            let (ty, up) = (int.rust(), 64 - int.bits());
            return quote! {
                { let __v: #ty = #value;
                  if ((__v as i64) << #up) >> #up != __v as i64 { return __p::Err(__w.error(__p::ErrorKind::Overflow, __w.here(), &#info)); } }
            };
        }
        if int.digits.is_some() {
            let (ty, max) = (int.rust(), int.max());
            let over = (max < max_of(int.held as u32 * 8)).then(|| {
                quote! {
                    { let __v: #ty = #value;
                      if __v as u64 > #max { return __p::Err(__w.error(__p::ErrorKind::Overflow, __w.here(), &#info)); } }
                }
            });
            return over.unwrap_or_default();
        }
        if int.bytes == int.held {
            return TokenStream::new();
        }
        let shift = (int.held - int.bytes) * 8;
        let ty = int.rust();
        quote! {
            { let __v: #ty = #value;
              if (__v << #shift) >> #shift != __v { return __p::Err(__w.error(__p::ErrorKind::Overflow, __w.here(), &#info)); } }
        }
    }

    /// An item that is not part of a run.
    fn single(&self, index: usize) -> TokenStream {
        let item = &self.layout.items[index];
        let (local, info, place) = (&item.local, &item.info, place_name(index));
        let separator = self.separator(index);
        let write = match &item.presence {
            Presence::Always => self.or_default(item, self.value(item, index, &quote!(#local))),
            Presence::More => self.or_missing(item, index),
            Presence::By(_) | Presence::Filled => {
                let value = self.value(item, index, &quote!(__x));
                quote!(if let __p::Some(__x) = #local { #value })
            }
            Presence::If(condition) => {
                let value = self.value(item, index, &quote!(__x));
                if by_bytes(condition) {
                    quote!(if let __p::Some(__x) = #local { #value })
                } else {
                    let condition = user_expr(condition, self.layout, item, self.model, Locals::References);
                    let odd = self.refuse(&quote!(__w.error(__p::ErrorKind::Relation, __w.here(), &#info)));
                    quote! {
                        if #condition != #local.is_some() { #odd }
                        if let __p::Some(__x) = #local { #value }
                    }
                }
            }
        };
        let order = self.choose_order(index);
        let (before, after) = super::join::home(&self.layout.items, index);
        let end = item.column.is_some().then(|| {
            let end = end_name(index);
            quote!(let #end = __w.here();)
        });
        quote!(#separator let #place = __w.here(); #order #before #write #after #end)
    }
}

impl Encode<'_> {
    /// Writes a value where it is on the wire; elsewhere it is what it would be
    /// read as.
    fn or_default(&self, item: &Item, value: TokenStream) -> TokenStream {
        let Some(Absent { unless: Some(unless), value: default }) = &item.absent else { return value };
        if by_bytes(unless) {
            return value;
        }
        let (local, ty, info) = (&item.local, &item.ty, &item.info);
        let there = user_expr(unless, self.layout, item, self.model, Locals::References);
        let default = user_expr(default, self.layout, item, self.model, Locals::References);
        let odd = self.refuse(&quote!(__w.error(__p::ErrorKind::Relation, __w.here(), &#info)));
        quote! {
            if #there { #value } else {
                let __d: #ty = #default;
                if __p::core::cmp::PartialEq::ne(#local, &__d) { #odd }
            }
        }
    }
}

/// A number within so many bits with its sign among them; one that is too
/// large is found to be so where it is put.
fn in_sign(count: u32, raw: &TokenStream) -> TokenStream {
    let (up, max) = (64 - count, max_of(count));
    quote!({ let __s = (#raw) as i64; if (__s << #up) >> #up == __s { __s as u64 & #max } else { u64::MAX } })
}

/// The bits of an element.
fn to_bits(ty: &Type, count: u32, value: &TokenStream) -> TokenStream {
    match IntTy::of_type(ty) {
        Some(int) if int.signed => in_sign(count, value),
        Some(_) => quote!((#value as u64)),
        None => quote!(__p::Scalar::raw(#value)),
    }
}

/// Whether a raw value does not fit the integer on the wire.
fn over(raw: &TokenStream, int: IntTy, max: u64) -> TokenStream {
    if !int.signed {
        return quote!(#raw > #max);
    }
    let shift = 64 - int.bytes as u32 * 8;
    quote!((((#raw as i64) << #shift) >> #shift) != #raw as i64)
}

/// The largest value of so many bits.
fn max_of(bits: u32) -> u64 {
    if bits >= 64 { u64::MAX } else { (1 << bits) - 1 }
}

/// The variable with the place after a field between separators.
fn end_name(index: usize) -> Ident {
    format_ident!("__z{}", index)
}

/// The variable with the place of an item.
pub(crate) fn place_name(index: usize) -> Ident {
    format_ident!("__e{}", index)
}
