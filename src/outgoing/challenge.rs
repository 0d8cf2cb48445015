//! What a 401 says is wrong with the token.

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, StatusCode};

/// What may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Complaint {
    /// Another token (RFC 6750, section 3.1).
    Token,
    /// A proof with the nonce beside it (RFC 9449, section 9).
    Nonce,
}

/// The complaint of an answer, where it has one that a client can do something about.
pub(super) fn complaint(status: StatusCode, headers: &HeaderMap) -> Option<Complaint> {
    // gRPC says the same in a header of an answer that has ended before it began.
    let is_grpc = || headers.get("grpc-status").is_some_and(|code| code == "16");
    if status != StatusCode::UNAUTHORIZED && !is_grpc() {
        return None;
    }
    let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let errors: Vec<_> = values.flat_map(errors).collect();
    let says = |code| errors.contains(&code);
    if says("use_dpop_nonce") {
        Some(Complaint::Nonce)
    } else {
        says("invalid_token").then_some(Complaint::Token)
    }
}

/// The values of every `error` parameter (RFC 9110, section 11.2), whichever challenge it is in.
/// Codes have no character that would be escaped.
fn errors(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(['"', '=']) {
        let (before, after) = rest.split_at(start);
        let Some(after) = after.strip_prefix('=') else {
            // A quoted string that is no value.
            rest = quoted(after).1;
            continue;
        };
        let name = before.trim_end().rsplit([' ', '\t', ',']).next().unwrap_or_default();
        let after = after.trim_start();
        let (value, next) = if after.starts_with('"') {
            quoted(after)
        } else {
            let end = after.find([',', ' ', '\t', '=']).unwrap_or(after.len());
            after.split_at_checked(end).unwrap_or((after, ""))
        };
        if name.eq_ignore_ascii_case("error") {
            found.push(value);
        }
        rest = next;
        // Tokens of 68 characters end in `=`.
        rest = rest.trim_start_matches('=');
    }
    found
}

/// A quoted string, still escaped, and what follows it.
fn quoted(text: &str) -> (&str, &str) {
    let inner = text.strip_prefix('"').unwrap_or(text);
    let mut escaped = false;
    for (at, letter) in inner.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => {
                let (value, rest) = inner.split_at_checked(at).unwrap_or((inner, ""));
                return (value, rest.strip_prefix('"').unwrap_or(rest));
            }
            _ => {}
        }
    }
    (inner, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[&str]) -> Option<Complaint> {
        let headers = values.iter().map(|value| (WWW_AUTHENTICATE, value.parse().unwrap()));
        complaint(StatusCode::UNAUTHORIZED, &headers.collect())
    }

    #[test]
    fn a_complaint_is_found_in_any_challenge() {
        for (values, expected) in [
            (&[r#"Bearer error="invalid_token""#][..], Some(Complaint::Token)),
            (&["Bearer realm=\"a, error=\\\"invalid_token\\\"\""], None),
            (
                &[r#"Basic realm="x", Bearer realm="y", ERROR = invalid_token"#],
                Some(Complaint::Token),
            ),
            (&["Bearer"], None),
            (&[r#"Bearer error="insufficient_scope""#], None),
            (
                &["Negotiate YWJj==", r#"DPoP error="use_dpop_nonce", algs="ES256""#],
                Some(Complaint::Nonce),
            ),
            (
                &[r#"Bearer error="invalid_token", DPoP error="use_dpop_nonce""#],
                Some(Complaint::Nonce),
            ),
            (&["Bearer error_description=\"error=invalid_token\""], None),
            (&["Bearer error=\"invalid_token"], Some(Complaint::Token)),
        ] {
            assert_eq!(of(values), expected, "{values:?}");
        }
    }

    #[test]
    fn only_a_401_complains_of_the_token() {
        let value = r#"Bearer error="invalid_token""#.parse().unwrap();
        let mut headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, value)]);
        assert_eq!(complaint(StatusCode::FORBIDDEN, &headers), None);
        assert_eq!(complaint(StatusCode::OK, &headers), None);
        headers.insert("grpc-status", "16".parse().unwrap());
        assert_eq!(complaint(StatusCode::OK, &headers), Some(Complaint::Token));
    }

    proptest! {
        #[test]
        fn no_header_is_too_odd_to_be_read(text in r#"[a-z"=, \\]{0,60}"#) {
            errors(&text);
        }
    }
}
