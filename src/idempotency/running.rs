//! A request that has its key, until its answer is kept or the key is given up.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

use crate::{
    answer::{Answer, StoreError},
    clock::Clock,
};

use super::{Claim, IdempotencyStore, StoredResponse};

/// The first pause before a store that failed is told again; pauses double up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Dropped, it gives the key up: the handler failed, panicked, came too late, or was given up on with
/// its client.
pub(super) struct Running {
    inner: Arc<Inner>,
    is_open: bool,
}

struct Inner {
    store: Arc<dyn IdempotencyStore>,
    claim: Claim,
    clock: Arc<dyn Clock>,
}

impl Running {
    /// To be made before the store is asked: a claim that nobody waits for is given up too.
    pub(super) fn new(
        store: Arc<dyn IdempotencyStore>,
        claim: Claim,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { inner: Arc::new(Inner { store, claim, clock }), is_open: true }
    }

    pub(super) fn claim(&self) -> &Claim {
        &self.inner.claim
    }

    /// The key is somebody else's.
    pub(super) fn forget(mut self) {
        self.is_open = false;
    }

    /// Keeps an answer, `after` another one of the same request, and whether or not the client
    /// waits for it. What is returned ends once the store knows, or is given up on; nothing where it
    /// knows at once.
    pub(super) fn keep(
        &mut self,
        response: Arc<StoredResponse>,
        after: Option<BoxFuture<'static, ()>>,
    ) -> Option<BoxFuture<'static, ()>> {
        self.is_open = false;
        let inner = self.inner.clone();
        match after {
            Some(after) => Some(spawned(Box::pin(async move {
                after.await;
                let told = inner.complete(&response);
                inner.insist(response, told).await;
            }))),
            None => match inner.complete(&response) {
                Answer::Now(Ok(())) => None,
                told => Some(spawned(Box::pin(async move { inner.insist(response, told).await }))),
            },
        }
    }
}

impl Inner {
    fn complete(&self, response: &Arc<StoredResponse>) -> Answer<Result<(), StoreError>> {
        self.store.complete(&self.claim, response.clone(), self.clock.now())
    }

    /// Tells the store for as long as the key is locked.
    async fn insist(&self, response: Arc<StoredResponse>, first: Answer<Result<(), StoreError>>) {
        let (mut told, mut pause, mut paused) = (first.wait().await, FIRST_PAUSE, Duration::ZERO);
        while let Err(error) = told {
            if paused >= self.claim.lock || Handle::try_current().is_err() {
                tracing::error!(
                    target: "tower_parapet",
                    %error,
                    "an answer could not be kept: the same request may run again",
                );
                return;
            }
            tokio::time::sleep(pause).await;
            paused += pause;
            pause = (pause * 2).min(LONGEST_PAUSE);
            told = self.complete(&response).wait().await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        if let Answer::Later(released) = self.inner.store.release(&self.inner.claim)
            && let Ok(runtime) = Handle::try_current()
        {
            // Where it fails, the lock ends by itself.
            runtime.spawn(released);
        }
    }
}

/// Work that goes on without its client, where there is a runtime to do it.
fn spawned(work: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
    match Handle::try_current() {
        Ok(runtime) => {
            let work = runtime.spawn(work);
            Box::pin(async move { drop(work.await) })
        }
        Err(_) => work,
    }
}
