//! Signed requests.

use http::Request;
use tower_parapet::{
    Principal,
    auth::{
        api_key::{ApiKeys, MemoryKeys},
        signature::{
            MemorySignatureKeys, MessageSignatures, SignatureAlgorithm, SignatureKey, Signer,
            SignerBuilder, SigningKey,
        },
    },
    clock::ManualClock,
};

use super::{Part, Refused};

const OWN: &str = include_str!("../support/keys/ed25519.pem");
const PUBLIC: &str = include_str!("../support/keys/ed25519.pub.pem");

pub(super) fn part() -> Part {
    let keys = MemorySignatureKeys::new();
    let owner = Principal::builder("partners-4c1d", "subject-7f3a").scheme("signature").build();
    let key = SignatureKey::pem(SignatureAlgorithm::Ed25519, PUBLIC).unwrap();
    keys.insert("key-2b9f", key, owner.clone());
    let secret = SignatureKey::shared([7; 32]).unwrap();
    keys.insert("key-51bb", secret, owner);
    let scheme = MessageSignatures::builder(keys).origin("https://api.example");
    Part {
        name: "signature",
        challenges: vec!["Signature", "ApiKey"],
        expires: true,
        join: Box::new(|builder| {
            let others = ApiKeys::builder(MemoryKeys::new());
            builder.authenticate(scheme).authenticate(others)
        }),
        refusals: refusals(),
    }
}

fn signer(id: &str) -> SignerBuilder {
    Signer::builder(id, SigningKey::pem(SignatureAlgorithm::Ed25519, OWN).unwrap())
}

/// What a signer puts on a request for this path.
fn signed(signer: SignerBuilder, path: &str, content: &str) -> Vec<(&'static str, String)> {
    let request = Request::get(format!("https://api.example{path}")).body(()).unwrap();
    let (mut head, ()) = request.into_parts();
    signer.build().unwrap().sign(&mut head, content.as_bytes()).unwrap();
    ["signature-input", "signature", "content-digest"]
        .into_iter()
        .filter_map(|name| Some((name, head.headers.get(name)?.to_str().unwrap().to_owned())))
        .collect()
}

fn refused(
    name: &'static str,
    code: &'static str,
    headers: Vec<(&'static str, String)>,
) -> Refused {
    let secret = headers.iter().filter(|(name, _)| *name == "signature");
    Refused {
        name,
        secret: secret.map(|(_, value)| value.clone()).collect(),
        headers,
        status: 401,
        code,
        guard: "signature",
        private: vec!["partners-4c1d", "subject-7f3a", "key-2b9f", "key-51bb", "elsewhere-77"],
        has_cause: false,
        body: "",
    }
}

fn refusals() -> Vec<Refused> {
    let invalid = |name, headers| refused(name, "invalid-credentials", headers);
    let missing =
        Refused { guard: "authenticate", ..refused("none", "missing-credentials", Vec::new()) };
    let good = || signed(signer("key-2b9f"), "/orders", "");
    let with = |name: &'static str, value: &str| {
        let mut headers = good();
        headers.retain(|(known, _)| *known != name);
        headers.push((name, value.to_owned()));
        headers.sort_by_key(|(name, _)| *name != "signature-input");
        headers
    };
    let late = ManualClock::at_unix(std::time::Duration::from_secs(1_000_000_000));
    vec![
        missing,
        invalid("other path", signed(signer("key-2b9f"), "/elsewhere-77", "")),
        invalid("unknown key", signed(signer("elsewhere-77"), "/orders", "")),
        invalid("other algorithm", signed(signer("key-51bb"), "/orders", "")),
        invalid("no signature", with("signature-input", "elsewhere-77")),
        invalid("too few", with("signature-input", "sig=(\"@method\");keyid=\"elsewhere-77\"")),
        Refused {
            body: "another",
            ..invalid("content", signed(signer("key-2b9f"), "/orders", "one"))
        },
        Refused { body: "some", ..invalid("content that nothing covers", good()) },
        refused(
            "expired",
            "expired-credentials",
            signed(signer("key-2b9f").with_clock(late), "/orders", ""),
        ),
    ]
}
