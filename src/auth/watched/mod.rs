//! A file that is read again when it changes: of keys, of users.

#[cfg_attr(not(unix), path = "bare.rs")]
mod mode;
mod replace;
mod stamp;

#[cfg(test)]
#[cfg(unix)]
mod tests;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::{ArcSwap, Guard};

use self::stamp::Stamp;
use crate::{
    answer::Answer,
    clock::{Clock, nanos},
    inspect::{Findings, rule},
};

pub(super) use replace::replace;

/// More than any list that belongs into one file.
const FILE_LIMIT: u64 = 64 << 20;

/// Makes a list of a file's text. It gets the list before, so that what did not change stays what it is.
pub(super) type ReadFn<T> = fn(&str, &T) -> Result<T, String>;

/// What a file says, looked at again by the first request after a while; clones share it.
///
/// Whoever comes when it is time to look waits for the look, on a thread that may block; others meanwhile go on
/// with what is known, unless that is older than two turns. A file that cannot be read or does not make sense
/// leaves what is known as it is, and is told of once.
pub(super) struct Watched<T>(Arc<Inner<T>>);

struct Inner<T> {
    path: PathBuf,
    what: &'static str,
    read: ReadFn<T>,
    clock: Arc<dyn Clock>,
    every: Duration,
    known: ArcSwap<T>,
    /// When the file was last looked at, by the clock, in nanoseconds.
    looked: AtomicU64,
    /// Until when somebody is looking.
    claimed: AtomicU64,
    last: Mutex<Last>,
}

/// What the last look saw.
#[derive(Default)]
struct Last {
    stamp: Option<Stamp>,
    fault: Option<String>,
}

impl<T> Clone for Watched<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Default + Send + Sync + 'static> Watched<T> {
    /// Reads it for the first time, which has to succeed.
    pub(super) fn open(
        path: PathBuf,
        what: &'static str,
        read: ReadFn<T>,
        every: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let looked = AtomicU64::new(nanos(clock.now()));
        let (known, claimed, last) = (ArcSwap::default(), AtomicU64::new(0), Mutex::default());
        let inner = Inner { path, what, read, clock, every, known, looked, claimed, last };
        inner.read_anew(&mut inner.last())?;
        Ok(Self(Arc::new(inner)))
    }

    /// What it says about a name, at once unless it is time to look.
    pub(super) fn ask<R: 'static>(&self, name: &str, pick: fn(&T, &str) -> R) -> Answer<R> {
        if !self.0.is_due() {
            return Answer::Now(pick(&self.0.known.load(), name));
        }
        let inner = self.0.clone();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                let name = name.to_owned();
                Answer::later(async move {
                    let looking = inner.clone();
                    // Where the runtime ends meanwhile, what is known is all there is.
                    let _ = runtime.spawn_blocking(move || looking.look()).await;
                    pick(&inner.known.load(), &name)
                })
            }
            Err(_) => {
                inner.look();
                Answer::Now(pick(&inner.known.load(), name))
            }
        }
    }

    /// What is known, without a look.
    pub(super) fn known(&self) -> Guard<Arc<T>> {
        self.0.known.load()
    }

    /// Reads it now, changed or not.
    pub(super) fn reload(&self) -> Result<(), String> {
        let inner = &self.0;
        let mut last = inner.last();
        let read = inner.read_anew(&mut last);
        inner.tell(&mut last, read.clone().err());
        inner.looked.store(nanos(inner.clock.now()), Ordering::Release);
        read
    }

    /// Why the file as it is now is not what is known.
    pub(super) fn fault(&self) -> Option<String> {
        self.0.last().fault.clone()
    }

    pub(super) fn path(&self) -> &Path {
        &self.0.path
    }

    pub(super) fn findings(&self, report: &mut Findings) {
        let shown = || format!("{} file `{}`", self.0.what, self.0.path.display());
        if let Some(exposed) = mode::exposure(&self.0.path) {
            report.add(&rule::EXPOSED_FILE, shown(), exposed);
        }
        if let Some(fault) = self.fault() {
            report.add(
                &rule::STALE_FILE,
                shown(),
                format!("{fault}; the last good state is in use"),
            );
        }
    }
}

impl<T: Default> Inner<T> {
    /// Whether whoever asks has to look, or to wait for somebody who does.
    fn is_due(&self) -> bool {
        let now = nanos(self.clock.now());
        let every = nanos(self.every);
        let age = now.saturating_sub(self.looked.load(Ordering::Acquire));
        if age < every {
            return false;
        }
        if age >= every.saturating_mul(2) {
            return true;
        }
        let claimed = self.claimed.load(Ordering::Relaxed);
        let claim = now.saturating_add(every);
        claimed <= now
            && self
                .claimed
                .compare_exchange(claimed, claim, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    fn look(&self) {
        let mut last = self.last();
        let now = nanos(self.clock.now());
        let age = now.saturating_sub(self.looked.load(Ordering::Acquire));
        if age < nanos(self.every) {
            return;
        }
        let stamp = Stamp::of(&self.path);
        let is_known = |stamp: &Stamp| last.stamp.as_ref() == Some(stamp) && stamp.is_settled();
        match stamp {
            Ok(stamp) if is_known(&stamp) => {}
            _ => {
                let fault = self.read_anew(&mut last).err();
                self.tell(&mut last, fault);
            }
        }
        self.looked.store(now, Ordering::Release);
    }

    fn read_anew(&self, last: &mut Last) -> Result<(), String> {
        last.stamp = None;
        let (text, stamp) =
            read_file(&self.path).map_err(|error| format!("cannot be read: {error}"))?;
        last.stamp = Some(stamp);
        let known = (self.read)(&text, &self.known.load())?;
        self.known.store(Arc::new(known));
        Ok(())
    }

    /// Tells of a fault once, and of its end.
    fn tell(&self, last: &mut Last, fault: Option<String>) {
        if last.fault == fault {
            return;
        }
        let path = self.path.display();
        match &fault {
            Some(fault) => tracing::error!(
                target: "tower_parapet::auth",
                "the {} file `{path}` {fault}; the last good state stays in use",
                self.what
            ),
            None => tracing::info!(
                target: "tower_parapet::auth",
                "the {} file `{path}` is good again",
                self.what
            ),
        }
        last.fault = fault;
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_file(path: &Path) -> io::Result<(String, Stamp)> {
    let file = File::open(path)?;
    let stamp = Stamp::of_file(&file)?;
    let mut text = String::new();
    let read = file.take(FILE_LIMIT + 1).read_to_string(&mut text)?;
    if read as u64 > FILE_LIMIT {
        return Err(io::Error::other("is larger than 64 MiB"));
    }
    Ok((text, stamp))
}

/// What is wrong with a JSON text, without the values in it, which may be hashes.
pub(super) fn json_fault(error: &serde_json::Error) -> String {
    let told = error.to_string().replace("\\\"", "");
    let mut parts = told.split('"');
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.enumerate().map(|(at, part)| if at % 2 == 0 { "…" } else { part });
    rest.fold(first, |text, part| text + part)
}
