use std::fmt;
use std::sync::Arc;

use crate::guard::Exchange;

use super::part::{KeyPart, KeyWriter};

type Read = dyn Fn(&Exchange, KeyWriter<'_>) -> bool + Send + Sync;

/// A key of your own: a name, and how its value is read; see [`Key::of`](super::Key::of).
#[derive(Clone)]
pub struct TypedKey {
    name: Arc<str>,
    pub(super) is_early: bool,
    read: Arc<Read>,
}

impl TypedKey {
    pub(super) fn new<T: KeyPart>(
        name: impl Into<String>,
        is_early: bool,
        read: impl Fn(&Exchange) -> Option<T> + Send + Sync + 'static,
    ) -> Self {
        let read = move |exchange: &Exchange, mut to: KeyWriter<'_>| {
            let Some(value) = read(exchange) else { return false };
            value.write(&mut to);
            to.end();
            true
        };
        Self { name: name.into().into(), is_early, read: Arc::new(read) }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes the value, where there is one.
    pub(super) fn write(&self, exchange: &Exchange, to: KeyWriter<'_>) -> bool {
        (self.read)(exchange, to)
    }
}

/// The very same key, and not one that reads alike.
impl PartialEq for TypedKey {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.read, &other.read)
    }
}

impl Eq for TypedKey {}

impl fmt::Debug for TypedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedKey").field("name", &self.name).finish_non_exhaustive()
    }
}
