//! A token as the issuer gave it.

use std::fmt;
use std::time::Duration;

use http::HeaderValue;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::dpop;
use super::error::Fault;
use crate::oauth::is_token;

/// How long a token counts whose issuer does not say.
const UNTOLD: Duration = Duration::from_secs(60);

/// No longer than a year, whatever the issuer says.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// What is on its way needs time to arrive.
const MARGIN: Duration = Duration::from_secs(10);

/// A token, and when to get another; monotonic times.
pub(super) struct Token {
    /// The whole value of `Authorization`.
    pub(super) header: HeaderValue,
    /// For proofs: the hash of the token. None where it is a bearer token.
    pub(super) hash: Option<String>,
    pub(super) renew_at: Duration,
    pub(super) ends_at: Duration,
}

#[derive(Deserialize)]
struct Granted {
    #[serde(deserialize_with = "secret")]
    access_token: Zeroizing<String>,
    token_type: String,
    #[serde(default)]
    expires_in: Option<Seconds>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

/// Some issuers write the number as a string (Microsoft Entra ID, version 1).
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

impl Token {
    /// Reads the answer (RFC 6749, section 5.1) to a request that was sent at `asked`. `jitter`, of
    /// 0 to 255, spreads the renewals of many.
    pub(super) fn read(
        body: &[u8],
        is_bound: bool,
        asked: Duration,
        jitter: u8,
    ) -> Result<Self, Fault> {
        let granted: Granted = serde_json::from_slice(body)
            .map_err(|_| Fault::Malformed("it is not a JSON object with a token and its type"))?;
        if granted.error.is_some() {
            return Err(Fault::Malformed("it has an error beside a token"));
        }
        if !is_token(granted.access_token.as_bytes()) {
            return Err(Fault::Malformed("the token has characters that no header can have"));
        }
        let scheme = match (is_bound, granted.token_type.as_str()) {
            (false, kind) if kind.eq_ignore_ascii_case("bearer") => "Bearer",
            (true, kind) if kind.eq_ignore_ascii_case("dpop") => "DPoP",
            // RFC 9449, section 5: anybody may use it.
            (true, kind) if kind.eq_ignore_ascii_case("bearer") => {
                return Err(Fault::Malformed("the token is not bound to the key of the proof"));
            }
            _ => return Err(Fault::Malformed("the type of the token is not the one asked for")),
        };
        let life = match granted.expires_in {
            None => UNTOLD,
            Some(seconds) => seconds.read().ok_or(Fault::Malformed("`expires_in` is no time"))?,
        };
        let life = life.min(LONGEST);
        let text = Zeroizing::new(format!("{scheme} {}", granted.access_token.as_str()));
        let mut header = HeaderValue::from_str(&text)
            .map_err(|_| Fault::Malformed("the token has characters that no header can have"))?;
        header.set_sensitive(true);
        // At 80 % of its life, up to 5 % earlier.
        let renew_in = life * 4 / 5 - life / 20 * u32::from(jitter) / 255;
        Ok(Self {
            header,
            hash: is_bound.then(|| dpop::hash(&granted.access_token)),
            renew_at: asked.saturating_add(renew_in),
            ends_at: asked.saturating_add(life.saturating_sub(MARGIN.min(life / 10))),
        })
    }

    pub(super) fn is_over(&self, now: Duration) -> bool {
        now >= self.ends_at
    }

    pub(super) fn is_due(&self, now: Duration) -> bool {
        now >= self.renew_at
    }
}

impl Seconds {
    fn read(&self) -> Option<Duration> {
        let seconds = match self {
            Self::Number(seconds) => *seconds,
            Self::Text(text) => text.parse().ok()?,
        };
        Some(Duration::from_secs(seconds))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("renew_at", &self.renew_at)
            .field("ends_at", &self.ends_at)
            .finish_non_exhaustive()
    }
}

/// The error code of an answer (RFC 6749, section 5.2), short and of its own characters.
pub(super) fn error_code(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refused {
        error: String,
    }
    let refused: Refused = serde_json::from_slice(body).ok()?;
    let is_code = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'`');
    let is_good = (1..=64).contains(&refused.error.len()) && refused.error.bytes().all(is_code);
    is_good.then_some(refused.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn read(body: &str, is_bound: bool) -> Result<Token, Fault> {
        Token::read(body.as_bytes(), is_bound, s(100), 0)
    }

    #[test]
    fn a_token_is_renewed_at_four_fifths_of_its_life_and_not_used_in_its_last_seconds() {
        let token = read(r#"{"access_token":"abc","token_type":"bearer","expires_in":300}"#, false)
            .unwrap();
        assert_eq!(token.header, "Bearer abc");
        assert!(token.header.is_sensitive() && token.hash.is_none());
        assert_eq!((token.renew_at, token.ends_at), (s(340), s(390)));
        let early = Token::read(
            br#"{"access_token":"a","token_type":"Bearer","expires_in":"300"}"#,
            false,
            s(100),
            255,
        );
        assert_eq!(early.unwrap().renew_at, s(325));
        let short = read(r#"{"access_token":"a","token_type":"Bearer"}"#, false).unwrap();
        assert_eq!((short.renew_at, short.ends_at), (s(148), s(154)));
        assert!(!format!("{token:?}").contains("abc"));
    }

    #[test]
    fn a_bound_token_says_so() {
        let bound = read(r#"{"access_token":"abc","token_type":"DPoP"}"#, true).unwrap();
        assert_eq!(bound.header, "DPoP abc");
        assert_eq!(bound.hash, Some(dpop::hash("abc")));
        let unbound = read(r#"{"access_token":"abc","token_type":"Bearer"}"#, true).unwrap_err();
        assert!(unbound.to_string().contains("not bound"), "{unbound}");
        assert!(read(r#"{"access_token":"abc","token_type":"DPoP"}"#, false).is_err());
    }

    #[test]
    fn an_answer_of_another_shape_is_no_token() {
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"access_token":"a"}"#,
            r#"{"access_token":7,"token_type":"Bearer"}"#,
            r#"{"access_token":"a\r\nX: y","token_type":"Bearer"}"#,
            r#"{"access_token":"","token_type":"Bearer"}"#,
            r#"{"access_token":"a","token_type":"mac"}"#,
            r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#,
            r#"{"access_token":"a","token_type":"Bearer","expires_in":-1}"#,
            r#"{"access_token":"a","token_type":"Bearer","expires_in":"soon"}"#,
            r#"{"access_token":"a","token_type":"Bearer","error":"x"}"#,
        ] {
            assert!(read(bad, false).is_err(), "{bad}");
        }
        let long =
            r#"{"access_token":"a","token_type":"Bearer","expires_in":18446744073709551615}"#;
        assert_eq!(read(long, false).unwrap().ends_at, s(100) + LONGEST - MARGIN);
    }

    #[test]
    fn an_error_code_is_short_and_printable() {
        assert_eq!(error_code(br#"{"error":"invalid_client"}"#).as_deref(), Some("invalid_client"));
        for bad in [r#"{"error":""}"#, r#"{"error":"a\nb"}"#, "{}", "", r#"{"error":1}"#] {
            assert_eq!(error_code(bad.as_bytes()), None, "{bad}");
        }
    }
}
