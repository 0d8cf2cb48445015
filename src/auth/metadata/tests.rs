use http::Method;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Value, json};

use super::{ProtectedResource, ProtectedResourceBuilder};

fn document(builder: ProtectedResourceBuilder) -> Value {
    serde_json::from_str(builder.build().unwrap().document()).unwrap()
}

#[test]
fn the_example_of_the_rfc_is_reproduced() {
    let builder = ProtectedResource::builder("https://resource.example.com")
        .authorization_server("https://as1.example.com")
        .authorization_server("https://as2.example.net")
        .member("bearer_methods_supported", json!(["header", "body"]))
        .scopes(["profile", "email", "phone"])
        .documentation("https://resource.example.com/resource_documentation.html");
    assert_eq!(
        document(builder),
        json!({
            "resource": "https://resource.example.com",
            "authorization_servers": ["https://as1.example.com", "https://as2.example.net"],
            "bearer_methods_supported": ["header", "body"],
            "scopes_supported": ["profile", "email", "phone"],
            "resource_documentation": "https://resource.example.com/resource_documentation.html"
        })
    );
}

#[test]
fn the_well_known_path_stands_between_host_and_path() {
    for (resource, url) in [
        ("https://resource.example.com", "https://resource.example.com{}"),
        ("https://resource.example.com/", "https://resource.example.com{}"),
        ("https://resource.example.com/resource1", "https://resource.example.com{}/resource1"),
        ("https://resource.example.com:8443/a/b", "https://resource.example.com:8443{}/a/b"),
        ("https://resource.example.com/mcp/", "https://resource.example.com{}/mcp/"),
        ("http://localhost:3000/mcp", "http://localhost:3000{}/mcp"),
        ("http://[::1]:3000", "http://[::1]:3000{}"),
    ] {
        let built = ProtectedResource::builder(resource).build().unwrap();
        let path = "/.well-known/oauth-protected-resource";
        assert_eq!(built.url(), url.replace("{}", path), "{resource}");
        assert!(built.url().ends_with(built.path()), "{resource}");
        let document: Value = serde_json::from_str(built.document()).unwrap();
        assert_eq!(document["resource"], resource, "letter by letter");
    }
}

#[test]
fn what_was_not_said_is_left_out() {
    let document = document(ProtectedResource::builder("https://api.example"));
    assert_eq!(
        document,
        json!({ "resource": "https://api.example", "bearer_methods_supported": ["header"] })
    );
}

#[test]
fn every_member_has_the_name_of_the_registry() {
    let builder = ProtectedResource::builder("https://api.example/orders")
        .signing_algorithms(["ES256"])
        .dpop_algorithms(["ES256", "EdDSA"])
        .dpop_required()
        .certificate_bound_tokens()
        .authorization_details_types(["payment"])
        .name("Orders")
        .member("resource_name#de", "Bestellungen")
        .policy("https://api.example/policy")
        .terms("https://api.example/terms")
        .jwks_uri("https://api.example/jwks.json");
    assert_eq!(
        document(builder),
        json!({
            "resource": "https://api.example/orders",
            "bearer_methods_supported": ["header"],
            "resource_signing_alg_values_supported": ["ES256"],
            "dpop_signing_alg_values_supported": ["ES256", "EdDSA"],
            "dpop_bound_access_tokens_required": true,
            "tls_client_certificate_bound_access_tokens": true,
            "authorization_details_types_supported": ["payment"],
            "resource_name": "Orders",
            "resource_name#de": "Bestellungen",
            "resource_policy_uri": "https://api.example/policy",
            "resource_tos_uri": "https://api.example/terms",
            "jwks_uri": "https://api.example/jwks.json"
        })
    );
}

#[cfg(feature = "jwt")]
#[test]
fn what_schemes_say_fills_in_what_was_left_open_and_nothing_else() {
    use http::HeaderValue;

    let mut facts = super::ResourceFacts::default();
    facts.issuer("https://id.example");
    facts.issuer("https://id.example");
    facts.issuer("kubernetes/serviceaccount");
    facts.read_challenge(&HeaderValue::from_static("Bearer realm=\"api\""));
    facts.read_challenge(&HeaderValue::from_static("DPoP realm=\"api\", algs=\"ES256 EdDSA\""));
    facts.bind_to_certificates();
    let open = ProtectedResource::builder("https://api.example").filled_from(&facts);
    assert_eq!(
        document(open),
        json!({
            "resource": "https://api.example",
            "authorization_servers": ["https://id.example"],
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": ["ES256", "EdDSA"],
            "tls_client_certificate_bound_access_tokens": true
        })
    );
    let said = ProtectedResource::builder("https://api.example")
        .authorization_server("https://other.example")
        .dpop_algorithms(["ES256"])
        .filled_from(&facts);
    let said = document(said);
    assert_eq!(said["authorization_servers"], json!(["https://other.example"]));
    assert_eq!(said["dpop_signing_alg_values_supported"], json!(["ES256"]));
}

#[test]
fn every_mistake_is_told_at_once() {
    let error = ProtectedResource::builder("http://api.example")
        .authorization_server("id.example")
        .scopes(["orders read"])
        .dpop_algorithms(["none"])
        .name(" ")
        .documentation("https://user@api.example/docs")
        .member("resource", "https://other.example")
        .max_age(std::time::Duration::from_secs(40 * 24 * 3600))
        .build()
        .unwrap_err();
    let setters: Vec<_> = error.mistakes().iter().map(|mistake| mistake.setter()).collect();
    assert_eq!(
        setters,
        [
            "resource",
            "authorization_server",
            "documentation",
            "scopes",
            "dpop_algorithms",
            "name",
            "member",
            "max_age"
        ]
    );
    for resource in [
        "",
        "api.example",
        "/orders",
        "ftp://api.example",
        "https://",
        "https://api.example/#top",
        "https://api.example/?a=b",
        "https://api.example/a\"b",
        "https://api.example/{id}",
        "https://api.example//a",
        "https://api.example/../a",
        "https://api.example/%61",
        "https://user:secret@api.example",
        "https://api.example/ü",
        "http://localhost.evil.example",
    ] {
        assert!(ProtectedResource::builder(resource).build().is_err(), "{resource}");
    }
}

#[test]
fn any_origin_may_read_it_and_caches_may_keep_it() {
    let resource = ProtectedResource::builder("https://api.example").build().unwrap();
    let answer = resource.answer(&Method::GET);
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
    assert_eq!(answer.headers()[CACHE_CONTROL], "public, max-age=3600");
    assert_eq!(answer.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert_eq!(answer.headers()["cross-origin-resource-policy"], "cross-origin");
    assert_eq!(resource.answer(&Method::HEAD).status(), 200);
    assert_eq!(resource.answer(&Method::OPTIONS).status(), 204);
    let refused = resource.answer(&Method::POST);
    assert_eq!(refused.status(), 405);
    assert_eq!(refused.headers()[ALLOW], "GET, HEAD, OPTIONS");
}
