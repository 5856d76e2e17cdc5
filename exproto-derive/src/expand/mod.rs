//! The model to code. One file a concern; mechanisms live in the runtime, what
//! is emitted here are facts: offsets, widths, names.

mod any_bytes;
pub(crate) mod asserts;
mod blocks;
mod bounds;
pub(crate) mod calc;
pub(crate) mod check;
mod column;
pub(crate) mod common;
mod decode;
pub(crate) mod depth;
mod encode;
mod enums;
mod fill;
pub(crate) mod frame;
mod gap;
mod group;
pub(crate) mod index;
mod inner;
pub(crate) mod join;
mod kinded;
mod one_of;
mod own;
mod route;
mod rows;
mod segments;
pub(crate) use route::declared as declared_profiles;
mod sample;
mod scalar;
pub(crate) mod schema;
mod shape;
mod sizer;
mod structs;
mod tried;
mod value;

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{Model, Shape};

/// The code for a type without mistakes.
pub(crate) fn expand(model: &Model) -> TokenStream {
    let private = &model.private;
    let ctx = common::ctx_struct(model);
    let infos = schema::infos(model);
    let tables = check::tables(model);
    let body = match &model.shape {
        Shape::Struct(layout) => structs::expand(model, layout),
        Shape::Bits(bits) => scalar::expand_bits(model, bits),
        Shape::Scalar(scalar) => scalar::expand_enum(model, scalar),
        Shape::Enum(data) => enums::expand(model, data),
    };
    let family = common::family(model);
    let value = value::expand(model);
    let fill = fill::expand(model);
    let shape = shape::expand(model);
    let kinded = kinded::expand(model);
    let sample = sample::expand(model);
    let frame = frame::expand(model);
    let routes = route::expand(model);
    let sizer = sizer::expand(model);
    let asserts = asserts::expand(model);
    quote! {
        #ctx
        #[allow(
            clippy::all, clippy::pedantic, clippy::restriction, unused_variables, unused_mut, unused_parens,
            unused_imports, unused_qualifications, unreachable_code, unreachable_patterns, non_upper_case_globals,
            non_camel_case_types, elided_lifetimes_in_paths, single_use_lifetimes, dead_code, unused_braces,
            unused_assignments, unused_comparisons, non_snake_case, non_shorthand_field_patterns, explicit_outlives_requirements
        )]
        const _: () = {
            use #private as __p;
            #infos
            #tables
            #body
            #family
            #value
            #fill
            #shape
            #kinded
            #sample
            #frame
            #sizer
            #routes
            #asserts
        };
    }
}
