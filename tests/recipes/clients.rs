//! Who the client is behind each proxy.

use std::convert::Infallible;

use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};
use tower_parapet::{Body, Context, Parapet, Peer, PeerAddr, TrustedProxies, address::ProxyHeader};

use super::pages::{Row, proxies, tables};

const NGINX: &str = include_str!("../../docs/guide/nginx.md");
const ALB: &str = include_str!("../../docs/guide/alb.md");
const CLOUDFLARE: &str = include_str!("../../docs/guide/cloudflare.md");
const ENVOY: &str = include_str!("../../docs/guide/envoy.md");
const KUBERNETES: &str = include_str!("../../docs/guide/kubernetes.md");

/// Some of the networks that Cloudflare publishes.
const OF_CLOUDFLARE: [&str; 4] =
    ["173.245.48.0/20", "103.21.244.0/22", "2400:cb00::/32", "2606:4700::/32"];

async fn tell(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let client = Context::of(request.extensions()).and_then(Context::client);
    Ok(Response::new(client.map(|client| client.to_string()).unwrap_or_default().into()))
}

fn peer(text: &str) -> PeerAddr {
    PeerAddr::new((text.parse::<std::net::IpAddr>().unwrap(), 40_000).into())
}

/// Whom a service behind these proxies takes for the client.
async fn client(proxies: TrustedProxies, from: &str, headers: &[(&str, &str)]) -> String {
    let stack = Parapet::builder().peer(Peer::Extension).guard(proxies).public("GET /", "a test");
    let service = stack.build().unwrap().layer(service_fn(tell));
    let mut request = Request::get("/").extension(peer(from));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = service.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200, "{from} {headers:?}");
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap();
    String::from_utf8(body.to_bytes().to_vec()).unwrap()
}

fn behind(proxies: &[String]) -> TrustedProxies {
    TrustedProxies::new(proxies.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
}

async fn hold(page: &str, settings: &[Vec<String>]) -> usize {
    let tables = tables(page);
    assert_eq!(tables.len(), settings.len(), "a table for each setting");
    let mut rows = 0;
    for (table, proxies) in tables.iter().zip(settings) {
        assert!(table.len() >= 3, "{table:?}");
        for Row { peer, forwarded_for, client: expected } in table {
            let headers: Vec<_> =
                forwarded_for.iter().map(|value| ("x-forwarded-for", &**value)).collect();
            let found = client(behind(proxies), peer, &headers).await;
            assert_eq!(found, *expected, "{peer} {headers:?} behind {proxies:?}");
            rows += 1;
        }
    }
    rows
}

#[tokio::test]
async fn every_row_of_the_guide_holds_under_the_settings_of_its_page() {
    let cloudflare = vec![OF_CLOUDFLARE.map(str::to_owned).to_vec()];
    let mut rows = 0;
    for (page, settings) in [
        (NGINX, proxies(NGINX)),
        (ALB, proxies(ALB)),
        (CLOUDFLARE, cloudflare),
        (ENVOY, proxies(ENVOY)),
        (KUBERNETES, proxies(KUBERNETES)),
    ] {
        rows += hold(page, &settings).await;
    }
    println!("{rows} rows of the guide hold");
    assert!(rows >= 20, "{rows}");
}

/// Recipe, peer, header fields as they come, client.
type Odd = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

const XFF: &str = "x-forwarded-for";

/// What proxies send in odder moments, and what clients send to look like somebody else.
const ODD: &[Odd] = &[
    // nginx: appended twice, by two of them; a field of the client's own before nginx's.
    ("nginx", "10.0.3.7", &[(XFF, "1.2.3.4"), (XFF, "203.0.113.9")], "203.0.113.9"),
    ("nginx", "10.0.3.7", &[(XFF, "203.0.113.9, 10.0.3.7")], "203.0.113.9"),
    ("nginx", "10.0.3.7", &[(XFF, "203.0.113.9,10.0.3.7,10.0.3.7")], "203.0.113.9"),
    ("nginx", "10.0.3.7", &[(XFF, " 203.0.113.9 ")], "203.0.113.9"),
    ("nginx", "10.0.3.7", &[("x-real-ip", "1.2.3.4"), (XFF, "203.0.113.9")], "203.0.113.9"),
    ("nginx", "10.0.3.7", &[("x-real-ip", "203.0.113.9")], "10.0.3.7"),
    ("nginx", "10.0.3.7", &[("forwarded", "for=1.2.3.4"), (XFF, "203.0.113.9")], "203.0.113.9"),
    ("nginx", "10.0.3.7", &[(XFF, "unix:")], "10.0.3.7"),
    ("nginx", "10.0.3.7", &[(XFF, "203.0.113.9, unknown")], "10.0.3.7"),
    ("nginx", "10.0.3.7", &[(XFF, "203.0.113.9, ")], "10.0.3.7"),
    ("nginx", "::ffff:10.0.3.7", &[(XFF, "203.0.113.9")], "203.0.113.9"),
    // ALB: ports, IPv6 in brackets, spoofs before the client, requests past the balancer.
    ("alb", "10.0.16.31", &[(XFF, "[2001:db8::9]:49152")], "2001:db8::9"),
    ("alb", "10.0.17.12", &[(XFF, "10.0.16.31, 203.0.113.9")], "203.0.113.9"),
    ("alb", "10.0.17.12", &[(XFF, "127.0.0.1, 203.0.113.9")], "203.0.113.9"),
    ("alb", "10.0.17.12", &[(XFF, "1.2.3.4:99999, 203.0.113.9:443")], "203.0.113.9"),
    ("alb", "10.0.18.5", &[(XFF, "203.0.113.9")], "10.0.18.5"),
    ("alb", "10.0.16.31", &[(XFF, "203.0.113.9; DROP TABLE")], "10.0.16.31"),
    // Cloudflare: its own fields count for nothing, Workers call from its networks.
    (
        "cloudflare",
        "173.245.48.9",
        &[("cf-connecting-ip", "1.2.3.4"), (XFF, "203.0.113.9")],
        "203.0.113.9",
    ),
    ("cloudflare", "203.0.113.66", &[("cf-connecting-ip", "1.2.3.4")], "203.0.113.66"),
    (
        "cloudflare",
        "173.245.48.9",
        &[("true-client-ip", "1.2.3.4"), (XFF, "203.0.113.9")],
        "203.0.113.9",
    ),
    ("cloudflare", "103.21.244.9", &[(XFF, "203.0.113.9, 2606:4700::1")], "203.0.113.9"),
    // Cloudflare before a balancer of one's own: both are trusted.
    ("cloudflare+alb", "10.0.16.31", &[(XFF, "203.0.113.9, 173.245.48.9")], "203.0.113.9"),
    ("cloudflare+alb", "10.0.16.31", &[(XFF, "1.2.3.4, 203.0.113.9, 173.245.48.9")], "203.0.113.9"),
    ("cloudflare+alb", "10.0.16.31", &[(XFF, "1.2.3.4, 203.0.113.66")], "203.0.113.66"),
    // Envoy and Istio: v4-mapped addresses, its own idea of the client.
    (
        "envoy",
        "10.0.5.2",
        &[("x-envoy-external-address", "1.2.3.4"), (XFF, "203.0.113.9")],
        "203.0.113.9",
    ),
    ("envoy", "10.0.5.2", &[(XFF, "2001:db8::9")], "2001:db8::9"),
    ("envoy", "10.0.5.3", &[(XFF, "203.0.113.9")], "10.0.5.3"),
    ("istio", "127.0.0.6", &[(XFF, "127.0.0.6")], "127.0.0.6"),
    ("istio", "127.0.0.1", &[(XFF, "203.0.113.9")], "127.0.0.1"),
];

fn odd_proxies(recipe: &str) -> Vec<String> {
    let own = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect();
    match recipe {
        "nginx" => proxies(NGINX).swap_remove(0),
        "alb" => proxies(ALB).swap_remove(0),
        "cloudflare" => own(&OF_CLOUDFLARE),
        "cloudflare+alb" => [own(&OF_CLOUDFLARE), proxies(ALB).swap_remove(0)].concat(),
        "envoy" => proxies(ENVOY).swap_remove(0),
        "istio" => proxies(ENVOY).swap_remove(1),
        other => panic!("no recipe {other}"),
    }
}

#[tokio::test]
async fn what_proxies_send_in_odder_moments_names_the_client_too() {
    for (recipe, peer, headers, expected) in ODD {
        let found = client(behind(&odd_proxies(recipe)), peer, headers).await;
        assert_eq!(found, *expected, "{recipe}: {peer} {headers:?}");
    }
    println!("{} odd rows", ODD.len());
}

#[tokio::test]
async fn a_proxy_that_speaks_rfc_7239_is_read_where_that_was_asked_for() {
    for (peer, value, expected) in [
        ("10.0.3.7", "for=203.0.113.9;proto=https", "203.0.113.9"),
        ("10.0.3.7", "for=1.2.3.4, for=203.0.113.9", "203.0.113.9"),
        ("10.0.3.7", "For=\"[2001:db8::9]:4711\"", "2001:db8::9"),
        ("10.0.3.7", "for=203.0.113.9, for=_hidden", "10.0.3.7"),
        ("10.0.3.7", "for=203.0.113.9, for=unknown", "10.0.3.7"),
        ("10.0.3.8", "for=203.0.113.9", "10.0.3.8"),
    ] {
        let proxies = TrustedProxies::builder().trust("10.0.3.7").header(ProxyHeader::Forwarded);
        let both = [("forwarded", value), (XFF, "198.51.100.1")];
        let found = client(proxies.build().unwrap(), peer, &both).await;
        assert_eq!(found, expected, "{peer} {value}");
    }
}
