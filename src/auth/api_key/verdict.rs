//! What a presented text is worth against what is stored.

use std::{hint::black_box, sync::Arc, time::Duration};

use sha2::{Digest, Sha256};

use super::{hash::KeyHash, pepper::Pepper, stored::StoredKey, text::KeyText};

/// The outcome of comparing hashes, and nothing else: times and addresses are judged by it later.
pub(super) enum Verdict {
    /// The secret is right.
    Present(Arc<StoredKey>),
    /// The secret is the one before the last rotation, good until then.
    Former(Arc<StoredKey>, Duration),
    /// The key is known, and this is not its secret.
    Wrong(String),
    /// No key has this id.
    Unknown(String),
    /// It was not compared: too many wrong secrets came for this id.
    Untried(String, Duration),
    /// The key's hash is without a pepper, where one is asked for.
    Plain(String),
    /// The hash names a pepper that is not here.
    NoPepper(String),
}

/// The ways a hash may have been made.
#[derive(Debug)]
pub(super) struct Peppers {
    pub(super) list: Box<[Pepper]>,
    pub(super) takes_plain: bool,
}

enum Way<'a> {
    Plain,
    Keyed(&'a Pepper),
}

impl Peppers {
    fn way(&self, hash: &KeyHash) -> Option<Way<'_>> {
        match hash.pepper() {
            None => Some(Way::Plain),
            Some(id) => self.list.iter().find(|pepper| pepper.id() == id).map(Way::Keyed),
        }
    }

    fn takes(&self, hash: &KeyHash) -> bool {
        self.takes_plain || self.list.is_empty() || hash.pepper().is_some()
    }

    /// Compares a text with a stored key. The same work is done whether the id is known or not, so that the time
    /// taken tells nobody which ids exist.
    pub(super) fn compare(&self, key: KeyText<'_>, stored: Option<Arc<StoredKey>>) -> Verdict {
        let text = key.whole();
        let Some(stored) = stored else {
            let way = self.list.first().map_or(Way::Plain, Way::Keyed);
            black_box(KeyHash::NONE.is_digest(&way.digest(text)));
            return Verdict::Unknown(key.id().to_owned());
        };
        let id = || key.id().to_owned();
        if !self.takes(&stored.hash) {
            return Verdict::Plain(id());
        }
        let Some(way) = self.way(&stored.hash) else {
            return Verdict::NoPepper(id());
        };
        let digest = way.digest(text);
        if stored.hash.is_digest(&digest) {
            stored.familiar.meet(false, text);
            return Verdict::Present(stored);
        }
        let Some(previous) = stored.previous.as_ref().filter(|previous| self.takes(&previous.hash))
        else {
            return Verdict::Wrong(id());
        };
        let is_former = match previous.hash.pepper() == stored.hash.pepper() {
            true => previous.hash.is_digest(&digest),
            false => self
                .way(&previous.hash)
                .is_some_and(|way| previous.hash.is_digest(&way.digest(text))),
        };
        if !is_former {
            return Verdict::Wrong(id());
        }
        stored.familiar.meet(true, text);
        let until = previous.until;
        Verdict::Former(stored, until)
    }
}

impl Way<'_> {
    fn digest(&self, text: &[u8]) -> [u8; 32] {
        match self {
            Way::Plain => Sha256::digest(text).into(),
            Way::Keyed(pepper) => pepper.mac(text),
        }
    }
}
