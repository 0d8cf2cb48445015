use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

/// How a header of a guard meets the same header of the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// The handler's own value wins.
    Default,
    /// The guard's value replaces the handler's.
    Set,
    /// Both are sent.
    Append,
}

enum Reply {
    One(Mode, HeaderName, HeaderValue),
    Defaults(Arc<HeaderMap>),
}

/// The headers that guards want on the response, in the order they asked.
#[derive(Default)]
pub(crate) struct Replies(Vec<Reply>);

/// Room for what a usual stack stamps: the security headers, two fields a limit, and some more.
const USUAL: usize = 8;

impl Replies {
    pub(crate) fn one(&mut self, mode: Mode, name: HeaderName, value: HeaderValue) {
        self.push(Reply::One(mode, name, value));
    }

    pub(crate) fn defaults(&mut self, set: Arc<HeaderMap>) {
        self.push(Reply::Defaults(set));
    }

    fn push(&mut self, reply: Reply) {
        if self.0.is_empty() {
            self.0.reserve(USUAL);
        }
        self.0.push(reply);
    }

    pub(crate) fn extend(&mut self, mut more: Replies) {
        if self.0.is_empty() {
            self.0 = more.0;
        } else {
            self.0.append(&mut more.0);
        }
    }

    pub(crate) fn stamp(self, headers: &mut HeaderMap) {
        for reply in self.0 {
            match reply {
                Reply::One(Mode::Default, name, value) => {
                    headers.entry(name).or_insert(value);
                }
                Reply::One(Mode::Set, name, value) => {
                    headers.insert(name, value);
                }
                Reply::One(Mode::Append, name, value) => {
                    headers.append(name, value);
                }
                Reply::Defaults(set) => {
                    headers.reserve(set.len());
                    for (name, value) in set.iter() {
                        headers.entry(name).or_insert_with(|| value.clone());
                    }
                }
            }
        }
    }
}
