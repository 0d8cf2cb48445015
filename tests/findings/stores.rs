//! Stores that several processes share, as they should not be.

use tower_parapet::{
    Redis, Throttle,
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
