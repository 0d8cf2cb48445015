//! What a handler has to say of the caller.

use std::borrow::Cow;

use super::Context;

/// The note by which a guard or a handler reports a caller.
pub(crate) const REPORTED: &str = "reported";

impl Context {
    /// Tells that the caller did something that only the handler knows of, by a word of one's own: a
    /// throttle may charge for it, bans may be made of it (`Signal::reported`), and the record notes it
    /// as `reported`. Without a throttle, bans or an observer in the stack nobody is told.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::Context;
    ///
    /// fn pay(context: &Context) {
    ///     // The bank declined the card.
    ///     context.report("card-declined");
    /// }
    /// ```
    pub fn report(&self, word: impl Into<Cow<'static, str>>) {
        self.note(REPORTED, word);
    }
}
