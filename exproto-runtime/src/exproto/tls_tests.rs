//! TLS between EMQX and the handler, both ways.
#![allow(clippy::unwrap_used)]

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{ExProtoHandler, ExProtoSettings};
use crate::session::Gateway;
use crate::testkit::emqx::{FakeEmqx, Service, What};
use crate::tls::made::{Authority, Folder};
use crate::tls::{Certificates, ClientTls, ServerTls};

mod toy {
    #![allow(dead_code, unreachable_pub)]
    include!("../../tests/toy/mod.rs");
}
use toy::Toy;

/// Ends TLS in front of an adapter, as a proxy must for EMQX 5.
async fn proxy(emqx: &FakeEmqx, tls: ServerTls) -> u16 {
    let certificates = Certificates::open(tls, b"h2").unwrap();
    let target = emqx.adapter().trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(mut here) = TlsAcceptor::from(certificates.current()).accept(socket).await else {
                continue;
            };
            let mut there = TcpStream::connect(&target).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut here, &mut there).await });
        }
    });
    port
}

async fn served<G: Gateway>(emqx: &FakeEmqx, settings: ExProtoSettings) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    emqx.use_handler(listener.local_addr().unwrap(), Service::Unary);
    let handler = ExProtoHandler::<G>::new(settings).unwrap();
    tokio::spawn(handler.serve(listener, std::future::pending()));
}

#[tokio::test]
async fn an_adapter_behind_tls_asks_for_our_certificate() {
    let (folder, authority) = (Folder::new("adapter"), Authority::new());
    let (pem, secret) = authority.issue("localhost");
    let ca = folder.write("ca.crt", &authority.pem);
    let (crt, key) = (folder.write("a.crt", &pem), folder.write("a.key", &secret));

    let emqx = FakeEmqx::start().await.unwrap();
    let port = proxy(&emqx, ServerTls::new(&crt, &key).require_client(&ca)).await;
    let mut settings = ExProtoSettings::new(format!("https://localhost:{port}"));
    settings.adapter_tls = Some(ClientTls::new(&ca).identity(&crt, &key));
    served::<Toy<'static>>(&emqx, settings.clone()).await;
    let device = emqx.connect().await;
    // `Beat`, answered with `Ack`.
    device.bytes(b"\x7E\x03\x03\x7E").answered().await;
    assert!(matches!(device.calls()[..], [What::Send(_)]), "{:?}", device.calls());

    // By its number it is another name than the certificate's.
    settings.adapter = format!("https://127.0.0.1:{port}");
    settings.adapter_tls = Some(ClientTls::new(&ca).identity(&crt, &key).name("localhost"));
    served::<Toy<'static>>(&emqx, settings.clone()).await;
    let device = emqx.connect().await;
    device.bytes(b"\x7E\x03\x03\x7E").answered().await;
    assert_eq!(device.calls().len(), 1);

    // Without a certificate of ours nothing comes through.
    settings.adapter_tls = Some(ClientTls::new(&ca).name("localhost"));
    settings.adapter_patience = std::time::Duration::from_millis(100);
    served::<Toy<'static>>(&emqx, settings.clone()).await;
    let device = emqx.connect().await;
    device.bytes(b"\x7E\x03\x03\x7E").answered().await;
    assert_eq!(device.calls(), []);

    let error = |settings: &ExProtoSettings| {
        ExProtoHandler::<Toy<'static>>::new(settings.clone()).unwrap_err().to_string()
    };
    settings.adapter_tls = Some(ClientTls::new(&key));
    assert!(error(&settings).contains("a.key holds no certificate"), "{}", error(&settings));
    settings.adapter_tls = Some(ClientTls::new(&ca).identity(&crt, &ca));
    assert!(error(&settings).contains("ca.crt holds no private key"), "{}", error(&settings));
    settings.adapter_tls = None;
    assert!(error(&settings).contains("set `adapter_tls`"), "{}", error(&settings));
}

#[tokio::test]
async fn emqx_shows_its_certificate_and_ours_is_read_again() {
    use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

    use crate::exproto::pb::SocketClosedRequest;
    use crate::exproto::pb::connection_unary_handler_client::ConnectionUnaryHandlerClient;
    use crate::grpc::GrpcServer;

    let (folder, before, after, nodes) =
        (Folder::new("handler"), Authority::new(), Authority::new(), Authority::new());
    let (pem, secret) = before.issue("localhost");
    let tls = ServerTls::new(folder.write("a.crt", &pem), folder.write("a.key", &secret))
        .require_client(folder.write("nodes.crt", &nodes.pem));
    let handler = ExProtoHandler::<Toy<'static>>::new(ExProtoSettings::new("http://127.0.0.1:1")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(GrpcServer::new().with(handler).tls(tls).serve(listener, std::future::pending()));

    let call = async |ours: &Authority, node: Option<&Authority>| {
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&ours.pem));
        if let Some(node) = node {
            let (pem, secret) = node.issue("emqx");
            tls = tls.identity(Identity::from_pem(pem, secret));
        }
        let channel = Endpoint::from_shared(url.clone()).unwrap().tls_config(tls).unwrap().connect_lazy();
        let request = SocketClosedRequest { conn: "c".into(), reason: String::new() };
        ConnectionUnaryHandlerClient::new(channel).on_socket_closed(request).await
    };
    call(&before, Some(&nodes)).await.unwrap();
    assert!(call(&before, None).await.is_err());
    assert!(call(&before, Some(&before)).await.is_err());

    let (pem, secret) = after.issue("localhost");
    // Of another length, as the time of a file may be too coarse to tell.
    folder.write("a.key", &format!("{secret}\n\n"));
    folder.write("a.crt", &format!("{pem}\n\n"));
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(11)).await;
    tokio::time::resume();
    call(&after, Some(&nodes)).await.unwrap();
    assert!(call(&before, Some(&nodes)).await.is_err());
}

#[tokio::test]
async fn the_adapters_authority_and_our_certificate_are_read_again() {
    let (folder, before, after) = (Folder::new("renewed"), Authority::new(), Authority::new());
    // Of another length, as the time of a file may be too coarse to tell.
    let renew = |authority: &Authority, end: &str| {
        let (pem, secret) = authority.issue("localhost");
        let (pem, secret) = (format!("{pem}{end}"), format!("{secret}{end}"));
        let ca = folder.write("ca.crt", &format!("{}{end}", authority.pem));
        (ca, folder.write("a.crt", &pem), folder.write("a.key", &secret))
    };
    let (ca, crt, key) = renew(&before, "");
    let emqx = FakeEmqx::start().await.unwrap();
    let mut settings = ExProtoSettings::new(format!(
        "https://localhost:{}",
        proxy(&emqx, ServerTls::new(&crt, &key).require_client(&ca)).await
    ));
    settings.adapter_tls = Some(ClientTls::new(&ca).identity(&crt, &key));
    let handler = ExProtoHandler::<Toy<'static>>::new(settings.clone()).unwrap();

    // All are renewed before the handler connects; then a file is broken.
    renew(&after, "\n\n");
    let port = proxy(&emqx, ServerTls::new(&crt, &key).require_client(&ca)).await;
    settings.adapter = format!("https://localhost:{port}");
    let renewed = ExProtoHandler::<Toy<'static>>::new(settings).unwrap();
    folder.write("ca.crt", "nothing");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    emqx.use_handler(listener.local_addr().unwrap(), Service::Unary);
    tokio::spawn(renewed.serve(listener, std::future::pending()));
    let device = emqx.connect().await;
    device.bytes(b"\x7E\x03\x03\x7E").answered().await;
    assert_eq!(device.calls().len(), 1, "what was read last is used");

    // The first proxy has the old certificate, which is not trusted any more.
    folder.write("ca.crt", &format!("{}\n\n", after.pem));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    emqx.use_handler(listener.local_addr().unwrap(), Service::Unary);
    let stats = handler.counters();
    tokio::spawn(handler.serve(listener, std::future::pending()));
    let device = emqx.connect().await;
    device.bytes(b"\x7E\x03\x03\x7E").later();
    while stats.read().unwrap().calls_repeated == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert_eq!(device.calls(), []);
}
