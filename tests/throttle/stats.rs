//! What a throttle tells of itself, live and on trial.

use std::sync::{Arc, Mutex};

use tower_parapet::{
    Observer, Record,
    compose::Shadow,
    throttle::{Limit, Throttle},
};

use super::service;

#[derive(Clone, Default)]
struct Trials(Arc<Mutex<Vec<String>>>);

impl Observer for Trials {
    fn completed(&self, record: &Record) {
        let trials = record.notes.iter().filter(|(key, _)| *key == "would-reject");
        self.0.lock().unwrap().extend(trials.map(|(_, value)| value.to_string()));
    }
}

#[tokio::test]
async fn requests_are_counted_by_what_became_of_them_limit_by_limit() {
    let throttle =
        Throttle::per_minute(3).named("few").and(Limit::per_day(4).named("daily")).build().unwrap();
    let service = service(|stack| stack.throttle(throttle.clone()));
    assert_eq!(service.admitted("192.0.2.1", 5).await, 3);
    service.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(service.admitted("192.0.2.1", 5).await, 1);
    assert_eq!(service.admitted("192.0.2.2", 1).await, 1);
    let stats = throttle.stats();
    assert_eq!((stats.admitted, stats.refused, stats.would_refuse), (5, 6, 0));
    let limits: Vec<_> = stats
        .limits
        .iter()
        .map(|limit| (&*limit.name, limit.refused, limit.would_refuse))
        .collect();
    assert_eq!(limits, [("few", 2, 0), ("daily", 4, 0)]);
    assert_eq!((stats.buckets, stats.overflowed), (4, 0));
}

#[tokio::test]
async fn a_limit_on_trial_counts_what_it_would_have_refused_in_records_and_figures() {
    let (candidate, trials) =
        (Throttle::per_day(2).named("next").build().unwrap(), Trials::default());
    let service = service(|stack| {
        stack
            .throttle(Shadow::of(candidate.clone()).unwrap())
            .throttle(Throttle::per_day(4).named("now"))
            .observe(trials.clone())
    });
    assert_eq!(service.admitted("192.0.2.1", 6).await, 4);
    let stats = candidate.stats();
    assert_eq!((stats.admitted, stats.refused, stats.would_refuse), (2, 0, 4));
    assert_eq!(stats.limits[0].would_refuse, 4);
    assert_eq!(*trials.0.lock().unwrap(), ["throttle: rate-limited"; 4]);
}

#[tokio::test]
async fn a_clone_on_trial_spends_nothing_of_the_one_in_force() {
    let throttle = Throttle::per_day(3).build().unwrap();
    let service = service(|stack| {
        stack.throttle(Shadow::of(throttle.clone()).unwrap()).throttle(throttle.clone())
    });
    assert_eq!(service.admitted("192.0.2.1", 5).await, 3);
    let stats = throttle.stats();
    assert_eq!((stats.admitted, stats.refused, stats.would_refuse), (6, 2, 2));
}

#[tokio::test]
async fn keys_that_find_no_room_are_counted() {
    let throttle = Throttle::per_day(100).max_keys(10).build().unwrap();
    let service = service(|stack| stack.throttle(throttle.clone()));
    for host in 0..30 {
        service.send([192, 0, 2, host], "/open", &[]).await;
    }
    let stats = throttle.stats();
    assert_eq!((stats.admitted, stats.overflowed, stats.buckets), (30, 20, 10));
}

#[tokio::test]
async fn what_is_only_explained_is_not_counted() {
    let throttle = Throttle::per_day(1).build().unwrap();
    let parapet = tower_parapet::Parapet::builder()
        .peer(tower_parapet::Peer::Extension)
        .public("/open", "test")
        .throttle(throttle.clone())
        .build()
        .unwrap();
    for _ in 0..3 {
        let peer = tower_parapet::PeerAddr::new(([192, 0, 2, 1], 4711).into());
        let request = http::Request::get("/open").extension(peer).body(()).unwrap();
        let _ = parapet.explain(&request).await;
    }
    assert_eq!((throttle.stats().admitted, throttle.stats().refused), (0, 0));
}
