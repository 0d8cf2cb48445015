//! Where a request names its version.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    guard::Exchange,
    path::{self, Separators},
};

use super::lifecycle::Known;

/// The places that a version is looked for in.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    /// The paths that have versions: all behind this prefix.
    pub(super) under: String,
    /// Whether the first segment behind the prefix names one.
    pub(super) in_path: bool,
    /// Headers that are nothing but the version.
    pub(super) headers: Vec<HeaderName>,
}

/// What was found: which of the versions, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked<'a> {
    /// The path is none that has versions.
    Outside,
    Nothing,
    Version(usize),
    /// A version that does not exist, as it was sent.
    Unknown(&'a [u8]),
    /// More than one, or one that can be read in two ways.
    Several,
}

impl Sources {
    /// What all places together ask for: those that name a version must agree.
    pub(super) fn find<'a>(&self, exchange: &'a Exchange, known: &[Known]) -> Asked<'a> {
        let mut asked = self.in_path(exchange.path(), known);
        if asked == Asked::Outside {
            return asked;
        }
        for name in &self.headers {
            asked = match (asked, in_header(exchange.headers(), name, known)) {
                (asked, Asked::Nothing) => asked,
                (Asked::Nothing, named) => named,
                (asked, named) if asked == named => asked,
                _ => Asked::Several,
            };
        }
        asked
    }

    /// Where a path has escapes, it must say the same with and without them.
    fn in_path<'a>(&self, sent: &'a str, known: &[Known]) -> Asked<'a> {
        let asked = self.in_plain(sent, known);
        if !sent.contains('%') {
            return asked;
        }
        let Some(decoded) = path::decode(sent, Separators::Text) else { return Asked::Several };
        match (asked, self.in_plain(&decoded, known)) {
            (Asked::Unknown(_), Asked::Unknown(_)) => asked,
            (asked, meant) if asked == meant => asked,
            _ => Asked::Several,
        }
    }

    fn in_plain<'a>(&self, path: &'a str, known: &[Known]) -> Asked<'a> {
        let rest = path.strip_prefix(self.under.as_str());
        let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
            return Asked::Outside;
        };
        let segment = rest.split('/').nth(1).filter(|_| self.in_path).unwrap_or_default();
        match known.iter().position(|known| known.version == segment) {
            Some(version) => Asked::Version(version),
            None if known.iter().any(|known| is_alike(known.version.name(), segment)) => {
                Asked::Unknown(segment.as_bytes())
            }
            None => Asked::Nothing,
        }
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.in_path.then(|| "path".to_owned());
        let headers = self.headers.iter().map(|name| format!("header `{name}`"));
        let places: Vec<_> = path.into_iter().chain(headers).collect();
        f.write_str(&places.join(" or "))?;
        if self.under.is_empty() { Ok(()) } else { write!(f, " under `{}`", self.under) }
    }
}

fn in_header<'a>(headers: &'a HeaderMap, name: &HeaderName, known: &[Known]) -> Asked<'a> {
    let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    match (values.next(), values.next()) {
        (None, _) => Asked::Nothing,
        (Some(value), None) => {
            let value = value.trim_ascii();
            let version = known.iter().position(|known| known.version.name().as_bytes() == value);
            version.map_or(Asked::Unknown(value), Asked::Version)
        }
        (Some(_), Some(_)) => Asked::Several,
    }
}

/// Whether two texts differ in nothing but their numbers and in case: `v2` and `V10`.
fn is_alike(one: &str, other: &str) -> bool {
    fn shape(text: &str) -> impl Iterator<Item = u8> {
        let mut in_number = false;
        text.bytes().filter_map(move |byte| {
            let is_digit = byte.is_ascii_digit();
            let is_repeated = is_digit && in_number;
            in_number = is_digit;
            (!is_repeated).then_some(if is_digit { b'0' } else { byte.to_ascii_lowercase() })
        })
    }
    shape(one).eq(shape(other))
}
