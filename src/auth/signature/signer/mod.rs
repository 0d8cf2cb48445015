//! The other side: signing requests to others.

mod builder;
mod key;
mod layer;

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, header::CONTENT_TYPE, request};
use sfv::{Integer, Item, Parameters, StringRef, key_ref};

pub(super) use builder::read;

pub use builder::SignerBuilder;
pub use key::SigningKey;
pub use layer::Signing;

use super::{
    Component, Message, SignatureFault, digest,
    signed::{self, INPUT, SIGNATURE},
    strict,
};
use crate::clock::Clock;

/// Signs requests (RFC 9421) with a digest of their content (RFC 9530). Cheap to clone.
///
/// It is a client's [`Layer`](tower_layer::Layer) too: [`Signing`] reads the body of each request,
/// signs it, and hands it on.
///
/// # Example
/// ```
/// use tower_parapet::auth::signature::{Signer, SigningKey};
///
/// let signer = Signer::builder("robot-1", SigningKey::shared([7; 32])?).build()?;
/// let (mut head, body) =
///     http::Request::post("https://api.example/orders").body(r#"{"item":1}"#)?.into_parts();
/// signer.sign(&mut head, body.as_bytes())?;
/// assert!(head.headers.contains_key("signature-input"));
/// assert!(head.headers.contains_key("content-digest"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Signer(Arc<Inner>);

struct Inner {
    keyid: String,
    key: SigningKey,
    label: String,
    components: Vec<Component>,
    tag: Option<String>,
    expires_after: Option<Duration>,
    nonce: bool,
    clock: Arc<dyn Clock>,
}

impl Signer {
    /// Begins a signer with a key and the name the verifier knows it by.
    pub fn builder(keyid: impl Into<String>, key: SigningKey) -> SignerBuilder {
        SignerBuilder::new(keyid.into(), key)
    }

    /// Signs a request whose whole content is `content`, in place of what signature it has. With
    /// content, or where `content-digest` was asked for, the digest is set first.
    ///
    /// The URI names the host, or else the `Host` field does.
    ///
    /// # Errors
    /// When the request lacks what is to be covered.
    pub fn sign(&self, head: &mut request::Parts, content: &[u8]) -> Result<(), SignatureFault> {
        let unusable = || SignatureFault::new("a value that does not fit into a field");
        let mut covered = self.0.components.clone();
        let mut cover = |name: &str| {
            let component = name.parse::<Component>()?;
            if !covered.iter().any(|other| other.is_field(name)) {
                covered.push(component);
            }
            Ok::<_, SignatureFault>(())
        };
        if head.headers.contains_key(CONTENT_TYPE) {
            cover(CONTENT_TYPE.as_str())?;
        }
        if !content.is_empty() {
            cover(digest::CONTENT_DIGEST.as_str())?;
        }
        if covered.iter().any(digest::binds) {
            let value = HeaderValue::try_from(digest::of(content)).map_err(|_| unusable())?;
            head.headers.insert(digest::CONTENT_DIGEST, value);
        }
        head.headers.remove(INPUT);
        head.headers.remove(SIGNATURE);
        let params = self.params(&covered).ok_or_else(unusable)?;
        let base = signed::base(&covered, &params, &Message::request(head))?;
        let signature = self.0.key.sign(base.as_bytes());
        let signature = signature.ok_or_else(|| SignatureFault::new("a key that does not sign"))?;
        let label = &self.0.label;
        for (name, value) in [
            (INPUT, format!("{label}={params}")),
            (SIGNATURE, format!("{label}=:{}:", STANDARD.encode(signature))),
        ] {
            head.headers.insert(name, HeaderValue::try_from(value).map_err(|_| unusable())?);
        }
        Ok(())
    }

    /// What is covered, and what the signature says of itself.
    fn params(&self, covered: &[Component]) -> Option<String> {
        let mut items = Vec::with_capacity(covered.len());
        for component in covered {
            let item = sfv::Parser::new(&component.to_string()).parse::<Item>().ok()?;
            items.push(item);
        }
        let now = self.0.clock.unix();
        let seconds = |time: Duration| Integer::try_from(time.as_secs()).ok();
        let text = |text: &str| Some(StringRef::from_str(text).ok()?.to_owned());
        let mut params = Parameters::new();
        params.insert(key_ref("created").to_owned(), seconds(now)?.into());
        if let Some(after) = self.0.expires_after {
            params
                .insert(key_ref("expires").to_owned(), seconds(now.saturating_add(after))?.into());
        }
        params.insert(key_ref("keyid").to_owned(), text(&self.0.keyid)?.into());
        if self.0.nonce {
            let mut nonce = [0; 16];
            getrandom::fill(&mut nonce).ok()?;
            params.insert(key_ref("nonce").to_owned(), text(&STANDARD.encode(nonce))?.into());
        }
        if let Some(tag) = &self.0.tag {
            params.insert(key_ref("tag").to_owned(), text(tag)?.into());
        }
        Some(strict::list_text(&items, &params))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("keyid", &self.0.keyid)
            .field("key", &self.0.key)
            .finish_non_exhaustive()
    }
}
