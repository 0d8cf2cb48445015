//! Every refusal of every scheme: what its caller reads, and what its operator does.
//!
//! The caller learns the reason and no more; whatever is wrong with credentials of one kind reads
//! alike. The operator learns everything but the credential.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "refusals/api_key.rs"]
mod api_key;
#[path = "support/authority.rs"]
mod authority;
#[path = "refusals/basic.rs"]
mod basic;
#[path = "refusals/dpop.rs"]
mod dpop;
#[path = "refusals/introspection.rs"]
mod introspection;
#[path = "refusals/jwt.rs"]
mod jwt;
#[path = "refusals/mtls.rs"]
mod mtls;
#[path = "refusals/signature.rs"]
mod signature;
mod support;
#[path = "refusals/webhook.rs"]
mod webhook;

use std::{
    collections::{BTreeSet, HashMap},
    io::{self, Write},
    sync::{Arc, Mutex},
};

use axum::{Router, routing};
use support::{Answer, Records, request, serve};
use tower_parapet::{JsonLines, Parapet, ParapetBuilder, Peer, Record};

/// One way to be refused.
struct Refused {
    name: &'static str,
    headers: Vec<(&'static str, String)>,
    status: u16,
    code: &'static str,
    guard: &'static str,
    /// The credential and its parts, which nobody may read.
    secret: Vec<String>,
    /// What the operator may read, and the caller may not: claims, names of keys.
    private: Vec<&'static str>,
    /// Whether there is an error below it.
    has_cause: bool,
    body: &'static str,
}

/// A scheme, and the ways in which it refuses.
struct Part {
    name: &'static str,
    /// The words its challenges begin with.
    challenges: Vec<&'static str>,
    /// Whether its credentials have an end.
    expires: bool,
    join: Box<dyn FnOnce(ParapetBuilder) -> ParapetBuilder>,
    refusals: Vec<Refused>,
}

/// The schemes that stand side by side in one stack, stack by stack.
async fn stacks() -> Vec<Vec<Part>> {
    vec![
        vec![jwt::part(), api_key::part(), basic::part()],
        vec![introspection::part().await],
        vec![dpop::part()],
        vec![mtls::part()],
        vec![signature::part()],
        vec![webhook::part()],
    ]
}

/// Keeps what is written.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Bench {
    records: Records,
    audit: JsonLines,
    lines: Lines,
    address: std::net::SocketAddr,
    challenges: BTreeSet<&'static str>,
    parts: Vec<(&'static str, Vec<Refused>)>,
}

impl Bench {
    async fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for parts in stacks().await {
            all.push(Self::new(parts).await);
        }
        all
    }

    async fn new(schemes: Vec<Part>) -> Self {
        let (records, lines) = (Records::default(), Lines::default());
        let audit = JsonLines::builder().writer(lines.clone()).build().unwrap();
        let mut builder = Parapet::builder().peer(Peer::ConnectInfo).observe(records.clone());
        let (mut challenges, mut parts) = (BTreeSet::new(), Vec::new());
        for part in schemes {
            builder = (part.join)(builder);
            challenges.extend(part.challenges);
            parts.push((part.name, part.refusals));
        }
        let parapet = builder.audit(audit.clone()).build().unwrap();
        let router = Router::new().route("/orders", routing::get(async || "orders"));
        let address = serve(parapet.protect(router)).await;
        Self { records, audit, lines, address, challenges, parts }
    }

    async fn ask(&self, refused: &Refused) -> (Answer, Record) {
        let before = self.records.all().len();
        let headers: Vec<_> =
            refused.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let body = refused.body.as_bytes();
        let answer = request(self.address, "GET", "/orders", &headers, body).await;
        let record = self.records.wait_for(before + 1).pop().unwrap();
        (answer, record)
    }

    /// What its caller, its operator and the audit read of one refusal.
    async fn hold(&self, refused: &Refused) {
        let name = refused.name;
        let (answer, record) = self.ask(refused).await;
        let why = record.rejection.as_ref().unwrap_or_else(|| panic!("{name}: let through"));
        assert_eq!((answer.status, &*answer.code()), (refused.status, refused.code), "{name}");
        assert_eq!(why.reason().code(), refused.code, "{name}");
        assert_eq!(why.guard(), Some(refused.guard), "{name}");
        assert!(why.private_expected().is_some() && why.private_found().is_some(), "{name}");
        assert_eq!(why.private_cause().is_some(), refused.has_cause, "{name}");
        let (read, told) = (format!("{:?} {}", answer.headers, answer.text()), told(&record));
        for secret in &refused.secret {
            assert!(secret.len() > 7, "{name}: {secret} is found anywhere");
            assert!(!read.contains(secret) && !told.contains(secret), "{name}: {secret}");
        }
        for private in &refused.private {
            assert!(!read.contains(private), "{name}: the caller reads {private}: {read}");
        }
        if refused.status == 401 {
            let offered = answer.all("www-authenticate");
            let offered: BTreeSet<_> =
                offered.iter().map(|value| value.split(' ').next().unwrap()).collect();
            assert_eq!(offered, self.challenges, "{name}: not every way in is listed");
        }
        self.audit.flush().unwrap();
        let lines = String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap();
        for secret in &refused.secret {
            assert!(!lines.contains(secret), "the audit has {secret}");
        }
    }
}

/// All that the caller reads but what is another's each time.
fn read(answer: &Answer) -> String {
    let is_own = |name: &str| matches!(name, "date" | "x-request-id" | "dpop-nonce");
    let headers = answer.headers.iter().filter(|(name, _)| !is_own(name));
    let mut body = answer.json();
    body.as_object_mut().unwrap().remove("request_id");
    format!("{} {:?} {body}", answer.status, headers.collect::<Vec<_>>())
}

fn told(record: &Record) -> String {
    let why = record.rejection.as_ref().unwrap();
    let cause = why.private_cause().map(ToString::to_string);
    let (expected, found) = (why.private_expected(), why.private_found());
    format!("{expected:?} {found:?} {cause:?} {:?} {why:?} {why}", record.notes)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_caller_reads_more_than_the_reason_and_no_operator_less_than_the_rest() {
    for bench in Bench::all().await {
        for refused in bench.parts.iter().flat_map(|(_, refusals)| refusals) {
            bench.hold(refused).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_credentials_of_one_kind_reads_alike() {
    for bench in Bench::all().await {
        for (_, refusals) in &bench.parts {
            let mut seen: HashMap<_, (&str, String)> = HashMap::new();
            for refused in refusals.iter().filter(|refused| refused.status == 401) {
                let (answer, _) = bench.ask(refused).await;
                let text = read(&answer);
                // Which header it was in is no news to the sender.
                let kind = (refused.code, refused.headers.first().map(|(name, _)| name));
                let (first, same) = seen.entry(kind).or_insert((refused.name, text.clone()));
                assert_eq!(&text, same, "{} and {first} are told apart", refused.name);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scheme_tells_missing_forged_and_expired_apart() {
    for part in stacks().await.into_iter().flatten() {
        let codes: BTreeSet<_> = part.refusals.iter().map(|refused| refused.code).collect();
        let expected = ["missing-credentials", "invalid-credentials", "expired-credentials"];
        for code in expected.into_iter().take(if part.expires { 3 } else { 2 }) {
            assert!(codes.contains(code), "{}: {code}", part.name);
        }
    }
}
