use std::{any::Any, borrow::Cow};

use bytes::Bytes;
use http::{HeaderMap, response};

use crate::rejection::Rejection;

use super::Exchange;

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

pub(crate) type ReplyHook =
    Box<dyn FnOnce(&mut response::Parts) -> Result<(), Rejection> + Send + Sync>;

pub(crate) type BodyHookFn =
    Box<dyn FnOnce(&mut Exchange, &Bytes) -> Result<Option<Bytes>, Rejection> + Send + Sync>;

pub(crate) struct BodyHook {
    pub(crate) limit: usize,
    /// The guard on trial that registered it.
    pub(crate) trial: Option<&'static str>,
    pub(crate) hook: BodyHookFn,
}

/// What few requests register: one box, made when first needed, so that exchanges stay small.
#[derive(Default)]
pub(crate) struct Later {
    pub(crate) reply_hooks: Vec<ReplyHook>,
    pub(crate) body_hooks: Vec<BodyHook>,
    pub(crate) watches: Vec<Box<dyn BodyWatch>>,
    pub(crate) cap: Option<u64>,
    pub(crate) notes: Vec<(&'static str, Cow<'static, str>)>,
    pub(crate) permits: Vec<Box<dyn Any + Send + Sync>>,
}
