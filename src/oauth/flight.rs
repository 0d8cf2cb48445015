//! One call for all who ask the same at the same time.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};

pub(crate) type Flight<T> = Shared<BoxFuture<'static, T>>;

/// Calls that are under way, by what they ask. Whoever waits drives the call on, so it ends when the
/// last of them has left.
pub(crate) struct Flights<K, T: Clone>(Arc<Mutex<Board<K, T>>>);

struct Board<K, T: Clone> {
    flights: HashMap<K, (u64, WeakShared<BoxFuture<'static, T>>)>,
    begun: u64,
}

impl<K, T> Flights<K, T>
where
    K: Eq + Hash + Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// The call that is under way for the key, else the one that `begin` makes.
    pub(crate) fn join<F>(&self, key: K, begin: impl FnOnce() -> F) -> Flight<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut board = lock(&self.0);
        if let Some(flight) = board.flights.get(&key).and_then(|(_, weak)| weak.upgrade()) {
            return flight;
        }
        board.begun += 1;
        let number = board.begun;
        let landing = Landing { board: self.0.clone(), key: key.clone(), number };
        let call = begin();
        let flight = async move {
            let answer = call.await;
            drop(landing);
            answer
        };
        let flight = flight.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            board.flights.insert(key, (number, weak));
        }
        flight
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        lock(&self.0).flights.len()
    }
}

fn lock<K, T: Clone>(board: &Mutex<Board<K, T>>) -> MutexGuard<'_, Board<K, T>> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the call off the board when it is over, and when nobody waits for it any more. It does not
/// look at the call itself, whose end may be what drops this.
struct Landing<K: Eq + Hash, T: Clone> {
    board: Arc<Mutex<Board<K, T>>>,
    key: K,
    number: u64,
}

impl<K: Eq + Hash, T: Clone> Drop for Landing<K, T> {
    fn drop(&mut self) {
        let mut board = lock(&self.board);
        // Another one may have begun after the last of this one's callers had left.
        if board.flights.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            board.flights.remove(&self.key);
        }
    }
}

impl<K, T: Clone> Default for Flights<K, T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Board { flights: HashMap::new(), begun: 0 })))
    }
}

impl<K, T: Clone> Clone for Flights<K, T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, T: Clone> fmt::Debug for Flights<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flights")
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
}
