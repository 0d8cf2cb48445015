//! The message whose parts are signed, and the value of each part (RFC 9421, section 2).

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header::HOST, request, response};

use super::{
    component::{Component, Form, Part},
    fault::{SignatureFault, quote},
    origin::{self, Origin},
    query, strict,
};

/// The most bytes of a field that is read as a structured one.
const MOST_STRUCTURED: usize = 8 * 1024;

/// A request or a response as a signature sees it.
///
/// # Example
/// ```
/// use tower_parapet::auth::signature::{Component, Message};
///
/// let (head, ()) = http::Request::get("https://API.example:443/orders?open").body(())?.into_parts();
/// let message = Message::request(&head);
/// assert_eq!(message.value(&"@authority".parse()?)?, "api.example");
/// assert_eq!(message.value(&"@query".parse()?)?, "?open");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    kind: Kind<'a>,
    headers: &'a HeaderMap,
}

#[derive(Clone, Copy, Debug)]
enum Kind<'a> {
    Request(Line<'a>),
    Response(StatusCode, Option<(Line<'a>, &'a HeaderMap)>),
}

/// What a request is beside its fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    /// Whether the target was sent in absolute form, as to a proxy.
    pub(super) is_absolute: bool,
    pub(super) scheme: &'a str,
    pub(super) origin: Option<&'a Origin>,
}

impl<'a> Message<'a> {
    /// A request. Its scheme is that of its URI, `https` where it has none; its target is sent as path
    /// and query, however its URI is written.
    pub fn request(head: &'a request::Parts) -> Self {
        let scheme = head.uri.scheme_str().unwrap_or("https");
        let line =
            Line { method: &head.method, uri: &head.uri, is_absolute: false, scheme, origin: None };
        Self::of(line, &head.headers)
    }

    pub(super) fn of(line: Line<'a>, headers: &'a HeaderMap) -> Self {
        Self { kind: Kind::Request(line), headers }
    }

    /// A response.
    pub fn response(head: &'a response::Parts) -> Self {
        Self { kind: Kind::Response(head.status, None), headers: &head.headers }
    }

    /// The request that a response answers, for components with `req`.
    pub fn in_reply_to(mut self, request: &Message<'a>) -> Self {
        if let (Kind::Response(_, asked), Kind::Request(line)) = (&mut self.kind, request.kind) {
            *asked = Some((line, request.headers));
        }
        self
    }

    /// The value of a part, as it stands in the signature base.
    ///
    /// # Errors
    /// When the message has no such part, has it twice where it may be there once, or has a value
    /// that cannot stand in a line of ASCII.
    pub fn value(&self, component: &Component) -> Result<Cow<'a, str>, SignatureFault> {
        let missing =
            || SignatureFault::new(format!("{component}, which the message does not have"));
        let (line, headers) = match (self.kind, component.of_request) {
            (Kind::Response(status, _), false) if component.part == Part::Status => {
                return Ok(Cow::Borrowed(status.as_str()).into_owned().into());
            }
            (Kind::Response(..), false) => (None, self.headers),
            (Kind::Response(_, Some((line, headers))), true) => (Some(line), headers),
            (Kind::Request(line), false) => (Some(line), self.headers),
            _ => return Err(missing()),
        };
        if let Part::Field(name, form) = &component.part {
            return field(headers, name, form);
        }
        let line = line.ok_or_else(missing)?;
        let is_origin_form = *line.method != Method::CONNECT && line.uri.path() != "*";
        Ok(match &component.part {
            Part::Method => Cow::Borrowed(line.method.as_str()),
            Part::Scheme => Cow::Borrowed(line.scheme()),
            Part::Authority => line.authority(headers)?,
            Part::RequestTarget => line.target(),
            Part::TargetUri if is_origin_form => {
                let authority = line.authority(headers)?;
                Cow::Owned(format!("{}://{authority}{}", line.scheme(), line.path_and_query()))
            }
            Part::Path if is_origin_form => Cow::Borrowed(line.path()),
            Part::Query if is_origin_form => {
                Cow::Owned(format!("?{}", line.uri.query().unwrap_or_default()))
            }
            Part::QueryParam(name) if is_origin_form => {
                Cow::Owned(query::parameter(line.uri.query().unwrap_or_default(), name)?)
            }
            _ => return Err(missing()),
        })
    }
}

impl<'a> Line<'a> {
    fn scheme(&self) -> &'a str {
        self.origin.map_or(self.scheme, Origin::scheme)
    }

    /// An empty path is that of the root (RFC 9110, section 4.2.3).
    fn path(&self) -> &'a str {
        match self.uri.path() {
            "" => "/",
            path => path,
        }
    }

    fn path_and_query(&self) -> String {
        let query = self.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", self.path())
    }

    /// Who is asked: the public origin where one is set, else what the request itself says.
    fn authority(&self, headers: &HeaderMap) -> Result<Cow<'a, str>, SignatureFault> {
        if let Some(origin) = self.origin {
            return Ok(Cow::Borrowed(origin.authority()));
        }
        let normal = |text: &str| {
            origin::authority(text, self.scheme)
                .ok_or_else(|| SignatureFault::new("a host that cannot be read"))
        };
        let mut hosts = headers.get_all(HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (_, Some(_)) => return Err(SignatureFault::new("two hosts")),
            (None, None) => None,
            (Some(host), None) => Some(normal(host.to_str().unwrap_or_default())?),
        };
        let target = self.uri.authority().map(|target| normal(target.as_str())).transpose()?;
        match (target, host) {
            (Some(target), Some(host)) if target != host => {
                Err(SignatureFault::new("a host that differs from the request target"))
            }
            (Some(one), _) | (None, Some(one)) => Ok(Cow::Owned(one)),
            (None, None) => Err(SignatureFault::new("`@authority` of a message without a host")),
        }
    }

    /// The target as it stood in the request line; in HTTP/2 and later, what stands for it.
    fn target(&self) -> Cow<'a, str> {
        match self.uri.authority() {
            Some(authority) if *self.method == Method::CONNECT => Cow::Borrowed(authority.as_str()),
            _ if self.is_absolute => Cow::Owned(self.uri.to_string()),
            _ => Cow::Owned(self.path_and_query()),
        }
    }
}

/// The value of a field (RFC 9421, section 2.1).
fn field<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    form: &Form,
) -> Result<Cow<'a, str>, SignatureFault> {
    let mut lines = headers.get_all(name).iter().map(|line| line.as_bytes().trim_ascii());
    let (first, rest) = (lines.next(), lines);
    let Some(first) = first else {
        let found = format!("the field {}, which the message does not have", quote(name.as_str()));
        return Err(SignatureFault::new(found));
    };
    let all = std::iter::once(first).chain(rest);
    if *form == Form::Bytes {
        let lines = all.map(|line| format!(":{}:", STANDARD.encode(line)));
        return Ok(Cow::Owned(lines.collect::<Vec<_>>().join(", ")));
    }
    let sent = joined(all.map(|line| {
        let is_plain = line.iter().all(|byte| *byte == b'\t' || (b' '..=b'~').contains(byte));
        std::str::from_utf8(line).ok().filter(|_| is_plain)
    }));
    let unreadable =
        |why: &str| SignatureFault::new(format!("the field {}, which {why}", quote(name.as_str())));
    let sent = sent.ok_or_else(|| unreadable("is not ASCII"))?;
    match form {
        Form::Sent | Form::Bytes => Ok(sent),
        // Each form of one field is read anew, and strangers choose how many.
        _ if sent.len() > MOST_STRUCTURED => Err(unreadable("has more than 8 KiB to be read")),
        Form::Canonical(shape) => shape
            .canonical(sent.as_bytes())
            .map(Cow::Owned)
            .map_err(|error| unreadable(&format!("has not the form it must have: {error}"))),
        Form::Member(key) => {
            let members = strict::dictionary(sent.as_bytes())
                .map_err(|error| unreadable(&format!("is not a dictionary: {error}")))?;
            let member = members.iter().find(|member| member.key() == key);
            let text = member.map(strict::Member::text);
            text.map(Cow::Owned).ok_or_else(|| unreadable(&format!("has no member {}", quote(key))))
        }
    }
}

/// Lines joined by a comma and a space; one line as it is.
pub(super) fn joined<'a>(mut lines: impl Iterator<Item = Option<&'a str>>) -> Option<Cow<'a, str>> {
    let mut text = Cow::Borrowed(lines.next()??);
    for line in lines {
        let whole = text.to_mut();
        whole.push_str(", ");
        whole.push_str(line?);
    }
    Some(text)
}
