//! What is not quite gRPC: gRPC-Web, HTTP/1, and bytes that are no messages.

use tower_parapet::{Outcome, Policy, Reason};

use crate::{
    grpc::{Shop, serve, stack},
    support::{Answer, Records, request},
};

const GET: &str = "/shop.v1.Orders/Get";

async fn post(policy: Policy, content_type: &str, body: &[u8]) -> (Answer, Records) {
    let records = Records::default();
    let stack = stack(&records).route(GET, policy);
    let address = serve(stack, Shop::default()).await;
    let answer = request(address, "POST", GET, &[("content-type", content_type)], body).await;
    (answer, records)
}

fn only_reason(records: &Records) -> Option<Reason> {
    let records = records.wait_for(1);
    assert_eq!(records.len(), 1);
    records[0].rejection.as_ref().map(|rejection| rejection.reason())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpc_web_is_told_in_its_own_media_type() {
    for (sent, told) in [
        ("application/grpc-web+proto", "application/grpc-web"),
        ("application/grpc-web-text", "application/grpc-web-text"),
        ("application/grpc+proto", "application/grpc"),
    ] {
        let (answer, records) = post(Policy::authenticated().grpc(), sent, b"").await;
        assert_eq!((answer.status, answer.header("grpc-status")), (200, Some("16")), "{sent}");
        assert_eq!(answer.header("content-type"), Some(told));
        assert!(answer.body.is_empty());
        assert_eq!(only_reason(&records), Some(Reason::MissingCredentials));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_grpc_gets_a_problem_on_a_route_of_grpc() {
    for sent in ["application/json", "application/grpcx", "text/plain"] {
        let (answer, _) = post(Policy::optional().grpc(), sent, b"{}").await;
        assert_eq!((answer.status, &*answer.code()), (415, "unsupported-media-type"), "{sent}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_messages_are_refused_as_such_and_not_as_the_handler_puts_it() {
    for (body, status, reason) in [
        (&b"\x07\0\0\0\x01x"[..], "13", Reason::BrokenBody),
        (b"\0\0\0\0\x09half", "13", Reason::BrokenBody),
        (b"\0\xff\xff\xff\xffx", "8", Reason::BodyTooLarge),
    ] {
        let policy = || Policy::optional().grpc();
        let (answer, records) = post(policy(), "application/grpc", body).await;
        assert_eq!((answer.status, answer.header("grpc-status")), (200, Some(status)));
        assert_eq!(only_reason(&records), Some(reason));
        assert_eq!(records.all()[0].outcome, Outcome::Rejected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_renderer_of_a_stack_is_not_asked_for_grpc() {
    let records = Records::default();
    let stack = stack(&records)
        .route(GET, Policy::authenticated().grpc())
        .render(|problem, _| problem.to_response());
    let address = serve(stack, Shop::default()).await;
    let headers = [("content-type", "application/grpc")];
    let answer = request(address, "POST", GET, &headers, b"").await;
    assert_eq!((answer.status, answer.header("grpc-status")), (200, Some("16")));
    let answer = request(address, "GET", GET, &headers, b"").await;
    assert_eq!((answer.status, &*answer.code()), (401, "missing-credentials"));
}
