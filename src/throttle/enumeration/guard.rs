use std::{borrow::Cow, fmt, net::IpAddr, sync::Arc, time::Duration};

use http::{HeaderValue, header};

use crate::{
    compose::Patterns,
    context::{ClientAddr, Notes, Principal, REPORTED},
    guard::{Exchange, Flow, Guard, Needs, Phase},
    rejection::{Reason, Rejection},
    service::guard_layer,
    throttle::{
        fields::{retry_after, scatter},
        sip::Secret,
    },
};

use super::{EnumerationBuilder, Outcomes, Refusing, table::Table, trail::Trail};

const NAME: &str = "enumeration";

const DETAIL: &str =
    "too many different objects were asked for; come back after the time in `Retry-After`";

// What a caller's tag begins with.
const PRINCIPAL: u64 = 1;
const V4: u64 = 2;
const V6: u64 = 3;

/// Finds callers who walk from object to object. See the [module](super) for behaviour and defaults.
///
/// Clones share their counts.
#[derive(Clone)]
pub struct Enumeration(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) name: String,
    pub(super) patterns: Patterns,
    pub(super) most: u64,
    pub(super) window: Duration,
    pub(super) outcomes: Outcomes,
    pub(super) refusing: Option<Refusing>,
    /// How many objects of half a window are kept one by one.
    pub(super) exact: usize,
    pub(super) table: Table,
    pub(super) secret: Secret,
    pub(super) seed: u64,
    pub(super) summary: String,
}

impl Enumeration {
    /// Starts a detector by its name, which records and the log say.
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use tower_parapet::{Guard, throttle::Enumeration};
    ///
    /// let orders = Enumeration::named("orders")
    ///     .routes(["GET /orders/{id}"])
    ///     .at_most(200)
    ///     .within(Duration::from_secs(3_600))
    ///     .build()?;
    /// assert_eq!(
    ///     orders.summary(),
    ///     "GET /orders/{id}: 200 objects found per caller within 3600 s, told once, \
    ///      at most 10000 callers",
    /// );
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn named(name: impl Into<String>) -> EnumerationBuilder {
        EnumerationBuilder::new(name.into())
    }
}

/// Who asks, for what, when.
struct Sighting {
    caller: u64,
    object: u64,
    half: u64,
    who: Who,
}

enum Who {
    Principal(Principal),
    Client(ClientAddr),
}

impl Inner {
    fn judge(self: &Arc<Self>, exchange: &mut Exchange) -> Result<(), Rejection> {
        let Some(sighting) = self.sight(exchange)? else { return Ok(()) };
        if let Some(refusing) = self.refusing {
            self.limit(refusing, &sighting, exchange)?;
        }
        if exchange.is_rehearsal() {
            return Ok(());
        }
        if exchange.is_on_trial() {
            // Nobody will say how the request ends.
            self.count(&sighting, |text| exchange.note(NAME, text));
            return Ok(());
        }
        let (this, notes): (_, Notes) = (self.clone(), exchange.context.notes());
        exchange.on_reply(move |answer| {
            if this.outcomes.counts(answer.status) {
                this.count(&sighting, |text| {
                    notes.add(NAME, text);
                    notes.add(REPORTED, NAME);
                });
            }
            Ok(())
        });
        Ok(())
    }

    /// The caller and the object of a request to one of the routes.
    fn sight(&self, exchange: &mut Exchange) -> Result<Option<Sighting>, Rejection> {
        let half = self.half(exchange.now());
        let method = exchange.judged_method().clone();
        let Some(matched) = self.patterns.find(&method, exchange.path()) else { return Ok(None) };
        let (caller, who) = self.caller(exchange)?;
        // An object's hash is another one for every caller: what one learns of it is of no use to,
        // nor against, another one.
        let mut hash = self.secret.hasher();
        hash.word(caller);
        hash.text(matched.pattern.as_bytes());
        self.patterns.values(&matched, |value| hash.text(value.as_bytes()));
        Ok(Some(Sighting { caller, object: hash.finish(), half, who }))
    }

    fn caller(&self, exchange: &Exchange) -> Result<(u64, Who), Rejection> {
        let mut hash = self.secret.hasher();
        if let Some(principal) = exchange.principal() {
            hash.word(PRINCIPAL);
            hash.text(principal.issuer().as_bytes());
            hash.text(principal.subject().as_bytes());
            return Ok((hash.finish(), Who::Principal(principal.clone())));
        }
        let client = exchange.client().ok_or_else(nowhere)?;
        match client.ip() {
            IpAddr::V4(ip) => {
                hash.word(V4);
                hash.word(u64::from(ip.to_bits()));
            }
            // One customer's /64.
            IpAddr::V6(ip) => {
                hash.word(V6);
                hash.word((ip.to_bits() >> 64) as u64);
            }
        }
        Ok((hash.finish(), Who::Client(client)))
    }

    /// Which half of a window a time falls into.
    fn half(&self, now: Duration) -> u64 {
        let half = (self.window / 2).as_nanos().max(1);
        u64::try_from(now.as_nanos() / half).unwrap_or(u64::MAX)
    }

    fn limit(
        &self,
        refusing: Refusing,
        sighting: &Sighting,
        exchange: &mut Exchange,
    ) -> Result<(), Rejection> {
        let judge = |trail: &mut Trail| {
            let (count, most) = (trail.count(), self.most);
            let (is_refused, room_for) = match refusing {
                Refusing::Everything => (count > most, most),
                Refusing::Unseen => {
                    (count >= most && !trail.contains(sighting.object), most.saturating_sub(1))
                }
            };
            is_refused.then(|| (count, trail.halves_until(room_for), trail.tell()))
        };
        let refused = self.table.look(sighting.caller, sighting.half, judge).flatten();
        let Some((count, halves, is_new)) = refused else { return Ok(()) };
        if is_new && !exchange.is_rehearsal() {
            exchange.note(NAME, self.tell(sighting, count));
            exchange.report(NAME);
        }
        Err(self.refuse(sighting, count, halves, exchange.now()))
    }

    #[cold]
    fn refuse(&self, sighting: &Sighting, count: u64, halves: u64, now: Duration) -> Rejection {
        let ends = (self.window / 2).as_nanos() * u128::from(sighting.half + halves);
        let wait =
            Duration::from_nanos(u64::try_from(ends).unwrap_or(u64::MAX)).saturating_sub(now);
        let seconds = retry_after(wait, scatter(self.seed, sighting.caller, now));
        Rejection::new(Reason::RateLimited)
            .detail(DETAIL)
            .header(header::RETRY_AFTER, HeaderValue::from(seconds))
            .expected(self.summary.clone())
            .found(format!("{count} objects"))
    }

    fn count(&self, sighting: &Sighting, note: impl FnOnce(String)) {
        let found = self.table.change(sighting.caller, sighting.half, |trail| {
            trail.add(sighting.object, self.exact);
            (trail.count() > self.most && trail.tell()).then(|| trail.count())
        });
        if let Some(count) = found.flatten() {
            note(self.tell(sighting, count));
        }
    }

    /// The one event for a caller and a window; the text of its note.
    #[cold]
    fn tell(&self, sighting: &Sighting, count: u64) -> String {
        let window = self.window.as_secs_f64();
        tracing::warn!(
            target: "tower_parapet",
            detector = %self.name,
            objects = count,
            at_most = self.most,
            window_seconds = window,
            caller = ?sighting.who,
            "a caller walks from object to object",
        );
        format!("{}: {count} objects within {window} s", self.name)
    }
}

#[cold]
fn nowhere() -> Rejection {
    Rejection::new(Reason::AddressUnknown)
        .expected("the address of the peer: name its source, `.peer(Peer::ConnectInfo)` say")
        .found("a request without one, and without a principal")
}

impl Guard for Enumeration {
    fn name(&self) -> &'static str {
        NAME
    }

    fn phase(&self) -> Phase {
        Phase::Quota
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        if exchange.is_claimed() {
            let inner = self.0.clone();
            return Ok(exchange
                .once_proven(move |exchange| inner.judge(exchange).map(|()| Flow::Continue)));
        }
        self.0.judge(exchange).map(|()| Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(self.0.summary.clone())
    }

    fn needs(&self) -> Needs {
        Needs::CLIENT
    }
}

guard_layer!(Enumeration);

impl fmt::Debug for Enumeration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enumeration")
            .field("name", &self.0.name)
            .field("summary", &self.0.summary)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal(who) => write!(f, "{:?} of {:?}", who.subject(), who.issuer()),
            Self::Client(client) => write!(f, "{}", client.ip()),
        }
    }
}
