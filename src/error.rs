//! What is wrong with a configuration, all of it at once.

use std::{borrow::Cow, fmt, time::Duration};

/// One wrong value: which setter got it, what it was, what is wrong, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    setter: Cow<'static, str>,
    value: String,
    problem: Cow<'static, str>,
    remedy: Cow<'static, str>,
}

impl Mistake {
    /// The setter that got the value, `authenticate.audience` say.
    pub fn setter(&self) -> &str {
        &self.setter
    }

    /// The value as it was given; empty where none was, or where it is a secret.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What to write instead.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: ", self.setter)?;
        if !self.value.is_empty() {
            write!(f, "`{}` ", self.value)?;
        }
        write!(f, "{}; {}", self.problem, self.remedy)
    }
}

/// A configuration that cannot be used, with every mistake in it.
///
/// It is met at start-up only; what goes wrong with a request is a
/// [`Rejection`](crate::Rejection).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    mistakes: Vec<Mistake>,
}

impl ConfigError {
    /// All mistakes, in the order of the setters that got them. Never empty.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mistakes.as_slice() {
            [only] => write!(f, "configuration refused: {only}"),
            many => {
                write!(f, "configuration refused, {} mistakes:", many.len())?;
                many.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// Collects mistakes while a builder builds, so that `build` can report all of them.
///
/// # Example
/// ```
/// use tower_parapet::{ConfigError, error::Mistakes};
///
/// fn percent(value: u8) -> Result<u8, ConfigError> {
///     let mut mistakes = Mistakes::default();
///     if value > 100 {
///         mistakes.push("percent", value.to_string(), "is more than 100", "write 0 to 100");
///     }
///     mistakes.finish().map(|()| value)
/// }
/// assert_eq!(percent(7)?, 7);
/// assert!(percent(101).is_err());
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// Adds one. `value` stays empty for a secret or an absent value.
    pub fn push(
        &mut self,
        setter: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
        problem: impl Into<Cow<'static, str>>,
        remedy: impl Into<Cow<'static, str>>,
    ) {
        self.0.push(Mistake {
            setter: setter.into(),
            value: value.into(),
            problem: problem.into(),
            remedy: remedy.into(),
        });
    }

    /// Takes the value of a part that was built, or all mistakes of one that was not, each
    /// setter prefixed: `authenticate` and `audience` become `authenticate.audience`.
    pub fn absorb<T>(&mut self, prefix: &str, part: Result<T, ConfigError>) -> Option<T> {
        match part {
            Ok(part) => Some(part),
            Err(error) => {
                self.0.extend(error.mistakes.into_iter().map(|mistake| Mistake {
                    setter: Cow::Owned(format!("{prefix}.{}", mistake.setter)),
                    ..mistake
                }));
                None
            }
        }
    }

    /// A deadline that is over as it begins lets nothing through that has to wait.
    pub(crate) fn refuse_zero(&mut self, setter: &'static str, deadline: Duration) {
        if deadline.is_zero() {
            self.push(setter, "0s", "is over as it begins", "write how long to wait");
        }
    }

    #[cfg(feature = "throttle")]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As [`absorb`](Self::absorb), for a part whose setters are the builder's own.
    pub(crate) fn absorb_plain<T>(&mut self, part: Result<T, ConfigError>) -> Option<T> {
        part.map_err(|error| self.0.extend(error.mistakes)).ok()
    }

    /// The error, where it is known that there is at least one mistake.
    pub(crate) fn into_error(self) -> ConfigError {
        ConfigError { mistakes: self.0 }
    }

    /// Ends the collection.
    ///
    /// # Errors
    /// When there is at least one mistake; the error holds them all.
    pub fn finish(self) -> Result<(), ConfigError> {
        if self.0.is_empty() { Ok(()) } else { Err(ConfigError { mistakes: self.0 }) }
    }

    /// Ends the collection with what was built, `None` where a mistake stood in the way.
    ///
    /// # Errors
    /// When there is at least one mistake; the error holds them all.
    pub fn finish_with<T>(mut self, built: Option<T>) -> Result<T, ConfigError> {
        match built {
            Some(built) => self.finish().map(|()| built),
            None => {
                if self.0.is_empty() {
                    self.push("build", "", "came to nothing", "report this as a bug");
                }
                Err(ConfigError { mistakes: self.0 })
            }
        }
    }
}
