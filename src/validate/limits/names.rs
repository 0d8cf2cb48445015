//! The names an object has so far.

use std::{borrow::Cow, collections::HashSet};

use super::fault::unescape;

/// Up to this many members are compared one by one; that is faster than hashing and needs no set.
const FEW: usize = 16;

/// The names of all objects that are open, innermost last.
///
/// It never holds more than depth times entries, both of which are limited.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    open: Vec<Name<'a>>,
    spare: Vec<HashSet<Cow<'a, [u8]>>>,
}

#[derive(Debug)]
struct Name<'a> {
    digest: u64,
    text: Cow<'a, [u8]>,
}

/// Where the names of one object begin, and its set once it has many.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    base: usize,
    many: Option<HashSet<Cow<'a, [u8]>>>,
}

impl<'a> Names<'a> {
    pub(super) fn enter(&self) -> Scope<'a> {
        Scope { base: self.open.len(), many: None }
    }

    pub(super) fn leave(&mut self, scope: Scope<'a>) {
        self.open.truncate(scope.base);
        if let Some(mut set) = scope.many {
            set.clear();
            self.spare.push(set);
        }
    }

    /// Whether the name is new to the object; it is known from now on.
    pub(super) fn insert(&mut self, scope: &mut Scope<'a>, raw: &'a [u8], escaped: bool) -> bool {
        let text = if escaped { unescape(raw) } else { Cow::Borrowed(raw) };
        if let Some(set) = &mut scope.many {
            return set.insert(text);
        }
        let digest = digest(&text);
        let mut count = 0;
        for known in self.open.iter().skip(scope.base) {
            if known.digest == digest && known.text == text {
                return false;
            }
            count += 1;
        }
        if count < FEW {
            self.open.push(Name { digest, text });
        } else {
            let mut set = self.spare.pop().unwrap_or_default();
            set.extend(self.open.drain(scope.base..).map(|name| name.text));
            set.insert(text);
            scope.many = Some(set);
        }
        true
    }
}

/// A cheap word that differs for most names that differ; equal words are compared in full.
fn digest(text: &[u8]) -> u64 {
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    let ends = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(last)) => word(first) ^ word(last).rotate_left(29),
        _ => text.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    ends ^ (text.len() as u64) << 56
}
