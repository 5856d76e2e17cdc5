//! What a connection needs of the thing its bytes go through.
//!
//! The connection asks for readiness first and takes a buffer only then, so a
//! silent device owns no read buffer. Every transport fits this form: TCP
//! below; TLS as a sans-IO engine over TCP; a datagram peer as a queue that
//! the listener's receive loop fills.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A byte stream, or a peer of a datagram socket.
pub(crate) trait Transport: Send + 'static {
    /// Waits until [`try_read`](Self::try_read) is worth a try.
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Reads what is there; 0 at the end of the stream.
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Waits until [`try_write`](Self::try_write) is worth a try.
    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Writes what there is room for. Whoever is told that nothing could be
    /// written tries again with the same bytes, and maybe more behind them:
    /// they may have been ciphered.
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Tells the device that nothing more will come.
    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

impl Transport for TcpStream {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(cx)
    }

    /// Reads as `AsyncRead` does, which knows that a buffer that was not filled
    /// has emptied the socket: the inherent function would be called once more
    /// for each frame, and the system with it, to be told that nothing is there.
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        // Whoever finds nothing here waits with `poll_readable`.
        match Pin::new(self).poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer) {
            Poll::Ready(Ok(())) => Ok(buffer.filled().len()),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_ready(cx)
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::try_write(self, bytes)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self).poll_shutdown(cx)
    }
}
