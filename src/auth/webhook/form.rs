//! The forms of a delivery.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderMap;

use super::{
    delivery::{Delivery, field, hex, seconds},
    fault::WebhookFault,
};

/// How a sender signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    GitHub,
    Stripe,
    Standard,
}

impl Form {
    /// The sender, where nothing else is said.
    pub(super) fn sender(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::Stripe => "stripe",
            Self::Standard => "standard",
        }
    }

    /// The field of the signature.
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::GitHub => "X-Hub-Signature-256",
            Self::Stripe => "Stripe-Signature",
            Self::Standard => "Webhook-Signature",
        }
    }

    /// Whether deliveries say when they were sent.
    pub(super) fn has_time(self) -> bool {
        self != Self::GitHub
    }

    pub(super) fn read(self, headers: &HeaderMap) -> Result<Delivery, WebhookFault> {
        const ABSENT: WebhookFault = WebhookFault::absent("no signature");
        match self {
            Self::GitHub => github(field(headers, "x-hub-signature-256")?.ok_or(ABSENT)?),
            Self::Stripe => stripe(field(headers, "stripe-signature")?.ok_or(ABSENT)?),
            Self::Standard => {
                let signature = field(headers, "webhook-signature")?.ok_or(ABSENT)?;
                let id = field(headers, "webhook-id")?;
                let sent = field(headers, "webhook-timestamp")?;
                match (id, sent) {
                    (Some(id), Some(sent)) => standard(id, sent, signature),
                    _ => Err(WebhookFault::invalid("a signature without its id or timestamp")),
                }
            }
        }
    }
}

/// `sha256=` and the digest of the body.
fn github(value: &str) -> Result<Delivery, WebhookFault> {
    let digest = value.strip_prefix("sha256=").and_then(hex);
    let digest =
        digest.ok_or(WebhookFault::invalid("a signature that is not `sha256=` and hex"))?;
    Delivery::new(vec![digest], Vec::new(), None)
}

/// `t=`, a time, and one `v1=` for each live secret, over the time, a full stop and the body.
fn stripe(value: &str) -> Result<Delivery, WebhookFault> {
    let mut time = None;
    let mut signatures = Vec::new();
    for part in value.split(',') {
        match part.trim().split_once('=') {
            Some(("t", text)) if time.is_none() => time = Some(text),
            Some(("t", _)) => return Err(WebhookFault::invalid("two timestamps")),
            Some(("v1", text)) => {
                let digest = hex(text).ok_or(WebhookFault::invalid("a `v1` that is not hex"))?;
                signatures.push(digest);
            }
            Some(_) => {}
            None => return Err(WebhookFault::invalid("a part of the signature without a name")),
        }
    }
    let time = time.ok_or(WebhookFault::invalid("a signature without its timestamp"))?;
    Delivery::new(signatures, format!("{time}.").into_bytes(), Some(seconds(time)?))
}

/// One `v1,` for each live secret, over the id, the time and the body, full stops between them.
fn standard(id: &str, sent: &str, value: &str) -> Result<Delivery, WebhookFault> {
    // With a full stop in the id, what is signed could be parted in another place.
    let is_id =
        (1..=256).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic() && b != b'.');
    if !is_id {
        return Err(WebhookFault::invalid(
            "an id that is not 1 to 256 characters without full stops",
        ));
    }
    let mut signatures = Vec::new();
    for part in value.split(' ').filter(|part| !part.is_empty()) {
        match part.split_once(',') {
            Some(("v1", text)) => {
                let digest = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
                let digest: Option<[u8; 32]> = digest;
                let wrong = WebhookFault::invalid("a `v1` that is not a digest in base64");
                signatures.push(digest.ok_or(wrong)?);
            }
            Some(_) => {}
            None => return Err(WebhookFault::invalid("a signature without its version")),
        }
    }
    Delivery::new(signatures, format!("{id}.{sent}.").into_bytes(), Some(seconds(sent)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const BASE64: &str = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn a_signature_of_github_is_one_digest_in_hex() {
        assert_eq!(github(&format!("sha256={HEX}")).unwrap().signatures.len(), 1);
        for value in
            ["", "sha256=", "sha1=00", HEX, &format!("sha256={HEX}0"), &format!("SHA256={HEX}")]
        {
            assert!(github(value).is_err(), "{value}");
        }
        assert!(github(&format!("sha256={}", HEX.replace('7', "g"))).is_err());
    }

    #[test]
    fn a_signature_of_stripe_has_one_time_and_some_digests() {
        let read = stripe(&format!("t=1614265330,v1={HEX},v0=anything,v1={HEX}")).unwrap();
        assert_eq!((read.signatures.len(), &*read.prefix), (2, &b"1614265330."[..]));
        for value in [
            "",
            "t=1",
            &format!("v1={HEX}"),
            &format!("t=1,t=1,v1={HEX}"),
            &format!("t=,v1={HEX}"),
            &format!("t=-1,v1={HEX}"),
            &format!("t=01,v1={HEX}"),
            &format!("t=1,v1={HEX},"),
            &format!("t=1234567890123,v1={HEX}"),
            "t=1,v1=00",
            &format!("t=1{}", format!(",v1={HEX}").repeat(9)),
        ] {
            assert!(stripe(value).is_err(), "{value}");
        }
    }

    #[test]
    fn a_standard_signature_is_a_list_of_versions() {
        let read = standard("msg_1", "1614265330", &format!("v1a,AAAA v1,{BASE64}")).unwrap();
        assert_eq!((read.signatures.len(), &*read.prefix), (1, &b"msg_1.1614265330."[..]));
        let good = &*format!("v1,{BASE64}");
        for (id, sent, value) in [
            ("", "1", good),
            ("a.b", "1", good),
            ("a b", "1", good),
            ("a", "", good),
            ("a", "x", good),
            ("a", "1", ""),
            ("a", "1", "v1"),
            ("a", "1", "v1,AAAA"),
            ("a", "1", "v1a,AAAA"),
            ("a", "1", "v1,!"),
        ] {
            assert!(standard(id, sent, value).is_err(), "{id} {sent} {value}");
        }
    }
}
