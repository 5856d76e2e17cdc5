//! `serve --exproto`: a handler of EMQX instead of listeners of our own.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use super::admin::Admin;
use super::config::{Config, ExProtoConfig};
use super::serve::impatiently;
use super::{Failure, service, told_to_stop};
use crate::exproto::{ExProtoHandler, ExProtoSettings, UnknownConnection};
use crate::grpc::GrpcServer;
use crate::session::Gateway;

/// Says what is wrong with the settings of a handler.
pub(super) fn check(config: &Config, mistakes: &mut Vec<String>) {
    let exproto = &config.exproto;
    let origin = |path: &str| config.given(path).unwrap_or(path).to_owned();
    if exproto.address.is_none() {
        if let Some((path, origin)) = config.given_of("exproto") {
            mistakes.push(format!(
                "{origin}: `{path}` is for a handler of EMQX: say where it listens with --exproto"
            ));
        }
        return;
    }
    let handler = origin("exproto.address");
    for section in ["listener", "broker", "embedded"] {
        if let Some((path, origin)) = config.given_of(section) {
            mistakes.push(format!(
                "{origin}: a handler of EMQX, as {handler} asks for, has no listeners and no broker of its \
                 own: remove `{path}`"
            ));
        }
    }
    if exproto.adapter.is_empty() {
        mistakes.push(format!("{handler}: a handler calls EMQX: say where with --adapter http://HOST:PORT"));
    }
    // The file and what it is for are said together.
    match (exproto.settings.unknown, &exproto.settings.memory) {
        (UnknownConnection::Resume, None) => {
            let origin = origin("exproto.unknown");
            mistakes.push(format!("{origin}: `resume` needs a file for what is left: --memory FILE"));
        }
        (UnknownConnection::Close | UnknownConnection::Adopt, Some(_)) => {
            let origin = origin("exproto.memory");
            mistakes.push(format!(
                "{origin}: the file is neither written nor read without --unknown resume: add it, or leave \
                 `memory` away"
            ));
        }
        _ => {}
    }
    for (key, given, needs, there) in [
        ("cert", &exproto.cert, "key", exproto.key.is_some()),
        ("key", &exproto.key, "cert", exproto.cert.is_some()),
        ("client_ca", &exproto.client_ca, "cert", exproto.cert.is_some()),
        ("adapter_cert", &exproto.adapter_cert, "adapter_key", exproto.adapter_key.is_some()),
        ("adapter_key", &exproto.adapter_key, "adapter_cert", exproto.adapter_cert.is_some()),
        ("adapter_cert", &exproto.adapter_cert, "adapter_ca", exproto.adapter_ca.is_some()),
    ] {
        let Some(file) = given else { continue };
        let origin = origin(&format!("exproto.{key}"));
        if !there {
            mistakes.push(format!("{origin}: `exproto.{key}` needs `exproto.{needs}` beside it"));
        }
        if cfg!(not(feature = "tls")) {
            mistakes.push(format!("{origin}: this program was built without the feature `tls`"));
        } else if let Err(error) = std::fs::File::open(file) {
            mistakes.push(format!("{origin}: {}: {error}", file.display()));
        }
    }
}

fn settings(config: &Config) -> ExProtoSettings {
    let exproto = &config.exproto;
    let mut settings = exproto.settings.clone();
    for adapter in &exproto.adapter {
        // A URL has its `=` behind `://`, if it has one.
        match adapter.split_once('=') {
            Some((node, url)) if !node.contains("://") => settings = settings.node(node, url),
            _ if settings.adapter.is_empty() => settings.adapter.clone_from(adapter),
            // Found by its host, or as any other one.
            _ => settings = settings.node("", adapter),
        }
    }
    settings.session = Arc::new(config.session.clone());
    #[cfg(feature = "tls")]
    if let Some(ca) = &exproto.adapter_ca {
        let mut tls = crate::tls::ClientTls::new(ca);
        if let (Some(cert), Some(key)) = (&exproto.adapter_cert, &exproto.adapter_key) {
            tls = tls.identity(cert, key);
        }
        settings.adapter_tls = Some(tls);
    }
    settings
}

#[cfg(feature = "tls")]
fn secure(exproto: &ExProtoConfig, server: GrpcServer) -> GrpcServer {
    let (Some(cert), Some(key)) = (&exproto.cert, &exproto.key) else { return server };
    let tls = crate::tls::ServerTls::new(cert, key);
    server.tls(match &exproto.client_ca {
        Some(ca) => tls.require_client(ca),
        None => tls,
    })
}

#[cfg(not(feature = "tls"))]
fn secure(_: &ExProtoConfig, server: GrpcServer) -> GrpcServer {
    server
}

fn scheme(exproto: &ExProtoConfig) -> &'static str {
    if exproto.cert.is_some() { "https" } else { "http" }
}

pub(super) async fn run<G: Gateway>(config: &Config, address: SocketAddr) -> Result<ExitCode, Failure> {
    let exproto = &config.exproto;
    let handler =
        ExProtoHandler::<G>::new(settings(config)).map_err(|error| Failure::new(error.to_string()))?;
    let listener = tokio::net::TcpListener::bind(address).await.map_err(|error| {
        Failure::new(format!("cannot listen on {address}: {error}: choose another address with --exproto"))
    })?;
    let address = listener.local_addr().unwrap_or(address);
    let stop = told_to_stop();
    println!("{} gateway, an ExProto handler of EMQX", G::NAME);
    println!(
        "  handler  {address}: set it in EMQX as gateway.exproto.handler.address = \"{}://{address}\"",
        scheme(exproto)
    );
    for adapter in &exproto.adapter {
        println!("  adapter  {adapter}: where EMQX's gateway.exproto.server.bind is reached");
    }
    let counters = handler.counters();
    let counted = counters.clone();
    let admin = Admin::new(|| Ok(()), move |out| counted.write_open_metrics(out, G::NAME));
    admin.start(config.admin.address).await?;
    println!();
    service::watch();
    service::notify("READY=1");
    // The handler takes its counters along when it ends.
    let mut last = None;
    let shutdown = async {
        stop.await;
        last = counters.read();
        admin.drain();
        service::notify("STOPPING=1");
    };
    let workers = config
        .host
        .workers
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    let server = secure(exproto, GrpcServer::new()).workers(workers);
    let serving = server.with(handler).serve(listener, shutdown);
    let serving = async { serving.await.map_err(|error| format!("serving EMQX failed: {error}")) };
    impatiently(serving).await?;
    let stats = last.unwrap_or_default();
    let sessions = stats.sessions;
    println!(
        "stopped: {} connections served, {} frames, {} bad, {} published, {} replies, {} downlinks, {} calls to EMQX failed",
        stats.created,
        sessions.frames,
        sessions.bad_frames,
        sessions.publishes,
        sessions.replies,
        sessions.downlinks,
        stats.calls_failed
    );
    Ok(ExitCode::SUCCESS)
}
#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::{Args, Command, FromArgMatches};

    use super::super::config::ServeArgs;
    use super::*;
    use crate::session::SessionSettings;

    fn config(line: &str) -> Result<Config, Vec<String>> {
        let words = ["gateway", "--exproto", "127.0.0.1:9001"].into_iter().chain(line.split_whitespace());
        let matches = ServeArgs::augment_args(Command::new("gateway")).try_get_matches_from(words);
        let args = matches.and_then(|matches| ServeArgs::from_arg_matches(&matches));
        let args = args.map_err(|error| vec![error.to_string()])?;
        let (config, _) = args.settings(Config::new(7611, SessionSettings::default())).unwrap();
        let mut mistakes = Vec::new();
        check(&config, &mut mistakes);
        if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
    }

    #[test]
    fn adapters_may_have_the_name_of_their_node() {
        let one = settings(&config("--adapter http://a:9100").unwrap());
        assert_eq!((&*one.adapter, one.nodes.len()), ("http://a:9100", 0));
        assert_eq!(one.unknown, UnknownConnection::Close);

        let cluster = settings(
            &config("--adapter emqx@a=http://a:9100 --adapter emqx@b=http://b:9100 --unknown adopt").unwrap(),
        );
        let node = |name: &str, url: &str| (name.to_owned(), url.to_owned());
        assert_eq!(cluster.adapter, "");
        assert_eq!(cluster.nodes, [node("emqx@a", "http://a:9100"), node("emqx@b", "http://b:9100")]);
        assert_eq!(cluster.unknown, UnknownConnection::Adopt);

        let resumed = settings(&config("--adapter http://a:9100 --unknown resume --memory left").unwrap());
        assert_eq!(resumed.unknown, UnknownConnection::Resume);
        assert_eq!(resumed.memory.unwrap().as_os_str(), "left");

        let hosts = settings(&config("--adapter http://a:9100 --adapter http://b:9100/?x=y").unwrap());
        assert_eq!((&*hosts.adapter, hosts.nodes), ("http://a:9100", vec![node("", "http://b:9100/?x=y")]));
    }

    #[test]
    fn what_a_handler_does_not_have_is_refused() {
        for (line, part) in [
            ("", "--adapter http://HOST:PORT"),
            ("--adapter http://a:9100 --unknown perhaps", "`perhaps` is not \"close\", \"adopt\" or"),
            ("--adapter http://a:9100 --unknown resume", "--unknown: `resume` needs a file"),
            (
                "--adapter http://a:9100 --listen 127.0.0.1:1",
                "--listen: a handler of EMQX, as --exproto asks",
            ),
            ("--adapter http://a:9100 --broker mqtt://b", "remove `broker.url`"),
            ("--adapter http://a:9100 --exproto-cert c", "`exproto.cert` needs `exproto.key` beside it"),
            ("--adapter http://a:9100 --exproto-key k", "`exproto.key` needs `exproto.cert`"),
            ("--adapter http://a:9100 --exproto-client-ca a", "needs `exproto.cert`"),
            ("--adapter http://a:9100 --adapter-cert c --adapter-ca ca", "needs `exproto.adapter_key`"),
        ] {
            let mistakes = config(line).unwrap_err().join("\n");
            assert!(mistakes.contains(part), "{line}: {mistakes}");
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn certificates_come_with_their_keys() {
        // Any file that is there: it is read when the handler starts.
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let line = format!(
            "--adapter https://a:9101 --adapter-ca {file} --adapter-cert {file} --adapter-key {file}"
        );
        let with = settings(&config(&line).unwrap());
        assert_eq!(with.adapter_tls, Some(crate::tls::ClientTls::new(file).identity(file, file)));
    }
}
