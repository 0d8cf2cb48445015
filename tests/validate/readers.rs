//! What a handler's own reader takes for JSON was judged as JSON.
#![cfg(feature = "axum")]

use axum::extract::{FromRequest, Json};
use http::{HeaderValue, Request, header};
use proptest::prelude::*;
use serde_json::Value;
use tower_parapet::{Body, validate::JsonLimits};

use super::{json_post, send};

async fn axum_reads(media_type: &HeaderValue) -> bool {
    let mut request = json_post("{}");
    request.headers_mut().insert(header::CONTENT_TYPE, media_type.clone());
    Json::<Value>::from_request(request, &()).await.is_ok()
}

async fn is_judged(media_type: &HeaderValue) -> bool {
    let mut request: Request<Body> = json_post("{ broken");
    request.headers_mut().insert(header::CONTENT_TYPE, media_type.clone());
    let status = send(JsonLimits::default(), request).await.status;
    matches!(status.as_u16(), 400 | 415)
}

fn media_type() -> impl Strategy<Value = String> {
    let word = "(application|text|json|vnd\\.a|APPLICATION|[a-z*+.!]{1,4})";
    let subtype = "(json|[a-z]{0,3}\\+json|\\+json|a\\+b\\+JSON|json\\+a|[a-z+.]{1,5})";
    let tail = "( ?;? ?(charset|a)?(=|= )?(utf-8|\"utf-8\"|\"a\\\\\"b\"|x)?[;, ]?){0,2}";
    (word, subtype, tail).prop_map(|(word, subtype, tail)| format!("{word}/{subtype}{tail}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn whatever_axum_takes_for_json_is_judged_or_refused(text in media_type()) {
        let Ok(value) = HeaderValue::from_str(&text) else { return Ok(()) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            if axum_reads(&value).await {
                prop_assert!(is_judged(&value).await, "{text:?}");
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn axum_reads_some_of_these_media_types() {
    for text in ["application/json", "application/a+json", "APPLICATION/json;charset=utf-8"] {
        assert!(axum_reads(&HeaderValue::from_static(text)).await, "{text}");
    }
    assert!(!axum_reads(&HeaderValue::from_static("text/plain")).await);
}
