use std::time::Duration;

use http::{HeaderValue, Request, header::WWW_AUTHENTICATE};
use serde_json::{Value, json};

use super::testkit::{NOW, Signer, TOKEN, URI, claims, claims_with, encode};
use super::{Dpop, DpopBuilder};
use crate::answer::Answer;
use crate::auth::StoreError;
use crate::auth::jwt::Algorithm;
use crate::auth::replay::{MemoryReplays, ReplayKey, ReplayStore};
use crate::auth::token::{Presented, TokenCheck, TokenKind};
use crate::clock::ManualClock;
use crate::context::{Confirmation, Principal, Tls};
use crate::guard::Exchange;
use crate::rejection::{Reason, Rejection};

/// A request over TLS for `URI`, with these proofs.
fn exchange_at<P: AsRef<[u8]>>(now: u64, proofs: &[P]) -> Exchange {
    let clock = ManualClock::at_unix(Duration::from_secs(now));
    let mut request = Request::get("/orders/1?page=2").header("host", "api.example");
    for proof in proofs {
        request = request.header("dpop", HeaderValue::from_bytes(proof.as_ref()).unwrap());
    }
    let mut request = request.body(()).unwrap();
    request.extensions_mut().insert(Tls::new());
    Exchange::test(request, clock)
}

fn token(kind: TokenKind, bound: Option<[u8; 32]>) -> Presented {
    let principal = Principal::builder("https://id.example", "alice");
    let principal = match bound {
        Some(key) => principal.confirmation(Confirmation::default().with_key(key)),
        None => principal,
    };
    let value = HeaderValue::from_str(&format!("DPoP {TOKEN}")).unwrap();
    Presented::new(kind, value, 5, principal.build())
}

fn judge(check: &Dpop, exchange: &mut Exchange, token: &Presented) -> Result<(), Rejection> {
    match check.check(exchange, token) {
        Answer::Now(judged) => judged,
        Answer::Later(later) => futures_util::FutureExt::now_or_never(later).unwrap(),
    }
}

/// What a check says of one proof by a key at `NOW`.
fn present(check: &Dpop, key: &Signer, proof: &str) -> Result<(), Rejection> {
    let mut exchange = exchange_at(NOW, &[proof]);
    judge(check, &mut exchange, &token(TokenKind::Dpop, Some(key.thumbprint())))
}

fn required() -> Dpop {
    Dpop::required().build().unwrap()
}

fn cause(refusal: &Rejection) -> String {
    refusal.private_cause().map(ToString::to_string).unwrap_or_default()
}

fn challenge(refusal: &Rejection) -> &str {
    let (_, value) = refusal.headers().iter().find(|(name, _)| name == WWW_AUTHENTICATE).unwrap();
    value.to_str().unwrap()
}

/// Refused as a bad proof, for this cause.
fn assert_refused(judged: Result<(), Rejection>, why: &str) {
    let refusal = judged.unwrap_err();
    assert!(cause(&refusal).contains(why), "{}, not {why}", cause(&refusal));
    assert_eq!(refusal.reason(), Reason::InvalidProof, "{why}");
    assert!(challenge(&refusal).contains(r#"error="invalid_dpop_proof""#), "{why}");
    assert_eq!(refusal.public_detail(), "the proof of possession is missing or not valid");
}

#[test]
fn a_proof_by_the_tokens_key_for_this_request_is_taken() {
    for key in [Signer::es256(), Signer::ed25519()] {
        present(&required(), &key, &key.proof(&claims())).unwrap();
        present(&Dpop::optional().build().unwrap(), &key, &key.proof(&claims())).unwrap();
    }
}

#[test]
fn the_example_of_rfc_9449_is_taken() {
    // Section 7.1; the binding of section 6.1.
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik\
VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR\
nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE\
QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj\
oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z\
WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF\
c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71E\
OptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
    let jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    let clock = ManualClock::at_unix(Duration::from_secs(1_562_262_618));
    let request = Request::get("/protectedresource")
        .header("host", "resource.example.org")
        .header("dpop", proof)
        .extension(Tls::new())
        .body(())
        .unwrap();
    let mut exchange = Exchange::test(request, clock);
    let key = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, jkt);
    let bound = token(TokenKind::Dpop, key.unwrap().try_into().ok());
    judge(&required(), &mut exchange, &bound).unwrap();
}

#[test]
fn exactly_one_proof_comes_with_a_token() {
    let key = Signer::es256();
    let bound = token(TokenKind::Dpop, Some(key.thumbprint()));
    let none: [&str; 0] = [];
    assert_refused(judge(&required(), &mut exchange_at(NOW, &none), &bound), "no proof");
    let (one, other) = (key.proof(&claims()), key.proof(&claims()));
    let mut two = exchange_at(NOW, &[&one, &other]);
    assert_refused(judge(&required(), &mut two, &bound), "more than one");
    let mut same = exchange_at(NOW, &[&one, &one]);
    assert_refused(judge(&required(), &mut same, &bound), "more than one");
    let mut list = exchange_at(NOW, &[format!("{one}, {other}")]);
    assert_refused(judge(&required(), &mut list, &bound), "malformed");
    // None of these has spent a proof.
    present(&required(), &key, &one).unwrap();
}

#[test]
fn a_proof_is_used_once() {
    let (check, key) = (required(), Signer::es256());
    let proof = key.proof(&claims());
    present(&check, &key, &proof).unwrap();
    assert_refused(present(&check, &key, &proof), "used before");
    // Signed anew, it is the same proof.
    let again: Value = claims_with("jti", "one");
    present(&check, &key, &key.proof(&again)).unwrap();
    assert_refused(present(&check, &key, &key.proof(&again)), "used before");
    // Another client may have chosen the same name.
    let other = Signer::es256();
    present(&check, &other, &other.proof(&again)).unwrap();
}

#[test]
fn a_proof_that_is_refused_is_not_spent() {
    let (check, key) = (required(), Signer::es256());
    let (good, stranger) = (claims(), Signer::es256());
    let mut bad = good.clone();
    bad["htm"] = "POST".into();
    assert_refused(present(&check, &key, &key.proof(&bad)), "method");
    let forged = stranger.sign(&key.header().to_string(), &good.to_string());
    assert_refused(present(&check, &key, &forged), "signature");
    present(&check, &key, &key.proof(&good)).unwrap();
}

#[test]
fn the_key_is_the_tokens() {
    let (key, thief) = (Signer::es256(), Signer::es256());
    let refusal = present(&required(), &key, &thief.proof(&claims())).unwrap_err();
    assert_eq!(refusal.reason(), Reason::InvalidCredentials);
    assert!(challenge(&refusal).contains(r#"error="invalid_token""#));
    assert!(cause(&refusal).contains("another key"));
}

#[test]
fn the_header_says_what_it_has_to() {
    let key = Signer::es256();
    let with = |name: &str, value: Value| {
        let mut header = key.header();
        if value.is_null() {
            header.as_object_mut().unwrap().remove(name);
        } else {
            header[name] = value;
        }
        key.sign(&header.to_string(), &claims().to_string())
    };
    let jwk = |name: &str, value: Value| {
        let mut jwk = key.jwk();
        jwk[name] = value;
        with("jwk", jwk)
    };
    for (proof, why) in [
        (with("typ", Value::Null), "type"),
        (with("typ", "JWT".into()), "type"),
        (with("typ", "at+jwt".into()), "type"),
        (with("typ", "DPOP+JWT".into()), "type"),
        (with("alg", Value::Null), "algorithm"),
        (with("alg", "none".into()), "algorithm"),
        (with("alg", "HS256".into()), "algorithm"),
        (with("alg", "es256".into()), "algorithm"),
        (with("alg", "EdDSA".into()), "key"),
        (with("alg", "ES384".into()), "key"),
        (with("crit", json!(["exp"])), "crit"),
        (with("jwk", Value::Null), "key is not in its header"),
        (with("jwk", "x".into()), "key is not in its header"),
        (with("jwk", json!([key.jwk()])), "key is not in its header"),
        (with("jwk", json!({"kty": "oct", "k": "AAAA"})), "shared secret"),
        (jwk("d", encode([1; 32]).into()), "private"),
        (jwk("use", "enc".into()), "`use`"),
        (jwk("alg", "ES384".into()), "`alg`"),
        (jwk("x", encode([1; 31]).into()), "length"),
        (jwk("x", encode([0xff; 32]).into()), "curve"),
        (jwk("crv", "secp256k1".into()), "curve"),
    ] {
        assert_refused(present(&required(), &key, &proof), why);
    }
    let twice = key.header().to_string().replacen('{', r#"{"alg":"ES256","#, 1);
    assert_refused(present(&required(), &key, &key.sign(&twice, &claims().to_string())), "unique");
}

#[test]
fn only_the_algorithms_that_are_named_are_taken() {
    let check = Dpop::required().algorithms([Algorithm::EdDsa]).build().unwrap();
    let (curve, edwards) = (Signer::es256(), Signer::ed25519());
    assert_refused(present(&check, &curve, &curve.proof(&claims())), "algorithm");
    present(&check, &edwards, &edwards.proof(&claims())).unwrap();
    assert_eq!(check.challenges(), [r#"DPoP algs="EdDSA""#]);
}

#[test]
fn every_claim_rule_holds() {
    let key = Signer::es256();
    for (name, value, why) in [
        ("jti", Value::Null, "`jti`"),
        ("jti", "".into(), "`jti`"),
        ("jti", 7.into(), "`jti`"),
        ("jti", "x".repeat(257).into(), "`jti`"),
        ("htm", Value::Null, "`htm`"),
        ("htm", "get".into(), "method"),
        ("htm", "POST".into(), "method"),
        ("htm", "HEAD".into(), "method"),
        ("htm", json!(["GET"]), "`htm`"),
        ("htu", Value::Null, "`htu`"),
        ("htu", "https://api.example/orders/1/".into(), "URI"),
        ("htu", "https://api.example/orders".into(), "URI"),
        ("htu", "https://evil.example/orders/1".into(), "URI"),
        ("htu", "http://api.example/orders/1".into(), "URI"),
        ("htu", "https://api.example:8443/orders/1".into(), "URI"),
        ("htu", "/orders/1".into(), "URI"),
        ("htu", json!([URI]), "`htu`"),
        ("iat", Value::Null, "`iat`"),
        ("iat", NOW.to_string().into(), "`iat`"),
        ("iat", (NOW * 1000).into(), "`iat`"),
        ("iat", (-1).into(), "`iat`"),
        ("iat", (NOW - 301).into(), "301 s ago"),
        ("iat", (NOW + 31).into(), "in 31 s"),
        ("nbf", (NOW + 31).into(), "in 31 s"),
        ("exp", NOW.into(), "ago"),
        ("exp", "soon".into(), "`exp`"),
        ("ath", Value::Null, "another token"),
        ("ath", "".into(), "`ath`"),
        ("ath", encode([0; 32]).into(), "another token"),
        ("ath", TOKEN.into(), "another token"),
    ] {
        let proof = key.proof(&claims_with(name, value.clone()));
        let judged = present(&required(), &key, &proof);
        assert!(judged.is_err(), "{name}: {value}");
        assert_refused(judged, why);
    }
    for (name, value) in [
        ("jti", Value::from("x".repeat(256))),
        ("htu", "HTTPS://API.EXAMPLE:443/orders/%31?page=2#top".into()),
        ("iat", (NOW - 300).into()),
        ("iat", (NOW + 30).into()),
        ("iat", json!(NOW as f64 - 0.5)),
        ("exp", (NOW + 1).into()),
        ("nonce", "whatever".into()),
        ("extra", json!({"a": [1]})),
    ] {
        present(&required(), &key, &key.proof(&claims_with(name, value))).unwrap();
    }
    let twice = claims().to_string().replacen('{', r#"{"htm":"GET","#, 1);
    assert_refused(
        present(&required(), &key, &key.sign(&key.header().to_string(), &twice)),
        "unique",
    );
}

#[test]
fn bound_and_unbound_tokens_do_not_pass_for_each_other() {
    let key = Signer::es256();
    let optional = Dpop::optional().build().unwrap();
    let proof = key.proof(&claims());
    let ask = |check: &Dpop, kind, bound| {
        judge(check, &mut exchange_at(NOW, &[&proof]), &token(kind, bound))
    };
    for check in [&required(), &optional] {
        for (kind, bound, why) in [
            (TokenKind::Bearer, Some(key.thumbprint()), "came as `Bearer`"),
            (TokenKind::Dpop, None, "came as `DPoP`"),
        ] {
            let refusal = ask(check, kind, bound).unwrap_err();
            assert_eq!(refusal.reason(), Reason::InvalidCredentials);
            assert!(cause(&refusal).contains(why));
            assert!(challenge(&refusal).contains(r#"error="invalid_token""#));
        }
    }
    ask(&optional, TokenKind::Bearer, None).unwrap();
    let refusal = ask(&required(), TokenKind::Bearer, None).unwrap_err();
    assert!(cause(&refusal).contains("only bound ones"));
}

#[test]
fn a_public_origin_stands_in_for_the_host_of_the_request() {
    let key = Signer::es256();
    let check = Dpop::required().origin("https://shop.example/base").build().unwrap();
    let of = |uri: &str| present(&check, &key, &key.proof(&claims_with("htu", uri)));
    of("https://shop.example/base/orders/1").unwrap();
    assert_refused(of(URI), "URI");
    assert_refused(of("https://shop.example/orders/1"), "URI");
    let refusal = of(URI).unwrap_err();
    assert!(refusal.private_expected().unwrap().contains("https://shop.example/base"));
    assert!(!refusal.public_detail().contains("shop"));
}

#[test]
fn without_a_host_no_uri_is_the_requests() {
    let key = Signer::es256();
    let clock = ManualClock::at_unix(Duration::from_secs(NOW));
    for hosts in [&[][..], &["api.example", "api.example"], &["api.example, b"], &["a@api.example"]]
    {
        let mut request = Request::get("/orders/1").header("dpop", key.proof(&claims()));
        for host in hosts {
            request = request.header("host", *host);
        }
        let mut exchange = Exchange::test(request.body(()).unwrap(), clock.clone());
        let bound = token(TokenKind::Dpop, Some(key.thumbprint()));
        assert_refused(judge(&required(), &mut exchange, &bound), "URI");
    }
}

fn nonce_of(refusal: &Rejection) -> String {
    let nonce = refusal.headers().iter().find(|(name, _)| name == "dpop-nonce");
    nonce.unwrap().1.to_str().unwrap().to_owned()
}

#[test]
fn a_nonce_is_asked_for_and_renewed() {
    let key = Signer::es256();
    let check = Dpop::required().require_nonce().build().unwrap();
    let at = |now: u64, nonce: Option<&str>| {
        let mut claims = claims_with("iat", now);
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        let mut exchange = exchange_at(now, &[key.proof(&claims)]);
        let judged = judge(&check, &mut exchange, &token(TokenKind::Dpop, Some(key.thumbprint())));
        let mut headers = http::HeaderMap::new();
        std::mem::take(&mut exchange.replies).stamp(&mut headers);
        (judged, headers.contains_key("dpop-nonce"))
    };
    let refusal = at(NOW, None).0.unwrap_err();
    assert_eq!((refusal.reason(), refusal.status().as_u16()), (Reason::NonceRequired, 401));
    assert!(challenge(&refusal).contains(r#"error="use_dpop_nonce""#));
    let nonce = nonce_of(&refusal);
    at(NOW, Some(&nonce)).0.unwrap();
    // In the next window it still does, and the answer brings the next one.
    let (judged, replies) = at(NOW + 300, Some(&nonce));
    judged.unwrap();
    assert!(replies, "a new nonce");
    let (judged, replies) = at(NOW, Some(&nonce));
    judged.unwrap();
    assert!(!replies, "no new nonce while this one holds");
    for stale in [&*nonce, "made up"] {
        let refusal = at(NOW + 600, Some(stale)).0.unwrap_err();
        assert_eq!(refusal.reason(), Reason::NonceRequired);
        assert_ne!(nonce_of(&refusal), nonce);
    }
}

/// A store that is down, and says so after I/O.
struct Down;

impl ReplayStore for Down {
    fn consume(&self, _: ReplayKey, _: Duration, _: Duration) -> Answer<Result<bool, StoreError>> {
        Answer::later(async { Err(StoreError::new("connection refused")) })
    }
}

/// A store beyond the network that remembers.
struct Far(MemoryReplays);

impl ReplayStore for Far {
    fn consume(
        &self,
        key: ReplayKey,
        until: Duration,
        now: Duration,
    ) -> Answer<Result<bool, StoreError>> {
        let store = self.0.clone();
        Answer::later(async move { store.consume(key, until, now).wait().await })
    }
}

#[test]
fn a_store_that_cannot_tell_is_503_and_never_a_yes() {
    let key = Signer::es256();
    let down = Dpop::required().with_store(Down).build().unwrap();
    let refusal = present(&down, &key, &key.proof(&claims())).unwrap_err();
    assert_eq!(refusal.reason(), Reason::Unavailable);
    assert!(refusal.headers().iter().any(|(name, _)| name == "retry-after"));
    let small = Dpop::required().with_store(MemoryReplays::new(1)).build().unwrap();
    let judged = (0..100).map(|_| present(&small, &key, &key.proof(&claims())));
    let refused: Vec<_> = judged.filter_map(Result::err).collect();
    assert!(refused.iter().all(|refusal| refusal.reason() == Reason::Unavailable));
    assert!(refused.len() >= 84);
}

#[test]
fn processes_that_share_a_store_take_a_proof_once() {
    let key = Signer::es256();
    let store = MemoryReplays::new(100);
    let one = Dpop::required().with_store(Far(store.clone())).build().unwrap();
    let other = Dpop::required().with_store(Far(store)).build().unwrap();
    let proof = key.proof(&claims());
    present(&one, &key, &proof).unwrap();
    assert_refused(present(&other, &key, &proof), "used before");
}

#[test]
fn a_proof_is_remembered_for_as_long_as_it_is_good() {
    let key = Signer::es256();
    let check = required();
    let proof = key.proof(&claims_with("iat", NOW + 30));
    let at = |now: u64| {
        judge(
            &check,
            &mut exchange_at(now, &[&proof]),
            &token(TokenKind::Dpop, Some(key.thumbprint())),
        )
    };
    at(NOW).unwrap();
    for later in [NOW, NOW + 299, NOW + 330] {
        assert_refused(at(later), "used before");
    }
    assert_refused(at(NOW + 331), "ago");
}

#[test]
fn every_mistake_of_a_configuration_is_reported() {
    let error = Dpop::required()
        .origin("api.example")
        .algorithms([Algorithm::Hs256])
        .max_age(Duration::from_secs(4000))
        .clock_skew(Duration::from_secs(301))
        .nonce_lifetime(Duration::ZERO)
        .nonce_secret("short")
        .build()
        .unwrap_err();
    let setters: Vec<_> = error.mistakes().iter().map(|mistake| mistake.setter()).collect();
    let all = ["origin", "algorithms", "max_age", "clock_skew", "nonce_lifetime", "nonce_secret"];
    assert_eq!(setters, all);
    assert!(!error.to_string().contains("short`"));
}

/// Ten thousand proofs that differ from a good one in a byte, a bit, a part or a claim.
#[test]
fn no_mutation_of_a_valid_proof_is_accepted() {
    let check = required();
    let keys = [Signer::es256(), Signer::ed25519()];
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |bound: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % bound as u64).unwrap()
    };
    let mut tried = 0;
    while tried < 10_000 {
        let key = &keys[next(2)];
        let good = key.proof(&claims());
        let mut bytes = good.clone().into_bytes();
        for _ in 0..20 {
            let at = next(bytes.len());
            match next(6) {
                0 => bytes[at] ^= 1 << next(7),
                1 => bytes[at] = b"ABCDEFabcdef0123-_.="[next(20)],
                2 => drop(bytes.remove(at)),
                3 => bytes.insert(at, b"ABCDEFabcdef0123-_.="[next(20)]),
                4 => bytes.truncate(at.max(1)),
                _ => bytes.swap(at, 0),
            }
            if bytes != good.as_bytes() && HeaderValue::from_bytes(&bytes).is_ok() {
                tried += 1;
                let mut exchange = exchange_at(NOW, &[&bytes]);
                let bound = token(TokenKind::Dpop, Some(key.thumbprint()));
                assert!(
                    judge(&check, &mut exchange, &bound).is_err(),
                    "{}",
                    String::from_utf8_lossy(&bytes)
                );
            }
            if next(3) > 0 || bytes.len() < 10 {
                bytes = good.clone().into_bytes();
            }
        }
        present(&check, key, &good).unwrap();
    }
}

fn _builders_are_checks(builder: DpopBuilder) -> impl crate::auth::token::IntoTokenCheck {
    builder
}
