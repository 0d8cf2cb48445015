//! An axum service behind the whole stack, with nothing to install.
//!
//! ```sh
//! cargo run --example quickstart
//! ```
//!
//! It listens on `PORT` (3000; `0` for any free one), prints a key and a token that it made for
//! itself, and the curl lines to try. The audit goes to standard error, or to the file in `AUDIT`.

use std::{
    env,
    error::Error,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};
use tower_parapet::{
    ConfigError, Parapet, Peer, Policy, Principal, Shutdown,
    audit::{JsonLines, JsonLinesBuilder},
    auth::{
        api_key::{ApiKey, ApiKeys, MemoryKeys},
        jwt::Jwt,
    },
    authorize::scope,
    throttle::{Key, Throttle},
    validate::JsonSchema,
};

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "orders";

const ORDER: &str = r#"{
    "type": "object",
    "required": ["item", "quantity"],
    "additionalProperties": false,
    "properties": {
        "item": { "type": "string", "minLength": 1, "maxLength": 100 },
        "quantity": { "type": "integer", "minimum": 1, "maximum": 1000 }
    }
}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let provider = Provider::new()?;
    let keys = MemoryKeys::new();
    let key = ApiKey::generate("demo")?;
    keys.insert(key.stored().owner("demo-shop").scope("orders:read").build()?);

    let audit = match env::var_os("AUDIT") {
        Some(file) => JsonLines::to(file),
        None => JsonLines::builder().stderr(),
    };
    let parapet = parapet(provider.key_set().to_string(), keys, audit)?;
    let router = Router::new()
        .route("/health", get(async || "well\n"))
        .route("/orders", get(list).post(place))
        .route("/admin/report", get(report))
        .with_state(Orders::default());
    let app = parapet.protect(router);

    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let token = provider.token("alice", "orders:read orders:write admin")?;
    print_guide(&url, key.text().expose(), &token);

    axum::serve(listener, app.into_make_service_with_connect_info())
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    match parapet.shutdown(Duration::from_secs(5)).await {
        Shutdown::Drained => Ok(()),
        _ => Err("some requests were cut short".into()),
    }
}

pub(crate) fn parapet(
    key_set: String,
    keys: MemoryKeys,
    audit: JsonLinesBuilder,
) -> Result<Parapet, ConfigError> {
    Parapet::builder()
        .peer(Peer::ConnectInfo)
        .hosts(["127.0.0.1", "localhost"])
        .authenticate(Jwt::builder().issuer(ISSUER).audience(AUDIENCE).jwks(key_set))
        .authenticate(ApiKeys::builder(keys))
        .throttle(Throttle::per_minute(6).burst(20).by(Key::ClientNet).named("client"))
        .throttle(Throttle::per_hour(1000).by(Key::Principal).named("caller"))
        .public("GET /health", "load balancer")
        .route("GET /orders", Policy::require(scope("orders:read")))
        .route("POST /orders", Policy::require(scope("orders:write")))
        .route("/admin/{*rest}", Policy::require(scope("admin")))
        .validate(JsonSchema::for_route("POST /orders", ORDER))
        .audit(audit)
        .build()
}

#[derive(Clone, Default)]
struct Orders(Arc<Mutex<Vec<Value>>>);

async fn list(State(orders): State<Orders>, caller: Principal) -> Json<Value> {
    let orders = orders.0.lock().map(|orders| orders.clone()).unwrap_or_default();
    Json(json!({ "caller": caller.subject(), "orders": orders }))
}

async fn place(State(orders): State<Orders>, Json(order): Json<Value>) -> StatusCode {
    match orders.0.lock() {
        Ok(mut orders) if orders.len() < 1000 => {
            orders.push(order);
            StatusCode::CREATED
        }
        _ => StatusCode::INSUFFICIENT_STORAGE,
    }
}

async fn report(State(orders): State<Orders>) -> Json<Value> {
    Json(json!({ "orders": orders.0.lock().map_or(0, |orders| orders.len()) }))
}

/// Stands in for an identity provider: one key of its own, made anew at every start.
struct Provider {
    key: EcdsaKeyPair,
}

impl Provider {
    fn new() -> Result<Self, Box<dyn Error>> {
        Ok(Self { key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)? })
    }

    /// The public half, as a JWK set.
    fn key_set(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap_or_default().split_at(32);
        let (x, y) = (BASE64.encode(x), BASE64.encode(y));
        let key =
            json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "demo", "x": x, "y": y });
        json!({ "keys": [key] })
    }

    fn token(&self, subject: &str, scope: &str) -> Result<String, Box<dyn Error>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": "demo" });
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "scope": scope,
            "iat": now, "exp": now + 3600,
        });
        let signed =
            format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes())?;
        Ok(format!("{signed}.{}", BASE64.encode(signature)))
    }
}

fn print_guide(url: &str, key: &str, token: &str) {
    let json = "-H 'Content-Type: application/json'";
    println!("listening {url}");
    println!("api-key {key}");
    println!("token {token}");
    println!("curl -i {url}/health # 200 public");
    println!("curl -i -H 'X-Api-Key: {key}' {url}/orders # 200 a key may read");
    println!("curl -i {url}/orders # 401 no credentials");
    println!("curl -i -H 'Authorization: Bearer {token}x' {url}/orders # 401 a forged token");
    println!(
        "curl -i -H 'X-Api-Key: {key}' {json} -d '{{}}' {url}/orders # 403 a key may not write"
    );
    println!(
        "curl -i -H 'Authorization: Bearer {token}' {json} -d '{{\"item\":\"tea\",\"quantity\":2}}' {url}/orders # 201 a good order"
    );
    println!(
        "curl -i -H 'Authorization: Bearer {token}' {json} -d '{{\"item\":\"tea\",\"quantity\":0}}' {url}/orders # 422 not by the schema"
    );
    println!(
        "curl -i -H 'Authorization: Bearer {token}' {json} -d '{{\"item\":1,\"item\":2}}' {url}/orders # 400 a name twice"
    );
    println!("curl -i -H 'Authorization: Bearer {token}' {url}/admin/report # 200 an admin");
    println!(
        "curl -i --path-as-is {url}/admin/../health # 400 a path that could be read in two ways"
    );
    println!(
        "for i in $(seq 30); do curl -s -o /dev/null -w '%{{http_code}}\\n' {url}/health; done # 429 after a burst of 20"
    );
    println!(
        "curl -i -H 'X-Forwarded-For: 203.0.113.9' {url}/health # 429 a claimed address buys nothing"
    );
}
