use std::{fs, os::unix::fs::PermissionsExt};

use super::*;
use crate::clock::ManualClock;

const EVERY: Duration = Duration::from_secs(2);

fn path(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("parapet-watched-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

fn open(path: &Path, clock: &ManualClock) -> Watched<Arc<str>> {
    let read: ReadFn<Arc<str>> = |text, _| match text.trim() {
        "" => Err("is empty".to_owned()),
        text => Ok(Arc::from(text)),
    };
    Watched::open(path.to_owned(), "test", read, EVERY, Arc::new(clock.clone())).unwrap()
}

fn whole(text: &Arc<str>, _: &str) -> String {
    text.to_string()
}

async fn asked(file: &Watched<Arc<str>>) -> String {
    file.ask("", whole).wait().await
}

#[tokio::test]
async fn a_change_is_seen_after_the_time_that_was_set_and_by_the_first_who_asks() {
    let (path, clock) = (path("change"), ManualClock::default());
    replace(&path, b"one").unwrap();
    let file = open(&path, &clock);
    replace(&path, b"two").unwrap();
    clock.advance(EVERY - Duration::from_nanos(1));
    assert!(matches!(file.ask("", whole), Answer::Now(one) if one == "one"));
    clock.advance(Duration::from_nanos(1));
    let first = file.ask("", whole);
    // Whoever comes while the first one looks does not wait for the disk.
    assert!(matches!(file.ask("", whole), Answer::Now(one) if one == "one"));
    assert_eq!(first.wait().await, "two");
    assert!(matches!(file.ask("", whole), Answer::Now(two) if two == "two"));
}

#[tokio::test]
async fn after_a_long_silence_everybody_waits_for_the_look() {
    let (path, clock) = (path("silence"), ManualClock::default());
    replace(&path, b"one").unwrap();
    let file = open(&path, &clock);
    replace(&path, b"two").unwrap();
    clock.advance(100 * EVERY);
    let (first, second) = (file.ask("", whole), file.ask("", whole));
    assert_eq!(second.wait().await, "two");
    assert_eq!(first.wait().await, "two");
}

#[tokio::test]
async fn two_changes_of_one_length_within_the_steps_of_the_file_system_are_seen() {
    let (path, clock) = (path("same"), ManualClock::default());
    fs::write(&path, "one").unwrap();
    let file = open(&path, &clock);
    for text in ["two", "six", "ten"] {
        fs::write(&path, text).unwrap();
        clock.advance(EVERY);
        assert_eq!(asked(&file).await, text);
    }
}

#[tokio::test]
async fn a_bad_file_and_a_lost_one_leave_what_is_known_until_it_is_good_again() {
    let (path, clock) = (path("bad"), ManualClock::default());
    fs::write(&path, "one").unwrap();
    let file = open(&path, &clock);
    fs::write(&path, " ").unwrap();
    for _ in 0..3 {
        clock.advance(EVERY);
        assert_eq!(asked(&file).await, "one");
        assert_eq!(file.fault().as_deref(), Some("is empty"));
    }
    fs::remove_file(&path).unwrap();
    clock.advance(EVERY);
    assert_eq!(asked(&file).await, "one");
    assert!(file.fault().unwrap().contains("cannot be read"));
    assert!(file.reload().is_err());
    fs::write(&path, "two").unwrap();
    assert_eq!(file.reload(), Ok(()));
    assert_eq!((asked(&file).await.as_str(), file.fault()), ("two", None));
}

#[test]
fn outside_of_a_runtime_the_look_is_taken_at_once() {
    let (path, clock) = (path("bare"), ManualClock::default());
    fs::write(&path, "one").unwrap();
    let file = open(&path, &clock);
    replace(&path, b"two").unwrap();
    clock.advance(EVERY);
    assert!(matches!(file.ask("", whole), Answer::Now(two) if two == "two"));
}

#[test]
fn a_file_that_others_may_read_or_write_is_a_finding() {
    let (path, clock) = (path("mode"), ManualClock::default());
    let _ = fs::remove_file(&path);
    replace(&path, b"one").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let file = open(&path, &clock);
    for (mode, found) in [(0o600, 0), (0o640, 0), (0o644, 1), (0o660, 1)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{mode:o}");
        let mut report = Findings::default();
        file.findings(&mut report);
        assert_eq!(report.iter().count(), found, "{mode:o}");
    }
}

#[test]
fn a_fault_of_json_shows_no_values() {
    let error = serde_json::from_str::<u8>("\"v1:sha256:abc\"").unwrap_err();
    assert_eq!(json_fault(&error), "invalid type: string …, expected u8 at line 1 column 15");
}
