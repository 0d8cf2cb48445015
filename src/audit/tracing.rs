use std::error::Error;

use ::tracing::{Level, event, field};

use super::{Paths, cause};
use crate::observe::{Observer, Outcome, Record};

/// A sink that tells each request as one event of the [`tracing`](https://docs.rs/tracing) facade.
///
/// The target is `tower_parapet::audit`, the message `request`, the level `INFO`; `WARN` for what
/// was refused, failed or panicked, and for answers of 500 and more. The fields are those of the
/// JSON lines, flat (`client`, `via`, `issuer`, `subject`), without the query. Where nobody listens
/// it costs a load.
///
/// # Example
/// ```
/// use tower_parapet::audit::{Paths, Tracing};
///
/// let sink = Tracing::new().paths(Paths::Route);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Tracing {
    paths: Paths,
}

impl Tracing {
    /// A sink with the default redaction.
    pub fn new() -> Self {
        Self::default()
    }

    /// How much of the path is told. Default [`Paths::Masked`].
    pub fn paths(mut self, paths: Paths) -> Self {
        self.paths = paths;
        self
    }
}

macro_rules! tell {
    ($level:expr, $sink:expr, $record:expr) => {{
        let (sink, record): (&Tracing, &Record) = ($sink, $record);
        let route = record.route.as_deref().map(|route| route.pattern());
        let path = sink.paths.shown(record.path(), route);
        let rejection = record.rejection.as_ref();
        let principal = record.principal.as_ref();
        event!(
            target: "tower_parapet::audit",
            $level,
            request_id = field::display(&record.request_id),
            trace_id = record.trace_id.map(field::display),
            outcome = record.outcome.as_str(),
            status = record.status.map(|status| status.as_u16()),
            reason = rejection.map(|rejection| rejection.reason().code()),
            guard = rejection.and_then(|rejection| rejection.guard()),
            detail = rejection.map(|why| why.public_detail()).filter(|detail| !detail.is_empty()),
            expected = rejection.and_then(|rejection| rejection.private_expected()),
            found = rejection.and_then(|rejection| rejection.private_found()),
            cause = rejection.and_then(|rejection| rejection.private_cause()).map(told),
            method = record.method.as_str(),
            path = &*path,
            route,
            client = record.client.map(|client| field::display(client.ip())),
            via = record.client.map(super::text::via),
            peer = record.peer.map(field::display),
            secure = record.secure.map(|secure| secure.as_str()),
            version = record.version.as_ref().map(|version| version.name()),
            issuer = principal.map(|principal| principal.issuer()),
            subject = principal.map(|principal| principal.subject()),
            scheme = principal.map(|principal| principal.scheme()),
            duration_us = u64::try_from(record.elapsed.as_micros()).unwrap_or(u64::MAX),
            bytes_out = record.bytes_out,
            notes = (!record.notes.is_empty()).then(|| field::debug(&record.notes)),
            "request"
        );
    }};
}

impl Observer for Tracing {
    fn completed(&self, record: &Record) {
        if is_warning(record) {
            if ::tracing::enabled!(target: "tower_parapet::audit", Level::WARN) {
                tell!(Level::WARN, self, record);
            }
        } else if ::tracing::enabled!(target: "tower_parapet::audit", Level::INFO) {
            tell!(Level::INFO, self, record);
        }
    }
}

fn told(cause: &(dyn Error + Send + Sync)) -> String {
    let mut text = String::new();
    cause::tell(&mut text, cause);
    text
}

fn is_warning(record: &Record) -> bool {
    let failed = matches!(
        record.outcome,
        Outcome::Rejected | Outcome::Failed | Outcome::BodyFailed | Outcome::Panicked
    );
    failed || record.status.is_some_and(|status| status.is_server_error())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing_subscriber::fmt::MakeWriter;

    use super::super::tests::record;
    use super::*;
    use crate::rejection::{Reason, Rejection};

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Buffer {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    fn told(record: &Record) -> Value {
        let buffer = Buffer::default();
        let subscriber = tracing_subscriber::fmt().json().with_writer(buffer.clone()).finish();
        // Were it alone, a line that a thread of another test writes first would be off for all.
        let _other = ::tracing::Dispatch::new(::tracing::subscriber::NoSubscriber::default());
        ::tracing::subscriber::with_default(subscriber, || Tracing::new().completed(record));
        let bytes = buffer.0.lock().unwrap().clone();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn a_request_is_one_event_with_its_fields() {
        let event = told(&record("/orders/7?token=hush"));
        assert_eq!(event["level"], "INFO");
        assert_eq!(event["target"], "tower_parapet::audit");
        assert_eq!(event["fields"]["message"], "request");
        assert_eq!(event["fields"]["path"], "/orders/7");
        assert_eq!(event["fields"]["status"], 200);
        assert_eq!(event["fields"]["reason"], Value::Null);
        assert!(!event.to_string().contains("hush"));
    }

    #[test]
    fn a_refusal_is_a_warning_with_its_reason() {
        let mut record = record("/admin");
        record.outcome = Outcome::Rejected;
        let rejection = Rejection::new(Reason::Forbidden).detail("not now");
        record.rejection =
            Some(rejection.expected("role `admin`").cause(io::Error::other("no store")));
        record.peer = Some("192.0.2.1:4711".parse().unwrap());
        let event = told(&record);
        assert_eq!(event["level"], "WARN");
        assert_eq!(event["fields"]["reason"], "forbidden");
        assert_eq!(event["fields"]["expected"], "role `admin`");
        assert_eq!(event["fields"]["detail"], "not now");
        assert_eq!(event["fields"]["cause"], "no store");
        assert_eq!(event["fields"]["peer"], "192.0.2.1:4711");
    }
}
