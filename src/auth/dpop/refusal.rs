//! A flaw in words for each listener.

use http::{HeaderName, HeaderValue, header::WWW_AUTHENTICATE};

use super::flaw::{Flaw, Told};
use crate::auth::jwt::Algorithm;
use crate::rejection::{Reason, Rejection};

pub(super) static DPOP: HeaderName = HeaderName::from_static("dpop");
pub(super) static DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The challenges of RFC 9449, section 7.1, made once.
#[derive(Debug)]
pub(super) struct Challenges {
    pub(super) plain: HeaderValue,
    errors: Vec<HeaderValue>,
    algorithms: String,
}

impl Challenges {
    pub(super) fn new(algorithms: &[Algorithm]) -> Self {
        let names: Vec<_> = algorithms.iter().map(|algorithm| algorithm.name()).collect();
        let algorithms = names.join(" ");
        // The names are ours, and so are the words.
        let value = |text: String| {
            HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("DPoP"))
        };
        let error = |told: Told| value(with_error(&algorithms, told.code(), told.text()));
        Self {
            plain: value(format!("DPoP algs=\"{algorithms}\"")),
            errors: Told::ALL.into_iter().map(error).collect(),
            algorithms,
        }
    }

    /// The challenge of a token that came as `DPoP` and is not good by itself.
    pub(super) fn invalid_token(&self, description: &str) -> Option<HeaderValue> {
        HeaderValue::try_from(with_error(&self.algorithms, "invalid_token", description)).ok()
    }

    /// The refusal; the caller learns no more than the code.
    pub(super) fn refuse(&self, flaw: Flaw) -> Rejection {
        let told = flaw.told();
        let reason = match told {
            Told::InvalidProof => Reason::InvalidProof,
            Told::InvalidToken => Reason::InvalidCredentials,
            Told::UseNonce => Reason::NonceRequired,
        };
        let challenge = self.errors.get(told as usize).unwrap_or(&self.plain).clone();
        Rejection::new(reason)
            .detail(told.text())
            .header(WWW_AUTHENTICATE, challenge)
            .expected(flaw.expected())
            .found(flaw.found())
            .cause(flaw)
    }
}

fn with_error(algorithms: &str, code: &str, description: &str) -> String {
    format!("DPoP algs=\"{algorithms}\", error=\"{code}\", error_description=\"{description}\"")
}
