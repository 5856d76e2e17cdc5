//! The way back from a broker to one device.
//!
//! An idle device's inbox is two reference counts and an empty queue, well
//! below what a channel with preallocated blocks takes; its lock is only ever
//! contended between the device and the one task that brings it a notice.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::{Notice, Receipt};
use crate::session::{Outcome, Ticket};

/// Room that an empty queue keeps.
const KEEP: usize = 4;

/// Where [`Notice`]s of one device go.
///
/// The ends of requests always fit, because a device has few requests under
/// way. Messages are bounded: one that finds the inbox full is dropped and
/// counted, because a broker connection that is shared by many devices must
/// not wait for one of them.
#[derive(Debug)]
pub struct Inbox {
    shared: Arc<Shared>,
}

/// The other end of an [`Inbox`].
#[derive(Debug)]
pub struct Outbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: usize,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    notices: VecDeque<Notice>,
    /// Messages among the notices.
    messages: usize,
    dropped: u64,
    /// Inboxes that are left.
    senders: usize,
    /// Whether the device is gone.
    closed: bool,
    waiting: Option<Waker>,
}

/// An inbox for at most `limit` messages that wait.
#[must_use]
pub fn inbox(limit: usize) -> (Inbox, Outbox) {
    let queue = Mutex::new(Queue { senders: 1, ..Queue::default() });
    let shared = Arc::new(Shared { limit, queue });
    (Inbox { shared: Arc::clone(&shared) }, Outbox { shared })
}

impl Shared {
    /// Nothing panics while it holds the lock, so a poisoned one is as good.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the queue and wakes the device outside the lock.
    fn put(&self, change: impl FnOnce(&mut Queue) -> bool) -> bool {
        let mut queue = self.queue();
        let done = change(&mut queue);
        let waiting = if done { queue.waiting.take() } else { None };
        drop(queue);
        if let Some(waker) = waiting {
            waker.wake();
        }
        done
    }

    fn push(&self, notice: Notice) {
        self.put(|queue| {
            if !queue.closed {
                queue.notices.push_back(notice);
            }
            !queue.closed
        });
    }
}

impl Inbox {
    /// Reports the end of a request.
    pub fn completed(&self, ticket: Ticket, outcome: Outcome) {
        self.shared.push(Notice::Completed(ticket, outcome));
    }

    /// Hands a message over; `false` if it was dropped.
    pub fn message(&self, topic: Arc<str>, payload: Bytes, qos: u8) -> bool {
        self.message_with(topic, payload, qos, None)
    }

    /// Hands over a message that the broker keeps until it is confirmed.
    pub(crate) fn message_with(
        &self,
        topic: Arc<str>,
        payload: Bytes,
        qos: u8,
        receipt: Option<Receipt>,
    ) -> bool {
        self.shared.put(|queue| {
            if queue.closed {
                return false;
            }
            if queue.messages >= self.shared.limit {
                queue.dropped += 1;
                return false;
            }
            queue.messages += 1;
            queue.notices.push_back(Notice::Message { topic, payload, qos, receipt });
            true
        })
    }

    /// Tells the device to go.
    pub fn close(&self, reason: &str) {
        self.shared.push(Notice::Closed(reason.into()));
    }

    /// How many messages may wait.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.shared.limit
    }

    /// Whether the device is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.queue().closed
    }
}

impl Clone for Inbox {
    fn clone(&self) -> Self {
        self.shared.queue().senders += 1;
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.shared.put(|queue| {
            queue.senders = queue.senders.saturating_sub(1);
            queue.senders == 0
        });
    }
}

impl Outbox {
    /// The next notice; `None` when the broker side is gone.
    pub async fn next(&mut self) -> Option<Notice> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The next notice, for futures written by hand.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Notice>> {
        let mut queue = self.shared.queue();
        if let Some(notice) = queue.take() {
            return Poll::Ready(Some(notice));
        }
        if queue.senders == 0 {
            return Poll::Ready(None);
        }
        match &mut queue.waiting {
            Some(waker) => waker.clone_from(cx.waker()),
            empty => *empty = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// The next notice that is no message, for a device that cannot take
    /// messages now; `None` when the broker side is gone.
    #[cfg(feature = "emqx")]
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Option<Notice>> {
        let mut queue = self.shared.queue();
        if let Some(notice) = queue.take_end() {
            return Poll::Ready(Some(notice));
        }
        if queue.senders == 0 {
            return Poll::Ready(None);
        }
        match &mut queue.waiting {
            Some(waker) => waker.clone_from(cx.waker()),
            empty => *empty = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// The next notice if one is there.
    pub fn try_next(&mut self) -> Option<Notice> {
        self.shared.queue().take()
    }

    /// Messages dropped because the inbox was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.queue().dropped
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.closed = true;
        queue.waiting = None;
        let left = std::mem::take(&mut queue.notices);
        drop(queue);
        // What a notice holds is freed without the lock.
        drop(left);
    }
}

impl Queue {
    fn take(&mut self) -> Option<Notice> {
        let notice = self.notices.pop_front()?;
        if matches!(notice, Notice::Message { .. }) {
            self.messages = self.messages.saturating_sub(1);
        }
        if self.notices.is_empty() && self.notices.capacity() > KEEP {
            self.notices = VecDeque::new();
        }
        Some(notice)
    }

    /// The first notice that is no message.
    #[cfg(feature = "emqx")]
    fn take_end(&mut self) -> Option<Notice> {
        if self.notices.len() == self.messages {
            return None;
        }
        let at = self.notices.iter().position(|notice| !matches!(notice, Notice::Message { .. }))?;
        self.notices.remove(at)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn message(inbox: &Inbox) -> bool {
        inbox.message("t".into(), Bytes::from_static(b"p"), 0)
    }

    #[test]
    fn notices_keep_their_order_and_only_messages_are_bounded() {
        let (sender, mut receiver) = inbox(2);
        assert!(message(&sender));
        assert!(message(&sender));
        assert!(!message(&sender));
        sender.completed(Ticket(7), Outcome::Done);
        sender.close("bye");
        assert_eq!(receiver.dropped(), 1);
        assert!(matches!(receiver.try_next(), Some(Notice::Message { .. })));
        assert!(message(&sender), "a taken message makes room");
        assert!(matches!(receiver.try_next(), Some(Notice::Message { .. })));
        assert!(matches!(receiver.try_next(), Some(Notice::Completed(Ticket(7), Outcome::Done))));
        assert!(matches!(receiver.try_next(), Some(Notice::Closed(_))));
        assert!(matches!(receiver.try_next(), Some(Notice::Message { .. })));
        assert!(receiver.try_next().is_none());
    }

    #[test]
    fn the_device_is_woken_by_a_notice_and_by_the_last_inbox() {
        let (sender, mut receiver) = inbox(1);
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&count));
        let mut cx = Context::from_waker(&waker);
        assert!(receiver.poll_next(&mut cx).is_pending());
        sender.completed(Ticket(1), Outcome::Done);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(matches!(receiver.poll_next(&mut cx), Poll::Ready(Some(_))));
        assert!(receiver.poll_next(&mut cx).is_pending());
        let second = sender.clone();
        drop(sender);
        assert_eq!(count.0.load(Ordering::SeqCst), 1, "one inbox is left");
        drop(second);
        assert_eq!(count.0.load(Ordering::SeqCst), 2);
        assert!(matches!(receiver.poll_next(&mut cx), Poll::Ready(None)));
    }

    #[test]
    fn nothing_is_kept_for_a_device_that_is_gone() {
        let (sender, receiver) = inbox(1);
        assert!(!sender.is_closed());
        drop(receiver);
        assert!(sender.is_closed());
        assert!(!message(&sender));
        sender.completed(Ticket(1), Outcome::Done);
        assert!(sender.shared.queue().notices.is_empty());
    }
}
