//! What of a path and a query may be recorded.

use std::borrow::Cow;

/// What stands in a record where something was left out.
pub(super) const MASK: &str = "…";

/// How much of a path a sink writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Paths {
    /// Segments that look like a credential are replaced by `…`: a JWT, or 32 characters and more
    /// that read like a random token or a hash. UUIDs with hyphens, ULIDs and slugs stay.
    #[default]
    Masked,
    /// The pattern of the route alone (`/orders/{id}`), and `…` where none matched.
    Route,
    /// As the client sent it.
    AsSent,
}

impl Paths {
    /// The path to write, given the path as sent and the pattern of its route.
    pub(super) fn shown<'a>(self, path: &'a str, route: Option<&'a str>) -> Cow<'a, str> {
        match self {
            Self::AsSent => Cow::Borrowed(bare(path)),
            Self::Route => Cow::Borrowed(route.unwrap_or(MASK)),
            Self::Masked => masked(bare(path)),
        }
    }
}

/// A path never holds a query; should one come along, it ends here.
fn bare(path: &str) -> &str {
    path.split_once(['?', '#']).map_or(path, |(path, _)| path)
}

fn masked(path: &str) -> Cow<'_, str> {
    if !path.split('/').any(is_credential) {
        return Cow::Borrowed(path);
    }
    let shown = path.split('/').map(|segment| if is_credential(segment) { MASK } else { segment });
    Cow::Owned(shown.collect::<Vec<_>>().join("/"))
}

/// Whether a path segment or a value reads like a JWT or a long random token.
pub(super) fn is_credential(text: &str) -> bool {
    text.len() >= 16 && (is_jwt(text) || text.split(|c| !is_token_character(c)).any(is_random))
}

fn is_random(text: &str) -> bool {
    if text.len() < 32 {
        return false;
    }
    let has = |class: fn(&u8) -> bool| text.bytes().any(|byte| class(&byte));
    let mixed =
        has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit);
    let unbroken = text
        .split(|character: char| !character.is_ascii_alphanumeric())
        .any(|run| run.len() >= 32 && run.bytes().any(|byte| byte.is_ascii_digit()));
    mixed || unbroken
}

/// `eyJ` is how every base64url of a JSON object that starts with a name begins.
fn is_jwt(text: &str) -> bool {
    text.find("eyJ").and_then(|at| text.get(at..)).is_some_and(|token| {
        token.len() >= 16 && token.bytes().filter(|byte| *byte == b'.').count() >= 2
    })
}

fn is_token_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_.~+=%:".contains(character)
}

/// The parameters of `query` whose names are in `names`, as sent; one `…` stands for all others.
pub(super) fn query(query: &str, names: &[String]) -> String {
    let mut shown = String::new();
    let mut hidden = false;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !names.iter().any(|kept| kept == name) {
            hidden = true;
            continue;
        }
        if !shown.is_empty() {
            shown.push('&');
        }
        shown.push_str(name);
        shown.push('=');
        shown.push_str(if is_credential(value) { MASK } else { shortened(value) });
    }
    if hidden {
        if !shown.is_empty() {
            shown.push('&');
        }
        shown.push_str(MASK);
    }
    shown
}

/// Whether a header of this lower-case name is known to carry credentials.
pub(super) fn is_secret_header(name: &str) -> bool {
    const NAMES: [&str; 5] = [
        "dpop",
        "authentication-info",
        "x-auth",
        "x-forwarded-client-cert",
        // Browsers have no other place for the token of a WebSocket.
        "sec-websocket-protocol",
    ];
    const PARTS: [&str; 8] = [
        "authorization",
        "cookie",
        "signature",
        "credential",
        "auth-key",
        "access-key",
        "subscription-key",
        "private-key",
    ];
    NAMES.contains(&name) || PARTS.iter().any(|part| name.contains(part)) || holds_secret(name)
}

/// Whether a query parameter of this name is known to carry credentials.
pub(super) fn is_secret_parameter(name: &str) -> bool {
    const NAMES: [&str; 7] = ["code", "state", "sig", "signature", "key", "auth", "jwt"];
    let name = name.to_ascii_lowercase();
    NAMES.contains(&name.as_str()) || holds_secret(&name)
}

fn holds_secret(name: &str) -> bool {
    const PARTS: [&str; 8] =
        ["token", "secret", "password", "passwd", "api-key", "apikey", "api_key", "session"];
    PARTS.iter().any(|part| name.contains(part))
}

/// At most the first 256 bytes, cut between characters.
pub(super) fn shortened(value: &str) -> &str {
    (0..=256).rev().find_map(|end| value.get(..end)).filter(|_| value.len() > 256).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_token_in_a_path_is_masked_and_an_identifier_is_not() {
        let masked = [
            "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln",
            "d41d8cd98f00b204e9800998ecf8427e",
            "sk_live_4eC39HqLyjWDarjtT1zdp7dcXXXXXXXX",
            "aB3-dE5_gH7-jK9_mN1-pQ3_sT5-vW7_yZ9-",
        ];
        let beside = [
            "orders;jsessionid=0123456789ABCDEF0123456789ABCDEF",
            "é@d41d8cd98f00b204e9800998ecf8427e",
        ];
        for segment in masked.into_iter().chain(beside) {
            let path = format!("/reset/{segment}/confirm");
            assert_eq!(Paths::Masked.shown(&path, None), "/reset/…/confirm", "{segment}");
            assert_eq!(Paths::AsSent.shown(&path, None), path);
        }
        let kept = [
            "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "how-to-install-a-very-long-named-thing-2",
            "2026-01-01T00:00:00Z",
        ];
        for segment in kept {
            let path = format!("/orders/{segment}");
            assert_eq!(Paths::Masked.shown(&path, None), path);
        }
    }

    #[test]
    fn a_route_may_stand_for_the_path() {
        assert_eq!(Paths::Route.shown("/orders/7", Some("/orders/{id}")), "/orders/{id}");
        assert_eq!(Paths::Route.shown("/orders/7", None), "…");
    }

    #[test]
    fn only_named_parameters_of_a_query_are_kept() {
        let names = ["page", "sort"].map(str::to_owned);
        assert_eq!(query("page=2&token=secret&sort=asc", &names), "page=2&sort=asc&…");
        assert_eq!(query("token=secret", &names), "…");
        assert_eq!(query("page", &names), "page=");
        assert_eq!(query("", &names), "");
        assert_eq!(query("page=d41d8cd98f00b204e9800998ecf8427e", &names), "page=…");
        let long = format!("page={}", "é".repeat(400));
        assert_eq!(query(&long, &names).len(), "page=".len() + 256);
    }

    proptest! {
        #[test]
        fn a_parameter_nobody_named_never_shows(value in "[a-z]{8,20}", page in 0u32..999) {
            let shown = query(&format!("page={page}&q={value}&{value}"), &["page".to_owned()]);
            prop_assert_eq!(shown, format!("page={page}&…"));
        }

        #[test]
        fn any_path_is_shown_without_its_query(path in "/[ -~é]{0,60}", token in "[0-9a-f]{32,64}") {
            let whole = format!("{path}?access_token={token}");
            prop_assert!(!Paths::Masked.shown(&whole, None).contains(&token));
            prop_assert!(!Paths::AsSent.shown(&whole, None).contains(&token));
        }
    }
}
