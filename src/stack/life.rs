//! From the first request to the last: readiness, and an end that loses nothing.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{runtime::Handle, time::sleep};

use crate::{clock::within, compose::Routes, inspect::Readiness, observe::contained};

use super::Parapet;

/// How long it may take until a drained service notices that it is.
const LOOK: Duration = Duration::from_millis(10);

/// How a service ended; see [`Parapet::shutdown`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what was still running may have been cut short"]
#[non_exhaustive]
pub enum Shutdown {
    /// Every request was over.
    Drained,
    /// The deadline passed while requests were still running.
    StillRunning,
}

impl Parapet {
    /// Whether every guard, scheme and sink can do its work, and the service is not about to end.
    ///
    /// Cheap and without I/O: each part says what it knows. For the handler of a readiness probe.
    pub fn ready(&self) -> Readiness {
        let mut readiness = Readiness::default();
        let env = &self.stack.env;
        if env.withdrawn.load(Ordering::Relaxed) {
            readiness.wait_for("the service", "its end");
        }
        let of_routes = self.routes.iter().flat_map(Routes::guards);
        for guard in self.stack.guards.iter().cloned().chain(of_routes) {
            contained("a guard", || guard.ready(&mut readiness));
        }
        for observer in env.observers.iter().chain(&env.halves) {
            contained("an observer", || observer.ready(&mut readiness));
        }
        readiness
    }

    /// Says from now on that the stack is not [`ready`](Self::ready), so that balancers send no more
    /// requests. Those that come all the same are served.
    pub fn withdraw(&self) {
        self.stack.env.withdrawn.store(true, Ordering::Relaxed);
    }

    /// Ends the service: not ready at once, then every request has until the deadline to end, then
    /// every observer brings what it was told to where it belongs.
    ///
    /// Where somebody is told of requests, they last as long as their answers and the leases of
    /// their handlers, streams and upgraded connections included; else until the head of the answer.
    /// Another call waits anew and does no harm.
    ///
    /// # Example
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn serve(
    /// #     parapet: tower_parapet::Parapet,
    /// #     listener: tokio::net::TcpListener,
    /// #     app: axum::routing::IntoMakeService<axum::Router>,
    /// # ) -> std::io::Result<()> {
    /// let leaving = parapet.clone();
    /// axum::serve(listener, app)
    ///     .with_graceful_shutdown(async move {
    ///         drop(tokio::signal::ctrl_c().await);
    ///         leaving.withdraw();
    ///         // As long as the balancer takes to notice.
    ///         tokio::time::sleep(Duration::from_secs(5)).await;
    ///     })
    ///     .await?;
    /// if parapet.shutdown(Duration::from_secs(10)).await != tower_parapet::Shutdown::Drained {
    ///     eprintln!("some requests were cut short");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn shutdown(&self, deadline: Duration) -> Shutdown {
        self.withdraw();
        let drained = within(deadline, async {
            while self.is_busy() {
                sleep(LOOK).await;
            }
        });
        let ended = match drained.await {
            Some(()) => Shutdown::Drained,
            None => Shutdown::StillRunning,
        };
        let stack = self.clone();
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || stack.flush()).await),
            Err(_) => stack.flush(),
        }
        ended
    }

    /// Whether a request runs: it holds what the stack gave it.
    fn is_busy(&self) -> bool {
        Arc::strong_count(&self.stack.env) > 1
    }

    /// Has every observer bring what it was told to where it belongs; blocks until it is there.
    ///
    /// [`shutdown`](Self::shutdown) does it at the end.
    pub fn flush(&self) {
        let env = &self.stack.env;
        for observer in env.observers.iter().chain(&env.halves) {
            contained("an observer", || observer.flush());
        }
    }
}
