//! Names of keys that the issuer was asked about and does not have.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const MOST: usize = 128;
const KEPT: Duration = Duration::from_secs(5 * 60);

/// A name as it is remembered: strangers choose its length, and cannot choose this.
pub(super) type Name = u64;

/// A bounded, forgetful set of names.
#[derive(Debug, Default)]
pub(super) struct Unknown {
    hasher: RandomState,
    names: VecDeque<(Name, Duration)>,
}

impl Unknown {
    /// `None`: a token that names no key.
    pub(super) fn name(&self, kid: Option<&str>) -> Name {
        self.hasher.hash_one(kid)
    }

    pub(super) fn holds(&self, name: Name, now: Duration) -> bool {
        self.names.iter().any(|(known, until)| *known == name && now < *until)
    }

    pub(super) fn add(&mut self, name: Name, now: Duration) {
        self.names.retain(|(known, until)| *known != name && now < *until);
        if self.names.len() >= MOST {
            self.names.pop_front();
        }
        self.names.push_back((name, now.saturating_add(KEPT)));
    }

    pub(super) fn clear(&mut self) {
        self.names.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_remembered_for_five_minutes_and_128_at_most() {
        let mut unknown = Unknown::default();
        let at = Duration::from_secs;
        let first = unknown.name(Some("first"));
        unknown.add(first, at(0));
        assert!(unknown.holds(first, at(299)) && !unknown.holds(first, at(300)));
        for other in 0..127 {
            unknown.add(unknown.name(Some(&other.to_string())), at(1));
        }
        assert!(unknown.holds(first, at(1)));
        unknown.add(unknown.name(None), at(1));
        assert!(!unknown.holds(first, at(1)), "the oldest goes first");
        assert_eq!(unknown.names.len(), MOST);
        unknown.clear();
        assert!(!unknown.holds(unknown.name(None), at(1)));
    }
}
