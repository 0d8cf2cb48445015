//! Batches that take turns, and their medians.

use std::time::Duration;

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Batches a side.
    pub(crate) batches: usize,
    /// Requests a batch: short enough that most batches are not interrupted.
    pub(crate) requests: usize,
}

pub(crate) const FULL: Effort = Effort { batches: 301, requests: 512 };
pub(crate) const SMOKE: Effort = Effort { batches: 1, requests: 64 };

impl Effort {
    /// For sides a good part of whose time is a signature.
    pub(crate) fn of_signatures(self) -> Self {
        Self { batches: self.batches.div_ceil(3), requests: self.requests / 16 }
    }
}

/// Runs so many requests and says how long that took.
pub(crate) type Side<'a> = Box<dyn FnMut(usize) -> Duration + 'a>;

/// Nanoseconds a request, batch by batch.
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    /// Beyond another side, batch by batch.
    pub(crate) fn beyond(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, other)| one - other).collect())
    }
}

/// Measures all sides in turns, forwards and backwards, after two rounds that do not count.
pub(crate) fn measure<const N: usize>(effort: Effort, mut sides: [Side<'_>; N]) -> [Samples; N] {
    let mut samples = [(); N].map(|()| Samples(Vec::with_capacity(effort.batches)));
    for round in 0..effort.batches + 2 {
        for turn in 0..N {
            let at = if round % 2 == 0 { turn } else { N - 1 - turn };
            let took = sides[at](effort.requests);
            if round >= 2 {
                samples[at].0.push(took.as_secs_f64() * 1e9 / effort.requests as f64);
            }
        }
    }
    samples
}
