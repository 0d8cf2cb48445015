//! A provider and its clients in random order, second by second.

use std::time::Duration;

use proptest::prelude::*;

use super::super::settings::Timing;
use super::super::state::{Moment, State};
use crate::auth::jwt::fault::Fault;
use crate::auth::jwt::keyring::Claimed;
use crate::auth::jwt::undecided::Why;

const COOLDOWN: u64 = 30;

#[derive(Clone, Debug)]
enum Event {
    /// So many seconds pass.
    Pass(u64),
    Down(bool),
    /// The next key is published; it signs one cooldown later.
    Publish,
    /// A client comes with a token of the newest key that signs.
    Client,
    /// Somebody comes with a token of a key that is published after so many others, or never.
    Stranger(u8, i64),
    /// The flight lands.
    Land,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0_u64..45).prop_map(Event::Pass),
        any::<bool>().prop_map(Event::Down),
        Just(Event::Publish),
        Just(Event::Client),
        Just(Event::Client),
        (any::<u8>(), -100_i64..5).prop_map(|(key, age)| Event::Stranger(key, age)),
        Just(Event::Land),
        Just(Event::Land),
    ]
}

/// One service, one provider, one clock.
struct World {
    now: u64,
    state: State,
    timing: Timing,
    is_down: bool,
    /// When each key was published.
    published: Vec<u64>,
    /// How many of them the service knows.
    known: usize,
    took_off: Vec<u64>,
}

impl World {
    fn new() -> Self {
        let seconds = Duration::from_secs;
        let timing = Timing {
            refresh: seconds(600),
            cooldown: seconds(COOLDOWN),
            stale: seconds(86_400),
            patience: seconds(10),
        };
        let mut world = Self {
            now: 1_000_000,
            state: State::default(),
            timing,
            is_down: false,
            published: vec![0],
            known: 0,
            took_off: Vec::new(),
        };
        world.state.take_off(world.moment());
        world.took_off.push(world.now);
        world.land();
        world
    }

    fn moment(&self) -> Moment {
        let now = Duration::from_secs(self.now);
        Moment { now: now - Duration::from_secs(900_000), unix: now }
    }

    fn land(&mut self) {
        if !self.state.is_flying {
            return;
        }
        if self.is_down {
            self.state.fail("down".into());
        } else {
            let has_changed = self.known < self.published.len();
            self.known = self.published.len();
            let known = self.known;
            let began = self.state.tried.unwrap();
            self.state.succeed(began, has_changed, |unknown| {
                (0..known).map(|key| unknown.name(Some(&key.to_string()))).collect()
            });
        }
        self.state.land(&self.timing, None, Duration::ZERO);
    }

    /// `Ok`: verified.
    fn ask(&mut self, key: usize, issued_at: u64) -> Result<(), Fault> {
        if key < self.known {
            return Ok(());
        }
        let fault = Fault::UnknownKey { found: key.to_string() };
        let claimed = Claimed { issued_at: Some(Duration::from_secs(issued_at)) };
        let flights = self.state.flights;
        let moment = self.moment();
        let told = self.state.miss(Some(&key.to_string()), claimed, fault, &self.timing, moment);
        if self.state.flights > flights {
            self.took_off.push(self.now);
        }
        Err(told)
    }

    /// The newest key that was published a cooldown ago.
    fn signing(&self) -> usize {
        let old = self.published.iter().filter(|at| **at + COOLDOWN <= self.now).count();
        old - 1
    }
}

proptest! {
    #[test]
    fn a_key_published_ahead_is_never_refused_and_flights_keep_their_distance(
        events in proptest::collection::vec(event(), 1..200),
    ) {
        let mut world = World::new();
        for event in events {
            match event {
                Event::Pass(seconds) => world.now += seconds,
                Event::Down(is_down) => world.is_down = is_down,
                Event::Publish => world.published.push(world.now),
                Event::Land => world.land(),
                Event::Stranger(key, age) => {
                    let issued_at = world.now.saturating_add_signed(age);
                    let _ = world.ask(usize::from(key), issued_at);
                }
                Event::Client => {
                    let (key, now) = (world.signing(), world.now);
                    match world.ask(key, now) {
                        Ok(()) => {}
                        Err(Fault::Fetching(_)) => {
                            world.land();
                            let has_failed = world.state.failures > 0;
                            match world.ask(key, now) {
                                Ok(()) => {}
                                // The provider is down, or answered before it was up to date: never 401.
                                Err(Fault::Undecided(_) | Fault::Fetching(_)) => {
                                    prop_assert!(has_failed || world.known <= key);
                                }
                                Err(fault) => prop_assert!(false, "{fault:?}"),
                            }
                        }
                        Err(Fault::Undecided(undecided)) => {
                            // Only where the last fetch failed.
                            prop_assert!(world.state.failures > 0, "{undecided:?}");
                            prop_assert_eq!(undecided.why, Why::Rotation);
                            prop_assert!(undecided.seconds() <= COOLDOWN);
                        }
                        Err(fault) => prop_assert!(false, "{fault:?}"),
                    }
                }
            }
        }
        for pair in world.took_off.windows(2) {
            prop_assert!(pair[1] - pair[0] >= COOLDOWN, "{pair:?}");
        }
    }
}
