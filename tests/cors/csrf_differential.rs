//! Beside tower-http's protection, wherever both can say the same.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
};

use http::{Request, Response};
use proptest::{collection::vec, option, prelude::*, sample::select};
use tower::{Layer, ServiceExt, service_fn};
use tower_http::csrf::CsrfLayer;
use tower_parapet::{Body, transport::Csrf};

const TRUSTED: [&str; 2] = ["https://pay.example", "http://localhost:3000"];
const ORIGINS: [&str; 8] = [
    "https://shop.example",
    "http://shop.example",
    "https://shop.example:8443",
    "https://pay.example",
    "http://localhost:3000",
    "https://shop.example.evil.example",
    "https://evil.example",
    "null",
];
const SITES: [&str; 6] =
    ["same-origin", "none", "same-site", "cross-site", "Same-Origin", "same-origin, none"];
const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH"];

#[derive(Debug, Clone)]
struct Sent {
    method: &'static str,
    host: &'static str,
    /// In the target, as over HTTP/2, and not in `Host`.
    in_target: bool,
    site: Option<&'static str>,
    origin: Option<&'static str>,
    cookie: bool,
}

fn sent() -> impl Strategy<Value = Sent> {
    let host = select(vec!["shop.example", "shop.example:8443", "pay.example"]);
    let fields = (option::of(select(&SITES[..])), option::of(select(&ORIGINS[..])));
    (select(&METHODS[..]), host, any::<bool>(), fields, any::<bool>()).prop_map(
        |(method, host, in_target, (site, origin), cookie)| Sent {
            method,
            host,
            in_target,
            site,
            origin,
            cookie,
        },
    )
}

fn request(sent: &Sent) -> Request<Body> {
    let target =
        if sent.in_target { format!("https://{}/form", sent.host) } else { "/form".into() };
    let mut request = Request::builder().method(sent.method).uri(target);
    let host = (!sent.in_target).then_some(sent.host);
    let cookie = sent.cookie.then_some("session=1");
    for (name, value) in
        [("host", host), ("sec-fetch-site", sent.site), ("origin", sent.origin), ("cookie", cookie)]
    {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    request.body(Body::empty()).unwrap()
}

async fn handler(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(Response::new(Body::from("done")))
}

static COMPARED: AtomicUsize = AtomicUsize::new(0);
static REFUSED: AtomicUsize = AtomicUsize::new(0);

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    fn both_agree(requests in vec(sent(), 10)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut theirs = CsrfLayer::new();
            for origin in TRUSTED {
                theirs = theirs.add_trusted_origin(origin).unwrap();
            }
            let theirs = theirs.layer(service_fn(handler));
            // Theirs looks at requests without cookies as well.
            let ours = Csrf::builder().trust(TRUSTED);
            let only_cookies = ours.clone().build().unwrap().layer(service_fn(handler));
            let ours = ours.cookieless().build().unwrap().layer(service_fn(handler));
            for sent in requests {
                let told = ours.clone().oneshot(request(&sent)).await.unwrap().status().as_u16();
                let other = theirs.clone().oneshot(request(&sent)).await.unwrap().status().as_u16();
                let alone = only_cookies.clone().oneshot(request(&sent)).await.unwrap().status();
                // They take cookies from who says nothing, we do not.
                let is_safe = ["GET", "HEAD", "OPTIONS"].contains(&sent.method);
                let says_nothing = sent.site.is_none() && sent.origin.is_none();
                let expected = if sent.cookie && says_nothing && !is_safe { 403 } else { other };
                assert_eq!(told, expected, "{sent:?}");
                assert_eq!(alone.as_u16(), if sent.cookie { expected } else { 200 }, "{sent:?}");
                COMPARED.fetch_add(1, Ordering::Relaxed);
                REFUSED.fetch_add(usize::from(told == 403), Ordering::Relaxed);
            }
        });
    }
}

#[test]
fn requests_are_judged_as_tower_http_judges_them() {
    both_agree();
    let [compared, refused] = [&COMPARED, &REFUSED].map(|count| count.load(Ordering::Relaxed));
    println!("compared {compared}, {refused} of them refused");
    assert!(compared >= 3_000 && refused > 500 && refused < compared);
}
