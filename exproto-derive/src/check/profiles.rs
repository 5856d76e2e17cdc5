//! Rules about the profiles of routes.

use syn::LitStr;
use syn::ext::IdentExt;

use super::routes::{named, templates};
use crate::attr::profile::{self, Profile};
use crate::attr::route::{Payload, Publish, Taken, VariantRoutes};
use crate::ctxt::Ctxt;
use crate::ir::{EnumModel, Layout, Model, Style};

/// All publishes of a frame, under whichever profile.
pub(super) fn publishes(routes: &VariantRoutes) -> impl Iterator<Item = &Publish> {
    routes.publish.iter().chain(routes.profiles.iter().flat_map(|profile| &profile.routes.publish))
}

// Who may send a frame is the same under all profiles.
pub(super) fn conflicts(routes: &VariantRoutes, ctxt: &mut Ctxt) {
    for profile in &routes.profiles {
        let up = named(&profile.routes).into_iter().find(|(name, _)| !matches!(*name, "deliver"));
        let Some((name, span)) = up else { continue };
        if routes.sent.is_some() {
            ctxt.error_at(
                span,
                format_args!(
                    "a frame that is only ever sent never arrives, so `{name}` has nothing to act on: remove one of the two"
                ),
            );
        } else if routes.ignore.is_some() {
            ctxt.error_at(
                span,
                format_args!(
                    "`ignore` means that nothing happens, but there is `{name}`: remove one of the two"
                ),
            );
        }
    }
}

// What a profile says of all variants speaks of no variant's fields.
pub(super) fn of_all(model: &Model, data: &EnumModel, ctxt: &mut Ctxt) {
    for profile in &model.routes.of_all {
        for publish in &profile.routes.publish {
            if let Some(list) = &publish.each {
                ctxt.error(list, "`each` is for one variant: not all of them have this list");
            } else if let Payload::Field(field) = &publish.payload {
                let field = field.unraw();
                ctxt.error(
                    &publish.topic,
                    format_args!("not all variants have a field `{field}`: the payload is `json`, `frame`, `raw`, `hex` or `with(FUNCTION)`"),
                );
            }
        }
        if let Some(deliver) = &profile.routes.deliver {
            let deliver = &deliver.value;
            if deliver.answer.is_some() {
                ctxt.error(
                    &deliver.filter,
                    "each variant says itself how its answer is known: move `answer` to its `deliver`",
                );
            } else if !matches!(deliver.payload, Some(Taken::With(_))) {
                ctxt.error(
                    &deliver.filter,
                    "the topic does not say which variant a message becomes: a function does, `payload = with(FUNCTION)`",
                );
            }
        }
        let none =
            Layout { owner: model.ident.to_string(), style: Style::Unit, items: Vec::new(), broken: false };
        templates(&none, &profile.routes, ctxt);
    }
    for name in names(model, data) {
        filters_differ(model, data, &name, ctxt);
    }
}

/// The names of all profiles.
fn names(model: &Model, data: &EnumModel) -> Vec<syn::Ident> {
    let of_variants = data.variants.iter().flat_map(|variant| &variant.routes.profiles);
    let mut found: Vec<syn::Ident> = Vec::new();
    for Profile { name, .. } in model.routes.of_all.iter().chain(of_variants) {
        if !found.contains(name) {
            found.push(name.clone());
        }
    }
    found
}

// Under each profile a message becomes one frame.
fn filters_differ(model: &Model, data: &EnumModel, name: &syn::Ident, ctxt: &mut Ctxt) {
    let all = profile::named(&model.routes.of_all, name).and_then(|all| all.routes.deliver.as_ref());
    let mut seen: Vec<(LitStr, String, bool)> = all
        .map(|deliver| (deliver.value.filter.clone(), model.ident.to_string(), true))
        .into_iter()
        .collect();
    for variant in &data.variants {
        let own = profile::named(&variant.routes.profiles, name).is_some_and(|own| own.says("deliver"));
        let routes = profile::effective(&variant.routes, &model.routes.of_all, name);
        let Some(deliver) = routes.deliver else { continue };
        let filter = deliver.value.filter;
        // Two of no profile are reported without it.
        let same = seen.iter().find(|(text, _, by)| text.value() == filter.value() && (own || *by));
        if let Some((_, earlier, _)) = same {
            ctxt.error(
                &filter,
                format_args!(
                    "`{earlier}` takes this filter already, so `{}` is never made: use another filter",
                    variant.ident
                ),
            );
        }
        seen.push((filter, variant.ident.to_string(), own));
    }
}
