//! What waits to be told to the other processes: bounded, in order.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::Offender;

/// Words that may wait. Offences of one offender are one word.
const MOST: usize = 4096;

/// What is told of one offender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Word {
    pub(in super::super) tag: u64,
    pub(in super::super) who: Offender,
    pub(in super::super) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum What {
    /// Points, and what for.
    Offence { points: u16, why: Arc<str> },
    /// A ban that ends at a monotonic time of this process.
    Ban { until: u64, level: u32, why: Arc<str>, by_hand: bool },
    /// An end before its time.
    Lift,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    words: VecDeque<Word>,
    /// The number of the first word; numbers only grow.
    first: u64,
    /// The word that the offences of a tag are added to.
    offences: HashMap<u64, u64>,
}

impl Queue {
    pub(super) fn push(&self, word: Word) {
        let mut inner = self.lock();
        if let What::Offence { points, .. } = &word.what {
            let points = *points;
            if let Some(known) = inner.offence_of(word.tag) {
                *known = known.saturating_add(points);
                return;
            }
            if inner.words.len() >= MOST {
                self.drop_one();
                return;
            }
            let number = inner.first + inner.words.len() as u64;
            inner.offences.insert(word.tag, number);
        } else {
            // What comes after it must not be counted before it.
            inner.offences.remove(&word.tag);
            if inner.words.len() >= MOST {
                inner.pop();
                self.drop_one();
            }
        }
        inner.words.push_back(word);
    }

    /// The next words, in order.
    pub(super) fn take(&self, most: usize) -> Vec<Word> {
        let mut inner = self.lock();
        (0..most).map_while(|_| inner.pop()).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().words.len()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn pop(&mut self) -> Option<Word> {
        let word = self.words.pop_front()?;
        if self.offences.get(&word.tag) == Some(&self.first) {
            self.offences.remove(&word.tag);
        }
        self.first += 1;
        Some(word)
    }

    fn offence_of(&mut self, tag: u64) -> Option<&mut u16> {
        let number = *self.offences.get(&tag)?;
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        match self.words.get_mut(at).map(|word| &mut word.what) {
            Some(What::Offence { points, .. }) => Some(points),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offence(tag: u64, points: u16) -> Word {
        let who = Offender::principal("test", &tag.to_string());
        Word { tag, who, what: What::Offence { points, why: "test".into() } }
    }

    fn lift(tag: u64) -> Word {
        Word { what: What::Lift, ..offence(tag, 0) }
    }

    #[test]
    fn offences_of_one_offender_are_one_word_until_something_else_is_said_of_it() {
        let queue = Queue::default();
        for word in [offence(1, 2), offence(2, 1), offence(1, 3), lift(1), offence(1, 7)] {
            queue.push(word);
        }
        let told = queue.take(100);
        assert_eq!(told, [offence(1, 5), offence(2, 1), lift(1), offence(1, 7)]);
        queue.push(offence(1, 1));
        assert_eq!(queue.take(1), [offence(1, 1)]);
    }

    #[test]
    fn offences_beyond_the_bound_are_dropped_and_counted_and_orders_are_not() {
        let queue = Queue::default();
        (0..10_000).for_each(|tag| queue.push(offence(tag, 1)));
        assert_eq!((queue.len(), queue.dropped()), (MOST, 10_000 - MOST as u64));
        queue.push(lift(7));
        assert_eq!(queue.len(), MOST);
        assert_eq!(queue.take(MOST).last(), Some(&lift(7)));
        assert!(queue.lock().offences.is_empty());
    }
}
