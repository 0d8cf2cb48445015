use proptest::prelude::*;

use super::*;

fn guessing(limit: Guesses) -> Guessing {
    let mut mistakes = Mistakes::default();
    let guessing = Guessing::new(limit, "guesses", &mut mistakes);
    mistakes.finish().unwrap();
    guessing
}

fn charge(guessing: &Guessing, name: &str, now: Duration) {
    let _counted = guessing.guess(name.as_bytes(), now);
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn ten_wrong_secrets_are_tried_and_then_one_every_three_minutes() {
    let guessing = guessing(Guesses::default());
    assert!(guessing.is_quiet());
    let mut now = MINUTE;
    for _ in 0..10 {
        assert!(guessing.guess(b"alice", now).is_ok());
    }
    assert!(!guessing.is_quiet());
    assert_eq!(guessing.guess(b"alice", now).unwrap_err(), 3 * MINUTE);
    assert_eq!(guessing.wait(b"alice", now), Some(3 * MINUTE));
    assert_eq!(guessing.wait(b"bob", now), None);
    now += 3 * MINUTE;
    assert_eq!(guessing.wait(b"alice", now), None);
    assert!(guessing.guess(b"alice", now).is_ok());
    assert!(guessing.guess(b"alice", now).is_err());
}

#[test]
fn however_long_somebody_guesses_a_name_waits_no_longer_than_for_one_guess() {
    let guessing = guessing(Guesses::default());
    for second in 0..100_000 {
        charge(&guessing, "alice", Duration::from_secs(second));
    }
    let wait = guessing.wait(b"alice", Duration::from_secs(100_000));
    assert!(wait.is_none_or(|wait| wait <= 3 * MINUTE), "{wait:?}");
    assert_eq!(guessing.wait(b"alice", Duration::from_secs(100_180)), None);
}

#[test]
fn a_day_of_guessing_is_490_guesses() {
    let guessing = guessing(Guesses::default());
    let tried = (0..86_400).filter(|second| {
        let now = Duration::from_secs(*second);
        (0..3).filter(|_| guessing.guess(b"alice", now).is_ok()).count() > 0
    });
    let singly = tried.count();
    assert!((480..=490).contains(&singly), "{singly}");
}

#[test]
fn what_is_given_back_does_not_count() {
    let guessing = guessing(Guesses::per_hour(20).burst(1));
    for _ in 0..100 {
        let guess = guessing.guess(b"alice", MINUTE).unwrap();
        guessing.give_back(guess);
    }
    assert_eq!(guessing.wait(b"alice", MINUTE), None);
}

#[test]
fn a_million_names_take_no_more_memory_than_one() {
    let guessing = guessing(Guesses::default());
    let before = guessing.bytes();
    for number in 0..1_000_000_u32 {
        charge(&guessing, &number.to_string(), Duration::from_secs(1));
    }
    assert_eq!(guessing.bytes(), before);
    assert!(before < 300 * 1024);
    println!("a million names guessed at: {} KiB, as before", before / 1024);
}

#[test]
fn a_flood_of_names_does_not_free_the_one_that_is_guessed_at() {
    let guessing = guessing(Guesses::default().names(1024));
    let now = Duration::from_secs(1);
    (0..10).for_each(|_| charge(&guessing, "alice", now));
    (0..100_000).for_each(|number| charge(&guessing, &number.to_string(), now));
    assert!(guessing.wait(b"alice", now).is_some());
}

#[test]
fn threads_together_get_the_limit_and_no_more() {
    let guessing = guessing(Guesses::default());
    let tried = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    if guessing.guess(b"alice", MINUTE).is_ok() {
                        tried.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(tried.into_inner(), 10);
}

#[test]
fn limits_of_nothing_are_mistakes() {
    let mut mistakes = Mistakes::default();
    let _ = Guessing::new(Guesses::per_hour(0).burst(0).names(0), "guesses", &mut mistakes);
    assert_eq!(mistakes.finish().unwrap_err().mistakes().len(), 3);
}

proptest! {
    #[test]
    fn no_more_than_the_limit_is_ever_tried(
        burst in 1..20_u32,
        per_hour in 1..1_000_u32,
        steps in prop::collection::vec(0..5_000_u64, 1..200),
    ) {
        let guessing = guessing(Guesses::per_hour(per_hour).burst(burst));
        let mut now = Duration::from_secs(1_000_000);
        let start = now;
        let mut tried = 0_u128;
        for step in steps {
            now += Duration::from_millis(step * 100);
            tried += u128::from(guessing.guess(b"alice", now).is_ok());
            let passed = (now - start).as_nanos();
            let each = u128::from(3_600_000_000_000 / u64::from(per_hour));
            prop_assert!(tried <= u128::from(burst) + passed / each);
        }
    }
}
