//! How long tokens live, what they must say, who acts, and how the user authenticated.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::testkit::{self as kit, NOW};
use super::super::{ClaimMap, ClaimValue, Jwt};
use super::{builder, present, refusal};
use crate::rejection::Reason;

const HOUR: Duration = Duration::from_secs(3600);

fn token(iat: Value, exp: u64) -> String {
    let mut claims = kit::claims_with("iat", iat);
    claims["exp"] = exp.into();
    kit::sign(&claims)
}

fn at(jwt: &Jwt, token: &str, seconds: u64) -> Result<(), String> {
    let now = Duration::from_secs(seconds);
    jwt.inner.verifier.verify(token.as_bytes(), now).map(|_| ()).map_err(|fault| fault.to_string())
}

#[test]
fn a_token_of_a_longer_life_than_allowed_is_refused_and_needs_iat() {
    let jwt = builder().max_lifetime(HOUR).build().unwrap();
    assert!(present(&jwt, &token(NOW.into(), NOW + 3600)).is_ok());
    let (reason, record) = refusal(&jwt, &token(NOW.into(), NOW + 3601));
    assert_eq!(reason, Reason::InvalidCredentials);
    assert!(record.contains("`exp`") && record.contains("at most 3600 s after `iat`"), "{record}");
    assert!(refusal(&jwt, &token(Value::Null, NOW + 10)).1.contains("`iat`"));
    // A fraction counts.
    let long = token(json!(NOW as f64 - 0.5), NOW + 3600);
    assert!(refusal(&jwt, &long).1.contains("`exp`"));
    assert!(present(&builder().build().unwrap(), &token(Value::Null, NOW + 1_000_000)).is_ok());
}

#[test]
fn a_token_that_is_too_old_counts_as_expired_also_when_it_is_remembered() {
    let jwt = builder().max_token_age(HOUR).build().unwrap();
    let old = token((NOW - 3600).into(), NOW + 100_000);
    assert_eq!(at(&jwt, &old, NOW), Ok(()), "the leeway counts");
    assert_eq!(at(&jwt, &old, NOW + 59), Ok(()));
    for _ in 0..2 {
        assert_eq!(at(&jwt, &old, NOW + 60).unwrap_err(), "the token has been too old for 60 s");
    }
    let stale = token((NOW - 4000).into(), NOW + 100_000);
    let (reason, record) = refusal(&jwt, &stale);
    assert_eq!(reason, Reason::ExpiredCredentials);
    assert!(record.contains("issued too long ago"), "{record}");
    assert!(refusal(&jwt, &token(Value::Null, NOW + 10)).1.contains("`iat`"));
    let principal = present(&jwt, &token(NOW.into(), NOW + 100_000)).unwrap();
    assert_eq!(principal.expires_at(), Some(Duration::from_secs(NOW) + HOUR));
    // Where `exp` comes first, it counts.
    let short = token((NOW - 3000).into(), NOW - 60);
    assert!(refusal(&jwt, &short).1.starts_with("the token expired 60 s ago"));
}

#[test]
fn required_claims_are_compared_exactly_at_any_depth() {
    let jwt = builder()
        .require_claim("email_verified", true)
        .require_claim("jti", ClaimValue::any())
        .require_claim("/address/country", ClaimValue::one_of(["DE", "FR"]))
        .require_claim("/a~1b/0", 7)
        .require_claim("groups", ClaimValue::containing("staff"))
        .build()
        .unwrap();
    let mut good = kit::claims();
    good["email_verified"] = true.into();
    good["jti"] = "1".into();
    good["address"] = json!({"country": "FR"});
    good["a/b"] = json!([7]);
    good["groups"] = json!(["x", "staff"]);
    assert!(present(&jwt, &kit::sign(&good)).is_ok());
    for (name, values) in [
        ("email_verified", vec![json!("true"), json!(1), json!(false), Value::Null]),
        ("jti", vec![Value::Null]),
        ("address", vec![json!({"country": "UK"}), json!("DE"), json!(["DE"]), Value::Null]),
        ("a/b", vec![json!([8]), json!(["7"]), json!([]), json!(7)]),
        ("groups", vec![json!("staff"), json!(["Staff"]), json!([["staff"]]), json!({"staff": 1})]),
    ] {
        for value in values {
            let mut claims = good.clone();
            claims[name] = value.clone();
            let (reason, record) = refusal(&jwt, &kit::sign(&claims));
            assert_eq!(reason, Reason::InvalidCredentials, "{name}: {value}");
            assert!(record.starts_with("the claim `"), "{name}: {record}");
        }
    }
    let mut absent = good.clone();
    absent.as_object_mut().unwrap().remove("jti");
    assert!(refusal(&jwt, &kit::sign(&absent)).1.contains("`jti`"));
}

#[test]
fn what_cannot_be_required_is_a_mistake_with_a_remedy() {
    let error = builder()
        .require_claim("", true)
        .require_claim("/a~2", true)
        .require_claim("a", ClaimValue::one_of(Vec::<Value>::new()))
        .require_claim("a", Value::Null)
        .max_lifetime(Duration::ZERO)
        .max_token_age(Duration::ZERO)
        .build()
        .unwrap_err();
    let told: Vec<_> = error.mistakes().iter().map(|m| (m.setter(), m.value())).collect();
    assert_eq!(
        told,
        [
            ("require_claim", ""),
            ("require_claim", "/a~2"),
            ("require_claim", "a"),
            ("require_claim", "a"),
            ("max_lifetime", "0s"),
            ("max_token_age", "0s"),
        ]
    );
    assert!(error.mistakes().iter().all(|mistake| !mistake.remedy().is_empty()));
}

#[test]
fn who_acts_for_the_subject_is_told_with_the_chain() {
    let jwt = builder().build().unwrap();
    let act = json!({"sub": "orders", "act": {"iss": "https://b.example", "sub": "basket"}});
    let principal = present(&jwt, &kit::sign(&kit::claims_with("act", act))).unwrap();
    assert_eq!(principal.subject(), "alice");
    let actor = principal.actor().unwrap();
    assert_eq!((actor.issuer(), actor.subject()), ("https://id.example", "orders"));
    let earlier = actor.earlier().unwrap();
    assert_eq!((earlier.issuer(), earlier.subject()), ("https://b.example", "basket"));
    assert!(earlier.earlier().is_none());
    assert_eq!(actor.to_string(), "https://id.example orders, before it https://b.example basket");
    let could = kit::claims_with("may_act", json!({"sub": 1}));
    assert!(present(&jwt, &kit::sign(&could)).unwrap().actor().is_none());
}

#[test]
fn a_malformed_actor_is_refused() {
    let jwt = builder().build().unwrap();
    let nested = |depth: usize| {
        (1..depth).fold(json!({"sub": "x"}), |act, _| json!({"sub": "x", "act": act}))
    };
    assert!(present(&jwt, &kit::sign(&kit::claims_with("act", nested(8)))).is_ok());
    for act in [
        json!("orders"),
        json!([]),
        json!({}),
        json!({"sub": ""}),
        json!({"sub": 1}),
        json!({"sub": null}),
        json!({"iss": "https://b.example"}),
        json!({"sub": "x", "iss": ""}),
        json!({"sub": "x", "iss": 1}),
        json!({"sub": "x", "act": "y"}),
        json!({"sub": "x", "act": {}}),
        json!({"sub": "x", "act": null}),
        nested(9),
    ] {
        let mut claims = kit::claims();
        claims["act"] = act.clone();
        let (reason, record) = refusal(&jwt, &kit::sign(&claims));
        assert_eq!(reason, Reason::InvalidCredentials, "{act}");
        assert!(record.starts_with("the claim `act`"), "{act}: {record}");
    }
    let mut null = kit::claims();
    null["act"] = Value::Null;
    assert!(refusal(&jwt, &kit::sign(&null)).1.starts_with("the claim `act`"));
}

#[test]
fn how_the_user_authenticated_is_told_and_another_shape_is_nothing() {
    let jwt = builder().build().unwrap();
    let told = |acr: Value, amr: Value, auth_time: Value| {
        let mut claims = kit::claims();
        claims["acr"] = acr;
        claims["amr"] = amr;
        claims["auth_time"] = auth_time;
        let principal = present(&jwt, &kit::sign(&claims)).unwrap();
        let amr: Vec<_> = principal.amr().map(str::to_owned).collect();
        (principal.acr().map(str::to_owned), amr.join(" "), principal.auth_time())
    };
    assert_eq!(
        told(json!("urn:mfa"), json!(["pwd", "otp"]), json!(NOW - 5)),
        (Some("urn:mfa".to_owned()), "pwd otp".to_owned(), Some(Duration::from_secs(NOW - 5)))
    );
    for (acr, amr, auth_time) in [
        (json!(1), json!("pwd otp"), json!("1800000000")),
        (json!(""), json!([1, "otp"]), json!(-1)),
        (json!(["urn:mfa", 1]), json!([["otp"]]), json!(NOW * 1000)),
        (json!(null), json!(null), json!(null)),
        (json!({}), json!([]), json!({})),
    ] {
        assert_eq!(told(acr, amr, auth_time), (None, String::new(), None));
    }
}

#[test]
fn a_map_says_where_classes_and_methods_are_and_all_of_a_list_count() {
    let map = ClaimMap::default().acr("acrs").acr("/login/class").amr("/login/how");
    let jwt = builder().claim_map(map).build().unwrap();
    let mut claims = kit::claims_with("acrs", json!(["c1", "c2"]));
    claims["login"] = json!({"class": "other", "how": ["hwk"]});
    claims["amr"] = json!(["pwd"]);
    let principal = present(&jwt, &kit::sign(&claims)).unwrap();
    assert_eq!(principal.acr(), Some("c1"));
    assert!(principal.has_acr("c2") && !principal.has_acr("other"));
    assert_eq!(principal.amr().collect::<Vec<_>>(), ["hwk"]);
    let class = json!({"class": "other"});
    let principal = present(&jwt, &kit::sign(&kit::claims_with("login", class))).unwrap();
    assert_eq!((principal.acr(), principal.amr().count()), (Some("other"), 0));
    let error = builder().claim_map(ClaimMap::default().acr("")).build().unwrap_err();
    assert_eq!(error.mistakes()[0].setter(), "claim_map");
}
