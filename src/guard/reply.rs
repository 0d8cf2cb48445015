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
    Without(&'static [HeaderName]),
}

impl Reply {
    /// How many headers it is at most.
    fn len(&self) -> usize {
        match self {
            Reply::One(..) => 1,
            Reply::Defaults(set) => set.len(),
            Reply::Without(_) => 0,
        }
    }
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

    /// Takes out what the handler, or a guard before, has set.
    pub(crate) fn without(&mut self, names: &'static [HeaderName]) {
        self.push(Reply::Without(names));
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
        let mut left: usize = self.0.iter().map(Reply::len).sum();
        for reply in self.0 {
            left -= reply.len();
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
                Reply::Defaults(set) => under(&set, headers, left),
                Reply::Without(names) => names.iter().for_each(|name| {
                    headers.remove(name);
                }),
            }
        }
    }
}

/// Puts a set under the headers that are there, which win. A copy of the set is cheaper than as many
/// look-ups, so the smaller of the two is moved over. Room is made for `more` headers to come.
fn under(set: &HeaderMap, headers: &mut HeaderMap, more: usize) {
    if headers.len() <= set.len() {
        let own = std::mem::replace(headers, set.clone());
        headers.reserve(own.len() + more);
        headers.extend(own);
        return;
    }
    headers.reserve(set.len() + more);
    for (name, value) in set {
        headers.entry(name).or_insert_with(|| value.clone());
    }
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, AGE, ALLOW, DATE, ETAG};
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn headers() -> impl Strategy<Value = Vec<(usize, u8)>> {
        vec((0..5_usize, b'a'..b'e'), 0..8)
    }

    fn map(entries: &[(usize, u8)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in entries {
            let name = [ACCEPT, AGE, ALLOW, DATE, ETAG][*name].clone();
            map.append(name, HeaderValue::from_bytes(&[*value]).unwrap());
        }
        map
    }

    proptest! {
        #[test]
        fn all_values_of_the_handler_win_over_the_set(set in headers(), own in headers()) {
            let (own, mut merged) = (map(&own), map(&own));
            // A set has one value a name.
            let set = set.into_iter().collect::<std::collections::BTreeMap<_, _>>();
            let set = map(&set.into_iter().collect::<Vec<_>>());
            under(&set, &mut merged, 3);
            for name in set.keys().chain(own.keys()) {
                let expected = if own.contains_key(name) { &own } else { &set };
                let all = |map: &HeaderMap| map.get_all(name).iter().cloned().collect::<Vec<_>>();
                prop_assert_eq!(all(&merged), all(expected));
            }
        }
    }
}
