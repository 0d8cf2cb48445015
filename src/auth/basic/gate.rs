//! How many passwords are hashed at once, and who waits for how long.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::Semaphore;

use crate::clock::within;

/// So many may wait for each that is under way.
const QUEUE: usize = 64;

/// There was no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Busy;

/// Runs work on threads that may block, a bounded number at once.
#[derive(Debug)]
pub(super) struct Gate {
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue: usize,
    wait: Duration,
}

impl Gate {
    pub(super) fn new(parallel: usize, wait: Duration) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(parallel.min(Semaphore::MAX_PERMITS))),
            waiting: AtomicUsize::new(0),
            queue: parallel.saturating_mul(QUEUE),
            wait,
        }
    }

    /// Does the work as soon as there is room. Whoever does not wait for it any more leaves the room taken
    /// until it is done.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let waiting = Waiting::enter(&self.waiting, self.queue)?;
        let slot = within(self.wait, self.slots.clone().acquire_owned()).await;
        drop(waiting);
        let slot = slot.and_then(Result::ok).ok_or(Busy)?;
        let work = move || {
            let done = work();
            drop(slot);
            done
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => runtime.spawn_blocking(work).await.map_err(|_| Busy),
            Err(_) => Ok(work()),
        }
    }
}

/// One of those who wait, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize, most: usize) -> Result<Self, Busy> {
        let waiting = Self(count);
        let others = count.fetch_add(1, Ordering::Relaxed);
        if others < most { Ok(waiting) } else { Err(Busy) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn whoever_finds_no_room_in_time_is_turned_away_and_the_next_one_is_not() {
        let gate = Arc::new(Gate::new(1, Duration::from_millis(1)));
        let (end, ended) = mpsc::channel::<()>();
        let (begin, begun) = tokio::sync::oneshot::channel();
        let long = tokio::spawn({
            let gate = gate.clone();
            async move {
                gate.run(move || {
                    let _ = begin.send(());
                    ended.recv()
                })
                .await
            }
        });
        begun.await.unwrap();
        assert_eq!(gate.run(|| ()).await, Err(Busy));
        end.send(()).unwrap();
        assert!(long.await.unwrap().is_ok());
        assert_eq!(gate.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_queue_that_is_full_turns_away_at_once() {
        let gate = Gate { queue: 0, ..Gate::new(1, Duration::from_secs(3600)) };
        assert_eq!(gate.run(|| ()).await, Err(Busy));
        assert_eq!(gate.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn outside_of_a_runtime_the_work_is_done_all_the_same() {
        use futures_util::FutureExt;
        let gate = Gate::new(1, Duration::from_secs(1));
        assert_eq!(gate.run(|| 7).now_or_never(), Some(Ok(7)));
    }
}
