use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderValue, header};

use super::entry::Entry;
use super::queue::Queue;
use crate::guard::{Exchange, Flow, Guard, Phase};
use crate::rejection::{Reason, Rejection};
use crate::service::guard_layer;

/// Refuses requests that could not be recorded; see [`JsonLines::gate`](super::JsonLines::gate).
#[derive(Debug, Clone)]
pub struct Gate {
    queue: Arc<Queue<Entry>>,
}

impl Gate {
    pub(super) fn new(queue: Arc<Queue<Entry>>) -> Self {
        Self { queue }
    }
}

impl Guard for Gate {
    fn name(&self) -> &'static str {
        "audit-gate"
    }

    fn phase(&self) -> Phase {
        Phase::Record
    }

    fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> {
        if self.queue.is_full() {
            return Err(Rejection::new(Reason::Unavailable)
                .detail("the request cannot be recorded")
                .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
                .expected("room in the audit queue")
                .found("none: the output is slow or fails"));
        }
        Ok(Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Borrowed("refuses requests while the audit queue is full")
    }
}

guard_layer!(Gate);
