//! Webhooks: calls of other services, signed by a secret that both know.
//!
//! # Threat
//! The address of a webhook is no secret, so anybody can call it and say that a bill was paid; who
//! once saw a delivery can send it again; and a body that is decoded before it is verified is not the
//! one that was signed.
//!
//! # Behaviour
//! The body is read whole and verified as it was sent, before anything decodes it and before the
//! handler; until then the sender is only claimed, and a record does not name it.
//!
//! | condition | status | reason |
//! |---|---|---|
//! | a live secret signed it, in time, and it was not taken before | – | admitted, the principal is the sender |
//! | no signature | 401 | `missing-credentials` |
//! | a signature that cannot be read, stands there twice, or that no live secret made; a time further ahead than the tolerance | 401 | `invalid-credentials` |
//! | signed, but longer ago than the tolerance | 401 | `expired-credentials` |
//! | signed, and taken before | 401 | `invalid-credentials` |
//! | the store of what was taken fails | 503 | `unavailable`, with `Retry-After: 5` |
//!
//! Each 401 carries `WWW-Authenticate: Webhook header="X-Hub-Signature-256"`, or what the sender has
//! in its place. The principal is that of the issuer `webhook`, with the sender as its subject.
//!
//! | sender | what is signed | told apart by |
//! |---|---|---|
//! | [`Webhook::github`] | the body | the body |
//! | [`Webhook::stripe`] | the time and the body | both |
//! | [`Webhook::standard`] | the id, the time and the body | all three |
//!
//! A sender that tries again after a failure signs the new time, so its retry is taken. GitHub signs no
//! time and no id (`X-GitHub-Delivery` and `X-GitHub-Event` are anybody's word), so a redelivery
//! is the same as a replay: it is refused for the [time](WebhookBuilder::remember) that deliveries are
//! remembered. Where redeliveries matter more, the handler tells by itself what it has done, and
//! [`allow_replays`](DangerousWebhook::allow_replays) is chosen.
//!
//! # Example
//! A webhook has a route of its own, where the stack's schemes are not asked:
//! ```
//! use tower_parapet::{Parapet, Policy, auth::webhook::Webhook};
//!
//! # let (github, stripe) = ("0123456789abcdef0123456789abcdef", "whsec_0123456789abcdef0123456789ab");
//! let parapet = Parapet::builder()
//!     .route("POST /hooks/github", Policy::authenticated_by(Webhook::github(github)).body_limit(25 << 20))
//!     .route("POST /hooks/stripe", Policy::authenticated_by(Webhook::stripe(stripe)))
//!     .build()?;
//! # let _ = parapet;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//! | setter | default |
//! |---|---|
//! | [`secret`](WebhookBuilder::secret) | one; another while it is rotated; 32 characters at least, or 24 bytes in base64 |
//! | [`tolerance`](WebhookBuilder::tolerance) | 300 s, either way |
//! | [`remember`](WebhookBuilder::remember) | 24 h, for deliveries without a time |
//! | [`with_replays`](WebhookBuilder::with_replays) | this process, 100,000 deliveries |
//! | [`sender`](WebhookBuilder::sender) | `github`, `stripe`, `standard` |
//! | bounds | 2 KiB a field, 8 signatures, the route's limit for the body |
//!
//! # What this does not do
//! It verifies no public-key signatures (`v1a`), no SHA-1 (`X-Hub-Signature`), and no ids with a full
//! stop, with which what is signed could be parted in two ways. It makes no handler idempotent: a
//! sender's retry of what a handler did and did not answer in time comes through. The body of a forged
//! delivery is read before it is refused: a throttle by client network bounds that. What is not
//! signed, the event's name in a header of GitHub's say, is anybody's word; the body says it too.

mod builder;
mod delivery;
mod fault;
mod form;
mod guard;

#[cfg(test)]
mod tests;

pub use builder::{DangerousWebhook, WebhookBuilder};
pub use fault::WebhookFault;
pub use guard::Webhook;

/// The guard's name, in records, and the issuer and the scheme of its principals.
const SCHEME: &str = "webhook";
