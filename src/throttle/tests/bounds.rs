//! The cap, what goes first when it is reached, and what is taken of memory.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use crate::throttle::limit::Limit;
use crate::throttle::memory::Memory;

use super::limiter::Limiter;

const MILLI: u64 = 1_000_000;

/// Ten a second: an interval of 100 ms.
fn ten_a_second(burst: u32, max_keys: usize) -> Limiter {
    Limiter::new(Limit::per_second(10).burst(burst), 1, max_keys)
}

fn at(millis: u64) -> Duration {
    Duration::from_nanos(millis * MILLI)
}

/// What the documentation says, word by word: a key that is not remembered gets a bucket while
/// fewer than `cap` keys have something to remember, and shares the overflow bucket otherwise.
struct Stated {
    cap: usize,
    burst: u64,
    whole_at: HashMap<u64, u64>,
    overflow: u64,
}

impl Stated {
    fn spend(&mut self, key: u64, now: u64) -> bool {
        self.whole_at.retain(|_, whole_at| *whole_at > now);
        let has_room = self.whole_at.contains_key(&key) || self.whole_at.len() < self.cap;
        let mut shared = self.overflow;
        let bucket = if has_room { self.whole_at.entry(key).or_insert(now) } else { &mut shared };
        let owed = bucket.saturating_sub(now);
        let admitted = owed + 100 <= self.burst * 100;
        if admitted {
            *bucket = now + owed + 100;
        }
        self.overflow = shared;
        admitted
    }
}

/// Tags as a hash makes them: every bit counts.
fn spread(key: u64) -> u64 {
    (key + 1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .rotate_left(29)
        .wrapping_mul(0xD6E8_FEB8_6659_FD93)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_peek_says_what_spending_would_get_also_where_there_is_no_room_and_changes_nothing(
        cap in 1_usize..12,
        burst in 1_u32..4,
        turns in prop::collection::vec((0_u64..24, 0_u64..60, 0_u64..24), 1..200),
    ) {
        let (peeked, left_alone) = (ten_a_second(burst, cap), ten_a_second(burst, cap));
        let mut now = 0;
        for (key, passes, other) in turns {
            now += passes;
            peeked.peek(spread(other), at(now));
            peeked.peek(spread(other), at(now + 1_000));
            let told = peeked.peek(spread(key), at(now));
            let spent = peeked.spend(spread(key), at(now));
            prop_assert_eq!(told, spent);
            prop_assert_eq!(spent, left_alone.spend(spread(key), at(now)));
        }
    }

    #[test]
    fn keys_that_have_run_out_go_first_and_else_the_overflow_bucket_is_shared(
        cap in 1..=40_usize, burst in 1..=4_u32,
        arrivals in prop::collection::vec((0..60_u64, 0..40_u64), 1..600),
    ) {
        let limiter = ten_a_second(burst, cap);
        let mut stated =
            Stated { cap, burst: burst.into(), whole_at: HashMap::new(), overflow: 0 };
        let mut now = 0;
        for (key, gap) in arrivals {
            now += gap * gap / 40;
            prop_assert_eq!(limiter.spend(spread(key), at(now)).admitted, stated.spend(key, now));
        }
        prop_assert!(limiter.memory.buckets() <= cap);
    }
}

#[test]
fn a_flood_of_keys_never_makes_a_live_key_forgotten() {
    let limiter = ten_a_second(5, 2_000);
    let guarded = spread(1 << 40);
    assert_eq!((0..9).filter(|_| limiter.spend(guarded, at(0)).admitted).count(), 5);
    for key in 0..200_000 {
        limiter.spend(spread(key), at(0));
    }
    assert!(!limiter.spend(guarded, at(99)).admitted);
    assert!(limiter.spend(guarded, at(100)).admitted);
    assert!(limiter.memory.buckets() <= 2_000);
}

#[test]
fn new_keys_in_a_full_store_share_one_bucket_a_shard() {
    let limiter = ten_a_second(5, 100);
    assert!((0..100).all(|key| limiter.spend(spread(key), at(0)).admitted));
    let admitted = (100..1_000).filter(|key| limiter.spend(spread(*key), at(0)).admitted).count();
    assert_eq!(admitted, 5, "the burst of one bucket, for nine hundred keys");
    // A tenth of a second later every one-time key has run out, and new ones get their own again.
    let admitted = (1_000..1_100).filter(|key| limiter.spend(spread(*key), at(100)).admitted);
    assert_eq!(admitted.count(), 100);
}

#[test]
fn the_cap_holds_for_any_size() {
    for cap in [1, 2, 3, 100, 1_023, 1_024, 1_025, 5_000] {
        let limiter = ten_a_second(5, cap);
        for key in 0..3 * cap as u64 + 100 {
            limiter.spend(spread(key), at(0));
        }
        let keys = limiter.memory.buckets();
        assert!(keys <= cap && keys * 10 >= cap * 9, "{cap}: {keys}");
    }
}

#[test]
fn a_key_takes_at_most_40_bytes_at_capacity() {
    for cap in [1_000, 10_000, 100_000, 150_000] {
        let limiter = ten_a_second(5, cap);
        for key in 0..2 * cap as u64 {
            limiter.spend(spread(key), at(0));
        }
        let each = limiter.memory.bytes() as f64 / cap as f64;
        println!("{cap} keys: {each:.1} bytes each");
        assert!(each <= 40.0, "{cap}: {each}");
    }
}

#[test]
fn an_unused_store_takes_no_room_for_keys() {
    assert!(Memory::new(100_000).bytes() < 32 * 1024);
}
