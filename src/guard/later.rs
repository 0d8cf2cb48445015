use std::{
    any::Any,
    borrow::Cow,
    sync::{Mutex, PoisonError},
};

use axum_core::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Response, response};

use crate::rejection::Rejection;

use super::{EndHook, Exchange, Resume};

/// Judges a body while the handler reads it: digests, multipart, streams of lines.
pub trait BodyWatch: Send + Sync + 'static {
    /// Sees the next piece before the handler does.
    ///
    /// # Errors
    /// The refusal; the body ends there, and the refusal takes the place of the handler's answer.
    fn chunk(&mut self, data: &Bytes) -> Result<(), Rejection>;

    /// Sees the end of the body, with its trailers.
    ///
    /// # Errors
    /// As for [`chunk`](Self::chunk).
    fn end(&mut self, trailers: Option<&HeaderMap>) -> Result<(), Rejection> {
        let _ = trailers;
        Ok(())
    }
}

type HeadHook = dyn FnOnce(&mut response::Parts) -> Result<(), Rejection> + Send + Sync;

type AnswerHook = dyn FnOnce(Response<Body>) -> Response<Body> + Send + Sync;

/// What runs once the handler has answered.
pub(crate) enum ReplyHook {
    /// Changes the head, or refuses.
    Head(Box<HeadHook>),
    /// Takes the whole answer, and gives the one that goes out.
    #[cfg_attr(not(feature = "throttle"), allow(dead_code, reason = "nobody needs it without"))]
    Whole(Box<AnswerHook>),
}

pub(crate) type BodyHookFn =
    Box<dyn FnOnce(&mut Exchange, &Bytes) -> Result<Option<Bytes>, Rejection> + Send + Sync>;

pub(crate) struct BodyHook {
    pub(crate) limit: usize,
    /// The guard on trial that registered it.
    pub(crate) trial: Option<&'static str>,
    pub(crate) hook: BodyHookFn,
}

/// Work for later, with the name of the guard that registered it, so that its refusal bears it.
pub(crate) struct Signed<T> {
    guard: Option<&'static str>,
    pub(crate) work: T,
}

impl<T> Signed<T> {
    pub(crate) fn new(work: T) -> Self {
        Self { guard: None, work }
    }

    /// Who registered it.
    pub(crate) fn guard(&self) -> Option<&'static str> {
        self.guard
    }

    fn by(&mut self, guard: &'static str) {
        self.guard.get_or_insert(guard);
    }

    /// Does the work; a refusal bears the name.
    pub(crate) fn doing<R>(
        self,
        work: impl FnOnce(T) -> Result<R, Rejection>,
    ) -> Result<R, Rejection> {
        let guard = self.guard;
        work(self.work).map_err(|refusal| named(refusal, guard))
    }

    /// As [`doing`](Self::doing), for work that goes on.
    pub(crate) fn doing_some(
        &mut self,
        work: impl FnOnce(&mut T) -> Result<(), Rejection>,
    ) -> Result<(), Rejection> {
        work(&mut self.work).map_err(|refusal| named(refusal, self.guard))
    }
}

fn named(refusal: Rejection, guard: Option<&'static str>) -> Rejection {
    match guard {
        Some(guard) => refusal.by(guard),
        None => refusal,
    }
}

/// What few requests register: one box, made when first needed, so that exchanges stay small.
#[derive(Default)]
pub(crate) struct Later {
    pub(crate) reply_hooks: Vec<Signed<ReplyHook>>,
    pub(crate) body_hooks: Vec<Signed<BodyHook>>,
    /// What a body hook has to wait for; behind a lock only so that exchanges can be shared.
    waits: Mutex<Vec<Resume>>,
    pub(crate) watches: Vec<Signed<Box<dyn BodyWatch>>>,
    pub(crate) cap: Option<u64>,
    /// Where the body is a stream of messages: the largest of them, if it is not that of a body.
    pub(crate) messages: Option<Option<u64>>,
    pub(crate) notes: Vec<(&'static str, Cow<'static, str>)>,
    pub(crate) permits: Vec<Box<dyn Any + Send + Sync>>,
    pub(crate) ends: Vec<EndHook>,
}

impl Later {
    pub(crate) fn waits(&mut self) -> &mut Vec<Resume> {
        self.waits.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is something to keep until the request is over.
    pub(crate) fn outlives_the_answer(&self) -> bool {
        !self.permits.is_empty() || !self.ends.is_empty()
    }

    /// Signs what bears no name yet.
    pub(crate) fn sign(&mut self, guard: &'static str) {
        self.reply_hooks.iter_mut().for_each(|hook| hook.by(guard));
        self.body_hooks.iter_mut().for_each(|hook| hook.by(guard));
        self.watches.iter_mut().for_each(|watch| watch.by(guard));
    }
}
