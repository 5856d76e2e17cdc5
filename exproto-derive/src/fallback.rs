//! What stands in for the code of a type with mistakes.

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::ir::Model;

/// Implementations without content, so that other types that use this one
/// report nothing.
pub(crate) fn fallback(input: &DeriveInput, model: Option<&Model>) -> TokenStream {
    let _ = (input, model);
    TokenStream::new()
}
