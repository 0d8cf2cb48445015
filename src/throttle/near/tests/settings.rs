use std::time::Duration;

use super::super::Settings;
use crate::error::Mistakes;

fn mistakes(settings: Settings) -> Vec<String> {
    let mut mistakes = Mistakes::default();
    settings.check(&mut mistakes);
    match mistakes.finish() {
        Ok(()) => Vec::new(),
        Err(error) => error.mistakes().iter().map(|mistake| mistake.setter().to_owned()).collect(),
    }
}

#[test]
fn nonsense_is_a_mistake_of_its_setter() {
    let good = Settings::default();
    assert!(mistakes(good).is_empty());
    let table = [
        (Settings { max_batch: Some(0), ..good }, "leases"),
        (Settings { max_batch: Some(u32::MAX), ..good }, "leases"),
        (Settings { hold: Duration::ZERO, ..good }, "lease_hold"),
        (Settings { hold: Duration::MAX, ..good }, "lease_hold"),
        (Settings { longest_denial: Some(Duration::ZERO), ..good }, "deny_cache"),
        (Settings { longest_denial: Some(Duration::MAX), ..good }, "deny_cache"),
        (Settings { keys: 0, ..good }, "hot_keys"),
        (Settings { keys: usize::MAX, ..good }, "hot_keys"),
    ];
    for (settings, setter) in table {
        assert_eq!(mistakes(settings), [setter], "{settings:?}");
    }
}
