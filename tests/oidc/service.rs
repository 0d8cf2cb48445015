//! The service that takes the provider's tokens.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{Router, routing::get};
use tower_parapet::{
    Introspection, Parapet, ParapetBuilder, Peer, Policy, Principal,
    auth::introspection::IntrospectionBuilder, clock::ManualClock, scope,
};

use crate::{
    provider::{LEDGER, Provider},
    support::{self, Answer, Records, serve},
};

pub struct Service {
    pub address: SocketAddr,
    pub records: Records,
    /// Time as it was at the start, until it is moved.
    pub clock: ManualClock,
}

impl Service {
    /// With these schemes, which setters of the stack bring.
    pub async fn start(schemes: impl FnOnce(ParapetBuilder) -> ParapetBuilder) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let clock = ManualClock::at_unix(Duration::from_secs(now.as_secs()));
        let records = Records::default();
        let parapet = schemes(Parapet::builder())
            .peer(Peer::ConnectInfo)
            .route("POST /orders", Policy::require(scope("orders:write")))
            .observe(records.clone())
            .with_clock(clock.clone());
        let whoami = async |caller: Principal| {
            let scopes: Vec<_> = caller.scopes().collect();
            format!("{} of {}: {}", caller.subject(), caller.issuer(), scopes.join(" "))
        };
        let app = Router::new().route("/orders", get(whoami).post(whoami));
        let address = serve(parapet.build().unwrap().protect(app)).await;
        Self { address, records, clock }
    }

    pub async fn ask(&self, token: &str) -> Answer {
        support::get(self.address, "/orders", &[("authorization", &format!("Bearer {token}"))])
            .await
    }
}

/// Takes the provider's opaque tokens.
pub fn introspection(provider: &Provider) -> IntrospectionBuilder {
    // Nobody logs in at a machine: its tokens name the client alone.
    Introspection::builder()
        .issuer(provider.issuer())
        .client_id("orders")
        .client_secret("orders-secret")
        .audience(LEDGER)
        .subject_from_client()
}
