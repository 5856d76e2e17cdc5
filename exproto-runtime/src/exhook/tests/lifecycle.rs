//! Beginning and end of a provider, its company, and what it shows.

use super::emqx::{Wire, about, authorize, client};
use super::*;
use crate::exproto::{ExProtoHandler, ExProtoSettings};

#[test]
fn a_shutdown_works_off_what_was_taken_over() {
    run(async {
        let bench = Bench::new().await;
        bench.script.gate.forget_permits(Semaphore::MAX_PERMITS);
        for number in 0..20 {
            let client = client(&format!("c{}", number % 3), number + 1);
            bench.emqx.call("v2", "OnClientConnected", about(client)).await;
        }
        assert_eq!(bench.counters.waiting(), 20);
        let Bench { script, emqx, counters, stop, served } = bench;
        stop.send(()).unwrap();
        drop(emqx);
        script.gate.add_permits(20);
        served.await.unwrap().unwrap();
        assert_eq!(script.seen.lock().unwrap().len(), 20);
        assert_eq!(counters.waiting(), 0);
    });
}

#[test]
fn a_shutdown_does_not_wait_for_ever() {
    run(async {
        let bench = Bench::with(|settings| settings.drain = std::time::Duration::from_millis(20)).await;
        *bench.script.events.lock().unwrap() = Do::Hang;
        bench.emqx.call("v2", "OnClientConnected", about(client("a", 1))).await;
        let (_, counters) = bench.end().await;
        assert_eq!(counters.waiting(), 1);
    });
}

#[test]
fn nodes_are_known_from_loading_to_unloading() {
    run(async {
        let bench = Bench::new().await;
        let meta = |node: &str| Wire::new().text(1, node).text(2, "5.8.9");
        for node in ["n@1", "n@2", "n@1"] {
            let request = Wire::new().part(1, Wire::new().text(1, "5.8.9")).part(2, meta(node)).bytes();
            bench.emqx.call("v2", "OnProviderLoaded", request).await;
        }
        let nodes = bench.counters.nodes();
        assert_eq!(nodes.keys().collect::<Vec<_>>(), ["n@1", "n@2"]);
        assert_eq!(nodes["n@1"], "5.8.9");
        let request = Wire::new().part(1, meta("n@1")).bytes();
        bench.emqx.call("v2", "OnProviderUnloaded", request).await;
        assert_eq!(bench.counters.nodes().len(), 1);
        let (script, _) = bench.end().await;
        let seen = script.seen.lock().unwrap();
        let of_first: Vec<_> = seen.iter().filter(|text| text.contains("n@1")).collect();
        assert_eq!(of_first.len(), 3);
        assert!(of_first[2].starts_with("Unloaded"), "{of_first:?}");
    });
}

#[test]
fn hooks_devices_and_health_share_a_port() {
    #[allow(dead_code)]
    mod toy {
        include!("../../../tests/toy/mod.rs");
    }
    run(async {
        let handler =
            ExProtoHandler::<toy::Toy<'static>>::new(ExProtoSettings::new("http://127.0.0.1:1")).unwrap();
        let devices = handler.counters();
        let shared = Shared::default();
        let hooks = ExHookServer::new(shared, ExHookSettings::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let emqx = Emqx::new(listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(GrpcServer::new().with(handler).with(hooks).serve(listener, async {
            let _ = stopped.await;
        }));
        assert_eq!(hex(&emqx.call("v3", "OnClientAuthorize", authorize("t")).await), "1801");
        let created = Wire::new().text(1, "conn").bytes();
        let path = "/emqx.exproto.v1.ConnectionUnaryHandler/OnSocketCreated";
        assert_eq!(emqx.call_path(path, created).await.unwrap(), Bytes::new());
        assert_eq!(devices.read().unwrap().created, 1);
        // SERVING is 1.
        let health = emqx.call_path("/grpc.health.v1.Health/Check", Bytes::new()).await.unwrap();
        assert_eq!(hex(&health), "0801");
        drop(emqx);
        stop.send(()).unwrap();
        served.await.unwrap().unwrap();
    });
}

#[test]
fn the_text_for_scrapers_names_every_hook_once() {
    run(async {
        let bench = Bench::new().await;
        bench.emqx.call("v2", "OnClientAuthorize", authorize("t")).await;
        let mut text = String::new();
        bench.counters.write_open_metrics(&mut text, "a\"b");
        let line = |hook: &str| format!("exproto_exhook_calls_total{{provider=\"a\\\"b\",hook=\"{hook}\"}}");
        assert!(text.contains(&format!("{} 1\n", line("client.authorize"))), "{text}");
        assert!(text.contains("exproto_exhook_events_waiting{provider=\"a\\\"b\"} 0\n"), "{text}");
        for hook in Hook::ALL {
            assert_eq!(text.matches(&line(hook.name())).count(), 1, "{hook}");
        }
        bench.end().await;
    });
}

#[cfg(feature = "tls")]
#[test]
fn nodes_show_their_certificates() {
    use tokio::net::TcpStream;
    use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

    use crate::tls::ServerTls;
    use crate::tls::made::{Authority, Folder};

    run(async {
        let (ours, emqx) = (Authority::new(), Authority::new());
        let (cert, key) = ours.issue("localhost");
        let folder = Folder::new("hooks");
        let tls = ServerTls::new(folder.write("a.crt", &cert), folder.write("a.key", &key))
            .require_client(folder.write("emqx.crt", &emqx.pem));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let hooks = ExHookServer::new(Shared::default(), ExHookSettings::default());
        let served = tokio::spawn(GrpcServer::new().with(hooks).tls(tls).serve(listener, async {
            let _ = stopped.await;
        }));
        // One that never begins its handshake, and one that speaks no TLS.
        let _silent = TcpStream::connect(address).await.unwrap();
        let path = "/emqx.exhook.v2.HookProvider/OnClientAuthorize";
        assert!(Emqx::new(address).call_path(path, authorize("t")).await.is_err());

        let authorities =
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&ours.pem)).domain_name("localhost");
        let connect = async |tls: ClientTlsConfig| {
            let at = Endpoint::from_shared(format!("https://{address}")).unwrap();
            Emqx::over(at.tls_config(tls).unwrap().connect_lazy()).call_path(path, authorize("t")).await
        };
        let (cert, key) = emqx.issue("node");
        let node = authorities.clone().identity(Identity::from_pem(cert, key));
        assert_eq!(hex(&connect(node).await.unwrap()), "1801");
        assert!(connect(authorities.clone()).await.is_err());
        let (cert, key) = ours.issue("node");
        assert!(connect(authorities.identity(Identity::from_pem(cert, key))).await.is_err());
        stop.send(()).unwrap();
        served.await.unwrap().unwrap();
    });
}

#[cfg(feature = "tls")]
#[test]
fn certificates_that_cannot_be_used_are_an_error_at_the_start() {
    run(async {
        let hooks = ExHookServer::new(Shared::default(), ExHookSettings::default());
        let tls = crate::tls::ServerTls::new("no.crt", "no.key");
        let error =
            GrpcServer::new().with(hooks).tls(tls).listen("127.0.0.1:0", pending()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with("no.crt cannot be read: "), "{error}");
    });
}
