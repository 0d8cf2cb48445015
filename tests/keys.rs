//! Keys that are fetched: a provider over a real socket, a protected router, a clock of the test's.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "keys/discovery.rs"]
mod discovery;
#[path = "keys/life.rs"]
mod life;
#[path = "keys/outage.rs"]
mod outage;
#[path = "keys/provider.rs"]
mod provider;
#[path = "keys/secure.rs"]
mod secure;
mod support;
#[path = "keys/unknown.rs"]
mod unknown;

use std::{net::SocketAddr, time::Duration};

use axum::{Router, routing::get};
use provider::{Provider, until};
use support::{Answer, Records, serve};
use tower_parapet::{
    Jwt, Parapet, Peer,
    auth::jwt::{JwtBuilder, KeyState},
    clock::ManualClock,
    remote::Remote,
    testing::TestIssuer,
};

const NAME: &str = "https://id.example";

/// A service whose keys come from the provider, and what the test turns.
struct Setup {
    provider: Provider,
    clock: ManualClock,
    jwt: Jwt,
    service: SocketAddr,
    records: Records,
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn clock() -> ManualClock {
    ManualClock::at_unix(seconds(1_800_000_000))
}

/// One key of the issuer's; each has another.
fn key(clock: &ManualClock) -> TestIssuer {
    TestIssuer::new(NAME).audience("orders").with_clock(clock.clone())
}

fn builder(provider: &Provider, clock: &ManualClock) -> JwtBuilder {
    Jwt::builder()
        .issuer(NAME)
        .audience("orders")
        .jwks_url(provider.url("/jwks"))
        .with_clock(clock.clone())
}

impl Setup {
    async fn new(provider: Provider, clock: ManualClock) -> Self {
        let jwt = builder(&provider, &clock).build().unwrap();
        Self::of(provider, clock, jwt).await
    }

    async fn of(provider: Provider, clock: ManualClock, jwt: Jwt) -> Self {
        let records = Records::default();
        let parapet = Parapet::builder()
            .peer(Peer::ConnectInfo)
            .authenticate(jwt.clone())
            .observe(records.clone())
            .with_clock(clock.clone())
            .build()
            .unwrap();
        let service = serve(parapet.protect(Router::new().route("/", get(async || "in")))).await;
        Self { provider, clock, jwt, service, records }
    }

    /// With keys that have been fetched.
    async fn with_keys(keys: &[&TestIssuer], clock: ManualClock) -> Self {
        let provider = Provider::start().await;
        provider.publish(keys);
        let setup = Self::new(provider, clock).await;
        setup.fetched(1).await;
        setup
    }

    async fn ask(&self, token: &str) -> Answer {
        support::get(self.service, "/", &[("authorization", &format!("Bearer {token}"))]).await
    }

    async fn status(&self, token: &str) -> u16 {
        self.ask(token).await.status
    }

    /// Until that many fetches have ended.
    async fn fetched(&self, count: u64) {
        until("so many fetches", || {
            let health = &self.jwt.keys()[0];
            health.fetches() >= count && health.next_fetch() > Some(unix(&self.clock))
        })
        .await;
    }

    fn state(&self) -> KeyState {
        self.jwt.keys()[0].state()
    }
}

fn unix(clock: &ManualClock) -> Duration {
    tower_parapet::clock::Clock::unix(clock)
}
