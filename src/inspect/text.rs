//! An explanation as text, to be read in a minute.

use std::fmt;

use http::header;

use crate::{
    context::{Access, ClientAddr, Principal, Provenance, Route},
    rejection::Rejection,
};

use super::{Decision, Explanation, Step, Verdict};

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.method, Plain(self.path()))?;
        match &self.verdict {
            Verdict::Admitted => writeln!(f, "admitted to the handler")?,
            Verdict::Responded(status) => writeln!(f, "answered with {status} by a guard")?,
            Verdict::Refused(rejection) => refusal(f, rejection)?,
        }
        if self.is_body_missing {
            line(f, "body", "announced but not given, so nobody judged it")?;
        }
        known(f, self)?;
        writeln!(f, "\nguards, in the order they run")?;
        steps(f, &self.steps)?;
        if !self.replies.is_empty() {
            writeln!(f, "\nheaders that the response would get")?;
        }
        for (name, value) in &self.replies {
            let is_secret = value.is_sensitive() || *name == header::SET_COOKIE;
            let shown = if is_secret { "…" } else { value.to_str().unwrap_or("…") };
            writeln!(f, "  {name}: {shown}")?;
        }
        if !self.notes.is_empty() {
            writeln!(f, "\nnotes for the record")?;
        }
        self.notes.iter().try_for_each(|(key, value)| writeln!(f, "  {key}: {}", Plain(value)))
    }
}

/// Text that may repeat what was sent: on one line, and without a word to the terminal.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '"' | '\'' | '\\' => write!(f, "{c}"),
            c => write!(f, "{}", c.escape_debug()),
        })
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, value: impl fmt::Display) -> fmt::Result {
    writeln!(f, "  {name:9}  {value}")
}

fn refusal(f: &mut fmt::Formatter<'_>, rejection: &Rejection) -> fmt::Result {
    let status = rejection.status().as_u16();
    write!(f, "refused with {status} {}", rejection.reason().code())?;
    match rejection.guard() {
        Some(guard) => writeln!(f, " by {guard}")?,
        None => writeln!(f)?,
    }
    let told = match rejection.public_detail() {
        "" => rejection.reason().title(),
        detail => detail,
    };
    line(f, "told", Plain(told))?;
    for violation in rejection.public_violations() {
        line(f, "", format_args!("`{}` {}", Plain(&violation.pointer), Plain(&violation.detail)))?;
    }
    if let Some(expected) = rejection.private_expected() {
        line(f, "expected", Plain(expected))?;
    }
    if let Some(found) = rejection.private_found() {
        line(f, "found", Plain(found))?;
    }
    let mut cause = rejection.private_cause().map(|cause| cause as &dyn std::error::Error);
    while let Some(error) = cause {
        line(f, "cause", Plain(&error.to_string()))?;
        cause = error.source();
    }
    Ok(())
}

fn known(f: &mut fmt::Formatter<'_>, explanation: &Explanation) -> fmt::Result {
    match explanation.route() {
        Some(route) => line(f, "route", Rule(route))?,
        None => line(f, "route", "not judged")?,
    }
    match (explanation.client(), explanation.peer()) {
        (Some(client), Some(peer)) => {
            line(f, "client", format_args!("{client}, {} (peer {peer})", via(client)))?;
        }
        (Some(client), None) => line(f, "client", format_args!("{client}, {}", via(client)))?,
        (None, _) => line(f, "client", "not known")?,
    }
    match explanation.principal() {
        Some(principal) => line(f, "principal", Caller(principal)),
        None => line(f, "principal", "nobody"),
    }
}

fn via(client: ClientAddr) -> &'static str {
    match client.provenance() {
        Provenance::Peer => "the peer itself",
        Provenance::Forwarded => "by a trusted proxy's Forwarded",
        Provenance::XForwardedFor => "by a trusted proxy's X-Forwarded-For",
    }
}

struct Rule<'a>(&'a Route);

impl fmt::Display for Rule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pattern = if self.0.is_listed() { self.0.pattern() } else { "anything else" };
        match self.0.access() {
            Access::Public { reason } => write!(f, "{pattern}, for anyone: {reason}"),
            Access::Probe => write!(f, "{pattern}, a probe"),
            Access::Optional => write!(f, "{pattern}, for anyone, known or not"),
            Access::Authenticated => write!(f, "{pattern}, for authenticated callers"),
        }
    }
}

struct Caller<'a>(&'a Principal);

impl fmt::Display for Caller<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(caller) = self;
        let (subject, issuer) = (Plain(caller.subject()), Plain(caller.issuer()));
        write!(f, "{subject} of {issuer}, by {}", caller.scheme())?;
        for (index, scope) in caller.scopes().enumerate() {
            write!(f, "{} {}", if index == 0 { "; scopes" } else { "" }, Plain(scope))?;
        }
        for (index, role) in caller.roles().enumerate() {
            write!(f, "{} {}", if index == 0 { "; roles" } else { "" }, Plain(role))?;
        }
        Ok(())
    }
}

fn steps(f: &mut fmt::Formatter<'_>, steps: &[Step]) -> fmt::Result {
    let name = |step: &Step| format!("{:1$}{2}", "", step.depth * 2, step.guard);
    let width = steps.iter().map(|step| name(step).len()).max().unwrap_or_default();
    for step in steps {
        let phase = step.phase.map_or("Body".to_owned(), |phase| format!("{phase:?}"));
        let waited = if step.waited { "waited, then " } else { "" };
        let decision = match step.decision {
            Decision::Continued => "continued",
            Decision::Responded => "answered",
            Decision::Refused => "refused",
            Decision::NotReached => "not reached",
        };
        write!(f, "  {phase:12}  {:width$}  {waited}{decision}", name(step))?;
        match &step.remark {
            Some(remark) => writeln!(f, ": {}", Plain(remark))?,
            None => writeln!(f)?,
        }
    }
    Ok(())
}
