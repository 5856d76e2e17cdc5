//! Which publishes of a connection are under way, to count how they end.

use crate::session::Ticket;

/// The publishes under way. Mostly one, which takes no memory of its own.
#[derive(Debug, Default)]
pub(super) struct Publishing {
    one: Option<Ticket>,
    more: Vec<Ticket>,
}

impl Publishing {
    pub(super) fn insert(&mut self, ticket: Ticket) {
        if self.one.is_none() {
            self.one = Some(ticket);
        } else {
            self.more.push(ticket);
        }
    }

    pub(super) fn remove(&mut self, ticket: Ticket) -> bool {
        if self.one.take_if(|one| *one == ticket).is_some() {
            return true;
        }
        let Some(at) = self.more.iter().position(|more| *more == ticket) else { return false };
        self.more.swap_remove(at);
        if self.more.is_empty() {
            self.more = Vec::new();
        }
        true
    }
}
