use crate::error::{ConfigError, Mistakes};

use super::authority::Authority;
use super::guard::Hosts;
use super::list::List;

/// Builds [`Hosts`]; see [`Hosts::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct HostsBuilder {
    allow: Vec<String>,
}

impl HostsBuilder {
    /// Answers for these hosts: `api.example.com`, `*.example.com`, `[2001:db8::1]`, each with or
    /// without a port.
    ///
    /// The star stands for one or more labels, not for none: `*.example.com` is not `example.com`.
    /// Without a port, an entry covers every port; with one, that port, and with 80 or 443 also a
    /// request that names none.
    pub fn allow<T: Into<String>>(mut self, hosts: impl IntoIterator<Item = T>) -> Self {
        self.allow.extend(hosts.into_iter().map(Into::into));
        self
    }

    /// The guard.
    ///
    /// # Errors
    /// For every entry that is no host, and for a list without an entry.
    pub fn build(self) -> Result<Hosts, ConfigError> {
        let mut mistakes = Mistakes::default();
        if self.allow.is_empty() {
            mistakes.push(
                "allow",
                "",
                "names no host, so every request would be refused",
                "name the hosts of this service, or use `Hosts::any()`",
            );
        }
        let mut list = List::default();
        for text in &self.allow {
            let (is_suffix, host) = match text.trim().strip_prefix("*.") {
                Some(rest) => (true, rest),
                None => (false, text.trim()),
            };
            match Authority::parse(host.as_bytes()).filter(|_| !host.ends_with(':')) {
                Some(authority) if !(is_suffix && host.starts_with('[')) => {
                    list.add(is_suffix, authority);
                }
                _ => mistakes.push(
                    "allow",
                    text,
                    "is not a host",
                    "write `api.example.com`, `*.example.com` or `api.example.com:8443`",
                ),
            }
        }
        mistakes.finish()?;
        Ok(Hosts::of(list))
    }
}
