use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, header};

use crate::context::{ClientAddr, Provenance};
use crate::error::ConfigError;
use crate::guard::{Exchange, Flow, Guard, IntoGuard, Mode, Needs, Phase};
use crate::inspect::{Findings, rule};
use crate::observe::{Observer, Record};
use crate::rejection::{Reason, Rejection};
use crate::service::guard_layer;

use super::builder::{Count, ThrottleBuilder};
use super::fields::{Fields, RATE_LIMIT, RATE_LIMIT_POLICY, retry_after, scatter};
use super::key::{Facts, Tagger};
use super::limit::{Decision, Limiter, Period};

const DETAIL: &str = "a limit is used up; come back after the time in `Retry-After`";

/// Limits how often a key may call. See the [module](super) for behaviour and defaults.
///
/// Clones share one store.
#[derive(Clone)]
pub struct Throttle(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) limiter: Limiter,
    pub(super) fields: Fields,
    pub(super) tagger: Tagger,
    pub(super) phase: Phase,
    pub(super) needs: Needs,
    pub(super) count: Count,
    pub(super) name: Box<str>,
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
        ThrottleBuilder::new(limit, Period::Second)
    }

    /// `limit` requests a minute for each key.
    pub fn per_minute(limit: u32) -> ThrottleBuilder {
        ThrottleBuilder::new(limit, Period::Minute)
    }

    /// `limit` requests an hour for each key.
    pub fn per_hour(limit: u32) -> ThrottleBuilder {
        ThrottleBuilder::new(limit, Period::Hour)
    }

    /// `limit` requests a day for each key.
    pub fn per_day(limit: u32) -> ThrottleBuilder {
        ThrottleBuilder::new(limit, Period::Day)
    }

    /// The name clients see in `RateLimit`.
    pub fn policy_name(&self) -> &str {
        &self.0.name
    }
}

impl Inner {
    fn judge(&self, exchange: &mut Exchange) -> Result<(), Rejection> {
        let now = exchange.now();
        let facts = Facts {
            client: exchange.client(),
            principal: exchange.principal(),
            route: exchange.route(),
            headers: Some(exchange.headers()),
        };
        let tag = match self.tagger.tag(facts) {
            Ok(Some(tag)) => tag,
            Ok(None) => {
                exchange.remark(|| "does not apply to a public route".into());
                return Ok(());
            }
            Err(rejection) => return Err(rejection),
        };
        let decision = match self.count {
            _ if exchange.is_rehearsal() => self.limiter.peek(tag, now),
            Count::Requests => self.limiter.spend(tag, now),
            Count::ForgedCredentials => self.limiter.look(tag, now),
        };
        if !decision.admitted {
            return Err(self.refuse(exchange, tag, &decision));
        }
        // How many guesses are left is nobody's business.
        if self.count == Count::Requests {
            self.tell(exchange, &decision);
        }
        Ok(())
    }

    fn tell(&self, exchange: &mut Exchange, decision: &Decision) {
        exchange.reply_header(Mode::Append, RATE_LIMIT_POLICY, self.fields.policy());
        exchange.reply_header(Mode::Append, RATE_LIMIT, self.fields.standing(decision));
    }

    #[cold]
    fn refuse(&self, exchange: &mut Exchange, tag: u64, decision: &Decision) -> Rejection {
        self.tell(exchange, decision);
        let random = scatter(self.seed, tag, exchange.now());
        let seconds = retry_after(decision.wait, random);
        Rejection::new(Reason::RateLimited)
            .detail(DETAIL)
            .header(header::RETRY_AFTER, HeaderValue::from(seconds))
            .expected(self.summary.clone())
            .found("more than that")
    }
}

impl Guard for Throttle {
    fn name(&self) -> &'static str {
        "throttle"
    }

    fn phase(&self) -> Phase {
        self.0.phase
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        // Whoever claims to be somebody, and is not, must not use up what is theirs.
        if self.0.tagger.needs_principal() && exchange.is_claimed() {
            let throttle = self.clone();
            exchange.read_body(usize::MAX, move |exchange, _| {
                throttle.0.judge(exchange).map(|()| None)
            });
            return Ok(Flow::Continue);
        }
        self.0.judge(exchange).map(|()| Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(self.0.summary.clone())
    }

    fn needs(&self) -> Needs {
        self.0.needs
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        match self.0.count {
            Count::Requests => None,
            Count::ForgedCredentials => Some(self.0.clone()),
        }
    }

    fn findings(&self, report: &mut Findings) {
        let inner = &*self.0;
        let subject = || format!("throttle `{}`", inner.name);
        if !report.mark("throttle", Arc::as_ptr(&self.0).addr()) {
            report.add(&rule::THROTTLE_TWICE, subject(), "it stands in the stack twice");
            return;
        }
        let bits = inner.ipv6_prefix;
        if bits > 64 {
            let keys = bits - 64;
            let evidence =
                format!("one customer's /64 of IPv6 is 2^{keys} keys under a prefix of /{bits}");
            report.add(&rule::IPV6_KEYS, subject(), evidence);
        }
        if inner.is_evadable {
            let evidence = "it counts by nothing but what the client writes into a header";
            report.add(&rule::EVADABLE_LIMIT, subject(), evidence);
        }
        match inner.count {
            Count::Requests => {}
            Count::ForgedCredentials => {
                report.mark("guess-limit", 0);
                if inner.is_shared {
                    let evidence =
                        "whoever sends forged credentials uses up the attempts of everybody";
                    report.add(&rule::SHARED_GUESSES, subject(), evidence);
                }
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

impl Observer for Inner {
    fn completed(&self, record: &Record) {
        let forged =
            record.rejection.as_ref().is_some_and(|rejection| rejection.reason().is_forgery());
        if !forged {
            return;
        }
        let client = record.client.or_else(|| {
            let peer = record.peer?;
            Some(ClientAddr::new(peer.ip(), Provenance::Peer))
        });
        let facts =
            Facts { client, principal: None, route: record.route.as_deref(), headers: None };
        if let Ok(Some(tag)) = self.tagger.tag(facts) {
            self.limiter.charge(tag);
        }
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle")
            .field("name", &self.0.name)
            .field("limit", &self.0.summary)
            .finish_non_exhaustive()
    }
}
