use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;

use crate::{
    error::ConfigError,
    guard::{Exchange, Flow, Guard, IntoGuard, Needs, Phase},
    inspect::{Findings, rule},
    rejection::{Reason, Rejection, Violation},
    service::guard_layer,
    validate::media_type::{Declared, Presence, declared, plain_utf8, presence, unreadable},
};

use super::{JsonFault, JsonLimits, JsonLimitsBuilder};

guard_layer!(JsonLimits);

impl IntoGuard for JsonLimitsBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        Ok(Arc::new(self.build()?))
    }
}

impl Guard for JsonLimits {
    fn name(&self) -> &'static str {
        "json-limits"
    }

    fn phase(&self) -> Phase {
        Phase::Content
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let headers = exchange.headers();
        let refusal = match declared(headers) {
            Declared::Nothing => return Ok(Flow::Continue),
            Declared::Unreadable => Some(unreadable()),
            Declared::One(media_type) if !media_type.is_json() => return Ok(Flow::Continue),
            Declared::One(media_type) => plain_utf8(exchange, &media_type).err(),
        };
        match (presence(exchange.headers()), refusal) {
            (Presence::Present, Some(refusal)) => return Err(refusal),
            (_, refusal) => {
                let limits = self.clone();
                exchange.read_body(self.body_limit(exchange), move |_, body: &Bytes| {
                    match (body.is_empty(), refusal) {
                        (true, _) => Ok(None),
                        (false, Some(refusal)) => Err(refusal),
                        (false, None) => limits.check(body).map(|()| None).map_err(refused),
                    }
                });
            }
        }
        Ok(Flow::Continue)
    }

    fn needs(&self) -> Needs {
        Needs::BODY
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(format!(
            "JSON{}, depth {}, {} members, {} items, strings {} bytes, names {} bytes, numbers {} characters",
            self.size(),
            self.depth,
            self.entries,
            self.items,
            self.string_bytes,
            self.name_bytes,
            self.number_chars
        ))
    }

    fn findings(&self, report: &mut Findings) {
        let usual = JsonLimits::default();
        let wide = [
            ("members of an object", self.entries, usual.entries),
            ("items of an array", self.items, usual.items),
            ("bytes of a string", self.string_bytes, usual.string_bytes),
        ];
        for (what, limit, usual) in wide {
            if limit > usual.saturating_mul(FAR) {
                let evidence = format!("{limit} {what} are let through, {usual} by default");
                report.add(&rule::DEEP_JSON, self.name(), evidence);
            }
        }
    }
}

/// How many times the default is worth a word.
const FAR: usize = 16;

/// The largest body, in bytes, where neither the limits nor a stack say.
const ALONE: usize = 1 << 20;

impl JsonLimits {
    /// How much of a body to read: a stack caps it by itself, by route.
    pub(in crate::validate) fn body_limit(&self, exchange: &Exchange) -> usize {
        let by_route = exchange.route().is_some_and(|route| route.body_limit.is_some());
        let is_capped = by_route || exchange.env.body_limit != u64::MAX;
        self.body_bytes.unwrap_or(if is_capped { usize::MAX } else { ALONE })
    }

    /// The size in words, where these limits set one.
    pub(in crate::validate) fn size(&self) -> String {
        self.body_bytes.map(|bytes| format!(" of at most {bytes} bytes")).unwrap_or_default()
    }
}

/// The fault as an answer: where and what, never the value. The record gets no member names, which
/// are a part of the body.
pub(in crate::validate) fn refused(fault: JsonFault) -> Rejection {
    let reason = match fault.kind().is_limit() {
        true => Reason::JsonLimit,
        false => Reason::JsonMalformed,
    };
    let message = fault.kind().message();
    Rejection::new(reason)
        .expected(match fault.kind().is_limit() {
            true => "JSON within the limits",
            false => "well-formed JSON",
        })
        .found(format!("{message}, after {} bytes", fault.offset()))
        .violations(vec![Violation::new(fault.pointer(), message)])
}
