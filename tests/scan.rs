//! An anonymous scan of every example as it runs: each route, by each method, in each spelling that
//! has ever got past somebody. It reaches what the manifest calls public, and nothing else.
#![cfg(all(unix, feature = "full"))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "support/examples.rs"]
mod examples;
mod support;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
};

use serde_json::Value;
use support::program::Program;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

const METHODS: [&str; 12] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW", "get",
    "GET,POST",
];

/// What no policy names, and what others have been found by.
const PLACES: [&str; 8] =
    ["/", "/admin", "/admin/report", "/orders", "/orders/7", "/.env", "/metrics", "*"];

/// A path in every spelling that somebody's router or proxy has taken for it.
fn spellings(path: &str) -> Vec<String> {
    let (_, last) = path.rsplit_once('/').unwrap_or(("", path));
    let escaped = |c: char| format!("%{:02x}", c as u32);
    let each: String =
        path.chars().map(|c| if c == '/' { "/".into() } else { escaped(c) }).collect();
    let first = match path.chars().nth(1) {
        Some(c) => format!("/{}{}", escaped(c), &path[1 + c.len_utf8()..]),
        None => path.to_owned(),
    };
    let bare = path.trim_start_matches('/');
    vec![
        path.to_owned(),
        format!("{path}/"),
        format!("{path}//"),
        format!("/{path}"),
        format!("/.{path}"),
        format!("{path}/."),
        format!("{path}/x/.."),
        format!("/x/..{path}"),
        format!("/x/%2e%2e{path}"),
        format!("/x%2f..{path}"),
        format!("/health/..{path}"),
        format!("/health/%2e%2e{path}"),
        format!("/health;{path}"),
        format!("/health%2f..%2f{bare}"),
        format!("/health/..;{path}"),
        each.clone(),
        each.to_uppercase(),
        each.replace('%', "%25"),
        first.clone(),
        first.replace('%', "%25"),
        path.to_uppercase(),
        format!("{path};a=b"),
        format!("{path}%00"),
        format!("{path}%20"),
        format!("{path}%2f"),
        format!("{path}%5c"),
        format!("{path}\\"),
        format!("{path}."),
        format!("{path}.json"),
        format!("{path}%c0%af"),
        format!("/%c0%ae%c0%ae{path}"),
        format!("/%ef%bc%8f{bare}"),
        format!("%2f{bare}"),
        path.replace('/', "\\"),
        path.replace('/', "%2F"),
        format!("{path}?x=/../{last}"),
        format!("/?{path}"),
        format!("{path}#x"),
        format!("http://127.0.0.1{path}"),
        format!("http://evil.example{path}"),
        format!("//evil.example{path}"),
        bare.to_owned(),
    ]
}

/// What came back, as far as it matters: the status, and whether the refusal is one of ours.
#[derive(Debug)]
enum Back {
    Nothing,
    Refused(u16),
    Answered(u16),
}

/// Each request comes from an address of its own, so that no limit hides what it would have reached.
async fn ask(address: SocketAddr, number: u32, method: &str, target: &str, grpc: bool) -> Back {
    let socket = TcpSocket::new_v4().unwrap();
    let own = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 1)) + number);
    socket.bind((own, 0).into()).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let host = address.port();
    let content_type = if grpc { "content-type: application/grpc\r\n" } else { "" };
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: 127.0.0.1:{host}\r\nuser-agent: scan\r\n\
         {content_type}content-length: 0\r\nconnection: close\r\n\r\n"
    );
    let mut answer = Vec::new();
    let _ = stream.write_all(request.as_bytes()).await;
    let _ = stream.read_to_end(&mut answer).await;
    let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    let head = head.split("\r\n\r\n").next().unwrap_or_default();
    let Some(status) = head.split(' ').nth(1).and_then(|status| status.parse().ok()) else {
        return Back::Nothing;
    };
    // hyper by itself refuses what it cannot read, without a word.
    let is_status = head.contains("grpc-status: ") && head.contains("x-request-id: ");
    let is_ours = head.contains("content-type: application/problem+json") || is_status;
    let is_hyper = status == 400 && !head.contains("content-type");
    if is_ours || is_hyper { Back::Refused(status) } else { Back::Answered(status) }
}

/// Whether the manifest calls a request public: by the very path, of the very method.
fn is_public(manifest: &Value, method: &str, target: &str) -> bool {
    let path = target.strip_prefix("http://127.0.0.1").unwrap_or(target);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    manifest["routes"].as_array().unwrap().iter().any(|route| {
        let methods = route["methods"].as_array().unwrap();
        let by_method = methods.is_empty() || methods.iter().any(|known| known == method);
        !route["access"]["public"].is_null() && by_method && route["pattern"] == path
    })
}

fn targets(manifest: &Value) -> Vec<String> {
    let routes = manifest["routes"].as_array().unwrap().iter();
    let patterns = routes.filter_map(|route| route["pattern"].as_str());
    let filled = patterns.map(|pattern| match pattern.split_once('{') {
        Some((before, _)) => format!("{before}report"),
        None => pattern.to_owned(),
    });
    let mut paths: Vec<_> = filled.chain(PLACES.map(str::to_owned)).collect();
    paths.sort();
    paths.dedup();
    paths.iter().flat_map(|path| spellings(path)).filter(|target| !target.is_empty()).collect()
}

#[tokio::test]
async fn an_anonymous_scan_of_the_examples_reaches_only_what_is_public() {
    let mut number = 0;
    for (example, stack) in examples::all() {
        let manifest: Value = serde_json::from_str(&stack.manifest().to_json()).unwrap();
        let program = Program::start(example);
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for target in targets(&manifest) {
            let calls = METHODS.iter().map(|method| (*method, false)).chain([("POST", true)]);
            for (method, grpc) in calls {
                number += 1;
                let back = ask(program.address, number, method, &target, grpc).await;
                let public = is_public(&manifest, method, &target);
                if let Back::Answered(_) = back {
                    assert!(public, "{example}: {method} {target} reached something: {back:?}");
                }
                if public && method == "GET" && target.starts_with('/') && !target.contains('#') {
                    assert!(matches!(back, Back::Answered(200)), "{method} {target}: {back:?}");
                }
                let key = match back {
                    Back::Nothing => "nothing".to_owned(),
                    Back::Refused(status) => format!("refused {status}"),
                    Back::Answered(status) => format!("answered {status}"),
                };
                *seen.entry(key).or_default() += 1;
            }
        }
        println!("{example}: {seen:?}");
        assert!(seen["answered 200"] > 0 && seen["refused 401"] > 100 && seen["refused 400"] > 100);
        assert!(!seen.contains_key("refused 429"), "a limit hid something: {seen:?}");
    }
    println!("{number} requests");
}
