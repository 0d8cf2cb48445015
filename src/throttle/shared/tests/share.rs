//! What a process admits by itself while the store is lost.

use std::time::Duration;

use super::super::counts::{Act, Asked};
use super::super::share::Share;
use super::{asked, limits};
use crate::throttle::limit::Limit;
use crate::throttle::rule::{Moment, SECOND};

/// One request for its only key, milliseconds after it began.
fn request(limit: &[Limit], millis: u64) -> Asked {
    let nanos = millis * SECOND / 1_000;
    Asked { at: Moment { now: nanos, unix: nanos }, ..asked(&limits(limit), 1, Act::Spend, 1) }
}

fn admits(share: &Share, request: &Asked) -> bool {
    share.decide(request).is_some_and(|verdict| verdict.admitted())
}

/// Ten a second, of which the other process uses none: for ten minutes this one has them all.
#[test]
fn who_used_more_than_its_share_has_its_share_of_the_rate_at_once_when_the_store_is_lost() {
    let limit = [Limit::per_second(10)];
    let share = Share::new(2, 100);
    for request_number in 0..6_000 {
        share.took(&request(&limit, request_number * 100));
    }
    let lost = 600_000;
    let admitted = (0..1_000).filter(|ms| admits(&share, &request(&limit, lost + ms * 10))).count();
    assert!((50..=51).contains(&admitted), "{admitted} in ten seconds, of five a second");
}

#[test]
fn what_the_store_admitted_is_a_part_of_the_share() {
    let limit = [Limit::fixed(100, Duration::from_secs(60))];
    let share = Share::new(4, 100);
    (0..20).for_each(|_| share.took(&request(&limit, 1)));
    let admitted = (0..100).filter(|_| admits(&share, &request(&limit, 2))).count();
    assert_eq!(admitted, 5, "of 25");
}

#[test]
fn a_limit_whose_share_is_used_up_does_not_keep_the_others_from_counting() {
    let two = [Limit::per_hour(4), Limit::fixed(100, Duration::from_secs(86_400))];
    let share = Share::new(4, 100);
    (0..20).for_each(|_| share.took(&request(&two, 1)));
    let hours = 5 * 3_600_000;
    let admitted = (0..30).filter(|n| admits(&share, &request(&two, hours * (n + 1) / 30))).count();
    assert!(admitted <= 5, "{admitted} of the day's 25, after 20");
}
