//! Two schemes in one stack, credentials in two places, and words in another spelling.

use std::time::Duration;

use serde_json::json;
use tower_parapet::{
    Answer, Reason,
    auth::{
        StoreError,
        api_key::{ApiKey, ApiKeys, MemoryKeys},
        basic::{Basic, MemoryUsers, StoredUser},
        dpop::Dpop,
        mtls::{By, Mtls},
        revocation::{Revocation, RevocationKey, RevocationKind, RevocationStore, Revocations},
        signature::{MemorySignatureKeys, MessageSignatures},
    },
    clock::ManualClock,
    context::PeerCertificate,
    testing::{TestIssuer, TestResponse},
};

use super::{House, client::Client, is, request, stack};

fn key() -> (ApiKey, MemoryKeys) {
    let key = ApiKey::generate("shop").unwrap();
    let keys = MemoryKeys::new();
    keys.insert(key.stored().owner("robot").build().unwrap());
    (key, keys)
}

#[tokio::test]
async fn a_token_that_one_scheme_knows_as_revoked_is_not_tried_at_the_next() {
    let issuer = TestIssuer::default();
    let list = Revocations::default();
    // The second one takes the same tokens and knows of no list.
    let house = House::of(
        stack().authenticate(issuer.jwt().check(list.clone())).authenticate(issuer.jwt()),
    );
    let bearer = format!("Bearer {}", issuer.token().claim("sid", "s1").sign());
    assert_eq!(house.get("/in", &[("authorization", &bearer)]).await, is(200, "tester"));
    list.revoke_session(issuer.name(), "s1").await.unwrap();
    let refused = house.get("/in", &[("authorization", &bearer)]).await;
    assert_eq!(refused, is(401, "revoked-credentials"));
}

/// A list beyond a network, on which every session has ended.
struct Far;

impl RevocationStore for Far {
    fn find(
        &self,
        keys: &[RevocationKey],
        _: Duration,
    ) -> Answer<Result<Vec<Revocation>, StoreError>> {
        let all = keys.iter().map(|key| Revocation::new(RevocationKind::Session, *key, None, END));
        let all = all.collect();
        Answer::later(async move {
            tokio::task::yield_now().await;
            Ok(all)
        })
    }

    fn insert(&self, _: Revocation, _: Duration) -> Answer<Result<(), StoreError>> {
        Answer::Now(Ok(()))
    }

    fn remove(&self, _: RevocationKey) -> Answer<Result<bool, StoreError>> {
        Answer::Now(Ok(false))
    }
}

const END: u64 = 253_402_300_799;

#[tokio::test]
async fn a_scheme_that_had_to_wait_has_the_last_word_as_well() {
    let issuer = TestIssuer::default();
    let list = Revocations::builder().with_store(Far).fail_closed();
    let house =
        House::of(stack().authenticate(issuer.jwt().check(list)).authenticate(issuer.jwt()));
    let bearer = format!("Bearer {}", issuer.token().sign());
    for path in ["/in", "/maybe"] {
        let response = house.send(request("GET", path, &[("authorization", &bearer)])).await;
        assert_eq!(response.headers().get_all("www-authenticate").iter().count(), 1);
        response.assert_rejected(Reason::RevokedCredentials);
    }
}

#[tokio::test]
async fn a_token_whose_time_is_over_for_one_scheme_is_not_tried_at_the_next() {
    let issuer = TestIssuer::default();
    let lax = issuer.jwt().clock_skew(Duration::from_secs(300));
    let house = House::of(stack().authenticate(issuer.jwt()).authenticate(lax));
    let token = issuer.token().claim("iat", 1).claim("exp", 2).sign();
    let refused = house.get("/in", &[("authorization", &format!("Bearer {token}"))]).await;
    assert_eq!(refused, is(401, "expired-credentials"));
    assert_eq!(house.only_record().rejection.unwrap().guard(), Some("jwt"));
}

#[tokio::test]
async fn a_proof_that_one_scheme_has_seen_is_not_taken_by_the_next() {
    let issuer = TestIssuer::default();
    let bound = || issuer.jwt().sender_constrained(Dpop::required().origin("https://api.example"));
    // Each remembers the proofs that it has seen itself.
    let house = House::of(stack().authenticate(bound()).authenticate(bound()));
    let client = Client::new();
    let token = issuer.token().claim("cnf", json!({"jkt": client.thumbprint()})).sign();
    let proof = client.proof("GET", "https://api.example/in", &token, json!({}));
    let headers = [("authorization", &*format!("DPoP {token}")), ("dpop", &*proof)];
    assert_eq!(house.get("/in", &headers).await, is(200, "tester"));
    assert_eq!(house.get("/in", &headers).await, is(401, "invalid-proof"));
}

#[tokio::test]
async fn a_scheme_that_nobody_reads_is_no_absence_of_credentials() {
    let issuer = TestIssuer::default();
    let house = House::of(stack().authenticate(issuer.jwt()));
    let token = issuer.token().sign();
    for value in [
        format!("DPoP {token}"),
        format!("dpop {token}"),
        format!("Basic {token}"),
        format!("Bearer\t{token}"),
        format!("Bearer{token}"),
        format!("Bearer,{token}"),
        format!("Bearer={token}"),
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer {token} x"),
        format!("Bearer \"{token}\""),
        "Bearer".to_owned(),
        token.clone(),
    ] {
        for path in ["/in", "/maybe"] {
            let refused = house.get(path, &[("authorization", &value)]).await;
            assert_eq!(refused, is(401, "invalid-credentials"), "{path} {value}");
        }
    }
    for value in [format!("bEARER {token}"), format!("BEARER   {token}")] {
        assert_eq!(house.get("/maybe", &[("authorization", &value)]).await, is(200, "tester"));
    }
}

#[tokio::test]
async fn credentials_in_two_places_are_refused_whichever_are_good() {
    let issuer = TestIssuer::default();
    let (key, keys) = key();
    let users = MemoryUsers::new();
    let house = House::of(
        stack()
            .authenticate(Basic::builder(users))
            .authenticate(issuer.jwt())
            .authenticate(MessageSignatures::builder(MemorySignatureKeys::new()))
            .authenticate(ApiKeys::builder(keys)),
    );
    let bearer = format!("Bearer {}", issuer.token().sign());
    let bearer = ("authorization", &*bearer);
    let key = ("x-api-key", key.text().expose());
    let basic = ("authorization", "Basic YTpi");
    let input = ("signature-input", "a=(\"@method\");created=1;keyid=\"k\"");
    let signature = ("signature", "a=:AAAA:");
    for sent in [
        &[bearer, key][..],
        &[key, bearer],
        &[key, ("authorization", "Negotiate x")],
        &[bearer, basic],
        &[basic, bearer],
        &[bearer, bearer],
        &[key, key],
        &[bearer, input, signature],
        &[key, signature],
        &[bearer, ("x-api-key", "")],
        &[key, ("authorization", "")],
    ] {
        for path in ["/in", "/maybe"] {
            let refused = house.get(path, sent).await;
            assert_eq!(refused, is(400, "ambiguous-credentials"), "{path} {sent:?}");
        }
    }
}

#[tokio::test]
async fn a_good_certificate_does_not_make_up_for_a_bad_token() {
    let issuer = TestIssuer::default();
    let (key, keys) = key();
    let house = House::of(
        stack()
            .authenticate(Mtls::builder().identity(By::Dns))
            .authenticate(issuer.jwt())
            .authenticate(ApiKeys::builder(keys)),
    );
    let params = rcgen::CertificateParams::new(["robot.example".to_owned()]).unwrap();
    let pair = rcgen::KeyPair::generate().unwrap();
    let shown = PeerCertificate::new(params.self_signed(&pair).unwrap().der());
    let send = async |headers: &[(&str, &str)]| {
        let mut request = request("GET", "/in", headers);
        request.extensions_mut().insert(shown.clone());
        house.says(request).await
    };
    assert_eq!(send(&[]).await, is(200, "robot.example"));
    let bearer = format!("Bearer {}", issuer.token().foreign().sign());
    assert_eq!(send(&[("authorization", &bearer)]).await, is(401, "invalid-credentials"));
    assert_eq!(send(&[("authorization", "Negotiate x")]).await.0, 400);
    let wrong = ApiKey::generate("shop").unwrap();
    assert_eq!(send(&[("x-api-key", wrong.text().expose())]).await.0, 401);
    assert_eq!(send(&[("x-api-key", key.text().expose())]).await, is(200, "robot"));
}

#[tokio::test]
async fn a_wrong_password_is_a_refusal_also_where_bearer_tokens_are_read_after_it() {
    let issuer = TestIssuer::default();
    let users = MemoryUsers::new();
    // A hash of little work: this is not about that.
    let hash = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$ST66bVzsz6d8wT5k1iHmjQ";
    if let Ok(user) = StoredUser::builder("alice", hash).build() {
        users.insert(user);
    }
    let house = House::of(
        stack()
            .with_clock(ManualClock::at_unix(Duration::from_secs(1_800_000_000)))
            .authenticate(Basic::builder(users))
            .authenticate(issuer.jwt()),
    );
    // It waits for a thread to hash, and the scheme behind it finds nothing of its own.
    let refused = house.get("/maybe", &[("authorization", "Basic YWxpY2U6eA==")]).await;
    assert_eq!(refused, is(401, "invalid-credentials"));
    assert_eq!(house.records.wait_for(1).len(), 1);
}
