//! The stack over a real HTTP/2 connection, without TLS, by prior knowledge.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Path,
    routing::{any, get, post},
};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, future::join_all, stream};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::{client::conn::http2::SendRequest, ext::Protocol, upgrade};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::TcpStream, sync::Notify};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};
use tower_parapet::{
    Body, Exchange, Flow, Outcome, Parapet, Peer, Policy, Reason, Rejection, clock::ManualClock,
};

use crate::{
    permits::{Beginnings, Permits},
    support::{self, Records, does},
    token,
    websocket::echo,
};

const NOW: u64 = 1_700_000_000;

struct Service {
    address: SocketAddr,
    client: SendRequest<Full<Bytes>>,
    records: Records,
    beginnings: Beginnings,
    permits: Permits,
    reading: Arc<Notify>,
}

/// One connection to a service with a bit of everything.
async fn connect(permits: u32) -> Service {
    let (records, beginnings) = (Records::default(), Beginnings::default());
    let permits = Permits::of(permits);
    let reading = Arc::new(Notify::new());
    let parapet = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .with_clock(ManualClock::at_unix(Duration::from_secs(NOW)))
        .authenticate(token::jwt())
        .guard(permits.clone())
        .route("GET /chat", Policy::authenticated())
        .guard_on("GET /chat", does(read))
        .route("POST /upload", Policy::optional())
        .public("GET /number/{n}", "to be asked for by many")
        .public("GET /endless", "to be broken off")
        .public("GET /trailers", "to see them kept")
        .observe(records.clone())
        .observe(beginnings.clone())
        .build()
        .unwrap();
    let told = reading.clone();
    let upload = async move |mut body: axum::body::Body| {
        while let Some(Ok(_)) = body.frame().await {
            told.notify_one();
        }
        std::future::pending::<()>().await
    };
    let router = Router::new()
        .route("/chat", any(echo))
        .route("/number/{n}", get(async |Path(n): Path<String>| n))
        .route("/endless", get(endless))
        .route("/trailers", get(with_trailers))
        .route("/upload", post(upload));
    let address = support::serve(parapet.protect(router)).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let handshake =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (client, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    Service { address, client, records, beginnings, permits, reading }
}

/// A hook on the body, which is empty on a handshake.
fn read(exchange: &mut Exchange) -> Result<Flow, Rejection> {
    exchange.read_body(10, |exchange, body| {
        exchange.note("read", body.len().to_string());
        Ok(None)
    });
    Ok(Flow::Continue)
}

async fn endless() -> Response<Body> {
    let words = stream::repeat_with(|| Ok::<_, Infallible>(vec![b'x'; 16_384]));
    Response::new(Body::from_stream(words))
}

async fn with_trailers() -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", HeaderValue::from_static("abc"));
    let data = Frame::data(Bytes::from_static(b"data"));
    let frames = [Ok::<_, Infallible>(data), Ok(Frame::trailers(trailers))];
    Response::new(Body::new(StreamBody::new(stream::iter(frames))))
}

impl Service {
    fn ask(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(format!("http://{}{path}", self.address))
    }

    fn get(&self, path: &str) -> Request<Full<Bytes>> {
        self.ask(Method::GET, path).body(Full::default()).unwrap()
    }

    fn connect(&self, path: &str, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
        let ask = self.ask(Method::CONNECT, path).extension(Protocol::from_static("websocket"));
        let ask = headers.iter().fold(ask, |ask, (name, value)| ask.header(*name, *value));
        ask.header("sec-websocket-version", "13").body(Full::default()).unwrap()
    }

    fn outcomes(&self, count: usize) -> Vec<Outcome> {
        let records = self.records.wait_for(count);
        assert_eq!(records.len(), count);
        records.iter().map(|record| record.outcome).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_requests_over_one_connection_are_a_hundred_records() {
    let service = connect(100).await;
    let asked = (0..100).map(|n| {
        let mut client = service.client.clone();
        let ask = service.get(&format!("/number/{n}"));
        async move {
            let answer = client.send_request(ask).await.unwrap();
            answer.into_body().collect().await.unwrap().to_bytes()
        }
    });
    let answers = join_all(asked).await;
    assert!(answers.iter().enumerate().all(|(n, answer)| answer == n.to_string().as_bytes()));
    assert_eq!(service.outcomes(100), vec![Outcome::Answered; 100]);
    service.permits.all_back().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_the_client_resets_is_one_cancelled_record_and_the_connection_goes_on() {
    let mut service = connect(1).await;
    let ask = service.get("/endless");
    let mut answer = service.client.send_request(ask).await.unwrap();
    answer.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(service.permits.left(), 0);
    drop(answer);
    assert_eq!(service.outcomes(1), [Outcome::Cancelled]);
    service.permits.all_back().await;
    let ask = service.get("/number/7");
    let answer = service.client.send_request(ask).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "7");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_the_client_resets_is_one_cancelled_record() {
    let service = connect(1).await;
    let stream = TcpStream::connect(service.address).await.unwrap();
    let handshake =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut client, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let reading = service.reading.clone();
    let frames = stream::iter([Ok(Frame::data(Bytes::from_static(b"x")))]);
    // A body that fails is one that the client resets.
    let body = StreamBody::new(frames.chain(stream::once(async move {
        reading.notified().await;
        Err(std::io::Error::other("enough"))
    })));
    let upload = service.ask(Method::POST, "/upload").body(body.boxed_unsync()).unwrap();
    assert!(client.send_request(upload).await.is_err());
    assert_eq!(service.outcomes(1), [Outcome::Cancelled]);
    service.permits.all_back().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trailers_of_the_handler_are_kept_and_the_record_says_answered() {
    let mut service = connect(1).await;
    let ask = service.get("/trailers");
    let answer = service.client.send_request(ask).await.unwrap();
    let body = answer.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["x-checksum"], "abc");
    assert_eq!(body.to_bytes(), "data");
    assert_eq!(service.outcomes(1), [Outcome::Answered]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_of_http_2_is_judged_as_a_get_and_lives_like_one() {
    let mut service = connect(1).await;
    // Its answer brings the settings, by which the client knows that it may send a CONNECT.
    let ask = service.get("/number/1");
    service.client.send_request(ask).await.unwrap().into_body().collect().await.unwrap();
    service.permits.all_back().await;
    let bearer = format!("Bearer {}", token::alice(NOW + 60, "chat"));
    let alice = [("authorization", &*bearer)];
    let refused = [("/chat", &[][..], 401), ("/upload", &[], 401), ("/upload", &alice, 405)];
    for (before, (path, headers, status)) in (1..).zip(refused) {
        service.records.wait_for(before);
        let ask = service.connect(path, headers);
        let answer = service.client.send_request(ask).await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        answer.into_body().collect().await.unwrap();
        service.permits.all_back().await;
    }
    let ask = service.connect("/chat", &alice);
    let answer = service.client.send_request(ask).await.unwrap();
    assert_eq!(answer.status(), 200);
    let upgraded = TokioIo::new(upgrade::on(answer).await.unwrap());
    let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
    assert_eq!((service.permits.left(), service.beginnings.all().len()), (0, 1));
    drop(socket);
    service.permits.all_back().await;
    let records = service.records.wait_for(5);
    assert_eq!(records[4].outcome, Outcome::Upgraded);
    assert!(records[4].notes.contains(&("read", "0".into())), "no method turns a hook off");
    let reason = |at: usize| records[at].rejection.as_ref().map(|why| why.reason());
    assert_eq!(reason(1), Some(Reason::MissingCredentials));
}
