//! `FrameLayout`: how the frame search tells frames apart.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use super::common::{at_lifetime, ctx_type, header};
use super::frame::verified_before;
use crate::attr::frame::{Escapes, Named, Ranges};
use crate::attr::wire::Endian;
use crate::framing::{Bounds, Length, Place};
use crate::ir::{Extent, Frame, IntTy, Item, Layout, ListKind, Model, Repr};
use crate::lower::fixed_at;
use crate::proof::Before;
use crate::relation;

/// `FrameLayout` of a frame.
pub(crate) fn expand(model: &Model, frame: &Frame, layout: &Layout, check: &TokenStream) -> TokenStream {
    let framing = framing(frame, layout);
    let lead = match &frame.bounds {
        // Flags are shared with neighbours, datagrams begin anywhere.
        Bounds::Marked if frame.attrs.lead.is_none() => lead(&marks(frame).0),
        Bounds::Datagram => quote!(__p::Lead(&[])),
        _ => lead(&frame.lead),
    };
    let fixtures = frame.fixtures.iter().map(|fixture| {
        let (at, from_end, info) = (fixture.at, fixture.from_end, &fixture.info);
        let bytes = Literal::byte_string(&fixture.bytes);
        quote!(__p::Constant { at: #at, from_end: #from_end, bytes: #bytes, info: &#info })
    });
    let skip = frame.attrs.skip.as_ref().map(|key| {
        let bytes = Literal::byte_string(&key.value.bytes);
        quote!(const SKIP: &'static [u8] = #bytes;)
    });
    let close = closes(frame).then(|| {
        quote!(
            const CLOSE: bool = true;
        )
    });
    let (sizer, size, ends) = sized(model, frame, layout);
    let bound = if walks(model, frame, layout) {
        quote!(__p::Wire<Ctx = ()> + __p::Walk<()>)
    } else {
        quote!(__p::Wire<Ctx = ()>)
    };
    let context = ctx_type(model);
    let header = header(model, false, &quote!(__p::FrameLayout), &bound);
    let unescaped = frame.attrs.unescaped.is_some().then(|| quote!(.unescaped()));
    let proven = proven(model, frame, layout).map(|proven| quote!(.proven(#proven)));
    let stream = crate::stream::kind(layout);
    quote! {
        #ends
        #header {
            const KIND: __p::FrameKind = {
                const __FIXED: &[__p::Constant] = &[#(#fixtures),*];
                __p::FrameKind::new(#framing).checked(#check).led(#lead).with(__FIXED) #unescaped #proven #stream
            };
            #skip
            #close
            type Sizer = #sizer;
            #[inline]
            fn size(__s: &mut Self::Sizer, __c: &mut __p::Cursor<'_>, __ctx: #context)
                -> __p::Result<usize, __p::Halt>
            { #size }
        }
    }
}

/// The type of the frame search, what makes a fresh one and what tells it
/// about the connection.
pub(crate) fn scanner(model: &Model, frame: &Frame) -> (TokenStream, TokenStream, TokenStream) {
    let plain = frame.attrs.skip.is_none() && !closes(frame);
    let slip = frame.attrs.stuffing.as_ref().is_some_and(|key| key.value == Named::Slip);
    match flag(frame).filter(|_| plain) {
        Some(flag) => {
            let max = max_of(frame);
            let escaping =
                match (frame.attrs.escape.as_ref().map(|key| &key.value), frame.attrs.stuffing.as_ref()) {
                    (Some(Escapes::Table(table)), _) => Some(table.byte.to_token_stream()),
                    (Some(Escapes::Xor { byte, .. }), _) => Some(byte.to_token_stream()),
                    (_, Some(key)) if key.value == Named::Slip => Some(quote!(0xDB)),
                    (_, Some(key)) if matches!(key.value, Named::Hex | Named::Own) => None,
                    (_, Some(_)) => Some(quote!(0x7D)),
                    _ => None,
                };
            let escaping = escaping.map(|byte| quote!(.escaping(#byte)));
            let opened = slip.then(|| quote!(.opened()));
            (
                quote!(__p::FlagScan),
                quote!(__p::FlagScan::new(#flag, #max) #escaping #opened),
                TokenStream::new(),
            )
        }
        None => {
            let own = at_lifetime(model, &syn::parse_quote!('static));
            let ty = quote!(__p::FrameScan<__p::Only<#own>>);
            (ty.clone(), quote!(<#ty>::new(__ctx)), tell(model))
        }
    }
}

/// Whether a frame stands between delimiters or is escaped.
pub(crate) fn delimited(frame: &Frame) -> bool {
    matches!(frame.bounds, Bounds::Marked)
        || flag(frame).is_some()
        || frame.attrs.stuffing.is_some()
        || frame.blocks.is_some()
}

/// What the frame search is told about the connection.
pub(crate) fn tell(model: &Model) -> TokenStream {
    let context = ctx_type(model);
    quote! {
        #[inline]
        fn tell(__s: &mut Self::Scan, __ctx: #context) { __s.tell(__ctx); }
    }
}

/// Whether the first bytes that are no frame end the connection.
pub(crate) fn closes(frame: &Frame) -> bool {
    frame.attrs.close.as_ref().is_some_and(|key| key.value)
}

/// Leading bytes as a constant.
pub(crate) fn lead(lead: &[Ranges]) -> TokenStream {
    let bytes = lead.iter().map(|ranges| {
        let ranges = ranges.iter().map(|(low, high)| quote!((#low, #high)));
        quote!(&[#(#ranges),*])
    });
    quote!(__p::Lead(&[#(#bytes),*]))
}

/// The flag, if there is one.
fn flag(frame: &Frame) -> Option<TokenStream> {
    match (&frame.attrs.flag, frame.attrs.stuffing.as_ref().map(|key| key.value)) {
        (Some(flag), _) => Some(flag.value.to_token_stream()),
        (None, Some(Named::Slip)) => Some(quote!(0xC0)),
        (None, Some(Named::Hdlc | Named::Ppp)) => Some(quote!(0x7E)),
        _ => None,
    }
}

/// The leading bytes that delimiters give.
fn marks(frame: &Frame) -> (Vec<Ranges>, ()) {
    let flag = match (&frame.attrs.flag, frame.attrs.stuffing.as_ref().map(|key| key.value)) {
        (Some(flag), _) => flag.value.base10_parse::<u8>().ok(),
        (None, Some(Named::Slip)) => Some(0xC0),
        (None, Some(Named::Hdlc | Named::Ppp)) => Some(0x7E),
        _ => None,
    };
    let start = frame.attrs.start.as_ref().map(|key| key.value.bytes.clone());
    let bytes = start.or_else(|| flag.map(|flag| vec![flag])).unwrap_or_default();
    (bytes.into_iter().map(|byte| vec![(byte, byte)]).collect(), ())
}

/// `max` of delimited frames.
fn max_of(frame: &Frame) -> TokenStream {
    frame.attrs.max.as_ref().map_or_else(|| quote!(65_536_usize), |key| key.value.to_token_stream())
}

fn framing(frame: &Frame, layout: &Layout) -> TokenStream {
    let max = crate::stream::limit(frame, layout).unwrap_or_else(|| max_of(frame));
    let attrs = &frame.attrs;
    let escape = super::blocks::stuffing(frame).unwrap_or_else(|| stuffing(frame));
    if let Some(flag) = flag(frame) {
        return quote!(__p::Framing::Flag { flag: #flag, escape: #escape, max: #max });
    }
    match &frame.bounds {
        Bounds::Marked => {
            let start = attrs.start.as_ref().map_or(&[][..], |key| &key.value.bytes);
            let line = attrs.line.is_some();
            let cobs = attrs.stuffing.as_ref().is_some_and(|key| key.value == Named::Cobs);
            let end = match &attrs.end {
                Some(key) => key.value.bytes.clone(),
                None if cobs => vec![0],
                None => vec![b'\n'],
            };
            let (start, end) = (Literal::byte_string(start), Literal::byte_string(&end));
            quote!(__p::Framing::Delimited { start: #start, end: #end, line: #line, escape: #escape, max: #max })
        }
        Bounds::Datagram => quote!(__p::Framing::Datagram { escape: #escape, max: #max }),
        Bounds::Fixed => {
            let size = constant_size(&layout.items, 0..layout.items.len());
            let size = quote!(match #size { __p::Some(__size) => __size, __p::None => #max });
            let size = super::blocks::on_wire(frame, size);
            quote!(__p::Framing::Bare { escape: #escape, max: #size })
        }
        Bounds::Length(length) if attrs.max.is_none() => {
            let limit = super::blocks::on_wire(frame, limit(layout, length));
            match of_parts(frame, layout) {
                Some(parts) => {
                    quote!(__p::Framing::Bare { escape: #escape, max: if #parts.is_some() { #limit } else { #max } })
                }
                None => quote!(__p::Framing::Bare { escape: #escape, max: #limit }),
            }
        }
        Bounds::Length(_) | Bounds::Walk | Bounds::Found | Bounds::Unknown => {
            quote!(__p::Framing::Bare { escape: #escape, max: #max })
        }
    }
}

/// The most bytes of a frame from the range of its length.
fn limit(layout: &Layout, length: &Length) -> TokenStream {
    let default = quote!(65_536_usize);
    let Place::Item(index) = length.place else { return default };
    let Some((item, relation)) =
        layout.items.get(index).and_then(|item| Some((item, item.relation.as_ref()?)))
    else {
        return default;
    };
    let (Some(high), None) =
        (item.range.as_ref().and_then(|(_, high)| crate::ir::literal(high)), length.elements_of)
    else {
        return default;
    };
    let said = relation::backward(&relation.ops, quote!(#high as i64));
    let base = base(layout, length);
    quote!((#base + (#said) as usize))
}

fn stuffing(frame: &Frame) -> TokenStream {
    let table = |byte: TokenStream, codes: Vec<TokenStream>, xor: TokenStream| {
        quote!(__p::Some(__p::Stuffing::Escape({
            static __E: __p::Escape = __p::Escape { byte: #byte, codes: &[#(#codes),*], xor: #xor };
            &__E
        })))
    };
    match frame.attrs.escape.as_ref().map(|key| &key.value) {
        Some(Escapes::Table(escapes)) => {
            let codes = escapes.codes.iter().map(|(code, value)| quote!((#code, #value))).collect();
            return table(escapes.byte.to_token_stream(), codes, quote!(__p::None));
        }
        Some(Escapes::Xor { byte, mask, values }) => {
            let codes = values.iter().map(|value| quote!((#value ^ #mask, #value))).collect();
            return table(byte.to_token_stream(), codes, quote!(__p::Some(#mask)));
        }
        Some(Escapes::Sequences(sequences)) => {
            let entries = sequences.iter().map(|(sequence, value)| {
                let (sequence, value) =
                    (Literal::byte_string(&sequence.bytes), Literal::byte_string(&value.bytes));
                quote!((#sequence, #value))
            });
            return quote!(__p::Some(__p::Stuffing::Sequences(&[#(#entries),*])));
        }
        None => {}
    }
    let xored = |values: &mut dyn Iterator<Item = u8>| {
        values
            .map(|value| {
                let code = value ^ 0x20;
                quote!((#code, #value))
            })
            .collect::<Vec<_>>()
    };
    match frame.attrs.stuffing.as_ref().map(|key| key.value) {
        None => quote!(__p::None),
        Some(Named::Slip) => {
            table(quote!(0xDB), vec![quote!((0xDC, 0xC0)), quote!((0xDD, 0xDB))], quote!(__p::None))
        }
        Some(Named::Hdlc) => {
            table(quote!(0x7D), xored(&mut [0x7E, 0x7D].into_iter()), quote!(__p::Some(0x20)))
        }
        Some(Named::Ppp) => {
            let values = &mut [0x7E, 0x7D].into_iter().chain(0..0x20);
            table(quote!(0x7D), xored(values), quote!(__p::Some(0x20)))
        }
        Some(Named::Cobs) => quote!(__p::Some(__p::Stuffing::Cobs)),
        Some(Named::Hex) => quote!(__p::Some(__p::Stuffing::Hex)),
        Some(Named::Own) => {
            let (by, max) = (frame.attrs.transform.as_ref(), max_of(frame));
            let span = by.map_or_else(proc_macro2::Span::call_site, super::common::located);
            let (decode, encode, exact) = (
                quote_spanned!(span=> __p::Transform::decode(&(#by), __b, __m)),
                quote_spanned!(span=> __p::Transform::encode(&(#by), __b)),
                quote_spanned!(span=> __p::Transform::exact(&(#by))),
            );
            quote!(__p::Some(__p::Stuffing::By({
                static __T: __p::ByTransform = __p::ByTransform {
                    decode: |__b: &[u8], __m: usize| #decode,
                    encode: |__b: &[u8]| #encode,
                    exact: || #exact,
                    max: #max,
                };
                &__T
            })))
        }
    }
}

/// Whether the end may have to be worked out on the way.
pub(crate) fn walks(model: &Model, frame: &Frame, layout: &Layout) -> bool {
    match &frame.bounds {
        _ if frame.blocks.is_some() => false,
        Bounds::Walk => true,
        Bounds::Fixed | Bounds::Length(_) => {
            of_parts(frame, layout).is_some() || proven(model, frame, layout).is_some()
        }
        _ => false,
    }
}

/// A constant that says whether the end of a frame is looked for by a walk that
/// verifies a checksum; `None` if it never is.
fn proven(model: &Model, frame: &Frame, layout: &Layout) -> Option<TokenStream> {
    let looked = matches!(frame.bounds, Bounds::Walk | Bounds::Fixed | Bounds::Length(_));
    if !looked || frame.blocks.is_some() {
        return None;
    }
    let proofs = crate::walk::plan(layout, model).proofs;
    let here = proofs.iter().map(|proof| match proof.before {
        Before::IfConstant => {
            let before = verified_before(&layout.items, proof.carrier, proof.first);
            quote!(!#before)
        }
        _ => quote!(true),
    });
    let here = here.reduce(|a, b| quote!(#a || #b))?;
    // A length ends a frame that a walk does not get through.
    let walked = walked(model);
    Some(quote!((<Self as #walked>::STUCK.is_none() && (#here))))
}

/// The walk over the frame, with its context.
fn walked(model: &Model) -> TokenStream {
    if model.ctx.is_empty() {
        return quote!(__p::Walk<()>);
    }
    let context = ctx_type(model);
    quote!(__p::Walk<(), #context>)
}

/// How the size is worked out: the state, the body of `size`, and what has to
/// hold.
fn sized(model: &Model, frame: &Frame, layout: &Layout) -> (TokenStream, TokenStream, TokenStream) {
    if let (Bounds::Found, Some(find)) = (&frame.bounds, &frame.attrs.find) {
        let (find, ctx) = (&find.value, (!model.ctx.is_empty()).then(|| quote!(, __ctx)));
        let span = super::common::located(find);
        let call = quote_spanned!(span=> #find(__bytes, __seen #ctx));
        let body = quote!(__c.find(__s, &__TYPE, |__bytes: &[u8], __seen: usize| -> __p::End { #call }));
        return (quote!(usize), body, TokenStream::new());
    }
    let direct = size(frame, layout);
    let proven = proven(model, frame, layout);
    let constant = match &frame.bounds {
        Bounds::Walk => quote!(false),
        // What is at a constant place only the compiler knows, if anything.
        Bounds::Fixed | Bounds::Length(_) => match (of_parts(frame, layout), &proven) {
            (Some(parts), _) => quote!(#parts.is_some()),
            (None, Some(_)) => quote!(true),
            (None, None) => return (quote!(()), direct, TokenStream::new()),
        },
        _ => return (quote!(()), direct, TokenStream::new()),
    };
    let span = frame.attrs.span.unwrap_or_else(proc_macro2::Span::call_site);
    if frame.blocks.is_some() {
        let message = "the end of a frame in blocks is known from its first block: the parts before the length, and those that it does not count, have to be of constant size";
        let ends = quote_spanned!(span=> const { __p::not_stuck(#constant, __p::Some(#message)) };);
        return (quote!(()), quote!(#ends #direct), TokenStream::new());
    }
    let walked = walked(model);
    let walk = quote!(__s.run(__c, |__s, __w| <Self as #walked>::walk(__s, __w, __ctx)));
    let unproven = proven.map(|proven| quote!(&& !#proven));
    let (sizer, body) = match &frame.bounds {
        Bounds::Walk => (quote!(__p::FrameWalk<<Self as #walked>::Scan>), walk),
        _ => (
            quote!(__p::FrameWalk<<Self as #walked>::Scan>),
            quote!(if const { #constant #unproven } { #direct } else { #walk }),
        ),
    };
    if super::asserts::generic(model) {
        let ends = quote_spanned!(span=> const { __p::not_stuck(#constant, <Self as #walked>::STUCK) };);
        return (sizer, quote!(#ends #body), TokenStream::new());
    }
    let own = at_lifetime(model, &syn::parse_quote!('static));
    let ends = quote_spanned!(span=> const _: () = __p::not_stuck(#constant, <#own as #walked>::STUCK););
    (sizer, body, ends)
}

/// The sizes of the parts that stand where they have to be constant, if there
/// are any.
fn of_parts(frame: &Frame, layout: &Layout) -> Option<TokenStream> {
    let items = &layout.items;
    let ranges = match &frame.bounds {
        Bounds::Fixed => [0..items.len(), 0..0],
        Bounds::Length(length) => {
            let place = match length.place {
                Place::Item(index) | Place::Prefix(index, ..) => index,
            };
            [0..place.max(length.first), length.last + 1..items.len()]
        }
        _ => return None,
    };
    let mut parts = Vec::new();
    for range in ranges {
        parts.extend(sizes(items, range).1);
    }
    if let Bounds::Length(Length { elements_of: Some(list), .. }) = &frame.bounds
        && let Some(Item { repr: Repr::List(_, element), each, .. }) = items.get(*list)
        && each.as_ref().is_none_or(|each| each.fixed().is_none())
    {
        let ty = super::common::static_lifetimes(element.to_token_stream());
        parts.push(quote!(<#ty as __p::Wire>::SIZE));
    }
    let mut parts = parts.into_iter();
    let first = parts.next()?;
    Some(parts.fold(first, |sum, part| quote!(__p::add_sizes(#sum, #part))))
}

/// The body of `size` where everything that decides is at a constant place.
fn size(frame: &Frame, layout: &Layout) -> TokenStream {
    let items = &layout.items;
    match &frame.bounds {
        Bounds::Marked | Bounds::Datagram | Bounds::Walk | Bounds::Found | Bounds::Unknown => {
            quote!(__p::Ok(0))
        }
        Bounds::Fixed => {
            let size = sum(items, 0..items.len());
            quote!(__p::Ok(const { #size }))
        }
        Bounds::Length(length) => {
            let base = base(layout, length);
            let (at, raw, item, ops) = match &length.place {
                Place::Item(index) => {
                    let Some(item) = items.get(*index) else { return quote!(__p::Ok(0)) };
                    let ops = item.relation.as_ref().map_or(&[][..], |relation| &relation.ops);
                    let (at, raw) = match &item.repr {
                        Repr::Bits(slot) => {
                            let (first, bytes, shift) = slot.window();
                            let container = sum(items, 0..slot.first);
                            let at = quote!((#container + #first));
                            let big = slot.endian == Endian::Big;
                            let mask = if slot.count >= 64 { u64::MAX } else { (1 << slot.count) - 1 };
                            (at.clone(), quote!(((__c.uint(const { #at }, #bytes, #big)? >> #shift) & #mask)))
                        }
                        Repr::Int(int, endian) | Repr::Scalar(int, endian) => {
                            let at = sum(items, 0..*index);
                            (at.clone(), number(&at, *int, *endian, &item.info))
                        }
                        _ => return quote!(__p::Ok(0)),
                    };
                    (at, raw, item, ops)
                }
                Place::Prefix(index, int, endian) => {
                    let Some(item) = items.get(*index) else { return quote!(__p::Ok(0)) };
                    let at = sum(items, 0..*index);
                    (at.clone(), number(&at, *int, *endian, &item.info), item, &[][..])
                }
            };
            let said = relation::backward(ops, quote!(__raw as i64));
            let said = match length.elements_of.and_then(|list| items.get(list)) {
                Some(list) => {
                    let element = element(list);
                    quote!(i64::saturating_mul(#said, const { #element as i64 }))
                }
                None => said,
            };
            let info = &item.info;
            // Constants before the length say whether it means anything.
            let early = frame.fixtures.iter().filter(|fixture| !fixture.from_end).map(|fixture| {
                let (at, info) = (fixture.at, &fixture.info);
                let bytes = Literal::byte_string(&fixture.bytes);
                quote!(if #at < __at { __c.constant(#at, #bytes, &#info)?; })
            });
            quote! {
                let __at: usize = const { #at };
                let __raw: u64 = #raw;
                #(#early)*
                __p::frame_size(#said, const { #base }, <Self as __p::Wire>::MIN, __at, &#info)
            }
        }
    }
}

/// The number at a place of the frame.
fn number(at: &TokenStream, int: IntTy, endian: Endian, info: &Ident) -> TokenStream {
    let (bytes, big) = (int.bytes, endian == Endian::Big);
    match int.digits.map(crate::number::Digits::tokens) {
        Some(digits) => quote!(__c.digits(const { #at }, #bytes, #digits, &#info)?),
        None => quote!(__c.uint(const { #at }, #bytes, #big)?),
    }
}

/// The bytes of a frame that its length does not speak of.
fn base(layout: &Layout, length: &Length) -> TokenStream {
    let items = &layout.items;
    let (before, after) = (sum(items, 0..length.first), sum(items, length.last + 1..items.len()));
    let prefix = match length.place {
        Place::Prefix(_, int, _) => int.bytes,
        Place::Item(_) => 0,
    };
    quote!((#before + #prefix + #after))
}

/// The constant size of the elements of a list.
fn element(item: &Item) -> TokenStream {
    match (&item.repr, &item.each) {
        (Repr::List(_, _), Some(each)) if each.fixed().is_some() => {
            each.fixed().unwrap_or(1).to_token_stream()
        }
        (Repr::List(_, element), _) => {
            let ty = super::common::static_lifetimes(element.to_token_stream());
            quote!(__p::part_size(<#ty as __p::Wire>::SIZE))
        }
        _ => quote!(1_usize),
    }
}

/// The constant size of consecutive items.
fn sum(items: &[Item], range: std::ops::Range<usize>) -> TokenStream {
    let (known, parts) = sizes(items, range);
    quote!((#known #(+ __p::part_size(#parts))*))
}

/// The size of consecutive items as an `Option`: there if it is a constant.
pub(crate) fn constant_size(items: &[Item], range: std::ops::Range<usize>) -> TokenStream {
    let (known, parts) = sizes(items, range);
    parts.iter().fold(quote!(__p::Some(#known)), |sum, part| quote!(__p::add_sizes(#sum, #part)))
}

/// The size of the items that is known here, and for each of the others what
/// the compiler knows, an `Option`.
fn sizes(items: &[Item], range: std::ops::Range<usize>) -> (usize, Vec<TokenStream>) {
    let (mut known, mut parts) = (0_usize, Vec::new());
    for index in range {
        if let Some(size) = fixed_at(items, index) {
            known += size;
            continue;
        }
        let Some(item) = items.get(index) else { continue };
        let ty = super::common::static_lifetimes(item.ty.to_token_stream());
        parts.push(match (&item.repr, &item.extent) {
            (_, Extent::Fixed(bytes)) => quote!(__p::Some(#bytes)),
            (Repr::List(ListKind::Array, element), Extent::Count(len)) => {
                let (_, size) = super::structs::array_sizes(item, element, len);
                super::common::static_lifetimes(size.unwrap_or_else(|| quote!(__p::None)))
            }
            (Repr::Array(len), Extent::Own) => quote!(__p::Some(#len)),
            (Repr::Codec(codec), Extent::Own) => quote!(__p::codec_size::<#ty, _>(&#codec)),
            _ => quote!(<#ty as __p::Wire>::SIZE),
        });
    }
    (known, parts)
}
