//! Mistakes in hook providers: what is said of them, and of which tokens.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;

use proc_macro2::TokenStream;

use super::hooks::{Kind, Method};
use super::{exhook, expand};
use crate::ctxt::Ctxt;

/// The arguments, the `impl`, and each message with the token it points to.
type Row = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

fn parse(text: &str) -> TokenStream {
    text.parse().unwrap()
}

/// Compares all rows: exactly these messages, in any order.
fn mistakes(rows: &[Row]) {
    let mut wrong = String::new();
    for (args, source, expected) in rows {
        let mut ctxt = Ctxt::default();
        let _ = expand(parse(args), syn::parse_str(source).unwrap(), &mut ctxt);
        let mut found = ctxt.into_messages();
        for (message, token) in *expected {
            match found.iter().position(|(text, at)| text == message && at == token) {
                Some(at) => {
                    found.remove(at);
                }
                None => writeln!(wrong, "{source}\n  not said: {message}\n        of: {token}").unwrap(),
            }
        }
        for (message, token) in found {
            writeln!(wrong, "{source}\n  said: {message}\n    of: {token}").unwrap();
        }
        // Whatever the mistakes are, what is emitted is well-formed.
        if syn::parse2::<syn::File>(exhook(parse(args), parse(source))).is_err() {
            writeln!(wrong, "{source}\n  what is emitted does not parse").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn names_of_hooks() {
    mistakes(&[
        (
            "",
            "impl HookProvider for G { async fn on_client_conected(&self, e: ClientConnected) {} }",
            &[(
                "there is no hook `on_client_conected`; did you mean `on_client_connected`?",
                "on_client_conected",
            )],
        ),
        (
            "",
            "impl HookProvider for G { async fn on_client_check_acl(&self, r: &ClientAuthorize) -> Auth { x } \
             async fn on_session_takeovered(&self, e: SessionTakenover) {} }",
            &[
                (
                    "`on_client_check_acl` is called `on_client_authorize` here, for all versions of EMQX",
                    "on_client_check_acl",
                ),
                (
                    "`on_session_takeovered` is called `on_session_takenover` here, for all versions of EMQX",
                    "on_session_takeovered",
                ),
            ],
        ),
        (
            "",
            "impl HookProvider for G { fn helper(&self) {} }",
            &[(
                "there is no hook `helper`; the hooks are the methods of `HookProvider`, and functions of your own go into another `impl`",
                "helper",
            )],
        ),
        (
            "",
            "impl G { async fn on_client_connected(&self, e: ClientConnected) {} }",
            &[("the hooks are methods of a trait: write `impl HookProvider for G`", "G")],
        ),
    ]);
}

#[test]
fn signatures() {
    mistakes(&[
        (
            "",
            "impl HookProvider for G { fn on_client_connected(&self, e: ClientConnected) {} }",
            &[(
                "a hook is an `async fn`: write `async fn on_client_connected(&self, event: ClientConnected)`",
                "fn",
            )],
        ),
        (
            "",
            "impl HookProvider for G { async fn on_client_authorize(&mut self, r: ClientAuthorize) {} }",
            &[
                (
                    "hooks run at the same time, so they share the provider: take `&self`, and put what changes into a `Mutex` or an atomic",
                    "&mut self",
                ),
                ("a hook that answers borrows what it is asked: write `&ClientAuthorize`", "ClientAuthorize"),
                (
                    "EMQX waits for the answer of `on_client_authorize`: return `Auth`, or a `Result` of it",
                    "on_client_authorize",
                ),
            ],
        ),
        (
            "",
            "impl HookProvider for G { async fn on_client_connect(&self, e: &ClientConnect) -> bool { true } }",
            &[
                ("a hook that is only told owns its event: write `ClientConnect`", "&ClientConnect"),
                (
                    "EMQX takes no answer to `on_client_connect`: return nothing, or a `Result<(), _>` to report an error",
                    "bool",
                ),
            ],
        ),
        (
            "",
            "impl HookProvider for G { async fn on_loaded(&self) {} async fn on_unloaded(&self, a: A, b: B) {} }",
            &[
                (
                    "`on_loaded` takes one argument: write `async fn on_loaded(&self, event: Loaded)`",
                    "on_loaded",
                ),
                ("a hook takes one argument: write `async fn on_unloaded(&self, event: Unloaded)`", "b: B"),
            ],
        ),
        (
            "",
            "impl HookProvider for G { async fn on_message_publish<T>(r: &MessagePublish) -> Publish { x } }",
            &[
                (
                    "a hook has no parameters of its own: write `async fn on_message_publish(&self, request: &MessagePublish) -> Publish`",
                    "<T>",
                ),
                (
                    "a hook is a method: write `async fn on_message_publish(&self, request: &MessagePublish) -> Publish`",
                    "on_message_publish",
                ),
                (
                    "`on_message_publish` takes one argument: write `async fn on_message_publish(&self, request: &MessagePublish) -> Publish`",
                    "on_message_publish",
                ),
            ],
        ),
        (
            "",
            "impl HookProvider for G { fn on_client_connected(&self, e: ClientConnected) -> impl Future<Output = ()> { x } \
             async fn on_message_acked(&self, e: MessageAcked) -> Result<(), E> { x } }",
            &[],
        ),
    ]);
}

#[test]
fn filters() {
    mistakes(&[
        (
            "",
            "impl HookProvider for G { #[on(topics = [\"a/#/b\", \"a+\", \"\", \"ok/+\", \"ok/+\"])] \
             async fn on_message_publish(&self, r: &MessagePublish) -> Publish { x } }",
            &[
                ("`#` is the last level of a filter: write `a/#`", "\"a/#/b\""),
                ("`+` stands for a whole level: write `+` in place of `a+`", "\"a+\""),
                ("a filter is not empty; `#` is all topics", "\"\""),
                ("this filter is given twice; remove one", "\"ok/+\""),
            ],
        ),
        (
            "",
            "impl HookProvider for G { #[on(topics = [\"$share/g/t/#\", \"$SYS/#\"])] \
             async fn on_message_acked(&self, e: MessageAcked) {} }",
            &[
                ("hooks see the topic of a message, which has no `$share`: write `t/#`", "\"$share/g/t/#\""),
                ("EMQX calls no hook for its own messages below `$SYS`: remove this filter", "\"$SYS/#\""),
            ],
        ),
        (
            "",
            "impl HookProvider for G { #[on(topics = [\"t/#\"])] \
             async fn on_client_connected(&self, e: ClientConnected) {} }",
            &[(
                "`on_client_connected` is not about messages, so it has no topics: remove the filter, and look at the topic in the function if it has one",
                "topics",
            )],
        ),
        (
            "",
            "impl HookProvider for G { #[on(topcs = [\"t\"])] async fn on_message_acked(&self, e: MessageAcked) {} \
             #[on(topics = [])] async fn on_message_dropped(&self, e: MessageDropped) {} \
             #[on(topics = [\"a\"], topics = [\"b\"])] async fn on_message_delivered(&self, e: MessageDelivered) {} }",
            &[
                ("`#[on]` has no key `topcs`; did you mean `topics`?", "topcs"),
                ("no filter at all: remove `topics`, which means all topics", "topics"),
                ("`topics` is given twice; remove one", "topics"),
            ],
        ),
        (
            "",
            "impl HookProvider for G { #[on] async fn on_message_acked(&self, e: MessageAcked) {} }",
            &[("say what it is on: `#[on(topics = [\"t/#\"])]`", "#[on]")],
        ),
    ]);
}

#[test]
fn filters_are_some_of_mqtt() {
    let mistake = super::filter::mistake;
    assert_eq!(mistake(&"a".repeat(65_535)), None);
    assert_eq!(mistake(&"a".repeat(65_536)).as_deref(), Some("a filter has at most 65,535 bytes"));
    assert_eq!(mistake("a\0").as_deref(), Some("a filter holds no NUL"));
}

#[test]
fn hooks_may_be_newer_than_the_oldest_version() {
    let (name, event) = ("on_later", "Later");
    let later = Method {
        name,
        event,
        kind: Kind::Tells,
        topics: false,
        registered: true,
        since: (5, 9),
        old_name: None,
    };
    assert_eq!(later.too_new(), "EMQX has `on_later` from 5.9 on: remove it, or write `emqx = \"5.9\"`");
}

#[test]
fn hooks_are_of_an_impl() {
    let tokens = exhook(TokenStream::new(), parse("struct Guard;")).to_string();
    let said = "`#[exhook]` goes on an `impl`: `#[exhook] impl HookProvider for Guard { .. }`";
    assert!(tokens.contains(said) && tokens.starts_with("struct Guard"), "{tokens}");
}

#[test]
fn versions() {
    mistakes(&[
        ("emqx = \"4.4\"", "impl HookProvider for G {}", &[]),
        ("emqx = \"5\"", "impl HookProvider for G {}", &[]),
        (
            "emqx = \"4.2\"",
            "impl HookProvider for G {}",
            &[("EMQX calls hook providers by gRPC from 4.3 on: write `emqx = \"4.3\"` or later", "\"4.2\"")],
        ),
        (
            "emqx = \"new\"",
            "impl HookProvider for G {}",
            &[("a version of EMQX is written like `\"5.0\"`: the oldest you want", "\"new\"")],
        ),
        (
            "emqs = \"5.0\"",
            "impl HookProvider for G {}",
            &[("`#[exhook]` has no key `emqs`; did you mean `emqx`?", "emqs")],
        ),
    ]);
}

#[test]
fn the_list_follows_the_hooks_that_are_written() {
    let source = "impl HookProvider for G { async fn on_loaded(&self, e: Loaded) {} \
        #[on(topics = [\"t/#\", \"u\"])] async fn on_message_publish(&self, r: &MessagePublish) -> Publish { x } \
        async fn on_client_connected(&self, e: ClientConnected) {} }";
    let tokens = exhook(parse(""), parse(source)).to_string();
    let expected: TokenStream = quote::quote! {
        const HOOKS: &'static [::exproto_runtime::__private::exhook::Registration] = &[
            ::exproto_runtime::__private::exhook::Registration::new(
                ::exproto_runtime::__private::exhook::Hook::ClientConnected
            ),
            ::exproto_runtime::__private::exhook::Registration::new(
                ::exproto_runtime::__private::exhook::Hook::MessagePublish
            ).on(&["t/#", "u"])
        ];
    };
    assert!(tokens.contains(&expected.to_string()), "{tokens}");
    assert!(!tokens.contains("topics"), "{tokens}");
}

#[test]
fn only_an_impl_can_have_hooks() {
    let tokens = exhook(parse(""), parse("struct G;")).to_string();
    assert!(tokens.contains("goes on an `impl`") && tokens.contains("struct G"), "{tokens}");
}
