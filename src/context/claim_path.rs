//! Where a claim is.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// A claim by its name, or by a JSON pointer (RFC 6901) where it begins with `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClaimPath(Cow<'static, str>);

impl ClaimPath {
    pub(crate) fn new(path: impl Into<Cow<'static, str>>) -> Self {
        Self(path.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a pointer escapes what it has to.
    pub(crate) fn is_well_formed(&self) -> bool {
        let pointer = self.0.strip_prefix('/').unwrap_or_default();
        pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']))
    }

    pub(crate) fn of<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let Some(pointer) = self.0.strip_prefix('/') else {
            return claims.get(&*self.0);
        };
        let (first, rest) = match pointer.find('/') {
            Some(slash) => pointer.split_at_checked(slash)?,
            None => (pointer, ""),
        };
        claims.get(&*unescaped(first))?.pointer(rest)
    }
}

fn unescaped(part: &str) -> Cow<'_, str> {
    if part.contains('~') {
        Cow::Owned(part.replace("~1", "/").replace("~0", "~"))
    } else {
        Cow::Borrowed(part)
    }
}
