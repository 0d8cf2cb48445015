use std::{borrow::Cow, fmt};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// A weakness with little effect of its own.
    Low,
    /// A weakness that helps an attacker.
    Medium,
    /// An open door.
    High,
}

/// One thing the self-audit noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The guard or setter it is about.
    pub subject: Cow<'static, str>,
    /// What was seen.
    pub evidence: Cow<'static, str>,
    /// What to do about it.
    pub remedy: Cow<'static, str>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}: {}; {}", self.severity, self.subject, self.evidence, self.remedy)
    }
}

/// Collects findings; every guard adds its own through [`Guard::findings`](crate::Guard::findings).
#[derive(Clone, Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds one.
    pub fn push(
        &mut self,
        severity: Severity,
        subject: impl Into<Cow<'static, str>>,
        evidence: impl Into<Cow<'static, str>>,
        remedy: impl Into<Cow<'static, str>>,
    ) {
        self.0.push(Finding {
            severity,
            subject: subject.into(),
            evidence: evidence.into(),
            remedy: remedy.into(),
        });
    }

    /// All findings, in the order of the guards.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter()
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
