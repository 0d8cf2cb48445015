//! A bounded number of callers, each with the trail of its objects.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use super::trail::Trail;
use crate::shards::Shards;

/// Callers that share a lock: the longest step is one look at each of them.
const SHARD: usize = 256;

/// Trails by the tags of their callers.
///
/// Where a shard is full, what is over goes first, and then the caller who has seen the fewest
/// objects: a crowd of new callers takes the place of one another, and not that of who walks on.
#[derive(Debug)]
pub(super) struct Table {
    shards: Shards<Shard>,
    most: usize,
}

type Shard = HashMap<u64, Trail, BuildHasherDefault<Tag>>;

impl Table {
    pub(super) fn new(callers: usize) -> Self {
        let shards = callers.div_ceil(SHARD).max(1);
        Self { shards: Shards::new(shards), most: callers.div_ceil(shards).max(1) }
    }

    /// Looks at a caller's trail as of a half of the window.
    pub(super) fn look<R>(
        &self,
        tag: u64,
        half: u64,
        look: impl FnOnce(&mut Trail) -> R,
    ) -> Option<R> {
        let mut shard = self.shards.lock(tag)?;
        let trail = shard.get_mut(&tag)?;
        trail.roll(half);
        Some(look(trail))
    }

    /// Changes a caller's trail, which is begun where there is none.
    pub(super) fn change<R>(
        &self,
        tag: u64,
        half: u64,
        change: impl FnOnce(&mut Trail) -> R,
    ) -> Option<R> {
        let mut shard = self.shards.lock(tag)?;
        if shard.len() >= self.most && !shard.contains_key(&tag) {
            make_room(&mut shard, half);
        }
        let trail = shard.entry(tag).or_insert_with(|| Trail::new(half));
        trail.roll(half);
        Some(change(trail))
    }

    #[cfg(test)]
    pub(super) fn all<R>(&self, mut each: impl FnMut(&Trail) -> R) -> Vec<R> {
        let shards = self.shards.each();
        shards.flat_map(|shard| shard.values().map(&mut each).collect::<Vec<_>>()).collect()
    }
}

fn make_room(shard: &mut Shard, half: u64) {
    let before = shard.len();
    shard.retain(|_, trail| !trail.is_over(half));
    if shard.len() < before {
        return;
    }
    let fewest = shard.iter().min_by_key(|(_, trail)| trail.count()).map(|(tag, _)| *tag);
    if let Some(tag) = fewest {
        shard.remove(&tag);
    }
}

/// Tags are hashes under a secret already.
#[derive(Debug, Default)]
struct Tag(u64);

impl Hasher for Tag {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, tag: u64) {
        // The high half has chosen the shard.
        self.0 = tag.rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
