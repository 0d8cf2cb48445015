use std::fmt;

use http::StatusCode;

/// Which answers count an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcomes {
    /// Those that show it: every status below 400. Finds who copies what they may read. The default.
    #[default]
    Found,
    /// Those that do not: 403, 404 and 410. Finds who guesses ids.
    Missed,
    /// Both.
    All,
}

impl Outcomes {
    pub(super) fn counts(self, status: StatusCode) -> bool {
        let found = status.as_u16() < 400;
        let missed =
            matches!(status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE);
        match self {
            Self::Found => found,
            Self::Missed => missed,
            Self::All => found || missed,
        }
    }
}

impl fmt::Display for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Found => "objects found",
            Self::Missed => "objects missed",
            Self::All => "objects found or missed",
        })
    }
}

/// What is refused to a caller who has asked for too many objects; see
/// [`EnumerationBuilder::refusing`](super::EnumerationBuilder::refusing).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusing {
    /// Objects that the caller has not asked for within the window. Those of before go on.
    Unseen,
    /// Every request to the routes.
    Everything,
}
