//! The one field of a form that is looked at.

/// Why there is no token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoToken {
    Absent,
    Repeated,
    Broken,
}

const FIELD: &[u8] = b"logout_token";

/// The value of `logout_token` in a body of `application/x-www-form-urlencoded`; other fields are not
/// looked at.
pub(super) fn logout_token(body: &[u8]) -> Result<Vec<u8>, NoToken> {
    let mut found = None;
    for pair in body.split(|byte| *byte == b'&') {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = halves.next().unwrap_or_default();
        if decode(name).as_deref() != Some(FIELD) {
            continue;
        }
        let value = decode(halves.next().unwrap_or_default()).ok_or(NoToken::Broken)?;
        if found.replace(value).is_some() {
            return Err(NoToken::Repeated);
        }
    }
    found.filter(|token| !token.is_empty()).ok_or(NoToken::Absent)
}

/// `None` where an escape is broken.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = text.iter();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => digit(*bytes.next()?)? << 4 | digit(*bytes.next()?)?,
            other => *other,
        });
    }
    Some(decoded)
}

fn digit(byte: u8) -> Option<u8> {
    u8::try_from(char::from(byte).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_token_is_found_once_among_other_fields() {
        for body in [
            "logout_token=a.b.c",
            "x=1&logout_token=a.b.c&y",
            "logout%5Ftoken=a%2Eb.c",
            "&&logout_token=a.b.c&",
        ] {
            assert_eq!(logout_token(body.as_bytes()).as_deref(), Ok(&b"a.b.c"[..]), "{body}");
        }
        for (body, why) in [
            ("", NoToken::Absent),
            ("logout_token", NoToken::Absent),
            ("logout_token=", NoToken::Absent),
            ("Logout_Token=a", NoToken::Absent),
            ("logout_tokens=a", NoToken::Absent),
            ("logout_token=a&logout_token=a", NoToken::Repeated),
            ("logout_token=a&logout%5ftoken=b", NoToken::Repeated),
            ("logout_token=a%", NoToken::Broken),
            ("logout_token=a%2", NoToken::Broken),
            ("logout_token=a%zz", NoToken::Broken),
        ] {
            assert_eq!(logout_token(body.as_bytes()), Err(why), "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(body in any::<Vec<u8>>()) {
            let _ = logout_token(&body);
        }

        #[test]
        fn what_was_escaped_comes_out_as_it_was(token in prop::collection::vec(any::<u8>(), 1..50)) {
            let escaped: String = token.iter().map(|byte| format!("%{byte:02X}")).collect();
            let body = format!("a=b&logout_token={escaped}&c=d");
            prop_assert_eq!(logout_token(body.as_bytes()), Ok(token));
        }
    }
}
