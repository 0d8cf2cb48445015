//! What stands in for fetched keys in a build without the feature `jwks`: nothing.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::algorithm::AlgorithmSet;
use super::fault::Fault;
use super::health::KeyHealth;
use super::keyring::{Claimed, Keyring};
use crate::error::Mistakes;

/// There is none.
#[derive(Debug)]
pub(super) enum Provider {}

impl Provider {
    pub(super) fn start(&self, _: &Arc<Keyring>) {
        match *self {}
    }

    pub(super) fn look(&self, _: &Arc<Keyring>) -> Duration {
        match *self {}
    }

    pub(super) fn miss(&self, _: &Arc<Keyring>, _: Option<&str>, _: Claimed, _: Fault) -> Fault {
        match *self {}
    }

    pub(super) fn landed(&self, _: u64) -> Option<BoxFuture<'static, ()>> {
        match *self {}
    }

    pub(super) fn describe(&self, _: &mut KeyHealth) {
        match *self {}
    }
}

/// Nothing can be set.
#[derive(Debug, Default)]
pub(super) struct Fetching {}

impl Fetching {
    pub(super) const REMEDY: &'static str = "give the issuer's keys with `jwks`, `jwks_file` or `public_key_pem`, or switch on the \
         feature `jwks` for `discover`";

    pub(super) fn is_asked_for(&self) -> bool {
        false
    }

    pub(super) fn imply_discovery(&mut self) {}

    pub(super) fn provider(&self, _: &str, _: AlgorithmSet, _: &mut Mistakes) -> Option<Provider> {
        None
    }
}
