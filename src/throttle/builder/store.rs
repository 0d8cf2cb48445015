use super::super::backend::Backend;
use super::super::limits::Limits;
use super::super::memory::Memory;
use super::super::shared::Shared;
use super::ThrottleBuilder;
use crate::error::Mistakes;

/// Where counts are kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Store(Option<Shared>);

impl ThrottleBuilder {
    /// Keeps the counts in Redis, for all processes that name the same server, prefix, key and
    /// limits. Default: in this process's memory.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::Redis;
    /// use tower_parapet::throttle::{Key, Shared, Throttle};
    ///
    /// let redis = Redis::builder("redis://127.0.0.1").build()?;
    /// Throttle::per_minute(600)
    ///     .by(Key::ClientNet)
    ///     .shared(Shared::local_share(redis, 4))
    ///     .build()?;
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn shared(mut self, store: Shared) -> Self {
        self.store = Store(Some(store));
        self
    }
}

impl Store {
    pub(super) fn check(&self, limits: &Limits, mistakes: &mut Mistakes) {
        if let Some(shared) = &self.0 {
            shared.check(limits, mistakes);
        }
    }

    pub(super) fn backend(&self, buckets: usize) -> Backend {
        match &self.0 {
            Some(shared) => Backend::Shared(shared.ledger(buckets)),
            None => Backend::Memory(Memory::new(buckets)),
        }
    }

    /// `at most 100000 keys`.
    pub(super) fn summary(&self, max_keys: usize) -> String {
        match &self.0 {
            Some(shared) => shared.summary(),
            None => format!("at most {max_keys} keys"),
        }
    }
}
