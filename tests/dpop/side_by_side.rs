//! Several processes behind one name, and several issuers in one process.

use std::time::Duration;

use tower_parapet::{
    Answer,
    auth::{
        StoreError,
        jwt::Issuers,
        replay::{ReplayKey, ReplayStore},
    },
};

use super::{
    Client, Dpop, House, MemoryReplays, Parapet, Peer, Router, TestIssuer, call, challenge, get,
    json, serve,
};

/// A store that other processes share, beyond a network.
struct Far(MemoryReplays);

impl ReplayStore for Far {
    fn consume(
        &self,
        key: ReplayKey,
        until: Duration,
        now: Duration,
    ) -> Answer<Result<bool, StoreError>> {
        let store = self.0.clone();
        Answer::later(async move {
            tokio::task::yield_now().await;
            store.consume(key, until, now).wait().await
        })
    }
}

#[tokio::test]
async fn a_proof_is_good_at_one_of_two_processes() {
    let store = MemoryReplays::new(100);
    let dpop = || Dpop::required().origin("https://api.example").with_store(Far(store.clone()));
    let (one, other) = (House::of(dpop()).await, House::of(dpop()).await);
    let client = Client::new();
    let (here, there) = (one.bound_to(&client), other.bound_to(&client));
    let proof = |token: &str| {
        let uri = "https://api.example/v1/orders/7";
        client.proof("GET", uri, token, json!({"jti": "the same"}))
    };
    assert_eq!(one.ask("DPoP", &here, &proof(&here)).await.status, 200);
    let replay = other.ask("DPoP", &there, &proof(&there)).await;
    assert_eq!((replay.status, &*replay.code()), (401, "invalid-proof"));
    let record = other.records.wait_for(1).pop().unwrap();
    assert!(record.notes.contains(&("proof", "replayed".into())));
    assert_eq!(record.rejection.unwrap().guard(), Some("dpop"));
}

#[tokio::test]
async fn of_several_issuers_each_may_bind_its_tokens() {
    let (binding, plain) = (TestIssuer::new("https://a.test"), TestIssuer::new("https://b.test"));
    let issuers = Issuers::of([binding.jwt().sender_constrained(Dpop::required()), plain.jwt()]);
    let parapet = Parapet::builder().peer(Peer::ConnectInfo).authenticate(issuers.build().unwrap());
    let router = Router::new().route("/", get(async || "in"));
    let address = serve(parapet.build().unwrap().protect(router)).await;
    let client = Client::new();
    let ask = async |issuer: &TestIssuer, scheme: &str, foreign: bool| {
        let token = match scheme {
            "DPoP" => issuer.token().claim("cnf", json!({"jkt": client.thumbprint()})),
            _ => issuer.token(),
        };
        let token = if foreign { token.foreign().sign() } else { token.sign() };
        let proof = client.proof("GET", &format!("http://{address}/"), &token, json!({}));
        let authorization = format!("{scheme} {token}");
        let headers = [("authorization", &*authorization), ("dpop", &*proof)];
        call(address, "/", &headers).await
    };
    assert_eq!(ask(&binding, "DPoP", false).await.status, 200);
    assert_eq!(ask(&plain, "Bearer", false).await.status, 200);
    assert_eq!(ask(&binding, "Bearer", false).await.status, 401);
    assert_eq!(ask(&plain, "DPoP", false).await.status, 401);
    let forged = ask(&binding, "DPoP", true).await;
    assert!(challenge(&forged, "DPoP").unwrap().contains(r#"error="invalid_token""#));
}
