//! What a token is asked for.

use std::collections::BTreeSet;

/// What a token may be used for: scopes, and the service it is for. One token is kept for each.
///
/// A request that needs another one than the default of the
/// [builder](super::ClientCredentialsBuilder) bears it as an extension.
///
/// # Example
/// ```
/// use http::Request;
/// use tower_parapet::outgoing::Grant;
///
/// let request = Request::get("https://stock.example/items")
///     .extension(Grant::new().scope("stock:read"))
///     .body(())?;
/// # let _ = request;
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Grant {
    scopes: BTreeSet<String>,
    resources: BTreeSet<String>,
    audiences: BTreeSet<String>,
}

impl Grant {
    /// A token without scopes, for whatever service the issuer says.
    pub fn new() -> Self {
        Self::default()
    }

    /// Scopes, one or several with spaces between them (RFC 6749, section 3.3). Calls add up.
    pub fn scope(mut self, scopes: impl AsRef<str>) -> Self {
        self.scopes.extend(scopes.as_ref().split_ascii_whitespace().map(str::to_owned));
        self
    }

    /// The service that it is for, by its address (`resource`, RFC 8707). Calls add up.
    pub fn resource(mut self, uri: impl Into<String>) -> Self {
        self.resources.insert(uri.into());
        self
    }

    /// The service that it is for, by the name that some issuers want in `audience` (Auth0, and
    /// RFC 8693). Calls add up.
    pub fn audience(mut self, name: impl Into<String>) -> Self {
        self.audiences.insert(name.into());
        self
    }

    /// The fields of the form.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![("grant_type", "client_credentials".to_owned())];
        if !self.scopes.is_empty() {
            let scopes: Vec<_> = self.scopes.iter().map(String::as_str).collect();
            fields.push(("scope", scopes.join(" ")));
        }
        fields.extend(self.resources.iter().map(|uri| ("resource", uri.clone())));
        fields.extend(self.audiences.iter().map(|name| ("audience", name.clone())));
        fields
    }
}
