//! What the stack costs beside what people use today: `cargo bench --bench ratios`.
//!
//! One process, one thread. The sides of a row take turns, a batch each, in an order that changes
//! from round to round, so that whatever slows the machine slows them all; a figure is the median
//! of its batches. A request is made before its batch is timed; what is timed is `poll_ready`,
//! `call`, the future, and the body of the answer to its end, as a server asks for it.
//!
//! A row that misses its bar says `MISS`. Rows without a bar are there to be read beside the
//! others.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark fails by panicking"
)]

mod callers;
mod concurrency;
mod fixtures;
mod measure;
mod ours;
mod peers;
mod provider;
mod report;
mod rows;
mod side;
mod throttle;

use report::Report;

fn main() {
    // `cargo test --benches` runs this too, to see that it still works.
    let mut report = match std::env::args().any(|argument| argument == "--bench") {
        true => Report::new(measure::FULL),
        false => Report::new(measure::SMOKE),
    };
    report.open();
    rows::six_guards(&mut report);
    rows::whole_stack(&mut report);
    rows::throttle(&mut report);
    rows::throttle_refusal(&mut report);
    throttle::keys::keyed_checks(&mut report);
    throttle::keys::eviction(&mut report);
    concurrency::room(&mut report);
    concurrency::full(&mut report);
    callers::jwt_seen(&mut report);
    callers::jwt_first(&mut report);
    callers::two_threads(&mut report);
    callers::api_key(&mut report);
    callers::introspection_hit(&mut report);
    rows::garbage_token(&mut report);
    report.close();
}
