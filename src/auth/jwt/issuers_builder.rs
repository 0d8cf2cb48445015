//! Builds several issuers as one scheme.

use super::builder::JwtBuilder;
use super::issuers::Issuers;
use super::scheme::Jwt;
use crate::auth::scheme_builder;
use crate::error::{ConfigError, Mistakes};

/// Builds [`Issuers`]; see [`Issuers::of`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct IssuersBuilder {
    members: Vec<JwtBuilder>,
}

impl IssuersBuilder {
    pub(super) fn new(members: Vec<JwtBuilder>) -> Self {
        Self { members }
    }

    /// Adds another issuer.
    pub fn and(mut self, issuer: JwtBuilder) -> Self {
        self.members.push(issuer);
        self
    }

    /// The scheme.
    ///
    /// # Errors
    ///
    /// Every mistake of every issuer, under its place in the list, `of[0].audience` say; no issuer
    /// at all; an issuer that is named twice for one audience.
    pub fn build(self) -> Result<Issuers, ConfigError> {
        let mut mistakes = Mistakes::default();
        if self.members.is_empty() {
            mistakes.push("of", "", "names no issuer", "name at least one");
        }
        let built = self.members.into_iter().enumerate();
        let members: Vec<Jwt> = built
            .filter_map(|(at, builder)| mistakes.absorb(&format!("of[{at}]"), builder.build()))
            .collect();
        let mut others = members.as_slice();
        while let [one, rest @ ..] = others {
            if let Some(twice) = rest.iter().find_map(|other| shared(one, other)) {
                let remedy = "let one audience of an issuer stand in one place only";
                mistakes.push("of", twice, "stands here twice, and either could judge", remedy);
            }
            others = rest;
        }
        mistakes.finish().map(|()| Issuers::new(members))
    }
}

/// The issuer and the audience for which neither `iss` nor `aud` says who is to judge.
fn shared(one: &Jwt, other: &Jwt) -> Option<String> {
    let (one, other) = (&one.inner.verifier.rules, &other.inner.verifier.rules);
    if one.issuer != other.issuer {
        return None;
    }
    if one.audiences.is_empty() && other.audiences.is_empty() {
        return Some(one.issuer.clone());
    }
    let audience = one.audiences.iter().find(|audience| other.audiences.contains(audience))?;
    Some(format!("{} for {audience}", one.issuer))
}

scheme_builder!(IssuersBuilder);
