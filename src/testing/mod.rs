//! For tests of one's own service: tokens that it takes or refuses, peers, callers, a clock that is
//! moved by hand, and what was recorded.
//!
//! The feature `testing` brings it and belongs under `[dev-dependencies]`:
//!
//! ```toml
//! [dev-dependencies]
//! tower-parapet = { version = "0.1", features = ["testing"] }
//! ```
//!
//! A service that was built for release with it makes a [finding](crate::findings),
//! `testing-in-release`: cargo unites features, and a dependency of the wrong kind is easily written.
//!
//! # Example: a service and its test
//!
//! What a service is protected by is best a function of what differs in tests:
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, body::Body, routing::get};
//! use http::Request;
//! use tower::ServiceExt;
//! use tower_parapet::{
//!     ConfigError, Guarded, Jwt, Parapet, Policy, Principal, Reason, auth::jwt::JwtBuilder, scope,
//!     testing::{Recorder, TestIssuer, TestRequest, TestResponse},
//! };
//!
//! fn app(tokens: JwtBuilder, seen: Recorder) -> Result<Guarded<Router>, ConfigError> {
//!     let parapet = Parapet::builder()
//!         .authenticate(tokens)
//!         .route("GET /orders", Policy::require(scope("orders:read")))
//!         .observe(seen)
//!         .build()?;
//!     let orders = get(async |caller: Principal| format!("orders of {}", caller.subject()));
//!     Ok(parapet.protect(Router::new().route("/orders", orders)))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In the service: app(Jwt::keycloak("https://id.example/realms/shop").audience("orders")…)
//! let issuer = TestIssuer::new("https://id.example/realms/shop").audience("orders");
//! let tokens = Jwt::keycloak(issuer.name()).audience("orders").jwks(issuer.jwks());
//! let seen = Recorder::default();
//! let app = app(tokens, seen.clone())?;
//! let ask = |token| {
//!     let request = Request::get("/orders").body(Body::empty());
//!     let request = request.map(|request| request.host("api.example").bearer(token));
//!     let app = app.clone();
//!     async move { app.oneshot(request?).await.map_err(Box::<dyn std::error::Error>::from) }
//! };
//! let token = || issuer.token().claim("typ", "Bearer").subject("alice");
//!
//! assert_eq!(ask(token().scope("orders:read")).await?.text().await?, "orders of alice");
//! seen.assert_answered();
//! ask(token()).await?.assert_rejected(Reason::InsufficientScope);
//! ask(token().expired()).await?.assert_rejected(Reason::ExpiredCredentials);
//! ask(token().foreign()).await?.assert_rejected(Reason::InvalidCredentials);
//!
//! ask(token().audience("account")).await?.assert_rejected(Reason::InvalidCredentials);
//! seen.assert_cause("add an audience mapper");
//! # Ok(())
//! # }
//! ```

mod caller;
#[cfg_attr(not(feature = "axum"), path = "connect/bare.rs")]
mod connect;
mod issuer;
mod recorder;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod token;

pub use issuer::TestIssuer;
pub use recorder::Recorder;
pub use request::TestRequest;
pub use response::TestResponse;
pub use token::TestToken;

pub use crate::clock::ManualClock;
