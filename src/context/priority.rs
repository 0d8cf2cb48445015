use std::fmt;

/// How much a request matters where not all can be served: what is shed first, and who waits for
/// whom.
///
/// A route has one by `Policy::priority`, a request by [`Exchange::set_priority`] in a guard that
/// knows the caller. Never take it from a header that the caller writes.
///
/// [`Exchange::set_priority`]: crate::Exchange::set_priority
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Priority {
    /// What the business stands on, a checkout say. Shed last.
    Critical,
    /// Everything else. The default.
    #[default]
    Normal,
    /// What can be done later, or is done again by itself: prefetching, exports, crawlers. Shed
    /// first.
    Low,
}

impl Priority {
    pub(crate) const COUNT: usize = 3;

    /// All of them, the highest first.
    pub const ALL: [Priority; Self::COUNT] = [Self::Critical, Self::Normal, Self::Low];

    /// Its place among them, from 0.
    #[cfg(feature = "throttle")]
    pub(crate) fn rank(self) -> usize {
        match self {
            Self::Critical => 0,
            Self::Normal => 1,
            Self::Low => 2,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
