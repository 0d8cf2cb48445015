//! The writer thread: takes records, formats them, writes them, and outlives a failing disk.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::entry::Entry;
use super::json::Encoder;
use super::queue::Queue;
use crate::clock::Clock;

/// Bytes gathered before a write.
const CHUNK: usize = 64 * 1024;
/// The first and the longest wait between two attempts at a failing output.
const RETRY: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Where lines go. A line that was written in part is continued where it broke off.
pub(super) struct Output {
    to: Box<dyn Write + Send>,
    pending: Vec<u8>,
    sent: usize,
    path: Option<PathBuf>,
    reopen: Arc<AtomicBool>,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("pending", &self.pending.len()).finish_non_exhaustive()
    }
}

impl Output {
    pub(super) fn new(to: Box<dyn Write + Send>) -> Self {
        Self { to, pending: Vec::new(), sent: 0, path: None, reopen: Arc::default() }
    }

    /// Opens `path` for appending, and ends a line that a crash left open.
    pub(super) fn file(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        let mut output = Self::new(Box::new(file));
        output.path = Some(path.to_owned());
        if path.is_file() && ends_within_a_line(path) {
            output.pending.push(b'\n');
        }
        Ok(output)
    }

    /// The mark that asks for the file to be opened anew before the next line.
    pub(super) fn reopen_mark(&self) -> Arc<AtomicBool> {
        self.reopen.clone()
    }

    fn deliver(&mut self) -> io::Result<()> {
        if self.reopen.swap(false, Ordering::AcqRel) {
            self.reopen().inspect_err(|_| self.reopen.store(true, Ordering::Release))?;
        }
        while let Some(rest) = self.pending.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.to.write(rest) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero)),
                Ok(count) => self.sent = self.sent.saturating_add(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.pending.clear();
        self.sent = 0;
        self.to.flush()
    }

    /// A line that was written in part is written whole into the new file.
    fn reopen(&mut self) -> io::Result<()> {
        if let Some(path) = &self.path {
            let sent = self.pending.get(..self.sent).unwrap_or_default();
            let start = sent.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            self.to = Box::new(open(path)?);
            self.sent = start;
        }
        Ok(())
    }
}

/// Runs until the queue is closed and emptied.
pub(super) fn run(
    queue: &Queue<Entry>,
    mut output: Output,
    mut encoder: Encoder,
    clock: &dyn Clock,
) {
    let _exit = Exit(queue);
    let mut batch = Vec::new();
    loop {
        let turn = queue.take(&mut batch);
        if turn.dropped > 0 {
            encoder.dropped(&mut output.pending, clock.unix(), turn.dropped);
        }
        let mut held = 0;
        for entry in batch.drain(..) {
            encoder.record(&mut output.pending, &entry);
            held += 1;
            if output.pending.len() >= CHUNK {
                if !deliver(queue, &mut output, held) {
                    return;
                }
                held = 0;
            }
        }
        if !deliver(queue, &mut output, held) || turn.last {
            return;
        }
    }
}

/// Tries until the pending bytes are out. Once the queue is closing there is one attempt more, and
/// `false` says that it failed.
fn deliver(queue: &Queue<Entry>, output: &mut Output, records: usize) -> bool {
    let mut wait = RETRY;
    let mut failing = false;
    let mut last = false;
    loop {
        match output.deliver() {
            Ok(()) => {
                if failing {
                    tracing::info!(target: "tower_parapet::audit", "the audit output works again");
                }
                queue.settle(records);
                return true;
            }
            Err(error) => {
                queue.failed(error.kind());
                if !failing {
                    tracing::error!(
                        target: "tower_parapet::audit",
                        %error,
                        "the audit output fails; records are kept while there is room, then dropped and counted"
                    );
                    failing = true;
                }
                if last {
                    return false;
                }
                last = queue.pause(wait);
                wait = wait.saturating_mul(2).min(RETRY_MAX);
            }
        }
    }
}

/// Tells the queue that the writer is gone, also when a foreign `Write` panicked.
struct Exit<'a>(&'a Queue<Entry>);

impl Drop for Exit<'_> {
    fn drop(&mut self) {
        self.0.closed();
    }
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// A file that cannot be read is taken as whole.
fn ends_within_a_line(path: &Path) -> bool {
    let last = || -> io::Result<u8> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(-1))?;
        let mut byte = [b'\n'];
        file.read_exact(&mut byte)?;
        let [byte] = byte;
        Ok(byte)
    };
    last().is_ok_and(|byte| byte != b'\n')
}
