//! `Content-Type` as RFC 9110, section 8.3.1, writes it, and nothing looser.

use http::{HeaderMap, header};

/// A media type as sent: nothing is copied, case is ignored when comparing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::validate) struct MediaType<'a> {
    kind: &'a str,
    subtype: &'a str,
    charset: Option<&'a str>,
}

/// What the `Content-Type` of a request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::validate) enum Declared<'a> {
    /// No such header.
    Nothing,
    /// One media type, well written.
    One(MediaType<'a>),
    /// Two headers, or one that cannot be read.
    Unreadable,
}

/// Reads the media type a request declares.
pub(in crate::validate) fn declared(headers: &HeaderMap) -> Declared<'_> {
    let mut all = headers.get_all(header::CONTENT_TYPE).iter();
    let Some(first) = all.next() else {
        return Declared::Nothing;
    };
    if all.next().is_some() {
        return Declared::Unreadable;
    }
    match first.to_str().ok().and_then(MediaType::parse) {
        Some(media_type) => Declared::One(media_type),
        None => Declared::Unreadable,
    }
}

impl<'a> MediaType<'a> {
    pub(in crate::validate) fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim_matches(BLANK);
        let (essence, mut rest) = match text.find(';') {
            Some(at) => text.split_at_checked(at)?,
            None => (text, ""),
        };
        let (kind, subtype) = essence.trim_end_matches(BLANK).split_once('/')?;
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        let mut seen: [&str; MOST_PARAMETERS] = [""; MOST_PARAMETERS];
        let mut slots = seen.iter_mut();
        let mut known: usize = 0;
        let mut charset = None;
        while let Some(after) = rest.strip_prefix(';') {
            let after = after.trim_start_matches(BLANK);
            if after.is_empty() || after.starts_with(';') {
                rest = after;
                continue;
            }
            let (name, after) = after.split_once('=')?;
            let (value, after) = value(after)?;
            if !is_token(name) {
                return None;
            }
            *slots.next()? = name;
            known += 1;
            if name.eq_ignore_ascii_case("charset") {
                charset = Some(value);
            }
            rest = after.trim_start_matches(BLANK);
        }
        if !rest.is_empty() || has_twins(&seen, known) {
            return None;
        }
        Some(Self { kind, subtype, charset })
    }

    /// Whether the body is JSON: `application/json`, `text/json`, and every `+json` (RFC 6839).
    ///
    /// `application/json+x` too: axum reads the part before the suffix as the subtype, and what a
    /// handler takes for JSON has to be judged.
    pub(in crate::validate) fn is_json(&self) -> bool {
        let is_for_data =
            self.kind.eq_ignore_ascii_case("application") || self.kind.eq_ignore_ascii_case("text");
        let names_json = || self.subtype.split('+').any(|part| part.eq_ignore_ascii_case("json"));
        (is_for_data && names_json()) || self.has_suffix("json")
    }

    /// Whether no other charset than UTF-8 is claimed.
    pub(in crate::validate) fn is_utf8(&self) -> bool {
        self.charset.is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8"))
    }

    fn has_suffix(&self, suffix: &str) -> bool {
        self.subtype
            .rsplit_once('+')
            .is_some_and(|(tree, found)| !tree.is_empty() && found.eq_ignore_ascii_case(suffix))
    }
}

/// More parameters than this are nobody's media type.
const MOST_PARAMETERS: usize = 8;

const BLANK: [char; 2] = [' ', '\t'];

fn has_twins(names: &[&str], known: usize) -> bool {
    names.iter().take(known).enumerate().any(|(index, name)| {
        names.iter().take(index).any(|earlier| earlier.eq_ignore_ascii_case(name))
    })
}

/// A parameter's value, a token or a quoted string, and what follows it. The text of a quoted
/// string is given as written: with an escape in it, it equals nothing that is compared here.
fn value(text: &str) -> Option<(&str, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ' ', '\t']).unwrap_or(text.len());
        let (token, rest) = text.split_at_checked(end)?;
        return is_token(token).then_some((token, rest));
    };
    let mut is_escaped = false;
    for (at, byte) in quoted.bytes().enumerate() {
        match (is_escaped, byte) {
            (false, b'"') => {
                let (value, rest) = quoted.split_at_checked(at)?;
                return Some((value, rest.strip_prefix('"')?));
            }
            (false, b'\\') => is_escaped = true,
            (_, b'\t' | b' '..=b'~' | 0x80..) => is_escaped = false,
            _ => return None,
        }
    }
    None
}

/// RFC 9110, section 5.6.2.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// A media type that is let through, or a family of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::validate) enum MediaRange {
    /// `type/subtype`
    Exact(String, String),
    /// `type/*`
    Type(String),
    /// `type/*+suffix`
    Suffix(String, String),
}

impl MediaRange {
    pub(in crate::validate) fn parse(text: &str) -> Option<Self> {
        let (kind, subtype) = text.split_once('/')?;
        if !is_token(kind) || kind.contains('*') {
            return None;
        }
        if subtype == "*" {
            return Some(Self::Type(kind.to_owned()));
        }
        if let Some(suffix) = subtype.strip_prefix("*+") {
            let is_plain = is_token(suffix) && !suffix.contains(['*', '+']);
            return is_plain.then(|| Self::Suffix(kind.to_owned(), suffix.to_owned()));
        }
        let is_plain = is_token(subtype) && !subtype.contains('*');
        is_plain.then(|| Self::Exact(kind.to_owned(), subtype.to_owned()))
    }

    pub(in crate::validate) fn covers(&self, media_type: &MediaType<'_>) -> bool {
        let same_type = |kind: &str| kind.eq_ignore_ascii_case(media_type.kind);
        match self {
            Self::Exact(kind, subtype) => {
                same_type(kind) && subtype.eq_ignore_ascii_case(media_type.subtype)
            }
            Self::Type(kind) => same_type(kind),
            Self::Suffix(kind, suffix) => same_type(kind) && media_type.has_suffix(suffix),
        }
    }
}

impl std::fmt::Display for MediaRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(kind, subtype) => write!(f, "{kind}/{subtype}"),
            Self::Type(kind) => write!(f, "{kind}/*"),
            Self::Suffix(kind, suffix) => write!(f, "{kind}/*+{suffix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_json(text: &str) -> Option<bool> {
        MediaType::parse(text).map(|media_type| media_type.is_json())
    }

    #[test]
    fn json_is_known_by_its_name_and_by_its_suffix() {
        for json in [
            "application/json",
            "Application/JSON",
            " application/json\t",
            "application/json; charset=utf-8",
            "application/json ;charset=\"utf-8\"",
            "application/json;",
            "application/json;;profile=x",
            "text/json",
            "application/problem+json",
            "application/vnd.a.b+JSON; v=1",
            "image/x+json",
            "application/json+x",
            "application/+json",
        ] {
            assert_eq!(is_json(json), Some(true), "{json}");
        }
        for other in [
            "text/plain",
            "application/jsonp",
            "application/json-seq",
            "application/x-ndjson",
            "image/json+x",
            "image/json",
            "multipart/form-data; boundary=\"a;b=\\\"c\"",
        ] {
            assert_eq!(is_json(other), Some(false), "{other}");
        }
    }

    #[test]
    fn what_is_not_written_by_the_grammar_is_unreadable() {
        for bad in [
            "",
            "json",
            "/json",
            "application/",
            "application /json",
            "application/ json",
            "application/json, text/plain",
            "application/json/x",
            "application/json; charset",
            "application/json; charset = utf-8",
            "application/json; charset=",
            "application/json; charset=\"utf-8",
            "application/json; charset=\"utf-8\"x",
            "application/json; charset=utf-8 utf-8",
            "application/json; charset=utf-8; Charset=utf-16",
            "application/json charset=utf-8",
            "application/json; a=1;b=1;c=1;d=1;e=1;f=1;g=1;h=1;i=1",
        ] {
            assert_eq!(MediaType::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_utf8_is_utf8() {
        let is_utf8 = |text| MediaType::parse(text).map(|media_type| media_type.is_utf8());
        assert_eq!(is_utf8("application/json"), Some(true));
        assert_eq!(is_utf8("application/json;charset=UTF-8"), Some(true));
        assert_eq!(is_utf8("application/json;charset=\"utf-8\""), Some(true));
        assert_eq!(is_utf8("application/json;charset=utf-16"), Some(false));
        assert_eq!(is_utf8("application/json;charset=\"utf\\-8\""), Some(false));
    }

    #[test]
    fn ranges_cover_what_they_say() {
        let covers = |range: &str, text: &str| {
            let range = MediaRange::parse(range)?;
            Some(range.covers(&MediaType::parse(text)?))
        };
        assert_eq!(covers("text/csv", "Text/CSV; header=present"), Some(true));
        assert_eq!(covers("text/csv", "text/plain"), Some(false));
        assert_eq!(covers("image/*", "image/png"), Some(true));
        assert_eq!(covers("image/*", "video/png"), Some(false));
        assert_eq!(covers("application/*+json", "application/a+json"), Some(true));
        assert_eq!(covers("application/*+json", "application/json"), Some(false));
        for bad in ["*/*", "text", "*/json", "text/*x", "text/*+", "text/x*", "text/plain; a=b"] {
            assert_eq!(MediaRange::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in "\\PC{0,40}") {
            let _ = MediaType::parse(&text);
            let _ = MediaRange::parse(&text);
        }

        #[test]
        fn nothing_near_the_grammar_makes_it_panic(text in "[a/;=\" \\\\+,]{0,16}") {
            let _ = MediaType::parse(&text);
        }
    }
}
