use std::sync::Arc;

use bytes::Bytes;
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
    #[cfg_attr(not(feature = "throttle"), allow(dead_code, reason = "limits have lists"))]
    Items(Items),
}

/// An item of each of two lists (RFC 9651) that several guards add to: in the answer they are one
/// field each, the second one with the lowest rank first.
pub(crate) struct Items {
    pub(crate) rank: u64,
    pub(crate) names: &'static [HeaderName; 2],
    pub(crate) items: [HeaderValue; 2],
    /// Headers that only the item of the lowest rank brings along.
    pub(crate) foremost: Option<Box<HeaderMap>>,
}

impl Reply {
    /// How many headers it is at most.
    fn len(&self) -> usize {
        match self {
            Reply::One(..) => 1,
            Reply::Defaults(set) => set.len(),
            Reply::Without(_) => 0,
            Reply::Items(items) => 2 + items.foremost.as_ref().map_or(0, |set| set.len()),
        }
    }

    fn rank(&self) -> u64 {
        match self {
            Reply::Items(items) => items.rank,
            _ => 0,
        }
    }

    fn items(self) -> Option<Items> {
        match self {
            Reply::Items(items) => Some(items),
            _ => None,
        }
    }

    fn items_mut(&mut self) -> Option<&mut Items> {
        match self {
            Reply::Items(items) => Some(items),
            _ => None,
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

    #[cfg_attr(not(feature = "throttle"), allow(dead_code, reason = "limits have lists"))]
    pub(crate) fn items(&mut self, items: Items) {
        self.push(Reply::Items(items));
    }

    /// Takes out what the handler, or a guard before, has set.
    pub(crate) fn without(&mut self, names: &'static [HeaderName]) {
        self.push(Reply::Without(names));
    }

    fn push(&mut self, reply: Reply) {
        if self.0.capacity() == 0 {
            self.0 = Vec::with_capacity(USUAL);
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

    pub(crate) fn stamp(mut self, headers: &mut HeaderMap) {
        let mut left: usize = self.0.iter().map(Reply::len).sum();
        let mut lists = 0;
        for reply in &mut self.0 {
            left -= reply.len();
            match std::mem::replace(reply, Reply::Without(&[])) {
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
                items @ Reply::Items(_) => {
                    *reply = items;
                    lists += 1;
                }
            }
        }
        match lists {
            0 => {}
            1 => self.0.into_iter().filter_map(Reply::items).for_each(|items| items.stamp(headers)),
            _ => join(&mut self.0, headers),
        }
    }
}

impl Items {
    /// Nobody else has an item of these lists.
    fn stamp(self, headers: &mut HeaderMap) {
        if let Some(set) = self.foremost {
            headers.extend(*set);
        }
        for (name, value) in self.names.iter().zip(self.items) {
            headers.append(name, value);
        }
    }
}

/// Writes lists; what the handler or an inner stack has written stays before them. The first list
/// of a pair keeps its order from answer to answer, the second one is by rank.
fn join(replies: &mut Vec<Reply>, headers: &mut HeaderMap) {
    replies.retain(|reply| matches!(reply, Reply::Items(_)));
    let with_more = replies.iter_mut().filter_map(Reply::items_mut);
    let with_more = with_more.filter(|items| items.foremost.is_some());
    let foremost = with_more.min_by_key(|items| items.rank);
    if let Some(set) = foremost.and_then(|items| items.foremost.take()) {
        headers.extend(*set);
    }
    while let Some(Reply::Items(Items { names, .. })) = replies.first() {
        let names = *names;
        let [first, second] = names;
        headers.append(first, joined(replies, names, |[policy, _]| policy));
        replies.sort_by_key(Reply::rank);
        headers.append(second, joined(replies, names, |[_, standing]| standing));
        replies.retain(|reply| !matches!(reply, Reply::Items(items) if items.names == names));
    }
}

/// `"a";r=1, "b";r=2`.
fn joined(
    replies: &[Reply],
    names: &[HeaderName; 2],
    which: fn(&[HeaderValue; 2]) -> &HeaderValue,
) -> HeaderValue {
    let values = replies.iter().filter_map(|reply| match reply {
        Reply::Items(items) if items.names == names => Some(which(&items.items)),
        _ => None,
    });
    // Exactly as large as needed, so that the buffer becomes the value without a copy.
    let size = values.clone().map(|value| value.len() + 2).sum::<usize>();
    let mut text = Vec::with_capacity(size.saturating_sub(2));
    for value in values {
        if !text.is_empty() {
            text.extend_from_slice(b", ");
        }
        text.extend_from_slice(value.as_bytes());
    }
    // What was made of values is one.
    HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or(HeaderValue::from_static(""))
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

    static NAMES: [HeaderName; 2] = [ACCEPT, ALLOW];
    static OTHERS: [HeaderName; 2] = [AGE, ETAG];

    fn items(names: &'static [HeaderName; 2], rank: u64, text: &str, leads: bool) -> Items {
        let value = |end: &str| HeaderValue::try_from(format!("{text}{end}")).unwrap();
        let leader: HeaderMap = [(DATE, value(""))].into_iter().collect();
        let foremost = leads.then(|| Box::new(leader));
        Items { rank, names, items: [value("1"), value("2")], foremost }
    }

    #[test]
    fn items_of_several_guards_are_one_field_the_lowest_rank_first() {
        let mut replies = Replies::default();
        replies.items(items(&NAMES, 9, "c", true));
        replies.one(Mode::Set, AGE, HeaderValue::from_static("0"));
        replies.items(items(&NAMES, 3, "a", true));
        replies.items(items(&OTHERS, 5, "b", true));
        replies.items(items(&NAMES, 9, "d", false));
        let mut headers = map(&[(0, b'x')]);
        replies.stamp(&mut headers);
        let all = |name| headers.get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(all(ACCEPT), ["x", "c1, a1, d1"]);
        assert_eq!(all(ALLOW), ["a2, c2, d2"]);
        assert_eq!(all(AGE), ["0", "b1"]);
        assert_eq!(all(ETAG), ["b2"]);
        assert_eq!(all(DATE), ["a"]);
    }
}
