mod guard;
mod interleavings;
mod queue;
mod settings;
mod simulation;
mod timing;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Cx, Poll, Waker};
use std::time::Duration;

use crate::context::Priority;

use super::permit::{Permit, Waiting};
use super::room::{Entry, Room};
use super::terms::Shed;
use super::{Concurrency, ConcurrencyBuilder};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn room(builder: ConcurrencyBuilder) -> Arc<Room> {
    builder.build().unwrap().0.room.clone()
}

fn enter(room: &Arc<Room>, tag: u64, class: Priority, flow: u64, now: Duration) -> Entry {
    room.enter(tag, class, || flow, now)
}

fn waiting(entry: Entry) -> Waiting {
    match entry {
        Entry::Waits(waiting, _) => waiting,
        other => panic!("it does not wait: {other:?}"),
    }
}

fn permit(entry: Entry) -> Permit {
    match entry {
        Entry::Now(permit) => permit,
        other => panic!("it is not let in: {other:?}"),
    }
}

/// What has become of one who waits.
fn poll(waiting: &mut Waiting) -> Poll<Result<Permit, Shed>> {
    Pin::new(waiting).poll(&mut Cx::from_waker(Waker::noop()))
}
