//! Requests that another implementation signed: http-message-signatures 3.0.0 of PyPI, by the keys of
//! these tests.

use serde_json::Value;

use super::{BODY, Service, scheme};

#[tokio::test]
async fn requests_signed_by_the_python_library_are_its_callers() {
    let all: Vec<Value> = serde_json::from_str(include_str!("python.json")).unwrap();
    assert_eq!(all.len(), 6);
    let service = Service::new(scheme().tag("orders").require("x-tenant").require_nonce());
    for one in &all {
        let request = http::Request::post("https://api.example/orders/7?open=1&name=a%20b");
        let headers = one["headers"].as_object().unwrap().iter();
        let request = headers
            .fold(request, |request, (name, value)| request.header(name, value.as_str().unwrap()));
        let said = service.says(request.body(BODY.to_owned()).unwrap()).await;
        assert_eq!(said, format!("partners robot signature: {BODY}"), "{}", one["algorithm"]);
    }
}
