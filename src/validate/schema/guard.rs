use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;

use crate::{
    error::ConfigError,
    guard::{Exchange, Flow, Guard, IntoGuard, Needs, Phase},
    inspect::{Findings, rule},
    rejection::{Reason, Rejection, Violation},
    service::guard_layer,
    validate::{
        limits::refused,
        media_type::{
            Declared, Presence, declared, not_among, plain_utf8, presence, undeclared, unreadable,
            unsupported,
        },
    },
};

use super::{Inner, JsonSchema, JsonSchemaBuilder};

guard_layer!(JsonSchema);

impl IntoGuard for JsonSchemaBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        Ok(Arc::new(self.build()?))
    }
}

impl Guard for JsonSchema {
    fn name(&self) -> &'static str {
        "json-schema"
    }

    fn phase(&self) -> Phase {
        Phase::Content
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let presence = presence(exchange.headers());
        let mut verdict = self.0.declared(exchange);
        if presence == Presence::Present {
            // Refused before a byte is read.
            verdict = Ok(verdict?);
        }
        let inner = Arc::clone(&self.0);
        exchange.read_body(inner.limits.body_limit(exchange), move |_, body: &Bytes| {
            let verdict = match body.is_empty() {
                true => inner.absent(),
                false => verdict.and_then(|()| inner.judge(body)),
            };
            verdict.map(|()| None)
        });
        Ok(Flow::Continue)
    }

    fn needs(&self) -> Needs {
        Needs::BODY
    }

    fn summary(&self) -> Cow<'static, str> {
        let types: Vec<String> = self.0.media_types.iter().map(ToString::to_string).collect();
        let route = match &self.0.route {
            Some((method, pattern)) => format!("{method} {pattern}: "),
            None => String::new(),
        };
        let optional = if self.0.is_optional { ", may be absent" } else { "" };
        let formats = if self.0.ignores_formats { ", formats ignored" } else { "" };
        Cow::Owned(format!(
            "{route}body of {}{}, by a JSON Schema{optional}{formats}",
            types.join(", "),
            self.0.limits.size(),
        ))
    }

    fn findings(&self, report: &mut Findings) {
        if self.0.ignores_formats {
            report.add(
                &rule::FORMATS_IGNORED,
                self.name(),
                "`format` is ignored, so strings of any form pass",
            );
        }
    }
}

impl Inner {
    fn declared(&self, exchange: &Exchange) -> Result<(), Rejection> {
        match declared(exchange.headers()) {
            Declared::One(media_type) => {
                if self.media_types.iter().any(|range| range.covers(&media_type)) {
                    return plain_utf8(exchange, &media_type);
                }
                Err(unsupported("the media type of the body is not accepted"))
            }
            Declared::Nothing => Err(undeclared()),
            Declared::Unreadable => return Err(unreadable()),
        }
        .map_err(|refusal| not_among(refusal, &self.accept, exchange.headers()))
    }

    fn absent(&self) -> Result<(), Rejection> {
        match self.is_optional {
            true => Ok(()),
            false => Err(Rejection::new(Reason::JsonMalformed)
                .detail("a body is required")
                .expected("a body")
                .found("none")),
        }
    }

    pub(super) fn judge(&self, body: &[u8]) -> Result<(), Rejection> {
        self.limits.check(body).map_err(refused)?;
        // Well-formed by now: what is left is a number that no `f64` holds.
        let value = serde_json::from_slice(body).map_err(|_| beyond())?;
        if self.validator.is_valid(&value) {
            return Ok(());
        }
        let violations = self.explain(&value, body.len());
        let found = format!("{} violations that are told", violations.len());
        Err(Rejection::new(Reason::SchemaViolation)
            .expected("a body by the schema of the route")
            .found(found)
            .violations(violations))
    }
}

fn beyond() -> Rejection {
    let violation = Violation::new("", "a number is beyond what can be represented");
    Rejection::new(Reason::JsonLimit)
        .expected("numbers that a double can hold")
        .found("a larger one")
        .violations(vec![violation])
}
