//! What a frame waits for outside: a question to a database, to a service.

use core::any::Any;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::gateway::Refusal;
use super::line::Note;

/// A question to somewhere else that a frame waits for: what a
/// [`lookup`](crate::doc::route#lookup) function returns.
///
/// The driver polls it on the runtime of the gateway, so it must not block.
///
/// # Examples
///
/// ```
/// use exproto_runtime::session::{Lookup, Refusal};
///
/// fn owner(number: u32) -> Lookup {
///     Lookup::new(async move {
///         // A request over HTTP, say.
///         if number == 0 { Err(Refusal::new("unknown device")) } else { Ok(format!("owner-{number}")) }
///     })
/// }
/// # let _ = owner(7);
/// ```
pub struct Lookup(Pin<Box<dyn Future<Output = Result<Note, Refusal>> + Send>>);

/// How a [`Lookup`] ended.
pub struct Ran(pub(crate) Result<Note, Refusal>, bool);

impl Lookup {
    /// A lookup that gives what the future gives:
    /// [`Cx::found`](super::Cx::found) to all functions of the frame, or a
    /// refusal of the frame.
    pub fn new<T: Any + Send>(future: impl Future<Output = Result<T, Refusal>> + Send + 'static) -> Self {
        Self(Box::pin(async move { future.await.map(|found| Box::new(found) as Note) }))
    }
}

impl Future for Lookup {
    type Output = Ran;

    /// A panic is a refusal.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ran> {
        // It is not polled again after a panic.
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx))) {
            Ok(poll) => poll.map(|found| Ran(found, false)),
            Err(_) => Poll::Ready(Ran(Err(Refusal::new("the lookup panicked")), true)),
        }
    }
}

impl Ran {
    /// A lookup that could not be made: for drivers and tools.
    #[must_use]
    pub fn refused(reason: &str) -> Self {
        Self(Err(Refusal::new(reason)), false)
    }

    /// Whether the user's code has panicked, which drivers count.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.1
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup")
    }
}

impl fmt::Debug for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ok(_) => f.write_str("Ran(found)"),
            Err(refusal) => write!(f, "Ran({refusal})"),
        }
    }
}

/// What a `lookup` function may return.
#[diagnostic::on_unimplemented(
    message = "a `lookup` function returns a `Lookup`, or an `Option` of one, not `{Self}`",
    label = "write `Lookup::new(async move {{ .. }})`"
)]
pub trait Looks {
    /// The lookup, if there is one.
    fn lookup(self) -> Option<Lookup>;
}

impl Looks for Lookup {
    fn lookup(self) -> Option<Lookup> {
        Some(self)
    }
}

impl Looks for Option<Lookup> {
    fn lookup(self) -> Option<Lookup> {
        self
    }
}
