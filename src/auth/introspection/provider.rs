//! Asking the provider: one call for each token at a time, so many at once and no more, none while it
//! fails.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};
use tokio::sync::Semaphore;

use super::fault::{Fault, Trouble};
use super::memory::{Digest, Memory, Remembered};
use super::rules::{Known, Rules, Said, Standing, read};
use crate::breaker::Breaker;
use crate::clock::{Clock, within};
use crate::flights::Flights;
use crate::oauth::{ClientAuth, Endpoint};
use crate::remote::{Answered, Remote};

/// How long a token waits for its turn.
const TURN: Duration = Duration::from_secs(5);

/// So many wait for each one that is asked about.
const WAITING: usize = 16;

/// Longer than this nobody is told to wait.
const LONGEST_WAIT: u64 = 60;

pub(super) type Verdict = Result<Result<Known, Fault>, Arc<Trouble>>;

/// The provider, and what it said lately.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) remote: Remote,
    pub(super) endpoint: Endpoint,
    pub(super) client: ClientAuth,
    pub(super) rules: Rules,
    pub(super) memory: Memory,
    breaker: Breaker,
    flights: Flights<Digest, Verdict>,
    /// Calls under way, and those with the ones that wait for their turn.
    calls: Semaphore,
    all: Semaphore,
}

impl Provider {
    pub(super) fn new(
        (remote, endpoint, client): (Remote, Endpoint, ClientAuth),
        rules: Rules,
        memory: Memory,
        concurrency: usize,
    ) -> Self {
        Self {
            remote,
            endpoint,
            client,
            rules,
            memory,
            breaker: Breaker::default(),
            flights: Flights::default(),
            calls: Semaphore::new(concurrency),
            all: Semaphore::new(concurrency.saturating_mul(WAITING + 1)),
        }
    }

    /// What is known without asking; `None` where it has to be asked.
    pub(super) fn recall(&self, token: &Digest, now: Duration, unix: Duration) -> Option<Verdict> {
        let skew = self.rules.skew;
        match self.memory.find(token, now) {
            Remembered::Bad(fault) => Some(Ok(Err(fault))),
            Remembered::Good(known) => match known.standing(unix, skew) {
                Standing::Good => Some(Ok(Ok(known))),
                Standing::NotYet => Some(Ok(Err(Fault::NotYet))),
                Standing::Over => Some(Ok(Err(Fault::Expired))),
                // The provider's clock decides, as long as it says so.
                Standing::Ending => None,
            },
            // It was genuine, and nobody brings it back to life.
            Remembered::Stale(known) if known.standing(unix, skew) == Standing::Over => {
                Some(Ok(Err(Fault::Expired)))
            }
            Remembered::Stale(_) | Remembered::Nothing => None,
        }
        .or_else(|| {
            let open = self.breaker.check(now).err()?;
            Some(Err(Arc::new(Trouble::Open(open.retry_after))))
        })
    }

    /// Asks, together with whoever else brings the token right now.
    pub(super) async fn ask(
        self: &Arc<Self>,
        digest: Digest,
        token: (HeaderValue, usize),
        clock: Arc<dyn Clock>,
    ) -> Verdict {
        let flight = self.flights.join(digest, || {
            let own = self.clone();
            async move { own.fetch(digest, token, &*clock).await.map_err(Arc::new) }
        });
        flight.await
    }

    async fn fetch(
        &self,
        digest: Digest,
        (value, start): (HeaderValue, usize),
        clock: &dyn Clock,
    ) -> Result<Result<Known, Fault>, Trouble> {
        let _place = self.all.try_acquire().map_err(|_| Trouble::Busy)?;
        let turn = within(TURN, self.calls.acquire()).await.and_then(Result::ok);
        let _turn = turn.ok_or(Trouble::Busy)?;
        // Whoever asked before may have landed in between.
        if let Some(Ok(verdict)) = self.recall(&digest, clock.now(), clock.unix()) {
            return Ok(verdict);
        }
        let admitted = self.breaker.admit(clock.now());
        let pass = admitted.map_err(|open| Trouble::Open(open.retry_after))?;
        let token = value.as_bytes().get(start..).map(str::from_utf8);
        let Some(Ok(token)) = token else { return Ok(Err(Fault::Malformed("it is not text"))) };
        let answered = self.question(token, clock).await;
        let now = clock.now();
        match answered.and_then(|answered| self.answer(&answered)) {
            Ok(verdict) => {
                pass.succeeded();
                let verdict = verdict.and_then(|known| self.at(known, clock.unix()));
                match &verdict {
                    Ok(known) => self.memory.keep_good(digest, known.clone(), now),
                    Err(fault) => self.memory.keep_bad(digest, fault.clone(), now),
                }
                Ok(verdict)
            }
            Err(trouble) => {
                match &trouble {
                    trouble if trouble.is_general() => pass.failed(now),
                    Trouble::Status(..) => pass.succeeded(),
                    // It was not asked.
                    _ => drop(pass),
                }
                Err(trouble)
            }
        }
    }

    /// A token that the provider says is active has not ended; give or take what clocks differ.
    fn at(&self, known: Known, unix: Duration) -> Result<Known, Fault> {
        match known.standing(unix, self.rules.skew) {
            Standing::Good | Standing::Ending => Ok(known),
            Standing::NotYet => Err(Fault::NotYet),
            Standing::Over => Err(Fault::Expired),
        }
    }

    async fn question(&self, token: &str, clock: &dyn Clock) -> Result<Answered, Trouble> {
        let url = self.endpoint.url(&self.remote, clock.now()).await.map_err(Trouble::Endpoint)?;
        let made = self.client.credentials(&self.rules.issuer, clock.unix());
        let made = made.map_err(|_| Trouble::Sign)?;
        let mut form = vec![("token", token), ("token_type_hint", "access_token")];
        form.extend(made.fields.iter().map(|(name, value)| (*name, value.as_str())));
        self.remote.post_form(&url, made.headers, &form).await.map_err(Trouble::Remote)
    }

    fn answer(&self, answered: &Answered) -> Result<Result<Known, Fault>, Trouble> {
        match answered.status.as_u16() {
            200 => {}
            status @ (401 | 403) => return Err(Trouble::Credentials(status)),
            status => return Err(Trouble::Status(status, pause(&answered.headers))),
        }
        if !is_json(&answered.headers) {
            return Err(Trouble::Malformed("its media type is not `application/json`"));
        }
        match read(&answered.body).map_err(Trouble::Malformed)? {
            Said::Inactive => Ok(Err(Fault::Inactive)),
            Said::Active(claims) => Ok(self.rules.judge(&claims, &answered.body)),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let said = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = said.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.clamp(1, LONGEST_WAIT)))
}
