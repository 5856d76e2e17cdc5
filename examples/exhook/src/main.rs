//! A hook provider for EMQX: users in SQLite, an ACL with placeholders,
//! presence, rewriting, and a sink for messages.
//!
//! ```console
//! cargo run -p exproto-exhook -- add-user users.db joe secret
//! cargo run -p exproto-exhook -- serve 127.0.0.1:9000 users.db messages.jsonl
//! ```
//!
//! EMQX is told where it is:
//!
//! ```text
//! exhook.servers = [{ name = "guard", url = "http://127.0.0.1:9000", failed_action = deny }]
//! ```
//!
//! Every client needs a user name and a password of the table, may do what
//! [`RULES`] permit, and what it publishes on `sensors/..` is kept.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::future::Future;
use std::io::{self, Write as _};
use std::path::Path;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use exproto_runtime::exhook::{
    Access, Auth, Client, ClientAuthenticate, ClientAuthorize, ClientConnected, ClientDisconnected, Decision,
    ExHookServer, ExHookSettings, HookError, HookProvider, Message, MessagePublish, Publish, Replace, exhook,
};
use rusqlite::{Connection, OptionalExtension as _};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

// ---------------------------------------------------------------- the hooks

/// The provider.
pub struct Guard {
    /// Who may connect.
    pub users: Arc<Users>,
    /// Who may do what.
    pub acl: Acl,
    /// Who is connected.
    pub presence: Presence,
    /// Where messages go.
    pub sink: Box<dyn Sink>,
}

#[exhook]
impl HookProvider for Guard {
    async fn on_client_authenticate(&self, request: &ClientAuthenticate) -> Result<Auth, HookError> {
        let users = Arc::clone(&self.users);
        let (name, password) = (request.client.username.clone(), request.password.clone());
        // Hashing takes a while, and so may the disk.
        let known = spawn_blocking(move || users.verify(&name, password.reveal())).await??;
        Ok(if known { Auth::Allow } else { Auth::Stop(Decision::Deny) })
    }

    async fn on_client_authorize(&self, request: &ClientAuthorize) -> Auth {
        Auth::from(self.acl.permits(&request.client, request.access, &request.topic))
    }

    async fn on_client_connected(&self, event: ClientConnected) {
        self.presence.connected(&event.client);
    }

    async fn on_client_disconnected(&self, event: ClientDisconnected) {
        self.presence.disconnected(&event.client);
    }

    #[on(topics = ["sensors/#", "raw/#", "blocked/#"])]
    async fn on_message_publish(&self, request: &MessagePublish) -> Result<Publish, HookError> {
        let message = &request.message;
        if message.topic.starts_with("blocked/") {
            return Ok(Publish::Drop);
        }
        // An error drops the message, so that none passes that is not kept.
        let Some(rest) = message.topic.strip_prefix("raw/") else {
            self.sink.store(message).await?;
            return Ok(Publish::Pass);
        };
        // EMQX does not ask again whether the client may publish there.
        let mut rewritten = message.clone();
        rewritten.topic = format!("sensors/{rest}");
        self.sink.store(&rewritten).await?;
        Ok(Publish::Replace(Replace::new().topic(rewritten.topic)))
    }
}

// ----------------------------------------------------------------- the users

/// Rounds of PBKDF2 for new users: more make guessing, and logging in, slower.
const ROUNDS: u32 = 10_000;

/// A table of users and salted hashes of their passwords.
pub struct Users(Mutex<Connection>);

impl Users {
    /// Opens the table, and makes it if there is none.
    pub fn open(path: impl AsRef<Path>) -> rusqlite::Result<Self> {
        let users = Connection::open(path)?;
        users.execute_batch(
            "CREATE TABLE IF NOT EXISTS users (
                 name TEXT PRIMARY KEY, rounds INTEGER NOT NULL, salt BLOB NOT NULL, hash BLOB NOT NULL
             ) WITHOUT ROWID",
        )?;
        Ok(Self(Mutex::new(users)))
    }

    /// Adds a user, or gives one another password.
    pub fn set(&self, name: &str, password: &str) -> rusqlite::Result<()> {
        let users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let salt: Vec<u8> = users.query_row("SELECT randomblob(16)", [], |row| row.get(0))?;
        let hash = hash(password, &salt, ROUNDS);
        users.execute(
            "INSERT OR REPLACE INTO users (name, rounds, salt, hash) VALUES (?1, ?2, ?3, ?4)",
            (name, ROUNDS, salt, &hash[..]),
        )?;
        Ok(())
    }

    /// Whether there is such a user with this password.
    pub fn verify(&self, name: &str, password: &str) -> rusqlite::Result<bool> {
        let found: Option<(u32, Vec<u8>, Vec<u8>)> = {
            let users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let mut user = users.prepare_cached("SELECT rounds, salt, hash FROM users WHERE name = ?1")?;
            user.query_row([name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?
        };
        // Takes as long for an unknown user, so that nobody learns who there is.
        let known = found.is_some();
        let (rounds, salt, expected) = found.unwrap_or_else(|| (ROUNDS, vec![0; 16], vec![0; 32]));
        let given = hash(password, &salt, rounds);
        let same = given.len() == expected.len()
            && given.iter().zip(&expected).fold(0, |bits, (a, b)| bits | (a ^ b)) == 0;
        Ok(known && same)
    }
}

fn hash(password: &str, salt: &[u8], rounds: u32) -> [u8; 32] {
    pbkdf2::pbkdf2_hmac_array::<sha2::Sha256, 32>(password.as_bytes(), salt, rounds)
}

// ------------------------------------------------------------------- the ACL

/// A line of the ACL. `%c` is the client id, `%u` the user name; both stand for
/// a whole level.
pub struct Rule {
    /// What it is about; both if none is given.
    pub access: Option<Access>,
    /// The topics.
    pub filter: &'static str,
    /// Whether it permits or forbids.
    pub permit: bool,
}

/// The first rule that matches decides; none forbids.
pub const RULES: &[Rule] = &[
    Rule { access: None, filter: "sensors/%c/secret", permit: false },
    Rule { access: Some(Access::Publish), filter: "sensors/%c/#", permit: true },
    Rule { access: Some(Access::Publish), filter: "raw/%c/#", permit: true },
    Rule { access: Some(Access::Publish), filter: "blocked/#", permit: true },
    Rule { access: Some(Access::Subscribe), filter: "users/%u/#", permit: true },
    Rule { access: Some(Access::Subscribe), filter: "sensors/+/temperature", permit: true },
];

/// Decides by rules.
pub struct Acl(pub &'static [Rule]);

impl Acl {
    /// Whether a client may publish on a topic, or subscribe to a filter.
    pub fn permits(&self, client: &Client, access: Access, topic: &str) -> bool {
        let about = |rule: &&Rule| rule.access.is_none_or(|of| of == access);
        let mut rules = self.0.iter().filter(about);
        let matches = |rule: &Rule| {
            // What is forbidden must not be reached by a wildcard around it.
            if rule.permit { covers(rule.filter, topic, client) } else { meets(rule.filter, topic, client) }
        };
        rules.find(|rule| matches(rule)).is_some_and(|rule| rule.permit)
    }
}

/// A level of a rule's filter for a client. Names with characters that mean
/// something in filters stand for nothing: a client named `+` is not everybody.
fn level<'l>(level: &'l str, client: &'l Client) -> Option<&'l str> {
    let name = match level {
        "%c" => &client.client_id,
        "%u" => &client.username,
        _ => return Some(level),
    };
    (!name.is_empty() && !name.contains(['/', '+', '#'])).then_some(name)
}

/// Whether all topics of a filter are in the rule.
fn covers(rule: &str, filter: &str, client: &Client) -> bool {
    let mut asked = filter.split('/');
    for of_rule in rule.split('/') {
        let Some(of_rule) = level(of_rule, client) else { return false };
        match (of_rule, asked.next()) {
            ("#", _) => return true,
            ("+", Some(level)) if level != "#" => {}
            (name, Some(level)) if name == level => {}
            _ => return false,
        }
    }
    asked.next().is_none()
}

/// Whether any topic of a filter is in the rule.
fn meets(rule: &str, filter: &str, client: &Client) -> bool {
    let mut asked = filter.split('/');
    for of_rule in rule.split('/') {
        let Some(of_rule) = level(of_rule, client) else { return false };
        match (of_rule, asked.next()) {
            ("#", _) | (_, Some("#")) => return true,
            ("+", Some(_)) | (_, Some("+")) => {}
            (name, Some(level)) if name == level => {}
            _ => return false,
        }
    }
    matches!(asked.next(), None | Some("#"))
}

// -------------------------------------------------------------- the presence

/// Who is connected, and by which connection.
#[derive(Default)]
pub struct Presence(Mutex<BTreeMap<String, (String, u16)>>);

impl Presence {
    fn connected(&self, client: &Client) {
        let mut present = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = (client.peer_host.clone(), client.peer_port);
        present.insert(client.client_id.clone(), connection);
    }

    /// When another connection has taken over, the end of the old one says
    /// nothing about the client.
    fn disconnected(&self, client: &Client) {
        let mut present = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let current = present.get(&client.client_id);
        if current.is_some_and(|(host, port)| *host == client.peer_host && *port == client.peer_port) {
            present.remove(&client.client_id);
        }
    }

    /// The client ids of all who are connected.
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}

// ------------------------------------------------------------------ the sink

/// What a sink gives back.
pub type Stored<'s> = Pin<Box<dyn Future<Output = io::Result<()>> + Send + 's>>;

/// Where messages go: a file here; in its place a database or Kafka.
pub trait Sink: Send + Sync + 'static {
    /// Keeps a message. EMQX routes it when this is done, so a sink that is slow
    /// by nature puts messages into a queue of its own and returns.
    fn store<'s>(&'s self, message: &'s Message) -> Stored<'s>;
}

/// A file with one JSON object in a line.
pub struct FileSink(Arc<Mutex<File>>);

impl FileSink {
    /// Appends to a file.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(Arc::new(Mutex::new(file))))
    }
}

impl Sink for FileSink {
    fn store<'s>(&'s self, message: &'s Message) -> Stored<'s> {
        let mut line = serde_json::json!({
            "id": message.id,
            "timestamp": message.timestamp,
            "from": message.from,
            "topic": message.topic,
            "qos": message.qos.number(),
            "payload": String::from_utf8_lossy(&message.payload),
        })
        .to_string();
        line.push('\n');
        let file = Arc::clone(&self.0);
        let write = move || file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
        Box::pin(async move { spawn_blocking(write).await? })
    }
}

// --------------------------------------------------------------- the program

/// Serves until Ctrl-C.
async fn serve(address: &str, users: &str, messages: &str) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(address).await.map_err(|error| format!("{address}: {error}"))?;
    let guard = Guard {
        users: Arc::new(Users::open(users)?),
        acl: Acl(RULES),
        presence: Presence::default(),
        sink: Box::new(FileSink::open(messages).map_err(|error| format!("{messages}: {error}"))?),
    };
    let server = ExHookServer::new(guard, ExHookSettings::default());
    let counters = server.counters();
    println!("serving EMQX at {address}");
    let stop = async {
        // Without a signal handler it runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    server.serve(listener, stop).await?;
    let mut text = String::new();
    counters.write_open_metrics(&mut text, "guard");
    print!("{text}");
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args[..] {
        ["serve", address, users, messages] => serve(address, users, messages).await,
        ["add-user", users, name, password] => {
            Users::open(users).and_then(|users| users.set(name, password)).map_err(Into::into)
        }
        _ => Err(
            "usage: exhook serve ADDRESS USERS.db MESSAGES.jsonl | exhook add-user USERS.db NAME PASSWORD"
                .into(),
        ),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
