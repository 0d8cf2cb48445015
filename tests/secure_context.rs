//! How a request came decides what it may bring: over real sockets, with peers that the test names.
#![cfg(feature = "axum")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod support;

#[path = "secure_context/browsers.rs"]
mod browsers;
#[path = "secure_context/proxies.rs"]
mod proxies;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, extract::Request, routing::get};
use http::{HeaderName, HeaderValue, header};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use support::{Answer, Records, get as call, serve};
use tokio::net::TcpListener;
use tower::util::MapRequest;
use tower_parapet::{
    Context, Exchange, Guarded, Parapet, ParapetBuilder, Peer, PeerAddr, Policy, Principal, Reason,
    Rejection,
    auth::{Attempt, Authenticate, Scheme},
    compose::Shadow,
    context::{Secure, Tls},
    transport::Https,
};

const BALANCER: Peer = Peer::Lookup(|_| Some(SocketAddr::from(([10, 0, 3, 7], 4711))));
const STRANGER: Peer = Peer::Lookup(|_| Some(SocketAddr::from(([203, 0, 113, 9], 4711))));
const SIDECAR: Peer = Peer::Lookup(|_| Some(SocketAddr::from(([10, 128, 4, 2], 4711))));
const NOBODY: Peer = Peer::Lookup(|_| None);

const TOKEN: (&str, &str) = ("authorization", "Bearer alice");
const KEY: (&str, &str) = ("x-key", "alice");

static X_KEY: HeaderName = HeaderName::from_static("x-key");

/// Believes a header, and counts how often it was asked to.
#[derive(Clone)]
struct Believe {
    header: &'static HeaderName,
    asked: Arc<AtomicUsize>,
}

impl Scheme for Believe {
    fn name(&self) -> &'static str {
        "believe"
    }
    fn header(&self) -> Option<&HeaderName> {
        Some(self.header)
    }
    fn is_presented(&self, exchange: &Exchange) -> bool {
        exchange.headers().contains_key(self.header)
    }
    fn authenticate(&self, exchange: &mut Exchange) -> Result<Attempt, Rejection> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let sent = exchange.headers().get(self.header).and_then(|sent| sent.to_str().ok());
        match sent.filter(|sent| sent.ends_with("alice")) {
            Some(_) => Ok(Attempt::Verified(Principal::builder("test", "alice").build())),
            None => Err(Rejection::new(Reason::InvalidCredentials)),
        }
    }
    fn challenges(&self) -> Vec<HeaderValue> {
        vec![HeaderValue::from_static("Believe")]
    }
}

/// A stack whose handlers tell how the request came.
struct Stack {
    records: Records,
    asked: Arc<AtomicUsize>,
    parapet: Parapet,
}

impl Stack {
    fn of(change: impl FnOnce(ParapetBuilder) -> ParapetBuilder) -> Self {
        let records = Records::default();
        let asked = Arc::new(AtomicUsize::new(0));
        let bearer = Believe { header: &header::AUTHORIZATION, asked: asked.clone() };
        let key = Believe { header: &X_KEY, ..bearer.clone() };
        let stack = Parapet::builder()
            .guard(Authenticate::with(bearer).or(key))
            .public("GET /open", "these tests")
            .route("/page", Policy::optional())
            .observe(records.clone());
        Self { records, asked, parapet: change(stack).build().unwrap() }
    }

    fn app(&self) -> Guarded<Router> {
        let how = async |request: Request| match Context::of(request.extensions()) {
            Some(context) => context.secure().map_or("plain", Secure::as_str),
            None => "no context",
        };
        let router = Router::new()
            .route("/open", get(how))
            .route("/page", get(how).post(how))
            .route("/closed", get(how));
        self.parapet.protect(router)
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        call(serve(self.app()).await, path, headers).await
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Serves what a listener hands on that terminates TLS.
async fn serve_tls(app: Guarded<Router>, peer: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let app = MapRequest::new(app.clone(), move |mut request: hyper::Request<_>| {
                request.extensions_mut().insert(PeerAddr::new(peer));
                request.extensions_mut().insert(Tls::new());
                request
            });
            let service = TowerToHyperService::new(app);
            let connection = hyper::server::conn::http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

fn assert_leaked(answer: &Answer, name: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (403, "insecure-credentials"), "{name}");
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("replace them") && !detail.contains("alice"), "{detail}");
    assert!(answer.header("www-authenticate").is_none(), "nobody is asked to try again");
}

#[tokio::test]
async fn credentials_in_the_clear_are_refused_unseen_and_recorded_as_leaked() {
    let stack = Stack::of(|stack| stack.peer(STRANGER));
    for (sent, path) in [
        (TOKEN, "/closed"),
        (KEY, "/closed"),
        (TOKEN, "/page"),
        (TOKEN, "/open"),
        (KEY, "/open"),
        (("authorization", "Bearer forged"), "/closed"),
        (("authorization", "Nonsense"), "/nowhere"),
        (("proxy-authorization", "Basic YTpi"), "/open"),
    ] {
        assert_leaked(&stack.get(path, &[sent]).await, path);
        let record = stack.records.all().pop().unwrap();
        assert!(record.notes.contains(&("leaked-credential", sent.0.into())), "{record:?}");
        assert_eq!((record.principal.is_none(), record.secure), (true, None), "{path}");
        let refusal = record.rejection.unwrap();
        assert!(refusal.private_found().unwrap().contains(".trusted_proxies("), "{refusal:?}");
    }
    assert_eq!(stack.asked(), 0, "no credential was verified");
    assert_eq!(stack.get("/open", &[]).await.text(), "plain");
    assert_eq!(stack.get("/closed", &[]).await.status, 401);
}

#[tokio::test]
async fn in_development_nothing_changes() {
    let stack = Stack::of(|stack| stack.peer(Peer::ConnectInfo));
    for path in ["/closed", "/page"] {
        assert_eq!(stack.get(path, &[TOKEN]).await.text(), "loopback");
    }
    assert_eq!(stack.get("/closed", &[KEY]).await.text(), "loopback");
    assert_eq!(stack.records.wait_for(3)[0].secure, Some(Secure::Loopback));
    let mapped = Peer::Lookup(|_| Some("[::ffff:127.0.0.1]:4711".parse().unwrap()));
    assert_eq!(Stack::of(|stack| stack.peer(mapped)).get("/closed", &[TOKEN]).await.status, 200);
}

#[tokio::test]
async fn a_listener_that_terminates_tls_vouches_for_its_requests() {
    let stack = Stack::of(|stack| stack.peer(Peer::Extension));
    let address = serve_tls(stack.app(), ([203, 0, 113, 9], 4711).into()).await;
    let answer = call(address, "/closed", &[TOKEN, ("host", "api.example")]).await;
    assert_eq!(answer.text(), "tls");
    assert!(answer.header("strict-transport-security").is_some());
    assert_eq!(stack.records.wait_for(1)[0].secure, Some(Secure::Tls));
}

#[tokio::test]
async fn a_trusted_proxy_that_was_called_in_the_clear_overrules_tls_of_its_own() {
    let stack = Stack::of(|stack| stack.peer(Peer::Extension).trusted_proxies("10.0.3.7"));
    let address = serve_tls(stack.app(), ([10, 0, 3, 7], 4711).into()).await;
    let said = |proto| [TOKEN, ("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", proto)];
    assert_leaked(&call(address, "/closed", &said("http")).await, "http");
    assert_eq!(call(address, "/closed", &said("https")).await.text(), "proxy");
    assert_eq!(call(address, "/closed", &[TOKEN]).await.text(), "tls");
}

#[tokio::test]
async fn a_stack_without_a_source_of_peers_lets_credentials_through_and_says_so() {
    let stack = Stack::of(|stack| stack);
    let answer = stack.get("/closed", &[TOKEN]).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "plain"));
    let codes: Vec<_> = stack.parapet.findings().iter().map(|finding| finding.code).collect();
    assert!(codes.contains(&"unknown-peer"), "{codes:?}");
}

#[tokio::test]
async fn a_server_that_hides_the_peer_gets_a_refusal_that_says_what_to_add() {
    let stack = Stack::of(|stack| stack.peer(NOBODY));
    let answer = stack.get("/closed", &[TOKEN]).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "address-unknown"));
    let record = stack.records.all().pop().unwrap();
    assert!(record.notes.is_empty(), "nothing is known to have leaked: {record:?}");
    let refusal = record.rejection.unwrap();
    assert!(refusal.private_found().unwrap().contains("connect_info"), "{refusal:?}");
    assert_eq!(stack.get("/open", &[]).await.status, 200);
}

#[tokio::test]
async fn a_peer_of_the_mesh_is_believed_whatever_its_sidecar_says() {
    // istio/istio#7964: a sidecar says `http` about a call that its own service made.
    let mesh = |stack: ParapetBuilder| stack.peer(SIDECAR).mesh(["10.128.0.0/14"]);
    let proto = ("x-forwarded-proto", "http");
    let stack = Stack::of(mesh);
    assert_eq!(stack.get("/closed", &[TOKEN]).await.text(), "mesh");
    assert_eq!(stack.get("/closed", &[TOKEN, proto]).await.text(), "mesh");
    assert_eq!(stack.records.wait_for(2)[1].secure, Some(Secure::Mesh));
    let both = Stack::of(|stack| mesh(stack).trusted_proxies(["10.128.4.2"]));
    assert_eq!(both.get("/closed", &[TOKEN, proto]).await.text(), "mesh");
    let inside = ("x-forwarded-for", "10.128.9.9");
    assert_eq!(both.get("/closed", &[TOKEN, proto, inside]).await.text(), "mesh");
    // A gateway of the mesh that forwards for the world is a proxy like any other.
    let outside = ("x-forwarded-for", "203.0.113.9");
    assert_leaked(&both.get("/closed", &[TOKEN, proto, outside]).await, "a gateway");
    assert_leaked(&both.get("/closed", &[TOKEN, outside]).await, "a silent gateway");
    let https = ("x-forwarded-proto", "https");
    assert_eq!(both.get("/closed", &[TOKEN, https, outside]).await.text(), "proxy");
    let elsewhere = Stack::of(|stack| stack.peer(STRANGER).mesh(["10.128.0.0/14"]));
    assert_leaked(&elsewhere.get("/closed", &[TOKEN]).await, "not of the mesh");
}

#[tokio::test]
async fn a_header_of_ones_own_can_be_named_a_credential() {
    let named = |stack: ParapetBuilder| {
        stack.peer(STRANGER).https(Https::builder().credential("X-Session").credential("cookie"))
    };
    let stack = Stack::of(named);
    for sent in [("x-session", "s"), ("cookie", "a=b")] {
        assert_leaked(&stack.get("/open", &[sent]).await, sent.0);
    }
    let unnamed = Stack::of(|stack| stack.peer(STRANGER));
    assert_eq!(unnamed.get("/open", &[("cookie", "theme=dark")]).await.status, 200);
}

#[tokio::test]
async fn whoever_asks_for_it_gets_credentials_in_the_clear_and_a_finding() {
    let clear = || Https::builder().dangerous().clear_credentials();
    let stack = Stack::of(|stack| stack.peer(STRANGER).https(clear()));
    assert_eq!(stack.get("/closed", &[TOKEN]).await.text(), "plain");
    assert_eq!(stack.asked(), 1);
    let findings = stack.parapet.findings();
    assert!(findings.iter().any(|finding| finding.code == "clear-credentials"), "{findings}");
    // An inner stack cannot loosen what an outer one refuses.
    let outer = Stack::of(|stack| stack.peer(STRANGER));
    let inner = Stack::of(|stack| stack.https(clear()));
    let app = outer.parapet.protect(Router::new().fallback_service(inner.app()));
    let address = serve(app).await;
    assert_leaked(&call(address, "/closed", &[KEY]).await, "the outer stack");
}

#[tokio::test]
async fn a_credential_in_a_place_of_its_own_is_refused_too() {
    /// Reads a token that a browser can send with a WebSocket.
    struct Subprotocol(Believe);

    impl Scheme for Subprotocol {
        fn name(&self) -> &'static str {
            "subprotocol"
        }
        fn header(&self) -> Option<&HeaderName> {
            self.0.header()
        }
        fn is_presented(&self, exchange: &Exchange) -> bool {
            exchange.headers().contains_key("sec-websocket-protocol")
        }
        fn authenticate(&self, exchange: &mut Exchange) -> Result<Attempt, Rejection> {
            self.0.authenticate(exchange)
        }
        fn challenges(&self) -> Vec<HeaderValue> {
            self.0.challenges()
        }
    }

    let asked = Arc::new(AtomicUsize::new(0));
    let scheme = Subprotocol(Believe { header: &header::AUTHORIZATION, asked: asked.clone() });
    let parapet = Parapet::builder().peer(STRANGER).authenticate(scheme).build().unwrap();
    let address = serve(parapet.protect(Router::new())).await;
    let answer = call(address, "/socket", &[("sec-websocket-protocol", "bearer.alice")]).await;
    assert_leaked(&answer, "a subprotocol");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn on_trial_it_notes_what_it_would_refuse_and_refuses_nothing() {
    let records = Records::default();
    let key = Believe { header: &X_KEY, asked: Arc::default() };
    let trial = Shadow::of(Https::required()).unwrap();
    let stack = Parapet::builder().peer(STRANGER).authenticate(key).https(trial);
    let parapet = stack.observe(records.clone()).build().unwrap();
    let router = Router::new().route("/closed", get(async || "let in"));
    let address = serve(parapet.protect(router)).await;
    assert_eq!(call(address, "/closed", &[KEY]).await.text(), "let in");
    assert_eq!(call(address, "/closed", &[]).await.status, 401);
    let notes: Vec<_> = records.wait_for(2).iter().map(|record| record.notes.clone()).collect();
    let leaked = ("would-reject", "https: insecure-credentials".into());
    assert_eq!(notes[0], [("leaked-credential", "x-key".into()), leaked]);
    assert_eq!(notes[1], [("would-reject", "https: https-required".into())]);
}
