//! Stacks of ours.

use std::{path::Path, time::Duration};

use axum::Router;
use tower_parapet::{
    Exchange, Flow, Guard, Guarded, Introspection, Parapet, ParapetBuilder, Peer, Phase, Policy,
    Rejection,
    address::IpFilter,
    audit::JsonLines,
    auth::{
        api_key::{ApiKey, ApiKeys, CachedKeys, FileKeys, KeyStore, MemoryKeys, StoredKey},
        jwt::{Jwt, JwtBuilder},
    },
    authorize::scope,
    throttle::{Key, Throttle},
};

use crate::{
    fixtures::{AUDIENCE, ISSUER, Issuer, networks, route},
    provider::Provider,
};

/// A guard that looks at the request and lets it through.
struct Cheap(&'static str, Phase);

impl Guard for Cheap {
    fn name(&self) -> &'static str {
        self.0
    }

    fn phase(&self) -> Phase {
        self.1
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        match exchange.path().is_empty() {
            true => Err(Rejection::new(tower_parapet::Reason::BadPath)),
            false => Ok(Flow::Continue),
        }
    }
}

fn bare() -> ParapetBuilder {
    Parapet::builder().dangerous().bare()
}

fn around(builder: ParapetBuilder) -> Guarded<Router> {
    builder.build().unwrap().protect(route())
}

pub(crate) fn six_guards() -> Guarded<Router> {
    let phases = [
        ("one", Phase::Record),
        ("two", Phase::Reply),
        ("three", Phase::Address),
        ("four", Phase::Transport),
        ("five", Phase::EdgeThrottle),
        ("six", Phase::Content),
    ];
    let guards = phases.into_iter().map(|(name, phase)| Cheap(name, phase));
    around(guards.fold(bare(), ParapetBuilder::guard))
}

/// A stack that costs what every stack costs, and no more.
pub(crate) fn empty() -> Guarded<Router> {
    around(bare())
}

fn tokens(issuer: &Issuer) -> JwtBuilder {
    Jwt::builder().issuer(ISSUER).audience(AUDIENCE).jwks(issuer.key_set())
}

/// The stack of a service: the defaults, and what its operator would add.
pub(crate) fn whole(issuer: &Issuer, audit: Option<JsonLines>) -> Guarded<Router> {
    let builder = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .ip(IpFilter::builder().deny(networks()))
        .throttle(Throttle::per_second(1_000_000_000).by(Key::ClientNet).named("client"))
        .throttle(Throttle::per_second(1_000_000_000).by(Key::Principal).named("caller"))
        .authenticate(tokens(issuer))
        .public("GET /health", "load balancer")
        .route("/orders", Policy::require(scope("orders:read")));
    around(match audit {
        Some(sink) => builder.audit(sink),
        None => builder,
    })
}

pub(crate) fn audit(path: &Path) -> JsonLines {
    JsonLines::to(path).build().unwrap()
}

/// A stack that knows its peer, and no more.
pub(crate) fn unthrottled() -> Guarded<Router> {
    around(bare().peer(Peer::ConnectInfo))
}

/// Nothing but a throttle, by client network.
pub(crate) fn throttled(throttle: Throttle) -> Guarded<Router> {
    around(bare().peer(Peer::ConnectInfo).throttle(throttle))
}

pub(crate) fn generous() -> Throttle {
    Throttle::per_second(1_000_000_000).build().unwrap()
}

/// The same, and it tells the client nothing, as tower_governor does by default.
pub(crate) fn quiet() -> Throttle {
    Throttle::per_second(1_000_000_000).quiet().build().unwrap()
}

/// Admits one request an hour.
pub(crate) fn strict() -> Throttle {
    Throttle::per_hour(1).build().unwrap()
}

/// Nothing but authentication.
pub(crate) fn authenticated(issuer: &Issuer) -> Guarded<Router> {
    around(bare().authenticate(tokens(issuer)))
}

/// Nothing but authentication, by a scheme that remembers so many tokens.
pub(crate) fn remembering(issuer: &Issuer, tokens_kept: usize) -> Guarded<Router> {
    around(bare().authenticate(tokens(issuer).cache_capacity(tokens_kept)))
}

/// Nothing but authentication by API key, and a key of a thousand.
/// A thousand keys, and the text of one of them.
fn thousand_keys() -> (Vec<StoredKey>, String) {
    let keys: Vec<_> = (0..1_000).map(|_| ApiKey::generate("shop").unwrap()).collect();
    let stored = keys.iter().enumerate();
    let stored = stored
        .map(|(number, key)| key.stored().owner(format!("customer-{number}")).build().unwrap());
    (stored.collect(), keys[500].text().expose().to_owned())
}

fn by_keys(store: impl KeyStore) -> Guarded<Router> {
    around(bare().authenticate(ApiKeys::builder(store)))
}

pub(crate) fn keyed() -> (Guarded<Router>, String) {
    let (keys, text) = thousand_keys();
    (by_keys(MemoryKeys::from_iter(keys)), text)
}

pub(crate) fn keyed_by_file(path: &Path) -> (Guarded<Router>, String) {
    let (keys, text) = thousand_keys();
    FileKeys::write(path, &keys).unwrap();
    // It is not looked at while it is measured: a look is the disk's time.
    let store = FileKeys::builder(path).look_every(Duration::from_secs(3600)).build().unwrap();
    (by_keys(store), text)
}

/// What is behind the look-up is remembered from the first request on.
pub(crate) fn keyed_by_look_up() -> (Guarded<Router>, String) {
    let (keys, text) = thousand_keys();
    let keys = MemoryKeys::from_iter(keys);
    let look_up = move |id: String| {
        let found = keys.get(&id).map(|key| (*key).clone());
        async move { Ok(found) }
    };
    let store = CachedKeys::of(look_up).ttl(Duration::from_secs(3600)).build().unwrap();
    (by_keys(store), text)
}

/// Nothing but authentication by opaque tokens.
pub(crate) fn introspected(provider: &Provider) -> Guarded<Router> {
    let scheme = Introspection::builder()
        .issuer(ISSUER)
        .endpoint(provider.endpoint())
        .client_id("orders")
        .client_secret("a secret of thirty-two characters")
        .audience(AUDIENCE)
        .cache_for(Duration::from_secs(600));
    around(bare().authenticate(scheme))
}

/// Authentication and the defaults of every stack.
pub(crate) fn closed(issuer: &Issuer) -> Guarded<Router> {
    around(Parapet::builder().authenticate(tokens(issuer)))
}
