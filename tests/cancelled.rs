//! A client may leave at any point: there is one record all the same.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod support;

use std::{convert::Infallible, future::pending, net::SocketAddr, sync::Arc};

use axum::{Router, routing::get};
use http::Response;
use support::{Records, does};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};
use tower_parapet::{Body, Flow, Outcome, Parapet, ParapetBuilder, Peer, Reason, Record};

fn open(records: &Records) -> ParapetBuilder {
    Parapet::builder()
        .peer(Peer::ConnectInfo)
        .public("/{*rest}", "these tests are about what happens, not to whom")
        .observe(records.clone())
}

fn only(records: &Records) -> Record {
    let all = records.wait_for(1);
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

/// Starts a request over a socket, waits until the service says how far it is, and hangs up.
async fn hang_up_when(address: SocketAddr, reached: &Notify, request: &[u8]) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    reached.notified().await;
    drop(stream);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_while_the_handler_works_leaves_one_record() {
    let (records, reached) = (Records::default(), Arc::new(Notify::new()));
    let told = reached.clone();
    let handler = async move || {
        told.notify_one();
        pending::<&str>().await
    };
    let router = Router::new().route("/x", get(handler));
    let address = support::serve(open(&records).build().unwrap().protect(router)).await;
    hang_up_when(address, &reached, b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(only(&records).outcome, Outcome::Cancelled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_while_a_guard_waits_leaves_one_record() {
    let (records, reached) = (Records::default(), Arc::new(Notify::new()));
    let told = reached.clone();
    let waits = does(move |_| {
        let told = told.clone();
        Ok(Flow::suspend(move |_| {
            Box::pin(async move {
                told.notify_one();
                pending().await
            })
        }))
    });
    let parapet = open(&records).guard(waits).build().unwrap();
    let address = support::serve(parapet.protect(Router::new())).await;
    hang_up_when(address, &reached, b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(only(&records).outcome, Outcome::Cancelled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_in_the_middle_of_its_body_leaves_one_record() {
    let (records, reached) = (Records::default(), Arc::new(Notify::new()));
    let told = reached.clone();
    let reads = does(move |exchange| {
        exchange.read_body(100, |_, _| Ok(None));
        told.notify_one();
        Ok(Flow::Continue)
    });
    let parapet = open(&records).guard(reads).build().unwrap();
    let address = support::serve(parapet.protect(Router::new())).await;
    let request = b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 50\r\n\r\nhalf";
    hang_up_when(address, &reached, request).await;
    let record = only(&records);
    let reason = record.rejection.map(|rejection| rejection.reason());
    assert!(matches!(reason, None | Some(Reason::BrokenBody)), "{reason:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_in_the_middle_of_the_answer_leaves_one_record() {
    let records = Records::default();
    let endless = async || {
        let words = futures_util::stream::repeat_with(|| Ok::<_, Infallible>(vec![b'x'; 65_536]));
        Response::new(Body::from_stream(words))
    };
    let router = Router::new().route("/x", get(endless));
    let address = support::serve(open(&records).build().unwrap().protect(router)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    stream.read_exact(&mut [0; 1000]).await.unwrap();
    drop(stream);
    let record = only(&records);
    assert_eq!((record.outcome, record.status.unwrap().as_u16()), (Outcome::Cancelled, 200));
}
