mod choice;
mod cost;
mod outcome;
mod sets;
mod tell;

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use http::{HeaderName, header};

use crate::context::claim_path::ClaimPath;
use crate::error::{ConfigError, Mistakes};
use crate::guard::Phase;
use crate::observe::Signal;

use super::choice::Choice;
use super::cost::Pricing;
use super::guard::{Inner, Throttle};
use super::key::{Absent, Key, Prefixes, Tagger};
use super::limit::Limit;
use super::limits::Limits;
use super::outcome::{Effect, Outcomes};
use super::stats::Tally;
use super::tell::{Telling, Told};
use super::verdict::MOST;

#[cfg_attr(not(feature = "redis"), path = "builder/bare.rs")]
mod store;
pub(super) use sets::{For, Sets};
use store::Store;

const MOST_KEYS: usize = 1 << 28;

/// What a throttle counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Count {
    /// Every request. The default.
    #[default]
    Requests,
    /// Requests refused for credentials that are malformed, forged or unknown. Genuine ones that
    /// have expired do not count, nor do absent ones.
    ///
    /// The throttle is then asked before authentication and charged when a request is over, so it
    /// is an [`Observer`](crate::Observer) too, which a stack sees to. Requests
    /// under way at the same time are not charged yet, so that many may still pass.
    ForgedCredentials,
    /// What [`on`](ThrottleBuilder::on) charges for once a request is over, and nothing else.
    Outcomes,
}

/// Builds a [`Throttle`]; see [`Throttle::per_minute`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct ThrottleBuilder {
    limit: Limit,
    more: Vec<Limit>,
    /// What limits without a name are called by, in place of the key.
    label: Option<String>,
    pricing: Pricing,
    told: Told,
    key: Key,
    absent: Absent,
    count: Count,
    prefixes: Prefixes,
    max_keys: usize,
    store: Store,
    outcomes: Vec<(Signal, Effect)>,
    choosing: choice::Choosing,
}

impl ThrottleBuilder {
    pub(super) fn new(limit: Limit) -> Self {
        Self {
            limit,
            more: Vec::new(),
            label: None,
            pricing: Pricing::default(),
            told: Told::default(),
            key: Key::ClientNet,
            absent: Absent::default(),
            count: Count::default(),
            prefixes: Prefixes { v4: 32, v6: 64 },
            max_keys: 100_000,
            store: Store::default(),
            outcomes: Vec::new(),
            choosing: choice::Choosing::default(),
        }
    }

    /// How many are admitted at once by a key that has been quiet, of the limit the throttle began
    /// with. Default: the limit itself.
    pub fn burst(mut self, burst: u32) -> Self {
        self.limit = self.limit.burst(burst);
        self
    }

    /// Another limit of the same key, up to four in all: a request is charged to all of them where
    /// all admit it, else to none.
    pub fn and(mut self, limit: Limit) -> Self {
        self.more.push(limit);
        self
    }

    /// Whose bucket a request is counted against. Default [`Key::ClientNet`].
    pub fn by(mut self, key: Key) -> Self {
        self.key = key;
        self
    }

    /// What a request that lacks what its key reads is counted against. Default
    /// [`Absent::Refuse`].
    pub fn absent(mut self, absent: Absent) -> Self {
        self.absent = absent;
        self
    }

    /// What is counted. Default [`Count::Requests`].
    pub fn counting(mut self, count: Count) -> Self {
        self.count = count;
        self
    }

    /// The name of the limit the throttle began with, which clients see in `RateLimit`: letters,
    /// digits, `-`, `_` and `.`, at most 64. Default: made of key and period, `client-per-minute` say.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.limit = self.limit.named(name);
        self
    }

    /// Bits of an IPv6 address that are one client network, 1 to 128. Default 64, what a single
    /// customer is given.
    pub fn ipv6_prefix(mut self, bits: u8) -> Self {
        self.prefixes.v6 = bits;
        self
    }

    /// Bits of an IPv4 address that are one client network, 1 to 32. Default 32.
    pub fn ipv4_prefix(mut self, bits: u8) -> Self {
        self.prefixes.v4 = bits;
        self
    }

    /// How many keys are remembered at most. Default 100 000, which takes about 3 MiB for each limit
    /// once they are all there.
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// The throttle.
    ///
    /// # Errors
    /// When a value cannot be used; the error lists every one of them.
    pub fn build(self) -> Result<Throttle, ConfigError> {
        let mut mistakes = Mistakes::default();
        let limits = self.limits(&mut mistakes);
        let most = self.each().map(Limit::capacity).min().unwrap_or(0);
        let counts_guesses = self.count == Count::ForgedCredentials;
        let price = self.pricing.price(most, counts_guesses, &mut mistakes);
        self.check_key(&mut mistakes);
        self.check_outcomes(most, price.settle.is_some(), &mut mistakes);
        self.check_names(&limits, &mut mistakes);
        self.check_bounds(&mut mistakes);
        let (choice, chosen) = self.choice(&mut mistakes);
        self.check_cost_of(&choice, &mut mistakes);
        if mistakes.is_empty() {
            for limits in choice.limits().map(|set| &**set).chain([&limits]) {
                self.store.check(limits, &mut mistakes);
            }
        }
        mistakes.finish()?;
        let most = choice.limits().map(|set| set.each().len()).max().unwrap_or(0);
        let reads_caller = self.key.reads_caller(self.absent) || choice.reads_caller;
        Ok(Throttle(Arc::new(Inner {
            backend: self.store.backend(self.max_keys * limits.each().len().max(most)),
            tagger: Tagger::new(&self.key, self.absent, self.prefixes),
            summary: self.summary(&limits) + &chosen,
            price,
            telling: Telling::new(self.told),
            tally: Tally::default(),
            outcomes: Outcomes::new(&self.outcomes),
            phase: if reads_caller { Phase::Quota } else { Phase::EdgeThrottle },
            reads_caller,
            needs: self.key.needs(self.absent).and(choice.needs()),
            count: self.count,
            ipv6_prefix: self.prefixes.v6,
            is_shared: !self.key.parts().contains(&&Key::ClientNet),
            is_evadable: self.key.is_evadable(),
            seed: RandomState::new().hash_one(0_u8),
            limits: Arc::new(limits),
            choice: (!choice.is_empty()).then(|| Box::new(choice)),
        })))
    }

    pub(super) fn labelled(self, label: &str) -> Self {
        Self { label: Some(label.to_owned()), ..self }
    }

    pub(super) fn counts_requests(&self) -> bool {
        self.count == Count::Requests
    }

    fn each(&self) -> impl Iterator<Item = &Limit> {
        std::iter::once(&self.limit).chain(&self.more)
    }

    fn limits(&self, mistakes: &mut Mistakes) -> Limits {
        let word = self.label.clone().unwrap_or_else(|| self.key.word());
        let each: Vec<_> = self.each().map(|limit| limit.ruled(&word, mistakes)).collect();
        if each.len() > MOST {
            let remedy = format!("write at most {MOST}, and others in a throttle of their own");
            mistakes.push("and", each.len().to_string(), "are too many limits of one key", remedy);
        }
        let summaries: Vec<_> = self.each().map(|limit| limit.summary(self.what())).collect();
        Limits::new(0, each, summaries.join(", and "))
    }

    /// What is counted, for the summary.
    fn what(&self) -> &'static str {
        match self.count {
            Count::Requests => "",
            Count::ForgedCredentials => " forged credentials",
            Count::Outcomes => " points",
        }
    }

    fn name_of_first(&self) -> String {
        self.limit.ruled(&self.key.word(), &mut Mistakes::default()).name.to_string()
    }

    fn check_cost_of(&self, choice: &Choice, mistakes: &mut Mistakes) {
        let small = |set: &&Arc<Limits>| {
            !set.each().is_empty()
                && set.capacity() > 0
                && set.capacity() < self.pricing.fixed.into()
        };
        for set in choice.limits().filter(small) {
            let problem = format!("can never be admitted by the limits of {}", set.label());
            let remedy = format!("write at most their burst, {}", set.capacity());
            mistakes.push("cost", self.pricing.fixed.to_string(), problem, remedy);
        }
    }

    fn check_key(&self, mistakes: &mut Mistakes) {
        let parts = self.key.parts();
        if parts.is_empty() {
            mistakes.push(
                "by",
                "",
                "is a combination of nothing",
                "name a key, or write `Key::Global`",
            );
        }
        for part in parts {
            match part {
                Key::Unreadable(name) => mistakes.push(
                    "by",
                    name,
                    "is not a header name",
                    "write letters, digits and `-`, as in `x-tenant`",
                ),
                Key::Header(name) if CREDENTIALS.contains(name) => mistakes.push(
                    "by",
                    name.as_str(),
                    "holds credentials nobody has verified yet, so that guessing is free",
                    "write `Key::Principal`, or `counting(Count::ForgedCredentials)` by network",
                ),
                Key::Header(name) if is_address(name) => mistakes.push(
                    "by",
                    name.as_str(),
                    "is written by the client, so that each request can have a bucket of its own",
                    "write `Key::ClientNet`, which walks it over trusted proxies",
                ),
                Key::Claim(claim) => check_claim(claim, mistakes),
                Key::Typed(typed) if !is_word(typed.name()) => mistakes.push(
                    "by",
                    typed.name(),
                    "cannot be the name of a key",
                    "write 1 to 32 letters, digits, `-`, `_` or `.`",
                ),
                _ => {}
            }
            if self.count == Count::ForgedCredentials && !part.outlives_request() {
                mistakes.push(
                    "counting",
                    "ForgedCredentials",
                    format!("cannot be charged by {part}"),
                    "write `by(Key::ClientNet)`",
                );
            }
        }
    }

    fn check_names(&self, limits: &Limits, mistakes: &mut Mistakes) {
        self.each().for_each(|limit| limit.check_name(mistakes));
        let mut names = HashSet::new();
        for limit in limits.each() {
            if !names.insert(&limit.name) {
                let remedy = "name one of them: `Limit::named`";
                mistakes.push("named", &*limit.name, "is the name of two limits", remedy);
            }
        }
    }

    fn check_bounds(&self, mistakes: &mut Mistakes) {
        let Prefixes { v4, v6 } = self.prefixes;
        if !(1..=32).contains(&v4) {
            let remedy = "write 1 to 32; `Key::Global` is one bucket for all";
            mistakes.push(
                "ipv4_prefix",
                v4.to_string(),
                "is not a prefix of an IPv4 address",
                remedy,
            );
        }
        if !(1..=128).contains(&v6) {
            let remedy = "write 1 to 128, 64 being one customer";
            mistakes.push(
                "ipv6_prefix",
                v6.to_string(),
                "is not a prefix of an IPv6 address",
                remedy,
            );
        }
        if !(1..=MOST_KEYS).contains(&self.max_keys) {
            let remedy = format!("write 1 to {MOST_KEYS}");
            mistakes.push("max_keys", self.max_keys.to_string(), "is out of range", remedy);
        }
    }

    /// `600 per minute, burst 100, by client network (/64 for IPv6), at most 100000 keys`.
    fn summary(&self, limits: &Limits) -> String {
        let mut text = limits.summary().to_owned();
        text += &self.pricing.summary();
        text += &self.outcomes_summary();
        text += &format!(", by {}", self.whose());
        text
    }

    /// `client network (/64 for IPv6), at most 100000 keys`.
    pub(super) fn whose(&self) -> String {
        let Prefixes { v4, v6 } = self.prefixes;
        let networks = match v4 {
            32 => format!("client network (/{v6} for IPv6)"),
            _ => format!("client network (/{v4} for IPv4, /{v6} for IPv6)"),
        };
        let key = self.key.to_string().replace("client network", &networks);
        format!("{key}, {}", self.store.summary(self.max_keys))
    }

    pub(super) fn keys_at_most(&self) -> usize {
        self.max_keys
    }
}

const CREDENTIALS: [HeaderName; 4] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    HeaderName::from_static("x-api-key"),
];

fn is_word(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=32).contains(&name.len()) && name.chars().all(is_plain)
}

fn check_claim(claim: &str, mistakes: &mut Mistakes) {
    let path = ClaimPath::new(claim.to_owned());
    if path.is_empty() || !path.is_well_formed() {
        let remedy = "write its name, or a JSON pointer like `/realm/id`";
        mistakes.push("by", claim, "is not a claim", remedy);
    }
}

fn is_address(name: &HeaderName) -> bool {
    *name == header::FORWARDED || matches!(name.as_str(), "x-forwarded-for" | "x-real-ip")
}
