//! One record as one JSON line.

use std::borrow::Cow;
use std::time::Duration;

use super::cause;
use super::entry::Entry;
use super::redact::{self, Paths};
use super::text::{self, Times};
use crate::context::{ClientAddr, Principal};
use crate::rejection::Rejection;

/// Formats records into a buffer; what it keeps between them saves work only.
#[derive(Debug)]
pub(super) struct Encoder {
    paths: Paths,
    parameters: Vec<String>,
    times: Times,
    scratch: String,
}

impl Encoder {
    pub(super) fn new(paths: Paths, parameters: Vec<String>) -> Self {
        Self { paths, parameters, times: Times::default(), scratch: String::new() }
    }

    /// Whether it writes anything of a query.
    pub(super) fn writes_queries(&self) -> bool {
        !self.parameters.is_empty()
    }

    /// Appends the line of one request.
    pub(super) fn record(&mut self, out: &mut Vec<u8>, entry: &Entry) {
        let record = &entry.record;
        self.begin(out, record.started, "request");
        member(out, "request_id", record.request_id.encode(&mut [0; 36]));
        if let Some(trace) = record.trace_id {
            member(out, "trace_id", &trace.to_string());
        }
        member(out, "outcome", record.outcome.as_str());
        if let Some(status) = record.status {
            count(out, "status", u64::from(status.as_u16()));
        }
        if let Some(rejection) = &record.rejection {
            self.rejection(out, rejection);
        }
        let route = record.route.as_deref().map(|route| route.pattern());
        member(out, "method", record.method.as_str());
        member(out, "path", &self.paths.shown(&entry.path, route));
        if let Some(query) = &entry.query {
            member(out, "query", &redact::query(query, &self.parameters));
        }
        if let Some(pattern) = route {
            member(out, "route", pattern);
        }
        if let Some(client) = record.client {
            origin(out, client);
        }
        if let Some(peer) = record.peer {
            out.extend_from_slice(b",\"peer\":\"");
            text::socket(out, peer);
            out.push(b'"');
        }
        if let Some(secure) = record.secure {
            member(out, "secure", secure.as_str());
        }
        if let Some(version) = &record.version {
            member(out, "version", version.name());
        }
        if let Some(caller) = &record.principal {
            principal(out, caller);
        }
        count(out, "duration_us", u64::try_from(record.elapsed.as_micros()).unwrap_or(u64::MAX));
        count(out, "bytes_out", record.bytes_out);
        notes(out, &record.notes);
        out.extend_from_slice(b"}\n");
    }

    /// Appends the line that says how many records were dropped.
    pub(super) fn dropped(&mut self, out: &mut Vec<u8>, unix: Duration, records: u64) {
        self.begin(out, unix, "dropped");
        count(out, "count", records);
        out.extend_from_slice(b"}\n");
    }

    fn begin(&mut self, out: &mut Vec<u8>, unix: Duration, event: &str) {
        out.extend_from_slice(b"{\"time\":\"");
        self.times.append(out, unix);
        out.push(b'"');
        member(out, "event", event);
    }

    fn rejection(&mut self, out: &mut Vec<u8>, rejection: &Rejection) {
        member(out, "reason", rejection.reason().code());
        let texts = [
            ("guard", rejection.guard()),
            ("detail", Some(rejection.public_detail()).filter(|detail| !detail.is_empty())),
            ("expected", rejection.private_expected()),
            ("found", rejection.private_found()),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                member(out, name, value);
            }
        }
        if let Some(cause) = rejection.private_cause() {
            cause::tell(&mut self.scratch, cause);
            member(out, "cause", &self.scratch);
        }
    }
}

fn origin(out: &mut Vec<u8>, client: ClientAddr) {
    out.extend_from_slice(b",\"client\":{\"ip\":\"");
    text::ip(out, client.ip());
    out.push(b'"');
    member(out, "via", text::via(client));
    out.push(b'}');
}

fn principal(out: &mut Vec<u8>, principal: &Principal) {
    out.extend_from_slice(b",\"principal\":{");
    first(out, "issuer", principal.issuer());
    member(out, "subject", principal.subject());
    member(out, "scheme", principal.scheme());
    for (name, value) in [("tenant", principal.tenant()), ("client_id", principal.client_id())] {
        if let Some(value) = value {
            member(out, name, value);
        }
    }
    out.push(b'}');
}

/// Notes as one object; a key noted more than once holds an array, for names must not repeat.
fn notes(out: &mut Vec<u8>, notes: &[(&'static str, Cow<'static, str>)]) {
    let mut open = false;
    for (index, (key, value)) in notes.iter().enumerate() {
        if notes.iter().take(index).any(|(earlier, _)| earlier == key) {
            continue;
        }
        out.extend_from_slice(if open { b"," } else { b",\"notes\":{" });
        open = true;
        text::string(out, key);
        out.push(b':');
        let mut more = notes.iter().skip(index + 1).filter(|(later, _)| later == key);
        let Some((_, second)) = more.next() else {
            text::string(out, value);
            continue;
        };
        out.push(b'[');
        text::string(out, value);
        for value in std::iter::once(second).chain(more.map(|(_, value)| value)) {
            out.push(b',');
            text::string(out, value);
        }
        out.push(b']');
    }
    if open {
        out.push(b'}');
    }
}

/// Appends `,"name":"value"`; names are ours and need no escape.
fn member(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b',');
    first(out, name, value);
}

fn first(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    text::string(out, value);
}

fn count(out: &mut Vec<u8>, name: &str, value: u64) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    text::number(out, value);
}
