//! The bounds of the store in memory.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use http::StatusCode;
use proptest::prelude::*;

use super::*;
use crate::idempotency::{Begun, Claim, IdempotencyStore, StoredResponse};

const S: fn(u64) -> Duration = Duration::from_secs;

fn claim(caller: u8, key: u8, owner: u8) -> Claim {
    Claim {
        key: [key; 16],
        caller: [caller; 16],
        request: [7; 32],
        owner: [owner; 16],
        lock: S(60),
        keep: S(3_600),
    }
}

fn begin(store: &MemoryResponses, claim: &Claim, now: u64) -> Begun {
    store.begin(claim, S(now)).wait().now_or_never().unwrap().unwrap()
}

fn complete(store: &MemoryResponses, claim: &Claim, body: usize, now: u64) {
    let body = Some(Bytes::from(vec![b'x'; body]));
    let response = StoredResponse { status: StatusCode::OK, headers: Vec::new(), body };
    let told = store.complete(claim, Arc::new(response), S(now));
    told.wait().now_or_never().unwrap().unwrap();
}

fn release(store: &MemoryResponses, claim: &Claim) {
    store.release(claim).wait().now_or_never().unwrap().unwrap();
}

fn small(entries: usize, bytes: usize, per_caller: usize) -> MemoryResponses {
    let builder = MemoryResponses::builder().entries(entries).bytes(bytes);
    builder.entries_per_caller(per_caller).build().unwrap()
}

#[test]
fn a_full_store_refuses_another_key_and_forgets_nothing_that_is_valid() {
    let store = small(3, 10_000, 3);
    for key in 0..3 {
        assert!(matches!(begin(&store, &claim(key, key, key), 0), Begun::First));
        complete(&store, &claim(key, key, key), 10, 0);
    }
    assert!(matches!(begin(&store, &claim(9, 9, 9), 100), Begun::Full(wait) if wait == S(3_500)));
    assert!(matches!(begin(&store, &claim(0, 0, 8), 100), Begun::Done(_)));
    assert!(matches!(begin(&store, &claim(9, 9, 9), 3_600), Begun::First));
    assert_eq!(store.len(), 1);
}

#[test]
fn one_caller_cannot_fill_it_for_all() {
    let store = small(8, 10_000, 2);
    for key in 0..2 {
        assert!(matches!(begin(&store, &claim(1, key, 1), 0), Begun::First));
    }
    assert!(matches!(begin(&store, &claim(1, 3, 1), 0), Begun::UsedUp(wait) if wait == S(60)));
    assert!(matches!(begin(&store, &claim(2, 4, 1), 0), Begun::First));
    release(&store, &claim(1, 0, 1));
    assert!(matches!(begin(&store, &claim(1, 3, 1), 0), Begun::First));
}

#[test]
fn an_answer_there_is_no_room_for_is_kept_without_its_body() {
    let store = small(4, 2_000, 4);
    assert!(matches!(begin(&store, &claim(1, 1, 1), 0), Begun::First));
    complete(&store, &claim(1, 1, 1), 1_000, 0);
    assert!(matches!(begin(&store, &claim(2, 2, 2), 0), Begun::First));
    complete(&store, &claim(2, 2, 2), 1_000, 0);
    let Begun::Done(kept) = begin(&store, &claim(1, 1, 3), 0) else { panic!("not done") };
    assert_eq!(kept.body().map(Bytes::len), Some(1_000));
    let Begun::Done(kept) = begin(&store, &claim(2, 2, 3), 0) else { panic!("not done") };
    assert_eq!((kept.body(), kept.status()), (None, StatusCode::OK));
    assert!(store.bytes() <= 2_000);
}

#[test]
fn only_who_has_a_key_changes_it() {
    let store = MemoryResponses::default();
    let (first, second) = (claim(1, 1, 1), claim(1, 1, 2));
    assert!(matches!(begin(&store, &first, 0), Begun::First));
    release(&store, &second);
    complete(&store, &second, 5, 0);
    assert!(matches!(begin(&store, &second, 0), Begun::UnderWay));
    // The lock ends, and the second one comes.
    assert!(matches!(begin(&store, &second, 60), Begun::First));
    complete(&store, &first, 5, 60);
    release(&store, &first);
    assert!(matches!(begin(&store, &first, 60), Begun::UnderWay));
    complete(&store, &second, 6, 60);
    release(&store, &second);
    let Begun::Done(kept) = begin(&store, &first, 60) else { panic!("not done") };
    assert_eq!(kept.body().map(Bytes::len), Some(6));
    // Nobody came: what is late is kept.
    let late = claim(1, 5, 5);
    assert!(matches!(begin(&store, &late, 0), Begun::First));
    let _ = begin(&store, &claim(1, 6, 6), 100_000);
    complete(&store, &late, 1, 100_000);
    assert!(matches!(begin(&store, &late, 100_000), Begun::Done(_)));
}

proptest! {
    #[test]
    fn however_it_is_used_it_keeps_its_bounds_and_its_books(
        steps in prop::collection::vec((0_u8..4, 0_u8..12, 0_u8..4, 0_usize..600, 0_u64..50), 1..300),
    ) {
        let store = small(6, 3_000, 3);
        let mut now = 0;
        for (what, key, owner, size, pause) in steps {
            now += pause;
            let claim = claim(key % 3, key, owner);
            match what {
                0 | 1 => drop(begin(&store, &claim, now)),
                2 => complete(&store, &claim, size, now),
                _ => release(&store, &claim),
            }
            prop_assert!(store.len() <= 6 && store.bytes() <= 3_000);
        }
        // Everything ends.
        let _ = begin(&store, &claim(0, 100, 0), now + 3_600);
        release(&store, &claim(0, 100, 0));
        prop_assert_eq!((store.len(), store.bytes()), (0, 0));
    }
}
