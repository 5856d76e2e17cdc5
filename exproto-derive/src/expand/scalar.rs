//! Types that are one integer on the wire: C-like enums, structs of bits.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::common::{construct, de_lifetime, header, int_bytes, pattern, read_number, type_is};
use super::decode::bits_value;
use crate::attr::wire::Endian;
use crate::ir::{BitStruct, IntTy, Model, Repr, ScalarEnum};

/// A C-like enum.
pub(crate) fn expand_enum(model: &Model, scalar: &ScalarEnum) -> TokenStream {
    let ident = &model.ident;
    let scalar_header = header(model, false, &quote!(__p::Scalar), &TokenStream::new());
    let max = scalar.variants.iter().map(|(_, value, _)| *value).max().unwrap_or(0);
    let from = scalar.variants.iter().map(|(name, value, _)| quote!(#value => #ident::#name,));
    let to = scalar.variants.iter().map(|(name, value, _)| quote!(#ident::#name => #value,));
    // Without a catch-all the check makes sure that all values have a name.
    let (from_other, to_other) = match &scalar.other {
        Some(other) => (quote!(__v => #ident::#other(__v as _),), quote!(#ident::#other(__v) => __v as u64,)),
        None => {
            let first = scalar.variants.first().map(|(name, ..)| quote!(#ident::#name));
            (quote!(_ => #first,), TokenStream::new())
        }
    };
    // Some bits are no bytes: it stands in a container.
    let wire =
        if scalar.bits.is_none() { integer(model, scalar.int, scalar.endian) } else { TokenStream::new() };
    let bits = scalar.bits.map(|bits| quote!(const BITS: u32 = #bits;));
    let bytes =
        crate::holds::tags(scalar.variants.iter().map(|(_, value, _)| (*value, *value)), None).tokens();
    quote! {
        #scalar_header {
            const MAX_RAW: u64 = #max;
            #bits
            const BYTES: __p::ByteSet = #bytes;
            #[inline(always)]
            fn from_raw(__raw: u64) -> Self {
                match __raw { #(#from)* #from_other }
            }
            #[inline(always)]
            fn raw(self) -> u64 {
                match self { #(#to)* #to_other }
            }
        }
        #wire
    }
}

/// A struct of bits.
pub(crate) fn expand_bits(model: &Model, bits: &BitStruct) -> TokenStream {
    let ident = &model.ident;
    let layout = &bits.layout;
    let scalar_header = header(model, false, &quote!(__p::Scalar), &TokenStream::new());
    let max = if bits.int.bytes == 8 { u64::MAX } else { (1_u64 << (bits.int.bytes * 8)) - 1 };
    let reads = layout.items.iter().enumerate().map(|(index, item)| bits_value(item, index, &quote!(__raw)));
    let value = construct(&quote!(#ident), layout);
    let take_apart = pattern(&quote!(#ident), layout);
    let writes = layout.items.iter().map(|item| {
        let Repr::Bits(slot) = &item.repr else { return TokenStream::new() };
        if item.member.is_none() {
            return TokenStream::new();
        }
        let (local, shift) = (&item.local, slot.shift);
        let mask = if slot.count >= 64 { u64::MAX } else { (1_u64 << slot.count) - 1 };
        let up = 64 - slot.count;
        let (raw, fits) = if IntTy::of_type(&item.ty).is_some_and(|int| int.signed) {
            (quote!(((#local as i64) as u64)), quote!(((#local as i64) << #up) >> #up == #local as i64))
        } else if type_is(&item.ty, "bool") || IntTy::of_type(&item.ty).is_some() {
            (quote!((#local as u64)), quote!((#local as u64) <= #mask))
        } else {
            (quote!(__p::Scalar::raw(#local)), quote!(__p::Scalar::raw(#local) <= #mask))
        };
        // What does not fit makes the whole not fit, and encoding says so; a
        // cut value would be another one.
        quote! {
            if !(#fits) { return u64::MAX; }
            __out |= (#raw & #mask) << #shift;
        }
    });
    let wire = integer(model, bits.int, bits.endian);
    quote! {
        #scalar_header {
            const MAX_RAW: u64 = #max;
            #[inline(always)]
            fn from_raw(__raw: u64) -> Self {
                #(#reads)*
                #value
            }
            #[inline(always)]
            fn raw(self) -> u64 {
                let #take_apart = self;
                let mut __out: u64 = 0;
                #(#writes)*
                __out
            }
        }
        #wire
    }
}

/// `Wire`, `Decode` and `Encode` through `Scalar`, if the byte order is known.
fn integer(model: &Model, int: IntTy, endian: Option<Endian>) -> TokenStream {
    if int.ordered() && matches!(endian, None | Some(Endian::Chosen(_))) {
        return TokenStream::new();
    }
    let endian = endian.unwrap_or(Endian::Big);
    let lifetime = de_lifetime(model);
    let size = int.bytes;
    let info = Ident::new("__TYPE", proc_macro2::Span::call_site());
    let from = quote!((__r.offset() - #size as u32));
    let read = read_number(&quote!(__h), 0, (int, endian), &from, &info);
    let name = Ident::new("__b", proc_macro2::Span::call_site());
    let (bytes, parts) = int_bytes(&name, &quote!(__v), IntTy { held: 8, ..int }, endian);
    let wire = header(model, false, &quote!(__p::Wire), &TokenStream::new());
    let decode = header(model, true, &quote!(__p::Decode<#lifetime>), &TokenStream::new());
    let encode = header(model, false, &quote!(__p::Encode), &TokenStream::new());
    let max = int.max();
    let held = crate::holds::of_scalar(int, &quote!(Self)).tokens();
    quote! {
        #wire {
            const MIN: usize = #size;
            const SIZE: __p::Option<usize> = __p::Some(#size);
            const BYTES: __p::ByteSet = #held;
            type Ctx = ();
        }
        #decode {
            #[inline]
            fn decode<__T: __p::Trace>(__r: &mut __p::Reader<#lifetime, __T>, _: ()) -> __p::Result<Self, __p::Error> {
                let __h = __r.run::<#size>(&__TYPE)?;
                let __raw: u64 = #read as u64;
                let __value = <Self as __p::Scalar>::from_raw(__raw);
                // Bits that the type has no name for are not kept by it.
                if __p::Scalar::raw(__value) != __raw {
                    __r.flag_at(__p::Flag::Reserved, &__TYPE, __r.offset() - #size as u32);
                }
                __p::Ok(__value)
            }
        }
        #encode {
            #[inline]
            fn encode(&self, __w: &mut __p::Writer<'_>, _: ()) -> __p::Result<(), __p::Error> {
                let __v: u64 = __p::Scalar::raw(*self);
                if __v > #max { return __p::Err(__w.error(__p::ErrorKind::Overflow, __w.here(), &__TYPE)); }
                #bytes
                __w.run([#(#parts),*]);
                __p::Ok(())
            }
        }
    }
}
