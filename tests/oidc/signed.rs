//! JWTs: keys that are found, rotated and lost while requests run.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Semaphore, task::JoinHandle};

use crate::{
    node,
    provider::{LEDGER, ORDERS, Provider},
    service::{Service, discovered, introspection},
    support::Answer,
};

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_both_kinds_reach_the_handler_of_one_service() {
    if !node::is_here() {
        return;
    }
    let mut provider = Provider::start();
    let schemes = (introspection(&provider), discovered(&provider));
    let service =
        Service::start(|stack| stack.authenticate(schemes.0).authenticate(schemes.1)).await;
    let jwt = provider.token("basic", ORDERS, "orders:read").await;
    let answer = until_ready(&service, &jwt).await;
    assert_eq!(answer.text(), format!("basic of {}: orders:read", provider.issuer()));
    let opaque = provider.token("basic", LEDGER, "orders:read orders:write").await;
    let answer = service.ask(&opaque).await;
    assert_eq!(
        answer.text(),
        format!("client:basic of {}: orders:read orders:write", provider.issuer())
    );
    assert_eq!((provider.count("GET /jwks"), provider.count("POST /token/introspection")), (1, 1));

    let (head, _) = jwt.rsplit_once('.').unwrap();
    let other = provider.token("basic", ORDERS, "orders:write").await;
    let (_, signature) = other.rsplit_once('.').unwrap();
    let forged = service.ask(&format!("{head}.{signature}")).await;
    assert_eq!((forged.status, &*forged.code()), (401, "invalid-credentials"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_starts_before_its_provider_and_says_503_until_it_has_keys() {
    if !node::is_here() {
        return;
    }
    let mut provider = Provider::start();
    let token = provider.token("basic", ORDERS, "orders:read").await;
    provider.stop();
    let scheme = discovered(&provider);
    let service = Service::start(|stack| stack.authenticate(scheme)).await;
    let early = service.ask(&token).await;
    assert_eq!((early.status, &*early.code()), (503, "unavailable"));
    assert!(early.header("retry-after").is_some());
    provider.start_again();
    until_ready(&service, &token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_provider_jwts_go_on_and_with_its_return_nothing_changes() {
    if !node::is_here() {
        return;
    }
    let mut provider = Provider::start();
    let scheme = discovered(&provider);
    let service = Service::start(|stack| stack.authenticate(scheme)).await;
    let seen = provider.token("basic", ORDERS, "orders:read").await;
    let unseen = provider.token("basic", ORDERS, "orders:read").await;
    until_ready(&service, &seen).await;

    provider.stop();
    assert_eq!(service.ask(&seen).await.status, 200);
    assert_eq!(service.ask(&unseen).await.status, 200, "its key is known");
    provider.start_again();
    let fresh = provider.token("basic", ORDERS, "orders:read").await;
    for token in [&seen, &unseen, &fresh] {
        assert_eq!(service.ask(token).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_by_a_restart_while_requests_run_and_none_is_refused() {
    if !node::is_here() {
        return;
    }
    let mut provider = Provider::start();
    let scheme = discovered(&provider);
    let service = Arc::new(Service::start(|stack| stack.authenticate(scheme)).await);
    let old = provider.token("basic", ORDERS, "orders:read").await;
    until_ready(&service, &old).await;
    let load = Load::start(&service, &old);
    load.go_on(50).await;

    // The next key is in the set for a cooldown before it signs.
    provider.tell("publish");
    tokio::time::sleep(crate::service::COOLDOWN).await;
    provider.tell("rotate");
    provider.stop();
    load.go_on(50).await;
    provider.start_again();
    let new = provider.token("basic", ORDERS, "orders:read").await;
    assert_ne!(key_of(&old), key_of(&new));
    load.switch_to(&new);
    load.go_on(200).await;
    assert_eq!(service.ask(&old).await.status, 200, "its key is still in the set");

    assert_eq!(load.end().await, Vec::<String>::new());
    assert!(provider.count("GET /jwks") <= 1, "one flight for all");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_replaced_overnight_end_the_tokens_of_the_old_ones() {
    if !node::is_here() {
        return;
    }
    let mut provider = Provider::start();
    let scheme = discovered(&provider);
    let service = Service::start(|stack| stack.authenticate(scheme)).await;
    let old = provider.token("basic", ORDERS, "orders:read").await;
    until_ready(&service, &old).await;

    provider.stop();
    provider.forget_keys();
    provider.start_again();
    let new = provider.token("basic", ORDERS, "orders:read").await;
    until_ready(&service, &new).await;
    let late = service.ask(&old).await;
    assert_eq!((late.status, &*late.code()), (401, "invalid-credentials"));
}

/// The answer to a token that is good; 503 until then, for as long as each says.
async fn until_ready(service: &Service, token: &str) -> Answer {
    for _ in 0..20 {
        let answer = service.ask(token).await;
        if answer.status != 503 {
            assert_eq!(answer.status, 200, "{answer:?}");
            return answer;
        }
        let seconds = answer.header("retry-after").unwrap().parse().unwrap();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
    panic!("no keys after 20 tries");
}

fn key_of(token: &str) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<serde_json::Value>(&header).unwrap()["kid"].to_string()
}

/// Four workers that call with whatever token is current.
struct Load {
    token: Arc<Mutex<String>>,
    done: Arc<AtomicBool>,
    answered: Arc<Semaphore>,
    workers: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    fn start(service: &Arc<Service>, token: &str) -> Self {
        let token = Arc::new(Mutex::new(token.to_owned()));
        let (done, answered) = (Arc::<AtomicBool>::default(), Arc::new(Semaphore::new(0)));
        let worker = || {
            let (service, token) = (Arc::clone(service), Arc::clone(&token));
            let (done, answered) = (Arc::clone(&done), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut refused = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    let current = token.lock().unwrap().clone();
                    let answer = service.ask(&current).await;
                    if answer.status != 200 {
                        refused.push(format!("{} {}", answer.status, answer.text()));
                    }
                    answered.add_permits(1);
                }
                refused
            })
        };
        let workers = (0..4).map(|_| worker()).collect();
        Self { token, done, answered, workers }
    }

    fn switch_to(&self, token: &str) {
        token.clone_into(&mut self.token.lock().unwrap());
    }

    /// Until so many more have been answered.
    async fn go_on(&self, more: u32) {
        self.answered.forget_permits(usize::MAX >> 3);
        self.answered.acquire_many(more).await.unwrap().forget();
    }

    /// What the refused ones were told.
    async fn end(self) -> Vec<String> {
        self.done.store(true, Ordering::Relaxed);
        let mut refused = Vec::new();
        for worker in self.workers {
            refused.extend(worker.await.unwrap());
        }
        refused
    }
}
