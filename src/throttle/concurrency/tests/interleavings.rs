//! Whatever comes in whatever order: no permit is lost, none is doubled, nobody is forgotten.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::throttle::Key;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Enter {
        tag: u64,
        class: usize,
        flow: u64,
    },
    /// Somebody who waits leaves.
    Leave(usize),
    /// Somebody in flight is done.
    Release(usize),
    /// Those who wait look what has become of them.
    Look,
    /// Time goes on.
    Pass(u64),
    Resize(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..4_u64, 0..3_usize, 0..3_u64)
            .prop_map(|(tag, class, flow)| Step::Enter { tag, class, flow }),
        2 => any::<usize>().prop_map(Step::Leave),
        4 => any::<usize>().prop_map(Step::Release),
        2 => Just(Step::Look),
        1 => (1..200_u64).prop_map(Step::Pass),
        1 => (1..8_u32).prop_map(Step::Resize),
    ];
    vec(step, 1..150)
}

fn pick<T>(from: &mut Vec<T>, at: usize) -> Option<T> {
    (!from.is_empty()).then(|| from.swap_remove(at % from.len()))
}

struct Played {
    in_flight: Vec<(u64, Permit)>,
    waiting: Vec<(u64, Waiting)>,
}

impl Played {
    /// Everybody who waits looks; who has a verdict is done with waiting.
    fn look(&mut self) {
        for (tag, mut waiter) in std::mem::take(&mut self.waiting) {
            match poll(&mut waiter) {
                Poll::Pending => self.waiting.push((tag, waiter)),
                Poll::Ready(Ok(permit)) => self.in_flight.push((tag, permit)),
                Poll::Ready(Err(shed)) => assert_eq!(shed, Shed::Displaced),
            }
        }
    }
}

fn play(
    room: &Arc<Room>,
    steps: Vec<Step>,
    length: usize,
    mut limit: u32,
    is_keyed: bool,
) -> Result<(), TestCaseError> {
    let mut now = ms(0);
    let mut played = Played { in_flight: Vec::new(), waiting: Vec::new() };
    for step in steps {
        let before = room.stats().in_flight();
        match step {
            Step::Enter { tag, class, flow } => {
                let tag = if is_keyed { tag } else { 0 };
                match enter(room, tag, Priority::ALL[class], flow, now) {
                    Entry::Now(permit) => played.in_flight.push((tag, permit)),
                    Entry::Waits(waiting, _) => played.waiting.push((tag, waiting)),
                    Entry::Not(_) => {}
                }
            }
            Step::Leave(at) => drop(pick(&mut played.waiting, at)),
            Step::Release(at) => drop(pick(&mut played.in_flight, at)),
            Step::Look => played.look(),
            Step::Pass(millis) => now += ms(millis),
            Step::Resize(to) if !is_keyed => {
                limit = to;
                room.resize(to);
            }
            Step::Resize(_) => {}
        }
        let stats = room.stats();
        prop_assert!(stats.waiting() <= length, "{stats:?}");
        // A permit that was handed over and not fetched yet counts as in flight.
        let handed = played.waiting.len().saturating_sub(stats.waiting());
        prop_assert!(stats.in_flight() as usize <= played.in_flight.len() + handed);
        prop_assert!(stats.in_flight() as usize >= played.in_flight.len());
        if is_keyed {
            for tag in 0..4 {
                let own = played.in_flight.iter().filter(|(of, _)| *of == tag).count();
                prop_assert!(own <= limit as usize, "{own} of key {tag} under {limit}");
            }
        } else {
            // A smaller limit lets those end who are in flight, and nobody in.
            let most = limit.max(before);
            prop_assert!(stats.in_flight() <= most, "{stats:?} under {limit}");
        }
    }
    played.look();
    let stats = room.stats();
    prop_assert_eq!(stats.in_flight() as usize, played.in_flight.len());
    prop_assert_eq!(stats.waiting(), played.waiting.len());
    // All who wait get in once those in flight are done, one after the other.
    while let Some(done) = played.in_flight.pop() {
        drop(done);
        played.look();
    }
    prop_assert_eq!(played.waiting.len(), 0);
    let stats = room.stats();
    prop_assert_eq!((stats.in_flight(), stats.waiting()), (0, 0));
    prop_assert_eq!(stats.keys().unwrap_or(0), 0);
    Ok(())
}

proptest! {
    #[test]
    fn permits_of_one_cap_for_all_are_neither_lost_nor_doubled(
        steps in steps(), limit in 1..6_u32, length in 1..8_usize, low in 1..100_u8,
    ) {
        let builder = Concurrency::at_most(limit).share(Priority::Low, low).queue(length, ms(100));
        play(&room(builder), steps, length, limit, false)?;
    }

    #[test]
    fn permits_of_keys_are_neither_lost_nor_doubled(
        steps in steps(), limit in 1..4_u32, length in 1..8_usize,
    ) {
        let builder = Concurrency::at_most(limit).by(Key::header("x-tenant")).queue(length, ms(100));
        play(&room(builder), steps, length, limit, true)?;
    }

    #[test]
    fn without_a_queue_nobody_is_let_in_beyond_the_cap(steps in steps(), limit in 1..6_u32) {
        play(&room(Concurrency::at_most(limit)), steps, 0, limit, false)?;
    }
}

#[test]
fn a_waiter_that_was_handed_a_permit_and_leaves_hands_it_on() {
    let room = room(Concurrency::at_most(1).queue(4, ms(100)));
    let normal = Priority::Normal;
    let first = permit(enter(&room, 0, normal, 1, ms(0)));
    let gone = waiting(enter(&room, 0, normal, 1, ms(0)));
    let mut next = waiting(enter(&room, 0, normal, 1, ms(0)));
    drop(first);
    assert!(poll(&mut next).is_pending());
    drop(gone);
    assert!(matches!(poll(&mut next), Poll::Ready(Ok(_))));
    assert_eq!(room.stats().in_flight(), 0);
}

#[test]
fn threads_that_come_wait_leave_and_go_never_exceed_the_cap() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let room = room(Concurrency::at_most(3).queue(64, Duration::from_secs(5)));
    let (inside, most) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|threads| {
        for thread in 0..8_u64 {
            let (room, inside, most) = (&room, &inside, &most);
            threads.spawn(move || {
                for round in 0..500_u64 {
                    let entry = enter(room, 0, Priority::Normal, thread, ms(0));
                    let permit = match entry {
                        Entry::Now(permit) => permit,
                        // Every third gives up at once.
                        Entry::Waits(waiting, _) if round % 3 == 0 => {
                            drop(waiting);
                            continue;
                        }
                        Entry::Waits(waiting, _) => on_this_thread(waiting).unwrap(),
                        Entry::Not(shed) => panic!("{shed:?}"),
                    };
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::hint::spin_loop();
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                }
            });
        }
    });
    assert!(most.load(Ordering::SeqCst) <= 3);
    assert_eq!((room.stats().in_flight(), room.stats().waiting()), (0, 0));
}

fn on_this_thread(waiting: Waiting) -> Result<Permit, Shed> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(waiting)
}

#[test]
fn a_million_keys_leave_nothing_behind() {
    let room = room(Concurrency::at_most(1).by(Key::header("x-tenant")).max_keys(1_000));
    for tag in 0..1_000_000_u64 {
        let tag = tag.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        drop(permit(enter(&room, tag, Priority::Normal, 0, ms(0))));
    }
    assert_eq!(room.stats().keys(), Some(0));
    assert!(room.key_slots() < 2_000, "{}", room.key_slots());
}

#[test]
fn keys_beyond_the_most_share_one_cap_until_there_is_room() {
    let room = room(Concurrency::at_most(2).by(Key::header("x-tenant")).max_keys(1));
    let normal = Priority::Normal;
    let own = permit(enter(&room, 1, normal, 0, ms(0)));
    let shared = [2, 3].map(|tag| permit(enter(&room, tag, normal, 0, ms(0))));
    assert!(matches!(enter(&room, 4, normal, 0, ms(0)), Entry::Not(Shed::Full)));
    let again = permit(enter(&room, 1, normal, 0, ms(0)));
    drop((own, again));
    let late = permit(enter(&room, 4, normal, 0, ms(0)));
    assert_eq!((room.stats().keys(), room.stats().in_flight()), (Some(1), 3));
    drop((shared, late));
    assert_eq!((room.stats().keys(), room.stats().in_flight()), (Some(0), 0));
}

#[test]
fn the_room_of_a_crowd_is_given_back() {
    let room = room(Concurrency::at_most(1).by(Key::header("x-tenant")).max_keys(200_000));
    let crowd: Vec<_> = (0..200_000_u64)
        .map(|tag| tag.wrapping_mul(0x9E37_79B9_7F4A_7C15))
        .map(|tag| permit(enter(&room, tag, Priority::Normal, 0, ms(0))))
        .collect();
    let crowded = room.key_slots();
    drop(crowd);
    assert!(room.key_slots() * 2 < crowded, "{} of {crowded}", room.key_slots());
}
