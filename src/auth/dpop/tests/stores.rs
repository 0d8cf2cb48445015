//! Nonces, and proofs that were used.

use super::*;

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
