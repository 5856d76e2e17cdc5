//! What all parts of the expansion share: generics, contexts, expressions of
//! the user.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::{Expr, GenericParam, Lifetime, Type};

use crate::attr::idents_in;
use crate::attr::wire::Endian;
use crate::ir::{IntTy, Item, Layout, Model, Repr, Shape, Style};
pub(crate) use crate::spoken::{by_bytes, mentions_left, names, peeks};

/// The lifetime that decoding borrows for: the type's own or a fresh one.
pub(crate) fn de_lifetime(model: &Model) -> Lifetime {
    model.lifetime.clone().unwrap_or_else(|| syn::parse_quote!('__de))
}

/// `impl<..> TRAIT for Type<..> where ..`. `bound` is what each type
/// parameter has to be; `de` adds the decode lifetime if the type has none.
pub(crate) fn header(model: &Model, de: bool, trait_: &TokenStream, bound: &TokenStream) -> TokenStream {
    let mut generics = model.generics.clone();
    if de && model.lifetime.is_none() {
        generics.params.insert(0, syn::parse_quote!('__de));
    }
    let names: Vec<Ident> = generics.type_params().map(|param| param.ident.clone()).collect();
    if !bound.is_empty() {
        let clause = generics.make_where_clause();
        for name in names {
            clause.predicates.push(syn::parse_quote!(#name: #bound));
        }
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = model.generics.split_for_impl();
    let ident = &model.ident;
    quote!(impl #impl_generics #trait_ for #ident #type_generics #where_clause)
}

/// The same with a type parameter of the trait and more bounds.
pub(crate) fn header_with(
    model: &Model,
    trait_: &TokenStream,
    bound: &TokenStream,
    param: &TokenStream,
    bounds: &[TokenStream],
) -> TokenStream {
    let mut generics = model.generics.clone();
    let names: Vec<Ident> = generics.type_params().map(|param| param.ident.clone()).collect();
    generics.params.push(syn::parse_quote!(#param));
    let clause = generics.make_where_clause();
    for name in names.into_iter().filter(|_| !bound.is_empty()) {
        clause.predicates.push(syn::parse_quote!(#name: #bound));
    }
    for bound in bounds {
        clause.predicates.push(syn::parse_quote!(#bound));
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = model.generics.split_for_impl();
    let ident = &model.ident;
    quote!(impl #impl_generics #trait_ for #ident #type_generics #where_clause)
}

/// `Family`: the type at another lifetime.
pub(crate) fn family(model: &Model) -> TokenStream {
    let header = header(model, false, &quote!(__p::Family), &quote!(__p::Family));
    let at = at_lifetime(model, &syn::parse_quote!('__f));
    quote! {
        #header { type At<'__f> = #at; }
    }
}

/// The type with another lifetime in place of its own; type parameters too.
pub(crate) fn at_lifetime(model: &Model, lifetime: &Lifetime) -> TokenStream {
    let ident = &model.ident;
    let args: Vec<TokenStream> = model
        .generics
        .params
        .iter()
        .map(|param| match param {
            GenericParam::Lifetime(_) => quote!(#lifetime),
            GenericParam::Type(param) => {
                let name = &param.ident;
                quote!(<#name as __p::Family>::At<#lifetime>)
            }
            GenericParam::Const(param) => {
                let name = &param.ident;
                quote!(#name)
            }
        })
        .collect();
    if args.is_empty() { quote!(#ident) } else { quote!(#ident<#(#args),*>) }
}

/// The name of the context struct of a type.
pub(crate) fn ctx_name(model: &Model) -> Ident {
    format_ident!("{}Ctx", model.ident)
}

/// The struct that holds the context of a type, beside it.
pub(crate) fn ctx_struct(model: &Model) -> TokenStream {
    if model.ctx.is_empty() {
        return TokenStream::new();
    }
    let name = ctx_name(model);
    let vis = &model.vis;
    let fields = model.ctx.iter().map(|(name, ty)| quote!(pub #name: #ty));
    let (names, types): (Vec<_>, Vec<_>) = model.ctx.iter().map(|(name, ty)| (name, ty)).unzip();
    let doc = format!("What decides the layout of [`{}`].", model.ident);
    quote! {
        #[doc = #doc]
        #[allow(missing_docs, unreachable_pub, dead_code, missing_debug_implementations)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        #vis struct #name { #(#fields),* }

        // Where its fields are: a bound of no lifetime in particular may not hold.
        impl ::core::cmp::PartialEq for #name
        where
            #(for<'__any> #types: ::core::cmp::PartialEq,)*
        {
            fn eq(&self, other: &Self) -> ::core::primitive::bool {
                true #(&& ::core::cmp::PartialEq::eq(&self.#names, &other.#names))*
            }
        }
    }
}

/// The type of the context.
pub(crate) fn ctx_type(model: &Model) -> TokenStream {
    if model.ctx.is_empty() {
        return quote!(());
    }
    let name = ctx_name(model);
    quote!(#name)
}

/// Brings the context parameters into scope.
pub(crate) fn ctx_bind(model: &Model) -> TokenStream {
    if model.ctx.is_empty() {
        return TokenStream::new();
    }
    let name = ctx_name(model);
    let fields = model.ctx.iter().map(|(name, _)| name);
    quote!(let #name { #(#fields),* } = __ctx;)
}

/// The context value that a field gives to its type.
pub(crate) fn ctx_value(
    item: &Item,
    layout: &Layout,
    model: &Model,
    trait_: &TokenStream,
    locals: Locals,
) -> TokenStream {
    ctx_value_at(item, item, layout, model, trait_, locals)
}

/// The same for an element of the item `at`.
pub(crate) fn ctx_value_at(
    item: &Item,
    at: &Item,
    layout: &Layout,
    model: &Model,
    trait_: &TokenStream,
    locals: Locals,
) -> TokenStream {
    ctx_of(&item.ty.to_token_stream(), item, at, layout, model, trait_, locals)
}

/// The same where the type is written with other lifetimes.
pub(crate) fn ctx_of(
    ty: &TokenStream,
    item: &Item,
    at: &Item,
    layout: &Layout,
    model: &Model,
    trait_: &TokenStream,
    locals: Locals,
) -> TokenStream {
    if item.ctx.is_empty() {
        let span = item.span;
        return quote::quote_spanned!(span=> <<#ty as #trait_>::Ctx as __p::NoCtx>::NONE);
    }
    let (aliased, has_lifetime) = with_lifetime(ty.clone());
    let generics = if has_lifetime { quote!(<'__c>) } else { TokenStream::new() };
    let values = item.ctx.iter().map(|(name, expr)| {
        let value = user_expr(expr, layout, at, model, locals);
        quote!(#name: #value)
    });
    // A struct literal through an alias of a projection; directly through the
    // projection it is not stable.
    quote!({ type __C #generics = <#aliased as #trait_>::Ctx; __C { #(#values),* } })
}

/// Replaces all lifetimes in a type by `'__c`.
pub(crate) fn with_lifetime(tokens: TokenStream) -> (TokenStream, bool) {
    replace_lifetimes(tokens, &quote!('__c))
}

/// Replaces all lifetimes in a type by `'static`.
pub(crate) fn static_lifetimes(tokens: TokenStream) -> TokenStream {
    replace_lifetimes(tokens, &quote!('static)).0
}

/// Replaces all lifetimes in a type.
pub(crate) fn lifetimes_as(tokens: TokenStream, lifetime: &TokenStream) -> TokenStream {
    replace_lifetimes(tokens, lifetime).0
}

fn replace_lifetimes(tokens: TokenStream, lifetime: &TokenStream) -> (TokenStream, bool) {
    let mut found = false;
    let mut out = TokenStream::new();
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '\'' => {
                let _ = tokens.next();
                found = true;
                out.extend(lifetime.clone());
            }
            TokenTree::Group(group) => {
                let (inner, inside) = replace_lifetimes(group.stream(), lifetime);
                found |= inside;
                let mut replaced = proc_macro2::Group::new(group.delimiter(), inner);
                replaced.set_span(group.span());
                out.extend([TokenTree::Group(replaced)]);
            }
            other => out.extend([other]),
        }
    }
    (out, found)
}

/// An expression of the user with the earlier fields in scope: `Copy` ones as
/// values, others as references, in decode and encode alike.
pub(crate) fn user_expr(
    expr: &Expr,
    layout: &Layout,
    before: &Item,
    model: &Model,
    locals: Locals,
) -> TokenStream {
    let mut idents = Vec::new();
    idents_in(expr.to_token_stream(), &mut idents);
    let mut binds = TokenStream::new();
    for (index, item) in layout.items.iter().enumerate() {
        if std::ptr::eq(item, before) {
            break;
        }
        let Some(name) = item.known_as() else { continue };
        if idents.iter().any(|ident| name == ident) {
            let local = &item.local;
            binds.extend(match locals {
                // Not what the field holds, which may be out of date.
                Locals::References if item.computed() => {
                    let computed = computed_name(index);
                    quote!(let #name = (&__p::View(&#computed)).view();)
                }
                Locals::References => quote!(let #name = (&__p::View(#local)).view();),
                _ => quote!(let #name = (&__p::View(&#local)).view();),
            });
        }
    }
    // A later field of the same name hides what the context says.
    if matches!(locals, Locals::References) {
        let known = |item: &&Item, name: &Ident| item.known_as().is_some_and(|known| known == *name);
        let mut items = layout.items.iter();
        let earlier: Vec<&Item> = items.by_ref().take_while(|item| !std::ptr::eq(*item, before)).collect();
        for (name, _) in model.ctx.iter().filter(|(name, _)| idents.iter().any(|ident| name == ident)) {
            let hidden = known(&before, name) || items.clone().any(|item| known(&item, name));
            if hidden && !earlier.iter().any(|item| known(item, name)) {
                binds.extend(quote!(let #name = __ctx.#name;));
            }
        }
    }
    binds.extend(super::index::bind(expr, layout, before, model));
    // Within a closure it is a name of the closure's own.
    let plain = !matches!(expr, Expr::Closure(_));
    if plain
        && idents.iter().any(|ident| ident == "left")
        && !model.ctx.iter().any(|(name, _)| name == "left")
    {
        // As it is written, so that it means the same in the body of a macro.
        let left = written(expr.to_token_stream(), "left");
        binds.extend(quote!(let #left: usize = __left;));
    }
    let looks = peeks(expr);
    let ahead = locals.ahead();
    let expr = if looks { &super::calc::peeked(expr, &mut |at| ahead(at)) } else { expr };
    let total = super::calc::total(expr, &locals.missing(&before.info));
    let leaves = looks && !matches!(locals, Locals::Walk);
    let total = if leaves { quote!('__peek: { #total }) } else { quote!(#total) };
    let value = if binds.is_empty() {
        quote!((#total))
    } else {
        quote!({ use __p::{ViewCopy as _, ViewRef as _}; #binds #total })
    };
    // Making a random value cannot fail.
    if matches!(locals, Locals::Sample) && super::calc::takes_elements(expr) {
        return quote!(__p::Option::unwrap_or_default((|| __p::Some(#value))()));
    }
    value
}

/// A name as an expression has it.
fn written(tokens: TokenStream, name: &str) -> Option<Ident> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident == name => Some(ident),
        TokenTree::Group(group) => written(group.stream(), name),
        _ => None,
    })
}

/// The variable with the value that encoding computes for an item.
pub(crate) fn computed_name(index: usize) -> Ident {
    format_ident!("__known{}", index)
}

/// The place of the user's tokens for errors, with the names of generated code.
pub(crate) fn located(tokens: &impl syn::spanned::Spanned) -> proc_macro2::Span {
    proc_macro2::Span::call_site().located_at(tokens.span())
}

/// What the variables of earlier fields hold.
#[derive(Clone, Copy)]
pub(crate) enum Locals {
    /// The values: decoding.
    Values,
    /// References to them: encoding.
    References,
    /// The values, of a frame whose end is looked for.
    Walk,
    /// The values, of a frame that is made at random.
    Sample,
}

impl Locals {
    /// What `peek(AT)` is; a condition over bytes that are not there does not hold.
    fn ahead(self) -> fn(&Expr) -> TokenStream {
        match self {
            Self::Walk => {
                |at| quote!((__p::Peek::of(#at, __w.next_bytes(__p::Peek::end(&(#at)))?).unwrap_or_default()))
            }
            _ => |at| {
                quote! {
                    (match __p::Peek::of(#at, __r.ahead()) { __p::Some(__at) => __at, __p::None => break '__peek false })
                }
            },
        }
    }

    /// What happens where an expression takes an element that is not there.
    pub(crate) fn missing(self, info: &Ident) -> TokenStream {
        match self {
            Self::Values => quote! {
                return __p::Err(__r.fail(__p::ErrorKind::Relation, __r.offset(), &#info, 0, 0))
            },
            Self::References => quote! {
                return __p::Err(__w.error(__p::ErrorKind::Relation, __w.here(), &#info))
            },
            Self::Walk => quote!(return __p::Err(__w.bad(__p::ErrorKind::Relation, &#info))),
            Self::Sample => quote!(return __p::None),
        }
    }
}

/// The variable that says whether an item has the low byte first, where that
/// is chosen at run time.
fn little_name(index: usize) -> Ident {
    format_ident!("__little{}", index)
}

/// Sets that variable, where the item needs it.
pub(crate) fn choose_order(
    item: &Item,
    index: usize,
    layout: &Layout,
    model: &Model,
    locals: Locals,
) -> TokenStream {
    let Some(expr) = &item.endian else { return TokenStream::new() };
    let value = user_expr(&in_orders(expr), layout, item, model, locals);
    chosen_order(index, &value, expr)
}

/// The same with an expression that has what it speaks of in scope.
pub(crate) fn chosen_order(index: usize, value: &TokenStream, at: &Expr) -> TokenStream {
    let name = little_name(index);
    let order = quote::quote_spanned!(located(at)=> __p::ToEndian::little(#value));
    quote! {
        let #name: bool = {
            #[allow(unused_variables)]
            let (__big, __little) = (__p::Endian::Big, __p::Endian::Little);
            #order
        };
    }
}

/// Whether the low byte is first, as an expression.
pub(crate) fn is_little(endian: Endian) -> TokenStream {
    match endian {
        Endian::Big => quote!(false),
        Endian::Little => quote!(true),
        Endian::Chosen(index) => little_name(index).to_token_stream(),
    }
}

/// The expression with names of its own for `big` and `little`: a field may
/// have the name of an order.
pub(crate) fn in_orders(expr: &Expr) -> Expr {
    syn::parse2(orders(expr.to_token_stream())).unwrap_or_else(|_| expr.clone())
}

fn orders(tokens: TokenStream) -> TokenStream {
    // After a dot or a path stands the name of something else.
    let mut plain = true;
    let own = |token: TokenTree| match token {
        TokenTree::Ident(name) if plain_order(&name) => {
            TokenTree::Ident(Ident::new(&format!("__{name}"), name.span()))
        }
        other => other,
    };
    let each = tokens.into_iter().map(|token| {
        let was_plain = std::mem::replace(
            &mut plain,
            !matches!(&token, TokenTree::Punct(punct) if matches!(punct.as_char(), '.' | ':')),
        );
        match token {
            TokenTree::Group(group) => {
                let mut inner = proc_macro2::Group::new(group.delimiter(), orders(group.stream()));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            token if was_plain => own(token),
            token => token,
        }
    });
    each.collect()
}

fn plain_order(name: &Ident) -> bool {
    name == "big" || name == "little"
}

/// The function of a writer that comes back to a number.
pub(crate) fn patch_name(endian: Endian) -> TokenStream {
    match endian {
        Endian::Big => quote!(patch_be),
        Endian::Little => quote!(patch_le),
        Endian::Chosen(_) => quote!(patch),
    }
}

/// Its last argument, where the byte order is chosen at run time.
pub(crate) fn patch_order(endian: Endian) -> TokenStream {
    match endian {
        Endian::Chosen(index) => {
            let name = little_name(index);
            quote!(, #name)
        }
        _ => TokenStream::new(),
    }
}

/// Reads an integer at a constant offset of the array `bytes`.
pub(crate) fn read_int(bytes: &TokenStream, at: usize, int: IntTy, endian: Endian) -> TokenStream {
    if let Endian::Chosen(index) = endian {
        let chosen = little_name(index);
        let (little, big) = (read_int(bytes, at, int, Endian::Little), read_int(bytes, at, int, Endian::Big));
        return quote!((if #chosen { #little } else { #big }));
    }
    let ty = int.rust();
    let mut parts: Vec<TokenStream> = (0..int.bytes)
        .map(|i| {
            let k = at + i;
            quote!(#bytes[#k])
        })
        .collect();
    let missing = int.held - int.bytes;
    if endian == Endian::Little {
        parts.reverse();
    }
    if missing == 0 {
        return quote!(#ty::from_be_bytes([#(#parts),*]));
    }
    if int.signed {
        // Into the high bytes, then back with the sign.
        parts.extend((0..missing).map(|_| quote!(0)));
        let shift = missing * 8;
        return quote!((#ty::from_be_bytes([#(#parts),*]) >> #shift));
    }
    let zeros = (0..missing).map(|_| quote!(0));
    quote!(#ty::from_be_bytes([#(#zeros,)* #(#parts),*]))
}

/// Reads an integer at a constant place of the array `bytes`, which begins at
/// the offset `from` of the frame: by its bytes, or by its digits, which may
/// be none.
pub(crate) fn read_number(
    bytes: &TokenStream,
    at: usize,
    (int, endian): (IntTy, Endian),
    from: &TokenStream,
    info: &Ident,
) -> TokenStream {
    let Some(digits) = int.digits else { return read_int(bytes, at, int, endian) };
    let (digits, end) = (digits.tokens(), at + int.bytes);
    digits_of(&quote!(#digits.read(&#bytes[#at..#end])), int, from, info)
}

/// Reads an integer that takes all digits of the extent.
pub(crate) fn read_own_width(digits: crate::number::Digits, int: IntTy, info: &Ident) -> TokenStream {
    let digits = digits.tokens();
    let value = digits_of(&quote!(#digits.read_own(__d)), int, &quote!(__from), info);
    quote!({ let __from: u32 = __r.offset(); let __d: &[u8] = __r.rest(); #value })
}

fn digits_of(read: &TokenStream, int: IntTy, from: &TokenStream, info: &Ident) -> TokenStream {
    let ty = int.rust();
    let large = (int.own_width() && int.held < 8).then(|| {
        quote! {
            if __v > #ty::MAX as u64 {
                return __p::Err(__r.fail(__p::ErrorKind::Range, #from, &#info, __v, #ty::MAX as u64));
            }
        }
    });
    let value = if int.signed {
        let up = 64 - int.bits();
        quote!(((__v << #up) as i64 >> #up) as #ty)
    } else {
        quote!(__v as #ty)
    };
    quote!({
        match #read {
            __p::Ok((__v, __same)) => {
                #large
                if !__same { __r.flag_at(__p::Flag::Reserved, &#info, #from); }
                #value
            }
            __p::Err(__at) => return __p::Err(__r.fail(__p::ErrorKind::Digits, #from + __at as u32, &#info, 0, 0)),
        }
    })
}

/// Statements that make the bytes of an integer, and the bytes.
pub(crate) fn int_bytes(
    name: &Ident,
    value: &TokenStream,
    int: IntTy,
    endian: Endian,
) -> (TokenStream, Vec<TokenStream>) {
    if let Some(digits) = int.digits {
        let (digits, width) = (digits.tokens(), int.bytes);
        let max = int.max();
        let mask = int.signed.then(|| quote!(& #max));
        let bytes =
            quote!(let #name = { let __v: u64 = (#value) as u64 #mask; #digits.write::<#width>(__v) };);
        return (bytes, (0..width).map(|i| quote!(#name[#i])).collect());
    }
    if let Endian::Chosen(index) = endian {
        let chosen = little_name(index);
        let bytes = int.bytes;
        let (statement, parts) = int_bytes(name, value, int, Endian::Big);
        let back = parts.iter().rev();
        let parts = &parts;
        let both = quote! {
            #statement
            let #name: [u8; #bytes] = if #chosen { [#(#back),*] } else { [#(#parts),*] };
        };
        return (both, (0..bytes).map(|i| quote!(#name[#i])).collect());
    }
    let ty = int.rust();
    let bytes = quote!(let #name = { let __v: #ty = #value; __v.to_be_bytes() };);
    let skip = int.held - int.bytes;
    let mut parts: Vec<TokenStream> = (skip..int.held).map(|i| quote!(#name[#i])).collect();
    if endian == Endian::Little {
        parts.reverse();
    }
    (bytes, parts)
}

/// The pattern that takes a value apart into its locals: `Path { a: a, .. }`.
pub(crate) fn pattern(path: &TokenStream, layout: &Layout) -> TokenStream {
    let fields = layout.items.iter().filter_map(|item| {
        let member = item.member.as_ref()?;
        let local = &item.local;
        Some(quote!(#member: #local))
    });
    quote!(#path { #(#fields),* })
}

/// The value put together from its locals.
pub(crate) fn construct(path: &TokenStream, layout: &Layout) -> TokenStream {
    pattern(path, layout)
}

/// The real fields of a layout.
pub(crate) fn fields(layout: &Layout) -> impl Iterator<Item = &Item> {
    layout.items.iter().filter(|item| item.member.is_some())
}

/// Whether the layout shows as its only value.
pub(crate) fn transparent(layout: &Layout) -> bool {
    layout.style == Style::Tuple && fields(layout).count() == 1
}

/// All layouts of a model.
pub(crate) fn layouts(model: &Model) -> Vec<&Layout> {
    match &model.shape {
        Shape::Struct(layout) => vec![layout],
        Shape::Bits(bits) => vec![&bits.layout],
        Shape::Scalar(_) => Vec::new(),
        Shape::Enum(data) => data.variants.iter().map(|variant| &variant.layout).collect(),
    }
}

/// Whether the item is one integer that relations can be computed from.
pub(crate) fn is_number(item: &Item) -> bool {
    matches!(item.repr, Repr::Int(..) | Repr::Scalar(..) | Repr::Bits(_))
}

/// `TokenStream` of a type for use behind `as`.
pub(crate) fn type_is(ty: &Type, name: &str) -> bool {
    ty.to_token_stream().to_string() == name
}
