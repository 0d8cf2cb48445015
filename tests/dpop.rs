//! Tokens that are bound to a key, and their proofs, over real sockets.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]
#![allow(unreachable_pub, reason = "a module of a test")]

#[path = "dpop/client.rs"]
mod client;
#[path = "dpop/side_by_side.rs"]
mod side_by_side;
mod support;

use std::net::SocketAddr;

use axum::{Router, routing::get};
use client::Client;
use http::Request;
use serde_json::{Value, json};
use support::{Answer, Records, get as call, request, serve};
use tower_parapet::{
    Parapet, Peer, Principal, Reason,
    auth::{
        dpop::{Dpop, DpopBuilder},
        replay::MemoryReplays,
    },
    testing::{TestIssuer, TestRequest},
};

/// A service that takes tokens of a test issuer.
struct House {
    issuer: TestIssuer,
    records: Records,
    parapet: Parapet,
    address: SocketAddr,
}

impl House {
    async fn of(dpop: DpopBuilder) -> Self {
        let issuer = TestIssuer::default();
        let records = Records::default();
        let parapet = Parapet::builder()
            .peer(Peer::ConnectInfo)
            .authenticate(issuer.jwt().sender_constrained(dpop))
            .public("GET /open", "these tests")
            .observe(records.clone())
            .build()
            .unwrap();
        let who = async |caller: Principal| caller.subject().to_owned();
        let api = Router::new().route("/orders/{id}", get(who).post(who));
        let router = Router::new().nest("/v1", api).route("/open", get(async || "open"));
        let address = serve(parapet.protect(router)).await;
        Self { issuer, records, parapet, address }
    }

    fn bound_to(&self, client: &Client) -> String {
        self.issuer.token().claim("cnf", json!({"jkt": client.thumbprint()})).sign()
    }

    fn uri(&self) -> String {
        format!("http://{}/v1/orders/7", self.address)
    }

    fn proof(&self, client: &Client, token: &str, changes: Value) -> String {
        client.proof("GET", &self.uri(), token, changes)
    }

    async fn ask(&self, scheme: &str, token: &str, proof: &str) -> Answer {
        let authorization = format!("{scheme} {token}");
        let headers = [("authorization", &*authorization), ("dpop", proof)];
        call(self.address, "/v1/orders/7?page=2", &headers).await
    }

    /// A good token with a proof that was changed.
    async fn ask_with(&self, client: &Client, changes: Value) -> Answer {
        let token = self.bound_to(client);
        self.ask("DPoP", &token, &self.proof(client, &token, changes)).await
    }
}

fn challenge<'a>(answer: &'a Answer, scheme: &str) -> Option<&'a str> {
    answer.all("www-authenticate").into_iter().find(|challenge| challenge.starts_with(scheme))
}

#[tokio::test]
async fn a_token_with_a_proof_by_its_key_is_taken_once() {
    let house = House::of(Dpop::required()).await;
    let client = Client::new();
    let token = house.bound_to(&client);
    let proof = house.proof(&client, &token, json!({}));
    let answer = house.ask("DPoP", &token, &proof).await;
    assert_eq!((answer.status, &*answer.text()), (200, "tester"));
    assert_eq!(answer.header("dpop-nonce"), None);

    let replay = house.ask("dpop", &token, &proof).await;
    assert_eq!((replay.status, &*replay.code()), (401, "invalid-proof"));
    let told = challenge(&replay, "DPoP").unwrap();
    assert!(told.contains(r#"error="invalid_dpop_proof""#) && told.contains("algs=\"RS256 "));
    assert!(!replay.text().contains("used") && !replay.text().contains("replay"));
}

#[tokio::test]
async fn of_one_proof_sent_many_times_at_once_one_is_taken() {
    let house = House::of(Dpop::required()).await;
    let client = Client::new();
    let token = house.bound_to(&client);
    let proof = house.proof(&client, &token, json!({}));
    let all = (0..32).map(|_| house.ask("DPoP", &token, &proof));
    let answers = futures_util::future::join_all(all).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 31);
}

#[tokio::test]
async fn over_http_2_the_authority_is_the_host() {
    let house = House::of(Dpop::required()).await;
    let client = Client::new();
    let token = house.bound_to(&client);
    let stream = tokio::net::TcpStream::connect(house.address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, String>(executor, io).await.unwrap();
    tokio::spawn(connection);
    let proof = house.proof(&client, &token, json!({}));
    for status in [200, 401] {
        let request = Request::get(house.uri())
            .header("authorization", format!("DPoP {token}"))
            .header("dpop", &proof)
            .body(String::new())
            .unwrap();
        assert_eq!(sender.send_request(request).await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn without_credentials_the_scheme_and_its_algorithms_are_offered() {
    for (dpop, bearer) in [(Dpop::required(), false), (Dpop::optional(), true)] {
        let house = House::of(dpop).await;
        let answer = call(house.address, "/v1/orders/7", &[]).await;
        assert_eq!((answer.status, &*answer.code()), (401, "missing-credentials"));
        let offered = challenge(&answer, "DPoP").unwrap();
        assert!(offered.contains("ES256") && offered.contains("EdDSA") && !offered.contains("HS"));
        assert!(!offered.contains("error"));
        assert_eq!(challenge(&answer, "Bearer").is_some(), bearer);
    }
}

#[tokio::test]
async fn whatever_is_wrong_the_caller_learns_the_code_and_the_record_why() {
    let house = House::of(Dpop::required()).await;
    let client = Client::new();
    let token = house.bound_to(&client);
    let other = house.uri().replace("/v1", "");
    let cases = [
        (json!({"htm": "POST"}), "other-method"),
        (json!({"htu": other}), "other-uri"),
        (json!({"iat": 1_700_000_000}), "old"),
        (json!({"ath": "x"}), "other-token"),
        (json!({"jti": ""}), "malformed"),
    ];
    for (place, (changes, word)) in cases.into_iter().enumerate() {
        let answer = house.ask("DPoP", &token, &house.proof(&client, &token, changes)).await;
        assert_eq!((answer.status, &*answer.code()), (401, "invalid-proof"));
        assert_eq!(
            answer.json()["detail"],
            "the proof of possession is missing or not valid",
            "the same for all"
        );
        let record = house.records.wait_for(place + 1).pop().unwrap();
        assert!(record.notes.iter().any(|(key, note)| *key == "proof" && note == word), "{word}");
        let rejection = record.rejection.unwrap();
        assert_eq!(rejection.guard(), Some("dpop"));
        let told = format!("{:?} {:?}", rejection.private_expected(), rejection.private_found());
        assert!(!told.contains(&token) && !told.contains(&token[token.len() - 20..]));
    }
    let authorization = format!("DPoP {token}");
    let none = call(house.address, "/v1/orders/7", &[("authorization", &authorization)]).await;
    assert_eq!(none.code(), "invalid-proof");
    let record = house.records.wait_for(6).pop().unwrap();
    assert!(record.notes.contains(&("proof", "missing".into())));
}

#[tokio::test]
async fn a_stolen_token_is_of_no_use_without_its_key() {
    let house = House::of(Dpop::optional()).await;
    let (client, thief) = (Client::new(), Client::new());
    let token = house.bound_to(&client);
    let by_the_thief = house.proof(&thief, &token, json!({}));
    let answer = house.ask("DPoP", &token, &by_the_thief).await;
    assert_eq!((answer.status, &*answer.code()), (401, "invalid-credentials"));
    assert!(challenge(&answer, "DPoP").unwrap().contains(r#"error="invalid_token""#));

    let answer = house.ask("Bearer", &token, &by_the_thief).await;
    assert_eq!((answer.status, &*answer.code()), (401, "invalid-credentials"));

    // The token is remembered as verified by now, and is still its owner's alone.
    for _ in 0..2 {
        let answer = house.ask_with(&client, json!({})).await;
        assert_eq!(answer.status, 200);
        let proof = house.proof(&thief, &token, json!({}));
        assert_eq!(house.ask("DPoP", &token, &proof).await.status, 401);
    }
}

#[tokio::test]
async fn unbound_tokens_pass_as_bearer_where_proofs_are_optional() {
    let optional = House::of(Dpop::optional()).await;
    let required = House::of(Dpop::required()).await;
    let client = Client::new();
    for (house, status) in [(&optional, 200), (&required, 401)] {
        let token = house.issuer.token().sign();
        let authorization = format!("Bearer {token}");
        let headers = [("authorization", &*authorization)];
        let answer = call(house.address, "/v1/orders/7", &headers).await;
        assert_eq!(answer.status, status);
        let answer = house.ask("DPoP", &token, &house.proof(&client, &token, json!({}))).await;
        assert_eq!((answer.status, &*answer.code()), (401, "invalid-credentials"));
    }
}

#[tokio::test]
async fn a_bad_token_that_came_as_dpop_is_told_so_in_that_scheme() {
    let house = House::of(Dpop::optional()).await;
    let client = Client::new();
    let token = house.issuer.token().claim("cnf", json!({"jkt": client.thumbprint()})).foreign();
    let token = token.sign();
    let answer = house.ask("DPoP", &token, &house.proof(&client, &token, json!({}))).await;
    assert_eq!((answer.status, &*answer.code()), (401, "invalid-credentials"));
    assert!(challenge(&answer, "DPoP").unwrap().contains(r#"error="invalid_token""#));
    assert!(!challenge(&answer, "Bearer").unwrap().contains("error"));
}

#[tokio::test]
async fn two_proofs_are_two_readings_of_one_request() {
    let house = House::of(Dpop::required()).await;
    let client = Client::new();
    let token = house.bound_to(&client);
    let (one, other) =
        (house.proof(&client, &token, json!({})), house.proof(&client, &token, json!({})));
    let authorization = format!("DPoP {token}");
    let headers = [("authorization", &*authorization), ("dpop", &*one), ("dpop", &*other)];
    let answer = call(house.address, "/v1/orders/7", &headers).await;
    assert_eq!((answer.status, &*answer.code()), (401, "invalid-proof"));
    // Neither was spent.
    assert_eq!(house.ask("DPoP", &token, &one).await.status, 200);
    assert_eq!(house.ask("DPoP", &token, &other).await.status, 200);
}

#[tokio::test]
async fn a_nonce_is_handed_out_and_taken() {
    let house = House::of(Dpop::required().require_nonce()).await;
    let client = Client::new();
    let first = house.ask_with(&client, json!({})).await;
    assert_eq!((first.status, &*first.code()), (401, "nonce-required"));
    assert!(challenge(&first, "DPoP").unwrap().contains(r#"error="use_dpop_nonce""#));
    let nonce = first.header("dpop-nonce").unwrap();
    for _ in 0..3 {
        assert_eq!(house.ask_with(&client, json!({"nonce": nonce})).await.status, 200);
    }
    let stale = house.ask_with(&client, json!({"nonce": "AAAAAAAAAAAAAAAAAAAAAA"})).await;
    assert_eq!((stale.status, stale.header("dpop-nonce")), (401, Some(nonce)));
}

#[tokio::test]
async fn a_proof_that_was_refused_for_its_nonce_is_not_spent() {
    let house = House::of(Dpop::required().require_nonce()).await;
    let client = Client::new();
    let first = house.ask_with(&client, json!({"jti": "one"})).await;
    let nonce = first.header("dpop-nonce").unwrap();
    let again = json!({"jti": "one", "nonce": nonce});
    assert_eq!(house.ask_with(&client, again.clone()).await.status, 200);
    assert_eq!(house.ask_with(&client, again).await.code(), "invalid-proof");
}

#[tokio::test]
async fn the_public_origin_is_what_clients_call() {
    let house = House::of(Dpop::required().origin("https://api.example/base")).await;
    let client = Client::new();
    let public = json!({"htu": "https://API.example:443/base/v1/orders/%37"});
    assert_eq!(house.ask_with(&client, public).await.status, 200);
    assert_eq!(house.ask_with(&client, json!({})).await.code(), "invalid-proof");
}

#[tokio::test]
async fn a_proof_is_for_its_method() {
    let house = House::of(Dpop::required()).await;
    let client = Client::new();
    let token = house.bound_to(&client);
    let authorization = format!("DPoP {token}");
    for (method, status) in [("POST", 200), ("GET", 401)] {
        let proof = client.proof(method, &house.uri(), &token, json!({}));
        let headers = [("authorization", &*authorization), ("dpop", &*proof)];
        let answer = request(house.address, "POST", "/v1/orders/7", &headers, b"").await;
        assert_eq!(answer.status, status, "{method}");
    }
}

#[tokio::test]
async fn an_explanation_does_not_spend_the_proof() {
    let store = MemoryReplays::new(100);
    let house = House::of(Dpop::required().origin("https://api.example").with_store(store.clone()));
    let (house, client) = (house.await, Client::new());
    let token = house.bound_to(&client);
    let proof = client.proof("GET", "https://api.example/v1/orders/7", &token, json!({}));
    let request = Request::get("/v1/orders/7")
        .header("authorization", format!("DPoP {token}"))
        .header("dpop", &proof)
        .body(())
        .unwrap()
        .host("api.example")
        .peer(([127, 0, 0, 1], 50_000));
    for _ in 0..2 {
        let explanation = house.parapet.explain(&request).await;
        assert!(explanation.to_string().contains("authenticate"), "{explanation}");
        assert!(store.is_empty());
    }
    assert_eq!(house.ask("DPoP", &token, &proof).await.status, 200);
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn a_token_that_asks_for_a_proof_nobody_checks_is_refused() {
    let issuer = TestIssuer::default();
    let parapet = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .authenticate(issuer.jwt().sender_constrained(Dpop::optional()))
        .build()
        .unwrap();
    let address = serve(parapet.protect(Router::new().route("/", get(async || "in")))).await;
    let client = Client::new();
    for cnf in [
        json!({"jkt": client.thumbprint(), "x5t#S256": client.thumbprint()}),
        json!({"jkt": client.thumbprint(), "kid": "1"}),
        json!({"jwk": {"kty": "EC"}}),
        json!({"jkt": "short"}),
        json!({}),
        json!("x"),
    ] {
        let token = issuer.token().claim("cnf", cnf.clone()).sign();
        let proof = client.proof("GET", &format!("http://{address}/"), &token, json!({}));
        let authorization = format!("DPoP {token}");
        let headers = [("authorization", &*authorization), ("dpop", &*proof)];
        let answer = call(address, "/", &headers).await;
        assert_eq!((answer.status, &*answer.code()), (401, "invalid-credentials"), "{cnf}");
    }
    assert_eq!(Reason::InvalidProof.status(), 401);
}
