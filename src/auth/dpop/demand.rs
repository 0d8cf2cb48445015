use std::fmt;

/// Which tokens are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// Bound ones with their proof, others as `Bearer`.
    Optional,
    /// Bound ones with their proof, and no others.
    Required,
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Optional => "DPoP where a token is bound",
            Self::Required => "DPoP required",
        })
    }
}
