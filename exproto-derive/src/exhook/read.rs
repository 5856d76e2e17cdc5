//! The attributes and methods of an `impl`: what they register, and mistakes.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::parse::{ParseStream, Parser};
use syn::{FnArg, ImplItem, ImplItemFn, ItemImpl, LitStr, ReceiverKind, ReturnType, Token, Type};

use super::filter;
use super::hooks::{FIRST, Kind, METHODS, Method, Version, missing_in};
use crate::attr::entries;
use crate::ctxt::{Ctxt, nearest};

/// What stands in `#[exhook(..)]`.
pub(super) struct Options {
    runtime: Option<syn::Path>,
    oldest: Option<Version>,
}

impl Options {
    /// Where generated code finds what it needs.
    pub(super) fn private(&self) -> TokenStream {
        match &self.runtime {
            Some(path) => quote!(#path::__private),
            None => quote!(::exproto_runtime::__private),
        }
    }
}

/// A hook that is written.
pub(super) struct Found {
    /// The variant of `Hook`.
    pub(super) hook: Ident,
    pub(super) topics: Vec<LitStr>,
}

const KEYS: [&str; 2] = ["emqx", "crate"];

/// Reads `emqx = "5.0"` and `crate = path`.
pub(super) fn options(args: TokenStream, ctxt: &mut Ctxt) -> Options {
    let mut options = Options { runtime: None, oldest: None };
    let attr: syn::Attribute = syn::parse_quote!(#[exhook(#args)]);
    entries(&[attr], "exhook", ctxt, |key, input, ctxt| {
        match key.to_string().as_str() {
            "emqx" => {
                input.parse::<Token![=]>()?;
                let text: LitStr = input.parse()?;
                match version(&text.value()) {
                    Some(oldest) if oldest >= FIRST => options.oldest = Some(oldest),
                    Some(_) => ctxt.error(
                        &text,
                        "EMQX calls hook providers by gRPC from 4.3 on: write `emqx = \"4.3\"` or later",
                    ),
                    None => {
                        ctxt.error(&text, "a version of EMQX is written like `\"5.0\"`: the oldest you want");
                    }
                }
            }
            "crate" => {
                input.parse::<Token![=]>()?;
                options.runtime = Some(syn::Path::parse_mod_style(input)?);
            }
            name => return Err(unknown(key, "#[exhook]", name, &KEYS)),
        }
        Ok(())
    });
    options
}

fn unknown(key: &Ident, attr: &str, name: &str, keys: &[&'static str]) -> syn::Error {
    let message = match nearest(name, keys.iter().copied()) {
        Some(near) => format!("`{attr}` has no key `{name}`; did you mean `{near}`?"),
        None => format!("`{attr}` has no key `{name}`; its keys are: {}", keys.join(", ")),
    };
    syn::Error::new(key.span(), message)
}

fn version(text: &str) -> Option<Version> {
    let mut numbers = text.split('.').map(str::parse);
    let major = numbers.next()?.ok()?;
    let minor = numbers.next().unwrap_or(Ok(0)).ok()?;
    numbers.all(|number| number.is_ok()).then_some((major, minor))
}

/// Takes the hooks' attributes off and lists what is registered. Methods with
/// mistakes are taken out, so that one mistake gives one message.
pub(super) fn hooks(input: &mut ItemImpl, options: &Options, ctxt: &mut Ctxt) -> Vec<Found> {
    if input.trait_.is_none() {
        let ty = &input.self_ty;
        ctxt.error(
            ty,
            format_args!("the hooks are methods of a trait: write `impl HookProvider for {}`", quote!(#ty)),
        );
    }
    let mut found: Vec<(usize, Found)> = Vec::new();
    let items = std::mem::take(&mut input.items);
    for mut item in items {
        let ImplItem::Fn(function) = &mut item else {
            input.items.push(item);
            continue;
        };
        let before = ctxt.count();
        let read = method(function, options, ctxt);
        function.attrs.retain(|attr| !attr.path().is_ident("on"));
        if ctxt.count() > before {
            continue;
        }
        if let Some((at, one)) = read {
            found.push((at, one));
        }
        input.items.push(item);
    }
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, one)| one).collect()
}

fn method(function: &ImplItemFn, options: &Options, ctxt: &mut Ctxt) -> Option<(usize, Found)> {
    let name = function.sig.ident.to_string();
    let Some((at, method)) = METHODS.iter().enumerate().find(|(_, method)| method.name == name) else {
        ctxt.error(&function.sig.ident, no_hook(&name));
        return None;
    };
    signature(function, method, ctxt);
    if let Some(oldest) = options.oldest
        && missing_in(method, oldest)
    {
        ctxt.error(&function.sig.ident, method.too_new());
    }
    let topics = topics(function, method, ctxt);
    method.registered.then(|| (at, Found { hook: format_ident!("{}", method.event), topics }))
}

fn no_hook(name: &str) -> String {
    if let Some(method) = METHODS.iter().find(|method| method.old_name == Some(name)) {
        return format!("`{name}` is called `{}` here, for all versions of EMQX", method.name);
    }
    match nearest(name, METHODS.iter().map(|method| method.name)) {
        Some(near) => format!("there is no hook `{name}`; did you mean `{near}`?"),
        None => format!(
            "there is no hook `{name}`; the hooks are the methods of `HookProvider`, and functions of your \
             own go into another `impl`"
        ),
    }
}

/// What the compiler would say in many words is said in one sentence.
fn signature(function: &ImplItemFn, method: &Method, ctxt: &mut Ctxt) {
    let sig = &function.sig;
    let Method { name, event, kind, .. } = method;
    let wanted = match kind {
        Kind::Asks(answer) => format!("async fn {name}(&self, request: &{event}) -> {answer}"),
        Kind::Tells => format!("async fn {name}(&self, event: {event})"),
    };
    let returns_future = matches!(&sig.output, ReturnType::Type(_, ty) if matches!(**ty, Type::ImplTrait(_)));
    if sig.asyncness.is_none() && !returns_future {
        ctxt.error(sig.fn_token, format_args!("a hook is an `async fn`: write `{wanted}`"));
    }
    if !sig.generics.params.is_empty() {
        ctxt.error(&sig.generics, format_args!("a hook has no parameters of its own: write `{wanted}`"));
    }
    let mut inputs = sig.inputs.iter();
    match inputs.next() {
        Some(FnArg::Receiver(receiver)) => {
            if !matches!(receiver.kind, ReceiverKind::Reference(_, _, None)) {
                ctxt.error(
                    receiver,
                    "hooks run at the same time, so they share the provider: take `&self`, and put what \
                     changes into a `Mutex` or an atomic",
                );
            }
        }
        _ => ctxt.error(&sig.ident, format_args!("a hook is a method: write `{wanted}`")),
    }
    match (inputs.next(), inputs.next()) {
        (Some(FnArg::Typed(argument)), None) => {
            let borrowed = matches!(&*argument.ty, Type::Reference(_));
            let asks = matches!(kind, Kind::Asks(_));
            if asks && !borrowed {
                ctxt.error(
                    &argument.ty,
                    format_args!("a hook that answers borrows what it is asked: write `&{event}`"),
                );
            } else if !asks && borrowed {
                ctxt.error(
                    &argument.ty,
                    format_args!("a hook that is only told owns its event: write `{event}`"),
                );
            }
        }
        (Some(_), Some(more)) => {
            ctxt.error(more, format_args!("a hook takes one argument: write `{wanted}`"));
        }
        _ => ctxt.error(&sig.ident, format_args!("`{name}` takes one argument: write `{wanted}`")),
    }
    match (&sig.output, kind) {
        (ReturnType::Default, Kind::Asks(answer)) => ctxt.error(
            &sig.ident,
            format_args!("EMQX waits for the answer of `{name}`: return `{answer}`, or a `Result` of it"),
        ),
        (ReturnType::Type(_, ty), Kind::Tells) if answers(ty) => ctxt.error(
            ty,
            format_args!(
                "EMQX takes no answer to `{name}`: return nothing, or a `Result<(), _>` to report an error"
            ),
        ),
        _ => {}
    }
}

/// Whether a type is one of the answers.
fn answers(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path
        .segments
        .last()
        .is_some_and(|last| last.ident == "Auth" || last.ident == "Publish" || last.ident == "bool")
}

fn topics(function: &ImplItemFn, method: &Method, ctxt: &mut Ctxt) -> Vec<LitStr> {
    let mut topics: Vec<LitStr> = Vec::new();
    let mut given: Option<Span> = None;
    for attr in function.attrs.iter().filter(|attr| attr.path().is_ident("on")) {
        if matches!(attr.meta, syn::Meta::Path(_)) {
            ctxt.error(attr, "say what it is on: `#[on(topics = [\"t/#\"])]`");
        }
    }
    entries(&function.attrs, "on", ctxt, |key, input, ctxt| {
        let name = key.to_string();
        if name != "topics" {
            return Err(unknown(key, "#[on]", &name, &["topics"]));
        }
        input.parse::<Token![=]>()?;
        let list = filters(input)?;
        if !method.topics {
            ctxt.error(
                key,
                format_args!(
                    "`{}` is not about messages, so it has no topics: remove the filter, and look at the \
                     topic in the function if it has one",
                    method.name
                ),
            );
        } else if given.replace(key.span()).is_some() {
            ctxt.error(key, "`topics` is given twice; remove one");
        } else if list.is_empty() {
            ctxt.error(key, "no filter at all: remove `topics`, which means all topics");
        }
        for filter in list {
            let text = filter.value();
            if let Some(mistake) = filter::mistake(&text) {
                ctxt.error(&filter, mistake);
            } else if topics.iter().any(|other| other.value() == text) {
                ctxt.error(&filter, "this filter is given twice; remove one");
            }
            topics.push(filter);
        }
        Ok(())
    });
    topics
}

fn filters(input: ParseStream<'_>) -> syn::Result<Vec<LitStr>> {
    let list;
    syn::bracketed!(list in input);
    let list: TokenStream = list.parse()?;
    let parse = syn::punctuated::Punctuated::<LitStr, Token![,]>::parse_terminated;
    Ok(parse.parse2(list)?.into_iter().collect())
}
