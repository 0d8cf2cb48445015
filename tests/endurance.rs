//! What must not grow, and what must not be miscounted, however long it goes on: in seconds here, at
//! length with `PARAPET_FULL=1` (`scripts/check --full`).
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]
#![cfg(target_os = "linux")]

#[path = "endurance/flat.rs"]
mod flat;
#[path = "endurance/soak.rs"]
mod soak;

use std::{convert::Infallible, sync::Mutex};

use http::{Request, Response};
use tower_parapet::Body;

/// One at a time: what a process takes is what one of them takes.
static ALONE: Mutex<()> = Mutex::new(());

fn is_full() -> bool {
    std::env::var_os("PARAPET_FULL").is_some()
}

async fn answer(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let mut response = Response::new(Body::empty());
    if request.uri().path().starts_with("/missing") {
        *response.status_mut() = http::StatusCode::NOT_FOUND;
    }
    Ok(response)
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}
