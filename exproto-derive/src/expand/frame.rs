//! `Protocol`: what the outermost type knows beyond its layout.

use proc_macro2::TokenStream;
use quote::quote;

use super::bounds::constant_size;
use super::check::algorithm;
use super::common::{at_lifetime, ctx_type};
use crate::attr::wire::Endian;
use crate::ir::{Frame, Item, Layout, Model, Repr, Shape};
use crate::lower::{bounds, fixed_at};
use crate::relation::Source;

/// `Protocol` of a type with `#[frame(..)]`.
pub(crate) fn expand(model: &Model) -> TokenStream {
    let Some(frame) = &model.frame else { return TokenStream::new() };
    let layout = match &model.shape {
        Shape::Struct(layout) => layout,
        Shape::Enum(data) => return super::one_of::expand(model, frame, data),
        Shape::Bits(_) | Shape::Scalar(_) => return TokenStream::new(),
    };
    let name = model.ident.to_string();
    let check = check(frame, layout);
    let bounds = super::bounds::expand(model, frame, layout, &check);
    let (scan, fresh, tell) = super::bounds::scanner(model, frame);
    let segments = super::segments::expand(model, frame, layout);
    let kind = frame.body.and_then(|index| layout.items.get(index)).and_then(|item| {
        let body = item.member.as_ref()?;
        let kind = match item.presence {
            crate::ir::Presence::Always => quote!(__p::Kind::kind(&__f.#body)),
            _ => quote!(__p::Option::map_or(__p::Option::as_ref(&__f.#body), #name, __p::Kind::kind)),
        };
        Some(quote! {
            #[inline]
            fn kind(__f: &Self::At<'_>) -> &'static str { #kind }
        })
    });
    let header = protocol_header(model, frame, layout);
    let own = at_lifetime(model, &syn::parse_quote!('static));
    let context = ctx_type(model);
    let contextual = super::common::header(model, false, &quote!(__p::Context), &TokenStream::new());
    quote! {
        #bounds
        #contextual { type Ctx = #context; }
        #header {
            const NAME: &'static str = #name;
            const KINDS: &'static [__p::FrameKind] = &[<#own as __p::FrameLayout>::KIND];
            type Scan = #scan;
            #[inline]
            fn scanner(__ctx: #context) -> Self::Scan { #fresh }
            #tell
            #[inline]
            fn decode_kind<'__f, __T: __p::Trace>(_: usize, __r: &mut __p::Reader<'__f, __T>, __ctx: #context)
                -> __p::Result<Self::At<'__f>, __p::Error>
            { __p::Decode::decode(__r, __ctx) }
            #segments
            #kind
        }
    }
}

/// `impl Protocol`: what stands for a type parameter has a layout at every
/// lifetime.
fn protocol_header(model: &Model, frame: &Frame, layout: &Layout) -> TokenStream {
    let mut generics = model.generics.clone();
    let names: Vec<_> = generics.type_params().map(|param| param.ident.clone()).collect();
    if !names.is_empty() {
        let walks = super::bounds::walks(model, frame, layout);
        let clause = generics.make_where_clause();
        for name in names {
            clause.predicates.push(syn::parse_quote!(#name: __p::Family));
            clause.predicates.push(syn::parse_quote! {
                for<'__f> <#name as __p::Family>::At<'__f>:
                    __p::Decode<'__f> + __p::Wire<Ctx = ()> + __p::Encode + __p::Value
            });
            if walks {
                clause.predicates.push(syn::parse_quote!(<#name as __p::Family>::At<'static>: __p::Walk<()>));
            }
        }
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = model.generics.split_for_impl();
    let ident = &model.ident;
    quote!(impl #impl_generics __p::Protocol for #ident #type_generics #where_clause)
}

/// The checksum that is verified before decoding.
fn check(frame: &Frame, layout: &Layout) -> TokenStream {
    let items = &layout.items;
    let Some(index) = frame.check else { return quote!(__p::None) };
    let Some((item, relation)) = items.get(index).and_then(|item| Some((item, item.relation.as_ref()?)))
    else {
        return quote!(__p::None);
    };
    let Source::Check(kind, range) = &relation.source else { return quote!(__p::None) };
    let Some((first, last)) = bounds(items, range, index) else { return quote!(__p::None) };
    let gap: usize = (last + 1..index).filter_map(|i| fixed_at(items, i)).sum();
    let digits = match &item.repr {
        Repr::Int(int, _) if int.digits.is_some() => {
            let digits = int.digits.map(crate::number::Digits::tokens);
            quote!(__p::Some(#digits))
        }
        _ => quote!(__p::None),
    };
    let from = constant_size(items, 0..first);
    let tail = constant_size(items, index..items.len());
    let width = fixed_at(items, index).unwrap_or(1);
    let big = !matches!(&item.repr, Repr::Int(_, Endian::Little));
    let algorithm = algorithm(item, kind);
    let info = &item.info;
    quote! {
        match (#from, #tail) {
            (__p::Some(__from), __p::Some(__tail)) => __p::Some(__p::Check {
                from: __from, tail: __tail, gap: #gap, width: #width, digits: #digits, big_endian: #big,
                algorithm: #algorithm, at: &#info,
            }),
            _ => __p::None,
        }
    }
}

/// The constant expression that says whether a checksum is verified before decoding,
/// where only the compiler knows.
pub(crate) fn verified_before(items: &[Item], carrier: usize, first: usize) -> TokenStream {
    let (from, tail) = (constant_size(items, 0..first), constant_size(items, carrier..items.len()));
    quote!(__p::add_sizes(#from, #tail).is_some())
}
