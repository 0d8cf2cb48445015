//! Callers by their word: for tests that are not about authentication.

use crate::{Exchange, Flow, Guard, Phase, Principal, Rejection};

/// Believes the header `x-caller`.
pub(crate) struct ByHeader;

impl Guard for ByHeader {
    fn name(&self) -> &'static str {
        "by-header"
    }
    fn phase(&self) -> Phase {
        Phase::Authenticate
    }
    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let caller = exchange.headers().get("x-caller").and_then(|name| name.to_str().ok());
        if let Some(caller) = caller.map(|name| Principal::builder("test", name).build()) {
            exchange.set_principal(caller);
        }
        Ok(Flow::Continue)
    }
}
