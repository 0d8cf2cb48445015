//! A million keys through a throttle capped at a hundred thousand. In a binary of its own, so that
//! what the process takes is what the throttle takes.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]
#![cfg(all(feature = "throttle", target_os = "linux"))]

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use http::{Request, Response};
use tower::{Service, service_fn};
use tower_layer::Layer;
use tower_parapet::{Body, Parapet, Peer, PeerAddr, clock::ManualClock, throttle::Throttle};

const KEYS: u32 = 1_000_000;
const CAP: usize = 100_000;

/// Resident bytes: the second number of statm, in pages of 4 KiB.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

async fn answer(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(Response::new(Body::empty()))
}

#[tokio::test]
async fn a_million_keys_take_less_than_16_megabytes_and_overflow_as_stated() {
    let clock = ManualClock::default();
    let parapet = Parapet::builder()
        .peer(Peer::Extension)
        .with_clock(clock.clone())
        .guard(Throttle::per_hour(1).burst(1).max_keys(CAP))
        .dangerous()
        .bare()
        .build()
        .unwrap();
    let mut app = parapet.layer(service_fn(answer));
    let mut ask = async |ip: u32| {
        let peer = SocketAddr::new(Ipv4Addr::from_bits(ip).into(), 1);
        let request = Request::get("/").extension(PeerAddr::new(peer));
        let request = request.body(Body::empty()).unwrap();
        app.call(request).await.unwrap().status() == 200
    };

    // Warms up what is allocated once, with an address that is not counted below.
    ask(u32::MAX).await;
    let before = resident();
    let mut admitted = 0;
    for ip in 0..KEYS {
        admitted += usize::from(ask(ip).await);
    }
    let growth = resident().saturating_sub(before);
    println!(
        "{KEYS} keys through a cap of {CAP}: {:.2} MB resident growth, {admitted} admitted",
        growth as f64 / 1e6
    );
    assert!(growth < 16_000_000, "{growth} bytes");

    // Each key that found room is admitted once; each of the 128 shards admits one more through the
    // bucket that all others share.
    assert!(admitted <= CAP + 128, "{admitted}");
    assert!(admitted >= CAP - CAP / 20, "{admitted}");

    // Once their buckets are whole again, old keys make room for new ones.
    clock.advance(Duration::from_secs(3_600));
    let before = resident();
    let mut admitted = 0;
    for ip in KEYS..KEYS + CAP as u32 / 2 {
        admitted += usize::from(ask(ip).await);
    }
    assert_eq!(admitted, CAP / 2);
    assert!(resident().saturating_sub(before) < 1_000_000);
}
