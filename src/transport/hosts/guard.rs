use std::borrow::Cow;

use http::{HeaderValue, Version, header};

use crate::guard::{Exchange, Flow, Guard, Phase};
use crate::rejection::{Reason, Rejection};

use super::HostsBuilder;
use super::authority::Authority;
use super::list::List;

/// Refuses requests whose host cannot be told (400 `bad-host`) or is not one of ours
/// (421 `misdirected-request`).
///
/// The host is what `Host` and the request target say, which must agree (RFC 9112, section 3.2; RFC
/// 9113, section 8.3.1). It is compared without regard to case and to a dot at its end.
///
/// # Example
/// ```
/// use tower_parapet::transport::Hosts;
///
/// let hosts = Hosts::builder().allow(["api.example.com", "*.eu.example.com:8443"]).build()?;
/// # let _ = hosts;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Hosts {
    list: Option<List>,
}

impl Hosts {
    /// Starts an empty list; at least one host must be named.
    pub fn builder() -> HostsBuilder {
        HostsBuilder::default()
    }

    /// Answers for any host, so long as a request names exactly one.
    pub fn any() -> Self {
        Self { list: None }
    }

    pub(super) fn of(list: List) -> Self {
        Self { list: Some(list) }
    }
}

impl Guard for Hosts {
    fn name(&self) -> &'static str {
        "hosts"
    }

    fn phase(&self) -> Phase {
        Phase::Transport
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let authority = read(exchange)?;
        match &self.list {
            Some(list) if !list.covers(authority) => {
                Err(Rejection::new(Reason::MisdirectedRequest)
                    .expected("a host of the list")
                    .found(authority.to_string()))
            }
            _ => Ok(Flow::Continue),
        }
    }

    fn summary(&self) -> Cow<'static, str> {
        match &self.list {
            Some(list) => Cow::Owned(format!("answers for {list}")),
            None => Cow::Borrowed("answers for any host, but one a request"),
        }
    }
}

/// The one host that the `Host` field and the request target agree on.
fn read(exchange: &Exchange) -> Result<Authority<'_>, Rejection> {
    let mut fields = exchange.headers().get_all(header::HOST).iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Err(bad_host("the request has two hosts"));
    }
    let field = field.map(HeaderValue::as_bytes).map(parse).transpose()?;
    let uri = exchange.uri();
    let target = uri.authority().map(|target| parse(target.as_str().as_bytes())).transpose()?;
    match (field, target) {
        (Some(field), Some(target)) => {
            let scheme = uri.scheme_str();
            if field.without_default_port(scheme) != target.without_default_port(scheme) {
                return Err(bad_host("the host differs from the request target"));
            }
            Ok(target)
        }
        // RFC 9112, section 3.2: HTTP/1.1 asks for the field beside an absolute target, too.
        (None, Some(_)) if exchange.head().version == Version::HTTP_11 => {
            Err(bad_host("the request has no host"))
        }
        (Some(host), None) | (None, Some(host)) => Ok(host),
        (None, None) => Err(bad_host("the request has no host")),
    }
}

fn parse(text: &[u8]) -> Result<Authority<'_>, Rejection> {
    Authority::parse(text).ok_or_else(|| bad_host("the host cannot be read"))
}

fn bad_host(detail: &'static str) -> Rejection {
    Rejection::new(Reason::BadHost).detail(detail).expected("exactly one host").found(detail)
}
