use std::fmt;
use std::sync::Arc;

use super::endpoint::{BackchannelLogout, Inner};
use super::token::Expected;
use crate::auth::jwt::Signers;
use crate::auth::replay::{MemoryReplays, ReplayStore};
use crate::auth::revocation::Revocations;
use crate::clock::{Clock, SystemClock};
use crate::error::{ConfigError, Mistakes};

impl Revocations {
    /// Starts an endpoint by which the issuers of a scheme end sessions, `&jwt` or `&issuers`: see
    /// [`logout`](crate::auth::logout). The scheme has to ask this list, or nothing comes of it.
    pub fn backchannel_logout(&self, signers: impl Into<Signers>) -> BackchannelLogoutBuilder {
        BackchannelLogoutBuilder {
            signers: signers.into(),
            revocations: self.clone(),
            clients: Vec::new(),
            replays: Arc::new(MemoryReplays::default()),
            whole_identity: false,
            requires_type: false,
            clock: Arc::new(SystemClock::default()),
        }
    }
}

/// Builds a [`BackchannelLogout`]; see [`Revocations::backchannel_logout`].
#[must_use = "a builder does nothing until it is built"]
pub struct BackchannelLogoutBuilder {
    signers: Signers,
    revocations: Revocations,
    clients: Vec<String>,
    replays: Arc<dyn ReplayStore>,
    whole_identity: bool,
    requires_type: bool,
    clock: Arc<dyn Clock>,
}

impl BackchannelLogoutBuilder {
    /// A client whose sessions end here: the audience of its logout tokens, as it is registered at the
    /// provider. Required; several calls add up.
    pub fn client(mut self, id: impl Into<String>) -> Self {
        self.clients.push(id.into());
        self
    }

    /// Revokes all tokens of the user up to the logout, in every session, also where a token names one:
    /// for providers whose access tokens have no `sid`. Default: the session alone.
    pub fn whole_identity(mut self) -> Self {
        self.whole_identity = true;
        self
    }

    /// Takes only tokens whose header says `logout+jwt`: the safest choice where the provider writes
    /// it. Default: `JWT` and none too.
    pub fn type_required(mut self) -> Self {
        self.requires_type = true;
        self
    }

    /// Where used tokens are remembered, in place of the memory of the process: where several
    /// processes answer for one URL.
    pub fn with_replays(mut self, store: impl ReplayStore) -> Self {
        self.replays = Arc::new(store);
        self
    }

    /// Takes time from another clock, in tests for example: the one that the stack has.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The endpoint.
    ///
    /// # Errors
    ///
    /// When no client is named, or an empty one.
    pub fn build(self) -> Result<BackchannelLogout, ConfigError> {
        let mut mistakes = Mistakes::default();
        let remedy = "name the client that is registered at the provider";
        if self.clients.is_empty() {
            mistakes.push("client", "", "is missing", remedy);
        }
        if self.clients.iter().any(String::is_empty) {
            mistakes.push("client", "", "is empty", remedy);
        }
        mistakes.finish()?;
        Ok(BackchannelLogout(Arc::new(Inner {
            expected: Expected { clients: self.clients, requires_type: self.requires_type },
            signers: self.signers,
            revocations: self.revocations,
            replays: self.replays,
            whole_identity: self.whole_identity,
            clock: self.clock,
        })))
    }
}

impl fmt::Debug for BackchannelLogoutBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackchannelLogoutBuilder")
            .field("clients", &self.clients)
            .finish_non_exhaustive()
    }
}
