//! What may stand in a list of scopes or roles.

use crate::error::Mistakes;

/// Reports scopes and roles that nobody could require.
pub(super) fn check(scopes: &[String], roles: &[String], mistakes: &mut Mistakes) {
    for scope in scopes.iter().filter(|scope| !is_scope(scope)) {
        let remedy = "grant one scope a call, without spaces, quotes or backslashes";
        mistakes.push("scope", &**scope, "is not a scope", remedy);
    }
    if roles.iter().any(String::is_empty) {
        mistakes.push("role", "", "a role has no name", "name it, or leave the setter out");
    }
}

/// RFC 6749, section 3.3: `scope-token`.
fn is_scope(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}
