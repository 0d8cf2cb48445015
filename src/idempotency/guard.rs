use std::{borrow::Cow, fmt, net::IpAddr, sync::Arc, time::Duration};

use http::{HeaderValue, Method, header};
use sha2::{Digest, Sha256};

use crate::{
    answer::{Answer, StoreError},
    compose::Patterns,
    context::Route,
    guard::{Exchange, Flow, Guard, Needs, Phase},
    inspect::{Findings, Readiness},
    rejection::{Reason, Rejection},
    service::guard_layer,
};

use super::{
    Begun, Claim, IdempotencyBuilder, IdempotencyStore, StoredResponse,
    claim::{Hash, owner},
    key,
    recorded::{Keeps, record},
    running::Running,
};

const NAME: &str = "idempotency";

/// What a lock lasts beyond the handler's deadline.
const MARGIN: Duration = Duration::from_secs(10);

/// Runs a request once that is sent several times. See the [module](super) for behaviour and defaults.
///
/// Clones share one store.
#[derive(Clone)]
pub struct Idempotency(pub(super) Arc<Inner>);

pub(super) struct Inner {
    /// Nothing where it is for every request that the guard sees.
    pub(super) patterns: Option<Patterns>,
    pub(super) store: Arc<dyn IdempotencyStore>,
    pub(super) is_optional: bool,
    pub(super) takes_bare: bool,
    pub(super) keep: Duration,
    pub(super) lock: Duration,
    pub(super) keeps: Arc<Keeps>,
    pub(super) summary: String,
}

impl Idempotency {
    /// Starts with where keys and answers are kept.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::{Guard, idempotency::{Idempotency, MemoryResponses}};
    ///
    /// let once = Idempotency::builder(MemoryResponses::default()).routes(["POST /orders"]).build()?;
    /// assert_eq!(
    ///     once.summary(),
    ///     "POST /orders: must have a key; answers of up to 262144 bytes are kept for 86400 s, \
    ///      in memory, at most 100000 keys and 67108864 bytes, 12500 keys a caller",
    /// );
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn builder(store: impl IdempotencyStore) -> IdempotencyBuilder {
        IdempotencyBuilder::new(Arc::new(store))
    }
}

impl Inner {
    /// The route that a key is for; `None` where the request needs none.
    fn route<'a>(&'a self, exchange: &'a Exchange) -> Option<&'a str> {
        let method = exchange.method();
        match &self.patterns {
            Some(patterns) => patterns.find(method, exchange.path()).map(|matched| matched.pattern),
            None if [Method::POST, Method::PATCH].contains(method) => {
                let listed = exchange.route().filter(|route| route.is_listed());
                Some(listed.map_or("", Route::pattern))
            }
            None => None,
        }
    }

    /// Once everybody else has let the request pass: asks whose the key is.
    fn begin(self: &Arc<Self>, exchange: &mut Exchange, asked: Asked) -> Result<(), Rejection> {
        let claim = self.claim(exchange, asked)?;
        let clock = exchange.env.clock.clone();
        let running = Running::new(self.store.clone(), claim, clock);
        match self.store.begin(running.claim(), exchange.now()) {
            Answer::Now(begun) => match self.judge(exchange, running, begun)? {
                Flow::Continue => {}
                flow => exchange.wait(Flow::suspend(|_| Box::pin(async move { Ok(flow) }))),
            },
            Answer::Later(begun) => {
                let this = self.clone();
                exchange.wait(Flow::suspend(move |exchange| {
                    Box::pin(async move { this.judge(exchange, running, begun.await) })
                }));
            }
        }
        Ok(())
    }

    fn claim(&self, exchange: &Exchange, asked: Asked) -> Result<Claim, Rejection> {
        let Asked { key, route, request } = asked;
        let caller = caller(exchange)?;
        let hash =
            Hash::of("tower-parapet idempotency key").text(&caller.keys).text(route.as_bytes());
        let deadline = exchange.own_route().and_then(|route| route.deadline);
        let deadline = deadline.or(exchange.env.handler_deadline).unwrap_or_default();
        Ok(Claim {
            key: hash.text(key.as_bytes()).short(),
            caller: caller.room,
            request,
            owner: owner(),
            lock: self.lock.max(deadline.saturating_add(MARGIN)),
            keep: self.keep,
        })
    }

    fn judge(
        &self,
        exchange: &mut Exchange,
        running: Running,
        begun: Result<Begun, StoreError>,
    ) -> Result<Flow, Rejection> {
        // A store that failed may have locked the key all the same.
        let begun = begun.map_err(unavailable)?;
        if let Begun::First = begun {
            let keeps = self.keeps.clone();
            exchange.on_answer(move |response| record(response, running, &keeps));
            return Ok(Flow::Continue);
        }
        running.forget();
        match begun {
            Begun::Done(response) => match response.replay() {
                Some(replay) => {
                    exchange.note(NAME, "replayed");
                    Ok(Flow::respond(replay))
                }
                None => Err(lost(&response)),
            },
            Begun::UnderWay => Err(later(Reason::RequestInProgress, Duration::from_secs(1))
                .detail("the same request is under way; ask again after the time in `Retry-After`")
                .expected("a request that was answered, or is new")
                .found("one that is under way")),
            Begun::Another => Err(Rejection::new(Reason::IdempotencyKeyReused)
                .detail("the key was sent with another request; a new request needs a new key")
                .expected("the method, path, query and body of the first request with the key")
                .found("another one")),
            Begun::UsedUp(wait) => Err(later(Reason::RateLimited, wait)
                .detail("too many idempotency keys are kept for this caller")
                .expected(self.summary.clone())
                .found("another key of a caller who has used up theirs")),
            Begun::Full(wait) => Err(later(Reason::Unavailable, wait)
                .expected(self.summary.clone())
                .found("a store that is full of keys that are still valid")),
            Begun::First => Ok(Flow::Continue),
        }
        .map_err(|rejection| rejection.by(NAME))
    }
}

/// What a request asks a key for.
struct Asked {
    key: String,
    route: String,
    request: [u8; 32],
}

/// Whose a key is, and whose part of the store's room it takes.
struct Caller {
    keys: [u8; 16],
    room: [u8; 16],
}

/// The principal within its tenant, or the address of who is nobody.
fn caller(exchange: &Exchange) -> Result<Caller, Rejection> {
    if let Some(principal) = exchange.principal() {
        let of = |what| {
            let hash = Hash::of(what).text(principal.issuer().as_bytes());
            hash.text(principal.subject().as_bytes())
        };
        // What somebody does for one tenant is no answer to what they ask for another one.
        let tenant = principal.tenant();
        let keys = of("principal")
            .text(&[u8::from(tenant.is_some())])
            .text(tenant.unwrap_or_default().as_bytes());
        return Ok(Caller { keys: keys.short(), room: of("principal").short() });
    }
    let client = exchange.client().ok_or_else(nowhere)?;
    Ok(match client.ip() {
        IpAddr::V4(ip) => {
            let keys = Hash::of("client").text(&ip.octets()).short();
            Caller { keys, room: keys }
        }
        // One customer's /64, any address of which they may write.
        IpAddr::V6(ip) => Caller {
            keys: Hash::of("client").text(&ip.octets()).short(),
            room: Hash::of("network").text(&(ip.to_bits() >> 64).to_be_bytes()).short(),
        },
    })
}

fn request(exchange: &Exchange, body: &[u8]) -> [u8; 32] {
    let query = exchange.uri().query();
    Hash::of("tower-parapet idempotent request")
        .text(exchange.method().as_str().as_bytes())
        .text(exchange.path().as_bytes())
        .text(&[u8::from(query.is_some())])
        .text(query.unwrap_or_default().as_bytes())
        .text(&Sha256::digest(body))
        .long()
}

fn later(reason: Reason, wait: Duration) -> Rejection {
    let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
    Rejection::new(reason).header(header::RETRY_AFTER, HeaderValue::from(seconds))
}

#[cold]
fn unavailable(error: StoreError) -> Rejection {
    later(Reason::Unavailable, Duration::from_secs(1))
        .expected("a store of idempotency keys that answers")
        .found("one that does not")
        .cause(error)
        .by(NAME)
}

#[cold]
fn lost(response: &StoredResponse) -> Rejection {
    let detail = format!(
        "the request was done, and answered with status {}; its answer is not kept whole",
        response.status().as_u16(),
    );
    Rejection::new(Reason::AnswerNotKept)
        .detail(detail)
        .expected("an answer that can be given again")
        .found("one that was too long, or has not ended")
}

#[cold]
fn missing() -> Rejection {
    Rejection::new(Reason::MissingHeader)
        .detail("the header `idempotency-key` is required here")
        .expected("an `Idempotency-Key`")
        .found("none")
}

#[cold]
fn nowhere() -> Rejection {
    Rejection::new(Reason::AddressUnknown)
        .expected("the address of the peer: name its source, `.peer(Peer::ConnectInfo)` say")
        .found("a request without one, and without a principal")
        .by(NAME)
}

impl Guard for Idempotency {
    fn name(&self) -> &'static str {
        NAME
    }

    fn phase(&self) -> Phase {
        Phase::Content
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let Some(route) = self.0.route(exchange) else { return Ok(Flow::Continue) };
        let Some(key) = key::read(exchange.headers(), self.0.takes_bare)? else {
            return if self.0.is_optional { Ok(Flow::Continue) } else { Err(missing()) };
        };
        let (route, inner) = (route.to_owned(), self.0.clone());
        exchange.read_body(usize::MAX, move |exchange, body| {
            let asked = Asked { key, route, request: request(exchange, body) };
            // Behind whoever else judges the body, so that only what is good takes a key.
            exchange.read_body(usize::MAX, move |exchange, _| {
                if !exchange.is_rehearsal() && !exchange.is_on_trial() {
                    inner.begin(exchange, asked)?;
                }
                Ok(None)
            });
            Ok(None)
        });
        Ok(Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(self.0.summary.clone())
    }

    fn needs(&self) -> Needs {
        Needs::BODY.and(Needs::CLIENT)
    }

    fn findings(&self, report: &mut Findings) {
        self.0.store.findings(report);
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.0.store.ready(readiness);
    }
}

guard_layer!(Idempotency);

impl fmt::Debug for Idempotency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Idempotency").field(&self.0.summary).finish()
    }
}
