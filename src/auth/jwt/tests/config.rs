use std::time::Duration;

use serde_json::json;

use super::super::testkit as kit;
use super::super::{Algorithm, Jwt, JwtBuilder};
use super::{builder, named};
use crate::auth::Scheme;
use crate::inspect::Findings;

fn mistakes(builder: JwtBuilder) -> Vec<String> {
    let error = builder.build().unwrap_err();
    error.mistakes().iter().map(ToString::to_string).collect()
}

#[test]
fn every_mistake_is_reported_at_once_by_its_setter() {
    let found = mistakes(
        Jwt::builder()
            .audience("")
            .jwks("not json")
            .jwks_file("/nowhere/keys.json")
            .public_key_pem(kit::ES256)
            .algorithms([Algorithm::Hs256])
            .clock_skew(Duration::from_secs(301))
            .token_types([""])
            .scopes_claim("")
            .roles_claim("")
            .realm("a\"b")
            .cache_capacity(1_000_001)
            .dangerous()
            .shared_secret(Algorithm::Hs512, [7; 63]),
    );
    for setter in [
        "issuer",
        "audience",
        "scopes_claim",
        "roles_claim",
        "token_types",
        "clock_skew",
        "cache_capacity",
        "algorithms",
        "jwks",
        "jwks_file",
        "public_key_pem",
        "dangerous.shared_secret",
        "realm",
    ] {
        let named = found.iter().filter(|line| line.starts_with(&format!("`{setter}`:")));
        assert_eq!(named.count(), 1, "{setter}: {found:#?}");
    }
    assert_eq!(found.len(), 13, "{found:#?}");
}

#[test]
fn issuer_audience_and_keys_are_required() {
    let found = mistakes(Jwt::builder());
    assert_eq!(found.len(), 3, "{found:#?}");
    let joined = found.join("\n");
    for word in ["`issuer`: is missing", "`audience`: is missing", "`jwks`: no keys are given"] {
        assert!(joined.contains(word), "{joined}");
    }
    assert!(mistakes(builder().issuer("https://other.example"))[0].contains("a second issuer"));
}

#[test]
fn a_key_set_that_cannot_serve_is_refused_and_never_quoted() {
    let private = include_str!("../../../../tests/support/keys/es256.pem");
    let mut with_d = kit::jwk(Algorithm::Es256, json!({"d": "c2VjcmV0LXNlY3JldA"}));
    for (set, why) in [
        (String::new(), "not JSON"),
        ("[]".to_owned(), "not JSON"),
        (r#"{"keys":[],"keys":[]}"#.to_owned(), "occurs twice"),
        (r#"{"keys":{}}"#.to_owned(), "no array `keys`"),
        (r#"{"keys":[]}"#.to_owned(), "no usable key"),
        (kit::jwk(Algorithm::Es256, json!({})).to_string(), "a single key"),
        (json!({"keys": [with_d.clone()]}).to_string(), "a private key"),
        (private.to_owned(), "not JSON"),
    ] {
        let found = mistakes(named().jwks(set)).join("\n");
        assert!(found.starts_with("`jwks`: ") && found.contains(why), "{found}");
        assert!(!found.contains("c2VjcmV0") && !found.contains("PRIVATE"), "{found}");
    }
    with_d["kid"] = json!("k");
    let set = json!({"keys": [kit::jwk(Algorithm::Es256, json!({})), with_d]}).to_string();
    assert!(named().jwks(set).build().is_err(), "one private key spoils the set");
}

#[test]
fn weak_or_mistaken_secrets_are_refused() {
    for (algorithm, least) in
        [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)]
    {
        let with =
            |length: usize| named().dangerous().shared_secret(algorithm, vec![7; length]).build();
        assert!(with(least).is_ok());
        assert!(with(least - 1).unwrap_err().to_string().contains(&format!("{least} bytes")));
        assert!(with(0).is_err());
    }
    let pem = named().dangerous().shared_secret(Algorithm::Hs256, kit::ES256_PUB);
    assert!(mistakes(pem)[0].contains("not a secret"));
    let public = named().dangerous().shared_secret(Algorithm::Es256, kit::SECRET);
    assert!(mistakes(public)[0].contains("takes no secret"));
}

#[test]
fn keys_that_no_allowed_algorithm_fits_are_a_mistake() {
    let found = mistakes(builder().algorithms([Algorithm::EdDsa]));
    assert!(found[0].contains("no key for an allowed algorithm"), "{found:?}");
    let found = mistakes(builder().algorithms([Algorithm::Hs256, Algorithm::Es256]));
    assert!(found[0].starts_with("`algorithms`: `HS256` is symmetric"), "{found:?}");
    assert!(mistakes(builder().algorithms([]))[0].contains("allows nothing"));
}

#[test]
fn a_key_set_is_read_from_a_file() {
    let path = std::env::temp_dir().join(format!("parapet-jwks-{}.json", std::process::id()));
    let set = json!({"keys": [kit::jwk(Algorithm::Es256, json!({"kid": "k"}))]});
    std::fs::write(&path, set.to_string()).unwrap();
    let built = named().jwks_file(&path).build();
    std::fs::remove_file(&path).unwrap();
    assert!(super::present(&built.unwrap(), &kit::sign(&kit::claims())).is_ok());
}

#[test]
fn what_weakens_is_reported_by_the_self_audit() {
    let findings = |builder: JwtBuilder| {
        let mut findings = Findings::default();
        builder.build().unwrap().findings(&mut findings);
        findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert!(findings(builder()).is_empty());
    let weak = builder()
        .dangerous()
        .client_id_as_audience()
        .dangerous()
        .ignore_confirmation()
        .dangerous()
        .shared_secret(Algorithm::Hs256, kit::SECRET);
    assert_eq!(findings(weak), ["shared-secret", "no-audience", "proof-ignored"]);
    assert_eq!(findings(builder().clock_skew(Duration::from_secs(121))), ["wide-skew"]);
    let words = "correct horse battery staple and so on";
    let guessable = builder().dangerous().shared_secret(Algorithm::Hs256, words);
    assert_eq!(findings(guessable), ["shared-secret", "weak-secret"]);
    let repeated = builder().dangerous().shared_secret(Algorithm::Hs256, [7; 64]);
    assert_eq!(findings(repeated), ["shared-secret", "weak-secret"]);
}
