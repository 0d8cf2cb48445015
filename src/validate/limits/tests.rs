#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use proptest::prelude::*;

use super::{JsonFaultKind as Kind, JsonLimits};

fn fault(text: &[u8]) -> (Kind, String) {
    fault_of(&JsonLimits::default(), text)
}

fn fault_of(limits: &JsonLimits, text: &[u8]) -> (Kind, String) {
    let fault = limits.check(text).expect_err("a fault");
    (fault.kind(), fault.pointer().to_owned())
}

fn at(kind: Kind, pointer: &str) -> (Kind, String) {
    (kind, pointer.to_owned())
}

#[test]
fn every_kind_of_value_is_accepted() {
    for text in [
        "0",
        "-0",
        "-0.0e-0",
        "12.5E+3",
        "true",
        "false",
        "null",
        "\"\"",
        "[]",
        "{}",
        " [ 1 , 2 ] ",
        "\t{\r\n\"a\" : [ { } , [ ] ] , \"b\":\"\\u00e9\\ud834\\udd1e\u{e9}\" }\n",
        "\"a string that is longer than eight bytes, with \\\"quotes\\\" and \u{1f600}\"",
    ] {
        assert_eq!(JsonLimits::default().check(text.as_bytes()), Ok(()), "{text}");
    }
}

#[test]
fn the_fault_says_what_and_where() {
    assert_eq!(fault(b""), at(Kind::UnexpectedEnd, ""));
    assert_eq!(fault(b" \n"), at(Kind::UnexpectedEnd, ""));
    assert_eq!(fault(b"\xef\xbb\xbf{}"), at(Kind::ByteOrderMark, ""));
    assert_eq!(fault(b"{} x"), at(Kind::TrailingData, ""));
    assert_eq!(fault(b"[1,]"), at(Kind::UnexpectedByte, "/1"));
    assert_eq!(fault(b"[1 2]"), at(Kind::UnexpectedByte, "/0"));
    assert_eq!(fault(b"[1}"), at(Kind::UnexpectedByte, "/0"));
    assert_eq!(fault(b"{\"a\":[1,{\"b\":tru}]}"), at(Kind::UnexpectedByte, "/a/1/b"));
    assert_eq!(fault(b"{\"a\":tr"), at(Kind::UnexpectedEnd, "/a"));
    assert_eq!(fault(b"{\"a\":01}"), at(Kind::UnexpectedByte, "/a"));
    assert_eq!(fault(b"{\"a\":1.}"), at(Kind::UnexpectedByte, "/a"));
    assert_eq!(fault(b"{\"a\":-}"), at(Kind::UnexpectedByte, "/a"));
    assert_eq!(fault(b"{\"a\":1e"), at(Kind::UnexpectedEnd, "/a"));
    assert_eq!(fault(b"{\"a\":1,}"), at(Kind::UnexpectedByte, ""));
    assert_eq!(fault(b"{\"a\" 1}"), at(Kind::UnexpectedByte, "/a"));
    assert_eq!(fault(b"{a:1}"), at(Kind::UnexpectedByte, ""));
    assert_eq!(fault(b"[\"a\nb\"]"), at(Kind::ControlCharacter, "/0"));
    assert_eq!(fault(b"[\"\\x\"]"), at(Kind::BadEscape, "/0"));
    assert_eq!(fault(b"[\"\\u12g4\"]"), at(Kind::BadEscape, "/0"));
    assert_eq!(fault(b"[\"\\u12"), at(Kind::UnexpectedEnd, "/0"));
    assert_eq!(fault(b"[\"12345678 \xff\"]"), at(Kind::NotUtf8, "/0"));
    assert_eq!(fault(b"{\"\xc3(\":1}"), at(Kind::NotUtf8, ""));
    assert_eq!(fault(b"[\"\\ud800\"]"), at(Kind::LoneSurrogate, "/0"));
    assert_eq!(fault(b"[\"\\ud800\\u0041\"]"), at(Kind::LoneSurrogate, "/0"));
    assert_eq!(fault(b"[\"\\udc00\\ud800\"]"), at(Kind::LoneSurrogate, "/0"));
    assert_eq!(fault(b"{\"a~/b\":{\"\":x}}"), at(Kind::UnexpectedByte, "/a~0~1b/"));
}

#[test]
fn the_offset_is_where_reading_stopped() {
    let offset = |text: &[u8]| JsonLimits::default().check(text).unwrap_err().offset();
    assert_eq!(offset(b"[1,x]"), 3);
    assert_eq!(offset(b"[\"abc\xff\"]"), 5);
    assert_eq!(offset(b"[1"), 2);
}

#[test]
fn a_text_at_a_limit_passes_and_one_past_it_does_not() {
    let limits = JsonLimits::builder()
        .depth(2)
        .entries(2)
        .items(3)
        .string_bytes(4)
        .name_bytes(2)
        .number_chars(5)
        .build()
        .unwrap();
    for text in [
        "[[]]",
        "{\"a\":[]}",
        "{\"a\":1,\"b\":2}",
        "[1,2,3]",
        "\"abcd\"",
        "\"\\u0061\\n\\ud83d\"".replace("\\ud83d", "zz").as_str(),
        "\"\\ud83d\\ude00\"",
        "{\"\\u0061b\":1}",
        "[1.5e3]",
    ] {
        assert_eq!(limits.check(text.as_bytes()), Ok(()), "{text}");
    }
    let fault = |text: &str| fault_of(&limits, text.as_bytes());
    assert_eq!(fault("[1,[[]]]"), at(Kind::TooDeep, "/1/0"));
    assert_eq!(fault("{\"a\":1,\"b\":2,\"c\":3}"), at(Kind::TooManyEntries, ""));
    assert_eq!(fault("{\"a\":[1,2,3,4]}"), at(Kind::TooManyItems, "/a"));
    assert_eq!(fault("[\"abcde\"]"), at(Kind::StringTooLong, "/0"));
    assert_eq!(fault("[\"\\u20ac\\u20ac\"]"), at(Kind::StringTooLong, "/0"));
    assert_eq!(fault("{\"abc\":1}"), at(Kind::NameTooLong, ""));
    assert_eq!(fault("[-1.5e3]"), at(Kind::NumberTooLong, "/0"));
}

#[test]
fn hostile_nesting_is_refused_without_a_stack() {
    assert_eq!(fault(&b"[".repeat(1 << 20)).0, Kind::TooDeep);
    assert_eq!(fault(&b"{\"\":".repeat(1 << 18)).0, Kind::TooDeep);
}

#[test]
fn a_name_given_twice_is_refused_however_it_is_spelt() {
    assert_eq!(fault(b"{\"a\":1,\"a\":1}"), at(Kind::DuplicateName, "/a"));
    assert_eq!(fault(b"{\"a\":1,\"\\u0061\":1}"), at(Kind::DuplicateName, "/a"));
    assert_eq!(fault(b"{\"\\u0061\":1,\"a\":1}"), at(Kind::DuplicateName, "/a"));
    assert_eq!(fault(b"{\"/\":1,\"\\/\":1}"), at(Kind::DuplicateName, "/~1"));
    assert_eq!(
        fault("{\"\\ud83d\\ude00\":1,\"\u{1f600}\":1}".as_bytes()),
        at(Kind::DuplicateName, "/\u{1f600}")
    );
    assert_eq!(fault(b"{\"x\":[{\"a\":{},\"a\":1}]}"), at(Kind::DuplicateName, "/x/0/a"));
    // The same name in other objects, around or beside, is none of its business.
    let apart = b"{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]},\"b\":{\"a\":1}}";
    assert_eq!(JsonLimits::default().check(apart), Ok(()));
}

#[test]
fn a_name_given_twice_is_found_among_many_too() {
    for count in [15_usize, 16, 17, 18, 40, 999] {
        let members: Vec<String> =
            (0..count).map(|n| format!("\"name-{n}\":{{\"k\":1}}")).collect();
        let text = format!("{{{}}}", members.join(","));
        assert_eq!(JsonLimits::default().check(text.as_bytes()), Ok(()), "{count}");
        for again in [0, count / 2, count - 1] {
            let text = format!("{{{},\"\\u006eame-{again}\":2}}", members.join(","));
            let found = fault(text.as_bytes());
            assert_eq!(found, at(Kind::DuplicateName, &format!("/name-{again}")));
        }
    }
}

#[test]
fn the_pointer_is_short_and_safe_to_log() {
    let long = "n".repeat(200);
    let (_, pointer) = fault(format!("{{\"{long}\":x}}").as_bytes());
    assert_eq!(pointer, format!("/{}…", "n".repeat(64)));
    let (_, pointer) = fault(b"{\"a\\nb\\u0000\":x}");
    assert_eq!(pointer, "/a\u{fffd}b\u{fffd}");
    let deep = format!("{{\"{long}\":").repeat(31);
    let (_, pointer) = fault(deep.as_bytes());
    assert!(pointer.len() < 1200, "{}", pointer.len());
    assert!(pointer.ends_with("/…"));
}

#[test]
fn every_bad_limit_is_named_at_once() {
    let error = JsonLimits::builder().depth(0).number_chars(0).body_bytes(0).build().unwrap_err();
    let setters: Vec<_> = error.mistakes().iter().map(|mistake| mistake.setter()).collect();
    assert_eq!(setters, ["depth", "number_chars", "body_bytes"]);
    assert!(JsonLimits::builder().depth(128).build().is_err());
}

/// Whether serde_json takes the text; `None` where it stops at a number beyond an `f64`, which is
/// JSON all the same.
fn serde_takes(text: &[u8]) -> Option<bool> {
    match serde_json::from_slice::<serde_json::Value>(text) {
        Ok(_) => Some(true),
        Err(error) if error.to_string().starts_with("number out of range") => None,
        Err(_) => Some(false),
    }
}

fn jsonish() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u",
        "d83d",
        "de00",
        "0061",
        "\"a\"",
        "\"b\"",
        "\"\\u0061\"",
        "1",
        "0",
        "-",
        ".",
        "e",
        "+",
        "true",
        "false",
        "null",
        "nul",
        " ",
        "\n",
        "\u{e9}",
        "\u{1}",
        "12345678",
        "abcdefgh",
        "\"k\":",
        "[]",
        "{}",
        "1.5e10",
        "\u{feff}",
    ]);
    prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat().into_bytes())
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,20}".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 64, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Into::into),
            prop::collection::btree_map(".{0,12}", inner, 0..20)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn agrees(text: &[u8]) -> Result<(), TestCaseError> {
    let ours = JsonLimits::unbounded().check(text);
    let Some(theirs) = serde_takes(text) else {
        return Ok(());
    };
    match ours {
        Ok(()) => prop_assert!(theirs, "ours alone accepts {:?}", String::from_utf8_lossy(text)),
        Err(fault) => prop_assert!(
            !theirs || fault.kind() == Kind::DuplicateName,
            "ours alone refuses {:?}: {fault}",
            String::from_utf8_lossy(text)
        ),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_serde_json_accepts_is_accepted_and_nothing_else(text in jsonish()) {
        agrees(&text)?;
    }

    #[test]
    fn random_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..64)) {
        agrees(&text)?;
    }
}

proptest! {
    #[test]
    fn whole_documents_and_their_mutations_agree_with_serde_json(
        value in json(),
        pretty in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        end in any::<prop::sample::Index>(),
    ) {
        let mut text = match pretty {
            true => serde_json::to_vec_pretty(&value),
            false => serde_json::to_vec(&value),
        }.unwrap();
        prop_assert_eq!(JsonLimits::unbounded().check(&text), Ok(()));
        for (index, byte) in changes {
            let place = index.index(text.len());
            if let Some(place) = text.get_mut(place) {
                *place = byte;
            }
        }
        agrees(&text)?;
        text.truncate(end.index(text.len()));
        agrees(&text)?;
        let _ = JsonLimits::default().check(&text);
    }

    #[test]
    fn a_string_is_measured_as_its_decoded_text(text in ".{0,40}", escape in any::<bool>()) {
        let written = match escape {
            true => {
                let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
                format!("\"{}\"", units.collect::<String>())
            }
            false => serde_json::to_string(&text).unwrap(),
        };
        let limit = |bytes| JsonLimits { string_bytes: bytes, ..JsonLimits::default() };
        prop_assert_eq!(limit(text.len()).check(written.as_bytes()), Ok(()));
        if let Some(less) = text.len().checked_sub(1) {
            let fault = limit(less).check(written.as_bytes()).unwrap_err();
            prop_assert_eq!(fault.kind(), Kind::StringTooLong);
        }
    }
}
