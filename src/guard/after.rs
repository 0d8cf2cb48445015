//! What limits need to tell where a caller stands, and to learn what a request has cost.

use http::response;

use super::{Exchange, Items, ReplyHook, Signed};

impl Exchange {
    /// Adds an item to lists that several guards add to.
    pub(crate) fn reply_items(&mut self, items: Items) {
        if self.trial.is_none() {
            self.replies.items(items);
        }
    }

    /// As [`on_reply`](Self::on_reply), also for a guard on trial, which then changes nothing.
    pub(crate) fn on_reply_too(
        &mut self,
        hook: impl FnOnce(&mut response::Parts) + Send + Sync + 'static,
    ) {
        let hook = |parts: &mut response::Parts| {
            hook(parts);
            Ok(())
        };
        self.later().reply_hooks.push(Signed::new(ReplyHook::Head(Box::new(hook))));
    }
}
