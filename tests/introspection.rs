//! Opaque tokens over the real stack: a router, sockets, and a provider of the test's own.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "support/authority.rs"]
mod authority;
#[path = "support/certificates.rs"]
mod certificates;
#[path = "introspection/client.rs"]
mod client;
#[path = "introspection/lost.rs"]
mod lost;
mod support;

use std::{net::SocketAddr, time::Duration};

use authority::{Asked, Authority, json};
use axum::{Router, routing::get};
use http::Response;
use serde_json::{Value, json};
use support::{Answer, Records, request, serve};
use tower_parapet::{
    Introspection, Jwt, Parapet, Peer, Principal, Reason,
    auth::{Authenticate, introspection::IntrospectionBuilder},
    clock::ManualClock,
    remote::Remote,
};

const NOW: u64 = 1_800_000_000;
const GOOD: &str = "2YotnFZFEjr1zCsicMWpAA";

/// What the provider says of every good token.
fn active() -> Value {
    json!({
        "active": true, "iss": "https://id.example", "sub": "alice", "aud": "orders",
        "client_id": "shop", "scope": "orders:read", "token_type": "Bearer",
        "exp": NOW + 600, "iat": NOW,
    })
}

/// Good is what begins with two and a Y.
fn honest(asked: &Asked) -> Response<String> {
    let is_good = asked.field("token").is_some_and(|token| token.starts_with("2Y"));
    json(200, if is_good { active() } else { json!({"active": false}) })
}

fn direct() -> Remote {
    Remote::builder().no_proxy().build().unwrap()
}

fn named(provider: &Authority) -> IntrospectionBuilder {
    Introspection::builder()
        .issuer("https://id.example")
        .endpoint(provider.url("/introspect"))
        .client_id("orders")
        .client_secret("s3cret")
        .audience("orders")
        .with_remote(direct())
}

struct Service {
    address: SocketAddr,
    records: Records,
    clock: ManualClock,
}

impl Service {
    async fn start(schemes: Authenticate) -> Self {
        let clock = ManualClock::at_unix(Duration::from_secs(NOW));
        let records = Records::default();
        let parapet = Parapet::builder()
            .peer(Peer::ConnectInfo)
            .guard(schemes)
            .observe(records.clone())
            .with_clock(clock.clone())
            .build()
            .unwrap();
        let whoami = |caller: Principal| async move {
            let scopes: Vec<_> = caller.scopes().collect();
            format!("{} {} {scopes:?}", caller.scheme(), caller.subject())
        };
        let app = Router::new().route("/orders", get(whoami));
        Self { address: serve(parapet.protect(app)).await, records, clock }
    }

    async fn of(tokens: IntrospectionBuilder) -> Self {
        Self::start(Authenticate::with(tokens.build().unwrap())).await
    }

    async fn ask(&self, token: &str) -> Answer {
        let header = format!("Bearer {token}");
        request(self.address, "GET", "/orders", &[("authorization", &header)], b"").await
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_token_is_asked_about_once_in_half_a_minute() {
    let provider = Authority::start(honest).await;
    let service = Service::of(named(&provider)).await;
    for _ in 0..5 {
        let answer = service.ask(GOOD).await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, "introspection alice [\"orders:read\"]")
        );
    }
    assert_eq!(provider.calls(), 1);
    let asked = provider.last();
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/introspect"));
    assert_eq!(asked.field("token"), Some(GOOD));
    assert_eq!(asked.field("token_type_hint"), Some("access_token"));
    assert_eq!(asked.header("authorization"), Some("Basic b3JkZXJzOnMzY3JldA=="));
    service.advance(29);
    service.ask(GOOD).await;
    assert_eq!(provider.calls(), 1);
    service.advance(1);
    assert_eq!(service.ask(GOOD).await.status, 200);
    assert_eq!(provider.calls(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_does_not_count_is_refused_and_asked_about_again_after_five_seconds() {
    let provider = Authority::start(honest).await;
    let service = Service::of(named(&provider)).await;
    for _ in 0..5 {
        let answer = service.ask("made-up").await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "invalid-credentials"));
        assert_eq!(
            answer.header("www-authenticate"),
            Some(
                r#"Bearer realm="api", error="invalid_token", error_description="the token is not valid here""#
            )
        );
        assert!(!answer.text().contains("made-up"));
    }
    assert_eq!(provider.calls(), 1);
    service.advance(5);
    service.ask("made-up").await;
    assert_eq!(provider.calls(), 2);
    let record = service.records.wait_for(6).remove(0);
    let rejection = record.rejection.as_ref().unwrap();
    assert_eq!(rejection.guard(), Some("introspection"));
    assert_eq!(rejection.reason(), Reason::InvalidCredentials);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_ends_when_it_is_asked_about_next() {
    let provider = Authority::start(honest).await;
    let service = Service::of(named(&provider)).await;
    assert_eq!(service.ask(GOOD).await.status, 200);
    provider.reply(|_| json(200, r#"{"active":false}"#));
    service.advance(29);
    assert_eq!(service.ask(GOOD).await.status, 200);
    service.advance(1);
    assert_eq!(service.ask(GOOD).await.code(), "invalid-credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_memory_outlives_the_end_of_a_token() {
    let provider = Authority::start(|_| {
        let mut claims = active();
        claims["exp"] = json!(NOW + 10);
        json(200, claims)
    })
    .await;
    let service = Service::of(named(&provider)).await;
    assert_eq!(service.ask(GOOD).await.status, 200);
    service.advance(9);
    assert_eq!((service.ask(GOOD).await.status, provider.calls()), (200, 1));
    // Past its end the provider decides, as long as clocks may differ.
    service.advance(1);
    provider.reply(|_| json(200, r#"{"active":false}"#));
    assert_eq!(service.ask(GOOD).await.code(), "invalid-credentials");
    assert_eq!(provider.calls(), 2);

    let provider = Authority::start(honest).await;
    let service = Service::of(named(&provider)).await;
    assert_eq!(service.ask(GOOD).await.status, 200);
    service.advance(660);
    // It was genuine: told without a call, and not counted as forged.
    assert_eq!(service.ask(GOOD).await.code(), "expired-credentials");
    assert_eq!(provider.calls(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_requests_with_one_token_make_one_call() {
    let provider = Authority::start(honest).await;
    let service = Service::of(named(&provider)).await;
    provider.hold();
    let address = service.address;
    let asks: Vec<_> = (0..100)
        .map(|_| {
            let header = format!("Bearer {GOOD}");
            tokio::spawn(async move {
                request(address, "GET", "/orders", &[("authorization", &header)], b"").await.status
            })
        })
        .collect();
    provider.was_asked(1).await;
    provider.release();
    for ask in asks {
        assert_eq!(ask.await.unwrap(), 200);
    }
    assert_eq!(provider.calls(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_token_looks_like_costs_no_call() {
    let provider = Authority::start(honest).await;
    let service = Service::of(named(&provider)).await;
    let long = "2".repeat(8193);
    for odd in ["", "2Y a", "2Y,a", "2Y\"", "=", "2Y=a", "2Y%41", "2Y\u{e9}", &long] {
        let answer = service.ask(odd).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "invalid-credentials"), "{odd}");
    }
    assert_eq!(service.ask("eyJhbGciOiJub25lIn0.e30.c2ln").await.code(), "invalid-credentials");
    let basic = [("authorization", "Basic b3JkZXJzOnMzY3JldA==")];
    let answer = request(service.address, "GET", "/orders", &basic, b"").await;
    assert_eq!(answer.code(), "invalid-credentials");
    let none = request(service.address, "GET", "/orders", &[], b"").await;
    assert_eq!(none.code(), "missing-credentials");
    assert_eq!(none.header("www-authenticate"), Some(r#"Bearer realm="api""#));
    assert_eq!(provider.calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn jwts_and_opaque_tokens_stand_side_by_side_in_either_order() {
    let key = include_str!("support/keys/es256.pem");
    let signed = || {
        let public = include_str!("support/keys/es256.pub.pem");
        let jwt = Jwt::builder().issuer("https://id.example").audience("orders");
        jwt.public_key_pem(public).build().unwrap()
    };
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256);
    let claims =
        json!({"iss": "https://id.example", "sub": "bob", "aud": "orders", "exp": NOW + 60});
    let key = jsonwebtoken::EncodingKey::from_ec_pem(key.as_bytes()).unwrap();
    let part = |text: String| {
        base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text)
    };
    let text =
        format!("{}.{}", part(serde_json::to_string(&header).unwrap()), part(claims.to_string()));
    let provider = &jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
    let signer = (provider.signer_factory)(&jsonwebtoken::Algorithm::ES256, &key).unwrap();
    let signature = signer.try_sign(text.as_bytes()).unwrap();
    let token = format!(
        "{text}.{}",
        base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, signature)
    );

    let provider = Authority::start(honest).await;
    let opaque = || named(&provider).build().unwrap();
    for schemes in
        [Authenticate::with(opaque()).or(signed()), Authenticate::with(signed()).or(opaque())]
    {
        let service = Service::start(schemes).await;
        let before = provider.calls();
        assert_eq!(service.ask(&token).await.text(), "jwt bob []");
        assert_eq!(provider.calls(), before);
        assert_eq!(service.ask(GOOD).await.text(), "introspection alice [\"orders:read\"]");
        assert_eq!(service.ask("made-up").await.code(), "invalid-credentials");
        assert_eq!(service.ask(&format!("{token}x")).await.code(), "invalid-credentials");
        assert_eq!(provider.calls(), before + 2);
        service.advance(180);
        assert_eq!(service.ask(&token).await.code(), "expired-credentials");
    }
    let also = named(&provider).also_jwts();
    provider.reply(|_| json(200, active()));
    let service = Service::of(also).await;
    assert_eq!(service.ask(&token).await.text(), "introspection alice [\"orders:read\"]");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_mutations_of_a_good_token_are_never_taken_for_it() {
    let provider = Authority::start(|asked| {
        json(
            200,
            if asked.field("token") == Some(GOOD) { active() } else { json!({"active": false}) },
        )
    })
    .await;
    let scheme = named(&provider).build().unwrap();
    let parapet = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .guard(Authenticate::with(scheme))
        .with_clock(ManualClock::at_unix(Duration::from_secs(NOW)))
        .build()
        .unwrap();
    let app = parapet.protect(Router::new().route("/orders", get(async || "in")));
    let ask = |token: Vec<u8>| {
        let value = http::HeaderValue::from_bytes(&[b"Bearer ", token.as_slice()].concat());
        let mut request = http::Request::get("/orders").body(axum::body::Body::empty()).unwrap();
        request.headers_mut().insert("authorization", value.unwrap());
        let peer = axum::extract::ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 9)));
        request.extensions_mut().insert(peer);
        let app = app.clone();
        async move { tower::ServiceExt::oneshot(app, request).await.unwrap().status() }
    };
    assert_eq!(ask(GOOD.into()).await, 200);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed >> 8).unwrap()
    };
    let mut made = 0;
    while made < 10_000 {
        let mut token = GOOD.as_bytes().to_vec();
        for _ in 0..=random() % 3 {
            let at = random() % token.len();
            let byte = b'!' + u8::try_from(random() % 94).unwrap();
            match random() % 3 {
                0 => token[at] = byte,
                1 => token.insert(at, byte),
                _ if token.len() > 1 => drop(token.remove(at)),
                _ => {}
            }
        }
        if token != GOOD.as_bytes() {
            made += 1;
            assert_eq!(ask(token.clone()).await, 401, "{}", String::from_utf8_lossy(&token));
        }
    }
    assert_eq!(ask(GOOD.into()).await, 200);
}
