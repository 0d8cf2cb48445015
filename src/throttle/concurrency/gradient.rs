//! How many the handlers can take, learnt from how long they take to answer.
//!
//! The idea is that of Netflix's gradient and of Envoy's adaptive concurrency: where answers take
//! longer than they do without load, the limit goes down in proportion, else it goes up by its
//! square root. What differs is what "longer" is measured against: each route has a typical time of
//! its own, so that a change of what is asked for, by an attacker say, is no change of the load.

use std::collections::HashMap;
use std::time::Duration;

/// Samples a window takes at most.
pub(super) const MOST_SAMPLES: u32 = 64;

/// A window with fewer says nothing, and goes on.
const FEWEST_SAMPLES: usize = 10;

/// Routes with a typical time of their own; others share one.
const MOST_ROUTES: usize = 512;

/// The typical time is too high where half of the load is answered in less than this part of it.
const INFLATED: f64 = 0.8;

/// So many windows in a row that are slow however far the limit goes down: the time is measured anew.
const STUCK: u32 = 10;

/// How long a measurement may take before it is given up, in windows.
const LONGEST_TRIAL: u32 = 20;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) least: u32,
    pub(super) most: u32,
    pub(super) initial: u32,
    pub(super) window: Duration,
    /// How much longer than typical is no sign of load, 1.5 say.
    pub(super) tolerance: f64,
    /// How long typical times are good for, unless there are quiet moments to see them in.
    pub(super) remeasure: Duration,
}

/// An answer: on which route it came, when it was begun and how long it took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) route: u64,
    pub(super) began: Duration,
    pub(super) took: Duration,
}

#[derive(Debug)]
pub(super) struct Gradient {
    bounds: Bounds,
    limit: f64,
    window_began: Duration,
    samples: Vec<Sample>,
    routes: HashMap<u64, Typical>,
    trial: Option<Trial>,
    /// When typical times are measured anew.
    due: Duration,
    slow_windows: u32,
    random: u64,
}

/// The median of a route's times without load, followed step by step.
#[derive(Clone, Copy, Debug)]
struct Typical {
    seconds: f64,
    seen: u32,
}

/// Half of the limit, to see what times are without load.
#[derive(Clone, Copy, Debug)]
struct Trial {
    since: Duration,
}

impl Gradient {
    pub(super) fn new(bounds: Bounds, seed: u64) -> Self {
        let mut new = Self {
            bounds,
            limit: f64::from(bounds.initial),
            window_began: Duration::ZERO,
            samples: Vec::new(),
            routes: HashMap::new(),
            trial: None,
            due: Duration::ZERO,
            slow_windows: 0,
            random: seed | 1,
        };
        new.due = new.next_due(Duration::ZERO);
        new
    }

    /// The limit as it counts now.
    pub(super) fn limit(&self) -> u32 {
        // A float becomes the nearest integer that there is.
        self.limit.round() as u32
    }

    /// Where an answer took so long that it must count, though its end was not seen.
    pub(super) fn is_slow(&self, route: u64, took: Duration) -> bool {
        self.typical(route).is_some_and(|typical| took.as_secs_f64() > 2.0 * typical.seconds)
    }

    /// Takes a sample; true where it ends a window, which [`judge`](Self::judge) is to close.
    pub(super) fn sample(&mut self, sample: Sample, now: Duration) -> bool {
        // Those from before were under another load.
        let counts = self.trial.is_none_or(|trial| sample.began >= trial.since);
        if counts && self.samples.len() < MOST_SAMPLES as usize {
            self.samples.push(sample);
        }
        self.is_due(now)
    }

    fn is_due(&self, now: Duration) -> bool {
        let lasted = now.saturating_sub(self.window_began);
        match self.trial {
            Some(_) => {
                self.samples.len() >= FEWEST_SAMPLES || lasted >= self.bounds.window * LONGEST_TRIAL
            }
            None => self.samples.len() >= FEWEST_SAMPLES && lasted >= self.bounds.window,
        }
    }

    /// Ends a window, in which at most `peak` were in flight, and gives the limit from now on.
    pub(super) fn judge(&mut self, peak: u32, now: Duration) -> u32 {
        let samples = std::mem::take(&mut self.samples);
        match self.trial {
            Some(_) => self.judge_trial(&samples, now),
            None => self.judge_window(&samples, peak, now),
        }
        self.window_began = now;
        self.limit = self.limit.clamp(f64::from(self.bounds.least), f64::from(self.bounds.most));
        self.limit()
    }

    fn judge_window(&mut self, samples: &[Sample], peak: u32, now: Duration) {
        let is_quiet = f64::from(peak) * 2.0 < self.limit;
        let slowness = self.slowness(samples);
        if is_quiet {
            self.learn(samples);
            self.due = self.next_due(now);
        }
        let gradient = (self.bounds.tolerance / slowness).clamp(0.5, 1.0);
        let kept = self.limit * gradient;
        let target = kept + kept.sqrt();
        // What is not used says nothing of what would be good.
        if !is_quiet || target < self.limit {
            self.limit = target;
        }
        self.slow_windows = if gradient < 1.0 { self.slow_windows + 1 } else { 0 };
        if !is_quiet && (now >= self.due || self.slow_windows >= STUCK) {
            self.begin_trial(now);
        }
    }

    fn begin_trial(&mut self, now: Duration) {
        self.slow_windows = 0;
        self.trial = Some(Trial { since: now });
        self.limit = (self.limit / 2.0).max(f64::from(self.bounds.least));
    }

    fn judge_trial(&mut self, samples: &[Sample], now: Duration) {
        let is_least = self.limit <= f64::from(self.bounds.least);
        let slowness = self.slowness(samples);
        if samples.len() < FEWEST_SAMPLES {
            return self.end_trial(now);
        }
        // It would be less still with less load.
        let is_inflated = slowness < INFLATED;
        // There is load even now.
        let is_loaded = slowness > self.bounds.tolerance;
        if is_inflated || (is_loaded && is_least) {
            self.routes.values_mut().for_each(|typical| typical.seconds *= slowness);
        } else if !is_loaded {
            self.learn(samples);
        }
        if (is_inflated || is_loaded) && !is_least {
            self.begin_trial(now);
        } else {
            self.end_trial(now);
        }
    }

    /// The last step down did nothing for the times, so it is taken back.
    fn end_trial(&mut self, now: Duration) {
        self.trial = None;
        self.limit *= 2.0;
        self.due = self.next_due(now);
    }

    /// How many times as long as typical the middle one of the samples took.
    fn slowness(&mut self, samples: &[Sample]) -> f64 {
        let mut ratios: Vec<f64> = samples
            .iter()
            .map(|sample| {
                let seconds = sample.took.as_secs_f64().max(1e-6);
                seconds / self.known(sample.route, seconds).seconds
            })
            .collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().unwrap_or(1.0).max(1e-3)
    }

    /// Moves typical times towards samples that were taken without load.
    fn learn(&mut self, samples: &[Sample]) {
        for sample in samples {
            let seconds = sample.took.as_secs_f64().max(1e-6);
            self.known(sample.route, seconds).follow(seconds);
        }
    }

    fn known(&mut self, route: u64, seconds: f64) -> &mut Typical {
        let route = self.key(route);
        self.routes.entry(route).or_insert(Typical { seconds, seen: 0 })
    }

    fn typical(&self, route: u64) -> Option<&Typical> {
        self.routes.get(&self.key(route))
    }

    /// Routes beyond those that are kept are one.
    fn key(&self, route: u64) -> u64 {
        let is_kept = self.routes.len() < MOST_ROUTES || self.routes.contains_key(&route);
        if is_kept { route } else { 0 }
    }

    /// Within a tenth of the interval, so that processes do not measure at the same time.
    fn next_due(&mut self, now: Duration) -> Duration {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let part = (self.random >> 11) as f64 / (1_u64 << 53) as f64;
        now.saturating_add(self.bounds.remeasure.mul_f64(0.9 + 0.2 * part))
    }
}

impl Typical {
    /// A step towards the median: as many samples lie above it as below once it stands still.
    fn follow(&mut self, seconds: f64) {
        let step = if self.seen < 32 { 1.1 } else { 1.03 };
        self.seen = self.seen.saturating_add(1);
        match seconds.total_cmp(&self.seconds) {
            std::cmp::Ordering::Greater => self.seconds = (self.seconds * step).min(seconds),
            std::cmp::Ordering::Less => self.seconds = (self.seconds / step).max(seconds),
            std::cmp::Ordering::Equal => {}
        }
    }
}
