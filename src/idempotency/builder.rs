use std::{sync::Arc, time::Duration};

use http::{HeaderName, Method, header};

use crate::{
    compose::Patterns,
    error::{ConfigError, Mistakes},
    guard::{Guard, IntoGuard},
};

use super::{Idempotency, IdempotencyStore, guard::Inner, recorded::Keeps, response::REPLAYED};

const LONGEST_KEPT: Duration = Duration::from_secs(31 * 86_400);
const LONGEST_LOCK: Duration = Duration::from_secs(3_600);
const MOST_ANSWER: usize = 16 << 20;

/// The methods that are not idempotent by themselves (RFC 9110, section 9.2.2).
const USUAL: [Method; 2] = [Method::POST, Method::PATCH];

/// What a client needs to make sense of an answer.
const KEPT: [HeaderName; 9] = [
    header::CONTENT_TYPE,
    header::CONTENT_LANGUAGE,
    header::CONTENT_ENCODING,
    header::CONTENT_DISPOSITION,
    header::CONTENT_LOCATION,
    header::LOCATION,
    header::ETAG,
    header::LAST_MODIFIED,
    header::LINK,
];

/// Secrets of a caller, and what is about one connection or one moment.
const NEVER: [HeaderName; 17] = [
    header::SET_COOKIE,
    header::COOKIE,
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::WWW_AUTHENTICATE,
    header::PROXY_AUTHENTICATE,
    HeaderName::from_static("authentication-info"),
    HeaderName::from_static("proxy-authentication-info"),
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    header::DATE,
    REPLAYED,
];

/// Builds an [`Idempotency`]; see [`Idempotency::builder`].
#[must_use = "a builder does nothing until it is built"]
pub struct IdempotencyBuilder {
    store: Arc<dyn IdempotencyStore>,
    routes: Vec<String>,
    is_optional: bool,
    takes_bare: bool,
    keep: Duration,
    lock: Duration,
    max_answer: usize,
    headers: Vec<HeaderName>,
    mistakes: Mistakes,
}

impl IdempotencyBuilder {
    pub(super) fn new(store: Arc<dyn IdempotencyStore>) -> Self {
        Self {
            store,
            routes: Vec::new(),
            is_optional: false,
            takes_bare: false,
            keep: Duration::from_secs(86_400),
            lock: Duration::from_secs(60),
            max_answer: 256 << 10,
            headers: KEPT.to_vec(),
            mistakes: Mistakes::default(),
        }
    }

    /// The routes it is for, in the syntax of the policy table: `POST /orders`,
    /// `PUT /orders/{id}`. Without methods a route is for `POST` and `PATCH`. Default: every `POST`
    /// and `PATCH` that the guard sees, as on a route of its own.
    pub fn routes<T: Into<String>>(mut self, routes: impl IntoIterator<Item = T>) -> Self {
        self.routes.extend(routes.into_iter().map(Into::into));
        self
    }

    /// Lets requests without a key pass, which then may run twice. Default: 400.
    pub fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// Takes keys without quotes too, as many clients send them. Default: quoted strings only.
    pub fn bare_keys(mut self) -> Self {
        self.takes_bare = true;
        self
    }

    /// How long an answer is kept, a minute to 31 days. Default 24 hours.
    pub fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    /// How long a key stays locked where nobody says how the request ended, because the process
    /// died: a second to an hour, and never less than 10 s above the handler's deadline. Default 60 s.
    pub fn lock(mut self, lock: Duration) -> Self {
        self.lock = lock;
        self
    }

    /// The longest body of an answer that is kept, in bytes, up to 16 MiB. Default 256 KiB. Of longer
    /// ones only the status is.
    pub fn max_answer(mut self, bytes: usize) -> Self {
        self.max_answer = bytes;
        self
    }

    /// Keeps another header of the answer. Kept are `Content-Type`, `Content-Language`,
    /// `Content-Encoding`, `Content-Disposition`, `Content-Location`, `Location`, `ETag`,
    /// `Last-Modified` and `Link`; cookies, credentials and challenges can never be.
    pub fn keep_header(mut self, name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        match name.parse::<HeaderName>() {
            Ok(known) if NEVER.contains(&known) => {
                let problem = "is about one caller, one connection or one moment";
                let remedy = "let the handler send it again, outside of what is kept";
                self.mistakes.push("keep_header", name, problem, remedy);
            }
            Ok(known) if self.headers.contains(&known) => {}
            Ok(known) => self.headers.push(known),
            Err(_) => {
                let remedy = "write letters, digits and `-`, as in `x-order`";
                self.mistakes.push("keep_header", name, "is not a header name", remedy);
            }
        }
        self
    }

    /// The guard.
    ///
    /// # Errors
    /// When a value cannot be used; the error lists every one of them.
    pub fn build(mut self) -> Result<Idempotency, ConfigError> {
        let mut mistakes = std::mem::take(&mut self.mistakes);
        let patterns = Patterns::read("routes", &self.routes, &USUAL, &mut mistakes);
        let safe = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE];
        for method in safe {
            for route in self.routes.iter().filter(|route| names(route, &method)) {
                let problem = format!("has `{method}`, which changes nothing and needs no key");
                mistakes.push("routes", route, problem, "name `POST`, `PATCH`, `PUT` or `DELETE`");
            }
        }
        let least = Duration::from_secs(1);
        if !(Duration::from_secs(60)..=LONGEST_KEPT).contains(&self.keep) {
            let value = format!("{:?}", self.keep);
            mistakes.push("keep", value, "is out of range", "write a minute to 31 days");
        }
        if !(least..=LONGEST_LOCK).contains(&self.lock) {
            let value = format!("{:?}", self.lock);
            mistakes.push("lock", value, "is out of range", "write a second to an hour");
        }
        if !(1..=MOST_ANSWER).contains(&self.max_answer) {
            let remedy = format!("write 1 to {MOST_ANSWER}");
            mistakes.push("max_answer", self.max_answer.to_string(), "is out of range", remedy);
        }
        mistakes.finish()?;
        Ok(Idempotency(Arc::new(Inner {
            summary: self.summary(&patterns),
            patterns: (!patterns.is_empty()).then_some(patterns),
            store: self.store,
            is_optional: self.is_optional,
            takes_bare: self.takes_bare,
            keep: self.keep,
            lock: self.lock,
            keeps: Arc::new(Keeps { headers: self.headers, longest: self.max_answer }),
        })))
    }

    fn summary(&self, patterns: &Patterns) -> String {
        let routes = if patterns.is_empty() { "POST and PATCH".into() } else { patterns.list() };
        let key = if self.is_optional { "may have" } else { "must have" };
        let (longest, keep) = (self.max_answer, self.keep.as_secs_f64());
        let text = format!(
            "{routes}: {key} a key; answers of up to {longest} bytes are kept for {keep} s"
        );
        match self.store.summary() {
            store if store.is_empty() => text,
            store => format!("{text}, {store}"),
        }
    }
}

/// Whether a route names a method.
fn names(route: &str, method: &Method) -> bool {
    let methods = route.trim().rsplit_once(' ').map_or("", |(methods, _)| methods);
    methods.split([',', ' ']).any(|name| name == method.as_str())
}

impl IntoGuard for IdempotencyBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        self.build()?.into_guard()
    }
}

impl std::fmt::Debug for IdempotencyBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdempotencyBuilder")
            .field("routes", &self.routes)
            .field("keep", &self.keep)
            .field("lock", &self.lock)
            .finish_non_exhaustive()
    }
}
