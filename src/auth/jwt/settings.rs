//! The checks of a [`JwtBuilder`]'s settings.

use std::time::Duration;

use super::algorithm::{Algorithm, AlgorithmSet};
use super::builder::JwtBuilder;
use super::claim_map::ClaimMap;
use super::preset::Callers;
use super::provider::Misnamed;
use super::source::Source;
use crate::error::Mistakes;

const MOST_SKEW: Duration = Duration::from_secs(300);
const MOST_CACHED: usize = 1_000_000;

impl JwtBuilder {
    pub(super) fn check_names(&self, mistakes: &mut Mistakes) {
        if let Some(Misnamed { setter, value, problem, remedy }) = &self.misnamed {
            mistakes.push(*setter, value, *problem, *remedy);
        }
        match self.issuers.as_slice() {
            [] => {
                mistakes.push("issuer", "", "is missing", "name the issuer as in the claim `iss`")
            }
            [only] if only.is_empty() => {
                mistakes.push("issuer", "", "is empty", "name the issuer as in the claim `iss`");
            }
            [_] => {}
            [.., last] => {
                let remedy = "build one for each issuer, and join them by `Issuers::of`";
                mistakes.push("issuer", last, "is a second issuer", remedy);
            }
        }
        let callers = self.preset.map_or(Callers::Any, |preset| preset.callers);
        match (callers, self.audiences.is_empty(), self.clients.is_empty()) {
            (Callers::InsteadOfAudience, true, true) => {
                let remedy = "name the clients whose tokens are taken, as in `client_id`";
                mistakes.push("client", "", "is missing", remedy);
            }
            (Callers::InsteadOfAudience, true, false) => {}
            (_, true, _) => {
                let remedy = "name this service as in the claim `aud`";
                mistakes.push("audience", "", "is missing", remedy);
            }
            _ => {}
        }
        if matches!(callers, Callers::Named) && self.clients.is_empty() {
            let remedy = "name the callers: whoever has an account there gets such tokens";
            mistakes.push("client", "", "is missing", remedy);
        }
        if self.clients.iter().any(String::is_empty) {
            mistakes.push("client", "", "is empty", "name a client, or leave it out");
        }
        if self.audiences.iter().any(String::is_empty) {
            let remedy = "name this service as in the claim `aud`";
            mistakes.push("audience", "", "is empty", remedy);
        }
        if let Some(types) = &self.token_types
            && (types.is_empty() || types.iter().any(|typ| bare(typ).is_empty()))
        {
            mistakes.push("token_types", "", "names no type", "name one such as `at+jwt`");
        }
    }

    pub(super) fn check_claims(&self, map: &ClaimMap, mistakes: &mut Mistakes) {
        for setter in map.empty_entries() {
            mistakes.push(setter, "", "is empty", "name a claim, or leave it out");
        }
        if map.client.is_empty() && !self.clients.is_empty() {
            let remedy = "say where the client is, with `client_claim`";
            mistakes.push("client", "", "has no claim to be compared with", remedy);
        }
    }

    pub(super) fn check_limits(&self, mistakes: &mut Mistakes) {
        if self.clock_skew > MOST_SKEW {
            let value = format!("{:?}", self.clock_skew);
            mistakes.push("clock_skew", value, "is more than 5 min", "let clocks be synchronised");
        }
        if self.cache_capacity > MOST_CACHED {
            let value = self.cache_capacity.to_string();
            let remedy = "write a number up to 1000000";
            mistakes.push("cache_capacity", value, "is more than 1000000", remedy);
        }
    }
}

/// The algorithms that are asked for.
pub(super) fn allowed(
    asked: Option<&[Algorithm]>,
    sources: &[Source],
    mistakes: &mut Mistakes,
) -> AlgorithmSet {
    let Some(list) = asked else { return AlgorithmSet::ALL };
    if list.is_empty() {
        mistakes.push("algorithms", "", "allows nothing", "name one, or leave it out");
    }
    for algorithm in list.iter().filter(|algorithm| algorithm.is_symmetric()) {
        let has_secret =
            |source: &Source| matches!(source, Source::Secret(of, _) if of == algorithm);
        if !sources.iter().any(has_secret) {
            let problem = "is symmetric and there is no shared secret for it";
            let remedy = "take it out, or give one with `shared_secret`";
            mistakes.push("algorithms", algorithm.name(), problem, remedy);
        }
    }
    list.iter().copied().collect()
}

pub(super) fn bare(typ: &str) -> String {
    let lower = typ.to_ascii_lowercase();
    lower.strip_prefix("application/").map(str::to_owned).unwrap_or(lower)
}
