//! The setters of a [`JwtBuilder`] for keys that are fetched.

use std::sync::Arc;
use std::time::Duration;

use super::settings::Asked;
use crate::auth::jwt::JwtBuilder;
use crate::clock::{Clock, SharedClock};
use crate::remote::Remote;

/// Keys that the issuer publishes. They are fetched as soon as the scheme is built within a tokio
/// runtime, else with the first request, and renewed in the background; see the
/// [module](crate::auth::jwt#fetched-keys).
impl JwtBuilder {
    /// Keys from the address of a JWK set (RFC 7517): `https`, or `http` on this machine.
    ///
    /// It need not be the issuer's host: the operator vouches for it. Calls of the other key setters
    /// add up, so that a key can be given beforehand.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::Jwt;
    ///
    /// let jwt = Jwt::builder()
    ///     .issuer("https://id.example")
    ///     .audience("orders")
    ///     .jwks_url("https://keys.example/id/jwks.json")
    ///     .build()?;
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn jwks_url(mut self, url: impl Into<String>) -> Self {
        self.fetching.locations.push(Asked::Url(url.into()));
        self
    }

    /// Keys from where the issuer says they are: `jwks_uri` of its OpenID Connect discovery document
    /// or, where it has none, of its authorization server metadata (RFC 8414).
    ///
    /// The document has to name the very issuer, letter by letter. `jwks_uri` may be on another host,
    /// at a private address only if the issuer is at one too. A preset such as [`Jwt::keycloak`] does
    /// this by itself where no keys are given.
    ///
    /// [`Jwt::keycloak`]: crate::auth::jwt::Jwt::keycloak
    ///
    /// # Example
    /// ```
    /// use tower_parapet::Jwt;
    ///
    /// let jwt = Jwt::builder().issuer("https://id.example").audience("orders").discover().build()?;
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn discover(mut self) -> Self {
        self.fetching.locations.push(Asked::Discovery);
        self
    }

    /// The client that fetches keys, for a private root, a proxy, other limits. Default: one with
    /// the defaults of [`Remote::builder`].
    pub fn with_remote(mut self, remote: Remote) -> Self {
        self.fetching.remote = Some(remote);
        self
    }

    /// How old keys become before they are renewed in the background; sooner where the issuer says
    /// so by `Cache-Control: max-age`, but not within a minute. From the cooldown to 24 h. Default
    /// 10 min.
    pub fn key_refresh(mut self, interval: Duration) -> Self {
        self.fetching.refresh = interval;
        self
    }

    /// How long after a fetch nobody fetches again, whatever keys tokens name. A provider that
    /// publishes a key this long before it signs with it loses no request. 1 s to 5 min. Default
    /// 30 s.
    pub fn key_cooldown(mut self, pause: Duration) -> Self {
        self.fetching.cooldown = pause;
        self
    }

    /// How long keys are used while they cannot be renewed, at most 24 h. Default 24 h.
    pub fn stale_keys(mut self, limit: Duration) -> Self {
        self.fetching.stale = limit;
        self
    }

    /// The clock by which keys are fetched and grow old: the one the stack has. Default the
    /// system's.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.fetching.clock = SharedClock(Arc::new(clock));
        self
    }
}
