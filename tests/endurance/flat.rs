//! Ten million keys through every store: once each is full, it takes no more.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use http::Request;
use tower::{Service, service_fn};
use tower_layer::Layer;
use tower_parapet::{
    Body, Parapet, ParapetBuilder, Peer, PeerAddr,
    bans::Bans,
    clock::ManualClock,
    idempotency::{Idempotency, MemoryResponses},
    observe::Signal,
    throttle::{Key, Limit, Throttle, enumeration::Enumeration},
};

use super::{ALONE, answer, block_on, is_full};

/// Keys that each store holds at most, in the short form too.
const CAP: usize = 5_000;

fn keys() -> u32 {
    if is_full() { 10_000_000 } else { 30_000 }
}

/// Resident bytes: the second number of statm, in pages of 4 KiB.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path)
}

/// Sends a request from each of many addresses, while the clock goes on.
fn flat(
    name: &str,
    configure: impl FnOnce(ParapetBuilder) -> ParapetBuilder,
    ask: impl Fn(u32) -> http::request::Builder,
) {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let clock = ManualClock::at_unix(Duration::from_secs(1_700_000_000));
    let builder = Parapet::builder().peer(Peer::Extension).with_clock(clock.clone());
    let parapet = configure(builder.dangerous().bare()).build().unwrap();
    let mut app = parapet.layer(service_fn(answer));
    let (before, mut full, mut most, mut answered) = (resident(), 0, 0, 0);
    // Four times what a store holds: from then on every key is one too many.
    let filled = 4 * CAP as u32;
    block_on(async {
        for key in 0..keys() {
            let peer = SocketAddr::new(Ipv4Addr::from_bits(key.wrapping_mul(257)).into(), 1);
            let request = ask(key).extension(PeerAddr::new(peer)).body(Body::empty()).unwrap();
            answered += usize::from(app.call(request).await.unwrap().status().is_success());
            clock.advance(Duration::from_micros(100));
            if key % 4_096 == 0 && key >= filled {
                if full == 0 {
                    full = resident();
                }
                most = most.max(resident());
            }
        }
    });
    let (taken, grown) = (full.saturating_sub(before), most.saturating_sub(full));
    println!(
        "{name}: {} keys, {:.2} MB taken when full, {:.2} MB more at most since, {answered} \
         answered well",
        keys(),
        taken as f64 / 1e6,
        grown as f64 / 1e6
    );
    assert!(grown < 2_000_000, "{name}: {grown} bytes more");
}

#[test]
fn a_throttle_takes_no_more_for_ten_million_networks() {
    let throttle = || Throttle::per_minute(60).burst(5).max_keys(CAP);
    flat("throttle", |stack| stack.guard(throttle()), |_| request("GET", "/"));
}

#[test]
fn several_limits_and_hashed_headers_take_no_more_either() {
    let throttle = Throttle::per_second(5)
        .and(Limit::fixed(1_000, Duration::from_secs(600)))
        .and(Limit::sliding(500, Duration::from_secs(60)))
        .by(Key::ClientNet.and(Key::header("x-tenant")))
        .max_keys(CAP);
    flat(
        "throttle of three limits, by network and header",
        |stack| stack.guard(throttle),
        |key| request("GET", "/").header("x-tenant", format!("{key:0200}")),
    );
}

#[test]
fn bans_take_no_more_for_ten_million_suspects_and_banned_networks() {
    let bans = || Bans::builder().max_suspects(CAP).max_bans(CAP).exempt("127.0.0.1/32", "tests");
    flat(
        "bans, suspects",
        |stack| stack.bans(bans().on(Signal::NotFound, 1)),
        |_| request("GET", "/missing"),
    );
    flat(
        "bans, banned at once",
        |stack| stack.bans(bans().on(Signal::NotFound, 100).threshold(100)),
        |_| request("GET", "/missing"),
    );
}

#[test]
fn the_enumeration_sketch_takes_no_more_for_ten_million_objects_of_as_many_callers() {
    let orders = || {
        let orders = Enumeration::named("orders").routes(["GET /orders/{id}"]);
        orders.at_most(1_000).max_callers(1_000)
    };
    flat(
        "enumeration, of many callers",
        |stack| stack.guard(orders()),
        |key| request("GET", &format!("/orders/{key}")),
    );
}

#[test]
fn answers_kept_for_retries_take_no_more_for_ten_million_keys() {
    let store =
        || MemoryResponses::builder().entries(CAP).entries_per_caller(CAP / 8).build().unwrap();
    flat(
        "idempotency",
        |stack| stack.guard(Idempotency::builder(store())),
        |key| request("POST", "/orders").header("idempotency-key", format!("\"{key:032}\"")),
    );
}
