//! The imperative way: a function for each event, and a handle with a method
//! for each thing that EMQX can be asked.

mod connection;
mod runner;

use std::error::Error;
use std::future::Future;

use bytes::Bytes;

pub use self::connection::{Connection, PeerCertificate};
pub(super) use self::runner::Imperative;
use super::ending::End;
use super::pb;

/// How a callback ends. After an error, of EMQX or of your own, the connection
/// is closed; `?` works with every error type.
pub type Done = Result<(), Box<dyn Error + Send + Sync>>;

/// What is done with the events of connections, without a declaration of their
/// protocol: what the ExProto SDKs of other languages have.
///
/// * The callbacks of one connection are called one after the other, those of
///   different connections side by side.
/// * EMQX waits for the end of a callback before it tells of the next event
///   (unary service), which is the only way to slow a device down. A callback
///   that takes longer than
///   [`callback_timeout`](super::ExProtoSettings::callback_timeout) is given up
///   and its connection closed.
/// * A panic closes the connection concerned and is counted.
/// * When the handler stops, devices stay connected to EMQX, so there is no
///   [`on_terminated`](Self::on_terminated).
///
/// # Examples
///
/// ```no_run
/// use exproto_runtime::exproto::{Bytes, Callbacks, Connection, Done, ExProtoHandler, ExProtoSettings};
///
/// /// Sends lines back, with their number.
/// struct Echo;
///
/// #[derive(Default)]
/// struct Lines {
///     begun: Vec<u8>,
///     count: u32,
/// }
///
/// impl Callbacks for Echo {
///     type State = Lines;
///
///     async fn on_received(&self, conn: &Connection, state: &mut Lines, bytes: Bytes) -> Done {
///         // Bytes come cut anywhere.
///         state.begun.extend_from_slice(&bytes);
///         while let Some(end) = state.begun.iter().position(|byte| *byte == b'\n') {
///             let line: Vec<u8> = state.begun.drain(..=end).collect();
///             state.count += 1;
///             conn.send([state.count.to_string().as_bytes(), b" ", &line].concat()).await?;
///         }
///         if state.begun.len() > 1024 {
///             return Err("a line without an end".into());
///         }
///         Ok(())
///     }
/// }
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let handler = ExProtoHandler::with_callbacks(ExProtoSettings::new("http://127.0.0.1:9100"), Echo)?;
/// handler.listen("0.0.0.0:9001", std::future::pending()).await?;
/// # Ok(())
/// # }
/// ```
pub trait Callbacks: Send + Sync + 'static {
    /// What you keep for each connection; dropped when it has ended.
    type State: Default + Send + 'static;

    /// A device has connected.
    ///
    /// Called too for a connection that is
    /// [adopted](super::UnknownConnection::Adopt) or
    /// [resumed](super::UnknownConnection::Resume) in the middle.
    fn on_connect(&self, conn: &Connection, state: &mut Self::State) -> impl Future<Output = Done> + Send {
        let _ = (conn, state);
        async { Ok(()) }
    }

    /// Bytes of the device have come: of TCP any piece of its stream, of UDP a
    /// datagram, of which EMQX cuts off what is above 8,192 bytes.
    fn on_received(
        &self,
        conn: &Connection,
        state: &mut Self::State,
        bytes: Bytes,
    ) -> impl Future<Output = Done> + Send {
        let _ = (conn, state, bytes);
        async { Ok(()) }
    }

    /// Messages for a filter that the device is subscribed to have come, one
    /// or more, oldest first.
    fn on_deliver(
        &self,
        conn: &Connection,
        state: &mut Self::State,
        messages: Vec<Message>,
    ) -> impl Future<Output = Done> + Send {
        let _ = (conn, state, messages);
        async { Ok(()) }
    }

    /// The time of [`Connection::start_timer`] has passed without a byte. EMQX
    /// closes the connection after this event; before 4.3.19 it leaves that to
    /// the handler, as this does if it is not overridden.
    fn on_timer(&self, conn: &Connection, state: &mut Self::State) -> impl Future<Output = Done> + Send {
        let _ = state;
        async { Ok(conn.close().await?) }
    }

    /// The connection has ended. Called once for each
    /// [`on_connect`](Self::on_connect), the last callback of a connection; not after
    /// a panic, nor when the handler itself ends.
    /// Messages can still be published in nobody's name, with
    /// [`Connection::raw_publish`]. An error has no effect.
    fn on_terminated(
        &self,
        conn: &Connection,
        state: &mut Self::State,
        end: End,
    ) -> impl Future<Output = Done> + Send {
        let _ = (conn, state, end);
        async { Ok(()) }
    }
}

/// A message of the broker for a device.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// EMQX's name for it: 32 hexadecimal digits.
    pub id: String,
    /// The topic, without the listener's mountpoint.
    pub topic: String,
    /// The payload.
    pub payload: Bytes,
    /// The QoS it was published with: 0, 1 or 2.
    pub qos: u8,
    /// The client id of who has published it, `""` if EMQX itself.
    pub from: String,
    /// The EMQX node that hands it over.
    pub node: String,
    /// When it was published: milliseconds since 1970-01-01T00:00Z.
    pub timestamp: u64,
}

impl From<pb::Message> for Message {
    fn from(message: pb::Message) -> Self {
        let pb::Message { node, id, qos, from, topic, payload, timestamp } = message;
        let qos = u8::try_from(qos).unwrap_or(2).min(2);
        Self { id, topic, payload, qos, from, node, timestamp }
    }
}
