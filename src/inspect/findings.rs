use std::{borrow::Cow, collections::BTreeSet, fmt, time::Duration};

use serde::Serialize;

use super::Rule;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The stable word of the [`Rule`] it was found by.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The guard, setter or route it is about.
    pub subject: Cow<'static, str>,
    /// What was seen.
    pub evidence: Cow<'static, str>,
    /// What to do about it.
    pub remedy: Cow<'static, str>,
    /// The items of the OWASP API Security Top 10 2023 and of ASVS 5.0 behind it.
    pub demands: &'static [&'static str],
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, severity, subject, evidence, remedy, demands } = self;
        write!(f, "{severity:?} {code}: {subject}: {evidence}; {remedy} ({})", demands.join(", "))
    }
}

/// Collects findings; every guard adds its own through [`Guard::findings`](crate::Guard::findings).
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Findings {
    list: Vec<Finding>,
    #[serde(skip)]
    marks: BTreeSet<(&'static str, usize)>,
    #[serde(skip)]
    is_busy: bool,
    #[serde(skip)]
    unix: Option<Duration>,
}

impl Findings {
    /// For an audit that knows what time it is.
    pub(crate) fn at(self, unix: Duration) -> Self {
        Self { unix: Some(unix), ..self }
    }

    /// When the audit is made, since the Unix epoch by the stack's clock; `None` outside of a stack.
    pub fn unix(&self) -> Option<Duration> {
        self.unix
    }

    /// Adds one.
    pub fn add(
        &mut self,
        rule: &Rule,
        subject: impl Into<Cow<'static, str>>,
        evidence: impl Into<Cow<'static, str>>,
    ) {
        self.add_with(rule, subject, evidence, rule.remedy());
    }

    /// Adds one whose remedy depends on what was found.
    pub fn add_with(
        &mut self,
        rule: &Rule,
        subject: impl Into<Cow<'static, str>>,
        evidence: impl Into<Cow<'static, str>>,
        remedy: impl Into<Cow<'static, str>>,
    ) {
        self.list.push(Finding {
            code: rule.code(),
            severity: rule.severity(),
            subject: subject.into(),
            evidence: evidence.into(),
            remedy: remedy.into(),
            demands: rule.demands(),
        });
    }

    /// All findings, in the order of the guards.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.list.iter()
    }

    /// Those that matter as much as this, or more: `at_least(Severity::Medium)` is what a test of
    /// one's own should hold empty.
    pub fn at_least(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.iter().filter(move |finding| finding.severity >= severity)
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Starts with whether the stack has seen enough to say what never happens.
    pub(crate) fn of_traffic(is_busy: bool) -> Self {
        Self { is_busy, ..Self::default() }
    }

    /// Whether the stack has seen enough to say what never happens.
    pub(crate) fn is_of_busy_stack(&self) -> bool {
        self.is_busy
    }

    /// Leaves word that a protection is there, for the rules about what is missing; false where the
    /// very same one left word before.
    pub(crate) fn mark(&mut self, what: &'static str, identity: usize) -> bool {
        self.marks.insert((what, identity))
    }

    /// Whether any such protection is there.
    pub(crate) fn is_marked(&self, what: &str) -> bool {
        self.marks.iter().any(|(mark, _)| *mark == what)
    }
}

impl fmt::Display for Findings {
    /// A line each, the gravest first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list: Vec<_> = self.list.iter().collect();
        list.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        list.into_iter().try_for_each(|finding| writeln!(f, "{finding}"))
    }
}
