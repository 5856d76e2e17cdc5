//! Messages of the broker that become frames to the device.

use super::{Core, Given};
use crate::session::event::{Millis, Out};
use crate::session::gateway::Gateway;
use crate::session::line::{Asking, Open, Request};
use crate::session::report::Report;

impl<G: Gateway> Core<G> {
    pub(super) fn message(&mut self, now: Millis, topic: &str, payload: &[u8], out: &mut Out) {
        if !self.is_member() {
            return self.undeliverable(topic, "the device is not logged in".into());
        }
        if self.polls {
            return self.enqueue(topic, payload);
        }
        self.deliver(now, topic, payload, out);
    }

    /// Makes a frame of a message and sends it.
    pub(super) fn deliver(&mut self, now: Millis, topic: &str, payload: &[u8], out: &mut Out) {
        let start = out.buffer().len();
        let mut asking = Asking::default();
        let mut cx = self.device.cx(&self.settings, Given::NONE).for_asking(&mut asking);
        match G::deliver(topic, payload, &mut cx, out.buffer()) {
            Ok(mut delivery) => {
                if out.buffer().len() > start {
                    self.counters.downlinks.up();
                }
                let request = Request::new(delivery.kind, asking.note);
                match delivery.answer.take_if(|_| !asking.no_answer) {
                    Some(pairing) if self.polls => return self.open(now, request, pairing, start, out),
                    Some(pairing) => {
                        let open = Open { request, pairing, bytes: Box::default(), until: None, tries: 0 };
                        return self.expect_answer(now, open, start, out);
                    }
                    None if self.polls => self.free_after_gap(now),
                    None => {}
                }
                out.send_from(start);
            }
            Err(error) => {
                out.buffer().truncate(start);
                self.undeliverable(topic, error.to_string());
            }
        }
    }

    #[cold]
    pub(super) fn undeliverable(&mut self, topic: &str, reason: String) {
        self.rare().counters.undeliverable.up();
        self.report(Report::Undeliverable { topic: topic.into(), reason });
    }
}
