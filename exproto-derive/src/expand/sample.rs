//! `Sample`: random values within what the layout allows.

mod order;

use proc_macro2::TokenStream;
use quote::quote;

use super::common::{
    Locals, by_bytes, construct, ctx_bind, ctx_type, ctx_value, header, peeks, type_is, user_expr,
};
use super::fill::full_type;
use crate::ir::{EnumModel, Extent, IntTy, Item, Layout, ListKind, Model, Presence, Repr, Shape, Variant};

/// `Sample` of any type.
pub(crate) fn expand(model: &Model) -> TokenStream {
    let ident = &model.ident;
    let ctx = ctx_type(model);
    let bind = ctx_bind(model);
    let header = header(model, false, &quote!(__p::Sample<#ctx>), &quote!(__p::Sample + __p::Wire<Ctx = ()>));
    let body = match &model.shape {
        Shape::Struct(layout) => content(model, layout, &quote!(#ident)),
        Shape::Bits(bits) => content(model, &bits.layout, &quote!(#ident)),
        Shape::Scalar(scalar) => {
            let count = scalar.variants.len();
            let arms = scalar
                .variants
                .iter()
                .enumerate()
                .map(|(index, (name, ..))| quote!(#index => #ident::#name,));
            let last = match (scalar.variants.last(), &scalar.other) {
                (_, Some(other)) => quote!(#ident::#other(0)),
                (Some((name, ..)), None) => quote!(#ident::#name),
                (None, None) => TokenStream::new(),
            };
            quote!(match __random.within(0..=(#count - 1)) { #(#arms)* _ => #last })
        }
        Shape::Enum(data) if data.tried.is_some() || looks(data) => {
            // Any variant that its condition allows.
            let count = data.variants.len().max(1);
            let arms = data.variants.iter().enumerate().map(|(index, variant)| {
                let name = &variant.ident;
                let value = content(model, &variant.layout, &quote!(#ident::#name));
                let condition = condition(model, variant);
                quote!(#index if #condition => return #value,)
            });
            let fallback = data.variants.first().map(|variant| {
                let name = &variant.ident;
                content(model, &variant.layout, &quote!(#ident::#name))
            });
            quote!({
                for _ in 0..32_u8 {
                    match __random.within(0..=(#count - 1)) { #(#arms)* _ => {} }
                }
                #fallback
            })
        }
        Shape::Enum(data) if data.chosen => {
            let arms = data.variants.iter().map(|variant| {
                let name = &variant.ident;
                let value = content(model, &variant.layout, &quote!(#ident::#name));
                let condition = condition(model, variant);
                quote!(if #condition { return #value; })
            });
            let fallback = data.variants.last().map(|variant| {
                let name = &variant.ident;
                content(model, &variant.layout, &quote!(#ident::#name))
            });
            quote!(#(#arms)* #fallback)
        }
        Shape::Enum(data) => {
            let known: Vec<_> = data
                .variants
                .iter()
                .enumerate()
                .filter(|(index, _)| data.other != Some(*index))
                .map(|(_, v)| v)
                .collect();
            let count = known.len().max(1);
            let pick = match super::depth::shallow(&known) {
                Some(shallow) => quote! {
                    if __random.is_deep() {
                        __random.one_of(&[#(#shallow),*]).copied().unwrap_or_default()
                    } else {
                        __random.within(0..=(#count - 1))
                    }
                },
                None => quote!(__random.within(0..=(#count - 1))),
            };
            let arms = known.iter().enumerate().map(|(index, variant)| {
                let name = &variant.ident;
                let value = content(model, &variant.layout, &quote!(#ident::#name));
                let tag = variant.tags.first().map_or(0, |(low, _)| *low);
                // Those before it that have its tag, if their conditions hold.
                let taken = known.iter().take(index).filter(|earlier| {
                    earlier.when.is_some()
                        && earlier.tags.iter().any(|(low, high)| (*low..=*high).contains(&tag))
                });
                let taken: Vec<_> = taken.map(|earlier| condition(model, earlier)).collect();
                let guard = (variant.when.is_some() || !taken.is_empty()).then(|| {
                    let condition = condition(model, variant);
                    quote!(if #condition #(&& !#taken)*)
                });
                quote!(#index #guard => { let __tag: u64 = #tag; return #value })
            });
            // What nothing reads may have any tag.
            let unread = data.other.and_then(|index| data.variants.get(index)).map(|variant| {
                let name = &variant.ident;
                let value = content(model, &variant.layout, &quote!(#ident::#name));
                let tags = known.iter().map(|variant| variant.tags.first().map_or(0, |(low, _)| *low));
                quote! {
                    if __random.take_unread() {
                        let __tag: u64 = __random.one_of::<u64>(&[#(#tags),*]).copied().unwrap_or_default();
                        return #value;
                    }
                }
            });
            let last = data.other.and_then(|index| data.variants.get(index)).or(data.variants.last()).map(
                |variant| {
                    let name = &variant.ident;
                    content(model, &variant.layout, &quote!(#ident::#name))
                },
            );
            // One whose condition does not hold gives way to another.
            let guarded = known.iter().any(|variant| variant.when.is_some());
            let tries = if guarded { 32_u8 } else { 1 };
            quote!({
                #unread
                for _ in 0..#tries {
                    match #pick { #(#arms,)* _ => {} }
                }
                let __tag: u64 = 0;
                #last
            })
        }
    };
    let body = super::depth::sample(model, &body);
    quote! {
        #header {
            fn sample(
                __random: &mut __p::Random,
                __size: __p::Option<usize>,
                __at: &'static __p::FieldInfo,
                __ctx: #ctx,
            ) -> Self {
                #bind
                #body
            }
        }
    }
}

/// Whether variants are told apart by the bytes that come next.
fn looks(data: &EnumModel) -> bool {
    data.chosen && data.variants.iter().any(|variant| variant.when.as_ref().is_some_and(peeks))
}

/// Whether a variant may be meant.
fn condition(model: &Model, variant: &Variant) -> TokenStream {
    match &variant.when {
        None => quote!(true),
        // Only bytes that came tell how many are left.
        // What it looks at is what its own constants say.
        Some(when) if peeks(when) => quote!(true),
        Some(when) if by_bytes(when) => quote!(false),
        Some(when) => {
            let nowhere = Item::nowhere();
            let first = variant.layout.items.first().unwrap_or(&nowhere);
            user_expr(when, &variant.layout, first, model, Locals::Sample)
        }
    }
}

/// An expression that makes a layout.
fn content(model: &Model, layout: &Layout, path: &TokenStream) -> TokenStream {
    let lets = order::order(layout).into_iter().map(|step| {
        let item = match step {
            order::Step::Any(index) => &layout.items[index],
            order::Step::Computed(index) => return order::computed(layout, index),
        };
        let local = &item.local;
        let value = value(model, layout, item);
        let value = match &item.presence {
            Presence::Always if let Some(absent) = &item.absent => match &absent.unless {
                Some(unless) if !by_bytes(unless) => {
                    let unless = user_expr(unless, layout, item, model, Locals::Sample);
                    let default = user_expr(&absent.value, layout, item, model, Locals::Sample);
                    quote!(if #unless { #value } else { #default })
                }
                _ => value,
            },
            Presence::Always => value,
            Presence::If(condition) if !by_bytes(condition) => {
                let condition = user_expr(condition, layout, item, model, Locals::Sample);
                quote!(if #condition { __p::Some(#value) } else { __p::None })
            }
            // After one that is missing there are no more.
            Presence::More => quote!({
                __more &= __random.chance(0.7);
                if __more { __p::Some(#value) } else { __p::None }
            }),
            _ => {
                let deep = match item.repr {
                    Repr::Part | Repr::Body(_) => quote!(&&!__random.is_deep()),
                    _ => TokenStream::new(),
                };
                quote!(if __random.chance(0.5) #deep { __p::Some(#value) } else { __p::None })
            }
        };
        let ty = full_type(item);
        quote!(let #local: #ty = #value;)
    });
    let made = construct(path, layout);
    let opaque: Vec<_> = layout.items.iter().filter_map(|item| opaque(model, layout, item)).collect();
    if opaque.is_empty() {
        return quote!({ let mut __more = true; #(#lets)* #made });
    }
    // What is kept as it came says little: most are made until a body is read.
    quote!({
        let mut __tries = 8_u8;
        loop {
            let mut __more = true;
            #(#lets)*
            __tries -= 1;
            if __tries == 0 #(|| !#opaque)* {
                break #made;
            }
        }
    })
}

/// When the body in this item is kept as it came.
fn opaque(model: &Model, layout: &Layout, item: &Item) -> Option<TokenStream> {
    let (Some(opaque), Repr::Body(_)) = (&item.opaque, &item.repr) else { return None };
    let opaque = (!by_bytes(opaque)).then(|| user_expr(opaque, layout, item, model, Locals::Sample))?;
    Some(quote!((#opaque)))
}

fn value(model: &Model, layout: &Layout, item: &Item) -> TokenStream {
    match &item.attrs.max {
        Some(max) if !matches!(item.repr, Repr::List(..) | Repr::Int(..)) => {
            let max = &max.value;
            let value = value_of(model, layout, item);
            quote!({ let __max: usize = __random.within(0..=__p::core::cmp::Ord::min(#max, 12_usize)); #value })
        }
        _ => value_of(model, layout, item),
    }
}

fn value_of(model: &Model, layout: &Layout, item: &Item) -> TokenStream {
    if !item.joins.is_empty() {
        return super::join::sample(model, layout, item);
    }
    let (ty, info) = (&item.ty, &item.info);
    let size = match &item.extent {
        Extent::Fixed(size) => quote!(__p::Some(#size)),
        Extent::Size(expr) if !by_bytes(expr) => {
            let size = user_expr(expr, layout, item, model, Locals::Sample);
            quote!(__p::Some(__p::ToSize::to_size(#size)))
        }
        Extent::Count(expr) if matches!(item.repr, Repr::Slice | Repr::Buffer) && !by_bytes(expr) => {
            let count = user_expr(expr, layout, item, model, Locals::Sample);
            quote!(__p::Some(__p::ToSize::to_size(#count)))
        }
        _ => match &item.attrs.max {
            Some(_) if !matches!(item.repr, Repr::List(..) | Repr::Int(..)) => quote!(__p::Some(__max)),
            _ => quote!(__p::None),
        },
    };
    // What ends a value is not in it.
    if item.column.is_some() && matches!(item.repr, Repr::Array(_)) {
        return quote!({ let __v: #ty = __p::array_of(|_| __random.within(b'a'..=b'z')); __v });
    }
    if (matches!(item.extent, Extent::Until(_)) || item.column.is_some())
        && matches!(item.repr, Repr::Slice | Repr::Buffer)
    {
        return quote!({
            let __t = <__p::Text<'_> as __p::Sample>::sample(__random, #size, &#info, ());
            <#ty as __p::From<_>>::from(__t.as_bytes())
        });
    }
    if let (Some((low, high)), true) = (&item.range, IntTy::of_type(ty).is_some()) {
        let low = user_expr(low, layout, item, model, Locals::Sample);
        let high = user_expr(high, layout, item, model, Locals::Sample);
        return quote!(__random.within::<#ty>((#low)..=(#high)));
    }
    match &item.repr {
        Repr::Sized(_) => quote!({
            let __v = <#ty as __p::Sample>::sample(__random, __p::None, &#info, ());
            match #size { __p::Some(__n) => __p::AnyWidth::cut(__v, __n), __p::None => __v }
        }),
        Repr::Codec(codec) => super::own::sample(item, codec, &size),
        Repr::TagReceiver => quote!(__p::tag_into::<#ty>(__tag)),
        Repr::Skipped(Some(value)) if !by_bytes(value) => {
            user_expr(value, layout, item, model, Locals::Sample)
        }
        Repr::Skipped(_) => quote!(__p::core::default::Default::default()),
        Repr::Bits(slot) => {
            let max = if slot.count >= 64 { u64::MAX } else { (1_u64 << slot.count) - 1 };
            if type_is(ty, "bool") {
                quote!(__random.chance(0.5))
            } else if let Some(int) = IntTy::of_type(ty) {
                if int.signed {
                    let half = max >> 1;
                    quote!(__random.within(0..=#half) as #ty)
                } else {
                    quote!(__random.within(0..=#max) as #ty)
                }
            } else {
                quote!(<#ty as __p::Sample>::sample(__random, __p::None, &#info, ()))
            }
        }
        Repr::Body(_) => {
            let ctx = ctx_value(item, layout, model, &quote!(__p::Tagged), Locals::Sample);
            let made = quote!(<#ty as __p::Sample<_>>::sample(__random, #size, &#info, __c));
            let made = match opaque(model, layout, item) {
                Some(opaque) => quote!(if #opaque { __random.unread(|__random| #made) } else { #made }),
                None => made,
            };
            quote!({ let __c = #ctx; #made })
        }
        Repr::Part => {
            let ctx = ctx_value(item, layout, model, &quote!(__p::Wire), Locals::Sample);
            quote!({ let __c = #ctx; <#ty as __p::Sample<_>>::sample(__random, #size, &#info, __c) })
        }
        Repr::List(kind, element) => {
            let count = match &item.extent {
                Extent::Count(expr) if !by_bytes(expr) => {
                    let count = user_expr(expr, layout, item, model, Locals::Sample);
                    quote!(__p::ToSize::to_size(#count))
                }
                // As many as fill it, where all have the same size.
                Extent::Fixed(_) | Extent::Size(_) => match element_size(item, element) {
                    Some(each) => quote!(__p::elements_in(#size, #each)),
                    None => quote!(0_usize),
                },
                _ => match &item.attrs.max {
                    Some(max) => {
                        let max = &max.value;
                        quote!(__random.within(0..=__p::core::cmp::Ord::min(#max, 3_usize)))
                    }
                    None => quote!(__random.within(0..=3_usize)),
                },
            };
            let count = match (item.bit_elements(), &item.extent) {
                (Some(slot), Extent::Fixed(size)) => {
                    let bits = slot.count;
                    quote!(__p::bit_count(#size, #bits))
                }
                (Some(slot), Extent::Size(expr)) if !by_bytes(expr) => {
                    let (bits, size) = (slot.count, user_expr(expr, layout, item, model, Locals::Sample));
                    quote!(__p::bit_count(__p::ToSize::to_size(#size), #bits))
                }
                (None, _) | (_, Extent::Count(_) | Extent::PrefixCount(..) | Extent::ByCount(_)) => count,
                // Whole bytes, as no count says where the elements end.
                _ => quote!(((#count) * 8)),
            };
            let one = match (kind, &item.each) {
                (ListKind::Vec | ListKind::Array, Some(each)) => value(model, layout, each),
                _ => {
                    let ctx = super::decode::Decode { model, layout, frame: None, within: None }.element_ctx(
                        item,
                        element,
                        Locals::Sample,
                    );
                    quote!({ let __c = #ctx; <#element as __p::Sample<_>>::sample(__random, __p::None, &#info, __c) })
                }
            };
            if *kind == ListKind::Array {
                return quote!({ let __v: #ty = __p::array_of(|__index: usize| #one); __v });
            }
            let declared = item.each.as_ref().is_none_or(|each| matches!(each.repr, Repr::Part));
            let count = if declared { quote!(if __random.is_deep() { 0 } else { #count }) } else { count };
            if let Extent::UntilElement(last) = &item.extent {
                let last = user_expr(last, layout, item, model, Locals::Sample);
                // Of many at random one is a last one; of numbers it is often the
                // lowest or highest.
                let ends = IntTy::of_type(element).map(|_| {
                    quote! {
                        for __v in [0 as #element, <#element>::MAX, <#element>::MIN] {
                            if !__ended && __p::holds(&__v, #last) {
                                __list.push(__v);
                                __ended = true;
                            }
                        }
                    }
                });
                return quote!({
                    let __n: usize = #count;
                    let mut __list = __p::Vec::new();
                    let mut __ended = false;
                    for _ in 0..10_000_u32 {
                        let __index: usize = __list.len();
                        let __v = #one;
                        __ended = __p::holds(&__v, #last);
                        if __ended || __list.len() + 1 < __n { __list.push(__v); }
                        if __ended { break; }
                    }
                    #ends
                    <#ty as __p::From<__p::Vec<#element>>>::from(__list)
                });
            }
            quote!({
                let __n: usize = #count;
                let mut __list = __p::Vec::new();
                for __index in 0..__n { let __v = #one; __list.push(__v); }
                <#ty as __p::From<__p::Vec<#element>>>::from(__list)
            })
        }
        Repr::Int(int, _) if int.bytes < int.held || int.digits.is_some() && !int.own_width() => {
            if int.signed {
                let bits = if int.digits.is_some() { int.bits() } else { int.bytes as u32 * 8 };
                let (low, high) = (-(1_i64 << (bits - 1)), (1_i64 << (bits - 1)) - 1);
                quote!(__random.within(#low..=#high) as #ty)
            } else {
                let high = int.max();
                quote!(__random.within(0..=#high) as #ty)
            }
        }
        Repr::Scalar(int, _) if IntTy::of_type(ty).is_some() => {
            if int.signed {
                let most = (1_i64 << (int.bytes * 8 - 1)).wrapping_sub(1);
                return quote!(__random.within((#most).wrapping_neg() - 1..=#most) as #ty);
            }
            let high = int.max();
            quote!(__random.within(0..=__p::core::cmp::Ord::min(#high, <#ty>::MAX as u64)) as #ty)
        }
        _ => quote!(<#ty as __p::Sample>::sample(__random, #size, &#info, ())),
    }
}

/// The size of each element of a list, an `Option` for the compiler.
fn element_size(item: &Item, element: &syn::Type) -> Option<TokenStream> {
    match item.each.as_deref() {
        Some(each) => match each.fixed() {
            Some(bytes) => Some(quote!(__p::Some(#bytes))),
            None if matches!((&each.repr, &each.extent), (Repr::Part, Extent::Own)) => {
                Some(quote!(<#element as __p::Wire>::SIZE))
            }
            None => None,
        },
        None => Some(quote!(<#element as __p::Wire>::SIZE)),
    }
}
