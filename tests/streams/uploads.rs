//! Uploads that take long: as long as they go on at a pace, and no longer.

use std::{convert::Infallible, future::pending, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::DefaultBodyLimit,
    routing::post,
};
use futures_util::{StreamExt, stream};
use http::{Request, Response};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep},
};
use tower::ServiceExt;
use tower_parapet::{Flow, Parapet, Peer, Policy, Reason};

use crate::{
    support::{self, Records, does, request, send as send_bytes},
    token,
};

const IDLE: Duration = Duration::from_secs(20);

fn policy() -> Policy {
    Policy::optional().body_limit(100 << 20).idle(IDLE)
}

/// Counts what arrives.
async fn count(body: Body) -> Result<String, axum::Error> {
    let mut frames = body.into_data_stream();
    let mut bytes = 0;
    while let Some(frame) = frames.next().await {
        bytes += frame?.len();
    }
    Ok(bytes.to_string())
}

async fn upload(body: Body) -> String {
    count(body).await.unwrap_or_else(|_| "broken".to_owned())
}

fn stack(records: &Records, policy: Policy) -> tower_parapet::ParapetBuilder {
    Parapet::builder()
        .peer(Peer::ConnectInfo)
        .authenticate(token::jwt())
        .route("POST /upload", policy)
        .observe(records.clone())
}

fn router() -> Router {
    Router::new().route("/upload", post(upload)).layer(DefaultBodyLimit::disable())
}

/// So many pieces of so many bytes, one every so many seconds.
fn pieces(count: usize, bytes: usize, every: u64) -> Body {
    let piece = Bytes::from(vec![b'x'; bytes]);
    Body::from_stream(stream::iter(0..count).then(move |_| {
        let piece = piece.clone();
        async move {
            sleep(Duration::from_secs(every)).await;
            Ok::<_, Infallible>(piece)
        }
    }))
}

/// Sends it without a socket: time stands still but for what is waited for.
async fn send(
    parapet: &Parapet,
    router: Router,
    body: Body,
) -> (Response<tower_parapet::Body>, u64) {
    let began = Instant::now();
    let request = Request::post("/upload").body(body).unwrap();
    let answer = parapet.protect(router).oneshot(request).await.unwrap();
    (answer, began.elapsed().as_secs())
}

async fn text(answer: Response<tower_parapet::Body>) -> String {
    String::from_utf8(to_bytes(answer.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

fn reason(records: &Records) -> Option<Reason> {
    let records = records.wait_for(1);
    assert_eq!(records.len(), 1);
    records[0].rejection.as_ref().map(|why| why.reason())
}

#[tokio::test(start_paused = true)]
async fn an_upload_takes_as_long_as_it_likes_while_it_goes_on() {
    let records = Records::default();
    let parapet = stack(&records, policy()).build().unwrap();
    let (answer, took) = send(&parapet, router(), pieces(100, 10_000, 10)).await;
    assert_eq!((answer.status().as_u16(), took), (200, 1_000));
    assert_eq!(text(answer).await, "1000000");
    assert_eq!(reason(&records), None);
}

#[tokio::test(start_paused = true)]
async fn without_an_idle_limit_an_upload_has_as_long_as_the_handler() {
    let records = Records::default();
    let parapet = stack(&records, Policy::optional().body_limit(100 << 20)).build().unwrap();
    let (answer, took) = send(&parapet, router(), pieces(100, 10_000, 10)).await;
    assert_eq!((answer.status().as_u16(), took), (503, 30));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_a_byte_from_time_to_time_is_cut() {
    let records = Records::default();
    let parapet = stack(&records, policy()).build().unwrap();
    let (answer, took) = send(&parapet, router(), pieces(1_000, 1, 5)).await;
    assert_eq!((answer.status().as_u16(), took), (408, 25));
    drop(answer);
    assert_eq!(reason(&records), Some(Reason::BodyTimeout));
}

#[tokio::test(start_paused = true)]
async fn any_pace_will_do_where_the_route_says_so() {
    let records = Records::default();
    let parapet = stack(&records, policy().pace(0)).build().unwrap();
    let (answer, took) = send(&parapet, router(), pieces(1_000, 1, 5)).await;
    assert_eq!((answer.status().as_u16(), took), (200, 5_000));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stands_still_is_refused_after_the_idle_limit() {
    let records = Records::default();
    let parapet = stack(&records, policy()).build().unwrap();
    let body = stream::iter([Ok::<_, Infallible>(vec![b'x'; 1_000])]).chain(stream::pending());
    let (answer, took) = send(&parapet, router(), Body::from_stream(body)).await;
    assert_eq!((answer.status().as_u16(), took), (408, 20));
    drop(answer);
    assert_eq!(reason(&records), Some(Reason::BodyTimeout));
}

#[tokio::test(start_paused = true)]
async fn the_handlers_deadline_counts_from_the_last_piece_of_the_body() {
    let records = Records::default();
    let parapet = stack(&records, policy()).build().unwrap();
    let forgets = async |body: Body| {
        drop(count(body).await);
        pending::<String>().await
    };
    let router = Router::new().route("/upload", post(forgets));
    let (answer, took) = send(&parapet, router, pieces(10, 10_000, 10)).await;
    assert_eq!((answer.status().as_u16(), took), (503, 130));
    drop(answer);
    assert_eq!(reason(&records), Some(Reason::HandlerTimeout));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_slow_to_read_is_not_the_clients_pace() {
    let records = Records::default();
    let parapet = stack(&records, policy()).build().unwrap();
    let slow = async |body: Body| {
        let mut frames = body.into_data_stream();
        while frames.next().await.transpose().is_ok_and(|frame| frame.is_some()) {
            sleep(Duration::from_secs(25)).await;
        }
        "read"
    };
    let router = Router::new().route("/upload", post(slow));
    let (answer, took) = send(&parapet, router, pieces(10, 100, 0)).await;
    assert_eq!((answer.status().as_u16(), took), (200, 250));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_read_before_the_handler_keeps_its_deadline_for_the_whole() {
    let records = Records::default();
    let reads = does(|exchange| {
        exchange.read_body(usize::MAX, |_, _| Ok(None));
        Ok(Flow::Continue)
    });
    let parapet = stack(&records, policy()).guard(reads).build().unwrap();
    let (answer, took) = send(&parapet, router(), pieces(100, 10_000, 10)).await;
    assert_eq!((answer.status().as_u16(), took), (408, 30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_upload_arrives_whole_and_one_past_the_cap_of_its_route_does_not() {
    let records = Records::default();
    let policy = Policy::optional().body_limit(32 << 20).idle(IDLE);
    let parapet = stack(&records, policy).build().unwrap();
    let address = support::serve(parapet.protect(router())).await;
    let whole = request(address, "POST", "/upload", &[], &vec![b'x'; 32 << 20]).await;
    assert_eq!((whole.status, &*whole.text()), (200, "33554432"));
    // Refused by what it announces: nothing of it need be sent.
    let head = b"POST /upload HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 33554433\r\n\r\n";
    let larger = send_bytes(address, head).await;
    assert_eq!((larger.status, &*larger.code()), (413, "body-too-large"));
    // And without an announcement by what has come: one chunk of 32 MiB and a byte.
    let head = b"POST /upload HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunked = [&head[..], b"2000000\r\n", &vec![b'x'; 32 << 20], b"\r\n1\r\nx\r\n"].concat();
    let larger = send_bytes(address, &chunked).await;
    assert_eq!((larger.status, &*larger.code()), (413, "body-too-large"));
    assert_eq!(records.wait_for(3).len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_loris_gets_408_over_its_socket() {
    let records = Records::default();
    let policy = policy().idle(Duration::from_millis(50));
    let parapet = stack(&records, policy).build().unwrap();
    let address = support::serve(parapet.protect(router())).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head =
        b"POST /upload HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 99\r\n\r\nx";
    stream.write_all(head).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(reason(&records), Some(Reason::BodyTimeout));
}

#[test]
fn a_limit_that_is_over_as_it_begins_is_refused() {
    let records = Records::default();
    let stack = stack(&records, Policy::optional().idle(Duration::ZERO));
    let error = stack.idle_deadline(Duration::ZERO).build().unwrap_err();
    let setters = error.mistakes().iter().map(|mistake| mistake.setter().to_owned());
    assert_eq!(setters.collect::<Vec<_>>(), ["idle_deadline", "route.idle"]);
}
