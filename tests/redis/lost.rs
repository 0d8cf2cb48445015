//! Stores that are gone, hang, forget or cannot write.

use std::time::Instant;

use futures_util::future::join_all;

use super::*;

/// Asks until the store is asked again, which takes a pause of the breaker.
async fn recovers(process: &Process) {
    let begun = Instant::now();
    loop {
        let status = process.status().await;
        if process.note().is_none() {
            assert!(matches!(status, 200 | 429), "{status}");
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not recover");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn closed_refuses_while_the_store_is_lost_and_asks_again_when_it_is_back() {
    if server::is_missing() {
        return;
    }
    let mut server = Options::default().append_only().start();
    let shared = Shared::closed(patient(Redis::builder(server.url())));
    let process = Process::with(ten().shared(shared.clone()));
    assert!(process.stack.ready().is_ready());
    assert_eq!(process.admitted(4).await, 4);
    server.kill();
    for _ in 0..10 {
        let refused = process.send(&[]).await;
        assert_eq!(refused.status(), 503);
        let wait = refused.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap();
        assert!((1..=5).contains(&wait), "{wait}");
        drop(refused);
        assert_eq!(process.note().as_deref(), Some("refused"));
    }
    assert_eq!(shared.lost_answers(), 10);
    let record = process.records.all().pop().unwrap();
    assert_eq!(record.rejection.unwrap().reason(), Reason::Unavailable);
    let waiting = process.stack.ready().to_string();
    assert!(waiting.contains("throttle waits for redis at 127.0.0.1"), "{waiting}");
    assert!(process.codes().contains(&"store-lost"), "{:?}", process.codes());
    server.restart();
    recovers(&process).await;
    assert!(process.stack.ready().is_ready());
    assert!(!process.codes().contains(&"store-lost"));
    // With its file it knows of all that was charged; one was while it recovered.
    assert_eq!(process.admitted(20).await, 5);
}

#[tokio::test]
async fn without_its_file_a_restart_is_one_more_burst() {
    if server::is_missing() {
        return;
    }
    let mut server = Server::start();
    let shared = Shared::closed(patient(Redis::builder(server.url()))).without_deny_cache();
    let process = Process::with(ten().shared(shared));
    assert_eq!(process.admitted(15).await, 10);
    server.restart();
    recovers(&process).await;
    assert!((9..=10).contains(&process.admitted(15).await));
}

#[tokio::test]
async fn open_lets_everything_through_and_tells_of_no_limit() {
    let redis = Redis::builder("redis://127.0.0.1:1").build().unwrap();
    let shared = Shared::dangerous(redis).open();
    let process = Process::with(ten().shared(shared.clone()));
    for _ in 0..30 {
        let answer = process.send(&[]).await;
        assert_eq!(answer.status(), 200);
        assert!(!answer.headers().contains_key("ratelimit"));
        drop(answer);
        assert_eq!(process.note().as_deref(), Some("let through"));
    }
    assert_eq!(shared.lost_answers(), 30);
}

#[tokio::test]
async fn a_service_starts_without_its_store() {
    if server::is_missing() {
        return;
    }
    let mut server = Server::start();
    server.kill();
    let shared = Shared::closed(patient(Redis::builder(server.url())));
    let process = Process::with(ten().shared(shared));
    assert_eq!(process.status().await, 503);
    server.restart();
    recovers(&process).await;
}

#[tokio::test]
async fn shares_of_all_processes_are_together_within_the_limit() {
    if server::is_missing() {
        return;
    }
    let mut server = Server::start();
    let share = || {
        let redis = patient(Redis::builder(server.url()));
        Process::with(
            ten()
                .and(Limit::sliding(8, Duration::from_secs(3_600)).named("sliding"))
                .shared(Shared::local_share(redis, 2)),
        )
    };
    let (one, other) = (share(), share());
    // One of them has used some of its share, and as much as the store admitted through it.
    assert_eq!(one.admitted(3).await, 3);
    server.kill();
    assert_eq!(one.admitted(20).await, 1);
    assert_eq!(one.note().as_deref(), Some("decided by this process's share"));
    assert_eq!(other.admitted(20).await, 4);
    let refused = one.send(&[]).await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    server.restart();
    recovers(&one).await;
    recovers(&other).await;
}

#[tokio::test]
async fn a_store_that_hangs_delays_a_few_and_then_nobody() {
    if server::is_missing() {
        return;
    }
    let server = Server::start();
    let limit = Duration::from_millis(200);
    let redis = Redis::builder(server.url()).response_timeout(limit).build().unwrap();
    let process = Process::with(Throttle::per_hour(10_000).shared(Shared::closed(redis)));
    recovers(&process).await;
    server.pause();
    let begun = Instant::now();
    let statuses = join_all((0..50).map(|_| process.status())).await;
    assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
    // From now on there is but a probe after each pause.
    for _ in 0..200 {
        assert_eq!(process.status().await, 503);
    }
    let waited = begun.elapsed();
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    server.resume();
    recovers(&process).await;
}

#[tokio::test]
async fn scripts_that_are_flushed_cost_no_request() {
    if server::is_missing() {
        return;
    }
    let server = Server::start();
    let shared = Shared::closed(patient(Redis::builder(server.url())));
    let process = Process::with(ten().shared(shared));
    assert_eq!(process.admitted(5).await, 5);
    server.command(&["SCRIPT", "FLUSH"]);
    assert_eq!(process.admitted(10).await, 5);
    assert_eq!(process.note(), None);
}

#[tokio::test]
async fn a_store_that_cannot_write_is_lost_and_admits_nothing() {
    if server::is_missing() {
        return;
    }
    let server = Server::start();
    let other = Server::start();
    let shared = Shared::closed(patient(Redis::builder(server.url())));
    let process = Process::with(ten().shared(shared));
    assert_eq!(process.admitted(2).await, 2);
    let (port, cause) = (other.port.to_string(), |process: &Process| {
        let record = process.records.all().pop().unwrap();
        record.rejection.as_ref().unwrap().private_cause().unwrap().to_string()
    });
    for (break_it, mend_it, word) in [
        (["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"], "`OOM`"),
        (
            ["CONFIG", "SET", "min-replicas-to-write", "3"],
            ["CONFIG", "SET", "min-replicas-to-write", "0"],
            "`NOREPLICAS`",
        ),
    ] {
        server.command(&break_it);
        assert_eq!(process.status().await, 503);
        assert!(cause(&process).contains(word), "{}", cause(&process));
        server.command(&mend_it);
        recovers(&process).await;
    }
    // What takes its place may be found under the same name.
    server.command(&["REPLICAOF", "127.0.0.1", &port]);
    assert_eq!(process.status().await, 503);
    let told = cause(&process);
    assert!(told.contains("`READONLY`") || told.contains("`MASTERDOWN`"), "{told}");
    server.command(&["REPLICAOF", "NO", "ONE"]);
    recovers(&process).await;
}

#[tokio::test]
async fn processes_that_come_back_together_make_one_connection_each() {
    if server::is_missing() {
        return;
    }
    let mut server = Server::start();
    let shared = || Shared::closed(patient(Redis::builder(server.url())));
    let throttle = || Throttle::per_hour(100_000).shared(shared());
    let processes: Vec<_> = (0..4).map(|_| Process::with(throttle())).collect();
    server.kill();
    let all = || join_all(processes.iter().flat_map(|p| (0..50).map(|_| p.status())));
    assert!(all().await.iter().all(|status| *status == 503));
    server.restart();
    for process in &processes {
        recovers(process).await;
    }
    let statuses = all().await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    let stats = server.command(&["INFO", "clients"]);
    let clients = stats.lines().find_map(|line| line.strip_prefix("connected_clients:"));
    // One of them is the one that asks.
    assert_eq!(clients, Some("5"));
}
