//! How the scheme is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::fault::Fault;
use super::memory::Memory;
use super::provider::Provider;
use super::rules::Rules;
use super::scheme::{Inner, Introspection, refuse};
use crate::auth::jwt::{ClaimMap, check_map};
use crate::auth::scheme_builder;
use crate::auth::token::{Asked, Challenges, Checks, IntoTokenCheck, TokenKind};
use crate::error::{ConfigError, Mistakes};
use crate::oauth::{ClientAuth, ClientSettings, Endpoint, Given, Kind, client_setters};
use crate::remote::Remote;

const MOST_SKEW: Duration = Duration::from_secs(300);
const MOST_KEPT: Duration = Duration::from_secs(600);
const MOST_CACHED: usize = 1_000_000;
const MOST_CALLS: usize = 10_000;

/// Builds an [`Introspection`]; see [`Introspection::builder`].
#[must_use = "a builder does nothing until it is built"]
pub struct IntrospectionBuilder {
    issuer: Option<String>,
    endpoint: Option<String>,
    client: ClientSettings,
    audiences: Vec<String>,
    any_audience: bool,
    clients: Vec<String>,
    map: ClaimMap,
    subject_from_client: bool,
    clock_skew: Duration,
    also_jwts: bool,
    cache_for: Duration,
    refusals_for: Duration,
    capacity: usize,
    concurrency: usize,
    realm: String,
    remote: Option<Remote>,
    checks: Vec<Asked>,
}

impl IntrospectionBuilder {
    pub(super) fn new() -> Self {
        Self {
            issuer: None,
            endpoint: None,
            client: ClientSettings::default(),
            audiences: Vec::new(),
            any_audience: false,
            clients: Vec::new(),
            map: ClaimMap::default(),
            subject_from_client: false,
            clock_skew: Duration::from_secs(60),
            also_jwts: false,
            cache_for: Duration::from_secs(30),
            refusals_for: Duration::from_secs(5),
            capacity: 10_000,
            concurrency: 64,
            realm: "api".to_owned(),
            remote: None,
            checks: Vec::new(),
        }
    }

    /// Who issues the tokens, and vouches for their subjects. Where an answer has `iss`, it is this
    /// one letter by letter. Required. Its metadata names the endpoint (OpenID Connect Discovery,
    /// RFC 8414), unless [`endpoint`](Self::endpoint) does.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// The introspection endpoint by its address: `https`, or `http` to loopback. Default: what the
    /// issuer's metadata says, fetched with the first token and again after an hour.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    client_setters!();

    /// Whom assertions are for. Default: the issuer.
    pub fn assertion_audience(mut self, audience: impl Into<String>) -> Self {
        self.client.audience = Some(audience.into());
        self
    }

    /// Authenticates by the certificate that this [`Remote`] shows (RFC 8705).
    pub fn mutual_tls(mut self, remote: Remote) -> Self {
        self.client.given.push(Given::MutualTls);
        self.remote = Some(remote);
        self
    }

    /// A name under which this service is meant: `aud` of the answer is it, or contains it. Required,
    /// unless [`any_audience`](DangerousIntrospectionBuilder::any_audience) is; calls add up.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// A client whose tokens are taken. Calls add up. Default: all of the issuer's.
    pub fn client(mut self, client: impl Into<String>) -> Self {
        self.clients.push(client.into());
        self
    }

    /// Which members of the answer hold scopes, roles, tenant and client, and what marks an access
    /// token. Default: `scope`, else `scp`; `roles`; none; `client_id`, else `azp`.
    ///
    /// Providers tell of refresh tokens too. Where nothing in an answer tells them apart but the
    /// `token_type`, as with some, require that: `ClaimMap::default().require_any(["token_type"])`.
    pub fn claim_map(mut self, map: ClaimMap) -> Self {
        self.map = map;
        self
    }

    /// Takes tokens without `sub` as tokens of the client itself: the subject becomes `client:` and
    /// the client. Default: a token without `sub` is refused.
    pub fn subject_from_client(mut self) -> Self {
        self.subject_from_client = true;
        self
    }

    /// How far the provider's clock may be from ours, at most 5 min. A remembered token never counts
    /// past its `exp`; one whose end is not so long ago is asked about anew. Default 60 s.
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.clock_skew = skew;
        self
    }

    /// Asks about JWTs too. Default: they are left to a [`Jwt`](crate::Jwt) beside this, so that they
    /// cost no call.
    pub fn also_jwts(mut self) -> Self {
        self.also_jwts = true;
        self
    }

    /// How long a token counts before the provider is asked again, at most 10 min: so long a token
    /// that was revoked lives on. Zero asks with each request. Default 30 s.
    pub fn cache_for(mut self, time: Duration) -> Self {
        self.cache_for = time;
        self
    }

    /// How long a token that does not count is refused without asking, at most 10 min. Default 5 s.
    pub fn refusals_for(mut self, time: Duration) -> Self {
        self.refusals_for = time;
        self
    }

    /// How many tokens are remembered, and apart from them how many that do not count: 1 to
    /// 1,000,000. Default 10,000, about 1 KiB each. They are found by SHA-256; no token is kept.
    pub fn cache_capacity(mut self, tokens: usize) -> Self {
        self.capacity = tokens;
        self
    }

    /// How many tokens are asked about at a time, 1 to 10,000; sixteen times as many wait up to 5 s
    /// for their turn, and beyond them requests get a 503. Default 64.
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.concurrency = calls;
        self
    }

    /// The protection space in `WWW-Authenticate`. Default `api`.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = realm.into();
        self
    }

    /// What else is asked of every token that counts, whether its sender holds its key say. Calls add
    /// up.
    pub fn check(mut self, check: impl IntoTokenCheck) -> Self {
        self.checks.push(("check", check.into_token_check()));
        self
    }

    /// Whoever brings a token has to prove that it is theirs: by a key, or by the certificate of the
    /// connection. Calls add up, and a token that is bound to both needs both.
    ///
    /// Without it a token that is bound (`cnf`) is refused, since nobody would check the bond.
    pub fn sender_constrained(mut self, by: impl IntoTokenCheck) -> Self {
        self.checks.push(("sender_constrained", by.into_token_check()));
        self
    }

    /// The HTTP client that asks. Default one with the [defaults](crate::remote#defaults).
    pub fn with_remote(mut self, remote: Remote) -> Self {
        self.remote = Some(remote);
        self
    }

    /// Choices that weaken the protection. Each is reported by the self-audit.
    pub fn dangerous(self) -> DangerousIntrospectionBuilder {
        DangerousIntrospectionBuilder(self)
    }

    /// The scheme. Nothing is asked yet: it starts while the provider is down.
    ///
    /// # Errors
    /// Every mistake at once: issuer, client or audience missing; an address that is not private; not
    /// exactly one way to authenticate; a key that cannot be read; a value out of its range.
    pub fn build(mut self) -> Result<Introspection, ConfigError> {
        let mut mistakes = Mistakes::default();
        self.check_names(&mut mistakes);
        self.check_limits(&mut mistakes);
        check_map(&self.map, &mut mistakes);
        let client = std::mem::take(&mut self.client).build(&mut mistakes);
        let endpoint = self.place(client.as_ref(), &mut mistakes);
        let challenges = Challenges::given(&self.realm, &mut mistakes);
        let checks = Checks::gather(std::mem::take(&mut self.checks), &mut mistakes);
        let remote = match self.remote.take() {
            Some(remote) => Some(remote),
            None => mistakes.absorb("with_remote", Remote::builder().build()),
        };
        let rules = Rules {
            issuer: self.issuer.unwrap_or_default(),
            audiences: self.audiences,
            clients: self.clients,
            map: self.map,
            skew: self.clock_skew,
            subject_from_client: self.subject_from_client,
            checks,
        };
        let built = (|| {
            let memory = Memory::new(self.capacity, self.cache_for, self.refusals_for);
            let asked = (remote?, endpoint?, client?);
            let provider = Arc::new(Provider::new(asked, rules, memory, self.concurrency));
            let (kind, checks) = (TokenKind::Bearer, Checks::default());
            let refusal = || refuse(&challenges, kind, &checks, Fault::Jwt).by(super::SCHEME);
            let not_opaque = (!self.also_jwts).then(refusal);
            let inner = Inner { provider, challenges, not_opaque };
            Some(Introspection { inner: Arc::new(inner) })
        })();
        mistakes.finish_with(built)
    }

    fn place(&self, client: Option<&ClientAuth>, mistakes: &mut Mistakes) -> Option<Endpoint> {
        let issuer = self.issuer.as_deref().filter(|issuer| !issuer.is_empty());
        match &self.endpoint {
            Some(url) => Endpoint::fixed(url, "endpoint", mistakes),
            None => {
                let mutual_tls = client.is_some_and(ClientAuth::is_mutual_tls);
                Endpoint::discover(issuer?, Kind::Introspection, mutual_tls, "issuer", mistakes)
            }
        }
    }

    fn check_names(&self, mistakes: &mut Mistakes) {
        if self.issuer.as_deref().is_none_or(str::is_empty) {
            mistakes.push("issuer", "", "is missing", "name who issues the tokens");
        }
        match (self.audiences.is_empty(), self.any_audience) {
            (true, false) => {
                let remedy = "name this service as in `aud`, or, where the issuer writes none, \
                              `dangerous().any_audience()`";
                mistakes.push("audience", "", "is missing", remedy);
            }
            (false, true) => {
                let remedy = "leave out `any_audience`, or the audiences";
                mistakes.push("audience", "", "is named, and any is taken", remedy);
            }
            _ => {}
        }
        for (setter, names) in [("audience", &self.audiences), ("client", &self.clients)] {
            if names.iter().any(String::is_empty) {
                mistakes.push(setter, "", "is empty", "write a name, or leave it out");
            }
        }
    }

    fn check_limits(&self, mistakes: &mut Mistakes) {
        for (setter, time, most) in [
            ("clock_skew", self.clock_skew, MOST_SKEW),
            ("cache_for", self.cache_for, MOST_KEPT),
            ("refusals_for", self.refusals_for, MOST_KEPT),
        ] {
            if time > most {
                let problem = format!("is more than {most:?}");
                let remedy = "write a shorter time";
                mistakes.push(setter, format!("{time:?}"), problem, remedy);
            }
        }
        for (setter, number, most) in [
            ("cache_capacity", self.capacity, MOST_CACHED),
            ("concurrency", self.concurrency, MOST_CALLS),
        ] {
            if !(1..=most).contains(&number) {
                let remedy = format!("write 1 to {most}");
                mistakes.push(setter, number.to_string(), "is out of range", remedy);
            }
        }
    }
}

scheme_builder!(IntrospectionBuilder);

impl fmt::Debug for IntrospectionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectionBuilder")
            .field("issuer", &self.issuer)
            .field("audiences", &self.audiences)
            .finish_non_exhaustive()
    }
}

/// Choices of an [`IntrospectionBuilder`] that weaken the protection; see
/// [`IntrospectionBuilder::dangerous`].
#[must_use = "choose, and the builder comes back"]
#[derive(Debug)]
pub struct DangerousIntrospectionBuilder(IntrospectionBuilder);

impl DangerousIntrospectionBuilder {
    /// Takes a token whomever it is for, where the issuer writes no `aud`. A token made for another
    /// service is then taken too, unless the issuer tells each service of its own tokens alone; let
    /// routes require a scope of this service's own.
    pub fn any_audience(mut self) -> IntrospectionBuilder {
        self.0.any_audience = true;
        self.0
    }
}
