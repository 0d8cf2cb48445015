//! What the script is told of a limit, and what it tells of a bucket.

use std::sync::Arc;

use crate::error::Mistakes;
use crate::redis::Arg;

use super::super::limits::{Limits, Ruled};
use super::super::rule::{LONGEST, Moment, Periods, Rate, Rule, Span, State};

/// Numbers up to this may be added once more, and Lua still holds the sum exactly.
const MOST: u64 = 1 << 52;

const MICROSECOND: u64 = 1_000;

/// How far the clocks of this process and of the store may be apart where periods are of a
/// calendar that only this process knows: a quarter of an hour.
const APART: u64 = 900 * 1_000_000_000;

/// The ends of periods that are told, at most: those of a quarter of an hour before and after now.
const MOST_ENDS: usize = 8;

/// A limit as the script counts it.
pub(super) enum Terms {
    /// What is owed, in parts of which each microsecond drains so many.
    Rate {
        unit: u64,
        drain: u64,
        capacity: u64,
        debt: u64,
        divisor: u64,
        quota: u64,
    },
    /// Microseconds.
    Fixed {
        quota: u64,
        length: u64,
    },
    Aligned {
        quota: u64,
        periods: Arc<dyn Periods>,
    },
    Sliding {
        quota: u64,
        length: u64,
    },
}

impl Terms {
    /// The terms of a rule; nothing where the script could not count it exactly.
    pub(super) fn of(rule: &Rule) -> Option<Self> {
        let whole = |nanos: u64| nanos.is_multiple_of(MICROSECOND).then_some(nanos / MICROSECOND);
        match rule {
            Rule::Rate(rate) => {
                let (unit, drain, divisor) = parts(rate);
                let capacity = rate.burst().checked_mul(unit).filter(|most| *most <= MOST)?;
                let debt = (LONGEST / MICROSECOND).saturating_mul(drain).min(MOST);
                let quota = rate.quota();
                Some(Self::Rate { unit, drain, capacity, debt, divisor, quota })
            }
            Rule::Fixed(fixed) => match fixed.span() {
                Span::Every(nanos) => {
                    Some(Self::Fixed { quota: fixed.quota(), length: whole(*nanos)? })
                }
                Span::Of(periods) => {
                    Some(Self::Aligned { quota: fixed.quota(), periods: periods.clone() })
                }
            },
            Rule::Sliding(sliding) => {
                Some(Self::Sliding { quota: sliding.quota(), length: whole(sliding.length())? })
            }
        }
    }

    /// Says what would work where the script could not count a limit exactly.
    pub(super) fn check(limits: &Limits, mistakes: &mut Mistakes) {
        for Ruled { name, rule, .. } in limits.each() {
            if Self::of(rule).is_some() {
                continue;
            }
            let (problem, remedy) = match rule {
                Rule::Rate(rate) => {
                    let (unit, ..) = parts(rate);
                    let problem = "is over the store's range, which counts exactly up to 2^52";
                    let remedy = match MOST / unit {
                        0 => {
                            "write a limit that divides its period, `Limit::rate(1, …)` say".into()
                        }
                        most => format!(
                            "write `burst({most})` or less, or a limit that divides its period"
                        ),
                    };
                    (problem, remedy)
                }
                _ => {
                    let problem = "is over the store's range: it counts in microseconds";
                    (problem, "write a window of whole microseconds".to_owned())
                }
            };
            mistakes.push("shared", &**name, problem, remedy);
        }
    }

    /// Kind and numbers, in the order the script takes them. `charged` tells the window that is
    /// settled.
    pub(super) fn write(&self, cost: u64, charged: u64, at: Moment, args: &mut Vec<Arg<'static>>) {
        let charged = charged / MICROSECOND;
        let mut put = |numbers: &[u64]| {
            args.extend(numbers.iter().map(|n| Arg::Int((*n).min(1 << 53).cast_signed())));
        };
        match self {
            Self::Rate { unit, drain, capacity, debt, .. } => {
                put(&[1, cost.saturating_mul(*unit).min(MOST), *drain, *capacity, *debt]);
            }
            Self::Fixed { quota, length } => put(&[2, cost.min(MOST), *quota, *length, charged]),
            Self::Aligned { quota, periods } => {
                let mut ends = [0; MOST_ENDS];
                let mut end = at.unix.saturating_sub(APART);
                let mut count = 0;
                for place in &mut ends {
                    end = end.saturating_add(periods.rest(end).max(1));
                    *place = end.div_ceil(MICROSECOND);
                    count += 1;
                    if end > at.unix.saturating_add(APART) {
                        break;
                    }
                }
                // What clients are told is the length of the period that was asked about last.
                let _ = periods.rest(at.unix);
                put(&[3, cost.min(MOST), *quota, charged, count]);
                put(ends.get(..count as usize).unwrap_or_default());
            }
            Self::Sliding { quota, length } => put(&[4, cost.min(MOST), *quota, *length, charged]),
        }
    }

    /// What a bucket holds, from the numbers the script tells; nothing where they are none of its.
    /// `now` is the store's time in nanoseconds.
    pub(super) fn read(&self, numbers: &mut impl Iterator<Item = u64>, now: u64) -> Option<State> {
        let until = |micros: u64| now.wrapping_add(micros.saturating_mul(MICROSECOND));
        let within = |rest: u64, most: u64| (1..=most).contains(&rest).then_some(rest);
        match self {
            Self::Rate { debt, divisor, quota, .. } => {
                let owed = numbers.next().filter(|owed| owed <= debt)?;
                let (owed, quota) = (u128::from(owed) * u128::from(*divisor), u128::from(*quota));
                let nanos = owed.div_ceil(quota);
                let held = u64::try_from(nanos * quota - owed).ok()?;
                Some(State { until: now.wrapping_add(u64::try_from(nanos).ok()?), held })
            }
            Self::Fixed { length, .. } => {
                let rest = within(numbers.next()?, *length)?;
                Some(State { until: until(rest), held: numbers.next()? })
            }
            Self::Aligned { .. } => {
                let rest = within(numbers.next()?, 2 * LONGEST / MICROSECOND)?;
                Some(State { until: until(rest), held: numbers.next()? })
            }
            Self::Sliding { length, .. } => {
                let rest = within(numbers.next()?, *length)?;
                let before = u32::try_from(numbers.next()?).ok()?;
                let count = u32::try_from(numbers.next()?).ok()?;
                let held = u64::from(before) << 32 | u64::from(count);
                Some(State { until: until(rest + length), held })
            }
        }
    }
}

/// What a unit of cost is, what a microsecond drains, and what both were divided by: a nanosecond
/// drains as many parts as the limit has requests, and a request is as many as the period has
/// nanoseconds.
fn parts(rate: &Rate) -> (u64, u64, u64) {
    let drain = rate.quota().saturating_mul(MICROSECOND);
    let divisor = common(rate.period(), drain).max(1);
    (rate.period() / divisor, drain / divisor, divisor)
}

/// The greatest common divisor, by Euclid.
fn common(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
