//! Self-audit: what the stack has to say about its own settings.
//!
//! [`Parapet::findings`](crate::Parapet::findings) asks every guard and looks at the whole. Each
//! finding names what was seen, what to do about it, and the item of the OWASP API Security Top 10
//! 2023 or of ASVS 5.0 that asks for it; the [findings](crate::findings) page lists the rules.
//!
//! # Example
//!
//! A test of a service holds its stack to account:
//! ```
//! use tower_parapet::{Parapet, inspect::Severity};
//!
//! let parapet = Parapet::builder().public("/health", "load balancer").build()?;
//! let codes: Vec<_> =
//!     parapet.findings().at_least(Severity::Medium).map(|finding| finding.code).collect();
//! assert_eq!(codes, ["no-early-limit", "no-audit", "public-any-method"]);
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```

mod findings;
mod readiness;
pub(crate) mod rule;

pub use findings::{Finding, Findings, Severity};
pub use readiness::{Readiness, Waiting};
pub use rule::{RULES, Rule};
