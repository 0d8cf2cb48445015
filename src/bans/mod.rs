//! Bans for whoever keeps doing what goes wrong: longer each time, forgiven in time.
//!
//! Requests whose end shows that somebody is guessing, scanning or probing give points. Who has too
//! many of them within the window is banned: for a minute at first, then for longer, and each stretch
//! of good conduct forgives one ban.
//!
//! # Threat
//! Who tries passwords, or looks for paths, parameters and rights that nobody should have, can go on
//! for ever below a rate limit. And a ban that is itself the weapon: somebody has others banned, by a
//! forged `X-Forwarded-For`, in the name of a caller whose token they do not have, or from behind an
//! address that many share; or floods the memory until bans are forgotten.
//!
//! # Behaviour
//!
//! | condition | status | reason |
//! |---|---|---|
//! | nobody is banned there | – | – |
//! | the client's network is banned | 403 | `banned`, before anything else is asked |
//! | the caller is banned, who was proven to be it | 403 | `banned`, after authentication |
//! | the same, with [`tell_when`](BansBuilder::tell_when) | 429 | `rate-limited`, with `Retry-After` |
//! | no client address is known | 503 | `address-unknown` |
//! | a health probe | – | neither judged nor counted |
//!
//! A refused request gives no points. 403 is what web application firewalls answer; it says neither
//! why nor how long, which only records, the [list](Bans::list) and the log do.
//!
//! ## Who answers for a request
//! Whoever was **proven** to have sent it answers for it alone: the caller's network gets no points, so
//! that one account behind an office's address does not have the office banned. A name in a token that
//! is forged, or that the body has not borne out, is nobody's: it counts against the network.
//!
//! The network is that of the client found behind [trusted proxies](crate::TrustedProxies), and of the
//! peer where there is none; what a client writes into headers is never believed. A trusted proxy
//! behind which nobody was found is never counted, nor is this machine, nor what is
//! [exempt](BansBuilder::exempt).
//!
//! A page of another site can make its visitors' browsers ask for anything. Browsers mark that
//! (`Sec-Fetch-Site: cross-site`), and what bears the mark counts apart and has apart from the rest
//! banned what bears the mark: visitors of such a page are not shut out of the service for it, and who
//! writes the header to stay unseen gains as many points again, once. Callers whose credentials a
//! browser sends by itself, cookies or a certificate, need [`Csrf`](crate::transport::Csrf) besides.
//!
//! ## Points, bans, forgiveness
//! A request gives points once, when it is over, for the first [signal](crate::observe::Signal) in the
//! table that it shows. At the threshold within the window the ban begins, and the count begins anew.
//! The second ban in a row lasts as long as the second term, and so on up to the last. For each
//! [`decay`](BansBuilder::decay) without a ban since the last one ended, one is forgiven. Points and
//! bans are counted by the monotonic clock: no step of the wall clock lengthens or ends one. Requests
//! that were under way when a ban began do not count towards the next.
//!
//! # Example
//! ```
//! use tower_parapet::{Parapet, Peer, bans::Bans, observe::Signal};
//!
//! let bans = Bans::builder()
//!     .on(Signal::FailedLogin, 5)
//!     .on(Signal::NotFound, 1)
//!     .on(Signal::reported("card-declined"), 20)
//!     .exempt("192.0.2.0/24", "the office, behind one address")
//!     .build()?;
//! let parapet = Parapet::builder()
//!     .peer(Peer::ConnectInfo)
//!     .trusted_proxies(["10.0.3.7"])
//!     .public("POST /login", "where callers come from")
//!     .bans(&bans)
//!     .build()?;
//! // On a route for operators: who is banned, and since when.
//! for ban in bans.list() {
//!     println!("{ban}");
//! }
//! # let _ = parapet;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | [`on`](BansBuilder::on) | failed login 5 points, forbidden 2, not found 1, invalid 1 |
//! | [`threshold`](BansBuilder::threshold) in a [`window`](BansBuilder::window) | 100 points in ten minutes |
//! | [`terms`](BansBuilder::terms) | 1 min, 5 min, 30 min, 2 h, 12 h |
//! | [`decay`](BansBuilder::decay) | one forgiven in six hours |
//! | client network | an IPv4 address, an IPv6 /64 |
//! | [`widen`](BansBuilder::widen) | off |
//! | [`max_suspects`](BansBuilder::max_suspects) | 32 768, one MiB, taken at the start |
//! | [`max_bans`](BansBuilder::max_bans) | 16 384 |
//!
//! # Bounds
//! Suspects are rows of a fixed size in a table of a fixed size; where it is full, those with the
//! fewest points are forgotten first, so that a flood of new ones does not clear one who is close to a
//! ban. Bans are kept apart. A ban in force is never forgotten to make room: past bans go first, and
//! where every ban that is kept is in force, no new one comes to be, which is logged, counted and a
//! finding. A row of a ban has its offender's names, 256 bytes each at most.
//!
//! # Several processes
//! With the feature `redis` and `BansBuilder::shared`, processes add up their points in Redis, by its
//! clock, and have each other's bans. No request waits for that: what happened here is told, and what
//! happened elsewhere is learned, in one call in the background, once a second while requests come. So
//! a ban, and its end when it is lifted, is known everywhere a second and a call after it is made
//! (longer for a process nobody calls: until its first request), and a process asks Redis at most once a
//! second, besides for each ban it makes. While Redis is lost each process goes on with its own points
//! and the bans it knows; up to 4096 offenders wait to be told.
//!
//! # What this does not do
//! - It does not tell people behind one address apart: exempt it, or let them log in.
//! - It does not outlive the process by itself: share it through Redis.
//! - It does not see what never reaches the stack: handshakes, and requests a server refuses itself.
//! - It does not count a request that is still under way: many at once may pass before a ban.

mod ban;
mod builder;
mod desk;
mod exempt;
mod guard;
mod ladder;
mod offender;
mod points;
mod register;
mod shared;
mod tally;
mod warden;
mod widths;

pub use ban::{Ban, Counts, Event, NotBanned};
pub use builder::{BansBuilder, IntoBans};
pub use guard::{Bans, CallerBans};
pub use offender::{InvalidNetwork, Network, Offender};

#[cfg(test)]
mod tests;
