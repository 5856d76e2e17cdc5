//! Every sentence that is said of a mistake stands in a test, with the token it
//! points at; so no rule comes without one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};

/// Files below `folder`, which have to be there where the tests are run.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The text of all string literals, but those in attributes and tests.
fn texts(tokens: TokenStream, found: &mut Vec<(usize, String)>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            // Documentation, and `#[cfg(test)] mod tests { .. }`.
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                tokens.next_if(|token| token.to_string() == "!");
                let attribute = tokens.next().map(|token| token.to_string()).unwrap_or_default();
                if attribute.replace(' ', "") == "[cfg(test)]" {
                    let is_body = |token: &TokenTree| matches!(token, TokenTree::Group(_));
                    while tokens.next().is_some_and(|token| !is_body(&token)) {}
                }
            }
            TokenTree::Group(group) => texts(group.stream(), found),
            TokenTree::Literal(literal) => {
                if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                    found.push((literal.span().start().line, text.value()));
                }
            }
            _ => {}
        }
    }
}

fn texts_in(path: &Path) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let source = fs::read_to_string(path).unwrap();
    texts(source.parse().unwrap(), &mut found);
    found
}

/// What is constant in a format string, longest first: `{name}` may be anything.
fn constant(format: &str) -> String {
    let open = format.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let parts = open.split(['{', '}']).step_by(2);
    let longest = parts.max_by_key(|part| part.len()).unwrap_or_default();
    longest.replace('\u{1}', "{").replace('\u{2}', "}")
}

/// Sentences of several words: shorter texts are names and parts of others.
fn is_sentence(text: &str) -> bool {
    let is_word = |word: &&str| word.chars().all(|char| char.is_ascii_lowercase());
    text.len() > 15 && text.split(' ').filter(is_word).count() >= 2
}

/// What no declaration is known to reach: other rules say it before. It stays, in
/// place of an end that would be wrong.
const UNREACHED: &[&str] = &["stands between separated fields and varies in size"];

#[test]
fn each_is_tested() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut sources, mut tests) = (Vec::new(), Vec::new());
    files(&root, &mut sources);
    files(&root.join("tests"), &mut tests);
    // What hooks say is tested beside them.
    tests.push(root.join("exhook/tests.rs"));
    // Code is no sentence.
    sources.retain(|path| !path.starts_with(root.join("expand")) && !tests.contains(path));
    let said: Vec<String> = tests.iter().flat_map(|path| texts_in(path)).map(|(_, text)| text).collect();

    let mut rules: BTreeMap<String, String> = BTreeMap::new();
    for path in &sources {
        let at = path.strip_prefix(&root).unwrap().display();
        for (line, text) in texts_in(path) {
            let constant = constant(&text);
            if is_sentence(&constant) {
                rules.entry(constant).or_insert_with(|| format!("{at}:{line}: {text}"));
            }
        }
    }
    let untested: Vec<&str> = rules
        .iter()
        .filter(|(constant, _)| !said.iter().any(|text| text.contains(constant.trim())))
        .filter(|(constant, _)| !UNREACHED.iter().any(|known| constant.contains(known)))
        .map(|(_, place)| place.as_str())
        .collect();
    assert!(untested.is_empty(), "no test has:\n{}", untested.join("\n"));
    assert!(rules.len() > 400, "{} sentences", rules.len());
}

/// The stages of the pipeline see only what the ones before them made.
#[test]
fn stages_stand_in_their_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    files(&root, &mut sources);
    for path in sources {
        let stage = path.strip_prefix(&root).unwrap().display().to_string().replace('\\', "/");
        let may = ["expand/", "tests/", "lib.rs", "exhook/", "fallback.rs"];
        let text = fs::read_to_string(&path).unwrap();
        if !may.iter().any(|may| stage.starts_with(may)) {
            assert!(!text.contains("crate::expand"), "{stage} looks at code that is written later");
            let checks = stage.starts_with("check/");
            assert!(checks || !text.contains("crate::check::"), "{stage} looks at a later stage");
        }
    }
}
