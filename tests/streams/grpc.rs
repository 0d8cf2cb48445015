//! gRPC through tonic, with a real client over HTTP/2.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use tokio::sync::Notify;
use tonic::{
    Code, Request, Response, Status, Streaming,
    service::Routes,
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};
use tower::{ServiceExt, util::MapRequestLayer};
use tower_parapet::{
    Body, Context, Flow, Outcome, Parapet, ParapetBuilder, Peer, PeerAddr, Policy, Reason, Record,
    authorize::scope, clock::ManualClock, compose::Shadow, validate::JsonSchema,
};

use crate::{
    orders::{Answers, Order, OrderId, Orders, OrdersClient, OrdersServer, Reply},
    permits::Permits,
    support::{self, Records, does},
    token,
};

const NOW: u64 = 1_700_000_000;
const SERVICE: &str = "/shop.v1.Orders/{*method}";

#[derive(Clone, Default)]
pub(crate) struct Shop {
    /// Told for each order that was placed.
    placed: Arc<Notify>,
}

fn order(id: u64, item: impl Into<String>) -> Order {
    Order { id, item: item.into(), quantity: 1 }
}

impl Orders for Shop {
    /// The order bears the caller's name; some numbers are special.
    async fn get(&self, ask: Request<OrderId>) -> Reply<Order> {
        let caller = Context::of(ask.extensions()).and_then(Context::principal);
        let name = caller.map_or("nobody", |caller| caller.subject()).to_owned();
        match ask.into_inner().id {
            404 => Err(Status::not_found("no such order")),
            500 => panic!("a handler that panics"),
            id => Ok(Response::new(order(id, name))),
        }
    }

    /// So many orders; with 0 one, and then nothing more; with 500 it panics.
    async fn watch(&self, ask: Request<OrderId>) -> Reply<Answers> {
        let orders = |count| stream::iter((1..=count).map(|id| Ok(order(id, "tea"))));
        Ok(Response::new(match ask.into_inner().id {
            0 => orders(1).chain(stream::pending()).boxed(),
            500 => stream::once(async { panic!("a stream that panics") }).boxed(),
            count => orders(count).boxed(),
        }))
    }

    /// Each order back, as it comes.
    async fn place(&self, ask: Request<Streaming<Order>>) -> Reply<Answers> {
        let placed = self.placed.clone();
        let orders = ask.into_inner().inspect(move |_| placed.notify_one());
        Ok(Response::new(orders.boxed()))
    }
}

pub(crate) fn stack(records: &Records) -> ParapetBuilder {
    Parapet::builder()
        .peer(Peer::ConnectInfo)
        .with_clock(ManualClock::at_unix(Duration::from_secs(NOW)))
        .authenticate(token::jwt())
        .observe(records.clone())
}

/// The service behind a stack, over HTTP/1 and HTTP/2.
pub(crate) async fn serve(stack: ParapetBuilder, shop: Shop) -> SocketAddr {
    let router = Routes::new(OrdersServer::new(shop)).into_axum_router();
    support::serve(stack.build().unwrap().protect(router)).await
}

async fn channel(address: SocketAddr) -> Channel {
    Endpoint::try_from(format!("http://{address}")).unwrap().connect().await.unwrap()
}

async fn client(address: SocketAddr) -> OrdersClient {
    OrdersClient::new(channel(address).await)
}

/// A call of alice, whose token ends in an hour.
fn of_alice<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {}", token::alice(NOW + 3600, "orders"));
    request.metadata_mut().insert("authorization", bearer.parse().unwrap());
    request
}

fn ask(id: u64) -> Request<OrderId> {
    of_alice(OrderId { id })
}

fn note<'a>(record: &'a Record, key: &str) -> Option<&'a str> {
    record.notes.iter().find(|(name, _)| *name == key).map(|(_, value)| &**value)
}

fn reason(record: &Record) -> Option<Reason> {
    record.rejection.as_ref().map(|rejection| rejection.reason())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_reaches_its_method_with_the_caller_and_its_record_has_the_status() {
    let records = Records::default();
    let policy = || Policy::authenticated().grpc();
    let mut client =
        client(serve(stack(&records).route(SERVICE, policy()), Shop::default()).await).await;
    let answer = client.get(ask(7)).await.unwrap();
    assert_eq!(answer.into_inner(), order(7, "alice"));
    records.wait_for(1);
    let status = client.get(ask(404)).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "no such order"));
    for (record, status) in records.wait_for(2).iter().zip(["0", "5"]) {
        assert_eq!((record.outcome, record.status.unwrap().as_u16()), (Outcome::Answered, 200));
        assert_eq!(note(record, "grpc-status"), Some(status));
        assert_eq!(record.principal.as_ref().unwrap().subject(), "alice");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_a_status_with_its_headers_and_the_request_id_as_metadata() {
    let (records, permits) = (Records::default(), Permits::of(0));
    let stack = stack(&records)
        .route("/shop.v1.Orders/Get", Policy::authenticated().grpc())
        .route("/shop.v1.Orders/Watch", Policy::authenticated().grpc().guard(permits))
        .route("/shop.v1.Orders/Place", Policy::require(scope("orders:write")).grpc());
    let mut client = client(serve(stack, Shop::default()).await).await;

    let status = client.get(Request::new(OrderId { id: 7 })).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(status.message(), "Credentials are required");
    assert_eq!(status.metadata().get("www-authenticate").unwrap(), "Bearer realm=\"api\"");
    records.wait_for(1);
    let id = status.metadata().get("x-request-id").unwrap().to_str().unwrap().to_owned();
    let mut forged = ask(7);
    let bearer = format!("Bearer {}x", token::alice(NOW + 3600, "orders"));
    forged.metadata_mut().insert("authorization", bearer.parse().unwrap());
    assert_eq!(client.get(forged).await.unwrap_err().code(), Code::Unauthenticated);
    records.wait_for(2);
    let status = client.place(of_alice(stream::empty())).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    records.wait_for(3);
    assert_eq!(client.watch(ask(3)).await.unwrap_err().code(), Code::ResourceExhausted);
    records.wait_for(4);
    assert_eq!(client.get(ask(500)).await.unwrap_err().code(), Code::Internal);

    let records = records.wait_for(5);
    let told = records.iter().map(|record| (reason(record).unwrap(), note(record, "grpc-status")));
    let expected = [
        (Reason::MissingCredentials, Some("16")),
        (Reason::InvalidCredentials, Some("16")),
        (Reason::InsufficientScope, Some("7")),
        (Reason::RateLimited, Some("8")),
        (Reason::Panicked, Some("13")),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    assert_eq!(records[0].request_id.to_string(), id);
    assert_eq!(records[4].outcome, Outcome::Panicked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_the_service_ends_are_as_many_answered_records() {
    let (records, permits) = (Records::default(), Permits::of(20));
    let stack = stack(&records).guard(permits.clone());
    let stack = stack.route(SERVICE, Policy::authenticated().grpc());
    let client = client(serve(stack, Shop::default()).await).await;
    let calls = stream::iter(0..20).map(|_| {
        let mut client = client.clone();
        async move { client.watch(ask(3)).await.unwrap().into_inner().collect::<Vec<_>>().await }
    });
    let received = calls.buffer_unordered(20).collect::<Vec<_>>().await;
    let orders = received.iter().flatten().filter(|order| order.is_ok());
    assert_eq!(orders.count(), 60);
    let records = records.wait_for(20);
    assert!(records.iter().all(|record| record.outcome == Outcome::Answered), "{records:?}");
    assert!(records.iter().all(|record| note(record, "grpc-status") == Some("0")));
    permits.all_back().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_the_client_cancels_are_as_many_cancelled_records_and_permits_returned() {
    let (records, permits) = (Records::default(), Permits::of(50));
    let stack = stack(&records).guard(permits.clone());
    let stack = stack.route(SERVICE, Policy::authenticated().grpc());
    let mut client = client(serve(stack, Shop::default()).await).await;
    let mut open = Vec::new();
    for _ in 0..50 {
        let mut orders = client.watch(ask(0)).await.unwrap().into_inner();
        assert_eq!(orders.message().await.unwrap(), Some(order(1, "tea")));
        open.push(orders);
    }
    assert_eq!((permits.left(), records.all().len()), (0, 0));
    // The one too many.
    assert_eq!(client.watch(ask(0)).await.unwrap_err().code(), Code::ResourceExhausted);
    drop(open);
    let told = records.wait_for(51);
    let cancelled = told.iter().filter(|record| record.outcome == Outcome::Cancelled);
    assert_eq!(cancelled.count(), 50);
    permits.all_back().await;
    assert_eq!(records.all().len(), 51);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_small_messages_is_longer_than_a_body_may_be() {
    let records = Records::default();
    let policy = Policy::authenticated().grpc().body_limit(2_000);
    let mut client =
        client(serve(stack(&records).route(SERVICE, policy), Shop::default()).await).await;
    let sent = stream::iter((0..1_000).map(|id| order(id, "x".repeat(1_000))));
    let received = client.place(of_alice(sent)).await.unwrap().into_inner();
    assert_eq!(received.filter(|order| std::future::ready(order.is_ok())).count().await, 1_000);
    let record = &records.wait_for(1)[0];
    assert_eq!((record.outcome, note(record, "grpc-status")), (Outcome::Answered, Some("0")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_too_large_ends_a_stream_that_has_begun_with_a_status() {
    let (records, shop) = (Records::default(), Shop::default());
    let policy = Policy::authenticated().grpc().body_limit(1_000);
    let mut client =
        client(serve(stack(&records).route(SERVICE, policy), shop.clone()).await).await;
    let placed = shop.placed.clone();
    let sent = stream::iter([order(1, "tea")]).chain(stream::once(async move {
        placed.notified().await;
        order(2, "x".repeat(1_001))
    }));
    let mut received = client.place(of_alice(sent)).await.unwrap().into_inner();
    assert_eq!(received.message().await.unwrap(), Some(order(1, "tea")));
    let status = received.message().await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::ResourceExhausted, "a message is too large")
    );
    assert!(status.metadata().contains_key("x-request-id"));
    let record = &records.wait_for(1)[0];
    assert_eq!((record.outcome, reason(record)), (Outcome::Rejected, Some(Reason::BodyTooLarge)));
    assert_eq!(note(record, "grpc-status"), Some("8"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_route_that_is_not_declared_as_grpc_a_client_cannot_lift_the_limit_of_bodies() {
    let records = Records::default();
    let policy = Policy::authenticated().body_limit(2_000);
    let mut client =
        client(serve(stack(&records).route(SERVICE, policy), Shop::default()).await).await;
    let sent = stream::iter((0..100).map(|id| order(id, "x".repeat(100))));
    let status = match client.place(of_alice(sent)).await {
        Ok(received) => received
            .into_inner()
            .filter_map(async |order| order.err())
            .boxed()
            .next()
            .await
            .unwrap(),
        Err(status) => status,
    };
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(reason(&records.wait_for(1)[0]), Some(Reason::BodyTooLarge));
}

/// Time stands still but for what is waited for, so there is no socket here.
#[tokio::test(start_paused = true)]
async fn a_stream_in_which_nobody_says_anything_is_ended_with_a_status() {
    let (records, permits) = (Records::default(), Permits::of(1));
    let stack = stack(&records).guard(permits.clone()).route(SERVICE, Policy::optional().grpc());
    let router = Routes::new(OrdersServer::new(Shop::default())).into_axum_router();
    let service = stack.build().unwrap().protect(router);
    // A message without fields: the order of number 0.
    let call = http::Request::post("/shop.v1.Orders/Watch")
        .header("content-type", "application/grpc")
        .body(Body::from(&[0; 5][..]))
        .unwrap();
    let began = tokio::time::Instant::now();
    let answer = service.oneshot(call).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 300);
    assert_eq!(answer.trailers().unwrap()["grpc-status"], "4");
    assert!(answer.to_bytes().ends_with(b"tea\x18\x01"));
    let record = &records.wait_for(1)[0];
    assert_eq!((record.outcome, reason(record)), (Outcome::BodyFailed, Some(Reason::IdleStream)));
    permits.all_back().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_panics_ends_with_a_status_and_tells_nothing_of_it() {
    let records = Records::default();
    let stack = stack(&records).route(SERVICE, Policy::authenticated().grpc());
    let mut client = client(serve(stack, Shop::default()).await).await;
    let mut orders = client.watch(ask(500)).await.unwrap().into_inner();
    let status = orders.message().await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(!format!("{status:?}").contains("a stream that panics"));
    let record = &records.wait_for(1)[0];
    assert_eq!((record.outcome, note(record, "grpc-status")), (Outcome::Panicked, Some("13")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_tonics_own_server_the_stack_is_a_layer() {
    let records = Records::default();
    let stack = stack(&records).peer(Peer::Extension);
    let parapet = stack.route(SERVICE, Policy::authenticated().grpc()).build().unwrap();
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = incoming.local_addr().unwrap();
    let with_peer = MapRequestLayer::new(|mut request: http::Request<tonic::body::Body>| {
        let info = request.extensions().get::<tonic::transport::server::TcpConnectInfo>();
        if let Some(peer) = info.and_then(|info| info.remote_addr()) {
            request.extensions_mut().insert(PeerAddr::new(peer));
        }
        request
    });
    let server = Server::builder().layer(with_peer).layer(parapet);
    let routes = Routes::new(OrdersServer::new(Shop::default()));
    tokio::spawn(server.serve_with_incoming(routes, incoming));
    let mut client = client(address).await;
    assert_eq!(client.get(ask(7)).await.unwrap().into_inner(), order(7, "alice"));
    let status = client.get(Request::new(OrderId { id: 7 })).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let orders = client.watch(ask(3)).await.unwrap().into_inner();
    assert_eq!(orders.count().await, 3);
    let records = records.wait_for(3);
    assert!(records.iter().all(|record| record.peer.unwrap().ip().is_loopback()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guard_that_reads_whole_bodies_refuses_grpc_where_it_stands_and_says_why() {
    let records = Records::default();
    let reads = does(|exchange| {
        exchange.read_body(1_000, |_, _| Ok(None));
        Ok(Flow::Continue)
    });
    let stack = stack(&records)
        .guard(reads)
        .route("/shop.v1.Orders/Get", Policy::authenticated())
        .route("/shop.v1.Orders/Watch", Policy::authenticated().grpc());
    let mut client = client(serve(stack, Shop::default()).await).await;
    assert_eq!(client.get(ask(7)).await.unwrap_err().code(), Code::Unimplemented);
    records.wait_for(1);
    assert_eq!(client.watch(ask(7)).await.unwrap_err().code(), Code::Internal);
    let reasons = records.wait_for(2).iter().map(reason).collect::<Vec<_>>();
    assert_eq!(reasons, [Some(Reason::UnsupportedMediaType), Some(Reason::Misconfigured)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guard_on_trial_that_reads_whole_bodies_refuses_no_stream() {
    let records = Records::default();
    let reads = does(|exchange| {
        exchange.read_body(1_000, |_, _| Ok(None));
        Ok(Flow::Continue)
    });
    let stack = stack(&records).guard(Shadow::of(reads).unwrap());
    let stack = stack.route(SERVICE, Policy::authenticated().grpc());
    let mut client = client(serve(stack, Shop::default()).await).await;
    assert_eq!(client.get(ask(7)).await.unwrap().into_inner(), order(7, "alice"));
    assert_eq!(note(&records.wait_for(1)[0], "not-judged"), Some("does"));
}

#[test]
fn a_route_of_grpc_with_a_guard_that_reads_whole_bodies_does_not_build() {
    let schema = JsonSchema::for_route("POST /shop.v1.Orders/Get", r#"{"type":"object"}"#);
    let stack = stack(&Records::default())
        .route("POST /shop.v1.Orders/Get", Policy::authenticated().grpc())
        .validate(schema);
    let error = stack.build().unwrap_err();
    assert_eq!(error.mistakes().len(), 1, "{error}");
    let told = error.to_string();
    assert!(told.contains("/shop.v1.Orders/Get` is gRPC, and its guard `json-schema`"), "{told}");
}
