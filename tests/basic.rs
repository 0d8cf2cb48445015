//! User names and passwords over a real server, and as real clients send them.
#![cfg(all(feature = "axum", feature = "basic"))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "support/service.rs"]
mod service;
mod support;

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use service::{Service, from};
use tower_parapet::{
    IntoGuard, Jwt, Parapet, Peer, Reason,
    auth::{
        Authenticate,
        basic::{Basic, FileUsers, MemoryUsers, StoredUser},
    },
    clock::ManualClock,
};

/// Of `password`, by the reference implementation, with less work than anybody should want.
const HASH: &str =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

impl Service {
    async fn send(&self, name: &str, password: &str, more: &[(&str, &str)]) -> support::Answer {
        let value = format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")));
        self.ask(("authorization", &value), more).await
    }
}

fn alice() -> StoredUser {
    StoredUser::builder("alice", HASH).build().unwrap()
}

fn users() -> MemoryUsers {
    let eve = StoredUser::builder("ève", HASH).build().unwrap();
    MemoryUsers::from_iter([alice(), eve])
}

#[tokio::test]
async fn a_user_is_let_in_and_everybody_else_is_asked_for_a_name_and_a_password() {
    let service = Service::of(Basic::builder(users()).realm("orders")).await;
    assert_eq!(service.send("alice", "password", &[]).await.text(), "alice");
    assert_eq!(service.send("ève", "password", &[]).await.text(), "ève");
    let missing = support::get(service.address, "/orders", &[]).await;
    assert_eq!((missing.status, missing.code().as_str()), (401, "missing-credentials"));
    let challenge = "Basic realm=\"orders\", charset=\"UTF-8\"";
    assert_eq!(missing.all("www-authenticate"), [challenge]);
    for (name, password) in [("alice", "Password"), ("Alice", "password"), ("alice ", "password")] {
        let refused = service.send(name, password, &[]).await;
        assert_eq!((refused.status, refused.code().as_str()), (401, "invalid-credentials"));
        assert_eq!(refused.all("www-authenticate"), [challenge]);
    }
}

#[tokio::test]
async fn curl_gets_in_with_its_user_option() {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        assert!(env::var("CI").is_err(), "curl is missing");
        println!("skipped: there is no curl to call with");
        return;
    }
    let service = Service::of(Basic::builder(users())).await;
    let url = format!("http://{}/orders", service.address);
    let curl = async |arguments: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--max-time", "60", "--write-out", "\n%{http_code}", &url]);
        command.args(arguments);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse::<u16>().unwrap(), body.to_owned())
    };
    assert_eq!(curl(&["--user", "alice:password"]).await, (200, "alice".to_owned()));
    assert_eq!(curl(&["--user", "ève:password"]).await, (200, "ève".to_owned()));
    // It asks without first, and finds the challenge.
    assert_eq!(curl(&["--anyauth", "--user", "alice:password"]).await.0, 200);
    assert_eq!(curl(&["--user", "alice:wrong"]).await.0, 401);
    assert_eq!(curl(&[]).await.0, 401);
    assert_eq!(curl(&["--oauth2-bearer", "alice"]).await.0, 401);
}

#[tokio::test]
async fn guesses_at_one_user_from_many_networks_are_slowed_and_who_was_here_before_is_not() {
    let service =
        Service::with(Basic::builder(users()), |stack| stack.trusted_proxies(["127.0.0.1"])).await;
    assert_eq!(service.send("alice", "password", &[]).await.status, 200);
    let mut statuses = Vec::new();
    for network in 0..15 {
        let client = format!("203.0.{network}.1");
        let answer = service.send("alice", &format!("guess {network}"), &from(&client)).await;
        statuses.push(answer.status);
        if answer.status == 429 {
            assert_eq!(answer.code(), "rate-limited");
            assert_eq!(answer.header("retry-after"), Some("180"));
            assert!(!answer.text().contains("alice"));
        }
    }
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[10..], [429; 5]);
    assert_eq!(service.send("alice", "password", &[]).await.status, 200);
    assert_eq!(service.send("ève", "password", &[]).await.status, 200);
    let records = service.records.wait_for(18);
    let told = records[11].rejection.as_ref().unwrap();
    assert_eq!(told.reason(), Reason::RateLimited);
    let found = told.private_found().unwrap();
    assert_eq!(found, "more for user `alice`; this one was not tried");
    service.clock.advance(Duration::from_secs(180));
    assert_eq!(service.send("alice", "guess", &[]).await.status, 401);
    assert_eq!(service.send("alice", "guess again", &[]).await.status, 429);
}

#[tokio::test]
async fn a_password_and_a_token_stand_side_by_side_and_a_401_lists_both() {
    let keys = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    let tokens = Jwt::builder().issuer("https://id.example").audience("orders").jwks(keys);
    let service = Service::with(Basic::builder(users()), |stack| stack.authenticate(tokens)).await;
    assert_eq!(service.send("alice", "password", &[]).await.text(), "alice");
    let forged = [("authorization", "Bearer forged")];
    let answers = [
        service.send("alice", "wrong", &[]).await,
        support::get(service.address, "/orders", &forged).await,
        support::get(service.address, "/orders", &[]).await,
    ];
    for answer in answers {
        assert_eq!(answer.status, 401);
        let challenges = answer.all("www-authenticate");
        let of = |scheme: &str| challenges.iter().filter(|told| told.starts_with(scheme)).count();
        assert_eq!((of("Basic "), of("Bearer")), (1, 1), "{challenges:?}");
    }
    let both = service.send("alice", "password", &forged).await;
    assert_eq!((both.status, both.code().as_str()), (400, "ambiguous-credentials"));
}

#[tokio::test]
async fn explaining_a_wrong_password_counts_for_nothing() {
    let stack = Parapet::builder().peer(Peer::Extension).authenticate(Basic::builder(users()));
    let stack = stack.build().unwrap();
    let value = format!("Basic {}", BASE64_STANDARD.encode("alice:wrong"));
    for _ in 0..20 {
        let request = http::Request::get("/orders").header("host", "a.example");
        let request = request.header("authorization", &value).extension(tower_parapet::Tls::new());
        let told = stack.explain(&request.body(()).unwrap()).await.to_string();
        assert!(told.contains("invalid-credentials"), "{told}");
    }
}

#[tokio::test]
async fn a_password_changed_in_the_file_is_good_at_the_next_look() {
    let name = format!("basic-{}.json", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let clock = ManualClock::default();
    FileUsers::write(&path, [&alice()]).unwrap();
    let users = FileUsers::builder(&path).with_clock(clock.clone()).build().unwrap();
    let service = Service::of(Basic::builder(users)).await;
    assert_eq!(service.send("alice", "password", &[]).await.status, 200);
    let other =
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";
    let renamed = StoredUser::builder("alicia", other).build().unwrap();
    FileUsers::write(&path, [&renamed]).unwrap();
    clock.advance(Duration::from_secs(2));
    assert_eq!(service.send("alice", "password", &[]).await.status, 401);
    assert_eq!(service.send("alicia", "password", &[]).await.text(), "alicia");
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn one_user_from_a_hundred_connections_at_once_is_let_in_on_all() {
    let service = Service::of(Basic::builder(users())).await;
    let all = (0..100).map(|_| service.send("alice", "password", &[]));
    let answers = futures_util::future::join_all(all).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
}

#[tokio::test]
async fn credentials_in_the_clear_are_refused_unseen() {
    let service =
        Service::with(Basic::builder(users()), |stack| stack.trusted_proxies(["127.0.0.1"])).await;
    let plain = [("x-forwarded-for", "203.0.113.1"), ("x-forwarded-proto", "http")];
    let refused = service.send("alice", "password", &plain).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "insecure-credentials"));
}

#[tokio::test]
async fn no_answer_and_no_record_holds_a_password() {
    let service = Service::of(Basic::builder(users())).await;
    for (name, password) in [("alice", "hunter2"), ("hunter2", "alice"), ("alice", "hunter2\n")] {
        let answer = service.send(name, password, &[]).await;
        assert_eq!(answer.status, 401);
        let shown = format!("{answer:?} {} {:?}", answer.text(), service.records.all());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(!shown.contains(&BASE64_STANDARD.encode("hunter2")[..8]), "{shown}");
    }
    let records = service.records.wait_for(3);
    let of =
        |at: usize| records[at].rejection.as_ref().unwrap().private_found().unwrap().to_owned();
    assert_eq!(of(0), "a wrong password for user `alice`");
    assert_eq!(of(2), "credentials with control characters");
    assert_eq!(records[0].rejection.as_ref().unwrap().guard(), Some("basic"));
}

#[test]
fn weak_hashes_and_files_for_everybody_are_findings() {
    let stack = Parapet::builder().peer(Peer::ConnectInfo).authenticate(Basic::builder(users()));
    let findings = stack.build().unwrap().findings();
    assert!(findings.iter().any(|finding| finding.code == "weak-password-hash"), "{findings}");
    let guard = Authenticate::with(Basic::builder(users()).realm("orders").build().unwrap());
    let summary = guard.into_guard().unwrap().summary().into_owned();
    assert_eq!(summary, "basic (user name and password for orders)");
}
