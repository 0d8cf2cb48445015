//! Bans over real sockets: who is turned away, who is not, and who sees to it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "bans/bystanders.rs"]
mod bystanders;
#[path = "bans/outcomes.rs"]
mod outcomes;
#[cfg(feature = "redis")]
#[path = "bans/shared.rs"]
mod shared;
mod support;

use std::{net::SocketAddr, time::Duration};

use axum::{
    Extension, Json, Router,
    http::StatusCode,
    routing::{get, post},
};
use support::{Answer, Records, caller::ByName};
use tower_parapet::{
    Context, Parapet, ParapetBuilder, Peer, Policy, Principal, Reason,
    bans::{Ban, Bans, BansBuilder, Network},
    clock::ManualClock,
    observe::Signal,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Three points within a minute; bans of one, five and thirty minutes.
fn builder() -> BansBuilder {
    Bans::builder()
        .on(Signal::FailedLogin, 1)
        .on(Signal::NotFound, 1)
        .on(Signal::reported("card-declined"), 3)
        .threshold(3)
        .window(MINUTE)
        .terms([MINUTE, 5 * MINUTE, 30 * MINUTE])
}

struct Service {
    address: SocketAddr,
    bans: Bans,
    clock: ManualClock,
    records: Records,
}

fn router(bans: &Bans) -> Router {
    let (list, lift) = (bans.clone(), bans.clone());
    Router::new()
        .route("/open", get(async || "here"))
        .route("/same", get(async || StatusCode::NOT_MODIFIED))
        .route("/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/livez", get(async || "alive"))
        .route("/orders", get(async |caller: Principal| caller.subject().to_owned()))
        .route("/login", post(async || StatusCode::UNAUTHORIZED))
        .route("/pay", post(async |context: Extension<Context>| context.report("card-declined")))
        .route("/admin/bans", get(async move || Json(list.list())))
        .route(
            "/admin/lift",
            post(async move |network: String| {
                let network: Network = network.parse().unwrap();
                lift.lift(network).to_string()
            }),
        )
}

async fn service(
    bans: BansBuilder,
    more: impl FnOnce(ParapetBuilder) -> ParapetBuilder,
) -> Service {
    let clock = ManualClock::at_unix(Duration::from_secs(1_700_000_000));
    let (bans, records) = (bans.build().unwrap(), Records::default());
    let stack = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .trusted_proxies(["127.0.0.1", "10.0.3.0/28"])
        .with_clock(clock.clone())
        .observe(records.clone())
        .public("/open", "test")
        .public("/same", "test")
        .public("/broken", "test")
        .public("POST /login", "test")
        .public("POST /pay", "test")
        .public("/admin/{*rest}", "test")
        .probe("/livez")
        .route("/orders", Policy::authenticated())
        .guard(ByName::strict())
        .bans(&bans);
    let address = support::serve(more(stack).build().unwrap().protect(router(&bans))).await;
    Service { address, bans, clock, records }
}

impl Service {
    /// A request of a client behind the proxy.
    async fn ask(&self, client: &str, method: &str, path: &str, token: Option<&str>) -> Answer {
        let token = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("x-forwarded-for", client), ("x-forwarded-proto", "https")];
        headers.extend(token.as_deref().map(|token| ("authorization", token)));
        support::request(self.address, method, path, &headers, b"").await
    }

    async fn get(&self, client: &str, path: &str) -> u16 {
        self.ask(client, "GET", path, None).await.status
    }

    async fn fail(&self, client: &str) -> u16 {
        self.ask(client, "GET", "/orders", Some("forged")).await.status
    }

    async fn fail_thrice(&self, client: &str) {
        for _ in 0..3 {
            assert_eq!(self.fail(client).await, 401);
        }
    }

    fn list(&self) -> Vec<Ban> {
        self.bans.list()
    }
}

const MALLORY: &str = "203.0.113.66";
const ALICE: &str = "203.0.113.7";

#[tokio::test]
async fn failed_logins_ban_the_network_before_authentication_runs_and_no_other() {
    let service = service(builder(), |stack| stack).await;
    service.fail_thrice(MALLORY).await;
    let answer = service.ask(MALLORY, "GET", "/orders", Some("forged")).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "banned"));
    assert_eq!(answer.header("retry-after"), None);
    assert!(!answer.text().contains(MALLORY));
    assert_eq!(service.get(MALLORY, "/open").await, 403);
    assert_eq!(service.get(ALICE, "/open").await, 200);
    assert_eq!(service.ask(ALICE, "GET", "/orders", Some("alice")).await.status, 200);
    let record = service.records.all().into_iter().find(|r| r.status.unwrap() == 403).unwrap();
    let refusal = record.rejection.unwrap();
    assert_eq!((refusal.reason(), refusal.guard()), (Reason::Banned, Some("bans")));
    assert!(refusal.private_found().unwrap().contains("failed login, level 1"));
    assert!(record.notes.contains(&("banned-for", "failed login".into())));
    service.clock.advance(MINUTE);
    assert_eq!(service.get(MALLORY, "/open").await, 200);
}

#[tokio::test]
async fn who_offends_again_is_banned_for_longer_each_time() {
    let service = service(builder(), |stack| stack).await;
    for minutes in [1, 5, 30, 30] {
        service.fail_thrice(MALLORY).await;
        service.clock.advance(minutes * MINUTE - Duration::from_secs(1));
        assert_eq!(service.get(MALLORY, "/open").await, 403);
        service.clock.advance(Duration::from_secs(1));
        assert_eq!(service.get(MALLORY, "/open").await, 200);
    }
}

#[tokio::test]
async fn a_stranger_who_looks_for_paths_is_banned_though_each_is_a_401() {
    let service = service(builder(), |stack| stack).await;
    for path in ["/wp-login.php", "/.env", "/backup.zip"] {
        assert_eq!(service.get(MALLORY, path).await, 401);
    }
    assert_eq!(service.get(MALLORY, "/open").await, 403);
}

#[tokio::test]
async fn a_login_form_of_the_services_own_counts_and_a_report_of_a_handler_too() {
    let service = service(builder(), |stack| stack).await;
    for _ in 0..3 {
        assert_eq!(service.ask(MALLORY, "POST", "/login", None).await.status, 401);
    }
    assert_eq!(service.get(MALLORY, "/open").await, 403);
    assert_eq!(service.ask(ALICE, "POST", "/pay", None).await.status, 200);
    assert_eq!(service.get(ALICE, "/open").await, 403);
    let whys: Vec<_> = service.list().iter().map(|ban| ban.why.to_string()).collect();
    assert_eq!(whys, ["reported `card-declined`", "failed login"]);
}

#[tokio::test]
async fn health_probes_are_answered_to_a_network_that_is_banned_and_never_count() {
    let service = service(builder(), |stack| stack).await;
    service.fail_thrice(MALLORY).await;
    assert_eq!(service.get(MALLORY, "/livez").await, 200);
    assert_eq!(service.get(MALLORY, "/open").await, 403);
}

#[tokio::test]
async fn an_operator_sees_who_is_banned_and_why_and_lifts_it() {
    let service = service(builder(), |stack| stack).await;
    service.fail_thrice(MALLORY).await;
    let answer = service.ask(ALICE, "GET", "/admin/bans", None).await;
    let expected = serde_json::json!([{
        "offender": {"network": MALLORY}, "why": "failed login", "since": 1_700_000_000,
        "until": 1_700_000_060, "left": 60, "level": 1, "by_hand": false, "from_elsewhere": false,
    }]);
    assert_eq!(answer.json(), expected);
    let headers = [("x-forwarded-for", ALICE), ("x-forwarded-proto", "https")];
    let lift = async || {
        let body = MALLORY.as_bytes();
        support::request(service.address, "POST", "/admin/lift", &headers, body).await.text()
    };
    assert_eq!(lift().await, "true");
    assert_eq!(lift().await, "false");
    assert_eq!(service.get(MALLORY, "/open").await, 200);
}

#[tokio::test]
async fn a_network_banned_by_hand_is_turned_away_from_anything_but_probes() {
    let service = service(builder(), |stack| stack).await;
    let network: Network = "203.0.113.0/24".parse().unwrap();
    service.bans.ban(network, 60 * MINUTE, "abuse desk, ticket 7").unwrap();
    assert_eq!(service.get(ALICE, "/open").await, 403);
    assert_eq!(service.get("198.51.100.1", "/open").await, 200);
}

#[tokio::test]
async fn with_tell_when_a_banned_client_is_told_when_to_come_back() {
    let service = service(builder().tell_when(), |stack| stack).await;
    service.fail_thrice(MALLORY).await;
    let answer = service.ask(MALLORY, "GET", "/open", None).await;
    assert_eq!((answer.status, answer.code().as_str()), (429, "rate-limited"));
    assert_eq!(answer.header("retry-after"), Some("60"));
}

#[tokio::test]
async fn mistakes_in_the_bans_are_mistakes_of_the_stack() {
    let stack = Parapet::builder()
        .public("GET /open", "test")
        .bans(Bans::builder().window(Duration::ZERO).terms([]));
    let error = stack.build().unwrap_err();
    let setters: Vec<_> = error.mistakes().iter().map(|mistake| mistake.setter()).collect();
    assert_eq!(setters, ["bans.terms", "bans.window", "peer"], "{error}");
}

#[tokio::test]
async fn the_manifest_says_what_counts_and_how_long_a_ban_is() {
    let stack = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .public("GET /open", "test")
        .bans(builder())
        .build()
        .unwrap();
    let manifest = stack.manifest().to_string();
    assert!(manifest.contains("3 points in 60 s (failed login 1, not found 1"), "{manifest}");
    assert!(manifest.contains("banned for 60, 300, 1800 s"), "{manifest}");
    assert!(manifest.contains("caller-bans"), "{manifest}");
}
