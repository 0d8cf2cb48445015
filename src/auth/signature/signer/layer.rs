//! The signer as a layer of a client.

use std::task::{Context as Cx, Poll};

use axum_core::{BoxError, body::Body};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Request;
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use tower_layer::Layer;
use tower_service::Service;

use super::Signer;

/// A client that signs each request; made by the layer that a [`Signer`] is.
///
/// It reads the body of a request whole before it sends it, since the digest stands in the head.
///
/// # Example
/// ```
/// use http::{Request, Response};
/// use tower::{Layer, ServiceExt, service_fn};
/// use tower_parapet::{Body, auth::signature::{Signer, SigningKey}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let signer = Signer::builder("robot-1", SigningKey::shared([7; 32])?).build()?;
/// let client = signer.layer(service_fn(|request: Request<Body>| async move {
///     assert!(request.headers().contains_key("signature"));
///     Ok::<_, std::io::Error>(Response::new(()))
/// }));
/// client.oneshot(Request::get("https://api.example/orders").body(Body::empty())?).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Signing<S> {
    inner: S,
    signer: Signer,
}

impl<S> Layer<S> for Signer {
    type Service = Signing<S>;

    fn layer(&self, inner: S) -> Signing<S> {
        Signing { inner, signer: self.clone() }
    }
}

impl<S, B> Service<Request<B>> for Signing<S>
where
    S: Service<Request<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Cx<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The instance that was polled ready is the one to call; the clone is polled anew.
        let clone = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, clone);
        let signer = self.signer.clone();
        Box::pin(async move {
            let (mut head, body) = request.into_parts();
            let content = body.collect().await.map_err(Into::into)?.to_bytes();
            signer.sign(&mut head, &content)?;
            let body = if content.is_empty() { Body::empty() } else { Body::from(content) };
            ready.call(Request::from_parts(head, body)).await.map_err(Into::into)
        })
    }
}
