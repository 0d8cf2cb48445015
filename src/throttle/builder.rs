use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, header};

use crate::error::{ConfigError, Mistakes};

use super::fields::Fields;
use super::guard::{Inner, Throttle};
use super::key::{Absent, Key, Prefixes, Tagger};
use super::limit::{Limiter, Period, Rate};

/// Limits above one a nanosecond cannot be told apart.
const HIGHEST_PER_SECOND: u64 = 1_000_000_000;

const LONGEST_REFILL: Duration = Duration::from_secs(366 * 86_400);
const LONGEST_NAME: usize = 64;
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
}

/// Builds a [`Throttle`]; see [`Throttle::per_minute`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct ThrottleBuilder {
    limit: u32,
    period: Period,
    burst: Option<u32>,
    cost: u32,
    key: Key,
    absent: Absent,
    count: Count,
    name: Option<String>,
    prefixes: Prefixes,
    max_keys: usize,
}

impl ThrottleBuilder {
    pub(super) fn new(limit: u32, period: Period) -> Self {
        Self {
            limit,
            period,
            burst: None,
            cost: 1,
            key: Key::ClientNet,
            absent: Absent::default(),
            count: Count::default(),
            name: None,
            prefixes: Prefixes { v4: 32, v6: 64 },
            max_keys: 100_000,
        }
    }

    /// How many are admitted at once by a key that has been quiet. Default: the limit itself.
    pub fn burst(mut self, burst: u32) -> Self {
        self.burst = Some(burst);
        self
    }

    /// What one request spends, where some are dearer than others. Default 1.
    pub fn cost(mut self, cost: u32) -> Self {
        self.cost = cost;
        self
    }

    /// Whose bucket a request is counted against. Default [`Key::ClientNet`].
    pub fn by(mut self, key: Key) -> Self {
        self.key = key;
        self
    }

    /// What a request without the header of its key is counted against. Default
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

    /// The name clients see in `RateLimit` and records in the refusal: letters, digits, `-`, `_`
    /// and `.`, at most 64. Default: made of key and period, `client-per-minute` say.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
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

    /// How many keys are remembered at most. Default 100 000, which takes about 2 MiB once they
    /// are all there.
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
        let rate = self.rate(&mut mistakes);
        let cost = self.checked_cost(rate, &mut mistakes);
        self.check_key(&mut mistakes);
        let name = self.checked_name(&mut mistakes);
        self.check_bounds(&mut mistakes);
        mistakes.finish()?;
        Ok(Throttle(Arc::new(Inner {
            limiter: Limiter::new(rate, cost, self.max_keys),
            fields: Fields::new(&name, rate),
            tagger: Tagger::new(&self.key, self.absent, self.prefixes),
            summary: self.summary(rate),
            phase: self.key.phase(),
            needs: self.key.needs(self.absent),
            count: self.count,
            name,
            ipv6_prefix: self.prefixes.v6,
            is_shared: !self.key.parts().contains(&&Key::ClientNet),
            is_evadable: self.key.is_evadable(),
            seed: RandomState::new().hash_one(self.limit),
        })))
    }

    fn setter(&self) -> &'static str {
        match self.period {
            Period::Second => "per_second",
            Period::Minute => "per_minute",
            Period::Hour => "per_hour",
            Period::Day => "per_day",
        }
    }

    fn rate(&self, mistakes: &mut Mistakes) -> Rate {
        let limit = NonZeroU32::new(self.limit);
        let burst = NonZeroU32::new(self.burst.unwrap_or(self.limit));
        if limit.is_none() {
            let remedy = "write at least 1, or refuse the route";
            mistakes.push(self.setter(), "0", "admits nothing", remedy);
        }
        if u64::from(self.limit) > HIGHEST_PER_SECOND * self.period.seconds() {
            let remedy = "write at most 1000000000 per second";
            let problem = "is more than one a nanosecond";
            mistakes.push(self.setter(), self.limit.to_string(), problem, remedy);
        }
        if self.burst == Some(0) {
            mistakes.push("burst", "0", "admits nothing", "write at least 1");
        }
        let rate = Rate {
            limit: limit.unwrap_or(NonZeroU32::MIN),
            period: self.period,
            burst: burst.unwrap_or(NonZeroU32::MIN),
        };
        if limit.is_some() && rate.refill().is_none_or(|refill| refill > LONGEST_REFILL) {
            let problem = "takes more than a year to be whole again at this limit";
            let remedy = "write a smaller burst or a higher limit";
            mistakes.push("burst", rate.burst.to_string(), problem, remedy);
        }
        rate
    }

    fn checked_cost(&self, rate: Rate, mistakes: &mut Mistakes) -> NonZeroU32 {
        let cost = NonZeroU32::new(self.cost);
        if cost.is_none() {
            mistakes.push(
                "cost",
                "0",
                "spends nothing, so that nothing is limited",
                "write at least 1",
            );
        } else if self.cost > rate.burst.get() {
            let remedy = format!("write at most the burst, {}", rate.burst);
            mistakes.push("cost", self.cost.to_string(), "can never be admitted", remedy);
        }
        cost.unwrap_or(NonZeroU32::MIN)
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
                _ => {}
            }
            if self.count == Count::ForgedCredentials
                && matches!(part, Key::Principal | Key::Header(_))
            {
                mistakes.push(
                    "counting",
                    "ForgedCredentials",
                    format!("cannot be charged by {part}"),
                    "write `by(Key::ClientNet)`",
                );
            }
        }
    }

    fn checked_name(&self, mistakes: &mut Mistakes) -> Box<str> {
        let Some(name) = &self.name else {
            return format!("{}-per-{}", self.key.word(), self.period.name()).into();
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
            mistakes.push(
                "named",
                name,
                "cannot be the name of a policy",
                "write 1 to 64 letters, digits, `-`, `_` or `.`",
            );
        }
        name.as_str().into()
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
    fn summary(&self, rate: Rate) -> String {
        let what = match self.count {
            Count::Requests => "",
            Count::ForgedCredentials => " forged credentials",
        };
        let mut text =
            format!("{}{what} per {}, burst {}", rate.limit, rate.period.name(), rate.burst);
        if self.cost != 1 {
            text += &format!(", {} a request", self.cost);
        }
        let Prefixes { v4, v6 } = self.prefixes;
        let networks = match v4 {
            32 => format!("client network (/{v6} for IPv6)"),
            _ => format!("client network (/{v4} for IPv4, /{v6} for IPv6)"),
        };
        let key = self.key.to_string().replace("client network", &networks);
        text += &format!(", by {key}, at most {} keys", self.max_keys);
        text
    }
}

const CREDENTIALS: [HeaderName; 4] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    HeaderName::from_static("x-api-key"),
];

fn is_address(name: &HeaderName) -> bool {
    *name == header::FORWARDED || matches!(name.as_str(), "x-forwarded-for" | "x-real-ip")
}
