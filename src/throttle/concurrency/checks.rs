//! What a builder makes of its settings, and which make no sense.

use std::time::Duration;

use crate::context::Priority;
use crate::error::Mistakes;
use crate::throttle::key::Key;

use super::builder::{BOUNDS, ConcurrencyBuilder, Size};
use super::gradient::Bounds;
use super::terms::Waits;

/// Whoever displaces somebody in a full queue looks through it.
const LONGEST_QUEUE: usize = 4096;
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_NAME: usize = 64;
const WINDOWS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(60));
const REMEASURES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(86_400));

impl ConcurrencyBuilder {
    pub(super) fn checked_size(&self, mistakes: &mut Mistakes) -> Option<Bounds> {
        let (bounds, tolerance) = match &self.size {
            Size::Adaptive(bounds, tolerance) => (*bounds, *tolerance),
            Size::Fixed(limit, idle) => {
                if *limit == 0 {
                    let remedy = "write at least 1, or refuse the route";
                    mistakes.push("at_most", "0", "admits nothing", remedy);
                }
                for setter in idle {
                    let remedy = "leave it out, or begin with `Concurrency::adaptive()`";
                    mistakes.push(*setter, "", "is of no use with a limit that is fixed", remedy);
                }
                return None;
            }
        };
        let Bounds { least, most, initial, window, remeasure, .. } = bounds;
        if least == 0 {
            mistakes.push("between", "0", "may come to admit nothing", "write at least 1");
        } else if least > most {
            let problem = format!("is more than {most}, the upper bound");
            mistakes.push("between", least.to_string(), problem, "write the lower bound first");
        }
        let is_default = initial == BOUNDS.initial;
        let initial = if is_default { initial.clamp(least.min(most), most) } else { initial };
        if !(least..=most).contains(&initial) && least <= most {
            let remedy = format!("write {least} to {most}, or other bounds with `between`");
            mistakes.push("starting_at", initial.to_string(), "is not within the bounds", remedy);
        }
        if !(WINDOWS.0..=WINDOWS.1).contains(&window) {
            let remedy = "write 10 ms to a minute";
            mistakes.push("window", format!("{window:?}"), "is out of range", remedy);
        }
        if !(REMEASURES.0..=REMEASURES.1).contains(&remeasure) {
            let remedy = "write a second to a day";
            mistakes.push("remeasure", format!("{remeasure:?}"), "is out of range", remedy);
        }
        if !(5..=1000).contains(&tolerance) {
            let remedy = "write 5 to 1000 per cent";
            mistakes.push("tolerance", tolerance.to_string(), "is out of range", remedy);
        }
        Some(Bounds { initial, ..bounds })
    }

    pub(super) fn checked_queue(&self, mistakes: &mut Mistakes) -> Option<Waits> {
        let (length, wait) = self.queue?;
        if !(1..=LONGEST_QUEUE).contains(&length) {
            let remedy = format!("write 1 to {LONGEST_QUEUE}, or leave the queue out");
            mistakes.push("queue", length.to_string(), "is not the length of a queue", remedy);
        }
        if wait.is_zero() || wait > LONGEST_WAIT {
            let remedy = "write up to a minute, or leave the queue out";
            mistakes.push("queue", format!("{wait:?}"), "is no time to wait", remedy);
        }
        Some(Waits { length, wait })
    }

    pub(super) fn checked_shares(&self, mistakes: &mut Mistakes) -> [u8; Priority::COUNT] {
        let defaults = match self.size {
            Size::Fixed(..) => [100; Priority::COUNT],
            Size::Adaptive(..) => [100, 90, 60],
        };
        let mut shares = defaults;
        for (class, percent) in &self.shares {
            if !(1..=100).contains(percent) {
                let problem = "is no percentage of a limit";
                mistakes.push("share", percent.to_string(), problem, "write 1 to 100");
            }
            if let Some(share) = shares.get_mut(class.rank()) {
                *share = *percent;
            }
        }
        let is_in_range = shares.iter().all(|share| (1..=100).contains(share));
        if is_in_range
            && !self.shares.is_empty()
            && !shares.is_sorted_by(|higher, lower| higher >= lower)
        {
            let problem = "give a lower class more than a higher one";
            let remedy = "write a smaller percentage for the lower class";
            mistakes.push("share", format!("{shares:?}"), problem, remedy);
        }
        if !self.shares.is_empty() && self.key.is_some() {
            let remedy = "leave it out, and set it on a cap for all";
            mistakes.push("share", "", "is of no use: classes share one cap for all", remedy);
        }
        shares
    }

    pub(super) fn checked_name(&self, key: Option<&Key>, mistakes: &mut Mistakes) -> Box<str> {
        let Some(name) = &self.name else {
            return key.map_or_else(|| "all".into(), |key| key.word().into());
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
            let remedy = "write 1 to 64 letters, digits, `-`, `_` or `.`";
            mistakes.push("named", name, "cannot be the name of a limit", remedy);
        }
        name.as_str().into()
    }

    pub(super) fn summary(
        &self,
        is_keyed: bool,
        bounds: Option<Bounds>,
        shares: [u8; Priority::COUNT],
        waits: Option<Waits>,
    ) -> String {
        let mut text = match (&self.size, bounds) {
            (_, Some(Bounds { least, most, .. })) => {
                format!("{least} to {most} at once as latency has it")
            }
            (Size::Fixed(limit, _), _) => format!("{limit} at once"),
            (Size::Adaptive(..), None) => String::new(),
        };
        if is_keyed {
            text += &format!(" by {}", self.keys.whose());
        }
        for (class, share) in Priority::ALL.into_iter().zip(shares) {
            if share != 100 {
                text += &format!(", {class} {share}%");
            }
        }
        if let Some(Waits { length, wait }) = waits {
            text += &format!(", {length} may wait for {wait:?}");
        }
        text
    }
}
