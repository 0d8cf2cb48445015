//! The compact form of a token (RFC 7515, section 7.1), read strictly.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::fault::Fault;
use crate::json::{Name, Names, Unique};

/// The longest token that is looked at, in bytes.
pub(super) const MAX_BYTES: usize = 8 * 1024;

/// Said of tokens that only their issuer can read.
pub(super) const NOT_THREE: &str = "it does not have three parts";
pub(super) const ENCRYPTED: &str = "it is encrypted (five parts)";
pub(super) const HEADER_NOT_TEXT: &str = "its header is not base64url without padding";
pub(super) const HEADER_NOT_JSON: &str = "its header is not JSON";

/// The three parts, still encoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compact<'a> {
    /// Header, dot and payload: the very bytes that were signed.
    pub(super) signed: &'a [u8],
    header: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Compact<'a> {
    pub(super) fn split(token: &'a [u8]) -> Result<Self, Fault> {
        let mut parts = token.split(|byte| *byte == b'.');
        let (Some(header), Some(payload), Some(signature)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(Fault::Malformed(NOT_THREE));
        };
        match parts.count() {
            0 => {}
            2 => return Err(Fault::Malformed(ENCRYPTED)),
            _ => return Err(Fault::Malformed(NOT_THREE)),
        }
        if signature.is_empty() {
            return Err(Fault::Malformed("it is not signed"));
        }
        let signed = token.get(..header.len() + 1 + payload.len()).unwrap_or_default();
        Ok(Self { signed, header, payload, signature })
    }

    pub(super) fn header(&self) -> Result<Vec<u8>, Fault> {
        decode(self.header, HEADER_NOT_TEXT)
    }

    /// Whether there is nothing between the dots.
    pub(super) fn is_detached(&self) -> bool {
        self.payload.is_empty()
    }

    pub(super) fn payload(&self) -> Result<Vec<u8>, Fault> {
        decode(self.payload, "its payload is not base64url without padding")
    }

    pub(super) fn signature(&self) -> Result<Vec<u8>, Fault> {
        decode(self.signature, "its signature is not base64url without padding")
    }
}

/// The engine refuses padding, other alphabets and bits left over in the last character, so that
/// one token has one spelling.
fn decode(part: &[u8], otherwise: &'static str) -> Result<Vec<u8>, Fault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Fault::Malformed(otherwise))
}

/// Whether a header's `typ` means a type; case and a leading `application/` do not matter (RFC 7515,
/// section 4.1.9).
pub(super) fn is_type(typ: &str, name: &str) -> bool {
    let (prefix, bare) = typ.split_at_checked("application/".len()).unwrap_or(("", typ));
    let bare = if prefix.eq_ignore_ascii_case("application/") { bare } else { typ };
    bare.eq_ignore_ascii_case(name)
}

/// What is believed of a header before the signature: which key to try, and that it may be tried.
/// `jku`, `jwk`, `x5u` and `x5c` are read past and never followed.
#[derive(Debug)]
pub(super) struct Header<'a> {
    pub(super) alg: Cow<'a, str>,
    pub(super) kid: Option<Cow<'a, str>>,
    pub(super) typ: Option<Cow<'a, str>>,
}

impl<'a> Header<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        serde_json::from_slice(bytes).map_err(Fault::header_json)
    }
}

impl<'de> Deserialize<'de> for Header<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Header<'de>, A::Error> {
        let (mut alg, mut kid, mut typ) = (None, None, None);
        let mut names = Names::default();
        while let Some(Name(name)) = members.next_key()? {
            match &*name {
                "alg" => alg = Some(members.next_value::<Name<'de>>()?.0),
                "kid" => kid = Some(members.next_value::<Name<'de>>()?.0),
                "typ" => typ = Some(members.next_value::<Name<'de>>()?.0),
                // No extension is understood, so any list that demands one is refused
                // (RFC 7515, section 4.1.11).
                "crit" => return Err(A::Error::custom("`crit` is not understood")),
                _ => {
                    members.next_value::<Unique>()?;
                }
            }
            names.add(name);
        }
        names.finish()?;
        let alg = alg.ok_or_else(|| A::Error::missing_field("alg"))?;
        Ok(Header { alg, kid, typ })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_parts_make_a_token() {
        for token in ["", ".", "a", "a.b", "a.b.", "a.b.c.d", "a.b.c.d.e", "....", "a.b.c."] {
            assert!(Compact::split(token.as_bytes()).is_err(), "{token}");
        }
        let token = Compact::split(b"aa.bbb.c").unwrap();
        assert_eq!(token.signed, b"aa.bbb");
        assert_eq!(
            (token.header, token.payload, token.signature),
            (&b"aa"[..], &b"bbb"[..], &b"c"[..])
        );
    }

    #[test]
    fn one_byte_string_has_one_spelling() {
        for part in ["AA==", "AB", "A", "A A", "AA\n", "+/8", "A+A", "\u{e9}A"] {
            assert!(decode(part.as_bytes(), "no").is_err(), "{part}");
        }
        assert_eq!(decode(b"AA", "no").unwrap(), [0]);
        assert_eq!(decode(b"-_8", "no").unwrap(), [0xfb, 0xff]);
    }

    #[test]
    fn a_header_is_read_strictly() {
        for text in [
            r"[]",
            r"{}",
            r#"{"alg":null}"#,
            r#"{"alg":["ES256"]}"#,
            r#"{"alg":"ES256","alg":"none"}"#,
            r#"{"alg":"ES256","kid":1}"#,
            r#"{"alg":"ES256","kid":null}"#,
            r#"{"alg":"ES256","typ":{}}"#,
            r#"{"alg":"ES256","crit":[]}"#,
            r#"{"alg":"ES256","crit":["exp"],"exp":1}"#,
            r#"{"alg":"ES256","x":1,"x":1}"#,
            r#"{"alg":"ES256","jwk":{"kty":"EC","kty":"EC"}}"#,
            r#"{"alg":"ES256"}{}"#,
        ] {
            assert!(Header::parse(text.as_bytes()).is_err(), "{text}");
        }
        let header =
            Header::parse(br#"{"typ":"JWT","alg":"ES256","kid":"\u0061","jku":"x"}"#).unwrap();
        assert_eq!((&*header.alg, header.kid.as_deref()), ("ES256", Some("a")));
        assert_eq!(header.typ.as_deref(), Some("JWT"));
    }
}
