//! What `{path.kind}` stands for in a template: the name of a variant, or a
//! field of that name.

use proc_macro2::TokenStream;
use quote::quote;

use super::common::{fields, header};
use super::fill::full_type;
use crate::ir::{Layout, Model, Shape};

/// `Kinded` of enums, and of structs with a field `kind`.
pub(crate) fn expand(model: &Model) -> TokenStream {
    let ident = &model.ident;
    let names: Vec<TokenStream> = match &model.shape {
        Shape::Struct(layout) => return of_struct(model, layout),
        Shape::Bits(bits) => return of_struct(model, &bits.layout),
        Shape::Scalar(scalar) => {
            let named = scalar.variants.iter().map(|(name, _, snake)| quote!(#ident::#name => #snake,));
            let other = scalar.other.as_ref().map(|other| quote!(#ident::#other(_) => "other",));
            named.chain(other).collect()
        }
        Shape::Enum(data) => data
            .variants
            .iter()
            .map(|variant| {
                let (name, snake) = (&variant.ident, &variant.snake);
                quote!(#ident::#name { .. } => #snake,)
            })
            .collect(),
    };
    let header = header(model, false, &quote!(__p::Kinded), &TokenStream::new());
    quote! {
        #header {
            type Of<'__k> = &'static str where Self: '__k;
            fn kind(&self) -> &'static str { match self { #(#names)* } }
        }
    }
}

fn of_struct(model: &Model, layout: &Layout) -> TokenStream {
    let Some(item) = fields(layout).find(|item| item.name.as_deref() == Some("kind")) else {
        return TokenStream::new();
    };
    let (ty, member) = (full_type(item), &item.member);
    let header = header(model, false, &quote!(__p::Kinded), &TokenStream::new());
    quote! {
        #header {
            type Of<'__k> = &'__k #ty where Self: '__k;
            fn kind(&self) -> &#ty { &self.#member }
        }
    }
}
