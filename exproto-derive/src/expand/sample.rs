//! Written later in the pipeline.

use proc_macro2::TokenStream;

use crate::ir::Model;

pub(crate) fn expand(model: &Model) -> TokenStream {
    let _ = model;
    TokenStream::new()
}
