//! How long a stream may stand still, in either direction.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context as Cx, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// When either side last sent something. Shared by the body of the request, that of the answer, and
/// the deadline of the handler between them.
#[derive(Debug)]
pub(crate) struct Pulse {
    origin: Instant,
    /// Since the origin, in nanoseconds.
    last: AtomicU64,
    /// Whether the handler waits for the client's next piece.
    waiting: AtomicBool,
}

impl Pulse {
    pub(crate) fn start() -> Arc<Self> {
        let origin = Instant::now();
        Arc::new(Self { origin, last: AtomicU64::new(0), waiting: AtomicBool::new(false) })
    }

    fn beat(&self) {
        let since = u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.last.fetch_max(since, Ordering::Relaxed);
    }

    pub(super) fn wait_for_client(&self, waits: bool) {
        self.waiting.store(waits, Ordering::Relaxed);
    }

    pub(super) fn is_waiting_for_client(&self) -> bool {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(super) fn still_for(&self) -> Duration {
        let last = Duration::from_nanos(self.last.load(Ordering::Relaxed));
        self.origin.elapsed().saturating_sub(last)
    }
}

/// Waits for a stream to go on, and gives up after a while. Outside of a runtime there is no timer,
/// and no end to the wait.
#[derive(Debug)]
pub(super) struct Patience {
    limit: Duration,
    pub(super) pulse: Arc<Pulse>,
    /// Made when the stream first has to be waited for.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(super) fn new(limit: Duration, pulse: Arc<Pulse>) -> Self {
        Self { limit, pulse, timer: None }
    }

    /// The stream went on.
    pub(super) fn beat(&self) {
        self.pulse.beat();
    }

    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// To be polled where the stream is pending; ready once neither side has sent anything for the
    /// limit.
    pub(super) fn poll_over(&mut self, cx: &mut Cx<'_>) -> Poll<()> {
        loop {
            let still = self.pulse.still_for();
            if still >= self.limit {
                return Poll::Ready(());
            }
            if self.timer.is_none() && tokio::runtime::Handle::try_current().is_err() {
                return Poll::Pending;
            }
            let now = Instant::now();
            // A limit without end is one of decades to the timer.
            let end = now.checked_add(self.limit - still).unwrap_or(now + FAR);
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
            if timer.deadline() < now || timer.is_elapsed() {
                timer.as_mut().reset(end);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// The least pace of an upload: what is still slower once the wait for it has lasted a while is a
/// client that only wants to stay.
#[derive(Debug)]
pub(super) struct Pace {
    /// Bytes a second.
    least: u64,
    /// For so long a client may be as slow as it likes.
    grace: Duration,
    waited: Duration,
    since: Option<Instant>,
    came: u64,
}

impl Pace {
    pub(super) fn of_at_least(least: u64, grace: Duration) -> Self {
        Self { least, grace, waited: Duration::ZERO, since: None, came: 0 }
    }

    /// The handler waits for the client: only that time counts.
    pub(super) fn pause(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// So many bytes have come; whether they came too slowly.
    pub(super) fn is_too_slow(&mut self, bytes: u64) -> bool {
        self.came = self.came.saturating_add(bytes);
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
        let due = self.waited.as_secs().saturating_mul(self.least);
        self.waited > self.grace && self.came < due
    }
}
