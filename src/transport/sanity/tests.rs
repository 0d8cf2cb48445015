use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use proptest::prelude::*;

use crate::clock::ManualClock;
use crate::guard::{Exchange, Guard};
use crate::rejection::{Reason, Rejection};

use super::Sanity;

fn check(sanity: &Sanity, method: &str, target: &str, headers: HeaderMap) -> Result<(), Rejection> {
    let mut request = Request::new(());
    *request.method_mut() = method.parse().unwrap();
    *request.uri_mut() = target.parse().unwrap();
    *request.headers_mut() = headers;
    sanity.check(&mut Exchange::test(request, ManualClock::default())).map(|_| ())
}

fn path(method: &str, target: &str) -> Result<(), Reason> {
    check(&Sanity::default(), method, target, HeaderMap::new())
        .map_err(|rejection| rejection.reason())
}

fn framed(lines: &[(HeaderName, &str)]) -> Result<(), Reason> {
    let lines = lines.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
    let mut headers = HeaderMap::new();
    lines.for_each(|(name, value): (HeaderName, HeaderValue)| {
        headers.append(name, value);
    });
    check(&Sanity::default(), "POST", "/", headers).map_err(|rejection| rejection.reason())
}

#[test]
fn an_ordinary_request_passes() {
    assert_eq!(path("GET", "/orders/7?x=//%2e%2e"), Ok(()));
    assert_eq!(path("GET", "http://a.example"), Ok(()));
}

#[test]
fn a_path_that_can_be_read_in_two_ways_is_refused_and_named() {
    for target in ["//a", "/a/%2e%2e/b", "/a%2fb", "/a%5cb", "/a%00", "/%c0%af", "/%4", "/./a"] {
        let refused = check(&Sanity::default(), "GET", target, HeaderMap::new()).unwrap_err();
        assert_eq!(refused.reason(), Reason::BadPath, "{target}");
        assert!(refused.public_detail().starts_with("the path"), "{target}");
    }
}

#[test]
fn a_star_is_the_target_of_options_alone() {
    assert_eq!(path("OPTIONS", "*"), Ok(()));
    assert_eq!(path("GET", "*"), Err(Reason::BadPath));
}

#[test]
fn methods_that_are_not_listed_are_refused_with_those_that_are() {
    for method in ["TRACE", "TRACK", "CONNECT", "PROPFIND", "get"] {
        assert_eq!(path(method, "/"), Err(Reason::MethodNotAllowed), "{method}");
    }
    let refused = check(&Sanity::default(), "TRACE", "/", HeaderMap::new()).unwrap_err();
    let (name, value) = &refused.headers()[0];
    assert_eq!(name, header::ALLOW);
    assert_eq!(value, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
}

#[test]
fn connect_passes_where_it_is_named() {
    let sanity = Sanity::builder().methods(["CONNECT"]).build().unwrap();
    assert!(check(&sanity, "CONNECT", "a.example:443", HeaderMap::new()).is_ok());
    assert!(check(&sanity, "CONNECT", "/socket", HeaderMap::new()).is_ok());
    assert!(check(&sanity, "CONNECT", "/a//b", HeaderMap::new()).is_err());
}

#[test]
fn a_body_whose_end_is_told_twice_is_refused() {
    use header::{CONTENT_LENGTH as LENGTH, TRANSFER_ENCODING as CODING};
    const BAD: Result<(), Reason> = Err(Reason::MalformedRequest);
    assert_eq!(framed(&[(LENGTH, "5")]), Ok(()));
    assert_eq!(framed(&[(LENGTH, "5"), (LENGTH, "5")]), Ok(()));
    assert_eq!(framed(&[(CODING, "Chunked")]), Ok(()));
    assert_eq!(framed(&[(LENGTH, "5"), (LENGTH, "6")]), BAD);
    assert_eq!(framed(&[(LENGTH, "5"), (CODING, "chunked")]), BAD);
    assert_eq!(framed(&[(CODING, "chunked"), (CODING, "chunked")]), BAD);
    for length in ["", "+5", "-5", "5, 5", "0x5", "5 5"] {
        assert_eq!(framed(&[(LENGTH, length)]), BAD, "{length}");
    }
    for coding in ["gzip, chunked", "identity", "xchunked", ""] {
        assert_eq!(framed(&[(CODING, coding)]), BAD, "{coding}");
    }
}

fn many(count: usize, size: usize) -> HeaderMap {
    let value = HeaderValue::try_from("a".repeat(size)).unwrap();
    let names = (0..count).map(|at| HeaderName::try_from(format!("x-{at:03}")).unwrap());
    names.map(|name| (name, value.clone())).collect()
}

#[test]
fn a_hundred_header_fields_pass_and_one_more_does_not() {
    let sanity = Sanity::default();
    assert!(check(&sanity, "GET", "/", many(100, 1)).is_ok());
    let refused = check(&sanity, "GET", "/", many(101, 1)).unwrap_err();
    assert_eq!(refused.reason(), Reason::HeadersTooLarge);
}

#[test]
fn header_fields_of_32_kib_pass_and_one_byte_more_does_not() {
    let sanity = Sanity::default();
    assert!(check(&sanity, "GET", "/", many(1, 32 * 1024 - 5)).is_ok());
    let refused = check(&sanity, "GET", "/", many(1, 32 * 1024 - 4)).unwrap_err();
    assert_eq!(refused.reason(), Reason::HeadersTooLarge);
}

#[test]
fn every_wrong_setting_is_named_at_once() {
    let error = Sanity::builder()
        .methods(["GET", "NO GOOD", "TRACE", "TRACK"])
        .max_headers(0)
        .max_header_bytes(0)
        .build()
        .unwrap_err();
    let setters: Vec<_> = error.mistakes().iter().map(|mistake| mistake.setter()).collect();
    let want = ["methods", "methods", "methods", "max_headers", "max_header_bytes"];
    assert_eq!(setters, want);
}

#[test]
fn control_characters_cannot_stand_in_a_header_value() {
    for byte in (0..0x20_u8).filter(|byte| *byte != b'\t').chain([0x7f]) {
        assert!(HeaderValue::from_bytes(&[b'a', byte]).is_err(), "{byte:#x}");
    }
    for blank in [" ", "\t", "a ", " a", "a\tb"] {
        assert!(HeaderName::try_from(blank).is_err(), "{blank:?}");
    }
}

proptest! {
    #[test]
    fn any_head_is_judged_without_panic(
        method in "[A-Za-z]{1,8}",
        target in proptest::collection::vec(any::<u8>(), 0..40),
        value in proptest::collection::vec(any::<u8>(), 0..40),
        name in 0_usize..3,
    ) {
        let names = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::HOST];
        let mut request = Request::new(());
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        if let Ok(uri) = Uri::try_from([b"/", target.as_slice()].concat()) {
            *request.uri_mut() = uri;
        }
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            request.headers_mut().append(&names[name], value);
        }
        let _ = Sanity::default().check(&mut Exchange::test(request, ManualClock::default()));
    }
}
