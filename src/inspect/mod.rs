//! Self-audit: what the stack has to say about its own settings and traffic, and about one request.
//!
//! [`Parapet::findings`](crate::Parapet::findings) asks every guard and looks at the whole. Each
//! finding names what was seen, what to do about it, and the item of the OWASP API Security Top 10
//! 2023 or of ASVS 5.0 that asks for it; the [findings](crate::findings) page lists the rules.
//! What only traffic shows is a [`Diagnosis`], logged once and kept among the findings. Why one
//! request is refused is told by [`Parapet::explain`](crate::Parapet::explain).
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

mod diagnosis;
mod explanation;
mod findings;
mod readiness;
pub(crate) mod rule;
mod text;

pub use diagnosis::Diagnosis;
pub use explanation::{Decision, Explainable, Explanation, Step, Verdict};
pub use findings::{Finding, Findings, Severity};
pub use readiness::{Readiness, Waiting};
pub use rule::{RULES, Rule};

pub(crate) use diagnosis::{Diagnoses, Seen, never};
pub(crate) use explanation::Seat;
