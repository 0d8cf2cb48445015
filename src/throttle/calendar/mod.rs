//! Hours, days and months as a time zone has them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::limit::{Aligned, Limit, Unusable};
use super::rule::{Periods, SECOND};

/// Hours, days or months of a time zone, as [`Limit::calendar`] counts them.
///
/// A day lasts from one midnight to the next: 23 or 25 hours where the clocks are changed, and from
/// the first instant of the date where midnight is skipped. An hour lasts an hour, and less where
/// the clocks are changed within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    unit: Unit,
    zone: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Hour,
    Day,
    Month,
}

impl Calendar {
    /// Hours as the clocks of a place show them: they begin at half past an hour of UTC in
    /// `Asia/Kolkata`. The zone is a name of the IANA time zone database.
    pub fn hourly(zone: impl Into<Box<str>>) -> Self {
        Self { unit: Unit::Hour, zone: zone.into() }
    }

    /// Days of a place, `Europe/Zurich` or `UTC` say.
    pub fn daily(zone: impl Into<Box<str>>) -> Self {
        Self { unit: Unit::Day, zone: zone.into() }
    }

    /// Months of a place, `America/New_York` say.
    pub fn monthly(zone: impl Into<Box<str>>) -> Self {
        Self { unit: Unit::Month, zone: zone.into() }
    }

    fn periods(&self) -> Result<Arc<dyn Periods>, Unusable> {
        match TimeZone::get(&self.zone) {
            Ok(zone) => Ok(Arc::new(Zoned { unit: self.unit, zone, present: Present::default() })),
            Err(_) => Err(Unusable {
                value: self.zone.to_string(),
                problem: "is not a time zone",
                remedy: "write a name of the IANA time zone database: `Europe/Zurich`, `UTC`",
            }),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        })
    }
}

/// `calendar day in Europe/Zurich`.
impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "calendar {} in {}", self.unit, self.zone)
    }
}

impl Limit {
    /// `limit` requests in each hour, day or month of a time zone: what plans are sold by.
    ///
    /// A key's period ends when it would have by the clocks at its first request, so that setting
    /// the machine's clock neither gives the quota anew nor keeps it from coming back. The rules of
    /// time zones are those of the operating system, or of this library where it has none; they
    /// are read when the throttle is built.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::throttle::{Calendar, Key, Limit, Throttle};
    ///
    /// Throttle::per_second(10)
    ///     .and(Limit::calendar(10_000, Calendar::daily("Europe/Zurich")))
    ///     .and(Limit::calendar(200_000, Calendar::monthly("Europe/Zurich")))
    ///     .by(Key::Principal)
    ///     .build()?;
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn calendar(limit: u32, calendar: Calendar) -> Self {
        let periods = Aligned {
            name: format!("calendar-{}", calendar.unit).into(),
            summary: calendar.to_string().into(),
            periods: calendar.periods(),
        };
        Self::aligned("calendar", limit, periods)
    }
}

/// A period in seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Period {
    begin: u64,
    end: u64,
}

/// The period looked up last, in one word, so that it is read whole without a lock: where it begins,
/// and in the low bits its length.
#[derive(Debug, Default)]
struct Present(AtomicU64);

/// A month is shorter than 2^22 seconds.
const LENGTH_BITS: u32 = 22;

impl Present {
    fn period(&self) -> Period {
        let word = self.0.load(Ordering::Relaxed);
        let begin = word >> LENGTH_BITS;
        Period { begin, end: begin + (word & ((1 << LENGTH_BITS) - 1)) }
    }

    fn set(&self, Period { begin, end }: Period) {
        self.0.store(begin << LENGTH_BITS | (end - begin), Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Zoned {
    unit: Unit,
    zone: TimeZone,
    present: Present,
}

impl Periods for Zoned {
    fn rest(&self, unix: u64) -> u64 {
        let second = unix / SECOND;
        let mut period = self.present.period();
        if !(period.begin..period.end).contains(&second) {
            period = self.around(second);
            self.present.set(period);
        }
        (period.end - second) * SECOND - unix % SECOND
    }

    fn seconds(&self) -> u64 {
        let Period { begin, end } = self.present.period();
        end - begin
    }
}

impl Zoned {
    /// The period a second lies in.
    fn around(&self, second: u64) -> Period {
        // Seconds of a 64-bit count of nanoseconds end in the year 2554, and time zones later.
        let by_zone = match self.unit {
            Unit::Hour => Some(self.hour(second)),
            Unit::Day => self.dates(second, |date| Some((date, date.tomorrow().ok()?))),
            Unit::Month => self.dates(second, |date| {
                let first = date.first_of_month();
                Some((first, first.checked_add(1.month()).ok()?))
            }),
        };
        by_zone.filter(|period| (period.begin..period.end).contains(&second)).unwrap_or_else(|| {
            let length = match self.unit {
                Unit::Hour => 3_600,
                Unit::Day => 86_400,
                Unit::Month => 30 * 86_400,
            };
            let begin = second - second % length;
            Period { begin, end: begin + length }
        })
    }

    fn hour(&self, second: u64) -> Period {
        let offset = self.offset(second);
        let into = second.saturating_add_signed(offset) % 3_600;
        let (mut begin, mut end) = (second.saturating_sub(into), second + 3_600 - into);
        if self.offset(begin) != offset {
            begin = self.first(begin, second, |at| self.offset(at) == offset);
        }
        if self.offset(end - 1) != offset {
            end = self.first(second, end - 1, |at| self.offset(at) != offset);
        }
        Period { begin, end }
    }

    fn offset(&self, second: u64) -> i64 {
        timestamp(second).map_or(0, |at| self.zone.to_offset(at).seconds().into())
    }

    /// The first second after `before` of which something holds that holds of `by`, too.
    fn first(&self, mut before: u64, mut by: u64, holds: impl Fn(u64) -> bool) -> u64 {
        while by - before > 1 {
            let middle = before + (by - before) / 2;
            if holds(middle) {
                by = middle;
            } else {
                before = middle;
            }
        }
        by
    }

    /// The period between the first instants of two dates, `of` that on the clocks.
    fn dates(&self, second: u64, of: impl Fn(Date) -> Option<(Date, Date)>) -> Option<Period> {
        let date = self.zone.to_datetime(timestamp(second)?).date();
        let (mut from, mut to) = of(date)?;
        // Clocks that go back over midnight show a date again that is over.
        if self.midnight(to)? <= second {
            (from, to) = of(to)?;
        }
        Some(Period { begin: self.midnight(from)?, end: self.midnight(to)? })
    }

    /// The first instant of a date, or of the next one where the date was skipped.
    fn midnight(&self, date: Date) -> Option<u64> {
        let at = self.zone.to_timestamp(date.to_datetime(Time::midnight())).ok()?;
        Some(u64::try_from(at.as_second()).unwrap_or(0))
    }
}

fn timestamp(second: u64) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(second).ok()?).ok()
}

#[cfg(test)]
mod tests;
