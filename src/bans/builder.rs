use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::clock::nanos;
use crate::error::{ConfigError, Mistakes};
use crate::observe::Signal;

use super::Bans;
use super::ban::Event;
use super::exempt::Exempt;
use super::ladder::Ladder;
use super::points::Points;
use super::register::Register;
use super::shared::{Given, Share, Wire};
use super::warden::{Listener, Warden, Widening};

const DAY: Duration = Duration::from_secs(86_400);
const LONGEST_BAN: Duration = Duration::from_secs(366 * 86_400);
const MOST_TERMS: usize = 16;
const MOST_POINTS: u16 = 10_000;
const MOST_SUSPECTS: usize = 1 << 24;
const MOST_BANS: usize = 1 << 20;

/// Neighbours that are banned count for the wider network so long.
const NEIGHBOURS: Duration = Duration::from_secs(3600);
const WIDER: [u8; 2] = [56, 48];
const WIDER_SUSPECTS: usize = 4096;

/// What each kind of offence costs, where nothing else is said.
fn usual() -> Vec<(Signal, u16)> {
    vec![
        (Signal::FailedLogin, 5),
        (Signal::Forbidden, 2),
        (Signal::NotFound, 1),
        (Signal::Invalid, 1),
    ]
}

/// Builds [`Bans`]; see [`Bans::builder`].
#[derive(Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct BansBuilder {
    signals: Option<Vec<(Signal, u16)>>,
    pub(super) threshold: u16,
    pub(super) window: Duration,
    terms: Vec<Duration>,
    decay: Duration,
    exempt: Vec<(String, String)>,
    v4_prefix: u8,
    v6_prefix: u8,
    widen: Option<u16>,
    max_suspects: usize,
    pub(super) max_bans: usize,
    tells_when: bool,
    listeners: Vec<Listener>,
    pub(super) share: Option<Given>,
    pub(super) shared_by: String,
}

impl Bans {
    /// Starts with the defaults of the [module](super).
    pub fn builder() -> BansBuilder {
        BansBuilder {
            signals: None,
            threshold: 100,
            window: Duration::from_secs(600),
            terms: [60, 300, 1_800, 7_200, 43_200].map(Duration::from_secs).to_vec(),
            decay: Duration::from_secs(6 * 3600),
            exempt: Vec::new(),
            v4_prefix: 32,
            v6_prefix: 64,
            widen: None,
            max_suspects: 32_768,
            max_bans: 16_384,
            tells_when: false,
            listeners: Vec::new(),
            share: None,
            shared_by: String::new(),
        }
    }
}

impl BansBuilder {
    /// What a request costs whose end shows a signal, in points. The first call takes the place of the
    /// default table, further ones add to it. A request is charged once, for the first signal in the
    /// order of the calls that it shows.
    pub fn on(mut self, signal: Signal, points: u16) -> Self {
        self.signals.get_or_insert_default().push((signal, points));
        self
    }

    /// So many points within the [`window`](Self::window), and the offender is banned. Default 100.
    pub fn threshold(mut self, points: u16) -> Self {
        self.threshold = points;
        self
    }

    /// How long points count. Default ten minutes. Points that are spread over more than the window
    /// never add up, those within seven eighths of it always do.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// How long the first ban lasts, the second in a row, and so on; the last one for all that follow.
    /// Default 1 minute, 5 minutes, 30 minutes, 2 hours, 12 hours.
    pub fn terms(mut self, terms: impl IntoIterator<Item = Duration>) -> Self {
        self.terms = terms.into_iter().collect();
        self
    }

    /// After so long without another ban, one of those in a row is forgiven. Default six hours.
    pub fn decay(mut self, decay: Duration) -> Self {
        self.decay = decay;
        self
    }

    /// A network that is never banned, and whose offences are not counted: an office, a partner, a
    /// monitoring service, as a CIDR or an address, with the reason, which the manifest shows. Trusted
    /// proxies and this machine itself are exempt without being named.
    pub fn exempt(mut self, network: impl ToString, reason: impl Into<String>) -> Self {
        self.exempt.push((network.to_string(), reason.into()));
        self
    }

    /// Bits of an IPv4 address that are one client network, 1 to 32. Default 32.
    pub fn ipv4_prefix(mut self, bits: u8) -> Self {
        self.v4_prefix = bits;
        self
    }

    /// Bits of an IPv6 address that are one client network, 1 to 128. Default 64.
    pub fn ipv6_prefix(mut self, bits: u8) -> Self {
        self.v6_prefix = bits;
        self
    }

    /// Bans a /56 of IPv6 once so many networks within it were banned within an hour, each for the first
    /// time in a row, and a /48 once so many of its /56 were: whoever has a /48 has 65 536 times a /64.
    /// What bears the mark of other sites' pages is counted, and banned, apart here too. Default off.
    pub fn widen(mut self, after: u16) -> Self {
        self.widen = Some(after);
        self
    }

    /// How many suspects are remembered at most, 33 bytes each, taken at the start. Default 32 768.
    /// Where there are more, those with the fewest points are forgotten.
    pub fn max_suspects(mut self, suspects: usize) -> Self {
        self.max_suspects = suspects;
        self
    }

    /// How many bans are remembered at most, in force or not yet forgiven. Default 16 384. Where there
    /// are more, those that are over are forgotten, the least grave first. A ban in force is not: where
    /// all are, no new one comes to be, which is logged, counted and a finding.
    pub fn max_bans(mut self, bans: usize) -> Self {
        self.max_bans = bans;
        self
    }

    /// Answers 429 with `Retry-After` in place of 403, so that honest clients come back in time and
    /// others know how long to wait.
    pub fn tell_when(mut self) -> Self {
        self.tells_when = true;
        self
    }

    /// Is told when a ban begins or is lifted. It runs where the offending request ends, so it should be
    /// quick; a panic is caught.
    pub fn listen(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.listeners.push(Arc::new(listener));
        self
    }

    /// The bans.
    ///
    /// # Errors
    /// When a value cannot be used; the error lists every one of them.
    pub fn build(self) -> Result<Bans, ConfigError> {
        self.build_by(Self::share)
    }

    /// As [`build`](Self::build), with what makes the store to share by.
    pub(super) fn build_by(
        self,
        share: impl FnOnce(&Self) -> Option<Arc<dyn Share>>,
    ) -> Result<Bans, ConfigError> {
        let mut mistakes = Mistakes::default();
        let signals = self.signals.clone().unwrap_or_else(usual);
        self.check_signals(&signals, &mut mistakes);
        self.check_terms(&mut mistakes);
        let exempt = Exempt::read(&self.exempt, &mut mistakes);
        self.check_bounds(&mut mistakes);
        mistakes.finish()?;
        let summary = self.summary(&signals, &exempt);
        let share = share(&self);
        let ladder = self.ladder();
        let widening = self.widen.map(|after| Widening {
            points: Points::new(WIDER_SUSPECTS, nanos(NEIGHBOURS), after.into()),
            prefixes: WIDER.into(),
        });
        Ok(Bans(Arc::new_cyclic(|me| Warden {
            points: Points::new(self.max_suspects, nanos(self.window), self.threshold.into()),
            register: Register::new(self.max_bans),
            signals: signals.into(),
            ladder,
            widening,
            exempt,
            v4_prefix: self.v4_prefix,
            v6_prefix: self.v6_prefix,
            listeners: self.listeners,
            tells_when: self.tells_when,
            tally: super::tally::Tally::default(),
            wire: share.map(Wire::new),
            clock: OnceLock::new(),
            summary: summary.into(),
            me: me.clone(),
        })))
    }

    pub(super) fn ladder(&self) -> Ladder {
        Ladder::new(self.terms.iter().copied().map(nanos).collect(), nanos(self.decay))
    }

    fn check_signals(&self, signals: &[(Signal, u16)], mistakes: &mut Mistakes) {
        let mut seen: Vec<&Signal> = Vec::new();
        for (signal, points) in signals {
            if let Some((value, problem, remedy)) = signal.flaw() {
                mistakes.push("on", value, problem, remedy);
            }
            if *points == 0 || *points > self.threshold {
                let problem = format!("are no points for `{signal}` towards {}", self.threshold);
                let remedy = "write 1 to the threshold";
                mistakes.push("on", points.to_string(), problem, remedy);
            }
            if seen.contains(&signal) {
                let problem = "is named twice, and only the first counts";
                mistakes.push("on", signal.to_string(), problem, "leave one of them out");
            }
            seen.push(signal);
        }
    }

    fn check_terms(&self, mistakes: &mut Mistakes) {
        if self.terms.is_empty() || self.terms.len() > MOST_TERMS {
            let value = self.terms.len().to_string();
            let remedy = "write 1 to 16 lengths of bans";
            mistakes.push("terms", value, "is no number of terms", remedy);
        }
        for term in &self.terms {
            if !(Duration::from_secs(1)..=LONGEST_BAN).contains(term) {
                let remedy = "write a second to a year";
                mistakes.push("terms", format!("{term:?}"), "is no length of a ban", remedy);
            }
        }
        if !self.terms.is_sorted() {
            let value = format!("{:?}", self.terms);
            mistakes.push("terms", value, "gets shorter", "write them in ascending order");
        }
    }

    fn check_bounds(&self, mistakes: &mut Mistakes) {
        if !(1..=MOST_POINTS).contains(&self.threshold) {
            let remedy = "write 1 to 10000";
            mistakes.push("threshold", self.threshold.to_string(), "is out of range", remedy);
        }
        if !(Duration::from_secs(1)..=DAY).contains(&self.window) {
            let remedy = "write a second to a day";
            mistakes.push("window", format!("{:?}", self.window), "is out of range", remedy);
        }
        if !(Duration::from_secs(1)..=LONGEST_BAN).contains(&self.decay) {
            let remedy = "write a second to a year";
            mistakes.push("decay", format!("{:?}", self.decay), "is out of range", remedy);
        }
        if !(1..=32).contains(&self.v4_prefix) {
            let problem = "is not a prefix of an IPv4 address";
            let remedy = "write 1 to 32, 32 being one address";
            mistakes.push("ipv4_prefix", self.v4_prefix.to_string(), problem, remedy);
        }
        if !(1..=128).contains(&self.v6_prefix) {
            let problem = "is not a prefix of an IPv6 address";
            let remedy = "write 1 to 128, 64 being one customer";
            mistakes.push("ipv6_prefix", self.v6_prefix.to_string(), problem, remedy);
        }
        if self.widen.is_some_and(|after| after < 2) {
            let value = self.widen.unwrap_or_default().to_string();
            let remedy = "write at least 2: one network alone is not many";
            mistakes.push("widen", value, "is out of range", remedy);
        }
        if self.widen.is_some() && self.v6_prefix <= 48 {
            let problem = format!("widens /{} of IPv6 to nothing", self.v6_prefix);
            mistakes.push("widen", "", problem, "leave it out, or write `ipv6_prefix(64)`");
        }
        if !(1..=MOST_SUSPECTS).contains(&self.max_suspects) {
            let remedy = format!("write 1 to {MOST_SUSPECTS}");
            mistakes.push("max_suspects", self.max_suspects.to_string(), "is out of range", remedy);
        }
        if !(1..=MOST_BANS).contains(&self.max_bans) {
            let remedy = format!("write 1 to {MOST_BANS}");
            mistakes.push("max_bans", self.max_bans.to_string(), "is out of range", remedy);
        }
    }

    /// `100 points in 600 s (failed login 5, …), banned for 60, 300 s, …`.
    fn summary(&self, signals: &[(Signal, u16)], exempt: &Exempt) -> String {
        let each: Vec<_> =
            signals.iter().map(|(signal, points)| format!("{signal} {points}")).collect();
        let terms: Vec<_> = self.terms.iter().map(|term| term.as_secs().to_string()).collect();
        let v4 = if self.v4_prefix == 32 {
            String::new()
        } else {
            format!("/{} for IPv4, ", self.v4_prefix)
        };
        let mut text = format!(
            "{} points in {} s ({}), by caller, else client network ({v4}/{} for IPv6): banned for \
             {} s, one forgiven in {} s",
            self.threshold,
            self.window.as_secs(),
            each.join(", "),
            self.v6_prefix,
            terms.join(", "),
            self.decay.as_secs(),
        );
        if let Some(after) = self.widen {
            let _ = write!(text, ", /56 and /48 after {after} within");
        }
        let exempt: BTreeSet<_> =
            exempt.iter().map(|e| format!("{} ({})", e.network, e.reason)).collect();
        if !exempt.is_empty() {
            let exempt = exempt.into_iter().collect::<Vec<_>>().join(", ");
            let _ = write!(text, ", exempt {exempt}");
        }
        let _ = write!(text, ", at most {} bans", self.max_bans);
        text + &self.shared_by
    }
}

/// Bans, or a builder of some: what [`ParapetBuilder::bans`](crate::ParapetBuilder::bans) takes.
pub trait IntoBans {
    /// The bans.
    ///
    /// # Errors
    /// Every mistake in the builder's settings.
    fn into_bans(self) -> Result<Bans, ConfigError>;
}

impl IntoBans for Bans {
    fn into_bans(self) -> Result<Bans, ConfigError> {
        Ok(self)
    }
}

impl IntoBans for &Bans {
    fn into_bans(self) -> Result<Bans, ConfigError> {
        Ok(self.clone())
    }
}

impl IntoBans for BansBuilder {
    fn into_bans(self) -> Result<Bans, ConfigError> {
        self.build()
    }
}

impl std::fmt::Debug for BansBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BansBuilder")
            .field("threshold", &self.threshold)
            .field("window", &self.window)
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}
