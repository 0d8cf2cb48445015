//! The self-audit: every rule finds what it looks for, and the examples give it little to say.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "support/examples.rs"]
mod examples;
#[path = "findings/secrets.rs"]
mod secrets;
#[path = "findings/stores.rs"]
mod stores;

use std::{collections::BTreeSet, time::Duration};

use examples::KEYS;
use futures_util::FutureExt;
use tower::{Layer, ServiceExt};
use tower_parapet::{
    Answer, Body, Exchange, Flow, Guard, IpFilter, JsonSchema, Jwt, Key, Parapet, ParapetBuilder,
    Peer, Phase, Policy, Rejection, Throttle,
    audit::JsonLines,
    auth::{
        Authenticate, StoreError,
        api_key::{ApiKeys, MemoryKeys},
        jwt::{Algorithm, JwtBuilder},
        revocation::{Revocation, RevocationKey, RevocationStore, Revocations},
        signature::{MemorySignatureKeys, MessageSignatures, MessageSignaturesBuilder},
        webhook::Webhook,
    },
    authorize::{any, scope},
    bans::{Bans, Network},
    compose::Shadow,
    inspect::{Diagnosis, Findings, RULES, Rule, Severity},
    throttle::{Concurrency, Count},
    transport::{Cors, Csrf, Hsts, Https, Sanity, SecurityHeaders},
    validate::JsonLimits,
    version::{Deprecation, Versions},
};

fn tokens() -> JwtBuilder {
    Jwt::builder().issuer("https://id.example").audience("orders").jwks(KEYS)
}

/// A list of revocations that never answers.
struct Silent;

impl RevocationStore for Silent {
    fn find(
        &self,
        _: &[RevocationKey],
        _: Duration,
    ) -> Answer<Result<Vec<Revocation>, StoreError>> {
        Answer::later(std::future::pending())
    }

    fn insert(&self, _: Revocation, _: Duration) -> Answer<Result<(), StoreError>> {
        Answer::later(std::future::pending())
    }

    fn remove(&self, _: RevocationKey) -> Answer<Result<bool, StoreError>> {
        Answer::later(std::future::pending())
    }
}

fn guesses() -> Throttle {
    let attempts = Throttle::per_minute(10).by(Key::ClientNet).counting(Count::ForgedCredentials);
    attempts.build().unwrap()
}

/// A stack that the self-audit has nothing to say about.
fn sound() -> ParapetBuilder {
    Parapet::builder()
        .peer(Peer::ConnectInfo)
        .hosts(["api.example"])
        .authenticate(tokens())
        .throttle(Throttle::per_minute(60).by(Key::ClientNet))
        .throttle(guesses())
        .public("GET /health", "load balancer")
        .route("GET /orders", Policy::authenticated())
        .audit(JsonLines::builder().stderr())
}

fn codes(stack: ParapetBuilder) -> Vec<&'static str> {
    stack.build().unwrap().findings().iter().map(|finding| finding.code).collect()
}

#[test]
fn a_sound_stack_has_no_findings() {
    let findings = sound().build().unwrap().findings();
    assert!(findings.is_empty(), "{findings}");
}

/// What has to be changed about a sound stack for a rule to find it.
type Weakened = fn() -> ParapetBuilder;

const WEAKENED: &[(&str, Weakened)] = &[
    ("bare-stack", || bare().guard(ApiKeys::builder(MemoryKeys::new()).build().unwrap())),
    ("public-everything", || sound().public("GET /{*rest}", "a web site")),
    ("weak-secret", || sound().authenticate(secret("correct horse battery staple and so on"))),
    ("no-body-limit", || sound().body_limit(u64::MAX)),
    ("no-body-limit", || sound().route("PUT /any", Policy::authenticated().body_limit(u64::MAX))),
    ("clear-credentials", || sound().https(Https::builder().dangerous().clear_credentials())),
    ("trace-allowed", || bare().public("GET /health", "load balancer")),
    ("public-any-method", || sound().public("/catalogue", "shop window")),
    ("no-early-limit", || Parapet::builder().public("GET /health", "load balancer")),
    ("no-audit", || Parapet::builder().public("GET /health", "load balancer")),
    ("large-body", || sound().body_limit(65 << 20)),
    ("wide-proxies", || sound().trusted_proxies(["10.0.0.0/8"])),
    ("shared-secret", || sound().authenticate(secret([1, 2, 3, 4].repeat(8)))),
    ("no-audience", || sound().authenticate(tokens().dangerous().client_id_as_audience())),
    ("no-audience", || {
        let opaque = tower_parapet::Introspection::builder()
            .issuer("https://id.example")
            .client_id("orders");
        let opaque = opaque.client_secret("from the environment");
        sound().authenticate(opaque.dangerous().any_audience())
    }),
    ("proof-ignored", || sound().authenticate(tokens().dangerous().ignore_confirmation())),
    ("exposed-file", secrets::exposed_file),
    ("stale-file", secrets::stale_file),
    ("plain-key-hashes", secrets::plain_hashes),
    ("weak-password-hash", secrets::weak_password_hash),
    ("revocations-open", || {
        let list = Revocations::builder().with_store(Silent).dangerous().fail_open();
        sound().authenticate(tokens().check(list))
    }),
    ("revocations-full", || {
        let list = Revocations::builder().capacity(1).build().unwrap();
        list.revoke_session("https://id.example", "s").now_or_never().unwrap().unwrap();
        sound().authenticate(tokens().check(list))
    }),
    ("thin-signature", || sound().authenticate(signatures().dangerous().components(["@method"]))),
    ("thin-signature", || sound().authenticate(signatures().dangerous().unsigned_content())),
    ("no-scheme", || sound().guard(std::iter::empty().collect::<Authenticate>())),
    ("plain-redis", || sound().throttle(stores::in_the_clear())),
    ("store-open", || sound().throttle(stores::open())),
    ("store-lost", || sound().throttle(stores::lost())),
    ("idempotency-full", || sound().idempotency(stores::full())),
    ("ipv6-keys", || sound().throttle(Throttle::per_minute(60).ipv6_prefix(96))),
    ("shared-guesses", || {
        let attempts = Throttle::per_minute(10).by(Key::Global);
        sound().throttle(attempts.counting(Count::ForgedCredentials))
    }),
    ("shared-bans", || sound().bans(Bans::builder().ipv4_prefix(24))),
    ("bans-full", || {
        let bans = Bans::builder().max_bans(1).build().unwrap();
        for network in ["192.0.2.1", "192.0.2.2"] {
            let network: Network = network.parse().unwrap();
            let _ = bans.ban(network, Duration::from_secs(60), "test");
        }
        sound().bans(bans)
    }),
    ("wide-exemption", || sound().bans(Bans::builder().exempt("10.0.0.0/8", "our cloud"))),
    ("no-exemption", || sound().bans(Bans::builder())),
    ("evadable-limit", || sound().throttle(Throttle::per_minute(60).by(Key::header("x-tenant")))),
    ("allows-all", || sound().ip(IpFilter::builder().allow(["0.0.0.0/1", "128.0.0.0/1"]))),
    ("broad-origins", || {
        sound().cors(Cors::builder().origins(["https://*.example.com"]).credentials())
    }),
    ("plain-origin", || {
        sound().cors(Cors::builder().origins(["http://app.example.com"]).credentials())
    }),
    ("plain-origin", || sound().csrf(Csrf::builder().trust(["http://app.example.com"]))),
    ("no-csrf", || {
        sound().cors(Cors::builder().origins(["https://app.example.com"]).credentials())
    }),
    ("unlabelled-cookies", || sound().csrf(Csrf::builder().dangerous().unlabelled())),
    ("api-redirect", || sound().https(Https::redirect())),
    ("public-write", || sound().public("POST /login", "how one gets in")),
    ("optional-write", || sound().route("DELETE /drafts", Policy::optional())),
    ("no-guess-limit", || {
        let limited = Throttle::per_minute(60).by(Key::ClientNet);
        Parapet::builder().peer(Peer::ConnectInfo).authenticate(tokens()).throttle(limited)
    }),
    ("throttle-twice", || {
        let once = Throttle::per_minute(60).by(Key::ClientNet).build().unwrap();
        sound().throttle(once.clone()).route("GET /slow", Policy::authenticated().throttle(once))
    }),
    ("long-wait", || {
        sound().concurrency(Concurrency::at_most(10).queue(10, Duration::from_secs(6)))
    }),
    ("signature-replay", || {
        sound().authenticate(MessageSignatures::builder(MemorySignatureKeys::new()))
    }),
    ("signature-replay", || {
        let hook = Webhook::github("0123456789abcdef".repeat(2)).dangerous().allow_replays();
        sound().route("POST /hooks/github", Policy::authenticated_by(hook))
    }),
    ("client-audience", || {
        let pool = Jwt::cognito("eu-central-1", "eu-central-1_Ab12Cd34E")
            .client("3n4b5urk1ft4fl3mg5e62d9ado");
        sound().authenticate(pool.jwks(KEYS))
    }),
    ("long-deadline", || sound().handler_deadline(Duration::from_secs(301))),
    ("long-deadline", || sound().body_deadline(Duration::from_secs(301))),
    ("wide-skew", || sound().authenticate(tokens().clock_skew(Duration::from_secs(121)))),
    ("outliving-tokens", || {
        let list = Revocations::builder().dangerous().outliving_tokens();
        sound().authenticate(tokens().check(list))
    }),
    ("any-host", || Parapet::builder().public("GET /health", "load balancer")),
    ("large-head", || sound().sanity(Sanity::builder().max_headers(401))),
    ("deep-json", || sound().json_limits(JsonLimits::builder().entries(20_000))),
    ("unmet-requirement", || sound().guard(Impossible)),
    ("formats-ignored", || {
        let schema = JsonSchema::for_route("PUT /orders/{id}", "{}").dangerous().ignore_formats();
        sound().validate(schema)
    }),
    ("header-missing", || {
        sound().security_headers(SecurityHeaders::builder().remove("referrer-policy"))
    }),
    ("unknown-peer", || Parapet::builder().authenticate(tokens())),
    ("hsts-off", || sound().https(Https::builder().without_hsts())),
    ("hsts-weak", || sound().https(Https::builder().hsts(Hsts::new().host_only()))),
    ("hsts-weak", || {
        let month = Hsts::new().max_age(Duration::from_secs(30 * 86_400));
        sound().https(Https::builder().hsts(month))
    }),
    ("past-sunset", || {
        let ending = Deprecation::since("2019-01-31").sunset("2019-12-31");
        sound().versions(Versions::by_path().current("v2").deprecated("v1", ending))
    }),
    ("untyped-write", || sound().route("PUT /orders/{id}", Policy::require(scope("write")))),
    ("encoded-slashes", || {
        sound().route("GET /files/{name}", Policy::authenticated().encoded_slashes())
    }),
    ("on-trial", || sound().guard(Shadow::of(Impossible).unwrap())),
    ("keys-not-renewed", || sound().authenticate(unreachable())),
    ("key-skipped", || {
        let other = r#"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#;
        let keys = KEYS.replace("[{", &format!("[{other},{{"));
        sound().authenticate(tokens().jwks(keys))
    }),
];

/// No stack has it or has it not, but the build of the crate: `tests/release.rs` shows it.
const OF_THE_BUILD: &str = "testing-in-release";

fn signatures() -> MessageSignaturesBuilder {
    MessageSignatures::builder(MemorySignatureKeys::new()).require_nonce()
}

fn bare() -> ParapetBuilder {
    Parapet::builder().dangerous().bare()
}

fn secret(bytes: impl AsRef<[u8]>) -> JwtBuilder {
    let tokens = Jwt::builder().issuer("https://id.example").audience("orders");
    tokens.dangerous().shared_secret(Algorithm::Hs256, bytes)
}

/// Tokens whose keys nobody answers for.
fn unreachable() -> Jwt {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let nobody = "http://127.0.0.1:9/jwks";
        let jwt = Jwt::builder().issuer("https://id.example").audience("orders").jwks_url(nobody);
        let jwt = jwt.build().unwrap();
        while jwt.keys()[0].failures() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        jwt
    })
}

/// Asks for a role that has no name, which a requirement built by hand can.
struct Impossible;

impl Guard for Impossible {
    fn name(&self) -> &'static str {
        "impossible"
    }

    fn phase(&self) -> Phase {
        Phase::Authorize
    }

    fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> {
        Ok(Flow::Continue)
    }

    fn findings(&self, report: &mut Findings) {
        let nobody = any([]);
        tower_parapet::Authorize::require(nobody).findings(report);
    }
}

/// What has to be sent to a stack for a rule to find something.
const TRAFFIC: &[(&str, Weakened, &str)] =
    &[("unknown-route", || sound().known_routes(["GET /orders"]), "/health")];

#[tokio::test]
async fn what_shows_only_in_traffic_is_found_once_it_has_shown() {
    for (code, stack, target) in TRAFFIC {
        let parapet = stack().build().unwrap();
        assert!(parapet.findings().is_empty(), "{}", parapet.findings());
        let handler = tower::service_fn(async |_: http::Request<Body>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(Body::empty()))
        });
        let request = http::Request::get(*target).header("host", "api.example");
        let mut request = request.body(Body::empty()).unwrap();
        let peer = std::net::SocketAddr::from(([192, 0, 2, 1], 4711));
        request.extensions_mut().insert(axum::extract::ConnectInfo(peer));
        drop(parapet.layer(handler).oneshot(request).await.unwrap());
        let findings = parapet.findings();
        let found = findings.iter().filter(|finding| finding.code == *code).count();
        assert_eq!(found, 1, "{findings}");
    }
}

#[test]
fn every_rule_finds_what_it_looks_for() {
    for (code, weakened) in WEAKENED {
        let found = codes(weakened());
        assert!(found.contains(code), "{code} is not among {found:?}");
    }
    let of_traffic = TRAFFIC.iter().map(|(code, ..)| *code);
    let of_stacks = WEAKENED.iter().map(|(code, _)| *code);
    let shown: BTreeSet<_> = of_stacks.chain(of_traffic).chain([OF_THE_BUILD]).collect();
    let all: BTreeSet<_> = RULES.iter().map(Rule::code).collect();
    assert_eq!(shown, all);
    assert!(all.len() >= 20, "{}", all.len());
}

#[test]
fn a_weakness_is_found_once_and_brings_no_others_along() {
    for (code, weakened) in WEAKENED {
        let found = codes(weakened());
        let of_it = found.iter().filter(|found| *found == code).count();
        assert_eq!(of_it, 1, "{code} among {found:?}");
    }
    assert_eq!(codes(sound().body_limit(u64::MAX)), ["no-body-limit"]);
    assert_eq!(codes(sound().public("/catalogue", "shop window")), ["public-any-method"]);
    let probes = sound().public("GET,HEAD /ready", "readiness");
    assert_eq!(codes(probes), [""; 0]);
}

#[test]
fn every_rule_has_a_remedy_and_says_whose_demand_it_is() {
    for rule in RULES.iter().chain(Diagnosis::ALL.iter().map(|diagnosis| diagnosis.rule())) {
        assert!(!rule.remedy().is_empty() && !rule.remedy().ends_with('.'), "{rule:?}");
        let known = |demand: &&str| {
            demand.strip_prefix("ASVS ").is_some_and(|item| item.split('.').count() == 3)
                || (demand.starts_with("API") && demand.ends_with(":2023"))
        };
        assert!(!rule.demands().is_empty() && rule.demands().iter().all(known), "{rule:?}");
    }
}

#[test]
fn the_page_of_findings_has_every_rule_as_it_is() {
    let page = include_str!("../docs/findings.md");
    let of_traffic = Diagnosis::ALL.iter().map(|diagnosis| diagnosis.rule());
    for rule in RULES.iter().chain(of_traffic) {
        let start = format!("| `{}` | {} |", rule.code(), severity(rule.severity()));
        let row = page.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("no row begins with {start}"));
        let end = format!("| {} | {} |", rule.remedy(), rule.demands().join(", "));
        assert!(row.ends_with(&end), "{row} does not end with {end}");
    }
    let rows = page.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, RULES.len() + Diagnosis::ALL.len());
}

fn severity(severity: Severity) -> String {
    format!("{severity:?}").to_lowercase()
}

#[test]
fn the_examples_have_no_finding_above_low() {
    let distributed = ("distributed", examples::distributed());
    for (example, stack) in examples::all().into_iter().chain([distributed]) {
        let findings = stack.findings();
        let above = findings.at_least(Severity::Medium).count();
        assert_eq!(above, 0, "{example}:\n{findings}");
        println!("{example}: {} findings, none above low", findings.iter().count());
    }
}

#[test]
fn findings_are_told_gravest_first_and_as_json() {
    let findings = bare().public("/{*rest}", "a web site").build().unwrap().findings();
    let text = findings.to_string();
    assert!(text.starts_with("High public-everything: /{*rest}: any path is open to anyone; "));
    let json = serde_json::to_value(&findings).unwrap();
    let first = &json[0];
    assert!(first["code"].is_string() && first["demands"].is_array(), "{json}");
}
