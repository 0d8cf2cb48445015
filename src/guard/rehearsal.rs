//! A request that is only played through, for [`Parapet::explain`](crate::Parapet::explain): who
//! decided what is written down, and nothing is spent.

use std::borrow::Cow;

use crate::{
    inspect::{Decision, Step},
    rejection::Rejection,
};

use super::{Exchange, Flow, Guard, Guards, Resume, drive};

/// What the guards decided so far.
#[derive(Default)]
pub(crate) struct Rehearsal {
    pub(crate) steps: Vec<Step>,
    depth: usize,
}

impl Rehearsal {
    fn push(&mut self, guard: &dyn Guard, decision: Decision) -> usize {
        self.steps.push(Step {
            guard: guard.name(),
            phase: Some(guard.phase()),
            depth: self.depth,
            decision,
            waited: false,
            remark: None,
        });
        self.steps.len().saturating_sub(1)
    }

    /// The judgement of a body.
    pub(crate) fn of_body(&mut self, guard: &'static str, decision: Decision) {
        let (depth, waited, remark) = (0, false, None);
        self.steps.push(Step { guard, phase: None, depth, decision, waited, remark });
    }

    pub(crate) fn not_reached(&mut self, guards: &[std::sync::Arc<dyn Guard>]) {
        for guard in guards {
            self.push(&**guard, Decision::NotReached);
        }
    }

    /// Guards of the stack itself, wherever a panic left off.
    pub(crate) fn not_reached_at_top(&mut self, guards: &[std::sync::Arc<dyn Guard>]) {
        self.depth = 0;
        self.not_reached(guards);
    }

    /// Begins a guard's part. Until it has decided it counts as a refusal: one that panics, or is
    /// given up on, never comes back.
    fn begin(&mut self, guard: &dyn Guard) -> usize {
        let at = self.push(guard, Decision::Refused);
        self.depth += 1;
        at
    }

    fn resume(&mut self, at: usize) {
        if let Some(step) = self.steps.get_mut(at) {
            self.depth = step.depth + 1;
        }
    }

    fn end(&mut self, at: usize, decided: &Result<Flow, Rejection>) {
        let Some(step) = self.steps.get_mut(at) else { return };
        self.depth = step.depth;
        match decided {
            Ok(Flow::Continue) => step.decision = Decision::Continued,
            Ok(Flow::Suspend(_)) => step.waited = true,
            Ok(Flow::Respond(_)) => step.decision = Decision::Responded,
            Err(_) => step.decision = Decision::Refused,
        }
    }

    fn remark(&mut self, remark: Cow<'static, str>) {
        let depth = self.depth;
        if let Some(open) = self.steps.iter_mut().rev().find(|step| step.depth + 1 == depth) {
            open.remark = Some(remark);
        }
    }
}

impl Exchange {
    /// Whether this request is only played through, by
    /// [`Parapet::explain`](crate::Parapet::explain): a guard then decides as ever, but must not
    /// spend, count or remember anything.
    pub fn is_rehearsal(&self) -> bool {
        self.rehearsal.is_some()
    }

    /// Says something about the guard that is being asked, for an explanation.
    pub(crate) fn remark(&mut self, remark: impl FnOnce() -> Cow<'static, str>) {
        if let Some(rehearsal) = self.rehearsal.as_mut() {
            rehearsal.remark(remark());
        }
    }

    /// What a guard found in the body.
    pub(crate) fn judged_body(&mut self, guard: Option<&'static str>, decision: Decision) {
        if let Some(rehearsal) = self.rehearsal.as_mut() {
            rehearsal.of_body(guard.unwrap_or("body"), decision);
        }
    }

    fn noted(&mut self, at: usize, decided: Result<Flow, Rejection>) -> Result<Flow, Rejection> {
        if let Some(rehearsal) = self.rehearsal.as_mut() {
            rehearsal.end(at, &decided);
        }
        decided
    }
}

/// As [`run`](super::run), with every decision written down.
#[cold]
pub(super) fn rehearse(
    guards: &Guards,
    from: usize,
    exchange: &mut Exchange,
) -> Result<Flow, Rejection> {
    for (index, guard) in guards.iter().enumerate().skip(from) {
        if exchange.probing && !guard.judges_probes() {
            spare(&**guard, exchange);
            continue;
        }
        let at = exchange.rehearsal.as_mut().map(|rehearsal| rehearsal.begin(&**guard));
        let at = at.unwrap_or_default();
        let checked = guard.check(exchange).map_err(|rejection| rejection.by(guard.name()));
        let decided = match exchange.noted(at, checked) {
            Ok(Flow::Continue) => {
                exchange.sign(&**guard);
                continue;
            }
            Ok(Flow::Suspend(resume)) => {
                return Ok(then_rest(guards.clone(), index, at, resume));
            }
            decided => decided,
        };
        skip(guards, index + 1, exchange);
        return decided;
    }
    Ok(Flow::Continue)
}

fn spare(guard: &dyn Guard, exchange: &mut Exchange) {
    if let Some(rehearsal) = exchange.rehearsal.as_mut() {
        let at = rehearsal.push(guard, Decision::NotReached);
        if let Some(step) = rehearsal.steps.get_mut(at) {
            step.remark = Some("does not judge probes".into());
        }
    }
}

fn skip(guards: &Guards, from: usize, exchange: &mut Exchange) {
    if let Some(rehearsal) = exchange.rehearsal.as_mut() {
        rehearsal.not_reached(guards.get(from..).unwrap_or_default());
    }
}

fn then_rest(guards: Guards, index: usize, at: usize, resume: Resume) -> Flow {
    Flow::suspend(move |exchange| {
        Box::pin(async move {
            if let Some(rehearsal) = exchange.rehearsal.as_mut() {
                rehearsal.resume(at);
            }
            let decided = drive(Flow::Suspend(resume), exchange).await;
            let Some(guard) = guards.get(index) else { return decided };
            let decided = decided.map_err(|rejection| rejection.by(guard.name()));
            match exchange.noted(at, decided) {
                Ok(Flow::Continue) => {
                    exchange.sign(&**guard);
                    rehearse(&guards, index + 1, exchange)
                }
                decided => {
                    skip(&guards, index + 1, exchange);
                    decided
                }
            }
        })
    })
}
