//! Where time comes from: always injected, never read by a guard itself.

use std::{
    fmt,
    pin::pin,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures_util::future::BoxFuture;
use tokio::sync::Notify;

/// Two readings: one that never goes back, one that the rest of the world shares.
///
/// A stack reads it at most twice a request, through [`Exchange::now`](crate::Exchange::now)
/// and [`Exchange::unix`](crate::Exchange::unix), and once more when the record closes.
pub trait Clock: Send + Sync + 'static {
    /// Monotonic time since an origin of the clock's own choice. Throttles and durations use it.
    fn now(&self) -> Duration;

    /// Wall-clock time since the Unix epoch. Token expiry and records use it.
    fn unix(&self) -> Duration;

    /// Waits until the wall clock may have reached a time since the Unix epoch; it may end early,
    /// and whoever waits reads the clock again. Provided: on the runtime's timer, a minute at most,
    /// so that a clock that is set forward is noticed by then.
    fn wait_until(&self, unix: Duration) -> BoxFuture<'static, ()> {
        let left = unix.saturating_sub(self.unix());
        Box::pin(async move {
            match tokio::runtime::Handle::try_current() {
                Ok(_) => tokio::time::sleep(left.min(LOOK_AGAIN)).await,
                Err(_) => std::future::pending().await,
            }
        })
    }
}

/// A waiter looks at the wall clock this often, since somebody may set it.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The operating system's clocks; the default.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Instant,
}

/// One for the process: a layer that is applied anew to each route, or to each request, reads the
/// clock of the one before it.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Default for SystemClock {
    fn default() -> Self {
        Self { origin: *ORIGIN }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn unix(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// A clock that stands still until it is told to move; clones share the hands.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use tower_parapet::clock::{Clock, ManualClock};
///
/// let clock = ManualClock::at_unix(Duration::from_secs(1_700_000_000));
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now(), Duration::from_secs(60));
/// assert_eq!(clock.unix(), Duration::from_secs(1_700_000_060));
/// ```
#[derive(Clone, Default)]
pub struct ManualClock {
    hands: Arc<Hands>,
}

#[derive(Default)]
struct Hands {
    now: AtomicU64,
    unix: AtomicU64,
    moved: Notify,
}

impl ManualClock {
    /// A clock whose wall time is `unix` since the epoch and whose monotonic time is zero.
    pub fn at_unix(unix: Duration) -> Self {
        let clock = Self::default();
        clock.set_unix(unix);
        clock
    }

    /// Moves both readings forward.
    pub fn advance(&self, by: Duration) {
        self.hands.now.fetch_add(nanos(by), Ordering::SeqCst);
        self.hands.unix.fetch_add(nanos(by), Ordering::SeqCst);
        self.hands.moved.notify_waiters();
    }

    /// Sets the wall clock alone, backwards too, as an operator or NTP would.
    pub fn set_unix(&self, unix: Duration) {
        self.hands.unix.store(nanos(unix), Ordering::SeqCst);
        self.hands.moved.notify_waiters();
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.hands.now.load(Ordering::SeqCst))
    }

    fn unix(&self) -> Duration {
        Duration::from_nanos(self.hands.unix.load(Ordering::SeqCst))
    }

    /// Ends when the hands are moved there, and not by the time that passes.
    fn wait_until(&self, unix: Duration) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        Box::pin(async move {
            loop {
                let mut moved = pin!(clock.hands.moved.notified());
                // From here on no move is missed.
                moved.as_mut().enable();
                if clock.unix() >= unix {
                    return;
                }
                moved.await;
            }
        })
    }
}

/// A clock to hand on.
#[derive(Clone)]
pub(crate) struct SharedClock(pub(crate) Arc<dyn Clock>);

impl SharedClock {
    /// Ends once the wall clock has reached a time since the Unix epoch.
    pub(crate) async fn reaches(&self, unix: Duration) {
        while self.0.unix() < unix {
            self.0.wait_until(unix).await;
        }
    }
}

impl fmt::Debug for SharedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedClock")
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock").field("now", &self.now()).field("unix", &self.unix()).finish()
    }
}

/// Waits for a future for so long and no longer; None where it was not done by then. Outside of a
/// runtime there is no timer, and no end to the wait.
pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => tokio::time::timeout(limit, future).await.ok(),
        Err(_) => Some(future.await),
    }
}

/// Nanoseconds, as far as 584 years.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_clock_tells_the_same_time() {
        let earlier = SystemClock::default().now();
        assert!(SystemClock::default().now() >= earlier);
        let (one, other) = (SystemClock::default(), SystemClock::default());
        assert_eq!(one.origin, other.origin);
    }
}
