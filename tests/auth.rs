//! Who is calling: schemes side by side, over real stacks and a real router.
#![cfg(all(feature = "axum", feature = "api-key"))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "auth/spelling.rs"]
mod spelling;
mod support;

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body, routing::get};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header::AUTHORIZATION};
use support::{Records, serve};
use tower::ServiceExt;
use tower_parapet::{
    Answer, Exchange, Parapet, Policy, Principal, Reason, Rejection,
    auth::{
        Attempt, Authenticate, Scheme,
        api_key::{ApiKey, ApiKeys, KeyStore, MemoryKeys, StoreError, StoredKey},
    },
    clock::ManualClock,
};

const NOW: Duration = Duration::from_secs(1_700_000_000);

/// Bearer tokens that are words: `alice` is good, anything else is forged.
struct Words;

impl Scheme for Words {
    fn name(&self) -> &'static str {
        "bearer"
    }

    fn header(&self) -> Option<&HeaderName> {
        Some(&AUTHORIZATION)
    }

    fn is_presented(&self, exchange: &Exchange) -> bool {
        let value = exchange.headers().get(AUTHORIZATION);
        value.is_some_and(|value| value.as_bytes().starts_with(b"Bearer "))
    }

    fn authenticate(&self, exchange: &mut Exchange) -> Result<Attempt, Rejection> {
        match exchange.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes) {
            None => Ok(Attempt::Absent),
            Some(b"Bearer alice") => Ok(Attempt::Verified(
                Principal::builder("https://id.example", "alice").scheme("bearer").build(),
            )),
            Some(_) => Err(Rejection::new(Reason::InvalidCredentials)),
        }
    }

    fn challenges(&self) -> Vec<HeaderValue> {
        vec![HeaderValue::from_static("Bearer")]
    }
}

struct Keys {
    scheme: ApiKeys,
    good: ApiKey,
    expired: ApiKey,
}

fn keys() -> Keys {
    let store = MemoryKeys::new();
    let good = ApiKey::generate("orders").unwrap();
    store.insert(good.stored().owner("robot").build().unwrap());
    let expired = ApiKey::generate("orders").unwrap();
    let end = NOW - Duration::from_secs(1);
    store.insert(expired.stored().owner("old robot").expires_at(end).build().unwrap());
    Keys { scheme: ApiKeys::builder(store).build().unwrap(), good, expired }
}

fn router() -> Router {
    let greet = |caller: Option<Principal>| async move {
        caller.map_or("nobody".to_owned(), |caller| caller.subject().to_owned())
    };
    Router::new()
        .route("/orders", get(greet))
        .route("/maybe", get(greet))
        .route("/shop", get(greet))
        .route("/known", get(|caller: Principal| async move { caller.subject().to_owned() }))
}

fn stack(scheme: ApiKeys, records: &Records) -> Parapet {
    Parapet::builder()
        .guard(Authenticate::with(Words).or(scheme))
        .route("/maybe", Policy::optional())
        .public("/shop", "shop window")
        .public("/known", "a handler that asks by itself")
        .observe(records.clone())
        .with_clock(ManualClock::at_unix(NOW))
        .build()
        .unwrap()
}

async fn ask(app: &Router, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::get(path).header("host", "orders.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

fn code(response: &Response<Body>) -> &'static str {
    response.extensions().get::<Reason>().map_or("", |reason| reason.code())
}

fn challenges(response: &Response<Body>) -> Vec<String> {
    let values = response.headers().get_all("www-authenticate").iter();
    values.map(|value| value.to_str().unwrap().to_owned()).collect()
}

async fn text(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn app(parapet: &Parapet) -> Router {
    router().layer(parapet.clone())
}

#[tokio::test]
async fn a_bearer_token_and_an_api_key_work_side_by_side() {
    let keys = keys();
    let app = app(&stack(keys.scheme, &Records::default()));
    let key = [("x-api-key", keys.good.text().expose())];
    assert_eq!(text(ask(&app, "/orders", &key).await).await, "robot");
    let bearer = [("authorization", "Bearer alice")];
    assert_eq!(text(ask(&app, "/orders", &bearer).await).await, "alice");
}

#[tokio::test]
async fn without_credentials_each_scheme_gets_a_line_and_no_error() {
    let app = app(&stack(keys().scheme, &Records::default()));
    let refused = ask(&app, "/orders", &[]).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(code(&refused), "missing-credentials");
    assert_eq!(challenges(&refused), ["Bearer", "ApiKey header=\"X-Api-Key\""]);
}

#[tokio::test]
async fn optional_admits_only_absent_credentials_never_bad_ones() {
    let keys = keys();
    let app = app(&stack(keys.scheme, &Records::default()));
    assert_eq!(text(ask(&app, "/maybe", &[]).await).await, "nobody");
    let key = [("x-api-key", keys.good.text().expose())];
    assert_eq!(text(ask(&app, "/maybe", &key).await).await, "robot");
    for bad in [
        ("x-api-key", "orders_x_y"),
        ("x-api-key", ""),
        ("authorization", "Bearer mallory"),
        ("authorization", "Bearer "),
        ("authorization", "Basic eDp5"),
        ("authorization", ""),
    ] {
        let refused = ask(&app, "/maybe", &[bad]).await;
        assert_eq!(code(&refused), "invalid-credentials", "{bad:?}");
        assert!(!challenges(&refused).is_empty(), "{bad:?}");
    }
    let expired = [("x-api-key", keys.expired.text().expose())];
    assert_eq!(code(&ask(&app, "/maybe", &expired).await), "expired-credentials");
}

#[tokio::test]
async fn a_public_route_does_not_look_at_credentials() {
    let app = app(&stack(keys().scheme, &Records::default()));
    let bad = [("x-api-key", "nonsense")];
    assert_eq!(text(ask(&app, "/shop", &bad).await).await, "nobody");
}

#[tokio::test]
async fn a_handler_that_needs_a_caller_on_a_public_route_refuses_with_the_challenges() {
    let app = app(&stack(keys().scheme, &Records::default()));
    let refused = ask(&app, "/known", &[]).await;
    assert_eq!(code(&refused), "missing-credentials");
    assert_eq!(challenges(&refused), ["Bearer", "ApiKey header=\"X-Api-Key\""]);
    assert!(text(refused).await.contains("request_id"));
}

#[tokio::test]
async fn credentials_of_two_schemes_or_two_of_one_are_refused() {
    let keys = keys();
    let app = app(&stack(keys.scheme, &Records::default()));
    let key = ("x-api-key", keys.good.text().expose());
    for both in [[("authorization", "Bearer alice"), key], [key, key]] {
        for path in ["/orders", "/maybe"] {
            let refused = ask(&app, path, &both).await;
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
            assert_eq!(code(&refused), "ambiguous-credentials");
        }
    }
}

#[tokio::test]
async fn a_key_beside_an_authorization_that_nobody_judged_is_refused() {
    let keys = keys();
    let app = app(&stack(keys.scheme, &Records::default()));
    let key = ("x-api-key", keys.good.text().expose());
    for other in ["Basic eDp5", "Digest x", "", "Bearer, x"] {
        let refused = ask(&app, "/orders", &[key, ("authorization", other)]).await;
        assert_eq!(code(&refused), "ambiguous-credentials", "{other}");
    }
}

#[tokio::test]
async fn keys_of_two_stores_in_one_header_work_side_by_side() {
    let (partners, staff) = (keys(), keys());
    let parapet = Parapet::builder()
        .authenticate(partners.scheme)
        .authenticate(staff.scheme)
        .with_clock(ManualClock::at_unix(NOW))
        .build()
        .unwrap();
    let app = app(&parapet);
    for good in [partners.good, staff.good] {
        let key = [("x-api-key", good.text().expose())];
        assert_eq!(text(ask(&app, "/orders", &key).await).await, "robot");
    }
    let expired = [("x-api-key", staff.expired.text().expose())];
    assert_eq!(code(&ask(&app, "/orders", &expired).await), "expired-credentials");
    let unknown = ApiKey::generate("orders").unwrap();
    let unknown = [("x-api-key", unknown.text().expose())];
    assert_eq!(code(&ask(&app, "/orders", &unknown).await), "invalid-credentials");
}

#[tokio::test]
async fn missing_forged_and_expired_credentials_are_counted_apart() {
    let keys = keys();
    let records = Records::default();
    let app = app(&stack(keys.scheme, &records));
    let forged = ApiKey::generate("orders").unwrap();
    let sent = [None, Some(&forged), Some(&keys.expired), Some(&keys.good)];
    for key in sent {
        let headers: Vec<_> =
            key.map(|key| ("x-api-key", key.text().expose())).into_iter().collect();
        text(ask(&app, "/orders", &headers).await).await;
    }
    let told: Vec<_> = records
        .wait_for(4)
        .iter()
        .map(|record| {
            let why = record.rejection.as_ref();
            (why.map(|why| why.reason().code()), why.and_then(|why| why.guard()))
        })
        .collect();
    assert_eq!(
        told,
        [
            (Some("missing-credentials"), Some("authenticate")),
            (Some("invalid-credentials"), Some("api-key")),
            (Some("expired-credentials"), Some("api-key")),
            (None, None),
        ]
    );
}

#[tokio::test]
async fn no_answer_and_no_record_holds_what_was_sent() {
    let records = Records::default();
    let app = app(&stack(keys().scheme, &records));
    let forged = ApiKey::generate("orders").unwrap();
    let (_, secret) = forged.text().expose().rsplit_once('_').unwrap();
    let refused = ask(&app, "/orders", &[("x-api-key", forged.text().expose())]).await;
    let headers = format!("{:?}", refused.headers());
    let body = text(refused).await;
    let record = format!("{:?} {:?}", records.wait_for(1), records.all()[0].rejection);
    let private = records.all()[0].rejection.as_ref().unwrap().private_found().unwrap().to_owned();
    for told in [headers, body, record, private] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_503_and_never_401() {
    struct Down;
    impl KeyStore for Down {
        fn find(&self, _: &str) -> Answer<Result<Option<Arc<StoredKey>>, StoreError>> {
            Answer::Now(Err(StoreError::new("connection refused")))
        }
    }
    let scheme = ApiKeys::builder(Down).build().unwrap();
    let app = app(&stack(scheme, &Records::default()));
    let key = ApiKey::generate("orders").unwrap();
    let refused = ask(&app, "/maybe", &[("x-api-key", key.text().expose())]).await;
    assert_eq!(code(&refused), "unavailable");
    assert_eq!(refused.headers()["retry-after"], "5");
    assert!(challenges(&refused).is_empty());
    assert!(!text(refused).await.contains("connection refused"));
}

#[tokio::test]
async fn one_scheme_is_a_layer_by_itself() {
    let keys = keys();
    let app = router().layer(keys.scheme);
    let good = [("x-api-key", keys.good.text().expose())];
    assert_eq!(text(ask(&app, "/orders", &good).await).await, "robot");
    let refused = ask(&app, "/orders", &[]).await;
    assert_eq!(code(&refused), "missing-credentials");
    assert_eq!(challenges(&refused), ["ApiKey header=\"X-Api-Key\""]);
}

#[tokio::test]
async fn authenticate_as_a_layer_may_be_optional() {
    let keys = keys();
    let app = router().layer(Authenticate::with(keys.scheme).or(Words).optional());
    assert_eq!(text(ask(&app, "/orders", &[]).await).await, "nobody");
    assert_eq!(code(&ask(&app, "/known", &[]).await), "missing-credentials");
    assert_eq!(code(&ask(&app, "/orders", &[("x-api-key", "x")]).await), "invalid-credentials");
}

#[tokio::test]
async fn an_inner_layer_tightens_what_the_stack_left_open() {
    let keys = keys();
    let inner = Router::new()
        .route("/shop", get(|caller: Principal| async move { caller.subject().to_owned() }))
        .layer(keys.scheme.clone());
    let app = inner.layer(stack(keys.scheme, &Records::default()));
    let refused = ask(&app, "/shop", &[]).await;
    assert_eq!(code(&refused), "missing-credentials");
    let good = [("x-api-key", keys.good.text().expose())];
    assert_eq!(text(ask(&app, "/shop", &good).await).await, "robot");
}

#[tokio::test]
async fn the_manifest_says_how_callers_are_known() {
    let manifest = stack(keys().scheme, &Records::default()).manifest().to_string();
    assert!(manifest.contains("bearer or api-key (key in header x-api-key)"), "{manifest}");
}

#[tokio::test]
async fn over_a_real_socket_a_key_opens_and_a_revoked_one_does_not() {
    let store = MemoryKeys::new();
    let key = ApiKey::generate("orders").unwrap();
    store.insert(key.stored().owner("robot").build().unwrap());
    let scheme = ApiKeys::builder(store.clone()).build().unwrap();
    let address = serve(stack(scheme, &Records::default()).protect(router())).await;
    let sent = [("X-API-KEY", key.text().expose())];
    let answer = support::get(address, "/orders", &sent).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "robot"));
    store.revoke(key.id());
    let answer = support::get(address, "/orders", &sent).await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "invalid-credentials"));
    assert_eq!(answer.all("www-authenticate"), ["ApiKey header=\"X-Api-Key\"", "Bearer"]);
    let query = format!("/orders?x-api-key={0}&api_key={0}", key.text().expose());
    let answer = support::get(address, &query, &[]).await;
    assert_eq!(answer.code(), "missing-credentials");
    assert_eq!(answer.all("www-authenticate").len(), 2);
}
