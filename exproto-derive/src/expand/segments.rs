//! `segment` and `join` of a protocol whose messages arrive in several frames.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, Member};

use super::common::{Locals, at_lifetime, ctx_bind, ctx_type, ctx_value, located};
use super::decode::Decode;
use crate::attr::idents_in;
use crate::attr::segments::{Cut, End, Reassemble};
use crate::ir::{Frame, Item, Layout, Model, Presence, Repr};

pub(super) fn expand(model: &Model, frame: &Frame, layout: &Layout) -> TokenStream {
    let rules: Vec<_> = frame.attrs.reassemble.iter().map(|key| &key.value).collect();
    let found: Vec<_> = rules.iter().filter_map(|rule| segment(rule, layout)).collect();
    if found.is_empty() || found.len() != rules.len() {
        return TokenStream::new();
    }
    let (context, bind) = (ctx_type(model), ctx_bind(model));
    let at = at_lifetime(model, &syn::parse_quote!('__f));
    let several = rules.len() > 1;
    let joins = rules.iter().zip(&found).enumerate().map(|(index, (rule, found))| {
        let join = join(rule, model, layout);
        // The first whose segments are such frames.
        let first = several && index + 1 < rules.len();
        match first {
            true => quote! {
                let __is = {
                    let __f = &__frame;
                    (|| -> __p::Option<__p::Segment<'_>> { #bind #found })().is_some()
                };
                if __is { #join }
            },
            false => join,
        }
    });
    let found = found.iter().enumerate().map(|(index, found)| {
        let index = index as u64;
        quote! {
            let __found = (|| -> __p::Option<__p::Segment<'__s>> { #found })();
            if let __p::Some(__segment) = __found {
                return __p::Some(__p::Segment { key: __segment.key.wrapping_add(#index), ..__segment });
            }
        }
    });
    quote! {
        fn segment<'__s>(__f: &'__s Self::At<'_>, __ctx: #context) -> __p::Option<__p::Segment<'__s>> {
            #bind
            #(#found)*
            __p::None
        }
        fn join<'__f, __T: __p::Trace>(
            _: usize, __head: &'__f [u8], __body: &'__f [u8], __ctx: #context, __trace: __T,
        ) -> __p::Result<(Self::At<'__f>, __p::Flags), __p::Error> {
            let mut __h = __p::Reader::new(__head).found();
            let __frame = <#at as __p::Decode<'__f>>::decode(&mut __h, __ctx)?;
            #(#joins)*
        }
    }
}

/// The item that segments are joined to, or that holds it.
fn into<'l>(rule: &Reassemble, layout: &'l Layout) -> Option<&'l Item> {
    let name = rule.into.first.unraw().to_string();
    layout.items.iter().find(|item| item.member.is_some() && item.name.as_deref() == Some(&name))
}

/// Statements that make the segment of the frame `__f`, or return.
fn segment(rule: &Reassemble, layout: &Layout) -> Option<TokenStream> {
    let item = into(rule, layout)?;
    let member = item.member.as_ref()?;
    let mut taken = Taken::new(rule, item);
    let place = rule.place().map(|expr| taken.expr(expr));
    let [at, end] = place;
    let keys: Vec<_> = rule
        .key
        .iter()
        .map(|key| match tag_of(key) {
            Some(field) => quote!(__p::core::hash::Hash::hash(&__p::Tagged::tag(&__f.#field), &mut __h);),
            None => {
                let value = taken.expr(key);
                quote_spanned!(located(key)=> __p::core::hash::Hash::hash(&(#value), &mut __h);)
            }
        })
        .collect();
    let data = match (&rule.of, rule.into.rest.first(), &item.repr) {
        (None, None, Repr::Body(_)) => quote!(__p::RawBody::raw_body(&__f.#member)?),
        (Some(_), Some(first), _) => {
            let (local, rest) = (taken.member(first), &rule.into.rest[1..]);
            quote_spanned!(located(&rule.into.first)=> __p::SegmentData::data(&(*#local) #(.#rest)*)?)
        }
        (_, _, _) => {
            let rest = &rule.into.rest;
            quote_spanned!(located(&rule.into.first)=> __p::SegmentData::data(&__f.#member #(.#rest)*)?)
        }
    };
    let variant = rule.of.as_ref().map(|of| {
        let (patterns, locals) = (taken.patterns(), taken.locals().collect::<Vec<_>>());
        quote! {
            #[allow(unreachable_patterns, reason = "a body may have one variant only")]
            let (#(#locals,)*) = match &__f.#member {
                #of { #(#patterns,)* .. } => (#(#locals,)*),
                _ => return __p::None,
            };
        }
    });
    let binds = binds(rule, item, layout);
    let position = match (&rule.cut, &rule.end) {
        (Cut::Number { first, .. }, end_of) => {
            let first = first.as_ref().map_or_else(|| quote!(1), ToTokens::to_token_stream);
            let total = match end_of {
                End::Total(_) => quote!(__p::Some(__p::SegmentNumber::number(#end))),
                End::Last(_) => quote!((#end).then(|| __at.wrapping_sub(#first).wrapping_add(1))),
            };
            quote!(__p::Position::Number { index: __at, first: #first, total: #total })
        }
        (Cut::Byte { .. }, end_of) => {
            let size = match end_of {
                End::Total(_) => quote!(__p::Some(__p::SegmentNumber::number(#end))),
                End::Last(_) => {
                    quote!((#end).then(|| __at.saturating_add(__p::SegmentNumber::number(__data.len()))))
                }
            };
            quote!(__p::Position::Byte { offset: __at, size: #size })
        }
    };
    Some(quote! {
        #variant
        #binds
        let __data: &[u8] = #data;
        let mut __h: __p::Fnv = __p::core::default::Default::default();
        #(#keys)*
        let __at: u32 = __p::SegmentNumber::number(#at);
        __p::Some(__p::Segment {
            kind: 0,
            key: __p::core::hash::Hasher::finish(&__h),
            at: #position,
            data: __data,
        })
    })
}

/// The fields of the frame that the expressions name. A frame without one that
/// says where a segment belongs is none.
fn binds(rule: &Reassemble, into: &Item, layout: &Layout) -> TokenStream {
    let idents = |exprs: &mut dyn Iterator<Item = &Expr>| {
        let mut found = Vec::new();
        exprs.for_each(|expr| idents_in(expr.to_token_stream(), &mut found));
        found
    };
    let [at, end] = rule.place();
    let place = idents(&mut [at].into_iter());
    let others = rule.key.iter().filter(|key| tag_of(key).is_none()).chain([end]);
    let others = idents(&mut others.into_iter());
    let mut out = TokenStream::new();
    for item in &layout.items {
        let (Some(name), Some(member)) = (item.known_as(), &item.member) else { continue };
        if rule.of.is_some() && std::ptr::eq(item, into) {
            continue;
        }
        let is_in = |names: &[String]| names.iter().any(|it| name == it);
        let placed = is_in(&place);
        if placed && !matches!(item.presence, Presence::Always) {
            out.extend(quote!(let #name = (&__p::View(__f.#member.as_ref()?)).view();));
        } else if placed || is_in(&others) {
            out.extend(quote!(let #name = (&__p::View(&__f.#member)).view();));
        }
    }
    if out.is_empty() {
        return out;
    }
    quote! {
        #[allow(unused_imports, reason = "values that are copied and all others are told apart")]
        use __p::{ViewCopy as _, ViewRef as _};
        #out
    }
}

/// The fields of a variant that expressions take: `body.index`.
struct Taken {
    /// The body, if a variant of it is meant.
    body: Option<String>,
    members: Vec<(Member, Ident)>,
}

impl Taken {
    fn new(rule: &Reassemble, into: &Item) -> Self {
        let body = rule.of.as_ref().and(into.name.clone());
        Self { body, members: Vec::new() }
    }

    /// The variable with a reference to the field.
    fn member(&mut self, member: &Member) -> Ident {
        let (name, span) = match member {
            Member::Named(name) => (name.unraw().to_string(), located(name)),
            Member::Unnamed(index) => (index.index.to_string(), located(member)),
        };
        let local = format_ident!("__of_{}", name, span = span);
        if self.members.iter().all(|(_, known)| *known != local) {
            self.members.push((member.clone(), local.clone()));
        }
        local
    }

    /// The expression with its fields of the variant as variables, and with
    /// operators that have a result for all operands.
    fn expr(&mut self, expr: &Expr) -> TokenStream {
        let total = super::calc::total(expr, &quote!(return __p::None)).to_token_stream();
        match self.body.clone() {
            Some(body) => self.tokens(&body, total),
            None => total,
        }
    }

    fn tokens(&mut self, body: &str, tokens: TokenStream) -> TokenStream {
        let mut out = TokenStream::new();
        let mut tokens = tokens.into_iter().peekable();
        let mut after_point = false;
        while let Some(token) = tokens.next() {
            let point = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.');
            match token {
                TokenTree::Ident(ident) if !after_point && ident.unraw() == body => {
                    let next =
                        tokens.next_if(|next| matches!(next, TokenTree::Punct(p) if p.as_char() == '.'));
                    let member = next.as_ref().and_then(|_| tokens.next_if(|next| member_of(next).is_some()));
                    match member.as_ref().and_then(member_of) {
                        Some(member) => {
                            let local = self.member(&member);
                            out.extend(quote!((*#local)));
                        }
                        None => {
                            out.extend([TokenTree::Ident(ident)]);
                            out.extend(next);
                            out.extend(member);
                        }
                    }
                }
                TokenTree::Group(group) => {
                    let mut inner = Group::new(group.delimiter(), self.tokens(body, group.stream()));
                    inner.set_span(group.span());
                    out.extend([TokenTree::Group(inner)]);
                }
                other => out.extend([other]),
            }
            after_point = point;
        }
        out
    }

    fn patterns(&self) -> impl Iterator<Item = TokenStream> {
        self.members.iter().map(|(member, local)| quote!(#member: #local))
    }

    fn locals(&self) -> impl Iterator<Item = &Ident> {
        self.members.iter().map(|(_, local)| local)
    }
}

/// The name or number of a field behind a point.
fn member_of(token: &TokenTree) -> Option<Member> {
    match token {
        TokenTree::Ident(ident) => Some(Member::Named(ident.clone())),
        TokenTree::Literal(literal) => {
            let index = literal.to_string().parse().ok()?;
            Some(Member::Unnamed(syn::Index { index, span: literal.span() }))
        }
        _ => None,
    }
}

/// Statements that give the whole message of which `__frame` is the first.
fn join(rule: &Reassemble, model: &Model, layout: &Layout) -> TokenStream {
    let Some(item) = into(rule, layout) else { return TokenStream::new() };
    let (Some(member), info) = (&item.member, &item.info) else { return TokenStream::new() };
    let rest = &rule.into.rest;
    let put = match (&rule.of, rest.first(), &item.repr) {
        (None, None, Repr::Body(_)) => return whole_body(item, model, layout),
        (Some(of), Some(first), _) => {
            let (local, rest) = (Ident::new("__x", Span::call_site()), &rest[1..]);
            quote! {
                #[allow(unreachable_patterns, reason = "a body may have one variant only")]
                match &mut __frame.#member {
                    #of { #first: #local, .. } => __p::SegmentData::join(&mut (*#local) #(.#rest)*, __body),
                    _ => return __p::Err(__p::Error::new(__p::ErrorKind::Segment, 0, &#info)),
                }
            }
        }
        _ => quote!(__p::SegmentData::join(&mut __frame.#member #(.#rest)*, __body);),
    };
    quote! {
        let _ = __trace;
        let mut __frame = __frame;
        #put
        return __p::Ok((__frame, __h.flags()));
    }
}

/// The same where the body is decoded of all segments together.
fn whole_body(body: &Item, model: &Model, layout: &Layout) -> TokenStream {
    let ctx = ctx_value(body, layout, model, &quote!(__p::Tagged), Locals::Values);
    let ident = &model.ident;
    let named: Vec<_> = layout
        .items
        .iter()
        .filter_map(|item| {
            let (member, local) = (item.member.as_ref()?, &item.local);
            Some(quote!(#member: #local))
        })
        .collect();
    let (local, info) = (&body.local, &body.info);
    let (ty, _) = super::common::with_lifetime(body.ty.to_token_stream());
    let bind = ctx_bind(model);
    // Transformed as a whole, not segment by segment.
    let select = match &body.attrs.via {
        Some(via) => Decode { model, layout, frame: None, within: None }.inside(
            body,
            &via.value,
            &quote!(<#ty as __p::Select<'_>>::select(__tag, __r, #ctx)?),
        ),
        None => quote!(<__B<'__f> as __p::Select<'__f>>::select(__tag, __r, #ctx)?),
    };
    quote! {
        type __B<'__c> = #ty;
        #bind
        let #ident { #(#named),* } = __frame;
        let mut __reader = __p::Reader::traced(__body, __trace);
        let __r = &mut __reader;
        let __tag = __p::Tagged::tag(&#local);
        let #local = #select;
        let __end = *__r;
        __r.finish(__end, &#info)?;
        let mut __flags = __h.flags();
        __flags.merge(__r.flags());
        return __p::Ok((#ident { #(#named),* }, __flags));
    }
}

/// The field of `tag(FIELD)`.
fn tag_of(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::Call(call) if call.func.to_token_stream().to_string() == "tag" => call.args.first(),
        _ => None,
    }
}
