//! Caps on what is in flight, over real sockets: who holds a place, and until when.
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

use std::{
    convert::Infallible,
    future::pending,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::ws::{WebSocket, WebSocketUpgrade},
    response::Response,
    routing::{any, get},
};
use futures_util::{SinkExt, StreamExt, future::join_all, stream};
use support::{Answer, Records, caller::ByHeader, request};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, Semaphore},
};
use tokio_tungstenite::{client_async, tungstenite::Message};
use tower_parapet::{
    Body, Key, Lease, Parapet, Peer, Policy,
    context::Priority,
    throttle::{Concurrency, ConcurrencyBuilder},
};

/// A service with a handler that takes as long as the test likes, and others that take long in
/// ways of their own.
struct Service {
    address: SocketAddr,
    records: Records,
    caps: Vec<Concurrency>,
    /// Each permit lets one handler end.
    ends: Arc<Semaphore>,
    begun: Arc<AtomicU32>,
    told: Arc<Notify>,
}

async fn echo(lease: Lease, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket: WebSocket| {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
        drop(lease);
    })
}

async fn serve(caps: impl IntoIterator<Item = ConcurrencyBuilder>) -> Service {
    let caps: Vec<_> = caps.into_iter().map(|cap| cap.build().unwrap()).collect();
    let records = Records::default();
    let (ends, told) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
    let begun = Arc::new(AtomicU32::new(0));
    let stack = caps.iter().fold(Parapet::builder(), |stack, cap| stack.concurrency(cap.clone()));
    let parapet = stack
        .peer(Peer::ConnectInfo)
        .guard(ByHeader)
        .route("/critical", Policy::optional().priority(Priority::Critical))
        .route("/low", Policy::optional().priority(Priority::Low))
        .route("/{*rest}", Policy::optional())
        .probe("/livez")
        .observe(records.clone())
        .build()
        .unwrap();
    let slow = {
        let (ends, begun, told) = (ends.clone(), begun.clone(), told.clone());
        async move || {
            begun.fetch_add(1, Ordering::SeqCst);
            told.notify_waiters();
            ends.acquire().await.unwrap().forget();
            "done"
        }
    };
    let endless = async || {
        let words = stream::repeat_with(|| Ok::<_, Infallible>(vec![b'x'; 65_536]));
        http::Response::new(Body::from_stream(words))
    };
    let large = async || {
        let words = stream::iter((0..64).map(|_| Ok::<_, Infallible>(vec![b'x'; 65_536])));
        http::Response::new(Body::from_stream(words))
    };
    let broken = async || {
        let words = stream::iter([Ok(vec![b'x'; 10]), Err(std::io::Error::other("broken"))]);
        http::Response::new(Body::from_stream(words))
    };
    let router = Router::new()
        .route("/slow", get(slow.clone()))
        .route("/critical", get(slow.clone()))
        .route("/low", get(slow))
        .route("/fast", get(async || "fast"))
        .route("/livez", get(async || "alive"))
        .route("/endless", get(endless))
        .route("/large", get(large))
        .route("/broken", get(broken))
        .route("/panics", get(async || -> &'static str { panic!("on purpose") }))
        .route("/never", get(async || pending::<&'static str>().await))
        .route("/chat", any(echo));
    let address = support::serve(parapet.protect(router)).await;
    Service { address, records, caps, ends, begun, told }
}

impl Service {
    fn in_flight(&self) -> u32 {
        self.caps[0].stats().in_flight()
    }

    async fn get(&self, path: &str) -> Answer {
        support::get(self.address, path, &[]).await
    }

    /// Waits for something that the service will come to, without taking part in it.
    async fn until(&self, what: impl Fn(&Self) -> bool) {
        let reached = async {
            while !what(self) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reached)
            .await
            .expect("it never came to that");
    }

    /// Starts a request and waits until its handler runs.
    async fn occupy(&self, path: &str) -> TcpStream {
        let before = self.begun.load(Ordering::SeqCst);
        let stream = self.send(path).await;
        self.until(|service| service.begun.load(Ordering::SeqCst) > before).await;
        stream
    }

    async fn send(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let text = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }
}

async fn rest(mut stream: TcpStream) -> Answer {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    support::parse(&answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_the_cap_requests_are_refused_and_probes_are_not() {
    let service = serve([Concurrency::at_most(2)]).await;
    let held = [service.occupy("/slow").await, service.occupy("/slow").await];
    let refused = service.get("/fast").await;
    assert_eq!((refused.status, refused.code()), (503, "overloaded".into()));
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&seconds));
    assert_eq!(service.get("/livez").await.status, 200);
    service.ends.add_permits(2);
    for stream in held {
        assert_eq!(rest(stream).await.text(), "done");
    }
    service.until(|service| service.in_flight() == 0).await;
    assert_eq!(service.get("/fast").await.status, 200);
    let records = service.records.all();
    let refused = records.iter().find(|record| record.rejection.is_some()).unwrap();
    assert_eq!(refused.rejection.as_ref().unwrap().guard(), Some("concurrency"));
    assert!(refused.notes.contains(&("shed", "all: full, normal".into())), "{:?}", refused.notes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_streaming_body_holds_its_place_until_the_client_has_read_it_or_has_gone() {
    let service = serve([Concurrency::at_most(1)]).await;
    let mut stream = service.send("/endless").await;
    stream.read_exact(&mut [0; 1_000]).await.unwrap();
    assert_eq!(service.get("/fast").await.status, 503);
    assert_eq!(service.in_flight(), 1);
    drop(stream);
    service.until(|service| service.in_flight() == 0).await;

    let mut stream = service.send("/large").await;
    stream.read_exact(&mut [0; 1_000]).await.unwrap();
    assert_eq!(service.get("/fast").await.status, 503);
    let mut read = Vec::new();
    stream.read_to_end(&mut read).await.unwrap();
    assert!(read.len() > 4_000_000);
    service.until(|service| service.in_flight() == 0).await;
    assert_eq!(service.get("/fast").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_holds_its_place_until_its_lease_ends() {
    let service = serve([Concurrency::at_most(1)]).await;
    let stream = TcpStream::connect(service.address).await.unwrap();
    let uri = format!("ws://{}/chat", service.address);
    let (mut socket, _) = client_async(uri, stream).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
    assert_eq!((service.in_flight(), service.get("/fast").await.status), (1, 503));
    socket.close(None).await.unwrap();
    service.until(|service| service.in_flight() == 0).await;
    assert_eq!(service.get("/fast").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_a_request_ends_its_place_is_given_back_once() {
    let service = serve([Concurrency::at_most(2)]).await;
    for _ in 0..5 {
        assert_eq!(service.get("/panics").await.status, 500);
        let _ = service.send("/broken").await.read_to_end(&mut Vec::new()).await;
        let stream = service.send("/never").await;
        service.until(|service| service.in_flight() == 1).await;
        drop(stream);
        service.until(|service| service.in_flight() == 0).await;
        // Refused by what comes after the cap: no handler takes such a method.
        let wrong = request(service.address, "POST", "/fast", &[], b"").await;
        assert_eq!(wrong.status, 405);
        assert_eq!(service.get("/fast").await.status, 200);
    }
    service.until(|service| service.in_flight() == 0).await;
    // Both places are there, and no third.
    let held = [service.occupy("/slow").await, service.occupy("/slow").await];
    assert_eq!(service.get("/fast").await.status, 503);
    service.ends.add_permits(2);
    drop(join_all(held.map(rest)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_caller_has_a_cap_of_its_own_within_the_one_for_all() {
    let each = Concurrency::at_most(1).by(Key::Principal);
    let service = serve([each, Concurrency::at_most(2)]).await;
    let ask = async |caller: &'static str, path: &'static str| {
        support::get(service.address, path, &[("x-who", caller)]).await
    };
    let slow = |caller: &'static str| {
        let address = service.address;
        tokio::spawn(async move { support::get(address, "/slow", &[("x-who", caller)]).await })
    };
    let alice = slow("alice");
    service.until(|service| service.begun.load(Ordering::SeqCst) == 1).await;
    let refused = ask("alice", "/fast").await;
    assert_eq!((refused.status, refused.code()), (429, "too-many-concurrent".into()));
    assert_eq!(ask("bob", "/fast").await.status, 200);
    let bob = slow("bob");
    service.until(|service| service.begun.load(Ordering::SeqCst) == 2).await;
    let refused = ask("carol", "/fast").await;
    assert_eq!((refused.status, refused.code()), (503, "overloaded".into()));
    service.ends.add_permits(2);
    assert_eq!((alice.await.unwrap().status, bob.await.unwrap().status), (200, 200));
    let empty = |cap: &Concurrency| cap.stats().in_flight() == 0;
    service.until(|service| service.caps.iter().all(empty)).await;
    assert_eq!(service.caps[0].stats().keys(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_waits_its_turn_and_is_served() {
    let service = serve([Concurrency::at_most(1).queue(10, Duration::from_secs(10))]).await;
    let held = service.occupy("/slow").await;
    let waiting: Vec<_> = {
        let address = service.address;
        (0..5)
            .map(|_| tokio::spawn(async move { support::get(address, "/slow", &[]).await }))
            .collect()
    };
    service.until(|service| service.caps[0].stats().waiting() == 5).await;
    assert_eq!(service.begun.load(Ordering::SeqCst), 1);
    service.ends.add_permits(6);
    assert_eq!(rest(held).await.status, 200);
    for answer in waiting {
        assert_eq!(answer.await.unwrap().text(), "done");
    }
    let records = service.records.wait_for(6);
    let waited =
        records.iter().filter(|record| record.notes.iter().any(|(key, _)| *key == "waited"));
    assert_eq!(waited.count(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_leave_while_they_wait_take_no_permit_along() {
    let service = serve([Concurrency::at_most(1).queue(10, Duration::from_secs(10))]).await;
    let held = service.occupy("/slow").await;
    let leaving = join_all((0..4).map(|_| service.send("/slow"))).await;
    service.until(|service| service.caps[0].stats().waiting() == 4).await;
    let address = service.address;
    let stays = tokio::spawn(async move { support::get(address, "/slow", &[]).await });
    service.until(|service| service.caps[0].stats().waiting() == 5).await;
    drop(leaving);
    service.until(|service| service.caps[0].stats().waiting() == 1).await;
    service.ends.add_permits(2);
    assert_eq!(rest(held).await.status, 200);
    assert_eq!(stays.await.unwrap().status, 200);
    assert_eq!(service.begun.load(Ordering::SeqCst), 2, "nobody who had left was served");
    service.until(|service| service.in_flight() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_and_a_wait_that_is_too_long_are_refused() {
    let service = serve([Concurrency::at_most(1).queue(1, Duration::from_millis(300))]).await;
    let held = service.occupy("/slow").await;
    let address = service.address;
    let late = tokio::spawn(async move { support::get(address, "/fast", &[]).await });
    service.until(|service| service.caps[0].stats().waiting() == 1).await;
    assert_eq!(service.get("/fast").await.code(), "overloaded");
    assert_eq!(late.await.unwrap().code(), "overloaded");
    service.ends.add_permits(1);
    assert_eq!(rest(held).await.status, 200);
    let notes: Vec<_> =
        service.records.wait_for(3).into_iter().flat_map(|record| record.notes).collect();
    for why in ["all: queue-full, normal", "all: waited-too-long, normal"] {
        assert!(notes.contains(&("shed", why.into())), "{why} in {notes:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn low_routes_are_shed_before_critical_ones() {
    let cap = Concurrency::at_most(4).share(Priority::Normal, 75).share(Priority::Low, 50);
    let service = serve([cap]).await;
    let mut held = vec![service.occupy("/slow").await, service.occupy("/low").await];
    assert_eq!(service.get("/low").await.status, 503);
    held.push(service.occupy("/slow").await);
    assert_eq!(service.get("/fast").await.status, 503);
    held.push(service.occupy("/critical").await);
    assert_eq!(service.get("/critical").await.status, 503);
    service.ends.add_permits(4);
    for stream in held {
        assert_eq!(rest(stream).await.status, 200);
    }
    let stats = service.caps[0].stats();
    let shed = Priority::ALL.map(|class| stats.shed(class));
    assert_eq!(shed, [1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_an_adaptive_limit_a_service_works_as_ever() {
    let service = serve([Concurrency::adaptive().window(Duration::from_millis(10))]).await;
    for _ in 0..40 {
        let answers = join_all((0..8).map(|_| service.get("/fast"))).await;
        assert!(answers.iter().all(|answer| answer.status == 200));
    }
    let stats = service.caps[0].stats();
    assert!(stats.limit().unwrap() >= 8 && stats.shed(Priority::Normal) == 0, "{stats:?}");
    service.until(|service| service.in_flight() == 0).await;
    service.told.notify_waiters();
}
