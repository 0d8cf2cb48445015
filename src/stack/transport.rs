//! Setters of the transport concern, and its defaults.

use std::sync::Arc;

use crate::{
    compose::Routes,
    guard::{Guard, IntoGuard, Needs},
    transport::{Hosts, Https, Sanity, SecurityHeaders},
};

use super::{ParapetBuilder, builder::Slot};

impl ParapetBuilder {
    /// The hosts this service answers for, `api.example.com` or `*.example.com`; any other is 421.
    /// Default: any, as only the operator knows the names, but never two that disagree.
    pub fn hosts<T: Into<String>>(mut self, hosts: impl IntoIterator<Item = T>) -> Self {
        self.names_hosts = true;
        self.replace("hosts", Hosts::builder().allow(hosts))
    }

    /// What is asked of the way a request comes, in place of [`Https`]'s defaults:
    /// `Https::required()`, say.
    pub fn https(self, https: impl IntoGuard) -> Self {
        self.replace("https", https)
    }

    /// What is sane in a request, in place of [`Sanity`]'s defaults.
    pub fn sanity(self, sanity: impl IntoGuard) -> Self {
        self.replace("sanity", sanity)
    }

    /// The headers of every response, in place of [`SecurityHeaders`]' defaults.
    pub fn security_headers(self, headers: impl IntoGuard) -> Self {
        self.replace("security_headers", headers)
    }

    /// Who sends a browser on repeats the host it asked for, which has to be one of ours.
    pub(super) fn refuse_redirects_to_any_host(
        &mut self,
        guards: &[Arc<dyn Guard>],
        routes: Option<&Routes>,
    ) {
        let redirects = guards.iter().any(|guard| guard.needs().contains(Needs::HOSTS))
            || routes.is_some_and(Routes::has_browser);
        if redirects && !self.names_hosts {
            self.mistakes.push(
                "hosts",
                "",
                "names no host, and browsers are sent on to https at the host they ask for",
                "add `.hosts([…])` with the names of this service",
            );
        }
    }
}

pub(super) fn defaults() -> Vec<Slot> {
    vec![
        ("hosts", Arc::new(Hosts::any()) as Arc<dyn Guard>),
        ("sanity", Arc::new(Sanity::default())),
        ("https", Arc::new(Https::default())),
        ("security_headers", Arc::new(SecurityHeaders::default())),
    ]
}
