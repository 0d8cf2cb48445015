use std::{fmt, time::Duration};

use crate::error::Mistakes;

const HOUR: Duration = Duration::from_secs(3600);

/// How many wrong secrets are tried for one name, from all networks together.
///
/// The default, `per_hour(20).burst(10)`, is 490 on the first day of an attack. At most 100 an hour is what
/// ASVS 4.0.3 asks for in 2.2.1.
///
/// # Example
/// ```
/// use tower_parapet::auth::{Guesses, api_key::{ApiKeys, MemoryKeys}};
///
/// let keys = ApiKeys::builder(MemoryKeys::new()).guesses(Guesses::per_hour(60).burst(5)).build()?;
/// # let _ = keys;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guesses {
    per_hour: u32,
    pub(super) burst: u32,
    pub(super) names: usize,
}

impl Guesses {
    /// So many wrong secrets an hour for each name, once the burst is used up.
    pub fn per_hour(wrong: u32) -> Self {
        Self { per_hour: wrong, ..Self::default() }
    }

    /// So many wrong secrets at once. Default 10.
    pub fn burst(mut self, wrong: u32) -> Self {
        self.burst = wrong;
        self
    }

    /// How many names are kept at most, 17 bytes each, taken at the start. Default 16 384.
    pub fn names(mut self, names: usize) -> Self {
        self.names = names;
        self
    }

    pub(super) fn check(&self, setter: &'static str, mistakes: &mut Mistakes) {
        let settings = [
            ("per_hour", self.per_hour == 0),
            ("burst", self.burst == 0),
            ("names", self.names == 0),
        ];
        for (setting, _) in settings.into_iter().filter(|(_, is_zero)| *is_zero) {
            let problem = format!("`{setting}` is 0: no secret would ever be tried");
            mistakes.push(setter, "", problem, "write at least 1");
        }
    }

    /// The time after which one wrong secret is forgotten.
    pub(super) fn each(&self) -> Duration {
        HOUR / self.per_hour.max(1)
    }
}

impl Default for Guesses {
    fn default() -> Self {
        Self { per_hour: 20, burst: 10, names: 16_384 }
    }
}

impl fmt::Display for Guesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} wrong secrets for a name, and {} more an hour", self.burst, self.per_hour)
    }
}
