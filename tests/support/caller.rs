//! Callers by their word: for tests that are not about authentication.

use std::borrow::Cow;

use tower_parapet::{Exchange, Flow, Guard, Needs, Phase, Principal, Reason, Rejection};

/// Believes a header: authentication is not what these tests are about.
pub struct ByHeader;

impl Guard for ByHeader {
    fn name(&self) -> &'static str {
        "by-header"
    }
    fn phase(&self) -> Phase {
        Phase::Authenticate
    }
    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let who = exchange.headers().get("x-who").and_then(|who| who.to_str().ok());
        if let Some(who) = who.filter(|who| !who.is_empty()) {
            let caller = Principal::builder("test", who).roles(who.split('+'));
            exchange.set_principal(caller.build());
        }
        Ok(Flow::Continue)
    }
}

/// Lets only one role through.
pub struct Only(pub &'static str);

impl Guard for Only {
    fn name(&self) -> &'static str {
        "only"
    }
    fn phase(&self) -> Phase {
        Phase::Authorize
    }
    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        match exchange.principal() {
            Some(caller) if caller.has_role(self.0) => Ok(Flow::Continue),
            _ => Err(Rejection::new(Reason::InsufficientScope)),
        }
    }
    fn needs(&self) -> Needs {
        Needs::PRINCIPAL
    }
    fn summary(&self) -> Cow<'static, str> {
        self.0.into()
    }
}
