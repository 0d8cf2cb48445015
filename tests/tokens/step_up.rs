//! Routes that ask for a strong or a recent authentication (RFC 9470), over a real server.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, routing::get as route};
use serde_json::json;
use tower_parapet::{
    Parapet, Peer, Policy, Reason,
    authorize::{acr, amr, max_age, not_delegated, role, scope},
    clock::ManualClock,
    testing::{TestIssuer, TestToken},
};

use crate::{
    NOW,
    support::{Answer, Records, get, serve},
};

const MFA: &str = "urn:example:mfa";

async fn start() -> (SocketAddr, TestIssuer, Records, ManualClock) {
    let clock = ManualClock::at_unix(Duration::from_secs(NOW));
    let issuer = TestIssuer::default().with_clock(clock.clone());
    let records = Records::default();
    let fresh = max_age(Duration::from_secs(300));
    let parapet = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .authenticate(issuer.jwt())
        .route("/transfers", Policy::require(scope("transfers").and(acr([MFA])).and(fresh)))
        .route("/keys", Policy::require(amr("hwk").and(not_delegated())))
        .route("/staff", Policy::require(role("admin").and(acr([MFA]))))
        .observe(records.clone())
        .with_clock(clock.clone())
        .build()
        .unwrap();
    let manifest = parapet.manifest().to_string();
    let said = "scope transfers and acr urn:example:mfa and authenticated within 300 s";
    assert!(manifest.contains(said), "{manifest}");
    let paths = ["/transfers", "/keys", "/staff", "/"];
    let app = paths.iter().fold(Router::new(), |app, path| app.route(path, route(async || "in")));
    (serve(parapet.protect(app)).await, issuer, records, clock)
}

async fn ask(address: SocketAddr, path: &str, token: TestToken) -> Answer {
    get(address, path, &[("authorization", &format!("Bearer {}", token.sign()))]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weak_or_old_authentication_is_told_what_would_do_and_then_let_in() {
    let (address, issuer, records, clock) = start().await;
    let weak = || issuer.token().scope("transfers").claim("auth_time", NOW).claim("acr", "1");
    let refused = ask(address, "/transfers", weak()).await;
    assert_eq!((refused.status, &*refused.code()), (401, "insufficient-authentication"));
    assert_eq!(
        refused.all("www-authenticate"),
        ["Bearer error=\"insufficient_user_authentication\", \
          error_description=\"a stronger authentication is required\", \
          acr_values=\"urn:example:mfa\", max_age=\"300\""]
    );
    // The token is good for what asks for less.
    assert_eq!(ask(address, "/", weak()).await.status, 200);

    let strong = || weak().claim("acr", MFA).expires_in(Duration::from_secs(3600));
    assert_eq!(ask(address, "/transfers", strong()).await.status, 200);
    clock.advance(Duration::from_secs(301));
    let refused = ask(address, "/transfers", strong()).await;
    assert_eq!((refused.status, &*refused.code()), (401, "insufficient-authentication"));
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.contains("more recent"), "{challenge}");
    assert!(challenge.ends_with("acr_values=\"urn:example:mfa\", max_age=\"300\""), "{challenge}");
    let again = strong().claim("auth_time", NOW + 300);
    assert_eq!(ask(address, "/transfers", again).await.status, 200);

    let records = records.wait_for(5);
    let refusal = records[0].rejection.as_ref().unwrap();
    assert_eq!(refusal.reason(), Reason::InsufficientAuthentication);
    assert_eq!(
        refusal.private_found(),
        Some("scopes transfers; roles; acr 1; authenticated 0 s ago")
    );
    assert_eq!(records[0].principal.as_ref().map(|caller| caller.subject()), Some("tester"));
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_roles_methods_and_delegation_are_told_apart_from_a_weak_authentication() {
    let (address, issuer, _, _) = start().await;
    let told = async |path: &str, token: TestToken| {
        let answer = ask(address, path, token).await;
        let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
        (answer.status, answer.code(), challenge)
    };
    let strong = || issuer.token().claim("auth_time", NOW).claim("acr", MFA);
    let (status, code, challenge) = told("/transfers", strong()).await;
    assert_eq!((status, &*code), (403, "insufficient-scope"));
    assert_eq!(challenge, "Bearer error=\"insufficient_scope\", scope=\"transfers\"");
    let (status, _, challenge) = told("/transfers", issuer.token()).await;
    assert_eq!(status, 401);
    assert!(challenge.ends_with("max_age=\"300\", scope=\"transfers\""), "{challenge}");

    // Nobody logs in again for the want of a role.
    let (status, code, _) = told("/staff", issuer.token()).await;
    assert_eq!((status, &*code), (403, "insufficient-scope"));
    let (status, code, _) = told("/staff", issuer.token().role("admin")).await;
    assert_eq!((status, &*code), (401, "insufficient-authentication"));

    let key = || issuer.token().claim("amr", json!(["hwk", "pin"]));
    assert_eq!(ask(address, "/keys", key()).await.status, 200);
    assert_eq!(told("/keys", issuer.token().claim("amr", json!(["pwd"]))).await.0, 401);
    let (status, code, _) = told("/keys", key().claim("act", json!({"sub": "robot"}))).await;
    assert_eq!((status, &*code), (403, "insufficient-scope"));
    // No token at all is another matter.
    let absent = get(address, "/transfers", &[]).await;
    assert_eq!((absent.status, &*absent.code()), (401, "missing-credentials"));
}
