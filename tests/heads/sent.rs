//! Requests of every kind: most of them nearly good, so that they come far.

use std::{
    net::{IpAddr, SocketAddr},
    sync::LazyLock,
};

use axum::extract::ConnectInfo;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use tower_parapet::{Body, context::Tls};

use super::{NOW, token};

/// A request as a strategy makes it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: Method,
    pub(crate) target: Uri,
    pub(crate) peer: Option<IpAddr>,
    pub(crate) headers: Vec<(HeaderName, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Sent {
    pub(crate) fn into_request(self) -> Request<Body> {
        let mut request = Request::new(Body::from(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.target;
        for (name, value) in self.headers {
            request.headers_mut().append(name, HeaderValue::from_bytes(&value).unwrap());
        }
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from((peer, 4000))));
            request.extensions_mut().insert(Tls::new());
        }
        request
    }

    /// What was sent to prove who is calling, without the name of the scheme, where it is long
    /// enough to be known again.
    pub(crate) fn secrets(&self) -> Vec<&[u8]> {
        let secret = ["authorization", "x-api-key", "cookie"];
        let sent = self.headers.iter().filter(|(name, _)| secret.contains(&name.as_str()));
        let values = sent.map(|(_, value)| value.trim_ascii());
        let bare = values.map(|value| match value.iter().position(|byte| *byte == b' ') {
            Some(at) => value[at..].trim_ascii(),
            None => value,
        });
        bare.filter(|value| value.len() >= 12).collect()
    }
}

static TOKEN: LazyLock<String> =
    LazyLock::new(|| token::alice(NOW + 86_400 * 365, "orders:read orders:write admin"));

fn methods() -> impl Strategy<Value = Method> {
    const KNOWN: &[&str] =
        &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    prop_oneof![
        9 => select(&["GET", "POST"][..]).prop_map(str::to_owned),
        2 => select(KNOWN).prop_map(str::to_owned),
        1 => "[!#$%&'*+.^_`|~0-9a-zA-Z-]{1,20}",
    ]
    .prop_map(|method| Method::from_bytes(method.as_bytes()).unwrap())
}

fn targets() -> impl Strategy<Value = Uri> {
    const KNOWN: &[&str] = &[
        "/health",
        "/orders",
        "/orders",
        "/shop/a/b",
        "/admin/report",
        "/admin",
        "/feed",
        "/nowhere",
    ];
    let segment =
        prop_oneof!["[a-z]{0,4}", "(%[0-9a-fA-F]{2}){1,3}", "%?[ -~]{0,4}", Just("..".into())];
    let path = vec(segment, 0..6).prop_map(|segments| format!("/{}", segments.join("/")));
    let whole =
        select(&["*", "http://api.example/orders", "http://other.example/health", "a:1"][..]);
    prop_oneof![
        12 => (select(KNOWN), "(\\?[ -~]{0,20})?").prop_map(|(path, query)| path.to_owned() + &query),
        4 => path,
        1 => whole.prop_map(str::to_owned),
    ]
    .prop_filter_map("no request line can carry it", |text| text.parse().ok())
}

fn peers() -> impl Strategy<Value = Option<IpAddr>> {
    const KNOWN: &[&str] = &[
        "10.0.0.1",
        "fd00::1",
        "192.0.2.1",
        "203.0.113.1",
        "::ffff:10.0.0.2",
        "198.51.100.1",
        "::1",
    ];
    prop_oneof![
        16 => select(KNOWN).prop_map(|text| text.parse().ok()),
        2 => any::<[u8; 4]>().prop_map(|bytes| Some(IpAddr::from(bytes))),
        2 => any::<[u8; 16]>().prop_map(|bytes| Some(IpAddr::from(bytes))),
        1 => Just(None),
    ]
}

/// Bytes that a header may hold.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![6 => b' '..=b'~', 1 => 0x80..=0xff_u8, 1 => Just(b'\t')];
    vec(byte, 0..60)
}

fn forwarding() -> impl Strategy<Value = Vec<u8>> {
    let address = prop_oneof![
        any::<[u8; 4]>().prop_map(|bytes| IpAddr::from(bytes).to_string()),
        any::<[u8; 16]>().prop_map(|bytes| format!("[{}]", IpAddr::from(bytes))),
        "10\\.0\\.0\\.[0-9]{1,2}(:[0-9]{0,6})?",
        "[\"\\[\\]:.a-f0-9_]{0,12}",
        Just("unknown".to_owned()),
        Just("_hidden".to_owned()),
    ];
    let hop = (
        select(&["", "for=", "For=", "for=\"", "by=", "proto=https;for="][..]),
        address,
        "[\"; ]{0,2}",
    );
    let hops = vec(hop.prop_map(|(key, address, end)| format!("{key}{address}{end}")), 0..5);
    prop_oneof![
        4 => (hops, select(&[",", ", ", ",,", ";"][..])).prop_map(|(hops, by)| hops.join(by).into_bytes()),
        1 => value(),
    ]
}

/// A good credential, one that is changed in a place, or no credential at all.
fn credential(good: String) -> impl Strategy<Value = Vec<u8>> {
    let changed = (any::<Index>(), b'!'..=b'~', Just(good.clone().into_bytes())).prop_map(
        |(at, byte, mut bytes)| {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes
        },
    );
    let cut = (any::<Index>(), Just(good.clone().into_bytes())).prop_map(|(at, mut bytes)| {
        bytes.truncate(at.index(bytes.len()));
        bytes
    });
    let scheme = (select(&["Bearer ", "bearer  ", "Basic ", "Bearer", "DPoP "][..]), value())
        .prop_map(|(scheme, value)| [scheme.as_bytes(), &value].concat());
    prop_oneof![4 => Just(good.into_bytes()), 2 => changed, 1 => cut, 1 => scheme, 1 => value()]
}

fn headers(api_key: String) -> impl Strategy<Value = Vec<(HeaderName, Vec<u8>)>> {
    let bearer = format!("Bearer {}", *TOKEN);
    let named = |name: &'static str, values: BoxedStrategy<Vec<u8>>| {
        values.prop_map(move |value| (HeaderName::from_static(name), value)).boxed()
    };
    let of = |texts: &'static [&'static str]| {
        prop_oneof![6 => select(texts).prop_map(|text| text.as_bytes().to_vec()), 1 => value()]
            .boxed()
    };
    let bearer = named("authorization", credential(bearer).boxed());
    let key = named("x-api-key", credential(api_key).boxed());
    let credentials = prop_oneof![
        6 => vec(bearer.clone(), 1),
        2 => vec(key.clone(), 1),
        2 => Just(Vec::new()),
        1 => vec(prop_oneof![bearer, key], 2..4),
    ];
    let proxied = prop_oneof![
        named("x-forwarded-for", forwarding().boxed()),
        named("forwarded", forwarding().boxed()),
    ];
    let json = Just(b"application/json".to_vec()).boxed();
    let types = of(&[
        "application/json; charset=utf-8",
        "application/vnd.x+json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "a/b, c/d",
        "*/*",
    ]);
    let typed = prop_oneof![
        6 => vec(named("content-type", json), 1),
        3 => vec(named("content-type", types), 0..3),
    ];
    let odd = prop_oneof![
        named("host", of(&["api.example", "localhost:80", "a.example", "[::1]", "a@b", ""])),
        named("content-length", of(&["0", "5", "99999999999999999999", "-1", "5, 5"])),
        named("transfer-encoding", of(&["chunked", "gzip, chunked", "identity"])),
        named("expect", of(&["100-continue"])),
        named("connection", of(&["close", "upgrade", "keep-alive, te"])),
        named("upgrade", of(&["websocket", "h2c"])),
        named("cookie", value().boxed()),
        named("referer", of(&["https://a.example/?token=x", "?"])),
        named("content-encoding", of(&["gzip", "br", "identity"])),
        ("[a-z][a-z0-9-]{0,12}", value())
            .prop_map(|(name, value)| (HeaderName::try_from(name).unwrap(), value)),
    ];
    let many = ("[a-z]{3}", 100_usize..120, value()).prop_map(|(name, count, value)| {
        std::iter::repeat_n((HeaderName::try_from(name).unwrap(), value), count).collect()
    });
    let odd = prop_oneof![20 => Just(Vec::new()), 12 => vec(odd, 1..3), 1 => many];
    let host = of(&["api.example", "api.example", "localhost:80", "API.example"]);
    let host = prop_oneof![15 => vec(named("host", host), 1), 1 => Just(Vec::new())];
    (host, credentials, vec(proxied, 0..3), typed, odd).prop_map(
        |(host, credentials, proxied, typed, odd)| {
            [host, credentials, proxied, typed, odd].concat()
        },
    )
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    const JSON: &[&str] = &[
        "{\"item\":\"tea\"}",
        "{\"item\":7}",
        "{\"item\":\"tea\",\"item\":\"x\"}",
        "{}",
        "[",
        "{\"item\":1e999}",
    ];
    prop_oneof![
        3 => Just(Vec::new()),
        4 => select(JSON).prop_map(|text| text.as_bytes().to_vec()),
        1 => "[\\[\\]{}\",:a-z0-9\\\\u ]{0,80}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..80),
        1 => (1_usize..100).prop_map(|depth| "[".repeat(depth).into_bytes()),
    ]
}

pub(crate) fn requests(api_key: String) -> impl Strategy<Value = Sent> {
    (methods(), targets(), peers(), headers(api_key), bodies()).prop_map(
        |(method, target, peer, headers, body)| Sent { method, target, peer, headers, body },
    )
}

/// Bytes that are no request, or once were one.
pub(crate) fn wire() -> impl Strategy<Value = Vec<u8>> {
    const WHOLE: &[&str] = &[
        "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "POST /orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: 14\r\n\r\n{\"item\":\"tea\"}",
        "POST /shop/a HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n\
         3\r\nabc\r\n0\r\n\r\n",
        "GET http://localhost/feed?x=1 HTTP/1.0\r\nforwarded: for=10.0.0.1\r\n\
         x-forwarded-for: 10.0.0.1, 1.2.3.4\r\nauthorization: Bearer a.b.c\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n\r\n",
    ];
    let change = (any::<Index>(), 0..3_u8, any::<u8>());
    let changed = (select(WHOLE), vec(change, 1..4)).prop_map(|(text, changes)| {
        let mut bytes = text.as_bytes().to_vec();
        for (at, kind, byte) in changes {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    });
    let cut = (select(WHOLE), any::<Index>())
        .prop_map(|(text, at)| text.as_bytes()[..at.index(text.len())].to_vec());
    let line = vec(any::<u8>(), 0..60)
        .prop_map(|line| [b"GET /", &line[..], b" HTTP/1.1\r\nhost: localhost\r\n\r\n"].concat());
    let field = vec(any::<u8>(), 0..60)
        .prop_map(|field| [b"GET /health HTTP/1.1\r\n", &field[..], b"\r\n\r\n"].concat());
    prop_oneof![4 => changed, 1 => cut, 1 => line, 2 => field, 1 => vec(any::<u8>(), 0..200)]
}
