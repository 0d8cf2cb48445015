mod claims;
mod mutation;
mod stores;

use std::time::Duration;

use http::{HeaderValue, Request, header::WWW_AUTHENTICATE};
use serde_json::{Value, json};

use super::Dpop;
use super::testkit::{NOW, Signer, TOKEN, URI, claims, claims_with, encode};
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
