//! Beside tower-http's layer, wherever both can say the same.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use http::{HeaderName, HeaderValue, Method, Request, Response, header};
use proptest::{collection::vec, option, prelude::*, sample::subsequence};
use tower::{Layer, ServiceExt, service_fn};
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer, ExposeHeaders};
use tower_parapet::{Body, transport::Cors};

const ORIGINS: [&str; 4] =
    ["https://app.example.com", "http://localhost:3000", "https://b.example", "https://[::1]:8443"];
const STRANGERS: [&str; 5] =
    ["https://evil.example", "null", "http://app.example.com", "https://App.example.com", ""];
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];
const HEADERS: [&str; 4] = ["authorization", "content-type", "x-a", "if-match"];

/// What both can be told.
#[derive(Debug, Clone)]
struct Settings {
    /// Any, where there is none.
    origins: Vec<&'static str>,
    credentials: bool,
    methods: Option<Vec<&'static str>>,
    headers: Option<Vec<&'static str>>,
    exposed: Vec<&'static str>,
    max_age: Option<u64>,
    private: bool,
}

fn settings() -> impl Strategy<Value = Settings> {
    let some = |names: &'static [&'static str]| subsequence(names, 0..=names.len());
    (
        (some(&ORIGINS), any::<bool>()),
        (option::weighted(0.8, some(&METHODS)), option::weighted(0.8, some(&HEADERS))),
        (some(&HEADERS), option::of(0..86_400_u64), any::<bool>()),
    )
        .prop_map(
            |((origins, credentials), (methods, headers), (exposed, max_age, private))| {
                let wild = origins.is_empty() || methods.is_none() || headers.is_none();
                let credentials = credentials && !wild;
                Settings { origins, credentials, methods, headers, exposed, max_age, private }
            },
        )
}

fn ours(settings: &Settings) -> Cors {
    let mut cors = Cors::builder().expose(&settings.exposed);
    cors = match settings.origins.is_empty() {
        true => cors.any_origin(),
        false => cors.origins(&settings.origins),
    };
    cors = match &settings.methods {
        None => cors.any_method(),
        Some(methods) => cors.methods(methods),
    };
    cors = match &settings.headers {
        None => cors.any_header(),
        Some(headers) => cors.headers(headers),
    };
    if let Some(age) = settings.max_age {
        cors = cors.max_age(Duration::from_secs(age));
    }
    if settings.credentials {
        cors = cors.credentials();
    }
    if settings.private {
        cors = cors.private_network();
    }
    cors.build().unwrap()
}

fn theirs(settings: &Settings) -> CorsLayer {
    let values = |names: &[&str]| -> Vec<HeaderValue> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    };
    let names = |names: &[&str]| -> Vec<HeaderName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    };
    let methods = |names: &[&str]| -> Vec<Method> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    };
    let origins = &settings.origins;
    let mut cors = CorsLayer::new()
        .allow_origin(match origins.is_empty() {
            true => AllowOrigin::any(),
            false => AllowOrigin::list(values(origins)),
        })
        .allow_methods(match &settings.methods {
            None => AllowMethods::any(),
            Some(list) => AllowMethods::list(methods(list)),
        })
        .allow_headers(match &settings.headers {
            None => AllowHeaders::any(),
            Some(list) => AllowHeaders::list(names(list)),
        })
        .expose_headers(ExposeHeaders::list(names(&settings.exposed)))
        .allow_credentials(settings.credentials)
        .allow_private_network(settings.private)
        // Nothing that is asked for is echoed, so an answer depends on the origin at most.
        .vary(match origins.is_empty() {
            true => vec![],
            false => vec![header::ORIGIN],
        });
    if let Some(age) = settings.max_age {
        cors = cors.max_age(Duration::from_secs(age));
    }
    cors
}

#[derive(Debug, Clone)]
struct Sent {
    preflight: bool,
    method: &'static str,
    origin: Option<&'static str>,
    asked_headers: bool,
    private: bool,
}

fn sent() -> impl Strategy<Value = Sent> {
    let origins: Vec<_> = ORIGINS.into_iter().chain(STRANGERS).collect();
    let origin = option::weighted(0.9, proptest::sample::select(origins));
    (any::<bool>(), proptest::sample::select(&METHODS[..]), origin, any::<bool>(), any::<bool>())
        .prop_map(|(preflight, method, origin, asked_headers, private)| Sent {
            // Without an origin it is no preflight, and ours lets the handler answer.
            preflight: preflight && origin.is_some(),
            method,
            origin,
            asked_headers,
            private,
        })
}

fn request(sent: &Sent) -> Request<Body> {
    let method = if sent.preflight { "OPTIONS" } else { sent.method };
    let mut request = Request::builder().method(method).uri("/");
    if let Some(origin) = sent.origin {
        request = request.header("origin", origin);
    }
    if sent.preflight {
        request = request.header("access-control-request-method", sent.method);
        if sent.asked_headers {
            request = request.header("access-control-request-headers", "x-a,authorization");
        }
        if sent.private {
            request = request.header("access-control-request-private-network", "true");
        }
    }
    request.body(Body::empty()).unwrap()
}

/// A header's name and the items of its list, however they are spelt.
type Told = BTreeSet<(String, BTreeSet<String>)>;

fn told<B>(response: &Response<B>) -> Told {
    let is_of_cors =
        |name: &&HeaderName| name.as_str().starts_with("access-control") || **name == header::VARY;
    let names = response.headers().keys().filter(is_of_cors);
    let items = |name: &HeaderName| -> BTreeSet<String> {
        let values = response.headers().get_all(name).iter();
        let items = values.flat_map(|value| value.to_str().unwrap().split(','));
        items.map(|item| item.trim().to_ascii_lowercase()).filter(|i| !i.is_empty()).collect()
    };
    // An empty list is the same as none.
    names.map(|name| (name.to_string(), items(name))).filter(|(_, i)| !i.is_empty()).collect()
}

async fn handler(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(Response::new(Body::from("handled")))
}

static COMPARED: AtomicUsize = AtomicUsize::new(0);
static PREFLIGHTS: AtomicUsize = AtomicUsize::new(0);
static ALLOWED: AtomicUsize = AtomicUsize::new(0);

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    fn both_agree(settings in settings(), requests in vec(sent(), 10)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let ours = ours(&settings).layer(service_fn(handler));
            let theirs = theirs(&settings).layer(service_fn(handler));
            for sent in requests {
                let answer = ours.clone().oneshot(request(&sent)).await.unwrap();
                let other = theirs.clone().oneshot(request(&sent)).await.unwrap();
                assert_eq!(answer.status().as_u16() / 100, other.status().as_u16() / 100);
                let (answer, mut other) = (told(&answer), told(&other));
                let is_allowed =
                    other.iter().any(|(name, _)| name == "access-control-allow-origin");
                if !is_allowed {
                    // Theirs tells a stranger the rest all the same, to no effect.
                    other.retain(|(name, _)| name == "vary");
                }
                assert_eq!(answer, other, "{sent:?} under {settings:?}");
                COMPARED.fetch_add(1, Ordering::Relaxed);
                PREFLIGHTS.fetch_add(usize::from(sent.preflight), Ordering::Relaxed);
                ALLOWED.fetch_add(usize::from(is_allowed), Ordering::Relaxed);
            }
        });
    }
}

#[test]
fn preflights_and_requests_are_answered_as_tower_http_answers_them() {
    both_agree();
    let [compared, preflights, allowed] =
        [&COMPARED, &PREFLIGHTS, &ALLOWED].map(|count| count.load(Ordering::Relaxed));
    println!("compared {compared}, {preflights} of them preflights, {allowed} allowed");
    assert!(compared >= 2_000 && preflights > 500 && allowed > 500 && allowed < compared);
}
