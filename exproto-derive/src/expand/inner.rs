//! Relations that speak of a field further in, `count(body.items)`: what a type
//! answers of its own fields, and what a relation asks.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;

use super::asserts::const_path;
use super::common::{fields, layouts, static_lifetimes, transparent};
use crate::ir::{Item, Layout, Model, Presence, Repr, Shape};
use crate::lower::position;
use crate::relation::{Asked, Source};

/// The constant and the method of `Wire` or `Tagged` that answer, if there is
/// something to ask.
pub(super) fn expand(model: &Model) -> TokenStream {
    let layouts = layouts(model);
    // Types that hold themselves would list each other for ever.
    let deep = model.max_depth.is_some();
    let known: Vec<TokenStream> = layouts
        .iter()
        .flat_map(|layout| fields(layout).filter_map(|item| known(layout, item, deep)))
        .collect();
    if known.is_empty() {
        return TokenStream::new();
    }
    let ident = &model.ident;
    let arms = layouts.iter().enumerate().map(|(index, layout)| {
        let path = match &model.shape {
            Shape::Enum(data) => {
                let name = &data.variants[index].ident;
                quote!(#ident::#name)
            }
            _ => quote!(#ident),
        };
        let asked: Vec<&Item> = fields(layout).filter(|item| known_as(item, deep).is_some()).collect();
        let binds = asked.iter().map(|item| {
            let (member, local) = (&item.member, &item.local);
            quote!(#member: #local)
        });
        let answers = asked.iter().map(|item| answer(layout, item, deep));
        quote!(#path { #(#binds,)* .. } => { #(#answers)* })
    });
    quote! {
        const INNER: &'static [__p::Inner] = &[#(#known),*];
        fn inner(&self, __path: &[&str], __asked: __p::Asked) -> __p::Option<u64> {
            #[allow(unreachable_patterns)]
            match self { #(#arms)* _ => {} }
            __p::None
        }
    }
}

/// What a field answers, and the type whose fields can be asked.
fn known_as(item: &Item, deep: bool) -> Option<(Vec<Asked>, Option<TokenStream>)> {
    let mut answers = match &item.repr {
        Repr::Slice | Repr::Buffer => vec![Asked::Count, Asked::Size],
        Repr::List(..) => vec![Asked::Count],
        Repr::Codec(codec) if const_path(codec) && text(&item.ty) => vec![Asked::Size],
        _ => Vec::new(),
    };
    if !matches!(item.presence, Presence::Always) {
        answers.push(Asked::Present);
    }
    let ty = static_lifetimes(quote::ToTokens::to_token_stream(&item.ty));
    let within = match &item.repr {
        _ if deep => None,
        Repr::Part => Some(quote!(<#ty as __p::Wire>::INNER)),
        Repr::Body(_) => Some(quote!(<#ty as __p::Tagged>::INNER)),
        _ => None,
    };
    (!answers.is_empty() || within.is_some()).then_some((answers, within))
}

fn text(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path
        .segments
        .last()
        .is_some_and(|last| ["Text", "TextBuf", "ShortText"].iter().any(|name| last.ident == name))
}

fn known(layout: &Layout, item: &Item, deep: bool) -> Option<TokenStream> {
    let (answers, within) = known_as(item, deep)?;
    let label = &item.label;
    let answers = answers.into_iter().map(asked);
    let within = within.unwrap_or_else(|| quote!(&[]));
    // What is inside the only value is found without a name for it.
    let through =
        transparent(layout).then(|| quote!(, __p::Inner { name: "", answers: &[], within: #within }));
    Some(quote!(__p::Inner { name: #label, answers: &[#(#answers),*], within: #within } #through))
}

/// `return` with what a field answers, if it is meant; its local is a reference.
fn answer(layout: &Layout, item: &Item, deep: bool) -> TokenStream {
    let Some((answers, within)) = known_as(item, deep) else { return TokenStream::new() };
    let (local, label, info, ty) = (&item.local, &item.label, &item.info, &item.ty);
    let optional = !matches!(item.presence, Presence::Always);
    let of_value = |value: TokenStream, none: TokenStream| {
        if optional {
            quote!(match #local { __p::Some(__x) => #value, __p::None => #none })
        } else {
            quote!({ let __x = #local; #value })
        }
    };
    let arms = answers.into_iter().map(|one| {
        let value = match (one, &item.repr) {
            (Asked::Present, _) => quote!(__p::Some(#local.is_some() as u64)),
            (Asked::Size, Repr::Codec(codec)) => {
                of_value(quote!(__p::encoded_size::<#ty, _>(&#codec, __x, &#info)), quote!(__p::Some(0)))
            }
            _ => of_value(quote!(__p::Some(__p::Counted::counted(__x) as u64)), quote!(__p::Some(0))),
        };
        let asked = asked(one);
        quote!(([#label], #asked) => return #value,)
    });
    let through = within.map(|_| {
        let method = method(item);
        let further = of_value(quote!(#method(__x, __further, __asked)), quote!(__p::Some(0)));
        let unnamed = transparent(layout).then(|| {
            let through = of_value(quote!(#method(__x, __path, __asked)), quote!(__p::None));
            quote!(_ => if let __p::Some(__found) = #through { return __p::Some(__found); },)
        });
        quote!(([#label, __further @ ..], _) if !__further.is_empty() => return #further, #unnamed)
    });
    quote!(match (__path, __asked) { #(#arms)* #through _ => {} })
}

fn asked(asked: Asked) -> TokenStream {
    match asked {
        Asked::Count => quote!(__p::Asked::Count),
        Asked::Size => quote!(__p::Asked::Size),
        Asked::Present => quote!(__p::Asked::Present),
    }
}

fn method(item: &Item) -> TokenStream {
    match item.repr {
        Repr::Body(_) => quote!(__p::Tagged::inner),
        _ => quote!(__p::Wire::inner),
    }
}

/// The answer to a relation, an `Option<u64>`; `place` is the field of its path
/// that stands in this layout, a reference.
pub(super) fn ask(
    items: &[Item],
    source: &Source,
    reference: impl Fn(&Item) -> TokenStream,
) -> Option<TokenStream> {
    let Source::Inside(what, path) = source else { return None };
    let (whole, further) = path.split_first()?;
    let item = items.get(position(items, whole)?)?;
    let (method, value, what) = (method(item), reference(item), asked(*what));
    let further = further.iter().map(crate::relation::label_of);
    let further = quote!(&[#(#further),*]);
    Some(match item.presence {
        Presence::Always => quote!(#method(#value, #further, #what)),
        _ => quote!(match #value { __p::Some(__x) => #method(__x, #further, #what), __p::None => __p::None }),
    })
}

/// The checks that what relations ask of is there.
pub(super) fn checks(layout: &Layout, within: bool) -> TokenStream {
    let checks = layout.items.iter().filter_map(|item| {
        let relation = item.relation.as_ref()?;
        let Source::Inside(what, path) = &relation.source else { return None };
        let (whole, further) = path.split_first()?;
        let target = layout.items.get(position(&layout.items, whole)?)?;
        let (ty, label, asked) = (&target.ty, &target.label, asked(*what));
        let known = match target.repr {
            Repr::Body(_) => quote!(<#ty as __p::Tagged>::INNER),
            _ => quote!(<#ty as __p::Wire>::INNER),
        };
        let names: Vec<String> = further.iter().map(crate::relation::label_of).collect();
        let span = further.last().map_or(relation.span, Ident::span);
        let check = quote_spanned!(span=> __p::check_inner(#known, &[#(#names),*], #asked, #label));
        Some(if within {
            quote_spanned!(span=> const { #check };)
        } else {
            quote_spanned!(span=> const _: () = #check;)
        })
    });
    checks.collect()
}
