//! What an enum says of all its variants.

use super::route::VariantRoutes;

impl VariantRoutes {
    /// Takes over what the enum says of all variants that arrive, but for keys
    /// that the variant says itself.
    pub(crate) fn inherit(&mut self, all: &Self) {
        let arrives = self.auth.is_some()
            || !self.publish.is_empty()
            || !self.subscribe.is_empty()
            || !self.unsubscribe.is_empty()
            || !self.reply.is_empty()
            || [&self.heartbeat, &self.public].into_iter().any(Option::is_some)
            || self.with.is_some()
            || self.inner.is_some()
            || self.lookup.is_some()
            || self.answers.is_some()
            || self.close.is_some();
        if self.sent.is_some() || self.ignore.is_some() || (self.deliver.is_some() && !arrives) {
            return;
        }
        let without = |key: &str| self.without.iter().any(|ident| ident == key);
        if self.auth.is_none() && !without("auth") {
            self.auth = all.auth.clone().map(|mut auth| {
                auth.value.shared = true;
                auth
            });
        }
        if self.with.is_none() && !without("with") {
            self.with.clone_from(&all.with);
        }
        if self.publish.is_empty() && !without("publish") {
            self.publish.clone_from(&all.publish);
        }
        if self.subscribe.is_empty() && !without("subscribe") {
            self.subscribe.clone_from(&all.subscribe);
        }
        if self.unsubscribe.is_empty() && !without("unsubscribe") {
            self.unsubscribe.clone_from(&all.unsubscribe);
        }
        if self.reply.is_empty() && !without("reply") {
            self.reply.clone_from(&all.reply);
        }
        self.span = self.span.or(all.span);
    }
}
