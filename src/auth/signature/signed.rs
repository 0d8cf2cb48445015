//! The two fields of a signature, read but not yet believed (RFC 9421, sections 2.3, 2.5 and 4).

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use sfv::{BareItem, Parameters};

use super::{
    Component, Message, SignatureKey,
    fault::{SignatureFault, quote},
    message::joined,
    strict::{self, Member, Value},
};

/// `Signature-Input`.
pub(super) const INPUT: HeaderName = HeaderName::from_static("signature-input");
/// `Signature`.
pub(super) const SIGNATURE: HeaderName = HeaderName::from_static("signature");

/// The most bytes of either field.
const MOST_FIELD: usize = 8 * 1024;
/// The most signatures in a message.
const MOST_SIGNATURES: usize = 8;
/// The most bytes of a signature: those of RSA with 8192 bits.
const MOST_SIGNATURE: usize = 1024;
/// The most bytes of a key's id, a nonce or a tag.
const MOST_TEXT: usize = 256;
/// The most bytes that are signed.
const MOST_BASE: usize = 64 * 1024;

/// All signatures of a message, by their labels.
///
/// # Example
/// ```
/// use tower_parapet::auth::signature::Signatures;
///
/// let signatures = Signatures::parse(
///     b"sig1=(\"@method\");created=1618884473;keyid=\"a\"",
///     b"sig1=:c2lnbmF0dXJl:",
/// )?;
/// assert_eq!(signatures.get("sig1")?.keyid(), Some("a"));
/// # Ok::<(), tower_parapet::auth::signature::SignatureFault>(())
/// ```
#[derive(Debug)]
pub struct Signatures {
    inputs: Vec<Member>,
    signatures: Vec<Member>,
}

impl Signatures {
    /// Reads the values of `Signature-Input` and of `Signature`.
    ///
    /// # Errors
    /// When one is not a dictionary of its kind, names a label or a parameter twice, is larger than
    /// 8 KiB, or has more than 8 signatures.
    pub fn parse(input: &[u8], signature: &[u8]) -> Result<Self, SignatureFault> {
        let read = |text: &[u8], name: &str| {
            if text.len() > MOST_FIELD {
                return Err(SignatureFault::new(format!("a `{name}` of more than 8 KiB")));
            }
            let members = strict::dictionary(text)
                .map_err(|error| SignatureFault::new(format!("an unreadable `{name}`: {error}")))?;
            match members.len() {
                0 => Err(SignatureFault::new(format!("an empty `{name}`"))),
                1..=MOST_SIGNATURES => Ok(members),
                more => Err(SignatureFault::new(format!("{more} members of `{name}`"))),
            }
        };
        Ok(Self {
            inputs: read(input, "signature-input")?,
            signatures: read(signature, "signature")?,
        })
    }

    /// Reads the two fields of a message.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse); when one of the two is missing.
    pub fn of(headers: &HeaderMap) -> Result<Self, SignatureFault> {
        let read = |name: &HeaderName| {
            let mut lines = headers.get_all(name).iter().map(|line| line.to_str().ok()).peekable();
            if lines.peek().is_none() {
                return Err(SignatureFault::new(format!("no `{name}`")));
            }
            joined(lines)
                .ok_or_else(|| SignatureFault::new(format!("a `{name}` that is not ASCII")))
        };
        Self::parse(read(&INPUT)?.as_bytes(), read(&SIGNATURE)?.as_bytes())
    }

    /// The labels, in order.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().map(Member::key)
    }

    /// The labels of the signatures with that tag, in order.
    pub fn tagged<'a>(&'a self, tag: &'a str) -> impl Iterator<Item = &'a str> {
        let has_tag = move |member: &&Member| match member.params.get("tag") {
            Some(BareItem::String(own)) => own.as_str() == tag,
            _ => false,
        };
        self.inputs.iter().filter(has_tag).map(Member::key)
    }

    /// The signature with that label.
    ///
    /// # Errors
    /// When there is none, or when what it covers or says of itself cannot be read.
    pub fn get(&self, label: &str) -> Result<Signed, SignatureFault> {
        let find = |members: &'_ [Member], what: &str| {
            members.iter().position(|member| member.key() == label).ok_or_else(|| {
                SignatureFault::new(format!("no {what} with the label {}", quote(label)))
            })
        };
        let input = self.inputs.get(find(&self.inputs, "input")?);
        let signature = self.signatures.get(find(&self.signatures, "signature")?);
        match (input, signature.map(|member| &member.value)) {
            (Some(input), Some(Value::Item(BareItem::ByteSequence(bytes))))
                if (1..=MOST_SIGNATURE).contains(&bytes.len()) =>
            {
                Signed::read(input, bytes.clone())
            }
            _ => Err(SignatureFault::new("a signature that is not a sequence of 1 to 1024 bytes")),
        }
    }
}

/// One signature: what it covers, what it says of itself, and its bytes.
#[derive(Debug)]
pub struct Signed {
    components: Vec<Component>,
    /// What it covers and says of itself, as it is signed.
    params: String,
    created: Option<Duration>,
    expires: Option<Duration>,
    keyid: Option<String>,
    nonce: Option<String>,
    alg: Option<String>,
    tag: Option<String>,
    bytes: Vec<u8>,
}

impl Signed {
    fn read(input: &Member, bytes: Vec<u8>) -> Result<Self, SignatureFault> {
        let Value::List(items) = &input.value else {
            return Err(SignatureFault::new("a signature's input that is not a list"));
        };
        let mut components = Vec::with_capacity(items.len());
        for item in items {
            let component = Component::of_item(item)?;
            if components.contains(&component) {
                return Err(SignatureFault::new(format!("{component} twice")));
            }
            components.push(component);
        }
        let given = Given(&input.params);
        let (created, expires) = (given.time("created")?, given.time("expires")?);
        if let (Some(created), Some(expires)) = (created, expires)
            && expires < created
        {
            return Err(SignatureFault::new("a signature that expires before it is made"));
        }
        Ok(Self {
            components,
            params: strict::list_text(items, &input.params),
            created,
            expires,
            keyid: given.text("keyid")?,
            nonce: given.text("nonce")?,
            alg: given.text("alg")?,
            tag: given.text("tag")?,
            bytes,
        })
    }

    /// What it covers, in order.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// When it was made, since the Unix epoch.
    pub fn created(&self) -> Option<Duration> {
        self.created
    }

    /// When it ends, since the Unix epoch.
    pub fn expires(&self) -> Option<Duration> {
        self.expires
    }

    /// The name of its key.
    pub fn keyid(&self) -> Option<&str> {
        self.keyid.as_deref()
    }

    /// A value that no other signature has.
    pub fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }

    /// The algorithm it says it was made by.
    pub fn alg(&self) -> Option<&str> {
        self.alg.as_deref()
    }

    /// What it was made for.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The text that is signed (RFC 9421, section 2.5).
    ///
    /// # Errors
    /// When the message lacks a part that is covered, and when the text has more than 64 KiB.
    pub fn base(&self, message: &Message<'_>) -> Result<String, SignatureFault> {
        base(&self.components, &self.params, message)
    }

    /// Whether the key made this signature for the message. Times, nonces and digests are not
    /// looked at.
    ///
    /// # Errors
    /// When it did not; when the signature names another algorithm; as for [`base`](Self::base).
    pub fn verify(&self, key: &SignatureKey, message: &Message<'_>) -> Result<(), SignatureFault> {
        let algorithm = key.algorithm().name();
        if let Some(alg) = self.alg().filter(|alg| *alg != algorithm) {
            let found = format!("the algorithm {} for a key of {algorithm}", quote(alg));
            return Err(SignatureFault::new(found));
        }
        match key.verifies(self.base(message)?.as_bytes(), &self.bytes) {
            true => Ok(()),
            false => Err(SignatureFault::new("a signature that the key did not make")),
        }
    }
}

/// The lines of what is covered, and then that of the signature itself.
pub(super) fn base(
    components: &[Component],
    params: &str,
    message: &Message<'_>,
) -> Result<String, SignatureFault> {
    let mut base = String::with_capacity(512);
    for component in components {
        let value = message.value(component)?;
        if base.len() + value.len() > MOST_BASE {
            return Err(SignatureFault::new("a signature of more than 64 KiB"));
        }
        for part in [component.text(), ": ", &value, "\n"] {
            base.push_str(part);
        }
    }
    base.push_str("\"@signature-params\": ");
    base.push_str(params);
    Ok(base)
}

/// What a signature says of itself. Parameters that are not known are signed, and not looked at.
struct Given<'a>(&'a Parameters);

impl Given<'_> {
    fn text(&self, name: &str) -> Result<Option<String>, SignatureFault> {
        match self.0.get(name) {
            None => Ok(None),
            Some(BareItem::String(text)) if text.as_str().len() <= MOST_TEXT => {
                Ok(Some(text.as_str().to_owned()))
            }
            Some(_) => Err(SignatureFault::new(format!("a `{name}` that is not a short string"))),
        }
    }

    fn time(&self, name: &str) -> Result<Option<Duration>, SignatureFault> {
        match self.0.get(name) {
            None => Ok(None),
            Some(BareItem::Integer(seconds)) => u64::try_from(i64::from(*seconds))
                .map(|seconds| Some(Duration::from_secs(seconds)))
                .map_err(|_| SignatureFault::new(format!("a `{name}` before 1970"))),
            Some(_) => Err(SignatureFault::new(format!("a `{name}` that is not an integer"))),
        }
    }
}
