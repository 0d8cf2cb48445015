//! What people put together today.

use std::{
    fs::File,
    io::BufWriter,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use governor::middleware::{NoOpMiddleware, StateInformationMiddleware};
use http::{StatusCode, header};
use ipnet::IpNet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, crypto::aws_lc::DEFAULT_PROVIDER, decode};
use serde::Deserialize;
use tower_governor::{
    GovernorLayer,
    governor::{GovernorConfig, GovernorConfigBuilder},
    key_extractor::PeerIpKeyExtractor,
};
use tower_http::trace::{DefaultMakeSpan, DefaultOnResponse, TraceLayer};
use tracing::Level;

use crate::fixtures::{AUDIENCE, ISSUER, Issuer, networks, route};

pub(crate) fn empty_from_fn() -> Router {
    route().layer(from_fn(async |request: Request, next: Next| next.run(request).await))
}

type Generous = GovernorConfig<PeerIpKeyExtractor, NoOpMiddleware>;
type Telling = GovernorConfig<PeerIpKeyExtractor, StateInformationMiddleware>;

pub(crate) fn generous() -> GovernorLayer<PeerIpKeyExtractor, NoOpMiddleware, axum::body::Body> {
    let config: Generous = GovernorConfigBuilder::default()
        .const_period(Duration::from_nanos(1))
        .const_burst_size(1_000_000_000)
        .finish()
        .unwrap();
    GovernorLayer::new(config)
}

/// The same, and it tells the client where it stands, as ours does.
pub(crate) fn telling()
-> GovernorLayer<PeerIpKeyExtractor, StateInformationMiddleware, axum::body::Body> {
    let config: Telling = GovernorConfigBuilder::default()
        .const_period(Duration::from_nanos(1))
        .const_burst_size(1_000_000_000)
        .use_headers()
        .finish()
        .unwrap();
    GovernorLayer::new(config)
}

/// Admits one request an hour.
pub(crate) fn strict() -> GovernorLayer<PeerIpKeyExtractor, NoOpMiddleware, axum::body::Body> {
    let config: Generous = GovernorConfigBuilder::default()
        .const_period(Duration::from_secs(3600))
        .const_burst_size(1)
        .finish()
        .unwrap();
    GovernorLayer::new(config)
}

/// Spans and events as JSON lines in a file, a scan of a hundred networks, a throttle, a token:
/// what our whole stack is compared with. The lines are buffered, as ours are.
pub(crate) fn chain(issuer: &Issuer, log: &Path) -> Router {
    // With two providers linked, as in this crate's tests, `decode` panics unless one was chosen.
    // It is the one our own verifier uses, so both sides do the same mathematics.
    DEFAULT_PROVIDER.install_default().unwrap();
    let file = Mutex::new(BufWriter::new(File::create(log).unwrap()));
    tracing_subscriber::fmt().json().with_writer(file).init();
    let nets: Arc<[IpNet]> = networks().iter().map(|net| net.parse().unwrap()).collect();
    let keys = Arc::new(keys(issuer));
    let trace = TraceLayer::new_for_http()
        .make_span_with(DefaultMakeSpan::new().level(Level::INFO))
        .on_response(DefaultOnResponse::new().level(Level::INFO));
    route()
        .layer(from_fn_with_state(keys, authenticate))
        .layer(generous())
        .layer(from_fn_with_state(nets, scan))
        .layer(trace)
}

pub(crate) fn keys(issuer: &Issuer) -> (DecodingKey, Validation) {
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    (issuer.decoding_key(), validation)
}

/// What a service does with a token by itself.
pub(crate) fn decode_claims(token: &str, keys: &(DecodingKey, Validation)) -> bool {
    decode::<Claims>(token, &keys.0, &keys.1).is_ok()
}

#[derive(Clone, Deserialize)]
struct Claims {
    #[allow(dead_code, reason = "it is there for a handler to read")]
    sub: String,
    scope: String,
}

async fn authenticate(
    State(keys): State<Arc<(DecodingKey, Validation)>>,
    mut request: Request,
    next: Next,
) -> Response {
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let claims = token.and_then(|token| decode::<Claims>(token, &keys.0, &keys.1).ok());
    match claims.map(|token| token.claims) {
        Some(claims) if claims.scope.split(' ').any(|scope| scope == "orders:read") => {
            request.extensions_mut().insert(claims);
            next.run(request).await
        }
        Some(_) => StatusCode::FORBIDDEN.into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

async fn scan(
    State(nets): State<Arc<[IpNet]>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    match nets.iter().any(|net| net.contains(&peer.ip())) {
        true => StatusCode::FORBIDDEN.into_response(),
        false => next.run(request).await,
    }
}
