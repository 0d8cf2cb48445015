//! Builders that know a provider.

use super::builder::JwtBuilder;
use super::preset::{self, Preset};
use super::scheme::Jwt;

/// A name that cannot be that of a provider's issuer, kept until the scheme is built.
pub(super) struct Misnamed {
    pub(super) setter: &'static str,
    pub(super) value: String,
    pub(super) problem: &'static str,
    pub(super) remedy: &'static str,
}

/// Presets: issuer and [claims](super::ClaimMap) of well-known providers. The audience remains to be
/// given, and every setter still counts. Keys are [discovered](super#fetched-keys) where none are
/// given, with the feature `jwks`; without it they have to be. The [module](super#providers) has them
/// as a table.
impl Jwt {
    /// Access tokens of a Keycloak realm, named by its address, `https://id.example/realms/shop`.
    ///
    /// Scopes are in `scope`, roles those of the realm; those of a client are asked for by
    /// `roles_claim("/resource_access/orders/roles")`. The tenant is the one `organization`. `typ`
    /// has to be `Bearer`. An audience mapper writes `aud`: without one it is `account`.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::Jwt;
    ///
    /// # let keys = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026",
    /// #     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// let realm = Jwt::keycloak("https://id.example/realms/shop").audience("orders").jwks(keys);
    /// # realm.build()?;
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn keycloak(realm: impl Into<String>) -> JwtBuilder {
        let realm = without_slash(realm.into());
        let good = is_url(&realm) && realm.contains("/realms/");
        of(&preset::KEYCLOAK, realm).or_misnamed(
            good,
            "keycloak",
            "is not the address of a realm",
            "write it as `https://id.example/realms/shop`",
        )
    }

    /// Access tokens of an Auth0 tenant, named by its domain, `shop.eu.auth0.com` or one's own. The
    /// issuer is `https://`, the domain, and a slash.
    ///
    /// Scopes are in `scope`; `permissions` are roles, since they are what the user may do,
    /// whatever the client asked for. The tenant is `org_id`, the client `azp` or `client_id`.
    /// Clients get a token that can be verified by asking for it with the API's `audience`.
    pub fn auth0(domain: impl Into<String>) -> JwtBuilder {
        let domain = host(domain.into());
        let good = is_host(&domain);
        of(&preset::AUTH0, format!("https://{domain}/")).or_misnamed(
            good,
            "auth0",
            "is not a domain",
            "write it as `shop.eu.auth0.com`",
        )
    }

    /// Access tokens of Microsoft Entra ID, version 2, of the one tenant (directory) with this id.
    ///
    /// Scopes are in `scp`, roles in `roles`, the tenant in `tid`, the client in `azp`. The
    /// audience is the application id of the API. Where `api.requestedAccessTokenVersion` (formerly
    /// `accessTokenAcceptedVersion`) of the API is not 2, tokens are of version 1:
    /// [`entra_v1`](Self::entra_v1).
    pub fn entra(tenant: impl Into<String>) -> JwtBuilder {
        let tenant = tenant.into();
        let issuer = format!("https://login.microsoftonline.com/{tenant}/v2.0");
        of(&preset::ENTRA, issuer).or_misnamed(
            is_directory(&tenant),
            "entra",
            "is not a tenant's id",
            "write the directory's id, 36 characters, which tokens have as `tid`",
        )
    }

    /// Access tokens of Microsoft Entra ID, version 1: as [`entra`](Self::entra), but that the
    /// issuer is `https://sts.windows.net/`, the client in `appid`, and the audience often the
    /// application's URI, `api://orders` say.
    pub fn entra_v1(tenant: impl Into<String>) -> JwtBuilder {
        let tenant = tenant.into();
        of(&preset::ENTRA_V1, format!("https://sts.windows.net/{tenant}/")).or_misnamed(
            is_directory(&tenant),
            "entra_v1",
            "is not a tenant's id",
            "write the directory's id, 36 characters, which tokens have as `tid`",
        )
    }

    /// Access tokens of an Amazon Cognito user pool, `eu-central-1` and `eu-central-1_Ab12Cd34E`.
    ///
    /// They have no `aud` unless they were asked for with a resource, so the clients stand in for
    /// it: [`client`](JwtBuilder::client) names those that may call, and tokens with an `aud` are
    /// refused. Where an [`audience`](JwtBuilder::audience) is named, tokens must have it. A token
    /// of such a client passes whichever of your services it was asked for, so let routes require a
    /// scope of this one's resource server, `orders/read` say.
    ///
    /// Scopes are in `scope`, roles in `cognito:groups`; `token_use` has to be `access`.
    pub fn cognito(region: impl Into<String>, pool: impl Into<String>) -> JwtBuilder {
        let (region, pool) = (region.into(), pool.into());
        let end = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let good = pool
            .strip_prefix(region.as_str())
            .and_then(|rest| rest.strip_prefix('_'))
            .is_some_and(|id| is_word(id, "") && is_word(&region, "-"));
        let issuer = format!("https://cognito-idp.{region}.{end}/{pool}");
        of(&preset::COGNITO, issuer).or_misnamed(
            good,
            "cognito",
            "is not a pool of that region",
            "write them as `eu-central-1` and `eu-central-1_Ab12Cd34E`",
        )
    }

    /// Access tokens of a custom authorization server of Okta,
    /// `https://shop.okta.com/oauth2/default`. Those of the org's own server only Okta can verify.
    ///
    /// Scopes are in `scp`, roles in `groups` where a claim of that name was added, the client in
    /// `cid`.
    pub fn okta(server: impl Into<String>) -> JwtBuilder {
        let server = without_slash(server.into());
        let good = is_url(&server)
            && server.split_once("/oauth2/").is_some_and(|(_, name)| is_word(name, "-_"));
        of(&preset::OKTA, server).or_misnamed(
            good,
            "okta",
            "is not a custom authorization server",
            "write it as `https://shop.okta.com/oauth2/default`; only Okta can verify others",
        )
    }

    /// ID tokens of Google's service accounts, for calls from service to service (Cloud Run, Cloud
    /// Functions, Pub/Sub push).
    ///
    /// Google's access tokens are opaque, so this takes ID tokens, and those of service accounts
    /// only: `email` verified and under `gserviceaccount.com`, never a person's sign-in. The
    /// audience is what the caller asked for, by habit this service's address. Anybody's service
    /// account gets a token for any audience, so [`client`](JwtBuilder::client) is required here:
    /// the callers' e-mail addresses. There are no scopes and no roles.
    pub fn google() -> JwtBuilder {
        of(&preset::GOOGLE, "https://accounts.google.com".to_owned())
    }

    /// Projected tokens of a Kubernetes cluster's service accounts, by the cluster's issuer, as
    /// `kubectl get --raw /.well-known/openid-configuration` tells it.
    ///
    /// The audience is the one of the projected volume (`serviceAccountToken.audience`). The
    /// subject and the client are `system:serviceaccount:NAMESPACE:NAME`, the tenant is the
    /// namespace. There are no scopes and no roles.
    pub fn kubernetes(issuer: impl Into<String>) -> JwtBuilder {
        let issuer = issuer.into();
        let good = is_url(&issuer);
        of(&preset::KUBERNETES, issuer).or_misnamed(
            good,
            "kubernetes",
            "is not the address of an issuer",
            "write the cluster's, `https://kubernetes.default.svc.cluster.local` by default",
        )
    }
}

fn of(preset: &'static Preset, issuer: String) -> JwtBuilder {
    let mut builder = JwtBuilder::new().issuer(issuer).claim_map(preset.claim_map());
    builder.preset = Some(preset);
    builder
}

impl JwtBuilder {
    fn or_misnamed(
        mut self,
        good: bool,
        setter: &'static str,
        problem: &'static str,
        remedy: &'static str,
    ) -> Self {
        if !good {
            let value = self.issuers.first().cloned().unwrap_or_default();
            self.misnamed = Some(Misnamed { setter, value, problem, remedy });
        }
        self
    }
}

/// The address as these providers write it into tokens, which people copy with a slash.
fn without_slash(mut url: String) -> String {
    url.truncate(url.trim_end_matches('/').len());
    url
}

/// A domain that may have been copied as an address.
fn host(domain: String) -> String {
    let domain = without_slash(domain);
    domain.strip_prefix("https://").map(str::to_owned).unwrap_or(domain)
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && !text.contains(|c: char| c.is_whitespace() || matches!(c, '?' | '#'))
}

fn is_host(text: &str) -> bool {
    text.contains('.') && is_word(text, "-.")
}

/// A directory may also be named by a domain, or by `common` and its like; tokens never do.
fn is_directory(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

fn is_word(text: &str, others: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}
