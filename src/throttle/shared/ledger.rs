use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::answer::Answer;
use crate::inspect::{Findings, Readiness, rule};
use crate::redis::RedisError;
use crate::rejection::Rejection;

use super::super::ledger::Ledger;
use super::super::order::{Order, Receipt};
use super::super::verdict::{Source, Verdict};
use super::counts::{Act, Asked, Counts};
use super::lost::{Choice, Lost};

/// Counts in Redis, one call a request.
#[derive(Clone)]
pub(super) struct RedisLedger(Arc<Inner>);

struct Inner {
    counts: Counts,
    choice: Choice,
    lost: Lost,
    answered: Arc<AtomicU64>,
}

impl RedisLedger {
    pub(super) fn new(
        counts: Counts,
        choice: Choice,
        buckets: usize,
        answered: Arc<AtomicU64>,
    ) -> Self {
        let lost = choice.with(buckets);
        Self(Arc::new(Inner { counts, choice, lost, answered }))
    }
}

impl Inner {
    fn lost(&self, asked: &Asked, error: RedisError) -> Result<Verdict, Rejection> {
        self.answered.fetch_add(1, Ordering::Relaxed);
        self.lost.decide(asked, error)
    }
}

impl Ledger for RedisLedger {
    fn charge(&self, order: &Order<'_>) -> Answer<Result<Verdict, Rejection>> {
        let asked = Asked::of(order);
        let inner = self.0.clone();
        let key = inner.counts.key(&asked);
        if let Err(error) = inner.counts.redis().check_key(&key) {
            return Answer::Now(inner.lost(&asked, error));
        }
        Answer::later(async move {
            let verdict = match inner.counts.ask(&key, &asked).await {
                Ok(verdict) => verdict,
                Err(error) => return inner.lost(&asked, error),
            };
            if asked.act == Act::Spend && verdict.admitted() {
                inner.lost.admitted(&asked);
            }
            Ok(verdict)
        })
    }

    fn charge_late(&self, order: &Order<'_>) {
        let asked = Asked { act: Act::Charge, ..Asked::of(order) };
        self.0.lost.charge_late(&asked);
        let inner = self.0.clone();
        spawn(async move {
            let key = inner.counts.key(&asked);
            // What cannot be told now would be out of date later.
            let _ = inner.counts.ask(&key, &asked).await;
        });
    }

    fn settle(&self, receipt: &Receipt, more: i64) -> Answer<()> {
        let Some(asked) = Asked::again(receipt, more) else { return Answer::Now(()) };
        match receipt.verdict.source() {
            Source::Nobody => return Answer::Now(()),
            Source::Share => {
                self.0.lost.settle(&asked, more);
                return Answer::Now(());
            }
            Source::Counted => self.0.lost.settle(&asked, more),
        }
        let inner = self.0.clone();
        Answer::later(async move {
            let key = inner.counts.key(&asked);
            let _ = inner.counts.ask(&key, &asked).await;
        })
    }

    fn outage(&self) -> Option<u64> {
        match self.0.choice {
            Choice::Closed => Some(0),
            // One for the parts of those who had used less of it than others, and one for a store
            // that comes back and knows nothing of what was admitted meanwhile.
            Choice::Share(_) => Some(2),
            Choice::Open => None,
        }
    }

    fn findings(&self, subject: &str, report: &mut Findings) {
        let redis = self.0.counts.redis();
        redis.findings(report);
        if self.0.choice == Choice::Open {
            let evidence = "whoever keeps its redis busy lifts the limit";
            report.add(&rule::STORE_OPEN, subject.to_owned(), evidence);
        }
        if let Err(error) = redis.check() {
            report.add(&rule::STORE_LOST, subject.to_owned(), error.to_string());
        }
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.0.counts.redis().ready("throttle", readiness);
    }
}

fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(work);
    }
}
