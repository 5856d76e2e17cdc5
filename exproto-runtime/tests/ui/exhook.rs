//! Hook providers: what the attribute says, and what the types say.
use exproto_runtime::exhook::{
    Auth, ClientAuthenticate, ClientConnect, ClientConnected, HookProvider, MessagePublish, Publish, exhook,
};

struct Misspelt;

#[exhook]
impl HookProvider for Misspelt {
    async fn on_client_conect(&self, _: ClientConnect) {} //~ did you mean `on_client_connect`?

    #[on(topics = ["a/#/b"])] //~ `#` is the last level of a filter: write `a/#`
    async fn on_message_publish(&self, _: &MessagePublish) -> Publish {
        Publish::Pass
    }

    async fn on_client_connected(&self, _: &ClientConnected) {} //~ owns its event: write `ClientConnected`
}

struct WrongAnswer;

#[exhook]
impl HookProvider for WrongAnswer {
    async fn on_client_authenticate(&self, _: &ClientAuthenticate) -> Publish { //~ this hook answers with `exproto_runtime::exhook::Auth`
        Publish::Pass
    }
}

struct NoAttribute;

impl HookProvider for NoAttribute { //~ missing: `HOOKS`
    async fn on_client_authenticate(&self, _: &ClientAuthenticate) -> Auth {
        Auth::Allow
    }
}

struct NoProvider;

fn main() {
    let _ = exproto_runtime::exhook::ExHookServer::new(NoProvider, Default::default()); //~ `NoProvider` is no hook provider
}
