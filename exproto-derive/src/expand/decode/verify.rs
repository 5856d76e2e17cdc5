//! What is looked at after an item is read: ranges, constants, relations
//! that decided nothing.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};

use super::{Decode, end_name, offset_name, raw_name};
use crate::expand::common::{Locals, is_number, type_is, user_expr};
use crate::expand::frame::verified_before;
use crate::expand::group::holds;
use crate::expand::{check, gap, inner, schema};
use crate::ir::{BitSlot, Extent, Item, Presence, Repr};
use crate::lower::{bounds, fixed_at, position};
use crate::proof::{Before, checked_before};
use crate::relation::{self, Asked, Relation, Source};

impl Decode<'_> {
    /// What is looked at right after an item is read: its range, constants.
    pub(super) fn after(&self, index: usize) -> TokenStream {
        let item = &self.layout.items[index];
        let (local, info, offset) = (&item.local, &item.info, offset_name(index));
        let mut out = TokenStream::new();
        let by_codec = matches!(item.repr, Repr::Codec(_)) && item.whole.is_none();
        if (is_number(item) || by_codec || matches!(item.repr, Repr::Sized(_)))
            && matches!(item.presence, Presence::Always)
            && item.relation.is_some()
        {
            let raw = raw_name(index);
            match &item.repr {
                // Set where the value was read.
                Repr::Scalar(..) | Repr::Bits(_) => {}
                _ => out.extend(quote!(let #raw: u64 = #local as u64;)),
            }
        }
        if let (
            Repr::Part,
            Some(Relation { source: Source::Tag(_) | Source::Sign(..) | Source::Constant(_), .. }),
        ) = (&item.repr, &item.relation)
        {
            let raw = raw_name(index);
            out.extend(quote!(let #raw: u64 = __p::Scalar::raw(#local);));
        }
        if item.joins.is_empty() {
            out.extend(self.in_range(index));
        }
        if let Repr::Gap(_) = item.repr {
            let fill = gap::fill(item);
            out.extend(quote! {
                if !__p::all_are(#local, #fill) { __r.flag_at(__p::Flag::Reserved, &#info, #offset); }
            });
            return out;
        }
        if item.member.is_none() && item.relation.is_none() && !matches!(item.repr, Repr::Constant(_)) {
            let fill = u64::from(item.fill.unwrap_or(0));
            let raw = if let Repr::Bits(_) = item.repr { raw_name(index) } else { local.clone() };
            out.extend(
                quote!(if #raw as u64 != #fill { __r.flag_at(__p::Flag::Reserved, &#info, #offset); }),
            );
        }
        // Bits that the type has no name for are not kept by it.
        let one_bit = type_is(&item.ty, "bool") && matches!(item.repr, Repr::Bits(_));
        let kept = one_bit || crate::ir::IntTy::of_type(&item.ty).is_some();
        if matches!(item.repr, Repr::Scalar(..) | Repr::Bits(_))
            && matches!(item.presence, Presence::Always)
            && item.member.is_some()
            && !kept
        {
            let raw = raw_name(index);
            out.extend(quote!(if __p::Scalar::raw(#local) != #raw { __r.flag_at(__p::Flag::Reserved, &#info, #offset); }));
        }
        if let Some(Relation { source: Source::Constant(expr), .. }) = &item.relation {
            let raw = raw_name(index);
            out.extend(quote! {
                if #raw != ((#expr) as u64) {
                    return __p::Err(__r.fail(__p::ErrorKind::Constant, #offset, &#info, #raw, (#expr) as u64));
                }
            });
        }
        out
    }

    /// Looks whether a number is within its range.
    pub(crate) fn in_range(&self, index: usize) -> TokenStream {
        let item = &self.layout.items[index];
        let (local, info, offset) = (&item.local, &item.info, offset_name(index));
        let mut out = TokenStream::new();
        let by_codec = matches!(item.repr, Repr::Codec(_)) && crate::ir::IntTy::of_type(&item.ty).is_some();
        if let Some((low, high)) = &item.range
            && (is_number(item) || by_codec || matches!(item.repr, Repr::Sized(_)))
        {
            let low = user_expr(low, self.layout, item, self.model, Locals::Values);
            let high = user_expr(high, self.layout, item, self.model, Locals::Values);
            let odd = if item.strict {
                quote!(return __p::Err(__r.fail(__p::ErrorKind::Range, #offset, &#info, *__v as u64, 0)))
            } else {
                quote!(__r.flag_at(__p::Flag::Range, &#info, #offset))
            };
            let value = match item.presence {
                // Bits that stand only on the wire have no local of their own.
                Presence::Always if item.member.is_none() && matches!(item.repr, Repr::Bits(_)) => {
                    let raw = raw_name(index);
                    quote!(__p::Some(&#raw))
                }
                Presence::Always => quote!(__p::Some(&#local)),
                _ => quote!(#local.as_ref()),
            };
            let sentinels = schema::sentinels(item).into_iter().map(|(value, _)| value);
            let plausible = if item.meta.sentinels.is_empty() {
                quote!(((#low)..=(#high)).contains(__v))
            } else {
                quote!((((#low)..=(#high)).contains(__v) || [#(#sentinels),*].contains(&(*__v as i64))))
            };
            out.extend(quote! {
                if let __p::Some(__v) = #value && !#plausible { #odd; }
            });
        }
        out
    }

    /// Relations that did not decide an extent and can be verified once the
    /// item `index` is read.
    pub(crate) fn verify(&self, index: usize) -> TokenStream {
        let items = &self.layout.items;
        let mut out = TokenStream::new();
        for (carrier, item) in items.iter().enumerate() {
            if !holds(self.within, items, carrier) {
                continue;
            }
            let Some(relation) = &item.relation else { continue };
            let (raw, info, offset) = (raw_name(carrier), &item.info, offset_name(carrier));
            match &relation.source {
                Source::Count(field) => {
                    let Some(target) = position(items, field) else { continue };
                    let decided = matches!(items[target].extent, Extent::ByCount(by) if by == carrier)
                        && matches!(items[target].presence, Presence::Always);
                    if decided || target.max(carrier) != index {
                        continue;
                    }
                    let list = &items[target].local;
                    let differs = differs(
                        relation,
                        &raw.to_token_stream(),
                        &quote!(__p::Counted::counted(&#list) as i64),
                    );
                    out.extend(quote! {
                        if #differs {
                            return __p::Err(__r.fail(__p::ErrorKind::Relation, #offset, &#info, #raw, __p::Counted::counted(&#list) as u64));
                        }
                    });
                }
                Source::Size(range) => {
                    let Some((first, last)) = bounds(items, range, carrier) else { continue };
                    // Where it decided an extent it holds, unless that item
                    // is absent.
                    let decided = |i: &Item| {
                        matches!(i.extent, Extent::BySize(by) if by == carrier)
                            && matches!(i.presence, Presence::Always)
                    };
                    if items.iter().any(decided) || last.max(carrier) != index {
                        continue;
                    }
                    let start = offset_name(first);
                    let end = self.end_of(last, index);
                    let differs = differs(relation, &raw.to_token_stream(), &quote!((#end - #start) as i64));
                    out.extend(quote! {
                        if #differs {
                            return __p::Err(__r.fail(__p::ErrorKind::Length, #offset, &#info, #raw, (#end - #start) as u64));
                        }
                    });
                }
                Source::Sum(_) => out.extend(self.verify_sum(carrier, index)),
                Source::Check(_, range) => {
                    let before = self.frame.map_or(Before::No, |frame| checked_before(frame, items, carrier));
                    let Some((first, last)) = bounds(items, range, carrier) else { continue };
                    if last.max(carrier) != index {
                        continue;
                    }
                    let start = offset_name(first);
                    let end = self.end_of(last, index);
                    let covered = quote!(__start.slice(#start, #end));
                    let covered = if (first..=last).contains(&carrier) {
                        // A checksum over itself counts its own bytes as 0.
                        let width = fixed_at(items, carrier).unwrap_or(0);
                        quote!(&__p::blanked(#covered, (#offset - #start) as usize, #width))
                    } else {
                        covered
                    };
                    let computed = check::compute(self.model, self.layout, item, &covered, Locals::Values);
                    let verify = quote!(__r.check(#computed, #raw, #offset, &#info)?;);
                    out.extend(match before {
                        Before::Yes => quote!(if !__found { #verify }),
                        Before::IfConstant => {
                            let before = verified_before(items, carrier, first);
                            quote!(if const { !#before } || !__found { #verify })
                        }
                        Before::No => verify,
                    });
                }
                Source::Present(field) => {
                    let Some(target) = position(items, field) else { continue };
                    // One bit that decided says no more than it decided.
                    let decided = matches!(items[target].presence, Presence::By(by) if by == carrier)
                        && matches!(items[carrier].repr, Repr::Bits(BitSlot { count: 1, .. }));
                    if decided || target.max(carrier) != index {
                        continue;
                    }
                    let local = &items[target].local;
                    out.extend(quote! {
                        if #raw != #local.is_some() as u64 {
                            return __p::Err(__r.fail(__p::ErrorKind::Relation, #offset, &#info, #raw, #local.is_some() as u64));
                        }
                    });
                }
                Source::Inside(asked, path) => {
                    let target = path.first().and_then(|name| position(items, name));
                    let Some(target) = target.filter(|target| (*target).max(carrier) == index) else {
                        continue;
                    };
                    let _ = target;
                    let reference = |item: &Item| {
                        let local = &item.local;
                        quote!(&#local)
                    };
                    let Some(answer) = inner::ask(items, &relation.source, reference) else { continue };
                    let kind = if *asked == Asked::Size { quote!(Length) } else { quote!(Relation) };
                    let source = quote!(__want as i64);
                    let differs = differs(relation, &raw.to_token_stream(), &source);
                    // A variant without the field, as one that keeps unknown bytes.
                    out.extend(quote! {{
                        let __held: __p::Option<u64> = #answer;
                        let __want: u64 = __p::Option::unwrap_or(__held, 0);
                        if #differs {
                            match __held {
                                __p::Some(_) => return __p::Err(__r.fail(__p::ErrorKind::#kind, #offset, &#info, #raw as u64, __want)),
                                __p::None => __r.flag_at(__p::Flag::Reserved, &#info, #offset),
                            }
                        }
                    }});
                }
                // They decided where the elements end.
                Source::Sizes(_) | Source::Counts(_) => {}
                Source::Tag(_) | Source::Constant(_) | Source::Bits(..) | Source::Sign(..) => {}
            }
        }
        out.extend(self.joined(index));
        out
    }

    /// The offset right after the item `last`, once the item `index` is read.
    pub(super) fn end_of(&self, last: usize, index: usize) -> TokenStream {
        let start = offset_name(last);
        match fixed_at(&self.layout.items, last) {
            // The offset of a field of bits is that of its container.
            Some(_) if let Some(Repr::Bits(slot)) = self.layout.items.get(last).map(|item| &item.repr) => {
                let size = slot.bytes as u32;
                quote!((#start + #size))
            }
            Some(size) => {
                let size = size as u32;
                quote!((#start + #size))
            }
            None if self.layout.items.get(last).is_some_and(|item| item.column.is_some()) => {
                let end = end_name(last);
                quote!(#end)
            }
            // All of a group is read when what stands outside is verified.
            None if last == index && !self.goes_on(last) => quote!(__r.offset()),
            None => {
                let after = offset_name(last + 1);
                quote!(#after)
            }
        }
    }

    /// Whether the group of an item goes on behind it.
    fn goes_on(&self, last: usize) -> bool {
        let group = |at: usize| self.layout.items.get(at).and_then(|item| item.group);
        group(last).is_some() && group(last) == group(last + 1)
    }

    pub(super) fn needs_start(&self) -> bool {
        let check = |item: &Item| matches!(&item.relation, Some(Relation { source: Source::Check(..), .. }));
        self.layout.items.iter().any(check)
    }
}

/// Whether the value on the wire is another than the source gives.
pub(crate) fn differs(relation: &Relation, raw: &TokenStream, source: &TokenStream) -> TokenStream {
    if relation.turns_round() {
        let want = relation::backward(&relation.ops, quote!(#raw as i64));
        return quote!((#want != #source));
    }
    let value = relation::forward(&relation.ops, source.clone());
    quote!((#value != #raw as i64))
}
