//! How the end of a layout is worked out by walking over it: what has to be
//! read on the way, over what a length runs ahead, and what has no end.

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Expr, Type};

use crate::attr::gap::Gap;
use crate::attr::idents_in;
use crate::attr::wire::UntilKey;
use crate::ir::{Extent, Item, Layout, Model, Presence, Repr};
use crate::lower::{bounds, fixed_at};
use crate::proof::{Proof, proof_needs, proofs};
use crate::relation::{Algorithm, Relation, Source};
use crate::spoken::const_path;

/// The walk over a layout.
pub(crate) struct Walk {
    pub(crate) steps: Vec<Step>,
    /// What each item has to leave for later ones.
    pub(crate) needs: Vec<Needs>,
    /// What has no end, and what to do about it.
    pub(crate) stuck: Vec<(Span, String)>,
    /// The checksums that are verified on the way.
    pub(crate) proofs: Vec<Proof>,
    /// The lengths that are compared on the way: the item, and the first and
    /// last that it speaks of.
    pub(crate) lengths: Vec<(usize, usize, usize)>,
}

/// One thing after the other.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// Reads or skips an item.
    Item(usize),
    /// Runs ahead, from the item `at`, to the end of what a length speaks of.
    Ahead { carrier: usize, at: usize, first: usize, last: usize },
    /// Looks for the constant that ends the separated items from `at` on.
    Separated { at: usize, end: usize },
}

/// What is kept of an item.
#[derive(Clone, Copy, Default)]
pub(crate) struct Needs {
    /// The integer on the wire.
    pub(crate) raw: bool,
    /// Where it begins.
    pub(crate) offset: bool,
    /// Where it ends.
    pub(crate) end: bool,
    /// The value.
    pub(crate) value: bool,
    /// Whether it is there.
    pub(crate) there: bool,
}

/// Plans the walk over a layout.
pub(crate) fn plan(layout: &Layout, model: &Model) -> Walk {
    let mut proofs = proofs(layout, model);
    if let Some(payload) = streamed(layout, model) {
        // What covers the payload is added up when that is handed out.
        proofs.retain(|proof| proof.due() < payload);
    }
    if !proofs.is_empty() {
        let walk = planned(layout, model, proofs);
        if walk.stuck.is_empty() && !leads_back(&walk, layout, model) {
            return walk;
        }
    }
    // A length runs ahead over what has no end of its own. Checksums within
    // are left to decoding then.
    planned(layout, model, Vec::new())
}

/// Whether the walk comes back to the type that it begins in.
fn leads_back(walk: &Walk, layout: &Layout, model: &Model) -> bool {
    walk.steps.iter().any(|step| {
        matches!(step, Step::Item(at) if layout.items.get(*at).is_some_and(|item| leads_into(item, &model.ident)))
    })
}

fn planned(layout: &Layout, model: &Model, proofs: Vec<Proof>) -> Walk {
    let items = &layout.items;
    let needs = vec![Needs::default(); items.len()];
    let mut walk = Walk { steps: Vec::new(), needs, stuck: Vec::new(), proofs, lengths: Vec::new() };
    let mut index = 0;
    let payload = streamed(layout, model);
    while index < items.len() {
        if payload == Some(index) {
            // Where it begins has to be known; what stands behind it has a constant size.
            walk.steps.push(Step::Item(index));
            break;
        }
        let ahead = ahead(items, index, &walk.proofs);
        if let Some((carrier, first, last)) = ahead.filter(|(_, _, last)| payload.is_none_or(|at| *last < at))
        {
            walk.steps.push(Step::Ahead { carrier, at: index, first, last });
            walk.needs[carrier].raw = true;
            if first < index {
                walk.needs[first].offset = true;
            }
            index = last + 1;
            continue;
        }
        if items[index].column.is_some() {
            index = separated(items, index, &mut walk);
            continue;
        }
        walk.steps.push(Step::Item(index));
        index += 1;
    }
    let visited: Vec<usize> = walk
        .steps
        .iter()
        .filter_map(|step| if let Step::Item(at) = step { Some(*at) } else { None })
        .collect();
    for index in visited {
        item_needs(layout, model, index, &mut walk);
        let item = &items[index];
        ends(item, item, &mut walk.stuck);
    }
    proof_needs(items, &mut walk);
    // What is not on the wire is worked out where something depends on it.
    for index in (0..items.len()).rev() {
        let value = match &items[index] {
            Item { repr: Repr::Skipped(Some(value)), .. } => value,
            Item { absent: Some(absent), .. } => &absent.value,
            _ => continue,
        };
        if walk.needs[index].value {
            expression_needs(items, value, index, &mut walk);
        }
    }
    kept(items, &mut walk);
    walk
}

/// The payload that is handed out in pieces, of a frame.
fn streamed(layout: &Layout, model: &Model) -> Option<usize> {
    crate::stream::payload(&layout.items).filter(|_| model.frame.is_some())
}

/// The length that speaks of this item and so many more that the walk may run
/// ahead over all of them: carrier, first and last of what it speaks of.
fn ahead(items: &[Item], index: usize, proofs: &[Proof]) -> Option<(usize, usize, usize)> {
    let mut best: Option<(usize, usize, usize)> = None;
    for (carrier, item) in items.iter().enumerate().take(index) {
        let Some(Relation { source: Source::Size(range), .. }) = &item.relation else { continue };
        let number = matches!(item.repr, Repr::Int(..) | Repr::Scalar(..) | Repr::Bits(_) | Repr::Codec(_))
            && item.relation.as_ref().is_some_and(Relation::turns_round);
        let Some((first, last)) = bounds(items, range, carrier) else { continue };
        let begins = index == first.max(carrier + 1)
            // The rest of a container of bits has been read with its first.
            || first <= index && (carrier + 1..index).all(|at| fixed_at(items, at) == Some(0));
        if !number
            || !matches!(item.presence, Presence::Always)
            || item.group.is_some()
            || !begins
            || last < index
        {
            continue;
        }
        let used = |name: &str| {
            items
                .iter()
                .skip(last + 1)
                .any(|later| expressions(later).iter().any(|expr| mentions(expr, name)))
        };
        let needed = items.iter().enumerate().take(last + 1).skip(index).any(|(at, item)| {
            item.name.as_deref().is_some_and(used)
                || items.iter().skip(last + 1).any(|later| carriers(later).contains(&at))
        });
        let needed = needed || proofs.iter().any(|proof| proof.within(items, index, last));
        if !needed && best.is_none_or(|(_, _, end)| last > end) {
            best = Some((carrier, first, last));
        }
    }
    best
}

/// Fields with a byte between them end before the constant that follows them.
fn separated(items: &[Item], index: usize, walk: &mut Walk) -> usize {
    let is = |item: &Item| item.column.is_some();
    let last = items.iter().rposition(is).unwrap_or(index);
    for (at, item) in items.iter().enumerate().take(last).skip(index) {
        if !is(item) && fixed_at(items, at).is_none() {
            walk.stuck.push((
                item.span,
                format!("nothing says where this frame ends: `{}` stands between separated fields and varies in size; let a length speak of them, or end the frame with `end = b\"..\"` or `line`", item.label),
            ));
        }
    }
    match items.get(last + 1).map(|item| &item.repr) {
        Some(Repr::Constant(_)) => {
            walk.steps.push(Step::Separated { at: index, end: last + 1 });
            last + 2
        }
        _ => {
            walk.stuck.push((
                items[last].span,
                format!("nothing says where this frame ends: `{}` goes on to its end; add the bytes that follow it, `after(b\"#\")`, or `end = b\"..\"` or `line`", items[last].label),
            ));
            last + 1
        }
    }
}

/// All expressions that are evaluated when an item is read.
fn expressions(item: &Item) -> Vec<&Expr> {
    let mut found: Vec<&Expr> = item.ctx.iter().map(|(_, expr)| expr).collect();
    found.extend(&item.opaque);
    found.extend(&item.endian);
    if let Presence::If(expr) = &item.presence {
        found.push(expr);
    }
    if let Extent::Size(expr) | Extent::Count(expr) = &item.extent {
        found.push(expr);
    }
    if let Some(absent) = &item.absent {
        found.extend(&absent.unless);
    }
    if let Repr::Gap(Gap::Bytes(expr) | Gap::To(expr)) = &item.repr {
        found.push(expr);
    }
    if let Some(each) = &item.each {
        found.extend(expressions(each));
    }
    found
}

/// All expressions that speak of fields when an item is written, also those
/// that decide no size.
pub(crate) fn all_expressions(item: &Item) -> Vec<&Expr> {
    let mut found = expressions(item);
    found.extend(item.attrs.via.as_ref().map(|key| &key.value));
    found.extend(item.absent.as_ref().map(|absent| &absent.value));
    if let Repr::Skipped(value) = &item.repr {
        found.extend(value);
    }
    if let Extent::UntilElement(last) = &item.extent {
        found.push(last);
    }
    if let Some(Relation { source: Source::Check(algorithm, _), .. }) = &item.relation {
        match algorithm {
            Algorithm::Crc { seed, also, .. } => found.extend(seed.iter().chain(also)),
            Algorithm::Function { args, .. } => found.extend(args),
            _ => {}
        }
    }
    if let Some(each) = &item.each {
        found.extend(all_expressions(each));
    }
    found
}

/// The items whose relations decide how an item is read.
fn carriers(item: &Item) -> Vec<usize> {
    let mut found = Vec::new();
    if let Presence::By(at) = item.presence {
        found.push(at);
    }
    if let Extent::BySize(at) | Extent::ByCount(at) = item.extent {
        found.push(at);
    }
    if let Repr::Body(at) = item.repr {
        found.push(at);
    }
    if let Some(Extent::BySizes(at) | Extent::ByCounts(at)) = item.each.as_ref().map(|each| &each.extent) {
        found.push(*at);
    }
    found
}

pub(crate) fn mentions(expr: &Expr, name: &str) -> bool {
    let mut idents = Vec::new();
    idents_in(expr.to_token_stream(), &mut idents);
    idents.iter().any(|ident| ident.trim_start_matches("r#") == name)
}

/// What the items before have to leave for this one.
fn item_needs(layout: &Layout, model: &Model, index: usize, walk: &mut Walk) {
    let items = &layout.items;
    let item = &items[index];
    if let Extent::BySize(carrier) | Extent::ByCount(carrier) = item.extent
        && let Some(Relation { source: Source::Sum(_), span, .. }) = &items[carrier].relation
    {
        walk.stuck.push((
            *span,
            format!("nothing says where this frame ends: `{}` ends where a sum of sizes and counts says, which is known only when all of it is there; let one length speak of a range, `size(a..=b)`", item.label),
        ));
    }
    if let (Repr::Gap(Gap::To(_) | Gap::Align(_)), Some(first)) = (&item.repr, walk.needs.first_mut()) {
        first.offset = true;
    }
    for carrier in carriers(item) {
        if let Some(needs) = walk.needs.get_mut(carrier) {
            needs.raw = true;
        }
    }
    if let Extent::BySize(carrier) = item.extent
        && let Some(Relation { source: Source::Size(range), .. }) = &items[carrier].relation
        && let Some((first, _)) = bounds(items, range, carrier)
        && first != index
    {
        walk.needs[first].offset = true;
    }
    for expr in expressions(item) {
        if crate::spoken::peeks(expr) {
            walk.stuck.push((
                expr.span(),
                format!("nothing says where this frame ends: whether `{}` is there depends on the bytes that come next; decide by a field, or let a length before it say `= size(..)`", item.label),
            ));
        }
        if mentions(expr, "left") && !model.ctx.iter().any(|(name, _)| name == "left") {
            walk.stuck.push((
                expr.span(),
                format!("nothing says where this frame ends: how many bytes are `left` for `{}` is not known before; decide by a field, or let a length before it say `= size(..)`", item.label),
            ));
        }
        expression_needs(items, expr, index, walk);
    }
}

/// What an expression of this item needs of the items before.
pub(crate) fn expression_needs(items: &[Item], expr: &Expr, index: usize, walk: &mut Walk) {
    for (at, earlier) in items.iter().enumerate().take(index) {
        let Some(name) = earlier.known_as() else { continue };
        let (uses, presence) = uses(expr, &name.to_string());
        if uses > presence {
            walk.needs[at].value = true;
        } else if uses > 0 {
            walk.needs[at].there = true;
        }
    }
}

/// How often an expression names a field, and how often to ask only whether it
/// is there.
fn uses(expr: &Expr, name: &str) -> (usize, usize) {
    let text: Vec<String> = flat(expr.to_token_stream());
    let (mut all, mut presence) = (0, 0);
    for (at, token) in text.iter().enumerate() {
        if token != name || at > 0 && text[at - 1] == "." {
            continue;
        }
        all += 1;
        let asks = text.get(at + 2).is_some_and(|method| method == "is_some" || method == "is_none");
        presence += usize::from(asks && text.get(at + 1).is_some_and(|dot| dot == "."));
    }
    (all, presence)
}

fn flat(tokens: proc_macro2::TokenStream) -> Vec<String> {
    let mut out = Vec::new();
    for token in tokens {
        match token {
            proc_macro2::TokenTree::Group(group) => {
                out.push("(".into());
                out.extend(flat(group.stream()));
                out.push(")".into());
            }
            other => out.push(other.to_string()),
        }
    }
    out
}

/// Whether the walk finds the end of an item, or of an element.
fn ends(item: &Item, whole: &Item, stuck: &mut Vec<(Span, String)>) {
    let label = &whole.label;
    let takes_all = || {
        let mend = match whole.name {
            Some(_) => format!("let a length before it say `= size({label})`, or give it a `size`"),
            None => "give it a `size`".into(),
        };
        format!(
            "nothing says where this frame ends: `{label}` takes all bytes that are left; {mend}, or end the frame with `flag = 0x7E`, `end = b\"..\"`, `line` or `datagram`"
        )
    };
    match (&item.repr, &item.extent) {
        // What stands behind a part ends it when it is read; when it is looked
        // for, its own layout does.
        (Repr::Part | Repr::Body(_), Extent::Rest(_)) if item.attrs.via.is_none() => {}
        (_, Extent::Rest(_)) if matches!(&item.attrs.until, Some(key) if matches!(key.value, UntilKey::Check(_))) => {
            if let Some(each) = &item.each {
                ends(each, whole, stuck);
            }
        }
        (_, Extent::Rest(_)) => stuck.push((whole.span, takes_all())),
        (Repr::Slice | Repr::Buffer | Repr::List(..), Extent::Own) => stuck.push((whole.span, takes_all())),
        (_, Extent::BySizes(_)) => {}
        (Repr::List(..), Extent::ByCounts(_)) if item.each.as_ref().and_then(|each| each.fixed()).is_none() => {
            stuck.push((
                whole.span,
                format!("nothing says where this frame ends: the elements of the elements of `{label}` vary in size; let a length before it say `= size({label})`, or end the frame with `flag = 0x7E`, `end = b\"..\"`, `line` or `datagram`"),
            ));
        }
        (Repr::Int(int, _) | Repr::Scalar(int, _), Extent::Own) if int.own_width() => {
            stuck.push((whole.span, takes_all()));
        }
        (_, Extent::Column) => stuck.push((whole.span, takes_all())),
        (_, Extent::UntilElement(_)) => stuck.push((
            whole.span,
            format!("nothing says where this frame ends: which element of `{label}` is the last is known only when it is decoded; let a length before it say `= size({label})`, or end the frame with `flag = 0x7E`, `end = b\"..\"`, `line` or `datagram`"),
        )),
        (Repr::List(..), _) if item.counted() => {
            if let Some(each) = &item.each {
                ends(each, whole, stuck);
            }
        }
        _ => {}
    }
}

/// Whether the walk over an item leads into the type of this name. How deep
/// values lie within each other is not bounded, so there is no state for it.
pub(crate) fn leads_into(item: &Item, ident: &Ident) -> bool {
    let name = ident.to_string();
    let own = |ty: &Type| crate::spoken::holds_type(ty, &name);
    match (&item.repr, &item.extent) {
        _ if item.attrs.via.is_some() => false,
        (Repr::Part | Repr::Body(_), Extent::Own | Extent::Rest(_)) => own(&item.ty),
        (Repr::List(_, element), _) if item.counted() => {
            item.each.as_ref().map_or_else(|| own(element), |each| leads_into(each, ident))
        }
        _ => false,
    }
}

/// Whether a value can be kept while the walk goes on.
pub(crate) fn can_be_kept(item: &Item) -> bool {
    let held = matches!(item.repr, Repr::Slice | Repr::Buffer | Repr::List(..) | Repr::Body(_))
        || matches!(item.extent, Extent::PrefixSizeBy(_))
        || item.attrs.via.is_some();
    let by_left = matches!(&item.repr, Repr::Skipped(Some(value)) if crate::spoken::mentions_left(value));
    !(held || by_left || borrows(&item.ty) || !item.joins.is_empty())
}

/// What sizes depend on can be kept while the walk goes on.
fn kept(items: &[Item], walk: &mut Walk) {
    for (item, needs) in items.iter().zip(&walk.needs) {
        if needs.value && !can_be_kept(item) {
            walk.stuck.push((
                item.span,
                format!("nothing says where this frame ends: a size depends on `{}`, which the frame search cannot keep; let it depend on a number or a flag before it", item.label),
            ));
        }
    }
}

fn borrows(ty: &Type) -> bool {
    flat(ty.to_token_stream()).iter().any(|token| token == "&" || token == "'")
}

/// Whether it is known only to the compiler that a codec finds its end.
pub(crate) fn asks_codec(item: &Item) -> Option<&Expr> {
    match (&item.repr, &item.extent) {
        (Repr::Codec(codec), Extent::Own) if const_path(codec) => Some(codec),
        _ => None,
    }
}

/// Whether the elements of a list know their number.
pub(crate) fn numbered(item: &Item) -> bool {
    let of = |item: &Item| all_expressions(item).into_iter().any(mentions_index);
    let mut each = item.each.as_deref();
    while let Some(inner) = each {
        if of(inner) {
            return true;
        }
        each = inner.each.as_deref();
    }
    false
}

/// Whether an expression speaks of the number of an element.
pub(crate) fn mentions_index(expr: &Expr) -> bool {
    crate::spoken::mentions(expr, "index")
}

/// Whether `index` is a field or of the context.
pub(crate) fn number_hidden(layout: &Layout, model: &Model) -> bool {
    model.ctx.iter().any(|(name, _)| name == "index")
        || layout.items.iter().any(|item| item.known_as().is_some_and(|name| name == "index"))
}
