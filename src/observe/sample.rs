use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http::StatusCode;

use super::{Outcome, Record};

/// Who asks every few seconds is told of once in so long.
const INTERVAL: Duration = Duration::from_secs(60);

/// Chooses among the records of one route: the first, every change of the status, every failure, and
/// else one a minute. What is left out is counted.
#[derive(Default)]
pub(crate) struct Sample(Mutex<State>);

#[derive(Default)]
struct State {
    told: Option<(StatusCode, Duration)>,
    left_out: u64,
}

impl Sample {
    /// Whether a record is told, and how many before it were not.
    pub(super) fn choose(&self, record: &Record, now: Duration) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let status = record.status.filter(|status| status.is_success());
        let well = status.filter(|_| record.outcome == Outcome::Answered);
        let is_news = match (well, state.told) {
            (Some(status), Some((last, at))) => {
                status != last || now.saturating_sub(at) >= INTERVAL
            }
            _ => true,
        };
        if !is_news {
            state.left_out += 1;
            return None;
        }
        state.told = record.status.map(|status| (status, now));
        Some(std::mem::take(&mut state.left_out))
    }
}
