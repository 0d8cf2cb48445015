use http::{Request, Version};
use proptest::prelude::*;

use crate::clock::ManualClock;
use crate::guard::{Exchange, Guard};
use crate::rejection::Reason;

use super::Hosts;

fn hosts(allow: &[&str]) -> Hosts {
    Hosts::builder().allow(allow.iter().copied()).build().unwrap()
}

fn verdict(hosts: &Hosts, target: &str, fields: &[&[u8]]) -> Result<(), Reason> {
    versioned(hosts, Version::HTTP_11, target, fields)
}

fn versioned(
    hosts: &Hosts,
    version: Version,
    target: &str,
    fields: &[&[u8]],
) -> Result<(), Reason> {
    let mut request = Request::builder().version(version).uri(target);
    for field in fields {
        request = request.header("host", *field);
    }
    let mut exchange = Exchange::test(request.body(()).unwrap(), ManualClock::default());
    hosts.check(&mut exchange).map(|_| ()).map_err(|rejection| rejection.reason())
}

const BAD: Result<(), Reason> = Err(Reason::BadHost);
const OTHER: Result<(), Reason> = Err(Reason::MisdirectedRequest);

#[test]
fn a_listed_host_passes_in_any_spelling() {
    let hosts = hosts(&["api.example.com", "[2001:db8::1]"]);
    for host in ["api.example.com", "API.Example.com", "api.example.com.", "api.example.com:8080"] {
        assert_eq!(verdict(&hosts, "/", &[host.as_bytes()]), Ok(()), "{host}");
    }
    assert_eq!(verdict(&hosts, "/", &[b"[2001:DB8:0::1]:443"]), Ok(()));
}

#[test]
fn a_well_formed_host_of_someone_else_is_misdirected() {
    let hosts = hosts(&["api.example.com"]);
    for host in ["example.com", "api.example.com.evil", "xapi.example.com", "127.0.0.1"] {
        assert_eq!(verdict(&hosts, "/", &[host.as_bytes()]), OTHER, "{host}");
    }
}

#[test]
fn a_star_stands_for_one_or_more_labels() {
    let hosts = hosts(&["*.example.com"]);
    assert_eq!(verdict(&hosts, "/", &[b"a.example.com"]), Ok(()));
    assert_eq!(verdict(&hosts, "/", &[b"a.b.example.com"]), Ok(()));
    assert_eq!(verdict(&hosts, "/", &[b"example.com"]), OTHER);
    assert_eq!(verdict(&hosts, "/", &[b"aexample.com"]), OTHER);
}

#[test]
fn a_port_in_the_list_is_required_and_the_usual_ones_are_implied() {
    let hosts = hosts(&["a.example:8443", "a.example:9443", "b.example:443"]);
    assert_eq!(verdict(&hosts, "/", &[b"a.example:8443"]), Ok(()));
    assert_eq!(verdict(&hosts, "/", &[b"a.example:9443"]), Ok(()));
    assert_eq!(verdict(&hosts, "/", &[b"a.example"]), OTHER);
    assert_eq!(verdict(&hosts, "/", &[b"b.example"]), Ok(()));
    assert_eq!(verdict(&hosts, "/", &[b"b.example:80"]), OTHER);
}

#[test]
fn two_hosts_are_refused_even_where_they_agree() {
    let hosts = hosts(&["a.example"]);
    assert_eq!(verdict(&hosts, "/", &[b"a.example", b"a.example"]), BAD);
}

#[test]
fn a_host_that_differs_from_the_target_is_refused() {
    let hosts = hosts(&["a.example", "b.example"]);
    assert_eq!(verdict(&hosts, "http://b.example/", &[b"a.example"]), BAD);
    assert_eq!(verdict(&hosts, "http://a.example/", &[b"A.example:80"]), Ok(()));
    assert_eq!(verdict(&hosts, "https://a.example/", &[b"a.example:80"]), BAD);
    assert_eq!(verdict(&hosts, "http://user@a.example/", &[b"a.example"]), BAD);
}

#[test]
fn a_request_without_a_host_is_refused_where_hosts_are_named() {
    let hosts = hosts(&["a.example"]);
    assert_eq!(verdict(&hosts, "/", &[]), BAD);
    assert_eq!(verdict(&hosts, "http://a.example/", &[]), BAD);
    assert_eq!(versioned(&hosts, Version::HTTP_10, "/", &[]), BAD);
    assert_eq!(verdict(&Hosts::any(), "/", &[b""]), BAD);
    assert_eq!(verdict(&Hosts::any(), "/", &[]), Ok(()));
}

#[test]
fn over_http_2_the_authority_is_the_host() {
    let hosts = hosts(&["a.example"]);
    let two = Version::HTTP_2;
    assert_eq!(versioned(&hosts, two, "https://a.example/", &[]), Ok(()));
    assert_eq!(versioned(&hosts, two, "https://b.example/", &[]), OTHER);
    assert_eq!(versioned(&hosts, two, "https://a.example/", &[b"b.example"]), BAD);
    assert_eq!(versioned(&hosts, two, "/", &[]), BAD);
}

#[test]
fn a_host_that_cannot_be_read_is_refused() {
    let any = Hosts::any();
    let unreadable: [&[u8]; 7] = [b"a b", b"a,b", b"a/b", b"user@a", b"a:port", b"a%2eb", b"\xffa"];
    for host in unreadable {
        assert_eq!(verdict(&any, "/", &[host]), BAD, "{host:?}");
    }
}

#[test]
fn every_entry_that_is_no_host_is_named_at_once() {
    let entries = ["ok.example", "", "*", "*.*.example", "a b", "http://a.example", "a.example:"];
    let error = Hosts::builder().allow(entries).build().unwrap_err();
    let values: Vec<_> = error.mistakes().iter().map(|mistake| mistake.value()).collect();
    assert_eq!(values, entries[1..]);
    assert!(Hosts::builder().build().is_err());
}

#[test]
fn the_summary_names_the_hosts() {
    let hosts = hosts(&["b.example:8443", "*.example.com", "a.example"]);
    assert_eq!(hosts.summary(), "answers for a.example, b.example:8443, *.example.com");
}

proptest! {
    #[test]
    fn any_host_field_is_judged_without_panic(
        field in proptest::collection::vec(prop_oneof![0x20_u8..0x7f, 0x80_u8..], 0..300),
        port in any::<u16>(),
    ) {
        let hosts = hosts(&["a.example", "*.b.example:443"]);
        prop_assert!(verdict(&hosts, "/", &[&field]).is_err());
        let ours = format!("a.example:{port}");
        prop_assert_eq!(verdict(&hosts, "/", &[ours.as_bytes()]), Ok(()));
    }
}
