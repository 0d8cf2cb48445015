//! How many different things were seen, without keeping them.

/// Registers of a sketch that has seen many: its standard error is 1.04/√1024, 3.25 %.
const REGISTERS: usize = 1 << INDEX_BITS;
const INDEX_BITS: u32 = 10;
/// The highest rank that the other bits of a hash can have.
const HIGHEST: usize = 64 - INDEX_BITS as usize + 1;

/// How many are kept one by one before they are counted by registers: as much memory.
pub(super) const EXACT: usize = REGISTERS / size_of::<u64>();

/// A set of hashes that can be counted, joined and asked, in 1 KiB at most where it keeps
/// [`EXACT`] one by one.
///
/// The first are kept as they are, so that few are counted exactly; the others in the registers of
/// HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007). Keeping the first is what Heule, Nunkesser
/// and Hall (2013) do about small numbers; the estimate is that of Ertl (2017), which needs neither
/// their table of biases nor a switch between two formulas.
#[derive(Clone, Debug)]
pub(super) enum Sketch {
    /// In order.
    Few(Vec<u64>),
    Many(Box<Registers>),
}

type Registers = [u8; REGISTERS];

impl Default for Sketch {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Sketch {
    /// Adds a hash; whether that changed anything.
    pub(super) fn insert(&mut self, hash: u64, exact: usize) -> bool {
        match self {
            Self::Few(hashes) => {
                let Err(place) = hashes.binary_search(&hash) else { return false };
                if hashes.len() < exact {
                    hashes.insert(place, hash);
                } else {
                    let mut registers = registers_of(hashes);
                    raise(&mut registers, hash);
                    *self = Self::Many(registers);
                }
                true
            }
            Self::Many(registers) => raise(registers, hash),
        }
    }

    /// Whether a hash was added. Of many, one that was not may be said to have been, never the other
    /// way round.
    pub(super) fn contains(&self, hash: u64) -> bool {
        match self {
            Self::Few(hashes) => hashes.binary_search(&hash).is_ok(),
            Self::Many(registers) => {
                let (index, rank) = place(hash);
                registers.get(index).is_some_and(|register| *register >= rank)
            }
        }
    }

    /// How many are in either of two.
    pub(super) fn count_both(&self, other: &Self) -> u64 {
        match (self, other) {
            (Self::Few(one), Self::Few(two)) => {
                let shared = one.iter().filter(|hash| two.binary_search(hash).is_ok()).count();
                (one.len() + two.len() - shared) as u64
            }
            (Self::Many(registers), Self::Few(hashes))
            | (Self::Few(hashes), Self::Many(registers)) => {
                let mut registers = registers.clone();
                hashes.iter().for_each(|hash| _ = raise(&mut registers, *hash));
                estimate(registers.iter().copied())
            }
            (Self::Many(one), Self::Many(two)) => {
                estimate(one.iter().zip(two.iter()).map(|(one, two)| *one.max(two)))
            }
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Few(hashes) => hashes.capacity() * size_of::<u64>(),
            Self::Many(_) => REGISTERS,
        }
    }
}

fn registers_of(hashes: &[u64]) -> Box<Registers> {
    let mut registers = Box::new([0; REGISTERS]);
    hashes.iter().for_each(|hash| _ = raise(&mut registers, *hash));
    registers
}

/// The register of a hash, and the place of the first one among its other bits.
fn place(hash: u64) -> (usize, u8) {
    let index = (hash >> (64 - INDEX_BITS)) as usize;
    let rank = (hash << INDEX_BITS).leading_zeros().min(64 - INDEX_BITS) + 1;
    (index, rank as u8)
}

fn raise(registers: &mut Registers, hash: u64) -> bool {
    let (index, rank) = place(hash);
    match registers.get_mut(index).filter(|register| **register < rank) {
        Some(register) => {
            *register = rank;
            true
        }
        None => false,
    }
}

/// How many different hashes leave such registers (Ertl 2017, algorithm 6).
fn estimate(registers: impl Iterator<Item = u8>) -> u64 {
    let mut counts = [0_u32; HIGHEST + 1];
    for register in registers {
        if let Some(count) = counts.get_mut(usize::from(register)) {
            *count += 1;
        }
    }
    let all = REGISTERS as f64;
    let [none, between @ .., highest] = counts;
    let sum = between.iter().rev().fold(all * tau(1.0 - f64::from(highest) / all), |sum, count| {
        0.5 * (sum + f64::from(*count))
    });
    let sum = sum + all * sigma(f64::from(none) / all);
    // A saturating cast: no register was raised where the sum is infinite.
    (all * all / (2.0 * std::f64::consts::LN_2 * sum)).round() as u64
}

fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * power;
        power += power;
        if sum <= before {
            return sum;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut power, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        power *= 0.5;
        sum -= (1.0 - x).powi(2) * power;
        if sum >= before {
            return sum / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::throttle::sip::Secret;

    fn of(hashes: impl IntoIterator<Item = u64>) -> Sketch {
        let mut sketch = Sketch::default();
        hashes.into_iter().for_each(|hash| _ = sketch.insert(hash, EXACT));
        sketch
    }

    fn hashes(secret: Secret, ids: std::ops::Range<u64>) -> impl Iterator<Item = u64> {
        ids.map(move |id| {
            let mut hash = secret.hasher();
            hash.word(id);
            hash.finish()
        })
    }

    fn count(sketch: &Sketch) -> u64 {
        sketch.count_both(&Sketch::default())
    }

    #[test]
    fn a_sketch_takes_a_kilobyte_and_no_more() {
        let secret = Secret::random();
        let mut sketch = Sketch::default();
        for hash in hashes(secret, 0..1_000_000) {
            sketch.insert(hash, EXACT);
        }
        assert_eq!(sketch.bytes(), 1024);
        assert!(of(hashes(secret, 0..EXACT as u64)).bytes() <= 1024);
        assert!(of(hashes(secret, 0..10)).bytes() <= 128);
    }

    #[test]
    fn the_error_over_many_secrets_is_the_one_that_is_stated() {
        for distinct in [200, 500, 1_000, 2_000, 5_000, 20_000, 100_000] {
            let trials = 200;
            let errors = (0..trials).map(|_| {
                let sketch = of(hashes(Secret::random(), 0..distinct));
                count(&sketch) as f64 / distinct as f64 - 1.0
            });
            let errors: Vec<_> = errors.collect();
            let mean = errors.iter().sum::<f64>() / f64::from(trials);
            let square = errors.iter().map(|error| error * error).sum::<f64>() / f64::from(trials);
            println!(
                "{distinct} distinct: mean error {:+.2} %, root mean square {:.2} %",
                mean * 100.0,
                square.sqrt() * 100.0,
            );
            // The standard error of 1.04/√1024, and what 200 trials may stray from it.
            assert!(square.sqrt() < 0.0325 * 1.25, "{distinct}: {}", square.sqrt());
            assert!(mean.abs() < 0.0325 * 5.0 / f64::from(trials).sqrt(), "{distinct}: {mean}");
        }
    }

    #[test]
    fn a_register_that_is_full_is_counted_too() {
        // Hashes whose rank is the highest there is, in every register.
        let all = (0..REGISTERS as u64).map(|index| index << (64 - INDEX_BITS));
        let mut registers = registers_of(&[]);
        all.for_each(|hash| _ = raise(&mut registers, hash));
        assert_eq!(usize::from(registers[0]), HIGHEST);
        assert!(count(&Sketch::Many(registers)) > 1 << 60);
        assert_eq!(count(&Sketch::Many(registers_of(&[]))), 0);
    }

    proptest! {
        #[test]
        fn few_are_counted_exactly(ids in prop::collection::hash_set(any::<u64>(), 0..=EXACT)) {
            let sketch = of(ids.iter().copied().chain(ids.iter().copied()));
            prop_assert_eq!(count(&sketch), ids.len() as u64);
            prop_assert!(ids.iter().all(|id| sketch.contains(*id)));
        }

        #[test]
        fn an_estimate_is_within_five_standard_errors(distinct in 129_u64..20_000) {
            let sketch = of(hashes(Secret::random(), 0..distinct));
            let error = count(&sketch) as f64 / distinct as f64 - 1.0;
            prop_assert!(error.abs() < 5.0 * 0.0325, "{distinct}: {error}");
        }

        #[test]
        fn two_together_are_what_one_of_both_would_be(
            one in 0_u64..2_000,
            from in 0_u64..2_000,
            two in 0_u64..2_000,
        ) {
            let secret = Secret::random();
            let other = from..from + two;
            let (a, b) = (of(hashes(secret, 0..one)), of(hashes(secret, other.clone())));
            let both = of(hashes(secret, 0..one).chain(hashes(secret, other)));
            prop_assert_eq!(a.count_both(&b), b.count_both(&a));
            if matches!((&a, &b), (Sketch::Few(_), Sketch::Few(_))) {
                let more = (from..from + two).filter(|id| *id >= one).count() as u64;
                prop_assert_eq!(a.count_both(&b), one + more);
            } else {
                prop_assert_eq!(a.count_both(&b), count(&both));
            }
        }

        #[test]
        fn what_was_added_is_never_denied_and_adding_it_again_changes_nothing(
            ids in prop::collection::vec(0_u64..5_000, 0..2_000),
        ) {
            let secret = Secret::random();
            let hash = |id: u64| hashes(secret, id..id + 1).next().unwrap();
            let mut sketch = of(ids.iter().map(|id| hash(*id)));
            let before = count(&sketch);
            for id in ids {
                prop_assert!(sketch.contains(hash(id)));
                prop_assert!(!sketch.insert(hash(id), EXACT));
            }
            prop_assert_eq!(count(&sketch), before);
        }
    }
}
