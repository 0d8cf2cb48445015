use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::memory::{Digest, Memory, Remembered};
use super::rules::{Known, Said, Standing, read};
use super::*;
use crate::Jwt;
use crate::auth::jwt::ClaimMap;
use crate::context::Principal;

const NOW: u64 = 1_800_000_000;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn builder() -> IntrospectionBuilder {
    Introspection::builder()
        .issuer("https://id.example")
        .endpoint("https://id.example/introspect")
        .client_id("orders")
        .client_secret("s3cret")
}

fn scheme() -> Introspection {
    builder().audience("orders").build().unwrap()
}

fn good() -> Value {
    json!({
        "active": true,
        "iss": "https://id.example",
        "sub": "alice",
        "aud": ["orders", "stock"],
        "client_id": "shop",
        "username": "Alice",
        "scope": "orders:read orders:write",
        "token_type": "Bearer",
        "exp": NOW + 600,
        "nbf": NOW - 10,
        "iat": NOW - 10,
        "jti": "1",
    })
}

/// The answer with one member replaced, or taken out by `null`.
fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    claims
}

fn judge(scheme: &Introspection, answer: &Value) -> Option<Known> {
    let body = answer.to_string();
    match read(body.as_bytes()) {
        Ok(Said::Active(claims)) => {
            scheme.inner.provider.rules.judge(&claims, body.as_bytes()).ok()
        }
        _ => None,
    }
}

fn principal(scheme: &Introspection, answer: &Value) -> Option<Principal> {
    judge(scheme, answer).map(|known| known.principal)
}

#[test]
fn an_active_token_makes_a_principal_of_what_the_provider_says() {
    let found = principal(&scheme(), &good()).unwrap();
    assert_eq!((found.issuer(), found.subject()), ("https://id.example", "alice"));
    assert_eq!((found.scheme(), found.client_id()), ("introspection", Some("shop")));
    assert!(found.has_scope("orders:read") && found.has_scope("orders:write"));
    assert_eq!(found.expires_at(), Some(s(NOW + 600)));
    assert_eq!(found.claims().unwrap()["username"], "Alice");
    // All that RFC 7662 lets a provider leave out.
    for name in ["iss", "client_id", "username", "scope", "token_type", "exp", "nbf", "iat", "jti"]
    {
        assert!(principal(&scheme(), &with(name, Value::Null)).is_some(), "{name}");
    }
}

#[test]
fn who_acts_and_how_the_user_logged_in_is_known_as_with_a_jwt() {
    let found = principal(&scheme(), &with("act", json!({"sub": "gateway"}))).unwrap();
    assert_eq!(found.actor().unwrap().subject(), "gateway");
    assert!(principal(&scheme(), &with("act", json!("gateway"))).is_none());
    let found = principal(&scheme(), &with("acr", json!("gold"))).unwrap();
    assert_eq!(found.acr(), Some("gold"));
    let found = principal(&scheme(), &with("auth_time", json!(NOW - 60))).unwrap();
    assert_eq!(found.auth_time(), Some(s(NOW - 60)));
}

#[test]
fn every_rule_about_an_answer_holds() {
    for (name, value) in [
        ("active", json!(false)),
        ("active", json!("true")),
        ("active", json!(1)),
        ("active", Value::Null),
        ("iss", json!("https://id.example/")),
        ("iss", json!(["https://id.example"])),
        ("sub", Value::Null),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("aud", Value::Null),
        ("aud", json!("stock")),
        ("aud", json!([])),
        ("aud", json!(["orders", 7])),
        ("aud", json!({"orders": true})),
        ("exp", json!("never")),
        ("exp", json!("1800000600")),
        ("exp", json!(-1)),
        ("exp", json!(1.8e12)),
        ("exp", json!(true)),
        ("nbf", json!("now")),
        ("iat", json!([])),
        ("scope", json!(7)),
        ("scope", json!(["orders:read", 7])),
        ("client_id", json!(7)),
        ("token_type", json!("mac")),
        ("token_type", json!("refresh_token")),
        ("token_type", json!(7)),
        ("token_type", json!("DPoP")),
        ("cnf", json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"})),
        ("cnf", json!({"x5t#S256": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"})),
        ("cnf", json!({"kid": "1"})),
        ("cnf", json!({})),
        ("cnf", json!("x")),
        ("typ", json!("Refresh")),
        ("typ", json!("Offline")),
        ("typ", json!("ID")),
        ("token_use", json!("refresh_token")),
        ("token_use", json!("id")),
        ("events", json!({})),
        ("at_hash", json!("x")),
    ] {
        assert!(principal(&scheme(), &with(name, value.clone())).is_none(), "{name}: {value}");
    }
    for (name, value) in [
        ("aud", json!("orders")),
        ("exp", json!(NOW as f64 + 0.5)),
        ("scope", json!(["orders:read"])),
        ("scope", json!("")),
        ("token_type", json!("bearer")),
        ("typ", json!("Bearer")),
        ("token_use", json!("access_token")),
    ] {
        assert!(principal(&scheme(), &with(name, value.clone())).is_some(), "{name}: {value}");
    }
}

#[test]
fn settings_widen_and_narrow_what_is_taken() {
    let any = builder().dangerous().any_audience().build().unwrap();
    assert!(principal(&any, &with("aud", Value::Null)).is_some());
    assert!(principal(&any, &with("aud", json!("stock"))).is_some());
    assert!(principal(&any, &with("aud", json!(7))).is_none());

    let clients = builder().audience("orders").subject_from_client().build().unwrap();
    let found = principal(&clients, &with("sub", Value::Null)).unwrap();
    assert_eq!(found.subject(), "client:shop");
    assert!(principal(&clients, &with("sub", json!(""))).is_none());

    let named = builder().audience("orders").client("office").build().unwrap();
    assert!(principal(&named, &good()).is_none());
    assert!(principal(&named, &with("client_id", json!("office"))).is_some());
    assert!(principal(&named, &with("client_id", Value::Null)).is_none());

    let marked = ClaimMap::default().require_any(["token_type"]);
    let marked = builder().audience("orders").claim_map(marked).build().unwrap();
    assert!(principal(&marked, &good()).is_some());
    assert!(principal(&marked, &with("token_type", Value::Null)).is_none());
}

#[test]
fn what_is_no_answer_is_told_apart_from_a_token_that_does_not_count() {
    for odd in [
        "",
        "null",
        "true",
        "[]",
        "{}",
        r#"{"active":"false"}"#,
        r#"{"active":null}"#,
        r#"{"active":true,"active":false}"#,
        r#"{"active":false,"active":true}"#,
        r#"{"active":true,"sub":"a","sub":"b"}"#,
        "<html></html>",
        "eyJhbGciOiJub25lIn0.e30.",
        "{\"active\":true",
        "{\"active\":true} x",
    ] {
        assert!(read(odd.as_bytes()).is_err(), "{odd}");
    }
    assert!(matches!(read(br#"{"active":false,"sub":7}"#), Ok(Said::Inactive)));
}

#[test]
fn a_token_stands_in_time_by_both_clocks() {
    let known = judge(&scheme(), &good()).unwrap();
    let at = |unix| known.standing(s(unix), s(60));
    assert_eq!(at(NOW), Standing::Good);
    assert_eq!(at(NOW + 599), Standing::Good);
    assert_eq!(at(NOW + 600), Standing::Ending);
    assert_eq!(at(NOW + 659), Standing::Ending);
    assert_eq!(at(NOW + 660), Standing::Over);
    assert_eq!(at(NOW - 70), Standing::Good);
    assert_eq!(at(NOW - 71), Standing::NotYet);
    let endless = judge(&scheme(), &with("exp", Value::Null)).unwrap();
    assert_eq!(endless.standing(s(NOW * 2), s(60)), Standing::Good);
}

#[test]
fn made_up_tokens_push_no_good_one_out_and_memory_stays_bounded() {
    let memory = Memory::new(100, s(30), s(5));
    let known = judge(&scheme(), &good()).unwrap();
    let token = |number: u32| Digest::of(&number.to_le_bytes()).unwrap();
    for number in 0..50 {
        memory.keep_good(token(number), known.clone(), s(0));
    }
    for number in 1_000..21_000 {
        memory.keep_bad(token(number), fault::Fault::Inactive, s(1));
    }
    let (good, bad) = memory.len();
    assert!(good == 50 && bad <= 100, "{good} {bad}");
    let find = |number, now| memory.find(&token(number), s(now));
    assert!((0..50).all(|number| matches!(find(number, 29), Remembered::Good(_))));
    assert!(matches!(find(7, 30), Remembered::Stale(_)));
    memory.keep_bad(token(7), fault::Fault::Inactive, s(30));
    assert!(matches!(find(7, 34), Remembered::Bad(_)));
    assert!(matches!(find(7, 35), Remembered::Nothing));
}

#[test]
fn every_mistake_is_told_at_once_and_no_secret_is() {
    let told = |builder: IntrospectionBuilder| builder.build().unwrap_err().to_string();
    let empty = told(Introspection::builder());
    for setter in ["issuer", "audience", "client_id", "client_secret"] {
        assert!(empty.contains(&format!("`{setter}`")), "{setter}: {empty}");
    }
    let odd = told(
        builder()
            .audience("")
            .client("")
            .endpoint("http://id.example/introspect")
            .clock_skew(s(301))
            .cache_for(s(601))
            .refusals_for(s(601))
            .cache_capacity(0)
            .concurrency(0)
            .realm("a\"b")
            .client_secret_post("another")
            .claim_map(ClaimMap::new().roles("")),
    );
    for setter in [
        "audience",
        "client",
        "endpoint",
        "clock_skew",
        "cache_for",
        "refusals_for",
        "cache_capacity",
        "concurrency",
        "realm",
        "client_secret",
        "claim_map.roles_claim",
    ] {
        assert!(odd.contains(&format!("`{setter}`")), "{setter}: {odd}");
    }
    assert!(!odd.contains("s3cret") && !odd.contains("another"), "{odd}");
    let discovered = Introspection::builder().issuer("http://id.example").client_id("orders");
    let plain = told(discovered.client_secret("x").audience("orders"));
    assert!(plain.contains("`issuer`") && plain.contains("plain `http`"), "{plain}");
    let both = told(builder().audience("orders").dangerous().any_audience());
    assert!(both.contains("`audience`"), "{both}");
}

#[test]
fn what_is_printed_holds_no_secret() {
    let scheme = scheme();
    let text = format!("{scheme:?} {:?} {:?}", builder(), scheme.inner.provider);
    assert!(!text.contains("s3cret") && !text.contains("czNjcmV0"), "{text}");
    let summary = crate::auth::Scheme::summary(&scheme);
    assert_eq!(
        summary,
        "opaque tokens of https://id.example for orders, asked about at \
         https://id.example/introspect (client_secret_basic), kept 30s"
    );
    // The words of the scheme beside it.
    assert_eq!(SCHEME, "introspection");
    let _ = Jwt::builder();
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z:/. ]{0,12}".prop_map(Value::from),
        Just(json!("orders")),
        Just(json!("https://id.example")),
        Just(json!(NOW)),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z]{1,6}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

const MEMBERS: [&str; 12] = [
    "active",
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "scope",
    "client_id",
    "token_type",
    "cnf",
    "typ",
];

proptest! {
    #[test]
    fn no_answer_makes_a_principal_unless_it_says_what_is_required(
        changes in prop::collection::vec((prop::sample::select(&MEMBERS[..]), any_value()), 0..6),
    ) {
        let mut answer = good();
        for (name, value) in changes {
            answer[name] = value;
        }
        if let Some(found) = principal(&scheme(), &answer) {
            prop_assert_eq!(&answer["active"], &json!(true));
            prop_assert!(answer.get("iss").is_none_or(|iss| iss == "https://id.example"));
            prop_assert_eq!(answer["sub"].as_str(), Some(found.subject()));
            let aud = &answer["aud"];
            let listed = aud.as_array().is_some_and(|list| list.contains(&json!("orders")));
            prop_assert!(listed || aud == "orders");
            prop_assert!(answer.get("exp").is_none_or(Value::is_number));
            prop_assert!(answer.get("cnf").is_none());
        }
    }

    #[test]
    fn no_bytes_are_too_odd_to_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(Said::Active(claims)) = read(&bytes) {
            let _ = scheme().inner.provider.rules.judge(&claims, &bytes);
        }
    }

    #[test]
    fn text_near_an_answer_verifies_nothing_it_does_not_say(
        at in 0_usize..400,
        byte in any::<u8>(),
    ) {
        let mut body = good().to_string().into_bytes();
        let at = at % body.len();
        body[at] = byte;
        if let Ok(Said::Active(claims)) = read(&body)
            && let Ok(known) = scheme().inner.provider.rules.judge(&claims, &body)
        {
            prop_assert_eq!(claims["active"].clone(), json!(true));
            prop_assert_eq!(Some(known.principal.subject()), claims["sub"].as_str());
        }
    }
}
