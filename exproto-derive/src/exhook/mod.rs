//! `#[exhook]`: which hooks an `impl` writes becomes the list of hooks that are
//! registered.
//!
//! `hooks` knows which hooks there are, `read` takes the attributes off and
//! looks for mistakes, and here the `impl` is written again with its list.

mod filter;
mod hooks;
mod read;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemImpl;

use crate::ctxt::Ctxt;

/// The `impl` with the constant that lists its hooks.
pub(crate) fn exhook(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut ctxt = Ctxt::default();
    let mut tokens = match syn::parse2::<ItemImpl>(item.clone()) {
        Ok(input) => expand(args, input, &mut ctxt),
        Err(_) => {
            ctxt.error_at(
                first_span(&item),
                "`#[exhook]` goes on an `impl`: `#[exhook] impl HookProvider for Guard { .. }`",
            );
            item
        }
    };
    tokens.extend(ctxt.into_compile_errors());
    tokens
}

fn first_span(tokens: &TokenStream) -> proc_macro2::Span {
    let first = tokens.clone().into_iter().next();
    first.map_or_else(proc_macro2::Span::call_site, |token| token.span())
}

fn expand(args: TokenStream, mut input: ItemImpl, ctxt: &mut Ctxt) -> TokenStream {
    let options = read::options(args, ctxt);
    let found = read::hooks(&mut input, &options, ctxt);
    if input.trait_.is_none() {
        // Without the trait there is nothing that the list could belong to.
        return quote!(#input);
    }
    let private = options.private();
    let registrations = found.iter().map(|found| {
        let hook = &found.hook;
        let topics = &found.topics;
        if topics.is_empty() {
            quote!(#private::exhook::Registration::new(#private::exhook::Hook::#hook))
        } else {
            quote! {
                #private::exhook::Registration::new(#private::exhook::Hook::#hook).on(&[#(#topics),*])
            }
        }
    });
    input.items.push(syn::parse_quote! {
        const HOOKS: &'static [#private::exhook::Registration] = &[#(#registrations),*];
    });
    quote! {
        // What an `async fn` returns says more than the trait asks for.
        #[allow(refining_impl_trait)]
        #input
    }
}
