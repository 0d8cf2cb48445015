//! One structured record per request: as JSON lines in a file, and as events of `tracing`.
//!
//! # Threat
//!
//! An attack that leaves no trace cannot be answered, and neither can a customer who asks what
//! happened. A log of its own is a target too: line breaks in a path forge entries, tokens in a
//! query end up on a disk that many read, a full disk stops the service or silences the log.
//! (OWASP API Security: insufficient logging; ASVS 16; CWE-117, CWE-532, CWE-778.)
//!
//! # Behaviour
//!
//! A stack opens a record when a request arrives and closes it exactly once, when the body of the
//! answer has ended or the request came to another end. The sinks here are observers: they never
//! change an answer.
//!
//! | condition | status | reason |
//! |---|---|---|
//! | request answered, refused, cancelled, failed or panicked | as it is | one record |
//! | queue full, [`Full::Drop`] (default) | as it is | record dropped and counted, a `dropped` line follows |
//! | queue full, [`Full::Block`] | as it is | the thread waits for room |
//! | queue full, with [`JsonLines::gate`] in the stack | 503, `Retry-After: 1` | `unavailable` |
//! | output fails (disk full, pipe closed) | as it is | tried again for as long as it takes; told once through `tracing`; what finds no room meanwhile as above |
//! | sink dropped, [`JsonLines::flush`] | – | everything queued is written first |
//!
//! A line holds these members, always in this order; what is not known is left out. Members may be
//! added in a minor version, none is renamed or removed.
//!
//! | member | value |
//! |---|---|
//! | `time` | when the request began: RFC 3339, UTC, milliseconds |
//! | `event` | `request`, or `dropped` with `count` alone: so many records found the queue full |
//! | `request_id` | the id the problem carried too: one of our own, or a trusted proxy's |
//! | `trace_id` | the trace that a valid `traceparent` names, the sender's word |
//! | `outcome` | `answered`, `responded`, `rejected`, `upgraded`, `failed`, `cancelled`, `body-failed`, `panicked` |
//! | `status` | the status sent |
//! | `reason`, `guard`, `detail`, `expected`, `found`, `cause` | of a refusal: its code, who refused, what the caller was told, and what only the operator learns |
//! | `method`, `path` | as sent, without the query, credentials masked ([`Paths`]); after 32 bytes and 2 KiB cut |
//! | `query` | the named parameters, where some were named ([`JsonLinesBuilder::query`]) |
//! | `route` | the pattern of the policy that the request was judged by |
//! | `client` | `ip`, and `via`: how it is known, `peer`, `forwarded` or `x-forwarded-for` |
//! | `peer` | address and port of the other end of the connection |
//! | `secure` | how it is known that nobody could listen in: `tls`, `proxy`, `loopback`, `mesh` |
//! | `version` | the version of the API that was asked for |
//! | `principal` | `issuer`, `subject`, `scheme` |
//! | `duration_us` | until the body of the answer had ended, in microseconds |
//! | `bytes_out` | bytes of the answer's body |
//! | `notes` | what guards and handlers noted; a key noted twice holds an array |
//!
//! One record is one line whatever a client sends: control characters, the line separators of
//! Unicode and the marks that reorder text are escaped.
//!
//! # Example
//!
//! ```
//! use tower_parapet::{Parapet, audit::{Capture, JsonLines}};
//!
//! let file = std::env::temp_dir().join("audit.jsonl");
//! let audit = JsonLines::to(file).query(["page", "sort"]).build()?;
//! let parapet = Parapet::builder()
//!     .public("/health", "probe")
//!     .guard(Capture::headers(["user-agent"])?)
//!     .audit(audit.clone())
//!     .build()?;
//! audit.flush()?;
//! assert_eq!(audit.stats().dropped, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Defaults
//!
//! - Credentials, cookies, headers, query strings and bodies are not recorded. Query parameters are
//!   named one by one ([`JsonLinesBuilder::query`]), headers likewise ([`Capture`]); names that are
//!   known to carry credentials are refused.
//! - Path segments that look like a credential are masked ([`Paths::Masked`]).
//! - 8192 records may be on their way; when full, records are dropped and counted. (OWASP Logging
//!   Cheat Sheet: a log must not become the outage.)
//! - A file is appended to, and made with mode 0640.
//! - The writer gathers records for 25 ms or a quarter of the capacity, whichever is first; an
//!   output that fails is tried again after 100 ms, then after ever longer waits up to 5 s.
//!
//! # What this does not do
//!
//! - It does not rotate files. Rename the file and call [`JsonLines::reopen`], or truncate it in place.
//! - It does not force lines to the disk (`fsync`): a crash of the machine may take the last ones.
//! - It does not sign or chain lines; whoever can write the file can edit it.
//! - It does not look into notes, subjects or causes for secrets: what a guard or a handler notes
//!   is written as it is. What was found and causes are cut after 1 KiB.

mod builder;
mod capture;
mod cause;
mod entry;
mod gate;
mod into;
mod json;
mod queue;
mod redact;
mod sink;
mod text;
mod tracing;
mod writer;

#[cfg(test)]
mod tests;

pub use self::tracing::Tracing;
pub use builder::JsonLinesBuilder;
pub use capture::Capture;
pub use gate::Gate;
pub use into::IntoSink;
pub use redact::Paths;
pub use sink::{Full, JsonLines, Stats};
