use std::sync::Arc;

use super::fields::Fields;
use super::rule::Rule;
use super::stats::Refusals;

/// Limits that are decided together, as a store and the fields of the answer want them.
#[derive(Debug)]
pub(super) struct Limits {
    /// What tells them from other sets of the same throttle.
    id: u64,
    each: Box<[Ruled]>,
    reads_unix: bool,
    capacity: u64,
    summary: String,
    label: String,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Ruled {
    pub(super) name: Arc<str>,
    pub(super) rule: Rule,
    pub(super) fields: Fields,
    pub(super) refusals: Refusals,
}

impl Limits {
    pub(super) fn new(id: u64, each: Vec<Ruled>, summary: String) -> Self {
        let reads_unix = each.iter().any(|limit| limit.rule.reads_unix());
        let capacity = each.iter().map(|limit| limit.rule.capacity()).min().unwrap_or(0);
        Self { id, each: each.into(), reads_unix, capacity, summary, label: String::new() }
    }

    /// For whom or what they are, `plan pro` say; what stores in other processes tell them by.
    pub(super) fn labelled(self, label: String) -> Self {
        Self { label, ..self }
    }

    /// Empty where a throttle began with them.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn each(&self) -> &[Ruled] {
        &self.each
    }

    pub(super) fn reads_unix(&self) -> bool {
        self.reads_unix
    }

    /// `600 per minute, burst 100, and 10000 per day, burst 10000`.
    pub(super) fn summary(&self) -> &str {
        &self.summary
    }

    /// The most a single request may cost.
    pub(super) fn capacity(&self) -> u64 {
        self.capacity
    }
}
