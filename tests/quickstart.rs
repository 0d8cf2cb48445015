//! The quickstart as a reader meets it: started as a program, spoken to over a socket, and by every
//! curl line it prints.
#![cfg(all(
    unix,
    feature = "axum",
    feature = "jwt",
    feature = "api-key",
    feature = "throttle",
    feature = "validate",
    feature = "audit"
))]
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
    collections::{HashMap, HashSet},
    env, fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use support::{Answer, get, request};

const JSON: (&str, &str) = ("content-type", "application/json");
const GOOD: &[u8] = br#"{"item":"tea","quantity":2}"#;
/// Values that must never come back, nor be written down.
const SECRETS: [&str; 3] = ["hunter2", "swordfish", "opensesame"];

/// The running example; it ends with its owner.
struct Quickstart {
    child: Child,
    address: SocketAddr,
    key: String,
    token: String,
    curl: Vec<String>,
    audit: PathBuf,
}

impl Quickstart {
    fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let audit = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("quickstart-{}-{number}.jsonl", std::process::id()));
        let mut child = Command::new(support::program::path("quickstart"))
            .env("PORT", "0")
            .env("AUDIT", &audit)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut this = Self {
            child,
            address: SocketAddr::from(([0; 4], 0)),
            key: String::new(),
            token: String::new(),
            curl: Vec::new(),
            audit,
        };
        for line in printed {
            let line = line.unwrap();
            match line.split_once(' ').unwrap() {
                ("listening", url) => {
                    this.address = url.strip_prefix("http://").unwrap().parse().unwrap();
                }
                ("api-key", key) => this.key = key.to_owned(),
                ("token", token) => this.token = token.to_owned(),
                _ => this.curl.push(line.clone()),
            }
            if line.contains("X-Forwarded-For") {
                break;
            }
        }
        assert_eq!(this.address.ip().to_string(), "127.0.0.1");
        assert!(!this.key.is_empty() && this.token.split('.').count() == 3);
        this
    }

    async fn get(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        get(self.address, target, headers).await
    }

    async fn by_key(&self, method: &str, target: &str, body: &[u8]) -> Answer {
        request(self.address, method, target, &[("x-api-key", &self.key), JSON], body).await
    }

    async fn by_token(&self, method: &str, target: &str, body: &[u8]) -> Answer {
        let token = format!("Bearer {}", self.token);
        request(self.address, method, target, &[("authorization", &token), JSON], body).await
    }

    /// Ends it as Ctrl-C does, and gives the lines of the audit.
    fn stop(mut self) -> Vec<Value> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let patience = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(patience.elapsed() < Duration::from_secs(20), "it goes on"),
            }
            thread::sleep(Duration::from_millis(5));
        };
        assert!(status.success(), "{status}");
        let text = fs::read_to_string(&self.audit).unwrap();
        for secret in SECRETS.into_iter().chain([&*self.key, &*self.token]) {
            assert!(!text.contains(secret), "`{secret}` is in the audit");
        }
        let signature = self.token.rsplit('.').next().unwrap();
        assert!(!text.contains(signature), "a part of the token is in the audit");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Quickstart {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.audit);
    }
}

/// Cargo tells tests where binaries are, but not where examples are.
#[tokio::test]
async fn anyone_may_ask_for_the_health_and_gets_the_security_headers() {
    let quickstart = Quickstart::start();
    let answer = quickstart.get("/health", &[]).await;
    assert_eq!((answer.status, answer.text().trim()), (200, "well"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = quickstart.get("/healthy", &[]).await;
    assert_eq!((answer.status, answer.code()), (401, "missing-credentials".to_owned()));
}

#[tokio::test]
async fn a_caller_without_credentials_is_told_both_ways_to_prove_who_it_is() {
    let quickstart = Quickstart::start();
    let answer = quickstart.get("/orders", &[]).await;
    assert_eq!((answer.status, answer.code()), (401, "missing-credentials".to_owned()));
    let challenges = answer.all("www-authenticate");
    assert_eq!(challenges.len(), 2, "{challenges:?}");
    assert!(challenges.iter().any(|challenge| challenge.starts_with("Bearer")), "{challenges:?}");
    assert!(challenges.iter().any(|challenge| challenge.contains("X-Api-Key")), "{challenges:?}");
    assert!(!challenges.concat().contains("error="), "RFC 6750: no error without credentials");
}

#[tokio::test]
async fn a_key_may_read_orders_and_nothing_else() {
    let quickstart = Quickstart::start();
    let answer = quickstart.by_key("GET", "/orders", b"").await;
    assert_eq!((answer.status, &answer.json()["caller"]), (200, &Value::from("demo-shop")));
    for (method, target, body) in [("POST", "/orders", GOOD), ("GET", "/admin/report", b"")] {
        let answer = quickstart.by_key(method, target, body).await;
        assert_eq!((answer.status, answer.code()), (403, "insufficient-scope".to_owned()));
    }
}

#[tokio::test]
async fn a_token_may_read_and_place_orders_and_see_the_report() {
    let quickstart = Quickstart::start();
    assert_eq!(quickstart.by_token("POST", "/orders", GOOD).await.status, 201);
    let answer = quickstart.by_token("GET", "/orders", b"").await;
    assert_eq!((answer.status, &answer.json()["orders"][0]["item"]), (200, &Value::from("tea")));
    let answer = quickstart.by_token("GET", "/admin/report", b"").await;
    assert_eq!((answer.status, &answer.json()["orders"]), (200, &Value::from(1)));
    assert_eq!(quickstart.by_token("GET", "/admin/nothing", b"").await.status, 404);
}

#[tokio::test]
async fn a_forged_token_and_an_unknown_key_are_refused_and_not_repeated() {
    let quickstart = Quickstart::start();
    let forged = format!("Bearer {}", quickstart.token.replace('.', ".e"));
    let unknown = quickstart.key.chars().rev().collect::<String>();
    for headers in [("authorization", &*forged), ("x-api-key", &*unknown)] {
        let answer = quickstart.get("/orders", &[headers]).await;
        assert_eq!((answer.status, answer.code()), (401, "invalid-credentials".to_owned()));
        assert!(!format!("{answer:?}").contains(headers.1), "{answer:?}");
    }
}

#[tokio::test]
async fn an_order_that_breaks_the_schema_gets_422_with_pointers_and_never_the_value() {
    let quickstart = Quickstart::start();
    let body = br#"{"item":"","quantity":"hunter2","note":"swordfish"}"#;
    let answer = quickstart.by_token("POST", "/orders", body).await;
    assert_eq!((answer.status, answer.code()), (422, "schema-violation".to_owned()));
    let problem = answer.json();
    let pointers: HashSet<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, HashSet::from(["/item", "/quantity", "/note"]));
    assert!(SECRETS.iter().all(|value| !answer.text().contains(value)), "{}", answer.text());
}

#[tokio::test]
async fn a_member_named_twice_gets_400_and_another_media_type_415() {
    let quickstart = Quickstart::start();
    let answer = quickstart.by_token("POST", "/orders", br#"{"item":"a","item":"b"}"#).await;
    assert_eq!((answer.status, answer.code()), (400, "json-limit".to_owned()));
    let answer = quickstart.by_token("POST", "/orders", b"{\"item\":").await;
    assert_eq!((answer.status, answer.code()), (400, "json-malformed".to_owned()));
    let token = format!("Bearer {}", quickstart.token);
    let headers = [("authorization", &*token), ("content-type", "text/plain")];
    let answer = request(quickstart.address, "POST", "/orders", &headers, GOOD).await;
    assert_eq!((answer.status, answer.code()), (415, "unsupported-media-type".to_owned()));
}

#[tokio::test]
async fn a_burst_is_cut_off_with_429_that_says_when_to_come_back() {
    let quickstart = Quickstart::start();
    let mut refused = None;
    for _ in 0..60 {
        let answer = quickstart.get("/health", &[]).await;
        match answer.status {
            200 => assert!(answer.header("ratelimit").unwrap().starts_with("\"client\";r=")),
            _ => refused = Some(answer),
        }
    }
    let answer = refused.expect("60 requests passed a burst of 20");
    assert_eq!((answer.status, answer.code()), (429, "rate-limited".to_owned()));
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..60).contains(&seconds), "{seconds}");
    assert!(answer.header("ratelimit").unwrap().starts_with("\"client\";r=0;t="), "{answer:?}");
    assert!(answer.header("ratelimit-policy").unwrap().starts_with("\"client\";q="), "{answer:?}");
}

#[tokio::test]
async fn a_claimed_address_buys_nothing() {
    let quickstart = Quickstart::start();
    let began = Instant::now();
    let mut admitted = 0;
    for last in 1..=60 {
        let claimed = format!("203.0.113.{last}");
        let forwarded = format!("for={claimed}");
        let headers =
            [("x-forwarded-for", &*claimed), ("forwarded", &*forwarded), ("x-real-ip", &*claimed)];
        admitted += u64::from(quickstart.get("/health", &headers).await.status == 200);
    }
    let refilled = began.elapsed().as_secs() + 1;
    assert!(admitted <= 20 + refilled, "{admitted} of 60 admitted");
    for line in quickstart.stop() {
        assert_eq!(line["client"]["ip"], "127.0.0.1", "{line}");
        assert_eq!(line["client"]["via"], "peer", "{line}");
    }
}

#[tokio::test]
async fn the_audit_holds_one_line_per_request_and_none_of_its_secrets() {
    let quickstart = Quickstart::start();
    let forged = format!("Bearer {}x", quickstart.token);
    let answers = [
        quickstart.get("/health?access_token=hunter2", &[("cookie", "sid=swordfish")]).await,
        quickstart.get("/orders", &[]).await,
        quickstart.get("/orders?key=opensesame", &[("authorization", &forged)]).await,
        quickstart.get("/orders", &[("authorization", "Basic opensesame")]).await,
        quickstart.get("/admin/../health", &[]).await,
        quickstart.get("/health", &[("host", "elsewhere.example")]).await,
        quickstart.by_key("GET", "/orders", b"").await,
        quickstart.by_key("POST", "/orders", GOOD).await,
        quickstart.by_key("GET", "/admin/report", b"").await,
        quickstart.by_token("POST", "/orders", GOOD).await,
        quickstart.by_token("POST", "/orders", br#"{"item":"hunter2"}"#).await,
        quickstart.by_token("POST", "/orders", br#"{"item":"swordfish","item":"hunter2"}"#).await,
        quickstart.by_token("GET", "/admin/report", b"").await,
        quickstart.by_token("DELETE", "/orders", b"").await,
        quickstart.by_token("GET", "/nowhere", b"").await,
    ];
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    let expected = [200, 401, 401, 401, 400, 421, 200, 403, 403, 201, 422, 400, 200, 405, 404];
    assert_eq!(statuses, expected);

    let lines = quickstart.stop();
    assert_eq!(lines.len(), answers.len());
    let known: HashMap<_, _> =
        lines.iter().map(|line| (line["request_id"].as_str().unwrap(), line)).collect();
    assert_eq!(known.len(), lines.len(), "a request id stands twice");
    let mut told: Vec<_> = lines.iter().map(|line| line["status"].as_u64().unwrap()).collect();
    let mut sent: Vec<_> = expected.map(u64::from).into();
    told.sort_unstable();
    sent.sort_unstable();
    assert_eq!(told, sent);
    // The router's own 404 and 405 pass untouched; every other refusal is a problem of ours.
    for answer in answers.iter().filter(|answer| !matches!(answer.status, 200..=299 | 404 | 405)) {
        let problem = answer.json();
        let line = known[problem["request_id"].as_str().unwrap()];
        assert_eq!(line["reason"], *answer.code());
        assert_eq!(line["status"], problem["status"]);
        assert_eq!((&line["outcome"], &line["event"]), (&"rejected".into(), &"request".into()));
    }
}

#[test]
fn every_printed_curl_line_gets_the_status_it_announces() {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        assert!(env::var("CI").is_err(), "curl is missing");
        println!("skipped: there is no curl to run the printed lines with");
        return;
    }
    let quickstart = Quickstart::start();
    let mut announced = HashSet::new();
    for line in &quickstart.curl {
        let (_, comment) = line.rsplit_once(" # ").unwrap_or_else(|| panic!("no status: {line}"));
        let (status, _) = comment.split_once(' ').unwrap();
        let mut found = run(line);
        // A bucket that refills admits the call that meets it, and not the next.
        if status == "429" && found == "200" {
            found = run(line);
        }
        assert_eq!(found, status, "{line}");
        announced.insert(status.to_owned());
    }
    for status in ["200", "201", "400", "401", "403", "422", "429"] {
        assert!(announced.contains(status), "no line shows {status}");
    }
    quickstart.stop();
}

/// The last status that a shell line of curl calls prints.
fn run(line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let is_code = |word: &&str| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    let mut statuses = text.lines().filter_map(|line| match line.strip_prefix("HTTP/1.1 ") {
        Some(rest) => rest.split(' ').next(),
        None => Some(line.trim()).filter(is_code),
    });
    statuses.next_back().unwrap_or_else(|| panic!("no answer: {line}\n{text}")).to_owned()
}
