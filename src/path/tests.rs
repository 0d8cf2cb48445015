use proptest::prelude::*;

use super::{Separators::*, *};

#[test]
fn ordinary_paths_are_in_order() {
    for path in ["/", "/orders", "/orders/", "/a.b/..c/...", "/.well-known/x", "/a:b@c;d=e"] {
        assert_eq!(inspect(path, Refused), Ok(PathForm::Plain), "{path}");
    }
    for path in ["/%61pi", "/caf%C3%A9", "/100%25", "/a%20b", "/x%2ey"] {
        assert_eq!(inspect(path, Refused), Ok(PathForm::Escaped), "{path}");
    }
    assert_eq!(inspect("/café", Refused), Ok(PathForm::Plain));
}

#[test]
fn a_path_that_could_be_read_in_two_ways_is_refused() {
    use PathFault::{
        Backslash, BrokenEscape, Control, DotSegment, EmptySegment, EncodedBackslash, EncodedSlash,
        NotUtf8, Nul, Relative,
    };
    for (path, fault) in [
        ("", Relative),
        ("*", Relative),
        ("a/b", Relative),
        ("//", EmptySegment),
        ("//a", EmptySegment),
        ("/a//", EmptySegment),
        ("/a//b", EmptySegment),
        ("/.", DotSegment),
        ("/..", DotSegment),
        ("/a/../b", DotSegment),
        ("/a/./b", DotSegment),
        ("/a/%2e%2E/b", DotSegment),
        ("/a/.%2e", DotSegment),
        ("/%2e", DotSegment),
        ("/a%2fb", EncodedSlash),
        ("/a%2Fb", EncodedSlash),
        ("/a%5cb", EncodedBackslash),
        ("/a%5Cb", EncodedBackslash),
        ("/a\\b", Backslash),
        ("/a%00", Nul),
        ("/a\0", Nul),
        ("/a%0a", Control),
        ("/a%7f", Control),
        ("/a\tb", Control),
        ("/a%c2%85", Control),
        ("/a\u{85}", Control),
        ("/%", BrokenEscape),
        ("/%4", BrokenEscape),
        ("/%zz", BrokenEscape),
        ("/%%41", BrokenEscape),
        ("/%+1", BrokenEscape),
        ("/%c0%af", NotUtf8),
        ("/%c0%ae%c0%ae/", NotUtf8),
        ("/%e0%80%af", NotUtf8),
        ("/%f0%80%80%af", NotUtf8),
        ("/%ed%a0%80", NotUtf8),
        ("/%f4%90%80%80", NotUtf8),
        ("/%ff", NotUtf8),
        ("/%c3", NotUtf8),
        ("/%c3/", NotUtf8),
        ("/%80", NotUtf8),
    ] {
        assert_eq!(inspect(path, Refused), Err(fault), "{path:?}");
    }
}

#[test]
fn only_escapes_are_copied() {
    assert!(matches!(decode("/orders/7", Refused), Some(Cow::Borrowed("/orders/7"))));
    assert_eq!(decode("/%61pi%2F", Refused).as_deref(), Some("/api/"));
    assert_eq!(decode("/caf%c3%a9", Refused).as_deref(), Some("/café"));
    for broken in ["/%", "/%4", "/%zz", "/%ff"] {
        assert_eq!(decode(broken, Refused), None, "{broken}");
    }
}

#[test]
fn encoded_separators_are_text_where_a_route_says_so() {
    for path in ["/a%2fb", "/a%5Cb", "/a%2F%2Fb", "/https:%2f%2fhost%2f", "/%2f", "/a%2f/b"] {
        assert_eq!(inspect(path, Text), Ok(PathForm::Escaped), "{path}");
    }
    for path in ["/..%2fetc", "/a%2f..", "/a%2f../b", "/%2f.%2fb", "/a%5c%2e%2e%5cb", "/.%2f"] {
        assert_eq!(inspect(path, Text), Err(PathFault::DotSegment), "{path}");
    }
    assert_eq!(inspect("/a%2f//b", Text), Err(PathFault::EmptySegment));
    assert_eq!(inspect("/a\\b", Text), Err(PathFault::Backslash));
    assert_eq!(decode("/%61%2Fb%5cc%20d", Text).as_deref(), Some("/a%2Fb%5cc d"));
}

/// The rules once more, slowly, on the decoded bytes.
fn naive(path: &str) -> bool {
    let Some(decoded) = decode(path, Refused) else { return false };
    let lower = path.to_ascii_lowercase();
    path.starts_with('/')
        && !["//", "\\", "%2f", "%5c"].iter().any(|bad| lower.contains(bad))
        && !decoded.chars().any(char::is_control)
        && !decoded.split('/').any(|segment| segment == "." || segment == "..")
}

proptest! {
    #[test]
    fn the_fast_pass_agrees_with_the_rules_written_out(
        path in "/?([a-c./\\\\%]|%[0-9a-fA-F]{2}|%2[eEfF]|é|\u{85}|\\PC){0,12}",
    ) {
        prop_assert_eq!(inspect(&path, Refused).is_ok(), naive(&path), "{:?}", path);
        prop_assert_eq!(inspect(&path, Refused), inspect_closely(&path, Refused));
    }

    #[test]
    fn any_text_is_judged_without_panic(path in any::<String>()) {
        let form = inspect(&path, Refused);
        prop_assert_eq!(form, inspect_closely(&path, Refused));
        if form == Ok(PathForm::Plain) {
            prop_assert!(matches!(decode(&path, Refused), Some(Cow::Borrowed(_))));
        }
        if form == Ok(PathForm::Escaped) {
            prop_assert!(decode(&path, Refused).is_some());
        }
    }

    #[test]
    fn bytes_are_utf8_for_us_where_they_are_for_the_standard_library(
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 0x80_u8..], 1..6),
    ) {
        let path: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
        let valid = std::str::from_utf8(&bytes).is_ok();
        let found = inspect(&format!("/{path}"), Refused);
        prop_assert!(valid || found.is_err());
        if valid {
            prop_assert_ne!(found, Err(PathFault::NotUtf8));
        }
    }
}
