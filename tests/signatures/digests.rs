//! The content and its digest.

use http::StatusCode;
use http_body_util::BodyExt;
use tower::ServiceExt;
use tower_parapet::{Body, Reason};

use super::{BODY, Service, get, post, scheme, sign, signer, with};

fn note(service: &Service) -> Option<String> {
    let record = service.records.all().pop().unwrap();
    let note = record.notes.iter().find(|(key, _)| *key == "claimed-principal");
    note.map(|(_, value)| value.to_string())
}

#[tokio::test]
async fn content_that_its_digest_is_not_of_never_reaches_the_handler() {
    let service = Service::new(scheme());
    for body in ["", "{\"item\":8}", &BODY.repeat(2)] {
        let request = sign(signer(), post("/orders/7", BODY)).map(|_| body.to_owned());
        let (reason, found) = service.refuses(request).await;
        assert_eq!(
            (reason, &*found),
            (Reason::InvalidCredentials, "a body that its digest is not of")
        );
        assert_eq!(note(&service).as_deref(), Some("partners robot"));
    }
}

#[tokio::test]
async fn content_that_nothing_covers_never_reaches_the_handler() {
    let service = Service::new(scheme());
    let request = sign(signer(), get("/orders/7")).map(|_| BODY.to_owned());
    let (reason, found) = service.refuses(request).await;
    assert_eq!(reason, Reason::InvalidCredentials);
    assert_eq!(found, "content that the signature does not cover");
    let digest = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    let beside = sign(signer(), get("/orders/7")).map(|_| r#"{"hello": "world"}"#.to_owned());
    let beside = with(beside, "content-digest", digest);
    assert_eq!(service.refuses(beside).await.0, Reason::InvalidCredentials);
}

#[tokio::test]
async fn a_digest_that_was_exchanged_breaks_the_signature() {
    let service = Service::new(scheme());
    let request =
        sign(signer(), post("/orders/7", BODY)).map(|_| r#"{"hello": "world"}"#.to_owned());
    let digest = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    let request = with(request, "content-digest", digest);
    assert_eq!(service.refuses(request).await.0, Reason::InvalidCredentials);
}

#[tokio::test]
async fn one_strong_digest_may_be_covered_alone_and_a_weak_one_covers_nothing() {
    let service = Service::new(scheme());
    let base = ["@method", "@authority", "@path", "@query"];
    let covering = |key: &str| {
        let member = format!("content-digest;key=\"{key}\"");
        let components = base.iter().map(ToString::to_string).chain([member]);
        let request = with(get("/orders/7"), "content-digest", "md5=:AAAA:");
        signer().components(components).build().unwrap().sign(&mut request.into_parts().0, b"")
    };
    assert!(covering("sha-256").is_ok());
    // Covered by a member of another algorithm, the signer has nothing of that name to sign.
    assert!(covering("sha-512").is_err());
    let request = get("/orders/7");
    let (mut head, _) = request.into_parts();
    let components =
        base.iter().map(ToString::to_string).chain(["content-digest;key=\"sha-256\"".into()]);
    signer().components(components).build().unwrap().sign(&mut head, b"").unwrap();
    let request = http::Request::from_parts(head, String::new());
    assert_eq!(service.says(request).await, "partners robot signature: ");
}

#[tokio::test]
async fn unsigned_content_is_taken_where_that_was_chosen() {
    let service = Service::new(scheme().dangerous().unsigned_content());
    let request = sign(signer(), get("/orders/7")).map(|_| BODY.to_owned());
    assert_eq!(service.says(request).await, format!("partners robot signature: {BODY}"));
    let request = sign(signer(), post("/orders/7", BODY)).map(|_| "other".to_owned());
    assert_eq!(service.refuses(request).await.0, Reason::InvalidCredentials);
}

#[tokio::test]
async fn a_caller_whose_body_does_not_come_is_not_named() {
    let service = Service::new(scheme());
    let request = sign(signer(), post("/orders/7", &"x".repeat(2 << 20)));
    let (reason, _) = service.refuses(request).await;
    assert_eq!(reason, Reason::BodyTooLarge);
    assert_eq!(note(&service).as_deref(), Some("partners robot"));
}

#[tokio::test]
async fn a_caller_who_is_refused_before_the_body_is_not_named() {
    let service = Service::with(|parapet| {
        let policy = tower_parapet::Policy::require(tower_parapet::scope("orders:write"));
        parapet.authenticate(scheme()).route("/narrow", policy)
    });
    let request = sign(signer(), post("/narrow", BODY));
    assert_eq!(service.refuses(request).await.0, Reason::InsufficientScope);
    assert_eq!(note(&service).as_deref(), Some("partners robot"));
}

#[tokio::test]
async fn guards_that_decode_the_body_come_after_its_digest() {
    let schema =
        tower_parapet::JsonSchema::for_route("POST /orders/{*rest}", r#"{"type":"array"}"#);
    let service = Service::with(|parapet| parapet.authenticate(scheme()).validate(schema));
    let wrong_digest = sign(signer(), post("/orders/7", BODY)).map(|_| "[".to_owned());
    assert_eq!(service.refuses(wrong_digest).await.0, Reason::InvalidCredentials);
    let wrong_schema = sign(signer(), post("/orders/7", BODY));
    let response = service.ask(wrong_schema).await;
    assert_eq!(response.extensions().get(), Some(&Reason::SchemaViolation));
}

#[tokio::test]
async fn a_body_in_pieces_is_judged_as_a_whole() {
    let service = Service::new(scheme());
    let (head, body) = sign(signer(), post("/orders/7", BODY)).into_parts();
    let pieces = body.into_bytes().chunks(3).map(bytes::Bytes::copy_from_slice).collect::<Vec<_>>();
    let stream = futures_util::stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>));
    let mut request = http::Request::from_parts(head, Body::from_stream(stream));
    request.headers_mut().insert("host", "api.example".parse().unwrap());
    let response = service.app.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let said = response.into_body().collect().await.unwrap().to_bytes();
    assert!(said.ends_with(BODY.as_bytes()));
}
