//! Quotas by the calendar of a place, over the stack.

use std::time::Duration;

use tower_parapet::throttle::{Calendar, Limit, Throttle};

use super::{service, values};

/// 2026-03-29 in Zurich, on which the clocks go on by an hour: begins at 23:00 UTC, lasts 23 hours.
const DAY: u64 = 1_774_738_800;
const HOUR: u64 = 3_600;

#[tokio::test]
async fn a_daily_quota_comes_back_at_the_midnight_of_the_place_on_a_day_of_23_hours() {
    let quota = Limit::calendar(2, Calendar::daily("Europe/Zurich")).named("daily");
    let service = service(|stack| stack.throttle(Throttle::of(quota)));
    service.clock.set_unix(Duration::from_secs(DAY - 2 * HOUR));

    let response = service.send([192, 0, 2, 1], "/open", &[]).await;
    assert_eq!(values(&response, "ratelimit-policy"), ["\"daily\";q=2;w=86400"]);
    assert_eq!(values(&response, "ratelimit"), ["\"daily\";r=1;t=7200"]);
    assert_eq!(service.admitted("192.0.2.1", 9).await, 1);

    service.clock.advance(Duration::from_secs(2 * HOUR));
    let response = service.send([192, 0, 2, 1], "/open", &[]).await;
    assert_eq!(values(&response, "ratelimit-policy"), ["\"daily\";q=2;w=82800"]);
    assert_eq!(values(&response, "ratelimit"), ["\"daily\";r=1;t=82800"]);
    assert_eq!(service.admitted("192.0.2.1", 9).await, 1);

    service.clock.advance(Duration::from_secs(23 * HOUR - 1));
    assert_eq!(service.admitted("192.0.2.1", 9).await, 0);
    service.clock.advance(Duration::from_secs(1));
    let response = service.send([192, 0, 2, 1], "/open", &[]).await;
    assert_eq!(values(&response, "ratelimit-policy"), ["\"daily\";q=2;w=86400"]);
}

#[tokio::test]
async fn setting_the_wall_clock_gives_a_quota_neither_anew_nor_late() {
    let quota = Limit::calendar(5, Calendar::daily("Europe/Zurich"));
    let service = service(|stack| stack.throttle(Throttle::of(quota)));
    service.clock.set_unix(Duration::from_secs(DAY + HOUR));
    assert_eq!(service.admitted("192.0.2.1", 9).await, 5);
    for set in [DAY - 100 * HOUR, DAY + 100 * HOUR, 0] {
        service.clock.set_unix(Duration::from_secs(set));
        assert_eq!(service.admitted("192.0.2.1", 9).await, 0, "{set}");
    }
    service.clock.advance(Duration::from_secs(22 * HOUR));
    assert_eq!(service.admitted("192.0.2.1", 9).await, 5);
}
