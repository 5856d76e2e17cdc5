//! Messages of the broker that become frames to the device.

use super::limits::after;
use super::{Core, Given};
use crate::session::event::{Millis, Out};
use crate::session::gateway::Gateway;
use crate::session::report::Report;

impl<G: Gateway> Core<G> {
    pub(super) fn message(&mut self, now: Millis, topic: &str, payload: &[u8], out: &mut Out) {
        if !self.is_member() {
            return self.undeliverable(topic, "the device is not logged in".into());
        }
        let start = out.buffer().len();
        let mut cx = self.device.cx(&self.settings, Given::NONE);
        match G::deliver(topic, payload, &mut cx, out.buffer()) {
            Ok(delivery) => {
                if out.send_from(start) {
                    self.counters.downlinks.up();
                }
                if let Some(pairing) = delivery.answer {
                    let until = after(now, self.settings.answer_timeout);
                    let most = self.settings.answers;
                    self.rare().expect_answer(pairing, delivery.kind, until, most);
                }
            }
            Err(error) => {
                out.buffer().truncate(start);
                self.undeliverable(topic, error.to_string());
            }
        }
    }

    #[cold]
    pub(super) fn undeliverable(&mut self, topic: &str, reason: String) {
        self.counters.undeliverable.up();
        self.report(Report::Undeliverable { topic: topic.into(), reason });
    }
}
