use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderValue, Version, header};

use crate::error::ConfigError;
use crate::guard::{Exchange, Flow, Guard, IntoGuard, Phase};
use crate::inspect::{Findings, rule};
use crate::rejection::{Reason, Rejection};
use crate::service::guard_layer;

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
#[derive(Clone, Debug)]
pub struct Hosts {
    list: Option<Arc<List>>,
}

impl Hosts {
    /// Starts an empty list; at least one host must be named.
    pub fn builder() -> HostsBuilder {
        HostsBuilder::default()
    }

    /// Answers for any host, so long as a request does not name two. One that names none is let
    /// through: nothing depends on it then, and requests made in tests rarely do. The default of a
    /// stack.
    pub fn any() -> Self {
        Self { list: None }
    }

    pub(super) fn of(list: List) -> Self {
        Self { list: Some(Arc::new(list)) }
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
        let (field, target) = named(exchange)?;
        if self.list.is_none() && target.is_none() {
            return field.map_or(Ok(Flow::Continue), |field| parse(field).map(|_| Flow::Continue));
        }
        if let (Some(list), Some(field), None) = (&self.list, field, target)
            && list.names(field)
        {
            exchange.context.is_host_listed = true;
            return Ok(Flow::Continue);
        }
        let authority = agreed(exchange, field, target)?;
        match &self.list {
            Some(list) if !list.covers(authority) => {
                Err(Rejection::new(Reason::MisdirectedRequest)
                    .expected("a host of the list")
                    .found(authority.to_string()))
            }
            _ => {
                exchange.context.is_host_listed |= self.list.is_some();
                Ok(Flow::Continue)
            }
        }
    }

    fn summary(&self) -> Cow<'static, str> {
        match &self.list {
            Some(list) => Cow::Owned(format!("answers for {list}")),
            None => Cow::Borrowed("answers for any host, but never for two at once"),
        }
    }

    fn findings(&self, report: &mut Findings) {
        if self.list.is_none() {
            report.add(&rule::ANY_HOST, self.name(), "a request for any host is answered");
        }
    }
}

/// The one host that a request is for.
pub(in crate::transport) fn authority(exchange: &Exchange) -> Result<Authority<'_>, Rejection> {
    let (field, target) = named(exchange)?;
    agreed(exchange, field, target)
}

/// What the `Host` field says, and what the request target does.
type Named<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

fn named(exchange: &Exchange) -> Result<Named<'_>, Rejection> {
    let mut fields = exchange.headers().get_all(header::HOST).iter();
    let field = fields.next().map(HeaderValue::as_bytes);
    if fields.next().is_some() {
        return Err(bad_host("the request has two hosts"));
    }
    let target = exchange.uri().authority().map(|target| target.as_str().as_bytes());
    Ok((field, target))
}

/// The one host that both agree on.
fn agreed<'a>(
    exchange: &Exchange,
    field: Option<&'a [u8]>,
    target: Option<&'a [u8]>,
) -> Result<Authority<'a>, Rejection> {
    match (field, target) {
        (Some(field), Some(target)) => {
            let (field, target) = (parse(field)?, parse(target)?);
            let scheme = exchange.uri().scheme_str();
            if field.without_default_port(scheme) != target.without_default_port(scheme) {
                return Err(bad_host("the host differs from the request target"));
            }
            Ok(target)
        }
        // RFC 9112, section 3.2: HTTP/1.1 asks for the field beside an absolute target, too.
        (None, Some(_)) if exchange.head().version == Version::HTTP_11 => {
            Err(bad_host("the request has no host"))
        }
        (Some(host), None) | (None, Some(host)) => parse(host),
        (None, None) => Err(bad_host("the request has no host")),
    }
}

fn parse(text: &[u8]) -> Result<Authority<'_>, Rejection> {
    Authority::parse(text).ok_or_else(|| bad_host("the host cannot be read"))
}

fn bad_host(detail: &'static str) -> Rejection {
    Rejection::new(Reason::BadHost).detail(detail).expected("exactly one host").found(detail)
}

impl IntoGuard for HostsBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        self.build()?.into_guard()
    }
}

guard_layer!(Hosts);
