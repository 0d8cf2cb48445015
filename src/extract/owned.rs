//! An object, handed over only to whom it belongs.

use std::ops::{Deref, DerefMut};

use axum::extract::{FromRequestParts, Path, path::ErrorKind, rejection::PathRejection};
use http::{HeaderValue, header::RETRY_AFTER, request::Parts};

use super::{Ownable, known::principal, load::LoadError};
use crate::{
    context::Principal,
    rejection::{Reason, Rejection},
};

/// How long a caller is told to wait when the object cannot be loaded.
const RETRY: HeaderValue = HeaderValue::from_static("5");

/// An object named by the path, which the caller may have.
///
/// A handler that takes it cannot forget to compare the owner: there is no other way to make one
/// than to load the object and ask it ([`Ownable::may_access`]). An object that does not exist and
/// one of somebody else get the same answer, 404, so that nobody learns by asking which exist; the
/// record tells them apart. Both take one look-up.
///
/// See [`Ownable`] for an example.
#[derive(Debug)]
pub struct Owned<T>(T);

impl<T> Owned<T> {
    /// The object itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Owned<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<S, T> FromRequestParts<S> for Owned<T>
where
    S: Send + Sync,
    T: Ownable<S> + Send,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let caller = principal(parts)?.clone();
        let key = Path::<T::Key>::from_request_parts(parts, state).await;
        let Path(key) = key.map_err(unreadable)?;
        let object = T::load(state, key).await.map_err(unavailable)?;
        let object =
            object.ok_or_else(|| absent().expected("an object").found("no such object"))?;
        if object.may_access(&caller) { Ok(Self(object)) } else { Err(foreign(&object, &caller)) }
    }
}

/// The one public answer to an object that is not there for this caller.
fn absent() -> Rejection {
    Rejection::new(Reason::NotFound)
}

fn foreign<S, T: Ownable<S>>(object: &T, caller: &Principal) -> Rejection {
    absent().expected(format!("the owner, {}", object.owner())).found(format!(
        "another caller, {} of {}",
        caller.subject(),
        caller.issuer()
    ))
}

/// A key that cannot be read names no object. A route whose parameters are not those of the key is
/// a mistake of the service. Why a key cannot be read would repeat it, and a path may hold a secret.
fn unreadable(rejection: PathRejection) -> Rejection {
    let is_ours = match &rejection {
        PathRejection::FailedToDeserializePathParams(failed) => matches!(
            failed.kind(),
            ErrorKind::WrongNumberOfParameters { .. } | ErrorKind::UnsupportedType { .. }
        ),
        _ => true,
    };
    if is_ours {
        Rejection::new(Reason::Misconfigured)
            .expected("a route with the parameters of the key")
            .found("another route")
            .cause(rejection)
    } else {
        absent().expected("the key of an object").found("a path that names no object")
    }
}

fn unavailable(error: LoadError) -> Rejection {
    Rejection::new(Reason::Unavailable)
        .expected("a store that loads the object")
        .found("one that does not")
        .cause(error.into_cause())
        .header(RETRY_AFTER, RETRY)
}
