//! Passwords under verification.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use futures_util::future::{BoxFuture, FutureExt};

use super::{
    credentials::Credentials,
    gate::{Busy, Gate},
    phc::{Phc, Work},
    recall::{Recall, Recalled, Tag},
    user::StoredUser,
};
use crate::{
    auth::guessing::{Guess, Guessing},
    flights::{Flights, Place},
};

/// What came of a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verified {
    Right,
    Wrong,
    /// There was no room to hash it in time.
    Busy,
    /// It could not be hashed.
    Failed(Arc<str>),
}

/// All that verifying takes, shared by the requests of a scheme.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) recall: Recall,
    pub(super) guessing: Guessing,
    /// For those whose password was good before, whom a flood of strangers must not keep waiting.
    pub(super) familiar: Gate,
    pub(super) strangers: Gate,
    /// What a password is compared with where there is no user: as much work as the last one who was there.
    pub(super) nobody: ArcSwap<Phc>,
    /// Those that are only played through stand apart: nothing is counted for them.
    pub(super) flights: Flights<(Tag, bool), Verified>,
}

/// A password that has to be hashed.
pub(super) struct Question {
    pub(super) credentials: Credentials,
    pub(super) user: Option<Arc<StoredUser>>,
    pub(super) tag: Tag,
    pub(super) recalled: Recalled,
    pub(super) now: Duration,
    /// Nothing is counted for a request that is only played through.
    pub(super) is_rehearsal: bool,
}

impl Verifier {
    pub(super) fn nobody(work: Work) -> ArcSwap<Phc> {
        ArcSwap::from_pointee(Phc::dummy(work))
    }

    /// Hashes a password, once however many requests bring it at a time; `Err` is how long to wait where too many
    /// wrong ones came for the name.
    pub(super) fn ask(
        self: &Arc<Self>,
        question: Question,
    ) -> Result<BoxFuture<'static, Verified>, Duration> {
        let key = (question.tag, question.is_rehearsal);
        let admit = |_| {
            let name = question.credentials.name().as_bytes();
            let guess = match question.recalled {
                Recalled::Familiar => None,
                _ if question.is_rehearsal => match self.guessing.wait(name, question.now) {
                    Some(wait) => return Err(wait),
                    None => None,
                },
                _ => Some(self.guessing.guess(name, question.now)?),
            };
            Ok((question, guess))
        };
        let flight = self.flights.join_if(key, admit, |place, (question, guess)| {
            self.clone().fly(question, guess, place).boxed()
        })?;
        Ok(flight.boxed())
    }

    async fn fly(
        self: Arc<Self>,
        question: Question,
        guess: Option<Guess>,
        _place: Place<(Tag, bool), Verified>,
    ) -> Verified {
        let Question { credentials, user, tag, recalled, now, is_rehearsal } = question;
        let is_known = user.is_some();
        let stored = user.map_or_else(|| self.nobody.load_full(), |user| user.phc.clone());
        if is_known && stored.work() != self.nobody.load().work() {
            self.nobody.store(Arc::new(Phc::dummy(stored.work())));
        }
        let gate = if recalled == Recalled::Familiar { &self.familiar } else { &self.strangers };
        let hashed = gate.run(move || stored.verify(credentials.password())).await;
        let verified = match hashed {
            Err(Busy) => Verified::Busy,
            Ok(Err(fault)) => Verified::Failed(Arc::from(fault)),
            Ok(Ok(is_right)) if is_right && is_known => {
                if !is_rehearsal {
                    self.recall.meet(tag, now);
                }
                Verified::Right
            }
            Ok(Ok(_)) => return Verified::Wrong,
        };
        if let Some(guess) = guess {
            self.guessing.give_back(guess);
        }
        verified
    }
}
