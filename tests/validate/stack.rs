//! Validation among other guards.

use std::{convert::Infallible, sync::atomic::Ordering};

use http::{Request, Response, header};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, service_fn};
use tower_parapet::{
    Body, Exchange, Flow, Guard, Parapet, Peer, Phase, Policy, Reason, Rejection,
    validate::{JsonLimits, JsonSchema, MediaTypes},
};

use super::{SCHEMA, answer, counted, json_post};

/// Takes the header `let-me-in` for proof of identity, in the phase where that is settled.
struct Doorman;

impl Guard for Doorman {
    fn name(&self) -> &'static str {
        "doorman"
    }

    fn phase(&self) -> Phase {
        Phase::Authenticate
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        match exchange.headers().contains_key("let-me-in") {
            true => Ok(Flow::Continue),
            false => Err(Rejection::new(Reason::MissingCredentials)),
        }
    }
}

/// The content guards are named first: the stack runs them last.
fn stack() -> Parapet {
    Parapet::builder()
        .dangerous()
        .bare()
        .guard(JsonSchema::builder(SCHEMA))
        .guard(JsonLimits::builder())
        .guard(MediaTypes::builder().allow_json())
        .guard(Doorman)
        .build()
        .unwrap()
}

#[tokio::test]
async fn no_byte_of_a_body_is_read_before_the_caller_is_authenticated() {
    let echo = || {
        stack().layer(service_fn(|request: Request<Body>| async {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            Ok::<_, Infallible>(Response::new(Body::from(body)))
        }))
    };
    let (polls, body) = counted("{ broken");
    let stranger = Request::post("/orders")
        .header(header::CONTENT_TYPE, "text/plain")
        .header(header::CONTENT_ENCODING, "gzip")
        .body(body)
        .unwrap();
    let refused = answer(echo().oneshot(stranger).await.unwrap()).await;
    refused.is(401, "missing-credentials");
    assert_eq!(polls.load(Ordering::SeqCst), 0);

    let valid = r#"{"item":"chair","count":2}"#;
    let known = |body: &'static str| {
        let mut request = json_post(body);
        request.headers_mut().insert("let-me-in", "please".parse().unwrap());
        request
    };
    let admitted = answer(echo().oneshot(known(valid)).await.unwrap()).await;
    admitted.echoes(valid);
    let refused = answer(echo().oneshot(known(r#"{"item":1}"#)).await.unwrap()).await;
    refused.is(422, "schema-violation");
}

#[tokio::test]
async fn a_route_that_takes_larger_bodies_takes_larger_json() {
    let policy = Policy::optional().body_limit(4 << 20);
    let routes = Parapet::builder().peer(Peer::Extension).route("/orders", policy);
    let service = service_fn(|_: Request<Body>| async {
        Ok::<_, Infallible>(Response::new(Body::from("taken")))
    });
    let stack = routes.build().unwrap().layer(service);
    let sized = |items: usize| {
        let mut request =
            json_post(format!("[{}0]", format!("\"{}\",", "x".repeat(60_000)).repeat(items)));
        request.headers_mut().insert(header::HOST, "localhost".parse().unwrap());
        request
    };
    answer(stack.clone().oneshot(sized(40)).await.unwrap()).await.echoes("taken");
    answer(stack.oneshot(sized(80)).await.unwrap()).await.is(413, "body-too-large");
}

#[test]
fn the_manifest_says_what_bodies_are_held_to() {
    let text = stack().manifest().to_string();
    for part in ["json-schema", "json-limits", "media-types", "JSON, depth 32"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}
