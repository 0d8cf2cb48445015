use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::algorithm::Algorithm;
use super::cache::Verified;
use super::claim_map::ClaimMap;
use super::claim_path::ClaimPath;
use super::claims::Rules;
use super::fetch::Fetching;
use super::key::Key;
use super::keyring::Keyring;
use super::lifetime::Lifetime;
use super::preset::Preset;
use super::provider::Misnamed;
use super::required::Required;
use super::scheme::{Inner, Jwt};
use super::settings::{allowed, bare};
use super::source::Source;
use super::subprotocol::Subprotocol;
use super::verifier::Verifier;
use crate::auth::scheme_builder;
use crate::auth::token::{Asked, Challenges, Checks, IntoTokenCheck};
use crate::error::{ConfigError, Mistakes};

/// Builds a [`Jwt`]; see [`Jwt::builder`].
#[must_use = "a builder does nothing until it is built"]
pub struct JwtBuilder {
    pub(super) issuers: Vec<String>,
    pub(super) audiences: Vec<String>,
    pub(super) sources: Vec<Source>,
    pub(super) fetching: Fetching,
    pub(super) algorithms: Option<Vec<Algorithm>>,
    pub(super) clock_skew: Duration,
    pub(super) token_types: Option<Vec<String>>,
    pub(super) clients: Vec<String>,
    map: ClaimMap,
    own: Own,
    pub(super) required: Vec<Required>,
    pub(super) lifetime: Lifetime,
    pub(super) preset: Option<&'static Preset>,
    pub(super) misnamed: Option<Misnamed>,
    subject_from_client: bool,
    realm: String,
    pub(super) subprotocol: Option<String>,
    pub(super) cache_capacity: usize,
    pub(super) client_id_as_audience: bool,
    pub(super) ignore_confirmation: bool,
    pub(super) checks: Vec<Asked>,
}

impl JwtBuilder {
    pub(super) fn new() -> Self {
        Self {
            issuers: Vec::new(),
            audiences: Vec::new(),
            sources: Vec::new(),
            fetching: Fetching::default(),
            algorithms: None,
            clock_skew: Duration::from_secs(60),
            token_types: None,
            clients: Vec::new(),
            map: ClaimMap::default(),
            own: Own::default(),
            required: Vec::new(),
            lifetime: Lifetime::default(),
            preset: None,
            misnamed: None,
            subject_from_client: false,
            realm: "api".to_owned(),
            subprotocol: None,
            cache_capacity: 10_000,
            client_id_as_audience: false,
            ignore_confirmation: false,
            checks: Vec::new(),
        }
    }

    /// The one issuer whose tokens are taken: the claim `iss` equals it letter by letter, with or
    /// without a slash at the end as the issuer writes it. Required, once.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuers.push(issuer.into());
        self
    }

    /// A name under which this service is meant: the claim `aud` is it, or contains it. Required;
    /// several calls add up, and one match suffices.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Keys as the text of a JWK set (RFC 7517). Calls of all key setters add up.
    ///
    /// A key that is not understood, or not meant for verifying signatures, is left out with a
    /// finding; a set in which none is left is an error, and so is a private key in it.
    pub fn jwks(mut self, set: impl Into<String>) -> Self {
        self.sources.push(Source::Jwks(set.into()));
        self
    }

    /// Keys from a file that holds a JWK set, read when the scheme is built.
    pub fn jwks_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.sources.push(Source::JwksFile(path.into()));
        self
    }

    /// One public key in PEM: `PUBLIC KEY` on P-256, P-384 or P-521, Ed25519 or RSA, or
    /// `RSA PUBLIC KEY`. It has no `kid` and is tried for tokens whose `kid` no other key has.
    pub fn public_key_pem(mut self, pem: impl Into<String>) -> Self {
        self.sources.push(Source::Pem(pem.into()));
        self
    }

    /// The only algorithms that are taken. Default: every asymmetric one, each with the keys whose
    /// type and `alg` fit, and the symmetric one of a shared secret.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms.get_or_insert_default().extend(algorithms);
        self
    }

    /// How far the issuer's clock and ours may differ, at most 5 min. Default 60 s. It is allowed
    /// for in `exp`, `nbf` and `iat`.
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.clock_skew = skew;
        self
    }

    /// The only values of the header `typ` that are taken, which then must be there; case and a
    /// leading `application/` do not matter. Default: absent, `JWT` or `at+jwt`. A provider that
    /// keeps to RFC 9068 allows `["at+jwt"]`, the safest choice.
    pub fn token_types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.token_types.get_or_insert_default().extend(types.into_iter().map(Into::into));
        self
    }

    /// A client whose tokens are taken, as in the claim `client_id`, `azp` or what the
    /// [map](Self::claim_map) names. Several calls add up. Default: whichever clients the issuer
    /// gives tokens for this audience.
    pub fn client(mut self, client: impl Into<String>) -> Self {
        self.clients.push(client.into());
        self
    }

    /// Which claims hold what, and what marks an access token, all at once: in place of the
    /// default, or of what a preset such as [`Jwt::keycloak`] has set.
    pub fn claim_map(mut self, map: ClaimMap) -> Self {
        self.map = map;
        self
    }

    /// Where the scopes are, in place of what the [map](Self::claim_map) says: a claim's name, or a
    /// JSON pointer if it begins with `/`. A string of words or an array of strings. Of several
    /// calls the first claim that is there counts. Default: `scope`, and without it `scp`.
    pub fn scopes_claim(mut self, claim: impl Into<String>) -> Self {
        self.own.scopes.push(ClaimPath::new(claim.into()));
        self
    }

    /// Where the roles are, in place of what the [map](Self::claim_map) says: a claim's name, or a
    /// JSON pointer if it begins with `/`, such as `cognito:groups` or `/realm_access/roles`. A
    /// string of words or an array of strings. Several calls add up. Default: `roles`, where it has
    /// one of these shapes.
    pub fn roles_claim(mut self, claim: impl Into<String>) -> Self {
        self.own.roles.push(ClaimPath::new(claim.into()));
        self
    }

    /// Where the tenant is, in place of what the [map](Self::claim_map) says: a claim's name, or a
    /// JSON pointer if it begins with `/`. A string, or an array or object that names exactly one.
    /// Default: nowhere.
    pub fn tenant_claim(mut self, claim: impl Into<String>) -> Self {
        self.own.tenant.push(ClaimPath::new(claim.into()));
        self
    }

    /// Where the OAuth client is, in place of what the [map](Self::claim_map) says: a claim's name,
    /// or a JSON pointer if it begins with `/`. Default: `client_id`, and without it `azp`.
    pub fn client_claim(mut self, claim: impl Into<String>) -> Self {
        self.own.client.push(ClaimPath::new(claim.into()));
        self
    }

    /// Takes tokens without `sub` as tokens of the client itself: the subject becomes `client:`
    /// and the [client](Self::client_claim). Default: a token without `sub` is refused.
    pub fn subject_from_client(mut self) -> Self {
        self.subject_from_client = true;
        self
    }

    /// The protection space in `WWW-Authenticate`. Default `api`.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = realm.into();
        self
    }

    /// How many verified tokens are remembered, at most 1,000,000; 0 remembers none. Default
    /// 10,000, about 1 KiB each. A remembered token is found by its SHA-256 and never outlives its
    /// `exp`.
    pub fn cache_capacity(mut self, tokens: usize) -> Self {
        self.cache_capacity = tokens;
        self
    }

    /// What else is asked of every token that was verified, whether it was revoked say. Calls add up.
    pub fn check(mut self, check: impl IntoTokenCheck) -> Self {
        self.checks.push(("check", check.into_token_check()));
        self
    }

    /// Choices that weaken the protection. Each is reported by the self-audit.
    pub fn dangerous(self) -> DangerousJwtBuilder {
        DangerousJwtBuilder(self)
    }

    /// The scheme.
    ///
    /// # Errors
    ///
    /// Every mistake at once: issuer, audience or keys missing; a file that cannot be read; a key
    /// set without a usable key or with a private one; a weak key or secret; an algorithm without
    /// a key; a value out of its range.
    pub fn build(mut self) -> Result<Jwt, ConfigError> {
        let mut mistakes = Mistakes::default();
        self.own.take_the_place_of(&mut self.map);
        self.check_names(&mut mistakes);
        self.check_claims(&self.map, &mut mistakes);
        self.check_limits(&mut mistakes);
        self.required.iter().for_each(|required| required.mistakes(&mut mistakes));
        self.lifetime.check(&mut mistakes);
        let allowed = allowed(self.algorithms.as_deref(), &self.sources, &mut mistakes);
        let mut skipped = Vec::new();
        let mut keys = Vec::new();
        for source in &self.sources {
            source.read(allowed, &mut keys, &mut skipped, &mut mistakes);
        }
        if self.sources.is_empty() && self.preset.is_some() && !self.fetching.is_asked_for() {
            self.fetching.imply_discovery();
        }
        if self.sources.is_empty() && !self.fetching.is_asked_for() {
            mistakes.push("jwks", "", "no keys are given", Fetching::REMEDY);
        }
        let issuer = self.issuers.first().map_or("", String::as_str);
        let published = allowed.without_symmetric();
        // What is wrong with the name of a preset is said once.
        let is_named = self.misnamed.is_none();
        let fetching = Some(&self.fetching).filter(|_| is_named);
        let provider = fetching.and_then(|from| from.provider(issuer, published, &mut mistakes));
        let challenges = Challenges::given(&self.realm, &mut mistakes);
        let subprotocol = self.subprotocol.as_deref();
        let subprotocol = subprotocol.map(|prefix| Subprotocol::new(prefix, &mut mistakes));
        let checks = Checks::gather(std::mem::take(&mut self.checks), &mut mistakes);
        mistakes.finish()?;
        let concessions = self.concessions();
        // What no key can verify is refused by name, before any key is looked for.
        let given = keys.iter().flat_map(|key: &Key| key.algorithms().iter());
        let fetched = provider.iter().flat_map(|_| published.iter());
        let algorithms = given.chain(fetched).collect();
        let verifier = Verifier {
            keys: Keyring::new(keys, provider),
            algorithms,
            types: self.token_types.map(|types| types.iter().map(|typ| bare(typ)).collect()),
            rules: Rules {
                issuer: self.issuers.into_iter().next().unwrap_or_default(),
                audiences: self.audiences,
                clients: self.clients,
                map: self.map,
                required: self.required,
                lifetime: self.lifetime,
                skew: self.clock_skew,
                subject_from_client: self.subject_from_client,
                client_id_as_audience: self.client_id_as_audience,
                ignore_confirmation: self.ignore_confirmation,
                checks,
            },
            verified: (self.cache_capacity > 0).then(|| Verified::new(self.cache_capacity)),
            skew: Default::default(),
        };
        let hints = self.preset.map_or(&[][..], |preset| preset.hints);
        let inner = Inner { verifier, challenges, subprotocol, skipped, concessions, hints };
        Ok(Jwt { inner: Arc::new(inner) })
    }
}

/// What was set claim by claim, whenever that was: it counts before the map.
#[derive(Default)]
struct Own {
    scopes: Vec<ClaimPath>,
    roles: Vec<ClaimPath>,
    tenant: Vec<ClaimPath>,
    client: Vec<ClaimPath>,
}

impl Own {
    fn take_the_place_of(&mut self, map: &mut ClaimMap) {
        map.any_shape_of_roles &= self.roles.is_empty();
        let pairs = [
            (&mut self.scopes, &mut map.scopes),
            (&mut self.roles, &mut map.roles),
            (&mut self.tenant, &mut map.tenant),
            (&mut self.client, &mut map.client),
        ];
        for (own, mapped) in pairs.into_iter().filter(|(own, _)| !own.is_empty()) {
            *mapped = std::mem::take(own);
        }
    }
}

scheme_builder!(JwtBuilder);

impl fmt::Debug for JwtBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtBuilder")
            .field("issuers", &self.issuers)
            .field("audiences", &self.audiences)
            .finish_non_exhaustive()
    }
}

/// Choices of a [`JwtBuilder`] that weaken the protection; see [`JwtBuilder::dangerous`].
#[must_use = "choose, and the builder comes back"]
#[derive(Debug)]
pub struct DangerousJwtBuilder(JwtBuilder);

impl DangerousJwtBuilder {
    /// A secret shared with the issuer, for [`Algorithm::Hs256`] (at least 32 bytes),
    /// [`Algorithm::Hs384`] (48) or [`Algorithm::Hs512`] (64). Whoever holds it can make tokens,
    /// this service included. It should be random bytes, never a password.
    pub fn shared_secret(mut self, algorithm: Algorithm, secret: impl AsRef<[u8]>) -> JwtBuilder {
        let secret = Zeroizing::new(secret.as_ref().to_vec());
        self.0.sources.push(Source::Secret(algorithm, secret));
        self.0
    }

    /// Takes a token without `aud` when its `client_id` is one of the audiences, as Amazon
    /// Cognito's access tokens need. A token made for another service of the same client is then
    /// taken too.
    pub fn client_id_as_audience(mut self) -> JwtBuilder {
        self.0.client_id_as_audience = true;
        self.0
    }

    /// Takes a token with `cnf` without the proof it asks for (RFC 7800), so that a stolen one
    /// works again. For services behind a gateway that checks the proof.
    pub fn ignore_confirmation(mut self) -> JwtBuilder {
        self.0.ignore_confirmation = true;
        self.0
    }
}
