//! Enums of which the first variant that fits is taken: nothing says before
//! which one it is.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::enums::{condition, read_variant};
use crate::ir::{EnumModel, Model};

/// The body of `decode`. Each variant reads a copy of the reader; what has
/// something odd is taken only if nothing else fits. What nothing fits fails
/// as the variant that came furthest.
pub(super) fn decode(model: &Model, data: &EnumModel, lifetime: &syn::Lifetime) -> TokenStream {
    let mut reads = TokenStream::new();
    let mut tries = TokenStream::new();
    let mut again = TokenStream::new();
    for (index, variant) in data.variants.iter().enumerate() {
        let (name, info) = (format_ident!("__read{}", index), &variant.info);
        let (read, condition) = (read_variant(model, variant), condition(model, variant));
        reads.extend(quote! {
            let #name = |__r: &mut __p::Reader<#lifetime, __T>| -> __p::Result<Self, __p::Error> {
                __r.enter(&#info);
                let __v = #read;
                __r.leave();
                if __r.left() > 0 {
                    return __p::Err(__r.fail(__p::ErrorKind::Trailing, __r.offset(), &#info, __r.left() as u64, 0));
                }
                __p::Ok(__v)
            };
        });
        tries.extend(quote! {
            if #condition {
                let __mark = __r.trace().mark();
                let mut __t = __r.unflagged();
                match #name(&mut __t) {
                    __p::Ok(__v) if __t.flags().is_empty() => {
                        let _ = __r.rest();
                        return __p::Ok(__v);
                    }
                    __p::Ok(_) => __fits = __fits.or(__p::Some(#index)),
                    __p::Err(__e) => {
                        if __far.is_none_or(|(_, __at)| __at < __e.offset()) {
                            __far = __p::Some((#index, __e.offset()));
                        }
                    }
                }
                __r.trace().rewind(__mark);
            }
        });
        again.extend(quote!(__p::Some(#index) => #name(__r),));
    }
    quote! {
        let __left: usize = __r.left();
        #reads
        let mut __fits: __p::Option<usize> = __p::None;
        let mut __far: __p::Option<(usize, u32)> = __p::None;
        #tries
        match __fits.or(__far.map(|(__at, _)| __at)) {
            #again
            _ => __p::Err(__r.fail(__p::ErrorKind::Tag, __r.offset(), &__TYPE, 0, 0)),
        }
    }
}
