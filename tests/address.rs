//! Whose address a request has, and whether it may call: over a real server and real sockets.
#![cfg(feature = "axum")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod support;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, extract::Request, routing::get};
use proptest::{prelude::*, test_runner::TestRunner};
use support::{Records, serve};
use tower_parapet::{
    Context, Exchange, Flow, Guard, Parapet, ParapetBuilder, Peer, Phase, Principal, Rejection,
    address::{IpFilter, ProxyHeader, TrustedProxies},
};

/// Says which client the handler is told about, and how it is known.
async fn whence(request: Request) -> String {
    let client = Context::of(request.extensions()).and_then(Context::client);
    client.map_or("nobody".to_owned(), |client| format!("{} {:?}", client, client.provenance()))
}

fn router() -> Router {
    Router::new().route("/whence", get(whence))
}

fn stack(peer: Peer) -> ParapetBuilder {
    Parapet::builder().peer(peer).public("/whence", "these tests")
}

/// Serves behind a trusted proxy, which the test client on the loopback plays.
async fn behind(proxies: TrustedProxies) -> SocketAddr {
    let parapet = stack(Peer::ConnectInfo).guard(proxies).build().unwrap();
    serve(parapet.protect(router())).await
}

async fn told(address: SocketAddr, headers: &[(&str, &str)]) -> String {
    support::get(address, "/whence", headers).await.text()
}

fn loopback() -> TrustedProxies {
    TrustedProxies::new(["127.0.0.1", "10.0.3.0/28"]).unwrap()
}

#[tokio::test]
async fn the_leftmost_x_forwarded_for_is_never_believed() {
    let address = behind(loopback()).await;
    for spoofed in ["1.1.1.1", "127.0.0.1", "10.0.3.7", "unknown", ",,", "\"", "::1, 9.9.9.9"] {
        let line = format!("{spoofed}, 203.0.113.9, 10.0.3.1");
        let client = told(address, &[("x-forwarded-for", &line)]).await;
        assert_eq!(client, "203.0.113.9 XForwardedFor", "{spoofed}");
    }
}

#[tokio::test]
async fn rotating_x_forwarded_for_from_an_untrusted_peer_buys_nothing() {
    let address = behind(TrustedProxies::none()).await;
    for octet in 0..50 {
        let line = format!("198.51.100.{octet}");
        let spoofed = [("x-forwarded-for", line.as_str()), ("forwarded", "for=9.9.9.9")];
        assert_eq!(told(address, &spoofed).await, "127.0.0.1 Peer");
    }
}

#[tokio::test]
async fn an_unparseable_hop_ends_the_walk() {
    let address = behind(loopback()).await;
    let first = told(address, &[("x-forwarded-for", "1.1.1.1, not-an-address")]).await;
    assert_eq!(first, "127.0.0.1 Peer");
    let second = told(address, &[("x-forwarded-for", "1.1.1.1, not-an-address, 10.0.3.1")]).await;
    assert_eq!(second, "10.0.3.1 XForwardedFor");
}

#[tokio::test]
async fn several_lines_are_one_list_whose_last_line_is_the_nearest() {
    let address = behind(loopback()).await;
    let lines = [("x-forwarded-for", "1.1.1.1, 203.0.113.9"), ("x-forwarded-for", "10.0.3.1")];
    assert_eq!(told(address, &lines).await, "203.0.113.9 XForwardedFor");
}

#[tokio::test]
async fn only_one_of_the_two_headers_is_believed() {
    let builder = TrustedProxies::builder().trust("127.0.0.1");
    let rfc = behind(builder.header(ProxyHeader::Forwarded).build().unwrap()).await;
    let own = "for=\"[2001:db8:cafe::17]:4711\";proto=https;host=\"a,b\"";
    let lines = [("x-forwarded-for", "1.1.1.1"), ("forwarded", "for=\""), ("forwarded", own)];
    assert_eq!(told(rfc, &lines).await, "2001:db8:cafe::17 Forwarded");
    assert_eq!(told(rfc, &[("x-forwarded-for", "1.1.1.1")]).await, "127.0.0.1 Peer");
    let default = behind(loopback()).await;
    assert_eq!(told(default, &lines).await, "1.1.1.1 XForwardedFor");
}

#[tokio::test]
async fn a_v4_mapped_address_is_the_same_client_as_its_v4_address() {
    let mapped =
        Peer::Lookup(|_| Some(SocketAddr::from(([0, 0, 0, 0, 0, 0xffff, 0xc000, 0x207], 1))));
    let parapet = stack(mapped)
        .guard(TrustedProxies::none())
        .guard(IpFilter::builder().allow("192.0.2.0/24"))
        .build()
        .unwrap();
    let address = serve(parapet.protect(router())).await;
    assert_eq!(told(address, &[]).await, "192.0.2.7 Peer");
}

#[test]
fn whatever_a_client_prepends_never_changes_the_verdict() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let parapet = stack(Peer::ConnectInfo)
        .guard(loopback())
        .guard(IpFilter::builder().deny("203.0.113.0/24").allow(["127.0.0.1", "10.0.0.0/8"]))
        .build()
        .unwrap();
    let address = runtime.block_on(serve(parapet.protect(router())));
    let front = proptest::collection::vec(prop_oneof![0x20_u8..0x7f, 0x80_u8..], 0..60);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(128));
    runner
        .run(&(front, any::<bool>()), |(front, same_line)| {
            let separator: &[u8] = if same_line { b", " } else { b"\r\nx-forwarded-for: " };
            let head = b"GET /whence HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-forwarded-for: ";
            let bytes =
                [head, front.as_slice(), separator, b"203.0.113.9, 10.0.3.1\r\n\r\n"].concat();
            let answer = runtime.block_on(support::send(address, &bytes));
            prop_assert_eq!((answer.status, answer.code()), (403, "address-denied".to_owned()));
            Ok(())
        })
        .unwrap();
}

/// Counts how often credentials are looked at.
struct Counting(Arc<AtomicUsize>);

impl Guard for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }
    fn phase(&self) -> Phase {
        Phase::Authenticate
    }
    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        self.0.fetch_add(1, Ordering::Relaxed);
        exchange.set_principal(Principal::builder("test", "someone").build());
        Ok(Flow::Continue)
    }
}

#[tokio::test]
async fn denied_address_gets_403_before_authentication_runs() {
    let list = std::env::temp_dir().join(format!("parapet-denied-{}", std::process::id()));
    std::fs::write(&list, "# the client of this test\n127.0.0.0/8\n").unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let records = Records::default();
    let parapet = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .guard(Counting(asked.clone()))
        .guard(IpFilter::builder().deny_file(&list))
        .observe(records.clone())
        .build();
    std::fs::remove_file(&list).unwrap();
    let address = serve(parapet.unwrap().protect(router())).await;
    let answer = support::get(address, "/whence", &[]).await;
    assert_eq!((answer.status, answer.code()), (403, "address-denied".to_owned()));
    assert!(!answer.text().contains("127.0.0.1"));
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    let record = &records.wait_for(1)[0];
    let rejection = record.rejection.as_ref().unwrap();
    assert_eq!(rejection.guard(), Some("ip-filter"));
    assert_eq!(rejection.private_found(), Some("127.0.0.1"));
    assert_eq!(rejection.private_expected(), Some("an address that is not on the deny list"));
}

#[tokio::test]
async fn an_allow_list_admits_whom_it_names_and_deny_wins() {
    let parapet = stack(Peer::ConnectInfo)
        .guard(loopback())
        .guard(IpFilter::builder().allow(["192.0.2.0/24", "2001:db8::/32"]).deny("192.0.2.66"))
        .build()
        .unwrap();
    let address = serve(parapet.protect(router())).await;
    for (client, status) in [
        ("192.0.2.65", 200),
        ("192.0.2.66", 403),
        ("::ffff:192.0.2.66", 403),
        ("192.0.3.1", 403),
        ("2001:db8:7::1", 200),
        ("2001:db9::1", 403),
        ("nonsense", 403),
    ] {
        let answer = support::get(address, "/whence", &[("x-forwarded-for", client)]).await;
        assert_eq!(answer.status, status, "{client}");
    }
}

#[tokio::test]
async fn the_filter_judges_the_client_in_whatever_order_the_setters_were_called() {
    let filter = || IpFilter::builder().deny("203.0.113.9");
    for parapet in [
        stack(Peer::ConnectInfo).ip(filter()).trusted_proxies("127.0.0.1"),
        stack(Peer::ConnectInfo).trusted_proxies("127.0.0.1").ip(filter()),
        stack(Peer::ConnectInfo).guard(filter()).guard(loopback()),
    ] {
        let address = serve(parapet.build().unwrap().protect(router())).await;
        let denied = support::get(address, "/whence", &[("x-forwarded-for", "203.0.113.9")]).await;
        assert_eq!(denied.status, 403);
        assert_eq!(told(address, &[]).await, "127.0.0.1 Peer");
    }
}

#[tokio::test]
async fn without_connect_info_the_refusal_says_what_to_add_to_the_record_alone() {
    for guarded in [
        stack(Peer::ConnectInfo).guard(loopback()),
        stack(Peer::ConnectInfo).guard(IpFilter::builder().deny("192.0.2.1")),
    ] {
        let records = Records::default();
        let app = guarded.observe(records.clone()).build().unwrap().protect(router());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app.into_make_service()).await });
        let answer = support::get(address, "/whence", &[("x-forwarded-for", "192.0.2.7")]).await;
        assert_eq!((answer.status, answer.code()), (503, "address-unknown".to_owned()));
        assert!(!answer.text().contains("connect_info"));
        let record = &records.wait_for(1)[0];
        let found = record.rejection.as_ref().unwrap().private_found().unwrap().to_owned();
        assert!(found.contains("into_make_service_with_connect_info"), "{found}");
    }
}

#[test]
fn a_filter_without_a_source_of_addresses_does_not_build() {
    let error = Parapet::builder()
        .public("/whence", "these tests")
        .guard(IpFilter::builder().allow("192.0.2.0/24"))
        .build()
        .unwrap_err();
    assert_eq!(error.mistakes()[0].setter(), "peer");
}

#[test]
fn every_bad_network_is_named_in_one_error() {
    let error = stack(Peer::ConnectInfo)
        .guard(TrustedProxies::builder().trust(["10.0.0.0/40", "0.0.0.0/0"]))
        .guard(IpFilter::builder().allow("ten").deny_file("/nowhere/list.txt"))
        .build()
        .unwrap_err();
    let values: Vec<_> = error.mistakes().iter().map(|mistake| mistake.value()).collect();
    assert_eq!(values, ["10.0.0.0/40", "0.0.0.0/0", "ten", "/nowhere/list.txt"]);
    assert!(error.to_string().contains("write a CIDR like `10.0.0.0/8`"), "{error}");
}

#[tokio::test]
async fn each_guard_is_a_layer_by_itself_and_the_client_is_handed_on() {
    let filter = IpFilter::builder().deny("203.0.113.9").build().unwrap();
    let app = router().layer(filter).layer(loopback());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let denied = support::get(address, "/whence", &[("x-forwarded-for", "203.0.113.9")]).await;
    assert_eq!((denied.status, denied.code()), (403, "address-denied".to_owned()));
    assert_eq!(told(address, &[("x-forwarded-for", "192.0.2.7")]).await, "192.0.2.7 XForwardedFor");
}
