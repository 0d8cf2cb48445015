//! The client that the layer makes: a token with every request to the origins it is for.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::challenge::{Complaint, complaint};
use super::credentials::ClientCredentials;
use super::error::TokenError;
use super::grant::Grant;
use super::origin::Nonce;
use super::replay;
use super::token::Token;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A client whose requests bear a token; made by the layer [`ClientCredentials`].
///
/// It takes and answers what the client under it does, of any body. It fails with the errors of that
/// client, boxed, and with [`TokenError`] where there is no token.
#[derive(Clone)]
pub struct Authorized<S> {
    client: S,
    tokens: ClientCredentials,
}

impl<S> Layer<S> for ClientCredentials {
    type Service = Authorized<S>;

    fn layer(&self, client: S) -> Authorized<S> {
        Authorized { client, tokens: self.clone() }
    }
}

impl<S, B, R> Service<Request<B>> for Authorized<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Send + 'static,
    R: Send + 'static,
{
    type Response = Response<R>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<R>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.client.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The clone has not been asked whether it is ready; the one that was takes the call.
        let next = self.client.clone();
        let mut client = std::mem::replace(&mut self.client, next);
        let grant = request.extensions_mut().remove::<Grant>();
        let is_ours =
            self.tokens.covers(request.uri()) && !request.headers().contains_key(AUTHORIZATION);
        if !is_ours {
            let answer = client.call(request);
            return Box::pin(async move { answer.await.map_err(Into::into) });
        }
        let place = self.tokens.nonce(request.uri()).cloned();
        let call = Call { tokens: self.tokens.clone(), grant, place };
        Box::pin(async move { call.make(client, request).await })
    }
}

/// One request, and its second try.
struct Call {
    tokens: ClientCredentials,
    grant: Option<Grant>,
    /// Where the nonce of the service is kept, where proofs are made.
    place: Option<Nonce>,
}

impl Call {
    async fn make<S, B, R>(
        self,
        mut client: S,
        mut request: Request<B>,
    ) -> Result<Response<R>, BoxError>
    where
        S: Service<Request<B>, Response = Response<R>>,
        S::Error: Into<BoxError>,
        B: 'static,
    {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let mut helped = Vec::new();
        let mut token = self.token().await?;
        loop {
            let again = replay::copy(&request);
            let nonce = self.nonce();
            let headers = self.tokens.headers_of(&token, &method, &uri, nonce.as_deref())?;
            request.headers_mut().extend(headers);
            let response = client.call(request).await.map_err(Into::into)?;
            self.place.iter().for_each(|nonce| nonce.learn(response.headers()));
            let complaint = complaint(response.status(), response.headers());
            let Some(complaint) = complaint.filter(|complaint| !helped.contains(complaint)) else {
                return Ok(response);
            };
            // Even where this request is not sent again, the next one fares better.
            let may_help = match complaint {
                Complaint::Nonce => self.nonce() != nonce,
                Complaint::Token => self.discard(&token),
            };
            let Some(again) = again.filter(|_| may_help) else { return Ok(response) };
            if complaint == Complaint::Token {
                match self.token().await {
                    Ok(another) => token = another,
                    // What the service said is more than what the issuer did not say.
                    Err(_) => return Ok(response),
                }
            }
            helped.push(complaint);
            request = again;
            drop(response);
            std::future::poll_fn(|cx| client.poll_ready(cx)).await.map_err(Into::into)?;
        }
    }

    async fn token(&self) -> Result<Arc<Token>, TokenError> {
        self.tokens.token(self.grant.as_ref()).await
    }

    fn discard(&self, token: &Arc<Token>) -> bool {
        self.tokens.discard(self.grant.as_ref(), token)
    }

    fn nonce(&self) -> Option<Box<str>> {
        self.place.as_ref().and_then(Nonce::current)
    }
}

impl<S> fmt::Debug for Authorized<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorized").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}
