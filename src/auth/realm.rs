//! The protection space of a challenge (RFC 9110, section 11.5).

use crate::error::Mistakes;

/// The beginning of a challenge, `Bearer realm="api"`. A realm that cannot stand in a quoted string is
/// a mistake of the setter `realm`.
pub(super) fn challenge(scheme: &str, realm: &str, mistakes: &mut Mistakes) -> Option<String> {
    let is_quotable = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if realm.bytes().all(is_quotable) {
        return Some(format!("{scheme} realm=\"{realm}\""));
    }
    let remedy = "use printable ASCII without quotes and backslashes";
    mistakes.push("realm", realm, "cannot stand in a header", remedy);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_stands_in_a_quoted_string_or_is_a_mistake() {
        let mut mistakes = Mistakes::default();
        let good = challenge("Bearer", "the api, v1", &mut mistakes);
        assert_eq!(good.as_deref(), Some("Bearer realm=\"the api, v1\""));
        assert!(mistakes.finish().is_ok());
        for bad in ["a\"b", "a\\b", "a\nb", "a\u{7f}", "é"] {
            let mut mistakes = Mistakes::default();
            assert_eq!(challenge("Bearer", bad, &mut mistakes), None);
            assert!(mistakes.finish().unwrap_err().to_string().contains("`realm`"), "{bad}");
        }
    }
}
