//! What a scheme says and does while its keys are fetched.

use http::HeaderValue;
use http::header::RETRY_AFTER;

use super::fault::Fault;
use super::health::{KeyHealth, KeyState};
use super::scheme::Jwt;
use super::undecided::{Undecided, Why};
use crate::auth::{Attempt, Scheme};
use crate::inspect::Readiness;
use crate::rejection::{Reason, Rejection};

impl Jwt {
    /// How the keys of the issuer are now: for gauges, status pages and alarms.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::{Jwt, auth::jwt::KeyState};
    ///
    /// # let keys = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026",
    /// #     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// let jwt = Jwt::builder().issuer("https://id.example").audience("orders").jwks(keys).build()?;
    /// assert_eq!(jwt.keys()[0].state(), KeyState::Fixed);
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn keys(&self) -> Vec<KeyHealth> {
        vec![self.inner.verifier.keys.health(&self.inner.verifier.rules.issuer)]
    }

    /// Lets a request wait for the flight that may bring its key, once.
    pub(super) fn await_keys(&self, flight: u64) -> Result<Attempt, Rejection> {
        let Some(landed) = self.inner.verifier.keys.landed(flight) else {
            return Err(Undecided::crowded().reject());
        };
        let jwt = self.clone();
        Ok(Attempt::suspend(move |exchange| {
            Box::pin(async move {
                landed.await;
                jwt.authenticate(exchange)
            })
        }))
    }

    pub(super) fn keys_ready(&self, readiness: &mut Readiness) {
        for health in self.keys() {
            // A balancer that waits for this sends no request that would begin to fetch.
            self.inner.verifier.keys.tend();
            if matches!(health.state(), KeyState::Waiting | KeyState::Lost) {
                let source = health.source().unwrap_or_default();
                readiness.wait_for(super::SCHEME, format!("keys from {source}"));
            }
        }
    }
}

impl Undecided {
    pub(super) fn crowded() -> Self {
        let retry_after = std::time::Duration::from_secs(1);
        Self { why: Why::Crowded, retry_after, error: None }
    }

    pub(super) fn reject(self) -> Rejection {
        let seconds = HeaderValue::from(self.seconds());
        let fault = Fault::Undecided(self);
        Rejection::new(Reason::Unavailable)
            .detail("the token cannot be verified right now")
            .header(RETRY_AFTER, seconds)
            .expected(fault.expected())
            .found(fault.found())
            .cause(super::fault::Explained { fault, hint: None::<&'static str> })
    }
}
