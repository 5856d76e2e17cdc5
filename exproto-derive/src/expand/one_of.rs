//! Several kinds of frames on one port: an enum whose variants are frames.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use super::bounds::{closes, lead};
use super::common::{
    Locals, at_lifetime, ctx_bind, ctx_of, ctx_type, header, lifetimes_as, static_lifetimes,
};
use crate::ir::{EnumModel, Frame, Model, Variant};

/// What of the enum's context the frame of a variant takes; `fixed` where its
/// lifetimes are not in scope.
fn narrow(model: &Model, variant: &Variant, fixed: bool) -> TokenStream {
    variant.layout.items.first().map_or_else(TokenStream::new, |item| {
        let ty = item.ty.to_token_stream();
        let ty = if fixed { static_lifetimes(ty) } else { ty };
        ctx_of(&ty, item, item, &variant.layout, model, &quote!(__p::Wire), Locals::Values)
    })
}

/// `Frames` and `Protocol` of an enum of frames.
pub(crate) fn expand(model: &Model, frame: &Frame, data: &EnumModel) -> TokenStream {
    let ident = &model.ident;
    let name = ident.to_string();
    let types: Vec<_> =
        data.variants.iter().filter_map(|variant| Some(&variant.layout.items.first()?.ty)).collect();
    let kinds = data.variants.iter().zip(&types).map(|(variant, ty)| {
        let given = variant.frame.lead.as_ref().map(|key| lead(&key.value)).map(|lead| quote!(.led(#lead)));
        let first = variant.frame.first.is_some().then(|| quote!(.first()));
        let sent = variant.frame.sent.is_some().then(|| quote!(.sent()));
        let followed = variant.frame.followed.is_some().then(|| quote!(.followed()));
        let chosen = variant.frame.condition.is_some().then(|| quote!(.chosen()));
        quote!(<#ty as __p::FrameLayout>::KIND #given #first #sent #followed #chosen)
    });
    let skip = Literal::byte_string(frame.attrs.skip.as_ref().map_or(&[][..], |key| &key.value.bytes));
    let close = closes(frame);
    let sizes = types.iter().enumerate().map(|(index, ty)| {
        let field = syn::Index::from(index);
        let ctx = data.variants.get(index).map(|variant| narrow(model, variant, false));
        quote!(#index => <#ty as __p::FrameLayout>::size(&mut __s.#field, __c, #ctx),)
    });
    let own = at_lifetime(model, &syn::parse_quote!('static));
    let variants: Vec<_> = data.variants.iter().map(|variant| (&variant.ident, &variant.info)).collect();
    let contexts: Vec<_> = data.variants.iter().map(|variant| narrow(model, variant, false)).collect();
    let (context, bind) = (ctx_type(model), ctx_bind(model));
    let decode = variants.iter().zip(&contexts).enumerate().map(|(index, ((name, info), ctx))| {
        quote!(#index => {
            __r.enter(&#info);
            let __v = #ident::#name(__p::Decode::decode(__r, #ctx)?);
            __r.leave();
            __p::Ok(__v)
        })
    });
    let kind_of = variants.iter().enumerate().map(|(index, (name, _))| quote!(#ident::#name(..) => #index,));
    let kind = data.variants.iter().zip(&types).map(|(variant, ty)| {
        let (name, snake) = (&variant.ident, &variant.snake);
        quote!(#ident::#name(__x) => {
            let __kind = <#ty as __p::Protocol>::kind(__x);
            // A frame without a body is called what the variant is called.
            if __kind == <#ty as __p::Protocol>::NAME { #snake } else { __kind }
        })
    });
    let segment =
        variants.iter().zip(&types).zip(&contexts).enumerate().map(|(index, (((name, _), ty), ctx))| {
            quote!(#ident::#name(__x) => {
                let __segment = <#ty as __p::Protocol>::segment(__x, #ctx)?;
                __p::Some(__p::Segment { kind: #index, ..__segment })
            })
        });
    let join =
        variants.iter().zip(&types).zip(&contexts).enumerate().map(|(index, (((name, _), ty), ctx))| {
            quote!(#index => {
                let (__frame, __flags) = <#ty as __p::Protocol>::join(0, __head, __body, #ctx, __trace)?;
                __p::Ok((#ident::#name(__frame), __flags))
            })
        });
    let (tell, wanted) = (super::bounds::tell(model), wanted(model, data));
    let apart = apart(model, data, &types, &own);
    let frames = header(model, false, &quote!(__p::Frames), &TokenStream::new());
    let contextual = header(model, false, &quote!(__p::Context), &TokenStream::new());
    let protocol = header(model, false, &quote!(__p::Protocol), &TokenStream::new());
    quote! {
        #apart
        #frames {
            const KINDS: &'static [__p::FrameKind] = &[#(#kinds),*];
            const SKIP: &'static [u8] = #skip;
            const CLOSE: bool = #close;
            type Sizers = (#(<#types as __p::FrameLayout>::Sizer,)*);
            #[inline]
            fn size(__kind: usize, __s: &mut Self::Sizers, __c: &mut __p::Cursor<'_>, __ctx: #context)
                -> __p::Result<usize, __p::Halt>
            {
                #bind
                match __kind { #(#sizes)* _ => __p::Ok(0) }
            }
            #wanted
        }
        #contextual { type Ctx = #context; }
        #protocol {
            const NAME: &'static str = #name;
            const KINDS: &'static [__p::FrameKind] = <Self as __p::Frames>::KINDS;
            type Scan = __p::FrameScan<#own>;
            #[inline]
            fn scanner(__ctx: #context) -> Self::Scan { <__p::FrameScan<#own>>::new(__ctx) }
            #tell
            #wanted
            #[inline]
            fn decode_kind<'__f, __T: __p::Trace>(__kind: usize, __r: &mut __p::Reader<'__f, __T>, __ctx: #context)
                -> __p::Result<Self::At<'__f>, __p::Error>
            {
                #bind
                match __kind {
                    #(#decode)*
                    _ => __p::Err(__r.fail(__p::ErrorKind::Tag, __r.offset(), &__TYPE, __kind as u64, 0)),
                }
            }
            #[inline]
            fn kind_of(__f: &Self::At<'_>) -> usize { match __f { #(#kind_of)* } }
            #[inline]
            fn kind(__f: &Self::At<'_>) -> &'static str { match __f { #(#kind)* } }
            fn segment<'__s>(__f: &'__s Self::At<'_>, __ctx: #context) -> __p::Option<__p::Segment<'__s>> {
                #bind
                match __f { #(#segment)* }
            }
            fn join<'__f, __T: __p::Trace>(
                __kind: usize, __head: &'__f [u8], __body: &'__f [u8], __ctx: #context, __trace: __T,
            ) -> __p::Result<(Self::At<'__f>, __p::Flags), __p::Error> {
                #bind
                match __kind {
                    #(#join)*
                    _ => __p::Err(__p::Error::new(__p::ErrorKind::Tag, 0, &__TYPE)),
                }
            }
        }
    }
}

/// Which kinds are looked for, where that depends on the connection.
fn wanted(model: &Model, data: &EnumModel) -> TokenStream {
    let arms: Vec<_> = data
        .variants
        .iter()
        .enumerate()
        .filter_map(|(index, variant)| {
            let condition = &variant.frame.condition.as_ref()?.value;
            let holds = super::calc::total(condition, &quote!(return false));
            Some(quote!(#index => #holds,))
        })
        .collect();
    if arms.is_empty() {
        return TokenStream::new();
    }
    let (context, bind) = (ctx_type(model), ctx_bind(model));
    quote! {
        #[inline]
        fn wanted(__kind: usize, __ctx: #context) -> bool {
            #bind
            match __kind { #(#arms)* _ => true }
        }
    }
}

/// What has to hold of each two variants, so that both are found.
fn apart(model: &Model, data: &EnumModel, types: &[&syn::Type], own: &TokenStream) -> TokenStream {
    let mut out = TokenStream::new();
    if super::asserts::generic(model) {
        return out;
    }
    for (later, variant) in data.variants.iter().enumerate() {
        if variant.frame.followed.is_some() {
            let span = variant.ident.span();
            let message = format!(
                "what follows does not tell whether a frame is `{}`: only a frame that says its own size can be `followed`, where each kind begins with a constant or `#[frame(lead = [..])]`",
                variant.ident
            );
            out.extend(quote_spanned! {span=>
                const _: () = ::core::assert!(
                    __p::followers_tell(&<#own as __p::Frames>::KINDS[#later], <#own as __p::Frames>::KINDS),
                    #message
                );
            });
        }
        let Some(of_later) = types.get(later).map(|ty| static_lifetimes(ty.to_token_stream())) else {
            continue;
        };
        for (earlier, (before, ty)) in data.variants.iter().zip(types).take(later).enumerate() {
            let ty = static_lifetimes(ty.to_token_stream());
            let (first, second) = (&before.ident, &variant.ident);
            let sent = variant.frame.sent.is_some();
            let message = if sent {
                format!(
                    "`{second}` is never read by a device: `{first}` is tried before it and takes whatever begins so; tell them apart by a constant or `#[frame(lead = [..])]`, or make them one variant"
                )
            } else {
                format!(
                    "a frame may begin as both `{first}` and `{second}`, and would always be taken for `{first}`: tell them apart by a constant or `#[frame(lead = [..])]`, or put the one with the narrower lead first"
                )
            };
            let span = variant.ident.span();
            out.extend(quote_spanned! {span=>
                const _: () = ::core::assert!(
                    __p::kinds_apart(
                        &<#own as __p::Frames>::KINDS[#earlier],
                        &<#own as __p::Frames>::KINDS[#later],
                        <#ty as __p::Wire>::SIZE.is_some(),
                        __p::same_size(<#ty as __p::Wire>::SIZE, <#of_later as __p::Wire>::SIZE),
                    ),
                    #message
                );
            });
        }
    }
    out
}

/// `Wire` and `Encode` of an enum of frames: which one was read is known from
/// the frame search, so there is no `Decode`.
pub(crate) fn layout(model: &Model, data: &EnumModel) -> TokenStream {
    let ident = &model.ident;
    let arms = data.variants.iter().map(|variant| {
        let (name, ctx) = (&variant.ident, narrow(model, variant, false));
        quote!(#ident::#name(__x) => __p::Encode::encode(__x, __w, #ctx),)
    });
    let (context, bind) = (ctx_type(model), ctx_bind(model));
    let wire = header(model, false, &quote!(__p::Wire), &TokenStream::new());
    let encode = header(model, false, &quote!(__p::Encode), &TokenStream::new());
    quote! {
        #wire {
            const MIN: usize = 0;
            const SIZE: __p::Option<usize> = __p::None;
            const GREEDY: bool = true;
            type Ctx = #context;
        }
        #encode {
            #[inline]
            fn encode(&self, __w: &mut __p::Writer<'_>, __ctx: #context) -> __p::Result<(), __p::Error> {
                #bind
                match self { #(#arms)* }
            }
        }
    }
}

/// `Gateway` of an enum of frames: each has its routes, or its body has.
pub(crate) fn gateway(model: &Model, data: &EnumModel) -> TokenStream {
    if model.routes.gateway.is_none() {
        return TokenStream::new();
    }
    let ident = &model.ident;
    let own = at_lifetime(model, &syn::parse_quote!('static));
    let at = at_lifetime(model, &syn::parse_quote!('_));
    let state = model.routes.state.as_ref().map_or_else(|| quote!(()), |key| key.value.to_token_stream());
    let types: Vec<_> = data
        .variants
        .iter()
        .filter_map(|variant| Some(variant.layout.items.first()?.ty.to_token_stream()))
        .collect();
    let fixed: Vec<_> = types.iter().map(|ty| static_lifetimes(ty.clone())).collect();
    let names: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    // A reply may be any of the frames, whichever it answers.
    let context = ctx_type(model);
    let replies = types.iter().zip(&data.variants).map(|(ty, variant)| {
        let (_, type_generics, _) = model.generics.split_for_impl();
        let mut generics = model.generics.clone();
        generics.params.insert(0, syn::parse_quote!('__to));
        let (impl_generics, _, where_clause) = generics.split_for_impl();
        let to = lifetimes_as(ty.clone(), &quote!('__to));
        let (bind, narrow) = (ctx_bind(model), narrow(model, variant, true));
        quote! {
            impl #impl_generics __p::ReplyTo<#to> for #ident #type_generics #where_clause {
                #[inline]
                fn write(self, __ctx: #context, __out: &mut __p::Vec<u8>) -> __p::Result<(), __p::Error> {
                    __p::encode_with::<#own>(&self, __ctx, __out)
                }
            }
            impl #impl_generics __p::Whole<#to> for #ident #type_generics #where_clause {
                #[inline]
                fn awaited(&self) -> __p::Option<__p::Pairing> { <#own as __p::Gateway>::awaits(self) }
            }
            impl<'__to> __p::Holds<#to> for #own {
                #[inline]
                fn narrow(__ctx: #context) -> <#to as __p::Wire>::Ctx { #bind #narrow }
            }
        }
    });
    let given = super::route::context(model);
    let profiles = super::route::declared(&model.routes);
    let bodies: Vec<_> = fixed.iter().map(|ty| (quote!(<#ty as __p::Outer>::Body), ty.clone())).collect();
    let polls = super::route::polls(model, &state);
    let requests = super::route::requests(model, &own);
    let waits = super::route::waits(model, &own);
    let used = super::route::used(&model.routes, &bodies);
    let nulls = model.routes.nulls.is_some();
    let asks = quote!(false #(|| <#fixed as __p::Outer>::ASKS_MISSING)*);
    let segments = super::route::segments_of_gateway(
        &at.to_token_stream(),
        &state,
        &asks,
        |name| quote!(match __f { #(#ident::#names(__x) => __p::Outer::#name(__x, __cx, __parts, __out),)* }),
    );
    quote! {
        #(#replies)*
        #used
        #requests
        #waits
        impl __p::Gateway for #own {
            type State = #state;
            const ANONYMOUS: bool = false #(|| <<#fixed as __p::Outer>::Body as __p::Routes<#fixed>>::ANONYMOUS)*;
            const KEEPS: &'static [&'static [&'static str]] =
                &[#(<<#fixed as __p::Outer>::Body as __p::Routes<#fixed>>::KEEPS),*];
            const OMIT_NULLS: bool = #nulls;
            const AWAITED: &'static [&'static [&'static str]] =
                &[#(<<#fixed as __p::Outer>::Body as __p::Routes<#fixed>>::AWAITED),*];
            const PROFILES: &'static [&'static str] = #profiles;
            #[inline]
            fn ctx(__cx: &__p::Cx<'_, #state>) -> #context { #given }
            #[inline]
            fn access(__f: &#at) -> __p::Access { match __f { #(#ident::#names(__x) => __p::access_of(__x),)* } }
            #[inline]
            fn answers(__f: &#at) -> __p::Option<__p::Pairing> { match __f { #(#ident::#names(__x) => __p::answers_of(__x),)* } }
            fn is_last(__f: &#at) -> bool { match __f { #(#ident::#names(__x) => __p::is_last_of(__x),)* } }
            fn awaits(__f: &#at) -> __p::Option<__p::Pairing> { match __f { #(#ident::#names(__x) => __p::awaits_of(__x),)* } }
            #polls
            #segments
            #[inline]
            fn lookup(__f: &#at, __cx: &mut __p::Cx<'_, #state>) -> __p::Option<__p::Lookup>
            { match __f { #(#ident::#names(__x) => __p::lookup_of(__x, __cx),)* } }
            fn ask(__f: &#at, __stage: __p::Stage, __cx: &mut __p::Cx<'_, #state>, __asks: &mut __p::Asks<'_>)
                -> __p::Result<(), __p::Refusal>
            { match __f { #(#ident::#names(__x) => __p::ask_of(__x, __stage, __cx, __asks),)* } }
            fn settle(__f: &#at, __cx: &mut __p::Cx<'_, #state>, __outcome: &__p::Outcome, __reply: &mut __p::Vec<u8>)
                -> __p::Result<__p::After, __p::Error>
            { match __f { #(#ident::#names(__x) => __p::settle_of(__x, __cx, __outcome, __reply),)* } }
            fn filters(__cx: &__p::Cx<'_, #state>, __each: &mut dyn __p::core::ops::FnMut(&__p::TopicBuf, u8))
                -> __p::Result<(), __p::Refusal>
            {
                #(<<#fixed as __p::Outer>::Body as __p::Routes<#fixed>>::filters(__cx, __each)?;)*
                __p::Ok(())
            }
            fn deliver(__topic: &str, __payload: &[u8], __cx: &mut __p::Cx<'_, #state>, __out: &mut __p::Vec<u8>)
                -> __p::Result<__p::Delivery, __p::DeliverError>
            {
                #(
                    match <<#fixed as __p::Outer>::Body as __p::Routes<#fixed>>::deliver(__topic, __payload, __cx, __out) {
                        __p::Err(__p::DeliverError::NoRoute) => {}
                        __other => return __other,
                    }
                )*
                __p::Err(__p::DeliverError::NoRoute)
            }
        }
    }
}
