//! Server-sent events: as long as both sides like, and not in silence.

use std::{convert::Infallible, future::pending, net::SocketAddr, time::Duration};

use axum::{
    Router,
    response::sse::{Event, Sse},
    routing::get,
};
use futures_util::{Stream, StreamExt, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep},
};
use tower::ServiceExt;
use tower_parapet::{Body, Outcome, Parapet, ParapetBuilder, Peer, Policy, Reason};

use crate::{
    permits::{Beginnings, Permits},
    support::{self, Records},
    token,
};

/// Three events at once.
fn three() -> impl Stream<Item = Result<Event, Infallible>> {
    stream::iter((1..=3).map(|n| Ok(Event::default().data(n.to_string()))))
}

/// Three events, and then nothing more.
fn silent() -> impl Stream<Item = Result<Event, Infallible>> {
    three().chain(stream::pending())
}

struct Service {
    address: SocketAddr,
    records: Records,
    beginnings: Beginnings,
    permits: Permits,
}

async fn serve(
    permits: u32,
    set: impl FnOnce(ParapetBuilder) -> ParapetBuilder,
    router: Router,
) -> Service {
    let (records, beginnings) = (Records::default(), Beginnings::default());
    let permits = Permits::of(permits);
    let parapet = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .observe(records.clone())
        .observe(beginnings.clone())
        .guard(permits.clone());
    let parapet = set(parapet).build().unwrap();
    let address = support::serve(parapet.protect(router)).await;
    Service { address, records, beginnings, permits }
}

fn open(parapet: ParapetBuilder) -> ParapetBuilder {
    parapet.public("GET /{*rest}", "these tests are about how streams end")
}

async fn listen(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /events HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    stream
}

/// Reads until a text has come.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(text) {
        let mut buffer = [0; 1024];
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "ended without `{text}`: {}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8(read).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_keeps_its_permit_and_its_record_until_the_client_leaves() {
    let router = Router::new().route("/events", get(async || Sse::new(silent())));
    let service = serve(20, open, router).await;
    let mut listeners = Vec::new();
    for _ in 0..20 {
        let mut listener = listen(service.address).await;
        read_until(&mut listener, "data: 3").await;
        listeners.push(listener);
    }
    assert_eq!((service.permits.left(), service.records.all().len()), (0, 0));
    assert_eq!(service.beginnings.all(), vec![("/events".to_owned(), Outcome::Answered); 20]);
    drop(listeners);
    let records = service.records.wait_for(20);
    assert!(records.iter().all(|record| record.outcome == Outcome::Cancelled), "{records:?}");
    service.permits.all_back().await;
    assert_eq!(service.records.all().len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_the_service_ends_is_answered() {
    let router = Router::new().route("/events", get(async || Sse::new(three())));
    let service = serve(1, open, router).await;
    read_until(&mut listen(service.address).await, "0\r\n\r\n").await;
    assert_eq!(service.records.wait_for(1)[0].outcome, Outcome::Answered);
    service.permits.all_back().await;
}

/// Time stands still but for what is waited for, so there is no socket here.
#[tokio::test(start_paused = true)]
async fn a_stream_outlives_every_deadline_once_it_has_begun_as_long_as_it_goes_on() {
    let hourly = || {
        stream::iter(1..=24).then(async |n| {
            sleep(Duration::from_secs(3600)).await;
            Ok::<_, Infallible>(Event::default().data(n.to_string()))
        })
    };
    let router = Router::new().route("/events", get(async move || Sse::new(hourly())));
    let records = Records::default();
    let policy = Policy::optional().idle(Duration::from_secs(3601));
    let parapet = Parapet::builder()
        .authenticate(token::jwt())
        .route("GET /events", policy)
        .observe(records.clone());
    let service = parapet.build().unwrap().protect(router);
    let ask = http::Request::get("/events").body(Body::empty()).unwrap();
    let (began, answer) = (Instant::now(), service.oneshot(ask).await.unwrap());
    let events = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    assert!(events.ends_with(b"data: 24\n\n"));
    assert_eq!(began.elapsed().as_secs() / 3600, 24);
    assert_eq!(records.wait_for(1)[0].outcome, Outcome::Answered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_stands_still_is_ended_and_gives_its_permit_back() {
    let idle = Duration::from_millis(50);
    for by_route in [false, true] {
        let set = |stack: ParapetBuilder| match by_route {
            false => open(stack).idle_deadline(idle),
            true => {
                stack.route("GET /events", Policy::optional().idle(idle)).authenticate(token::jwt())
            }
        };
        let router = Router::new().route("/events", get(async || Sse::new(silent())));
        let service = serve(1, set, router).await;
        let mut listener = listen(service.address).await;
        let mut read = Vec::new();
        // Broken off, and not as if it were whole.
        let _ = listener.read_to_end(&mut read).await;
        let read = String::from_utf8(read).unwrap();
        assert!(read.contains("data: 3") && !read.contains("0\r\n\r\n"), "{read}");
        let record = &service.records.wait_for(1)[0];
        let reason = record.rejection.as_ref().map(|why| why.reason());
        assert_eq!((record.outcome, reason), (Outcome::BodyFailed, Some(Reason::IdleStream)));
        service.permits.all_back().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_never_begins_has_its_deadline() {
    let never = async || pending::<Sse<stream::Empty<Result<Event, Infallible>>>>().await;
    let router = Router::new().route("/events", get(never));
    let deadline = Duration::from_millis(20);
    let service = serve(1, |stack| open(stack).handler_deadline(deadline), router).await;
    let answer = support::get(service.address, "/events", &[]).await;
    assert_eq!((answer.status, &*answer.code()), (503, "handler-timeout"));
    service.permits.all_back().await;
}
