//! What stands in for the code of a type with mistakes: every implementation
//! that the type would have had, without content. Other types that use it then
//! have nothing to report, and one mistake gives one message.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Data, DeriveInput, Fields, Type};

use crate::attr::wire::{CtxKey, TagKey};
use crate::attr::{Keyed, Place, route, wire};
use crate::ctxt::Ctxt;
use crate::expand::common::{
    at_lifetime, ctx_struct, ctx_type, de_lifetime, family, header, header_with, lifetimes_as,
};
use crate::ir::{Layout, Model, Shape, Style};
use crate::lower::private_path;

/// Implementations without content. They are never run: the mistakes stop the
/// build.
pub(crate) fn fallback(input: &DeriveInput, model: Option<&Model>) -> TokenStream {
    let skeleton;
    let model = match model {
        Some(model) => model,
        None => match skeleton_of(input) {
            Some(found) => {
                skeleton = found;
                &skeleton
            }
            None => return TokenStream::new(),
        },
    };
    let private = &model.private;
    let ctx = ctx_struct(model);
    let family = family(model);
    let value = value(model);
    let layout = layout(model);
    let walk = walk(model);
    let selected = selected(input, model);
    let scalar = scalar(input, model);
    let frame = frame_of(input, model);
    let routes = routes(input, model);
    quote! {
        #ctx
        #[allow(
            clippy::all, clippy::pedantic, clippy::restriction, unused_variables, unused_imports, dead_code,
            elided_lifetimes_in_paths, single_use_lifetimes, non_camel_case_types, unreachable_code
        )]
        const _: () = {
            use #private as __p;
            #family
            #value
            #layout
            #walk
            #selected
            #scalar
            #frame
            #routes
        };
    }
}

/// What can be said of a type that could not be lowered.
fn skeleton_of(input: &DeriveInput) -> Option<Model> {
    let place = match &input.data {
        Data::Struct(_) => Place::Struct,
        Data::Enum(_) => Place::Enum,
        Data::Union(_) => return None,
    };
    // Its mistakes are reported already.
    let ignored = &mut Ctxt::default();
    let attrs = wire::parse(&input.attrs, place, ignored);
    let ctx = match &attrs.ctx {
        Some(Keyed { value: CtxKey::Declare(params), .. }) => params.clone(),
        _ => Vec::new(),
    };
    Some(Model {
        ident: input.ident.clone(),
        vis: input.vis.clone(),
        generics: input.generics.clone(),
        private: private_path(&attrs),
        lifetime: input.generics.lifetimes().next().map(|param| param.lifetime.clone()),
        ctx,
        max_depth: None,
        shape: Shape::Struct(Layout {
            owner: String::new(),
            style: Style::Unit,
            items: Vec::new(),
            broken: true,
        }),
        frame: None,
        key: None,
        routes: route::parse_type(&input.attrs, place, true, ignored),
        routes_broken: true,
    })
}

/// `Value`, `Fill` and `Sample`, and what shapes JSON and names kinds.
fn value(model: &Model) -> TokenStream {
    let lifetime = de_lifetime(model);
    let value = header(model, false, &quote!(__p::Value), &quote!(__p::Value));
    let ctx = ctx_type(model);
    let sample = header(model, false, &quote!(__p::Sample<#ctx>), &quote!(__p::Sample));
    let fill = header(model, true, &quote!(__p::Fill<#lifetime>), &quote!(__p::Fill<#lifetime>));
    let flat = header(model, false, &quote!(__p::Flat), &quote!(__p::Value));
    let entry = header(model, false, &quote!(__p::Entry), &quote!(__p::Value));
    let json_keys = header(model, false, &quote!(__p::JsonKeys), &TokenStream::new());
    let fill_flat = header(model, true, &quote!(__p::FillFlat<#lifetime>), &quote!(__p::Fill<#lifetime>));
    let fill_entry = header(model, true, &quote!(__p::FillEntry<#lifetime>), &quote!(__p::Fill<#lifetime>));
    let kinded = header(model, false, &quote!(__p::Kinded), &TokenStream::new());
    quote! {
        #json_keys { const KEYS: &'static [__p::JsonKey] = &[]; }
        #flat {
            fn show_fields<__V: __p::Visitor>(&self, __v: &mut __V) { ::core::unimplemented!() }
        }
        #fill_flat {
            fn fill_fields(__node: __p::Option<&#lifetime __p::Node>) -> __p::Result<Self, __p::FillError> {
                ::core::unimplemented!()
            }
        }
        #entry {
            fn put_key(&self, __out: &mut __p::String) { ::core::unimplemented!() }
            fn show_entry<__V: __p::Visitor>(&self, __v: &mut __V) { ::core::unimplemented!() }
        }
        #fill_entry {
            fn fill_entry(__name: &str, __node: &#lifetime __p::Node) -> __p::Result<Self, __p::FillError> {
                ::core::unimplemented!()
            }
        }
        #kinded {
            type Of<'__k> = &'static str where Self: '__k;
            fn kind(&self) -> &'static str { ::core::unimplemented!() }
        }
        #value {
            fn show<__V: __p::Visitor>(&self, __at: &'static __p::FieldInfo, __v: &mut __V) { ::core::unimplemented!() }
        }
        #fill {
            fn fill(__node: __p::Option<&#lifetime __p::Node>, __at: &'static __p::FieldInfo)
                -> __p::Result<Self, __p::FillError>
            { ::core::unimplemented!() }
        }
        #sample {
            fn sample(
                __random: &mut __p::Random, __size: __p::Option<usize>, __at: &'static __p::FieldInfo, __ctx: #ctx,
            ) -> Self { ::core::unimplemented!() }
        }
    }
}

/// `Walk` and `WalkBody`.
fn walk(model: &Model) -> TokenStream {
    let ctx = ctx_type(model);
    let header = |trait_: TokenStream| {
        header_with(model, &quote!(__p::#trait_<__X, #ctx>), &TokenStream::new(), &quote!(__X), &[])
    };
    let (walk, body) = (header(quote!(Walk)), header(quote!(WalkBody)));
    quote! {
        #walk {
            type Scan = ();
            const STUCK: __p::Option<&'static str> = __p::None;
            fn walk(__s: &mut (), __w: &mut __p::Walker<'_>, __ctx: #ctx) -> __p::Result<(), __p::Halt> {
                ::core::unimplemented!()
            }
        }
        #body {
            type Scan = ();
            const STUCK: __p::Option<&'static str> = __p::None;
            fn walk_body(__tag: u64, __s: &mut (), __w: &mut __p::Walker<'_>, __ctx: #ctx)
                -> __p::Result<(), __p::Halt>
            { ::core::unimplemented!() }
            fn walk_opaque(__tag: u64, __s: &mut (), __w: &mut __p::Walker<'_>) -> __p::Result<(), __p::Halt> {
                ::core::unimplemented!()
            }
        }
    }
}

/// `Wire`, `Decode` and `Encode`, also for types that would not have them: it
/// is not known what they were meant to be.
fn layout(model: &Model) -> TokenStream {
    let lifetime = de_lifetime(model);
    let ctx = ctx_type(model);
    let wire = header(model, false, &quote!(__p::Wire), &quote!(__p::Wire<Ctx = ()>));
    let decode =
        header(model, true, &quote!(__p::Decode<#lifetime>), &quote!(__p::Decode<#lifetime, Ctx = ()>));
    let encode = header(model, false, &quote!(__p::Encode), &quote!(__p::Encode<Ctx = ()>));
    quote! {
        #wire {
            const MIN: usize = 1;
            const SIZE: __p::Option<usize> = __p::None;
            const BYTES: __p::ByteSet = __p::ByteSet::NONE;
            type Ctx = #ctx;
        }
        #decode {
            fn decode<__T: __p::Trace>(__r: &mut __p::Reader<#lifetime, __T>, __ctx: #ctx)
                -> __p::Result<Self, __p::Error>
            { ::core::unimplemented!() }
        }
        #encode {
            fn encode(&self, __w: &mut __p::Writer<'_>, __ctx: #ctx) -> __p::Result<(), __p::Error> {
                ::core::unimplemented!()
            }
        }
    }
}

/// What an enum is to the frame that selects it.
fn selected(input: &DeriveInput, model: &Model) -> TokenStream {
    let Data::Enum(data) = &input.data else { return TokenStream::new() };
    let lifetime = de_lifetime(model);
    let ctx = ctx_type(model);
    let tagged = header(model, false, &quote!(__p::Tagged), &quote!(__p::Wire<Ctx = ()>));
    let select =
        header(model, true, &quote!(__p::Select<#lifetime>), &quote!(__p::Decode<#lifetime, Ctx = ()>));
    let encode = header(model, false, &quote!(__p::EncodeBody), &quote!(__p::Encode<Ctx = ()>));
    let kind = header(model, false, &quote!(__p::Kind), &TokenStream::new());
    let raw = header(model, false, &quote!(__p::RawBody), &TokenStream::new());
    let has_other = data
        .variants
        .iter()
        .any(|variant| wire::parse(&variant.attrs, Place::Variant, &mut Ctxt::default()).other.is_some());
    quote! {
        #tagged {
            const MAX_TAG: u64 = 0;
            const HAS_OTHER: bool = #has_other;
            const BYTES: __p::ByteSet = __p::ByteSet::NONE;
            const TAG_BYTES: __p::ByteSet = __p::ByteSet::NONE;
            type Ctx = #ctx;
            fn tag(&self) -> u64 { ::core::unimplemented!() }
        }
        #select {
            fn select<__T: __p::Trace>(__tag: u64, __r: &mut __p::Reader<#lifetime, __T>, __ctx: #ctx)
                -> __p::Result<Self, __p::Error>
            { ::core::unimplemented!() }
            fn opaque<__T: __p::Trace>(__tag: u64, __r: &mut __p::Reader<#lifetime, __T>)
                -> __p::Result<Self, __p::Error>
            { ::core::unimplemented!() }
        }
        #encode {
            fn encode_body(&self, __w: &mut __p::Writer<'_>, __ctx: #ctx) -> __p::Result<(), __p::Error> {
                ::core::unimplemented!()
            }
        }
        #kind { fn kind(&self) -> &'static str { ::core::unimplemented!() } }
        #raw { fn raw_body(&self) -> __p::Option<&[u8]> { ::core::unimplemented!() } }
    }
}

/// `Scalar`, of what looks like one integer. It wants `Copy`, which only what
/// was meant as an integer is sure to have.
fn scalar(input: &DeriveInput, model: &Model) -> TokenStream {
    let place = if matches!(input.data, Data::Enum(_)) { Place::Enum } else { Place::Struct };
    let attrs = wire::parse(&input.attrs, place, &mut Ctxt::default());
    let meant = match &input.data {
        Data::Struct(_) => attrs.bits.is_some(),
        Data::Enum(data) => {
            let tag = matches!(attrs.tag, Some(Keyed { value: TagKey::Type(_), .. }));
            tag && data.variants.iter().all(|variant| match &variant.fields {
                Fields::Unit => true,
                Fields::Unnamed(fields) => fields.unnamed.len() == 1,
                Fields::Named(_) => false,
            })
        }
        Data::Union(_) => false,
    };
    if !meant {
        return TokenStream::new();
    }
    let header = header(model, false, &quote!(__p::Scalar), &TokenStream::new());
    quote! {
        #header {
            const MAX_RAW: u64 = 0;
            const BYTES: __p::ByteSet = __p::ByteSet::NONE;
            fn from_raw(__raw: u64) -> Self { ::core::unimplemented!() }
            fn raw(self) -> u64 { ::core::unimplemented!() }
        }
    }
}

/// `Protocol`, of what has `#[frame(..)]`.
fn frame_of(input: &DeriveInput, model: &Model) -> TokenStream {
    if !has_attr(input, "frame") {
        return TokenStream::new();
    }
    let layout = header(model, false, &quote!(__p::FrameLayout), &TokenStream::new());
    let contextual = header(model, false, &quote!(__p::Context), &TokenStream::new());
    let header = header(model, false, &quote!(__p::Protocol), &TokenStream::new());
    let (name, ctx) = (model.ident.to_string(), ctx_type(model));
    quote! {
        #contextual { type Ctx = #ctx; }
        #header {
            const NAME: &'static str = #name;
            const KINDS: &'static [__p::FrameKind] = &[<Self as __p::FrameLayout>::KIND];
            type Scan = __p::FlagScan;
            fn scanner(_: #ctx) -> __p::FlagScan { ::core::unimplemented!() }
            fn decode_kind<'__f, __T: __p::Trace>(_: usize, __r: &mut __p::Reader<'__f, __T>, __ctx: #ctx)
                -> __p::Result<Self::At<'__f>, __p::Error>
            { ::core::unimplemented!() }
        }
        #layout {
            const KIND: __p::FrameKind = __p::FrameKind::new(__p::Framing::Bare { escape: __p::None, max: 1 });
            type Sizer = ();
            fn size(_: &mut (), _: &mut __p::Cursor<'_>, _: #ctx) -> __p::Result<usize, __p::Halt> { ::core::unimplemented!() }
        }
    }
}

fn has_attr(input: &DeriveInput, name: &str) -> bool {
    input.attrs.iter().any(|attr| attr.path().is_ident(name))
}

/// The ties between a frame and its body, and the routes of the body.
fn routes(input: &DeriveInput, model: &Model) -> TokenStream {
    match &input.data {
        Data::Struct(data) if has_attr(input, "route") && has_attr(input, "frame") => {
            body_of(model, &data.fields).map_or_else(TokenStream::new, |ty| gateway(model, data, &ty))
        }
        Data::Enum(data)
            if data
                .variants
                .iter()
                .any(|variant| variant.attrs.iter().any(|attr| attr.path().is_ident("route"))) =>
        {
            routed(model)
        }
        _ => TokenStream::new(),
    }
}

/// The body of a frame: the field that `tag(..)` names, as far as that was
/// understood, else the last one of a type that may be declared.
fn body_of(model: &Model, fields: &Fields) -> Option<Type> {
    if let Shape::Struct(layout) = &model.shape
        && let Some(body) = model.frame.as_ref().and_then(|frame| layout.items.get(frame.body?))
    {
        return Some(body.ty.clone());
    }
    let declared = |ty: &Type| match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|segment| {
            segment.ident.to_string().starts_with(char::is_uppercase)
                && !["Option", "Vec", "List", "ListBuf", "Text", "TextBuf", "Bcd", "BcdTime"]
                    .contains(&segment.ident.to_string().as_str())
        }),
        _ => false,
    };
    let index = fields.iter().rposition(|field| declared(&field.ty))?;
    let field = fields.iter().nth(index)?;
    Some(field.ty.clone())
}

fn gateway(model: &Model, data: &syn::DataStruct, body: &Type) -> TokenStream {
    let (_, type_generics, _) = model.generics.split_for_impl();
    let (ident, generics) = (&model.ident, &model.generics);
    let this = quote!(#ident #type_generics);
    let ctx = ctx_type(model);
    let state = model.routes.state.as_ref().map_or_else(|| quote!(()), |key| key.value.to_token_stream());
    let names_header = header(model, false, &quote!(__p::Names), &TokenStream::new());
    let outer_header = header(model, false, &quote!(__p::Outer), &TokenStream::new());
    let envelope_header = header(model, false, &quote!(__p::Envelope), &TokenStream::new());
    let names: Vec<String> = data
        .fields
        .iter()
        .filter_map(|field| Some(syn::ext::IdentExt::unraw(field.ident.as_ref()?).to_string()))
        .collect();
    let name = model.ident.to_string();
    let types = names.iter().map(|_| "");
    let usable = names.iter().map(|_| true);
    let reply = {
        let mut generics = model.generics.clone();
        generics.params.insert(0, syn::parse_quote!('__to));
        let (impl_generics, _, where_clause) = generics.split_for_impl();
        let to = at_lifetime(model, &syn::parse_quote!('__to));
        quote! {
            impl #impl_generics __p::ReplyTo<#to> for #this #where_clause {
                fn write(self, __ctx: #ctx, __out: &mut __p::Vec<u8>) -> __p::Result<(), __p::Error> { ::core::unimplemented!() }
            }
        }
    };
    let own = at_lifetime(model, &syn::parse_quote!('static));
    let at = at_lifetime(model, &syn::parse_quote!('_));
    let profiles = crate::expand::declared_profiles(&model.routes);
    let within = model
        .routes
        .shared
        .is_none()
        .then(|| quote!(impl #generics __p::OnlyFrameUnlessShared for #body { type Frame = #this; }));
    quote! {
        #within
        #names_header {
            const TYPE: &'static str = #name;
            const NAMES: &'static [&'static str] = &[#(#names),*];
            const TYPES: &'static [&'static str] = &[#(#types),*];
            const USABLE: &'static [bool] = &[#(#usable),*];
            fn value(&self, __index: usize) -> &dyn __p::Placeholder { ::core::unimplemented!() }
        }
        #outer_header {
            const SHARES: bool = true;
            const KEEPS: &'static [&'static [&'static str]] = &[];
            const PROFILES: &'static [&'static str] = #profiles;
            type State = #state;
            type Context = #ctx;
            type Port = #own;
            type Body = #body;
            fn context(_: &__p::Cx<'_, Self::State>) -> #ctx { ::core::unimplemented!() }
            fn body(&self) -> __p::Option<&Self::Body> { ::core::unimplemented!() }
        }
        #envelope_header {
            fn envelope(__body: Self::Body, __cx: &mut __p::Cx<'_, Self::State>, __out: &mut __p::Vec<u8>)
                -> __p::Result<__p::Option<__p::Pairing>, __p::Error>
            { ::core::unimplemented!() }
        }
        #reply
        impl __p::Gateway for #own {
            type State = #state;
            const ANONYMOUS: bool = false;
            const AWAITED: &'static [&'static [&'static str]] = &[&["*"]];
            fn ctx(_: &__p::Cx<'_, #state>) -> #ctx { ::core::unimplemented!() }
            fn access(__f: &#at) -> __p::Access { ::core::unimplemented!() }
            fn answers(__f: &#at) -> __p::Option<__p::Pairing> { ::core::unimplemented!() }
            fn ask(__f: &#at, __stage: __p::Stage, __cx: &mut __p::Cx<'_, #state>, __asks: &mut __p::Asks<'_>)
                -> __p::Result<(), __p::Refusal>
            { ::core::unimplemented!() }
            fn settle(__f: &#at, __cx: &mut __p::Cx<'_, #state>, __outcome: &__p::Outcome, __reply: &mut __p::Vec<u8>)
                -> __p::Result<__p::After, __p::Error>
            { ::core::unimplemented!() }
            fn filters(__cx: &__p::Cx<'_, #state>, __each: &mut dyn __p::core::ops::FnMut(&__p::TopicBuf, u8))
                -> __p::Result<(), __p::Refusal>
            { ::core::unimplemented!() }
            fn deliver(__topic: &str, __payload: &[u8], __cx: &mut __p::Cx<'_, #state>, __out: &mut __p::Vec<u8>)
                -> __p::Result<__p::Delivery, __p::DeliverError>
            { ::core::unimplemented!() }
        }
    }
}

/// `Routes` of a body.
fn routed(model: &Model) -> TokenStream {
    let own = at_lifetime(model, &de_lifetime(model));
    match &model.routes.frames {
        Some(key) => {
            let here = de_lifetime(model);
            key.value
                .iter()
                .map(|ty| routed_in(model, &lifetimes_as(ty.to_token_stream(), &quote!(#here))))
                .collect()
        }
        None => routed_in(model, &quote!(<#own as __p::OnlyFrameUnlessShared>::Frame)),
    }
}

/// The same within a frame.
fn routed_in(model: &Model, frame: &TokenStream) -> TokenStream {
    let borrows = model.lifetime.is_none() && frame.to_string().contains("'__de");
    let header = header(model, borrows, &quote!(__p::Routes<#frame>), &TokenStream::new());
    let state = quote!(<#frame as __p::Outer>::State);
    quote! {
        #header {
            const ANONYMOUS: bool = false;
            const KEEPS: &'static [&'static str] = &[];
            const PROFILES: &'static [&'static str] = &["*"];
            const AWAITED: &'static [&'static str] = &["*"];
            fn access(&self) -> __p::Access { ::core::unimplemented!() }
            fn answers(__frame: &#frame) -> __p::Option<__p::Pairing> { ::core::unimplemented!() }
            fn ask(
                __frame: &#frame,
                __stage: __p::Stage,
                __cx: &mut __p::Cx<'_, #state>,
                __asks: &mut __p::Asks<'_>,
            ) -> __p::Result<(), __p::Refusal> { ::core::unimplemented!() }
            fn settle(
                __frame: &#frame,
                __cx: &mut __p::Cx<'_, #state>,
                __outcome: &__p::Outcome,
                __reply: &mut __p::Vec<u8>,
            ) -> __p::Result<__p::After, __p::Error> { ::core::unimplemented!() }
            fn filters(
                __cx: &__p::Cx<'_, #state>,
                __each: &mut dyn __p::core::ops::FnMut(&__p::TopicBuf, u8),
            ) -> __p::Result<(), __p::Refusal> { ::core::unimplemented!() }
            fn deliver(
                __topic: &str,
                __payload: &[u8],
                __cx: &mut __p::Cx<'_, #state>,
                __out: &mut __p::Vec<u8>,
            ) -> __p::Result<__p::Delivery, __p::DeliverError> { ::core::unimplemented!() }
        }
    }
}
