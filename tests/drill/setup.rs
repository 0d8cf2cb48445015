//! The limit, and the ways to share it.

use std::time::Duration;

use tower_parapet::{
    Redis,
    throttle::{Key, Limit, Overshoot, Shared, Throttle},
};

pub const PROCESSES: u32 = 2;
/// Requests a second that all processes may make together, and what they may make at once.
pub const LIMIT: u32 = 100;
pub const BURST: u32 = 50;
pub const BATCH: u32 = 10;
/// Requests a second that one process makes: ten times the limit together.
pub const DEMAND: u32 = 10 * LIMIT / PROCESSES;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Plain,
    Denials,
    Leases,
    Both,
    Windows,
    Share,
    Open,
}

impl Mode {
    pub const ALL: [Self; 7] = [
        Self::Plain,
        Self::Denials,
        Self::Leases,
        Self::Both,
        Self::Windows,
        Self::Share,
        Self::Open,
    ];

    pub fn throttle(self, redis: Redis) -> Throttle {
        let shared = match self {
            Self::Share => Shared::local_share(redis, PROCESSES),
            Self::Open => Shared::dangerous(redis).open(),
            _ => Shared::closed(redis),
        };
        let shared = match self {
            Self::Plain | Self::Share | Self::Open => shared.without_deny_cache(),
            Self::Denials => shared,
            Self::Leases => shared.leases(BATCH).without_deny_cache(),
            Self::Both | Self::Windows => shared.leases(BATCH),
        };
        let limit = match self {
            Self::Windows => Limit::fixed(LIMIT, Duration::from_secs(1)),
            _ => Limit::per_second(LIMIT).burst(BURST),
        };
        let throttle = Throttle::of(limit).by(Key::Global).named("drill").shared(shared);
        throttle.build().unwrap()
    }

    /// What it states, of all processes.
    pub fn overshoot(self) -> u64 {
        self.stated().limits()[0].extra()
    }

    /// What it states of a restart of a store that forgets, and of an outage.
    pub fn per_restart(self) -> [u64; 2] {
        let stated = self.stated();
        let limit = &stated.limits()[0];
        // What is let through without a bound is not counted here.
        [limit.per_restart(), limit.per_outage().unwrap_or(0)]
    }

    fn stated(self) -> Overshoot {
        let throttle = self.throttle(Redis::builder("redis://127.0.0.1:1").build().unwrap());
        throttle.overshoot(PROCESSES).unwrap()
    }
}
