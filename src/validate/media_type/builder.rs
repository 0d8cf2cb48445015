use http::HeaderValue;

use crate::error::{ConfigError, Mistakes};

use super::{MediaRange, MediaTypes};

/// Lists the media types of [`MediaTypes`].
#[derive(Clone, Debug, Default)]
pub struct MediaTypesBuilder {
    allowed: Vec<String>,
}

impl MediaTypesBuilder {
    /// Allows a media type (`application/json`), a whole type (`image/*`), or a suffix
    /// (`application/*+json`). Parameters are not part of it.
    pub fn allow(mut self, media_type: impl Into<String>) -> Self {
        self.allowed.push(media_type.into());
        self
    }

    /// Allows what the library takes for JSON: `application/json` and `application/*+json`.
    pub fn allow_json(self) -> Self {
        self.allow("application/json").allow("application/*+json")
    }

    /// Ends the building.
    ///
    /// # Errors
    ///
    /// Names each entry that is no media type, and an empty list.
    pub fn build(self) -> Result<MediaTypes, ConfigError> {
        let mut mistakes = Mistakes::default();
        let allowed = ranges("allow", &self.allowed, &mut mistakes);
        let accept = accept(&allowed);
        mistakes.finish().map(|()| MediaTypes { allowed: allowed.into(), accept })
    }
}

/// Reads a list of media types; every mistake goes under the setter's name.
pub(in crate::validate) fn ranges(
    setter: &'static str,
    list: &[String],
    mistakes: &mut Mistakes,
) -> Vec<MediaRange> {
    if list.is_empty() {
        let remedy = "name at least one, `application/json` say";
        mistakes.push(setter, "", "allows no media type", remedy);
    }
    let mut ranges = Vec::with_capacity(list.len());
    for text in list {
        match MediaRange::parse(text) {
            Some(range) => ranges.push(range),
            None => mistakes.push(
                setter,
                text,
                "is no media type",
                "write `type/subtype`, `type/*` or `type/*+suffix`, without parameters",
            ),
        }
    }
    ranges
}

/// The list as an `Accept` header; a suffix cannot be said there, so its type stands for it.
pub(in crate::validate) fn accept(ranges: &[MediaRange]) -> HeaderValue {
    let mut names: Vec<String> = Vec::with_capacity(ranges.len());
    for range in ranges {
        if !matches!(range, MediaRange::Suffix(..)) {
            names.push(range.to_string());
        }
    }
    HeaderValue::try_from(names.join(", ")).unwrap_or_else(|_| HeaderValue::from_static(""))
}
