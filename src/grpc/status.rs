//! A refusal as gRPC tells it: a status in the place of trailers.

use axum_core::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};

use super::{Code, Wire, details::details};
use crate::{problem::Problem, rejection::Rejection};

pub(crate) const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// An answer without messages, whose head is its trailers (`Trailers-Only`). The refusal's own
/// headers and the request's id are the caller's to add.
pub(crate) fn to_response(
    problem: &Problem<'_>,
    rejection: &Rejection,
    wire: Wire,
) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    status(problem, rejection, headers);
    headers.insert(header::CONTENT_TYPE, wire.media_type());
    response
}

/// The trailers of an answer that has begun, with the refusal's own headers as metadata.
pub(crate) fn trailers(problem: &Problem<'_>, rejection: &Rejection) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    status(problem, rejection, &mut trailers);
    for (name, value) in rejection.headers() {
        trailers.append(name.clone(), value.clone());
    }
    trailers
}

fn status(problem: &Problem<'_>, rejection: &Rejection, into: &mut HeaderMap) {
    let code = Code::of(problem.reason());
    let message = match problem.detail() {
        "" => problem.reason().title(),
        detail => detail,
    };
    let wait = wait_seconds(rejection);
    into.insert(STATUS, HeaderValue::from_static(code.as_str()));
    if let Ok(message) = HeaderValue::from_maybe_shared(percent_encoded(message)) {
        into.insert(MESSAGE, message);
    }
    if let Some(details) = details(problem, code.number(), message, wait) {
        into.insert(DETAILS, details);
    }
    if let Some(millis) = wait.and_then(|seconds| seconds.checked_mul(1000)) {
        into.insert(PUSHBACK, HeaderValue::from(millis));
    }
}

fn wait_seconds(rejection: &Rejection) -> Option<u64> {
    let mut headers = rejection.headers().iter();
    let (_, value) = headers.find(|(name, _)| *name == header::RETRY_AFTER)?;
    value.to_str().ok()?.parse().ok()
}

/// What is not printable ASCII, and the percent sign, as `%` and two digits, in UTF-8.
fn percent_encoded(text: &str) -> bytes::Bytes {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            encoded.push(byte);
        } else {
            encoded.push(b'%');
            let digits = [usize::from(byte >> 4), usize::from(byte & 0xF)];
            encoded.extend(digits.iter().filter_map(|digit| DIGITS.get(*digit)));
        }
    }
    encoded.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rejection::Reason;

    fn told(rejection: &Rejection) -> HeaderMap {
        let response = to_response(&Problem::of(rejection), rejection, Wire::Grpc);
        assert_eq!(response.status(), 200);
        response.into_parts().0.headers
    }

    #[test]
    fn a_refusal_is_a_status_with_a_message() {
        let headers = told(&Rejection::new(Reason::Forbidden));
        assert_eq!(headers[STATUS], "7");
        assert_eq!(headers[MESSAGE], "This is not allowed");
        assert_eq!(headers[header::CONTENT_TYPE], "application/grpc");
    }

    #[test]
    fn a_message_is_percent_encoded_so_that_it_adds_no_line() {
        let headers = told(&Rejection::new(Reason::Forbidden).detail("100% é\r\ngrpc-status: 0"));
        assert_eq!(headers[MESSAGE], "100%25 %C3%A9%0D%0Agrpc-status: 0");
        assert_eq!(headers[STATUS], "7");
    }

    #[test]
    fn a_wait_is_told_to_clients_that_retry_by_themselves() {
        let value = HeaderValue::from_static("7");
        let rejection = Rejection::new(Reason::RateLimited).header(header::RETRY_AFTER, value);
        assert_eq!(told(&rejection)[PUSHBACK], "7000");
        let problem = Problem::of(&rejection);
        assert_eq!(trailers(&problem, &rejection)[header::RETRY_AFTER], "7");
    }
}
