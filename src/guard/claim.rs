//! A caller whom only the body proves.

#[cfg(feature = "throttle")]
use crate::rejection::Rejection;

use super::{Exchange, Flow};

impl Exchange {
    /// The principal is a claim until the body has been read: the handler never runs on it, and a
    /// record names nobody before [`prove`](Self::prove). Who claims registers a hook of
    /// [`read_body`](Self::read_body) that proves or refuses; what nobody has proven by then is
    /// refused with 401.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::{Exchange, Flow, Principal, Reason, Rejection};
    ///
    /// fn check(exchange: &mut Exchange) -> Result<Flow, Rejection> {
    ///     exchange.set_principal(Principal::builder("partners", "acme").build());
    ///     exchange.claim();
    ///     exchange.read_body(1 << 20, |exchange, body| {
    ///         if !body.ends_with(b"signed: acme") {
    ///             return Err(Rejection::new(Reason::InvalidCredentials));
    ///         }
    ///         exchange.prove();
    ///         Ok(None)
    ///     });
    ///     Ok(Flow::Continue)
    /// }
    /// ```
    pub fn claim(&mut self) {
        self.context.is_provisional = true;
    }

    /// Whether the principal is a claim that the body has not borne out yet.
    #[cfg(feature = "throttle")]
    pub(crate) fn is_claimed(&self) -> bool {
        self.context.is_provisional
    }

    /// Judges once the body has borne the claim out, for guards that count by who is calling: whoever
    /// claims to be somebody, and is not, must neither use up what is theirs nor learn of it.
    #[cfg(feature = "throttle")]
    pub(crate) fn once_proven(
        &mut self,
        judge: impl FnOnce(&mut Exchange) -> Result<Flow, Rejection> + Send + Sync + 'static,
    ) -> Flow {
        self.read_body(usize::MAX, move |exchange, _| {
            let flow = judge(exchange)?;
            exchange.wait(flow);
            Ok(None)
        });
        Flow::Continue
    }

    /// The body bears the claim out.
    pub fn prove(&mut self) {
        self.context.is_provisional = false;
    }

    /// For a body hook that needs real I/O: goes on with a [`Flow::suspend`] once the hook is done,
    /// before the next one and before the handler. What it comes to may be a refusal, or an answer in
    /// the handler's place. Elsewhere, and for a guard on trial, nothing comes of it.
    pub fn wait(&mut self, flow: Flow) {
        if let (Flow::Suspend(resume), None) = (flow, self.trial) {
            self.later().waits().push(resume);
        }
    }

    /// For the record of a refusal: who it was said to be, where that was not proven.
    pub(crate) fn note_claim(&mut self) {
        let claimed = self.context.principal.as_ref().filter(|_| self.context.is_provisional);
        if let Some(text) = claimed.map(|who| format!("{} {}", who.issuer(), who.subject())) {
            self.note("claimed-principal", text);
        }
    }
}
