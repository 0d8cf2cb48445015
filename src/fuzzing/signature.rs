use std::{sync::LazyLock, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Request, request::Parts};

use super::{NOW, jws::SECRET};
use crate::{
    Exchange, Principal,
    auth::{
        Attempt, Scheme,
        signature::{
            Digests, MemorySignatureKeys, Message, MessageSignatures, SignatureKey, Signatures,
        },
    },
    clock::ManualClock,
};

static SCHEME: LazyLock<MessageSignatures> = LazyLock::new(|| {
    let keys = MemorySignatureKeys::new();
    let key = SignatureKey::shared(SECRET).expect("a key");
    keys.insert("1", key, Principal::builder("partners", "alice").build());
    let scheme = MessageSignatures::builder(keys).origin("https://api.example");
    scheme.build().expect("a scheme")
});

/// Up to five lines: `Signature-Input`; `Signature`, where an empty one is made here; what of
/// `Content-Digest`, of another field and of the query there is.
pub fn signature(bytes: &[u8]) -> bool {
    let mut lines = bytes.splitn(5, |byte| *byte == b'\n');
    let [input, signature, digest, field, query] = [(); 5].map(|()| lines.next().unwrap_or(b""));
    if let Ok(digests) = Digests::parse(digest) {
        // Whichever it is of, it is not of both.
        assert!(digests.check(b"{}").is_err() || digests.check(b"[]").is_err());
    }

    let Ok(query) = str::from_utf8(query) else { return false };
    let target = format!("https://api.example/orders{query}");
    let mut request = Request::get(target).header("x-field", field);
    if !digest.is_empty() {
        request = request.header("content-digest", digest);
    }
    let Ok(request) = request.header("signature-input", input).body(()) else { return false };
    let mut head = request.into_parts().0;
    let Some(made) = (if signature.is_empty() { sign(&head, input) } else { None }) else {
        let Ok(value) = signature.try_into() else { return false };
        head.headers.insert("signature", value);
        assert!(!is_taken(head), "taken without a signature");
        return false;
    };
    let (label, value) = made;
    let Ok(value) = value.try_into() else { return false };
    head.headers.insert("signature", value);
    let is_taken = is_taken(head.clone());
    if is_taken {
        judge(&head, &label);
    }
    is_taken
}

/// By the key, over whatever the first label covers.
fn sign(head: &Parts, input: &[u8]) -> Option<(String, String)> {
    let text = str::from_utf8(input).ok()?;
    let label = text.split('=').next()?.trim();
    let placeholder = format!("{label}=:AA==:");
    let signed = Signatures::parse(input, placeholder.as_bytes()).ok()?.get(label).ok()?;
    let base = signed.base(&Message::request(head)).ok()?;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), base.as_bytes());
    Some((label.to_owned(), format!("{label}=:{}:", STANDARD.encode(tag))))
}

fn is_taken(head: Parts) -> bool {
    let clock = ManualClock::at_unix(Duration::from_secs(NOW));
    let mut exchange = Exchange::test(Request::from_parts(head, ()), clock);
    matches!(SCHEME.authenticate(&mut exchange), Ok(Attempt::Verified(_)))
}

fn judge(head: &Parts, label: &str) {
    let signed =
        Signatures::of(&head.headers).expect("signatures").get(label).expect("a signature");
    let covers = |name: &str| signed.components().iter().any(|it| it.to_string() == name);
    let has_query = head.uri.query().is_some();
    assert!(covers("\"@method\""), "the method is not covered");
    let whole = covers("\"@target-uri\"");
    assert!(whole || covers("\"@authority\""), "the host is not covered");
    let target = whole || covers("\"@request-target\"");
    assert!(target || covers("\"@path\""), "the path is not covered");
    assert!(target || !has_query || covers("\"@query\""), "the query is not covered");
    assert_eq!(signed.keyid(), Some("1"));
    let created = signed.created().expect("a time").as_secs();
    assert!((NOW - 300..=NOW + 30).contains(&created), "{created}");
    assert!(signed.expires().is_none_or(|end| end.as_secs() > NOW), "expired");
}
