use std::{borrow::Cow, fmt, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use tower_layer::Layer;

use crate::{
    error::ConfigError,
    guard::{Env, Exchange, Flow, Guard, Mode, Phase},
    inspect::{Findings, rule},
    rejection::Rejection,
    service::{Guarded, Stack},
};

use super::{
    CorsBuilder,
    origin::{Origin, Origins},
    preflight::{Preflights, asked_method},
};

/// Tells browsers which other origins may read a response, by the Fetch standard. See the
/// [module](super) for behaviour and defaults.
///
/// In a stack it is set by [`ParapetBuilder::cors`](crate::ParapetBuilder::cors) and by route with
/// [`Policy::cors`](crate::Policy::cors); by itself it is a layer, which answers preflights too. It
/// is no guard to be put anywhere else, where preflights would go unanswered:
/// ```compile_fail
/// use tower_parapet::{Policy, transport::Cors};
///
/// Policy::optional().guard(Cors::builder().any_origin());
/// ```
#[derive(Clone)]
pub struct Cors(pub(super) Arc<Rules>);

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
const ANY: HeaderValue = HeaderValue::from_static("*");
const BY_ORIGIN: HeaderValue = HeaderValue::from_static("origin");
const BY_PREFLIGHT: HeaderValue = HeaderValue::from_static(
    "origin, access-control-request-method, access-control-request-headers",
);
const PRIVATE_ASKED: HeaderName = HeaderName::from_static("access-control-request-private-network");
const PRIVATE_ALLOWED: HeaderName = HeaderName::from_static("access-control-allow-private-network");
const BY_PRIVATE: HeaderValue = HeaderValue::from_static("access-control-request-private-network");

/// What a policy has the only say about.
static SAID: [HeaderName; 7] = [
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
    PRIVATE_ALLOWED,
];

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

    /// Caches must know what an answer depends on, also where nothing is allowed.
    fn vary(&self, exchange: &mut Exchange) {
        let by = match exchange.preflight {
            true => BY_PREFLIGHT,
            false if matches!(self.origins, Origins::Any) => return,
            false => BY_ORIGIN,
        };
        exchange.reply_header(Mode::Append, header::VARY, by);
        if exchange.preflight && self.private_network {
            exchange.reply_header(Mode::Append, header::VARY, BY_PRIVATE);
        }
    }
}

/// The one origin of a request. Two of them are none.
fn the_origin(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    origins.next().filter(|_| origins.next().is_none())
}

/// The policy as a guard. It only stamps headers: whoever runs it runs [`Preflights`] as well.
struct Sharing(Cors);

impl Guard for Sharing {
    fn name(&self) -> &'static str {
        "cors"
    }

    fn phase(&self) -> Phase {
        Phase::Record
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let rules = &*self.0.0;
        let has_origin = exchange.headers().contains_key(header::ORIGIN);
        exchange.preflight = has_origin && asked_method(exchange).is_some();
        rules.vary(exchange);
        if has_origin {
            exchange.reply_without(&SAID);
        } else if !matches!(rules.origins, Origins::Any) {
            return Ok(Flow::Continue);
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
        Cow::Owned(self.0.to_string())
    }

    fn findings(&self, report: &mut Findings) {
        let rules = &*self.0.0;
        let Origins::Some(origins) = &rules.origins else { return };
        if !rules.credentials {
            return;
        }
        report.mark("credentials", 0);
        let broad = origins.iter().find_map(|origin| match origin {
            Origin::Label { .. } => Some("every name below a domain"),
            Origin::Chosen(_) => Some("whatever a closure chooses"),
            Origin::Null => Some("`null`, which any sandboxed page has for an origin"),
            Origin::Exact(_) => None,
        });
        if let Some(broad) = broad {
            let evidence = format!("credentials are sent along by {broad}");
            report.add(&rule::BROAD_ORIGINS, self.name(), evidence);
        }
        if let Some(plain) = origins.iter().find(|origin| origin.is_plain()) {
            let evidence = format!("credentials are sent along by `{plain}`");
            report.add(&rule::PLAIN_ORIGIN, self.name(), evidence);
        }
    }
}

impl CorsBuilder {
    /// The policy as a guard, for those who answer preflights too.
    pub(crate) fn sharing(self) -> Result<Arc<dyn Guard>, ConfigError> {
        self.build().map(|cors| Arc::new(Sharing(cors)) as _)
    }
}

impl<S> Layer<S> for Cors {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        let guards: [Arc<dyn Guard>; 2] = [Arc::new(Sharing(self.clone())), Arc::new(Preflights)];
        let stack = Stack { env: Arc::new(Env::alone()), guards: guards.into() };
        Guarded::new(Arc::new(stack), inner)
    }
}

impl fmt::Display for Cors {
    /// As the manifest says it: who may read, with which methods and headers beside the plain ones.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = &*self.0;
        write!(f, "read by {}", rules.origins)?;
        f.write_str(if rules.credentials { ", with credentials" } else { "" })?;
        for (what, value) in [("methods", &rules.methods), ("headers", &rules.headers)] {
            if let Some(value) = value.as_ref().and_then(|value| value.to_str().ok()) {
                write!(f, "; {what} {value}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Cors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cors({self})")
    }
}
