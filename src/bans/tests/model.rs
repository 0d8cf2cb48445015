//! Any offences at any times, against what a slow and plain model says.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// What a network did: offences since the last ban, and its bans.
#[derive(Default)]
struct Suspect {
    offences: Vec<Duration>,
    level: usize,
    until: Duration,
}

const TERMS: [Duration; 3] =
    [Duration::from_secs(60), Duration::from_secs(300), Duration::from_secs(1800)];
const DECAY: Duration = Duration::from_secs(3600);

impl Suspect {
    fn level(&self, now: Duration) -> usize {
        let forgiven = now.saturating_sub(self.until).as_nanos() / DECAY.as_nanos();
        self.level.saturating_sub(usize::try_from(forgiven).unwrap())
    }

    fn within(&self, window: Duration, now: Duration) -> usize {
        self.offences.iter().filter(|at| **at + window > now).count()
    }
}

proptest! {
    #[test]
    fn bans_come_of_enough_offences_last_as_the_ladder_says_and_end_in_time(
        steps in prop::collection::vec((0..4_u8, 0..40_u64, prop::bool::weighted(0.05)), 1..400),
    ) {
        let service = Service::of(builder());
        let mut suspects: HashMap<u8, Suspect> = HashMap::new();
        let mut now = Duration::ZERO;
        for (who, seconds, is_long) in steps {
            let step = Duration::from_secs(if is_long { seconds * 300 } else { seconds });
            service.clock.advance(step);
            now += step;
            let ip = format!("192.0.2.{who}");
            let suspect = suspects.entry(who).or_default();
            prop_assert_eq!(service.is_banned(&ip), now < suspect.until);
            service.fail(&ip);
            if now < suspect.until {
                continue;
            }
            suspect.offences.push(now);
            let is_banned = service.is_banned(&ip);
            if is_banned {
                prop_assert!(suspect.within(MINUTE, now) >= 3, "never without enough within the window");
                let level = suspect.level(now);
                suspect.until = now + TERMS[level.min(2)];
                suspect.level = (level + 1).min(3);
                suspect.offences.clear();
                let address: IpAddr = ip.parse().unwrap();
                let ban = service.bans.of_address(address).unwrap();
                prop_assert_eq!(ban.left, suspect.until - now);
                prop_assert_eq!(ban.level as usize, suspect.level);
            } else {
                prop_assert!(suspect.within(MINUTE * 7 / 8, now) < 3, "always with enough close together");
            }
        }
        service.clock.advance(TERMS[2]);
        prop_assert!(service.bans.list().is_empty(), "always free in time");
    }
}
