//! How keys are written: alike for the same values in every process, apart for any others.

use std::net::IpAddr;

use http::{HeaderValue, Request};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::hash::{KeyHash, Shared};
use super::super::limits::Limits;
use super::super::order::Digest;
use super::super::sip::Secret;
use super::*;
use crate::clock::ManualClock;
use crate::context::Principal;

fn limits(id: u64, label: &str) -> Limits {
    Limits::new(id, Vec::new(), String::new()).labelled(label.to_owned())
}

/// What both hashes make of a request, in this process and, of the shared one, in another.
fn hashes(tagger: &Tagger, exchange: &Exchange, set: &Limits) -> Option<(u64, Digest)> {
    let facts = Facts::Asked(exchange);
    let tag = tagger.tag(facts, set).ok()??;
    Some((tag, tagger.digest(facts, set)))
}

fn tagger(key: &Key, absent: Absent) -> Tagger {
    Tagger::new(key, absent, Prefixes { v4: 32, v6: 64 })
}

/// Texts that run into one another when they are put together.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]{0,3}", "[ab]{7,9}", Just("\0".to_owned())]
}

#[derive(Clone, Debug, PartialEq)]
struct Caller {
    tenant: Option<String>,
    key: Option<String>,
    claim: Option<Value>,
    issuer: String,
    subject: String,
}

#[derive(Clone, Debug, PartialEq)]
struct Asked {
    header: Option<String>,
    other: Option<String>,
    typed: Option<(String, u8, Vec<Option<String>>)>,
    caller: Caller,
}

fn asked() -> impl Strategy<Value = Asked> {
    let visible = || prop::option::of("[ab]{0,9}");
    let claim = prop_oneof![
        text().prop_map(Value::from),
        (0_u64..3).prop_map(Value::from),
        Just(json!(-1)),
        Just(json!(u64::MAX)),
        Just(json!(0.5))
    ];
    let caller = (
        prop::option::of(text()),
        prop::option::of(text()),
        prop::option::of(claim),
        text(),
        text(),
    );
    let typed = (text(), 0_u8..2, prop::collection::vec(prop::option::of(text()), 0..3));
    (visible(), visible(), prop::option::of(typed), caller).prop_map(
        |(header, other, typed, (tenant, key, claim, issuer, subject))| Asked {
            header,
            other,
            typed,
            caller: Caller { tenant, key, claim, issuer, subject },
        },
    )
}

impl Asked {
    fn exchange(&self) -> Exchange {
        let mut exchange = Exchange::test(Request::new(()), ManualClock::default());
        for (name, value) in [("x-one", &self.header), ("x-other", &self.other)] {
            if let Some(value) = value {
                let value = HeaderValue::from_str(value).unwrap();
                exchange.head.headers.insert(name, value);
            }
        }
        if let Some(typed) = &self.typed {
            exchange.head.extensions.insert(typed.clone());
        }
        let Caller { tenant, key, claim, issuer, subject } = &self.caller;
        let mut caller = Principal::builder(issuer, subject);
        if let Some(tenant) = tenant {
            caller = caller.tenant(tenant);
        }
        if let Some(id) = key {
            caller = caller.key_id(id);
        }
        let claims = claim.iter().map(|claim| ("org".to_owned(), claim.clone()));
        exchange.set_principal(caller.claims(claims.collect::<Map<_, _>>()).build());
        exchange
    }
}

type Typed = (String, u8, Vec<Option<String>>);

fn everything() -> Key {
    Key::all([
        Key::header("x-one"),
        Key::Tenant,
        Key::header("x-other"),
        Key::claim("org"),
        Key::of("typed", |exchange| exchange.head().extensions.get::<Typed>().cloned()),
        Key::ApiKey,
        Key::Principal,
    ])
}

proptest! {
    #[test]
    fn requests_share_a_bucket_where_all_that_is_read_is_the_same_and_nowhere_else(
        one in asked(),
        other in asked(),
        sets in (0_u64..3, 0_u64..3),
    ) {
        let tagger = tagger(&everything(), Absent::Share);
        let set = |id: u64| limits(id, &"x".repeat(id as usize));
        let of = |asked: &Asked, id| hashes(&tagger, &asked.exchange(), &set(id)).unwrap();
        let (this, that) = (of(&one, sets.0), of(&other, sets.1));
        let is_same = one == other && sets.0 == sets.1;
        prop_assert_eq!(this.0 == that.0, is_same);
        prop_assert_eq!(this.1 == that.1, is_same);
        prop_assert_eq!(this, of(&one.clone(), sets.0));
    }

    #[test]
    fn another_process_has_the_same_digests_and_other_tags(asked in asked()) {
        let (here, there) =
            (tagger(&everything(), Absent::Share), tagger(&everything(), Absent::Share));
        let set = limits(0, "");
        let exchange = asked.exchange();
        let (here, there) =
            (hashes(&here, &exchange, &set).unwrap(), hashes(&there, &exchange, &set).unwrap());
        prop_assert_eq!(here.1, there.1);
        prop_assert_ne!(here.0, there.0);
    }

    #[test]
    fn values_of_ones_own_are_written_so_that_no_two_read_alike(
        one in parts(),
        other in parts(),
        behind in (any::<u8>(), text()),
    ) {
        // Whatever stands behind them: pieces end where they end.
        let secret = Secret::random();
        let written = |value: &Parts, behind: &(u8, String)| {
            let (mut tag, mut digest) = (secret.hasher(), Shared::default());
            for hash in [&mut tag as &mut dyn KeyHash, &mut digest] {
                let mut to = KeyWriter::new(hash);
                value.write(&mut to);
                to.end();
                let mut to = KeyWriter::new(hash);
                behind.write(&mut to);
                to.end();
            }
            (tag.finish(), digest.finish())
        };
        let (this, that) = (written(&one, &behind), written(&other, &behind));
        prop_assert_eq!(this.0 == that.0, one == other);
        prop_assert_eq!(this.1 == that.1, one == other);
    }
}

type Parts = (Vec<Option<Vec<String>>>, Option<(u64, bool)>, Option<IpAddr>, [u8; 2]);

fn parts() -> impl Strategy<Value = Parts> {
    let texts = prop::collection::vec("[ab]{0,2}", 0..3);
    let address = prop_oneof![
        Just("192.0.2.1".parse::<IpAddr>().unwrap()),
        Just("::c000:201".parse::<IpAddr>().unwrap()),
        Just("2001:db8::".parse::<IpAddr>().unwrap())
    ];
    (
        prop::collection::vec(prop::option::of(texts), 0..3),
        prop::option::of((0_u64..4, any::<bool>())),
        prop::option::of(address),
        [0_u8..2, 0..2],
    )
}

fn digest_of(key: &Key, exchange: &Exchange, label: &str) -> String {
    let set = limits(u64::from(!label.is_empty()), label);
    let (_, digest) = hashes(&tagger(key, Absent::Refuse), exchange, &set).unwrap();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_other_processes_and_later_versions_are_told_never_changes() {
    let mut exchange = Exchange::test(Request::new(()), ManualClock::default());
    exchange.set_principal(Principal::builder("https://id.example", "alice").build());
    // The first half of SHA-256 over: a prefix, then words of 64 bits, big end first, and texts
    // behind their length. Computed by another program.
    assert_eq!(digest_of(&Key::Principal, &exchange, ""), "79ba4af5575193c538139ba8a7707076");
    assert_eq!(
        digest_of(&Key::Principal, &exchange, "plan pro"),
        "70b2e0d51309b04944913dcfbb4c3c5a"
    );
    let basket = Key::of("basket", |_| Some((7_u32, "red")));
    assert_eq!(digest_of(&basket, &exchange, ""), "44927da4bf2726ba0eacd91d4d2c14e2");
}

#[test]
fn an_address_of_ipv4_is_one_value_however_it_is_written() {
    let written = |ip: &str| {
        let mut hash = Shared::default();
        ip.parse::<IpAddr>().unwrap().write(&mut KeyWriter::new(&mut hash));
        hash.finish()
    };
    assert_eq!(written("192.0.2.1"), written("::ffff:192.0.2.1"));
    assert_ne!(written("192.0.2.1"), written("::c000:201"));
}

#[test]
fn numbers_of_other_widths_and_what_points_to_them_are_written_alike() {
    let written = |part: &dyn KeyPart| {
        let mut hash = Shared::default();
        part.write(&mut KeyWriter::new(&mut hash));
        hash.finish()
    };
    let seven = written(&7_u64);
    for part in
        [&7_u8 as &dyn KeyPart, &7_usize, &7_i32, &Box::new(7_u16), &Arc::new(7_u32), &&7_u64]
    {
        assert_eq!(written(part), seven);
    }
    assert_ne!(written(&7_u128), seven);
    assert_ne!(written(&"7"), seven);
    assert_eq!(written(&"red".to_owned()), written(&"red"));
    assert_eq!(written(&std::borrow::Cow::Borrowed("red")), written(&"red"));
    assert_ne!(written(&-1_i8), written(&255_u8));
}
