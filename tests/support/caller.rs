//! Callers by their word: for tests that are not about authentication.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tower_parapet::{Access, Exchange, Flow, Guard, Needs, Phase, Principal, Reason, Rejection};

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

/// Takes a bearer for whom it names, and what is `forged` or `expired` for nobody.
#[derive(Clone, Default)]
pub struct ByName {
    asked: Arc<AtomicUsize>,
    is_strict: bool,
}

impl ByName {
    /// Refuses who comes without a token where the route wants one, and leaves it to nobody else.
    pub fn strict() -> Self {
        Self { is_strict: true, ..Self::default() }
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Guard for ByName {
    fn name(&self) -> &'static str {
        "by-name"
    }
    fn phase(&self) -> Phase {
        Phase::Authenticate
    }
    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let token = exchange.headers().get("authorization").map(|token| token.to_str().unwrap());
        let access = exchange.route().map(|route| route.access());
        match token.map(|token| token.trim_start_matches("Bearer ").to_owned()) {
            Some(name) if name.contains("forged") => {
                Err(Rejection::new(Reason::InvalidCredentials))
            }
            Some(name) if name == "expired" => Err(Rejection::new(Reason::ExpiredCredentials)),
            Some(name) => {
                exchange.set_principal(Principal::builder("test", name).build());
                Ok(Flow::Continue)
            }
            None if self.is_strict && access == Some(&Access::Authenticated) => {
                Err(Rejection::new(Reason::MissingCredentials))
            }
            None => Ok(Flow::Continue),
        }
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
