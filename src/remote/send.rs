//! One question and its answer, within bounds.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use zeroize::Zeroizing;

use super::address::is_private;
use super::builder::RemoteBuilder;
use super::connect::Connector;
use super::error::RemoteError;
use super::resolve::Hosts;
use super::url::RemoteUrl;

const MOST_REDIRECTS: usize = 3;
const KEEP_IDLE: Duration = Duration::from_secs(30);
/// Of the head of an answer.
const MAX_HEAD: usize = 64 << 10;

type Http = Client<HttpsConnector<Connector>, Full<Bytes>>;

/// The client that asks other servers; clones share its connections.
///
/// Made by [`Remote::builder`]; see the [module](super) for what it refuses. One that was not
/// swapped is built with the defaults by whoever needs it.
#[derive(Clone)]
pub struct Remote {
    inner: Arc<Inner>,
}

struct Inner {
    /// Two, since a connection to a private address must not be found by those who may not make one.
    private: Http,
    public: Http,
    hosts: Hosts,
    timeout: Duration,
    max_body: usize,
}

pub(super) struct Parts {
    pub(super) private: Connector,
    pub(super) public: Connector,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) hosts: Hosts,
    pub(super) timeout: Duration,
    pub(super) max_body: usize,
}

/// An answer that came whole.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Remote {
    /// Starts a client with the [defaults](super#defaults).
    pub fn builder() -> RemoteBuilder {
        RemoteBuilder::new()
    }

    pub(super) fn new(parts: Parts) -> Self {
        let client = |connector| {
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(KEEP_IDLE)
                .http1_max_buf_size(MAX_HEAD)
                .build(HttpsConnector::from((connector, parts.tls.clone())))
        };
        let inner = Inner {
            private: client(parts.private),
            public: client(parts.public),
            hosts: parts.hosts,
            timeout: parts.timeout,
            max_body: parts.max_body,
        };
        Self { inner: Arc::new(inner) }
    }

    /// How long an answer may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.inner.timeout
    }

    /// Fetches a document. Any status is an answer, but a redirect that leads away.
    pub(crate) async fn get(
        &self,
        url: &RemoteUrl,
        accept: &'static str,
    ) -> Result<Answered, RemoteError> {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        self.send(&Question { method: Method::GET, headers, body: Bytes::new() }, url).await
    }

    /// Sends a form (`application/x-www-form-urlencoded`), which may hold secrets.
    pub(crate) async fn post_form(
        &self,
        url: &RemoteUrl,
        mut headers: HeaderMap,
        form: &[(&str, &str)],
    ) -> Result<Answered, RemoteError> {
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, kind);
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        let body = Bytes::from_owner(encode(form));
        self.send(&Question { method: Method::POST, headers, body }, url).await
    }

    async fn send(&self, question: &Question, url: &RemoteUrl) -> Result<Answered, RemoteError> {
        let host = url.host();
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(RemoteError::Runtime { host: host.into() });
        }
        let limit = self.inner.timeout;
        match tokio::time::timeout(limit, self.follow(question, url)).await {
            Ok(answered) => answered,
            Err(_) => Err(RemoteError::Timeout { host: host.into(), limit }),
        }
    }

    async fn follow(&self, question: &Question, url: &RemoteUrl) -> Result<Answered, RemoteError> {
        let mut url = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let response = self.reach(question, &url).await?;
            let status = response.status();
            if !is_redirect(status) {
                return self.read(&url, response).await;
            }
            let keeps = matches!(status.as_u16(), 307 | 308) || question.method == Method::GET;
            let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            match location.filter(|_| keeps).and_then(|to| url.redirected(to)) {
                Some(next) => url = next,
                None => return Err(RemoteError::Redirect { host: url.host().into(), status }),
            }
        }
        let status = StatusCode::LOOP_DETECTED;
        Err(RemoteError::Redirect { host: url.host().into(), status })
    }

    /// Sends to wherever the one who named the URL may send us.
    async fn reach(
        &self,
        question: &Question,
        url: &RemoteUrl,
    ) -> Result<Response<Incoming>, RemoteError> {
        let Some(operator) = url.named_by() else {
            return question.send(&self.inner.private, url).await;
        };
        match question.send(&self.inner.public, url).await {
            Err(RemoteError::Address { address, .. })
                if is_private(address) && self.is_at_private_address(operator).await =>
            {
                question.send(&self.inner.private, url).await
            }
            answer => answer,
        }
    }

    async fn is_at_private_address(&self, url: &RemoteUrl) -> bool {
        let addresses = self.inner.hosts.addresses(url.host()).await.unwrap_or_default();
        !addresses.is_empty() && addresses.into_iter().all(is_private)
    }

    async fn read(
        &self,
        url: &RemoteUrl,
        response: Response<Incoming>,
    ) -> Result<Answered, RemoteError> {
        let limit = self.inner.max_body;
        let (head, body) = response.into_parts();
        // What is announced need not be waited for.
        if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
            return Err(RemoteError::TooLarge { host: url.host().into(), limit });
        }
        match Limited::new(body, limit).collect().await {
            Ok(body) => {
                let body = body.to_bytes();
                Ok(Answered { status: head.status, headers: head.headers, body })
            }
            Err(error) if error.is::<LengthLimitError>() => {
                Err(RemoteError::TooLarge { host: url.host().into(), limit })
            }
            Err(cause) => Err(RemoteError::Exchange { host: url.host().into(), cause }),
        }
    }
}

struct Question {
    method: Method,
    headers: HeaderMap,
    body: Bytes,
}

impl Question {
    async fn send(&self, http: &Http, url: &RemoteUrl) -> Result<Response<Incoming>, RemoteError> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = url.uri().clone();
        *request.headers_mut() = self.headers.clone();
        let agent = concat!("tower-parapet/", env!("CARGO_PKG_VERSION"));
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(agent));
        http.request(request).await.map_err(|error| RemoteError::of(url.host(), error))
    }
}

impl Answered {
    /// The body of an answer that is 200.
    pub(crate) fn ok(self, url: &RemoteUrl) -> Result<Self, RemoteError> {
        match self.status {
            StatusCode::OK => Ok(self),
            status => Err(RemoteError::Status { host: url.host().into(), status }),
        }
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// As browsers write a form (URL Standard, section 5.2).
fn encode(form: &[(&str, &str)]) -> Zeroizing<Vec<u8>> {
    // Each byte takes three at most, so that no part of a secret stays behind in a smaller buffer.
    let longest = form.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    let mut text = Zeroizing::new(Vec::with_capacity(longest));
    for (name, value) in form {
        if !text.is_empty() {
            text.push(b'&');
        }
        escape(name, &mut text);
        text.push(b'=');
        escape(value, &mut text);
    }
    text
}

fn escape(part: &str, text: &mut Vec<u8>) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    let digit = |value: u8| DIGITS.get(usize::from(value & 15)).copied().unwrap_or_default();
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => text.push(byte),
            b' ' => text.push(b'+'),
            _ => text.extend([b'%', digit(byte >> 4), digit(byte)]),
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("timeout", &self.inner.timeout)
            .field("max_body", &self.inner.max_body)
            .finish_non_exhaustive()
    }
}
