use std::fmt;

use super::principal::{Principal, PrincipalBuilder};

/// Who acts for a principal: another service or person to whom it delegated
/// ([RFC 8693, section 4.1](https://www.rfc-editor.org/rfc/rfc8693#section-4.1)).
///
/// An actor is an identity, a pair of issuer and subject, as a principal is. Who acted before it is
/// told for the record; only the current actor acts.
#[derive(Clone, PartialEq, Eq)]
pub struct Actor {
    issuer: Box<str>,
    subject: Box<str>,
    earlier: Option<Box<Actor>>,
}

impl Actor {
    /// An actor by its identity.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::{Principal, context::Actor};
    ///
    /// let basket = Actor::new("https://id.example", "basket");
    /// let actor = Actor::new("https://id.example", "orders").after(basket);
    /// let caller = Principal::builder("https://id.example", "alice").actor(actor).build();
    /// let chain = caller.actor().map(|actor| actor.chain().map(|actor| actor.subject()));
    /// assert_eq!(chain.map(Iterator::collect), Some(vec!["orders", "basket"]));
    /// ```
    pub fn new(issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into().into_boxed_str(),
            subject: subject.into().into_boxed_str(),
            earlier: None,
        }
    }

    /// The same, to whom this one had delegated in turn.
    pub fn after(mut self, earlier: Actor) -> Self {
        self.earlier = Some(Box::new(earlier));
        self
    }

    /// Who vouches for the subject: `iss` of the claim `act`, and without it that of the token.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The actor's name within the issuer.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Who acted before it. It has no say in what the token may do.
    pub fn earlier(&self) -> Option<&Actor> {
        self.earlier.as_deref()
    }

    /// This actor, and those before it, the most recent one first.
    pub fn chain(&self) -> impl Iterator<Item = &Actor> {
        std::iter::successors(Some(self), |actor| actor.earlier())
    }
}

/// The chain in a line: `https://id.example orders, before it https://id.example basket`.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, actor) in self.chain().enumerate() {
            let before = if place > 0 { ", before it " } else { "" };
            write!(f, "{before}{} {}", actor.issuer, actor.subject)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.chain().map(|actor| (&actor.issuer, &actor.subject))).finish()
    }
}

impl Principal {
    /// Who acts for the caller, where it delegated: the caller is still the one whose rights count,
    /// and [`not_delegated`](crate::authorize::not_delegated) asks that there is nobody.
    pub fn actor(&self) -> Option<&Actor> {
        self.acting()
    }
}

impl PrincipalBuilder {
    /// Who acts for the caller. Default nobody.
    pub fn actor(mut self, actor: Actor) -> Self {
        self.set_acting(actor);
        self
    }
}
