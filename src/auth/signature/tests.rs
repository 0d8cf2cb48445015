//! The value of each part, by the examples of RFC 9421, section 2, and where there is none.

use http::{Method, Request, Response};

use super::*;

fn head(request: http::request::Builder) -> http::request::Parts {
    request.body(()).unwrap().into_parts().0
}

fn value(head: &http::request::Parts, component: &str) -> Result<String, SignatureFault> {
    Message::request(head).value(&component.parse()?).map(|value| value.into_owned())
}

#[test]
fn derived_components_are_those_of_the_rfc() {
    let head = head(
        Request::post("/path?param=value&foo=bar&baz=batman&qux=")
            .header("host", "www.Example.com"),
    );
    for (component, expected) in [
        ("@method", "POST"),
        ("@target-uri", "https://www.example.com/path?param=value&foo=bar&baz=batman&qux="),
        ("@authority", "www.example.com"),
        ("@scheme", "https"),
        ("@request-target", "/path?param=value&foo=bar&baz=batman&qux="),
        ("@path", "/path"),
        ("@query", "?param=value&foo=bar&baz=batman&qux="),
        ("@query-param;name=\"baz\"", "batman"),
        ("@query-param;name=\"qux\"", ""),
    ] {
        assert_eq!(value(&head, component).unwrap(), expected, "{component}");
    }
}

#[test]
fn an_empty_query_and_an_empty_path_have_a_value() {
    let bare = head(Request::get("http://www.example.com:80"));
    for (component, expected) in [
        ("@query", "?"),
        ("@path", "/"),
        ("@target-uri", "http://www.example.com/"),
        ("@authority", "www.example.com"),
        ("@request-target", "/"),
    ] {
        assert_eq!(value(&bare, component).unwrap(), expected, "{component}");
    }
    let empty = head(Request::get("https://a.example/p?"));
    assert_eq!(value(&empty, "@target-uri").unwrap(), "https://a.example/p?");
}

#[test]
fn targets_without_a_path_have_none() {
    let mut all = head(Request::options("*").header("host", "www.example.com"));
    assert_eq!(value(&all, "@request-target").unwrap(), "*");
    let tunnel = head(Request::connect("www.example.com:80"));
    assert_eq!(value(&tunnel, "@request-target").unwrap(), "www.example.com:80");
    for component in ["@path", "@query", "@target-uri", "@query-param;name=\"a\"", "@status"] {
        assert!(value(&all, component).is_err(), "{component}");
        assert!(value(&tunnel, component).is_err(), "{component}");
    }
    all.method = Method::GET;
    all.headers.remove("host");
    assert!(value(&all, "@authority").is_err());
    let apart = head(Request::get("https://a.example/").header("host", "b.example"));
    assert!(value(&apart, "@authority").is_err());
    let alike = head(Request::get("https://a.example:443/").header("host", "A.example"));
    assert_eq!(value(&alike, "@authority").unwrap(), "a.example");
}

#[test]
fn fields_have_the_values_of_the_rfc() {
    let head = head(
        Request::get("/")
            .header("date", "Tue, 20 Apr 2021 02:07:56 GMT")
            .header("x-ows-header", "   Leading and trailing whitespace.\t  ")
            .header("cache-control", "max-age=60")
            .header("cache-control", "   must-revalidate")
            .header("x-empty-header", "")
            .header("priority", " a=1,    b=2;x=1;y=2,   c=(a   b   c), d")
            .header("example-header", "value, with, lots")
            .header("example-header", "of, commas")
            .header("x-name", b"Zo\xc3\xab".as_slice())
            .header("x-long", format!("a=\"{}\"", "x".repeat(9000))),
    );
    for (component, expected) in [
        ("date", "Tue, 20 Apr 2021 02:07:56 GMT"),
        ("x-ows-header", "Leading and trailing whitespace."),
        ("cache-control", "max-age=60, must-revalidate"),
        ("x-empty-header", ""),
        ("priority", "a=1,    b=2;x=1;y=2,   c=(a   b   c), d"),
        ("priority;sf", "a=1, b=2;x=1;y=2, c=(a b c), d"),
        ("priority;key=\"a\"", "1"),
        ("priority;key=\"b\"", "2;x=1;y=2"),
        ("priority;key=\"c\"", "(a b c)"),
        ("priority;key=\"d\"", "?1"),
        ("example-header", "value, with, lots, of, commas"),
        ("example-header;bs", ":dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:"),
        ("x-name;bs", ":Wm/Dqw==:"),
    ] {
        assert_eq!(value(&head, component).unwrap(), expected, "{component}");
    }
    for component in [
        "x-absent",
        "x-name",
        "priority;key=\"e\"",
        "date;key=\"a\"",
        "x-long;key=\"a\"",
        "date;req",
    ] {
        assert!(value(&head, component).is_err(), "{component}");
    }
}

#[test]
fn a_response_knows_its_status_and_the_request_it_answers() {
    let asked = head(Request::put("https://a.example/p?q").header("x-a", "1"));
    let answer = Response::builder().status(201).header("x-a", "2").body(()).unwrap();
    let (answer, ()) = answer.into_parts();
    let alone = Message::response(&answer);
    let request = Message::request(&asked);
    let both = alone.in_reply_to(&request);
    for (component, expected) in [
        ("@status", "201"),
        ("x-a", "2"),
        ("x-a;req", "1"),
        ("@method;req", "PUT"),
        ("@query;req", "?q"),
    ] {
        assert_eq!(both.value(&component.parse().unwrap()).unwrap(), expected, "{component}");
    }
    for component in ["@method", "@path"] {
        assert!(both.value(&component.parse().unwrap()).is_err(), "{component}");
    }
    for component in ["x-a;req", "@method;req"] {
        assert!(alone.value(&component.parse().unwrap()).is_err(), "{component}");
    }
    assert!(request.in_reply_to(&request).value(&"x-a;req".parse().unwrap()).is_err());
}
