//! What a request holds while it is in flight, and what it waits for before.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Cx, Poll};

use super::hall::Place;
use super::keyed::Seat;
use super::room::Room;
use super::terms::Shed;
use super::waiter::Verdict;

/// Leave to be in flight; its drop gives it to the next one.
#[derive(Debug)]
#[must_use = "a permit that is dropped is given back"]
pub(super) struct Permit {
    room: Arc<Room>,
    seat: Option<Seat>,
}

impl Permit {
    pub(super) fn new(room: Arc<Room>, seat: Option<Seat>) -> Self {
        Self { room, seat }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.room.release(self.seat);
    }
}

/// A place in the queue. Whoever drops it has left, and takes no permit along.
#[derive(Debug)]
pub(super) struct Waiting(Option<Queued>);

#[derive(Debug)]
struct Queued {
    room: Arc<Room>,
    seat: Option<Seat>,
    place: Place,
}

impl Waiting {
    pub(super) fn new(room: Arc<Room>, seat: Option<Seat>, place: Place) -> Self {
        Self(Some(Queued { room, seat, place }))
    }
}

impl Future for Waiting {
    type Output = Result<Permit, Shed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Poll<Self::Output> {
        let Some(queued) = &self.0 else { return Poll::Pending };
        let verdict = match queued.place.waiter.poll(cx) {
            Poll::Ready(verdict) => verdict,
            Poll::Pending => return Poll::Pending,
        };
        let Some(Queued { room, seat, .. }) = self.0.take() else { return Poll::Pending };
        Poll::Ready(match verdict {
            Verdict::Granted => Ok(Permit::new(room, seat)),
            Verdict::Displaced => Err(Shed::Displaced),
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(queued) = &self.0 {
            queued.room.leave(queued.seat, &queued.place);
        }
    }
}
