use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, header};

use crate::clock::within;
use crate::context::{Priority, Route};
use crate::error::ConfigError;
use crate::guard::{Exchange, Flow, Guard, IntoGuard, Needs, Phase};
use crate::inspect::{Findings, rule};
use crate::rejection::{Reason, Rejection};
use crate::service::guard_layer;
use crate::throttle::fields::scatter;
use crate::throttle::key::{Facts, Tagger};
use crate::throttle::sip::Secret;

use super::builder::ConcurrencyBuilder;
use super::permit::Permit;
use super::room::{Entry, Room};
use super::stats::Stats;
use super::terms::Shed;
use super::timing::{Timing, Uploads};

const OVERLOADED: &str = "the service is busy; come back after the time in `Retry-After`";
const TOO_MANY: &str =
    "too many requests of yours are under way; come back after the time in `Retry-After`";

/// Seconds after which clients that were shed together come back, spread evenly.
const SPREAD: u64 = 5;

/// Limits how many requests are in flight at once. See the [module](super) for behaviour and
/// defaults.
///
/// Clones share one count.
#[derive(Clone)]
pub struct Concurrency(pub(super) Arc<Inner>);

pub(super) type Classify = Arc<dyn Fn(&Exchange) -> Option<Priority> + Send + Sync>;

pub(super) struct Inner {
    pub(super) room: Arc<Room>,
    /// Whose cap it is; `None` where there is one for all.
    pub(super) key: Option<Tagger>,
    pub(super) flows: Flows,
    pub(super) classify: Option<Classify>,
    pub(super) needs: Needs,
    /// Whether the key, or the class, may depend on who is calling.
    pub(super) reads_caller: bool,
    /// Whether who is refused has done it to itself.
    pub(super) is_own: bool,
    pub(super) is_evadable: bool,
    pub(super) ipv6_prefix: u8,
    pub(super) summary: String,
    pub(super) name: Box<str>,
    pub(super) wait: Option<Duration>,
    pub(super) seed: u64,
}

/// Whose turn it is among those who wait for one cap: principals, and else client networks.
pub(super) struct Flows {
    pub(super) principals: Tagger,
    pub(super) networks: Tagger,
    pub(super) routes: Secret,
}

impl Flows {
    fn of(&self, exchange: &Exchange) -> u64 {
        let tagger = match exchange.principal() {
            Some(_) if !exchange.is_claimed() => &self.principals,
            _ => &self.networks,
        };
        tagger.sole_tag(Facts::Asked(exchange)).ok().flatten().unwrap_or(0)
    }

    fn route(&self, exchange: &Exchange) -> u64 {
        let mut hash = self.routes.hasher();
        hash.text(exchange.route().map_or("", Route::pattern).as_bytes());
        hash.finish()
    }
}

impl Concurrency {
    /// At most so many requests in flight at once: in all, or for each key with
    /// [`by`](ConcurrencyBuilder::by).
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use tower_parapet::{Guard, Key, throttle::Concurrency};
    ///
    /// let each = Concurrency::at_most(10).by(Key::Principal).build()?;
    /// assert_eq!(each.summary(), "10 at once by principal, at most 100000 keys");
    /// let all = Concurrency::at_most(500).queue(100, Duration::from_millis(250)).build()?;
    /// assert_eq!(all.summary(), "500 at once, 100 may wait for 250ms");
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn at_most(requests: u32) -> ConcurrencyBuilder {
        ConcurrencyBuilder::fixed(requests)
    }

    /// As many requests in flight as the handlers can take, learnt from how long they take to
    /// answer; low classes are shed first.
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use tower_parapet::{Guard, throttle::Concurrency};
    ///
    /// let shedding = Concurrency::adaptive().between(10, 400).build()?;
    /// assert_eq!(shedding.summary(), "10 to 400 at once as latency has it, normal 90%, low 60%");
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn adaptive() -> ConcurrencyBuilder {
        ConcurrencyBuilder::adaptive()
    }

    /// Where it stands: how many are in flight and wait, and how many of each class it has shed.
    pub fn stats(&self) -> Stats {
        self.0.room.stats()
    }
}

impl Inner {
    fn class(&self, exchange: &Exchange) -> Priority {
        let classified = self.classify.as_ref().and_then(|classify| classify(exchange));
        classified.unwrap_or_else(|| exchange.priority())
    }

    fn judge(self: &Arc<Self>, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let tag = match self.key.as_ref().map(|key| key.sole_tag(Facts::Asked(exchange))) {
            None => 0,
            Some(Ok(Some(tag))) => tag,
            Some(Ok(None)) => {
                exchange.remark(|| "does not apply to a public route".into());
                return Ok(Flow::Continue);
            }
            Some(Err(rejection)) => return Err(rejection),
        };
        let class = self.class(exchange);
        if exchange.is_rehearsal() {
            let peeked = self.room.peek(tag, class);
            return peeked.map(|()| Flow::Continue).map_err(|why| self.refusal(why, class, 0));
        }
        let now = exchange.now();
        match self.room.enter(tag, class, || self.flows.of(exchange), now) {
            Entry::Now(permit) => {
                self.admit(exchange, permit, now);
                Ok(Flow::Continue)
            }
            Entry::Not(why) => Err(self.refuse(exchange, tag, class, why)),
            Entry::Waits(..) if exchange.is_on_trial() => {
                exchange.note("would-wait", self.name.to_string());
                Ok(Flow::Continue)
            }
            Entry::Waits(waiting, patience) => {
                let inner = self.clone();
                Ok(Flow::suspend(move |exchange| {
                    Box::pin(async move {
                        let began = exchange.clock().0.now();
                        let waited = within(patience, waiting).await;
                        let now = exchange.clock().0.now();
                        let took = now.saturating_sub(began);
                        exchange.note("waited", format!("{}: {took:.1?}", inner.name));
                        match waited.unwrap_or(Err(Shed::TooLate)) {
                            Ok(permit) => {
                                inner.admit(exchange, permit, now);
                                Ok(Flow::Continue)
                            }
                            Err(why) => Err(inner.refuse(exchange, tag, class, why)),
                        }
                    })
                }))
            }
        }
    }

    fn admit(&self, exchange: &mut Exchange, permit: Permit, now: Duration) {
        exchange.keep(permit);
        if !exchange.is_on_trial() && self.room.times(now) {
            self.time(exchange);
        }
    }

    fn time(&self, exchange: &mut Exchange) {
        let has_body = may_have_body(exchange);
        let route = self.flows.route(exchange);
        let timing = Timing::new(self.room.clone(), exchange.clock(), route, has_body);
        let timing = Arc::new(timing);
        if has_body {
            exchange.watch_body(Uploads(timing.clone()));
        }
        exchange.on_reply(move |parts| {
            timing.answered(parts);
            Ok(())
        });
    }

    #[cold]
    fn refuse(&self, exchange: &mut Exchange, tag: u64, class: Priority, why: Shed) -> Rejection {
        self.room.count_shed(class);
        exchange.note("shed", format!("{}: {}, {class}", self.name, why.word()));
        self.refusal(why, class, scatter(self.seed, tag, exchange.clock().0.now()))
    }

    fn refusal(&self, why: Shed, class: Priority, random: u64) -> Rejection {
        let (reason, detail) = match self.is_own {
            true => (Reason::TooManyConcurrent, TOO_MANY),
            false => (Reason::Overloaded, OVERLOADED),
        };
        Rejection::new(reason)
            .detail(detail)
            .header(header::RETRY_AFTER, HeaderValue::from(1 + random % SPREAD))
            .expected(self.summary.clone())
            .found(format!("one more, {class}: {}", why.word()))
    }
}

/// Whether the handler may have to wait for its client.
fn may_have_body(exchange: &Exchange) -> bool {
    let headers = exchange.headers();
    let is_announced = headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    let is_bare = [Method::GET, Method::HEAD, Method::OPTIONS, Method::DELETE, Method::CONNECT];
    is_announced || !is_bare.contains(exchange.method())
}

impl Guard for Concurrency {
    fn name(&self) -> &'static str {
        "concurrency"
    }

    /// Late, so that nobody takes a place who is refused anyway.
    fn phase(&self) -> Phase {
        Phase::Quota
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        // Whoever claims to be somebody, and is not, must not take their places, nor have their class.
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

    fn findings(&self, report: &mut Findings) {
        let inner = &*self.0;
        let subject = || format!("concurrency `{}`", inner.name);
        if !report.mark("concurrency", Arc::as_ptr(&self.0).addr()) {
            report.add(&rule::THROTTLE_TWICE, subject(), "it stands in the stack twice");
            return;
        }
        if inner.ipv6_prefix > 64 && inner.needs.contains(Needs::CLIENT) {
            let keys = inner.ipv6_prefix - 64;
            let evidence = format!(
                "one customer's /64 of IPv6 is 2^{keys} keys under a prefix of /{}",
                inner.ipv6_prefix
            );
            report.add(&rule::IPV6_KEYS, subject(), evidence);
        }
        if inner.is_evadable {
            let evidence = "each value that a client writes into a header has a count of its own";
            report.add(&rule::EVADABLE_LIMIT, subject(), evidence);
        }
        if inner.wait.is_some_and(|wait| wait > LONG) {
            let evidence = "requests may wait so long that their clients have given up";
            report.add(&rule::LONG_WAIT, subject(), evidence);
        }
    }
}

/// Those who wait longer are often gone, and what they asked for is done for nobody.
const LONG: Duration = Duration::from_secs(5);

impl IntoGuard for ConcurrencyBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        self.build()?.into_guard()
    }
}

guard_layer!(Concurrency);

impl fmt::Debug for Concurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Concurrency")
            .field("name", &self.0.name)
            .field("limit", &self.0.summary)
            .finish_non_exhaustive()
    }
}
