//! How the scheme is set up.

use std::{fmt, sync::Arc, time::Duration};

use http::HeaderValue;
use sfv::{KeyRef, StringRef};

use super::{
    MessageSignatures, SignatureKeys,
    demand::{DEFAULT, Demand},
    origin::Origin,
    scheme::{Inner, Window},
    signer::read,
};
use crate::{
    auth::{
        replay::{MemoryReplays, ReplayStore},
        scheme_builder,
    },
    error::{ConfigError, Mistakes},
};

const MAX_AGE: Duration = Duration::from_secs(300);
const CLOCK_SKEW: Duration = Duration::from_secs(30);
/// Who signs a request long before it is sent has no need of a signature of the request.
const MOST_AGE: Duration = Duration::from_secs(3600);

/// Builds a [`MessageSignatures`]; see [`MessageSignatures::builder`].
pub struct MessageSignaturesBuilder {
    keys: Arc<dyn SignatureKeys>,
    components: Vec<String>,
    where_present: Vec<String>,
    replaced: bool,
    label: Option<String>,
    tag: Option<String>,
    origin: Option<String>,
    max_age: Duration,
    clock_skew: Duration,
    replays: Arc<dyn ReplayStore>,
    nonce: bool,
    content: bool,
}

impl MessageSignaturesBuilder {
    pub(super) fn new(keys: Arc<dyn SignatureKeys>) -> Self {
        Self {
            keys,
            components: DEFAULT.map(str::to_owned).into(),
            where_present: Vec::new(),
            replaced: false,
            label: None,
            tag: None,
            origin: None,
            max_age: MAX_AGE,
            clock_skew: CLOCK_SKEW,
            replays: Arc::new(MemoryReplays::default()),
            nonce: false,
            content: true,
        }
    }

    /// One more [`Component`](super::Component) that every signature has to cover, `content-type` say.
    /// A request without it is refused. Default `@method`, `@authority`, `@path`, `@query` where there
    /// is one, and `content-digest` where there is content; `@target-uri` covers the last three of
    /// the derived ones too.
    pub fn require(mut self, component: impl Into<String>) -> Self {
        self.components.push(component.into());
        self
    }

    /// One more field that a signature has to cover wherever a request has it, `content-type` say:
    /// whoever adds it on the way is refused. `Accept-Signature` does not ask for it, since a request
    /// need not have it. Default none.
    pub fn cover(mut self, field: impl Into<String>) -> Self {
        self.where_present.push(field.into());
        self
    }

    /// Looks at the signature with this label only; others are not ours. Default any.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Looks at the signature with this `tag` only, which says what it was made for. Default any.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// The scheme and host that clients call, `https://api.example`, where a proxy in front changes
    /// them. Default what the request says: the target's authority or `Host`, and `https` where the
    /// connection or a trusted proxy says so.
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// How old a signature may be. Default 300 seconds, at most an hour.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// How far a signer's clock may be ahead of ours. Default 30 seconds, at most 300.
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.clock_skew = skew;
        self
    }

    /// Refuses signatures without a nonce. Default: a nonce that is there counts once, and without one
    /// a request may be sent again while its signature is young.
    pub fn require_nonce(mut self) -> Self {
        self.nonce = true;
        self
    }

    /// Where used nonces are kept. Default the memory of this process, for 100,000.
    pub fn with_replays(mut self, store: impl ReplayStore) -> Self {
        self.replays = Arc::new(store);
        self
    }

    /// Choices that weaken the protection. Each is reported by the self-audit.
    pub fn dangerous(self) -> DangerousMessageSignatures {
        DangerousMessageSignatures(self)
    }

    /// The scheme.
    ///
    /// # Errors
    /// When a component cannot be covered by a request, the label or the tag cannot stand in a field,
    /// the origin is not a scheme and a host, or a time is out of its range.
    pub fn build(self) -> Result<MessageSignatures, ConfigError> {
        let mut mistakes = Mistakes::default();
        let components = read(&mut mistakes, "require", &self.components);
        let where_present = read(&mut mistakes, "cover", &self.where_present);
        if let Some(label) = self.label.as_deref().filter(|label| KeyRef::from_str(label).is_err())
        {
            mistakes.push(
                "label",
                label,
                "is not a label",
                "write lower-case letters, digits, `_` and `-`, beginning with a letter",
            );
        }
        let is_tag = |tag: &str| (1..=256).contains(&tag.len()) && StringRef::from_str(tag).is_ok();
        if let Some(tag) = self.tag.as_deref().filter(|tag| !is_tag(tag)) {
            let problem = "is not 1 to 256 characters of printable ASCII";
            mistakes.push("tag", tag, problem, "write what the signers send as `tag`");
        }
        let origin = self.origin.as_deref().and_then(|text| {
            let origin = Origin::parse(text);
            if origin.is_none() {
                let problem = "is not a scheme and a host";
                mistakes.push("origin", text, problem, "write it as `https://api.example`");
            }
            origin
        });
        within(&mut mistakes, "max_age", self.max_age, MOST_AGE);
        if self.clock_skew > MAX_AGE {
            within(&mut mistakes, "clock_skew", self.clock_skew, MAX_AGE);
        }
        mistakes.finish()?;
        let demand = Demand { components, where_present, content: self.content, nonce: self.nonce };
        let label = self.label.as_deref().unwrap_or("sig");
        let invitation = HeaderValue::try_from(demand.invitation(label, self.tag.as_deref())).ok();
        Ok(MessageSignatures(Arc::new(Inner {
            keys: self.keys,
            demand,
            label: self.label,
            tag: self.tag,
            origin,
            window: Window { past: self.max_age, ahead: self.clock_skew },
            replays: self.replays,
            invitation,
            replaced: self.replaced,
        })))
    }
}

fn within(mistakes: &mut Mistakes, setter: &'static str, given: Duration, most: Duration) {
    if given.is_zero() || given > most {
        let remedy = format!("write between 1 and {} seconds", most.as_secs());
        mistakes.push(setter, format!("{given:?}"), "is out of its range", remedy);
    }
}

scheme_builder!(MessageSignaturesBuilder);

impl fmt::Debug for MessageSignaturesBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageSignaturesBuilder")
            .field("components", &self.components)
            .field("label", &self.label)
            .field("tag", &self.tag)
            .finish_non_exhaustive()
    }
}

/// Choices of a [`MessageSignaturesBuilder`] that weaken the protection; see
/// [`MessageSignaturesBuilder::dangerous`].
#[must_use = "choose, and the builder comes back"]
#[derive(Debug)]
pub struct DangerousMessageSignatures(MessageSignaturesBuilder);

impl DangerousMessageSignatures {
    /// Asks for these components in place of the default ones. What is not covered can be changed on
    /// the way: a signature without `@path` is good for every path.
    pub fn components<T: Into<String>>(
        mut self,
        components: impl IntoIterator<Item = T>,
    ) -> MessageSignaturesBuilder {
        self.0.components = components.into_iter().map(Into::into).collect();
        self.0.replaced = true;
        self.0
    }

    /// Takes content that the signature does not cover. A digest that it does cover has to match
    /// still.
    pub fn unsigned_content(mut self) -> MessageSignaturesBuilder {
        self.0.content = false;
        self.0
    }
}
