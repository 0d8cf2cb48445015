use axum_core::body::Body;
use http::{HeaderValue, Response, StatusCode, header};

use crate::guard::{Exchange, Flow};
use crate::rejection::{Reason, Rejection};
use crate::transport::hosts;

/// Sends a browser on to the same target by HTTPS.
pub(super) fn to_https(exchange: &Exchange, port: u16) -> Result<Flow, Rejection> {
    let authority = hosts::authority(exchange)?;
    let named = hosts::Authority { port: Some(port).filter(|port| *port != 443), ..authority };
    let target = exchange.uri().path_and_query().map_or("/", |target| target.as_str());
    let location = HeaderValue::try_from(format!("https://{named}{target}")).map_err(|_| {
        Rejection::new(Reason::BadPath)
            .expected("a target that can stand in a header")
            .found("another one")
    })?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(Flow::respond(response))
}
