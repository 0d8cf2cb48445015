//! What the processes were answered, and the bounds it is held against.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::setup::{BURST, DEMAND, LIMIT, Mode, PROCESSES};

const SECOND: u64 = 1_000_000;

/// Microseconds since the Unix epoch: the one clock that all processes and Redis read.
pub fn unix() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_micros()).unwrap()
}

/// One answer. It was charged, if it was, at some time between its two.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    pub process: u32,
    pub start: u64,
    pub end: u64,
    pub status: u16,
    /// Told how it stands, and not merely let through.
    pub is_counted: bool,
}

impl Answer {
    pub fn parse(process: u32, line: &str) -> Self {
        let numbers: Vec<u64> = line.split(' ').map(|word| word.parse().unwrap()).collect();
        let [start, end, status, counted] = numbers[..] else { panic!("not an answer: {line}") };
        Self { process, start, end, status: status as u16, is_counted: counted == 1 }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.start, self.end, self.status, u8::from(self.is_counted))
    }
}

/// Redis was killed between the first two, and started again after the last.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    pub begun: u64,
    pub down: u64,
    pub back: u64,
}

pub struct Report {
    pub mode: Mode,
    /// Whether Redis knew after a restart what it had counted.
    pub remembers: bool,
    pub answers: Vec<Answer>,
    pub outages: Vec<Outage>,
    pub calls: u64,
}

impl Report {
    fn count(&self, status: u16) -> u64 {
        self.answers.iter().filter(|answer| answer.status == status).count() as u64
    }

    pub fn admitted(&self) -> u64 {
        self.count(200)
    }

    pub fn refused(&self) -> u64 {
        self.count(429)
    }

    pub fn unavailable(&self) -> u64 {
        self.count(503)
    }

    pub fn let_through(&self) -> u64 {
        self.answers.iter().filter(|a| a.status == 200 && !a.is_counted).count() as u64
    }

    fn admissions(&self) -> impl Iterator<Item = &Answer> {
        self.answers.iter().filter(|answer| answer.status == 200)
    }

    /// Every request has an answer, which is one of three, and about as many were made as planned.
    pub fn every_request_was_answered(&self, duration: Duration) {
        let made = self.answers.len() as u64;
        assert_eq!(self.admitted() + self.refused() + self.unavailable(), made);
        let planned = u64::from(DEMAND * PROCESSES) * duration.as_secs();
        assert!(made > planned / 4, "{made} requests instead of {planned}");
        let slowest = self.answers.iter().map(|answer| answer.end - answer.start).max();
        assert!(slowest < Some(5 * SECOND), "{slowest:?} us for an answer");
    }

    /// Once Redis is back, the processes ask it again.
    pub fn the_store_decides_again(&self) {
        let back = self.outages.iter().map(|outage| outage.back).max().unwrap();
        let admitted = self.admissions().filter(|a| a.is_counted && a.start > back).count();
        assert!(admitted > 0, "nothing was admitted by the store once it was back");
        let waited = self.noticed().saturating_sub(back) / 1_000;
        println!("    redis was asked again {waited} ms after it was started");
    }

    /// When everybody knew that it was back for the last time.
    fn noticed(&self) -> u64 {
        self.answers.iter().filter(|a| !a.is_counted).map(|a| a.end).max().unwrap_or(0)
    }

    /// The most that a limit of `burst` and `rate` may admit from one instant to another.
    fn bound(rate: u64, burst: u64, micros: u64) -> u64 {
        burst + rate * micros / SECOND
    }

    /// What is stated to come on top of it by the outages between the two.
    fn forgotten(&self, from: u64, to: u64) -> u64 {
        let [per_restart, per_outage] = self.mode.per_restart();
        let each = if self.remembers { per_outage } else { per_outage.max(per_restart) };
        // Until they know that it is back, processes with shares admit by themselves.
        let concerns = |(index, outage): &(usize, &Outage)| {
            let next = self.outages.get(index + 1).map(|next| next.begun);
            let end = match self.mode {
                Mode::Share => next.unwrap_or(u64::MAX),
                _ => outage.back,
            };
            from <= end && outage.begun <= to
        };
        self.outages.iter().enumerate().filter(concerns).count() as u64 * each
    }

    /// Whatever was charged for certain between any two tenths of a second is within what the
    /// limit admits in that time, and `extra`.
    pub fn admitted_stays_within_the_bound(&self, extra: u64) {
        let admissions: Vec<_> = self.admissions().copied().collect();
        self.stays_within(&admissions, LIMIT.into(), BURST.into(), extra);
    }

    /// The same of those that the store admitted, where it may be lost.
    pub fn counted_stays_within_the_bound(&self) {
        let admissions: Vec<_> = self.admissions().filter(|a| a.is_counted).copied().collect();
        self.stays_within(&admissions, LIMIT.into(), BURST.into(), 0);
    }

    fn stays_within(&self, admissions: &[Answer], rate: u64, burst: u64, extra: u64) {
        let first = self.answers.iter().map(|answer| answer.start).min().unwrap();
        let last = self.answers.iter().map(|answer| answer.end).max().unwrap();
        let step = SECOND / 10;
        let mut tightest = u64::MAX;
        let marks: Vec<_> =
            (0..).map(|i| first + i * step).take_while(|m| *m < last + step).collect();
        for (index, from) in marks.iter().enumerate() {
            let mut within: Vec<_> =
                admissions.iter().filter(|a| a.start >= *from).map(|a| a.end).collect();
            within.sort_unstable();
            for to in &marks[index + 1..] {
                let admitted = within.partition_point(|end| end <= to) as u64;
                let most = Self::bound(rate, burst, to - from) + extra + self.forgotten(*from, *to);
                assert!(
                    admitted <= most,
                    "{admitted} admitted in {} ms, {} ms after the start: {most} at most",
                    (to - from) / 1_000,
                    (from - first) / 1_000,
                );
                tightest = tightest.min(most - admitted);
            }
        }
        let most = Self::bound(rate, burst, last - first) + extra + self.forgotten(first, last);
        println!(
            "    {} admitted of {most} in all (overshoot stated: {extra}); nearest to the bound in any time: {tightest} below",
            admissions.len(),
        );
    }

    /// No window of a second has more than its quota, and one more where it was forgotten.
    pub fn admitted_stays_within_its_windows(&self, quota: u64) {
        let mut windows = BTreeMap::<u64, u64>::new();
        for admission in self.admissions() {
            let (first, last) = (admission.start / SECOND, admission.end / SECOND);
            // Else nobody knows which one it was charged to.
            if first == last {
                *windows.entry(first).or_default() += 1;
            }
        }
        for (window, count) in &windows {
            let (from, to) = (window * SECOND, (window + 1) * SECOND);
            let restarts = match self.remembers {
                true => 0,
                false => self.outages.iter().filter(|o| from <= o.back && o.begun <= to).count(),
            };
            assert!(*count <= quota * (1 + restarts as u64), "{count} in one window");
        }
        println!("    in windows of {quota}: {:?}", windows.values().collect::<Vec<_>>());
    }

    /// While nobody could ask Redis, each process admitted its part of the rate and the burst.
    pub fn each_process_stays_within_its_share(&self) {
        for outage in &self.outages {
            for process in 0..PROCESSES {
                let within = |a: &&Answer| {
                    a.process == process && a.start >= outage.down && a.end <= outage.back
                };
                let admitted = self.admissions().filter(within).count() as u64;
                let parts = u64::from(PROCESSES);
                let time = outage.back - outage.down;
                let most = Self::bound(u64::from(LIMIT) / parts, u64::from(BURST) / parts, time);
                println!("    process {process} alone: {admitted} of {most}");
                assert!(admitted <= most, "{admitted} of {most}");
                assert!(admitted > 0, "the share admits nobody");
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = if self.remembers { "append-only file" } else { "forgets at a restart" };
        write!(
            f,
            "{:?}, {kept}: {} requests, {} admitted, {} refused, {} unavailable, {} let through, {} calls",
            self.mode,
            self.answers.len(),
            self.admitted(),
            self.refused(),
            self.unavailable(),
            self.let_through(),
            self.calls,
        )
    }
}
