//! The walk over one layout, put together from steps.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use super::{chain, turns};
use crate::expand::common::{Locals, choose_order, ctx_value, is_little, located, read_int, user_expr};
use crate::expand::decode::{bits_value, raw_name};
use crate::ir::{Extent, IntTy, Item, Layout, Model, Presence, Repr};
use crate::lower::fixed_at;
use crate::relation::{self, Relation, Source};
use crate::walk::{Needs, Step, Walk, leads_into, plan};

/// Something that the walk does.
pub(super) struct Op {
    /// Whether it may wait for bytes; then everything before it is done.
    pub(super) waits: bool,
    pub(super) code: TokenStream,
}

/// What is kept of an item, and where.
#[derive(Clone, Copy)]
pub(super) enum Slot {
    Raw,
    Offset,
    End,
    Value,
    /// Whether it is there, with what belongs to it.
    There,
    /// Where its value begins that is decoded once it is there.
    From,
}

/// The walk over one layout, put together.
pub(super) struct Steps<'m> {
    pub(super) model: &'m Model,
    pub(super) layout: &'m Layout,
    pub(super) walk: Walk,
    /// Leading bytes that were compared already.
    lead: usize,
    /// Whether `__tag` is in scope.
    pub(super) tagged: bool,
    /// Whether the layout is that of the whole frame, if it is one.
    pub(super) outermost: bool,
    ops: Vec<Op>,
    kept: Vec<(usize, Slot)>,
    types: Vec<TokenStream>,
    children: Vec<TokenStream>,
    pub(super) reasons: Vec<TokenStream>,
    pub(super) bounds: Vec<TokenStream>,
}

impl<'m> Steps<'m> {
    pub(super) fn new(model: &'m Model, layout: &'m Layout, lead: usize) -> Self {
        let mut walk = plan(layout, model);
        let again = walk.steps.iter().find_map(|step| match step {
            Step::Item(index) => layout.items.get(*index).filter(|item| leads_into(item, &model.ident)),
            _ => None,
        });
        if let Some(item) = again {
            walk.stuck.push((
                item.span,
                format!("nothing says where this frame ends: a `{}` may hold another, however deep; let a length before it say the size of the outermost", model.ident),
            ));
        }
        Self {
            model,
            layout,
            walk,
            lead,
            tagged: false,
            outermost: false,
            ops: Vec::new(),
            kept: Vec::new(),
            types: Vec::new(),
            children: Vec::new(),
            reasons: Vec::new(),
            bounds: Vec::new(),
        }
    }

    pub(super) fn all(&mut self) {
        if !self.walk.stuck.is_empty() || self.layout.broken {
            return;
        }
        for at in 0..self.walk.steps.len() {
            let Some(step) = self.walk.steps.get(at).copied() else { break };
            match step {
                Step::Item(index) => {
                    self.grouped(index);
                    self.behind(index..=index);
                }
                Step::Ahead { carrier, at, first, last } => {
                    self.begins(at);
                    self.ahead(carrier, first, last);
                    self.behind(at..=last);
                }
                Step::Separated { at, end } => {
                    self.begins(at);
                    if let Some(Item { repr: Repr::Constant(bytes), .. }) = self.layout.items.get(end) {
                        let bytes = Literal::byte_string(bytes);
                        self.waits(quote!(__w.until(#bytes)?;));
                    }
                    self.behind(at..=end);
                }
            }
        }
    }

    pub(super) fn waits(&mut self, code: TokenStream) {
        self.ops.push(Op { waits: true, code });
    }

    pub(super) fn then(&mut self, code: TokenStream) {
        self.ops.push(Op { waits: false, code });
    }

    /// The place for what is kept of an item.
    pub(super) fn slot(&mut self, index: usize, slot: Slot) -> TokenStream {
        let same = |(at, kind): &(usize, Slot)| {
            *at == index && std::mem::discriminant(kind) == std::mem::discriminant(&slot)
        };
        let at = self.kept.iter().position(same).unwrap_or_else(|| {
            let item = &self.layout.items[index];
            let needs = self.walk.needs[index];
            let ty = match slot {
                Slot::Raw => quote!(u64),
                Slot::There => quote!(bool),
                Slot::Offset | Slot::End | Slot::From => quote!(usize),
                Slot::Value => {
                    let ty = if needs.value { item.ty.to_token_stream() } else { quote!(()) };
                    let ty = match item.presence {
                        Presence::Always => ty,
                        _ => quote!(__p::Option<#ty>),
                    };
                    quote!(__p::Keep<#ty>)
                }
            };
            self.kept.push((index, slot));
            self.types.push(ty);
            self.kept.len() - 1
        });
        let deep = (0..at).map(|_| quote!(.1));
        quote!(__k #(#deep)*.0)
    }

    fn child(&mut self, scan: TokenStream) -> TokenStream {
        if scan.to_string() == "()" {
            return quote!(&mut ());
        }
        self.children.push(scan);
        chain(&quote!(__n), self.children.len() - 1)
    }

    pub(super) fn scan(&self) -> TokenStream {
        if !self.sound() || self.ops.is_empty() {
            return quote!(());
        }
        let kept = self.types.iter().rev().fold(quote!(()), |rest, ty| quote!((#ty, #rest)));
        let child = turns(&self.children);
        if self.arms().len() <= 1 && self.types.is_empty() {
            return child;
        }
        quote!(__p::Steps<#kept, #child>)
    }

    fn sound(&self) -> bool {
        self.walk.stuck.is_empty() && !self.layout.broken
    }

    /// Operations of which only the first may wait.
    fn arms(&self) -> Vec<TokenStream> {
        let mut arms: Vec<TokenStream> = Vec::new();
        for op in &self.ops {
            match arms.last_mut() {
                Some(arm) if !op.waits => arm.extend(op.code.clone()),
                _ => arms.push(op.code.clone()),
            }
        }
        arms
    }

    /// Walks from `__s` on, an expression of the walk's result.
    pub(super) fn body(&self) -> TokenStream {
        if !self.sound() {
            return quote!({ __p::Err(__w.bad(__p::ErrorKind::Length, &__TYPE)) });
        }
        let arms = self.arms();
        if arms.len() <= 1 && self.types.is_empty() {
            return quote!({ let __n = __s; #(#arms)* __p::Ok(()) });
        }
        let arms = arms.iter().enumerate().map(|(at, arm)| {
            let (at, next) = (at as u16, at as u16 + 1);
            quote!(#at => { #arm *__step = #next; })
        });
        quote!({
            let __p::Steps { step: __step, kept: __k, child: __n } = __s;
            loop {
                match *__step {
                    #(#arms)*
                    _ => return __p::Ok(()),
                }
            }
        })
    }

    /// Why there is no end.
    pub(super) fn stuck(&self) -> TokenStream {
        match self.walk.stuck.first() {
            Some((_, why)) => {
                let owner = &self.layout.owner;
                let why = format!("{why} (in `{owner}`)");
                quote!(__p::Some(#why))
            }
            None => {
                let reasons = &self.reasons;
                quote!(__p::first_stuck(&[#(#reasons),*]))
            }
        }
    }

    /// Brings the earlier fields that an expression of this item may name into
    /// scope.
    pub(super) fn binds(&mut self, index: usize) -> TokenStream {
        let mut out = TokenStream::new();
        for at in 0..index {
            let needs = self.walk.needs[at];
            let item = &self.layout.items[at];
            if !(needs.value || needs.there) || item.known_as().is_none() {
                continue;
            }
            let (local, info, ty) = (&item.local, &item.info, &item.ty);
            if let Repr::TagReceiver = item.repr {
                if self.tagged {
                    out.extend(quote!(let #local = __p::tag_into::<#ty>(__tag);));
                }
                continue;
            }
            if let Repr::Skipped(value) = &item.repr {
                let value = match value {
                    Some(value) => user_expr(value, self.layout, item, self.model, Locals::Walk),
                    None => quote!(__p::core::default::Default::default()),
                };
                out.extend(quote!(let #local: #ty = #value;));
                continue;
            }
            let slot = self.slot(at, Slot::Value);
            out.extend(quote!(let #local = #slot.get(__w, &#info)?;));
        }
        out
    }

    /// Whether an item is there, once those before `known` are read.
    fn condition(&mut self, index: usize, known: usize) -> TokenStream {
        let item = &self.layout.items[index];
        let expr = match &item.presence {
            Presence::More | Presence::Filled => return quote!(true),
            Presence::By(flag) => {
                let raw = self.slot(*flag, Slot::Raw);
                let ops = self.layout.items.get(*flag).and_then(|item| item.relation.as_ref());
                let value = relation::backward(ops.map_or(&[][..], |r| &r.ops[..]), quote!(#raw as i64));
                return quote!(((#value) != 0));
            }
            Presence::If(expr) => Some(expr),
            Presence::Always => item.absent.as_ref().and_then(|absent| absent.unless.as_ref()),
        };
        let Some(expr) = expr else { return quote!(true) };
        let binds = self.binds(known);
        let expr = user_expr(expr, self.layout, item, self.model, Locals::Walk);
        quote!({ #binds #expr })
    }

    /// Lets an operation happen only where the item is there.
    fn guarded(&mut self, index: usize, code: TokenStream, otherwise: &TokenStream) -> TokenStream {
        let item = &self.layout.items[index];
        let always = matches!(item.presence, Presence::Always);
        if always && item.absent.as_ref().is_none_or(|absent| absent.unless.is_none()) {
            return code;
        }
        let condition = match item.group {
            Some(field) if field == index => self.slot(field, Slot::There),
            _ => self.condition(index, index),
        };
        let otherwise = (!otherwise.is_empty()).then(|| quote!(else { #otherwise }));
        quote!(if #condition { #code } #otherwise)
    }

    /// An item that may be there only with a field.
    fn grouped(&mut self, index: usize) {
        let Some(field) = self.layout.items[index].group else { return self.item(index) };
        if !self.kept.iter().any(|(at, slot)| *at == field && matches!(slot, Slot::There)) {
            let there = self.condition(field, index);
            let slot = self.slot(field, Slot::There);
            self.then(quote!(#slot = #there;));
        }
        let begin = self.ops.len() + usize::from(self.walk.needs[index].offset);
        self.item(index);
        if index == field {
            return;
        }
        let slot = self.slot(field, Slot::There);
        for op in self.ops.iter_mut().skip(begin) {
            let code = &op.code;
            op.code = quote!(if #slot { #code });
        }
    }

    fn item(&mut self, index: usize) {
        let items = &self.layout.items;
        let item = &items[index];
        let needs = self.walk.needs[index];
        self.begins(index);
        if let Repr::Bits(slot) = &item.repr {
            if slot.first == index {
                self.container(index);
            }
            return;
        }
        let before: usize = (0..index).filter_map(|at| fixed_at(items, at)).sum();
        let leads = (0..=index).all(|at| fixed_at(items, at).is_some());
        match &item.repr {
            Repr::TagReceiver | Repr::Skipped(_) => {}
            Repr::Constant(bytes) if leads && before + bytes.len() <= self.lead => {
                let size = bytes.len();
                self.then(quote!(__w.skip(#size);));
            }
            Repr::Constant(bytes) => {
                let (bytes, info) = (Literal::byte_string(bytes), &item.info);
                self.waits(quote!(__w.constant(#bytes, &#info)?;));
            }
            Repr::Row(int, _) => {
                let code = self.row(index, *int);
                self.waits(code);
            }
            Repr::Int(int, _) | Repr::Scalar(int, _)
                if !matches!(item.extent, Extent::Own) || int.own_width() =>
            {
                self.digits(index, *int, needs);
            }
            Repr::Int(int, _) | Repr::Scalar(int, _) => {
                let constant = matches!(&item.relation, Some(Relation { source: Source::Constant(_), .. }))
                    && !(leads && before + int.bytes <= self.lead);
                self.number(index, *int, needs, constant);
            }
            _ if needs.value || needs.raw && matches!(item.repr, Repr::Codec(_) | Repr::Sized(_)) => {
                self.kept_value(index)
            }
            _ => {
                let (scan, code, waits) = self.skip(item, index);
                let child = self.child(scan);
                let there = if needs.there { self.noted(index, &quote!(())) } else { TokenStream::new() };
                let absent = self.absent(index, needs);
                let streams = (self.outermost && item.attrs.stream.is_some()).then(|| {
                    let tail = crate::stream::tail(items, index);
                    quote!(__w.streams(__size, #tail);)
                });
                let code = quote!(let __e = #child; #code #streams #there);
                let code = self.guarded(index, code, &absent);
                self.ops.push(Op { waits, code: quote!({ #code }) });
            }
        }
    }

    /// Keeps the value of an item.
    fn noted(&mut self, index: usize, value: &TokenStream) -> TokenStream {
        let slot = self.slot(index, Slot::Value);
        match self.layout.items[index].presence {
            Presence::Always => quote!(#slot.put(#value);),
            _ => quote!(#slot.put(__p::Some(#value));),
        }
    }

    fn absent(&mut self, index: usize, needs: Needs) -> TokenStream {
        if !(needs.value || needs.there) {
            return TokenStream::new();
        }
        let item = &self.layout.items[index];
        if let Presence::Always = item.presence {
            let Some(absent) = item.absent.as_ref().filter(|_| needs.value) else {
                return TokenStream::new();
            };
            let (slot, binds, ty) = (self.slot(index, Slot::Value), self.binds(index), &item.ty);
            let value = user_expr(&absent.value, self.layout, item, self.model, Locals::Walk);
            return quote!({ #binds let __d: #ty = #value; #slot.put(__d); });
        }
        let slot = self.slot(index, Slot::Value);
        quote!(#slot.put(__p::None);)
    }

    /// An integer: read if something depends on it.
    fn number(&mut self, index: usize, int: IntTy, needs: Needs, constant: bool) {
        let item = &self.layout.items[index];
        let bytes = int.bytes;
        if !(needs.raw || needs.value || needs.there || constant) {
            let code = self.guarded(index, quote!(__w.skip(#bytes);), &TokenStream::new());
            self.then(code);
            return;
        }
        let (Repr::Int(_, endian) | Repr::Scalar(_, endian)) = item.repr else { return };
        let binds = if item.endian.is_some() { self.binds(index) } else { TokenStream::new() };
        let order = choose_order(item, index, self.layout, self.model, Locals::Walk);
        let read = super::read(int, endian, &item.info);
        let mut code = quote! {
            #binds
            #order
            let __from = __w.at();
            let __v = #read;
        };
        if needs.raw {
            let slot = self.slot(index, Slot::Raw);
            code.extend(quote!(#slot = __v as u64;));
        }
        if let (true, Some(Relation { source: Source::Constant(expr), .. })) = (constant, &item.relation) {
            let info = &item.info;
            code.extend(quote! {
                if __v as u64 != ((#expr) as u64) {
                    __w.back(__from);
                    return __p::Err(__w.bad(__p::ErrorKind::Constant, &#info));
                }
            });
        }
        if needs.value || needs.there {
            let ty = &item.ty;
            let value = match &item.repr {
                _ if !needs.value => quote!(()),
                Repr::Scalar(..) => quote!(<#ty as __p::Scalar>::from_raw(__v as u64)),
                _ => quote!(__v),
            };
            code.extend(self.noted(index, &value));
        }
        let absent = self.absent(index, needs);
        let code = self.guarded(index, code, &absent);
        self.waits(quote!({ #code }));
    }

    /// A number as text that ends where its extent does.
    fn digits(&mut self, index: usize, int: IntTy, needs: Needs) {
        let item = &self.layout.items[index];
        let (ty, info) = (&item.ty, &item.info);
        if !(needs.raw || needs.value || needs.there) {
            let (scan, code, waits) = self.skip(item, index);
            let child = self.child(scan);
            let code = self.guarded(index, quote!(let __e = #child; #code), &TokenStream::new());
            self.ops.push(Op { waits, code: quote!({ #code }) });
            return;
        }
        let digits = int.digits.map(crate::number::Digits::tokens);
        let read = if int.own_width() { quote!(#digits.read_own(__d)) } else { quote!(#digits.read(__d)) };
        let held = int.rust();
        let read = quote!({
            let __d = __r.rest();
            match #read {
                __p::Ok((__v, _)) => __p::Ok(__v as #held),
                __p::Err(__at) => __p::Err(__p::Error::new(__p::ErrorKind::Digits, __at as u32, &#info)),
            }
        });
        let mut note = TokenStream::new();
        if needs.raw {
            let slot = self.slot(index, Slot::Raw);
            note.extend(quote!(#slot = __v as u64;));
        }
        if needs.value || needs.there {
            let value = match &item.repr {
                _ if !needs.value => quote!(()),
                Repr::Scalar(..) => quote!(<#ty as __p::Scalar>::from_raw(__v as u64)),
                _ => quote!(__v),
            };
            note.extend(self.noted(index, &value));
        }
        self.read_whole(index, &TokenStream::new(), &read, &note);
    }

    /// A container of bits: read if something depends on one of its fields.
    fn container(&mut self, first: usize) {
        let items = &self.layout.items;
        let Some(Item { repr: Repr::Bits(slot), .. }) = items.get(first) else { return };
        let bytes = slot.bytes;
        let mut code = TokenStream::new();
        for (index, item) in items.iter().enumerate().skip(first) {
            match &item.repr {
                Repr::Bits(slot) if slot.first == first => {}
                _ => break,
            }
            let needs = self.walk.needs[index];
            if needs.offset && index > first {
                let slot = self.slot(index, Slot::Offset);
                code.extend(quote!(#slot = __w.at() - #bytes;));
            }
            let constant = match &item.relation {
                Some(Relation { source: Source::Constant(expr), .. }) => Some(expr),
                _ => None,
            };
            if !(needs.raw || needs.value || needs.there) && constant.is_none() {
                continue;
            }
            code.extend(bits_value(item, index, &quote!(__c)));
            let (raw, local, info) = (raw_name(index), &item.local, &item.info);
            if needs.raw {
                let slot = self.slot(index, Slot::Raw);
                code.extend(quote!(#slot = #raw;));
            }
            if let Some(expr) = constant {
                code.extend(quote! {
                    if #raw != ((#expr) as u64) {
                        __w.back(__from);
                        return __p::Err(__w.bad(__p::ErrorKind::Constant, &#info));
                    }
                });
            }
            if needs.value || needs.there {
                code.extend(self.noted(index, &quote!(#local)));
            }
        }
        if code.is_empty() {
            self.then(quote!(__w.skip(#bytes);));
            return;
        }
        let item = &items[first];
        let binds = if item.endian.is_some() { self.binds(first) } else { TokenStream::new() };
        let order = choose_order(item, first, self.layout, self.model, Locals::Walk);
        let container = if slot.wide() {
            quote!(let __c: [u8; #bytes] = *__b;)
        } else {
            let read = read_int(&quote!(__b), 0, IntTy::binary(bytes), slot.endian);
            quote!(let __c: u64 = #read as u64;)
        };
        self.waits(quote!({
            #binds
            #order
            let __from = __w.at();
            let __b = __w.run::<#bytes>()?;
            #container
            #code
        }));
    }

    /// A value that is decoded once it is there.
    fn kept_value(&mut self, index: usize) {
        let item = &self.layout.items[index];
        let (ty, info, needs) = (&item.ty, &item.info, self.walk.needs[index]);
        let binds = self.binds(index);
        let read = match &item.repr {
            Repr::Codec(codec) => {
                let span = located(codec);
                quote_spanned!(span=> __p::Codec::<'_, #ty>::decode(&(#codec), __r, &#info))
            }
            Repr::Array(len) => quote!(__r.run::<{ #len }>(&#info).copied()),
            Repr::Sized(endian) => {
                let order = choose_order(item, index, self.layout, self.model, Locals::Walk);
                let little = is_little(*endian);
                quote!({
                    #order
                    <#ty as __p::AnyWidth>::of_bytes(__r.rest(), #little)
                        .ok_or_else(|| __p::Error::new(__p::ErrorKind::Range, 0, &#info))
                })
            }
            _ => {
                let ctx = ctx_value(item, self.layout, self.model, &quote!(__p::Wire), Locals::Walk);
                quote!(<#ty as __p::Decode<'_>>::decode(__r, #ctx))
            }
        };
        let mut note = TokenStream::new();
        if needs.raw && matches!(item.repr, Repr::Codec(_) | Repr::Sized(_)) {
            let slot = self.slot(index, Slot::Raw);
            note.extend(quote!(#slot = __v as u64;));
        }
        if needs.value || needs.there {
            note.extend(self.noted(index, &quote!(__v)));
        }
        self.read_whole(index, &binds, &read, &note);
    }

    /// Walks over an item, and reads it once it is there.
    fn read_whole(&mut self, index: usize, binds: &TokenStream, read: &TokenStream, note: &TokenStream) {
        let item = &self.layout.items[index];
        let needs = self.walk.needs[index];
        let from = self.slot(index, Slot::From);
        self.then(quote!(#from = __w.at();));
        let (scan, code, waits) = self.skip(item, index);
        let child = self.child(scan);
        let code = self.guarded(index, quote!(let __e = #child; #code), &TokenStream::new());
        self.ops.push(Op { waits, code: quote!({ #code }) });
        // The bytes that end it are not part of it.
        let tail = match &item.extent {
            Extent::Until(end) => end.len(),
            _ => 0,
        };
        let prefix = match &item.extent {
            Extent::PrefixSize(int, _) => int.bytes,
            _ => 0,
        };
        let absent = self.absent(index, needs);
        let code = quote! {
            #binds
            let __end = __w.at();
            __w.back(__end - #tail);
            let __v = __w.value(#from + #prefix, |__r| #read);
            __w.back(__end);
            let __v = __v?;
            #note
        };
        let code = self.guarded(index, code, &absent);
        self.waits(quote!({ #code }));
    }

    /// Over what a length speaks of at once.
    fn ahead(&mut self, carrier: usize, first: usize, last: usize) {
        let items = &self.layout.items;
        let Some(item) = items.get(carrier) else { return };
        let ops = item.relation.as_ref().map_or(&[][..], |relation| &relation.ops[..]);
        let raw = self.slot(carrier, Slot::Raw);
        let said = relation::backward(ops, quote!(#raw as i64));
        let begun = self.walk.needs[first].offset && first <= carrier
            || self.kept.iter().any(|(at, slot)| *at == first && matches!(slot, Slot::Offset));
        let start = if begun { self.slot(first, Slot::Offset) } else { quote!(__w.at()) };
        let from = first.max(carrier + 1);
        let least: usize = (from..=last).filter_map(|at| fixed_at(items, at)).sum();
        let info = &item.info;
        self.then(quote!(__w.ahead(#said, #start, #least, &#info)?;));
    }
}
