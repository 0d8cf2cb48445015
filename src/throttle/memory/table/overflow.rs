use super::super::super::rule::State;
use super::Bucket;

/// What keys share that found no room.
#[derive(Debug, Default)]
pub(super) struct Overflow {
    /// One bucket for each limit.
    buckets: Vec<Bucket>,
    /// Requests charged to them.
    pub(super) admitted: u64,
}

impl Overflow {
    pub(super) fn find(&self, tag: u64) -> Option<&Bucket> {
        self.buckets.iter().find(|bucket| bucket.tag == tag)
    }

    pub(super) fn keep(&mut self, tag: u64, state: State) {
        match self.buckets.iter_mut().find(|bucket| bucket.tag == tag) {
            Some(bucket) => bucket.state = state,
            None => self.buckets.push(Bucket { tag, state }),
        }
    }
}
