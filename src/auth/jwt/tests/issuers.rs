use std::time::Duration;

use http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::testkit::{self as kit, NOW};
use super::super::{Algorithm, ClaimValue, Issuers, Jwt, JwtBuilder};
use super::{builder, named, present, refusal};
use crate::auth::{Attempt, Scheme};
use crate::clock::ManualClock;
use crate::guard::Exchange;
use crate::rejection::Reason;

const PARTNER: &str = "https://partner.example";

/// Signs by Ed25519, for an audience and with roles of its own.
fn partner() -> JwtBuilder {
    Jwt::builder()
        .issuer(PARTNER)
        .audience("https://orders.example")
        .algorithms([Algorithm::EdDsa])
        .roles_claim("/partner/roles")
        .token_types(["at+jwt"])
        .public_key_pem(kit::ED25519_PUB)
}

fn both() -> Issuers {
    Issuers::of([builder(), partner()]).build().unwrap()
}

fn partner_claims() -> Value {
    let mut claims = kit::claims_with("iss", PARTNER.into());
    claims["aud"] = "https://orders.example".into();
    claims["partner"] = json!({"roles": ["buyer"]});
    claims
}

fn partner_token(claims: &Value) -> String {
    kit::sign_as(Algorithm::EdDsa, &json!({"alg": "EdDSA", "typ": "at+jwt"}), claims)
}

#[test]
fn each_issuer_is_judged_by_settings_of_its_own() {
    let issuers = both();
    for _ in 0..2 {
        let ours = present(&issuers, &kit::sign(&kit::claims())).unwrap();
        assert_eq!((ours.issuer(), ours.roles().count()), ("https://id.example", 0));
        let theirs = present(&issuers, &partner_token(&partner_claims())).unwrap();
        assert_eq!((theirs.issuer(), theirs.has_role("buyer")), (PARTNER, true));
        assert!(!theirs.is_same(&ours), "one subject of two issuers is two callers");
    }
    let untyped = kit::sign_as(Algorithm::EdDsa, &json!({"alg": "EdDSA"}), &partner_claims());
    assert!(refusal(&issuers, &untyped).1.starts_with("the token's type"));
    let mut elsewhere = partner_claims();
    elsewhere["aud"] = "orders".into();
    let (_, record) = refusal(&issuers, &partner_token(&elsewhere));
    assert!(record.contains("`https://orders.example` | `orders`"), "{record}");
}

#[test]
fn no_issuer_signs_for_another() {
    let issuers = both();
    let by_theirs = kit::sign_as(Algorithm::EdDsa, &json!({"alg": "EdDSA"}), &kit::claims());
    assert!(refusal(&issuers, &by_theirs).1.starts_with("the token's algorithm"));
    let (_, record) = refusal(&issuers, &kit::sign(&partner_claims()));
    assert!(record.starts_with("the token's"), "{record}");

    // The same with keys for one algorithm.
    let other = json!({"keys": [kit::another_jwk("other")]}).to_string();
    let twin = named().jwks(other);
    let mut foreign = Jwt::builder().issuer(PARTNER).audience("orders");
    foreign = foreign.public_key_pem(kit::ES256_PUB);
    let issuers = Issuers::of([twin, foreign]).build().unwrap();
    let good = kit::sign(&kit::claims_with("iss", PARTNER.into()));
    assert!(present(&issuers, &good).is_ok());
    let (_, record) = refusal(&issuers, &kit::sign(&kit::claims()));
    assert!(
        record.starts_with("the token's signature") || record.starts_with("no key"),
        "{record}"
    );
}

#[test]
fn an_unknown_issuer_is_refused_before_any_signature_is_checked() {
    let issuers = both();
    for unsigned in [false, true] {
        let mut token = kit::sign(&kit::claims_with("iss", "https://evil.example".into()));
        if unsigned {
            token.truncate(token.rfind('.').unwrap() + 1);
            token.push_str("AAAA");
        }
        let (reason, record) = refusal(&issuers, &token);
        assert_eq!(reason, Reason::InvalidCredentials);
        assert_eq!(
            record,
            "the claim `iss` is not acceptable | `https://id.example` or `https://partner.example` \
             | `https://evil.example`"
        );
    }
}

#[test]
fn what_names_no_issuer_is_refused_as_malformed() {
    let issuers = both();
    let good = kit::claims().to_string();
    let twice = format!("{{\"iss\":\"{PARTNER}\",{}", good.strip_prefix('{').unwrap());
    for payload in ["{}", "[]", "null", "", "{", r#"{"iss":1}"#, r#"{"iss":null}"#, &twice] {
        let token = kit::sign_text(Algorithm::Es256, r#"{"alg":"ES256"}"#, payload);
        let (reason, record) = refusal(&issuers, &token);
        assert_eq!(reason, Reason::InvalidCredentials);
        assert!(record.starts_with("the token is malformed"), "{payload}: {record}");
    }
    for token in ["", "a", "a.b.c", "a.b.c.d.e", "..", &format!("a.{}", "b".repeat(9000))] {
        assert!(refusal(&issuers, token).1.starts_with("the token is malformed"), "{token}");
    }
    let expected = "an issuer is compared letter by letter";
    for near in ["https://id.example/", "HTTPS://id.example", "https://id.example "] {
        let token = kit::sign(&kit::claims_with("iss", near.into()));
        assert!(refusal(&issuers, &token).1.contains("`iss`"), "{expected}: {near}");
    }
}

#[test]
fn one_issuer_for_two_audiences_is_judged_by_the_audience() {
    let orders = builder();
    let admin = Jwt::builder()
        .issuer("https://id.example")
        .audience("admin")
        .require_claim("amr", ClaimValue::containing("mfa"))
        .public_key_pem(kit::ES256_PUB);
    let issuers = Issuers::of([orders, admin]).build().unwrap();
    let token = |aud: Value, amr: Value| {
        let mut claims = kit::claims_with("aud", aud);
        claims["amr"] = amr;
        kit::sign(&claims)
    };
    assert!(present(&issuers, &token("orders".into(), json!([]))).is_ok());
    assert!(present(&issuers, &token("admin".into(), json!(["mfa"]))).is_ok());
    assert!(refusal(&issuers, &token("admin".into(), json!(["pwd"]))).1.contains("`amr`"));
    assert!(refusal(&issuers, &token(json!(["x", "admin"]), json!([]))).1.contains("`amr`"));
    // The first in the list, whatever the order within the token.
    assert!(present(&issuers, &token(json!(["admin", "orders"]), json!([]))).is_ok());
    for aud in [json!("billing"), json!([]), json!(1), json!({"orders": 1})] {
        assert!(refusal(&issuers, &token(aud, json!(["mfa"]))).1.contains("`aud`"));
    }
    assert!(
        refusal(&issuers, &kit::sign(&kit::claims_with("aud", Value::Null))).1.contains("`aud`")
    );
}

#[test]
fn mistakes_of_every_issuer_are_told_under_its_place() {
    let error = Issuers::of([]).build().unwrap_err();
    assert_eq!(error.mistakes()[0].setter(), "of");
    let error = Issuers::of([named(), Jwt::builder()]).and(builder()).build().unwrap_err();
    let setters: Vec<_> = error.mistakes().iter().map(|mistake| mistake.setter()).collect();
    assert_eq!(setters, ["of[0].jwks", "of[1].issuer", "of[1].audience", "of[1].jwks"]);
    let twice = Issuers::of([builder(), builder().audience("more"), partner()]);
    let error = twice.build().unwrap_err();
    assert_eq!(error.mistakes()[0].value(), "https://id.example for orders");
}

#[test]
fn a_token_seen_before_is_found_and_its_time_is_checked_each_time() {
    let issuers = both();
    let tokens = [kit::sign(&kit::claims()), partner_token(&partner_claims())];
    let at = |token: &str, seconds: u64| {
        let request = http::Request::builder().header(AUTHORIZATION, format!("Bearer {token}"));
        let clock = ManualClock::at_unix(Duration::from_secs(seconds));
        let mut exchange = Exchange::test(request.body(()).unwrap(), clock);
        issuers.authenticate(&mut exchange).map_err(|refusal| refusal.reason())
    };
    for token in &tokens {
        for _ in 0..2 {
            assert!(at(token, NOW).is_ok());
            assert_eq!(at(token, NOW + 660).unwrap_err(), Reason::ExpiredCredentials);
            assert_eq!(at(token, NOW - 71).unwrap_err(), Reason::InvalidCredentials);
        }
    }
    let kept = issuers.inner.members.iter().map(|jwt| {
        let verified = jwt.inner.verifier.verified.as_ref();
        verified.map_or(0, |verified| verified.len())
    });
    assert_eq!(kept.collect::<Vec<_>>(), [1, 1], "each issuer remembers its own");
}

#[test]
fn a_token_where_another_issuers_would_be_looked_for_is_refused_not_overlooked() {
    let issuers = Issuers::of([builder(), partner().subprotocol("partner")]).build().unwrap();
    let ask = |token: &str| {
        let request = http::Request::builder()
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header(SEC_WEBSOCKET_PROTOCOL, format!("app.v1, partner.{token}"));
        let clock = ManualClock::at_unix(Duration::from_secs(NOW));
        let mut exchange = Exchange::test(request.body(()).unwrap(), clock);
        assert!(issuers.is_presented(&exchange));
        issuers.authenticate(&mut exchange)
    };
    assert!(matches!(ask(&partner_token(&partner_claims())), Ok(Attempt::Verified(_))));
    let refused = ask(&kit::sign(&kit::claims())).unwrap_err();
    assert_eq!(refused.reason(), Reason::InvalidCredentials);
}

#[test]
fn the_manifest_names_every_issuer_and_one_realm_has_one_challenge() {
    let issuers = both();
    assert_eq!(
        issuers.summary(),
        "bearer tokens of https://id.example for orders, 1 key (ES256); \
         bearer tokens of https://partner.example for https://orders.example, 1 key (EdDSA)"
    );
    assert_eq!(issuers.challenges(), ["Bearer realm=\"api\""]);
    let apart = Issuers::of([builder(), partner().realm("partner")]).build().unwrap();
    assert_eq!(apart.challenges().len(), 2);
}

#[test]
fn more_issuers_than_places_in_a_byte_still_find_their_tokens() {
    let issuer = |n: usize| format!("https://{n}.example");
    let members = (0..300).map(|n| {
        let member = Jwt::builder().issuer(issuer(n)).audience("orders").cache_capacity(4);
        member.public_key_pem(kit::ED25519_PUB)
    });
    let issuers = Issuers::of(members).build().unwrap();
    for n in [0, 1, 254, 255, 256, 299] {
        let claims = kit::claims_with("iss", issuer(n).into());
        let token = kit::sign_as(Algorithm::EdDsa, &json!({"alg": "EdDSA"}), &claims);
        for _ in 0..2 {
            assert_eq!(present(&issuers, &token).unwrap().issuer(), issuer(n));
        }
    }
}

proptest! {
    #[test]
    fn several_issuers_judge_as_each_alone_would(
        which in 0usize..3,
        signer in 0usize..2,
        audience in prop::sample::select(vec!["orders", "https://orders.example", "x"]),
        exp in NOW - 100..NOW + 100,
        again in any::<bool>(),
    ) {
        let alone = [builder().build().unwrap(), partner().build().unwrap()];
        let issuers = both();
        let name = ["https://id.example", PARTNER, "https://evil.example"][which];
        let mut claims = kit::claims_with("iss", name.into());
        claims["aud"] = audience.into();
        claims["exp"] = exp.into();
        let token = match signer {
            0 => kit::sign(&claims),
            _ => partner_token(&claims),
        };
        if again {
            let _ = present(&issuers, &token);
        }
        let judged = present(&issuers, &token).map_err(|refusal| refusal.reason());
        match alone.get(which) {
            Some(jwt) => {
                let expected = present(jwt, &token).map_err(|refusal| refusal.reason());
                prop_assert_eq!(judged.is_ok(), expected.is_ok());
                prop_assert_eq!(judged.err(), expected.err());
            }
            None => prop_assert_eq!(judged.err(), Some(Reason::InvalidCredentials)),
        }
    }
}
