//! A tonic service behind the stack, on one port with plain HTTP: callers by API key, refusals as gRPC
//! statuses, streams of any length whose messages are held to a size.
//!
//! ```sh
//! cargo run --example grpc
//! ```
//!
//! It listens on `PORT` (3000; `0` for any free one), prints a key that it made for itself, and the
//! calls to try, which it makes itself: `--call URL KEY METHOD` with `get`, `watch` or `place`.

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, routing::get};
use futures_util::{StreamExt, stream};
use tokio::net::TcpListener;
use tonic::{Code, Request, Response, Status, Streaming, service::Routes, transport::Endpoint};
use tower_parapet::{
    ConfigError, Context, Parapet, Peer, Policy,
    audit::JsonLines,
    auth::api_key::{ApiKey, ApiKeys, MemoryKeys},
    authorize::scope,
    throttle::{Key, Throttle},
};

use orders::{Answers, Order, OrderId, Orders, OrdersClient, OrdersServer, Reply};

#[path = "grpc/orders.rs"]
mod orders;

pub(crate) fn parapet(keys: MemoryKeys) -> Result<Parapet, ConfigError> {
    Parapet::builder()
        .peer(Peer::ConnectInfo)
        .hosts(["127.0.0.1", "localhost"])
        .authenticate(ApiKeys::builder(keys))
        .throttle(Throttle::per_minute(60).burst(20).by(Key::ClientNet))
        .public("GET /health", "load balancer")
        .route("POST /shop.v1.Orders/Get", Policy::require(scope("orders:read")).grpc())
        .route(
            "POST /shop.v1.Orders/Watch",
            Policy::require(scope("orders:read")).grpc().idle(Duration::from_secs(3600)),
        )
        .route(
            "POST /shop.v1.Orders/Place",
            Policy::require(scope("orders:write")).grpc().body_limit(4 << 10),
        )
        .audit(JsonLines::builder().stderr())
        .build()
}

/// Orders in memory, at most a thousand.
#[derive(Clone, Default)]
struct Shop(Arc<Mutex<BTreeMap<u64, Order>>>);

impl Shop {
    fn find(&self, id: u64) -> Result<Order, Status> {
        let orders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        orders.get(&id).cloned().ok_or_else(|| Status::not_found("there is no such order"))
    }

    fn put(&self, order: Order) -> Result<Order, Status> {
        let mut orders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if orders.len() >= 1000 {
            return Err(Status::resource_exhausted("there are orders enough"));
        }
        let id = orders.last_key_value().map_or(1, |(last, _)| last + 1);
        let order = Order { id, ..order };
        orders.insert(id, order.clone());
        Ok(order)
    }
}

impl Orders for Shop {
    async fn get(&self, ask: Request<OrderId>) -> Reply<Order> {
        self.find(ask.into_inner().id).map(Response::new)
    }

    async fn watch(&self, ask: Request<OrderId>) -> Reply<Answers> {
        let order = self.find(ask.into_inner().id)?;
        Ok(Response::new(stream::iter([Ok(order)]).boxed()))
    }

    async fn place(&self, ask: Request<Streaming<Order>>) -> Reply<Answers> {
        let caller = Context::of(ask.extensions()).and_then(Context::principal).cloned();
        let name = caller.map_or_else(String::new, |caller| caller.subject().to_owned());
        let shop = self.clone();
        let placed = ask.into_inner().map(move |order| {
            let order = order?;
            shop.put(Order { item: format!("{} for {name}", order.item), ..order })
        });
        Ok(Response::new(placed.boxed()))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = env::args().skip(1).collect::<Vec<_>>();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => serve().await,
        ["--call", url, key, method] => call(url, key, method).await,
        _ => Err("usage: grpc [--call URL KEY get|watch|place|large]".into()),
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let keys = MemoryKeys::new();
    let (writer, reader) = (ApiKey::generate("demo")?, ApiKey::generate("demo")?);
    let stored = writer.stored().owner("demo-shop").scope("orders:read").scope("orders:write");
    keys.insert(stored.build()?);
    keys.insert(reader.stored().owner("demo-reader").scope("orders:read").build()?);
    let parapet = parapet(keys)?;
    let methods = Routes::new(OrdersServer::new(Shop::default())).into_axum_router();
    let app =
        parapet.protect(Router::new().route("/health", get(async || "well\n")).merge(methods));

    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    let url = format!("http://{}", listener.local_addr()?);
    print_guide(&url, writer.text().expose(), reader.text().expose())?;

    axum::serve(listener, app.into_make_service_with_connect_info())
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    parapet.flush();
    Ok(())
}

/// One call, as a client makes it; the last line is the status.
async fn call(url: &str, key: &str, method: &str) -> Result<(), Box<dyn Error>> {
    let endpoint = Endpoint::try_from(url.to_owned())?.timeout(Duration::from_secs(10));
    let mut client = OrdersClient::new(endpoint.connect().await?);
    let key = key.parse()?;
    let answers = match method {
        "get" => {
            client.get(with(key, OrderId { id: 1 })).await.map(|order| vec![order.into_inner()])
        }
        "watch" => all(client.watch(with(key, OrderId { id: 1 })).await).await,
        "place" | "large" => {
            let item = if method == "large" { "tea".repeat(2000) } else { "tea".to_owned() };
            let order = Order { id: 0, item, quantity: 2 };
            all(client.place(with(key, stream::iter([order]))).await).await
        }
        _ => return Err(format!("there is no method `{method}`").into()),
    };
    match answers {
        Ok(orders) => {
            orders.iter().for_each(|order| println!("{order:?}"));
            println!("OK");
        }
        Err(status) => {
            println!("{:?}", status.metadata());
            println!("{} {}", name(status.code()), status.message());
        }
    }
    Ok(())
}

type KeyText = tonic::metadata::AsciiMetadataValue;

fn with<T>(key: KeyText, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("x-api-key", key);
    request
}

async fn all(orders: Reply<Streaming<Order>>) -> Result<Vec<Order>, Status> {
    let mut orders = orders?.into_inner();
    let mut all = Vec::new();
    while let Some(order) = orders.message().await? {
        all.push(order);
    }
    Ok(all)
}

/// The code as the gRPC documents spell it.
fn name(code: Code) -> String {
    let spelt = format!("{code:?}");
    let mut name = String::new();
    for character in spelt.chars() {
        if character.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(character.to_ascii_uppercase());
    }
    name
}

fn print_guide(url: &str, writer: &str, reader: &str) -> Result<(), Box<dyn Error>> {
    let this = env::current_exe()?;
    let call = format!("{} --call {url}", this.display());
    println!("listening {url}");
    println!("curl -i {url}/health # 200 plain HTTP on the same port");
    println!("{call} {writer} place # OK a stream of orders, each confirmed");
    println!("{call} {reader} get # OK a key may read");
    println!("{call} {reader} watch # OK a stream of answers");
    println!("{call} {reader} place # PERMISSION_DENIED the key may not write");
    println!("{call} {writer} large # RESOURCE_EXHAUSTED a message of more than 4 KiB");
    println!("{call} {writer}x get # UNAUTHENTICATED a forged key");
    println!("curl -i -X POST -H 'X-Api-Key: {reader}' {url}/shop.v1.Orders/Get # 415 not gRPC");
    Ok(())
}
