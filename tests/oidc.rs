//! The whole of OAuth between two programs: `oidc-provider` of npm gives tokens, and a service takes
//! them. Skipped, with the reason, where there is no Node.js; required where `CI=true`.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod support;

#[path = "oidc/clients.rs"]
mod clients;
#[path = "support/node.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod node;
#[path = "oidc/opaque.rs"]
mod opaque;
#[path = "oidc/provider.rs"]
mod provider;
#[path = "oidc/service.rs"]
mod service;

use provider::{LEDGER, ORDERS, Provider};
use support::get;

#[tokio::test]
async fn the_provider_gives_both_kinds_of_token_and_counts() {
    if !node::is_here() {
        return;
    }
    let mut provider = Provider::start();
    let jwt = provider.token("basic", ORDERS, "orders:read").await;
    assert_eq!(jwt.split('.').count(), 3);
    let opaque = provider.token("basic", LEDGER, "orders:read").await;
    assert_eq!(opaque.split('.').count(), 1);
    assert_eq!(provider.count("POST /token"), 2);
    let before = get(provider.address, "/jwks", &[]).await.json();
    provider.tell("publish");
    let with_next = get(provider.address, "/jwks", &[]).await.json();
    assert_eq!(with_next["keys"][0], before["keys"][0]);
    provider.tell("rotate");
    provider.stop();
    provider.start_again();
    let after = get(provider.address, "/jwks", &[]).await.json();
    assert_eq!(
        (&after["keys"][0], &after["keys"][1]),
        (&with_next["keys"][1], &with_next["keys"][0])
    );
}
