use std::{borrow::Cow, sync::Arc, time::Duration};

use crate::{
    answer::{Answer, StoreError},
    inspect::{Findings, Readiness},
};

use super::{Claim, StoredResponse};

/// Where keys and answers are kept: [`MemoryResponses`](super::MemoryResponses) in this process, or one
/// that several processes share.
///
/// Each of the three is one step that nothing else comes between: of two processes that
/// [`begin`](Self::begin) at once, one is the [first](Begun::First). Times are monotonic, of the
/// stack's clock; a store that several processes share goes by its own.
pub trait IdempotencyStore: Send + Sync + 'static {
    /// Locks the key for the claim, if nobody has it, and else tells what is known of it.
    ///
    /// # Errors
    /// When the store cannot tell; the request is then refused with 503.
    fn begin(&self, claim: &Claim, now: Duration) -> Answer<Result<Begun, StoreError>>;

    /// Keeps the answer in place of the lock, or of an answer of the same claim. Where somebody
    /// else has the key by now, nothing changes; where nobody has, it is kept all the same.
    ///
    /// # Errors
    /// When the store cannot be told; it is told again for as long as the lock lasts.
    fn complete(
        &self,
        claim: &Claim,
        response: Arc<StoredResponse>,
        now: Duration,
    ) -> Answer<Result<(), StoreError>>;

    /// Gives the key up, so that the request may be sent again. An answer stays, and so does what
    /// somebody else has.
    ///
    /// # Errors
    /// When the store cannot be told; the lock then ends by itself.
    fn release(&self, claim: &Claim) -> Answer<Result<(), StoreError>>;

    /// Where answers are kept, for the manifest. Default empty.
    fn summary(&self) -> Cow<'static, str> {
        Cow::Borrowed("")
    }

    /// What the self-audit has to say about its settings. Default nothing.
    fn findings(&self, report: &mut Findings) {
        let _ = report;
    }

    /// What it still waits for before it can tell. Default nothing.
    fn ready(&self, readiness: &mut Readiness) {
        let _ = readiness;
    }
}

impl<S: IdempotencyStore + ?Sized> IdempotencyStore for Arc<S> {
    fn begin(&self, claim: &Claim, now: Duration) -> Answer<Result<Begun, StoreError>> {
        (**self).begin(claim, now)
    }

    fn complete(
        &self,
        claim: &Claim,
        response: Arc<StoredResponse>,
        now: Duration,
    ) -> Answer<Result<(), StoreError>> {
        (**self).complete(claim, response, now)
    }

    fn release(&self, claim: &Claim) -> Answer<Result<(), StoreError>> {
        (**self).release(claim)
    }

    fn summary(&self) -> Cow<'static, str> {
        (**self).summary()
    }

    fn findings(&self, report: &mut Findings) {
        (**self).findings(report);
    }

    fn ready(&self, readiness: &mut Readiness) {
        (**self).ready(readiness);
    }
}

/// What a store knows of a key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Begun {
    /// Nobody had it: it is locked for the claim.
    First,
    /// The same request has it, and is under way.
    UnderWay,
    /// The same request was done before, and this was its answer.
    Done(Arc<StoredResponse>),
    /// Another request has it.
    Another,
    /// There is no room for another key; there may be after this time.
    Full(Duration),
    /// There is no room for another key of this caller; there may be after this time.
    UsedUp(Duration),
}
