//! The scheme itself: from a signature to a principal.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header::WWW_AUTHENTICATE};

use super::{
    Digests, KnownKey, Message, MessageSignaturesBuilder, SCHEME, SignatureFault, SignatureKeys,
    Signatures, Signed,
    demand::Demand,
    digest,
    fault::quote,
    message::Line,
    origin::Origin,
    signed::{INPUT, SIGNATURE},
};
use crate::{
    answer::Answer,
    auth::{
        Attempt, Scheme, StoreError,
        refusal::listing,
        replay::{ReplayKey, ReplayStore},
        scheme_guard,
    },
    guard::{Exchange, Flow},
    inspect::{Findings, rule},
    rejection::{Reason, Rejection},
    service::guard_layer,
};

const ACCEPT: HeaderName = HeaderName::from_static("accept-signature");
const WANT_DIGEST: HeaderName = HeaderName::from_static("want-content-digest");
const DIGESTS: HeaderValue = HeaderValue::from_static("sha-256=10, sha-512=9");
const CHALLENGE: HeaderValue = HeaderValue::from_static("Signature header=\"Signature-Input\"");

/// Authenticates callers by a signature over the request (RFC 9421).
///
/// It is a [`Scheme`], to stand beside others in an [`Authenticate`](crate::auth::Authenticate), and
/// a [`Guard`](crate::Guard) by itself. See the [module](super) for what it does.
#[derive(Clone)]
pub struct MessageSignatures(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) keys: Arc<dyn SignatureKeys>,
    pub(super) demand: Demand,
    pub(super) label: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) origin: Option<Origin>,
    pub(super) window: Window,
    pub(super) replays: Arc<dyn ReplayStore>,
    pub(super) invitation: Option<HeaderValue>,
    /// Whether the default components were replaced.
    pub(super) replaced: bool,
}

/// How old a signature may be, and how far ahead its signer's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) past: Duration,
    pub(super) ahead: Duration,
}

impl Window {
    /// Whether a signature counts now, and until when.
    fn check(
        self,
        created: Duration,
        expires: Option<Duration>,
        now: Duration,
    ) -> Result<Duration, SignatureFault> {
        if created > now.saturating_add(self.ahead) {
            return Err(SignatureFault::new("a signature that is made in the future"));
        }
        let end = created.saturating_add(self.past);
        let end = expires.map_or(end, |expires| expires.min(end));
        match now < end {
            true => Ok(end),
            false => Err(SignatureFault::expired("a signature whose time is over")),
        }
    }
}

/// A nonce to be used up once everything else holds.
struct Once {
    key: ReplayKey,
    until: Duration,
}

impl MessageSignatures {
    /// Begins a scheme over a store of keys.
    pub fn builder(keys: impl SignatureKeys) -> MessageSignaturesBuilder {
        MessageSignaturesBuilder::new(Arc::new(keys))
    }

    /// The signature that is meant for us; none where only others are there.
    fn select(&self, headers: &HeaderMap) -> Result<Option<Signed>, Rejection> {
        let all = Signatures::of(headers).map_err(|fault| self.refuse(&fault))?;
        let Inner { label, tag, .. } = &*self.0;
        let labels: Vec<&str> = match tag {
            Some(tag) => all.tagged(tag).collect(),
            None => all.labels().collect(),
        };
        let is_ours = |own: &&&str| label.as_deref().is_none_or(|label| label == **own);
        let mut ours = labels.iter().filter(is_ours);
        match (ours.next(), ours.next()) {
            (None, _) => Ok(None),
            (Some(label), None) => all.get(label).map(Some).map_err(|fault| self.refuse(&fault)),
            (Some(one), Some(other)) => Err(Rejection::new(Reason::AmbiguousCredentials)
                .detail("send one signature, or name the one that counts by its tag")
                .expected("one signature, or a label or tag that tells which one counts")
                .found(format!("signatures {} and {}", quote(one), quote(other)))),
        }
    }

    /// Everything that the head alone can tell.
    fn prove(
        &self,
        exchange: &mut Exchange,
        signed: &Signed,
        known: &KnownKey,
    ) -> Result<Option<Once>, SignatureFault> {
        let now = exchange.unix();
        let is_https = exchange.secure().is_some_and(|secure| secure.is_https());
        let uri = exchange.uri();
        let line = Line {
            method: exchange.method(),
            uri,
            is_absolute: uri.scheme().is_some() && exchange.head().version <= Version::HTTP_11,
            scheme: if is_https { "https" } else { "http" },
            origin: self.0.origin.as_ref(),
        };
        signed.verify(known.key(), &Message::of(line, exchange.headers()))?;
        let created = signed.created().unwrap_or_default();
        let until = self.0.window.check(created, signed.expires(), now)?;
        if known.principal().expires_at().is_some_and(|end| now >= end) {
            return Err(SignatureFault::expired("a key whose time is over"));
        }
        let keyid = signed.keyid().unwrap_or_default().as_bytes();
        let once = |nonce: &str| Once {
            key: ReplayKey::of("message-signature", &[keyid, nonce.as_bytes()]),
            until,
        };
        Ok(signed.nonce().map(once))
    }

    /// What is done once the key is known.
    fn judge(
        self,
        exchange: &mut Exchange,
        signed: &Signed,
        found: Result<Option<Arc<KnownKey>>, StoreError>,
    ) -> Result<Attempt, Rejection> {
        let known = found.map_err(|error| error.refusal("a store that answers"))?;
        let known = known.ok_or_else(|| {
            let keyid = quote(signed.keyid().unwrap_or_default());
            self.refuse(&SignatureFault::new(format!("the unknown key {keyid}")))
        })?;
        let once = self.prove(exchange, signed, &known).map_err(|fault| {
            let keyid = quote(signed.keyid().unwrap_or_default());
            self.refuse(&fault).found(format!("{fault}, of key {keyid}"))
        })?;
        let principal = known.principal().clone();
        match self.content(exchange, signed)? {
            Content::Free => match self.spend(exchange, once) {
                Answer::Now(spent) => spent.map(|()| Attempt::Verified(principal)),
                Answer::Later(spending) => Ok(Attempt::suspend(move |_| {
                    Box::pin(async move { spending.await.map(|()| Attempt::Verified(principal)) })
                })),
            },
            content => {
                exchange.claim();
                exchange.read_body(usize::MAX, move |exchange, bytes| {
                    let checked = match &content {
                        Content::Digested(digests) => digests.check(bytes),
                        _ if bytes.is_empty() => Ok(()),
                        _ => Err(SignatureFault::new("content that the signature does not cover")),
                    };
                    checked.map_err(|fault| self.late(exchange, self.refuse(&fault)))?;
                    match self.spend(exchange, once) {
                        Answer::Now(spent) => {
                            spent.map_err(|refusal| self.late(exchange, refusal))?;
                            exchange.prove();
                        }
                        Answer::Later(spending) => exchange.wait(Flow::suspend(|exchange| {
                            Box::pin(async move {
                                let spent = spending.await;
                                spent.map_err(|refusal| self.late(exchange, refusal))?;
                                exchange.prove();
                                Ok(Flow::Continue)
                            })
                        })),
                    }
                    Ok(None)
                });
                Ok(Attempt::Verified(principal))
            }
        }
    }

    /// How the content is bound to the signature. What the head says of its length is not relied
    /// on: the body itself is looked at.
    fn content(&self, exchange: &Exchange, signed: &Signed) -> Result<Content, Rejection> {
        let is_tunnel = *exchange.method() == Method::CONNECT && !exchange.is_extended_connect();
        if is_tunnel {
            return Ok(Content::Free);
        }
        if signed.components().iter().any(digest::binds) {
            let digests = Digests::of(exchange.headers()).map_err(|fault| self.refuse(&fault))?;
            return Ok(Content::Digested(digests));
        }
        Ok(if self.0.demand.content { Content::Absent } else { Content::Free })
    }

    /// Uses the nonce up; not while a request is only played through or a guard is on trial.
    fn spend(&self, exchange: &mut Exchange, once: Option<Once>) -> Answer<Result<(), Rejection>> {
        let is_real = exchange.trial.is_none() && !exchange.is_rehearsal();
        let Some(Once { key, until }) = once.filter(|_| is_real) else {
            return Answer::Now(Ok(()));
        };
        let scheme = self.clone();
        let told = move |first: Result<bool, StoreError>| match first {
            Ok(true) => Ok(()),
            Ok(false) => Err(scheme.refuse(&SignatureFault::new("a nonce that was used before"))),
            Err(error) => Err(error.refusal("a store that answers")),
        };
        match self.0.replays.consume(key, until, exchange.unix()) {
            Answer::Now(first) => Answer::Now(told(first)),
            Answer::Later(first) => Answer::later(async move { told(first.await) }),
        }
    }

    #[cold]
    fn refuse(&self, fault: &SignatureFault) -> Rejection {
        let (reason, expected) = match fault.is_expired() {
            true => (Reason::ExpiredCredentials, "a signature that still counts"),
            false => (Reason::InvalidCredentials, "a signature of a known key over the request"),
        };
        let refusal = Rejection::new(reason).expected(expected).found(fault.to_string());
        if fault.is_expired() { refusal.detail("the signature has expired") } else { refusal }
    }

    /// Lists the ways in of all schemes, once those have been asked.
    #[cold]
    fn late(&self, exchange: &Exchange, refusal: Rejection) -> Rejection {
        let refusal = match &exchange.context.unauthenticated {
            Some(missing) => listing(refusal, missing),
            None => self.invite(refusal),
        };
        refusal.by(SCHEME)
    }

    fn invite(&self, refusal: Rejection) -> Rejection {
        if refusal.status() != 401 {
            return refusal;
        }
        let refusal = refusal.header(WWW_AUTHENTICATE, CHALLENGE);
        let headers = self.invitations().into_iter();
        headers.fold(refusal, |refusal, (name, value)| refusal.header(name, value))
    }
}

enum Content {
    /// None, or none that matters.
    Free,
    /// There must be none.
    Absent,
    Digested(Digests),
}

impl Scheme for MessageSignatures {
    fn name(&self) -> &'static str {
        SCHEME
    }

    fn header(&self) -> Option<&HeaderName> {
        static HEADER: HeaderName = INPUT;
        Some(&HEADER)
    }

    fn joins_lines(&self) -> bool {
        true
    }

    fn is_presented(&self, exchange: &Exchange) -> bool {
        let headers = exchange.headers();
        if !headers.contains_key(INPUT) && !headers.contains_key(SIGNATURE) {
            return false;
        }
        let is_particular = self.0.label.is_some() || self.0.tag.is_some();
        // Where one is meant, another one is no credential; what cannot be read is.
        !is_particular || !matches!(self.select(headers), Ok(None))
    }

    fn authenticate(&self, exchange: &mut Exchange) -> Result<Attempt, Rejection> {
        let Some(signed) = self.select(exchange.headers())? else {
            return Ok(Attempt::Absent);
        };
        let has_query = exchange.uri().query().is_some();
        let demanded = self.0.demand.check(&signed, has_query, exchange.headers());
        demanded.map_err(|fault| self.refuse(&fault))?;
        let Some(keyid) = signed.keyid() else {
            return Err(self.refuse(&SignatureFault::new("a signature without `keyid`")));
        };
        let scheme = self.clone();
        match self.0.keys.find(keyid) {
            Answer::Now(found) => scheme.judge(exchange, &signed, found),
            Answer::Later(finding) => Ok(Attempt::suspend(move |exchange| {
                Box::pin(async move {
                    let found = finding.await;
                    scheme.judge(exchange, &signed, found)
                })
            })),
        }
    }

    fn challenges(&self) -> Vec<HeaderValue> {
        vec![CHALLENGE]
    }

    fn invitations(&self) -> Vec<(HeaderName, HeaderValue)> {
        let accept = self.0.invitation.iter().map(|value| (ACCEPT, value.clone()));
        let digest = self.0.demand.content.then_some((WANT_DIGEST, DIGESTS));
        accept.chain(digest).collect()
    }

    fn hide(&self, exchange: &mut Exchange) {
        let headers = exchange.head.headers.iter_mut().filter(|(name, _)| *name == SIGNATURE);
        headers.for_each(|(_, value)| value.set_sensitive(true));
    }

    fn summary(&self) -> Cow<'static, str> {
        let Inner { demand, window, .. } = &*self.0;
        let covered: Vec<_> = demand.components.iter().map(ToString::to_string).collect();
        let content = if demand.content { ", content by its digest" } else { "" };
        let nonce = if demand.nonce { ", with a nonce" } else { "" };
        let past = window.past.as_secs();
        Cow::Owned(format!("over {}{content}{nonce}, {past} s old at most", covered.join(" ")))
    }

    fn findings(&self, report: &mut Findings) {
        let Inner { demand, replaced, .. } = &*self.0;
        if *replaced {
            let covered: Vec<_> = demand.components.iter().map(ToString::to_string).collect();
            let text = format!("signatures have to cover {} only", covered.join(" "));
            report.add(&rule::THIN_SIGNATURE, SCHEME, text);
        }
        if !demand.content {
            let text = "content may be changed on the way, for signatures need not cover it";
            report.add(&rule::THIN_SIGNATURE, SCHEME, text);
        }
        if !demand.nonce {
            let text = "a signed request without a nonce may be sent again while it is young";
            report.add(&rule::SIGNATURE_REPLAY, SCHEME, text);
        }
    }
}

scheme_guard!(MessageSignatures);
guard_layer!(MessageSignatures);

impl fmt::Debug for MessageSignatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageSignatures")
            .field("components", &self.0.demand.components)
            .field("label", &self.0.label)
            .field("tag", &self.0.tag)
            .finish_non_exhaustive()
    }
}
