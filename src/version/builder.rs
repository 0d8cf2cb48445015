use http::{HeaderName, header};

use crate::error::{ConfigError, Mistakes};

use super::{
    date::Date,
    guard::{Missing, Versions},
    lifecycle::{Deprecation, Known, Stage, Whole},
    link,
    source::Sources,
};

const NAME_LIMIT: usize = 32;

/// Headers that mean something else to everybody.
const TAKEN: [HeaderName; 9] = [
    header::ACCEPT,
    header::AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::HOST,
    header::TRANSFER_ENCODING,
    header::VARY,
];

/// Builds [`Versions`]; see [`Versions::by_path`] and [`Versions::by_header`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct VersionsBuilder {
    in_path: bool,
    headers: Vec<String>,
    under: String,
    stages: Vec<(String, Stage)>,
    successor: Option<String>,
    required: bool,
    otherwise: Option<String>,
}

impl VersionsBuilder {
    pub(super) fn by_path() -> Self {
        Self {
            in_path: true,
            headers: Vec::new(),
            under: String::new(),
            stages: Vec::new(),
            successor: None,
            required: false,
            otherwise: None,
        }
    }

    pub(super) fn by_header(name: String) -> Self {
        Self { in_path: false, headers: vec![name], ..Self::by_path() }
    }

    /// Only what is behind this prefix of the path has versions: with `/api`, that of `/api/v2/orders`
    /// is `v2`, and `/health` has none. Default: every path.
    pub fn under(mut self, prefix: impl Into<String>) -> Self {
        self.under = prefix.into();
        self
    }

    /// Also reads a header, `api-version` say. Two places that disagree are refused.
    pub fn or_header(mut self, name: impl Into<String>) -> Self {
        self.headers.push(name.into());
        self
    }

    /// The version that callers are to use, `v3` say. There is exactly one.
    pub fn current(self, name: impl Into<String>) -> Self {
        self.stage(name, Stage::Current)
    }

    /// A version that is served beside the current one.
    pub fn supported(self, name: impl Into<String>) -> Self {
        self.stage(name, Stage::Supported)
    }

    /// A version that callers are told to leave.
    pub fn deprecated(self, name: impl Into<String>, ending: Deprecation) -> Self {
        self.stage(name, Stage::Deprecated(ending))
    }

    /// A version that is refused with 410 from a date on.
    pub fn retired(self, name: impl Into<String>, date: impl Into<Date>) -> Self {
        self.stage(name, Stage::Retired(date.into()))
    }

    /// Where callers of an old version find the current one: a URL, or a path of this service.
    /// Default: its place in the path, `/v3` say; with versions in a header alone, nowhere.
    pub fn successor(mut self, url: impl Into<String>) -> Self {
        self.successor = Some(url.into());
        self
    }

    /// Refuses a path without a version. Default: it has none, unless headers are read too; they
    /// have to name one where the path does not.
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The version of a request that names none. Default: it is refused, or with versions in the
    /// path alone, has none. Name the oldest one, and clients that never named one keep working.
    pub fn otherwise(mut self, name: impl Into<String>) -> Self {
        self.otherwise = Some(name.into());
        self
    }

    fn stage(mut self, name: impl Into<String>, stage: Stage) -> Self {
        self.stages.push((name.into(), stage));
        self
    }

    /// The guard.
    ///
    /// # Errors
    /// Names that are empty, long, given twice, or have characters that no path segment or no header
    /// may hold; no current version, or two; dates that are none, and a sunset before the
    /// deprecation; links that lead nowhere; headers and a prefix that are none; an
    /// [`otherwise`](Self::otherwise) that is not served.
    pub fn build(self) -> Result<Versions, ConfigError> {
        let mut mistakes = Mistakes::default();
        let headers = self.read_headers(&mut mistakes);
        self.check_under(&mut mistakes);
        self.check_names(&mut mistakes);
        let current = self.check_current(&mut mistakes);
        let successor = match &self.successor {
            None => self.in_path.then(|| format!("{}/{current}", self.under)),
            given => given.clone().filter(|url| link::check("successor", url, &mut mistakes)),
        };
        let whole = Whole { current, successor: successor.as_deref() };
        let known = self
            .stages
            .iter()
            .map(|(name, stage)| Known::new(name, stage, &whole, &mut mistakes))
            .collect();
        let missing = self.check_missing(&mut mistakes);
        mistakes.finish()?;
        let Self { under, in_path, .. } = self;
        Ok(Versions::of(Sources { under, in_path, headers }, known, missing))
    }

    fn read_headers(&self, mistakes: &mut Mistakes) -> Vec<HeaderName> {
        let mut headers = Vec::new();
        for name in &self.headers {
            let header = name.parse().ok().filter(|name| !TAKEN.contains(name));
            match header {
                Some(header) if !headers.contains(&header) => headers.push(header),
                Some(_) => {
                    mistakes.push("header", name, "is read twice", "name each header once");
                }
                None => mistakes.push(
                    "header",
                    name,
                    "is no header for a version",
                    "write a name of its own, `api-version` say",
                ),
            }
        }
        headers
    }

    fn check_under(&self, mistakes: &mut Mistakes) {
        let is_segment = |segment: &str| {
            !segment.is_empty() && segment.bytes().all(is_unreserved) && !is_dots(segment)
        };
        let is_prefix =
            self.under.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_segment));
        if !self.under.is_empty() && !is_prefix {
            mistakes.push(
                "under",
                &self.under,
                "is no prefix of paths",
                "write it as `/api`, without escapes and without a slash at its end",
            );
        }
    }

    fn check_names(&self, mistakes: &mut Mistakes) {
        for (index, (name, stage)) in self.stages.iter().enumerate() {
            let is_name = !name.is_empty() && name.len() <= NAME_LIMIT && !is_dots(name);
            if !(is_name && name.bytes().all(is_unreserved)) {
                mistakes.push(
                    stage.setter(),
                    name,
                    "is no name for a version",
                    "write at most 32 letters, digits, dots and dashes: `v2`, `2026-01-31`",
                );
            }
            if self.stages.iter().take(index).any(|(earlier, _)| earlier == name) {
                let remedy = "name each version once";
                mistakes.push(stage.setter(), name, "is named before", remedy);
            }
        }
    }

    fn check_current(&self, mistakes: &mut Mistakes) -> &str {
        let mut current = self.stages.iter().filter(|(_, stage)| matches!(stage, Stage::Current));
        let first = current.next().map(|(name, _)| name.as_str());
        if first.is_none() {
            let remedy = "add `.current(…)` with the version that callers are to use";
            mistakes.push("current", "", "names no version", remedy);
        }
        for (other, _) in current {
            let problem = "is one more current version";
            mistakes.push("current", other, problem, "write `.supported(…)` for all but one");
        }
        first.unwrap_or_default()
    }

    fn check_missing(&self, mistakes: &mut Mistakes) -> Missing {
        let Some(otherwise) = &self.otherwise else {
            let may_be_absent = self.headers.is_empty() && !self.required;
            return if may_be_absent { Missing::Pass } else { Missing::Refuse };
        };
        let is_it = |(name, stage): &(String, Stage)| {
            name == otherwise && !matches!(stage, Stage::Retired(_))
        };
        let at = self.stages.iter().position(is_it);
        if at.is_none() {
            let remedy = "name the current version, or one that is still served";
            mistakes.push("otherwise", otherwise, "is not a version that is served", remedy);
        }
        if self.required {
            let problem = "stands in for a version that is required";
            mistakes.push("otherwise", otherwise, problem, "leave out one of the two");
        }
        at.map_or(Missing::Refuse, Missing::Is)
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn is_dots(segment: &str) -> bool {
    segment == "." || segment == ".."
}
