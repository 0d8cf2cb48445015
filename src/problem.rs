//! How a refusal is told to the caller: RFC 9457 problem details.

use axum_core::{body::Body, response::IntoResponse};
use http::{HeaderValue, Response, header};

use crate::{
    context::RequestId,
    rejection::{Reason, Rejection, Violation},
};

/// Where the `type` of every problem begins; the reason's code follows.
pub const TYPE_BASE: &str = "https://docs.rs/tower-parapet/latest/tower_parapet/problems/#";

/// The public side of a refusal, all that a renderer ever sees.
///
/// # Example
/// ```
/// use tower_parapet::{Reason, Rejection, problem::Problem};
///
/// let rejection = Rejection::new(Reason::Forbidden).detail("closed on \"Sundays\"");
/// let text = Problem::of(&rejection).to_json();
/// assert!(text.contains(r#""status":403,"detail":"closed on \"Sundays\"""#));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Problem<'a> {
    rejection: &'a Rejection,
    request_id: Option<&'a RequestId>,
}

impl<'a> Problem<'a> {
    /// The problem a refusal is told as, without a request id.
    pub fn of(rejection: &'a Rejection) -> Self {
        Self { rejection, request_id: None }
    }

    pub(crate) fn with_request_id(self, id: &'a RequestId) -> Self {
        Self { request_id: Some(id), ..self }
    }

    /// The reason, with code, status and title.
    pub fn reason(&self) -> Reason {
        self.rejection.reason()
    }

    /// A sentence about this very refusal, empty where the title says it all.
    pub fn detail(&self) -> &'a str {
        self.rejection.public_detail()
    }

    /// What is wrong in the body, place by place.
    pub fn violations(&self) -> &'a [Violation] {
        self.rejection.public_violations()
    }

    /// The request's id, the same as in its record.
    pub fn request_id(&self) -> Option<&'a RequestId> {
        self.request_id
    }

    /// The members of RFC 9457 as JSON: `type`, `title`, `status`, `detail`, and as extensions
    /// `request_id` and `errors`, an array of `pointer` and `detail`.
    pub fn to_json(&self) -> String {
        let reason = self.reason();
        let mut text = String::with_capacity(self.json_len());
        text.push_str("{\"type\":\"");
        text.push_str(TYPE_BASE);
        text.push_str(reason.code());
        text.push_str("\",\"title\":\"");
        text.push_str(reason.title());
        text.push_str("\",\"status\":");
        text.push_str(reason.status().as_str());
        if !self.detail().is_empty() {
            text.push_str(",\"detail\":");
            quote(&mut text, self.detail());
        }
        if let Some(id) = self.request_id {
            text.push_str(",\"request_id\":\"");
            text.push_str(id.encode(&mut [0; 36]));
            text.push('"');
        }
        for (index, violation) in self.violations().iter().enumerate() {
            text.push_str(if index == 0 { ",\"errors\":[" } else { "," });
            text.push_str("{\"pointer\":");
            quote(&mut text, &violation.pointer);
            text.push_str(",\"detail\":");
            quote(&mut text, &violation.detail);
            text.push('}');
        }
        if !self.violations().is_empty() {
            text.push(']');
        }
        text.push('}');
        text
    }

    /// How long the JSON is where nothing has to be escaped and no violation is told: a buffer of
    /// the very size becomes a body without a further allocation.
    fn json_len(&self) -> usize {
        let reason = self.reason();
        let fixed = r#"{"type":"","title":"","status":000}"#.len() + TYPE_BASE.len();
        let detail = match self.detail().len() {
            0 => 0,
            len => ",'detail':''".len() + len,
        };
        let id = self.request_id.map_or(0, |id| ",'request_id':''".len() + id.len());
        fixed + reason.code().len() + reason.title().len() + detail + id
    }

    /// The default rendering: status, `application/problem+json`, and never stored by a cache.
    pub fn to_response(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.to_json()));
        *response.status_mut() = self.reason().status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// Writes a JSON string: quotes, backslashes and control characters escaped (RFC 8259).
fn quote(text: &mut String, value: &str) {
    text.push('"');
    // Looked at to the end, which is many bytes at a time.
    let is_odd = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    if !value.bytes().fold(false, |odd, byte| odd | is_odd(byte)) {
        text.push_str(value);
        text.push('"');
        return;
    }
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            c if c < ' ' => {
                const HEX: [char; 16] = [
                    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
                ];
                text.push_str("\\u00");
                let code = c as usize;
                text.extend([code >> 4, code & 0xF].iter().filter_map(|digit| HEX.get(*digit)));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

/// The response to a refusal that no stack has seen yet; the outermost stack renders it anew.
impl IntoResponse for Rejection {
    fn into_response(self) -> Response<Body> {
        let mut response = Problem::of(&self).to_response();
        dress(&mut response, self);
        response
    }
}

/// Marks the response to a refusal whose words are another protocol's: no stack puts it into its own.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "jwt"), allow(dead_code, reason = "no protocol of the core has its own"))]
pub(crate) struct Kept;

/// Puts the refusal's headers on its response, and the refusal where outer layers find it.
pub(crate) fn dress(response: &mut Response<Body>, rejection: Rejection) {
    for (name, value) in rejection.headers() {
        response.headers_mut().append(name.clone(), value.clone());
    }
    let extensions = response.extensions_mut();
    extensions.insert(rejection.reason());
    extensions.insert(rejection);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_the_detail_says_the_problem_is_json(detail in any::<String>()) {
            let rejection = Rejection::new(Reason::Forbidden)
                .detail(detail.clone())
                .violations(vec![Violation::new(detail.clone(), detail.clone())]);
            let id = RequestId::at(Default::default());
            let problem = Problem::of(&rejection).with_request_id(&id);
            let value: serde_json::Value = serde_json::from_str(&problem.to_json()).unwrap();
            if !detail.is_empty() {
                prop_assert_eq!(&value["detail"], &detail);
            }
            prop_assert_eq!(&value["errors"][0]["pointer"], &detail);
        }
    }

    #[test]
    fn the_buffer_of_a_plain_problem_is_neither_too_small_nor_too_large() {
        for detail in ["", "closed on Sundays"] {
            let rejection = Rejection::new(Reason::Forbidden).detail(detail);
            let plain = Problem::of(&rejection);
            let id = RequestId::at(Default::default());
            for problem in [plain, plain.with_request_id(&id)] {
                assert_eq!(problem.to_json().len(), problem.json_len());
            }
        }
    }

    #[test]
    fn every_reason_has_its_own_code_and_its_entry_in_the_docs() {
        let docs = include_str!("../docs/problems.md");
        let codes: std::collections::HashSet<_> = Reason::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert!(
                docs.contains(&format!("## {}", reason.code())),
                "{} is missing",
                reason.code()
            );
        }
    }
}
