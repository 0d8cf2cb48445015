use http::{Method, Uri};

use super::redact::MASK;
use crate::observe::Record;

/// How much of a path waits for the writer, in bytes.
const PATH: usize = 2048;
/// How much of a query.
const QUERY: usize = 4096;
/// How much of a method; the longest one registered has 17.
const METHOD: usize = 32;

/// A record on its way to the writer. The target is a copy: a `Uri` would keep the whole buffer
/// alive that the request's head was read into, and a failing disk would pin thousands of them.
/// What strangers can make long is cut for the same reason.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) record: Record,
    pub(super) path: Box<str>,
    pub(super) query: Option<Box<str>>,
}

impl Entry {
    /// A copy of `record`, with the query only where it is asked for.
    pub(super) fn of(record: &Record, with_query: bool) -> Self {
        let query = record.query().filter(|_| with_query).map(|query| cut(query, '&', QUERY));
        let path = cut(record.path(), '/', PATH);
        let record = Record {
            request_id: record.request_id.clone(),
            trace_id: record.trace_id,
            started: record.started,
            elapsed: record.elapsed,
            method: short(&record.method),
            outcome: record.outcome,
            status: record.status,
            rejection: record.rejection.clone(),
            peer: record.peer,
            client: record.client,
            secure: record.secure,
            version: record.version.clone(),
            principal: record.principal.clone(),
            route: record.route.clone(),
            bytes_out: record.bytes_out,
            notes: record.notes.clone(),
            uri: Uri::default(),
            is_client_proxy: record.is_client_proxy,
            is_cross_site: record.is_cross_site,
        };
        Self { record, path, query }
    }
}

/// At most so many bytes, in whole parts: half a token would no longer look like one.
fn cut(text: &str, separator: char, most: usize) -> Box<str> {
    if text.len() <= most {
        return Box::from(text);
    }
    let fitting = (0..=most).rev().find_map(|end| text.get(..end)).unwrap_or_default();
    let whole = fitting.rsplit_once(separator).map_or("", |(whole, _)| whole);
    format!("{whole}{separator}{MASK}").into_boxed_str()
}

fn short(method: &Method) -> Method {
    match method.as_str().as_bytes().get(..METHOD) {
        Some(start) => Method::from_bytes(start).unwrap_or_default(),
        None => method.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_the_writer_is_short_however_long_the_request() {
        let long = format!("/a/{}/b?q={}&r=1", "x".repeat(50_000), "y".repeat(9_000));
        let mut record = super::super::tests::record(&long);
        record.method = Method::from_bytes("M".repeat(9_000).as_bytes()).unwrap();
        let entry = Entry::of(&record, true);
        assert_eq!((&*entry.path, entry.query.as_deref()), ("/a/…", Some("&…")));
        assert_eq!(entry.record.method.as_str(), "M".repeat(METHOD));
        let many = "/segment".repeat(1_000);
        let entry = Entry::of(&super::super::tests::record(&many), false);
        assert!(entry.path.ends_with("/segment/…") && entry.path.len() <= PATH + 4);
    }

    #[test]
    fn a_usual_request_is_kept_as_it_is() {
        let entry = Entry::of(&super::super::tests::record("/orders/7?page=2"), true);
        assert_eq!((&*entry.path, entry.query.as_deref()), ("/orders/7", Some("page=2")));
        assert_eq!(entry.record.method, Method::GET);
    }
}
