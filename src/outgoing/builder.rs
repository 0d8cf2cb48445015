//! How outgoing tokens are set up.

use std::fmt;
use std::sync::Arc;

use super::credentials::{ClientCredentials, Inner};
use super::dpop::Prover;
use super::endpoint::TokenEndpoint;
use super::grant::Grant;
use super::origin::{Nonce, Origin};
use super::slots::Slots;
use crate::clock::{Clock, SharedClock, SystemClock};
use crate::error::{ConfigError, Mistakes};
use crate::oauth::{
    ClientAuth, ClientSettings, Endpoint, Given, Kind, PrivateKey, Signer, client_setters,
};
use crate::remote::Remote;

/// Builds a [`ClientCredentials`]; see [`ClientCredentials::builder`].
#[must_use = "a builder does nothing until it is built"]
pub struct ClientCredentialsBuilder {
    token_url: Option<String>,
    issuer: Option<String>,
    client: ClientSettings,
    grant: Grant,
    origins: Vec<String>,
    channel: Option<String>,
    dpop: Option<Dpop>,
    remote: Option<Remote>,
    clock: SharedClock,
}

enum Dpop {
    OwnKey,
    Given(PrivateKey),
}

impl ClientCredentialsBuilder {
    pub(super) fn new() -> Self {
        Self {
            token_url: None,
            issuer: None,
            client: ClientSettings::default(),
            grant: Grant::new(),
            origins: Vec::new(),
            channel: None,
            dpop: None,
            remote: None,
            clock: SharedClock(Arc::new(SystemClock::default())),
        }
    }

    /// The issuer whose metadata (OpenID Connect Discovery, RFC 8414) names the token endpoint. It is
    /// fetched with the first token, and again after an hour. This or
    /// [`token_url`](Self::token_url) is required; beside that it only says whom assertions are for.
    pub fn discover(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// The token endpoint by its address: `https`, or `http` to loopback.
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.token_url = Some(url.into());
        self
    }

    client_setters!();

    /// Whom assertions are for. Default: the issuer of [`discover`](Self::discover), else the token
    /// endpoint.
    pub fn assertion_audience(mut self, audience: impl Into<String>) -> Self {
        self.client.audience = Some(audience.into());
        self
    }

    /// Authenticates by the certificate that the [`Remote`] shows (RFC 8705). Where tokens are bound
    /// to it, the client under the layer has to show the same one.
    pub fn mutual_tls(mut self, remote: Remote) -> Self {
        self.client.given.push(Given::MutualTls);
        self.remote = Some(remote);
        self
    }

    /// Scopes to ask for, one or several with spaces between them. Calls add up. Default none: what
    /// the issuer gives this client.
    pub fn scope(mut self, scopes: impl AsRef<str>) -> Self {
        self.grant = self.grant.scope(scopes);
        self
    }

    /// The service to ask a token for, by its address (`resource`, RFC 8707). Calls add up.
    pub fn resource(mut self, uri: impl Into<String>) -> Self {
        self.grant = self.grant.resource(uri);
        self
    }

    /// The service to ask a token for, by name (`audience`, as Auth0 wants it). Calls add up.
    pub fn audience(mut self, name: impl Into<String>) -> Self {
        self.grant = self.grant.audience(name);
        self
    }

    /// Where tokens may go: scheme, host and port, `https://stock.example` say. Calls add up;
    /// required unless [`for_channel`](Self::for_channel) is. Requests to other origins pass without
    /// a token.
    pub fn for_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// The origin behind a client that is connected to one server alone, a tonic channel say: its
    /// requests, which name no host, bear a token, and so do those that name this one.
    pub fn for_channel(mut self, origin: impl Into<String>) -> Self {
        self.channel = Some(origin.into());
        self
    }

    /// Asks for tokens that are bound to a key (RFC 9449) made at the start, on P-256, and proves
    /// with each call to hold it. A bearer token is then refused.
    pub fn dpop(mut self) -> Self {
        self.dpop = Some(Dpop::OwnKey);
        self
    }

    /// As [`dpop`](Self::dpop), with this key.
    pub fn dpop_key(mut self, key: PrivateKey) -> Self {
        self.dpop = Some(Dpop::Given(key));
        self
    }

    /// The HTTP client that asks the issuer. Default one with the
    /// [defaults](crate::remote#defaults).
    pub fn with_remote(mut self, remote: Remote) -> Self {
        self.remote = Some(remote);
        self
    }

    /// The clock that tokens end by. Default the system's.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock(Arc::new(clock));
        self
    }

    /// The layer. Nothing is fetched yet.
    ///
    /// # Errors
    /// Every mistake at once: issuer, client or origin missing; an address that is not private; not
    /// exactly one way to authenticate; a key that cannot be read.
    pub fn build(self) -> Result<ClientCredentials, ConfigError> {
        let mut mistakes = Mistakes::default();
        let client = self.client.build(&mut mistakes);
        let is_mutual_tls = client.as_ref().is_some_and(ClientAuth::is_mutual_tls);
        let endpoint = match (&self.token_url, &self.issuer) {
            (Some(url), _) => Endpoint::fixed(url, "token_url", &mut mistakes),
            (None, Some(issuer)) => {
                Endpoint::discover(issuer, Kind::Token, is_mutual_tls, "discover", &mut mistakes)
            }
            (None, None) => {
                let remedy = "name the issuer with `discover`, or its token endpoint";
                mistakes.push("token_url", "", "is missing", remedy);
                None
            }
        };
        let mut origin = |setter, text: &String| {
            Origin::parse(text).map_err(|bad| bad.tell(setter, text, &mut mistakes)).ok()
        };
        let origins = self.origins.iter().filter_map(|text| origin("for_origin", text)).collect();
        let channel = self.channel.as_ref().and_then(|text| origin("for_channel", text));
        if self.origins.is_empty() && self.channel.is_none() {
            let remedy = "name whom the tokens may go to, `https://stock.example` say";
            mistakes.push("for_origin", "", "is missing", remedy);
        }
        let prover = self.dpop.and_then(|dpop| dpop.prover(&mut mistakes));
        let remote = match self.remote {
            Some(remote) => Some(remote),
            None => mistakes.absorb("with_remote", Remote::builder().build()),
        };
        let built = (|| {
            let endpoint = TokenEndpoint {
                remote: remote?,
                endpoint: endpoint?,
                client: client?,
                issuer: self.issuer,
                nonce: Nonce::default(),
                clock: self.clock,
            };
            let slots = Arc::new(Slots::new(endpoint, prover));
            let inner = Inner { slots, origins, channel, grant: self.grant };
            Some(ClientCredentials(Arc::new(inner)))
        })();
        mistakes.finish_with(built)
    }
}

impl Dpop {
    fn prover(self, mistakes: &mut Mistakes) -> Option<Prover> {
        let signer = match self {
            Self::Given(key) => key.into_signer("dpop_key", mistakes),
            Self::OwnKey => Signer::generate()
                .map_err(|error| {
                    mistakes.push("dpop", "", error.to_string(), "give a key with `dpop_key`")
                })
                .ok(),
        };
        signer.map(Prover::new)
    }
}

impl fmt::Debug for ClientCredentialsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentialsBuilder")
            .field("token_url", &self.token_url)
            .field("issuer", &self.issuer)
            .field("grant", &self.grant)
            .finish_non_exhaustive()
    }
}
