//! What it costs to be counted while in flight.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{BoxError, Router, error_handling::HandleErrorLayer};
use http::{Request, StatusCode};
use tokio::sync::Semaphore;
use tower::{Layer, Service, ServiceBuilder, limit::GlobalConcurrencyLimitLayer};
use tower_parapet::{
    Body, Guarded, Key, Parapet, Peer,
    throttle::{Concurrency, ConcurrencyBuilder},
};

use crate::{
    fixtures::{Template, route},
    measure::measure,
    ours,
    report::{Bar, Report},
    side::side,
};

const OK: StatusCode = StatusCode::OK;

fn capped(cap: ConcurrencyBuilder) -> Guarded<Router> {
    let stack = Parapet::builder().dangerous().bare().peer(Peer::ConnectInfo);
    stack.concurrency(cap).build().unwrap().protect(route())
}

/// Room enough for all, and nobody waits.
pub(crate) fn room(report: &mut Report) {
    let template = Template::bearer("opaque");
    let request = || template.request();
    let queued = || Concurrency::at_most(1_000).queue(100, Duration::from_millis(100));
    let sides = [
        side(route(), request, OK),
        side(ours::empty(), request, OK),
        side(capped(queued()), request, OK),
        side(capped(Concurrency::at_most(1_000).by(Key::ClientNet)), request, OK),
        side(capped(Concurrency::adaptive()), request, OK),
        side(GlobalConcurrencyLimitLayer::new(1_000).layer(route()), request, OK),
    ];
    let all = measure(report.effort, sides);
    let own = |at: usize, beside: usize| all[at].beyond(&all[beside]).median();
    report.row(
        "(g) cap with a queue, held to the body's end / tower's, to the head",
        own(2, 1),
        own(5, 0),
        Bar::None,
    );
    report.row("    by client network / tower's, one for all", own(3, 1), own(5, 0), Bar::None);
    report.row("    adaptive / tower's, fixed", own(4, 1), own(5, 0), Bar::None);
    report.row("    cap with its stack / bare", all[2].median(), all[0].median(), Bar::None);
    report.row("    tower's / bare", all[5].median(), all[0].median(), Bar::None);
}

/// No room at all.
pub(crate) fn full(report: &mut Report) {
    let template = Template::bearer("opaque");
    let request = || template.request();
    let mut ours = capped(Concurrency::at_most(1));
    // It holds the one place until it is polled to its end.
    let held = ours.call(request());
    let refused = StatusCode::SERVICE_UNAVAILABLE;
    let sides = [
        side(ours, request, refused),
        side(shedding(), request, refused),
        side(route(), request, OK),
    ];
    let [ours, peer, bare] = measure(report.effort, sides).map(|side| side.median());
    report.row("(g) 503 of a full cap, as a problem / tower's load_shed", ours, peer, Bar::None);
    report.row("    the same / bare route", ours, bare, Bar::None);
    drop(held);
}

fn shedding() -> impl Service<Request<Body>, Response = http::Response<Body>, Error = Infallible> {
    let full = async |_: BoxError| StatusCode::SERVICE_UNAVAILABLE;
    ServiceBuilder::new()
        .layer(HandleErrorLayer::new(full))
        .load_shed()
        .layer(GlobalConcurrencyLimitLayer::with_semaphore(Arc::new(Semaphore::new(0))))
        .service(route())
}
