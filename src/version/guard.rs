use std::{borrow::Cow, sync::Arc};

use http::{HeaderValue, header};

use crate::{
    error::ConfigError,
    guard::{Exchange, Flow, Guard, IntoGuard, Mode, Phase},
    inspect::{Findings, rule},
    rejection::{Reason, Rejection},
    service::guard_layer,
};

use super::{
    VersionsBuilder,
    lifecycle::Known,
    source::{Asked, Sources},
};

/// Settles which version of the API a request asks for, and what becomes of it.
///
/// See the [module](super) for what it does.
///
/// # Example
/// ```
/// use tower_parapet::version::{Deprecation, Versions};
///
/// let versions = Versions::by_header("api-version")
///     .current("2026-01-31")
///     .deprecated("2025-03-01", Deprecation::since("2026-01-31").sunset("2027-01-31"))
///     .successor("https://api.example/docs/2026-01-31")
///     .otherwise("2025-03-01")
///     .build()?;
/// # let _ = versions;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Versions(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sources: Sources,
    known: Vec<Known>,
    missing: Missing,
    vary: Option<HeaderValue>,
    unknown: Rejection,
    nothing: Rejection,
    several: Rejection,
}

/// What becomes of a request that names no version.
#[derive(Clone, Copy, Debug)]
pub(super) enum Missing {
    Pass,
    Refuse,
    Is(usize),
}

impl Versions {
    /// Versions in the first segment of the path: `/v2/orders`.
    pub fn by_path() -> VersionsBuilder {
        VersionsBuilder::by_path()
    }

    /// Versions in a header of their own: `api-version: v2`.
    pub fn by_header(name: impl Into<String>) -> VersionsBuilder {
        VersionsBuilder::by_header(name.into())
    }

    pub(super) fn of(sources: Sources, known: Vec<Known>, missing: Missing) -> Self {
        let fields: Vec<_> = sources.headers.iter().map(|name| name.as_str()).collect();
        let vary = HeaderValue::try_from(fields.join(", ")).ok().filter(|value| !value.is_empty());
        let there = known.iter().filter(|known| !known.is_retired());
        let there: Vec<_> = there.map(|known| format!("`{}`", known.version)).collect();
        let there = there.join(", ");
        Self(Arc::new(Inner {
            unknown: Rejection::new(Reason::UnknownVersion)
                .detail(format!("there is {there}"))
                .expected(there.clone()),
            nothing: Rejection::new(Reason::MissingVersion)
                .detail(format!("name one of {there}, by {sources}"))
                .expected(format!("{there}, by {sources}"))
                .found("no version"),
            several: Rejection::new(Reason::AmbiguousVersion)
                .detail("name one version, once")
                .expected("one version")
                .found("several, or one that can be read in two ways"),
            sources,
            known,
            missing,
            vary,
        }))
    }
}

impl Guard for Versions {
    fn name(&self) -> &'static str {
        "version"
    }

    fn phase(&self) -> Phase {
        Phase::Version
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let inner = &*self.0;
        let asked = match inner.sources.find(exchange, &inner.known) {
            Asked::Outside => return Ok(Flow::Continue),
            Asked::Version(version) => Ok(Some(version)),
            Asked::Nothing => match inner.missing {
                Missing::Pass => Ok(None),
                Missing::Refuse => Err(inner.nothing.clone()),
                Missing::Is(version) => Ok(Some(version)),
            },
            Asked::Several => Err(inner.several.clone()),
            Asked::Unknown(sent) => {
                Err(inner.unknown.clone().found(format!("`{}`", String::from_utf8_lossy(sent))))
            }
        };
        if let Some(vary) = &inner.vary {
            exchange.reply_header(Mode::Append, header::VARY, vary.clone());
        }
        if let Some(known) = asked?.and_then(|version| inner.known.get(version)) {
            known.serve(exchange)?;
        }
        Ok(Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        let inner = &*self.0;
        let known: Vec<_> = inner.known.iter().map(Known::to_string).collect();
        let missing = match inner.missing {
            Missing::Pass => "may be absent".to_owned(),
            Missing::Refuse => "required".to_owned(),
            Missing::Is(version) => {
                let name = inner.known.get(version).map(|known| known.version.name());
                format!("{} where none is named", name.unwrap_or_default())
            }
        };
        Cow::Owned(format!("by {}: {}; {missing}", inner.sources, known.join("; ")))
    }

    fn findings(&self, report: &mut Findings) {
        let Some(unix) = report.unix() else { return };
        for known in self.0.known.iter().filter(|known| known.is_overdue(unix)) {
            let subject = known.version.name().to_owned();
            report.add(&rule::PAST_SUNSET, subject, format!("{known}, which is past"));
        }
    }
}

impl IntoGuard for VersionsBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        self.build()?.into_guard()
    }
}

guard_layer!(Versions);
