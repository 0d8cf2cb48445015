//! The list as a scheme asks it, about every token it verified.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::Revocations;
use super::builder::OnFailure;
use super::key::{Revocation, RevocationKey};
use super::list::{Backing, Inner, Late, Shared};
use super::marks::Marks;
use crate::answer::Answer;
use crate::auth::StoreError;
use crate::auth::token::{CheckOrder, INVALID, Presented, REVOKED, TokenCheck, TokenKind, refuse};
use crate::clock::within;
use crate::guard::Exchange;
use crate::inspect::{Findings, rule};
use crate::rejection::{Reason, Rejection};

const NAME: &str = "revocations";

impl TokenCheck for Revocations {
    fn name(&self) -> &'static str {
        NAME
    }

    fn order(&self) -> CheckOrder {
        CheckOrder::Revocation
    }

    fn check(&self, exchange: &mut Exchange, token: &Presented) -> Answer<Result<(), Rejection>> {
        let principal = token.principal();
        let Some(marks) = Marks::of(principal) else { return Answer::Now(Err(unmarked())) };
        if let Err(rejection) = self.0.refuse_outliving(token, marks) {
            return Answer::Now(Err(rejection));
        }
        match &self.0.backing {
            Backing::Memory(memory) => {
                let found = memory.find(marks, exchange.unix().as_secs());
                Answer::Now(found.map_or(Ok(()), |entry| Err(revoked(entry, token.kind()))))
            }
            Backing::Store(shared) => ask(self, shared, token, marks, exchange.unix()),
        }
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(match &self.0.backing {
            Backing::Memory(_) => "not revoked".to_owned(),
            Backing::Store(shared) => match shared.on_failure {
                OnFailure::Refuse => "not revoked by a shared list".to_owned(),
                OnFailure::Admit => "not revoked by a shared list, where it answers".to_owned(),
            },
        })
    }

    fn findings(&self, report: &mut Findings) {
        if self.0.outliving {
            let evidence = "tokens are taken that are good for longer than entries are kept";
            report.add(&rule::OUTLIVING_TOKENS, NAME, evidence);
        }
        match &self.0.backing {
            Backing::Memory(memory) => {
                memory.forget(self.0.clock.unix().as_secs());
                if memory.is_full() {
                    let evidence = format!("{} entries, and all are still needed", memory.len());
                    report.add(&rule::REVOCATIONS_FULL, NAME, evidence);
                }
            }
            Backing::Store(shared) if shared.on_failure == OnFailure::Admit => {
                let evidence = "revoked tokens are taken while the store does not answer";
                report.add(&rule::REVOCATIONS_OPEN, NAME, evidence);
            }
            Backing::Store(_) => {}
        }
    }
}

impl Inner {
    /// A token that is good for longer than the list remembers could come back.
    fn refuse_outliving(&self, token: &Presented, marks: &Marks) -> Result<(), Rejection> {
        let Some(end) = token.principal().expires_at() else { return Ok(()) };
        let lasts = marks.issued_at.map(|from| end.as_secs().saturating_sub(from));
        if self.outliving || lasts.is_some_and(|lasts| lasts <= self.lifetime.as_secs()) {
            return Ok(());
        }
        Err(outliving(self.lifetime, lasts, token.kind()))
    }
}

#[cold]
fn ask(
    list: &Revocations,
    shared: &Shared,
    token: &Presented,
    marks: &Marks,
    now: Duration,
) -> Answer<Result<(), Rejection>> {
    if shared.is_remembered(marks, now) {
        return Answer::Now(Ok(()));
    }
    let keys: Vec<RevocationKey> = marks.keys().collect();
    match shared.store.find(&keys, now) {
        Answer::Now(found) => Answer::Now(shared.judge(found, marks, now, token.kind())),
        Answer::Later(found) => {
            let (list, principal) = (list.clone(), token.principal().clone());
            let kind = token.kind();
            Answer::later(async move {
                let (Backing::Store(shared), Some(marks)) =
                    (&list.0.backing, Marks::of(&principal))
                else {
                    return Err(unmarked());
                };
                let found = within(shared.deadline, found).await;
                let found = found.ok_or_else(|| StoreError::new(Late(shared.deadline)));
                shared.judge(found.and_then(|found| found), marks, now, kind)
            })
        }
    }
}

impl Shared {
    fn judge(
        &self,
        found: Result<Vec<Revocation>, StoreError>,
        marks: &Marks,
        now: Duration,
        kind: TokenKind,
    ) -> Result<(), Rejection> {
        let entries = match found {
            Ok(entries) => entries,
            Err(_) if self.on_failure == OnFailure::Admit => return Ok(()),
            Err(error) => return Err(error.refusal("a store of revocations that answers")),
        };
        let is_meant = |key| marks.keys().any(|own| own == key);
        let refusing = entries.into_iter().find(|entry| {
            is_meant(entry.key) && entry.covers(marks.issued_at) && now.as_secs() < entry.ends
        });
        match refusing {
            Some(entry) => Err(revoked(entry, kind)),
            None => {
                self.remember(marks, now);
                Ok(())
            }
        }
    }
}

/// By which entry, for the record: its key is a hash, and finds it in the list.
#[derive(Debug)]
struct Cause(Revocation);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Revocation { key, issued_until, ends, .. } = self.0;
        write!(f, "the entry {key} of the revocations")?;
        if let Some(last) = issued_until {
            write!(f, ", for what was issued up to {last}")?;
        }
        write!(f, ", which ends at {ends}")
    }
}

impl std::error::Error for Cause {}

#[cold]
fn revoked(entry: Revocation, kind: TokenKind) -> Rejection {
    refuse(Reason::RevokedCredentials, REVOKED, kind)
        .expected("a token that was not revoked")
        .found(entry.kind.found())
        .cause(Cause(entry))
}

#[cold]
fn outliving(lifetime: Duration, lasts: Option<u64>, kind: TokenKind) -> Rejection {
    let most = lifetime.as_secs();
    let found = match lasts {
        Some(seconds) => Cow::Owned(format!("one that is good for {seconds} s")),
        None => Cow::Borrowed("one without `iat`"),
    };
    refuse(Reason::InvalidCredentials, INVALID, kind)
        .expected(format!("a token that is good for at most {most} s, `longest_lifetime`"))
        .found(found)
}

/// Something else has taken the place of the hashes: nothing can be told of the token.
#[cold]
fn unmarked() -> Rejection {
    Rejection::new(Reason::Misconfigured)
        .expected("the hashes of the token beside its principal")
        .found("something else")
}
