//! Times in claims.

use std::time::Duration;

use serde_json::Value;

/// The last second of the year 9999: a time beyond it is milliseconds, or a mistake.
const LAST_SECOND: u64 = 253_402_300_799;

/// Seconds since 1970 (RFC 7519, section 2: `NumericDate`), which may have a fraction.
pub(in crate::auth) fn numeric_date(value: &Value) -> Option<Duration> {
    let number = value.as_number()?;
    let time = match number.as_u64() {
        Some(whole) => Duration::from_secs(whole),
        None => Duration::try_from_secs_f64(number.as_f64()?).ok()?,
    };
    (time.as_secs() <= LAST_SECOND).then_some(time)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_a_number_of_seconds_up_to_the_year_9999() {
        let second = Duration::from_secs(1);
        for (value, time) in [
            (json!(0), Some(Duration::ZERO)),
            (json!(1), Some(second)),
            (json!(1.0), Some(second)),
            (json!(0.5), Some(second / 2)),
            (json!(1e9), Some(second * 1_000_000_000)),
            (json!(LAST_SECOND), Some(Duration::from_secs(LAST_SECOND))),
            (json!(LAST_SECOND + 1), None),
            (json!(1e15), None),
            (json!(1e300), None),
            (json!(-1), None),
            (json!(-0.5), None),
            (json!("1"), None),
            (json!([1]), None),
            (json!(null), None),
        ] {
            assert_eq!(numeric_date(&value), time, "{value}");
        }
    }
}
