//! The route table: closed by default, judged on the path as the client sent it.
//!
//! # Behaviour
//! | request | judged by |
//! |---|---|
//! | a listed pattern and method | its policy |
//! | `HEAD` where only `GET` is listed | the policy of `GET` |
//! | an extended CONNECT, the WebSocket of HTTP/2 (RFC 8441) | the policy of `GET` for its path |
//! | the base of a requirement's `/admin/{*rest}`: `/admin`, `/admin/` | that requirement |
//! | a trailing slash behind a pattern that is not public | that pattern's policy |
//! | what a guard on a route covers beside the table's own rules | the rule it had before, and that guard |
//! | anything else | authenticated callers only |
//! | a path whose decoded form falls under another policy | 400 `ambiguous-path` |
//! | a path that does not fit the router's own `MatchedPath` | 403 `route-mismatch` |

mod builder;
mod guard;
mod join;
mod table;

pub(crate) use builder::parse;
pub(crate) use table::Listed;
#[cfg(feature = "throttle")]
pub(crate) use table::widened;

pub use builder::RoutesBuilder;
pub use guard::Routes;
