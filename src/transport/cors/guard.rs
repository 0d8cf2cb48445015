use std::{borrow::Cow, sync::Arc};

use axum_core::body::Body;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use tower_layer::Layer;

use crate::{
    error::ConfigError,
    guard::{Env, Exchange, Flow, Guard, IntoGuard, Mode, Phase},
    inspect::{Findings, rule},
    rejection::Rejection,
    service::{Guarded, Stack},
};

use super::{
    CorsBuilder,
    origin::{Origin, Origins},
};

/// Tells browsers which other origins may read a response, by the Fetch standard. See the
/// [module](super) for behaviour and defaults.
///
/// In a stack it is set by [`ParapetBuilder::cors`](crate::ParapetBuilder::cors) and by route with
/// [`Policy::cors`](crate::Policy::cors); by itself it is a layer, which answers preflights too.
#[derive(Clone, Debug)]
pub struct Cors(pub(super) Arc<Rules>);

#[derive(Debug)]
pub(super) struct Rules {
    pub(super) origins: Origins,
    pub(super) credentials: bool,
    pub(super) private_network: bool,
    pub(super) methods: Option<HeaderValue>,
    pub(super) headers: Option<HeaderValue>,
    pub(super) exposed: Option<HeaderValue>,
    pub(super) max_age: Option<HeaderValue>,
}

const TRUE: HeaderValue = HeaderValue::from_static("true");
const ORIGIN: HeaderValue = HeaderValue::from_static("origin");
const ANY: HeaderValue = HeaderValue::from_static("*");

impl Cors {
    /// Starts a policy that no origin is part of.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::transport::Cors;
    ///
    /// let cors = Cors::builder()
    ///     .origins(["https://app.example.com", "https://*.shops.example.com"])
    ///     .methods(["GET", "POST", "DELETE"])
    ///     .headers(["authorization", "content-type"])
    ///     .build()?;
    /// # let _ = cors;
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn builder() -> CorsBuilder {
        CorsBuilder::default()
    }
}

impl Rules {
    /// What `Access-Control-Allow-Origin` says to this request.
    fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if matches!(self.origins, Origins::Any) {
            return Some(ANY);
        }
        let origin = the_origin(headers)?;
        origin.to_str().is_ok_and(|text| self.origins.cover(text)).then(|| origin.clone())
    }
}

/// The one origin of a request. Two of them are none.
fn the_origin(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    origins.next().filter(|_| origins.next().is_none())
}

/// The method a preflight asks for; `None` where the request is none (Fetch, section 4.8).
pub(crate) fn asked_method(exchange: &Exchange) -> Option<&[u8]> {
    if exchange.method() != Method::OPTIONS || !exchange.headers().contains_key(header::ORIGIN) {
        return None;
    }
    let asked = exchange.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    Some(asked.as_bytes())
}

impl Guard for Cors {
    fn name(&self) -> &'static str {
        "cors"
    }

    fn phase(&self) -> Phase {
        Phase::Reply
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let rules = &*self.0;
        exchange.preflight = asked_method(exchange).is_some();
        if !matches!(rules.origins, Origins::Any) {
            exchange.reply_header(Mode::Append, header::VARY, ORIGIN);
        }
        let Some(origin) = rules.allowed(exchange.headers()) else { return Ok(Flow::Continue) };
        let mut set = |name, value| exchange.reply_header(Mode::Set, name, value);
        set(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if rules.credentials {
            set(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        if !exchange.preflight {
            if let Some(exposed) = &rules.exposed {
                let name = header::ACCESS_CONTROL_EXPOSE_HEADERS;
                exchange.reply_header(Mode::Set, name, exposed.clone());
            }
            return Ok(Flow::Continue);
        }
        let of_preflight = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, &rules.methods),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, &rules.headers),
            (header::ACCESS_CONTROL_MAX_AGE, &rules.max_age),
        ];
        for (name, value) in of_preflight {
            if let Some(value) = value {
                exchange.reply_header(Mode::Set, name, value.clone());
            }
        }
        let asked = exchange.headers().get(PRIVATE_ASKED).is_some_and(|value| value == "true");
        if rules.private_network && asked {
            exchange.reply_header(Mode::Set, PRIVATE_ALLOWED, TRUE);
        }
        Ok(Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        let rules = &*self.0;
        let credentials = if rules.credentials { ", with credentials" } else { "" };
        Cow::Owned(format!("read by {}{credentials}", rules.origins))
    }

    fn findings(&self, report: &mut Findings) {
        let Origins::Some(origins) = &self.0.origins else { return };
        let broad = origins.iter().find_map(|origin| match origin {
            Origin::Label { .. } => Some("every name below a domain"),
            Origin::Chosen(_) => Some("whatever a closure chooses"),
            Origin::Null => Some("`null`, which any sandboxed page has for an origin"),
            Origin::Exact(_) => None,
        });
        if let Some(broad) = broad.filter(|_| self.0.credentials) {
            let evidence = format!("credentials are sent along by {broad}");
            report.add(&rule::BROAD_ORIGINS, self.name(), evidence);
        }
    }
}

const PRIVATE_ASKED: http::HeaderName =
    http::HeaderName::from_static("access-control-request-private-network");
const PRIVATE_ALLOWED: http::HeaderName =
    http::HeaderName::from_static("access-control-allow-private-network");

impl IntoGuard for CorsBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        self.build()?.into_guard()
    }
}

/// Answers preflights, before anything asks who is calling or counts how often.
pub(crate) struct Preflights;

impl Guard for Preflights {
    fn name(&self) -> &'static str {
        "preflights"
    }

    fn phase(&self) -> Phase {
        Phase::Transport
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        if !exchange.preflight {
            return Ok(Flow::Continue);
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(Flow::respond(response))
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Borrowed("answers preflights")
    }
}

impl<S> Layer<S> for Cors {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        let guards: [Arc<dyn Guard>; 2] = [Arc::new(self.clone()), Arc::new(Preflights)];
        let stack = Stack { env: Arc::new(Env::alone()), guards: guards.into() };
        Guarded::new(Arc::new(stack), inner)
    }
}
