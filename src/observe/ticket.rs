use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use http::HeaderMap;

use crate::{
    context::{RequestId, TraceId},
    grpc,
    guard::{EndHook, Env, Exchange},
};

use super::{Observer, Outcome, Record};

/// Holds a request's record and permits; closes them when the last owner lets go.
///
/// Owners are the future of the answer, then its body, and any lease of the handler. That the drop
/// closes it is what makes "exactly one record" hold through cancellation and panics alike.
pub(crate) struct Ticket {
    env: Arc<Env>,
    began: Duration,
    /// One that is not told to anyone only holds permits.
    observed: bool,
    open: Mutex<Open>,
}

/// The part that changes while the request runs.
pub(crate) struct Open {
    pub(crate) record: Record,
    pub(crate) permits: Vec<Box<dyn Any + Send + Sync>>,
    pub(crate) ends: Vec<EndHook>,
    /// Observers of stacks within the one that opened it.
    joined: Vec<Arc<dyn Observer>>,
    /// Whether anybody is told whom an operator named, and not only guards.
    is_audited: bool,
}

impl Open {
    /// What a call of gRPC ended with, from its trailers or from a head that is its trailers.
    pub(crate) fn note_grpc_status(&mut self, trailers: &HeaderMap) {
        let Some(status) = trailers.get(grpc::STATUS) else { return };
        let is_code =
            |text: &&str| text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let status = status.to_str().ok().filter(is_code).unwrap_or("unreadable");
        self.record.notes.push(("grpc-status", status.to_owned().into()));
    }
}

impl Ticket {
    /// Opens the record of a request, unless a stack around this one did, or there is nobody to
    /// tell. Guards are told of a record that was opened further out; of several audits one inside
    /// of the other, the outermost writes the one record.
    pub(crate) fn open_or_join(exchange: &mut Exchange) -> Option<Arc<Self>> {
        let env = &exchange.env;
        if env.observers.is_empty() && env.halves.is_empty() {
            return None;
        }
        let Some(outer) = exchange.context.ticket.as_ref().and_then(Weak::upgrade) else {
            return Some(Self::open(exchange, true));
        };
        if outer.observed {
            let mut open = outer.lock();
            for half in &env.halves {
                // One guard may stand in both stacks, and is told once all the same.
                let known = outer.env.halves.iter().chain(&open.joined);
                if !is_among(half, known) {
                    open.joined.push(half.clone());
                }
            }
            if !open.is_audited {
                open.is_audited = !env.observers.is_empty();
                open.joined.extend(env.observers.iter().cloned());
            }
            return None;
        }
        let ticket = Self::open(exchange, true);
        // What it holds must not end before what a lease of the handler keeps open.
        ticket.lock().permits.push(Box::new(outer));
        Some(ticket)
    }

    pub(crate) fn open(exchange: &mut Exchange, observed: bool) -> Arc<Self> {
        let record = Record {
            // Settled as the guards are through: a trusted proxy may have named it.
            request_id: RequestId::NIL,
            trace_id: observed.then(|| TraceId::of(exchange.headers())).flatten(),
            started: exchange.unix(),
            elapsed: Duration::ZERO,
            method: exchange.method().clone(),
            outcome: Outcome::Cancelled,
            status: None,
            rejection: None,
            peer: exchange.peer(),
            client: None,
            secure: None,
            version: None,
            principal: None,
            route: None,
            bytes_out: 0,
            notes: Vec::new(),
            uri: exchange.uri().clone(),
            is_client_proxy: false,
            is_cross_site: false,
        };
        let ticket = Arc::new(Self {
            env: exchange.env.clone(),
            began: exchange.now(),
            observed,
            open: Mutex::new(Open {
                record,
                permits: Vec::new(),
                ends: Vec::new(),
                joined: Vec::new(),
                is_audited: !exchange.env.observers.is_empty(),
            }),
        });
        exchange.context.ticket = Some(Arc::downgrade(&ticket));
        ticket
    }

    /// Tells that an answer has begun which may go on for long.
    pub(crate) fn tell_opened(&self, outcome: Outcome) {
        if !self.observed {
            return;
        }
        let (mut record, joined) = {
            let open = self.lock();
            (open.record.clone(), open.joined.clone())
        };
        record.outcome = outcome;
        let own = self.env.observers.iter().chain(&self.env.halves);
        for observer in own.chain(&joined) {
            contained("an observer", || observer.opened(&record));
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let open = self.open.get_mut().unwrap_or_else(PoisonError::into_inner);
        if self.observed || !open.ends.is_empty() {
            // Without a clock the record says that it took no time.
            contained("a clock", || {
                open.record.elapsed = self.env.clock.now().saturating_sub(self.began);
            });
        }
        if self.observed {
            let sample = open.record.route.as_ref().and_then(|route| route.sample.clone());
            let left_out = match sample {
                Some(sample) => sample.choose(&open.record, self.began + open.record.elapsed),
                None => Some(0),
            };
            if let Some(left_out) = left_out.filter(|left_out| *left_out > 0) {
                open.record.notes.push(("left-out", left_out.to_string().into()));
            }
            // Guards learn of every request, whatever the operator reads of them.
            let own = self.env.observers.iter().filter(|_| left_out.is_some());
            for observer in own.chain(&self.env.halves).chain(&open.joined) {
                contained("an observer", || observer.completed(&open.record));
            }
        }
        for hook in open.ends.drain(..) {
            contained("the end of a guard's work", || hook(&open.record));
        }
        for permit in open.permits.drain(..) {
            contained("a permit", || drop(permit));
        }
    }
}

fn is_among<'a>(
    half: &Arc<dyn Observer>,
    mut known: impl Iterator<Item = &'a Arc<dyn Observer>>,
) -> bool {
    known.any(|other| std::ptr::addr_eq(Arc::as_ptr(other), Arc::as_ptr(half)))
}

/// Runs code that is not ours. What panics must neither hide the record from the next observer nor
/// unwind through a drop, which may itself be part of an unwinding.
pub(crate) fn contained(what: &'static str, run: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(run)).is_err() {
        tracing::error!(target: "tower_parapet", "{what} panicked");
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket")
    }
}
