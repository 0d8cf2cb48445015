//! Setters of the transport concern, and its defaults.

use std::sync::Arc;

use crate::{
    guard::{Guard, IntoGuard},
    transport::{Hosts, Sanity, SecurityHeaders},
};

use super::{ParapetBuilder, builder::Slot};

impl ParapetBuilder {
    /// The hosts this service answers for, `api.example.com` or `*.example.com`; any other is 421.
    /// Default: any, as only the operator knows the names, but never two that disagree.
    pub fn hosts<T: Into<String>>(self, hosts: impl IntoIterator<Item = T>) -> Self {
        self.replace("hosts", Hosts::builder().allow(hosts))
    }

    /// What is sane in a request, in place of [`Sanity`]'s defaults.
    pub fn sanity(self, sanity: impl IntoGuard) -> Self {
        self.replace("sanity", sanity)
    }

    /// The headers of every response, in place of [`SecurityHeaders`]' defaults.
    pub fn security_headers(self, headers: impl IntoGuard) -> Self {
        self.replace("security_headers", headers)
    }
}

pub(super) fn defaults() -> Vec<Slot> {
    vec![
        ("hosts", Arc::new(Hosts::any()) as Arc<dyn Guard>),
        ("sanity", Arc::new(Sanity::default())),
        ("security_headers", Arc::new(SecurityHeaders::default())),
    ]
}
