//! `Protocol`: what the outermost type knows beyond its layout.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use super::bounds::constant_size;
use super::check::algorithm;
use super::common::{Locals, at_lifetime, ctx_bind, ctx_type, ctx_value};
use super::decode::Decode;
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
    let segments = segments(model, frame, layout);
    let kind =
        frame.body.and_then(|index| layout.items.get(index)).and_then(|item| item.member.as_ref()).map(
            |body| {
                quote! {
                    #[inline]
                    fn kind(__f: &Self::At<'_>) -> &'static str { __p::Kind::kind(&__f.#body) }
                }
            },
        );
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

/// Whether the checksum `index` is verified before decoding, if that is known
/// here; else the constant expression that says it.
pub(crate) fn checked_before(frame: &Frame, items: &[Item], index: usize) -> (bool, Option<TokenStream>) {
    let range =
        match items.get(index).and_then(|item| item.relation.as_ref()).map(|relation| &relation.source) {
            Some(Source::Check(_, range)) if frame.check == Some(index) => range,
            _ => return (false, None),
        };
    let first = bounds(items, range, index).map_or(0, |(first, _)| first);
    if (0..first).chain(index..items.len()).all(|i| fixed_at(items, i).is_some()) {
        return (true, None);
    }
    let (from, tail) = (constant_size(items, 0..first), constant_size(items, index..items.len()));
    (false, Some(quote!(__p::add_sizes(#from, #tail).is_some())))
}

/// `segment` and `join` of a protocol that cuts messages up.
fn segments(model: &Model, frame: &Frame, layout: &Layout) -> TokenStream {
    let Some(reassemble) = frame.attrs.reassemble.as_ref().map(|key| &key.value) else {
        return TokenStream::new();
    };
    let Some(body) =
        layout.items.iter().find(|item| item.name.as_deref() == Some(&reassemble.into.to_string()))
    else {
        return TokenStream::new();
    };
    let (Some(into), Repr::Body(tag)) = (&body.member, &body.repr) else { return TokenStream::new() };
    let part = &reassemble.part;
    let (index, total) = (&reassemble.index, &reassemble.total);
    let keys = reassemble.key.iter().map(|key| match tag_of(key) {
        Some(field) => quote!(__p::Tagged::tag(&__f.#field).hash(&mut __h);),
        None => quote!(__f.#key.hash(&mut __h);),
    });
    let at = at_lifetime(model, &syn::parse_quote!('__f));
    let ctx = ctx_value(body, layout, model, &quote!(__p::Tagged), Locals::Values);
    let ident = &model.ident;
    let locals = layout.items.iter().filter_map(|item| {
        let (member, local) = (item.member.as_ref()?, &item.local);
        Some(quote!(#member: #local))
    });
    let names = layout.items.iter().filter_map(|item| {
        let (member, local) = (item.member.as_ref()?, &item.local);
        Some(quote!(#member: #local))
    });
    let body_local = &body.local;
    let body_ty = {
        let (ty, _) = super::common::with_lifetime(body.ty.to_token_stream());
        ty
    };
    let info = &body.info;
    let (context, bind) = (ctx_type(model), ctx_bind(model));
    let _ = (tag, into);
    // Transformed as a whole, not segment by segment.
    let select = match &body.attrs.via {
        Some(via) => Decode { model, layout, frame: None, within: None }.inside(
            body,
            &via.value,
            &quote!(<#body_ty as __p::Select<'_>>::select(__tag, __r, #ctx)?),
        ),
        None => quote!(<__B<'__f> as __p::Select<'__f>>::select(__tag, __r, #ctx)?),
    };
    quote! {
        fn segment<'__s>(__f: &'__s Self::At<'_>) -> __p::Option<__p::Segment<'__s>> {
            use __p::core::hash::{Hash as _, Hasher as _};
            let #part = __f.#part.as_ref()?;
            let mut __h = __p::Fnv::default();
            #(#keys)*
            __p::Some(__p::Segment {
                key: __h.finish(),
                index: #index as u32,
                total: #total as u32,
                data: __p::RawBody::raw_body(&__f.#into)?,
            })
        }
        fn join<'__f, __T: __p::Trace>(
            _: usize, __head: &'__f [u8], __body: &'__f [u8], __ctx: #context, __trace: __T,
        ) -> __p::Result<(Self::At<'__f>, __p::Flags), __p::Error> {
            type __B<'__c> = #body_ty;
            let mut __h = __p::Reader::new(__head).found();
            let __frame = <#at as __p::Decode<'__f>>::decode(&mut __h, __ctx)?;
            #bind
            let #ident { #(#locals),* } = __frame;
            let mut __reader = __p::Reader::traced(__body, __trace);
            let __r = &mut __reader;
            let __tag = __p::Tagged::tag(&#body_local);
            let #body_local = #select;
            let __end = *__r;
            __r.finish(__end, &#info)?;
            let mut __flags = __h.flags();
            __flags.merge(__r.flags());
            __p::Ok((#ident { #(#names),* }, __flags))
        }
    }
}

/// The field of `tag(FIELD)`.
fn tag_of(expr: &syn::Expr) -> Option<&syn::Expr> {
    match expr {
        syn::Expr::Call(call) if call.func.to_token_stream().to_string() == "tag" => call.args.first(),
        _ => None,
    }
}
