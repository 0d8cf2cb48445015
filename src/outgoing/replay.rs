//! Bodies that can be sent again.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use axum_core::body::Body;
use bytes::Bytes;
use http::Request;
use http_body::Body as _;
use http_body_util::{Empty, Full};

/// How the body of a request is made again, for a request whose own body can be read only once. As an
/// extension of the request it lets the layer repeat it after a 401.
///
/// Without it these are repeated: requests with the body `()`, `String`, `Bytes`, `Full<Bytes>`,
/// `Empty<Bytes>`, and those with [`tower_parapet::Body`](crate::Body) that is empty.
///
/// # Example
/// ```
/// use http::Request;
/// use tower_parapet::{Body, outgoing::Replay};
///
/// let order = r#"{"item":7}"#;
/// let request = Request::post("https://stock.example/orders")
///     .extension(Replay::with(move || Body::from(order)))
///     .body(Body::from(order))?;
/// # let _ = request;
/// # Ok::<(), http::Error>(())
/// ```
pub struct Replay<B>(Arc<dyn Fn() -> B + Send + Sync>);

impl<B> Replay<B> {
    /// Makes the body anew each time it is called.
    pub fn with(make: impl Fn() -> B + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }
}

impl<B> Clone for Replay<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<B> fmt::Debug for Replay<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Replay")
    }
}

/// The same request once more, where its body can be had once more.
pub(super) fn copy<B: 'static>(request: &Request<B>) -> Option<Request<B>> {
    let body = match request.extensions().get::<Replay<B>>() {
        Some(replay) => (replay.0)(),
        None => of_known_kind(request.body())?,
    };
    let mut copy = Request::new(body);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}

fn of_known_kind<B: 'static>(body: &B) -> Option<B> {
    let body = body as &dyn Any;
    if let Some(any) = body.downcast_ref::<Body>() {
        return any.is_end_stream().then(|| same(Body::empty())).flatten();
    }
    clone_of::<Full<Bytes>, B>(body)
        .or_else(|| clone_of::<Empty<Bytes>, B>(body))
        .or_else(|| clone_of::<Bytes, B>(body))
        .or_else(|| clone_of::<String, B>(body))
        .or_else(|| clone_of::<(), B>(body))
}

fn clone_of<K: Clone + 'static, B: 'static>(body: &dyn Any) -> Option<B> {
    body.downcast_ref::<K>().cloned().and_then(same)
}

/// A value as the type that it has.
fn same<K: 'static, B: 'static>(value: K) -> Option<B> {
    let mut value = Some(value);
    (&mut value as &mut dyn Any).downcast_mut::<Option<B>>().and_then(Option::take)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_copied<B: 'static>(body: B) -> bool {
        copy(&Request::new(body)).is_some()
    }

    #[test]
    fn bodies_that_are_at_hand_are_sent_again_and_streams_are_not() {
        assert!(is_copied(()) && is_copied(String::from("x")) && is_copied(Bytes::from("x")));
        assert!(is_copied(Full::new(Bytes::from("x"))) && is_copied(Empty::<Bytes>::new()));
        assert!(is_copied(Body::empty()) && !is_copied(Body::from("x")));
        assert!(!is_copied(vec![1]));
        let mut request = Request::new(vec![1]);
        request.extensions_mut().insert(Replay::with(|| vec![1]));
        assert_eq!(copy(&request).unwrap().body(), &[1]);
    }
}
