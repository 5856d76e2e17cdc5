//! EMQX's side: calls by path and bytes, so that nothing of the provider's own
//! code reads or writes them.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

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

/// A node of EMQX.
#[derive(Clone)]
pub(super) struct Emqx {
    channel: Channel,
    /// `5S` unless a test is about it.
    pub(super) patience: Duration,
}

impl Emqx {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self::over(Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy())
    }

    pub(super) fn over(channel: Channel) -> Self {
        Self { channel, patience: Duration::from_secs(60) }
    }

    pub(super) async fn call_path(&self, path: &str, request: Bytes) -> Result<Bytes, Status> {
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let mut request = Request::new(request);
        request.set_timeout(self.patience);
        let answer = grpc.unary(request, path.parse().unwrap(), Raw).await?;
        Ok(answer.into_inner())
    }

    /// Calls a method of a generation.
    pub(super) async fn call(&self, generation: &str, method: &str, request: Bytes) -> Bytes {
        let path = format!("/emqx.exhook.{generation}.HookProvider/{method}");
        self.call_path(&path, request).await.unwrap()
    }
}

/// A message of the wire format, written by hand.
#[derive(Clone, Default)]
pub(super) struct Wire(Vec<u8>);

impl Wire {
    pub(super) fn new() -> Self {
        Self::default()
    }

    fn varint(mut self, mut number: u64) -> Self {
        while number > 0x7F {
            self.0.push((number & 0x7F) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
        self
    }

    pub(super) fn int(self, field: u64, number: u64) -> Self {
        self.varint(field << 3).varint(number)
    }

    pub(super) fn text(self, field: u64, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        let mut wire = self.varint(field << 3 | 2).varint(bytes.len() as u64);
        wire.0.extend_from_slice(bytes);
        wire
    }

    pub(super) fn part(self, field: u64, part: Self) -> Self {
        self.text(field, part.0)
    }

    pub(super) fn bytes(self) -> Bytes {
        self.0.into()
    }
}

/// A client.
pub(super) fn client(id: &str, port: u64) -> Wire {
    Wire::new().text(1, "n@1").text(2, id).text(4, "secret").text(5, "10.0.0.1").int(13, port)
}

/// A request about a client alone.
pub(super) fn about(client: Wire) -> Bytes {
    Wire::new().part(1, client).bytes()
}

/// `OnClientAuthorize` of a publish on a topic.
pub(super) fn authorize(topic: &str) -> Bytes {
    Wire::new().part(1, client("a", 1)).text(3, topic).int(4, 1).bytes()
}

/// A message.
pub(super) fn message(id: &str, topic: &str, payload: &str) -> Wire {
    Wire::new().text(2, id).int(3, 1).text(4, "a").text(5, topic).text(6, payload)
}

/// `OnMessagePublish`.
pub(super) fn publish(id: &str, topic: &str, payload: &str) -> Bytes {
    Wire::new().part(1, message(id, topic, payload)).bytes()
}
