//! What a delivery says of itself, read but not yet believed.

use std::time::Duration;

use http::HeaderMap;

use super::fault::WebhookFault;

/// The most signatures that are looked at; a sender that rotates its secret sends two.
pub(super) const MOST_SIGNATURES: usize = 8;
/// The most bytes of a field.
const MOST_FIELD: usize = 2048;

/// The signatures of a delivery, and what they are over beside the body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) signatures: Vec<[u8; 32]>,
    /// What is signed before the body.
    pub(super) prefix: Vec<u8>,
    /// When it was sent, since the Unix epoch, where that is signed.
    pub(super) sent: Option<Duration>,
}

impl Delivery {
    /// One that has a signature and not too many.
    pub(super) fn new(
        signatures: Vec<[u8; 32]>,
        prefix: Vec<u8>,
        sent: Option<Duration>,
    ) -> Result<Self, WebhookFault> {
        match signatures.len() {
            0 => Err(WebhookFault::invalid("no signature of a kind that is known")),
            1..=MOST_SIGNATURES => Ok(Self { signatures, prefix, sent }),
            _ => Err(WebhookFault::invalid("more than 8 signatures")),
        }
    }
}

/// The one value of a field.
pub(super) fn field<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> Result<Option<&'a str>, WebhookFault> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(WebhookFault::invalid("a field of the signature twice")),
        (Some(value), None) if value.len() > MOST_FIELD => {
            Err(WebhookFault::invalid("a field of the signature of more than 2 KiB"))
        }
        (Some(value), None) => value
            .to_str()
            .map(Some)
            .map_err(|_| WebhookFault::invalid("a field of the signature that is not ASCII")),
    }
}

/// Seconds since the Unix epoch, in the one way to write them.
pub(super) fn seconds(text: &str) -> Result<Duration, WebhookFault> {
    const LONGEST: usize = 12;
    let is_number = (1..=LONGEST).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    let seconds = text.parse().ok().filter(|_| is_number).map(Duration::from_secs);
    seconds.ok_or(WebhookFault::invalid("a timestamp that is not in seconds"))
}

/// 64 hexadecimal digits.
pub(super) fn hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()?;
    }
    Some(bytes)
}
