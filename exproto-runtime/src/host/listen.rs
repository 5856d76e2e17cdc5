//! Taking connections.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::HostError;
use super::admission::{Entrance, Rules};
use super::entry::{self, Entry};
use super::serve::{Arrival, Serve};
use super::settings::{Limits, Listener};
use super::worker::Crew;
use crate::metrics::Shed;
use crate::metrics::{Counter, Ended, Metrics};
use crate::session::{ConnInfo, SessionSettings};
#[cfg(feature = "tls")]
use crate::tls::Certificates;

/// How long to wait when the system has no descriptor or memory left for
/// another connection.
const BACK_OFF: Duration = Duration::from_millis(100);

/// A listener that is bound.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) name: Box<str>,
    pub(super) address: SocketAddr,
    socket: StdListener,
    rules: Rules,
    limits: Arc<Limits>,
    session: Arc<SessionSettings>,
    /// What connections have to do first, if anything.
    pub(super) entry: Option<Arc<Entry>>,
}

/// Binds a listener. Needs no runtime.
pub(super) fn bind(listener: Listener, allowed: usize) -> Result<Bound, HostError> {
    #[allow(unused_mut, reason = "certificates are a feature")]
    let mut entry = Entry::new(listener.balancers.clone(), listener.handshake_timeout, listener.handshakes);
    #[cfg(feature = "tls")]
    if let Some(tls) = &listener.tls {
        let certificates = Certificates::open(tls.clone(), b"")
            .map_err(|source| HostError::Tls { listener: listener.name.clone(), source })?;
        entry.certificates = Some(certificates);
    }
    let (socket, address) = open(&listener).map_err(|source| HostError::Bind {
        listener: listener.name.clone(),
        address: listener.address,
        source,
    })?;
    Ok(Bound {
        name: listener.name,
        address,
        socket,
        rules: Rules {
            connections: listener.rules.connections.min(allowed),
            all_buffers: listener.limits.all_buffers,
            ..listener.rules
        },
        limits: Arc::new(listener.limits),
        session: listener.session,
        entry: entry.is_needed().then(|| Arc::new(entry)),
    })
}

/// The socket, and the address that it has got.
fn open(listener: &Listener) -> io::Result<(StdListener, SocketAddr)> {
    let domain = Domain::for_address(listener.address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    // On Windows this option would let others steal the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit these.
    if let Some(bytes) = listener.receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(bytes) = listener.send_buffer {
        socket.set_send_buffer_size(bytes)?;
    }
    socket.bind(&listener.address.into())?;
    socket.listen(i32::try_from(listener.backlog).unwrap_or(i32::MAX))?;
    socket.set_nonblocking(true)?;
    let socket: StdListener = socket.into();
    let address = socket.local_addr()?;
    Ok((socket, address))
}

/// Takes connections until it is dropped.
pub(super) async fn accept(
    bound: Bound,
    crew: &Crew,
    serve: &Arc<impl Serve>,
    metrics: &Arc<Metrics>,
) -> io::Result<()> {
    let socket = TcpListener::from_std(bound.socket)?;
    let entrance = Entrance::new(metrics, bound.rules, Instant::now());
    loop {
        let (stream, peer) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                metrics.shard(0).add(Counter::AcceptErrors, 1);
                if is_of_one_connection(&error) {
                    debug!(listener = %bound.name, %error, "a connection broke before it was taken");
                } else {
                    warn!(listener = %bound.name, %error, "cannot take a connection");
                    tokio::time::sleep(BACK_OFF).await;
                }
                continue;
            }
        };
        let now = Instant::now();
        let admitted = match bound.entry.as_ref().filter(|entry| entry.is_balanced()) {
            None => entrance.admit(peer.ip(), now),
            // Whose connection it is, its header will say.
            Some(entry) if entry.believes(peer.ip()) => entrance.admit_unseen(now),
            Some(_) => Err(entrance.shed(Shed::Network)),
        };
        let place = match admitted {
            Ok(place) => place,
            Err(reason) => {
                debug!(listener = %bound.name, %peer, %reason, "a new connection is turned away");
                continue;
            }
        };
        let pass = match bound.entry.as_ref().map(Entry::pass) {
            Some(None) => {
                metrics.shard(0).shed(Shed::Handshakes);
                debug!(listener = %bound.name, %peer, "too many handshakes, a new connection is turned away");
                continue;
            }
            Some(pass) => pass,
            None => None,
        };
        let stream = match hand_over(stream) {
            Ok(stream) => stream,
            Err(error) => {
                metrics.shard(0).add(Counter::AcceptErrors, 1);
                debug!(listener = %bound.name, %peer, %error, "a connection broke at once");
                continue;
            }
        };
        let Some((runtime, mut seat)) = crew.seat(place) else { continue };
        seat.shard().add(Counter::Accepted, 1);
        // The worker's own reactor watches the socket from here on.
        let guard = runtime.enter();
        let watched = TcpStream::from_std(stream);
        drop(guard);
        let stream = match watched {
            Ok(stream) => stream,
            Err(error) => {
                warn!(listener = %bound.name, %peer, %error, "cannot watch a socket");
                seat.ended(Ended::Broken);
                continue;
            }
        };
        let local = stream.local_addr().unwrap_or(bound.address);
        let info = ConnInfo { peer, local, listener: bound.name.clone(), ..ConnInfo::default() };
        let (limits, session) = (Arc::clone(&bound.limits), Arc::clone(&bound.session));
        let arrival = Arrival { info, limits, session, seat };
        if let Some(pass) = pass {
            runtime.spawn(entry::enter(Arc::clone(serve), arrival, stream, pass));
            continue;
        }
        serve.begin(&runtime, arrival, stream);
    }
}

/// Takes the socket away from the runtime of the listener.
fn hand_over(stream: TcpStream) -> io::Result<StdStream> {
    stream.set_nodelay(true)?;
    stream.into_std()
}

/// Whether the error is one of the connection that was to be taken, so that
/// the next one may do well.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
