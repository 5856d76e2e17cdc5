//! EMQX's side, with as little work of its own as HTTP/2 allows: devices that send
//! one event after the other, and an adapter that answers every call.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use h2::client::SendRequest;
use h2::server::SendResponse;
use prost::Message as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tonic::codegen::http::{self, HeaderMap, HeaderValue};

use crate::Failure;
use crate::pb::{Address, ConnInfo, PublishRequest, ReceivedBytesRequest, SocketCreatedRequest};
use crate::peers::call;

/// As EMQX has one for each of its schedulers.
const CONNECTIONS: usize = 2;

/// What the adapter has seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) published: AtomicU64,
    /// The first publish.
    pub(crate) first: Mutex<Option<(String, Bytes)>>,
    /// Publishes are not answered.
    stalled: AtomicBool,
    go_on: Notify,
}

impl Seen {
    pub(crate) fn stall(&self, stalled: bool) {
        self.stalled.store(stalled, Ordering::SeqCst);
        self.go_on.notify_waiters();
    }
}

/// An adapter; its address and what it sees.
pub(crate) async fn adapter() -> Result<(String, Arc<Seen>), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let seen = Arc::new(Seen::default());
    let all = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let seen = Arc::clone(&all);
            let _ = socket.set_nodelay(true);
            tokio::spawn(async move {
                let mut builder = h2::server::Builder::new();
                builder.initial_window_size(1 << 20).initial_connection_window_size(1 << 24);
                builder.data_frame_budget(1 << 30);
                let Ok(mut connection) = builder.handshake::<_, Bytes>(socket).await else { return };
                while let Some(Ok((request, respond))) = connection.accept().await {
                    tokio::spawn(answer(request, respond, Arc::clone(&seen)));
                }
            });
        }
    });
    Ok((address, seen))
}

async fn answer(
    request: http::Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    seen: Arc<Seen>,
) -> Option<()> {
    let publish = request.uri().path().ends_with("/Publish");
    let mut body = request.into_body();
    let mut message = body.data().await?.ok()?;
    let _ = body.flow_control().release_capacity(message.len());
    // Some end the request with a frame of its own.
    while !body.is_end_stream() && body.data().await.is_some() {}
    if publish {
        if seen.published.fetch_add(1, Ordering::Relaxed) == 0 {
            message.advance(5);
            let request = PublishRequest::decode(message).ok()?;
            *seen.first.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((request.topic, request.payload));
        }
        while seen.stalled.load(Ordering::SeqCst) {
            let go_on = seen.go_on.notified();
            if seen.stalled.load(Ordering::SeqCst) {
                go_on.await;
            }
        }
    }
    let mut response = http::Response::new(());
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    let mut stream = respond.send_response(response, false).ok()?;
    // Success is a message without fields.
    stream.send_data(Bytes::from_static(&[0; 5]), false).ok()?;
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    stream.send_trailers(trailers).ok()
}

/// The way to a handler.
pub(crate) struct Way {
    connections: Vec<SendRequest<Bytes>>,
    urls: [http::Uri; 2],
}

impl Way {
    pub(crate) async fn to(handler: &str) -> Result<Arc<Self>, Failure> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            let socket = TcpStream::connect(handler).await?;
            socket.set_nodelay(true)?;
            let mut builder = h2::client::Builder::new();
            builder.initial_max_send_streams(1 << 20).initial_connection_window_size(1 << 24);
            // Thousands of answers may come at once.
            builder.data_frame_budget(1 << 30);
            let (client, connection) = builder.handshake(socket).await?;
            tokio::spawn(connection);
            connections.push(client);
        }
        let url = |method: &str| {
            format!("http://{handler}/emqx.exproto.v1.ConnectionUnaryHandler/{method}").parse()
        };
        Ok(Arc::new(Self { connections, urls: [url("OnSocketCreated")?, url("OnReceivedBytes")?] }))
    }

    /// Any of the connections, as EMQX takes any.
    async fn call(&self, which: usize, method: usize, message: Bytes) -> Result<(), Failure> {
        let client = self.connections[which % self.connections.len()].clone();
        call(client, self.urls[method].clone(), message)
            .await
            .ok_or_else(|| "an event was not answered".into())
    }
}

fn framed(message: &impl prost::Message) -> Bytes {
    let mut out = vec![0];
    out.extend_from_slice(&(message.encoded_len() as u32).to_be_bytes());
    out.extend_from_slice(&message.encode_to_vec());
    out.into()
}

/// A device that is logged in.
pub(crate) struct Device {
    way: Arc<Way>,
    number: usize,
    conn: String,
    events: usize,
}

impl Device {
    pub(crate) async fn connect(way: Arc<Way>, number: usize) -> Result<Self, Failure> {
        let conn = format!("g1hkAA5lbXF4QDEyNy4wLjAuMQ{number:08}AAAAAAAAAAM=");
        let mut device = Self { way, number, conn, events: number };
        let address = |port| Some(Address { host: "127.0.0.1".into(), port });
        let info =
            ConnInfo { socktype: 0, peername: address(10_000), sockname: address(7993), peercert: None };
        let created = SocketCreatedRequest { conn: device.conn.clone(), conninfo: Some(info) };
        device.way.call(device.events, 0, framed(&created)).await?;
        device.tell(&frame(0x0002, number, &[])).await?;
        Ok(device)
    }

    /// Tells of bytes and waits for the answer.
    pub(crate) async fn tell(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.events += 1;
        let event = ReceivedBytesRequest { conn: self.conn.clone(), bytes: Bytes::copy_from_slice(bytes) };
        self.way.call(self.events, 1, framed(&event)).await
    }

    pub(crate) fn report(&self) -> Vec<u8> {
        frame(0x0200, self.number, BODY)
    }
}

/// A location: 60 bytes as a whole frame.
const BODY: &[u8] = b"\0\0\0\0\0\0\0\x03\x01\x57\xf2\xa4\x06\xc9\x1b\x18\0\x37\x02\x1c\0\x5a\
    \x25\x06\x14\x09\x30\x15\x01\x04\0\x01\xe2\x41\x30\x01\x17\x31\x01\x0b\xe1\x03abc";

/// A frame of JT/T 808-2013 that needs no escapes.
fn frame(id: u16, number: usize, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::from(id.to_be_bytes());
    frame.extend_from_slice(&(body.len() as u16).to_be_bytes());
    let digits = format!("{:012}", 13_000_000_000 + number % 10_000);
    let digits = digits.as_bytes().chunks(2).map(|pair| (pair[0] - b'0') << 4 | (pair[1] - b'0'));
    frame.extend(digits);
    frame.extend_from_slice(&[0, 1]);
    frame.extend_from_slice(body);
    let sum = frame.iter().fold(0, |sum, byte| sum ^ byte);
    frame.push(sum);
    let mut wire = vec![0x7E];
    for byte in frame {
        match byte {
            0x7E => wire.extend_from_slice(&[0x7D, 2]),
            0x7D => wire.extend_from_slice(&[0x7D, 1]),
            byte => wire.push(byte),
        }
    }
    wire.push(0x7E);
    wire
}

/// Devices at work.
pub(crate) struct Load {
    devices: JoinSet<Result<Vec<u32>, Failure>>,
    pub(crate) done: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Load {
    /// Devices that send one event after the other, or one in `pause`, with so
    /// many frames each.
    pub(crate) fn start(devices: Vec<Device>, frames: usize, pause: Option<Duration>) -> Self {
        let (done, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let mut running = JoinSet::new();
        let count = devices.len() as u32;
        for (index, mut device) in devices.into_iter().enumerate() {
            let (done, stop) = (Arc::clone(&done), Arc::clone(&stop));
            running.spawn(async move {
                let bytes = device.report().repeat(frames);
                let mut times = Vec::new();
                let mut ticks = pause.map(|pause| {
                    // Spread over the time.
                    let first = tokio::time::Instant::now() + pause * index as u32 / count;
                    tokio::time::interval_at(first, pause)
                });
                while !stop.load(Ordering::Relaxed) {
                    if let Some(ticks) = &mut ticks {
                        ticks.tick().await;
                    }
                    let since = Instant::now();
                    device.tell(&bytes).await?;
                    times.push(since.elapsed().as_micros() as u32);
                    done.fetch_add(frames as u64, Ordering::Relaxed);
                }
                Ok(times)
            });
        }
        Self { devices: running, done, stop }
    }

    /// Ends it; the times from event to answer in microseconds, sorted.
    pub(crate) async fn end(mut self) -> Result<Vec<u32>, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        let mut times = Vec::new();
        while let Some(device) = self.devices.join_next().await {
            times.extend(device??);
        }
        times.sort_unstable();
        Ok(times)
    }
}

/// Connects many devices side by side.
pub(crate) async fn devices(way: &Arc<Way>, count: usize) -> Result<Vec<Device>, Failure> {
    let mut connecting = JoinSet::new();
    for number in 0..count {
        connecting.spawn(Device::connect(Arc::clone(way), number));
    }
    let mut devices = Vec::new();
    while let Some(device) = connecting.join_next().await {
        devices.push(device??);
    }
    Ok(devices)
}
