use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, header};

use crate::context::{Channel, Plain, Secure};
use crate::error::ConfigError;
use crate::guard::{Exchange, Flow, Guard, IntoGuard, Mode, Needs, Phase};
use crate::inspect::{Findings, rule};
use crate::rejection::{Reason, Rejection};
use crate::service::guard_layer;

use super::{Hsts, HttpsBuilder, hsts::is_memorable, redirect};

/// Settles whether a request came in private, and refuses credentials that did not (403
/// `insecure-credentials`).
///
/// See the [module](super) for what it does. The default of every stack.
///
/// # Example
/// ```
/// use tower_parapet::transport::Https;
///
/// let https = Https::required().credential("x-session").build()?;
/// # let _ = https;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Https(Arc<Settings>);

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) is_required: bool,
    pub(super) redirects: bool,
    pub(super) port: u16,
    pub(super) hsts: Option<(Hsts, HeaderValue)>,
    pub(super) credentials: Vec<HeaderName>,
    pub(super) takes_clear_credentials: bool,
}

impl Default for Https {
    fn default() -> Self {
        let hsts = Hsts::new();
        Self::of(Settings {
            is_required: false,
            redirects: false,
            port: 443,
            hsts: Some((hsts, hsts.value())),
            credentials: Vec::new(),
            takes_clear_credentials: false,
        })
    }
}

impl Https {
    /// Starts from the defaults.
    pub fn builder() -> HttpsBuilder {
        HttpsBuilder::default()
    }

    /// Requires HTTPS for every route, see [`HttpsBuilder::required`].
    pub fn required() -> HttpsBuilder {
        Self::builder().required()
    }

    /// Requires HTTPS and sends browsers on to it, see [`HttpsBuilder::redirect`].
    pub fn redirect() -> HttpsBuilder {
        Self::builder().redirect()
    }

    pub(super) fn of(settings: Settings) -> Self {
        Self(Arc::new(settings))
    }
}

impl Settings {
    fn in_private(&self, exchange: &mut Exchange, secure: Secure) {
        exchange.context.channel = Channel::Secure(secure);
        if let Some((_, value)) = &self.hsts
            && secure.is_https()
            && host(exchange).is_some_and(is_memorable)
        {
            let name = header::STRICT_TRANSPORT_SECURITY;
            exchange.reply_header(Mode::Default, name, value.clone());
        }
    }

    #[cold]
    fn in_the_clear(&self, exchange: &mut Exchange, plain: Plain) -> Result<Flow, Rejection> {
        // A stack that was never told where peers are known from cannot tell a plain connection.
        let is_known = plain != Plain::Unknown || exchange.env.peer.is_some();
        if is_known {
            exchange.context.channel = Channel::Plain(plain);
        }
        if is_known && !self.takes_clear_credentials {
            exchange.context.refuses_credentials = Some(plain);
            self.refuse_credentials(exchange, plain)?;
        }
        let is_browser = exchange.route().is_some_and(|route| route.is_browser);
        if !self.is_required && !is_browser {
            return Ok(Flow::Continue);
        }
        let is_safe = matches!(*exchange.method(), Method::GET | Method::HEAD);
        if (is_browser || self.redirects) && is_safe && exchange.context.is_host_listed {
            return redirect::to_https(exchange, self.port);
        }
        Err(plain.refusal(Reason::HttpsRequired).detail("call this service by https"))
    }

    fn refuse_credentials(&self, exchange: &mut Exchange, plain: Plain) -> Result<(), Rejection> {
        let env = exchange.env.clone();
        let known = [header::AUTHORIZATION, header::PROXY_AUTHORIZATION];
        let mut known = known.iter().chain(&env.credentials).chain(&self.credentials);
        let sent = known.find(|name| exchange.headers().contains_key(*name));
        sent.map_or(Ok(()), |header| Err(exchange.leaked(plain, header)))
    }
}

/// The host as it was sent.
fn host(exchange: &Exchange) -> Option<&[u8]> {
    let field = || exchange.headers().get(header::HOST).map(HeaderValue::as_bytes);
    exchange.uri().host().map(str::as_bytes).or_else(field)
}

impl Guard for Https {
    fn name(&self) -> &'static str {
        "https"
    }

    fn phase(&self) -> Phase {
        Phase::Transport
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        match exchange.channel() {
            Ok(secure) => {
                self.0.in_private(exchange, secure);
                Ok(Flow::Continue)
            }
            Err(plain) => self.0.in_the_clear(exchange, plain),
        }
    }

    fn summary(&self) -> Cow<'static, str> {
        let settings = &self.0;
        let credentials = if settings.takes_clear_credentials {
            "takes credentials in the clear"
        } else {
            "refuses credentials in the clear"
        };
        let required = match (settings.is_required, settings.redirects) {
            (false, _) => "",
            (true, false) => ", requires https",
            (true, true) => ", requires https and sends browsers on to it",
        };
        let hsts = match &settings.hsts {
            Some((_, value)) => value.to_str().unwrap_or_default(),
            None => "none",
        };
        Cow::Owned(format!("{credentials}{required}; strict-transport-security: {hsts}"))
    }

    fn needs(&self) -> Needs {
        if self.0.redirects { Needs::HOSTS } else { Needs::NONE }
    }

    fn findings(&self, report: &mut Findings) {
        let settings = &self.0;
        if settings.takes_clear_credentials {
            let evidence = "credentials that anybody may have read on their way are taken";
            report.add(&rule::CLEAR_CREDENTIALS, self.name(), evidence);
        }
        if settings.redirects {
            let evidence = "every route sends a client that calls it in the clear on to https";
            report.add(&rule::API_REDIRECT, self.name(), evidence);
        }
        match &settings.hsts {
            None => report.add(&rule::HSTS_OFF, self.name(), "it is not sent"),
            Some((hsts, _)) => {
                if let Some(weakness) = hsts.weakness() {
                    report.add(&rule::HSTS_WEAK, self.name(), weakness);
                }
            }
        }
    }
}

impl IntoGuard for HttpsBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        self.build()?.into_guard()
    }
}

guard_layer!(Https);
