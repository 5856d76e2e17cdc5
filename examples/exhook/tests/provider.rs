//! The hook provider, asked as EMQX asks.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "../src/main.rs"]
mod provider;

use std::fs;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use exproto_runtime::exhook::{
    Access, Auth, Client, ClientAuthenticate, ClientConnected, ClientDisconnected, Decision, Hook,
    HookProvider, Message, MessagePublish, Publish, Replace,
};
use provider::{Acl, FileSink, Guard, Presence, RULES, Sink, Stored, Users};

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap().block_on(test);
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<String>>>);

impl Sink for Kept {
    fn store<'s>(&'s self, message: &'s Message) -> Stored<'s> {
        self.0.lock().unwrap().push(message.topic.clone());
        Box::pin(async { Ok(()) })
    }
}

fn guard(sink: impl Sink) -> Guard {
    let users = Users::open(":memory:").unwrap();
    users.set("joe", "secret").unwrap();
    Guard { users: Arc::new(users), acl: Acl(RULES), presence: Presence::default(), sink: Box::new(sink) }
}

fn client(id: &str, user: &str, port: u16) -> Client {
    let mut client = Client::default();
    client.client_id = id.into();
    client.username = user.into();
    client.peer_port = port;
    client
}

#[test]
fn it_registers_what_it_writes() {
    let hooks: Vec<_> = Guard::HOOKS.iter().map(|one| one.hook()).collect();
    assert_eq!(
        hooks,
        [
            Hook::ClientConnected,
            Hook::ClientDisconnected,
            Hook::ClientAuthenticate,
            Hook::ClientAuthorize,
            Hook::MessagePublish
        ]
    );
}

#[test]
fn users_need_their_password() {
    run(async {
        let guard = guard(Kept::default());
        for (user, password, answer) in [
            ("joe", "secret", Auth::Allow),
            ("joe", "Secret", Auth::Stop(Decision::Deny)),
            ("joe", "", Auth::Stop(Decision::Deny)),
            ("jim", "secret", Auth::Stop(Decision::Deny)),
            ("", "", Auth::Stop(Decision::Deny)),
            ("' OR 1 --", "secret", Auth::Stop(Decision::Deny)),
        ] {
            let mut request = ClientAuthenticate::default();
            request.client.username = user.into();
            request.password = password.into();
            assert_eq!(guard.on_client_authenticate(&request).await.unwrap(), answer, "{user} {password}");
        }
        guard.users.set("joe", "other").unwrap();
        assert!(!guard.users.verify("joe", "secret").unwrap());
        assert!(guard.users.verify("joe", "other").unwrap());
    });
}

#[test]
fn placeholders_stand_for_the_client() {
    let acl = Acl(RULES);
    let may = |id: &str, user: &str, access, topic: &str| acl.permits(&client(id, user, 1), access, topic);
    use Access::{Publish, Subscribe};
    assert!(may("c1", "joe", Publish, "sensors/c1/temperature"));
    assert!(may("c1", "joe", Publish, "sensors/c1"));
    assert!(!may("c1", "joe", Publish, "sensors/c2/temperature"));
    assert!(!may("c1", "joe", Publish, "sensors/c1/secret"));
    assert!(may("c1", "joe", Subscribe, "users/joe/#"));
    assert!(may("c1", "joe", Subscribe, "users/joe/+/x"));
    assert!(!may("c1", "joe", Subscribe, "users/jim/#"));
    assert!(!may("c1", "joe", Subscribe, "users/#"));
    assert!(!may("c1", "joe", Subscribe, "#"));
    assert!(may("c1", "joe", Subscribe, "sensors/+/temperature"));
    assert!(may("c1", "joe", Subscribe, "sensors/7/temperature"));
    assert!(!may("c1", "joe", Subscribe, "sensors/+/+"));
    // A filter that reaches what is forbidden.
    assert!(!may("c1", "joe", Subscribe, "sensors/c1/+"));
    // Names that mean something in filters are nobody's.
    assert!(!may("+", "joe", Publish, "sensors/+/x"));
    assert!(!may("a/b", "joe", Publish, "sensors/a/b/x"));
    assert!(!may("c1", "", Subscribe, "users//x"));
    assert!(!may("#", "#", Subscribe, "users/#"));
}

#[test]
fn presence_outlives_the_end_of_an_older_connection() {
    run(async {
        let guard = guard(Kept::default());
        let connected = |port| {
            let mut event = ClientConnected::default();
            event.client = client("c1", "joe", port);
            event
        };
        let disconnected = |port| {
            let mut event = ClientDisconnected::default();
            event.client = client("c1", "joe", port);
            event
        };
        guard.on_client_connected(connected(1)).await;
        assert_eq!(guard.presence.all(), ["c1"]);
        // Taken over: the old connection's end comes late.
        guard.on_client_connected(connected(2)).await;
        guard.on_client_disconnected(disconnected(1)).await;
        assert_eq!(guard.presence.all(), ["c1"]);
        guard.on_client_disconnected(disconnected(2)).await;
        assert_eq!(guard.presence.all(), [""; 0]);
    });
}

#[test]
fn messages_are_kept_rewritten_and_dropped() {
    run(async {
        let kept = Kept::default();
        let guard = guard(kept.clone());
        let publish = async |topic: &str| {
            let mut request = MessagePublish::default();
            request.message.topic = topic.into();
            guard.on_message_publish(&request).await.unwrap()
        };
        assert_eq!(publish("sensors/c1/t").await, Publish::Pass);
        assert_eq!(publish("raw/c2/t").await, Publish::Replace(Replace::new().topic("sensors/c2/t")));
        assert_eq!(publish("blocked/x").await, Publish::Drop);
        assert_eq!(*kept.0.lock().unwrap(), ["sensors/c1/t", "sensors/c2/t"]);
    });
}

#[test]
fn the_file_has_a_line_for_each_message() {
    run(async {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("exhook-messages.jsonl");
        let _ = fs::remove_file(&path);
        let sink = FileSink::open(&path).unwrap();
        for number in 0..3 {
            let mut message = Message::default();
            message.topic = format!("sensors/{number}");
            message.payload = "21.5".into();
            sink.store(&message).await.unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[2]["topic"], "sensors/2");
        assert_eq!(lines[2]["payload"], "21.5");
    });
}
