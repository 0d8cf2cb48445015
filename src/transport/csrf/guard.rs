use std::{borrow::Cow, sync::Arc};

use http::{HeaderName, HeaderValue, header};

use crate::{
    error::ConfigError,
    guard::{Exchange, Flow, Guard, IntoGuard, Phase},
    inspect::{Findings, rule},
    rejection::{Reason, Rejection},
    service::guard_layer,
    transport::cors::Origins,
};

use super::CsrfBuilder;

/// Refuses what a browser sends with cookies on behalf of another site (403 `cross-site`). See the
/// [module](crate::transport::csrf) for behaviour and defaults.
#[derive(Clone, Debug)]
pub struct Csrf(pub(super) Arc<Rules>);

#[derive(Debug)]
pub(super) struct Rules {
    pub(super) trusted: Origins,
    pub(super) same_site: bool,
    pub(super) unlabelled: bool,
    pub(super) cookieless: bool,
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

impl Csrf {
    /// Starts from the defaults: nobody but the origin itself.
    pub fn builder() -> CsrfBuilder {
        CsrfBuilder::default()
    }
}

/// A field that counts only where it stands once.
enum Said<'a> {
    Nothing,
    Once(&'a HeaderValue),
    Twice,
}

fn said<'a>(exchange: &'a Exchange, name: &HeaderName) -> Said<'a> {
    let mut values = exchange.headers().get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Said::Nothing,
        (Some(value), None) => Said::Once(value),
        (Some(_), Some(_)) => Said::Twice,
    }
}

impl Rules {
    /// Whether the request comes from where it may; what was found otherwise.
    fn judge(&self, exchange: &Exchange, has_cookies: bool) -> Result<(), Cow<'static, str>> {
        let origin = said(exchange, &header::ORIGIN);
        if let Said::Once(origin) = origin
            && origin.to_str().is_ok_and(|origin| self.trusted.cover(origin))
        {
            return Ok(());
        }
        match said(exchange, &SEC_FETCH_SITE) {
            Said::Once(site) if self.is_ours(site.as_bytes()) => return Ok(()),
            Said::Once(site) => return Err(quoted("Sec-Fetch-Site", site)),
            Said::Twice => return Err("Sec-Fetch-Site twice".into()),
            Said::Nothing => {}
        }
        match origin {
            Said::Once(origin) if is_of_host(origin, exchange) => Ok(()),
            Said::Once(origin) => Err(quoted("Origin", origin)),
            Said::Twice => Err("Origin twice".into()),
            // Without cookies it is no browser's: those say where from.
            Said::Nothing if self.unlabelled || !has_cookies => Ok(()),
            Said::Nothing => Err("neither Sec-Fetch-Site nor Origin".into()),
        }
    }

    fn is_ours(&self, site: &[u8]) -> bool {
        matches!(site, b"same-origin" | b"none") || (self.same_site && site == b"same-site")
    }
}

fn quoted(name: &str, value: &HeaderValue) -> Cow<'static, str> {
    format!("{name} `{}`", value.as_bytes().escape_ascii()).into()
}

/// Whether an origin is that of the request. The scheme is left out: TLS may have ended before us.
fn is_of_host(origin: &HeaderValue, exchange: &Exchange) -> bool {
    let host = exchange.uri().authority().map(|authority| authority.as_str().as_bytes());
    let host = host.or_else(|| match said(exchange, &header::HOST) {
        Said::Once(host) => Some(host.as_bytes()),
        _ => None,
    });
    let (Some(host), Ok(origin)) = (host, origin.to_str()) else { return false };
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return false,
    };
    let bare = |host: &str| host.strip_suffix(default).unwrap_or(host).to_ascii_lowercase();
    std::str::from_utf8(host).is_ok_and(|host| !host.is_empty() && bare(host) == bare(authority))
}

fn opens_websocket(exchange: &Exchange) -> bool {
    let upgrades = exchange.headers().get_all(header::UPGRADE).iter();
    let mut protocols = upgrades.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    protocols.any(|protocol| protocol.trim_ascii().eq_ignore_ascii_case(b"websocket"))
}

impl Guard for Csrf {
    fn name(&self) -> &'static str {
        "csrf"
    }

    fn phase(&self) -> Phase {
        Phase::Transport
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let has_cookies = exchange.headers().contains_key(header::COOKIE);
        if !(has_cookies || self.0.cookieless)
            || (exchange.method().is_safe() && !opens_websocket(exchange))
        {
            return Ok(Flow::Continue);
        }
        match self.0.judge(exchange, has_cookies) {
            Ok(()) => Ok(Flow::Continue),
            Err(found) => Err(Rejection::new(Reason::CrossSite)
                .expected(format!("the request's own origin, or one of: {}", self.0.trusted))
                .found(found)),
        }
    }

    fn summary(&self) -> Cow<'static, str> {
        let what = if self.0.cookieless { "" } else { "with cookies " };
        let own = if self.0.same_site { "its own site" } else { "its own origin" };
        let trusted = self.0.trusted.to_string();
        let and = if trusted.is_empty() { "" } else { ", and " };
        Cow::Owned(format!("{what}only from {own}{and}{trusted}"))
    }

    fn findings(&self, report: &mut Findings) {
        report.mark("csrf", 0);
        if let Some(plain) = self.0.trusted.named().find(|origin| origin.is_plain()) {
            let evidence = format!("cookies are taken from `{plain}`");
            report.add(&rule::PLAIN_ORIGIN, self.name(), evidence);
        }
        if self.0.unlabelled {
            let evidence = "cookies are taken from clients that do not say where from";
            report.add(&rule::UNLABELLED_COOKIES, self.name(), evidence);
        }
    }
}

impl IntoGuard for CsrfBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        self.build()?.into_guard()
    }
}

guard_layer!(Csrf);
