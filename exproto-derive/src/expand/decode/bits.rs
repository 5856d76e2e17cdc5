//! Lists whose elements are made of bits.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Type;

use super::{Decode, of_bits};
use crate::expand::common::{is_little, type_is};
use crate::ir::{BitSlot, Extent, IntTy, Item};

impl Decode<'_> {
    /// So many elements: their bytes, then each of them.
    pub(super) fn counted_bits(&self, item: &Item, slot: &BitSlot, count: &TokenStream) -> TokenStream {
        let (info, bits) = (&item.info, slot.count);
        let unpack = self.unpack(item, slot);
        quote!({
            let __n: usize = #count;
            let __from: u32 = __r.offset();
            let __d: &[u8] = __r.take(__p::bit_bytes(__n, #bits), &#info)?;
            #unpack
        })
    }

    /// As many elements as the bytes have; fewer bits than a byte may be left.
    pub(super) fn all_bits(&self, item: &Item, slot: &BitSlot) -> TokenStream {
        let (info, bits) = (&item.info, slot.count);
        let unpack = self.unpack(item, slot);
        quote!({
            let __from: u32 = __r.offset();
            let __d: &[u8] = __r.rest();
            let __n: usize = __p::bit_count(__d.len(), #bits);
            if __p::bit_bytes(__n, #bits) < __d.len() {
                return __p::Err(__r.fail(__p::ErrorKind::Trailing, __from, &#info, __d.len() as u64, 0));
            }
            #unpack
        })
    }

    /// The elements of an array.
    pub(super) fn array_of_bits(&self, item: &Item, slot: &BitSlot, element: &Type) -> TokenStream {
        let (info, ty, bits) = (&item.info, &item.ty, slot.count);
        let (read, check) = element_of_bits(item, slot);
        let Extent::Count(len) = &item.extent else { return TokenStream::new() };
        quote!({
            let __n: usize = #len;
            let __from: u32 = __r.offset();
            let __d: &[u8] = __r.take(__p::bit_bytes(__n, #bits), &#info)?;
            #check
            let __array: #ty = __p::try_array(|__i| -> __p::Result<#element, __p::Error> {
                #read
                __p::Ok(__v)
            })?;
            if !__kept { __r.flag_at(__p::Flag::Reserved, &#info, __from); }
            __array
        })
    }

    fn unpack(&self, item: &Item, slot: &BitSlot) -> TokenStream {
        let info = &item.info;
        let (read, check) = element_of_bits(item, slot);
        quote! {
            #check
            let mut __list = __p::Vec::with_capacity(__n);
            for __i in 0..__n {
                #read
                __list.push(__v);
            }
            if !__kept { __r.flag_at(__p::Flag::Reserved, &#info, __from); }
            __list
        }
    }
}

/// The element `__i` of the bytes `__d` as `__v`; before it, whether what
/// stands behind `__n` elements, and later their own bits, are kept.
fn element_of_bits(item: &Item, slot: &BitSlot) -> (TokenStream, TokenStream) {
    let Some(each) = item.each.as_deref() else { return Default::default() };
    let (ty, bits, little) = (&each.ty, slot.count, is_little(slot.endian));
    let value = of_bits(ty, bits, &quote!(__raw));
    // Bits that the type has no name for are not kept by it.
    let named = !type_is(ty, "bool") && IntTy::of_type(ty).is_none();
    let kept = named.then(|| quote!(__kept &= __p::Scalar::raw(__v) == __raw;));
    let read = quote! {
        let __raw: u64 = __p::bits_at(__d, #little, __i * #bits as usize, #bits);
        let __v: #ty = #value;
        #kept
    };
    (read, quote!(let mut __kept: bool = __p::bit_padding(__d, __n, #bits, #little);))
}
