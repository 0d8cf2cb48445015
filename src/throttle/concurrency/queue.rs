//! Who waits, in the order of their turns.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::context::Priority;

use super::waiter::Waiter;

/// Callers take turns: the first of each before the second of any. Turns are start tags of fair
/// queueing, so a caller that has not waited lately comes after those of this round, and before the
/// next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    round: u64,
    number: u64,
}

/// All who wait for one cap.
#[derive(Debug, Default)]
pub(super) struct Queue {
    lines: [Line; Priority::COUNT],
    waiting: usize,
    number: u64,
    /// Since when somebody has been waiting.
    since: Option<Duration>,
}

/// Those of one class.
#[derive(Debug, Default)]
struct Line {
    turns: BTreeMap<Turn, Entry>,
    flows: HashMap<u64, Flow>,
    round: u64,
}

#[derive(Debug)]
struct Entry {
    flow: u64,
    waiter: Arc<Waiter>,
}

/// What one caller has waiting; gone with the last of it.
#[derive(Debug, Default)]
struct Flow {
    waiting: usize,
    last: u64,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// Whether anybody of a class waits.
    pub(super) fn is_waiting(&self, class: Priority) -> bool {
        self.lines.get(class.rank()).is_some_and(|line| !line.turns.is_empty())
    }

    /// For how long it has not been empty.
    pub(super) fn stood(&self, now: Duration) -> Duration {
        self.since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    /// The last place for a request, after all others of its class and caller.
    pub(super) fn push(
        &mut self,
        class: Priority,
        flow: u64,
        now: Duration,
    ) -> Option<(Turn, Arc<Waiter>)> {
        let line = self.lines.get_mut(class.rank())?;
        self.since.get_or_insert(now);
        self.number += 1;
        self.waiting += 1;
        let of_flow = line.flows.entry(flow).or_default();
        of_flow.last = of_flow.last.max(line.round) + 1;
        of_flow.waiting += 1;
        let turn = Turn { round: of_flow.last, number: self.number };
        let waiter = Arc::<Waiter>::default();
        line.turns.insert(turn, Entry { flow, waiter: waiter.clone() });
        Some((turn, waiter))
    }

    /// The one of a class whose turn it is.
    pub(super) fn pop(&mut self, class: Priority) -> Option<Arc<Waiter>> {
        let line = self.lines.get_mut(class.rank())?;
        let (turn, entry) = line.turns.pop_first()?;
        line.round = turn.round;
        line.left(entry.flow);
        self.shrunk();
        Some(entry.waiter)
    }

    /// Takes one out who has left; `false` where it is not there any more.
    pub(super) fn remove(&mut self, class: Priority, turn: Turn) -> bool {
        let Some(line) = self.lines.get_mut(class.rank()) else { return false };
        let Some(entry) = line.turns.remove(&turn) else { return false };
        line.left(entry.flow);
        self.shrunk();
        true
    }

    /// Takes one out who has to give way to a newcomer: the last of the caller with the most places,
    /// in the lowest class below the newcomer's, else in its own where that is fairer.
    pub(super) fn displace(&mut self, class: Priority, flow: u64) -> Option<Arc<Waiter>> {
        for lower in Priority::ALL.iter().rev() {
            let line = self.lines.get_mut(lower.rank())?;
            let waiter = match lower.rank() {
                rank if rank < class.rank() => None,
                rank if rank > class.rank() => line.drop_of_longest(0),
                _ => {
                    let own = line.flows.get(&flow).map_or(0, |flow| flow.waiting);
                    line.drop_of_longest(own + 1)
                }
            };
            if waiter.is_some() {
                self.shrunk();
                return waiter;
            }
        }
        None
    }

    fn shrunk(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting == 0 {
            self.since = None;
        }
    }
}

impl Line {
    fn left(&mut self, flow: u64) {
        let Some(of_flow) = self.flows.get_mut(&flow) else { return };
        of_flow.waiting = of_flow.waiting.saturating_sub(1);
        if of_flow.waiting == 0 {
            self.flows.remove(&flow);
        }
    }

    /// The newest of the caller who has the most waiting, where that is more than `least`.
    fn drop_of_longest(&mut self, least: usize) -> Option<Arc<Waiter>> {
        let longest = self.flows.iter().max_by_key(|(_, flow)| flow.waiting);
        let (&flow, _) = longest.filter(|(_, flow)| flow.waiting > least)?;
        let newest = self.turns.iter().rev().find(|(_, entry)| entry.flow == flow);
        let turn = *newest?.0;
        let entry = self.turns.remove(&turn)?;
        self.left(flow);
        Some(entry.waiter)
    }
}
