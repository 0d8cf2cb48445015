//! A service behind an OpenID provider: JWTs by the keys that the provider publishes, opaque tokens by
//! asking it, both bound to a key (DPoP) where the client can do that. And a client of it.
//!
//! ```sh
//! scripts/oidc-provider --port 4000    # or a provider of your own, see the constants
//! cargo run --all-features --example oidc
//! ```
//!
//! `ISSUER` names the provider (`http://127.0.0.1:4000`), `CLIENT_SECRET` is the service's own there. It
//! listens on `PORT` (3000; `0` for any free one), whether the provider is up or not, and prints what to
//! try. The client is `--headers jwt|opaque|dpop METHOD URL`: it gets a token from the provider and
//! prints the headers of a call, for `curl -H @-`.

use std::{env, error::Error};

use axum::{Router, routing::get};
use http::{Method, Uri};
use tokio::net::TcpListener;
use tower_parapet::{
    ConfigError, Introspection, Jwt, Parapet, Peer, Policy, Principal,
    audit::JsonLines,
    auth::dpop::Dpop,
    outgoing::ClientCredentials,
    scope,
    throttle::{Key, Throttle},
};

/// What tokens for this service name as their audience: the provider gives JWTs for the one, and opaque
/// tokens for the other.
const ORDERS: &str = "https://orders.example";
const LEDGER: &str = "https://ledger.example";

/// This service at the provider, where it asks about opaque tokens.
const CLIENT_ID: &str = "orders";

pub(crate) fn parapet(issuer: &str, secret: &str) -> Result<Parapet, ConfigError> {
    // One check for both kinds of token, so that a proof is good once.
    let dpop = Dpop::optional().build()?;
    let opaque = Introspection::builder()
        .issuer(issuer)
        .client_id(CLIENT_ID)
        .client_secret(secret)
        .audience(LEDGER)
        // The callers are machines: such tokens name the client alone.
        .subject_from_client()
        .check(dpop.clone());
    let signed = Jwt::builder()
        .issuer(issuer)
        .audience(ORDERS)
        .token_types(["at+jwt"])
        .discover()
        .sender_constrained(dpop);
    Parapet::builder()
        .peer(Peer::ConnectInfo)
        .hosts(["127.0.0.1", "localhost"])
        .authenticate(opaque)
        .authenticate(signed)
        .throttle(Throttle::per_minute(600).burst(100).by(Key::ClientNet))
        .public("GET /health", "load balancer")
        .route("GET /orders", Policy::require(scope("orders:read")))
        .route("POST /orders", Policy::require(scope("orders:write")))
        .audit(JsonLines::builder().stderr())
        .build()
}

async fn orders(caller: Principal) -> String {
    let bond = if caller.confirmation().is_some() { ", who holds the token's key" } else { "" };
    format!("orders for {}{bond}\n", caller.subject())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let issuer = env::var("ISSUER").unwrap_or_else(|_| "http://127.0.0.1:4000".to_owned());
    let arguments = env::args().skip(1).collect::<Vec<_>>();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => serve(&issuer).await,
        ["--headers", kind, method, url] => print_headers(&issuer, kind, method, url).await,
        _ => Err("usage: oidc [--headers jwt|opaque|dpop METHOD URL]".into()),
    }
}

async fn serve(issuer: &str) -> Result<(), Box<dyn Error>> {
    let secret = env::var("CLIENT_SECRET").unwrap_or_else(|_| "orders-secret".to_owned());
    let parapet = parapet(issuer, &secret)?;
    let router = Router::new()
        .route("/health", get(async || "well\n"))
        .route("/orders", get(orders).post(orders));
    let app = parapet.protect(router);

    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    print_guide(issuer, &format!("http://{}", listener.local_addr()?))?;

    axum::serve(listener, app.into_make_service_with_connect_info())
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    parapet.flush();
    Ok(())
}

/// A service that calls another one has a [`ClientCredentials`] for its whole life, as a layer around
/// its HTTP client. Here it lives for one call.
async fn print_headers(
    issuer: &str,
    kind: &str,
    method: &str,
    url: &str,
) -> Result<(), Box<dyn Error>> {
    let target: Uri = url.parse()?;
    let origin = format!("http://{}", target.authority().ok_or("a URL without a host")?);
    let client = |id: &str| {
        ClientCredentials::builder()
            .discover(issuer)
            .client_id(id)
            .client_secret(format!("{id}-secret"))
            .scope("orders:read")
            .for_origin(origin)
    };
    let tokens = match kind {
        "jwt" => client("basic").resource(ORDERS),
        "opaque" => client("basic").resource(LEDGER),
        "dpop" => client("dpop").resource(ORDERS).dpop(),
        _ => return Err("a token is `jwt`, `opaque` or `dpop`".into()),
    };
    let method = Method::from_bytes(method.as_bytes())?;
    for (name, value) in &tokens.build()?.headers(&method, &target).await? {
        println!("{name}: {}", value.to_str()?);
    }
    Ok(())
}

fn print_guide(issuer: &str, url: &str) -> Result<(), Box<dyn Error>> {
    let headers = format!("ISSUER={issuer} {} --headers", env::current_exe()?.display());
    let orders = format!("{url}/orders");
    println!("listening {url}");
    println!("curl -i {url}/health # 200 public");
    println!("curl -i {orders} # 401 no token");
    println!("{headers} jwt GET {orders} | curl -i -H @- {orders} # 200 a JWT");
    println!("{headers} opaque GET {orders} | curl -i -H @- {orders} # 200 an opaque token");
    println!("{headers} dpop GET {orders} | curl -i -H @- {orders} # 200 a token with its proof");
    println!(
        "{headers} dpop GET {orders} | grep -vi ^dpop | curl -i -H @- {orders} # 401 a stolen one"
    );
    println!("{headers} dpop GET {url}/x | curl -i -H @- {orders} # 401 a proof for elsewhere");
    println!(
        "{headers} jwt POST {orders} | curl -i -H @- -X POST {orders} # 403 without the scope"
    );
    println!(
        "curl -i -H 'Authorization: Bearer made-up' {orders} # 401 the provider knows no such token"
    );
    Ok(())
}
