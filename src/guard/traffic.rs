//! What a request tells about the traffic: its id further out, and mistakes of the operator's.

use std::net::IpAddr;

use http::{HeaderName, header};

use crate::{
    context::{ClientAddr, Plain, Provenance, RequestId},
    inspect::Diagnosis,
};

use super::Exchange;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED: HeaderName = header::FORWARDED;

impl Exchange {
    /// As [`client`](Self::client), for who only tells of it: guards that settle it may not have run.
    pub(crate) fn client_so_far(&self) -> Option<ClientAddr> {
        let peer = || Some(ClientAddr::new(self.context.peer?.ip(), Provenance::Peer));
        self.context.client.or_else(peer)
    }

    /// Somebody needs the client's address, and nobody settled it: it is the peer's.
    pub(super) fn diagnose_address(&self) {
        match self.context.peer {
            None if self.env.peer.is_some() => self.diagnose_no_peer(),
            Some(peer) if self.env.diagnoses.is_watching() => {
                self.diagnose_untrusted(peer.ip(), &[X_FORWARDED_FOR, FORWARDED]);
            }
            _ => {}
        }
    }

    /// The guards are through, and the record will name the client.
    pub(crate) fn watch_client(&self) {
        let is_new = self.env.diagnoses.is_watching() && !self.probing;
        if is_new && self.context.client.is_none() && self.context.peer.is_some() {
            self.diagnose_address();
        }
    }

    /// Settles the request's id, unless it is settled: whoever asked before has another one.
    ///
    /// For what a proxy that is trusted calls the request. [`TrustedProxies`] does so by itself.
    ///
    /// [`TrustedProxies`]: crate::TrustedProxies
    pub fn set_request_id(&mut self, id: RequestId) {
        if self.trial.is_none() && self.context.request_id.is_none() {
            self.context.request_id = Some(id);
        }
    }

    /// Takes the id that a trusted proxy wrote.
    pub(crate) fn trust_request_id(&mut self) {
        let name = &self.env.ids.header;
        let mut values = self.head.headers.get_all(name).iter();
        let Some(value) = values.next() else { return };
        let id = RequestId::foreign(value.as_bytes()).filter(|_| values.next().is_none());
        match id {
            Some(id) => self.set_request_id(id),
            None => self.diagnose(Diagnosis::BadRequestId, |exchange| {
                let peer = exchange.peer().map(|peer| peer.ip().to_string()).unwrap_or_default();
                format!("{peer} sent {} that is none", exchange.env.ids.header)
            }),
        }
    }

    /// Tells, once for the life of the stack, what only shows in traffic and is the operator's to
    /// put right. It is logged as a warning and stays among the stack's findings.
    pub fn diagnose(&self, diagnosis: Diagnosis, evidence: impl FnOnce(&Self) -> String) {
        if !self.is_rehearsal() {
            self.env.diagnoses.tell(diagnosis, || evidence(self));
        }
    }

    #[cold]
    pub(crate) fn diagnose_no_peer(&self) {
        self.diagnose(Diagnosis::NoPeerAddress, |_| {
            "requests come without the address of their peer, and what needs it refuses them".into()
        });
    }

    /// Credentials are refused for what the operator can put right.
    #[cold]
    pub(super) fn diagnose_channel(&self, plain: Plain) {
        match (plain, self.context.peer) {
            (Plain::Unknown, _) => self.diagnose_no_peer(),
            (Plain::Silent, Some(peer)) => self.diagnose(Diagnosis::SilentProxy, |_| {
                format!("the trusted proxy {} does not say how it was called", peer.ip())
            }),
            _ => {}
        }
    }

    /// A forwarding header of a peer that no one trusts.
    pub(crate) fn diagnose_untrusted(&self, peer: IpAddr, names: &[HeaderName]) {
        if !self.env.diagnoses.is_due(Diagnosis::UntrustedProxy) {
            return;
        }
        if let Some(name) = names.iter().find(|name| self.headers().contains_key(*name)) {
            self.diagnose(Diagnosis::UntrustedProxy, |_| {
                format!("the peer {peer} sent {name}, which is ignored: it is not trusted")
            });
        }
    }
}
