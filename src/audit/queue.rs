//! The bounded queue between the request threads and the writer thread.

use std::io;
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Full, Stats};

/// How long records gather before the writer takes them.
const LINGER: Duration = Duration::from_millis(25);
/// Turns of `LINGER` without a record after which the writer sleeps until it is called.
const QUIET_TURNS: u32 = 40;
/// How long a flush or a shutdown waits for a writer that hangs.
const PATIENCE: Duration = Duration::from_secs(5);

/// Many pushers, one taker. A push is a short lock and a move; the taker is woken only when a
/// quarter of the capacity waits, after a quiet second, or for a flush.
#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    work: Condvar,
    progress: Condvar,
    capacity: usize,
    threshold: usize,
    full: Full,
}

#[derive(Debug)]
struct State<T> {
    waiting: Vec<T>,
    taken: usize,
    /// Turns the writer has ended, and the one a flush waits for.
    turn: u64,
    wanted: u64,
    busy: bool,
    nudged: bool,
    written: u64,
    dropped: u64,
    unreported: u64,
    errors: u64,
    last_error: io::ErrorKind,
    asleep: bool,
    closing: bool,
    closed: bool,
}

/// What the writer has to do after a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    /// Records refused since the last turn.
    pub(super) dropped: u64,
    /// Nothing follows this turn.
    pub(super) last: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(capacity: usize, full: Full) -> Self {
        Self {
            state: Mutex::new(State {
                waiting: Vec::new(),
                taken: 0,
                turn: 0,
                wanted: 0,
                busy: false,
                nudged: false,
                written: 0,
                dropped: 0,
                unreported: 0,
                errors: 0,
                last_error: io::ErrorKind::Other,
                asleep: false,
                closing: false,
                closed: false,
            }),
            work: Condvar::new(),
            progress: Condvar::new(),
            capacity,
            threshold: (capacity / 4).max(1),
            full,
        }
    }

    /// Queues `item`, or drops it and counts, or waits for room.
    pub(super) fn push(&self, item: T) {
        let mut state = self.lock();
        while state.closing || state.is_full(self.capacity) {
            if state.closing || self.full == Full::Drop {
                state.dropped += 1;
                state.unreported += 1;
                return;
            }
            self.work.notify_one();
            state = wait(&self.progress, state);
        }
        state.waiting.push(item);
        let wake = mem::take(&mut state.asleep) || state.waiting.len() == self.threshold;
        drop(state);
        if wake {
            self.work.notify_one();
        }
    }

    /// Whether the next push finds no room.
    pub(super) fn is_full(&self) -> bool {
        let state = self.lock();
        state.closing || state.is_full(self.capacity)
    }

    /// Whether the writer is gone.
    pub(super) fn is_ended(&self) -> bool {
        self.lock().closed
    }

    /// Waits for work and swaps what waits into `batch`, which must be empty.
    pub(super) fn take(&self, batch: &mut Vec<T>) -> Turn {
        let mut state = self.lock();
        if mem::take(&mut state.busy) {
            state.turn += 1;
            self.progress.notify_all();
        }
        let mut quiet = 0;
        while !state.is_urgent(self.threshold) {
            if quiet >= QUIET_TURNS && !state.has_work() {
                state.asleep = true;
                state = wait(&self.work, state);
                state.asleep = false;
                quiet = 0;
                continue;
            }
            let (after, expired) = wait_for(&self.work, state, LINGER);
            state = after;
            if expired && state.has_work() {
                break;
            }
            quiet += 1;
        }
        mem::swap(&mut state.waiting, batch);
        state.taken = batch.len();
        state.busy = true;
        Turn { dropped: mem::take(&mut state.unreported), last: state.closing }
    }

    /// `count` taken records are out of the house.
    pub(super) fn settle(&self, count: usize) {
        let mut state = self.lock();
        state.written += count as u64;
        state.taken = state.taken.saturating_sub(count);
        drop(state);
        self.progress.notify_all();
    }

    /// One attempt to write failed; whoever waits for a flush is told.
    pub(super) fn failed(&self, kind: io::ErrorKind) {
        let mut state = self.lock();
        state.errors += 1;
        state.last_error = kind;
        drop(state);
        self.progress.notify_all();
    }

    /// Waits before the next attempt: until `limit`, a flush or the end. Says whether it is the end.
    pub(super) fn pause(&self, limit: Duration) -> bool {
        let mut state = self.lock();
        let mut expired = false;
        while !expired && !state.closing && !state.nudged {
            (state, expired) = wait_for(&self.work, state, limit);
        }
        state.nudged = false;
        state.closing
    }

    /// Blocks until everything pushed or dropped so far is written, or an attempt failed.
    pub(super) fn flush(&self) -> io::Result<()> {
        let mut state = self.lock();
        let Some(target) = state.turn_to_await() else {
            return if state.closed { Err(ended()) } else { Ok(()) };
        };
        let errors = state.errors;
        state.wanted = state.wanted.max(target);
        state.nudged = true;
        state.asleep = false;
        self.work.notify_one();
        while state.errors == errors {
            if state.turn >= target {
                return Ok(());
            }
            if state.closed {
                return Err(ended());
            }
            let (after, expired) = wait_for(&self.progress, state, PATIENCE);
            state = after;
            if expired && state.turn < target && state.errors == errors {
                return Err(io::Error::from(io::ErrorKind::TimedOut));
            }
        }
        Err(io::Error::from(state.last_error))
    }

    /// Refuses further records and waits for the writer to finish. Says whether it did.
    pub(super) fn close(&self) -> bool {
        let mut state = self.lock();
        state.closing = true;
        state.asleep = false;
        self.work.notify_all();
        self.progress.notify_all();
        let mut written = state.written;
        while !state.closed {
            let (after, expired) = wait_for(&self.progress, state, PATIENCE);
            state = after;
            if expired && state.written == written && !state.closed {
                return false;
            }
            written = state.written;
        }
        true
    }

    /// The writer is gone, by whatever way: what it left behind is counted as dropped.
    pub(super) fn closed(&self) {
        let mut state = self.lock();
        let lost = mem::take(&mut state.waiting);
        let count = lost.len() + state.taken;
        state.dropped += count as u64;
        state.taken = 0;
        state.closing = true;
        state.closed = true;
        drop(state);
        self.progress.notify_all();
    }

    pub(super) fn stats(&self) -> Stats {
        let state = self.lock();
        Stats { written: state.written, dropped: state.dropped, errors: state.errors }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn is_full(&self, capacity: usize) -> bool {
        self.waiting.len() + self.taken >= capacity
    }

    fn has_work(&self) -> bool {
        !self.waiting.is_empty() || self.unreported > 0
    }

    fn is_urgent(&self, threshold: usize) -> bool {
        self.closing
            || self.waiting.len() >= threshold
            || (self.wanted > self.turn && self.has_work())
    }

    /// The turn after which everything known now is out; `None` when nothing is left.
    fn turn_to_await(&self) -> Option<u64> {
        let current = self.turn + u64::from(self.busy);
        match self.has_work() {
            true => Some(current + 1),
            false if self.busy => Some(current),
            false => None,
        }
    }
}

fn ended() -> io::Error {
    io::Error::from(io::ErrorKind::BrokenPipe)
}

fn wait<'a, T>(on: &Condvar, state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
    on.wait(state).unwrap_or_else(PoisonError::into_inner)
}

fn wait_for<'a, T>(
    on: &Condvar,
    state: MutexGuard<'a, State<T>>,
    limit: Duration,
) -> (MutexGuard<'a, State<T>>, bool) {
    let (state, result) = on.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner);
    (state, result.timed_out())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    #[test]
    fn a_writer_that_fell_asleep_is_woken_by_the_next_record() {
        let queue = Arc::new(Queue::new(100, Full::Drop));
        let (told, taken) = channel();
        let writer = thread::spawn({
            let queue = queue.clone();
            move || {
                let mut batch = Vec::new();
                while !queue.take(&mut batch).last {
                    queue.settle(batch.len());
                    batch.drain(..).for_each(|item| told.send(item).unwrap());
                }
                queue.closed();
            }
        });
        for item in [1, 2] {
            while !queue.lock().asleep {
                thread::yield_now();
            }
            queue.push(item);
            assert_eq!(taken.recv().unwrap(), item);
        }
        assert!(queue.close());
        writer.join().unwrap();
    }

    #[test]
    fn nothing_to_flush_returns_at_once_also_without_a_writer() {
        let queue = Queue::<u8>::new(1, Full::Drop);
        queue.flush().unwrap();
        queue.push(1);
        assert!(queue.is_full());
        queue.closed();
        assert_eq!(queue.flush().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(queue.stats(), Stats { written: 0, dropped: 1, errors: 0 });
    }
}
