use std::{
    future::pending,
    sync::{Arc, Weak},
    time::Duration,
};

use crate::{clock::SharedClock, observe::Ticket};

use super::Context;

/// What a connection that outlives its request holds on to: the request's record and permits, until
/// it is dropped, and the time at which the caller's credentials end.
///
/// Made by [`Context::lease`]; with the feature `axum` it is an extractor too. A handler moves it
/// into the task that serves the upgraded connection.
///
/// # Example: a socket that ends with its token
/// ```
/// # #[cfg(feature = "axum")] {
/// use tower_parapet::Lease;
///
/// async fn serve(lease: Lease, mut messages: impl Iterator<Item = String>) {
///     loop {
///         tokio::select! {
///             () = lease.expired() => break, // close with 1008, policy violation
///             Some(message) = std::future::ready(messages.next()) => println!("{message}"),
///             else => break,
///         }
///     }
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Lease {
    _ticket: Option<Arc<Ticket>>,
    /// Kept together, as one without the other says nothing.
    end: Option<(SharedClock, Duration)>,
}

impl Lease {
    pub(super) fn of(context: &Context) -> Self {
        let at = context.principal.as_ref().and_then(|caller| caller.expires_at());
        Self {
            _ticket: context.ticket.as_ref().and_then(Weak::upgrade),
            end: context.clock.clone().zip(at),
        }
    }

    /// When the caller's credentials end, since the Unix epoch; `None` where they do not, or nobody
    /// is known.
    pub fn expires_at(&self) -> Option<Duration> {
        self.end.as_ref().map(|(_, at)| *at)
    }

    /// Whether the caller's credentials have ended by now, on the stack's clock.
    pub fn is_expired(&self) -> bool {
        self.end.as_ref().is_some_and(|(clock, at)| clock.0.unix() >= *at)
    }

    /// Ends when the caller's credentials do, on the stack's clock, and never where they do not. No
    /// clock skew is allowed for: a connection is not lengthened by it.
    ///
    /// Cancelling it loses nothing. It needs a tokio runtime, for its timer.
    pub async fn expired(&self) {
        match &self.end {
            Some((clock, at)) => clock.reaches(*at).await,
            None => pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::{
        clock::{Clock, ManualClock, SystemClock},
        context::Principal,
    };

    fn lease(clock: impl Clock, expires_at: Option<u64>) -> Lease {
        let caller = Principal::builder("test", "alice");
        let caller = match expires_at {
            Some(at) => caller.expires_at(Duration::from_secs(at)),
            None => caller,
        };
        Lease::of(&Context {
            principal: Some(caller.build()),
            clock: Some(SharedClock(Arc::new(clock))),
            ..Context::default()
        })
    }

    #[tokio::test]
    async fn a_lease_expires_when_the_stacks_clock_reaches_the_end_of_the_credentials() {
        let clock = ManualClock::at_unix(Duration::from_secs(1_000));
        let lease = lease(clock.clone(), Some(1_060));
        let waiting = tokio::spawn({
            let lease = lease.clone();
            async move { lease.expired().await }
        });
        clock.advance(Duration::from_secs(59));
        assert!(lease.expired().now_or_never().is_none() && !lease.is_expired());
        clock.advance(Duration::from_secs(1));
        waiting.await.unwrap();
        assert!(lease.is_expired());
    }

    #[tokio::test(start_paused = true)]
    async fn on_a_clock_without_a_wait_of_its_own_the_runtimes_timer_is_used() {
        struct Paused(tokio::time::Instant);
        impl Clock for Paused {
            fn now(&self) -> Duration {
                self.0.elapsed()
            }
            fn unix(&self) -> Duration {
                self.0.elapsed()
            }
        }
        let began = tokio::time::Instant::now();
        lease(Paused(began), Some(3_600)).expired().await;
        let waited = began.elapsed().as_secs();
        assert!((3_600..3_602).contains(&waited), "{waited}");
    }

    #[test]
    fn credentials_without_an_end_never_expire() {
        let lease = lease(SystemClock::default(), None);
        assert_eq!((lease.expires_at(), lease.is_expired()), (None, false));
        assert!(lease.expired().now_or_never().is_none());
    }
}
