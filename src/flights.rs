//! Work that several requests wait for, done once.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};

pub(crate) type Flight<T> = Shared<BoxFuture<'static, T>>;

/// What is under way, by what it is about; clones share it.
///
/// Whoever waits drives the work on, so it ends when the last of them has left; it leaves its place
/// then, and when it is done.
pub(crate) struct Flights<K, T>(Arc<Mutex<Board<K, T>>>);

struct Board<K, T> {
    flights: HashMap<K, (u64, WeakShared<BoxFuture<'static, T>>)>,
    begun: u64,
}

/// One piece of work's place among them, which it holds until this is dropped. It does not look at
/// the work itself, whose end may be what drops it.
pub(crate) struct Place<K: Eq + Hash, T> {
    flights: Flights<K, T>,
    key: K,
    number: u64,
}

/// Held while a result is kept, so that nobody disowns the work in between.
pub(crate) struct Owned<'a, K, T>(
    #[allow(dead_code, reason = "a lock")] MutexGuard<'a, Board<K, T>>,
);

impl<K, T> Flights<K, T>
where
    K: Eq + Hash + Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// The work that is under way for the key, else what `begin` makes, which does not ask anybody:
    /// it runs under the lock.
    pub(crate) fn join<F>(&self, key: K, begin: impl FnOnce() -> F) -> Flight<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let joined = self.join_if(
            key,
            |_| Ok::<_, Infallible>(()),
            |place, ()| {
                let work = begin();
                let work = async move {
                    let done = work.await;
                    drop(place);
                    done
                };
                work.boxed()
            },
        );
        match joined {
            Ok(flight) => flight,
            Err(never) => match never {},
        }
    }

    /// Joins what is under way, or begins it where `admit`, knowing how much else there is, lets it.
    /// Neither asks anybody nor drops its place: both run under the lock.
    pub(crate) fn join_if<A, E>(
        &self,
        key: K,
        admit: impl FnOnce(usize) -> Result<A, E>,
        begin: impl FnOnce(Place<K, T>, A) -> BoxFuture<'static, T>,
    ) -> Result<Flight<T>, E> {
        let mut board = self.board();
        if let Some(flight) = board.flights.get(&key).and_then(|(_, weak)| weak.upgrade()) {
            return Ok(flight);
        }
        let admitted = admit(board.flights.len())?;
        board.begun += 1;
        let number = board.begun;
        let place = Place { flights: self.clone(), key: key.clone(), number };
        let flight = begin(place, admitted).shared();
        if let Some(weak) = flight.downgrade() {
            board.flights.insert(key, (number, weak));
        }
        Ok(flight)
    }

    /// Lets what is under way land without being kept.
    pub(crate) fn disown(&self, key: &K) {
        self.board().flights.remove(key);
    }

    /// Lets everything that is under way land without being kept.
    pub(crate) fn disown_all(&self) {
        self.board().flights.clear();
    }
}

impl<K, T> Flights<K, T> {
    fn board(&self) -> MutexGuard<'_, Board<K, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn len(&self) -> usize {
        self.board().flights.len()
    }
}

impl<K: Eq + Hash, T> Place<K, T> {
    /// Whether this is still the work about its key: else somebody disowned it meanwhile.
    pub(crate) fn owned(&self) -> Option<Owned<'_, K, T>> {
        let board = self.flights.board();
        self.is_own(&board).then_some(Owned(board))
    }

    /// Another one may have begun after the last who waited for this one had left.
    fn is_own(&self, board: &Board<K, T>) -> bool {
        board.flights.get(&self.key).is_some_and(|(number, _)| *number == self.number)
    }
}

impl<K: Eq + Hash, T> Drop for Place<K, T> {
    fn drop(&mut self) {
        let mut board = self.flights.board();
        if self.is_own(&board) {
            board.flights.remove(&self.key);
        }
    }
}

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Board { flights: HashMap::new(), begun: 0 })))
    }
}

impl<K, T> Clone for Flights<K, T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, T> fmt::Debug for Flights<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").field("len", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn those_who_ask_the_same_share_one_call() {
        let flights = Flights::<u8, usize>::default();
        let calls = Arc::new(AtomicUsize::new(0));
        let (open, gate) = oneshot::channel::<()>();
        let gate = gate.shared();
        let ask = |key| {
            let (calls, gate) = (calls.clone(), gate.clone());
            flights.join(key, move || async move {
                let call = calls.fetch_add(1, Ordering::SeqCst);
                let _ = gate.await;
                call
            })
        };
        let waiting: Vec<_> = (0..100).map(|_| tokio::spawn(ask(7))).collect();
        let other = tokio::spawn(ask(8));
        tokio::task::yield_now().await;
        open.send(()).unwrap();
        let first = waiting.into_iter();
        let answers = futures_util::future::join_all(first).await;
        let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
        assert_ne!(other.await.unwrap(), answers[0]);
        assert_eq!((calls.load(Ordering::SeqCst), flights.len()), (2, 0));
    }

    #[tokio::test]
    async fn a_call_that_everybody_has_left_is_no_ones_to_join() {
        let flights = Flights::<u8, u8>::default();
        let left = flights.join(1, std::future::pending);
        assert_eq!(flights.len(), 1);
        drop(left);
        assert_eq!(flights.len(), 0);
        assert_eq!(flights.join(1, || async { 5 }).await, 5);
        assert_eq!(flights.len(), 0);
    }
    #[tokio::test]
    async fn more_than_are_let_are_not_begun() {
        let flights = Flights::<u8, u8>::default();
        let ask = |key| {
            let admit = |others| if others < 2 { Ok(key) } else { Err(others) };
            flights.join_if(key, admit, |place, key| {
                async move {
                    let _place = place;
                    key
                }
                .boxed()
            })
        };
        let (one, two) = (ask(1).unwrap(), ask(2).unwrap());
        assert_eq!(ask(3).err(), Some(2));
        // Joining is no more work.
        assert_eq!(ask(1).unwrap().await, 1);
        assert_eq!((ask(3).unwrap().await, one.await, two.await), (3, 1, 2));
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test]
    async fn what_was_disowned_is_not_kept_and_does_not_hold_the_next_one_up() {
        let flights = Flights::<u8, bool>::default();
        let ask = |key| {
            let begin = |place: Place<u8, bool>, ()| async move { place.owned().is_some() }.boxed();
            flights.join_if(key, |_| Ok::<_, ()>(()), begin).unwrap()
        };
        let old = ask(1);
        flights.disown(&1);
        let new = ask(1);
        assert!(!old.await);
        assert_eq!(flights.len(), 1, "the place is the new one's");
        assert!(new.await);
        let (one, two) = (ask(1), ask(2));
        flights.disown_all();
        assert!(!one.await && !two.await);
    }
}
