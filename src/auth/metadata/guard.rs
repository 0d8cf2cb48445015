//! Answers for the document from within a stack.

use std::borrow::Cow;

use super::document::ProtectedResource;
use crate::guard::{Exchange, Flow, Guard, Phase};
use crate::rejection::Rejection;

/// Stands on the document's own route, behind the limits that hold there.
pub(crate) struct Answers(pub(crate) ProtectedResource);

impl Guard for Answers {
    fn name(&self) -> &'static str {
        "protected-resource"
    }

    fn phase(&self) -> Phase {
        Phase::Content
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        Ok(Flow::respond(self.0.answer(exchange.method())))
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(format!("answers with {}", self.0.url()))
    }
}
