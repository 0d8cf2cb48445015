use ::tracing::{Level, event, field};

use super::Paths;
use crate::observe::{Observer, Outcome, Record};

/// A sink that tells each request as one event of the [`tracing`](https://docs.rs/tracing) facade.
///
/// The target is `tower_parapet::audit`, the message `request`, the level `INFO`; `WARN` for what
/// was refused, failed or panicked, and for answers of 500 and more. The fields are those of the
/// JSON lines, flat (`client`, `via`, `issuer`, `subject`). Where nobody listens it costs a load.
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
            request_id = field::display(record.request_id),
            outcome = record.outcome.as_str(),
            status = record.status.map(|status| status.as_u16()),
            reason = rejection.map(|rejection| rejection.reason().code()),
            guard = rejection.and_then(|rejection| rejection.guard()),
            expected = rejection.and_then(|rejection| rejection.private_expected()),
            found = rejection.and_then(|rejection| rejection.private_found()),
            method = record.method.as_str(),
            path = &*path,
            route,
            client = record.client.map(|client| field::display(client.ip())),
            via = record.client.map(super::text::via),
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

fn is_warning(record: &Record) -> bool {
    let failed = matches!(
        record.outcome,
        Outcome::Rejected | Outcome::Failed | Outcome::BodyFailed | Outcome::Panicked
    );
    failed || record.status.is_some_and(|status| status.is_server_error())
}
