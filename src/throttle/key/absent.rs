/// What a request that lacks what its key reads is counted against: a header, a tenant, a claim, an
/// API key, or what a key of your own looks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Absent {
    /// Nothing: it is refused, with 400 where the request lacks it and with 403 where the caller does.
    /// The default.
    #[default]
    Refuse,
    /// Its client network.
    ClientNet,
    /// Its principal, and without one its client network.
    Principal,
    /// One bucket for all such requests.
    Share,
}
