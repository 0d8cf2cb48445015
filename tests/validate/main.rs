//! Media types, JSON limits and JSON Schema on a real service.

#![cfg(feature = "validate")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod readers;
mod stack;

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};
use tower_parapet::{
    Body, Guard, Rejection, layer,
    validate::{JsonLimits, JsonSchema, MediaTypes},
};

const SCHEMA: &str = r#"{
    "type": "object",
    "properties": {
        "item": {"type": "string", "maxLength": 10},
        "count": {"type": "integer", "minimum": 1}
    },
    "required": ["item"],
    "additionalProperties": false
}"#;

/// What came back: status, headers, body.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn problem(&self) -> Value {
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        serde_json::from_str(&self.text).unwrap()
    }

    fn errors(&self) -> Value {
        self.problem()["errors"].clone()
    }

    fn is(&self, status: u16, code: &str) -> &Self {
        assert_eq!(self.status, status, "{}", self.text);
        let kind = self.problem()["type"].as_str().unwrap().to_owned();
        assert!(kind.ends_with(&format!("#{code}")), "{kind}");
        self
    }

    /// The handler answers with the body it got.
    fn echoes(&self, body: &str) {
        assert_eq!((self.status, self.text.as_str()), (StatusCode::OK, body));
    }
}

async fn send(guard: impl Guard, request: Request<Body>) -> Answer {
    let echo = service_fn(|request: Request<Body>| async {
        let status = match request.into_body().collect().await {
            Ok(body) => Ok(Response::new(Body::from(body.to_bytes()))),
            Err(_) => Ok(Response::new(Body::from("the body broke"))),
        };
        status as Result<_, Infallible>
    });
    answer(layer(guard).layer(echo).oneshot(request).await.unwrap()).await
}

async fn answer(response: Response<Body>) -> Answer {
    let (head, body) = response.into_parts();
    let text = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(text.to_vec()).unwrap();
    Answer { status: head.status, headers: head.headers, text }
}

fn post(media_type: &str, body: impl Into<String>) -> Request<Body> {
    let body = body.into();
    Request::post("/orders")
        .header(header::CONTENT_TYPE, media_type)
        .header(header::CONTENT_LENGTH, body.len())
        .body(Body::from(body))
        .unwrap()
}

fn json_post(body: impl Into<String>) -> Request<Body> {
    post("application/json", body)
}

fn orders() -> JsonSchema {
    JsonSchema::for_route("POST /orders", SCHEMA).build().unwrap()
}

/// A body that counts how often it was asked for data; its length is not announced.
struct Counted(Arc<AtomicUsize>, Option<Bytes>);

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(self.1.take().map(|data| Ok(Frame::data(data))))
    }
}

fn counted(text: &'static str) -> (Arc<AtomicUsize>, Body) {
    let polls = Arc::new(AtomicUsize::new(0));
    let body = Body::new(Counted(polls.clone(), Some(Bytes::from_static(text.as_bytes()))));
    (polls, body)
}

#[tokio::test]
async fn the_handler_gets_the_very_bytes_that_were_judged() {
    let odd = "{ \"item\":\t\"ch\\u0061ir\",\r\n\"count\" : 1.0e0 }\n";
    send(orders(), json_post(odd)).await.echoes(odd);
    send(JsonLimits::default(), json_post(odd)).await.echoes(odd);
}

#[tokio::test]
async fn a_body_two_parsers_could_read_differently_gets_400() {
    for twice in [r#"{"item":"a","item":"b"}"#, r#"{"item":"a","\u0069tem":"b"}"#] {
        for answer in [
            send(orders(), json_post(twice)).await,
            send(JsonLimits::default(), json_post(twice)).await,
        ] {
            answer.is(400, "json-limit");
            let pointer = json!([{"pointer": "/item", "detail": "the object has another member of this name"}]);
            assert_eq!(answer.errors(), pointer);
        }
    }
    for text in ["\u{feff}{}", r#"["\ud800"]"#, "[1e400]", "{} {}"] {
        assert_eq!(send(orders(), json_post(text)).await.status, 400, "{text}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_gets_400_with_a_pointer_and_without_the_value() {
    for guard in [Box::new(orders()) as Box<dyn Guard>, Box::new(JsonLimits::default())] {
        let answer = send(Arc::<dyn Guard>::from(guard), json_post(r#"{"item": hunter2}"#)).await;
        answer.is(400, "json-malformed");
        assert_eq!(answer.errors()[0]["pointer"], "/item");
        assert!(!answer.text.contains("hunter2"));
    }
}

#[tokio::test]
async fn no_part_of_a_refused_body_is_left_for_the_record() {
    for text in [r#"{"hush": 1, "hush": 2}"#, r#"{"hush": nil}"#, r#"{"hush": "hush"}"#] {
        let service = layer(orders()).layer(service_fn(async |_: Request<Body>| {
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }));
        let response = service.oneshot(json_post(text)).await.unwrap();
        let rejection = response.extensions().get::<Rejection>().unwrap();
        assert!(rejection.private_cause().is_none());
        for told in [rejection.private_found(), rejection.private_expected()] {
            assert!(!told.unwrap_or_default().contains("hush"), "{told:?}");
        }
    }
}

#[tokio::test]
async fn a_body_beyond_the_limits_gets_400_before_the_schema_sees_it() {
    let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
    send(orders(), json_post(&deep)).await.is(400, "json-limit");
    send(JsonLimits::default(), json_post(&deep)).await.is(400, "json-limit");
    let bomb = "[".repeat(1_000_000);
    send(orders(), json_post(&bomb)).await.is(400, "json-limit");
    let long = format!(r#"{{"item":"{}"}}"#, "x".repeat((64 << 10) + 1));
    let answer = send(orders(), json_post(long)).await;
    assert_eq!(answer.is(400, "json-limit").errors()[0]["pointer"], "/item");
}

#[tokio::test]
async fn a_body_larger_than_the_limits_allow_gets_413() {
    let limits = JsonLimits::builder().body_bytes(20).build().unwrap();
    let schema = JsonSchema::for_route("POST /orders", SCHEMA).limits(limits.clone()).build();
    let large = r#"{"item":"a","count":12345}"#;
    send(schema.unwrap(), json_post(large)).await.is(413, "body-too-large");
    send(limits.clone(), json_post(large)).await.is(413, "body-too-large");
    let (_, body) = counted(r#"{"item":"a","count":12345}"#);
    let request = Request::post("/").header("content-type", "application/json").body(body).unwrap();
    send(limits, request).await.is(413, "body-too-large");
    let two_mib = format!("\"{}\"", "x".repeat(2 << 20));
    send(JsonLimits::default(), json_post(two_mib)).await.is(413, "body-too-large");
}

#[tokio::test]
async fn a_violated_schema_gets_422_with_pointers_and_without_values() {
    let answer =
        send(orders(), json_post(r#"{"item":"hunter2-hunter2","count":-4242,"x/y":1}"#)).await;
    answer.is(422, "schema-violation");
    let mut pointers: Vec<String> = answer
        .errors()
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap().to_owned())
        .collect();
    pointers.sort();
    assert_eq!(pointers, ["/count", "/item", "/x~1y"]);
    assert!(!answer.text.contains("hunter2") && !answer.text.contains("4242"));
    send(orders(), json_post(r#"{"item":"chair"}"#)).await.echoes(r#"{"item":"chair"}"#);
}

#[tokio::test]
async fn a_body_of_another_media_type_gets_415_before_it_is_read() {
    let valid = r#"{"item":"chair"}"#;
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/json-seq"] {
        let answer = send(orders(), post(media_type, valid)).await;
        answer.is(415, "unsupported-media-type");
        assert_eq!(answer.headers[header::ACCEPT], "application/json");
        let (polls, body) = counted("{}");
        let request = Request::post("/")
            .header(header::CONTENT_TYPE, media_type)
            .header(header::TRANSFER_ENCODING, "chunked")
            .body(body)
            .unwrap();
        send(orders(), request).await.is(415, "unsupported-media-type");
        assert_eq!(polls.load(Ordering::SeqCst), 0);
    }
    for media_type in ["application/json; charset=utf-8", "application/merge-patch+json"] {
        send(orders(), post(media_type, valid)).await.echoes(valid);
    }
    send(orders(), post("application/json; charset=utf-16", valid))
        .await
        .is(415, "unsupported-media-type");
    let mut unnamed = json_post(valid);
    unnamed.headers_mut().remove(header::CONTENT_TYPE);
    send(orders(), unnamed).await.is(415, "unsupported-media-type");
}

#[tokio::test]
async fn the_media_types_of_a_schema_can_be_set() {
    let own =
        JsonSchema::builder("true").media_types(["application/vnd.order+json"]).build().unwrap();
    send(own.clone(), post("application/vnd.order+json", "1")).await.echoes("1");
    send(own, json_post("1")).await.is(415, "unsupported-media-type");
}

#[tokio::test]
async fn a_media_type_that_can_be_read_in_two_ways_gets_400() {
    let mut request = json_post("{}");
    request.headers_mut().append(header::CONTENT_TYPE, "text/plain".parse().unwrap());
    send(orders(), request).await.is(400, "bad-header");
    let types = MediaTypes::builder().allow_json().build().unwrap();
    for bad in
        ["application/json, text/plain", "application/json; charset=utf-8; charset=utf-16", "json"]
    {
        send(orders(), post(bad, "{}")).await.is(400, "bad-header");
        send(JsonLimits::default(), post(bad, "{}")).await.is(400, "bad-header");
        send(types.clone(), post(bad, "{}")).await.is(400, "bad-header");
    }
}

#[tokio::test]
async fn a_coded_body_is_refused_not_decoded() {
    let mut request = json_post(r#"{"item":"chair"}"#);
    request.headers_mut().insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
    let answer = send(orders(), request).await;
    answer.is(415, "unsupported-media-type");
    assert_eq!(answer.headers[header::ACCEPT_ENCODING], "identity");
    let mut request = json_post(r#"{"item":"chair"}"#);
    request.headers_mut().insert(header::CONTENT_ENCODING, "identity".parse().unwrap());
    send(orders(), request).await.echoes(r#"{"item":"chair"}"#);
}

#[tokio::test]
async fn an_absent_body_gets_400_unless_it_is_optional() {
    let bare = || Request::post("/orders").body(Body::empty()).unwrap();
    let empty = || json_post("");
    send(orders(), bare()).await.is(400, "json-malformed");
    send(orders(), empty()).await.is(400, "json-malformed");
    let optional = JsonSchema::for_route("PATCH /orders", SCHEMA).optional().build().unwrap();
    send(optional.clone(), bare()).await.echoes("");
    send(optional.clone(), empty()).await.echoes("");
    send(optional, json_post("{}")).await.is(422, "schema-violation");
}

#[tokio::test]
async fn the_limits_leave_other_bodies_alone() {
    let bare = Request::get("/orders").body(Body::empty()).unwrap();
    send(JsonLimits::default(), bare).await.echoes("");
    send(JsonLimits::default(), json_post("")).await.echoes("");
    send(JsonLimits::default(), post("text/plain", "{")).await.echoes("{");
    send(JsonLimits::default(), post("application/problem+json", "{"))
        .await
        .is(400, "json-malformed");
}

#[tokio::test]
async fn a_body_is_let_through_by_its_media_type_without_being_read() {
    let types = || MediaTypes::builder().allow("text/csv").allow("image/*").build().unwrap();
    send(types(), post("text/csv; header=present", "a,b")).await.echoes("a,b");
    send(types(), post("image/png", "x")).await.echoes("x");
    let answer = send(types(), json_post("{}")).await;
    answer.is(415, "unsupported-media-type");
    assert_eq!(answer.headers[header::ACCEPT], "text/csv, image/*");
    for no_body in [
        Request::get("/").body(Body::empty()).unwrap(),
        Request::post("/").body(Body::empty()).unwrap(),
        post("application/json", ""),
    ] {
        send(types(), no_body).await.echoes("");
    }
}

#[tokio::test]
async fn a_body_that_no_header_announces_is_held_to_its_media_type_all_the_same() {
    let types = || MediaTypes::builder().allow("text/csv").build().unwrap();
    let (_, body) = counted("a,b");
    send(types(), Request::post("/").body(body).unwrap()).await.is(415, "unsupported-media-type");
    let (_, body) = counted("a,b");
    let named = Request::post("/").header(header::CONTENT_TYPE, "text/csv").body(body).unwrap();
    send(types(), named).await.echoes("a,b");
    let (_, body) = counted(r#"{"item":1}"#);
    send(orders(), Request::post("/").body(body).unwrap()).await.is(415, "unsupported-media-type");
}

#[tokio::test]
async fn a_body_that_is_announced_as_empty_and_is_not_is_judged_all_the_same() {
    let lying = |media_type: &str| {
        let (_, body) = counted("{ broken");
        let request = Request::post("/").header(header::CONTENT_TYPE, media_type);
        request.header(header::CONTENT_LENGTH, "0").body(body).unwrap()
    };
    let json = "application/json";
    let optional = JsonSchema::for_route("PATCH /orders", SCHEMA).optional().build().unwrap();
    send(JsonLimits::default(), lying(json)).await.is(400, "json-malformed");
    send(orders(), lying(json)).await.is(400, "json-malformed");
    send(optional, lying(json)).await.is(400, "json-malformed");
    let types = MediaTypes::builder().allow_json().build().unwrap();
    send(types, lying("text/csv")).await.is(415, "unsupported-media-type");
}

#[test]
fn a_list_that_lets_nothing_or_nonsense_through_is_a_configuration_mistake() {
    assert!(MediaTypes::builder().build().is_err());
    let error = MediaTypes::builder().allow("json").allow("text/csv; header").build().unwrap_err();
    let values: Vec<_> = error.mistakes().iter().map(|mistake| mistake.value()).collect();
    assert_eq!(values, ["json", "text/csv; header"]);
}
