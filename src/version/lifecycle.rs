//! What becomes of a version, and what its callers are told.

use std::{fmt, time::Duration};

use http::{HeaderName, HeaderValue, header};

use crate::{
    context::ApiVersion,
    error::Mistakes,
    guard::{Exchange, Mode},
    rejection::{Reason, Rejection},
};

use super::{
    date::{Date, Moment},
    link,
};

static DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
static SUNSET: HeaderName = HeaderName::from_static("sunset");

/// Since when a version is deprecated, until when it is served, and where callers read about it.
///
/// # Example
/// ```
/// use tower_parapet::version::Deprecation;
///
/// let ending = Deprecation::since("2026-01-31")
///     .sunset("2026-12-31T12:00:00Z")
///     .link("https://api.example/news/v2-ends");
/// # let _ = ending;
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is given to `VersionsBuilder::deprecated`"]
pub struct Deprecation {
    since: Date,
    sunset: Option<Date>,
    link: Option<String>,
    successor: Option<String>,
}

impl Deprecation {
    /// Deprecated since this date, which may also lie ahead: `Deprecation: @unix` (RFC 9745).
    pub fn since(date: impl Into<Date>) -> Self {
        Self { since: date.into(), sunset: None, link: None, successor: None }
    }

    /// Served until this date, refused from then on: `Sunset` (RFC 8594). Default: no end is set.
    pub fn sunset(mut self, date: impl Into<Date>) -> Self {
        self.sunset = Some(date.into());
        self
    }

    /// Where people read about it: a URL, or a path of this service. `Link` with
    /// `rel="deprecation"`, and `rel="sunset"` where there is one. Default: nowhere.
    pub fn link(mut self, url: impl Into<String>) -> Self {
        self.link = Some(url.into());
        self
    }

    /// Where the version is that takes its place: a URL, or a path of this service. `Link` with
    /// `rel="successor-version"` (RFC 5829). Default: that of
    /// [`VersionsBuilder::successor`](super::VersionsBuilder::successor).
    pub fn successor(mut self, url: impl Into<String>) -> Self {
        self.successor = Some(url.into());
        self
    }
}

/// Where a version stands in its life.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    Current,
    Supported,
    Deprecated(Deprecation),
    Retired(Date),
}

impl Stage {
    /// The setter it was given to.
    pub(super) fn setter(&self) -> &'static str {
        match self {
            Stage::Current => "current",
            Stage::Supported => "supported",
            Stage::Deprecated(_) => "deprecated",
            Stage::Retired(_) => "retired",
        }
    }
}

/// A stage whose dates were read; what could not be is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Current,
    Supported,
    Deprecated { since: Option<Moment>, sunset: Option<Moment> },
    Retired { sunset: Option<Moment> },
}

/// A version with all that its callers are told, made beforehand.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) version: ApiVersion,
    life: Life,
    /// `Deprecation` and `Sunset`; a handler that says something else about itself wins.
    dates: Vec<(HeaderName, HeaderValue)>,
    links: Option<HeaderValue>,
    gone: Rejection,
}

/// What a version has from the whole.
pub(super) struct Whole<'a> {
    pub(super) current: &'a str,
    /// Where the current version is, if that is known.
    pub(super) successor: Option<&'a str>,
}

impl Known {
    /// Checks a version's dates and links.
    pub(super) fn new(
        name: &str,
        stage: &Stage,
        whole: &Whole<'_>,
        mistakes: &mut Mistakes,
    ) -> Self {
        let life = Life::read(name, stage, mistakes);
        let mut checked = |setter, link: &Option<String>| {
            link.clone().filter(|link| link::check(setter, link, mistakes))
        };
        let (about, successor) = match stage {
            Stage::Current | Stage::Supported => (None, None),
            Stage::Retired(_) => (None, whole.successor.map(str::to_owned)),
            Stage::Deprecated(ending) => {
                let own = checked("deprecated.successor", &ending.successor);
                let about = checked("deprecated.link", &ending.link);
                (about, own.or_else(|| whole.successor.map(str::to_owned)))
            }
        };
        let about_end = about.clone().filter(|_| life.sunset().is_some());
        let links = link::field([
            ("deprecation", about),
            ("sunset", about_end),
            ("successor-version", successor),
        ]);
        let version = ApiVersion::new(name);
        let gone = Rejection::new(Reason::RetiredVersion)
            .detail(format!("`{name}` is over, use `{}`", whole.current))
            .expected(format!("`{}`", whole.current))
            .found(format!("`{name}` after its sunset"));
        let sunset = life.sunset().map(|sunset| (SUNSET.clone(), sunset.http_field()));
        let links_field = links.clone().map(|links| (header::LINK, links));
        let fields = sunset.into_iter().chain(links_field);
        Self {
            version: if life.is_ending() { version.deprecated() } else { version },
            life,
            dates: life.dates(),
            links,
            gone: fields.fold(gone, |gone, (name, value)| gone.header(name, value)),
        }
    }

    /// Tells the caller where the version stands, or refuses it.
    pub(super) fn serve(&self, exchange: &mut Exchange) -> Result<(), Rejection> {
        exchange.set_version(self.version.clone());
        if self.life.sunset().is_some_and(|sunset| sunset.is_past(exchange.unix())) {
            return Err(self.gone.clone());
        }
        for (name, value) in &self.dates {
            exchange.reply_header(Mode::Default, name.clone(), value.clone());
        }
        if let Some(links) = &self.links {
            exchange.reply_header(Mode::Append, header::LINK, links.clone());
        }
        Ok(())
    }

    pub(super) fn is_retired(&self) -> bool {
        matches!(self.life, Life::Retired { .. })
    }

    /// Whether it is refused at that time, though nobody wrote down that it is retired.
    pub(super) fn is_overdue(&self, unix: Duration) -> bool {
        !self.is_retired() && self.life.sunset().is_some_and(|sunset| sunset.is_past(unix))
    }
}

/// As the manifest says it: `v2 deprecated 2026-01-31, sunset 2026-12-31`.
impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.version;
        match self.life {
            Life::Current => write!(f, "{name} current"),
            Life::Supported => write!(f, "{name} supported"),
            Life::Deprecated { since, sunset } => {
                write!(f, "{name} deprecated")?;
                since.map_or(Ok(()), |since| write!(f, " {since}"))?;
                sunset.map_or(Ok(()), |sunset| write!(f, ", sunset {sunset}"))
            }
            Life::Retired { sunset } => {
                write!(f, "{name} retired")?;
                sunset.map_or(Ok(()), |sunset| write!(f, " {sunset}"))
            }
        }
    }
}

impl Life {
    fn read(name: &str, stage: &Stage, mistakes: &mut Mistakes) -> Self {
        let mut moment = |date: &Date| {
            let moment = date.read();
            if let Err(text) = moment {
                mistakes.push(
                    stage.setter(),
                    text,
                    format!("is no date in the life of `{name}`"),
                    "write it as `2026-01-31` or `2026-01-31T08:00:00Z`",
                );
            }
            moment.ok()
        };
        match stage {
            Stage::Current => Life::Current,
            Stage::Supported => Life::Supported,
            Stage::Retired(date) => Life::Retired { sunset: moment(date) },
            Stage::Deprecated(ending) => {
                let since = moment(&ending.since);
                let sunset = ending.sunset.as_ref().and_then(moment);
                if let (Some(since), Some(sunset)) = (since, sunset)
                    && sunset < since
                {
                    mistakes.push(
                        stage.setter(),
                        name,
                        format!("ends on {sunset}, before it is deprecated on {since}"),
                        "set `sunset` to a later date than `since`",
                    );
                }
                Life::Deprecated { since, sunset }
            }
        }
    }

    fn is_ending(self) -> bool {
        matches!(self, Life::Deprecated { .. } | Life::Retired { .. })
    }

    fn sunset(self) -> Option<Moment> {
        match self {
            Life::Current | Life::Supported => None,
            Life::Deprecated { sunset, .. } | Life::Retired { sunset } => sunset,
        }
    }

    fn dates(self) -> Vec<(HeaderName, HeaderValue)> {
        let since = match self {
            Life::Deprecated { since, .. } => since,
            _ => None,
        };
        let since = since.map(|since| (DEPRECATION.clone(), since.unix_field()));
        let sunset = self.sunset().map(|sunset| (SUNSET.clone(), sunset.http_field()));
        since.into_iter().chain(sunset).collect()
    }
}
