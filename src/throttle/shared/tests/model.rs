//! Limits by themselves: in exact integers, on a time that only goes on, and with nothing in common
//! with the script but the definitions.

/// A limit, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spec {
    Rate { quota: u64, period: u64, burst: u64 },
    Fixed { quota: u64, length: u64 },
    Sliding { quota: u64, length: u64 },
}

#[derive(Clone, Copy, Debug)]
enum Kept {
    /// When the bucket is empty again, in parts of which a microsecond has `quota`.
    Rate {
        whole_at: u128,
    },
    /// When the window ends.
    Fixed {
        end: u128,
        count: u128,
    },
    Sliding {
        end: u128,
        before: u128,
        count: u128,
    },
}

/// The deepest debt: 366 days, or what the store can count.
fn deepest(quota: u64, period: u64) -> u128 {
    let (mut a, mut b) = (quota, period);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (31_622_400_000_000 * u128::from(quota)).min(u128::from(a) << 52)
}

/// All limits of one key.
#[derive(Debug)]
pub(super) struct Model {
    specs: Vec<Spec>,
    kept: Vec<Option<Kept>>,
    /// The clock's reading when the bucket was last written, and how much time had gone on by then.
    written: Option<(u64, u128)>,
}

impl Model {
    pub(super) fn new(specs: &[Spec]) -> Self {
        Self { specs: specs.to_vec(), kept: vec![None; specs.len()], written: None }
    }

    fn elapsed(&self, clock: u64) -> u128 {
        let (read, gone) = self.written.unwrap_or((clock, 1 << 60));
        gone + u128::from(clock.saturating_sub(read))
    }

    fn write(&mut self, clock: u64, kept: Vec<Kept>) {
        self.written = Some((clock, self.elapsed(clock)));
        self.kept = kept.into_iter().map(Some).collect();
    }

    /// What is there before anything is charged.
    fn present(&self, clock: u64) -> Vec<Kept> {
        let now = self.elapsed(clock);
        let each = self.specs.iter().zip(&self.kept);
        each.map(|(spec, kept)| match (*spec, *kept) {
            (Spec::Rate { quota, .. }, Some(Kept::Rate { whole_at })) => {
                Kept::Rate { whole_at: whole_at.max(now * u128::from(quota)) }
            }
            (Spec::Rate { quota, .. }, _) => Kept::Rate { whole_at: now * u128::from(quota) },
            (Spec::Fixed { .. }, Some(kept @ Kept::Fixed { end, .. })) if end > now => kept,
            (Spec::Fixed { length, .. }, _) => {
                Kept::Fixed { end: now + u128::from(length - clock % length), count: 0 }
            }
            (Spec::Sliding { length, .. }, Some(Kept::Sliding { end, before, count })) => {
                let length_now = u128::from(length);
                if end > now {
                    Kept::Sliding { end, before, count }
                } else if end + length_now > now {
                    Kept::Sliding { end: end + length_now, before: count, count: 0 }
                } else {
                    let end = now + u128::from(length - clock % length);
                    Kept::Sliding { end, before: 0, count: 0 }
                }
            }
            (Spec::Sliding { length, .. }, _) => {
                let end = now + u128::from(length - clock % length);
                Kept::Sliding { end, before: 0, count: 0 }
            }
        })
        .collect()
    }

    fn admits(&self, clock: u64, cost: u128) -> bool {
        let now = self.elapsed(clock);
        self.specs.iter().zip(self.present(clock)).all(|(spec, kept)| match (*spec, kept) {
            (Spec::Rate { quota, period, burst }, Kept::Rate { whole_at }) => {
                let horizon = now * u128::from(quota) + u128::from(burst) * u128::from(period);
                whole_at + cost * u128::from(period) <= horizon
            }
            (Spec::Fixed { quota, .. }, Kept::Fixed { count, .. }) => {
                count + cost <= u128::from(quota)
            }
            (Spec::Sliding { quota, length }, Kept::Sliding { end, before, count }) => {
                let length = u128::from(length);
                before * (end - now) + (count + cost) * length <= u128::from(quota) * length
            }
            _ => unreachable!(),
        })
    }

    fn charged(&self, clock: u64, cost: u128) -> Vec<Kept> {
        let each = self.specs.iter().zip(self.present(clock));
        each.map(|(spec, kept)| match (*spec, kept) {
            (Spec::Rate { quota, period, .. }, Kept::Rate { whole_at }) => {
                let most = self.elapsed(clock) * u128::from(quota) + deepest(quota, period);
                Kept::Rate { whole_at: (whole_at + cost * u128::from(period)).min(most) }
            }
            (_, Kept::Fixed { end, count }) => Kept::Fixed { end, count: count + cost },
            (_, Kept::Sliding { end, before, count }) => {
                Kept::Sliding { end, before, count: count + cost }
            }
            _ => unreachable!(),
        })
        .collect()
    }

    pub(super) fn spend(&mut self, clock: u64, cost: u64) -> bool {
        let cost = u128::from(cost);
        let admits = self.admits(clock, cost);
        if admits {
            let charged = self.charged(clock, cost);
            self.write(clock, charged);
        } else {
            self.noticed(clock);
        }
        admits
    }

    pub(super) fn look(&mut self, clock: u64, cost: u64) -> bool {
        let admits = self.admits(clock, u128::from(cost));
        self.noticed(clock);
        admits
    }

    pub(super) fn peek(&self, clock: u64, cost: u64) -> bool {
        self.admits(clock, u128::from(cost))
    }

    pub(super) fn charge(&mut self, clock: u64, cost: u64) {
        let charged = self.charged(clock, u128::from(cost));
        self.write(clock, charged);
    }

    /// Of rates alone: what a window was charged is told by the store.
    pub(super) fn refund(&mut self, clock: u64, cost: u64) {
        if self.written.is_none() {
            return;
        }
        let now = self.elapsed(clock);
        let present = self.present(clock);
        let given = self.specs.iter().zip(present).map(|(spec, kept)| match (*spec, kept) {
            (Spec::Rate { quota, period, .. }, Kept::Rate { whole_at }) => {
                let back = u128::from(cost) * u128::from(period);
                Kept::Rate { whole_at: whole_at.saturating_sub(back).max(now * u128::from(quota)) }
            }
            (_, kept) => kept,
        });
        let given = given.collect();
        self.write(clock, given);
    }

    /// A clock that was set back is taken note of where there is something to keep.
    fn noticed(&mut self, clock: u64) {
        if self.written.is_some_and(|(read, _)| clock < read) {
            let present = self.present(clock);
            self.write(clock, present);
        }
    }
}
