//! A value in bytes that a transform makes of those on the wire.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Expr;

use super::Decode;
use crate::expand::common::{Locals, located, user_expr};
use crate::ir::{Item, Repr};

impl Decode<'_> {
    /// The value, read by `value` from what `via` makes of all that `__r` has.
    pub(super) fn transformed(&self, item: &Item, via: &Expr, value: &TokenStream) -> TokenStream {
        let info = &item.info;
        let read = self.inside(item, via, value);
        let read = match self.kept(item).filter(|_| item.lenient) {
            None => read,
            // What cannot be read is kept as it came.
            Some(kept) => quote!({
                let __save = *__r;
                let __mark = __r.trace().mark();
                let __tried = (|| -> __p::Result<_, __p::Error> { __p::Ok(#read) })();
                match __tried {
                    __p::Ok(__v) => __v,
                    __p::Err(_) => {
                        *__r = __save;
                        __r.trace().rewind(__mark);
                        __r.flag_at(__p::Flag::Transform, &#info, __r.offset());
                        #kept
                    }
                }
            }),
        };
        match self.opaque(item) {
            Some((opaque, kept)) => quote!(if #opaque { #kept } else { #read }),
            None => read,
        }
    }

    /// The same of a value that is neither lenient nor opaque.
    pub(crate) fn inside(&self, item: &Item, via: &Expr, value: &TokenStream) -> TokenStream {
        let (info, max) = (&item.info, most(item));
        let transform = user_expr(via, self.layout, item, self.model, Locals::Values);
        let open = quote_spanned!(located(via)=> __p::opened(&__via, __wire, #max));
        let fill = quote_spanned!(located(via)=> __p::filled(&__via, &mut __opened, #max));
        let end = if item.attrs.extra.is_some() {
            quote!(__i.finish_extra(__end, &#info);)
        } else {
            quote!(__i.finish(__end, &#info)?;)
        };
        // A function of its own, as errors inside count in other bytes.
        let inside = quote! {
            (|| -> __p::Result<_, __p::Error> {
                let __v = { let __r = &mut __i; #value };
                let __end = __i.without_zeros(__opened.filled);
                #end
                __p::Ok((__v, __i.flags()))
            })()
        };
        quote!({
            let __via = #transform;
            let __from: u32 = __r.offset();
            let __wire: &[u8] = __r.rest();
            let mut __opened = match #open {
                __p::Ok(__opened) => __opened,
                __p::Err(__kind) => return __p::Err(__r.fail(__kind, __from, &#info, __wire.len() as u64, (#max) as u64)),
            };
            let __mark = __r.trace().mark();
            let (__v, __flags) = loop {
                let mut __i = __r.open(&__opened.bytes, &#info);
                match #inside {
                    __p::Ok(__read) => break __read,
                    __p::Err(__e) if __e.kind() == __p::ErrorKind::Short && #fill => {
                        __r.trace().rewind(__mark);
                    }
                    __p::Err(__e) => return __p::Err(__p::Error::from_inside(__e)),
                }
            };
            __r.close(__flags);
            if !__opened.same { __r.flag_at(__p::Flag::Transform, &#info, __from); }
            __v
        })
    }

    /// The value that keeps the bytes on the wire.
    fn kept(&self, item: &Item) -> Option<TokenStream> {
        let ty = &item.ty;
        match &item.repr {
            Repr::Buffer => Some(quote!(__r.rest().to_vec())),
            Repr::Body(tag) => {
                let tag = self.tag(*tag);
                Some(quote!(<#ty as __p::Select<'_>>::opaque(#tag, __r)?))
            }
            _ => None,
        }
    }
}

/// The most bytes that a transform makes.
pub(crate) fn most(item: &Item) -> TokenStream {
    match &item.attrs.max {
        Some(max) => {
            let max = &max.value;
            quote!((#max))
        }
        None => quote!(65_536_usize),
    }
}
