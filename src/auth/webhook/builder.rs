//! How a webhook is set up.

use std::{fmt, sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderValue;
use zeroize::Zeroizing;

use super::{SCHEME, Webhook, form::Form, guard::Inner};
use crate::{
    auth::replay::{MemoryReplays, ReplayStore},
    context::Principal,
    error::{ConfigError, Mistakes},
    guard::{Guard, IntoGuard},
};

const TOLERANCE: Duration = Duration::from_secs(300);
const MOST_TOLERANCE: Duration = Duration::from_secs(3600);
/// How long a delivery without a time of its own is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);
/// The shortest secret, in bytes.
const LEAST_SECRET: usize = 32;
/// The shortest secret in base64, in bytes, as Standard Webhooks has it.
const LEAST_DECODED: usize = 24;
const MOST_SECRETS: usize = 4;

/// Builds a [`Webhook`]; see [`Webhook::github`], [`Webhook::stripe`] and [`Webhook::standard`].
pub struct WebhookBuilder {
    form: Form,
    secrets: Vec<Zeroizing<String>>,
    sender: String,
    tolerance: Duration,
    remember: Duration,
    replays: Option<Arc<dyn ReplayStore>>,
}

impl WebhookBuilder {
    pub(super) fn new(form: Form, secret: String) -> Self {
        Self {
            form,
            secrets: vec![Zeroizing::new(secret)],
            sender: form.sender().to_owned(),
            tolerance: TOLERANCE,
            remember: REMEMBERED,
            replays: Some(Arc::new(MemoryReplays::default())),
        }
    }

    /// Another live secret, while one takes the place of the other. At most 4 in all.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secrets.push(Zeroizing::new(secret.into()));
        self
    }

    /// Who the sender is: the subject of the principal, under the issuer `webhook`. Default `github`,
    /// `stripe` or `standard`.
    pub fn sender(mut self, name: impl Into<String>) -> Self {
        self.sender = name.into();
        self
    }

    /// How far the time of a delivery may be from ours, either way. Default 300 seconds, at most an
    /// hour. GitHub's have no time.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// How long a delivery without a time of its own is remembered, so that it is taken once. Default
    /// 24 hours; others are remembered as long as their time counts.
    pub fn remember(mut self, time: Duration) -> Self {
        self.remember = time;
        self
    }

    /// Where deliveries that were taken are kept. Default the memory of this process, for 100,000.
    pub fn with_replays(mut self, store: impl ReplayStore) -> Self {
        self.replays = Some(Arc::new(store));
        self
    }

    /// Choices that weaken the protection. Each is reported by the self-audit.
    pub fn dangerous(self) -> DangerousWebhook {
        DangerousWebhook(self)
    }

    /// The guard.
    ///
    /// # Errors
    /// When a secret is short or not in the sender's form, there are more than 4, or a time is out of
    /// its range.
    pub fn build(self) -> Result<Webhook, ConfigError> {
        let mut mistakes = Mistakes::default();
        let mut keys = Vec::with_capacity(self.secrets.len());
        for secret in &self.secrets {
            match key(self.form, secret) {
                Ok(key) => keys.push(key),
                Err((problem, remedy)) => mistakes.push("secret", "", problem, remedy),
            }
        }
        if self.secrets.len() > MOST_SECRETS {
            let count = self.secrets.len().to_string();
            let remedy = "leave the live ones, two while you rotate";
            mistakes.push("secret", count, "are more than 4 secrets", remedy);
        }
        if self.sender.is_empty() {
            mistakes.push("sender", "", "is empty", "name the sender, `github` say");
        }
        if self.tolerance.is_zero() || self.tolerance > MOST_TOLERANCE {
            let given = format!("{:?}", self.tolerance);
            let remedy = "write between 1 and 3600 seconds";
            mistakes.push("tolerance", given, "is out of its range", remedy);
        }
        mistakes.refuse_zero("remember", self.remember);
        mistakes.finish()?;
        let challenge = format!("Webhook header=\"{}\"", self.form.header());
        let principal = Principal::builder(SCHEME, self.sender).scheme(SCHEME).build();
        Ok(Webhook(Arc::new(Inner {
            form: self.form,
            keys,
            principal,
            tolerance: self.tolerance,
            remember: self.remember,
            replays: self.replays,
            challenge: HeaderValue::try_from(challenge)
                .unwrap_or(HeaderValue::from_static("Webhook")),
        })))
    }
}

/// The key that a secret stands for.
fn key(form: Form, secret: &str) -> Result<hmac::Key, (&'static str, &'static str)> {
    const RANDOM: &str = "let it be random, `openssl rand -hex 32` say";
    const COPY: &str = "copy the endpoint's signing secret, which begins with `whsec_`";
    let short = || ("is short, and can be guessed", RANDOM);
    let of = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
    match form {
        Form::GitHub if secret.len() < LEAST_SECRET => Err(short()),
        Form::GitHub => Ok(of(secret.as_bytes())),
        Form::Stripe if !secret.starts_with("whsec_") => {
            Err(("is not the signing secret of an endpoint", COPY))
        }
        Form::Stripe if secret.len() < LEAST_SECRET => Err(short()),
        Form::Stripe => Ok(of(secret.as_bytes())),
        Form::Standard => {
            let text = secret.strip_prefix("whsec_").unwrap_or(secret);
            let bytes = STANDARD.decode(text).map(Zeroizing::new);
            let bytes = bytes.map_err(|_| ("is not `whsec_` and base64", COPY))?;
            if bytes.len() < LEAST_DECODED { Err(short()) } else { Ok(of(&bytes)) }
        }
    }
}

impl IntoGuard for WebhookBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        Ok(Arc::new(self.build()?))
    }
}

impl fmt::Debug for WebhookBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookBuilder")
            .field("form", &self.form)
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}

/// Choices of a [`WebhookBuilder`] that weaken the protection; see [`WebhookBuilder::dangerous`].
#[must_use = "choose, and the builder comes back"]
#[derive(Debug)]
pub struct DangerousWebhook(WebhookBuilder);

impl DangerousWebhook {
    /// Takes a delivery as often as it comes, for a handler that tells by itself what it has done.
    pub fn allow_replays(mut self) -> WebhookBuilder {
        self.0.replays = None;
        self.0
    }
}
