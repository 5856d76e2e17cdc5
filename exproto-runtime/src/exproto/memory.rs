//! What a handler that ends leaves to the next one: which connection is whose.
//!
//! A file with a line for each connection, written when all work is done. A
//! handler that takes over while another one ends may look before it is there,
//! so it looks again for a while.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::time::sleep;
use tracing::{info, warn};

use super::event::Facts;
use super::pb;
use crate::clock::unix_millis;
use crate::session::{ConnInfo, Memory};

/// How often the file is looked for, and how long all in all.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS: u32 = 40;

/// What has not been asked for in this time belongs to connections that are no
/// more: a day, in milliseconds.
const STALE: i64 = 86_400_000;

/// A connection, as it was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) socket: pb::SocketType,
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) certificate: Option<pb::CertificateInfo>,
    pub(super) memory: Memory,
    /// Milliseconds since 1970.
    left: i64,
}

impl Record {
    pub(super) fn new(info: &ConnInfo, certificate: Option<pb::CertificateInfo>, memory: Memory) -> Self {
        use crate::session::Transport;
        let socket = match info.transport {
            Transport::Tcp => pb::SocketType::Tcp,
            Transport::Tls => pb::SocketType::Ssl,
            Transport::Udp => pb::SocketType::Udp,
            Transport::Dtls => pb::SocketType::Dtls,
        };
        Self { socket, peer: info.peer, local: info.local, certificate, memory, left: unix_millis() }
    }

    /// As EMQX told it at the beginning.
    pub(super) fn facts(&self) -> Facts {
        let address = |it: SocketAddr| pb::Address { host: it.ip().to_string(), port: it.port().into() };
        Facts::new(pb::ConnInfo {
            socktype: self.socket as i32,
            peername: Some(address(self.peer)),
            sockname: Some(address(self.local)),
            peercert: self.certificate.clone(),
        })
    }

    fn write(&self, conn: &str) -> Value {
        let certificate = self.certificate.as_ref().map(|it| json!({ "cn": it.cn, "dn": it.dn }));
        let kept: serde_json::Map<_, _> =
            self.memory.kept.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({
            "conn": conn, "socket": self.socket as i32, "peer": self.peer.to_string(),
            "local": self.local.to_string(), "certificate": certificate,
            "client_id": self.memory.client_id, "kept": kept, "serial": self.memory.serial,
            "left": self.left,
        })
    }

    fn read(line: &str) -> Option<(String, Self)> {
        let value: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| value[name].as_str();
        let certificate = match &value["certificate"] {
            Value::Null => None,
            it => Some(pb::CertificateInfo {
                cn: it["cn"].as_str()?.to_owned(),
                dn: it["dn"].as_str()?.to_owned(),
            }),
        };
        let kept = value["kept"].as_object()?;
        let kept = kept.iter().map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        let memory = Memory {
            client_id: text("client_id")?.to_owned(),
            kept: kept.collect::<Option<_>>()?,
            serial: value["serial"].as_u64()?,
        };
        let socket = i32::try_from(value["socket"].as_i64()?).ok()?;
        let record = Self {
            socket: pb::SocketType::try_from(socket).ok()?,
            peer: text("peer")?.parse().ok()?,
            local: text("local")?.parse().ok()?,
            certificate,
            memory,
            left: value["left"].as_i64()?,
        };
        Some((text("conn")?.to_owned(), record))
    }
}

/// The file, and what is known of it.
#[derive(Debug)]
pub(super) struct Memories {
    path: PathBuf,
    known: Mutex<Known>,
    /// Of the connections of this handler, once it ends.
    leaving: Mutex<Vec<(Arc<str>, Record)>>,
}

#[derive(Debug, Default)]
struct Known {
    stamp: Option<(SystemTime, u64)>,
    records: HashMap<String, Record>,
}

impl Memories {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, known: Mutex::default(), leaving: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a connection, once.
    pub(super) async fn find(self: &Arc<Self>, conn: &str) -> Option<Record> {
        for look in 0..LOOKS {
            if look > 0 {
                sleep(LOOK).await;
            }
            let (this, conn) = (Arc::clone(self), conn.to_owned());
            // Nothing else stands still while the file is read.
            let look = move || {
                this.refresh();
                this.known().records.remove(&conn)
            };
            let record = tokio::task::spawn_blocking(look).await.ok().flatten();
            if record.is_some() {
                return record;
            }
        }
        None
    }

    /// Reads the file if it is another one than before.
    fn refresh(&self) {
        let Ok(about) = fs::metadata(&self.path) else { return };
        let stamp = about.modified().ok().map(|time| (time, about.len()));
        let mut known = self.known();
        if stamp == known.stamp {
            return;
        }
        known.stamp = stamp;
        match fs::read_to_string(&self.path) {
            Ok(text) => {
                let young = unix_millis() - STALE;
                let records = text.lines().filter_map(Record::read);
                known.records.extend(records.filter(|(_, record)| record.left > young));
            }
            Err(error) => warn!(path = %self.path.display(), %error, "what was left cannot be read"),
        }
    }

    /// A connection is left to the next handler.
    pub(super) fn leave(&self, conn: &Arc<str>, record: Record) {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner).push((Arc::clone(conn), record));
    }

    /// Writes what is left, and what nobody has asked for yet.
    pub(super) fn write(&self) {
        let leaving = std::mem::take(&mut *self.leaving.lock().unwrap_or_else(PoisonError::into_inner));
        // What nobody has looked at stays in the file.
        self.refresh();
        let mut known = std::mem::take(&mut *self.known());
        for (conn, _) in &leaving {
            known.records.remove(&**conn);
        }
        let young = unix_millis() - STALE;
        let before = known.records.iter().filter(|(_, record)| record.left > young);
        let all = leaving
            .iter()
            .map(|(conn, record)| record.write(conn))
            .chain(before.map(|(conn, record)| record.write(conn)));
        match replace(&self.path, all) {
            Ok(()) => {
                info!(path = %self.path.display(), connections = leaving.len(), "connections are left to the next handler")
            }
            Err(error) => {
                warn!(path = %self.path.display(), %error, "connections could not be left to the next handler")
            }
        }
    }
}

/// Writes a file anew, so that who reads it sees all or nothing.
fn replace(path: &Path, lines: impl Iterator<Item = Value>) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let name = PathBuf::from(name);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // It says who the devices are.
        options.mode(0o600);
    }
    let mut file = io::BufWriter::new(options.open(&name)?);
    for line in lines {
        writeln!(file, "{line}")?;
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(name, path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let memory = Memory {
            client_id: "a\"\n\u{e9}".into(),
            kept: vec![("site".into(), "x".into())],
            serial: u64::MAX,
        };
        let certificate = Some(pb::CertificateInfo { cn: "c".into(), dn: "d".into() });
        let info = ConnInfo { peer: "[::1]:5".parse().unwrap(), ..ConnInfo::default() };
        let record = Record::new(&info, certificate, memory);
        let line = record.write("g1hk").to_string();
        assert!(!line.contains('\n'));
        assert_eq!(Record::read(&line), Some(("g1hk".to_owned(), record.clone())));
        assert_eq!(record.facts().conn.peer, info.peer);
        // Whatever somebody has done to the file.
        for cut in 0..line.len() {
            if line.is_char_boundary(cut) {
                assert_eq!(Record::read(&line[..cut]), None);
            }
        }
    }
}
