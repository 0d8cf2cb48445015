//! Tokens for calls to other services, by client credentials.

use std::fmt;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Uri};

use super::builder::ClientCredentialsBuilder;
use super::dpop::Proof;
use super::endpoint::DPOP;
use super::error::{Fault, TokenError};
use super::grant::Grant;
use super::origin::{Nonce, Origin};
use super::slots::Slots;
use super::token::Token;

/// Obtains, keeps and renews the tokens of this service, and puts them on its calls to others.
///
/// It is a [`tower_layer::Layer`] over any client that is a
/// `tower::Service<Request<B>, Response = Response<R>>`: hyper-util's, a tonic channel. Clones, and
/// the clients made by one, share their tokens. See the [module](super).
#[derive(Clone)]
pub struct ClientCredentials(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) slots: Arc<Slots>,
    pub(super) origins: Vec<Origin>,
    /// The one that requests without a host go to.
    pub(super) channel: Option<Origin>,
    pub(super) grant: Grant,
}

impl ClientCredentials {
    /// Begins with nothing: issuer, client and at least one origin have no default.
    pub fn builder() -> ClientCredentialsBuilder {
        ClientCredentialsBuilder::new()
    }

    /// Fetches the token of the default grant unless there is one, so that the first call need not
    /// wait, and a mistake in the settings is seen at the start.
    ///
    /// # Errors
    /// When the issuer cannot be asked or refuses.
    pub async fn warm(&self) -> Result<(), TokenError> {
        self.token(None).await.map(drop)
    }

    /// The headers of one request, for a client that is no tower service: `Authorization`, marked
    /// sensitive, and with DPoP a proof for this very method and target.
    ///
    /// # Example
    /// ```
    /// use http::Method;
    /// use tower_parapet::outgoing::{ClientCredentials, TokenError};
    ///
    /// async fn call(tokens: &ClientCredentials) -> Result<(), TokenError> {
    ///     let target = http::Uri::from_static("https://stock.example/items");
    ///     let headers = tokens.headers(&Method::GET, &target).await?;
    ///     // client.get(target.to_string()).headers(headers).send().await?;
    ///     # let _ = headers;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// When the target is not at an origin that tokens are for; when there is no token.
    pub async fn headers(&self, method: &Method, target: &Uri) -> Result<HeaderMap, TokenError> {
        if !self.covers(target) {
            let authority = target.authority().map_or("", |authority| authority.as_str());
            return Err(Fault::Origin(authority.to_owned()).into());
        }
        let token = self.token(None).await?;
        let nonce = self.nonce(target).and_then(Nonce::current);
        self.headers_of(&token, method, target, nonce.as_deref())
    }

    pub(super) fn covers(&self, uri: &Uri) -> bool {
        self.origin(uri).is_some()
    }

    fn origin(&self, uri: &Uri) -> Option<&Origin> {
        let channel = self.0.channel.as_ref();
        if uri.host().is_none() {
            return channel;
        }
        self.0.origins.iter().chain(channel).find(|origin| origin.covers(uri))
    }

    /// The last nonce from there, where proofs are made.
    pub(super) fn nonce(&self, uri: &Uri) -> Option<&Nonce> {
        self.0.slots.prover.as_ref().and_then(|_| self.origin(uri)).map(Origin::nonce)
    }

    pub(super) async fn token(&self, grant: Option<&Grant>) -> Result<Arc<Token>, TokenError> {
        self.0.slots.token(grant.unwrap_or(&self.0.grant)).await
    }

    pub(super) fn discard(&self, grant: Option<&Grant>, token: &Arc<Token>) -> bool {
        self.0.slots.discard(grant.unwrap_or(&self.0.grant), token)
    }

    pub(super) fn headers_of(
        &self,
        token: &Token,
        method: &Method,
        uri: &Uri,
        nonce: Option<&str>,
    ) -> Result<HeaderMap, TokenError> {
        let mut headers = HeaderMap::with_capacity(2);
        headers.insert(AUTHORIZATION, token.header.clone());
        let slots = &self.0.slots;
        if let (Some(prover), Some(hash), Some(origin)) =
            (&slots.prover, &token.hash, self.origin(uri))
        {
            let proof = Proof {
                method,
                target: &format!("{origin}{}", uri.path()),
                token: Some(hash),
                nonce,
                unix: slots.endpoint.clock.0.unix(),
            };
            headers.insert(DPOP, prover.prove(proof).map_err(|_| Fault::Sign)?);
        }
        Ok(headers)
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots = &self.0.slots;
        f.debug_struct("ClientCredentials")
            .field("endpoint", &slots.endpoint.endpoint.to_string())
            .field("client", &slots.endpoint.client.id())
            .field("grant", &self.0.grant)
            .finish_non_exhaustive()
    }
}
