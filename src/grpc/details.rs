//! The richer error model: `google.rpc.Status` in `grpc-status-details-bin`, written by hand, as the
//! handful of fields needs no code generator.

use http::HeaderValue;

use crate::problem::Problem;

/// Whose reasons these are.
const DOMAIN: &str = "docs.rs/tower-parapet";

/// Clients hold metadata to 8 KiB in all, so that what does not fit is left out.
const MOST: usize = 4096;

/// The details of a refusal: `ErrorInfo` with the reason in capitals, `RequestInfo` with the
/// request's id, `RetryInfo` with the wait, and `BadRequest` with what is wrong in the body.
pub(super) fn details(
    problem: &Problem<'_>,
    code: u8,
    message: &str,
    wait_seconds: Option<u64>,
) -> Option<HeaderValue> {
    let mut status = Vec::new();
    number(&mut status, 1, u64::from(code));
    text(&mut status, 2, message);
    let mut info = Vec::new();
    text(&mut info, 1, &problem.reason().code().to_ascii_uppercase().replace('-', "_"));
    text(&mut info, 2, DOMAIN);
    pack(&mut status, "ErrorInfo", &info);
    if let Some(id) = problem.request_id() {
        let mut request = Vec::new();
        text(&mut request, 1, id.encode(&mut [0; 36]));
        pack(&mut status, "RequestInfo", &request);
    }
    if let Some(seconds) = wait_seconds {
        let (mut retry, mut delay) = (Vec::new(), Vec::new());
        number(&mut delay, 1, seconds);
        bytes(&mut retry, 1, &delay);
        pack(&mut status, "RetryInfo", &retry);
    }
    let mut bad = Vec::new();
    for violation in problem.violations() {
        let mut field = Vec::new();
        text(&mut field, 1, &violation.pointer);
        text(&mut field, 2, &violation.detail);
        if status.len() + bad.len() + field.len() > MOST {
            break;
        }
        bytes(&mut bad, 1, &field);
    }
    if !bad.is_empty() {
        pack(&mut status, "BadRequest", &bad);
    }
    HeaderValue::from_maybe_shared(base64(&status)).ok()
}

fn pack(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    let mut any = Vec::new();
    text(&mut any, 1, &format!("type.googleapis.com/google.rpc.{name}"));
    bytes(&mut any, 2, value);
    bytes(out, 3, &any);
}

fn text(out: &mut Vec<u8>, field: u8, value: &str) {
    bytes(out, field, value.as_bytes());
}

/// A field of variable length: wire type 2.
fn bytes(out: &mut Vec<u8>, field: u8, value: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn number(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(field << 3);
    varint(out, value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = (value & 0x7F) as u8;
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

/// Without padding, as the metadata of gRPC wants it.
fn base64(data: &[u8]) -> bytes::Bytes {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::with_capacity(data.len().div_ceil(3) * 4);
    for group in data.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - group.len()));
        let signs = [18, 12, 6, 0].map(|shift| (bits >> shift & 0x3F) as usize);
        let used = signs.iter().take(group.len() + 1);
        text.extend(used.filter_map(|sign| SIGNS.get(*sign)));
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use ::base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::{
        context::RequestId,
        rejection::{Reason, Rejection, Violation},
    };

    #[derive(Clone, PartialEq, Message)]
    struct Status {
        #[prost(int32, tag = "1")]
        code: i32,
        #[prost(string, tag = "2")]
        message: String,
        #[prost(message, repeated, tag = "3")]
        details: Vec<Any>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Any {
        #[prost(string, tag = "1")]
        type_url: String,
        #[prost(bytes = "vec", tag = "2")]
        value: Vec<u8>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct ErrorInfo {
        #[prost(string, tag = "1")]
        reason: String,
        #[prost(string, tag = "2")]
        domain: String,
    }

    #[derive(Clone, PartialEq, Message)]
    struct FieldViolation {
        #[prost(string, tag = "1")]
        field: String,
        #[prost(string, tag = "2")]
        description: String,
    }

    #[derive(Clone, PartialEq, Message)]
    struct BadRequest {
        #[prost(message, repeated, tag = "1")]
        field_violations: Vec<FieldViolation>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct RequestInfo {
        #[prost(string, tag = "1")]
        request_id: String,
    }

    fn decoded(rejection: &Rejection, wait: Option<u64>) -> (Status, RequestId) {
        let id = RequestId::at(Default::default());
        let problem = Problem::of(rejection).with_request_id(&id);
        let value = details(&problem, 3, "what it says", wait).unwrap();
        let bytes = STANDARD_NO_PAD.decode(value.as_bytes()).unwrap();
        (Status::decode(&*bytes).unwrap(), id)
    }

    #[test]
    fn the_details_are_the_messages_of_googles_error_model() {
        let violations = vec![Violation::new("/items/3", "is missing"), Violation::new("", "é")];
        let rejection = Rejection::new(Reason::SchemaViolation).violations(violations);
        let (status, id) = decoded(&rejection, Some(300));
        assert_eq!((status.code, &*status.message), (3, "what it says"));
        let names = status.details.iter().map(|any| any.type_url.rsplit('.').next().unwrap());
        let expected = ["ErrorInfo", "RequestInfo", "RetryInfo", "BadRequest"];
        assert_eq!(names.collect::<Vec<_>>(), expected);
        let info = ErrorInfo::decode(&*status.details[0].value).unwrap();
        assert_eq!((&*info.reason, &*info.domain), ("SCHEMA_VIOLATION", DOMAIN));
        let request = RequestInfo::decode(&*status.details[1].value).unwrap();
        assert_eq!(request.request_id, id.to_string());
        assert_eq!(status.details[2].value, [0x0a, 3, 0x08, 0xac, 0x02]);
        let bad = BadRequest::decode(&*status.details[3].value).unwrap();
        let first = &bad.field_violations[0];
        assert_eq!((&*first.field, &*first.description), ("/items/3", "is missing"));
        assert_eq!(bad.field_violations.len(), 2);
    }

    #[test]
    fn details_that_would_not_fit_into_metadata_are_left_out() {
        let violations = (0..100).map(|_| Violation::new("/a".repeat(100), "is wrong")).collect();
        let rejection = Rejection::new(Reason::SchemaViolation).violations(violations);
        let (status, _) = decoded(&rejection, None);
        assert!(status.encoded_len() < 2 * MOST);
        let bad = BadRequest::decode(&*status.details[2].value).unwrap();
        assert!((1..100).contains(&bad.field_violations.len()));
    }

    proptest! {
        #[test]
        fn base64_is_that_of_the_standard(data in proptest::collection::vec(any::<u8>(), 0..50)) {
            prop_assert_eq!(base64(&data), STANDARD_NO_PAD.encode(&data));
        }
    }
}
