//! How long a handler takes to its answer, without the time that it waits for its client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, response};

use crate::clock::{SharedClock, nanos};
use crate::guard::BodyWatch;
use crate::rejection::Rejection;

use super::gradient::Sample;
use super::room::Room;

/// One request that is timed.
#[derive(Debug)]
pub(super) struct Timing {
    room: Arc<Room>,
    clock: SharedClock,
    route: u64,
    /// When the request was let in, or the last piece of its body came; nanoseconds.
    began: AtomicU64,
    is_told: AtomicBool,
    /// Whether the handler may still wait for its client.
    has_body: bool,
}

impl Timing {
    pub(super) fn new(room: Arc<Room>, clock: SharedClock, route: u64, has_body: bool) -> Self {
        let began = AtomicU64::new(nanos(clock.0.now()));
        Self { room, clock, route, began, is_told: AtomicBool::new(false), has_body }
    }

    fn sample(&self) -> (Sample, Duration) {
        let now = self.clock.0.now();
        let began = Duration::from_nanos(self.began.load(Ordering::Relaxed));
        (Sample { route: self.route, began, took: now.saturating_sub(began) }, now)
    }

    /// The handler has answered. What it refuses, and what went wrong, says nothing of how long its
    /// work takes.
    pub(super) fn answered(&self, parts: &response::Parts) {
        if self.is_told.swap(true, Ordering::Relaxed) {
            return;
        }
        let is_refusal = parts.extensions.get::<Rejection>().is_some();
        if parts.status.as_u16() < 400 && !is_refusal {
            let (sample, now) = self.sample();
            self.room.sample(sample, now);
        }
    }
}

impl Drop for Timing {
    /// Nobody waits for the handler any more: the time so far counts where it was long, unless it
    /// may be the client's.
    fn drop(&mut self) {
        if self.has_body || *self.is_told.get_mut() {
            return;
        }
        let (sample, now) = self.sample();
        self.room.sample_unfinished(sample, now);
    }
}

/// Sees to it that an upload in small pieces is not taken for a slow handler.
#[derive(Debug)]
pub(super) struct Uploads(pub(super) Arc<Timing>);

impl BodyWatch for Uploads {
    fn chunk(&mut self, _: &Bytes) -> Result<(), Rejection> {
        self.0.began.store(nanos(self.0.clock.0.now()), Ordering::Relaxed);
        Ok(())
    }

    fn end(&mut self, _: Option<&HeaderMap>) -> Result<(), Rejection> {
        self.0.began.store(nanos(self.0.clock.0.now()), Ordering::Relaxed);
        Ok(())
    }
}
