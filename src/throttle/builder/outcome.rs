//! What requests cost once it is known how they ended; see [`outcome`](super::super::outcome).

use crate::error::Mistakes;
use crate::observe::Signal;

use super::super::outcome::Effect;
use super::{Count, ThrottleBuilder};

/// What one request may cost at most, so many times what can be spent at once: a slip must not shut a
/// key out for years.
const MOST_BURSTS: u64 = 10;

impl ThrottleBuilder {
    /// What a request has cost whose end shows a signal. The first that it shows counts, in the order
    /// of the calls, once. See [`outcome`](super::super::outcome).
    ///
    /// # Example
    /// ```
    /// use tower_parapet::{observe::Signal, throttle::{Effect, Throttle}};
    ///
    /// Throttle::per_minute(100).on(Signal::NotFound, Effect::Penalty(5)).build()?;
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn on(mut self, signal: Signal, effect: Effect) -> Self {
        self.outcomes.push((signal, effect));
        self
    }

    /// `most` is what can be spent at once; `is_settled` where the handler has the last word.
    pub(super) fn check_outcomes(&self, most: u32, is_settled: bool, mistakes: &mut Mistakes) {
        match self.count {
            Count::Outcomes if self.outcomes.is_empty() => mistakes.push(
                "counting",
                "Outcomes",
                "counts nothing, as there is no outcome",
                "name some, `on(Signal::FailedLogin, Effect::Penalty(1))` say",
            ),
            Count::ForgedCredentials if !self.outcomes.is_empty() => mistakes.push(
                "on",
                "",
                "is no part of what counts forged credentials alone",
                "write `counting(Count::Outcomes)`, and `on(Signal::ForgedCredentials, …)` beside it",
            ),
            _ => {}
        }
        for (index, (signal, effect)) in self.outcomes.iter().enumerate() {
            if let Some((value, problem, remedy)) = signal.flaw() {
                mistakes.push("on", value, problem, remedy);
            }
            if self.outcomes.iter().take(index).any(|(before, _)| before == signal) {
                let problem = "is named twice, and only the first counts";
                mistakes.push("on", signal.to_string(), problem, "leave one of them out");
            }
            self.check_effect(signal, *effect, (most, is_settled), mistakes);
        }
    }

    fn check_effect(
        &self,
        signal: &Signal,
        effect: Effect,
        (most, is_settled): (u32, bool),
        mistakes: &mut Mistakes,
    ) {
        let value = || format!("{signal}, {effect:?}");
        let cost = match effect {
            Effect::Cost(cost) | Effect::Penalty(cost) => u64::from(cost),
            Effect::Refund => 0,
        };
        if effect == Effect::Penalty(0) {
            mistakes.push("on", value(), "is no penalty", "write at least 1, or leave it out");
        }
        if most > 0 && cost > u64::from(most) * MOST_BURSTS {
            let problem = "shuts a key out for more than ten times what can be spent at once";
            let remedy = format!("write at most {}", u64::from(most) * MOST_BURSTS);
            mistakes.push("on", value(), problem, remedy);
        }
        let problem = match effect {
            Effect::Penalty(_) => None,
            _ if self.count == Count::Outcomes => Some("settles what was never charged"),
            _ => is_settled.then_some("has the last word beside what the handler says"),
        };
        if let Some(problem) = problem {
            mistakes.push("on", value(), problem, "write `Effect::Penalty`");
        }
        let is_of_guesses = matches!(signal, Signal::FailedLogin | Signal::ForgedCredentials);
        if is_of_guesses && self.key.reads_caller(self.absent) {
            let problem = "is never seen by a limit by caller: who fails to log in is nobody";
            mistakes.push("on", value(), problem, "write `by(Key::ClientNet)`");
        }
    }

    /// `, 5 more for not found`, for the manifest.
    pub(super) fn outcomes_summary(&self) -> String {
        let each = self.outcomes.iter().map(|(signal, effect)| match effect {
            Effect::Cost(cost) => format!(", {cost} for {signal}"),
            Effect::Refund => format!(", nothing for {signal}"),
            Effect::Penalty(cost) => format!(", {cost} more for {signal}"),
        });
        each.collect()
    }
}
