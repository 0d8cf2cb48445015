//! What a signature has to cover.

use http::HeaderMap;
use sfv::{Item, Parameters, StringRef, key_ref};

use super::{
    Component, SignatureFault, Signed,
    component::{Form, Part},
    digest, strict,
};

/// What is to be covered where nothing else is said.
pub(super) const DEFAULT: [&str; 4] = ["@method", "@authority", "@path", "@query"];

/// The components that every signature covers, and whether content is covered by its digest.
#[derive(Clone, Debug)]
pub(super) struct Demand {
    pub(super) components: Vec<Component>,
    /// Those that are asked for only where a request has them: fields.
    pub(super) where_present: Vec<Component>,
    pub(super) content: bool,
    pub(super) nonce: bool,
}

impl Demand {
    /// Whether the signature covers and says what is asked of it; the query only where there is one.
    pub(super) fn check(
        &self,
        signed: &Signed,
        has_query: bool,
        headers: &HeaderMap,
    ) -> Result<(), SignatureFault> {
        let is_idle = |wanted: &Component| wanted.part == Part::Query && !has_query;
        let is_there = |wanted: &Component| match &wanted.part {
            Part::Field(name, _) => headers.contains_key(name),
            _ => true,
        };
        let wanted = self.components.iter().filter(|wanted| !is_idle(wanted));
        let mut wanted = wanted.chain(self.where_present.iter().filter(|wanted| is_there(wanted)));
        let covers =
            |wanted: &Component| signed.components().iter().any(|covered| implies(covered, wanted));
        if let Some(uncovered) = wanted.find(|wanted| !covers(wanted)) {
            return Err(SignatureFault::new(format!(
                "a signature that does not cover {uncovered}"
            )));
        }
        if signed.created().is_none() {
            return Err(SignatureFault::new("a signature without `created`"));
        }
        if self.nonce && signed.nonce().is_none() {
            return Err(SignatureFault::new("a signature without `nonce`"));
        }
        Ok(())
    }

    /// What `Accept-Signature` asks for (RFC 9421, section 5.1).
    pub(super) fn invitation(&self, label: &str, tag: Option<&str>) -> String {
        let mut items: Vec<Item> = self
            .components
            .iter()
            .filter_map(|component| sfv::Parser::new(&component.to_string()).parse().ok())
            .collect();
        let is_digest = |component: &Component| component.is_field(digest::CONTENT_DIGEST.as_str());
        if self.content
            && !self.components.iter().any(is_digest)
            && let Ok(name) = StringRef::from_str(digest::CONTENT_DIGEST.as_str())
        {
            items.push(Item::new(name));
        }
        let mut params = Parameters::new();
        params.insert(key_ref("created").to_owned(), true.into());
        if let Some(tag) = tag.and_then(|tag| StringRef::from_str(tag).ok()) {
            params.insert(key_ref("tag").to_owned(), tag.into());
        }
        format!("{label}={}", strict::list_text(&items, &params))
    }
}

/// Whether whoever covers the one has covered the other.
fn implies(covered: &Component, wanted: &Component) -> bool {
    if covered == wanted {
        return true;
    }
    match (&covered.part, &wanted.part) {
        (Part::TargetUri, Part::Authority | Part::Scheme | Part::Path | Part::Query)
        | (Part::RequestTarget, Part::Path | Part::Query) => true,
        (Part::Field(covered, form), Part::Field(wanted, Form::Sent)) => {
            covered == wanted && !matches!(form, Form::Member(_))
        }
        _ => false,
    }
}
