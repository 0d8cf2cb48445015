use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::JsonLinesBuilder;
use super::entry::Entry;
use super::gate::Gate;
use super::json::Encoder;
use super::queue::Queue;
use super::writer::{self, Output};
use crate::clock::Clock;
use crate::inspect::Readiness;
use crate::observe::{Observer, Record};

/// What a sink does with a record that finds its queue full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Full {
    /// It is dropped and counted; the next line that can be written says how many were.
    #[default]
    Drop,
    /// The thread that finished the request waits for room, however long. For services that had
    /// better stand still than act unrecorded; an output that hangs stops them.
    Block,
}

/// What a sink has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Records handed to the operating system.
    pub written: u64,
    /// Records that found the queue full, or that were left when the sink ended.
    pub dropped: u64,
    /// Attempts to write that failed.
    pub errors: u64,
}

/// A sink that writes one JSON line per request, on a thread of its own.
///
/// Clones share the queue; keep one to read [`stats`](Self::stats) or to [`flush`](Self::flush).
/// When the last one is dropped, what is queued is written and the thread ends. The format is
/// described in the [module](super).
#[derive(Debug, Clone)]
pub struct JsonLines {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    queue: Arc<Queue<Entry>>,
    reopen: Arc<AtomicBool>,
    with_query: bool,
    thread: Option<JoinHandle<()>>,
}

impl JsonLines {
    /// Starts a sink that appends to a file.
    pub fn to(path: impl Into<PathBuf>) -> JsonLinesBuilder {
        Self::builder().file(path)
    }

    /// Starts a sink whose output is still to be named.
    pub fn builder() -> JsonLinesBuilder {
        JsonLinesBuilder::default()
    }

    pub(super) fn idle(capacity: usize, full: Full) -> Self {
        let queue = Arc::new(Queue::new(capacity, full));
        Self {
            inner: Arc::new(Inner {
                queue,
                reopen: Arc::default(),
                with_query: false,
                thread: None,
            }),
        }
    }

    pub(super) fn start(
        &mut self,
        output: Output,
        encoder: Encoder,
        clock: Arc<dyn Clock>,
    ) -> io::Result<()> {
        let queue = self.inner.queue.clone();
        let reopen = output.reopen_mark();
        let with_query = encoder.writes_queries();
        let work = move || {
            let run = || writer::run(&queue, output, encoder, &*clock);
            if catch_unwind(AssertUnwindSafe(run)).is_err() {
                tracing::error!(
                    target: "tower_parapet::audit",
                    "the audit output panicked and is given up; records are dropped and counted"
                );
            }
        };
        let thread = thread::Builder::new().name("parapet-audit".to_owned()).spawn(work)?;
        let queue = self.inner.queue.clone();
        self.inner = Arc::new(Inner { queue, reopen, with_query, thread: Some(thread) });
        Ok(())
    }

    /// Blocks until every record queued so far is handed to the operating system.
    ///
    /// Dropping the last clone does so too. Nothing is forced to the disk (`fsync`).
    ///
    /// # Errors
    /// When an attempt to write fails meanwhile (the records stay queued), when the output hangs
    /// for five seconds, or when the writer has ended.
    pub fn flush(&self) -> io::Result<()> {
        self.inner.queue.flush()
    }

    /// Opens the file anew before the next line, for tools that rotate by renaming. Nothing for
    /// other outputs. A file that cannot be opened counts as an output that fails.
    pub fn reopen(&self) {
        self.inner.reopen.store(true, Ordering::Release);
    }

    /// What was written, dropped and in vain so far.
    pub fn stats(&self) -> Stats {
        self.inner.queue.stats()
    }

    /// A guard that refuses requests while the queue is full, with 503: whoever calls is told, and
    /// nothing happens that is not recorded. Requests that are under way when it fills up may
    /// still find no room; they are counted.
    pub fn gate(&self) -> Gate {
        Gate::new(self.inner.queue.clone())
    }
}

impl Observer for JsonLines {
    fn completed(&self, record: &Record) {
        self.inner.queue.push(Entry::of(record, self.inner.with_query));
    }

    fn ready(&self, readiness: &mut Readiness) {
        if self.inner.queue.is_ended() {
            readiness.wait_for("audit", "a writer: its output panicked");
        } else if self.inner.queue.is_full() {
            readiness.wait_for("audit", "room in its queue: the output is slow or fails");
        }
    }

    fn flush(&self) {
        // The writer reports a failing output itself.
        let _ = self.inner.queue.flush();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        if self.queue.close() {
            let _ = thread.join();
        } else {
            tracing::error!(
                target: "tower_parapet::audit",
                "the audit output hangs; its thread is left behind with what was queued"
            );
        }
    }
}
