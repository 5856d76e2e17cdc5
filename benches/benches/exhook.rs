//! What a hook costs here against a server that tonic generated, both in one
//! run: processor time of the serving process, and the time of a call alone.
//!
//! `cargo bench -p exproto-benches --bench exhook [-- ROUNDS]`
//!
//! Each round serves first one and then the other, in a process of its own, so
//! that only the server's time is counted. Needs `/proc`.
#![allow(clippy::print_stdout)]

use std::env;
use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes};
use exproto_runtime::exhook::{
    Auth, ClientAuthorize, ExHookServer, ExHookSettings, HookProvider, SessionSubscribed, exhook,
};
use tokio::net::TcpListener;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    dead_code,
    rust_2018_idioms,
    clippy::all
)]
#[rustfmt::skip]
#[path = "../../exproto-runtime/src/exhook/pb/emqx_exhook_v2.rs"]
mod v2;

type Failure = Box<dyn Error + Send + Sync>;

const CALLS: u32 = 60_000;
const CHANNELS: usize = 8;
const AT_ONCE: usize = 64;
const ALONE: u32 = 3_000;

/// As EMQX 5.8.9 sent them.
const SUBSCRIBED: &str = "0a340a0f656d717835403132372e302e302e311201611a036a6f652a093132372e302e302e3130fbaa013a046d7174745001688def021203742f231a040802200122230a0f656d717835403132372e302e302e311205352e382e391a04454d515822036c6162";
const AUTHORIZE: &str = "0a340a0f656d717835403132372e302e302e311201611a036a6f652a093132372e302e302e3130fbaa013a046d7174745001688def021a03742f3020012a230a0f656d717835403132372e302e302e311205352e382e391a04454d515822036c6162";

const CASES: [(&str, &str, &str); 2] =
    [("notification", "OnSessionSubscribed", SUBSCRIBED), ("authorise", "OnClientAuthorize", AUTHORIZE)];

fn main() -> Result<(), Failure> {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [flag, peer] = &args[..]
        && flag == "--serve"
    {
        return runtime()?.block_on(serve(peer));
    }
    if !args.iter().any(|arg| arg == "--bench") {
        println!("skipped: hooks are measured by `cargo bench -p exproto-benches --bench exhook`");
        return Ok(());
    }
    let rounds = args.iter().find_map(|arg| arg.parse().ok()).unwrap_or(7);
    runtime()?.block_on(measure(rounds))
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

// ----------------------------------------------------------------- the peers

struct Ours;

#[exhook]
impl HookProvider for Ours {
    async fn on_client_authorize(&self, _: &ClientAuthorize) -> Auth {
        Auth::Allow
    }

    async fn on_session_subscribed(&self, _: SessionSubscribed) {}
}

struct Generated;

macro_rules! generated {
    ($($name:ident($request:ident) -> $answer:ident;)*) => {
        #[tonic::async_trait]
        impl v2::hook_provider_server::HookProvider for Generated {
            async fn on_client_authorize(
                &self,
                request: Request<v2::ClientAuthorizeRequest>,
            ) -> Result<Response<v2::ValuedResponse>, Status> {
                drop(request.into_inner());
                let value = Some(v2::valued_response::Value::BoolResult(true));
                Ok(Response::new(v2::ValuedResponse { r#type: 0, value }))
            }

            $(
                async fn $name(
                    &self,
                    request: Request<v2::$request>,
                ) -> Result<Response<v2::$answer>, Status> {
                    drop(request.into_inner());
                    Ok(Response::new(v2::$answer::default()))
                }
            )*
        }
    };
}

generated! {
    on_provider_loaded(ProviderLoadedRequest) -> LoadedResponse;
    on_provider_unloaded(ProviderUnloadedRequest) -> EmptySuccess;
    on_client_connect(ClientConnectRequest) -> EmptySuccess;
    on_client_connack(ClientConnackRequest) -> EmptySuccess;
    on_client_connected(ClientConnectedRequest) -> EmptySuccess;
    on_client_disconnected(ClientDisconnectedRequest) -> EmptySuccess;
    on_client_authenticate(ClientAuthenticateRequest) -> ValuedResponse;
    on_client_subscribe(ClientSubscribeRequest) -> EmptySuccess;
    on_client_unsubscribe(ClientUnsubscribeRequest) -> EmptySuccess;
    on_session_created(SessionCreatedRequest) -> EmptySuccess;
    on_session_subscribed(SessionSubscribedRequest) -> EmptySuccess;
    on_session_unsubscribed(SessionUnsubscribedRequest) -> EmptySuccess;
    on_session_resumed(SessionResumedRequest) -> EmptySuccess;
    on_session_discarded(SessionDiscardedRequest) -> EmptySuccess;
    on_session_takenover(SessionTakenoverRequest) -> EmptySuccess;
    on_session_terminated(SessionTerminatedRequest) -> EmptySuccess;
    on_message_publish(MessagePublishRequest) -> ValuedResponse;
    on_message_delivered(MessageDeliveredRequest) -> EmptySuccess;
    on_message_dropped(MessageDroppedRequest) -> EmptySuccess;
    on_message_acked(MessageAckedRequest) -> EmptySuccess;
}

/// Serves until it is killed, and says where.
async fn serve(peer: &str) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    if peer == "ours" {
        let server = ExHookServer::new(Ours, ExHookSettings::default());
        return Ok(server.serve(listener, std::future::pending()).await?);
    }
    let service = v2::hook_provider_server::HookProviderServer::new(Generated);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Ok(Server::builder().add_service(service).serve_with_incoming(incoming).await?)
}

/// A server in a process of its own, killed when dropped.
struct Serving {
    process: Child,
    address: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Serving {
    fn start(peer: &str) -> Result<Self, Failure> {
        let mut process =
            Command::new(env::current_exe()?).args(["--serve", peer]).stdout(Stdio::piped()).spawn()?;
        let mut address = String::new();
        if let Some(out) = process.stdout.take() {
            BufReader::new(out).read_line(&mut address)?;
        }
        Ok(Self { process, address: address.trim().to_owned() })
    }

    /// Nanoseconds that its threads have run, as the scheduler counts them.
    fn processor_time(&self) -> Result<u64, Failure> {
        let mut sum = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            sum += text.split_whitespace().next().unwrap_or("0").parse::<u64>()?;
        }
        Ok(sum)
    }
}

// ---------------------------------------------------------------- the caller

#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(bytes.copy_to_bytes(bytes.remaining())))
    }
}

async fn call(channel: Channel, path: &'static str, request: Bytes) -> Result<(), Failure> {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await?;
    let mut request = Request::new(request);
    request.set_timeout(Duration::from_secs(5));
    grpc.unary(request, path.parse()?, Raw).await?;
    Ok(())
}

/// The request of another client: its id is the one letter `a` in all of them.
fn of_client(request: &Bytes, client: usize) -> Bytes {
    let mut request = request.to_vec();
    let id = request.windows(3).position(|bytes| bytes == [0x12, 0x01, b'a']);
    if let Some(letter) = id.and_then(|at| request.get_mut(at + 2)) {
        *letter = b'0' + (client % 64) as u8;
    }
    request.into()
}

/// Calls, many at once, each caller with a client of its own.
async fn load(channels: &[Channel], path: &'static str, request: &Bytes, calls: u32) -> Result<(), Failure> {
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..AT_ONCE {
        let (channel, request) = (channels[caller % channels.len()].clone(), of_client(request, caller));
        callers.spawn(async move {
            for _ in 0..calls / AT_ONCE as u32 {
                call(channel.clone(), path, request.clone()).await?;
            }
            Ok::<_, Failure>(())
        });
    }
    while let Some(done) = callers.join_next().await {
        done??;
    }
    Ok(())
}

/// Microseconds: of the server's processor for a call, and of a call alone;
/// and calls in a second.
async fn round(peer: &str, path: &'static str, request: &Bytes) -> Result<[f64; 3], Failure> {
    let serving = Serving::start(peer)?;
    let mut channels = Vec::new();
    for _ in 0..CHANNELS {
        channels.push(Endpoint::from_shared(format!("http://{}", serving.address))?.connect().await?);
    }
    load(&channels, path, request, CALLS / 10).await?;
    let (processor, clock) = (serving.processor_time()?, Instant::now());
    load(&channels, path, request, CALLS).await?;
    let busy = clock.elapsed().as_secs_f64();
    let processor = (serving.processor_time()? - processor) as f64 / 1e3;
    let clock = Instant::now();
    for _ in 0..ALONE {
        call(channels[0].clone(), path, request.clone()).await?;
    }
    let alone = clock.elapsed().as_secs_f64() * 1e6;
    Ok([processor / f64::from(CALLS), alone / f64::from(ALONE), f64::from(CALLS) / busy])
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

async fn measure(rounds: usize) -> Result<(), Failure> {
    println!(
        "{:<14} {:<8} {:>12} {:>8} {:>12} {:>12}",
        "hook", "peer", "CPU us/call", "ratio", "alone us", "calls/s"
    );
    for (name, method, hex) in CASES {
        let digits = hex.as_bytes().chunks(2);
        let request: Bytes = digits
            .map(|pair| u8::from_str_radix(str::from_utf8(pair)?, 16).map_err(Failure::from))
            .collect::<Result<_, _>>()?;
        let path: &'static str = format!("/emqx.exhook.v2.HookProvider/{method}").leak();
        let mut figures: [Vec<[f64; 3]>; 2] = Default::default();
        for _ in 0..rounds.max(1) {
            for (peer, figures) in ["tonic", "ours"].iter().zip(&mut figures) {
                figures.push(round(peer, path, &request).await?);
            }
        }
        // The ratio of each round's two, which ran next to each other.
        let ratios = figures[0].iter().zip(&figures[1]).map(|(tonic, ours)| ours[0] / tonic[0]).collect();
        let ratio = median(ratios);
        for (peer, figures, ratio) in [("tonic", &figures[0], 1.0), ("ours", &figures[1], ratio)] {
            let of = |at: usize| median(figures.iter().map(|one| one[at]).collect());
            println!("{name:<14} {peer:<8} {:>12.2} {ratio:>8.3} {:>12.1} {:>12.0}", of(0), of(1), of(2));
        }
    }
    Ok(())
}
