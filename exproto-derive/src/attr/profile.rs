//! `#[route(profile = NAME, ..)]`: routes that stand in for others where the
//! program is told so.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Attribute, Token};

use super::after_eq;
use super::route::VariantRoutes;
use crate::ctxt::{Ctxt, nearest};

/// What a profile may say of a frame.
pub(super) const KEYS: &[&str] = &["publish", "subscribe", "unsubscribe", "deliver", "reply", "with"];
/// What it may say of all variants of a body.
pub(super) const OF_ALL: &[&str] = &["publish", "deliver"];

/// What a profile says.
#[derive(Clone)]
pub(crate) struct Profile {
    pub(crate) name: Ident,
    /// What stands in for the same keys elsewhere.
    pub(crate) routes: VariantRoutes,
    /// Keys that are `none` under the profile.
    pub(crate) without: Vec<Ident>,
}

impl Profile {
    /// Whether the profile says that there is no such route.
    pub(crate) fn lacks(&self, key: &str) -> bool {
        self.without.iter().any(|ident| ident == key)
    }

    /// Whether the profile says anything about this key.
    pub(crate) fn says(&self, key: &str) -> bool {
        let routes = &self.routes;
        self.lacks(key)
            || match key {
                "publish" => !routes.publish.is_empty(),
                "subscribe" => !routes.subscribe.is_empty(),
                "unsubscribe" => !routes.unsubscribe.is_empty(),
                "deliver" => routes.deliver.is_some(),
                "reply" => !routes.reply.is_empty(),
                _ => routes.with.is_some(),
            }
    }
}

/// The profile with this name.
pub(crate) fn named<'p>(profiles: &'p [Profile], name: &Ident) -> Option<&'p Profile> {
    profiles.iter().find(|profile| profile.name == *name)
}

/// The routes of a variant under a profile: what the profile says of the
/// variant, else of all variants, else what the variant says.
pub(crate) fn effective(routes: &VariantRoutes, of_all: &[Profile], name: &Ident) -> VariantRoutes {
    let mut found = routes.clone();
    if let Some(all) = named(of_all, name) {
        if all.says("publish") && !routes.publish.is_empty() {
            found.publish.clone_from(&all.routes.publish);
            found.publish.iter_mut().for_each(|publish| publish.of_all = true);
        }
        // The one of all variants stands by itself.
        if all.says("deliver") {
            found.deliver = None;
        }
    }
    if let Some(own) = named(&routes.profiles, name) {
        if own.says("publish") {
            found.publish.clone_from(&own.routes.publish);
        }
        if own.says("subscribe") {
            found.subscribe.clone_from(&own.routes.subscribe);
        }
        if own.says("unsubscribe") {
            found.unsubscribe.clone_from(&own.routes.unsubscribe);
        }
        if own.says("deliver") {
            found.deliver.clone_from(&own.routes.deliver);
        }
        if own.says("reply") {
            found.reply.clone_from(&own.routes.reply);
        }
        if own.says("with") {
            found.with.clone_from(&own.routes.with);
        }
    }
    found.profiles = Vec::new();
    found
}

/// Runs `each` for every entry of the `#[route(..)]` attributes, with the name
/// of the profile that its attribute begins with.
pub(super) fn entries(
    attrs: &[Attribute],
    ctxt: &mut Ctxt,
    mut each: impl FnMut(Option<&Ident>, &Ident, ParseStream<'_>, &mut Ctxt) -> syn::Result<()>,
) {
    for attr in attrs {
        let mut of: Option<Ident> = None;
        let mut entries = 0;
        super::entries(std::slice::from_ref(attr), "route", ctxt, |key, input, ctxt| {
            entries += 1;
            if key != "profile" {
                return each(of.as_ref(), key, input, ctxt);
            }
            let name = after_eq(input, key, "NAME", Ident::parse_any)?;
            if entries > 1 {
                return Err(syn::Error::new(
                    key.span(),
                    format!(
                        "`profile` comes first, before the routes that belong to it: `#[route(profile = {name}, ..)]`"
                    ),
                ));
            }
            of = Some(name);
            Ok(())
        });
        if let (Some(name), 1) = (of, entries) {
            ctxt.error(
                &name,
                format_args!("the profile `{name}` says nothing here: add its routes, `#[route(profile = {name}, publish(\"topic\"))]`"),
            );
        }
    }
}

/// Reads one key of a profile; `here` are those it may have.
pub(super) fn route(
    profiles: &mut Vec<Profile>,
    name: &Ident,
    key: &Ident,
    input: ParseStream<'_>,
    here: &[&str],
    ctxt: &mut Ctxt,
) -> syn::Result<()> {
    let text = key.unraw().to_string();
    if !here.contains(&text.as_str()) {
        let known = here.join(", ");
        let message = match nearest(&text, here.iter().copied()) {
            Some(near) if !super::route::is_key(&text) => {
                format!("a profile has no key `{text}`; did you mean `{near}`?")
            }
            _ => format!(
                "`{text}` is the same under all profiles: give it without `profile`. Here a profile has: {known}"
            ),
        };
        return Err(syn::Error::new(key.span(), message));
    }
    let index = match profiles.iter().position(|profile| profile.name == *name) {
        Some(index) => index,
        None => {
            profiles.push(Profile {
                name: name.clone(),
                routes: VariantRoutes::default(),
                without: Vec::new(),
            });
            profiles.len() - 1
        }
    };
    let Some(profile) = profiles.get_mut(index) else { return Ok(()) };
    if none(input)? {
        if profile.says(&text) {
            return Err(twice(key));
        }
        profile.without.push(key.clone());
        return Ok(());
    }
    if profile.lacks(&text) {
        let _ = super::route::route(&mut VariantRoutes::default(), key, input, &mut Ctxt::default());
        return Err(twice(key));
    }
    super::route::route(&mut profile.routes, key, input, ctxt)
}

fn twice(key: &Ident) -> syn::Error {
    syn::Error::new(key.span(), format!("`{key}` is given and is `none`; remove one"))
}

/// Takes `= none`.
pub(super) fn none(input: ParseStream<'_>) -> syn::Result<bool> {
    let ahead = input.fork();
    let is_none = ahead.parse::<Token![=]>().is_ok()
        && ahead.parse::<Ident>().is_ok_and(|word| word == "none")
        && (ahead.is_empty() || ahead.peek(Token![,]));
    if is_none {
        let _: Token![=] = input.parse()?;
        let _: Ident = input.parse()?;
    }
    Ok(is_none)
}

/// `profiles(NAME, ..)`.
pub(super) fn names(input: ParseStream<'_>) -> syn::Result<Vec<Ident>> {
    let mut names: Vec<Ident> = Vec::new();
    while !input.is_empty() {
        let name = Ident::parse_any(input)?;
        if names.contains(&name) {
            return Err(syn::Error::new(
                name.span(),
                format!("the profile `{name}` is named twice; remove one"),
            ));
        }
        names.push(name);
        if !input.is_empty() {
            let _: Token![,] = input.parse()?;
        }
    }
    if names.is_empty() {
        return Err(syn::Error::new(input.span(), "`profiles` names at least one: `profiles(NAME)`"));
    }
    Ok(names)
}
