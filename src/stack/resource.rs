//! What clients are told of how to get a token.

use std::sync::Arc;

use crate::{
    auth::metadata::{Answers, ProtectedResourceBuilder, ResourceFacts, check_link},
    compose::Policy,
    context::Access,
    transport::Cors,
};

use super::ParapetBuilder;

/// Where the document is, or what it is made of.
#[derive(Default)]
pub(super) struct Resource {
    document: Option<ProtectedResourceBuilder>,
    url: Option<String>,
}

impl ParapetBuilder {
    /// Answers for the metadata of the protected resource (RFC 9728), a public route of its own under
    /// `/.well-known/oauth-protected-resource`, and names it in every challenge for a token. Clients
    /// of the Model Context Protocol rely on it. What it leaves open is filled in from the schemes: see
    /// [`metadata`](crate::auth::metadata).
    pub fn protected_resource(mut self, resource: ProtectedResourceBuilder) -> Self {
        self.resource.document = Some(resource);
        self
    }

    /// Names metadata that stands elsewhere (a gateway's, that of a
    /// [router](crate::auth::metadata::ProtectedResource::router) at the root) in every challenge
    /// for a token, by its whole URL.
    pub fn resource_metadata(mut self, url: impl Into<String>) -> Self {
        self.resource.url = Some(url.into());
        self
    }

    /// Adds the route of the document, and tells where it is.
    pub(super) fn insert_resource(&mut self) -> Option<Arc<str>> {
        let Resource { document, url } = std::mem::take(&mut self.resource);
        if let (Some(_), Some(url)) = (&document, &url) {
            let remedy = "leave it out: `protected_resource` knows its own place";
            self.mistakes.push(
                "resource_metadata",
                url,
                "stands beside the document itself",
                remedy,
            );
        }
        let Some(document) = document else {
            let url = url.filter(|url| check_link("resource_metadata", url, &mut self.mistakes));
            return url.map(Arc::from);
        };
        let mut facts = ResourceFacts::default();
        self.schemes.iter().for_each(|scheme| scheme.describe(&mut facts));
        let document = document.filled_from(&facts).build();
        let resource = self.mistakes.absorb("protected_resource", document)?;
        let url = resource.url().into();
        let pattern = format!("GET {}", resource.path());
        let reason = "how clients get a token (RFC 9728)".into();
        let mut policy = Policy::new(Access::Public { reason })
            .cors(Cors::builder().any_origin().any_header())
            .guard(Answers(resource));
        policy.is_answered = true;
        self.routes =
            std::mem::take(&mut self.routes).answered("protected_resource", &pattern, policy);
        Some(url)
    }
}
