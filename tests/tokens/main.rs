//! Tokens as well-known providers write them, over a real server: who passes as what, and whom the
//! record tells which setting to change.
//!
//! `fixtures` holds the shapes, each with the page it is described on; `rows` what becomes of them.
#![cfg(all(feature = "axum", feature = "jwt", feature = "audit", feature = "testing"))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod claim_maps;
mod rows;
mod several;
mod step_up;
#[path = "../support/mod.rs"]
mod support;

use std::{
    collections::HashMap,
    fs, io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, routing::get as route};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto::aws_lc};
use rows::{Expect, Row, rows};
use serde_json::{Value, json};
use support::{Answer, Records, get, serve};
use tower_parapet::{
    Jwt, Parapet, Peer, Principal, Reason, audit::JsonLines, auth::jwt::JwtBuilder,
    clock::ManualClock,
};

/// When the fixtures are good.
const NOW: u64 = 1_800_000_000;

const POOL: &str = "eu-central-1_Ab12Cd34E";
const DIRECTORY: &str = "2f9d0f0a-3c1b-4b6e-9f57-6a1c0c8d1e22";

/// The verifiers of the rows.
fn verifier(name: &str) -> JwtBuilder {
    match name {
        "keycloak" => Jwt::keycloak("https://id.example/realms/shop").audience("orders"),
        "keycloak, roles of the client" => {
            verifier("keycloak").roles_claim("/resource_access/orders/roles")
        }
        "keycloak, one client" => verifier("keycloak").client("web"),
        "auth0" => Jwt::auth0("shop.eu.auth0.com").audience("https://orders.example"),
        "auth0, permissions as scopes" => verifier("auth0").scopes_claim("permissions"),
        "entra" => Jwt::entra(DIRECTORY).audience("6e74172b-be56-4843-9ff4-e66a39bb12e3"),
        "entra v1" => Jwt::entra_v1(DIRECTORY).audience("api://orders"),
        "cognito" => {
            let pool = Jwt::cognito("eu-central-1", POOL);
            pool.client("3n4b5urk1ft4fl3mg5e62d9ado").client("1example23456789")
        }
        "cognito, resource" => {
            Jwt::cognito("eu-central-1", POOL).audience("https://orders.example")
        }
        "okta" => Jwt::okta("https://shop.okta.com/oauth2/default").audience("api://default"),
        "google" => {
            let callers = Jwt::google().client("checkout@shop-prod.iam.gserviceaccount.com");
            callers.audience("https://orders.example")
        }
        "kubernetes" => {
            Jwt::kubernetes("https://kubernetes.default.svc.cluster.local").audience("orders")
        }
        "no preset" => Jwt::builder().issuer("https://id.example/realms/shop").audience("orders"),
        other => panic!("no verifier is called {other}"),
    }
}

/// A shape as a row changes it.
pub(crate) struct Token {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    /// What is sent in place of it.
    pub(crate) raw: Option<String>,
}

impl Token {
    fn recorded(fixture: &str) -> Self {
        let path = folder().join(format!("{fixture}.json"));
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut shape: Value = serde_json::from_str(&text).unwrap();
        assert!(shape["source"].as_str().unwrap().starts_with("https://"), "{fixture}");
        Self { header: shape["header"].take(), claims: shape["claims"].take(), raw: None }
    }

    /// Signed by a key of ours with the algorithm that its header names.
    fn sign(&self) -> String {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let part = |value: &Value| encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&self.header), part(&self.claims));
        let algorithm: Algorithm = self.header["alg"].as_str().unwrap().parse().unwrap();
        let key = match algorithm {
            Algorithm::RS256 => {
                EncodingKey::from_rsa_pem(include_bytes!("../support/keys/rs256.pem")).unwrap()
            }
            _ => EncodingKey::from_secret(&[7; 64]),
        };
        let signer = (aws_lc::DEFAULT_PROVIDER.signer_factory)(&algorithm, &key).unwrap();
        format!("{signed}.{}", encode(&signer.try_sign(signed.as_bytes()).unwrap()))
    }
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tokens/fixtures")
}

/// A server that takes the tokens of one verifier and says whose they are.
struct Server {
    address: SocketAddr,
    parapet: Parapet,
    records: Records,
    lines: Lines,
    asked: usize,
}

impl Server {
    async fn start(jwt: JwtBuilder) -> Self {
        let records = Records::default();
        let lines = Lines::default();
        let parapet = Parapet::builder()
            .peer(Peer::ConnectInfo)
            .authenticate(jwt.public_key_pem(include_str!("../support/keys/rs256.pub.pem")))
            .audit(JsonLines::builder().writer(lines.clone()))
            .observe(records.clone())
            .with_clock(ManualClock::at_unix(Duration::from_secs(NOW)))
            .build()
            .unwrap();
        let app = Router::new().route("/whoami", route(whoami));
        let address = serve(parapet.clone().protect(app)).await;
        Self { address, parapet, records, lines, asked: 0 }
    }

    /// The answer, and what the record says of the refusal.
    async fn ask(&mut self, token: &str) -> (Answer, Option<(Reason, String)>) {
        let bearer = format!("Bearer {token}");
        let answer = get(self.address, "/whoami", &[("authorization", &bearer)]).await;
        self.asked += 1;
        let record = self.records.wait_for(self.asked).pop().unwrap();
        let refusal = record.rejection.map(|rejection| {
            let cause = rejection.private_cause().map(ToString::to_string).unwrap_or_default();
            (rejection.reason(), cause)
        });
        (answer, refusal)
    }
}

/// What the audit writes.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn whoami(caller: Principal) -> String {
    json!({
        "subject": caller.subject(),
        "scopes": caller.scopes().collect::<Vec<_>>().join(" "),
        "roles": caller.roles().collect::<Vec<_>>().join(" "),
        "tenant": caller.tenant(),
        "client": caller.client_id(),
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_well_known_providers_pass_or_are_refused_with_the_setting_to_change() {
    let mut servers: HashMap<&str, Server> = HashMap::new();
    for (number, Row { verifier: name, fixture, change, expect }) in rows().enumerate() {
        if !servers.contains_key(name) {
            servers.insert(name, Server::start(verifier(name)).await);
        }
        let mut token = Token::recorded(fixture);
        change(&mut token);
        let (answer, refusal) = servers.get_mut(name).unwrap().ask(&token.sign()).await;
        let row = format!("row {number}, {name}, {fixture}: {} {refusal:?}", answer.text());
        match expect {
            Expect::Pass { subject, scopes, roles, tenant, client } => {
                assert_eq!(answer.status, 200, "{row}");
                let who = json!({
                    "subject": subject, "scopes": scopes, "roles": roles,
                    "tenant": tenant, "client": client,
                });
                assert_eq!(answer.json(), who, "{row}");
            }
            Expect::Refused(reason, cause) => {
                let (found, said) = refusal.unwrap_or_else(|| panic!("{row}"));
                assert_eq!((answer.status, found), (401, *reason), "{row}");
                assert!(said.contains(cause), "{row}: expected `{cause}`");
                public_text_is_rfc_6750(&answer, &row);
            }
        }
    }
    println!("{} rows, {} verifiers", rows().count(), servers.len());
    assert!(rows().count() >= 35);
}

/// Fixed words, whoever the provider and whatever the setting.
fn public_text_is_rfc_6750(answer: &Answer, row: &str) {
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.contains("error=\"invalid_token\""), "{row}: {challenge}");
    let public = format!("{challenge}{}", answer.text()).to_lowercase();
    for private in ["keycloak", "auth0", "entra", "cognito", "okta", "google", "kubernetes", "aud"]
    {
        assert!(!public.contains(private), "{row}: {public}");
    }
}

#[test]
fn every_fixture_stands_in_a_row_and_every_provider_has_tokens_of_another_kind_refused() {
    let mut names: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    for name in &names {
        assert!(rows().any(|row| row.fixture == name), "{name} stands in no row");
    }
    for provider in ["keycloak", "auth0", "entra", "entra v1", "cognito", "okta", "google"] {
        let is_refused = |row: &&Row| {
            row.verifier == provider
                && (row.fixture.ends_with("-id") || row.fixture.ends_with("-person"))
                && matches!(row.expect, Expect::Refused(..))
        };
        assert!(rows().any(|row| is_refused(&row)), "{provider}: no ID token is refused");
    }
}

/// The shapes of one provider are no tokens of another, whoever signed them.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_one_provider_pass_as_those_of_no_other() {
    for name in
        ["keycloak", "auth0", "entra", "entra v1", "cognito", "okta", "google", "kubernetes"]
    {
        let mut server = Server::start(verifier(name)).await;
        for row in rows() {
            let family = |name: &str| name.split(',').next().unwrap().to_owned();
            if family(row.verifier) == name || row.verifier == "no preset" {
                continue;
            }
            if row.fixture.starts_with("entra") && name.starts_with("entra") {
                continue;
            }
            let (answer, _) = server.ask(&Token::recorded(row.fixture).sign()).await;
            assert_eq!(answer.status, 401, "{} passes as {name}", row.fixture);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_line_names_the_setting_and_the_caller_with_tenant_and_client() {
    let mut server = Server::start(verifier("keycloak")).await;
    let mut token = Token::recorded("keycloak-access");
    server.ask(&token.sign()).await;
    token.claims["aud"] = json!("account");
    server.ask(&token.sign()).await;
    server.parapet.flush();
    let text = String::from_utf8(server.lines.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["principal"]["tenant"], "acme", "{lines:?}");
    assert_eq!(lines[0]["principal"]["client_id"], "web", "{lines:?}");
    assert_eq!(
        (&lines[1]["expected"], &lines[1]["found"]),
        (&json!("`orders`"), &json!("`account`"))
    );
    let cause = lines[1]["cause"].as_str().unwrap();
    assert!(
        cause.ends_with("add an audience mapper for this service to a client scope of the client")
    );
}

/// Asked in turn, the provider whose token it is has its say too.
#[tokio::test(flavor = "multi_thread")]
async fn beside_another_provider_the_hint_is_not_lost() {
    let key = include_str!("../support/keys/rs256.pub.pem");
    for names in [["entra", "keycloak"], ["keycloak", "entra"]] {
        let records = Records::default();
        let [first, second] = names.map(|name| verifier(name).public_key_pem(key));
        let parapet = Parapet::builder()
            .authenticate(first)
            .authenticate(second)
            .observe(records.clone())
            .with_clock(ManualClock::at_unix(Duration::from_secs(NOW)))
            .build()
            .unwrap();
        let address = serve(parapet.protect(Router::new())).await;
        let token = Token::recorded("keycloak-id").sign();
        get(address, "/", &[("authorization", &format!("Bearer {token}"))]).await;
        let rejection = records.wait_for(1).pop().unwrap().rejection.unwrap();
        let cause = rejection.private_cause().unwrap().to_string();
        assert!(cause.contains("the client sends its ID token"), "{names:?}: {cause}");
    }
}
