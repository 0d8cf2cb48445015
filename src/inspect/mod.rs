//! Self-audit: what the stack has to say about its own settings.

mod findings;

pub use findings::{Finding, Findings, Severity};
