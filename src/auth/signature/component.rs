//! What a signature covers, piece by piece (RFC 9421, section 2).

use std::{fmt, str::FromStr};

use http::HeaderName;
use sfv::{BareItem, Item, ItemSerializer, Parser, StringRef};

use super::{
    fault::{SignatureFault, quote},
    strict::Shape,
};

/// A part of a message that a signature covers: `@method`, `content-type`, `example;key="a"`.
///
/// It is written as RFC 9421 writes a component identifier, with or without the quotes around the
/// name. Names of fields are in lower case.
///
/// # Example
/// ```
/// use tower_parapet::auth::signature::Component;
///
/// let component: Component = "@query-param;name=\"pet\"".parse()?;
/// assert_eq!(component.to_string(), "\"@query-param\";name=\"pet\"");
/// # Ok::<(), tower_parapet::auth::signature::SignatureFault>(())
/// ```
#[derive(Clone, Debug)]
pub struct Component {
    pub(super) part: Part,
    /// Of the request that a response answers.
    pub(super) of_request: bool,
    /// As it stands in the list, parameters in the order they came.
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Method,
    TargetUri,
    Authority,
    Scheme,
    RequestTarget,
    Path,
    Query,
    /// By its name, encoded.
    QueryParam(String),
    Status,
    Field(HeaderName, Form),
}

/// How a field's value is put into the base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it was sent, lines joined.
    Sent,
    /// Written anew (`sf`).
    Canonical(Shape),
    /// One member of a dictionary (`key`).
    Member(String),
    /// Each line as a byte sequence (`bs`).
    Bytes,
}

/// Two are the same whatever the order of their parameters (RFC 9421, section 2.1).
impl PartialEq for Component {
    fn eq(&self, other: &Self) -> bool {
        self.part == other.part && self.of_request == other.of_request
    }
}

impl Eq for Component {}

impl Component {
    /// Whether it is the field of that name, in whatever form.
    pub(super) fn is_field(&self, name: &str) -> bool {
        matches!(&self.part, Part::Field(field, _) if field == name) && !self.of_request
    }

    /// As it stands in the list of what is covered.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether a request can have it.
    pub(super) fn is_of_requests(&self) -> bool {
        !self.of_request && self.part != Part::Status
    }

    pub(super) fn of_item(item: &Item) -> Result<Self, SignatureFault> {
        let BareItem::String(name) = &item.bare_item else {
            return Err(SignatureFault::new("a component that is not a string"));
        };
        let name = name.as_str();
        let mut given = Given::default();
        for (key, value) in &item.params {
            given.take(key.as_str(), value)?;
        }
        let text =
            ItemSerializer::new().bare_item(&item.bare_item).parameters(&item.params).finish();
        let of_request = given.req;
        Ok(Self { part: given.part(name)?, of_request, text })
    }
}

/// The parameters of a component.
#[derive(Default)]
struct Given {
    sf: bool,
    bs: bool,
    req: bool,
    key: Option<String>,
    name: Option<String>,
}

impl Given {
    fn take(&mut self, key: &str, value: &BareItem) -> Result<(), SignatureFault> {
        let wrong =
            || SignatureFault::new(format!("a component whose {} is no such value", quote(key)));
        let flag = matches!(value, BareItem::Boolean(true)).then_some(true);
        let text = match value {
            BareItem::String(text) => Some(text.as_str().to_owned()),
            _ => None,
        };
        match key {
            "sf" => self.sf = flag.ok_or_else(wrong)?,
            "bs" => self.bs = flag.ok_or_else(wrong)?,
            "req" => self.req = flag.ok_or_else(wrong)?,
            "key" => self.key = Some(text.ok_or_else(wrong)?),
            "name" => self.name = Some(text.ok_or_else(wrong)?),
            "tr" => return Err(SignatureFault::new("a trailer, which comes after the decision")),
            _ => {
                let found = format!("a component with the unknown parameter {}", quote(key));
                return Err(SignatureFault::new(found));
            }
        }
        Ok(())
    }

    fn part(self, name: &str) -> Result<Part, SignatureFault> {
        let Some(derived) = name.strip_prefix('@') else {
            return self.field(name);
        };
        if self.sf || self.bs || self.key.is_some() {
            let found = format!("{} with a parameter that only fields have", quote(name));
            return Err(SignatureFault::new(found));
        }
        let part = match (derived, self.name) {
            ("query-param", Some(name)) => return Ok(Part::QueryParam(name)),
            ("query-param", None) => {
                return Err(SignatureFault::new("`@query-param` without a name"));
            }
            (_, Some(_)) => {
                let found = format!("{} with the name of a query parameter", quote(name));
                return Err(SignatureFault::new(found));
            }
            ("method", None) => Part::Method,
            ("target-uri", None) => Part::TargetUri,
            ("authority", None) => Part::Authority,
            ("scheme", None) => Part::Scheme,
            ("request-target", None) => Part::RequestTarget,
            ("path", None) => Part::Path,
            ("query", None) => Part::Query,
            ("status", None) if !self.req => Part::Status,
            _ => {
                return Err(SignatureFault::new(format!("the unknown component {}", quote(name))));
            }
        };
        Ok(part)
    }

    fn field(self, name: &str) -> Result<Part, SignatureFault> {
        let unreadable = || SignatureFault::new(format!("{} for a field's name", quote(name)));
        if self.name.is_some() {
            let found = format!("{} with the name of a query parameter", quote(name));
            return Err(SignatureFault::new(found));
        }
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(unreadable());
        }
        let field = HeaderName::from_str(name).map_err(|_| unreadable())?;
        let form = match (self.key, self.sf, self.bs) {
            (None, false, false) => Form::Sent,
            (None, false, true) => Form::Bytes,
            (Some(key), _, false) => Form::Member(key),
            (None, true, false) => Form::Canonical(shape(name).ok_or_else(|| {
                SignatureFault::new(format!("{} with `sf`, of a form not known here", quote(name)))
            })?),
            (_, _, true) => {
                let found = format!("{} with `bs` and another form", quote(name));
                return Err(SignatureFault::new(found));
            }
        };
        Ok(Part::Field(field, form))
    }
}

/// The structured fields of the IANA registry that requests and answers carry, for `sf`.
fn shape(name: &str) -> Option<Shape> {
    Some(match name {
        "accept-signature"
        | "cdn-cache-control"
        | "content-digest"
        | "dictionary-id"
        | "priority"
        | "repr-digest"
        | "signature"
        | "signature-input"
        | "unencoded-digest"
        | "use-as-dictionary"
        | "want-content-digest"
        | "want-repr-digest"
        | "want-unencoded-digest" => Shape::Dictionary,
        "accept-ch"
        | "accept-query"
        | "cache-groups"
        | "cache-group-invalidation"
        | "cache-status"
        | "client-cert-chain"
        | "proxy-status"
        | "ratelimit"
        | "ratelimit-policy" => Shape::List,
        "available-dictionary"
        | "capsule-protocol"
        | "client-cert"
        | "concealed-auth-export"
        | "cross-origin-embedder-policy"
        | "cross-origin-opener-policy"
        | "deprecation"
        | "idempotency-key"
        | "incremental"
        | "origin-agent-cluster" => Shape::Item,
        _ => return None,
    })
}

impl FromStr for Component {
    type Err = SignatureFault;

    /// # Errors
    /// When it is not a component of a message that is known here.
    fn from_str(text: &str) -> Result<Self, SignatureFault> {
        let unreadable = || SignatureFault::new(format!("{} is not a component", quote(text)));
        if text.starts_with('"') {
            let item = Parser::new(text).parse::<Item>().map_err(|_| unreadable())?;
            return Self::of_item(&item);
        }
        let (name, params) = text
            .split_once(';')
            .map_or((text, ""), |(name, _)| (name, text.get(name.len()..).unwrap_or_default()));
        let name = StringRef::from_str(name).map_err(|_| unreadable())?;
        let quoted = format!("{}{params}", ItemSerializer::new().bare_item(name).finish());
        let item = Parser::new(&quoted).parse::<Item>().map_err(|_| unreadable())?;
        Self::of_item(&item)
    }
}

/// As it stands in the list of what is covered.
impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(text: &str) -> Result<Component, SignatureFault> {
        text.parse()
    }

    #[test]
    fn components_are_written_as_the_rfc_writes_them() {
        for (text, written) in [
            ("@method", "\"@method\""),
            ("\"@method\"", "\"@method\""),
            ("content-type", "\"content-type\""),
            ("content-digest;sf", "\"content-digest\";sf"),
            ("example;key=\"a b\"", "\"example\";key=\"a b\""),
            ("example;bs", "\"example\";bs"),
            ("@query-param;name=\"a%20b\"", "\"@query-param\";name=\"a%20b\""),
            ("@authority;req", "\"@authority\";req"),
            ("content-digest;key=\"sha-256\";req", "\"content-digest\";key=\"sha-256\";req"),
        ] {
            assert_eq!(component(text).unwrap().to_string(), written);
        }
    }

    #[test]
    fn what_is_no_component_or_cannot_be_one_here_is_refused() {
        for text in [
            "",
            "@",
            "@nothing",
            "@signature-params",
            "@Method",
            "Content-Type",
            "a b",
            "a:b",
            "@method;sf",
            "@method;name=\"a\"",
            "@query-param",
            "@query-param;name",
            "a;name=\"x\"",
            "a;unknown",
            "a;sf",
            "content-digest;sf=?0",
            "a;key",
            "a;key=1",
            "a;bs;key=\"x\"",
            "content-digest;bs;sf",
            "a;tr",
            "@status;req",
            "a;req=1",
            "(\"a\")",
            "\"a\", \"b\"",
            "é",
        ] {
            assert!(component(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_order_of_parameters_does_not_make_another_component() {
        let one = component("example;key=\"a\";req").unwrap();
        let other = component("example;req;key=\"a\"").unwrap();
        assert_eq!(one, other);
        assert_ne!(one.to_string(), other.to_string());
        assert_ne!(one, component("example;key=\"a\"").unwrap());
    }
}
