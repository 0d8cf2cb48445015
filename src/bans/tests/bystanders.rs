//! Who must not be hit by what somebody else does.

use std::sync::Arc;

use http::Request;

use super::*;
use crate::context::{Access, ClientAddr, Provenance, Route};

#[test]
fn who_was_proven_answers_alone_and_the_network_of_all_the_others_does_not() {
    let service = Service::of(builder());
    (0..9).for_each(|_| service.miss("mallory", "192.0.2.1"));
    assert!(service.is_caller_banned("mallory"));
    assert!(!service.is_banned("192.0.2.1") && !service.is_caller_banned("alice"));
}

#[test]
fn a_name_that_is_only_claimed_gathers_no_points() {
    let service = Service::of(builder());
    // A record names nobody whom nothing proved; what is forged counts for where it came from.
    (0..3).for_each(|_| service.fail("192.0.2.1"));
    assert!(service.is_banned("192.0.2.1") && !service.is_caller_banned("alice"));
}

#[test]
fn who_only_claims_to_be_a_banned_caller_is_judged_once_the_body_has_borne_it_out() {
    let service = Service::of(builder());
    (0..3).for_each(|_| service.miss("alice", "192.0.2.1"));
    let mut exchange = service.exchange("192.0.2.5");
    exchange.set_principal(principal("alice"));
    exchange.claim();
    assert!(service.bans.callers().check(&mut exchange).is_ok(), "for now");
    assert!(exchange.wants_body());
}

#[test]
fn the_same_name_of_another_issuer_is_another_caller() {
    let service = Service::of(builder());
    (0..3).for_each(|_| service.miss("alice", "192.0.2.1"));
    let mut exchange = service.exchange("192.0.2.5");
    exchange.set_principal(Principal::builder("https://other.example", "alice").build());
    assert!(service.bans.callers().check(&mut exchange).is_ok());
}

#[test]
fn a_proxy_behind_which_nobody_was_found_is_neither_counted_nor_refused() {
    let service = Service::of(builder());
    for _ in 0..9 {
        let mut record = refused(service.record("10.0.3.7", 401), Reason::InvalidCredentials);
        record.is_client_proxy = true;
        service.end(&record);
    }
    assert!(!service.is_banned("10.0.3.7"));
    // One that was banned before it was named a proxy, by hand say.
    let address: std::net::IpAddr = "10.0.3.7".parse().unwrap();
    service.bans.ban(address, MINUTE, "a slip").unwrap();
    let mut exchange = service.exchange("10.0.3.7");
    exchange.context.is_client_proxy = true;
    assert!(service.bans.check(&mut exchange).is_ok());
}

#[test]
fn the_client_behind_a_proxy_is_banned_and_its_neighbours_are_not() {
    let service = Service::of(builder());
    let client = |ip: &str| Some(ClientAddr::new(ip.parse().unwrap(), Provenance::XForwardedFor));
    for _ in 0..3 {
        let mut record = refused(service.record("10.0.3.7", 401), Reason::InvalidCredentials);
        record.client = client("203.0.113.9");
        service.end(&record);
    }
    let mut exchange = service.exchange("10.0.3.7");
    exchange.set_client(client("203.0.113.9").unwrap());
    assert!(service.bans.check(&mut exchange).is_err());
    exchange.set_client(client("203.0.113.8").unwrap());
    assert!(service.bans.check(&mut exchange).is_ok());
    assert!(!service.is_banned("10.0.3.7"));
}

#[test]
fn what_is_exempt_and_this_machine_are_never_counted_nor_banned() {
    let service = Service::of(builder().exempt("192.0.2.0/24", "the office"));
    for ip in ["192.0.2.9", "127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        (0..9).for_each(|_| service.fail(ip));
        assert!(!service.is_banned(ip), "{ip}");
    }
    assert_eq!(service.bans.counts().offences, 0);
}

#[test]
fn probes_give_no_points() {
    let service = Service::of(builder());
    let route = Some(Arc::new(Route::new("/livez", Access::Probe)));
    for _ in 0..9 {
        service.end(&Record { route: route.clone(), ..service.record("192.0.2.1", 404) });
    }
    assert!(!service.is_banned("192.0.2.1"));
    assert!(!service.bans.judges_probes() && !service.bans.callers().judges_probes());
}

#[test]
fn a_64_is_one_client_and_the_next_one_another() {
    let service = Service::of(builder());
    for address in ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:3"] {
        service.fail(address);
    }
    assert!(service.is_banned("2001:db8::9") && !service.is_banned("2001:db8:0:1::9"));
    for address in ["::ffff:192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1"] {
        service.fail(address);
    }
    assert!(service.is_banned("192.0.2.1"));
}

#[test]
fn who_rotates_through_the_64s_of_a_48_has_the_48_banned_where_that_was_asked_for() {
    let asked = Service::of(builder().widen(4));
    let plain = Service::of(builder());
    for number in 0..4 {
        for service in [&asked, &plain] {
            service.get_banned(&format!("2001:db8:7:{number:x}::1"));
        }
    }
    let neighbour = "2001:db8:7:ff::1";
    assert!(asked.is_banned(neighbour), "the /56 around all four");
    assert!(!plain.is_banned(neighbour) && !asked.is_banned("2001:db8:7:100::1"));
    for block in 1..4 {
        for number in 0..4 {
            asked.get_banned(&format!("2001:db8:7:{block:x}{number:02x}::1"));
        }
    }
    assert!(asked.is_banned("2001:db8:7:9999::1"), "the /48, after four of its /56");
    assert!(!asked.is_banned("2001:db8:8::1"));
}

#[test]
fn one_64_that_is_banned_again_and_again_does_not_have_its_neighbours_banned() {
    let service = Service::of(builder().widen(2).terms([SECOND]));
    for _ in 0..20 {
        service.get_banned("2001:db8:7:1::1");
        service.clock.advance(2 * SECOND);
    }
    assert!(!service.is_banned("2001:db8:7:2::1"));
}

#[test]
fn without_a_principal_the_guard_for_callers_has_nothing_to_say() {
    let service = Service::of(builder());
    let mut exchange = Exchange::test(Request::new(()), service.clock.clone());
    assert!(service.bans.callers().check(&mut exchange).is_ok());
}

#[test]
fn a_page_of_another_site_cannot_have_its_visitors_shut_out() {
    let service = Service::of(builder());
    for _ in 0..9 {
        service.end(&Record { is_cross_site: true, ..service.record("192.0.2.1", 404) });
    }
    assert!(!service.is_banned("192.0.2.1"));
    let from_there = |ip: &str| {
        let mut exchange = service.exchange(ip);
        let site = http::HeaderValue::from_static("cross-site");
        exchange.head.headers.insert("sec-fetch-site", site);
        let refused = service.bans.check(&mut exchange).is_err();
        assert!(exchange.context.is_cross_site);
        refused
    };
    assert!(from_there("192.0.2.1") && !from_there("192.0.2.2"));
    assert_eq!(service.bans.list()[0].offender.to_string(), "other sites' pages at 192.0.2.1");
    // Who is banned for what they do themselves is banned in either dress.
    service.get_banned("192.0.2.3");
    assert!(from_there("192.0.2.3"));
}
