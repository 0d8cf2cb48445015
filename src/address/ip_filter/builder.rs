use std::path::Path;

use crate::address::networks::{self, Networks, Source};
use crate::error::{ConfigError, Mistakes};
use crate::ranges::Ranges;

use super::IpFilter;

/// Builds an [`IpFilter`]; see [`IpFilter::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct IpFilterBuilder {
    allow: Option<Vec<Source>>,
    deny: Option<Vec<Source>>,
}

impl IpFilterBuilder {
    /// Allows these networks, and nothing else that no other `allow` names. Default: all.
    pub fn allow<M>(mut self, networks: impl Networks<M>) -> Self {
        Source::texts("allow", networks, self.allow.get_or_insert_default());
        self
    }

    /// Allows the networks in a text file: one CIDR or address a line, comments after `#` or `;`.
    ///
    /// The file is read by [`build`](Self::build), once.
    pub fn allow_file(mut self, path: impl AsRef<Path>) -> Self {
        let allow = self.allow.get_or_insert_default();
        allow.push(Source::file("allow_file", path.as_ref()));
        self
    }

    /// Denies these networks, also where they are allowed. Default: none.
    pub fn deny<M>(mut self, networks: impl Networks<M>) -> Self {
        Source::texts("deny", networks, self.deny.get_or_insert_default());
        self
    }

    /// Denies the networks in a text file: one CIDR or address a line, comments after `#` or `;`.
    ///
    /// The file is read by [`build`](Self::build), once. It may be empty.
    pub fn deny_file(mut self, path: impl AsRef<Path>) -> Self {
        let deny = self.deny.get_or_insert_default();
        deny.push(Source::file("deny_file", path.as_ref()));
        self
    }

    /// The guard.
    ///
    /// # Errors
    /// For every text that is no network, every file that cannot be read, every bad line in one
    /// (named as `file:line`, the first 20 a file), an allow list without an entry, and a filter
    /// without any list.
    pub fn build(self) -> Result<IpFilter, ConfigError> {
        let mut mistakes = Mistakes::default();
        if self.allow.is_none() && self.deny.is_none() {
            mistakes.push(
                "allow",
                "",
                "has no list to filter by",
                "name networks to `allow` or to `deny`",
            );
        }
        let mut allow = None;
        if let Some(sources) = &self.allow {
            let networks = networks::read(sources, &mut mistakes);
            if networks.is_empty() && mistakes.is_empty() {
                mistakes.push(
                    "allow",
                    "",
                    "is an empty list, which would deny everyone",
                    "name at least one network, or leave the allow list out",
                );
            }
            allow = Some(Ranges::new(&networks));
        }
        let deny = networks::read(self.deny.as_deref().unwrap_or_default(), &mut mistakes);
        mistakes.finish()?;
        Ok(IpFilter::of(allow, Ranges::new(&deny)))
    }
}
