use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, header};

use crate::answer::Answer;
use crate::error::ConfigError;
use crate::guard::{Exchange, Flow, Guard, IntoGuard, Needs, Phase};
use crate::inspect::{Findings, Readiness, rule};
use crate::observe::Observer;
use crate::rejection::{Reason, Rejection};
use crate::service::guard_layer;

use super::backend::Backend;
use super::builder::{Count, ThrottleBuilder};
use super::choice::Choice;
use super::cost::{Price, too_costly};
use super::fields::{retry_after, scatter};
use super::key::{Facts, Tagger};
use super::limit::Limit;
use super::limits::Limits;
use super::order::{Digest, Mode as Spending, Order};
use super::outcome::Outcomes;
use super::rule::{Moment, SECOND};
use super::stats::Tally;
use super::tell::Telling;
use super::verdict::{Source, Verdict};

const DETAIL: &str = "a limit is used up; come back after the time in `Retry-After`";

/// Limits how often a key may call. See the [module](super) for behaviour and defaults.
///
/// Clones share one store.
#[derive(Clone)]
pub struct Throttle(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) backend: Backend,
    pub(super) limits: Arc<Limits>,
    /// Where not always the same ones hold.
    pub(super) choice: Option<Box<Choice>>,
    pub(super) price: Price,
    pub(super) telling: Telling,
    pub(super) tally: Tally,
    /// What the end of a request does to what it has cost.
    pub(super) outcomes: Option<Outcomes>,
    pub(super) tagger: Tagger,
    pub(super) phase: Phase,
    pub(super) needs: Needs,
    /// Whether key or choice may read who is calling.
    pub(super) reads_caller: bool,
    pub(super) count: Count,
    pub(super) summary: String,
    pub(super) ipv6_prefix: u8,
    /// Whether clients of different networks may share a bucket.
    pub(super) is_shared: bool,
    /// Whether a client can choose its bucket.
    pub(super) is_evadable: bool,
    pub(super) seed: u64,
}

impl Throttle {
    /// `limit` requests a second for each key: `per_second(50)` admits 50 a second.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::{Guard, throttle::Throttle};
    ///
    /// let throttle = Throttle::per_second(50).burst(100).named("api").build()?;
    /// assert_eq!(
    ///     throttle.summary(),
    ///     "50 per second, burst 100, by client network (/64 for IPv6), at most 100000 keys",
    /// );
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn per_second(limit: u32) -> ThrottleBuilder {
        Self::of(Limit::per_second(limit))
    }

    /// `limit` requests a minute for each key.
    pub fn per_minute(limit: u32) -> ThrottleBuilder {
        Self::of(Limit::per_minute(limit))
    }

    /// `limit` requests an hour for each key.
    pub fn per_hour(limit: u32) -> ThrottleBuilder {
        Self::of(Limit::per_hour(limit))
    }

    /// `limit` requests a day for each key.
    pub fn per_day(limit: u32) -> ThrottleBuilder {
        Self::of(Limit::per_day(limit))
    }

    /// Any limit for each key.
    pub fn of(limit: Limit) -> ThrottleBuilder {
        ThrottleBuilder::new(limit)
    }

    /// The name of its first limit, which clients see in `RateLimit`.
    pub fn policy_name(&self) -> &str {
        self.0.name()
    }
}

/// A request that is to be charged, once its key is known.
#[derive(Clone)]
pub(super) struct Due {
    pub(super) tag: u64,
    pub(super) digest: Option<Digest>,
    pub(super) cost: u64,
    pub(super) mode: Spending,
    pub(super) at: Moment,
}

impl Inner {
    pub(super) fn name(&self) -> &str {
        self.limits.each().first().map_or("", |limit| &limit.name)
    }

    fn judge(self: &Arc<Self>, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        match &self.choice {
            None => self.decide(exchange, &self.limits),
            Some(choice) => self.choose(choice, 0, exchange),
        }
    }

    #[inline]
    pub(super) fn decide(
        self: &Arc<Self>,
        exchange: &mut Exchange,
        limits: &Arc<Limits>,
    ) -> Result<Flow, Rejection> {
        let at = moment(exchange, limits);
        let facts = Facts::Asked(exchange);
        let Some(tag) = self.tagger.tag(facts, limits)? else { return Ok(skip(exchange)) };
        // What is only tried out spends nothing of what counts, also where both share a store.
        let tag = if exchange.is_on_trial() { !tag } else { tag };
        let mode = match self.count {
            _ if exchange.is_rehearsal() => Spending::Peek,
            Count::Requests => Spending::Spend,
            Count::ForgedCredentials | Count::Outcomes => Spending::Look,
        };
        let cost = self.price.of(exchange);
        if cost > limits.capacity() {
            return Err(too_costly(cost, limits.capacity(), self.telling.is_quiet()));
        }
        let digest = &|| match exchange.is_on_trial() {
            true => self.tagger.digest(facts, limits).map(|byte| !byte),
            false => self.tagger.digest(facts, limits),
        };
        let order = Order { tag, digest, limits, cost, mode, at };
        let due = Due { tag, digest: None, cost, mode, at };
        match &self.backend {
            Backend::Memory(memory) => {
                let verdict = memory.charge(&order);
                self.answer(exchange, limits, due, &verdict).map(|()| Flow::Continue)
            }
            Backend::Shared(ledger) => match ledger.charge(&order) {
                Answer::Now(verdict) => {
                    let digest = self.settles().then(digest);
                    let due = Due { digest, ..due };
                    self.hear(exchange, limits, due, verdict).map(|()| Flow::Continue)
                }
                Answer::Later(asked) => {
                    let digest = self.settles().then(digest);
                    let (this, limits) = (self.clone(), limits.clone());
                    let due = Due { digest, ..due };
                    Ok(Flow::suspend(move |exchange| {
                        Box::pin(async move {
                            let verdict = asked.await;
                            this.hear(exchange, &limits, due, verdict).map(|()| Flow::Continue)
                        })
                    }))
                }
            },
        }
    }

    /// What a store that others share says, or what is said without it.
    fn hear(
        self: &Arc<Self>,
        exchange: &mut Exchange,
        limits: &Arc<Limits>,
        due: Due,
        verdict: Result<Verdict, Rejection>,
    ) -> Result<(), Rejection> {
        let lost = match &verdict {
            Ok(verdict) => match verdict.source() {
                Source::Counted => None,
                Source::Share => Some("decided by this process's share"),
                Source::Nobody => Some("let through"),
            },
            Err(_) => Some("refused"),
        };
        if let Some(lost) = lost {
            exchange.note("store-lost", lost);
        }
        self.answer(exchange, limits, due, &verdict?)
    }

    fn answer(
        self: &Arc<Self>,
        exchange: &mut Exchange,
        limits: &Arc<Limits>,
        due: Due,
        verdict: &Verdict,
    ) -> Result<(), Rejection> {
        if !verdict.admitted() {
            return Err(self.refuse(exchange, limits, due, verdict));
        }
        // How many guesses are left is nobody's business.
        if self.count == Count::Requests {
            self.telling.tell(exchange, limits, verdict, due.tag);
        }
        if let (Backend::Shared(_), Spending::Spend) = (&self.backend, due.mode) {
            self.tally.admitted();
        }
        if self.settles() && due.mode != Spending::Peek {
            self.settle_later(exchange, limits, due, verdict);
        }
        Ok(())
    }

    #[cold]
    fn refuse(
        &self,
        exchange: &mut Exchange,
        limits: &Limits,
        due: Due,
        verdict: &Verdict,
    ) -> Rejection {
        if due.mode != Spending::Peek {
            self.tally.refused(limits, verdict, exchange.is_on_trial());
        }
        self.telling.tell(exchange, limits, verdict, due.tag);
        let random = scatter(self.seed, due.tag, exchange.now());
        let seconds = retry_after(Duration::from_nanos(verdict.wait()), random);
        Rejection::new(Reason::RateLimited)
            .detail(DETAIL)
            .header(header::RETRY_AFTER, HeaderValue::from(seconds))
            .expected(match limits.label() {
                "" => self.summary.clone(),
                label => format!("{}, for {label}", limits.summary()),
            })
            .found("more than that")
    }
}

fn moment(exchange: &mut Exchange, limits: &Limits) -> Moment {
    let now = nanos(exchange.now());
    let unix = if limits.reads_unix() { nanos(exchange.unix()) } else { 0 };
    Moment { now, unix }
}

#[cold]
pub(super) fn skip(exchange: &mut Exchange) -> Flow {
    exchange.remark(|| "does not apply to a public route".into());
    Flow::Continue
}

/// Nanoseconds, which wrap after 584 years.
pub(super) fn nanos(time: Duration) -> u64 {
    time.as_secs().wrapping_mul(SECOND).wrapping_add(u64::from(time.subsec_nanos()))
}

impl Guard for Throttle {
    fn name(&self) -> &'static str {
        "throttle"
    }

    fn phase(&self) -> Phase {
        self.0.phase
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        if let Some(settle) = &self.0.price.settle {
            settle.hide(exchange);
        }
        if self.0.reads_caller && exchange.is_claimed() {
            let inner = self.0.clone();
            return Ok(exchange.once_proven(move |exchange| inner.judge(exchange)));
        }
        self.0.judge(exchange)
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(self.0.summary.clone())
    }

    fn needs(&self) -> Needs {
        self.0.needs
    }

    fn ready(&self, readiness: &mut Readiness) {
        if let Backend::Shared(ledger) = &self.0.backend {
            ledger.ready(readiness);
        }
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        match self.0.count {
            Count::Requests | Count::Outcomes => None,
            Count::ForgedCredentials => Some(self.0.clone()),
        }
    }

    fn findings(&self, report: &mut Findings) {
        let inner = &*self.0;
        let subject = || format!("throttle `{}`", inner.name());
        if !report.mark("throttle", Arc::as_ptr(&self.0).addr()) {
            report.add(&rule::THROTTLE_TWICE, subject(), "it stands in the stack twice");
            return;
        }
        if let Backend::Shared(ledger) = &inner.backend {
            ledger.findings(&subject(), report);
        }
        let bits = inner.ipv6_prefix;
        if bits > 64 {
            let keys = bits - 64;
            let evidence =
                format!("one customer's /64 of IPv6 is 2^{keys} keys under a prefix of /{bits}");
            report.add(&rule::IPV6_KEYS, subject(), evidence);
        }
        for wide in inner.choice.iter().flat_map(|choice| &choice.wide) {
            let evidence = format!("exempt is {wide}, which is nearly everybody");
            report.add(&rule::WIDE_EXEMPTION, subject(), evidence);
        }
        if inner.is_evadable {
            let evidence = "each value that a client writes into a header has a count of its own";
            report.add(&rule::EVADABLE_LIMIT, subject(), evidence);
        }
        let of_outcomes = || inner.outcomes.as_ref().is_some_and(Outcomes::counts_guesses);
        if inner.count == Count::ForgedCredentials || of_outcomes() {
            report.mark("guess-limit", 0);
            if inner.is_shared {
                let evidence = "whoever sends forged credentials uses up the attempts of everybody";
                report.add(&rule::SHARED_GUESSES, subject(), evidence);
            }
        }
    }
}

impl IntoGuard for ThrottleBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        self.build()?.into_guard()
    }
}

guard_layer!(Throttle);

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle")
            .field("name", &self.0.name())
            .field("limit", &self.0.summary)
            .finish_non_exhaustive()
    }
}
