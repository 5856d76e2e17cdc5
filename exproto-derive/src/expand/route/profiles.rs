//! What profiles change: the arms of a body's routes, one set for each profile
//! that says something else.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

use super::{FrameTy, Site, acts};
use crate::attr::profile::{self, Profile};
use crate::attr::route::{Deliver, RouteAttrs, Taken, VariantRoutes};
use crate::ir::Model;

/// The routes of all variants under each profile.
pub(super) struct Under<'m> {
    of_all: &'m [Profile],
    profiles: Vec<(Ident, Vec<VariantRoutes>)>,
}

impl<'m> Under<'m> {
    pub(super) fn new(model: &'m Model, sites: &[Site<'_>]) -> Self {
        let of_all = model.routes.of_all.as_slice();
        let mut profiles: Vec<(Ident, Vec<VariantRoutes>)> = Vec::new();
        for profile in of_all.iter().chain(sites.iter().flat_map(|site| &site.routes.profiles)) {
            if profiles.iter().all(|(name, _)| *name != profile.name) {
                let routes = sites.iter().map(|site| profile::effective(site.routes, of_all, &profile.name));
                profiles.push((profile.name.clone(), routes.collect()));
            }
        }
        Self { of_all, profiles }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.profiles.iter().map(|(name, _)| name.to_string()).collect()
    }

    /// The names that are used are among those of the gateway.
    pub(super) fn checks(&self, model: &Model, sites: &[Site<'_>], frame: &FrameTy) -> TokenStream {
        let frame = &frame.fixed;
        let owner = model.ident.to_string();
        let own = sites.iter().flat_map(|site| site.routes.profiles.iter().map(|of| (of, &site.place)));
        let all = self.of_all.iter().map(|of| (of, &owner));
        all.chain(own)
            .map(|(profile, place)| {
                let (span, name) = (profile.name.span(), profile.name.to_string());
                quote_spanned! {span=>
                    const _: () = __p::check_profile::<#frame>(#name, #place);
                }
            })
            .collect()
    }

    /// The code of all profiles that change one of `keys`, before the rest.
    fn choose(
        &self,
        keys: &[&str],
        sites: &[Site<'_>],
        make: impl Fn(&[Site<'_>], Option<&Ident>) -> TokenStream,
    ) -> TokenStream {
        let usual = make(sites, None);
        let arms: Vec<_> = self
            .profiles
            .iter()
            .filter(|(name, _)| {
                let of = self.of_all.iter().chain(sites.iter().flat_map(|site| &site.routes.profiles));
                of.filter(|of| of.name == *name).any(|of| keys.iter().any(|key| of.says(key)))
            })
            .map(|(name, routes)| {
                let sites: Vec<_> =
                    sites.iter().zip(routes).map(|(site, routes)| site.with_routes(routes)).collect();
                let (text, arm) = (name.to_string(), make(&sites, Some(name)));
                quote!(#text => { #arm })
            })
            .collect();
        if arms.is_empty() {
            return usual;
        }
        quote!(match __cx.profile() { #(#arms)* _ => { #usual } })
    }

    pub(super) fn rest(&self, sites: &[Site<'_>]) -> TokenStream {
        self.choose(&["publish", "subscribe", "unsubscribe", "with"], sites, |sites, _| {
            let arms = sites.iter().filter_map(acts::rest);
            quote!(match __body { #(#arms)* _ => {} })
        })
    }

    pub(super) fn settle(&self, sites: &[Site<'_>]) -> TokenStream {
        self.choose(&["reply"], sites, |sites, _| {
            let arms = sites.iter().filter_map(acts::settle);
            quote!(match __body { #(#arms)* _ => {} })
        })
    }

    /// What a profile delivers to whichever variant.
    fn of_all(&self, name: Option<&Ident>) -> Option<&Deliver> {
        let profile = profile::named(self.of_all, name?)?;
        Some(&profile.routes.deliver.as_ref()?.value)
    }

    pub(super) fn filters(&self, sites: &[Site<'_>]) -> TokenStream {
        self.choose(&["deliver"], sites, |sites, name| {
            let own = sites.iter().filter_map(|site| Some(&site.routes.deliver.as_ref()?.value));
            own.chain(self.of_all(name)).map(acts::filters).collect()
        })
    }

    pub(super) fn deliver(&self, model: &Model, sites: &[Site<'_>]) -> TokenStream {
        self.choose(&["deliver"], sites, |now, name| {
            let own = now.iter().filter_map(|site| acts::deliver(model, site, now));
            let all = self.of_all(name).and_then(|deliver| match &deliver.payload {
                // Which variant is told by the function, and how it is answered by the
                // variant itself, whatever its own topic is elsewhere.
                Some(Taken::With(function)) => Some(acts::deliver_with(model, sites, deliver, function)),
                _ => None,
            });
            quote!(#(#own)* #all)
        })
    }
}

/// The names that a gateway gives its profiles.
pub(crate) fn declared(routes: &RouteAttrs) -> TokenStream {
    let names = routes.profiles.iter().flat_map(|key| &key.value).map(ToString::to_string);
    quote!(&[#(#names),*])
}

/// The check that some route stands under each profile.
pub(crate) fn used(routes: &RouteAttrs, bodies: &[(TokenStream, TokenStream)]) -> TokenStream {
    let names = routes.profiles.iter().flat_map(|key| &key.value);
    names
        .map(|name| {
            let (span, text) = (name.span(), name.to_string());
            let used = bodies
                .iter()
                .map(|(body, frame)| quote_spanned!(span=> <#body as __p::Routes<#frame>>::PROFILES));
            quote_spanned! {span=>
                const _: () = __p::check_used(#text, &[#(#used),*]);
            }
        })
        .collect()
}
