//! Texts of a stranger's in words for the record.

/// The longest piece of a token's own text that goes into a record, in characters.
const FOUND_CHARS: usize = 64;

/// A text of a token's, in backticks, short and without control characters.
pub(in crate::auth) fn quote(text: &str) -> String {
    format!("`{}`", clip(text))
}

/// As [`quote`], without the backticks.
pub(in crate::auth) fn clip(text: &str) -> String {
    clip_to(text, FOUND_CHARS)
}

/// A text, escaped, of which no more than so many characters are left.
pub(in crate::auth) fn clip_to(text: &str, most: usize) -> String {
    let mut clipped: String = text.chars().take(most).flat_map(char::escape_debug).collect();
    if text.chars().nth(most).is_some() {
        clipped.push('…');
    }
    clipped
}

/// Two parts of a line in a manifest: ` for orders or stock`; nothing where there are no names.
pub(in crate::auth) fn named(before: &str, names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!(" {before} {}", names.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_clipped_and_escaped() {
        assert_eq!(quote("a\r\nb`"), "`a\\r\\nb``");
        assert_eq!(quote(&"é".repeat(64)), format!("`{}`", "é".repeat(64)));
        assert_eq!(quote(&"é".repeat(65)), format!("`{}…`", "é".repeat(64)));
        assert_eq!(clip_to("abc", 2), "ab…");
    }

    #[test]
    fn names_are_told_where_there_are_some() {
        assert_eq!(named("for", &[]), "");
        assert_eq!(named("to", &["a".to_owned(), "b".to_owned()]), " to a or b");
    }
}
