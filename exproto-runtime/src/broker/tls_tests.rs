//! Brokers behind TLS.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use super::{Broker, Link, MqttBroker, MqttClient, MqttSettings, Notice, Request, inbox};
use crate::session::{ConnInfo, Outcome, Ticket};
use crate::testkit::mqtt::ScriptedBroker;
use crate::tls::made::{Authority, Folder};
use crate::tls::{Certificates, ClientTls, ServerTls};

/// Something that speaks TLS in front of a broker.
struct Front {
    address: SocketAddr,
    config: Arc<Mutex<Arc<ServerConfig>>>,
}

impl Front {
    async fn start(tls: ServerTls, broker: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = Arc::new(Mutex::new(read(tls)));
        let shared = Arc::clone(&config);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(&shared.lock().unwrap()));
                tokio::spawn(async move {
                    let mut device = acceptor.accept(socket).await?;
                    let mut broker = TcpStream::connect(broker).await?;
                    copy_bidirectional(&mut device, &mut broker).await
                });
            }
        });
        Self { address, config }
    }

    fn change(&self, tls: ServerTls) {
        *self.config.lock().unwrap() = read(tls);
    }

    fn settings(&self, tls: ClientTls) -> MqttSettings {
        let url = format!("mqtts://localhost:{}", self.address.port());
        let mut settings = MqttSettings::new(url.parse().unwrap());
        settings.tls = tls;
        settings.reconnect_min = Duration::from_millis(1);
        settings.reconnect_max = Duration::from_millis(20);
        settings
    }
}

fn read(tls: ServerTls) -> Arc<ServerConfig> {
    Certificates::open(tls, b"").unwrap().current()
}

fn server(folder: &Folder, authority: &Authority, name: &str) -> ServerTls {
    let (pem, key) = authority.issue("localhost");
    ServerTls::new(folder.write(&format!("{name}.crt"), &pem), folder.write(&format!("{name}.key"), &key))
}

/// Writes a file so that it is another than before for everybody.
fn replace(folder: &Folder, name: &str, text: &str) {
    let changed = |path: &Path| std::fs::metadata(path).unwrap().modified().unwrap();
    let before = changed(&folder.path().join(name));
    while changed(&folder.write(name, text)) == before {}
}

async fn publishes(broker: &MqttBroker) -> Outcome {
    let (sender, mut receiver) = inbox(1);
    let mut link = broker.link(&ConnInfo::default(), sender);
    let (topic, payload) = ("t".to_owned(), "x".into());
    let publish = Request::Publish { ticket: Ticket(1), topic, payload, qos: 1, retain: false };
    link.submit(publish).await.unwrap();
    match receiver.next().await.unwrap() {
        Notice::Completed(_, outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

async fn refused_once(broker: &MqttBroker) {
    while broker.counters().disconnects == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(broker.counters().connects, 0);
}

#[tokio::test]
async fn a_broker_is_reached_by_tls_and_certificates_are_read_again() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let folder = Folder::new("broker-renewed");
    let (old, new) = (Authority::new(), Authority::new());
    let trusted = folder.write("ca.crt", &old.pem);
    let front = Front::start(server(&folder, &old, "old"), scripted.address()).await;
    let broker = MqttBroker::start(front.settings(ClientTls::new(&trusted)));
    assert_eq!(publishes(&broker).await, Outcome::Done);

    // The broker comes back with a certificate of another authority.
    front.change(server(&folder, &new, "new"));
    replace(&folder, "ca.crt", &new.pem);
    scripted.kill();
    assert_eq!(publishes(&broker).await, Outcome::Done);
    scripted.until(|seen| seen.resumed == 1).await;
    broker.close(Duration::ZERO).await;
}

#[tokio::test]
async fn a_broker_that_is_somebody_else_gets_nothing() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let folder = Folder::new("broker-unknown");
    let (known, other) = (Authority::new(), Authority::new());
    let front = Front::start(server(&folder, &other, "server"), scripted.address()).await;
    let trusted = folder.write("ca.crt", &known.pem);

    refused_once(&MqttBroker::start(front.settings(ClientTls::new(&trusted)))).await;
    refused_once(&MqttBroker::start(front.settings(ClientTls::system()))).await;
    let named = ClientTls::new(folder.write("other.crt", &other.pem)).name("broker.example");
    refused_once(&MqttBroker::start(front.settings(named))).await;
    refused_once(&MqttBroker::start(front.settings(ClientTls::new(folder.path().join("none.crt"))))).await;
    assert_eq!(scripted.seen().connects, 0);

    let error = MqttClient::connect_with(front.settings(ClientTls::new(&trusted))).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    let error =
        MqttClient::connect_with(front.settings(ClientTls::new("/nowhere/ca.crt"))).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/ca.crt cannot be read"), "{error}");
}

#[tokio::test]
async fn a_broker_that_wants_a_certificate_gets_ours() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let folder = Folder::new("broker-mutual");
    let authority = Authority::new();
    let trusted = folder.write("ca.crt", &authority.pem);
    let tls = server(&folder, &authority, "server").require_client(&trusted);
    let front = Front::start(tls, scripted.address()).await;

    refused_once(&MqttBroker::start(front.settings(ClientTls::new(&trusted)))).await;
    let (pem, key) = authority.issue("gateway");
    let identity = ClientTls::new(&trusted)
        .identity(folder.write("gateway.crt", &pem), folder.write("gateway.key", &key));
    let broker = MqttBroker::start(front.settings(identity));
    assert_eq!(publishes(&broker).await, Outcome::Done);
}

#[tokio::test]
async fn the_password_comes_from_a_file_each_time() {
    let scripted = ScriptedBroker::start().await.unwrap();
    let folder = Folder::new("broker-password");
    let mut settings = MqttSettings::new(format!("mqtt://me@{}", scripted.address()).parse().unwrap());
    settings.password_file = Some(folder.write("password", "one\n"));
    settings.reconnect_min = Duration::from_millis(1);
    settings.reconnect_max = Duration::from_millis(20);
    let broker = MqttBroker::start(settings);
    assert_eq!(publishes(&broker).await, Outcome::Done);
    folder.write("password", "two\r\n");
    scripted.kill();
    scripted.until(|seen| seen.resumed == 1).await;
    let logins: Vec<_> = scripted.seen().logins;
    let login = |password: &str| (Some("me".to_owned()), Some(password.to_owned()));
    assert_eq!(logins, [login("one"), login("two")]);
}
