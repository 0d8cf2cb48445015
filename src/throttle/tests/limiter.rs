//! One limit on a store of its own.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Mistakes;
use crate::throttle::limit::Limit;
use crate::throttle::limits::Limits;
use crate::throttle::memory::Memory;
use crate::throttle::order::{Mode, Order};
use crate::throttle::rule::{Moment, SECOND, Standing};

pub(super) struct Limiter {
    pub(super) memory: Memory,
    limits: Arc<Limits>,
    cost: u64,
}

impl Limiter {
    pub(super) fn new(limit: Limit, cost: u32, max_keys: usize) -> Self {
        let mut mistakes = Mistakes::default();
        let ruled = limit.ruled("key", &mut mistakes);
        mistakes.finish().unwrap();
        let limits = Arc::new(Limits::new(0, vec![ruled], String::new()));
        Self { memory: Memory::new(max_keys), limits, cost: cost.into() }
    }

    pub(super) fn spend(&self, tag: u64, now: Duration) -> Standing {
        self.ask(tag, now, Mode::Spend)
    }

    pub(super) fn look(&self, tag: u64, now: Duration) -> Standing {
        self.ask(tag, now, Mode::Look)
    }

    pub(super) fn peek(&self, tag: u64, now: Duration) -> Standing {
        self.ask(tag, now, Mode::Peek)
    }

    pub(super) fn charge(&self, tag: u64) {
        self.memory.charge_late(tag, &self.limits, self.cost);
    }

    fn ask(&self, tag: u64, now: Duration, mode: Mode) -> Standing {
        let nanos = now.as_secs().wrapping_mul(SECOND).wrapping_add(now.subsec_nanos().into());
        let at = Moment { now: nanos, unix: nanos };
        let order =
            Order { tag, digest: &|| [0; 16], limits: &self.limits, cost: self.cost, mode, at };
        self.memory.charge(&order).standings()[0]
    }
}
