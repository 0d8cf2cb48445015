//! URLs as they stand in metadata: read, never followed.

use http::Uri;

use crate::error::Mistakes;

/// Where RFC 9728, section 3, puts the document.
pub(super) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

const REMEDY: &str = "write the whole URL, `https://api.example/orders`";

/// An absolute URL that can stand in a quoted string: `https` anywhere, `http` on this machine only.
pub(crate) fn check_link(setter: &'static str, text: &str, mistakes: &mut Mistakes) -> bool {
    match problem(text) {
        None => true,
        Some(problem) => {
            mistakes.push(setter, text, problem, REMEDY);
            false
        }
    }
}

fn problem(text: &str) -> Option<&'static str> {
    if text.contains(['"', '\\', '#']) || !text.bytes().all(|byte| matches!(byte, b'!'..=b'~')) {
        return Some("has a fragment, or characters that cannot stand in a URL");
    }
    let Ok(uri) = text.parse::<Uri>() else { return Some("is not a URL") };
    let Some(authority) = uri.authority() else { return Some("is not a whole URL") };
    if authority.as_str().contains('@') {
        return Some("holds a user name");
    }
    match uri.scheme_str() {
        Some("https") => None,
        Some("http") if is_loopback(authority.host()) => None,
        _ => Some("is not `https`"),
    }
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// Whether a text is a URL that clients can go to.
pub(super) fn is_link(text: &str) -> bool {
    problem(text).is_none()
}

/// The place of the document for a resource: its URL, and the path in it. `None` where the resource
/// has no such place.
pub(super) fn place(resource: &str, mistakes: &mut Mistakes) -> Option<(String, String)> {
    if !check_link("resource", resource, mistakes) {
        return None;
    }
    let (scheme, rest) = resource.split_once("://")?;
    let (host, path) = match rest.find(['/', '?']) {
        None => (rest, ""),
        Some(end) => rest.split_at_checked(end)?,
    };
    let remedy = "name the resource by its path alone";
    if path.contains('?') {
        mistakes.push("resource", resource, "has a query, by which no route can be told", remedy);
        return None;
    }
    if path.contains(['{', '}', '%']) || path.contains("//") || path.contains("/.") {
        let problem = "has a path that is no plain path of a route";
        mistakes.push("resource", resource, problem, remedy);
        return None;
    }
    // A slash right behind the host is left out (RFC 9728, section 3.1).
    let path = if path == "/" { "" } else { path };
    let path = format!("{WELL_KNOWN}{path}");
    Some((format!("{scheme}://{host}{path}"), path))
}
