//! The stack around a plain hyper service, without axum.
//!
//! ```sh
//! cargo run --example hyper
//! ```

use std::{convert::Infallible, env, error::Error};

use http::{Request, Response};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tower::{Layer, service_fn};
use tower_parapet::{
    Body, ConfigError, Context, Parapet, Peer, PeerAddr, Policy,
    audit::JsonLines,
    auth::api_key::{ApiKey, ApiKeys, MemoryKeys},
    throttle::{Key, Throttle},
};

pub(crate) fn parapet(keys: MemoryKeys) -> Result<Parapet, ConfigError> {
    Parapet::builder()
        .peer(Peer::Extension)
        .authenticate(ApiKeys::builder(keys))
        .throttle(Throttle::per_minute(60).burst(20).by(Key::ClientNet))
        .public("GET /health", "load balancer")
        .route("GET /hello", Policy::authenticated())
        .audit(JsonLines::builder().stderr())
        .build()
}

async fn hello(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let caller = Context::of(request.extensions()).and_then(Context::principal);
    let name = caller.map_or("stranger", |caller| caller.subject());
    Ok(Response::new(Body::from(format!("hello, {name}\n"))))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let keys = MemoryKeys::new();
    let key = ApiKey::generate("demo")?;
    keys.insert(key.stored().owner("demo-shop").build()?);
    let service = parapet(keys)?.layer(service_fn(hello));

    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    let url = format!("http://{}", listener.local_addr()?);
    println!("listening {url}");
    println!("curl -i {url}/health # 200 public");
    println!("curl -i -H 'X-Api-Key: {}' {url}/hello # 200 a known caller", key.text().expose());
    println!("curl -i {url}/hello # 401 no credentials");
    println!("curl -i {url}/elsewhere # 401 what is not listed is closed");

    loop {
        let (stream, peer) = listener.accept().await?;
        // The service learns from the accept loop who is at the other end.
        let service =
            tower::util::MapRequest::new(service.clone(), move |mut request: Request<_>| {
                request.extensions_mut().insert(PeerAddr::new(peer));
                request
            });
        let service = TowerToHyperService::new(service);
        tokio::spawn(async move {
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = served.await {
                eprintln!("connection from {peer}: {error}");
            }
        });
    }
}
