//! What is peculiar to each provider, as rows of a table.

use super::claim_map::ClaimMap;
use super::fault::Kind;
use super::hint::{Hint, Symptom};

/// A provider: where its tokens keep what, what marks its access tokens, and which of its settings
/// are behind which refusal.
#[derive(Debug)]
pub(super) struct Preset {
    scopes: &'static [&'static str],
    roles: &'static [&'static str],
    tenant: &'static [&'static str],
    client: &'static [&'static str],
    marks: &'static [Mark],
    pub(super) callers: Callers,
    pub(super) hints: &'static [Hint],
}

/// What its access tokens, and no other tokens of it, have.
#[derive(Debug)]
enum Mark {
    Is(&'static str, &'static [&'static str]),
    True(&'static str),
    Begins(&'static str, &'static str),
    Ends(&'static str, &'static str),
    AnyOf(&'static [&'static str]),
}

/// Whether clients have to be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Callers {
    /// The audience says enough.
    Any,
    /// They have to be, where no audience is: its tokens have none.
    InsteadOfAudience,
    /// They have to be: anybody gets a token for this audience.
    Named,
}

impl Preset {
    pub(super) fn claim_map(&self) -> ClaimMap {
        let mut map = ClaimMap::new();
        map = self.scopes.iter().fold(map, |map, claim| map.scopes(*claim));
        map = self.roles.iter().fold(map, |map, claim| map.roles(*claim));
        map = self.tenant.iter().fold(map, |map, claim| map.tenant(*claim));
        map = self.client.iter().fold(map, |map, claim| map.client(*claim));
        self.marks.iter().fold(map, |map, mark| match *mark {
            Mark::Is(claim, values) => map.require(claim, values.iter().copied()),
            Mark::True(claim) => map.require(claim, [true]),
            Mark::Begins(claim, prefix) => map.require_prefix(claim, prefix),
            Mark::Ends(claim, suffix) => map.require_suffix(claim, suffix),
            Mark::AnyOf(claims) => map.require_any(claims.iter().copied()),
        })
    }
}

const fn hint(symptom: Symptom, found: &'static str, text: &'static str) -> Hint {
    Hint { symptom, found, text }
}

/// <https://www.keycloak.org/docs/latest/server_admin/#audience-support>
pub(super) static KEYCLOAK: Preset = Preset {
    scopes: &["scope"],
    roles: &["/realm_access/roles"],
    tenant: &["organization"],
    client: &["azp", "client_id"],
    marks: &[Mark::Is("typ", &["Bearer", "DPoP"])],
    callers: Callers::Any,
    hints: &[
        hint(
            Symptom::Audience,
            "",
            "Keycloak: add an audience mapper for this service to a client scope of the client",
        ),
        hint(
            Symptom::Issuer,
            "",
            "Keycloak: set `hostname` (the frontend URL), else tokens name the address the client used",
        ),
        hint(
            Symptom::Symmetric,
            "",
            "Keycloak: refresh tokens are signed so; the client has to send the access token",
        ),
        hint(
            Symptom::NoSubject,
            "",
            "Keycloak: add the client scope `basic` to the client, which maps `sub`",
        ),
        hint(
            Symptom::SenderConstrained,
            "",
            "Keycloak: the client requires DPoP or certificate-bound tokens",
        ),
    ],
};

/// <https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles>
pub(super) static AUTH0: Preset = Preset {
    scopes: &["scope"],
    roles: &["permissions"],
    tenant: &["org_id"],
    client: &["azp", "client_id"],
    marks: &[Mark::AnyOf(&["azp", "client_id"])],
    callers: Callers::Any,
    hints: &[
        hint(
            Symptom::Opaque,
            "",
            "Auth0: the client asked for no API; request the token with `audience=` and the API's identifier",
        ),
        hint(
            Symptom::Audience,
            "",
            "Auth0: request the token with `audience=` and this API's identifier",
        ),
        hint(
            Symptom::Kind(Kind::Unmarked),
            "",
            "Auth0: the client sends its ID token; request an access token with `audience=`",
        ),
        hint(
            Symptom::Kind(Kind::Id),
            "",
            "Auth0: the client sends its ID token; request an access token with `audience=`",
        ),
        hint(
            Symptom::Issuer,
            "",
            "Auth0: with a custom domain, tokens name the domain they were requested at",
        ),
        hint(Symptom::Symmetric, "", "Auth0: set the API's signing algorithm to RS256"),
    ],
};

const ENTRA_HINTS: [Hint; 5] = [
    hint(
        Symptom::Kind(Kind::Unmarked),
        "",
        "Entra ID: the client sends its ID token; request an access token with a scope of this API",
    ),
    hint(
        Symptom::Kind(Kind::Id),
        "",
        "Entra ID: the client sends its ID token; request an access token with a scope of this API",
    ),
    hint(
        Symptom::Signature,
        "",
        "Entra ID: nobody but Microsoft Graph can verify a token for Graph; request one with a scope of this API",
    ),
    hint(
        Symptom::Audience,
        "",
        "Entra ID: request the token with a scope of this API (`api://…/.default`); `aud` is the API's application id in version 2, its URI in version 1",
    ),
    hint(
        Symptom::SenderConstrained,
        "",
        "Entra ID: the client requests proof-of-possession tokens",
    ),
];

/// <https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>
pub(super) static ENTRA: Preset = Preset {
    scopes: &["scp"],
    roles: &["roles"],
    tenant: &["tid"],
    client: &["azp"],
    marks: &[Mark::Is("ver", &["2.0"]), Mark::AnyOf(&["azp"])],
    callers: Callers::Any,
    hints: &{
        let [unmarked, id, signature, audience, bound] = ENTRA_HINTS;
        [
            hint(
                Symptom::Issuer,
                "`https://sts.windows.net/",
                "Entra ID: the token is of version 1; set `accessTokenAcceptedVersion` (`api.requestedAccessTokenVersion`) to 2 in the manifest of the API's registration",
            ),
            hint(Symptom::Issuer, "", "Entra ID: the token is of another tenant"),
            unmarked,
            id,
            signature,
            audience,
            bound,
        ]
    },
};

/// <https://learn.microsoft.com/entra/identity-platform/access-tokens#token-formats>
pub(super) static ENTRA_V1: Preset = Preset {
    scopes: &["scp"],
    roles: &["roles"],
    tenant: &["tid"],
    client: &["appid"],
    marks: &[Mark::Is("ver", &["1.0"]), Mark::AnyOf(&["appid"])],
    callers: Callers::Any,
    hints: &{
        let [unmarked, id, signature, audience, bound] = ENTRA_HINTS;
        [
            hint(
                Symptom::Issuer,
                "`https://login.microsoftonline.com/",
                "Entra ID: the token is of version 2 (`accessTokenAcceptedVersion`); name the tenant with `Jwt::entra`",
            ),
            hint(Symptom::Issuer, "", "Entra ID: the token is of another tenant"),
            unmarked,
            id,
            signature,
            audience,
            bound,
        ]
    },
};

/// <https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html>
pub(super) static COGNITO: Preset = Preset {
    scopes: &["scope"],
    roles: &["cognito:groups"],
    tenant: &[],
    client: &["client_id"],
    marks: &[Mark::Is("token_use", &["access"])],
    callers: Callers::InsteadOfAudience,
    hints: &[
        hint(
            Symptom::Kind(Kind::Id),
            "",
            "Cognito: the client sends its ID token (`token_use` is `id`); it has to send the access token",
        ),
        hint(Symptom::Client, "", "Cognito: name the app client with `client`, if it may call"),
        hint(
            Symptom::Audience,
            "nothing",
            "Cognito: access tokens have `aud` only if requested with `resource=`; name clients in place of an audience",
        ),
        hint(
            Symptom::Audience,
            "",
            "Cognito: the token was requested for another resource (`resource=`)",
        ),
        hint(Symptom::Issuer, "", "Cognito: the token is of another user pool"),
        hint(
            Symptom::Opaque,
            "",
            "Cognito: refresh tokens are encrypted; the client has to send the access token",
        ),
    ],
};

/// <https://developer.okta.com/docs/api/openapi/okta-oauth/guides/overview/#access-token>
pub(super) static OKTA: Preset = Preset {
    scopes: &["scp"],
    roles: &["groups"],
    tenant: &[],
    client: &["cid"],
    marks: &[Mark::AnyOf(&["cid"])],
    callers: Callers::Any,
    hints: &[
        hint(
            Symptom::Type,
            "`application/okta-internal-at+jwt`",
            "Okta: the token is of the org authorization server, which only Okta can verify; request it at the custom one",
        ),
        hint(
            Symptom::Issuer,
            "",
            "Okta: the token is of another authorization server; request it at the one named here",
        ),
        hint(
            Symptom::Audience,
            "",
            "Okta: the audience is a setting of the authorization server, `api://default` by default",
        ),
        hint(
            Symptom::Kind(Kind::Unmarked),
            "",
            "Okta: the client sends its ID token; it has to send the access token",
        ),
    ],
};

/// <https://cloud.google.com/docs/authentication/token-types#id>
pub(super) static GOOGLE: Preset = Preset {
    scopes: &[],
    roles: &[],
    tenant: &[],
    client: &["email"],
    marks: &[Mark::True("email_verified"), Mark::Ends("email", ".gserviceaccount.com")],
    callers: Callers::Named,
    hints: &[
        hint(
            Symptom::Opaque,
            "",
            "Google: access tokens are opaque; the caller has to fetch an ID token for this audience",
        ),
        hint(
            Symptom::Kind(Kind::Id),
            "",
            "Google: this is a person's sign-in; the caller has to fetch an ID token as a service account",
        ),
        hint(
            Symptom::Kind(Kind::Unmarked),
            "",
            "Google: only service accounts are taken, by tokens with `email` (`format=full` or `includeEmail`)",
        ),
        hint(
            Symptom::Audience,
            "",
            "Google: the caller has to fetch its ID token for this audience (`audience=`)",
        ),
        hint(
            Symptom::Client,
            "",
            "Google: name the service account's e-mail address with `client`, if it may call",
        ),
    ],
};

/// <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/>
pub(super) static KUBERNETES: Preset = Preset {
    scopes: &[],
    roles: &[],
    tenant: &["/kubernetes.io/namespace"],
    client: &["sub"],
    marks: &[
        Mark::Begins("sub", "system:serviceaccount:"),
        Mark::AnyOf(&["/kubernetes.io/serviceaccount/name"]),
    ],
    callers: Callers::Any,
    hints: &[
        hint(
            Symptom::Issuer,
            "`kubernetes/serviceaccount`",
            "Kubernetes: a token out of a Secret, which never ends; mount a projected one with `serviceAccountToken.audience`",
        ),
        hint(
            Symptom::Issuer,
            "",
            "Kubernetes: the token is of another cluster, or of a former `--service-account-issuer`",
        ),
        hint(
            Symptom::Audience,
            "",
            "Kubernetes: set `serviceAccountToken.audience` of the pod's projected volume; the default is the API server's",
        ),
    ],
};
