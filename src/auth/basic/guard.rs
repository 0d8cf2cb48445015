//! The scheme itself: from a header to a principal.

use std::{borrow::Cow, fmt, sync::Arc};

use http::{
    HeaderName, HeaderValue,
    header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE},
};

use super::{
    SCHEME,
    builder::BasicBuilder,
    credentials::{Credentials, basic, check_password},
    phc::{Phc, Work},
    recall::Recalled,
    store::UserStore,
    user::StoredUser,
    verify::{Question, Verified, Verifier},
};
use crate::{
    answer::Answer,
    auth::{Attempt, Scheme, StoreError, scheme_guard},
    error::{ConfigError, Mistakes},
    guard::{Exchange, Needs},
    inspect::{Findings, Readiness},
    outage::RETRY,
    rejection::{Reason, Rejection},
    service::guard_layer,
};

/// How long a caller is told to wait when too many passwords are being hashed.
const RETRY_BUSY: HeaderValue = HeaderValue::from_static("1");

/// Authenticates people by user name and password (RFC 7617).
///
/// It is a [`Scheme`], to stand beside others in an [`Authenticate`](crate::auth::Authenticate), and
/// a [`Guard`](crate::Guard) by itself. See the [module](super) for what it does. Clones share the store, what is
/// remembered and the count of wrong passwords.
#[derive(Clone)]
pub struct Basic(Arc<Inner>);

pub(super) struct Inner {
    pub(super) store: Arc<dyn UserStore>,
    pub(super) realm: String,
    pub(super) challenge: HeaderValue,
    pub(super) verifier: Arc<Verifier>,
}

type Found = Result<Option<Arc<StoredUser>>, StoreError>;

impl Basic {
    /// Begins a scheme over a store of users.
    pub fn builder(store: impl UserStore) -> BasicBuilder {
        BasicBuilder::new(Arc::new(store))
    }

    /// Hashes a password for a store: Argon2id over 19 MiB in two passes, under a random salt, as
    /// `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
    ///
    /// It takes tens of milliseconds, so call it where that does not hold up requests.
    ///
    /// # Errors
    /// When nobody could send the password (empty, longer than 1024 bytes, with control characters), or the system
    /// has no randomness or memory to give.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::auth::basic::Basic;
    ///
    /// let hash = Basic::hash("correct horse battery staple")?;
    /// assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn hash(password: &str) -> Result<String, ConfigError> {
        let mut mistakes = Mistakes::default();
        if let Err(unreadable) = check_password(password) {
            let problem = format!("nobody can send it: {}", unreadable.found());
            mistakes.push("hash", "", problem, "take another password");
        }
        mistakes.clone().finish()?;
        let hash = Phc::of(password, Work::DEFAULT).map_err(|error| {
            let remedy = "give the process memory, and access to the system's random source";
            mistakes.push("hash", "", format!("cannot be computed: {error}"), remedy);
        });
        mistakes.finish_with(hash.ok()).map(|hash| hash.to_string())
    }

    pub(super) fn of(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    fn judge(
        &self,
        exchange: &mut Exchange,
        credentials: Credentials,
        found: Found,
    ) -> Result<Attempt, Rejection> {
        let verifier = &self.0.verifier;
        let user = found.map_err(|error| error.refusal("a store of users that answers"))?;
        let now = exchange.now();
        let tag = verifier.recall.tag(credentials.name(), user.as_deref(), credentials.password());
        let recalled = match &user {
            Some(_) => verifier.recall.recall(&tag, now),
            None => Recalled::Unknown,
        };
        if let (Recalled::Fresh, Some(user)) = (recalled, &user) {
            return user.admit(exchange).map(Attempt::Verified);
        }
        let who = Who::of(&credentials, user);
        let is_rehearsal = exchange.is_rehearsal();
        let user = who.user.clone();
        let question = Question { credentials, user, tag, recalled, now, is_rehearsal };
        let verified = verifier
            .ask(question)
            .map_err(|wait| verifier.guessing.refuse(wait, who.to_string()))?;
        let scheme = self.clone();
        Ok(Attempt::suspend(move |exchange| {
            Box::pin(async move {
                let verified = verified.await;
                scheme.conclude(exchange, verified, &who)
            })
        }))
    }

    fn conclude(
        &self,
        exchange: &mut Exchange,
        verified: Verified,
        who: &Who,
    ) -> Result<Attempt, Rejection> {
        match (verified, &who.user) {
            (Verified::Right, Some(user)) => user.admit(exchange).map(Attempt::Verified),
            (Verified::Right | Verified::Wrong, _) => {
                Err(self.refuse(format!("a wrong password for {who}")))
            }
            (Verified::Busy, _) => Err(Rejection::new(Reason::Unavailable)
                .expected("room to hash a password, within the time of `wait`")
                .found("none: raise `parallel`, or look who is guessing")
                .header(RETRY_AFTER, RETRY_BUSY)),
            (Verified::Failed(fault), _) => Err(Rejection::new(Reason::Unavailable)
                .expected("a password that can be hashed")
                .found(format!("that of {who}, which cannot: {fault}"))
                .header(RETRY_AFTER, RETRY)),
        }
    }

    #[cold]
    fn refuse(&self, found: impl Into<Cow<'static, str>>) -> Rejection {
        Rejection::new(Reason::InvalidCredentials)
            .expected("a user's name and password")
            .found(found)
            .header(WWW_AUTHENTICATE, self.0.challenge.clone())
    }
}

/// Who is meant, for the record. A name that nobody has may be a password in the wrong place, so no more is told of
/// it than what helps to find the slip.
struct Who {
    user: Option<Arc<StoredUser>>,
    hint: String,
}

impl Who {
    fn of(credentials: &Credentials, user: Option<Arc<StoredUser>>) -> Self {
        let hint = match &user {
            Some(_) => String::new(),
            None => {
                let name = credentials.name();
                let count = name.chars().count();
                let shown: String = name.chars().take(if count > 4 { 2 } else { 0 }).collect();
                format!("`{shown}…` of {count} characters")
            }
        };
        Self { user, hint }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.user {
            Some(user) => write!(f, "user `{}`", user.name()),
            None => write!(f, "an unknown user, {}", self.hint),
        }
    }
}

impl Scheme for Basic {
    fn name(&self) -> &'static str {
        SCHEME
    }

    fn header(&self) -> Option<&HeaderName> {
        Some(&AUTHORIZATION)
    }

    fn is_presented(&self, exchange: &Exchange) -> bool {
        exchange.headers().get_all(AUTHORIZATION).iter().any(|value| basic(value).is_some())
    }

    fn authenticate(&self, exchange: &mut Exchange) -> Result<Attempt, Rejection> {
        let Some(encoded) = exchange.headers().get(AUTHORIZATION).and_then(basic) else {
            return Ok(Attempt::Absent);
        };
        let credentials =
            Credentials::read(encoded).map_err(|unreadable| self.refuse(unreadable.found()))?;
        match self.0.store.find(credentials.name()) {
            Answer::Now(found) => self.judge(exchange, credentials, found),
            Answer::Later(found) => {
                let scheme = self.clone();
                Ok(Attempt::suspend(move |exchange| {
                    Box::pin(async move {
                        let found = found.await;
                        scheme.judge(exchange, credentials, found)
                    })
                }))
            }
        }
    }

    fn challenges(&self) -> Vec<HeaderValue> {
        vec![self.0.challenge.clone()]
    }

    fn needs(&self) -> Needs {
        self.0.store.needs()
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(format!("user name and password for {}", self.0.realm))
    }

    fn findings(&self, report: &mut Findings) {
        self.0.store.findings(report);
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.0.store.ready(readiness);
    }
}

scheme_guard!(Basic);
guard_layer!(Basic);

impl fmt::Debug for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Basic").field("realm", &self.0.realm).finish_non_exhaustive()
    }
}
