//! What a store of counts is asked.

use std::sync::Arc;

use super::limits::Limits;
use super::rule::Moment;
use super::verdict::Verdict;

/// What is to become of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// It is charged where all limits admit it.
    Spend,
    /// Nothing is charged; what is charged later may be charged as of now.
    Look,
    /// Nothing is charged nor remembered.
    Peek,
}

/// The bucket of a key in a store that several processes share: a hash of 128 bits, the same in
/// every process, that says nothing of the key.
pub(super) type Digest = [u8; 16];

/// One request, as the limits see it.
pub(super) struct Order<'a> {
    /// The key's hash under a secret of this process.
    pub(super) tag: u64,
    /// The key's hash for others, made when it is asked for.
    pub(super) digest: &'a dyn Fn() -> Digest,
    pub(super) limits: &'a Arc<Limits>,
    pub(super) cost: u64,
    pub(super) mode: Mode,
    pub(super) at: Moment,
}

/// A charge that may yet be changed, once it is known what the request really cost.
#[derive(Clone, Debug)]
pub(super) struct Receipt {
    pub(super) tag: u64,
    /// Nothing where no other process shares the store.
    pub(super) digest: Option<Digest>,
    pub(super) limits: Arc<Limits>,
    pub(super) at: Moment,
    pub(super) verdict: Verdict,
}
