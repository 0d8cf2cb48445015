use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use proptest::prelude::*;

use crate::clock::ManualClock;
use crate::context::{PeerAddr, Provenance};
use crate::guard::{Exchange, Guard};
use crate::inspect::Findings;
use crate::rejection::Reason;

use super::{ProxyHeader, TrustedProxies};

const PROXY: &str = "10.0.3.7";

fn xff(trusted: &[&str]) -> TrustedProxies {
    TrustedProxies::new(trusted).unwrap()
}

fn forwarded(trusted: &[&str]) -> TrustedProxies {
    TrustedProxies::builder().trust(trusted).header(ProxyHeader::Forwarded).build().unwrap()
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect()
}

fn client(proxies: &TrustedProxies, peer: &str, lines: &[(&'static str, &str)]) -> String {
    proxies.client(peer.parse().unwrap(), &headers(lines)).to_string()
}

#[test]
fn the_leftmost_entry_is_never_believed() {
    let proxies = xff(&[PROXY]);
    let line = [("x-forwarded-for", "1.1.1.1, 203.0.113.9")];
    assert_eq!(client(&proxies, PROXY, &line), "203.0.113.9");
}

#[test]
fn the_walk_goes_on_over_trusted_proxies_only() {
    let proxies = xff(&[PROXY, "192.0.2.0/24"]);
    let line = [("x-forwarded-for", "1.1.1.1, 203.0.113.9, 192.0.2.1,192.0.2.2")];
    assert_eq!(client(&proxies, PROXY, &line), "203.0.113.9");
}

#[test]
fn the_last_of_several_lines_is_the_nearest() {
    let proxies = xff(&[PROXY, "192.0.2.0/24"]);
    let lines = [
        ("x-forwarded-for", "1.1.1.1"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-for", "192.0.2.1"),
    ];
    assert_eq!(client(&proxies, PROXY, &lines), "203.0.113.9");
}

#[test]
fn an_unreadable_hop_ends_the_walk_at_the_proxy_that_wrote_it() {
    let proxies = xff(&[PROXY, "192.0.2.1"]);
    let first = [("x-forwarded-for", "1.1.1.1, unknown")];
    assert_eq!(client(&proxies, PROXY, &first), PROXY);
    let second = [("x-forwarded-for", "1.1.1.1, \u{80}, 192.0.2.1")];
    assert_eq!(client(&proxies, PROXY, &second), "192.0.2.1");
}

#[test]
fn an_empty_hop_does_not_hand_the_word_to_the_client() {
    let scrubbed = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "")];
    assert_eq!(client(&xff(&[PROXY]), PROXY, &scrubbed), PROXY);
    assert_eq!(client(&xff(&[PROXY]), PROXY, &[("x-forwarded-for", "1.1.1.1, ")]), PROXY);
    let scrubbed = [("forwarded", "for=1.1.1.1"), ("forwarded", "")];
    assert_eq!(client(&forwarded(&[PROXY]), PROXY, &scrubbed), PROXY);
    assert_eq!(client(&forwarded(&[PROXY]), PROXY, &[("forwarded", "for=1.1.1.1,")]), PROXY);
}

#[test]
fn where_every_hop_is_trusted_the_client_is_the_farthest() {
    let proxies = xff(&["10.0.0.0/16"]);
    let line = [("x-forwarded-for", "10.0.9.9, 10.0.0.1")];
    assert_eq!(client(&proxies, PROXY, &line), "10.0.9.9");
}

#[test]
fn the_header_is_ignored_from_an_untrusted_peer() {
    let proxies = xff(&[PROXY]);
    let line = [("x-forwarded-for", "1.1.1.1")];
    let found = proxies.client("203.0.113.9".parse().unwrap(), &headers(&line));
    assert_eq!(found.to_string(), "203.0.113.9");
    assert_eq!(found.provenance(), Provenance::Peer);
}

#[test]
fn only_the_header_that_was_set_is_believed() {
    let lines = [("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=198.51.100.2")];
    let by_default = xff(&[PROXY]).client(PROXY.parse().unwrap(), &headers(&lines));
    assert_eq!(by_default.to_string(), "198.51.100.1");
    assert_eq!(by_default.provenance(), Provenance::XForwardedFor);
    let set = forwarded(&[PROXY]).client(PROXY.parse().unwrap(), &headers(&lines));
    assert_eq!(set.to_string(), "198.51.100.2");
    assert_eq!(set.provenance(), Provenance::Forwarded);
}

#[test]
fn the_other_header_alone_leaves_the_proxy_as_the_client() {
    let proxies = forwarded(&[PROXY]);
    assert_eq!(client(&proxies, PROXY, &[("x-forwarded-for", "198.51.100.1")]), PROXY);
}

#[test]
fn forwarded_is_walked_like_x_forwarded_for() {
    let proxies = forwarded(&[PROXY, "2001:db8::/32"]);
    let lines = [
        ("forwarded", "for=1.1.1.1, for=203.0.113.9;proto=https"),
        ("forwarded", "by=_p;FOR=\"[2001:db8:cafe::17]:4711\";host=\"a,b\""),
    ];
    assert_eq!(client(&proxies, PROXY, &lines), "203.0.113.9");
    for hidden in ["for=unknown", "for=_hidden", "proto=https", "for=\"", "for=1.1.1.1;for=2.2.2.2"]
    {
        let lines = [("forwarded", "for=1.1.1.1"), ("forwarded", hidden)];
        assert_eq!(client(&proxies, PROXY, &lines), PROXY, "{hidden}");
    }
}

#[test]
fn v4_mapped_addresses_are_folded_wherever_they_stand() {
    let proxies = xff(&["::ffff:10.0.3.0/120"]);
    let line = [("x-forwarded-for", "::ffff:203.0.113.9")];
    assert_eq!(client(&proxies, "::ffff:10.0.3.7", &line), "203.0.113.9");
    assert_eq!(client(&proxies, "::ffff:203.0.113.1", &line), "203.0.113.1");
}

#[test]
fn the_walk_ends_after_the_hops_it_may_take() {
    let proxies = TrustedProxies::builder().trust("10.0.0.0/16").max_hops(2).build().unwrap();
    let line = [("x-forwarded-for", "203.0.113.9, 10.0.0.3, 10.0.0.2, 10.0.0.1")];
    assert_eq!(client(&proxies, PROXY, &line), "10.0.0.2");
    let default = xff(&["10.0.0.0/16"]);
    let long = format!("203.0.113.9{}", ",10.0.0.1".repeat(40));
    assert_eq!(client(&default, PROXY, &[("x-forwarded-for", &long)]), "10.0.0.1");
}

fn exchange(peer: Option<&str>, line: &str) -> Exchange {
    let mut request = Request::builder().header("x-forwarded-for", line).body(()).unwrap();
    if let Some(peer) = peer {
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(PeerAddr::new(peer));
    }
    Exchange::test(request, ManualClock::default())
}

#[test]
fn the_guard_settles_the_client_for_those_that_follow() {
    let mut exchange = exchange(Some("10.0.3.7:4000"), "203.0.113.9");
    xff(&[PROXY]).check(&mut exchange).unwrap();
    assert_eq!(exchange.client().unwrap().ip().to_string(), "203.0.113.9");
}

#[test]
fn without_a_peer_the_request_is_refused_and_the_record_says_what_to_add() {
    let mut exchange = exchange(None, "203.0.113.9");
    let rejection = xff(&[PROXY]).check(&mut exchange).unwrap_err();
    assert_eq!(rejection.reason(), Reason::AddressUnknown);
    assert!(rejection.private_found().unwrap().contains("into_make_service_with_connect_info"));
    assert_eq!(rejection.public_detail(), "");
}

#[test]
fn every_network_that_cannot_be_trusted_is_named_at_once() {
    let error = TrustedProxies::builder()
        .trust(["10.0.0.0/8", "0.0.0.0/0", "nonsense", "::/0", "fc00::/7", "2000::/3"])
        .max_hops(0)
        .build()
        .unwrap_err();
    let values: Vec<_> = error.mistakes().iter().map(|mistake| mistake.value()).collect();
    assert_eq!(values, ["nonsense", "0.0.0.0/0", "::/0", "2000::/3", "0"]);
}

#[test]
fn a_trusted_network_full_of_strangers_is_a_finding() {
    let mut findings = Findings::default();
    xff(&[PROXY]).findings(&mut findings);
    assert!(findings.is_empty());
    xff(&["10.0.0.0/8"]).findings(&mut findings);
    assert_eq!(findings.iter().count(), 1);
}

/// What is written to the log while `work` runs.
fn logged(work: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    // Were it alone, a line that a thread of another test writes first would be off for all of them.
    let _other = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    tracing::subscriber::with_default(subscriber, work);
    let bytes = log.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

/// What is logged as requests with these headers pass one stack.
fn diagnosed(proxies: &TrustedProxies, peer: &str, sent: &[&[(&'static str, &str)]]) -> String {
    let diagnoses = Arc::default();
    logged(|| {
        for lines in sent {
            let mut request = http::Request::new(());
            *request.headers_mut() = headers(lines);
            request
                .extensions_mut()
                .insert(PeerAddr::new(SocketAddr::new(peer.parse().unwrap(), 1)));
            let clock = ManualClock::default();
            let mut exchange = Exchange::test_with(request, clock, Arc::clone(&diagnoses));
            assert!(proxies.check(&mut exchange).is_ok());
        }
    })
}

#[test]
fn a_header_from_an_untrusted_peer_is_logged_once_with_the_remedy() {
    let sent: &[(&str, &str)] = &[("x-forwarded-for", "1.1.1.1")];
    let text = diagnosed(&xff(&[PROXY]), "203.0.113.9", &[&[], sent, sent]);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("WARN") && text.contains("the peer 203.0.113.9 sent"), "{text}");
    assert!(text.contains("add its address with `.trusted_proxies(…)`"), "{text}");
    assert!(!text.contains("1.1.1.1"), "{text}");
}

#[test]
fn a_trusted_proxy_that_writes_the_other_header_is_logged_once_with_the_remedy() {
    let right: &[(&str, &str)] = &[("x-forwarded-for", "203.0.113.9")];
    let other: &[(&str, &str)] = &[("forwarded", "for=203.0.113.9")];
    let text = diagnosed(&xff(&[PROXY]), PROXY, &[right, other, other]);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("set `header` of the trusted proxies"), "{text}");
}

#[test]
fn the_id_of_a_trusted_proxy_is_the_requests_and_nobody_elses_is() {
    let id = |peer: &str, lines: &[(&'static str, &str)]| {
        let mut request = http::Request::new(());
        *request.headers_mut() = headers(lines);
        request.extensions_mut().insert(PeerAddr::new(SocketAddr::new(peer.parse().unwrap(), 1)));
        let mut exchange = Exchange::test(request, ManualClock::default());
        assert!(xff(&[PROXY]).check(&mut exchange).is_ok());
        exchange.request_id().to_string()
    };
    let one = ("x-request-id", "edge-7");
    assert_eq!(id(PROXY, &[one]), "edge-7");
    assert_ne!(id("203.0.113.9", &[one]), "edge-7");
    for odd in [&[one, one][..], &[("x-request-id", "a b")], &[("x-request-id", "")]] {
        assert_eq!(id(PROXY, odd).len(), 36, "{odd:?}");
    }
}

/// What a client may put in front: any bytes a header value may hold.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let wild = proptest::collection::vec(prop_oneof![0x20_u8..0x7f, 0x80_u8..], 0..80);
    let likely = "(([0-9.,:;=\" \\\\]|for=|10\\.0\\.3\\.7|::1|unknown|_x){0,12})";
    prop_oneof![wild, likely.prop_map(String::into_bytes)]
}

fn spoofed(front: &[u8], own: &str, same_line: bool) -> Vec<HeaderValue> {
    let own_line = HeaderValue::from_str(own).unwrap();
    if same_line {
        let joined = [front, b", ", own.as_bytes()].concat();
        vec![HeaderValue::from_bytes(&joined).unwrap()]
    } else {
        vec![HeaderValue::from_bytes(front).unwrap(), own_line]
    }
}

proptest! {
    #[test]
    fn whatever_a_client_prepends_to_x_forwarded_for_never_changes_the_verdict(
        front in bytes(), same_line in any::<bool>(),
    ) {
        let proxies = xff(&[PROXY, "192.0.2.1"]);
        let mut headers = HeaderMap::new();
        for value in spoofed(&front, "203.0.113.9, 192.0.2.1", same_line) {
            headers.append("x-forwarded-for", value);
        }
        let found = proxies.client(PROXY.parse().unwrap(), &headers);
        prop_assert_eq!(found.ip().to_string(), "203.0.113.9");
    }

    #[test]
    fn whatever_a_client_prepends_to_forwarded_never_changes_the_verdict(
        front in bytes(), same_line in any::<bool>(),
    ) {
        let proxies = forwarded(&[PROXY, "192.0.2.1"]);
        let mut headers = HeaderMap::new();
        let own = "for=\"203.0.113.9:80\";host=\"x,\\\"y\", for=192.0.2.1;by=\"_p\"";
        for value in spoofed(&front, own, same_line) {
            headers.append("forwarded", value);
        }
        let found = proxies.client(PROXY.parse().unwrap(), &headers);
        prop_assert_eq!(found.ip().to_string(), "203.0.113.9");
    }

    #[test]
    fn whatever_an_untrusted_peer_sends_it_is_the_client(
        line in bytes(), peer in any::<std::net::IpAddr>(),
    ) {
        let proxies = xff(&[PROXY]);
        let value = HeaderValue::from_bytes(&line).unwrap();
        let headers = HeaderMap::from_iter([(HeaderName::from_static("x-forwarded-for"), value)]);
        let peer = peer.to_canonical();
        prop_assume!(peer.to_string() != PROXY);
        prop_assert_eq!(proxies.client(peer, &headers).ip(), peer);
    }

    #[test]
    fn any_header_from_a_trusted_peer_is_walked_without_panic(lines in proptest::collection::vec(bytes(), 0..5)) {
        for proxies in [xff(&["10.0.0.0/8"]), forwarded(&["10.0.0.0/8"])] {
            let mut headers = HeaderMap::new();
            for line in &lines {
                let value = HeaderValue::from_bytes(line).unwrap();
                headers.append(proxies_header(&proxies), value);
            }
            proxies.client(PROXY.parse().unwrap(), &headers);
        }
    }
}

fn proxies_header(proxies: &TrustedProxies) -> HeaderName {
    let summary = proxies.summary();
    if summary.contains("x-forwarded-for") {
        HeaderName::from_static("x-forwarded-for")
    } else {
        http::header::FORWARDED
    }
}
