//! The response fields that tell a client where it stands.
//!
//! `RateLimit-Policy` and `RateLimit` follow draft-ietf-httpapi-ratelimit-headers-11,
//! `Retry-After` follows RFC 9110, section 10.2.3.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use super::rule::{Periods, Rule, Standing};
use super::tell::{Partition, Unit};

/// The fields of the draft, what a policy allows and what is left of it.
pub(super) static NAMES: [HeaderName; 2] =
    [HeaderName::from_static("ratelimit-policy"), HeaderName::from_static("ratelimit")];

const LONGEST_NUMBER: usize = 20;

/// Items kept once they were written, about 100 bytes each.
const MOST_KEPT: u64 = 1024;

/// The fields of one policy, as far as they can be written beforehand.
#[derive(Debug)]
pub(super) struct Fields {
    /// `"name";q=600;w=60`.
    policy: Policy,
    /// `"name";r=`, which every `RateLimit` item begins with.
    opening: Box<[u8]>,
    /// Every item an admitted request can be told, by window and what is left; empty where they
    /// are too many to keep.
    kept: Box<[OnceLock<HeaderValue>]>,
    burst: u64,
}

#[derive(Clone, Debug)]
enum Policy {
    Written(HeaderValue),
    Changing(Arc<Changing>),
}

/// A policy whose periods differ in length: written anew when one has another length than the last.
#[derive(Debug)]
struct Changing {
    /// `"name";q=600;w=`.
    opening: Box<str>,
    periods: Arc<dyn Periods>,
    present: ArcSwapOption<(u64, HeaderValue)>,
}

impl Changing {
    fn policy(&self) -> HeaderValue {
        let seconds = self.periods.seconds();
        match self.present.load().as_deref() {
            Some((written, value)) if *written == seconds => value.clone(),
            _ => {
                let text = format!("{}{seconds}", self.opening);
                let value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
                self.present.store(Some(Arc::new((seconds, value.clone()))));
                value
            }
        }
    }
}

impl Fields {
    /// The fields of a policy whose name needs no quoting, as the builder sees to; its period is in
    /// seconds.
    pub(super) fn new(name: &str, quota: u32, unit: Unit, period: u64, rule: &Rule) -> Self {
        let unit = unit.parameter();
        let opening = format!("\"{name}\";q={quota}{unit};w=");
        let policy = match rule.periods() {
            Some(periods) => Policy::Changing(Arc::new(Changing {
                opening: opening.into(),
                periods: periods.clone(),
                present: ArcSwapOption::empty(),
            })),
            None => Policy::Written(
                HeaderValue::try_from(format!("{opening}{period}"))
                    .unwrap_or(HeaderValue::from_static("")),
            ),
        };
        let burst = rule.capacity();
        let items = match rule {
            Rule::Rate(rate) => burst.checked_mul(rate.longest_window()),
            Rule::Fixed(_) | Rule::Sliding(_) => None,
        };
        Self {
            policy,
            opening: format!("\"{name}\";r=").into_bytes().into_boxed_slice(),
            kept: (0..items.filter(|items| *items <= MOST_KEPT).unwrap_or(0))
                .map(|_| OnceLock::new())
                .collect(),
            burst,
        }
    }

    /// Those of limits that nobody is told of.
    #[cfg(feature = "redis")]
    pub(super) fn untold() -> Self {
        Self {
            policy: Policy::Written(HeaderValue::from_static("")),
            opening: Box::default(),
            kept: Box::default(),
            burst: 0,
        }
    }

    fn policy(&self) -> HeaderValue {
        match &self.policy {
            Policy::Written(policy) => policy.clone(),
            Policy::Changing(policy) => policy.policy(),
        }
    }

    /// What the policy allows, and what is left of it: `"name";q=600;w=60` and `"name";r=599;t=1`.
    pub(super) fn items(
        &self,
        standing: &Standing,
        partition: Option<Partition>,
    ) -> [HeaderValue; 2] {
        let Some(partition) = partition else {
            return [self.policy(), self.standing(standing)];
        };
        let partition = partition.parameter();
        let policy = [self.policy().as_bytes(), &partition].concat();
        [value(policy), self.write(standing, &partition)]
    }

    fn standing(&self, standing: &Standing) -> HeaderValue {
        match self.place(standing).and_then(|at| self.kept.get(at)) {
            Some(item) => item.get_or_init(|| self.write(standing, b"")).clone(),
            None => self.write(standing, b""),
        }
    }

    fn place(&self, standing: &Standing) -> Option<usize> {
        let row = standing.window.checked_sub(1)?.checked_mul(self.burst)?;
        if standing.remaining >= self.burst {
            return None;
        }
        usize::try_from(row.checked_add(standing.remaining)?).ok()
    }

    fn write(&self, standing: &Standing, partition: &[u8]) -> HeaderValue {
        let (mut r, mut t) = ([0; LONGEST_NUMBER], [0; LONGEST_NUMBER]);
        let r = digits(&mut r, standing.remaining);
        let t = digits(&mut t, standing.window);
        let parts = [&*self.opening, r, b";t=", t, partition];
        // Exactly as large as needed, so that the buffer becomes the value without a copy.
        let mut item = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
        parts.iter().for_each(|part| item.extend_from_slice(part));
        value(item)
    }
}

fn value(text: Vec<u8>) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or(HeaderValue::from_static(""))
}

/// The decimal digits of a number, at the end of `buffer`.
fn digits(buffer: &mut [u8; LONGEST_NUMBER], mut number: u64) -> &[u8] {
    let mut first = LONGEST_NUMBER;
    for digit in buffer.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        first -= 1;
        if number == 0 {
            break;
        }
    }
    buffer.get(first..).unwrap_or_default()
}

/// Whole seconds to wait: never less than `wait`, and up to a quarter more, at least one second,
/// so that clients that were refused together do not come back together.
pub(super) fn retry_after(wait: Duration, random: u64) -> u64 {
    let least = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
    let spread = (least / 4).max(1);
    least.saturating_add(random % (spread + 1))
}

/// Mixes a seed with what is at hand (SplitMix64's finaliser): random enough to spread retries.
pub(super) fn scatter(seed: u64, tag: u64, now: Duration) -> u64 {
    let x = seed ^ tag ^ u64::from(now.subsec_nanos()).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::rule::{Rate, SECOND};
    use super::*;

    fn fields() -> Fields {
        let rate = Rate::new(600, 60 * SECOND, 600).unwrap();
        Fields::new("login", 600, Unit::Requests, 60, &Rule::Rate(rate))
    }

    fn decision(remaining: u64, window: u64) -> Standing {
        Standing { remaining, window, admitted: true, ..Standing::default() }
    }

    #[test]
    fn fields_are_written_as_the_draft_has_them() {
        assert_eq!(fields().items(&decision(1, 1), None)[0], "\"login\";q=600;w=60");
        assert_eq!(fields().standing(&decision(599, 1)), "\"login\";r=599;t=1");
        assert_eq!(fields().standing(&decision(0, 0)), "\"login\";r=0;t=0");
    }

    proptest! {
        #[test]
        fn every_number_is_written_as_the_standard_library_writes_it(r: u64, t: u64) {
            let expected = format!("\"login\";r={r};t={t}");
            prop_assert_eq!(fields().standing(&decision(r, t)), expected.as_str());
        }

        #[test]
        fn what_is_kept_is_what_was_written(r in 0..700_u64, t in 0..3_u64) {
            let (fields, expected) = (fields(), format!("\"login\";r={r};t={t}"));
            for _ in 0..2 {
                prop_assert_eq!(fields.standing(&decision(r, t)), expected.as_str());
            }
        }

        #[test]
        fn retry_after_is_never_earlier_than_the_truth_nor_much_later(nanos: u64, random: u64) {
            let wait = Duration::from_nanos(nanos);
            let told = Duration::from_secs(retry_after(wait, random));
            prop_assert!(told >= wait);
            prop_assert!(told <= wait + wait / 4 + Duration::from_secs(2));
        }
    }

    #[test]
    fn retries_are_spread() {
        let told: std::collections::HashSet<_> = (0..100)
            .map(|tag| retry_after(Duration::from_secs(60), scatter(7, tag, Duration::ZERO)))
            .collect();
        assert!(told.len() > 10, "{told:?}");
    }
}
