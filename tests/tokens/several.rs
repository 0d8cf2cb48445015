//! Tokens of several issuers as one scheme, over a real server.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, routing::get as route};
use serde_json::json;
use tower_parapet::{
    Parapet, Peer, Principal, Reason,
    auth::jwt::{ClaimValue, Issuers},
    clock::ManualClock,
    testing::TestIssuer,
};

use crate::{
    NOW,
    support::{Answer, Records, get, serve},
};

struct House {
    ours: TestIssuer,
    partner: TestIssuer,
    address: SocketAddr,
    records: Records,
    clock: ManualClock,
}

impl House {
    async fn start() -> Self {
        let clock = ManualClock::at_unix(Duration::from_secs(NOW));
        let issuer = |name: &str, audience: &str| {
            TestIssuer::new(name).audience(audience).with_clock(clock.clone())
        };
        let ours = issuer("https://id.example", "orders");
        let partner = issuer("https://partner.example", "https://orders.example");
        let records = Records::default();
        let tokens = Issuers::of([
            ours.jwt().max_lifetime(Duration::from_secs(3600)),
            partner
                .jwt()
                .roles_claim("/partner/roles")
                .token_types(["at+jwt"])
                .require_claim("/partner/contract", ClaimValue::any()),
        ]);
        let parapet = Parapet::builder()
            .peer(Peer::ConnectInfo)
            .authenticate(tokens)
            .observe(records.clone())
            .with_clock(clock.clone());
        let whoami = async |caller: Principal| {
            let roles: Vec<_> = caller.roles().collect();
            format!("{} {} {roles:?}", caller.issuer(), caller.subject())
        };
        let app = parapet.build().unwrap().protect(Router::new().route("/", route(whoami)));
        Self { ours, partner, address: serve(app).await, records, clock }
    }

    async fn ask(&self, token: &str) -> Answer {
        get(self.address, "/", &[("authorization", &format!("Bearer {token}"))]).await
    }

    /// The status, the code, and the cause that the record has, without the name of a claim.
    async fn refusal(&self, token: &str) -> (u16, String, String) {
        let before = self.records.all().len();
        let answer = self.ask(token).await;
        let record = self.records.wait_for(before + 1).pop().unwrap();
        let cause = record.rejection.as_ref().unwrap().private_cause().unwrap().to_string();
        (answer.status, answer.code(), cause)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_issuer_has_settings_of_its_own_and_none_signs_for_another() {
    let house = House::start().await;
    let ours = house.ours.token().subject("alice").role("clerk").sign();
    let of_partner = || {
        let token =
            house.partner.token().subject("alice").claim("/partner/roles", json!(["buyer"]));
        token.claim("/partner/contract", 7)
    };
    let partners = of_partner().sign();
    for _ in 0..2 {
        let answer = house.ask(&ours).await;
        assert_eq!(answer.text(), r#"https://id.example alice ["clerk"]"#, "{answer:?}");
        let answer = house.ask(&partners).await;
        assert_eq!(answer.text(), r#"https://partner.example alice ["buyer"]"#, "{answer:?}");
    }

    let invalid = "invalid-credentials".to_owned();
    for (token, cause) in [
        (of_partner().claim("iss", "https://id.example").claim("aud", "orders").sign(), "no key"),
        (house.ours.token().claim("iss", "https://partner.example").sign(), "no key"),
        (of_partner().foreign().sign(), "the token's signature"),
        (of_partner().header("typ", "JWT").sign(), "the token's type"),
        (of_partner().audience("orders").sign(), "the claim `aud`"),
        (house.partner.token().sign(), "the claim `/partner/contract`"),
        (house.ours.token().expires_in(Duration::from_secs(3601)).sign(), "the claim `exp`"),
        (house.ours.token().unsigned().sign(), "the token is malformed"),
    ] {
        let (status, code, found) = house.refusal(&token).await;
        assert_eq!((status, &code), (401, &invalid), "{cause}: {found}");
        assert!(found.starts_with(cause), "{cause}: {found}");
    }

    let stranger = TestIssuer::new("https://evil.example").audience("orders");
    let stranger = stranger.with_clock(house.clock.clone());
    // Not even its signature is looked at.
    for token in [stranger.token().sign(), format!("{}AAAA", stranger.token().unsigned().sign())] {
        let (status, code, found) = house.refusal(&token).await;
        assert_eq!((status, code), (401, invalid.clone()));
        assert_eq!(found, "the claim `iss` is not acceptable");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remembered_token_of_any_issuer_ends_in_time() {
    let house = House::start().await;
    let tokens =
        [house.ours.token().sign(), house.partner.token().claim("/partner/contract", true).sign()];
    for token in &tokens {
        assert_eq!(house.ask(token).await.status, 200);
    }
    house.clock.advance(Duration::from_secs(361));
    for token in &tokens {
        let (status, code, _) = house.refusal(token).await;
        assert_eq!((status, &*code), (401, "expired-credentials"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_stands_once_however_many_issuers_there_are() {
    let house = House::start().await;
    let plain = get(house.address, "/", &[]).await;
    assert_eq!((plain.status, plain.all("www-authenticate")), (401, vec!["Bearer realm=\"api\""]));
    let bad = house.ask("a.b.c").await;
    let challenges = bad.all("www-authenticate");
    assert_eq!(challenges.len(), 1, "{challenges:?}");
    assert!(challenges[0].contains("error=\"invalid_token\""), "{challenges:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_acts_for_a_caller_is_in_the_record_and_a_malformed_actor_is_refused() {
    let house = House::start().await;
    let act = json!({"sub": "orders", "act": {"iss": "https://b.example", "sub": "basket"}});
    let token = house.ours.token().subject("alice").claim("act", act).sign();
    assert_eq!(house.ask(&token).await.status, 200);
    assert_eq!(house.ask(&house.ours.token().sign()).await.status, 200);
    let records = house.records.wait_for(2);
    let notes = |at: usize| {
        let notes = records[at].notes.iter().filter(|(key, _)| *key == "actor");
        notes.map(|(_, value)| value.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(notes(0), ["https://id.example orders, before it https://b.example basket"]);
    assert!(notes(1).is_empty());
    let (status, code, cause) =
        house.refusal(&house.ours.token().claim("act", "orders").sign()).await;
    assert_eq!(
        (status, &*code, &*cause),
        (401, "invalid-credentials", "the claim `act` is not acceptable")
    );
    let reason = house.records.all().pop().unwrap().rejection.map(|refusal| refusal.reason());
    assert_eq!(reason, Some(Reason::InvalidCredentials));
}
