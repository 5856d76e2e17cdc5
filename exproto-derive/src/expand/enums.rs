//! Enums with content: chosen by a tag that lies elsewhere, by an inline tag,
//! or by conditions.

use proc_macro2::TokenStream;
use quote::quote;

use super::common::{Locals, construct, ctx_bind, ctx_type, de_lifetime, header, pattern, user_expr};
use super::decode::Decode;
use super::depth;
use super::encode::Encode;
use super::structs::sizes;
use crate::holds::Holds;
use crate::ir::{EnumModel, Item, Layout, Model, Repr, Variant};
use crate::lower::fixed_at;

/// The traits of an enum.
pub(crate) fn expand(model: &Model, data: &EnumModel) -> TokenStream {
    let variants = variant_trait(model, data);
    if data.one_of {
        let layout = super::one_of::layout(model, data);
        return quote!(#layout #variants);
    }
    if data.chosen {
        let chosen = chosen(model, data);
        return quote!(#chosen #variants);
    }
    let tagged = tagged(model, data);
    let inline = inline(model, data);
    quote!(#tagged #inline #variants)
}

/// The body of a variant's decode, an expression of the enum's type.
pub(super) fn read_variant(model: &Model, variant: &Variant) -> TokenStream {
    let ident = &model.ident;
    let name = &variant.ident;
    let read = Decode { model, layout: &variant.layout, frame: None, within: None }.statements();
    let value = construct(&quote!(#ident::#name), &variant.layout);
    let asserts = super::asserts::where_used(model, &variant.layout);
    quote!({ #asserts #read #value })
}

/// Whether a variant may be meant.
pub(super) fn condition(model: &Model, variant: &Variant) -> TokenStream {
    let Some(when) = &variant.when else { return quote!(true) };
    let empty = Item::nowhere();
    let first = variant.layout.items.first().unwrap_or(&empty);
    user_expr(when, &variant.layout, first, model, Locals::Values)
}

/// The same for a variant that gives way to the catch-all when it does not fit.
fn try_variant(model: &Model, data: &EnumModel, variant: &Variant, opaque: &TokenStream) -> TokenStream {
    let read = read_variant(model, variant);
    if !data.lenient {
        return quote!(#read);
    }
    let info = &variant.info;
    // Where all values have one size, one look at it tells most.
    let fits = fixed_size(&variant.layout).map(|size| quote!(if __r.left() != #size { return __p::None; }));
    quote!({
        let __save = *__r;
        let __mark = __r.trace().mark();
        let __tried = (|| -> __p::Option<Self> {
            #fits
            (|| -> __p::Result<Self, __p::Error> { __p::Ok(#read) })().ok()
        })();
        match __tried {
            __p::Some(__v) if __r.left() == 0 => __v,
            _ => {
                *__r = __save;
                __r.trace().rewind(__mark);
                __r.flag_at(__p::Flag::Raw, &#info, __r.offset());
                #opaque
            }
        }
    })
}

/// The size of a layout that is one run of fixed items.
fn fixed_size(layout: &Layout) -> Option<usize> {
    let items = &layout.items;
    (0..items.len()).map(|index| fixed_at(items, index)).sum()
}

/// What the variants may hold.
fn held(model: &Model, data: &EnumModel) -> Holds {
    let variants = data.variants.iter().map(|variant| crate::holds::layout(model, &variant.layout));
    variants.fold(Holds::default(), Holds::and)
}

/// The bytes of the tags.
fn tag_bytes(data: &EnumModel, int: Option<crate::ir::IntTy>) -> Holds {
    crate::holds::tags(data.variants.iter().flat_map(|variant| variant.tags.iter().copied()), int)
}

fn tagged(model: &Model, data: &EnumModel) -> TokenStream {
    let lead = super::column::lead_of_enum(model, data);
    let fields = super::column::fields_of(
        data.variants.iter().map(|variant| &variant.layout),
        data.lenient || data.tried.is_some(),
    );
    let held = held(model, data).tokens();
    let tag_bytes = tag_bytes(data, None).tokens();
    let lifetime = de_lifetime(model);
    let ctx = ctx_type(model);
    let bind = ctx_bind(model);
    let ident = &model.ident;
    let max = data
        .variants
        .iter()
        .flat_map(|variant| variant.tags.iter().map(|(_, high)| *high))
        .max()
        .unwrap_or(0);
    let has_other = data.other.is_some();
    // What the catch-all can keep.
    let kept_by = |item: &Item| {
        let ty = &item.ty;
        match crate::ir::IntTy::of_type(ty) {
            Some(int) => {
                let max = if int.held >= 8 { u64::MAX } else { (1_u64 << (int.held * 8)) - 1 };
                quote!(#max)
            }
            None => quote!((::core::primitive::u64::MAX >> (64 - <#ty as __p::Scalar>::BITS))),
        }
    };
    let other = data.other.and_then(|index| receiver(data.variants.get(index)?));
    let max_other = other.map_or_else(|| quote!(::core::primitive::u64::MAX), kept_by);
    let greedy = data.variants.iter().map(|variant| sizes(&variant.layout).2);
    let tag_arms = data.variants.iter().map(|variant| {
        let name = &variant.ident;
        match receiver(variant) {
            Some(item) => {
                let (member, local) = (&item.member, &item.local);
                quote!(#ident::#name { #member: #local, .. } => __p::tag_from(*#local),)
            }
            None => {
                let tag = variant.tags.first().map_or(0, |(low, _)| *low);
                quote!(#ident::#name { .. } => #tag,)
            }
        }
    });
    let opaque = opaque(model, data);
    let select_arms = data.variants.iter().enumerate().filter(|(index, _)| data.other != Some(*index)).map(
        |(_, variant)| {
            let patterns = variant
                .tags
                .iter()
                .map(|(low, high)| if low == high { quote!(#low) } else { quote!(#low..=#high) });
            let read = try_variant(
                model,
                data,
                variant,
                &quote!(<Self as __p::Select<#lifetime>>::opaque(__tag, __r)?),
            );
            let info = &variant.info;
            let guard = variant.when.as_ref().map(|_| {
                let condition = condition(model, variant);
                quote!(if #condition)
            });
            quote!(#(#patterns)|* #guard => { __r.enter(&#info); let __v = #read; __r.leave(); __v })
        },
    );
    let encode_body = encode_body(model, data);
    let choose = quote! {
        #bind
        let __left: usize = __r.left();
        __p::Ok(match __tag {
            #(#select_arms,)*
            _ => <Self as __p::Select<#lifetime>>::opaque(__tag, __r)?,
        })
    };
    let choose = depth::decode(model, &choose);
    let ends = depth::ends(model);
    let inner = super::inner::expand(model);
    let tagged = header(model, false, &quote!(__p::Tagged), &quote!(__p::Wire<Ctx = ()>));
    let select =
        header(model, true, &quote!(__p::Select<#lifetime>), &quote!(__p::Decode<#lifetime, Ctx = ()>));
    let encode = header(model, false, &quote!(__p::EncodeBody), &quote!(__p::Encode<Ctx = ()>));
    quote! {
        #tagged {
            const MAX_TAG: u64 = #max;
            const HAS_OTHER: bool = #has_other;
            const MAX_OTHER: u64 = #max_other;
            const GREEDY: bool = false #(|| #greedy)*;
            const BYTES: __p::ByteSet = #held;
            const TAG_BYTES: __p::ByteSet = #tag_bytes;
            #fields
            #ends
            type Ctx = #ctx;
            #lead
            #[inline]
            fn tag(&self) -> u64 { match self { #(#tag_arms)* } }
            #inner
        }
        #select {
            #[inline]
            fn select<__T: __p::Trace>(__tag: u64, __r: &mut __p::Reader<#lifetime, __T>, __ctx: #ctx)
                -> __p::Result<Self, __p::Error>
            {
                #choose
            }
            #[inline]
            fn opaque<__T: __p::Trace>(__tag: u64, __r: &mut __p::Reader<#lifetime, __T>)
                -> __p::Result<Self, __p::Error>
            {
                #opaque
            }
        }
        #encode { #encode_body }
    }
}

/// The methods that write a variant without its tag.
fn encode_body(model: &Model, data: &EnumModel) -> TokenStream {
    let (ident, ctx, bind) = (&model.ident, ctx_type(model), ctx_bind(model));
    let arms = |write: &dyn Fn(&Variant) -> TokenStream| -> Vec<TokenStream> {
        let arm = |variant: &Variant| {
            let name = &variant.ident;
            let (take_apart, write) = (pattern(&quote!(#ident::#name), &variant.layout), write(variant));
            quote!(#take_apart => { #write })
        };
        data.variants.iter().map(arm).collect()
    };
    if model.max_depth.is_some() {
        let arms = arms(&|variant| Encode::new(model, &variant.layout).statements());
        let write = depth::encode(model, &quote!(#bind match self { #(#arms)* } __p::Ok(())));
        return quote! {
            #[inline]
            fn encode_body(&self, __w: &mut __p::Writer<'_>, __ctx: #ctx) -> __p::Result<(), __p::Error> {
                #write
            }
        };
    }
    let arms = arms(&|variant| {
        let tag = match receiver(variant) {
            Some(item) => {
                let local = &item.local;
                quote!(__p::tag_from(*#local))
            }
            None => {
                let tag = variant.tags.first().map_or(0, |(low, _)| *low);
                quote!(#tag)
            }
        };
        Encode::new(model, &variant.layout).behind_head(&tag)
    });
    quote! {
        #[inline]
        fn encode_body(&self, __w: &mut __p::Writer<'_>, __ctx: #ctx) -> __p::Result<(), __p::Error> {
            match __p::EncodeBody::encode_behind(self, __w, __ctx, __p::no_head) {
                __p::Ok(_) => __p::Ok(()),
                __p::Err(__e) => __p::Err(__e),
            }
        }
        #[inline]
        fn encode_behind<const __N: usize>(
            &self,
            __w: &mut __p::Writer<'_>,
            __ctx: #ctx,
            __head: impl __p::core::ops::Fn(&__p::Writer<'_>, u64, __p::Option<usize>) -> __p::Result<[u8; __N], __p::Error>,
        ) -> __p::Result<bool, __p::Error> {
            #bind
            __p::Ok(match self { #(#arms)* })
        }
    }
}

/// What happens to tags that no variant has.
fn opaque(model: &Model, data: &EnumModel) -> TokenStream {
    match data.other.and_then(|index| data.variants.get(index)) {
        Some(other) => {
            let read = read_variant(model, other);
            let info = &other.info;
            quote!(__r.enter(&#info); let __v = #read; __r.leave(); __p::Ok(__v))
        }
        None => quote!(__p::Err(__r.fail(__p::ErrorKind::Tag, __r.offset(), &__TYPE, __tag, 0))),
    }
}

/// `Wire`, `Decode`, `Encode` of an enum that begins with its tag.
fn inline(model: &Model, data: &EnumModel) -> TokenStream {
    let Some((int, endian)) = data.inline_tag else { return TokenStream::new() };
    let held = held(model, data).and(tag_bytes(data, Some(int))).tokens();
    let type_info = quote::format_ident!("__TYPE");
    let order = |locals: Locals| {
        let bind = super::common::ctx_bind(model);
        data.tag_endian.as_ref().map(|expr| {
            let value = super::calc::total(&super::common::in_orders(expr), &locals.missing(&type_info));
            let chosen = super::common::chosen_order(0, &quote!((#value)), expr);
            quote!(#bind #chosen)
        })
    };
    let (decode_order, encode_order) = (order(Locals::Values), order(Locals::References));
    let lifetime = de_lifetime(model);
    let ctx = ctx_type(model);
    let bytes = int.bytes;
    let from = quote!((__r.offset() - #bytes as u32));
    let read = super::common::read_number(&quote!(__h), 0, (int, endian), &from, &type_info);
    let (statement, parts) = super::common::int_bytes(
        &quote::format_ident!("__b"),
        &quote!(__tag),
        crate::ir::IntTy { held: 8, ..int },
        endian,
    );
    let max = int.max();
    let greedy = data.variants.iter().map(|variant| sizes(&variant.layout).2);
    let wire = header(model, false, &quote!(__p::Wire), &quote!(__p::Wire<Ctx = ()>));
    let decode =
        header(model, true, &quote!(__p::Decode<#lifetime>), &quote!(__p::Decode<#lifetime, Ctx = ()>));
    let encode = header(model, false, &quote!(__p::Encode), &quote!(__p::Encode<Ctx = ()>));
    quote! {
        #wire {
            const MIN: usize = #bytes;
            const SIZE: __p::Option<usize> = __p::None;
            const GREEDY: bool = false #(|| #greedy)*;
            const BYTES: __p::ByteSet = #held;
            const ENDS_WITHOUT_MAX_DEPTH: () = <Self as __p::Tagged>::ENDS_WITHOUT_MAX_DEPTH;
            const INNER: &'static [__p::Inner] = <Self as __p::Tagged>::INNER;
            type Ctx = #ctx;
            fn inner(&self, __path: &[&str], __asked: __p::Asked) -> __p::Option<u64> {
                __p::Tagged::inner(self, __path, __asked)
            }
        }
        #decode {
            #[inline]
            fn decode<__T: __p::Trace>(__r: &mut __p::Reader<#lifetime, __T>, __ctx: #ctx) -> __p::Result<Self, __p::Error> {
                #decode_order
                let __h = __r.run::<#bytes>(&__TYPE)?;
                <Self as __p::Select<#lifetime>>::select(#read as u64, __r, __ctx)
            }
        }
        #encode {
            #[inline]
            fn encode(&self, __w: &mut __p::Writer<'_>, __ctx: #ctx) -> __p::Result<(), __p::Error> {
                let __head = |__w: &__p::Writer<'_>, __tag: u64, _: __p::Option<usize>| -> __p::Result<[u8; #bytes], __p::Error> {
                    if __tag > #max { return __p::Err(__w.error(__p::ErrorKind::Overflow, __w.here(), &__TYPE)); }
                    #encode_order
                    #statement
                    __p::Ok([#(#parts),*])
                };
                match __p::EncodeBody::encode_behind(self, __w, __ctx, __head) {
                    __p::Ok(_) => __p::Ok(()),
                    __p::Err(__e) => __p::Err(__e),
                }
            }
        }
    }
}

/// `Wire`, `Decode`, `Encode` of an enum whose variants have conditions.
fn chosen(model: &Model, data: &EnumModel) -> TokenStream {
    let lead = super::column::lead_of_enum(model, data);
    let fields = super::column::fields_of(
        data.variants.iter().map(|variant| &variant.layout),
        data.lenient || data.tried.is_some(),
    );
    let held = held(model, data).tokens();
    let lifetime = de_lifetime(model);
    let ctx = ctx_type(model);
    let bind = ctx_bind(model);
    let ident = &model.ident;
    let mut arms = TokenStream::new();
    for (index, variant) in data.variants.iter().enumerate().filter(|_| data.tried.is_none()) {
        let last = index + 1 == data.variants.len();
        let info = &variant.info;
        let condition = condition(model, variant);
        let read = read_variant(model, variant);
        if data.lenient && !last {
            // The first variant that fits is taken, not the first that may.
            arms.extend(quote! {
                if #condition {
                    let __save = *__r;
                    let __mark = __r.trace().mark();
                    __r.enter(&#info);
                    let __tried = (|| -> __p::Result<Self, __p::Error> { __p::Ok(#read) })();
                    match __tried {
                        __p::Ok(__v) if __r.left() == 0 => { __r.leave(); return __p::Ok(__v); }
                        _ => { *__r = __save; __r.trace().rewind(__mark); }
                    }
                }
            });
        } else {
            arms.extend(quote!(if #condition { __r.enter(&#info); let __v = #read; __r.leave(); return __p::Ok(__v); }));
        }
    }
    let body_arms = data.variants.iter().map(|variant| {
        let name = &variant.ident;
        let take_apart = pattern(&quote!(#ident::#name), &variant.layout);
        let write = Encode::new(model, &variant.layout).statements();
        quote!(#take_apart => { #write })
    });
    let read = match data.tried {
        Some(_) => {
            let read = super::tried::decode(model, data, &lifetime);
            quote!(#bind #read)
        }
        None => quote! {
            #bind
            let __left: usize = __r.left();
            #arms
            __p::Err(__r.fail(__p::ErrorKind::Tag, __r.offset(), &__TYPE, 0, 0))
        },
    };
    // What fits is what leaves nothing.
    let tried = data.tried.is_some();
    let read = depth::decode(model, &read);
    let write = depth::encode(model, &quote!(#bind match self { #(#body_arms)* } __p::Ok(())));
    let ends = depth::ends(model);
    let inner = super::inner::expand(model);
    let min = data.variants.iter().map(|variant| sizes(&variant.layout).0);
    let greedy = data.variants.iter().map(|variant| sizes(&variant.layout).2);
    let wire = header(model, false, &quote!(__p::Wire), &quote!(__p::Wire<Ctx = ()>));
    let decode =
        header(model, true, &quote!(__p::Decode<#lifetime>), &quote!(__p::Decode<#lifetime, Ctx = ()>));
    let encode = header(model, false, &quote!(__p::Encode), &quote!(__p::Encode<Ctx = ()>));
    quote! {
        #wire {
            const MIN: usize = __p::smallest(&[#(#min),*]);
            const SIZE: __p::Option<usize> = __p::None;
            const GREEDY: bool = #tried #(|| #greedy)*;
            const BYTES: __p::ByteSet = #held;
            #fields
            #ends
            type Ctx = #ctx;
            #lead
            #inner
        }
        #decode {
            fn decode<__T: __p::Trace>(__r: &mut __p::Reader<#lifetime, __T>, __ctx: #ctx) -> __p::Result<Self, __p::Error> {
                #read
            }
        }
        #encode {
            fn encode(&self, __w: &mut __p::Writer<'_>, __ctx: #ctx) -> __p::Result<(), __p::Error> {
                #write
            }
        }
    }
}

/// The name of the variant and its content without the name.
fn variant_trait(model: &Model, data: &EnumModel) -> TokenStream {
    let ident = &model.ident;
    let kinds = data.variants.iter().map(|variant| {
        let (name, snake) = (&variant.ident, &variant.snake);
        quote!(#ident::#name { .. } => #snake,)
    });
    let raw = raw_body(model, data);
    let header = header(model, false, &quote!(__p::Kind), &TokenStream::new());
    quote! {
        #header {
            #[inline]
            fn kind(&self) -> &'static str { match self { #(#kinds)* } }
        }
        #raw
    }
}

/// The bytes of the catch-all, for segments.
fn raw_body(model: &Model, data: &EnumModel) -> TokenStream {
    let Some(other) = data.other.and_then(|index| data.variants.get(index)) else {
        return TokenStream::new();
    };
    let Some(field) = other.layout.items.iter().find(|item| matches!(item.repr, Repr::Slice | Repr::Buffer))
    else {
        return TokenStream::new();
    };
    let (ident, name, member, local) = (&model.ident, &other.ident, &field.member, &field.local);
    let header = header(model, false, &quote!(__p::RawBody), &TokenStream::new());
    quote! {
        #header {
            fn raw_body(&self) -> __p::Option<&[u8]> {
                match self { #ident::#name { #member: #local, .. } => __p::Some(&#local[..]), _ => __p::None }
            }
        }
    }
}

/// The field that takes the tag.
pub(crate) fn receiver(variant: &Variant) -> Option<&Item> {
    variant.layout.items.iter().find(|item| matches!(item.repr, Repr::TagReceiver))
}
