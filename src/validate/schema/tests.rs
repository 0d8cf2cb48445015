#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use http::Method;
use proptest::prelude::*;

use crate::{ConfigError, Guard, Reason, Rejection, inspect::Findings, validate::JsonLimits};

use super::{Draft, JsonSchema};

fn schema(text: &str) -> JsonSchema {
    JsonSchema::builder(text).build().unwrap()
}

fn refusal(schema: &JsonSchema, body: &str) -> Rejection {
    schema.0.judge(body.as_bytes()).expect_err("a refusal")
}

fn told(schema: &JsonSchema, body: &str) -> Vec<(String, String)> {
    let refusal = refusal(schema, body);
    assert_eq!(refusal.reason(), Reason::SchemaViolation, "{refusal:?}");
    let told = refusal.public_violations().iter();
    told.map(|one| (one.pointer.clone(), one.detail.to_string())).collect()
}

fn mistakes(built: Result<JsonSchema, ConfigError>) -> Vec<(String, String)> {
    let error = built.expect_err("a mistake");
    let all = error.mistakes().iter();
    all.map(|one| (one.setter().to_owned(), one.to_string())).collect()
}

#[test]
fn a_violation_is_told_by_place_and_schema_never_by_value() {
    let schema = schema(
        r#"{
            "type": "object",
            "properties": {
                "string": {"type": "string", "minLength": 3, "maxLength": 5, "pattern": "^s"},
                "number": {"minimum": 1, "maximum": 9, "multipleOf": 2},
                "above": {"exclusiveMinimum": 1},
                "below": {"exclusiveMaximum": 1},
                "union": {"type": ["string", "null"]},
                "array": {"minItems": 2, "maxItems": 3, "uniqueItems": true, "contains": {"type": "null"}},
                "tuple": {"prefixItems": [true], "items": false},
                "object": {"minProperties": 1, "maxProperties": 2, "required": ["a/b"]},
                "names": {"propertyNames": {"maxLength": 6}},
                "closed": {"properties": {"known": true}, "additionalProperties": false},
                "enum": {"enum": ["red", "green"]},
                "const": {"const": 7},
                "format": {"format": "email"},
                "any": {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
                "one": {"oneOf": [{"type": "null"}, {"type": "boolean"}]},
                "both": {"oneOf": [true, true]},
                "not": {"not": {"type": "string"}},
                "never": false
            },
            "required": ["string"]
        }"#,
    );
    let secret = "hunter2-hunter2";
    let body = |text: &str| text.replace("SECRET", secret);
    for (text, pointer, detail) in [
        (r#"["SECRET"]"#, "", "is not of type object"),
        (r#"{}"#, "", "lacks the member `string`"),
        (r#"{"string":4242}"#, "/string", "is not of type string"),
        (r#"{"string":"s"}"#, "/string", "is shorter than 3 characters"),
        (r#"{"string":"sSECRET"}"#, "/string", "is longer than 5 characters"),
        (r#"{"string":"xyz"}"#, "/string", "does not match the pattern `^s`"),
        (r#"{"string":"sss","number":0}"#, "/number", "is less than 1"),
        (r#"{"string":"sss","number":4242}"#, "/number", "is more than 9"),
        (r#"{"string":"sss","number":3}"#, "/number", "is not a multiple of 2"),
        (r#"{"string":"sss","above":1}"#, "/above", "is not more than 1"),
        (r#"{"string":"sss","below":1}"#, "/below", "is not less than 1"),
        (r#"{"string":"sss","union":4242}"#, "/union", "is of none of the types null, string"),
        (r#"{"string":"sss","array":[null]}"#, "/array", "has fewer than 2 items"),
        (r#"{"string":"sss","array":[null,1,2,3]}"#, "/array", "has more than 3 items"),
        (r#"{"string":"sss","array":[null,null]}"#, "/array", "has an item twice"),
        (
            r#"{"string":"sss","array":["SECRET",2]}"#,
            "/array",
            "has too few or too many items of the required kind",
        ),
        (r#"{"string":"sss","tuple":[1,"SECRET"]}"#, "/tuple/1", "is not allowed here"),
        (r#"{"string":"sss","object":{}}"#, "/object", "has fewer than 1 members"),
        (
            r#"{"string":"sss","object":{"a/b":1,"b":2,"c":3}}"#,
            "/object",
            "has more than 2 members",
        ),
        (r#"{"string":"sss","object":{"b":"SECRET"}}"#, "/object", "lacks the member `a/b`"),
        (
            r#"{"string":"sss","names":{"too-long":1}}"#,
            "/names",
            "has a member name the schema does not allow",
        ),
        (
            r#"{"string":"sss","closed":{"x~/y":"SECRET"}}"#,
            "/closed/x~0~1y",
            "is not a member the schema knows",
        ),
        (r#"{"string":"sss","enum":"SECRET"}"#, "/enum", r#"is none of ["red","green"]"#),
        (r#"{"string":"sss","const":4242}"#, "/const", "is not 7"),
        (r#"{"string":"sss","format":"SECRET"}"#, "/format", "is not of the format `email`"),
        (r#"{"string":"sss","any":"SECRET"}"#, "/any", "matches none of the alternatives"),
        (
            r#"{"string":"sss","one":"SECRET"}"#,
            "/one",
            "does not match exactly one of the alternatives",
        ),
        (
            r#"{"string":"sss","both":4242}"#,
            "/both",
            "does not match exactly one of the alternatives",
        ),
        (r#"{"string":"sss","not":"SECRET"}"#, "/not", "matches what is not allowed"),
        (r#"{"string":"sss","never":"SECRET"}"#, "/never", "is not allowed here"),
    ] {
        let told = told(&schema, &body(text));
        assert!(told.contains(&(pointer.to_owned(), detail.to_owned())), "{text}: {told:?}");
        let all = format!("{told:?}");
        assert!(!all.contains(secret) && !all.contains("4242"), "{text}: {told:?}");
    }
}

#[test]
fn at_most_sixteen_violations_are_told() {
    let closed = schema(r#"{"additionalProperties": false}"#);
    let members: Vec<String> = (0..100).map(|n| format!("\"m{n}\":{n}")).collect();
    assert_eq!(told(&closed, &format!("{{{}}}", members.join(","))).len(), 16);
    let odd = schema(r#"{"properties": {"additionalProperties": false}}"#);
    let told_of = told(&odd, r#"{"additionalProperties": {"a": 1}}"#);
    assert_eq!(told_of, [("/additionalProperties".to_owned(), "is not allowed here".to_owned())]);
    let items = schema(r#"{"items": {"type": "string"}}"#);
    let told_of = told(&items, &format!("[{}0]", "1,".repeat(999)));
    assert_eq!(told_of.len(), 16);
    assert_eq!(told_of[15], ("/15".to_owned(), "is not of type string".to_owned()));
}

#[test]
fn a_large_body_is_told_its_first_violation_only() {
    let items = schema(r#"{"items": {"type": "string"}}"#);
    let body = format!("[{}0]", format!("\"{}\",1,", "x".repeat(60_000)).repeat(3));
    assert_eq!(told(&items, &body), [("/1".to_owned(), "is not of type string".to_owned())]);
}

#[test]
fn a_member_name_in_a_pointer_is_cut_and_cleaned() {
    let closed = schema(r#"{"additionalProperties": false}"#);
    let told = told(&closed, &format!("{{\"a\\n{}\": 1}}", "n".repeat(200)));
    assert_eq!(told[0].0, format!("/a\u{fffd}{}…", "n".repeat(62)));
}

#[test]
fn the_limits_come_before_the_schema() {
    let limits = JsonLimits::builder().depth(2).build().unwrap();
    let any = JsonSchema::builder("true").limits(limits).build().unwrap();
    assert_eq!(refusal(&any, "[[[]]]").reason(), Reason::JsonLimit);
    assert_eq!(refusal(&any, "{\"a\":1,\"a\":1}").reason(), Reason::JsonLimit);
    assert_eq!(refusal(&any, "[1,]").reason(), Reason::JsonMalformed);
    assert_eq!(refusal(&any, " ").reason(), Reason::JsonMalformed);
    assert_eq!(refusal(&any, "[1e400]").reason(), Reason::JsonLimit);
    assert!(any.0.judge(b"[1e300, 123456789012345678901234567890]").is_ok());
}

#[test]
fn a_route_is_a_method_and_a_pattern() {
    let built = JsonSchema::for_route("POST /orders/{id}", "true").build().unwrap();
    assert_eq!(built.route(), Some((&Method::POST, "/orders/{id}")));
    assert_eq!(schema("true").route(), None);
    for bad in ["/orders", "post /orders", "POST orders", "POST  /orders", "POST /a b", ""] {
        let found = mistakes(JsonSchema::for_route(bad, "true").build());
        assert_eq!(found[0].0, "for_route", "{bad}");
    }
}

#[test]
fn a_schema_that_cannot_be_kept_is_a_configuration_mistake() {
    for (text, needle) in [
        ("{", "refused as JSON"),
        (r#"{"type": "string", "type": "object"}"#, "another member of this name"),
        (r#"{"type": "strin"}"#, "does not compile"),
        (r#"{"properties": {"a": {"minLength": -1}}}"#, "/properties/a/minLength"),
        (r#"{"$ref": "https://example.com/other.json"}"#, "`remote`"),
        (r##"{"$ref": "#/$defs/none"}"##, "does not compile"),
        (r#"{"format": "shoe-size"}"#, "shoe-size"),
        (r#"{"pattern": "^(?=x)"}"#, "look-around"),
        (r#"{"pattern": "("}"#, "does not compile"),
        (r#"{"$schema": "https://example.com/own"}"#, "does not compile"),
    ] {
        let found = mistakes(JsonSchema::builder(text).build());
        assert_eq!(found[0].0, "schema", "{text}");
        assert!(found[0].1.contains(needle), "{text}: {found:?}");
    }
}

#[test]
fn every_mistake_is_told_at_once() {
    let built = JsonSchema::for_route_file("orders", "/nowhere/order.schema.json")
        .remote("https://example.com/a", "{")
        .remote("https://example.com/b", "{}")
        .remote("https://example.com/b#", "{}")
        .media_types(["json"])
        .build();
    let found = mistakes(built);
    let setters: Vec<&str> = found.iter().map(|(setter, _)| setter.as_str()).collect();
    assert_eq!(setters, ["for_route", "media_types", "remote", "remote", "for_route_file"]);
    let none = JsonSchema::builder("true").media_types([""; 0]).draft(Draft::Draft4).build();
    assert_eq!(mistakes(none)[0].0, "media_types");
}

#[test]
fn the_draft_is_the_one_of_the_schema_or_the_one_that_was_set() {
    // In draft 4 `exclusiveMinimum` is a flag, later a number.
    let text = r#"{"minimum": 1, "exclusiveMinimum": true}"#;
    assert!(JsonSchema::builder(text).build().is_err());
    let draft4 = JsonSchema::builder(text).draft(Draft::Draft4).build().unwrap();
    assert_eq!(told(&draft4, "1").len(), 1);
    let own = r#"{"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": true}"#;
    assert_eq!(told(&schema(own), "1").len(), 1);
    let found = mistakes(JsonSchema::builder(own).draft(Draft::Draft7).build());
    assert_eq!(found[0].0, "draft");
}

#[test]
fn a_reference_leads_to_memory_only() {
    let text = r#"{"$ref": "https://example.com/item.json#/$defs/name"}"#;
    assert!(JsonSchema::builder(text).build().is_err());
    let built = JsonSchema::builder(text)
        .remote("https://example.com/item.json", r#"{"$defs": {"name": {"type": "string"}}}"#)
        .build()
        .unwrap();
    assert_eq!(told(&built, "1").len(), 1);
    assert!(JsonSchema::builder(r#"{"$ref": "file:///etc/passwd"}"#).build().is_err());
}

#[test]
fn formats_assert_unless_they_are_switched_off() {
    let text = r#"{"format": "date"}"#;
    assert_eq!(told(&schema(text), "\"soon\"").len(), 1);
    let lenient = |text| JsonSchema::builder(text).dangerous().ignore_formats().build().unwrap();
    assert!(lenient(text).0.judge(b"\"soon\"").is_ok());
    assert!(lenient(r#"{"format": "shoe-size"}"#).0.judge(b"\"soon\"").is_ok());
}

#[test]
fn formats_that_are_ignored_are_a_finding() {
    let findings = |schema: JsonSchema| {
        let mut report = Findings::default();
        schema.findings(&mut report);
        report.iter().count()
    };
    let lenient = JsonSchema::builder("true").dangerous().ignore_formats().build().unwrap();
    assert_eq!(findings(lenient), 1);
    assert_eq!(findings(schema("true")), 0);
}

#[test]
fn an_unevaluated_member_is_told_by_name_where_there_are_no_alternatives() {
    let plain =
        schema(r#"{"allOf": [{"properties": {"a": true}}], "unevaluatedProperties": false}"#);
    let unknown = "is not a member the schema knows";
    assert_eq!(told(&plain, r#"{"a":1,"b":2}"#), [("/b".to_owned(), unknown.to_owned())]);
    let branched = schema(
        r#"{"anyOf": [{"properties": {"a": true}}, {"properties": {"b": true}}], "unevaluatedProperties": false}"#,
    );
    assert!(branched.0.judge(br#"{"a":1,"b":2}"#).is_ok());
    let whole = ("".to_owned(), "does not match the schema".to_owned());
    assert_eq!(told(&branched, r#"{"c":3}"#), [whole]);
}

#[test]
fn a_refusal_by_alternatives_that_recurse_is_cheap_to_explain() {
    // Collected branch by branch, this takes two to the power of the depth.
    let schema = schema(
        r##"{"$ref": "#/$defs/node", "$defs": {"node": {"anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"$ref": "#/$defs/node"}},
            {"type": "array", "items": {"$ref": "#/$defs/node"}, "minItems": 1}
        ]}}}"##,
    );
    let body = format!("{}0{}", "[".repeat(32), "]".repeat(32));
    let whole = ("".to_owned(), "matches none of the alternatives".to_owned());
    assert_eq!(told(&schema, &body), [whole]);
}

#[test]
fn alternatives_are_only_rewritten_where_they_are_keywords() {
    let schema = schema(
        r##"{
            "properties": {
                "anyOf": {"type": "string"},
                "oneOf": {"enum": [{"anyOf": [1]}]},
                "deep": {"items": {"anyOf": [{"type": "null"}], "allOf": [{"maximum": 3}]}},
                "there": {"$ref": "#/$defs/one"}
            },
            "$defs": {"one": {"oneOf": [{"type": "null"}, {"type": "boolean"}]}}
        }"##,
    );
    assert!(
        schema
            .0
            .judge(br#"{"anyOf":"a","oneOf":{"anyOf":[1]},"deep":[null],"there":true}"#)
            .is_ok()
    );
    let told = told(&schema, r#"{"anyOf":1,"oneOf":2,"deep":[null,4],"there":5}"#);
    for one in [
        ("/anyOf", "is not of type string"),
        ("/oneOf", r#"is none of [{"anyOf":[1]}]"#),
        ("/deep/1", "matches none of the alternatives"),
        ("/deep/1", "is more than 3"),
        ("/there", "does not match exactly one of the alternatives"),
    ] {
        assert!(told.contains(&(one.0.to_owned(), one.1.to_owned())), "{one:?} of {told:?}");
    }
}

proptest! {
    #[test]
    fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = schema(r#"{"type": "object", "additionalProperties": false}"#).0.judge(&body);
    }

    #[test]
    fn no_route_makes_it_panic(route in "\\PC{0,20}") {
        let _ = JsonSchema::for_route(route, "true").build();
    }
}
