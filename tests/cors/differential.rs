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
const STRANGERS: [&str; 9] = [
    "https://evil.example",
    "null",
    "http://app.example.com",
    "https://App.example.com",
    "",
    "https://evilexample.com",
    "https://a.b.example.com",
    "https://example.com",
    "https://app.example.com.evil.example",
];
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];
const HEADERS: [&str; 4] = ["authorization", "content-type", "x-a", "if-match"];

/// Whose requests are meant, in ways that both can be told.
#[derive(Debug, Clone)]
enum Whose {
    Anyones,
    Named(Vec<&'static str>),
    /// Ours by `https://*.example.com`, theirs by a closure that was written without a look at ours.
    OneLabelBelow,
    /// By the very same closure.
    Chosen,
}

fn is_one_label_below(origin: &str) -> bool {
    let Some((label, rest)) = origin.trim_start_matches("https://").split_once('.') else {
        return false;
    };
    origin.starts_with("https://")
        && rest == "example.com"
        && !label.is_empty()
        && label.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_'))
}

fn is_chosen(origin: &str) -> bool {
    origin.len().is_multiple_of(2)
}

/// What both can be told.
#[derive(Debug, Clone)]
struct Settings {
    origins: Whose,
    credentials: bool,
    methods: Option<Vec<&'static str>>,
    headers: Option<Vec<&'static str>>,
    exposed: Vec<&'static str>,
    max_age: Option<u64>,
    private: bool,
}

fn settings() -> impl Strategy<Value = Settings> {
    let some = |names: &'static [&'static str]| subsequence(names, 0..=names.len());
    let whose = prop_oneof![
        1 => Just(Whose::Anyones),
        3 => subsequence(&ORIGINS[..], 1..=ORIGINS.len()).prop_map(Whose::Named),
        2 => Just(Whose::OneLabelBelow),
        1 => Just(Whose::Chosen),
    ];
    (
        (whose, any::<bool>()),
        (option::weighted(0.8, some(&METHODS)), option::weighted(0.8, some(&HEADERS))),
        (some(&HEADERS), option::of(0..86_400_u64), any::<bool>()),
    )
        .prop_map(
            |((origins, credentials), (methods, headers), (exposed, max_age, private))| {
                let wild =
                    matches!(origins, Whose::Anyones) || methods.is_none() || headers.is_none();
                let credentials = credentials && !wild;
                Settings { origins, credentials, methods, headers, exposed, max_age, private }
            },
        )
}

fn ours(settings: &Settings) -> Cors {
    let mut cors = Cors::builder().expose(&settings.exposed);
    cors = match &settings.origins {
        Whose::Anyones => cors.any_origin(),
        Whose::Named(origins) => cors.origins(origins),
        Whose::OneLabelBelow => cors.origins(["https://*.example.com"]),
        Whose::Chosen => cors.origin_if(is_chosen),
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

/// Their `Vary` is one for preflights and requests alike, so each kind is sent to a layer of its own.
fn theirs(settings: &Settings, preflight: bool) -> CorsLayer {
    let values = |names: &[&str]| -> Vec<HeaderValue> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    };
    let names = |names: &[&str]| -> Vec<HeaderName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    };
    let methods = |names: &[&str]| -> Vec<Method> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    };
    let chosen_by = |choose: fn(&str) -> bool| {
        // Ours asks a closure about nothing but origins.
        AllowOrigin::predicate(move |origin, _| {
            origin.to_str().is_ok_and(|text| text.contains("://") && is_spelt(text) && choose(text))
        })
    };
    let mut vary = match (preflight, &settings.origins) {
        (true, _) => vec![
            header::ORIGIN,
            header::ACCESS_CONTROL_REQUEST_METHOD,
            header::ACCESS_CONTROL_REQUEST_HEADERS,
        ],
        // What is the same for all depends on nothing.
        (false, Whose::Anyones) => vec![],
        (false, _) => vec![header::ORIGIN],
    };
    if preflight && settings.private {
        vary.push(HeaderName::from_static("access-control-request-private-network"));
    }
    let mut cors = CorsLayer::new()
        .allow_origin(match &settings.origins {
            Whose::Anyones => AllowOrigin::any(),
            Whose::Named(origins) => AllowOrigin::list(values(origins)),
            Whose::OneLabelBelow => chosen_by(is_one_label_below),
            Whose::Chosen => chosen_by(is_chosen),
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
        .vary(vary);
    if let Some(age) = settings.max_age {
        cors = cors.max_age(Duration::from_secs(age));
    }
    cors
}

/// An origin as browsers spell it, as far as those that are sent here go.
fn is_spelt(text: &str) -> bool {
    !text.contains(|c: char| c.is_ascii_uppercase() || " ?#@,*".contains(c))
        && text.matches('/').count() == 2
}

/// Origins that are meant, that are not, and ones that a character was taken from or put into.
fn origin() -> impl Strategy<Value = String> {
    let all: Vec<_> = ORIGINS.into_iter().chain(STRANGERS).collect();
    let known = proptest::sample::select(all);
    let mangled = (known.clone(), 0..40_usize, "[a-z0-9.A-Z -]?").prop_map(|(origin, at, put)| {
        let at = at.min(origin.len());
        let rest = if put.is_empty() { (at + 1).min(origin.len()) } else { at };
        format!("{}{put}{}", &origin[..at], &origin[rest..]).trim().to_owned()
    });
    // Mangled schemes, addresses and ports are left to the tests of ours alone.
    let mangled = mangled.prop_filter("is still of a name", |text| {
        text.strip_prefix("https://").is_some_and(|rest| !rest.contains(['[', ':', ' ']))
            && !text.contains("..")
            && !text.ends_with('.')
            && !text.contains("//.")
            && !text.rsplit('.').next().unwrap().starts_with(|c: char| c.is_ascii_digit())
    });
    prop_oneof![3 => known.prop_map(str::to_owned), 2 => mangled]
}

#[derive(Debug, Clone)]
struct Sent {
    preflight: bool,
    method: &'static str,
    origin: Option<String>,
    asked_headers: bool,
    private: bool,
}

fn sent() -> impl Strategy<Value = Sent> {
    let origin = option::weighted(0.9, origin());
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
    if let Some(origin) = &sent.origin {
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
    // Ours is appended to what the handler's answer depends on.
    Ok(Response::builder().header("vary", "accept").body(Body::from("handled")).unwrap())
}

static COMPARED: AtomicUsize = AtomicUsize::new(0);
static PREFLIGHTS: AtomicUsize = AtomicUsize::new(0);
static ALLOWED: AtomicUsize = AtomicUsize::new(0);

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    fn both_agree(settings in settings(), requests in vec(sent(), 10)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let ours = ours(&settings).layer(service_fn(handler));
            let theirs = [false, true].map(|kind| theirs(&settings, kind).layer(service_fn(handler)));
            for sent in requests {
                let answer = ours.clone().oneshot(request(&sent)).await.unwrap();
                let other = theirs[usize::from(sent.preflight)].clone().oneshot(request(&sent)).await.unwrap();
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
    assert!(compared >= 5_000 && preflights > 500 && allowed > 500 && allowed < compared);
}
