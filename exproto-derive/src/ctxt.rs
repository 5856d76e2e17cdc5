//! Collects errors, so that a user sees all of them at once.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The errors found so far.
#[derive(Default)]
pub(crate) struct Ctxt {
    errors: Vec<syn::Error>,
}

impl Ctxt {
    /// Reports a mistake on the tokens that hold it.
    pub(crate) fn error(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.errors.push(syn::Error::new_spanned(tokens, message));
    }

    /// Reports a mistake at a span.
    pub(crate) fn error_at(&mut self, span: proc_macro2::Span, message: impl std::fmt::Display) {
        self.errors.push(syn::Error::new(span, message));
    }

    /// Takes over an error of the parser.
    pub(crate) fn syn(&mut self, error: syn::Error) {
        self.errors.push(error);
    }

    /// How many mistakes there are so far: more after a step than before it
    /// means that the step found some.
    pub(crate) fn count(&self) -> usize {
        self.errors.len()
    }

    /// Whether there is nothing to report.
    pub(crate) fn is_ok(&self) -> bool {
        self.errors.is_empty()
    }

    /// The same mistake found twice, where several variants share what one
    /// attribute says, is one.
    fn distinct(self) -> impl Iterator<Item = syn::Error> {
        let mut seen = Vec::new();
        self.errors.into_iter().filter(move |error| {
            let this = format!("{:?} {error}", error.span());
            let new = !seen.contains(&this);
            seen.push(this);
            new
        })
    }

    /// The messages and the tokens they point to.
    #[cfg(test)]
    pub(crate) fn into_messages(self) -> Vec<(String, String)> {
        let text = |error: &syn::Error| error.span().source_text().unwrap_or_default();
        self.distinct().map(|error| (error.to_string(), text(&error))).collect()
    }

    /// One `compile_error!` for each mistake.
    pub(crate) fn into_compile_errors(self) -> TokenStream {
        self.distinct().map(|error| error.into_compile_error()).collect()
    }
}

/// The name among `known` that is nearest to `name`, if any is near.
pub(crate) fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    known
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits that turn one word into the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let cost = usize::from(left != *right);
            let next = (diagonal + cost).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn nearest_takes_the_closest_and_nothing_far() {
        let known = ["size", "count", "rest", "endian"];
        assert_eq!(nearest("siz", known), Some("size"));
        assert_eq!(nearest("endain", known), Some("endian"));
        assert_eq!(nearest("zzzzzz", known), None);
    }
}
