use std::fmt;

/// Who is free of a limit; see [`exempt`](super::super::ThrottleBuilder::exempt).
///
/// # Example
/// ```
/// use tower_parapet::throttle::{Exempt, Throttle};
///
/// Throttle::per_minute(600)
///     .exempt(Exempt::network("10.2.0.0/16"), "the mesh, which has limits of its own")
///     .exempt(Exempt::route("GET /health"), "load balancers ask every second")
///     .build()?;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an exemption does nothing until a throttle has it"]
pub struct Exempt(pub(in crate::throttle) Exemption);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::throttle) enum Exemption {
    Network(String),
    Principal { issuer: String, subject: String },
    Route(String),
    Scope(String),
}

impl Exempt {
    /// Clients of a network, a CIDR or one address. It is compared with the client that stands behind
    /// trusted proxies.
    pub fn network(network: impl fmt::Display) -> Self {
        Self(Exemption::Network(network.to_string()))
    }

    /// One caller, by issuer and subject.
    pub fn principal(issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        Self(Exemption::Principal { issuer: issuer.into(), subject: subject.into() })
    }

    /// A route, in the syntax of the policy table, `GET /health` say; it never covers more than it
    /// says.
    pub fn route(pattern: impl Into<String>) -> Self {
        Self(Exemption::Route(pattern.into()))
    }

    /// Callers with a scope.
    pub fn scope(scope: impl Into<String>) -> Self {
        Self(Exemption::Scope(scope.into()))
    }
}

impl Exemption {
    /// What makes one.
    pub(in crate::throttle) fn text(&self) -> &str {
        match self {
            Self::Network(text) | Self::Route(text) | Self::Scope(text) => text,
            Self::Principal { subject, .. } => subject,
        }
    }
}

impl fmt::Display for Exemption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => write!(f, "network {network}"),
            Self::Principal { issuer, subject } => write!(f, "principal {subject} of {issuer}"),
            Self::Route(route) => write!(f, "route {route}"),
            Self::Scope(scope) => write!(f, "scope {scope}"),
        }
    }
}
