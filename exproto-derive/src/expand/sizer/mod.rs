//! `Walk` and `WalkBody`: working out where a value ends without decoding it,
//! for frames that no length at a constant place ends.

mod prove;
mod skip;
mod steps;
mod summed;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::GenericParam;

use self::steps::Steps;
use super::common::{Locals, chosen_order, ctx_bind, ctx_type, header_with, read_int, user_expr};
use super::enums::receiver;
use crate::attr::wire::Endian;
use crate::ir::{EnumModel, IntTy, Item, Layout, Model, Shape, Variant};

/// The walk over a type.
pub(crate) fn expand(model: &Model) -> TokenStream {
    match &model.shape {
        Shape::Struct(layout) => of_struct(model, layout),
        Shape::Bits(bits) => of_constant(model, bits.int.bytes),
        Shape::Scalar(scalar) => of_constant(model, scalar.int.bytes),
        Shape::Enum(data) if data.one_of => TokenStream::new(),
        Shape::Enum(data) if data.chosen => of_chosen(model, data),
        Shape::Enum(data) => of_tagged(model, data),
    }
}

/// `Walk` of a struct.
fn of_struct(model: &Model, layout: &Layout) -> TokenStream {
    let lead =
        model.frame.as_ref().filter(|frame| frame.attrs.lead.is_none()).map_or(0, |frame| frame.lead.len());
    let mut steps = Steps::new(model, layout, lead);
    steps.outermost = model.frame.is_some();
    steps.all();
    let (body, stuck) = (steps.body(), steps.stuck());
    let (named, scan) = named(model, &steps.bounds, &steps.scan());
    let bind = ctx_bind(model);
    let ctx = ctx_type(model);
    let header = header(model, &steps.bounds, &quote!(__p::Walk<__X, #ctx>));
    quote! {
        #named
        #header {
            type Scan = #scan;
            const STUCK: __p::Option<&'static str> = #stuck;
            #[inline]
            fn walk(__s: &mut Self::Scan, __w: &mut __p::Walker<'_>, __ctx: #ctx) -> __p::Result<(), __p::Halt> {
                #bind
                let __s = &mut __s.0;
                #body
            }
        }
    }
}

/// The state of a walk as a type of its own, so that the types of private
/// fields stay private.
fn named(model: &Model, bounds: &[TokenStream], scan: &TokenStream) -> (TokenStream, TokenStream) {
    let mut generics = model.generics.clone();
    let names: Vec<_> = generics.type_params().map(|param| param.ident.clone()).collect();
    generics.params.push(syn::parse_quote!(__X));
    let clause = generics.make_where_clause();
    for name in names {
        clause.predicates.push(syn::parse_quote!(#name: __p::Wire<Ctx = ()>));
    }
    for bound in bounds {
        clause.predicates.push(syn::parse_quote!(#bound));
    }
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let used = model.generics.params.iter().map(|param| match param {
        GenericParam::Lifetime(param) => {
            let lifetime = &param.lifetime;
            quote!(&#lifetime (),)
        }
        GenericParam::Type(param) => {
            let name = &param.ident;
            quote!(#name,)
        }
        GenericParam::Const(_) => TokenStream::new(),
    });
    let named = quote! {
        #[allow(missing_docs, missing_debug_implementations, private_bounds, private_interfaces, unreachable_pub)]
        pub struct __Scan #impl_generics (#scan, __p::core::marker::PhantomData<fn() -> (#(#used)* __X,)>)
        #where_clause;
        impl #impl_generics __p::core::default::Default for __Scan #type_generics #where_clause {
            #[inline]
            fn default() -> Self { Self(__p::core::default::Default::default(), __p::core::marker::PhantomData) }
        }
        impl #impl_generics __p::core::clone::Clone for __Scan #type_generics #where_clause {
            #[inline]
            fn clone(&self) -> Self { Self(__p::core::clone::Clone::clone(&self.0), __p::core::marker::PhantomData) }
        }
    };
    (named, quote!(__Scan #type_generics))
}

/// `Walk` of a type that always takes the same number of bytes.
fn of_constant(model: &Model, bytes: usize) -> TokenStream {
    let ctx = ctx_type(model);
    let header = header(model, &[], &quote!(__p::Walk<__X, #ctx>));
    quote! {
        #header {
            type Scan = ();
            const STUCK: __p::Option<&'static str> = __p::None;
            #[inline]
            fn walk(_: &mut (), __w: &mut __p::Walker<'_>, _: #ctx) -> __p::Result<(), __p::Halt> {
                __w.skip(#bytes);
                __p::Ok(())
            }
        }
    }
}

/// `WalkBody` of an enum with tags, and `Walk` if the tag stands inline.
fn of_tagged(model: &Model, data: &EnumModel) -> TokenStream {
    let variants = Variants::of(model, data);
    let bind = ctx_bind(model);
    let ctx = ctx_type(model);
    let by_left = |variant: &&Variant| variant.when.as_ref().is_some_and(super::common::mentions_left);
    let looks = |variant: &&Variant| variant.when.as_ref().is_some_and(super::common::peeks);
    let stuck = match (data.variants.iter().find(by_left), data.variants.iter().find(looks)) {
        (Some(_), _) if !model.ctx.iter().any(|(name, _)| name == "left") => {
            let why = undecided(model, "how many bytes are left");
            quote!(__p::Some(#why))
        }
        (_, Some(_)) => {
            let why = undecided(model, "the bytes behind its tag");
            quote!(__p::Some(#why))
        }
        _ => variants.stuck(data.other),
    };
    let (named, scan) = named(model, &variants.bounds, &variants.scan());
    let bodies = &variants.bodies;
    let arms = data.variants.iter().enumerate().filter(|(index, _)| data.other != Some(*index)).map(
        |(index, variant)| {
            let patterns = variant
                .tags
                .iter()
                .map(|(low, high)| if low == high { quote!(#low) } else { quote!(#low..=#high) });
            let body = bodies.get(index);
            let guard = variant.when.as_ref().filter(|when| !super::common::by_bytes(when)).map(|when| {
                let empty = Item::nowhere();
                let first = variant.layout.items.first().unwrap_or(&empty);
                let condition = user_expr(when, &variant.layout, first, model, Locals::Walk);
                quote!(if #condition)
            });
            quote!(#(#patterns)|* #guard => { #body })
        },
    );
    // Of a tag that a catch-all keeps with all that follows the end is unknown.
    let opaque = match data.other {
        Some(index) => {
            let (body, why) = (bodies.get(index), variants.reasons.get(index));
            quote! {
                if const { (#why).is_some() } { return __p::Err(__w.bad(__p::ErrorKind::Tag, &__TYPE)); }
                #body
            }
        }
        None => quote!(__p::Err(__w.bad(__p::ErrorKind::Tag, &__TYPE))),
    };
    let header_body = header(model, &variants.bounds, &quote!(__p::WalkBody<__X, #ctx>));
    let inline = data.inline_tag.map(|(int, endian)| {
        let order = data.tag_endian.as_ref().map(|expr| {
            let missing = Locals::Walk.missing(&quote::format_ident!("__TYPE"));
            let value = super::calc::total(expr, &missing);
            chosen_order(0, &quote!((#value)), expr)
        });
        let read = read(int, endian, &quote::format_ident!("__TYPE"));
        let header = header(model, &variants.bounds, &quote!(__p::Walk<__X, #ctx>));
        quote! {
            #header {
                type Scan = __p::Steps<u64, <Self as __p::WalkBody<__X, #ctx>>::Scan>;
                const STUCK: __p::Option<&'static str> = <Self as __p::WalkBody<__X, #ctx>>::STUCK;
                #[inline]
                fn walk(__s: &mut Self::Scan, __w: &mut __p::Walker<'_>, __ctx: #ctx) -> __p::Result<(), __p::Halt> {
                    if __s.step == 0 {
                        #bind
                        #order
                        __s.kept = #read as u64;
                        __s.step = 1;
                    }
                    <Self as __p::WalkBody<__X, #ctx>>::walk_body(__s.kept, &mut __s.child, __w, __ctx)
                }
            }
        }
    });
    quote! {
        #named
        #header_body {
            type Scan = #scan;
            const STUCK: __p::Option<&'static str> = #stuck;
            #[inline]
            fn walk_body(__tag: u64, __s: &mut Self::Scan, __w: &mut __p::Walker<'_>, __ctx: #ctx)
                -> __p::Result<(), __p::Halt>
            {
                #bind
                let __n = &mut __s.0;
                match __tag {
                    #(#arms)*
                    _ => <Self as __p::WalkBody<__X, #ctx>>::walk_opaque(__tag, __s, __w),
                }
            }
            #[inline]
            fn walk_opaque(__tag: u64, __s: &mut Self::Scan, __w: &mut __p::Walker<'_>) -> __p::Result<(), __p::Halt> {
                let __n = &mut __s.0;
                #opaque
            }
        }
        #inline
    }
}

/// `Walk` of an enum whose variants have conditions.
fn of_chosen(model: &Model, data: &EnumModel) -> TokenStream {
    let variants = Variants::of(model, data);
    let bind = ctx_bind(model);
    let ctx = ctx_type(model);
    let (named, scan) = named(model, &variants.bounds, &variants.scan());
    let left = data.variants.iter().any(|variant| {
        variant.when.as_ref().is_some_and(super::common::mentions_left)
            && !model.ctx.iter().any(|(name, _)| name == "left")
    });
    let own =
        (left || data.lenient || data.tried.is_some()).then(|| undecided(model, "how many bytes are left"));
    let stuck = match own {
        Some(own) => quote!(__p::Some(#own)),
        None => variants.stuck(None),
    };
    let empty = Item::nowhere();
    let conditions: Vec<TokenStream> = data
        .variants
        .iter()
        .map(|variant| match &variant.when {
            None => quote!(true),
            Some(when) => {
                let first = variant.layout.items.first().unwrap_or(&empty);
                user_expr(when, &variant.layout, first, model, Locals::Walk)
            }
        })
        .collect();
    let bodies = &variants.bodies;
    let wrong = quote!(__p::Err(__w.bad(__p::ErrorKind::Tag, &__TYPE)));
    let looks = data.variants.iter().any(|variant| variant.when.as_ref().is_some_and(super::common::peeks));
    // The bytes looked at are read when the walk comes back: what was chosen is kept.
    let (state, walk) = if left {
        (quote!(#scan), quote!(#wrong))
    } else if looks {
        let index = 0..bodies.len() as u64;
        let numbered = index.clone();
        let state = quote!(__p::Steps<u64, #scan>);
        let walk = quote! {
            if __s.step == 0 {
                __s.kept = #(if #conditions { #index } else)* { return #wrong };
                __s.step = 1;
            }
            let __n = &mut __s.child.0;
            match __s.kept { #(#numbered => #bodies,)* _ => #wrong }
        };
        (state, walk)
    } else {
        (quote!(#scan), quote!(let __n = &mut __s.0; #(if #conditions { #bodies } else)* { #wrong }))
    };
    let header = header(model, &variants.bounds, &quote!(__p::Walk<__X, #ctx>));
    quote! {
        #named
        #header {
            type Scan = #state;
            const STUCK: __p::Option<&'static str> = #stuck;
            #[inline]
            fn walk(__s: &mut Self::Scan, __w: &mut __p::Walker<'_>, __ctx: #ctx) -> __p::Result<(), __p::Halt> {
                #bind
                #walk
            }
        }
    }
}

fn undecided(model: &Model, on: &str) -> String {
    let name = &model.ident;
    format!(
        "nothing says where this frame ends: which variant of `{name}` it is depends on {on}; decide by the context, or let a length before it say its size"
    )
}

fn header(model: &Model, bounds: &[TokenStream], trait_: &TokenStream) -> TokenStream {
    header_with(model, trait_, &quote!(__p::Wire<Ctx = ()>), &quote!(__X), bounds)
}

/// The walks over all variants; one state is in use at a time.
struct Variants {
    scans: Vec<TokenStream>,
    bodies: Vec<TokenStream>,
    reasons: Vec<TokenStream>,
    bounds: Vec<TokenStream>,
}

impl Variants {
    fn of(model: &Model, data: &EnumModel) -> Self {
        let mut found =
            Self { scans: Vec::new(), bodies: Vec::new(), reasons: Vec::new(), bounds: Vec::new() };
        for variant in &data.variants {
            found.add(model, variant);
        }
        found
    }

    fn add(&mut self, model: &Model, variant: &Variant) {
        let mut steps = Steps::new(model, &variant.layout, 0);
        steps.tagged = receiver(variant).is_some();
        steps.all();
        let (scan, body, stuck) = (steps.scan(), steps.body(), steps.stuck());
        let state = if scan.is_empty() || scan.to_string() == "()" {
            quote!(let __s = &mut ();)
        } else {
            let slot = chain(&quote!(__n), self.scans.len());
            self.scans.push(scan);
            quote!(let __s = #slot;)
        };
        self.bodies.push(quote!({ #state #body }));
        self.reasons.push(stuck);
        for bound in steps.bounds {
            add_bound(&mut self.bounds, bound);
        }
    }

    fn scan(&self) -> TokenStream {
        turns(&self.scans)
    }

    /// Why a value has no end. What only a catch-all does not know is an
    /// unknown tag.
    fn stuck(&self, other: Option<usize>) -> TokenStream {
        let reasons =
            self.reasons.iter().enumerate().filter(|(index, _)| Some(*index) != other).map(|(_, why)| why);
        quote!(__p::first_stuck(&[#(#reasons),*]))
    }
}

fn add_bound(bounds: &mut Vec<TokenStream>, bound: TokenStream) {
    if !bounds.iter().any(|known| known.to_string() == bound.to_string()) {
        bounds.push(bound);
    }
}

/// States of which one is in use at a time.
fn turns(scans: &[TokenStream]) -> TokenStream {
    scans.iter().rev().fold(quote!(()), |rest, scan| quote!(__p::Turn<#scan, #rest>))
}

/// One of them.
fn chain(base: &TokenStream, index: usize) -> TokenStream {
    let next = (0..index).map(|_| quote!(.others()));
    quote!(#base #(#next)*.this())
}

/// Reads an integer of a fixed width: by its bytes or its digits.
fn read(int: IntTy, endian: Endian, info: &Ident) -> TokenStream {
    let bytes = int.bytes;
    let held = int.rust();
    match int.digits.map(crate::number::Digits::tokens) {
        Some(digits) => quote!({
            let __b = __w.run::<#bytes>()?;
            match #digits.read(__b) {
                __p::Ok((__v, _)) => __v as #held,
                __p::Err(_) => {
                    __w.back(__w.at() - #bytes);
                    return __p::Err(__w.bad(__p::ErrorKind::Digits, &#info));
                }
            }
        }),
        None => {
            let read = read_int(&quote!(__b), 0, int, endian);
            quote!({ let __b = __w.run::<#bytes>()?; #read })
        }
    }
}
