//! `serve --exproto`: a handler of EMQX instead of listeners of our own.

use std::net::SocketAddr;
#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::{Failure, told_to_stop};
use crate::exproto::{ExProtoHandler, ExProtoSettings, UnknownConnection};
use crate::grpc::GrpcServer;
use crate::session::{Gateway, SessionSettings};

#[derive(Args, Debug)]
pub(super) struct ExProtoArgs {
    /// Be an EMQX ExProto handler at this address, instead of listening for
    /// devices
    #[arg(long, value_name = "ADDR", requires = "adapter", conflicts_with_all = ["listen", "mqtt", "broker"])]
    exproto: Option<SocketAddr>,
    /// Where EMQX serves its ConnectionAdapter: http://HOST:PORT; of a cluster
    /// one for each node, with the node's name: emqx@HOST=http://HOST:PORT
    #[arg(long, value_name = "[NODE=]URL", requires = "exproto")]
    adapter: Vec<String>,
    /// What happens to devices that were connected to EMQX before this program
    /// was started
    #[arg(long, value_name = "WHAT", requires = "exproto", default_value = "close")]
    unknown: Unknown,
    /// The file in which connections are left for `--unknown resume`
    #[arg(long, value_name = "FILE", requires = "exproto")]
    memory: Option<std::path::PathBuf>,
    /// Serve EMQX with TLS: the certificate and its chain, PEM. Read again when
    /// it changes, like all of these files
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires_all = ["exproto", "exproto_key"])]
    exproto_cert: Option<PathBuf>,
    /// The key of the certificate, PEM
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "exproto_cert")]
    exproto_key: Option<PathBuf>,
    /// Serve only EMQX nodes with a certificate of this authority, PEM
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "exproto_cert")]
    exproto_client_ca: Option<PathBuf>,
    /// The authority that has signed the certificate of an adapter with an
    /// https address, PEM
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "exproto")]
    adapter_ca: Option<PathBuf>,
    /// Our certificate for the adapter, PEM
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires_all = ["adapter_ca", "adapter_key"])]
    adapter_cert: Option<PathBuf>,
    /// The key of our certificate for the adapter, PEM
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "adapter_cert")]
    adapter_key: Option<PathBuf>,
}

/// The command line's words for [`UnknownConnection`].
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Unknown {
    /// They are closed and connect anew
    Close,
    /// They go on, as not logged in
    Adopt,
    /// They go on as the program before has left them in --memory
    Resume,
}

impl ExProtoArgs {
    pub(super) fn is_wanted(&self) -> bool {
        self.exproto.is_some()
    }

    fn settings(&self, session: SessionSettings) -> ExProtoSettings {
        let mut settings = ExProtoSettings::new("");
        for adapter in &self.adapter {
            // A URL has its `=` behind `://`, if it has one.
            match adapter.split_once('=') {
                Some((node, url)) if !node.contains("://") => settings = settings.node(node, url),
                _ if settings.adapter.is_empty() => settings.adapter.clone_from(adapter),
                // Found by its host, or as any other one.
                _ => settings = settings.node("", adapter),
            }
        }
        settings.session = Arc::new(session);
        settings.unknown = match self.unknown {
            Unknown::Close => UnknownConnection::Close,
            Unknown::Adopt => UnknownConnection::Adopt,
            Unknown::Resume => UnknownConnection::Resume,
        };
        settings.memory.clone_from(&self.memory);
        #[cfg(feature = "tls")]
        if let Some(ca) = &self.adapter_ca {
            let mut tls = crate::tls::ClientTls::new(ca);
            if let (Some(cert), Some(key)) = (&self.adapter_cert, &self.adapter_key) {
                tls = tls.identity(cert, key);
            }
            settings.adapter_tls = Some(tls);
        }
        settings
    }

    /// The file and what it is for are said together.
    fn check_memory(&self) -> Result<(), Failure> {
        match (self.unknown, &self.memory) {
            (Unknown::Resume, None) => {
                Err(Failure::new("--unknown resume needs a file for what is left: --memory FILE"))
            }
            (Unknown::Close | Unknown::Adopt, Some(_)) => Err(Failure::new(
                "--memory is neither written nor read without --unknown resume: add it, or leave --memory away",
            )),
            _ => Ok(()),
        }
    }

    #[cfg(feature = "tls")]
    fn secure(&self, server: GrpcServer) -> GrpcServer {
        let (Some(cert), Some(key)) = (&self.exproto_cert, &self.exproto_key) else { return server };
        let tls = crate::tls::ServerTls::new(cert, key);
        server.tls(match &self.exproto_client_ca {
            Some(ca) => tls.require_client(ca),
            None => tls,
        })
    }

    #[cfg(not(feature = "tls"))]
    fn secure(&self, server: GrpcServer) -> GrpcServer {
        server
    }

    fn scheme(&self) -> &'static str {
        #[cfg(feature = "tls")]
        if self.exproto_cert.is_some() {
            return "https";
        }
        "http"
    }

    pub(super) async fn run<G: Gateway>(&self, session: SessionSettings) -> Result<ExitCode, Failure> {
        let Some(address) = self.exproto else { return Err(Failure::new("--exproto is missing")) };
        self.check_memory()?;
        let handler = ExProtoHandler::<G>::new(self.settings(session))
            .map_err(|error| Failure::new(error.to_string()))?;
        let listener = tokio::net::TcpListener::bind(address).await.map_err(|error| {
            Failure::new(format!(
                "cannot listen on {address}: {error}: choose another address with --exproto"
            ))
        })?;
        let address = listener.local_addr().unwrap_or(address);
        let stop = told_to_stop();
        println!("{} gateway, an ExProto handler of EMQX", G::NAME);
        println!(
            "  handler  {address}: set it in EMQX as gateway.exproto.handler.address = \"{}://{address}\"",
            self.scheme()
        );
        for adapter in &self.adapter {
            println!("  adapter  {adapter}: where EMQX's gateway.exproto.server.bind is reached");
        }
        println!();
        let counters = handler.counters();
        // The handler takes its counters along when it ends.
        let mut last = None;
        let shutdown = async {
            stop.await;
            last = counters.read();
        };
        self.secure(GrpcServer::new())
            .with(handler)
            .serve(listener, shutdown)
            .await
            .map_err(|error| Failure::new(format!("serving EMQX failed: {error}")))?;
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
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ExProtoArgs,
        #[arg(long)]
        listen: Option<String>,
        #[arg(long)]
        mqtt: Option<String>,
        #[arg(long)]
        broker: Option<String>,
    }

    fn settings(line: &str) -> Result<ExProtoSettings, clap::Error> {
        let words = ["gateway", "--exproto", "127.0.0.1:9001"].into_iter().chain(line.split_whitespace());
        Ok(Line::try_parse_from(words)?.args.settings(SessionSettings::default()))
    }

    #[test]
    fn adapters_may_have_the_name_of_their_node() {
        let one = settings("--adapter http://a:9100").unwrap();
        assert_eq!((&*one.adapter, one.nodes.len()), ("http://a:9100", 0));
        assert_eq!(one.unknown, UnknownConnection::Close);

        let cluster =
            settings("--adapter emqx@a=http://a:9100 --adapter emqx@b=http://b:9100 --unknown adopt")
                .unwrap();
        let node = |name: &str, url: &str| (name.to_owned(), url.to_owned());
        assert_eq!(cluster.adapter, "");
        assert_eq!(cluster.nodes, [node("emqx@a", "http://a:9100"), node("emqx@b", "http://b:9100")]);
        assert_eq!(cluster.unknown, UnknownConnection::Adopt);

        let resumed = settings("--adapter http://a:9100 --unknown resume --memory left").unwrap();
        assert_eq!(resumed.unknown, UnknownConnection::Resume);
        assert_eq!(resumed.memory.unwrap().as_os_str(), "left");

        let hosts = settings("--adapter http://a:9100 --adapter http://b:9100/?x=y").unwrap();
        assert_eq!((&*hosts.adapter, hosts.nodes), ("http://a:9100", vec![node("", "http://b:9100/?x=y")]));

        let checked = |line: &str| {
            let words = ["gateway", "--exproto", "127.0.0.1:1", "--adapter", "http://a:1"];
            let line = words.into_iter().chain(line.split_whitespace());
            Line::try_parse_from(line).unwrap().args.check_memory().map_err(|Failure(text)| text)
        };
        checked("").unwrap();
        checked("--unknown resume --memory left").unwrap();
        assert_eq!(
            checked("--unknown resume").unwrap_err(),
            "--unknown resume needs a file for what is left: --memory FILE"
        );
        for line in ["--memory left", "--unknown adopt --memory left"] {
            assert_eq!(
                checked(line).unwrap_err(),
                "--memory is neither written nor read without --unknown resume: add it, or leave --memory away"
            );
        }

        assert!(settings("").is_err());
        assert!(settings("--adapter http://a:9100 --unknown perhaps").is_err());
    }

    #[cfg(feature = "tls")]
    #[test]
    fn certificates_come_with_their_keys() {
        let with =
            settings("--adapter https://a:9101 --adapter-ca ca --adapter-cert c --adapter-key k").unwrap();
        assert_eq!(with.adapter_tls, Some(crate::tls::ClientTls::new("ca").identity("c", "k")));
        for line in [
            "--adapter-cert c --adapter-ca ca",
            "--exproto-cert c",
            "--exproto-key k",
            "--exproto-client-ca a",
        ] {
            assert!(settings(&format!("--adapter http://a:9100 {line}")).is_err(), "{line}");
        }
    }
}
