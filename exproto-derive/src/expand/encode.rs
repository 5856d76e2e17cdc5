//! Encoding a layout: runs of fixed items as one array, lengths and checksums
//! written when what they speak of is there.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use super::check;
use super::common::{
    Locals, choose_order, ctx_value, int_bytes, located, mentions_left, patch_name, patch_order, type_is,
    user_expr,
};
use crate::ir::{BitSlot, Extent, IntTy, Item, Layout, ListKind, Model, Presence, Repr};
use crate::lower::{bounds, fixed_at, position};
use crate::relation::{self, Relation, Source};

/// What is encoded; its fields are in scope as references.
pub(crate) struct Encode<'e> {
    pub(crate) model: &'e Model,
    pub(crate) layout: &'e Layout,
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

impl Encode<'_> {
    /// Statements that write all items to `__w`.
    pub(crate) fn statements(&self) -> TokenStream {
        let items = &self.layout.items;
        let mut out = TokenStream::new();
        if items.iter().any(|item| matches!(item.presence, Presence::More)) {
            out.extend(quote!(let mut __ended = false;));
        }
        let mut index = 0;
        while index < items.len() {
            let end = (index..items.len()).find(|i| !self.in_run(*i)).unwrap_or(items.len());
            if end > index {
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
        );
        let sees_before = match &item.relation {
            Some(Relation { source: Source::Size(range), .. }) => {
                bounds(&self.layout.items, range, index).is_some_and(|(_, last)| last < index)
            }
            Some(Relation { source: Source::Check(..), .. }) => {
                check::due(&self.layout.items, index).is_some_and(|due| due < index)
            }
            _ => false,
        };
        // Bits are patched into their container, which is part of a run.
        let sees_before = sees_before && !matches!(item.repr, Repr::Bits(_));
        plain && fixed_at(&self.layout.items, index).is_some() && !sees_before
    }

    fn run(&self, first: usize, end: usize) -> TokenStream {
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
            self.bytes_of(index, &mut statements, &mut bytes);
        }
        quote!(#statements let #start = __w.run([#(#bytes),*]); #places)
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
                let max = max_of(int.bytes as u32 * 8);
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
        statements.extend(quote!(let mut #container: u64 = 0;));
        for (index, item) in self.layout.items.iter().enumerate() {
            let Repr::Bits(own) = &item.repr else { continue };
            if own.first != first {
                continue;
            }
            let (raw, info) = (self.raw_value(index), &item.info);
            let (shift, max) = (own.shift, max_of(own.count));
            let masked = if IntTy::of_type(&item.ty).is_some_and(|int| int.signed) {
                // The sign within the bits there are; too large a number is
                // left as it is, and found to be too large below.
                let up = 64 - own.count;
                quote!({ let __s = (#raw) as i64; if (__s << #up) >> #up == __s { __s as u64 & #max } else { u64::MAX } })
            } else {
                quote!((#raw))
            };
            statements.extend(quote! {
                let __v: u64 = #masked;
                if __v > #max { return __p::Err(__w.error(__p::ErrorKind::Overflow, __w.here(), &#info)); }
                #container |= __v << #shift;
            });
        }
        let int = IntTy { bytes: slot.bytes, held: 8, signed: false, float: false };
        let name = format_ident!("__b{}", first);
        let (statement, parts) = int_bytes(&name, &quote!(#container), int, slot.endian);
        statements.extend(statement);
        bytes.extend(parts);
    }

    /// The value of an integer item, in its Rust type.
    fn int_value(&self, index: usize, int: IntTy) -> TokenStream {
        let item = &self.layout.items[index];
        let ty = int.rust();
        if item.relation.is_some() || item.member.is_none() {
            let info = &item.info;
            return match self.due(index) {
                Some(Due::Now(value)) => quote! {
                    <#ty as __p::TryFrom<i64>>::try_from(#value)
                        .map_err(|_| __w.error(__p::ErrorKind::Overflow, __w.here(), &#info))?
                },
                Some(Due::Check(value)) => quote!((#value as #ty)),
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
                Some(Due::Now(value)) => quote! {
                    <u64 as __p::TryFrom<i64>>::try_from(#value)
                        .map_err(|_| __w.error(__p::ErrorKind::Overflow, __w.here(), &#info))?
                },
                Some(Due::Check(value)) => value,
                Some(Due::After(_)) => quote!(0_u64),
                None => {
                    let fill = u64::from(item.fill.unwrap_or(0));
                    quote!(#fill)
                }
            };
        }
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
    fn choose_order(&self, index: usize) -> TokenStream {
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
            Source::Present(field) => {
                let option = local(field)?;
                now(quote!((#option.is_some() as i64)))
            }
            Source::Tag(field) => {
                let body = local(field)?;
                now(quote!((__p::Tagged::tag(#body) as i64)))
            }
            Source::Size(range) => {
                let (first, last) = bounds(items, range, index)?;
                if last >= index || bits {
                    let (count, _) = self.constant_tail(index, last);
                    return Some(Due::After((last - count).max(index)));
                }
                let (from, to) = (place_name(first), self.end_place(last, index));
                now(quote!((__w.between(#from, #to).len() as i64)))
            }
            Source::Check(_, range) => {
                let (first, last) = bounds(items, range, index)?;
                let due = check::due(items, index)?;
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

    /// How many items of constant size end a range that holds the item `index`
    /// or begins after it, and their bytes. A length is known before they are
    /// written, and has to be: one of them may be a checksum over the length.
    fn constant_tail(&self, index: usize, last: usize) -> (usize, usize) {
        let items = &self.layout.items;
        let (mut count, mut bytes) = (0, 0);
        for at in (index + 1..=last).rev() {
            // Bits lie where their container does.
            match fixed_at(items, at) {
                Some(size) if !matches!(items[at].repr, Repr::Bits(_)) => bytes += size,
                _ => break,
            }
            count += 1;
        }
        (count, bytes)
    }

    /// The place right after the item `last`, seen from the later item `from`.
    fn end_place(&self, last: usize, from: usize) -> TokenStream {
        if last + 1 >= from {
            return quote!(__w.here());
        }
        let next = place_name(last + 1);
        quote!(#next)
    }

    /// Writes lengths and checksums whose range ends with the item `done`, when
    /// all items before `written` are written.
    fn patches(&self, done: usize, written: usize) -> TokenStream {
        let items = &self.layout.items;
        let mut out = TokenStream::new();
        let mut due: Vec<usize> = (0..items.len())
            .filter(|index| matches!(self.due(*index), Some(Due::After(last)) if last == done))
            .collect();
        // Lengths first, then checksums, each after those that it covers.
        let is_check =
            |index: usize| matches!(items[index].relation, Some(Relation { source: Source::Check(..), .. }));
        let covered = |index: usize| due.iter().filter(|other| self.reaches(index, **other, &due)).count();
        let rank: Vec<(bool, usize)> = due.iter().map(|index| (is_check(*index), covered(*index))).collect();
        let mut order: Vec<usize> = (0..due.len()).collect();
        order.sort_by_key(|at| rank[*at]);
        due = order.into_iter().map(|at| due[at]).collect();
        for index in due {
            let item = &items[index];
            let Some(relation) = &item.relation else { continue };
            let info = &item.info;
            let place = place_name(index);
            let value = match &relation.source {
                Source::Size(range) => {
                    let Some((first, last)) = bounds(items, range, index) else { continue };
                    let (count, tail) = self.constant_tail(index, last);
                    let tail = tail as i64;
                    let size = if first + count > last {
                        // Nothing but constant sizes.
                        quote!(#tail)
                    } else {
                        let (from, to) = (place_name(first), self.end_place(last - count, written));
                        quote!((__w.between(#from, #to).len() as i64 + #tail))
                    };
                    let size = relation::forward(&relation.ops, size);
                    quote! {
                        <u64 as __p::TryFrom<i64>>::try_from(#size)
                            .map_err(|_| __w.error(__p::ErrorKind::Overflow, #place, &#info))?
                    }
                }
                Source::Check(_, range) => {
                    let Some((first, last)) = bounds(items, range, index) else { continue };
                    let (from, to) = (place_name(first), self.end_place(last, written));
                    let bytes = quote!(__w.between(#from, #to));
                    check::compute(self.model, self.layout, item, &bytes, Locals::References)
                }
                _ => continue,
            };
            let (bytes, shift, bits, endian) = match &item.repr {
                Repr::Bits(slot) => (slot.bytes, slot.shift, slot.count, slot.endian),
                Repr::Int(int, endian) | Repr::Scalar(int, endian) => {
                    (int.bytes, 0, int.bytes as u32 * 8, *endian)
                }
                _ => continue,
            };
            let (patch, order) = (patch_name(endian), patch_order(endian));
            out.extend(quote! {
                let __v: u64 = #value;
                __w.#patch::<#bytes>(#place, #shift, #bits, __v, &#info #order)?;
            });
        }
        out
    }

    /// Whether the checksum at `index` covers the one at `other`, directly or
    /// by way of one that it covers.
    fn reaches(&self, index: usize, other: usize, among: &[usize]) -> bool {
        let items = &self.layout.items;
        let mut seen = vec![index];
        let mut at = 0;
        while let Some(from) = seen.get(at).copied() {
            let next =
                among.iter().copied().filter(|to| check::covers(items, from, *to) && !seen.contains(to));
            let next: Vec<usize> = next.collect();
            seen.extend(next);
            at += 1;
        }
        index != other && seen.contains(&other)
    }

    fn fits(&self, item: &Item, int: IntTy, value: &TokenStream) -> TokenStream {
        if int.bytes == int.held || item.member.is_none() && item.relation.is_none() {
            return TokenStream::new();
        }
        let info = &item.info;
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
        let write = match &item.presence {
            Presence::Always => self.value(item, index, &quote!(#local)),
            // Without a field there is none after it either.
            Presence::More => {
                let value = self.value(item, index, &quote!(__x));
                quote! {
                    match #local {
                        __p::Some(__x) if !__ended => { #value }
                        __p::Some(_) => return __p::Err(__w.error(__p::ErrorKind::Relation, __w.here(), &#info)),
                        __p::None => __ended = true,
                    }
                }
            }
            Presence::By(_) => {
                let value = self.value(item, index, &quote!(__x));
                quote!(if let __p::Some(__x) = #local { #value })
            }
            Presence::If(condition) => {
                let value = self.value(item, index, &quote!(__x));
                if mentions_left(condition) {
                    quote!(if let __p::Some(__x) = #local { #value })
                } else {
                    let condition = user_expr(condition, self.layout, item, self.model, Locals::References);
                    quote! {
                        match (#local, #condition) {
                            (__p::Some(__x), true) => { #value }
                            (__p::None, false) => {}
                            _ => return __p::Err(__w.error(__p::ErrorKind::Relation, __w.here(), &#info)),
                        }
                    }
                }
            }
        };
        let order = self.choose_order(index);
        quote!(let #place = __w.here(); #order #write)
    }

    /// Writes a value with its prefix and padding; `x` is a reference to it.
    fn value(&self, item: &Item, index: usize, x: &TokenStream) -> TokenStream {
        let info = &item.info;
        let content = self.content(item, index, x);
        let fill = item.fill;
        let exact = |size: TokenStream| match fill {
            Some(fill) => quote!(__w.pad_to(__from, #size, #fill, &#info)?;),
            None => quote!(__w.exactly(__from, #size, &#info)?;),
        };
        let content = match item.attrs.max.as_ref().map(|key| &key.value) {
            None => content,
            Some(max)
                if matches!(item.extent, Extent::Count(_) | Extent::PrefixCount(..) | Extent::ByCount(_)) =>
            {
                quote! {
                    if __p::Counted::counted(#x) > (#max) {
                        return __p::Err(__w.error(__p::ErrorKind::TooLong, __w.here(), &#info));
                    }
                    #content
                }
            }
            Some(max) => quote! {
                let __begin = __w.here();
                #content
                if __w.since(__begin) > (#max) {
                    return __p::Err(__w.error(__p::ErrorKind::TooLong, __begin, &#info));
                }
            },
        };
        match &item.extent {
            Extent::Until(end) => {
                let end = end.iter();
                quote!({ let __from = __w.here(); #content __w.end_with(__from, &[#(#end),*], &#info)?; })
            }
            Extent::Separated(sep) => {
                let byte = sep.byte;
                let before = (!sep.first).then(|| quote!(__w.bytes(&[#byte]);));
                let check = (!sep.last).then(|| quote!(__w.without(__from, #byte, &#info)?;));
                quote!({ #before let __from = __w.here(); #content #check })
            }
            Extent::Fixed(size) => {
                let check = exact(quote!(#size));
                quote!({ let __from = __w.here(); #content #check })
            }
            Extent::Size(expr) if !mentions_left(expr) => {
                let size = user_expr(expr, self.layout, item, self.model, Locals::References);
                let check = exact(quote!(__p::ToSize::to_size(#size)));
                quote!({ let __from = __w.here(); #content #check })
            }
            Extent::Count(expr) if !mentions_left(expr) => {
                let count = user_expr(expr, self.layout, item, self.model, Locals::References);
                quote! {
                    if __p::Counted::counted(#x) != __p::ToSize::to_size(#count) {
                        return __p::Err(__w.error(__p::ErrorKind::Size, __w.here(), &#info));
                    }
                    #content
                }
            }
            Extent::PrefixSize(int, endian) => {
                let (bytes, bits) = (int.bytes, int.bytes as u32 * 8);
                let (patch, order) = (patch_name(*endian), patch_order(*endian));
                quote!({
                    let __prefix = __w.run([0_u8; #bytes]);
                    let __from = __w.here();
                    #content
                    __w.#patch::<#bytes>(__prefix, 0, #bits, __w.since(__from) as u64, &#info #order)?;
                })
            }
            Extent::PrefixCount(int, endian) => {
                let (bytes, bits) = (int.bytes, int.bytes as u32 * 8);
                let (patch, order) = (patch_name(*endian), patch_order(*endian));
                quote!({
                    let __prefix = __w.run([0_u8; #bytes]);
                    __w.#patch::<#bytes>(__prefix, 0, #bits, __p::Counted::counted(#x) as u64, &#info #order)?;
                    #content
                })
            }
            _ => content,
        }
    }

    /// Writes a value.
    fn content(&self, item: &Item, index: usize, x: &TokenStream) -> TokenStream {
        let (info, ty) = (&item.info, &item.ty);
        match &item.repr {
            Repr::Slice => quote!(__w.bytes(#x);),
            Repr::Buffer => quote!(__w.bytes(#x);),
            Repr::Array(_) => quote!(__w.bytes(&#x[..]);),
            Repr::Int(int, endian) => {
                let value = if item.relation.is_some() || item.member.is_none() && item.name.is_some() {
                    self.int_value(index, *int)
                } else {
                    quote!(*#x)
                };
                let fits = self.fits(item, *int, &value);
                let (statement, parts) = int_bytes(&format_ident!("__b"), &value, *int, *endian);
                quote!({ #fits #statement __w.run([#(#parts),*]); })
            }
            Repr::Scalar(int, endian) => {
                let over = over(&quote!(__v), *int, max_of(int.bytes as u32 * 8));
                let raw = IntTy { held: 8, signed: false, ..*int };
                let (statement, parts) = int_bytes(&format_ident!("__b"), &quote!(__v), raw, *endian);
                let value = if item.relation.is_some() {
                    self.raw_value(index)
                } else {
                    quote!(__p::Scalar::raw(*#x))
                };
                quote!({
                    let __v: u64 = #value;
                    if #over { return __p::Err(__w.error(__p::ErrorKind::Overflow, __w.here(), &#info)); }
                    #statement
                    __w.run([#(#parts),*]);
                })
            }
            Repr::Codec(codec) => {
                let span = located(codec);
                let encode = quote_spanned!(span=> __p::Codec::<'_, #ty>::encode(&(#codec), #x, __w, &#info));
                quote!(#encode?;)
            }
            Repr::Body(_) => {
                let ctx = ctx_value(item, self.layout, self.model, &quote!(__p::Tagged), Locals::References);
                quote!(__p::EncodeBody::encode_body(#x, __w, #ctx)?;)
            }
            // A word that says which variant follows is that of the variant.
            Repr::Part if let Some(Relation { source: Source::Tag(body), .. }) = &item.relation => {
                let body = position(&self.layout.items, body).and_then(|at| self.layout.items.get(at));
                let Some(body) = body.map(|body| &body.local) else { return TokenStream::new() };
                quote!({
                    let __t = <#ty as __p::Scalar>::from_raw(__p::Tagged::tag(#body));
                    __p::Encode::encode(&__t, __w, ())?;
                })
            }
            Repr::Part => {
                let ctx = ctx_value(item, self.layout, self.model, &quote!(__p::Wire), Locals::References);
                quote!(__p::Encode::encode(#x, __w, #ctx)?;)
            }
            Repr::List(ListKind::Lazy, element) => {
                let ctx = if item.ctx.is_empty() {
                    quote!(<<#element as __p::Wire>::Ctx as __p::NoCtx>::NONE)
                } else {
                    let holder_ty = element.clone();
                    let values = item.ctx.iter().map(|(name, expr)| {
                        let value = user_expr(expr, self.layout, item, self.model, Locals::References);
                        quote!(#name: #value)
                    });
                    let (aliased, has) = super::common::with_lifetime(quote!(#holder_ty));
                    let generics = if has { quote!(<'__c>) } else { TokenStream::new() };
                    quote!({ type __C #generics = <#aliased as __p::Wire>::Ctx; __C { #(#values),* } })
                };
                quote!(__p::Sequence::encode_all(#x, __w, #ctx)?;)
            }
            Repr::List(ListKind::Vec, _) => {
                let each = item
                    .each
                    .as_ref()
                    .map_or_else(TokenStream::new, |each| self.value(each, index, &quote!(__each)));
                quote!(for __each in #x.iter() { #each })
            }
            Repr::Bits(_) | Repr::Constant(_) | Repr::TagReceiver => TokenStream::new(),
        }
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

/// The variable with the place of an item.
fn place_name(index: usize) -> Ident {
    format_ident!("__e{}", index)
}
