use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use crate::context::Priority;
use crate::error::{ConfigError, Mistakes};
use crate::guard::{Exchange, Needs};
use crate::throttle::builder::ThrottleBuilder;
use crate::throttle::guard::Throttle;
use crate::throttle::key::{Absent, Key, Prefixes, Tagger};
use crate::throttle::sip::Secret;
use crate::throttle::sync::Mutex;

use super::gradient::{Bounds, Gradient};
use super::guard::{Classify, Concurrency, Flows, Inner};
use super::hall::Hall;
use super::keyed::Keyed;
use super::room::{Adaptive, Budget, Room, Seats};
use super::terms::Terms;

/// Builds a [`Concurrency`]; see [`Concurrency::at_most`].
#[derive(Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct ConcurrencyBuilder {
    pub(super) size: Size,
    pub(super) key: Option<Key>,
    /// Keys are checked, and read, as a throttle does.
    pub(super) keys: ThrottleBuilder,
    pub(super) queue: Option<(usize, Duration)>,
    pub(super) shares: Vec<(Priority, u8)>,
    classify: Option<Classify>,
    pub(super) name: Option<String>,
    seed: Option<u64>,
}

#[derive(Clone, Debug)]
pub(super) enum Size {
    Fixed(u32, Vec<&'static str>),
    Adaptive(Bounds, u32),
}

pub(super) const BOUNDS: Bounds = Bounds {
    least: 8,
    most: 1_000,
    initial: 50,
    window: Duration::from_millis(250),
    tolerance: 1.5,
    remeasure: Duration::from_secs(60),
};

impl ConcurrencyBuilder {
    fn of(size: Size) -> Self {
        Self {
            size,
            key: None,
            keys: Throttle::per_second(1),
            queue: None,
            shares: Vec::new(),
            classify: None,
            name: None,
            seed: None,
        }
    }

    pub(super) fn fixed(limit: u32) -> Self {
        Self::of(Size::Fixed(limit, Vec::new()))
    }

    pub(super) fn adaptive() -> Self {
        Self::of(Size::Adaptive(BOUNDS, 50))
    }

    /// A cap for each key, in place of one for all. Whoever is beyond its own is refused with 429.
    pub fn by(mut self, key: Key) -> Self {
        self.keys = self.keys.by(key.clone());
        self.key = Some(key);
        self
    }

    /// What a request without the header of its key is counted against. Default
    /// [`Absent::Refuse`].
    pub fn absent(mut self, absent: Absent) -> Self {
        self.keys = self.keys.absent(absent);
        self
    }

    /// Bits of an IPv6 address that are one client network, 1 to 128. Default 64.
    pub fn ipv6_prefix(mut self, bits: u8) -> Self {
        self.keys = self.keys.ipv6_prefix(bits);
        self
    }

    /// Bits of an IPv4 address that are one client network, 1 to 32. Default 32.
    pub fn ipv4_prefix(mut self, bits: u8) -> Self {
        self.keys = self.keys.ipv4_prefix(bits);
        self
    }

    /// How many keys with something in flight are told apart at most; more of them share a cap.
    /// Default 100 000.
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.keys = self.keys.max_keys(keys);
        self
    }

    /// Lets `length` requests wait at most, in all, for `wait` each at most: 1 to 4096, and up to a
    /// minute. Default: none waits.
    ///
    /// It is for bursts: a queue that stands for longer than `wait` makes everybody late and nobody
    /// happy, so newcomers then wait for a twentieth of it.
    pub fn queue(mut self, length: usize, wait: Duration) -> Self {
        self.queue = Some((length, wait));
        self
    }

    /// The percentage of the limit that a class may use, 1 to 100, so that the rest is kept for
    /// higher ones. Default: 100, or with an adaptive limit 90 for [`Priority::Normal`] and 60 for
    /// [`Priority::Low`].
    pub fn share(mut self, class: Priority, percent: u8) -> Self {
        self.shares.retain(|(known, _)| *known != class);
        self.shares.push((class, percent));
        self
    }

    /// Classes requests, by who is calling say; `None` leaves a request the class of its route.
    /// Default: that of the route.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::{context::Priority, throttle::Concurrency};
    ///
    /// let shedding = Concurrency::adaptive()
    ///     .priority_of(|exchange| {
    ///         let caller = exchange.principal()?;
    ///         caller.has_scope("batch").then_some(Priority::Low)
    ///     })
    ///     .build()?;
    /// # let _ = shedding;
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn priority_of(
        mut self,
        classify: impl Fn(&Exchange) -> Option<Priority> + Send + Sync + 'static,
    ) -> Self {
        self.classify = Some(Arc::new(classify));
        self
    }

    /// The name that records and findings know it by: letters, digits, `-`, `_` and `.`, at most 64.
    /// Default: `all`, or made of the key.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The bounds of an adaptive limit. Default 8 and 1000.
    pub fn between(self, least: u32, most: u32) -> Self {
        self.adapting("between", |bounds| (bounds.least, bounds.most) = (least, most))
    }

    /// What an adaptive limit begins with. Default 50, within the bounds.
    pub fn starting_at(self, limit: u32) -> Self {
        self.adapting("starting_at", |bounds| bounds.initial = limit)
    }

    /// How often an adaptive limit is judged: 10 ms to a minute. Default 250 ms.
    pub fn window(self, window: Duration) -> Self {
        self.adapting("window", |bounds| bounds.window = window)
    }

    /// How many per cent longer than typical answers may take before an adaptive limit goes down: 5
    /// to 1000. Default 50.
    pub fn tolerance(mut self, percent: u32) -> Self {
        if let Size::Adaptive(_, tolerance) = &mut self.size {
            *tolerance = percent;
        }
        self.adapting("tolerance", |bounds| bounds.tolerance = 1.0 + f64::from(percent) / 100.0)
    }

    /// How long typical times are taken for granted under load, before half of the limit is used for
    /// a moment to see them again: a second to a day. Default a minute, within a tenth.
    pub fn remeasure(self, interval: Duration) -> Self {
        self.adapting("remeasure", |bounds| bounds.remeasure = interval)
    }

    #[cfg(test)]
    pub(super) fn with_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    fn adapting(mut self, setter: &'static str, set: impl FnOnce(&mut Bounds)) -> Self {
        match &mut self.size {
            Size::Adaptive(bounds, _) => set(bounds),
            Size::Fixed(_, idle) => idle.push(setter),
        }
        self
    }

    /// The guard.
    ///
    /// # Errors
    /// When a value cannot be used; the error lists every one of them.
    pub fn build(self) -> Result<Concurrency, ConfigError> {
        let mut mistakes = Mistakes::default();
        let bounds = self.checked_size(&mut mistakes);
        let waits = self.checked_queue(&mut mistakes);
        let shares = self.checked_shares(&mut mistakes);
        let keys = mistakes.absorb_plain(self.keys.clone().build());
        let key =
            self.key.as_ref().filter(|key| key.parts().iter().any(|part| **part != Key::Global));
        if key.is_some() && bounds.is_some() {
            let remedy = "leave it out, and add `Concurrency::at_most(…)` by that key";
            mistakes.push("by", "", "is of no use: an adaptive limit is one for all", remedy);
        }
        let name = self.checked_name(key, &mut mistakes);
        let keys = mistakes.finish_with(keys)?;
        let limit = match (&self.size, bounds) {
            (_, Some(bounds)) => bounds.initial,
            (Size::Fixed(limit, _), None) => *limit,
            (Size::Adaptive(bounds, _), None) => bounds.initial,
        };
        let terms = Terms { limit, shares, waits };
        let seed = self.seed.unwrap_or_else(|| RandomState::new().hash_one(limit));
        let seats = match key {
            Some(_) => Seats::Keyed(Keyed::new(terms, self.keys.keys_at_most())),
            None => Seats::Hall(Hall::new(terms)),
        };
        let adaptive = bounds.map(|bounds| Adaptive {
            gradient: Mutex::new(Gradient::new(bounds, seed)),
            window: bounds.window,
            budget: Budget::default(),
        });
        let prefixes = Prefixes { v4: 32, v6: 64 };
        let of = |key: Key| Tagger::new(&key, Absent::Share, prefixes);
        Ok(Concurrency(Arc::new(Inner {
            room: Arc::new(Room::new(seats, adaptive)),
            key: key.map(|_| keys.0.tagger.clone()),
            flows: Flows {
                principals: of(Key::Principal),
                networks: of(Key::ClientNet),
                routes: Secret::random(),
            },
            classify: self.classify.clone(),
            needs: key.map_or(Needs::NONE, |_| keys.0.needs),
            // A closure is free to ask who is calling.
            reads_caller: (key.is_some() && keys.0.reads_caller) || self.classify.is_some(),
            is_own: key.is_some_and(|key| key.parts().into_iter().any(is_callers)),
            is_evadable: key.is_some() && keys.0.is_evadable,
            ipv6_prefix: keys.0.ipv6_prefix,
            summary: self.summary(key.is_some(), bounds, shares, waits),
            name,
            wait: waits.map(|waits| waits.wait),
            seed,
        })))
    }
}

/// Whether a part of a key is the caller's, so that its cap is used up by nobody else.
fn is_callers(part: &Key) -> bool {
    !matches!(part, Key::Global | Key::Route | Key::Method)
}

impl fmt::Debug for ConcurrencyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyBuilder")
            .field("size", &self.size)
            .field("key", &self.key)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}
