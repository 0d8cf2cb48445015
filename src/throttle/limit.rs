use std::sync::Arc;
use std::time::Duration;

use crate::error::Mistakes;

use super::fields::Fields;
use super::limits::Ruled;
use super::rule::{Fixed, LONGEST, Periods, Rate, Rule, SECOND, Sliding, Span};
use super::stats::Refusals;
use super::tell::Unit;

/// Limits above one a nanosecond cannot be told apart.
const HIGHEST_PER_SECOND: u64 = 1_000_000_000;

const LONGEST_NAME: usize = 64;

/// So much in such a time: one of the limits a [`Throttle`](super::Throttle) decides together.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use tower_parapet::throttle::{Key, Limit, Throttle};
///
/// // At most ten at once, a thousand in ten minutes, and a hundred thousand a day.
/// Throttle::per_second(5)
///     .burst(10)
///     .and(Limit::sliding(1_000, Duration::from_secs(600)))
///     .and(Limit::fixed(100_000, Duration::from_secs(86_400)).named("daily"))
///     .by(Key::Principal)
///     .build()?;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a limit does nothing until a throttle has it"]
pub struct Limit {
    setter: &'static str,
    quota: u32,
    shape: Shape,
    burst: Option<u32>,
    name: Option<String>,
    unit: Unit,
}

#[derive(Clone, Debug)]
enum Shape {
    Rate(Duration),
    Fixed(Duration),
    Sliding(Duration),
    #[cfg_attr(not(feature = "calendar"), allow(dead_code, reason = "calendars have periods"))]
    Aligned(Aligned),
}

/// Periods that somebody else knows.
#[derive(Clone, Debug)]
pub(super) struct Aligned {
    /// `calendar-day`.
    pub(super) name: Box<str>,
    /// `calendar day in Europe/Zurich`.
    pub(super) summary: Box<str>,
    pub(super) periods: Result<Arc<dyn Periods>, Unusable>,
}

/// Why there are none.
#[derive(Clone, Debug)]
pub(super) struct Unusable {
    pub(super) value: String,
    pub(super) problem: &'static str,
    pub(super) remedy: &'static str,
}

impl Limit {
    /// `limit` requests a second, and as many at once: the generic cell rate algorithm.
    pub fn per_second(limit: u32) -> Self {
        Self::new("per_second", limit, Shape::Rate(Duration::from_secs(1)))
    }

    /// `limit` requests a minute, and as many at once.
    pub fn per_minute(limit: u32) -> Self {
        Self::new("per_minute", limit, Shape::Rate(Duration::from_secs(60)))
    }

    /// `limit` requests an hour, and as many at once.
    pub fn per_hour(limit: u32) -> Self {
        Self::new("per_hour", limit, Shape::Rate(Duration::from_secs(3_600)))
    }

    /// `limit` requests a day, and as many at once.
    pub fn per_day(limit: u32) -> Self {
        Self::new("per_day", limit, Shape::Rate(Duration::from_secs(86_400)))
    }

    /// `limit` requests in such a time, and as many at once: up to 366 days.
    pub fn rate(limit: u32, period: Duration) -> Self {
        Self::new("rate", limit, Shape::Rate(period))
    }

    /// `limit` requests in each window of that length, counted from the Unix epoch: up to 366 days.
    /// Around the end of a window twice as many may come.
    pub fn fixed(limit: u32, window: Duration) -> Self {
        Self::new("fixed", limit, Shape::Fixed(window))
    }

    /// `limit` requests in any window of that length, estimated from two fixed ones: what came in
    /// the last one is taken to have come evenly. Up to 366 days.
    pub fn sliding(limit: u32, window: Duration) -> Self {
        Self::new("sliding", limit, Shape::Sliding(window))
    }

    fn new(setter: &'static str, quota: u32, shape: Shape) -> Self {
        Self { setter, quota, shape, burst: None, name: None, unit: Unit::Requests }
    }

    #[cfg_attr(not(feature = "calendar"), allow(dead_code, reason = "calendars have periods"))]
    pub(super) fn aligned(setter: &'static str, quota: u32, aligned: Aligned) -> Self {
        Self::new(setter, quota, Shape::Aligned(aligned))
    }

    /// How many are admitted at once by a key that has been quiet, where the limit is a rate.
    /// Default: the limit itself.
    pub fn burst(mut self, burst: u32) -> Self {
        self.burst = Some(burst);
        self
    }

    /// The name clients see in `RateLimit` and records in the refusal: letters, digits, `-`, `_`
    /// and `.`, at most 64. Default: made of key and period, `client-per-minute` say.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// What it counts, as clients are told; it changes nothing else. Default [`Unit::Requests`].
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// What may be spent at once.
    pub(super) fn capacity(&self) -> u32 {
        match self.shape {
            Shape::Rate(_) => self.burst.unwrap_or(self.quota),
            _ => self.quota,
        }
    }

    /// `minute`, `90s`.
    fn period(&self) -> String {
        let (Shape::Rate(period) | Shape::Fixed(period) | Shape::Sliding(period)) = &self.shape
        else {
            return match &self.shape {
                Shape::Aligned(aligned) => aligned.name.to_string(),
                _ => String::new(),
            };
        };
        match (period.as_secs(), period.subsec_nanos()) {
            (1, 0) => "second".into(),
            (60, 0) => "minute".into(),
            (3_600, 0) => "hour".into(),
            (86_400, 0) => "day".into(),
            (seconds, 0) => format!("{seconds}s"),
            _ => format!("{}ms", period.as_millis()),
        }
    }

    /// `600 per minute, burst 100`, `100 in fixed windows of a day`.
    pub(super) fn summary(&self, what: &str) -> String {
        let (quota, period) = (self.quota, self.period());
        match self.shape {
            Shape::Rate(_) => format!("{quota}{what} per {period}, burst {}", self.capacity()),
            Shape::Fixed(_) => format!("{quota}{what} per fixed {period}"),
            Shape::Sliding(_) => format!("{quota}{what} per sliding {period}"),
            Shape::Aligned(ref aligned) => format!("{quota}{what} per {}", aligned.summary),
        }
    }

    /// The limit as it is counted; whatever cannot be is a mistake.
    pub(super) fn ruled(&self, key: &str, mistakes: &mut Mistakes) -> Ruled {
        let before = mistakes.len();
        let name = self.name(key);
        self.check_quota(mistakes);
        let rule = match &self.shape {
            Shape::Rate(period) => self.rate_rule(*period, before, mistakes),
            Shape::Fixed(window) => {
                let length = self.checked_length(*window, mistakes);
                Rule::Fixed(Fixed::new(self.quota, Span::Every(length)))
            }
            Shape::Sliding(window) => {
                Rule::Sliding(Sliding::new(self.quota, self.checked_length(*window, mistakes)))
            }
            Shape::Aligned(aligned) => {
                Rule::Fixed(Fixed::new(self.quota, self.checked_span(aligned, mistakes)))
            }
        };
        if self.burst.is_some() && !matches!(self.shape, Shape::Rate(_)) {
            let remedy = "leave it out, or write a rate: `Limit::rate`";
            mistakes.push("burst", self.capacity().to_string(), "is of no use in a window", remedy);
        }
        let fields = Fields::new(&name, self.quota, self.unit, self.told_period(), &rule);
        Ruled { fields, name, rule, refusals: Refusals::default() }
    }

    /// Whole seconds, zero where they differ from period to period.
    fn told_period(&self) -> u64 {
        match &self.shape {
            Shape::Rate(period) | Shape::Fixed(period) | Shape::Sliding(period) => {
                period.as_secs() + u64::from(period.subsec_nanos() > 0)
            }
            Shape::Aligned(_) => 0,
        }
    }

    fn checked_span(&self, aligned: &Aligned, mistakes: &mut Mistakes) -> Span {
        match &aligned.periods {
            Ok(periods) => Span::Of(periods.clone()),
            Err(Unusable { value, problem, remedy }) => {
                mistakes.push(self.setter, value, *problem, *remedy);
                Span::Every(SECOND)
            }
        }
    }

    fn check_quota(&self, mistakes: &mut Mistakes) {
        if self.quota == 0 {
            let remedy = "write at least 1, or refuse the route";
            mistakes.push(self.setter, "0", "admits nothing", remedy);
        }
        if self.burst == Some(0) {
            mistakes.push("burst", "0", "admits nothing", "write at least 1");
        }
    }

    /// Nanoseconds of a period, one second where it cannot be one.
    fn checked_length(&self, period: Duration, mistakes: &mut Mistakes) -> u64 {
        match u64::try_from(period.as_nanos()) {
            Ok(nanos) if (1_000_000..=LONGEST).contains(&nanos) => nanos,
            _ => {
                let remedy = "write 1 ms to 366 days";
                mistakes.push(self.setter, format!("{period:?}"), "is out of range", remedy);
                SECOND
            }
        }
    }

    fn rate_rule(&self, period: Duration, before: usize, mistakes: &mut Mistakes) -> Rule {
        let period = self.checked_length(period, mistakes);
        if u128::from(self.quota) * u128::from(SECOND)
            > u128::from(HIGHEST_PER_SECOND) * u128::from(period)
        {
            let remedy = "write at most 1000000000 per second";
            let problem = "is more than one a nanosecond";
            mistakes.push(self.setter, self.quota.to_string(), problem, remedy);
        }
        let burst = self.capacity();
        let rate = Rate::new(self.quota, period, burst);
        if rate.is_none() && mistakes.len() == before {
            let problem = "takes more than a year to be whole again at this limit";
            let remedy = "write a smaller burst or a higher limit";
            mistakes.push("burst", burst.to_string(), problem, remedy);
        }
        let whatever = || Rule::Fixed(Fixed::new(self.quota, Span::Every(period)));
        rate.map_or_else(whatever, Rule::Rate)
    }

    fn name(&self, key: &str) -> Arc<str> {
        match &self.name {
            Some(name) => name.as_str().into(),
            None => format!("{key}-per-{}", self.period()).into(),
        }
    }

    pub(super) fn check_name(&self, mistakes: &mut Mistakes) {
        let Some(name) = &self.name else { return };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
            mistakes.push(
                "named",
                name,
                "cannot be the name of a policy",
                "write 1 to 64 letters, digits, `-`, `_` or `.`",
            );
        }
    }
}
