//! What proxies send, as their documentation has it or as they were seen to.

use tower_parapet::address::{ProxyHeader, TrustedProxies};

use super::*;

const CLIENT: (&str, &str) = ("x-forwarded-for", "203.0.113.9");

/// A proxy in front, what it sends, and whether the request counts as private: `Err` has a word of
/// the hint in the record.
type Row = (&'static str, &'static [(&'static str, &'static str)], Result<(), &'static str>);

const NO_WORD: &str = "does not say how it was called";
const IN_THE_CLEAR: &str = "called by `http`";
const UNCLEAR: &str = "several schemes";

const ROWS: &[Row] = &[
    // nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; X-Forwarded-Proto $scheme;
    ("nginx, 443", &[CLIENT, ("x-forwarded-proto", "https")], Ok(())),
    ("nginx, 80", &[CLIENT, ("x-forwarded-proto", "http")], Err(IN_THE_CLEAR)),
    ("nginx, only X-Forwarded-For", &[CLIENT, ("x-real-ip", "203.0.113.9")], Err(NO_WORD)),
    (
        "nginx, $scheme behind an outer proxy",
        &[("x-forwarded-for", "203.0.113.9, 10.0.3.8"), ("x-forwarded-proto", "http")],
        Err("`$http_x_forwarded_proto`"),
    ),
    ("nginx, X-Scheme of an ingress alone", &[CLIENT, ("x-scheme", "https")], Err(NO_WORD)),
    ("nginx, bare proxy_pass", &[("connection", "close")], Err("proxy_set_header")),
    // AWS ALB: sets all three to what its listener was called by.
    (
        "ALB, HTTPS listener",
        &[
            CLIENT,
            ("x-forwarded-proto", "https"),
            ("x-forwarded-port", "443"),
            ("x-amzn-trace-id", "Root=1-67891233-abcdef012345678912345678"),
        ],
        Ok(()),
    ),
    (
        "ALB, HTTP listener",
        &[CLIENT, ("x-forwarded-proto", "http"), ("x-forwarded-port", "80")],
        Err(IN_THE_CLEAR),
    ),
    ("ALB, the port alone", &[CLIENT, ("x-forwarded-port", "443")], Err(NO_WORD)),
    ("NLB, nothing at all", &[("connection", "close")], Err(NO_WORD)),
    // Cloudflare sets X-Forwarded-Proto; CF-Visitor is the visitor's scheme in JSON, and not read.
    (
        "Cloudflare, Full",
        &[
            CLIENT,
            ("x-forwarded-proto", "https"),
            ("cf-visitor", "{\"scheme\":\"https\"}"),
            ("cf-connecting-ip", "203.0.113.9"),
            ("cf-ray", "230b030023ae2822-SJC"),
        ],
        Ok(()),
    ),
    (
        "Cloudflare, called by http",
        &[CLIENT, ("x-forwarded-proto", "http"), ("cf-visitor", "{\"scheme\":\"http\"}")],
        Err(IN_THE_CLEAR),
    ),
    (
        "Cloudflare, CF-Visitor alone",
        &[CLIENT, ("cf-visitor", "{\"scheme\":\"https\"}")],
        Err(NO_WORD),
    ),
    (
        "Cloudflare, CF-Visitor against the header",
        &[CLIENT, ("x-forwarded-proto", "http"), ("cf-visitor", "{\"scheme\":\"https\"}")],
        Err(IN_THE_CLEAR),
    ),
    // Envoy with use_remote_address, the edge of Istio too.
    (
        "Envoy, TLS at the edge",
        &[
            CLIENT,
            ("x-forwarded-proto", "https"),
            ("x-envoy-external-address", "203.0.113.9"),
            ("x-request-id", "b6f7a3a0-9b8a-4c3c-8f5c-4bbd1a5d3c1d"),
        ],
        Ok(()),
    ),
    ("Envoy, plain at the edge", &[CLIENT, ("x-forwarded-proto", "http")], Err(IN_THE_CLEAR)),
    ("Envoy, without use_remote_address", &[("x-request-id", "b6f7a3a0")], Err(NO_WORD)),
    // Traefik names the scheme of a WebSocket by itself.
    ("Traefik, a WebSocket", &[CLIENT, ("x-forwarded-proto", "wss")], Ok(())),
    (
        "Traefik, a WebSocket in the clear",
        &[CLIENT, ("x-forwarded-proto", "ws")],
        Err(IN_THE_CLEAR),
    ),
    // Who appends in place of setting leaves it open who wrote which entry.
    ("a chain that appends", &[CLIENT, ("x-forwarded-proto", "https,http")], Err(UNCLEAR)),
    (
        "a chain that appends the same",
        &[CLIENT, ("x-forwarded-proto", "https, https")],
        Err(UNCLEAR),
    ),
    (
        "a client's header beside the proxy's",
        &[CLIENT, ("x-forwarded-proto", "https"), ("x-forwarded-proto", "http")],
        Err(UNCLEAR),
    ),
    (
        "two headers that agree",
        &[CLIENT, ("x-forwarded-proto", "https"), ("x-forwarded-proto", "https")],
        Err(UNCLEAR),
    ),
    ("an empty header", &[CLIENT, ("x-forwarded-proto", "")], Err(UNCLEAR)),
    ("what is no scheme", &[CLIENT, ("x-forwarded-proto", "on")], Err(UNCLEAR)),
    ("capitals", &[CLIENT, ("x-forwarded-proto", "HTTPS")], Ok(())),
    // Headers of other products, none of them read.
    ("X-Forwarded-Ssl", &[CLIENT, ("x-forwarded-ssl", "on")], Err(NO_WORD)),
    ("Front-End-Https", &[CLIENT, ("front-end-https", "on")], Err(NO_WORD)),
    ("X-Forwarded-Scheme", &[CLIENT, ("x-forwarded-scheme", "https")], Err(NO_WORD)),
    (
        "Forwarded, where X-Forwarded-For is believed",
        &[CLIENT, ("forwarded", "for=203.0.113.9;proto=https")],
        Err(NO_WORD),
    ),
    (
        "a hop without an address",
        &[("x-forwarded-for", "unknown"), ("x-forwarded-proto", "http")],
        Err("a hop without an address"),
    ),
];

/// The same where the proxies speak RFC 7239.
const FORWARDED: &[Row] = &[
    ("one hop", &[("forwarded", "for=203.0.113.9;proto=https")], Ok(())),
    ("quoted", &[("forwarded", "proto=\"https\";for=\"203.0.113.9:4711\"")], Ok(())),
    ("in the clear", &[("forwarded", "for=203.0.113.9;proto=http")], Err(IN_THE_CLEAR)),
    ("no word", &[("forwarded", "for=203.0.113.9")], Err("let the proxy add `proto=`")),
    (
        "the hop that names the client counts",
        &[("forwarded", "for=203.0.113.9;proto=https, for=10.0.3.8;proto=http")],
        Ok(()),
    ),
    (
        "not the one behind it",
        &[("forwarded", "for=203.0.113.9;proto=http, for=10.0.3.8;proto=https")],
        Err(IN_THE_CLEAR),
    ),
    (
        "what the client wrote before it",
        &[("forwarded", "for=1.1.1.1;proto=https, for=203.0.113.9;proto=http")],
        Err(IN_THE_CLEAR),
    ),
    (
        "what the client wrote on a line of its own",
        &[("forwarded", "for=1.1.1.1;proto=https"), ("forwarded", "for=203.0.113.9")],
        Err(NO_WORD),
    ),
    ("a hidden client", &[("forwarded", "for=_hidden;proto=https")], Ok(())),
    ("twice in one hop", &[("forwarded", "for=203.0.113.9;proto=https;proto=http")], Err(UNCLEAR)),
    ("an open quotation mark", &[("forwarded", "for=203.0.113.9;proto=\"https")], Err(UNCLEAR)),
    (
        "X-Forwarded-Proto, where Forwarded is believed",
        &[("forwarded", "for=203.0.113.9"), ("x-forwarded-proto", "https")],
        Err(NO_WORD),
    ),
];

async fn assert_rows(rows: &[Row], proxies: TrustedProxies) {
    let stack = Stack::of(|stack| stack.peer(BALANCER).guard(proxies));
    let address = serve(stack.app()).await;
    for (name, headers, want) in rows {
        let with_token: Vec<_> = headers.iter().copied().chain([TOKEN]).collect();
        let answer = call(address, "/closed", &with_token).await;
        let record = stack.records.all().pop().unwrap();
        match want {
            Ok(()) => {
                assert_eq!((answer.status, answer.text().as_str()), (200, "proxy"), "{name}");
                assert_eq!(record.secure, Some(Secure::Proxy), "{name}");
            }
            Err(hint) => {
                assert_leaked(&answer, name);
                assert_eq!(record.secure, None, "{name}");
                let found = record.rejection.unwrap().private_found().unwrap().to_owned();
                assert!(found.contains(hint), "{name}: {found}");
            }
        }
    }
    println!("{} rows", rows.len());
}

fn proxies() -> tower_parapet::address::TrustedProxiesBuilder {
    TrustedProxies::builder().trust(["10.0.3.7", "10.0.3.8"])
}

#[tokio::test]
async fn what_each_proxy_sends_is_read_as_its_table_says() {
    assert_rows(ROWS, proxies().build().unwrap()).await;
    assert!(ROWS.len() >= 30);
}

#[tokio::test]
async fn the_scheme_in_forwarded_is_that_of_the_hop_which_names_the_client() {
    assert_rows(FORWARDED, proxies().header(ProxyHeader::Forwarded).build().unwrap()).await;
}

#[tokio::test]
async fn behind_cloudfront_its_own_header_tells_the_viewers_scheme() {
    let proxies = proxies().scheme_header("CloudFront-Forwarded-Proto").build().unwrap();
    assert_rows(
        &[
            (
                "CloudFront, an ALB behind it",
                &[CLIENT, ("cloudfront-forwarded-proto", "https"), ("x-forwarded-proto", "http")],
                Ok(()),
            ),
            (
                "CloudFront, called by http",
                &[CLIENT, ("cloudfront-forwarded-proto", "http"), ("x-forwarded-proto", "https")],
                Err(IN_THE_CLEAR),
            ),
        ],
        proxies,
    )
    .await;
}

#[tokio::test]
async fn nobody_but_a_trusted_proxy_can_say_https() {
    let stack = Stack::of(|stack| stack.peer(STRANGER).trusted_proxies("10.0.3.7"));
    for (name, value) in [
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=203.0.113.9;proto=https"),
        ("x-forwarded-for", "127.0.0.1"),
    ] {
        assert_leaked(&stack.get("/closed", &[TOKEN, (name, value)]).await, name);
    }
}

#[tokio::test]
async fn a_proxy_on_this_machine_is_asked_for_its_word_about_clients_elsewhere() {
    let stack = Stack::of(|stack| stack.peer(Peer::ConnectInfo).trusted_proxies("127.0.0.1"));
    let address = serve(stack.app()).await;
    let here = ("x-forwarded-for", "127.0.0.1");
    let (https, http) = (("x-forwarded-proto", "https"), ("x-forwarded-proto", "http"));
    // A development server's proxy, and no proxy at all.
    for headers in [&[TOKEN][..], &[TOKEN, here], &[TOKEN, here, http]] {
        assert_eq!(call(address, "/closed", headers).await.text(), "loopback", "{headers:?}");
    }
    assert_eq!(call(address, "/closed", &[TOKEN, CLIENT, https]).await.text(), "proxy");
    let unknown = ("x-forwarded-for", "127.0.0.1, unknown");
    for headers in [&[TOKEN, CLIENT][..], &[TOKEN, CLIENT, http], &[TOKEN, http], &[TOKEN, unknown]]
    {
        assert_leaked(&call(address, "/closed", headers).await, &format!("{headers:?}"));
    }
}
