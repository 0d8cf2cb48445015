//! Days and moments of a life cycle: as people write them, and as headers show them.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::HeaderValue;

/// The end of the year 9999, after which no header can tell the time.
const END: u64 = 253_402_300_800;
const DAY: u64 = 86_400;

/// A moment in a version's life, to the second.
///
/// Written as a day, `2026-01-31`, which begins at midnight UTC, or as a moment,
/// `2026-01-31T08:00:00Z`; or given by its numbers or as a [`SystemTime`]. What cannot be read is reported by
/// [`VersionsBuilder::build`](super::VersionsBuilder::build).
///
/// # Example
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use tower_parapet::version::Date;
///
/// let day = Date::from("2026-01-31");
/// assert_eq!(day, Date::day(2026, 1, 31));
/// assert_eq!(day, Date::from(UNIX_EPOCH + Duration::from_secs(1_769_817_600)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Date(Result<u64, String>);

impl Date {
    /// Seconds since the Unix epoch, or the text that is no date.
    pub(super) fn read(&self) -> Result<Moment, &str> {
        self.0.as_ref().map(|unix| Moment(*unix)).map_err(String::as_str)
    }
}

impl Date {
    /// A day by its numbers, which begins at midnight UTC.
    pub fn day(year: u16, month: u8, day: u8) -> Self {
        Self::from(format!("{year:04}-{month:02}-{day:02}").as_str())
    }
}

impl From<&str> for Date {
    fn from(text: &str) -> Self {
        Self(parse(text).ok_or_else(|| text.to_owned()))
    }
}

impl From<SystemTime> for Date {
    fn from(time: SystemTime) -> Self {
        let unix = time.duration_since(UNIX_EPOCH).map(|since| since.as_secs());
        Self(unix.ok().filter(|unix| *unix < END).ok_or_else(|| format!("{time:?}")))
    }
}

/// Reads `2026-01-31` or `2026-01-31T08:00:00Z`.
fn parse(text: &str) -> Option<u64> {
    let (day, time) = match text.split_once('T') {
        None => (text, 0),
        Some((day, time)) => (day, parse_time(time.strip_suffix('Z')?)?),
    };
    let [year, month, day] = numbers(day, '-', [4, 2, 2])?;
    let days = days_before(year, month)? + day.checked_sub(1)?;
    let is_in_month = day <= month_length(year, month);
    (year >= 1970 && is_in_month).then_some(days * DAY + time)
}

fn parse_time(text: &str) -> Option<u64> {
    let [hour, minute, second] = numbers(text, ':', [2, 2, 2])?;
    (hour < 24 && minute < 60 && second < 60).then_some((hour * 60 + minute) * 60 + second)
}

/// Three numbers of so many digits each.
fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        let is_number = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = part.parse().ok().filter(|_| is_number)?;
    }
    parts.next().is_none().then_some(numbers)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn month_length(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// How many days lie between the epoch and the first of a month.
fn days_before(year: u64, month: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leaps(year - 1) - leaps(1969);
    Some(years + (1..month).map(|month| month_length(year, month)).sum::<u64>())
}

/// A date that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

impl Moment {
    pub(super) fn is_past(self, unix: Duration) -> bool {
        unix.as_secs() >= self.0
    }

    /// As structured fields write it (RFC 9651, section 3.3.7): `@1769817600`.
    pub(super) fn unix_field(self) -> HeaderValue {
        field(format!("@{}", self.0))
    }

    /// As HTTP writes it (RFC 9110, section 5.6.7): `Sat, 31 Jan 2026 00:00:00 GMT`.
    pub(super) fn http_field(self) -> HeaderValue {
        field(self.http())
    }

    fn http(self) -> String {
        const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let (year, month, day) = self.civil();
        let named = |names: &[&'static str], at: u64| -> &'static str {
            usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or_default()
        };
        let weekday = named(&DAYS, self.0 / DAY % 7);
        let month = named(&MONTHS, month - 1);
        format!("{weekday}, {day:02} {month} {year:04} {} GMT", self.time())
    }

    fn time(self) -> String {
        let second = self.0 % DAY;
        format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
    }

    fn civil(self) -> (u64, u64, u64) {
        let mut days = self.0 / DAY;
        let mut year = 1970;
        while let Some(rest) = days.checked_sub(if is_leap(year) { 366 } else { 365 }) {
            days = rest;
            year += 1;
        }
        let mut month = 1;
        while let Some(rest) = days.checked_sub(month_length(year, month)) {
            days = rest;
            month += 1;
        }
        (year, month, days + 1)
    }
}

/// As people write it: `2026-01-31`, with the time where it is not midnight.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")?;
        if self.0.is_multiple_of(DAY) { Ok(()) } else { write!(f, "T{}Z", self.time()) }
    }
}

fn field(date: String) -> HeaderValue {
    // Letters, digits, spaces and colons always make one.
    HeaderValue::try_from(date).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn moment(text: &str) -> Option<Moment> {
        Date::from(text).read().ok()
    }

    #[test]
    fn dates_are_read_and_shown_in_both_forms() {
        for (text, unix, http) in [
            ("1970-01-01", 0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            // The example of RFC 9110, section 5.6.7.
            ("1994-11-06T08:49:37Z", 784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("2000-02-29", 951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            // The examples of RFC 9745 and RFC 8594.
            ("2023-06-30T23:59:59Z", 1_688_169_599, "Fri, 30 Jun 2023 23:59:59 GMT"),
            ("2018-12-31T23:59:59Z", 1_546_300_799, "Mon, 31 Dec 2018 23:59:59 GMT"),
            ("2026-01-31", 1_769_817_600, "Sat, 31 Jan 2026 00:00:00 GMT"),
            ("9999-12-31T23:59:59Z", 253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            let moment = moment(text).unwrap();
            assert_eq!((moment.0, moment.http().as_str()), (unix, http), "{text}");
            assert_eq!(moment.unix_field(), format!("@{unix}"));
            assert_eq!(moment.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_date_is_not_read() {
        for text in [
            "",
            "2026",
            "2026-1-31",
            "2026-13-01",
            "2026-00-01",
            "2026-02-29",
            "2026-04-31",
            "2026-01-00",
            "1969-12-31",
            "10000-01-01",
            "+026-01-01",
            "2026-01-31-01",
            "2026-01-31T08:00:00",
            "2026-01-31T24:00:00Z",
            "2026-01-31T08:60:00Z",
            "2026-01-31T08:00:60Z",
            "2026-01-31T08:00Z",
            "2026-01-31 08:00:00Z",
            "31.01.2026",
            "tomorrow",
        ] {
            assert_eq!(Date::from(text).read(), Err(text), "{text}");
        }
        assert!(Date::from(UNIX_EPOCH - Duration::from_secs(1)).read().is_err());
    }

    proptest! {
        #[test]
        fn every_moment_is_read_as_it_is_shown(unix in 0..END) {
            let shown = Moment(unix).to_string();
            prop_assert_eq!(moment(&shown), Some(Moment(unix)));
        }

        #[test]
        fn any_text_is_read_without_panic(text in "[0-9TZ:. -]{0,24}|\\PC{0,24}") {
            let _ = moment(&text);
        }
    }
}
