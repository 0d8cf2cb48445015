//! A stack that is put together wrongly is never built: one error names every mistake, each with
//! its setter, its value and its remedy.
#![cfg(all(feature = "axum", feature = "jwt", feature = "throttle", feature = "validate"))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

use tower_parapet::{
    ConfigError, Parapet, ParapetBuilder, Peer, Policy,
    address::IpFilter,
    auth::jwt::{Jwt, JwtBuilder},
    authorize::scope,
    throttle::{Key, Throttle, ThrottleBuilder},
    validate::JsonSchema,
};

const PUBLIC_KEY: &str = include_str!("support/keys/es256.pub.pem");
const NOWHERE: &str = "/nowhere/at/all.txt";

fn open() -> ParapetBuilder {
    Parapet::builder().peer(Peer::ConnectInfo).public("/health", "load balancer")
}

fn jwt() -> JwtBuilder {
    Jwt::builder().issuer("https://id.example").public_key_pem(PUBLIC_KEY)
}

fn by_principal() -> ThrottleBuilder {
    Throttle::per_hour(1_000).by(Key::Principal)
}

/// What a mistake must name: setter, value, and words of the problem and of the remedy.
type Named = (&'static str, &'static str, &'static str, &'static str);

const BAD_CIDR: Named = ("ip.deny", "10.0.0.0/33", "", "`10.0.0.0/8`");
const NO_AUDIENCE: Named = ("authenticate.audience", "", "missing", "`aud`");
const NOBODY_AUTHENTICATES: Named =
    ("authenticate", "", "`throttle` needs to know who is calling", "`.authenticate(…)`");
const NO_ADDRESS: Named = ("peer", "", "needs the client's address", "`.peer(Peer::ConnectInfo)`");
const OVERLAP: Named = ("public", "/admin", "overlaps `/admin/{*rest}`", "narrow the requirement");
const TWICE: Named = ("route", "GET /orders", "declared twice", "once");
const UNREADABLE_LIST: Named = ("ip.allow_file", NOWHERE, "cannot be read", "readable text file");
const UNREADABLE_KEYS: Named = ("authenticate.jwks_file", NOWHERE, "cannot be read", "");

/// Asserts that the error holds these mistakes, each once, and no other.
fn assert_mistakes(stack: ParapetBuilder, expected: &[Named]) -> ConfigError {
    let error = stack.build().map(drop).expect_err("it was built");
    for (setter, value, problem, remedy) in expected {
        let found = error.mistakes().iter().filter(|mistake| {
            mistake.setter() == *setter
                && mistake.value() == *value
                && mistake.problem().contains(problem)
                && mistake.remedy().contains(remedy)
        });
        assert_eq!(found.count(), 1, "`{setter}` of `{value}` in {error}");
    }
    assert_eq!(error.mistakes().len(), expected.len(), "{error}");
    let text = error.to_string();
    for mistake in error.mistakes() {
        let said = [mistake.setter(), mistake.value(), mistake.problem(), mistake.remedy()];
        assert!(said.iter().all(|part| text.contains(part)), "{mistake:?} in {text}");
        assert!(!mistake.problem().is_empty() && !mistake.remedy().is_empty(), "{mistake:?}");
    }
    error
}

#[test]
fn a_bad_cidr_is_named_with_its_setter_and_the_right_form() {
    let filter = IpFilter::builder().deny(["192.0.2.0/24", "10.0.0.0/33"]);
    let error = assert_mistakes(open().ip(filter), &[BAD_CIDR]);
    assert!(error.to_string().starts_with("configuration refused: `ip.deny`: `10.0.0.0/33` "));
    let proxies = open().trusted_proxies(["proxy.example"]);
    assert_mistakes(proxies, &[("trusted_proxies.trust", "proxy.example", "", "")]);
}

#[test]
fn a_jwt_without_an_audience_is_refused() {
    assert_mistakes(open().authenticate(jwt()), &[NO_AUDIENCE]);
}

#[test]
fn a_limit_by_principal_without_authentication_is_refused() {
    assert_mistakes(open().throttle(by_principal()), &[NOBODY_AUTHENTICATES]);
    let of_route = Policy::optional().throttle(by_principal());
    assert_mistakes(open().route("/orders", of_route), &[NOBODY_AUTHENTICATES]);
}

#[test]
fn a_requirement_without_authentication_is_refused() {
    let stack = open().route("/admin/{*rest}", Policy::require(scope("admin")));
    let expected = ("authenticate", "", "`authorize` needs to know who is calling", "");
    assert_mistakes(stack, &[expected]);
}

#[test]
fn an_allow_list_without_an_address_source_is_refused() {
    let stack = || Parapet::builder().public("/health", "load balancer");
    let allow = IpFilter::builder().allow("192.0.2.0/24");
    assert_mistakes(stack().ip(allow), &[NO_ADDRESS]);
    assert_mistakes(stack().trusted_proxies("192.0.2.1"), &[NO_ADDRESS]);
    assert_mistakes(stack().throttle(Throttle::per_minute(60)), &[NO_ADDRESS]);
    let of_route = Policy::optional().throttle(Throttle::per_minute(60));
    assert_mistakes(stack().route("/orders", of_route), &[NO_ADDRESS]);
}

#[test]
fn routes_that_overlap_and_disagree_are_refused() {
    let stack = open()
        .authenticate(jwt().audience("orders"))
        .route("/admin/{*rest}", Policy::require(scope("admin")))
        .public("/admin", "a landing page")
        .route("GET /orders", Policy::authenticated())
        .route("GET /orders", Policy::optional());
    assert_mistakes(stack, &[OVERLAP, TWICE]);
}

#[test]
fn a_file_that_cannot_be_read_is_named_by_its_path() {
    let filter = IpFilter::builder().allow_file(NOWHERE);
    assert_mistakes(open().ip(filter), &[UNREADABLE_LIST]);
    let jwt = Jwt::builder().issuer("https://id.example").audience("orders").jwks_file(NOWHERE);
    assert_mistakes(open().authenticate(jwt), &[UNREADABLE_KEYS]);
}

#[test]
fn a_stack_that_nobody_could_get_through_is_refused() {
    let expected = ("authenticate", "", "nobody gets through", "`.public(pattern, reason)`");
    assert_mistakes(Parapet::builder(), &[expected]);
}

#[test]
fn every_mistake_is_in_one_error_and_each_of_them_once() {
    let filter = IpFilter::builder().deny(["10.0.0.0/33", "192.0.2.0/24"]).allow_file(NOWHERE);
    let jwt = Jwt::builder().issuer("https://id.example").jwks_file(NOWHERE);
    let stack = Parapet::builder()
        .ip(filter)
        .authenticate(jwt)
        .throttle(Throttle::per_minute(0).named("too \"quoted\""))
        .route("/admin/{*rest}", Policy::require(scope("two words")))
        .public("/admin", "a landing page")
        .public("/catalogue", " ")
        .route("get /reports", Policy::authenticated())
        .route("GET /orders", Policy::authenticated())
        .route("GET /orders", Policy::optional().throttle(by_principal().max_keys(0)))
        .validate(JsonSchema::for_route("POST /orders", "{\"type\":"))
        .hosts(["a host"]);
    let expected = [
        BAD_CIDR,
        UNREADABLE_LIST,
        UNREADABLE_KEYS,
        NO_AUDIENCE,
        NO_ADDRESS,
        OVERLAP,
        TWICE,
        ("throttle.per_minute", "0", "", ""),
        ("throttle.named", "too \"quoted\"", "", ""),
        ("route.require", "two words", "is not a scope", ""),
        ("public", "/catalogue", "without a reason", "second argument"),
        ("route", "get /reports", "not a method", "capitals"),
        ("route.guard.max_keys", "0", "", ""),
        ("validate.schema", "", "refused as JSON", ""),
        ("hosts.allow", "a host", "", ""),
    ];
    assert_mistakes(stack, &expected);
}

/// The rest of the pairs: without any `authenticate`, a limit by principal joins the others.
#[test]
fn a_limit_by_principal_without_authentication_stands_beside_all_other_mistakes() {
    let stack = Parapet::builder()
        .ip(IpFilter::builder().deny("10.0.0.0/33").allow_file(NOWHERE))
        .throttle(by_principal())
        .route("/admin/{*rest}", Policy::require(scope("admin")))
        .public("/admin", "a landing page");
    let nobody =
        ("authenticate", "", "`authorize` and `throttle` need to know", "`.authenticate(…)`");
    let expected = [BAD_CIDR, UNREADABLE_LIST, nobody, NO_ADDRESS, OVERLAP];
    assert_mistakes(stack, &expected);
}

#[test]
fn a_broken_scheme_is_not_taken_for_none() {
    let stack = open()
        .authenticate(jwt())
        .throttle(by_principal())
        .route("/admin/{*rest}", Policy::require(scope("admin")));
    assert_mistakes(stack, &[NO_AUDIENCE]);
}

#[test]
fn a_secret_that_is_refused_is_not_repeated() {
    let jwt = jwt()
        .audience("orders")
        .dangerous()
        .shared_secret(tower_parapet::auth::jwt::Algorithm::Hs256, "hunter2");
    let error = open().authenticate(jwt).build().map(drop).unwrap_err();
    assert!(error.mistakes()[0].setter().ends_with("shared_secret"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}
