//! Digests of content (RFC 9530).

use aws_lc_rs::digest::{Algorithm, SHA256, SHA512, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName};
use sfv::BareItem;

use super::{
    component::{Component, Form, Part},
    fault::{SignatureFault, quote},
    message::joined,
    strict::{self, Value},
};

/// `Content-Digest`.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
/// The most bytes of the field.
const MOST_FIELD: usize = 4 * 1024;

/// The digests of a `Content-Digest` or a `Repr-Digest` that count: `sha-256` and `sha-512`.
///
/// # Example
/// ```
/// use tower_parapet::auth::signature::Digests;
///
/// let digests = Digests::parse(b"sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:")?;
/// digests.check(br#"{"hello": "world"}"#)?;
/// assert!(digests.check(b"{}").is_err());
/// # Ok::<(), tower_parapet::auth::signature::SignatureFault>(())
/// ```
#[derive(Clone, Debug)]
pub struct Digests {
    sha256: Option<Vec<u8>>,
    sha512: Option<Vec<u8>>,
}

impl Digests {
    /// Reads the field's value. Other algorithms than the two are passed over.
    ///
    /// # Errors
    /// When it is not a dictionary of byte sequences, names an algorithm twice, has neither
    /// `sha-256` nor `sha-512`, or has one of the wrong length.
    pub fn parse(text: &[u8]) -> Result<Self, SignatureFault> {
        if text.len() > MOST_FIELD {
            return Err(SignatureFault::new("a digest of more than 4 KiB"));
        }
        let members = strict::dictionary(text)
            .map_err(|error| SignatureFault::new(format!("an unreadable digest: {error}")))?;
        let mut digests = Self { sha256: None, sha512: None };
        for member in members {
            let Value::Item(BareItem::ByteSequence(bytes)) = &member.value else {
                let found = format!("a digest {} that is not of bytes", quote(member.key()));
                return Err(SignatureFault::new(found));
            };
            let (slot, length) = match member.key() {
                "sha-256" => (&mut digests.sha256, 32),
                "sha-512" => (&mut digests.sha512, 64),
                _ => continue,
            };
            if bytes.len() != length {
                let found = format!("a digest {} of {} bytes", quote(member.key()), bytes.len());
                return Err(SignatureFault::new(found));
            }
            *slot = Some(bytes.clone());
        }
        match (&digests.sha256, &digests.sha512) {
            (None, None) => Err(SignatureFault::new("no digest by `sha-256` or `sha-512`")),
            _ => Ok(digests),
        }
    }

    /// Reads the `Content-Digest` of a message.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse); when there is none.
    pub fn of(headers: &HeaderMap) -> Result<Self, SignatureFault> {
        let mut lines =
            headers.get_all(CONTENT_DIGEST).iter().map(|line| line.to_str().ok()).peekable();
        if lines.peek().is_none() {
            return Err(SignatureFault::new("no `content-digest`"));
        }
        let text = joined(lines);
        Self::parse(
            text.ok_or_else(|| SignatureFault::new("a digest that is not ASCII"))?.as_bytes(),
        )
    }

    /// Whether all of them are digests of these bytes.
    ///
    /// # Errors
    /// When one is not.
    pub fn check(&self, content: &[u8]) -> Result<(), SignatureFault> {
        let differs = |expected: &Option<Vec<u8>>, algorithm: &'static Algorithm| {
            expected.as_ref().is_some_and(|bytes| digest(algorithm, content).as_ref() != bytes)
        };
        if differs(&self.sha256, &SHA256) || differs(&self.sha512, &SHA512) {
            return Err(SignatureFault::new("a body that its digest is not of"));
        }
        Ok(())
    }
}

/// Whether a covered component binds a digest that is checked.
pub(super) fn binds(component: &Component) -> bool {
    let Part::Field(name, form) = &component.part else { return false };
    let is_checked = match form {
        Form::Member(key) => matches!(key.as_str(), "sha-256" | "sha-512"),
        Form::Sent | Form::Canonical(_) | Form::Bytes => true,
    };
    *name == CONTENT_DIGEST && is_checked && !component.of_request
}

/// The value of a `Content-Digest` of these bytes, by SHA-256.
pub(super) fn of(content: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(digest(&SHA256, content)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    const BODY: &[u8] = br#"{"hello": "world"}"#;

    #[test]
    fn every_strong_digest_has_to_match_and_weak_ones_do_not_count() {
        let bad512 = format!("sha-512=:{}:", STANDARD.encode([7; 64]));
        let check = |text: &str| Digests::parse(text.as_bytes()).and_then(|it| it.check(BODY));
        assert!(check(GOOD).is_ok());
        assert!(check(&format!("md5=:AAAA:, {GOOD}, unknown=:AA==:")).is_ok());
        assert!(check(&format!("{GOOD}, {bad512}")).is_err());
        assert!(check(&bad512).is_err());
        assert!(check("md5=:Sd/dVLAcvNLSq16eXua5uQ==:").is_err());
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        for text in
            ["", "sha-256", "sha-256=1", "sha-256=:AAAA:", "sha-256=(:AAAA:)", "SHA-256=:AAAA:"]
        {
            assert!(Digests::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Digests::parse(format!("{GOOD}, {GOOD}").as_bytes()).is_err());
        assert!(Digests::parse(&[b' '; MOST_FIELD + 1]).is_err());
    }

    #[test]
    fn a_digest_is_written_as_it_is_read() {
        assert_eq!(of(BODY), GOOD);
    }
}
