//! The service that takes the provider's tokens.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{Router, routing::get};
use tower_parapet::{
    Introspection, Jwt, Parapet, ParapetBuilder, Peer, Policy, Principal,
    auth::{introspection::IntrospectionBuilder, jwt::JwtBuilder},
    clock::ManualClock,
    scope,
};

use crate::{
    provider::{LEDGER, ORDERS, Provider},
    support::{self, Answer, serve},
};

/// Orders, to be read with one scope and written with another.
pub struct Service {
    pub address: SocketAddr,
}

impl Service {
    /// With these schemes, which setters of the stack bring.
    pub async fn start(schemes: impl FnOnce(ParapetBuilder) -> ParapetBuilder) -> Self {
        let parapet = schemes(Parapet::builder())
            .peer(Peer::ConnectInfo)
            .route("POST /orders", Policy::require(scope("orders:write")));
        let whoami = async |caller: Principal| {
            let scopes: Vec<_> = caller.scopes().collect();
            format!("{} of {}: {}", caller.subject(), caller.issuer(), scopes.join(" "))
        };
        let app = Router::new().route("/orders", get(whoami).post(whoami));
        Self { address: serve(parapet.build().unwrap().protect(app)).await }
    }

    pub async fn ask(&self, token: &str) -> Answer {
        support::get(self.address, "/orders", &[("authorization", &format!("Bearer {token}"))])
            .await
    }
}

/// Takes the provider's opaque tokens.
pub fn introspection(provider: &Provider) -> IntrospectionBuilder {
    asking(provider).client_id("orders").client_secret("orders-secret")
}

/// The same, as a service that has yet to say who it is.
pub fn asking(provider: &Provider) -> IntrospectionBuilder {
    // Nobody logs in at a machine: its tokens name the client alone.
    Introspection::builder().issuer(provider.issuer()).audience(LEDGER).subject_from_client()
}

/// Takes the provider's JWTs, by keys that it finds itself.
pub fn discovered(provider: &Provider) -> JwtBuilder {
    let jwt = Jwt::builder().issuer(provider.issuer()).audience(ORDERS).token_types(["at+jwt"]);
    jwt.discover().key_cooldown(COOLDOWN)
}

/// The shortest there is.
pub const COOLDOWN: Duration = Duration::from_secs(1);

/// Time as it is, until it is moved.
pub fn clock() -> ManualClock {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    ManualClock::at_unix(Duration::from_secs(now.as_secs()))
}
