//! Which texts of a key were found good before.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// The marks of a key's present and previous text, once either was verified in this process: who guesses
/// does not get to try any more, and the owner, whose text bears the mark, still does.
///
/// A mark is 64 bits under a secret of the process. It admits nobody: a text that bears it is verified as ever.
#[derive(Default)]
pub(super) struct Familiar {
    marks: [AtomicU64; 2],
}

static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);

fn mark(text: &[u8]) -> u64 {
    SECRET.hash_one(text).max(1)
}

impl Familiar {
    /// Leaves the mark of a text that was just found good, where there is none yet.
    pub(super) fn meet(&self, is_previous: bool, text: &[u8]) {
        let [present, previous] = &self.marks;
        let place = if is_previous { previous } else { present };
        if place.load(Ordering::Relaxed) == 0 {
            place.store(mark(text), Ordering::Relaxed);
        }
    }

    pub(super) fn knows(&self, text: &[u8]) -> bool {
        let mark = mark(text);
        self.marks.iter().any(|known| known.load(Ordering::Relaxed) == mark)
    }
}

/// A copy may be of another secret: it starts anew.
impl Clone for Familiar {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Familiar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Familiar")
    }
}
