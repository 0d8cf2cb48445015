//! Every way to a server: password, TLS, client certificates, cluster.

use super::*;
use crate::server::Cluster;

#[path = "../support/certificates.rs"]
mod certificates;

use certificates::Root;

async fn limits_to_ten(redis: Redis) {
    redis.ping().await.unwrap();
    let process = Process::with(ten().shared(Shared::closed(redis)));
    assert_eq!(process.admitted(13).await, 10, "{:?}", process.note());
    assert_eq!(process.note(), None);
}

async fn is_refused(redis: Redis, words: &str) {
    let process = Process::with(ten().shared(Shared::closed(redis.clone())));
    let answer = process.send(&[]).await;
    assert_eq!(answer.status(), 503);
    let error = redis.ping().await.unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[tokio::test]
async fn a_password_is_asked_for_and_given() {
    if server::is_missing() {
        return;
    }
    let server = Options::default().password("s:e/c@ret").start();
    limits_to_ten(patient(Redis::builder(server.url()).password("s:e/c@ret"))).await;
    server.command(&["FLUSHALL"]);
    let url = server.url().replace("://", "://default:s%3Ae%2Fc%40ret@");
    limits_to_ten(patient(Redis::builder(url))).await;
    is_refused(patient(Redis::builder(server.url()).password("guess")), "refused the login").await;
    is_refused(patient(Redis::builder(server.url())), "NOAUTH").await;
    // A user who may do no more than is needed, on its own keys.
    server.command(&[
        "ACL",
        "SETUSER",
        "limiter",
        "on",
        ">pw",
        "~parapet:*",
        "-@all",
        "+evalsha",
        "+ping",
        "+script|load",
        "+time",
        "+get",
        "+set",
        "+del",
    ]);
    server.command(&["FLUSHALL"]);
    limits_to_ten(patient(Redis::builder(server.url()).user("limiter").password("pw"))).await;
}

#[tokio::test]
async fn tls_is_asked_for_by_the_scheme_and_proves_both_sides() {
    if server::is_missing() {
        return;
    }
    let (root, stranger) = (Root::new(), Root::new());
    let (certificate, key) = root.sign("localhost");
    let options = Options::default().tls(&root.pem, &certificate, &key);
    let server = options.arg("--tls-auth-clients", "yes").start();
    let (identity, identity_key) = root.sign("orders");
    let known = || {
        let builder = Redis::builder(server.tls_url()).ca_pem(&root.pem).only_given_roots();
        builder.identity_pem(&identity, &identity_key)
    };
    limits_to_ten(patient(known())).await;
    let nobody = Redis::builder(server.tls_url()).ca_pem(&root.pem);
    is_refused(patient(nobody), "").await;
    let other = known().server_name("redis.internal");
    is_refused(patient(other), "failed the TLS handshake").await;
    let untrusted = Redis::builder(server.tls_url()).ca_pem(&stranger.pem);
    is_refused(patient(untrusted), "failed the TLS handshake").await;
    // By its address, where the certificate has but its name.
    let address = server.tls_url().replace("localhost", "127.0.0.1");
    server.command(&["FLUSHALL"]);
    let named = Redis::builder(address).ca_pem(&root.pem).server_name("localhost");
    limits_to_ten(patient(named.identity_pem(&identity, &identity_key))).await;
}

#[tokio::test]
async fn nodes_of_a_cluster_are_reached_by_tls_under_one_name() {
    if server::is_missing() {
        return;
    }
    let root = Root::new();
    let (certificate, key) = root.sign("localhost");
    let options = Options::default().password("pw").tls(&root.pem, &certificate, &key);
    let cluster = Cluster::with(options);
    let builder = || {
        let seeds = [cluster.nodes[0].tls_url(), cluster.nodes[2].tls_url()];
        Redis::cluster(seeds).password("pw").ca_pem(&root.pem)
    };
    // They tell of each other by address, and the certificate has a name.
    assert!(patient(builder()).ping().await.is_err());
    let redis = patient(builder().server_name("localhost"));
    limits_to_ten(redis).await;
    let plain = patient(Redis::cluster([cluster.url()]).password("pw"));
    limits_to_none(plain).await;
}

/// Of a limit that is used up.
async fn limits_to_none(redis: Redis) {
    let process = Process::with(ten().shared(Shared::closed(redis)));
    assert_eq!(process.status().await, 429);
}

#[tokio::test]
async fn a_cluster_counts_every_key_where_it_is() {
    if server::is_missing() {
        return;
    }
    let mut cluster = Cluster::start();
    let shared = || Shared::closed(patient(Redis::cluster([cluster.url()])));
    let throttle = || {
        let limits = Throttle::per_hour(3).and(Limit::fixed(100, Duration::from_secs(86_400)));
        limits.by(Key::header("x-tenant")).shared(shared())
    };
    let (one, other) = (Process::with(throttle()), Process::with(throttle()));
    for tenant in 0..30 {
        let tenant = tenant.to_string();
        let headers = [("x-tenant", &*tenant)];
        let mut admitted = 0;
        for process in [&one, &other, &one, &other, &one] {
            admitted += usize::from(process.send(&headers).await.status() == 200);
        }
        assert_eq!(admitted, 3, "{tenant}");
    }
    let keys: Vec<_> = cluster.nodes.iter().map(|node| node.keys().len()).collect();
    assert_eq!(keys.iter().sum::<usize>(), 30, "{keys:?}");
    assert!(keys.iter().all(|keys| *keys > 0), "{keys:?}");
    // Without one of them the others are asked as ever.
    cluster.nodes[2].command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    cluster.nodes[1].command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    cluster.nodes[0].kill();
    let mut statuses = std::collections::BTreeMap::new();
    for tenant in 100..140 {
        let tenant = tenant.to_string();
        let status = one.send(&[("x-tenant", &*tenant)]).await.status().as_u16();
        *statuses.entry(status).or_insert(0) += 1;
    }
    assert!(statuses[&200] > 10 && statuses[&503] > 3, "{statuses:?}");
    assert_eq!(statuses.len(), 2, "{statuses:?}");
    assert!(!one.stack.ready().is_ready());
}
