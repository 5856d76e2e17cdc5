//! A value with its prefix and padding.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use super::{Due, Encode, max_of, over, place_name, to_bits};
use crate::attr::wire::Endian;
use crate::expand::common::{
    Locals, by_bytes, ctx_value, int_bytes, is_little, located, patch_name, patch_order, user_expr,
    with_lifetime,
};
use crate::expand::{gap, index, rows};
use crate::ir::{Extent, IntTy, Item, ListKind, Repr};
use crate::lower::position;
use crate::number::Digits;
use crate::relation::{Relation, Source};

impl Encode<'_> {
    /// Writes a value with its prefix and padding; `x` is a reference to it.
    pub(super) fn value(&self, item: &Item, index: usize, x: &TokenStream) -> TokenStream {
        self.in_column(item, self.sized(item, index, x))
    }

    fn sized(&self, item: &Item, index: usize, x: &TokenStream) -> TokenStream {
        let info = &item.info;
        if let Repr::Row(..) = item.repr {
            return self.content(item, index, x);
        }
        let content = self.transformed(item, self.content(item, index, x));
        let fill = item.fill;
        let exact = |size: TokenStream| match fill {
            Some(fill) => self.insist(&quote!(__w.pad_to(__from, #size, #fill, &#info))),
            None => self.insist(&quote!(__w.exactly(__from, #size, &#info))),
        };
        let content = match item.wire_max() {
            None => content,
            Some(max) if item.counted() => {
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
            Extent::UntilElement(last) => {
                let last = user_expr(last, self.layout, item, self.model, Locals::References);
                let holds = match &item.repr {
                    Repr::List(ListKind::Lazy, _) => quote!(__p::Sequence::ends_with(#x, #last)),
                    _ => quote!(__p::only_last(#x.iter(), #last)),
                };
                quote! {
                    if !#holds {
                        return __p::Err(__w.error(__p::ErrorKind::Custom, __w.here(), &#info));
                    }
                    #content
                }
            }
            Extent::Fixed(size) => {
                let check = exact(quote!(#size));
                quote!({ let __from = __w.here(); #content #check })
            }
            Extent::Size(expr)
                if !by_bytes(expr)
                    && let Repr::Sized(endian) = item.repr =>
            {
                let size = user_expr(expr, self.layout, item, self.model, Locals::References);
                let little = is_little(endian);
                let value = self.sized_value(item, index).unwrap_or_else(|| quote!(*#x));
                quote!({ let __n: usize = __p::ToSize::to_size(#size); let __v = #value; __w.any_width(__v, __n, #little, &#info)?; })
            }
            Extent::Size(expr) if !by_bytes(expr) => {
                let size = user_expr(expr, self.layout, item, self.model, Locals::References);
                let check = exact(quote!(__p::ToSize::to_size(#size)));
                quote!({ let __from = __w.here(); #content #check })
            }
            Extent::Count(_) if matches!(item.repr, Repr::List(ListKind::Array, _)) => content,
            Extent::Count(expr) if !by_bytes(expr) => {
                let count = user_expr(expr, self.layout, item, self.model, Locals::References);
                let odd = self.refuse(&quote!(__w.error(__p::ErrorKind::Size, __w.here(), &#info)));
                quote! {
                    if __p::Counted::counted(#x) != __p::ToSize::to_size(#count) { #odd }
                    #content
                }
            }
            // Its width follows from the number, so it is put before the value
            // when that is written.
            Extent::PrefixSizeBy(codec) => {
                let span = located(codec);
                let encode =
                    quote_spanned!(span=> __p::Codec::<'_, u64>::encode(&(#codec), &__n, __w, &#info));
                quote!({
                    let __from = __w.here();
                    #content
                    let __n: u64 = __w.since(__from) as u64;
                    __w.put_before(__from, |__w| #encode)?;
                })
            }
            Extent::PrefixCountBy(codec) => {
                let span = located(codec);
                let encode =
                    quote_spanned!(span=> __p::Codec::<'_, u64>::encode(&(#codec), &__n, __w, &#info));
                quote!({
                    let __n: u64 = __p::Counted::counted(#x) as u64;
                    #encode?;
                    #content
                })
            }
            // Bytes say at once how many they are.
            Extent::PrefixSize(int, endian)
                if int.digits.is_none()
                    && item.attrs.via.is_none()
                    && item.wire_max().is_none()
                    && matches!(item.repr, Repr::Slice | Repr::Buffer) =>
            {
                let number = number(*int, *endian, &quote!(<[u8]>::len(&#x[..]) as u64), info);
                quote!({ #number #content })
            }
            Extent::PrefixSize(int, endian) => {
                let bytes = int.bytes;
                let patch = patch(*int, *endian, &quote!(__w.since(__from) as u64), info);
                quote!({
                    let __prefix = __w.run([0_u8; #bytes]);
                    let __from = __w.here();
                    #content
                    #patch
                })
            }
            Extent::PrefixCount(int, endian) if int.digits.is_none() => {
                let count = quote!(__p::Counted::counted(#x) as u64);
                let number = number(*int, *endian, &count, info);
                quote!({ #number #content })
            }
            Extent::PrefixCount(int, endian) => {
                let bytes = int.bytes;
                let patch = patch(*int, *endian, &quote!(__p::Counted::counted(#x) as u64), info);
                quote!({
                    let __prefix = __w.run([0_u8; #bytes]);
                    #patch
                    #content
                })
            }
            _ => content,
        }
    }

    /// What is computed into a number whose width something else says.
    fn sized_value(&self, item: &Item, index: usize) -> Option<TokenStream> {
        item.relation.as_ref()?;
        let Due::Now(value) = self.due(index)? else { return None };
        let (ty, info) = (&item.ty, &item.info);
        let value = quote! {
            <#ty as __p::TryFrom<i64>>::try_from(#value)
                .map_err(|_| __w.error(__p::ErrorKind::Overflow, __w.here(), &#info))?
        };
        Some(self.noted(index, value))
    }

    /// Puts what `content` writes through the transform of the field.
    fn transformed(&self, item: &Item, content: TokenStream) -> TokenStream {
        let Some(via) = item.attrs.via.as_ref().map(|key| &key.value) else { return content };
        let (info, max) = (&item.info, crate::expand::decode::most(item));
        let transform = user_expr(via, self.layout, item, self.model, Locals::References);
        let through = quote_spanned!(located(via)=> __w.through(__plain, &__via, #max, &#info));
        let through = quote! {
            let __via = #transform;
            let __plain = __w.here();
            #content
            #through?;
        };
        match &item.opaque {
            // What is opaque was not transformed when it was read.
            Some(opaque) => {
                let opaque = user_expr(opaque, self.layout, item, self.model, Locals::References);
                quote!(if #opaque { #content } else { #through })
            }
            None => quote!({ #through }),
        }
    }

    /// Writes a value.
    pub(super) fn content(&self, item: &Item, index: usize, x: &TokenStream) -> TokenStream {
        let (info, ty) = (&item.info, &item.ty);
        match &item.repr {
            Repr::Slice => quote!(__w.bytes(#x);),
            Repr::Buffer => quote!(__w.bytes(#x);),
            Repr::Array(_) => quote!(__w.bytes(&#x[..]);),
            Repr::Int(int, _) if int.own_width() => {
                let Some(digits) = int.digits.map(Digits::tokens) else {
                    return TokenStream::new();
                };
                match (&item.relation, self.due(index)) {
                    (Some(_), Some(Due::After(_))) => TokenStream::new(),
                    (Some(_), _) => {
                        let value = self.int_value(index, *int);
                        quote!(__w.digits(#digits, #value as u64);)
                    }
                    _ => quote!(__w.digits(#digits, *#x as u64);),
                }
            }
            Repr::Scalar(int, _) if int.own_width() => {
                let digits = int.digits.map(Digits::tokens);
                match (&item.relation, self.due(index)) {
                    (Some(_), Some(Due::After(_))) => TokenStream::new(),
                    (Some(_), _) => {
                        let value = self.raw_value(index);
                        quote!({ let __v: u64 = #value; __w.digits(#digits, __v); })
                    }
                    _ => quote!(__w.digits(#digits, __p::Scalar::raw(*#x));),
                }
            }
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
                let over = over(&quote!(__v), *int, int.max());
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
                let value = match (&item.relation, self.due(index)) {
                    (Some(_), Some(Due::After(_))) => return TokenStream::new(),
                    (Some(_), Some(Due::Now(value))) => {
                        let value = quote!({
                            let __v: #ty = <#ty as __p::TryFrom<i64>>::try_from(#value)
                                .map_err(|_| __w.error(__p::ErrorKind::Overflow, __w.here(), &#info))?;
                            __v
                        });
                        self.noted(index, value)
                    }
                    _ => quote!(*#x),
                };
                let span = located(codec);
                if item.relation.is_some() {
                    let encode =
                        quote_spanned!(span=> __p::Codec::<'_, #ty>::encode(&(#codec), &__v, __w, &#info));
                    return quote!({ let __v: #ty = #value; #encode?; });
                }
                let encode = quote_spanned!(span=> __p::Codec::<'_, #ty>::encode(&(#codec), #x, __w, &#info));
                quote!(#encode?;)
            }
            Repr::Body(_) => {
                let ctx = ctx_value(item, self.layout, self.model, &quote!(__p::Tagged), Locals::References);
                quote!(__p::EncodeBody::encode_body(#x, __w, #ctx)?;)
            }
            Repr::Part if let Some(Relation { source: Source::Sign(..), .. }) = &item.relation => {
                let raw = crate::expand::join::part(&self.layout.items, index);
                let Some(raw) = raw else { return TokenStream::new() };
                quote!({
                    let __t = <#ty as __p::Scalar>::from_raw((#raw) as u64);
                    __p::Encode::encode(&__t, __w, ())?;
                })
            }
            Repr::Part if let Some(Relation { source: Source::Constant(expr), .. }) = &item.relation => {
                quote!({
                    let __t = <#ty as __p::Scalar>::from_raw((#expr) as u64);
                    __p::Encode::encode(&__t, __w, ())?;
                })
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
                    let (aliased, has) = with_lifetime(quote!(#holder_ty));
                    let generics = if has { quote!(<'__c>) } else { TokenStream::new() };
                    quote!({ type __C #generics = <#aliased as __p::Wire>::Ctx; __C { #(#values),* } })
                };
                quote!(__p::Sequence::encode_all(#x, __w, #ctx)?;)
            }
            Repr::List(ListKind::Vec | ListKind::Array, _) if let Some(slot) = item.bit_elements() => {
                let (bits, little, max) = (slot.count, is_little(slot.endian), max_of(slot.count));
                let ty = item.each.as_ref().map(|each| &each.ty);
                let raw = ty.map(|ty| to_bits(ty, bits, &quote!((*__each))));
                quote!({
                    let __first = __w.here();
                    __w.fill(0, __p::bit_bytes(__p::Counted::counted(#x), #bits));
                    let mut __at: usize = 0;
                    for __each in #x.iter() {
                        let __v: u64 = #raw;
                        if __v > #max { return __p::Err(__w.error(__p::ErrorKind::Overflow, __first, &#info)); }
                        __w.put_bits(__first, #little, __at, #bits, __v);
                        __at += #bits as usize;
                    }
                })
            }
            Repr::List(ListKind::Vec | ListKind::Array, _) => {
                let each = item
                    .each
                    .as_ref()
                    .map_or_else(TokenStream::new, |each| self.value(each, index, &quote!(__each)));
                let (one, all) = match index::numbered(item) {
                    true => (quote!((__index, __each)), quote!(#x.iter().enumerate())),
                    false => (quote!(__each), quote!(#x.iter())),
                };
                let said = match item.each.as_ref().map(|each| &each.extent) {
                    Some(Extent::BySizes(row)) => (*row, quote!(__w.since(__first) as i64)),
                    Some(Extent::ByCounts(row)) => (*row, quote!(__p::Counted::counted(__each) as i64)),
                    _ => {
                        let Some(byte) = item.attrs.sep.as_ref().map(|key| key.value) else {
                            return quote!(for #one in #all { #each });
                        };
                        // Where its elements are fields, one may stand before them.
                        if item.column.is_some_and(|column| column.vanishes) {
                            return quote! {
                                for __each in #x.iter() {
                                    if __due { __w.bytes(&[#byte]); }
                                    __due = true;
                                    #each
                                }
                            };
                        }
                        return quote!({
                            let mut __later = false;
                            for #one in #all {
                                if __later { __w.bytes(&[#byte]); }
                                __later = true;
                                #each
                            }
                        });
                    }
                };
                let patch = rows::patch(&self.layout.items, said.0, &said.1);
                quote! {
                    let mut __i: usize = 0;
                    for #one in #all {
                        let __first = __w.here();
                        #each
                        #patch
                        __i += 1;
                    }
                }
            }
            Repr::Gap(gap) => {
                let start = place_name(0);
                let begun = quote!(__w.since(#start));
                let count = gap::count(gap, item, self.layout, self.model, &begun, Locals::References);
                let fill = gap::fill(item);
                quote!({ let __n: usize = #count; __w.pad(__n, #fill, &#info)?; })
            }
            Repr::Sized(endian) => {
                let little = is_little(*endian);
                quote!(__w.any_width(*#x, __p::AnyWidth::width(*#x), #little, &#info)?;)
            }
            Repr::Row(int, _) => {
                let list = match item.relation.as_ref().map(|relation| &relation.source) {
                    Some(Source::Sizes(list) | Source::Counts(list)) => position(&self.layout.items, list),
                    _ => None,
                };
                let Some(list) = list.and_then(|at| self.layout.items.get(at)) else {
                    return TokenStream::new();
                };
                let (list, bytes) = (&list.local, int.bytes);
                quote!(__w.fill(0, __p::Counted::counted(#list).saturating_mul(#bytes));)
            }
            Repr::Bits(_) | Repr::Constant(_) | Repr::TagReceiver | Repr::Skipped(_) => TokenStream::new(),
        }
    }
}

/// Writes the prefix of a value that is known before the value is written.
fn number(int: IntTy, endian: Endian, value: &TokenStream, info: &Ident) -> TokenStream {
    let (bytes, little) = (int.bytes, is_little(endian));
    quote!(__w.number::<#bytes>(#value, #little, &#info)?;)
}

/// Writes the prefix of a value at `__prefix`.
fn patch(int: IntTy, endian: Endian, value: &TokenStream, info: &Ident) -> TokenStream {
    let (bytes, bits) = (int.bytes, int.bytes as u32 * 8);
    if let Some(digits) = int.digits.map(Digits::tokens) {
        return quote!(__w.patch_digits::<#bytes>(__prefix, #digits, #value, &#info)?;);
    }
    let (patch, order) = (patch_name(endian), patch_order(endian));
    quote!(__w.#patch::<#bytes>(__prefix, 0, #bits, #value, &#info #order)?;)
}
