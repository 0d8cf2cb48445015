//! How many calls a hot key costs, counted by Redis itself.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};
use tower_parapet::{
    Body, Parapet, Peer, Redis,
    throttle::{Key, Shared, Throttle},
};

use crate::{server, turn};

const RATE: u32 = 10_000;

/// Requests that were made in three seconds, of them admitted, and the calls they cost.
async fn calls(limit: u32, leases: bool) -> Option<(u64, u64, u64)> {
    let server = server::Server::start();
    let redis = Redis::builder(server.url()).build().unwrap();
    let shared = Shared::closed(redis);
    let shared = if leases { shared.leases(200) } else { shared.without_deny_cache() };
    let throttle = Throttle::per_second(limit).by(Key::Global).shared(shared);
    let parapet = Parapet::builder()
        .peer(Peer::Extension)
        .throttle(throttle)
        .public("GET /", "a hot key")
        .build()
        .unwrap();
    let service = parapet.layer(service_fn(async |_: Request<Body>| {
        Ok::<_, Infallible>(Response::new(Body::empty()))
    }));
    let callers = (0..8).map(|_| {
        let service = service.clone();
        tokio::spawn(async move {
            let (mut made, mut admitted) = (0_u64, 0_u64);
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(3) {
                let due = begun.elapsed().as_secs_f64() * f64::from(RATE) / 8.0;
                while (made as f64) < due {
                    let request =
                        Request::get("/").header("host", "localhost").body(Body::empty()).unwrap();
                    let response = service.clone().oneshot(request).await.unwrap();
                    assert!([200, 429].contains(&response.status().as_u16()), "{response:?}");
                    made += 1;
                    admitted += u64::from(response.status() == 200);
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            (made, admitted)
        })
    });
    let (mut made, mut admitted) = (0, 0);
    for caller in callers.collect::<Vec<_>>() {
        let (more, of_them) = caller.await.unwrap();
        made += more;
        admitted += of_them;
    }
    Some((made, admitted, server.calls("evalsha")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::await_holding_lock, reason = "each drill has the machine for itself")]
async fn a_hot_key_costs_a_fiftieth_of_a_call_per_request() {
    if server::is_missing() {
        return;
    }
    let _turns = [turn(0), turn(1)];
    for (limit, about) in [(20_000, "within its limit"), (1_000, "at ten times its limit")] {
        let Some((made, admitted, calls)) = calls(limit, true).await else { return };
        let share = calls as f64 / made as f64;
        println!(
            "{about}: {made} requests in 3 s, {admitted} admitted, {calls} calls: {:.2} % of one call per request",
            share * 100.0,
        );
        assert!(share <= 0.02, "{share}");
        if limit == 20_000 {
            assert_eq!(made, admitted);
        } else {
            assert!((3_000..=4_200).contains(&admitted), "{admitted}");
        }
    }
}
