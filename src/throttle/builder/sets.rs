//! Sets of limits beside the one a throttle began with.

use std::collections::HashSet;
use std::sync::Arc;

use crate::error::Mistakes;

use super::super::limit::Limit;
use super::super::limits::Limits;
use super::super::verdict::MOST;

/// Letters of a default name that come from what a set is for.
const LONGEST_WORD: usize = 32;

/// Makes sets of limits, and gathers what is wrong with them.
pub(in crate::throttle) struct Sets<'a> {
    pub(in crate::throttle) mistakes: &'a mut Mistakes,
    what: &'a str,
    made: u64,
}

/// What a set is for.
pub(in crate::throttle) struct For<'a> {
    pub(in crate::throttle) setter: &'static str,
    /// As it was written.
    pub(in crate::throttle) value: &'a str,
    /// What the names of its limits begin with, unless they have their own.
    pub(in crate::throttle) word: &'a str,
    /// `route POST /orders`, which tells its buckets from those of others, in every process.
    pub(in crate::throttle) label: String,
}

impl<'a> Sets<'a> {
    pub(super) fn new(what: &'a str, mistakes: &'a mut Mistakes) -> Self {
        Self { mistakes, what, made: 0 }
    }

    /// A set of limits that are decided together; what cannot be is a mistake.
    pub(in crate::throttle) fn make(&mut self, of: For<'_>, limits: &[Limit]) -> Arc<Limits> {
        let For { setter, value, word: of, label } = of;
        let mut own = Mistakes::default();
        let word = word(of);
        let each: Vec<_> = limits.iter().map(|limit| limit.ruled(&word, &mut own)).collect();
        limits.iter().for_each(|limit| limit.check_name(&mut own));
        let mut names = HashSet::new();
        for limit in each.iter().filter(|limit| !names.insert(limit.name.clone())) {
            let remedy = "name one of them: `Limit::named`";
            own.push("named", &*limit.name, "is the name of two limits", remedy);
        }
        self.mistakes.absorb(&format!("{setter}({value})"), own.finish());
        if each.is_empty() {
            let remedy = "write at least one, `Limit::per_hour(100)` say";
            self.mistakes.push(setter, value, "has no limits", remedy);
        } else if each.len() > MOST {
            let remedy = format!("write at most {MOST}, and others in a throttle of their own");
            self.mistakes.push(setter, value, "has too many limits", remedy);
        }
        let summaries: Vec<_> = limits.iter().map(|limit| limit.summary(self.what)).collect();
        self.made += 1;
        Arc::new(Limits::new(self.made, each, summaries.join(", ")).labelled(label))
    }
}

/// `post-orders-id` for `POST /orders/{id}`, for the default names of limits.
fn word(value: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let plain: String = value.chars().map(plain).collect();
    let parts: Vec<_> = plain.split('-').filter(|part| !part.is_empty()).collect();
    let mut word = parts.join("-");
    word.truncate(LONGEST_WORD);
    match word.trim_end_matches('-') {
        "" => "own".to_owned(),
        word => word.to_owned(),
    }
}
