//! TLS between a connection and its socket.
//!
//! rustls is used without buffers of its own: what is read lies in a buffer of
//! the thread while it is deciphered, and only what cannot be used yet is
//! kept. A silent device has the keys and counters of its two directions, and
//! no buffer.
//!
//! | what is kept | bound | when |
//! |---|---|---|
//! | bytes that are no whole record yet, or that the connection has not asked for | [`READ`] and one record | until more comes, or is asked for |
//! | what these bytes say | as much again | until the connection has read it |
//! | a record for the device | 16 KiB | until its socket takes it |
//!
//! A stream that ends without `close_notify` counts as broken: somebody on the
//! way may have cut it.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::ServerConfig;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, UnbufferedStatus};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

use super::transport::Transport;
use crate::session::PeerCertificate;
use crate::tls::describe;

/// Bytes read from the socket at once: a record of the usual greatest size.
const READ: usize = 16 * 1024 + 512;

/// Content of one record.
const RECORD: usize = 16 * 1024;

/// What a record is longer than its content, generously.
const SEALING: usize = 256;

/// Bytes that wait for the rest of a handshake message, which holds a client's
/// certificates. rustls itself would wait for 64 KiB.
const MESSAGE: usize = 32 * 1024;

thread_local! {
    static WIRE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Lends the thread's buffer for what is on the wire. After a panic the next
/// one is new.
fn lend<R>(work: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let mut wire = WIRE.take();
    wire.clear();
    let result = work(&mut wire);
    WIRE.set(wire);
    result
}

/// A connection inside TLS.
pub(super) struct Tls {
    stream: TcpStream,
    engine: Box<UnbufferedServerConnection>,
    /// Bytes of the device that were not deciphered yet.
    sealed: Vec<u8>,
    /// Whether there may be a whole record in them.
    more: bool,
    /// Content that the connection has not read, from `taken` on.
    open: Vec<u8>,
    taken: usize,
    /// Bytes that the socket has not taken, from `sent` on.
    out: Vec<u8>,
    sent: usize,
    /// Content in `out` that the connection still holds to be its own.
    owed: usize,
    /// Whether the device has said that it will send no more.
    ended: bool,
    /// Whether the device was told that nothing more will come.
    finished: bool,
    /// Whether the engine has failed: it must not work on anything again.
    failed: bool,
}

/// How far the engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Engine {
    /// It can cipher what is given to it.
    Ready,
    /// The handshake needs more from the device.
    Wants,
    /// As much content as there was room for is deciphered.
    Full,
    /// Both sides are done.
    Over,
}

/// What the engine has done.
struct Driven {
    engine: Engine,
    read: usize,
    written: usize,
}

/// What is to be ciphered, the end if nothing, and where to.
struct Write<'b> {
    what: Option<&'b [u8]>,
    into: &'b mut [u8],
}

/// Where deciphered bytes go: to the reader, the rest aside.
struct Read<'b> {
    reader: &'b mut [u8],
    filled: usize,
    aside: &'b mut Vec<u8>,
}

impl Read<'_> {
    fn put(&mut self, content: &[u8]) {
        let room = self.reader.get_mut(self.filled..).unwrap_or(&mut []);
        let fits = room.len().min(content.len());
        let (now, later) = content.split_at(fits);
        if let Some(room) = room.get_mut(..fits) {
            room.copy_from_slice(now);
        }
        self.filled += fits;
        self.aside.extend_from_slice(later);
    }

    fn is_full(&self) -> bool {
        self.filled > 0 && self.filled == self.reader.len() || !self.aside.is_empty()
    }
}

impl Tls {
    /// A connection whose handshake is still to come.
    pub(super) fn new(stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<Self> {
        let engine = Box::new(UnbufferedServerConnection::new(config).map_err(other)?);
        Ok(Self {
            stream,
            engine,
            sealed: Vec::new(),
            more: false,
            open: Vec::new(),
            taken: 0,
            out: Vec::new(),
            sent: 0,
            owed: 0,
            ended: false,
            finished: false,
            failed: false,
        })
    }

    /// Goes on with the handshake until it is done.
    pub(super) fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.more {
                let mut wire = std::mem::take(&mut self.sealed);
                let result = self.drive(&mut wire, &mut [], None);
                self.sealed = wire;
                self.more = false;
                match result {
                    // Answers leave in any case: an alert tells the device why.
                    Err(error) => {
                        let _ = self.flush();
                        return Poll::Ready(Err(error));
                    }
                    Ok(Driven { engine: Engine::Over, .. }) => {
                        return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                    }
                    Ok(_) => {}
                }
            }
            if !self.out.is_empty() {
                ready!(self.poll_flush(cx))?;
            }
            if !self.engine.is_handshaking() {
                // What came behind it may be whole records.
                self.more = !self.sealed.is_empty();
                return Poll::Ready(Ok(()));
            }
            ready!(self.stream.poll_read_ready(cx))?;
            let read = lend(|wire| {
                wire.resize(READ, 0);
                let length = self.stream.try_read(wire)?;
                self.sealed.extend_from_slice(wire.get(..length).unwrap_or(&[]));
                Ok(length)
            });
            match read {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Ok(_) if self.sealed.len() > MESSAGE => {
                    return Poll::Ready(Err(other("a handshake message is too long")));
                }
                Ok(_) => self.more = true,
                Err(error) if is_transient(&error) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// The certificate that the device has shown.
    pub(super) fn certificate(&self) -> Option<Arc<PeerCertificate>> {
        let shown = self.engine.peer_certificates()?.first()?;
        Some(Arc::new(describe(shown)))
    }

    /// Lets the engine work on what has come until it needs more, or until the
    /// reader's buffer is full; how far it is, and how much the reader got.
    /// What is to be written is ciphered into `into` then, and always, whatever
    /// has come.
    fn drive(
        &mut self,
        wire: &mut Vec<u8>,
        reader: &mut [u8],
        mut write: Option<Write<'_>>,
    ) -> io::Result<Driven> {
        if self.failed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut read = Read { reader, filled: 0, aside: &mut self.open };
        let mut done = 0;
        let mut failure = None;
        let mut written = 0;
        let mut engine = loop {
            let rest = wire.get_mut(done..).unwrap_or(&mut []);
            let UnbufferedStatus { mut discard, state, .. } = self.engine.process_tls_records(rest);
            let next = match state {
                Ok(ConnectionState::ReadTraffic(mut records)) => {
                    while let Some(record) = records.next_record() {
                        let record = record.map_err(other)?;
                        discard += record.discard;
                        read.put(record.payload);
                    }
                    (read.is_full() && write.is_none()).then_some(Engine::Full)
                }
                Ok(ConnectionState::EncodeTlsData(mut message)) => {
                    let start = self.out.len();
                    if let Err(EncodeError::InsufficientSize(size)) = message.encode(&mut []) {
                        self.out.resize(start + size.required_size, 0);
                        let room = self.out.get_mut(start..).unwrap_or(&mut []);
                        message.encode(room).map_err(other)?;
                    }
                    None
                }
                // They leave with `flush`.
                Ok(ConnectionState::TransmitTlsData(message)) => {
                    message.done();
                    None
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.ended = true;
                    None
                }
                Ok(ConnectionState::WriteTraffic(mut engine)) => {
                    if let Some(Write { what, into }) = write.take() {
                        written = match what {
                            Some(content) => engine.encrypt(content, into),
                            None => engine.queue_close_notify(into),
                        }
                        .map_err(other)?;
                    }
                    Some(Engine::Ready)
                }
                Ok(ConnectionState::BlockedHandshake) => Some(Engine::Wants),
                Ok(ConnectionState::Closed) => Some(Engine::Over),
                Ok(_) => return Err(other("early data, which was not offered")),
                Err(error) => {
                    failure = Some(error);
                    None
                }
            };
            done += discard;
            if let Some(next) = next {
                break next;
            }
            // An alert may be left that tells the device why. Beyond that, the
            // engine would stumble over the same bytes again.
            if failure.is_some() && !self.engine.wants_write() {
                break Engine::Over;
            }
        };
        if engine == Engine::Ready && self.engine.is_handshaking() {
            engine = Engine::Wants;
        }
        let read = read.filled;
        wire.drain(..done.min(wire.len()));
        match failure {
            Some(error) => {
                self.failed = true;
                Err(other(error))
            }
            None => Ok(Driven { engine, read, written }),
        }
    }

    /// Ciphers and sends; whether the socket has taken all of it.
    fn send(&mut self, what: Option<&[u8]>) -> io::Result<()> {
        // The engine may hold part of a message, and has to see it each time.
        let mut sealed = std::mem::take(&mut self.sealed);
        let result = lend(|into| {
            into.resize(RECORD + SEALING, 0);
            let driven = self.drive(&mut sealed, &mut [], Some(Write { what, into }))?;
            if driven.engine != Engine::Ready || driven.written == 0 {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let mut rest = into.get(..driven.written).unwrap_or(&[]);
            if self.out.is_empty() {
                match self.stream.try_write(rest) {
                    Ok(length) => rest = rest.get(length..).unwrap_or(&[]),
                    Err(error) if is_transient(&error) => {}
                    Err(error) => return Err(error),
                }
            }
            self.out.extend_from_slice(rest);
            Ok(())
        });
        self.sealed = sealed;
        result?;
        self.flush()
    }

    /// Sends what the socket has not taken.
    fn flush(&mut self) -> io::Result<()> {
        while let Some(rest) = self.out.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.try_write(rest) {
                Ok(length) => self.sent += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out = Vec::new();
        self.sent = 0;
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            ready!(self.stream.poll_write_ready(cx))?;
            match self.flush() {
                Err(error) if is_transient(&error) => {}
                result => return Poll::Ready(result),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Gives the reader what was set aside.
    fn read_aside(&mut self, buffer: &mut [u8]) -> usize {
        let rest = self.open.get(self.taken..).unwrap_or(&[]);
        let length = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), rest.get(..length)) {
            to.copy_from_slice(from);
        }
        self.taken += length;
        if self.taken == self.open.len() {
            self.open = Vec::new();
            self.taken = 0;
        }
        length
    }
}

impl Transport for Tls {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.open.is_empty() || self.more || self.ended {
            return Poll::Ready(Ok(()));
        }
        // What the engine says of its own accord, such as new keys.
        if !self.out.is_empty()
            && let Poll::Ready(Err(error)) = self.poll_flush(cx)
        {
            return Poll::Ready(Err(error));
        }
        self.stream.poll_read_ready(cx)
    }

    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.open.is_empty() {
            return Ok(self.read_aside(buffer));
        }
        lend(|wire| {
            loop {
                wire.clear();
                wire.append(&mut self.sealed);
                if !self.more {
                    if self.ended {
                        return Ok(0);
                    }
                    let start = wire.len();
                    wire.resize(start + READ, 0);
                    match self.stream.try_read(wire.get_mut(start..).unwrap_or(&mut [])) {
                        Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                        Ok(length) => wire.truncate(start + length),
                        Err(error) => {
                            self.sealed.extend_from_slice(wire.get(..start).unwrap_or(&[]));
                            return Err(error);
                        }
                    }
                }
                let result = self.drive(wire, buffer, None);
                // Vectors that fit: this may be kept for long.
                self.sealed = wire.as_slice().to_vec();
                let driven = match result {
                    Ok(driven) => driven,
                    Err(error) => {
                        let _ = self.flush();
                        return Err(error);
                    }
                };
                self.more = driven.engine == Engine::Full && !self.sealed.is_empty();
                if self.sealed.len() > MESSAGE {
                    return Err(other("a handshake message is too long"));
                }
                if driven.read > 0 || self.ended {
                    return Ok(driven.read);
                }
            }
        })
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        self.stream.poll_write_ready(cx)
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        let owed = std::mem::take(&mut self.owed);
        if owed > 0 {
            return Ok(owed);
        }
        let part = bytes.get(..RECORD).unwrap_or(bytes);
        if part.is_empty() {
            return Ok(0);
        }
        match self.send(Some(part)) {
            Ok(()) => Ok(part.len()),
            Err(error) if is_transient(&error) => {
                // Ciphered, and sent when the socket takes it.
                self.owed = part.len();
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.finished {
            self.finished = true;
            match self.send(None) {
                Err(error) if !is_transient(&error) => return Poll::Ready(Err(error)),
                _ => {}
            }
        }
        ready!(self.poll_flush(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("stream", &self.stream).finish_non_exhaustive()
    }
}

fn other(error: impl std::convert::Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::other(error)
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
