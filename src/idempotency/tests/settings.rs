//! What the builders take, what they refuse, and what they say about themselves.

use std::time::Duration;

use super::*;
use crate::{Guard, Needs, Phase, idempotency::MemoryResponsesBuilder};

fn setters<T>(built: Result<T, crate::ConfigError>) -> Vec<String> {
    let Err(error) = built else { return Vec::new() };
    for mistake in error.mistakes() {
        assert!(!mistake.problem().is_empty() && !mistake.remedy().is_empty(), "{mistake}");
    }
    error.mistakes().iter().map(|mistake| mistake.setter().to_owned()).collect()
}

fn guard() -> IdempotencyBuilder {
    Idempotency::builder(MemoryResponses::default())
}

#[test]
fn every_mistake_is_reported_at_once_with_its_value_and_its_remedy() {
    let all = guard()
        .keep_header("Set-Cookie")
        .keep_header("no spaces")
        .routes(["orders", "GET /orders", "POST,HEAD /a"])
        .keep(Duration::ZERO)
        .lock(Duration::ZERO)
        .max_answer(0);
    let expected =
        ["keep_header", "keep_header", "routes", "routes", "routes", "keep", "lock", "max_answer"];
    assert_eq!(setters(all.build()), expected);
    let day = Duration::from_secs(86_400);
    assert_eq!(setters(guard().keep(32 * day).build()), ["keep"]);
    assert_eq!(setters(guard().lock(day).build()), ["lock"]);
    assert_eq!(setters(guard().max_answer(usize::MAX).build()), ["max_answer"]);
    for name in ["authorization", "COOKIE", "WWW-Authenticate", "content-length", "connection"] {
        assert_eq!(setters(guard().keep_header(name).build()), ["keep_header"], "{name}");
    }
    assert!(setters(guard().keep_header("etag").keep_header("x-order").build()).is_empty());
}

#[test]
fn bounds_of_the_store_that_make_no_sense_are_mistakes() {
    let store = MemoryResponsesBuilder::default;
    assert_eq!(setters(store().entries(0).build()), ["entries"]);
    assert_eq!(setters(store().entries(usize::MAX).build()), ["entries"]);
    assert_eq!(setters(store().bytes(0).build()), ["bytes"]);
    assert_eq!(setters(store().entries(10).bytes(2_559).build()), ["bytes"]);
    assert_eq!(setters(store().entries_per_caller(0).build()), ["entries_per_caller"]);
    assert_eq!(setters(store().entries(5).entries_per_caller(6).build()), ["entries_per_caller"]);
    assert!(store().entries(10).bytes(2_560).entries_per_caller(10).build().is_ok());
    assert!(store().entries(1).build().is_ok());
}

#[test]
fn it_reads_the_body_last_and_needs_an_address() {
    let guard = guard().build().unwrap();
    assert_eq!((guard.phase(), guard.needs()), (Phase::Content, Needs::BODY.and(Needs::CLIENT)));
    let setters = Parapet::builder().dangerous().bare().guard(guard).build().unwrap_err();
    assert_eq!(setters.mistakes()[0].setter(), "peer");
}
