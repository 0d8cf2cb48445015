//! A service of one route behind one scheme: who is let in is told the subject they are taken for.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part of this")]

use std::{net::SocketAddr, time::Duration};

use axum::{Router, routing::get};
use tower_parapet::{
    Parapet, ParapetBuilder, Peer, Principal, auth::IntoScheme, clock::ManualClock,
};

use crate::support::{self, Answer, Records};

/// The wall clock as a service starts.
pub const NOW: Duration = Duration::from_secs(1_700_000_000);

pub struct Service {
    pub address: SocketAddr,
    pub records: Records,
    pub clock: ManualClock,
}

impl Service {
    pub async fn with(
        scheme: impl IntoScheme,
        more: impl FnOnce(ParapetBuilder) -> ParapetBuilder,
    ) -> Self {
        let (records, clock) = (Records::default(), ManualClock::at_unix(NOW));
        let stack = Parapet::builder()
            .peer(Peer::ConnectInfo)
            .authenticate(scheme)
            .observe(records.clone())
            .with_clock(clock.clone());
        let router = Router::new()
            .route("/orders", get(async |caller: Principal| caller.subject().to_owned()));
        let address = support::serve(more(stack).build().unwrap().protect(router)).await;
        Self { address, records, clock }
    }

    pub async fn of(scheme: impl IntoScheme) -> Self {
        Self::with(scheme, |stack| stack).await
    }

    /// Asks with one credential and further headers.
    pub async fn ask(&self, credential: (&str, &str), more: &[(&str, &str)]) -> Answer {
        let headers: Vec<_> = [credential].iter().chain(more).copied().collect();
        support::get(self.address, "/orders", &headers).await
    }
}

/// What a proxy says of a client.
pub fn from(client: &str) -> [(&'static str, &str); 2] {
    [("x-forwarded-for", client), ("x-forwarded-proto", "https")]
}
