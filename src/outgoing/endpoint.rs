//! Asking the issuer for a token.

use std::time::Duration;

use http::{HeaderMap, HeaderName, Method, header::RETRY_AFTER};
use zeroize::Zeroizing;

use super::dpop::{Proof, Prover};
use super::error::{Fault, TokenError};
use super::grant::Grant;
use super::origin::Nonce;
use super::token::{Token, error_code};
use crate::clock::SharedClock;
use crate::oauth::{ClientAuth, Endpoint};
use crate::remote::{Answered, Remote, RemoteUrl};

pub(super) const DPOP: HeaderName = HeaderName::from_static("dpop");

/// Longer than this nobody is asked to wait.
const LONGEST_WAIT: u64 = 300;

/// The token endpoint of one issuer.
#[derive(Debug)]
pub(super) struct TokenEndpoint {
    pub(super) remote: Remote,
    pub(super) endpoint: Endpoint,
    pub(super) client: ClientAuth,
    /// Whom an assertion is for; the endpoint where the issuer is not known by name.
    pub(super) issuer: Option<String>,
    pub(super) nonce: Nonce,
    pub(super) clock: SharedClock,
}

impl TokenEndpoint {
    /// Asks for a token; once more where the server wants a nonce in the proof (RFC 9449, section 8).
    pub(super) async fn ask(
        &self,
        grant: &Grant,
        prover: Option<&Prover>,
    ) -> Result<Token, TokenError> {
        let url = self.endpoint.url(&self.remote, self.now()).await.map_err(Fault::Discovery)?;
        match self.ask_once(&url, grant, prover).await {
            Err((error, true)) if error.is_nonce_wanted() => {
                self.ask_once(&url, grant, prover).await.map_err(|(error, _)| error)
            }
            asked => asked.map_err(|(error, _)| error),
        }
    }

    /// With whether a new nonce came along.
    async fn ask_once(
        &self,
        url: &RemoteUrl,
        grant: &Grant,
        prover: Option<&Prover>,
    ) -> Result<Token, (TokenError, bool)> {
        let no_news = |fault: Fault| (TokenError::from(fault), false);
        let (asked, nonce) = (self.now(), self.nonce.current());
        let question = self.question(url, grant, prover, nonce.as_deref());
        let (headers, fields) = question.map_err(no_news)?;
        let form: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answered = self.remote.post_form(url, headers, &form).await;
        let answered = answered.map_err(|error| no_news(Fault::Remote(error)))?;
        self.nonce.learn(&answered.headers);
        let is_new = prover.is_some() && self.nonce.current() != nonce;
        read(&answered, prover.is_some(), asked).map_err(|fault| (fault.into(), is_new))
    }

    #[expect(clippy::type_complexity, reason = "headers and fields, once")]
    fn question(
        &self,
        url: &RemoteUrl,
        grant: &Grant,
        prover: Option<&Prover>,
        nonce: Option<&str>,
    ) -> Result<(HeaderMap, Vec<(&'static str, Zeroizing<String>)>), Fault> {
        let target = url.to_string();
        let audience = self.issuer.as_deref().unwrap_or(&target);
        let unix = self.clock.0.unix();
        let mut made = self.client.credentials(audience, unix).map_err(|_| Fault::Sign)?;
        let plain = grant.fields().into_iter();
        made.fields.extend(plain.map(|(name, value)| (name, Zeroizing::new(value))));
        if let Some(prover) = prover {
            let proof = Proof { method: &Method::POST, target: &target, token: None, nonce, unix };
            made.headers.insert(DPOP, prover.prove(proof).map_err(|_| Fault::Sign)?);
        }
        Ok((made.headers, made.fields))
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.0.now()
    }
}

fn read(answered: &Answered, is_bound: bool, asked: Duration) -> Result<Token, Fault> {
    let status = answered.status.as_u16();
    match status {
        200 => {
            let mut jitter = [0];
            // Without it renewals come a little later, and all at once.
            let _ = getrandom::fill(&mut jitter);
            Token::read(&answered.body, is_bound, asked, jitter[0])
        }
        400..=499 if !matches!(status, 408 | 425 | 429) => match error_code(&answered.body) {
            Some(code) => Err(Fault::Refused(status, code)),
            None => Err(Fault::Status(status, None)),
        },
        _ => Err(Fault::Status(status, pause(&answered.headers))),
    }
}

fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_WAIT)))
}
