//! The guard itself: from a delivery to its sender.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
    hmac,
};
use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};

use super::{
    SCHEME, WebhookBuilder,
    delivery::Delivery,
    fault::{Kind, WebhookFault},
    form::Form,
};
use crate::{
    answer::Answer,
    auth::{
        StoreError,
        replay::{ReplayKey, ReplayStore},
    },
    context::Principal,
    guard::{Exchange, Flow, Guard, Needs, Phase},
    inspect::{Findings, rule},
    rejection::{Reason, Rejection},
    service::guard_layer,
};

/// Takes deliveries that a sender signed, and no others.
///
/// It is a [`Guard`] for the route of one sender. See the [module](super) for what it does.
#[derive(Clone)]
pub struct Webhook(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) form: Form,
    pub(super) keys: Vec<hmac::Key>,
    pub(super) principal: Principal,
    pub(super) tolerance: Duration,
    pub(super) remember: Duration,
    pub(super) replays: Option<Arc<dyn ReplayStore>>,
    pub(super) challenge: HeaderValue,
}

impl Webhook {
    /// Deliveries of GitHub, and of those that sign as it does: `X-Hub-Signature-256`, an HMAC of the
    /// body by a secret of at least 32 characters.
    pub fn github(secret: impl Into<String>) -> WebhookBuilder {
        WebhookBuilder::new(Form::GitHub, secret.into())
    }

    /// Events of Stripe: `Stripe-Signature`, by the endpoint's signing secret, `whsec_…`.
    pub fn stripe(secret: impl Into<String>) -> WebhookBuilder {
        WebhookBuilder::new(Form::Stripe, secret.into())
    }

    /// Messages by [Standard Webhooks](https://www.standardwebhooks.com), with the symmetric `v1`:
    /// `webhook-id`, `webhook-timestamp` and `webhook-signature`, by a secret `whsec_` and at least
    /// 24 bytes in base64.
    pub fn standard(secret: impl Into<String>) -> WebhookBuilder {
        WebhookBuilder::new(Form::Standard, secret.into())
    }

    /// Whether the sender signed these very bytes, not too long ago; the time now is since the Unix
    /// epoch. A replay is not looked for.
    ///
    /// # Errors
    /// When there is no signature, or none by a live secret; when its time is out of the tolerance.
    pub fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Duration,
    ) -> Result<(), WebhookFault> {
        self.judge(&self.0.form.read(headers)?, body, now).map(|_| ())
    }

    /// As [`verify`](Self::verify); until when the delivery has to be remembered.
    fn judge(
        &self,
        delivery: &Delivery,
        body: &[u8],
        now: Duration,
    ) -> Result<Duration, WebhookFault> {
        if !self.is_signed(delivery, body) {
            return Err(WebhookFault::invalid("a signature that no live secret made"));
        }
        let Some(sent) = delivery.sent else {
            return Ok(now.saturating_add(self.0.remember));
        };
        let end = sent.saturating_add(self.0.tolerance);
        if sent > now.saturating_add(self.0.tolerance) {
            return Err(WebhookFault::invalid("a delivery that is sent in the future"));
        }
        if now >= end {
            return Err(WebhookFault::expired("a delivery that was sent too long ago"));
        }
        Ok(end)
    }

    /// Every secret and every signature is compared, whichever fits.
    fn is_signed(&self, delivery: &Delivery, body: &[u8]) -> bool {
        let mut is_signed = false;
        for key in &self.0.keys {
            let mut context = hmac::Context::with_key(key);
            context.update(&delivery.prefix);
            context.update(body);
            let tag = context.sign();
            for signature in &delivery.signatures {
                is_signed |= verify_slices_are_equal(tag.as_ref(), signature).is_ok();
            }
        }
        is_signed
    }

    /// Marks the delivery as taken; not while a request is only played through or a guard is on trial.
    fn spend(
        &self,
        exchange: &mut Exchange,
        delivery: &Delivery,
        body: &[u8],
        until: Duration,
    ) -> Answer<Result<(), Rejection>> {
        let is_real = exchange.trial.is_none() && !exchange.is_rehearsal();
        let Some(store) = self.0.replays.as_ref().filter(|_| is_real) else {
            return Answer::Now(Ok(()));
        };
        let hash = digest(&SHA256, body);
        let sender = self.0.principal.subject().as_bytes();
        let key = ReplayKey::of(SCHEME, &[sender, &delivery.prefix, hash.as_ref()]);
        let guard = self.clone();
        let told = move |first: Result<bool, StoreError>| match first {
            Ok(true) => Ok(()),
            Ok(false) => {
                Err(guard.refuse(WebhookFault::invalid("a delivery that was taken before")))
            }
            Err(error) => Err(error.refusal("a store that answers")),
        };
        match store.consume(key, until, exchange.unix()) {
            Answer::Now(first) => Answer::Now(told(first)),
            Answer::Later(first) => Answer::later(async move { told(first.await) }),
        }
    }

    #[cold]
    fn refuse(&self, fault: WebhookFault) -> Rejection {
        let reason = match fault.kind {
            Kind::Absent => Reason::MissingCredentials,
            Kind::Invalid => Reason::InvalidCredentials,
            Kind::Expired => Reason::ExpiredCredentials,
        };
        Rejection::new(reason)
            .expected("a delivery that its sender signed")
            .found(fault.to_string())
            .header(WWW_AUTHENTICATE, self.0.challenge.clone())
    }
}

impl Guard for Webhook {
    fn name(&self) -> &'static str {
        SCHEME
    }

    fn phase(&self) -> Phase {
        Phase::Authenticate
    }

    fn needs(&self) -> Needs {
        Needs::BODY
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let delivery = self.0.form.read(exchange.headers()).map_err(|fault| self.refuse(fault))?;
        exchange.set_principal(self.0.principal.clone());
        exchange.claim();
        let guard = self.clone();
        exchange.read_body(usize::MAX, move |exchange, body| {
            let now = exchange.unix();
            let until = guard.judge(&delivery, body, now).map_err(|fault| guard.refuse(fault))?;
            match guard.spend(exchange, &delivery, body, until) {
                Answer::Now(spent) => {
                    spent?;
                    exchange.prove();
                }
                Answer::Later(spending) => exchange.wait(Flow::suspend(|exchange| {
                    Box::pin(async move {
                        spending.await?;
                        exchange.prove();
                        Ok(Flow::Continue)
                    })
                })),
            }
            Ok(None)
        });
        Ok(Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        let (form, sender) = (self.0.form, self.0.principal.subject());
        let age = match form.has_time() {
            true => format!(", {} s old at most", self.0.tolerance.as_secs()),
            false => String::new(),
        };
        Cow::Owned(format!("{}, signed by {sender}{age}", form.header()))
    }

    fn findings(&self, report: &mut Findings) {
        if self.0.replays.is_none() {
            let text = format!(
                "deliveries of {} are taken as often as they come",
                self.0.principal.subject()
            );
            report.add(&rule::SIGNATURE_REPLAY, SCHEME, text);
        }
    }
}

guard_layer!(Webhook);

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("form", &self.0.form)
            .field("sender", &self.0.principal.subject())
            .finish_non_exhaustive()
    }
}
