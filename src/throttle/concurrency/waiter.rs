//! One who waits, and what became of it.

use std::task::{Context as Cx, Poll, Waker};

use crate::throttle::sync::Mutex;

use super::lock::lock;

/// The end of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was handed a permit, which is its own from now on.
    Granted,
    /// Somebody whose turn comes first took its place in the queue.
    Displaced,
}

/// Where a verdict is left for whoever waits for it.
///
/// Verdicts are given and taken back under the lock of the pool, so that a permit has one owner at
/// any time: the pool, this, or the one who waited.
#[derive(Debug, Default)]
pub(super) struct Waiter(Mutex<Slot>);

#[derive(Debug, Default)]
struct Slot {
    verdict: Option<Verdict>,
    waker: Option<Waker>,
}

impl Waiter {
    /// Leaves the verdict; whoever is to be woken is, once the pool's lock is free.
    pub(super) fn settle(&self, verdict: Verdict) -> Option<Waker> {
        let mut slot = lock(&self.0);
        slot.verdict = Some(verdict);
        slot.waker.take()
    }

    /// Takes the verdict, once.
    pub(super) fn poll(&self, cx: &mut Cx<'_>) -> Poll<Verdict> {
        let mut slot = lock(&self.0);
        if let Some(verdict) = slot.verdict.take() {
            return Poll::Ready(verdict);
        }
        match &mut slot.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Takes the verdict, if there is one.
    pub(super) fn take(&self) -> Option<Verdict> {
        lock(&self.0).verdict.take()
    }
}

/// Who is to be woken once no lock is held.
#[derive(Debug, Default)]
pub(super) struct Wakers {
    first: Option<Waker>,
    more: Vec<Waker>,
}

impl Wakers {
    pub(super) fn push(&mut self, waker: Option<Waker>) {
        match (waker, &mut self.first) {
            (Some(waker), first @ None) => *first = Some(waker),
            (waker, _) => self.more.extend(waker),
        }
    }

    pub(super) fn wake(self) {
        self.first.into_iter().chain(self.more).for_each(Waker::wake);
    }
}
