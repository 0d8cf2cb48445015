//! How a signer is set up.

use std::{fmt, sync::Arc, time::Duration};

use sfv::{KeyRef, StringRef};

use super::{Signer, SigningKey};
use crate::{
    auth::signature::Component,
    clock::{Clock, SystemClock},
    error::{ConfigError, Mistakes},
};

/// What a signer covers, unless told otherwise.
const COMPONENTS: [&str; 4] = ["@method", "@authority", "@path", "@query"];

/// Builds a [`Signer`]; see [`Signer::builder`].
pub struct SignerBuilder {
    keyid: String,
    key: SigningKey,
    label: String,
    components: Vec<String>,
    tag: Option<String>,
    expires_after: Option<Duration>,
    nonce: bool,
    clock: Arc<dyn Clock>,
}

impl SignerBuilder {
    pub(super) fn new(keyid: String, key: SigningKey) -> Self {
        Self {
            keyid,
            key,
            label: "sig".to_owned(),
            components: COMPONENTS.map(str::to_owned).into(),
            tag: None,
            expires_after: None,
            nonce: true,
            clock: Arc::new(SystemClock::default()),
        }
    }

    /// The name of the signature within the message. Default `sig`.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Covers one more [`Component`], which every request must have. Default `@method`, `@authority`,
    /// `@path` and `@query`; what a request has of `content-type` and content is covered always.
    pub fn component(mut self, component: impl Into<String>) -> Self {
        self.components.push(component.into());
        self
    }

    /// Covers these components in place of the default ones.
    pub fn components<T: Into<String>>(mut self, components: impl IntoIterator<Item = T>) -> Self {
        self.components = components.into_iter().map(Into::into).collect();
        self
    }

    /// What the signature is made for, as the verifier asks for it. Default none.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// How long a signature counts, in whole seconds. Default not said: the verifier's window counts.
    pub fn expires_after(mut self, after: Duration) -> Self {
        self.expires_after = Some(after);
        self
    }

    /// Sends no nonce, for a verifier that knows none. Default 16 random bytes with each request.
    pub fn without_nonce(mut self) -> Self {
        self.nonce = false;
        self
    }

    /// The clock that `created` is read from. Default the system's.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The signer.
    ///
    /// # Errors
    /// When the label is not a key of a structured field, the key's id or the tag not printable
    /// ASCII, or a component not one that requests have; when signatures end as they begin.
    pub fn build(self) -> Result<Signer, ConfigError> {
        let mut mistakes = Mistakes::default();
        if KeyRef::from_str(&self.label).is_err() {
            mistakes.push(
                "label",
                &*self.label,
                "is not a label",
                "write lower-case letters, digits, `_` and `-`, beginning with a letter",
            );
        }
        let texts = [("keyid", Some(&self.keyid)), ("tag", self.tag.as_ref())];
        for (setter, text) in texts.into_iter().filter_map(|(setter, text)| Some((setter, text?))) {
            if text.is_empty() || text.len() > 256 || StringRef::from_str(text).is_err() {
                mistakes.push(
                    setter,
                    &**text,
                    "is not 1 to 256 characters of printable ASCII",
                    "write letters and digits",
                );
            }
        }
        let components = read(&mut mistakes, "component", &self.components);
        if self.expires_after.is_some_and(|after| after < Duration::from_secs(1)) {
            mistakes.push(
                "expires_after",
                "0s",
                "is over as it begins",
                "write how many seconds a signature counts",
            );
        }
        mistakes.finish()?;
        Ok(Signer(Arc::new(super::Inner {
            keyid: self.keyid,
            key: self.key,
            label: self.label,
            components,
            tag: self.tag,
            expires_after: self.expires_after,
            nonce: self.nonce,
            clock: self.clock,
        })))
    }
}

/// Components of a request, each at most once.
pub(in crate::auth::signature) fn read(
    mistakes: &mut Mistakes,
    setter: &'static str,
    texts: &[String],
) -> Vec<Component> {
    let mut components: Vec<Component> = Vec::with_capacity(texts.len());
    for text in texts {
        match text.parse::<Component>() {
            Ok(component) if component.is_of_requests() => {
                if !components.contains(&component) {
                    components.push(component);
                }
            }
            Ok(_) => mistakes.push(
                setter,
                &**text,
                "is not a part of a request",
                "name a part of requests, `@method` say",
            ),
            Err(error) => mistakes.push(
                setter,
                &**text,
                format!("cannot be covered: {error}"),
                "write it as RFC 9421 does, `@method` or `content-type` say",
            ),
        }
    }
    components
}

impl fmt::Debug for SignerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignerBuilder")
            .field("keyid", &self.keyid)
            .field("key", &self.key)
            .field("components", &self.components)
            .finish_non_exhaustive()
    }
}
