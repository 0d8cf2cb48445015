//! The background task that fetches. It holds no scheme alive, and ends with it.

use std::pin::pin;
use std::sync::{Arc, Weak};

use futures_util::future::{Either, select};
use tokio::sync::Notify;

use super::document::{FetchError, Fetched};
use super::provider::Next;
use crate::auth::jwt::keyring::Keyring;
use crate::clock::SharedClock;

/// Fetches whenever it is time, or somebody calls.
pub(super) fn keep(
    ring: &Arc<Keyring>,
    call: Arc<Notify>,
    clock: SharedClock,
) -> impl Future<Output = ()> + Send + use<> {
    // From here on: also where the runtime ends before it has polled this once.
    let keeper = Keeper(Arc::downgrade(ring));
    async move {
        while let Some(next) = keeper.next() {
            match next {
                Next::Wait(until) => {
                    select(clock.0.wait_until(until), pin!(call.notified())).await;
                }
                Next::Fly(document, allowed) => {
                    let fetch = async move { document.fetch(allowed).await };
                    match keeper.unless_dropped(fetch, &call).await {
                        Some(outcome) => keeper.land(outcome),
                        None => return,
                    }
                }
            }
        }
    }
}

struct Keeper(Weak<Keyring>);

impl Keeper {
    fn next(&self) -> Option<Next> {
        let ring = self.0.upgrade()?;
        Some(ring.provider()?.next(&ring))
    }

    fn land(&self, outcome: Result<Fetched, FetchError>) {
        if let Some(ring) = self.0.upgrade()
            && let Some(provider) = ring.provider()
        {
            provider.land(&ring, outcome);
        }
    }

    async fn unless_dropped<T>(&self, work: impl Future<Output = T>, call: &Notify) -> Option<T> {
        let mut work = pin!(work);
        loop {
            match select(work.as_mut(), pin!(call.notified())).await {
                Either::Left((done, _)) => return Some(done),
                Either::Right(_) if self.0.strong_count() == 0 => return None,
                Either::Right(_) => {}
            }
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(ring) = self.0.upgrade()
            && let Some(provider) = ring.provider()
        {
            provider.abandon();
        }
    }
}
