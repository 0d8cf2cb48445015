//! Stores that several processes share, as they should not be.

use futures_util::FutureExt;
use tower::{Layer, ServiceExt};
use tower_parapet::{
    Body, Idempotency, PeerAddr, Redis, Throttle,
    idempotency::MemoryResponses,
    throttle::{Shared, ThrottleBuilder},
};

/// A store that nobody answers for.
fn nobody() -> Redis {
    Redis::builder("redis://127.0.0.1:1").build().unwrap()
}

fn limit(shared: Shared) -> ThrottleBuilder {
    Throttle::per_minute(60).shared(shared)
}

pub(super) fn in_the_clear() -> ThrottleBuilder {
    let redis = Redis::builder("redis://10.0.0.1").dangerous().plaintext().build().unwrap();
    limit(Shared::closed(redis))
}

pub(super) fn open() -> ThrottleBuilder {
    limit(Shared::dangerous(nobody()).open())
}

/// It was asked so often that nobody asks it now.
pub(super) fn lost() -> ThrottleBuilder {
    let redis = nobody();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for _ in 0..5 {
            redis.ping().await.unwrap_err();
        }
    });
    limit(Shared::closed(redis))
}

/// A guard whose store has room for one key, and has it.
pub(super) fn full() -> Idempotency {
    let store = MemoryResponses::builder().entries(1).build().unwrap();
    let guard = Idempotency::builder(store).build().unwrap();
    let handler = tower::service_fn(async |_: http::Request<Body>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(Body::empty()))
    });
    let order = http::Request::post("/orders")
        .header("idempotency-key", "\"a\"")
        .extension(PeerAddr::new("192.0.2.1:1".parse().unwrap()))
        .body(Body::empty());
    guard.layer(handler).oneshot(order.unwrap()).now_or_never().unwrap().unwrap();
    guard
}
