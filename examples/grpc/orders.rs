//! What `tonic-prost-build` makes of this, written out, so that the example builds without protoc:
//!
//! ```proto
//! package shop.v1;
//!
//! service Orders {
//!   rpc Get(OrderId) returns (Order);
//!   rpc Watch(OrderId) returns (stream Order);
//!   rpc Place(stream Order) returns (stream Order);
//! }
//! message OrderId { uint64 id = 1; }
//! message Order { uint64 id = 1; string item = 2; uint32 quantity = 3; }
//! ```
#![allow(unreachable_pub, reason = "generated code is public wherever it stands")]

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{Stream, StreamExt, future::BoxFuture};
use http::uri::PathAndQuery;
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    client::Grpc as Client,
    server::{Grpc as Server, NamedService},
    transport::Channel,
};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct OrderId {
    #[prost(uint64, tag = "1")]
    pub id: u64,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Order {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(string, tag = "2")]
    pub item: String,
    #[prost(uint32, tag = "3")]
    pub quantity: u32,
}

/// A stream of answers.
pub type Answers = std::pin::Pin<Box<dyn Stream<Item = Result<Order, Status>> + Send>>;

/// What a service does.
pub trait Orders: Send + Sync + 'static {
    fn get(&self, ask: Request<OrderId>) -> impl Future<Output = Reply<Order>> + Send;
    fn watch(&self, ask: Request<OrderId>) -> impl Future<Output = Reply<Answers>> + Send;
    fn place(&self, ask: Request<Streaming<Order>>) -> impl Future<Output = Reply<Answers>> + Send;
}

pub type Reply<T> = Result<Response<T>, Status>;

/// Routes calls to it.
pub struct OrdersServer<T>(Arc<T>);

impl<T> OrdersServer<T> {
    pub fn new(orders: T) -> Self {
        Self(Arc::new(orders))
    }
}

impl<T> Clone for OrdersServer<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> NamedService for OrdersServer<T> {
    const NAME: &'static str = "shop.v1.Orders";
}

impl<T: Orders> Service<http::Request<Body>> for OrdersServer<T> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: http::Request<Body>) -> Self::Future {
        let orders = self.0.clone();
        Box::pin(async move {
            Ok(match call.uri().path() {
                "/shop.v1.Orders/Get" => {
                    let get = service_fn(move |ask| {
                        let orders = orders.clone();
                        async move { orders.get(ask).await }
                    });
                    Server::new(ProstCodec::default()).unary(get, call).await
                }
                "/shop.v1.Orders/Watch" => {
                    let watch = service_fn(move |ask| {
                        let orders = orders.clone();
                        async move { orders.watch(ask).await }
                    });
                    Server::new(ProstCodec::default()).server_streaming(watch, call).await
                }
                "/shop.v1.Orders/Place" => {
                    let place = service_fn(move |ask| {
                        let orders = orders.clone();
                        async move { orders.place(ask).await }
                    });
                    Server::new(ProstCodec::default()).streaming(place, call).await
                }
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

/// Calls it over a channel.
#[derive(Clone)]
pub struct OrdersClient(Client<Channel>);

impl OrdersClient {
    pub fn new(channel: Channel) -> Self {
        Self(Client::new(channel))
    }

    async fn ready(&mut self) -> Result<&mut Client<Channel>, Status> {
        self.0.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
        Ok(&mut self.0)
    }

    pub async fn get(&mut self, ask: Request<OrderId>) -> Reply<Order> {
        let path = PathAndQuery::from_static("/shop.v1.Orders/Get");
        self.ready().await?.unary(ask, path, ProstCodec::<OrderId, Order>::default()).await
    }

    pub async fn watch(&mut self, ask: Request<OrderId>) -> Reply<Streaming<Order>> {
        let path = PathAndQuery::from_static("/shop.v1.Orders/Watch");
        let codec = ProstCodec::<OrderId, Order>::default();
        self.ready().await?.server_streaming(ask, path, codec).await
    }

    pub async fn place<S>(&mut self, ask: Request<S>) -> Reply<Streaming<Order>>
    where
        S: Stream<Item = Order> + Send + 'static,
    {
        let path = PathAndQuery::from_static("/shop.v1.Orders/Place");
        let codec = ProstCodec::<Order, Order>::default();
        self.ready().await?.streaming(ask.map(StreamExt::boxed), path, codec).await
    }
}
