use http::Uri;

use crate::observe::Record;

/// A record on its way to the writer. The target is a copy: a `Uri` would keep the whole buffer
/// alive that the request's head was read into, and a failing disk would pin thousands of them.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) record: Record,
    pub(super) path: Box<str>,
    pub(super) query: Option<Box<str>>,
}

impl Entry {
    /// A copy of `record`, with the query only where it is asked for.
    pub(super) fn of(record: &Record, with_query: bool) -> Self {
        let query = record.query().filter(|_| with_query).map(Box::from);
        let path = Box::from(record.path());
        let record = Record {
            request_id: record.request_id,
            started: record.started,
            elapsed: record.elapsed,
            method: record.method.clone(),
            outcome: record.outcome,
            status: record.status,
            rejection: record.rejection.clone(),
            peer: record.peer,
            client: record.client,
            principal: record.principal.clone(),
            route: record.route.clone(),
            bytes_out: record.bytes_out,
            notes: record.notes.clone(),
            uri: Uri::default(),
        };
        Self { record, path, query }
    }
}
