use std::net::IpAddr;

use http::{HeaderName, Method};
use serde_json::Value;

use crate::context::claim_path::ClaimPath;
use crate::context::{Access, Principal};
use crate::rejection::Rejection;

use super::super::hash::{KeyHash, Shared};
use super::super::limits::Limits;
use super::super::order::Digest;
use super::super::sip::Secret;
use super::facts::Facts;
use super::part::KeyWriter;
use super::{Absent, Key, LONGEST_VALUE, refusal};

// What a part of a key begins with, so that no part reads as another one.
const V4: u64 = 1 << 32;
const V6: u64 = 2 << 32;
const PRINCIPAL: u64 = 3 << 32;
const HEADER: u64 = 4 << 32;
const ABSENT: u64 = 5 << 32;
const ROUTE: u64 = 6 << 32;
const GLOBAL: u64 = 7 << 32;
const TENANT: u64 = 8 << 32;
const API_KEY: u64 = 9 << 32;
const CLAIM_TEXT: u64 = 10 << 32;
const CLAIM_WHOLE: u64 = 11 << 32;
const CLAIM_LARGE: u64 = 12 << 32;
const CLAIM_FRACTION: u64 = 13 << 32;
const METHOD: u64 = 14 << 32;
const TYPED: u64 = 15 << 32;
const SET: u64 = 16 << 32;

/// Any other method is one with the rest, so that made-up ones are no keys.
const METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
    Method::CONNECT,
];

/// How many bits of an address are a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::throttle) struct Prefixes {
    pub(in crate::throttle) v4: u8,
    pub(in crate::throttle) v6: u8,
}

/// Turns requests into tags: what a store knows a key by.
#[derive(Clone, Debug)]
pub(in crate::throttle) struct Tagger {
    parts: Box<[Part]>,
    names_caller: bool,
    absent: Absent,
    v4_mask: u32,
    v6_mask: u128,
    secret: Secret,
}

/// One part of a key, as it is read.
#[derive(Clone, Debug)]
enum Part {
    Claim(ClaimPath),
    Other(Key),
}

impl Tagger {
    pub(in crate::throttle) fn new(key: &Key, absent: Absent, prefixes: Prefixes) -> Self {
        let part = |key: &Key| match key {
            Key::Claim(name) => Part::Claim(ClaimPath::new(name.to_string())),
            other => Part::Other(other.clone()),
        };
        Self {
            parts: key.parts().into_iter().map(part).collect(),
            names_caller: key.names_caller(),
            absent,
            v4_mask: u32::MAX.checked_shl(32 - u32::from(prefixes.v4.min(32))).unwrap_or(0),
            v6_mask: u128::MAX.checked_shl(128 - u32::from(prefixes.v6.min(128))).unwrap_or(0),
            secret: Secret::random(),
        }
    }

    /// Whether the limit applies to the route: a limit by caller does not to a public one.
    #[inline]
    pub(in crate::throttle) fn applies(&self, facts: Facts<'_>) -> bool {
        !self.names_caller || !matches!(facts.access(), Some(Access::Public { .. } | Access::Probe))
    }

    /// The tag of a request's bucket among those of a set of limits; `None` where the limit does
    /// not apply to it.
    #[inline]
    pub(in crate::throttle) fn tag(
        &self,
        facts: Facts<'_>,
        limits: &Limits,
    ) -> Result<Option<u64>, Rejection> {
        if !self.applies(facts) {
            return Ok(None);
        }
        let mut hash = self.secret.hasher();
        if limits.id() != 0 {
            hash.word(SET | limits.id());
        }
        self.write(&mut hash, facts)?;
        Ok(Some(hash.finish()))
    }

    /// The same, for what is counted without limits that are told apart.
    pub(in crate::throttle) fn sole_tag(&self, facts: Facts<'_>) -> Result<Option<u64>, Rejection> {
        if !self.applies(facts) {
            return Ok(None);
        }
        let mut hash = self.secret.hasher();
        self.write(&mut hash, facts)?;
        Ok(Some(hash.finish()))
    }

    /// The tag for a store that other processes share; asked only once there is a tag.
    pub(in crate::throttle) fn digest(&self, facts: Facts<'_>, limits: &Limits) -> Digest {
        let mut hash = Shared::default();
        hash.word(SET);
        hash.text(limits.label().as_bytes());
        match self.write(&mut hash, facts) {
            Ok(()) => hash.finish(),
            // There was a tag, so there is a key.
            Err(_) => Digest::default(),
        }
    }

    pub(super) fn write<H: KeyHash>(
        &self,
        hash: &mut H,
        facts: Facts<'_>,
    ) -> Result<(), Rejection> {
        for part in &self.parts {
            match part {
                Part::Other(Key::ClientNet) => self.client(hash, facts)?,
                Part::Other(Key::Principal) => self.principal(hash, facts)?,
                Part::Other(Key::Header(name)) => self.header(hash, name, facts)?,
                Part::Other(Key::Route) => {
                    hash.word(ROUTE);
                    hash.text(facts.pattern().as_bytes());
                }
                Part::Other(Key::Method) => {
                    let known = METHODS.iter().position(|known| known == facts.method());
                    hash.word(METHOD | known.unwrap_or(METHODS.len()) as u64);
                }
                Part::Other(Key::Tenant) => self.tenant(hash, facts)?,
                Part::Other(Key::ApiKey) => self.api_key(hash, facts)?,
                Part::Claim(path) => self.claim(hash, path, facts)?,
                Part::Other(Key::Typed(typed)) => {
                    hash.word(TYPED);
                    let read = |exchange| typed.write(exchange, KeyWriter::new(&mut *hash));
                    if !facts.exchange().is_some_and(read) {
                        self.absent(hash, facts, || refusal::without_typed(typed.name()))?;
                    }
                }
                Part::Other(_) => hash.word(GLOBAL),
            }
        }
        Ok(())
    }

    #[inline]
    fn client<H: KeyHash>(&self, hash: &mut H, facts: Facts<'_>) -> Result<(), Rejection> {
        match facts.client().ok_or_else(refusal::nowhere)?.ip() {
            IpAddr::V4(ip) => {
                hash.word(V4 | u64::from(ip.to_bits() & self.v4_mask));
            }
            IpAddr::V6(ip) => {
                let network = ip.to_bits() & self.v6_mask;
                hash.word(V6);
                hash.word((network >> 64) as u64);
                hash.word(network as u64);
            }
        }
        Ok(())
    }

    #[inline]
    fn principal<H: KeyHash>(&self, hash: &mut H, facts: Facts<'_>) -> Result<(), Rejection> {
        let Some(principal) = facts.principal() else { return self.stranger(hash, facts) };
        hash.word(PRINCIPAL);
        hash.text(principal.issuer().as_bytes());
        hash.text(principal.subject().as_bytes());
        Ok(())
    }

    /// Nobody, where somebody was asked for.
    fn stranger<H: KeyHash>(&self, hash: &mut H, facts: Facts<'_>) -> Result<(), Rejection> {
        match facts.access() {
            Some(Access::Optional | Access::Public { .. }) => self.client(hash, facts),
            _ => Err(refusal::anonymous()),
        }
    }

    fn tenant<H: KeyHash>(&self, hash: &mut H, facts: Facts<'_>) -> Result<(), Rejection> {
        let Some(principal) = facts.principal() else { return self.stranger(hash, facts) };
        match principal.tenant() {
            Some(tenant) => {
                hash.word(TENANT);
                hash.text(principal.issuer().as_bytes());
                hash.text(tenant.as_bytes());
                Ok(())
            }
            None => self.absent(hash, facts, || refusal::without("tenant")),
        }
    }

    fn api_key<H: KeyHash>(&self, hash: &mut H, facts: Facts<'_>) -> Result<(), Rejection> {
        let Some(principal) = facts.principal() else { return self.stranger(hash, facts) };
        match principal.key_id() {
            Some(id) => {
                // Ids are drawn by one store, and another one may have the same.
                hash.word(API_KEY);
                hash.text(principal.issuer().as_bytes());
                hash.text(principal.subject().as_bytes());
                hash.text(id.as_bytes());
                Ok(())
            }
            None => self.absent(hash, facts, || refusal::without("API key")),
        }
    }

    fn claim<H: KeyHash>(
        &self,
        hash: &mut H,
        path: &ClaimPath,
        facts: Facts<'_>,
    ) -> Result<(), Rejection> {
        let Some(principal) = facts.principal() else { return self.stranger(hash, facts) };
        match principal.claims().and_then(|claims| path.of(claims)) {
            Some(Value::String(text)) if text.len() <= LONGEST_VALUE => {
                hash.word(CLAIM_TEXT);
                within(hash, principal);
                hash.text(text.as_bytes());
                Ok(())
            }
            Some(Value::Number(number)) => {
                let (kind, word) = match (number.as_i64(), number.as_u64(), number.as_f64()) {
                    (Some(whole), _, _) => (CLAIM_WHOLE, whole.cast_unsigned()),
                    (None, Some(large), _) => (CLAIM_LARGE, large),
                    (None, None, fraction) => (CLAIM_FRACTION, fraction.unwrap_or(0.0).to_bits()),
                };
                hash.word(kind);
                within(hash, principal);
                hash.word(word);
                Ok(())
            }
            Some(Value::Null) | None => {
                self.absent(hash, facts, || refusal::without(&format!("claim `{}`", path.as_str())))
            }
            Some(_) => Err(refusal::bad_claim(path.as_str())),
        }
    }

    fn header<H: KeyHash>(
        &self,
        hash: &mut H,
        name: &HeaderName,
        facts: Facts<'_>,
    ) -> Result<(), Rejection> {
        let mut values = facts.headers().into_iter().flat_map(|headers| headers.get_all(name));
        match (values.next(), values.next()) {
            (Some(value), None) if value.len() <= LONGEST_VALUE => {
                hash.word(HEADER);
                hash.text(value.as_bytes());
                Ok(())
            }
            (Some(_), None) => Err(refusal::long_header(name)),
            (Some(_), Some(_)) => Err(refusal::many_headers(name)),
            (None, _) => self.absent(hash, facts, || refusal::no_header(name)),
        }
    }

    fn absent<H: KeyHash>(
        &self,
        hash: &mut H,
        facts: Facts<'_>,
        refuse: impl FnOnce() -> Rejection,
    ) -> Result<(), Rejection> {
        match (self.absent, facts.principal()) {
            (Absent::Refuse, _) => return Err(refuse()),
            (Absent::Share, _) => hash.word(ABSENT),
            (Absent::Principal, Some(_)) => self.principal(hash, facts)?,
            (Absent::Principal | Absent::ClientNet, _) => self.client(hash, facts)?,
        }
        Ok(())
    }
}

/// A claim says something within its issuer.
fn within<H: KeyHash>(hash: &mut H, principal: &Principal) {
    hash.text(principal.issuer().as_bytes());
}
