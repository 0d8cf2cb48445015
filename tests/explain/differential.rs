//! What is explained and what happens are the same, request after request, as limits are used up.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use serde_json::json;
use tower::ServiceExt;
use tower_parapet::{Body, PeerAddr, Reason, Rejection, Tls, inspect::Verdict};

use super::{
    stack::{NOW, Stack, stack},
    token,
};

const REQUESTS: usize = 10_000;

/// SplitMix64: the same requests at each run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    fn of<'a, T: ?Sized>(&mut self, faces: &[&'a T]) -> &'a T {
        faces[(self.next() % faces.len() as u64) as usize]
    }

    fn once_in(&mut self, many: u64) -> bool {
        self.next().is_multiple_of(many)
    }
}

struct Credentials(Vec<(&'static str, String)>);

impl Credentials {
    fn new(keys: &[String]) -> Self {
        let claims = |sub: &str, aud: &str, nbf: u64, exp: u64, scope: &str| {
            let claims = json!({
                "iss": "https://id.example", "sub": sub, "aud": aud, "iat": nbf, "nbf": nbf,
                "exp": exp, "scope": scope,
            });
            ("authorization", format!("Bearer {}", token::sign(&claims)))
        };
        let mut good = Vec::new();
        for (sub, scope) in [("alice", "orders"), ("bob", "admin orders"), ("carol", "")] {
            good.push(claims(sub, "orders", NOW - 10, NOW + 10_000, scope));
        }
        let forged = format!("{}AAAA", good[0].1.trim_end_matches(|c: char| c != '.'));
        let bad = [
            claims("alice", "orders", NOW - 9_000, NOW - 100, ""),
            claims("alice", "orders", NOW + 90_000, NOW + 99_000, ""),
            claims("alice", "payments", NOW - 10, NOW + 10_000, ""),
            ("authorization", forged),
            ("authorization", "Bearer not-a-token".to_owned()),
            ("authorization", "Basic YWxpY2U6c2VjcmV0".to_owned()),
            ("x-api-key", keys[1].clone()),
            ("x-api-key", format!("{}x", keys[0])),
        ];
        good.push(("x-api-key", keys[0].clone()));
        Self(good.into_iter().chain(bad).collect())
    }

    fn pick(&self, dice: &mut Dice) -> &(&'static str, String) {
        // Mostly good ones, so that limits by caller are used up too.
        let most = if dice.once_in(4) { self.0.len() } else { 4 };
        &self.0[(dice.next() % most as u64) as usize]
    }
}

fn random(dice: &mut Dice, credentials: &Credentials) -> Request<Bytes> {
    let method =
        dice.of(&["GET", "GET", "POST", "POST", "POST", "PUT", "HEAD", "TRACE", "OPTIONS"]);
    let target = dice.of(&[
        "/catalogue",
        "/orders",
        "/orders",
        "/orders/",
        "/notes",
        "/notes?x=1",
        "/admin/users",
        "/admin",
        "/slow",
        "/elsewhere",
        "/adm%69n/users",
        "/a//b",
        "/%2e%2e/notes",
        "/caf%c3%a9",
    ]);
    let mut request = Request::builder().method(method).uri(target);
    let host = if dice.once_in(30) { dice.of(&["other.example", "a b"]) } else { "api.example" };
    request = request.header("host", host);
    if dice.once_in(60) {
        request = request.header("host", "twice.example");
    }
    if !dice.once_in(4) {
        let (name, value) = credentials.pick(dice);
        request = request.header(*name, value);
        if dice.once_in(40) {
            let (name, value) = credentials.pick(dice);
            request = request.header(*name, value);
        }
    }
    if dice.once_in(8) {
        request =
            request.header("x-whim", dice.of(&["answer", "panic", "wait", "wait-and-refuse"]));
    }
    if !dice.once_in(80) {
        let peer = dice.of(&[
            "10.0.0.1:1",
            "10.0.0.1:1",
            "192.0.2.7:2",
            "192.0.2.99:3",
            "[2001:db8::7]:4",
        ]);
        let peer: SocketAddr = peer.parse().unwrap();
        request = request.extension(PeerAddr::new(peer));
    }
    if !dice.once_in(40) {
        request = request.extension(Tls::new());
    }
    if dice.once_in(2) {
        let client = match dice.once_in(10) {
            true => "203.0.113.66".to_owned(),
            false => format!("198.51.{}.7", dice.next() % 24),
        };
        request = request.header("x-forwarded-for", client);
        request = request.header("x-request-id", dice.of(&["edge-1", "not one"]));
    }
    let body: &[u8] = dice.of(&[
        b"".as_slice(),
        b"",
        br#"{"item":"tea"}"#,
        br#"{"item":"tea","count":2}"#,
        br#"{"item":"tea","count":0}"#,
        br#"{"count":1}"#,
        br#"{"item":"a","item":"b"}"#,
        b"{",
        br#"{"item":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#,
    ]);
    if !body.is_empty() {
        request = request.header("content-length", body.len());
    }
    if !body.is_empty() && !dice.once_in(10) {
        let sort = if dice.once_in(12) { "text/plain" } else { "application/json" };
        request = request.header("content-type", sort);
    }
    if dice.once_in(200) {
        request = request.header("x-long", "x".repeat(40_000));
    }
    request.body(Bytes::from_static(body)).unwrap()
}

/// How a request ended, live or explained.
#[derive(Debug, PartialEq)]
struct End {
    kind: &'static str,
    status: Option<StatusCode>,
    refusal: Option<Refusal>,
}

#[derive(Debug, PartialEq)]
struct Refusal {
    reason: Reason,
    guard: Option<&'static str>,
    detail: String,
    expected: Option<String>,
    found: Option<String>,
}

impl End {
    fn refused(why: &Rejection) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let refusal = Refusal {
            reason: why.reason(),
            guard: why.guard(),
            detail: why.public_detail().to_owned(),
            expected: owned(why.private_expected()),
            found: owned(why.private_found()),
        };
        Self { kind: "refused", status: Some(why.status()), refusal: Some(refusal) }
    }
}

async fn explained(stack: &Stack, request: &Request<Bytes>) -> (End, HeaderMap, String) {
    let explanation = stack.parapet.explain(request).body(request.body().clone()).await;
    let end = match explanation.verdict() {
        Verdict::Refused(why) => End::refused(why),
        Verdict::Responded(status) => {
            End { kind: "answered", status: Some(*status), refusal: None }
        }
        _ => End { kind: "admitted", status: None, refusal: None },
    };
    (end, explanation.replies().clone(), explanation.to_string())
}

async fn live(stack: &Stack, request: Request<Bytes>) -> (End, HeaderMap) {
    let response = stack.service.clone().oneshot(request.map(Body::from)).await.unwrap();
    let end = match response.extensions().get::<Rejection>() {
        Some(why) => End::refused(why),
        None if response.headers().contains_key("x-handled") => {
            End { kind: "admitted", status: None, refusal: None }
        }
        None => End { kind: "answered", status: Some(response.status()), refusal: None },
    };
    (end, response.headers().clone())
}

#[tokio::test]
async fn ten_thousand_requests_end_as_was_explained_just_before() {
    std::panic::set_hook(Box::new(|_| {}));
    let stack = stack();
    let credentials = Credentials::new(&stack.keys);
    let mut dice = Dice(2026);
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for turn in 0..REQUESTS {
        stack.clock.advance(Duration::from_micros(dice.next() % 40_000));
        let request = random(&mut dice, &credentials);
        let (told, replies, text) = explained(&stack, &request).await;
        let (end, headers) = live(&stack, request).await;
        assert_eq!(told, end, "request {turn}: {text}");
        for name in replies.keys() {
            let all = |map: &HeaderMap| map.get_all(name).iter().cloned().collect::<Vec<_>>();
            assert_eq!(all(&replies), all(&headers), "{name} of request {turn}: {text}");
        }
        let key = match &told.refusal {
            Some(Refusal { reason, guard, expected, found, .. }) => {
                let is_said = expected.is_some() && found.is_some();
                let is_ours = *guard != Some("whim") && *reason != Reason::Panicked;
                assert!(is_said || !is_ours, "what {guard:?} expected and found: {text}");
                format!("{reason:?} by {}", guard.unwrap_or("nobody"))
            }
            None => told.kind.to_owned(),
        };
        *count.entry(key).or_default() += 1;
    }
    let _ = std::panic::take_hook();
    for (key, count) in &count {
        println!("{count:6}  {key}");
    }
    let kinds: Vec<_> = count.iter().filter(|(_, count)| **count >= 5).collect();
    assert!(kinds.len() >= 24, "{kinds:#?}");
    for usual in
        ["admitted", "answered", "RateLimited by throttle", "SchemaViolation by json-schema"]
    {
        assert!(count[usual] >= 50, "{usual}: {count:#?}");
    }
}
