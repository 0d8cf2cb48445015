//! Permits that are counted, and records that are told of beginnings too.

use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;
use tower_parapet::{Exchange, Flow, Guard, Observer, Outcome, Phase, Reason, Record, Rejection};

/// Holds one of so many permits for each request, and refuses where none is left.
#[derive(Clone)]
pub(crate) struct Permits {
    left: Arc<Semaphore>,
    all: u32,
}

impl Permits {
    pub(crate) fn of(all: u32) -> Self {
        Self { left: Arc::new(Semaphore::new(all as usize)), all }
    }

    pub(crate) fn left(&self) -> usize {
        self.left.available_permits()
    }

    /// Waits until all are back.
    pub(crate) async fn all_back(&self) {
        drop(self.left.acquire_many(self.all).await.unwrap());
    }
}

impl Guard for Permits {
    fn name(&self) -> &'static str {
        "permits"
    }
    fn phase(&self) -> Phase {
        Phase::Quota
    }
    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        match self.left.clone().try_acquire_owned() {
            Ok(permit) => exchange.hold(permit),
            Err(_) => return Err(Rejection::new(Reason::RateLimited)),
        }
        Ok(Flow::Continue)
    }
}

/// Keeps what it is told of beginnings.
#[derive(Clone, Default)]
pub(crate) struct Beginnings(Arc<Mutex<Vec<(String, Outcome)>>>);

impl Beginnings {
    pub(crate) fn all(&self) -> Vec<(String, Outcome)> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Beginnings {
    fn completed(&self, _: &Record) {}
    fn opened(&self, record: &Record) {
        self.0.lock().unwrap().push((record.path().to_owned(), record.outcome));
    }
}
