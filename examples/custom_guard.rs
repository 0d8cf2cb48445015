//! A guard of one's own, in under thirty lines.
//!
//! ```sh
//! cargo run --example custom_guard
//! ```

use std::{env, error::Error};

use axum::{Router, routing::get};
use tower_parapet::{
    ConfigError, Exchange, Flow, Guard, JsonLines, Key, Parapet, Peer, Phase, Reason, Rejection,
    Throttle,
};

/// Refuses requests of clients that do not say who they are.
struct Named;

impl Guard for Named {
    fn name(&self) -> &'static str {
        "named"
    }

    fn phase(&self) -> Phase {
        Phase::Transport
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        match exchange.headers().get("user-agent") {
            Some(_) => Ok(Flow::Continue),
            None => Err(Rejection::new(Reason::Forbidden).detail("say who you are in User-Agent")),
        }
    }
}

pub(crate) fn parapet() -> Result<Parapet, ConfigError> {
    Parapet::builder()
        .peer(Peer::ConnectInfo)
        .throttle(Throttle::per_minute(60).by(Key::ClientNet))
        .guard(Named)
        .public("GET /hello", "an example")
        .audit(JsonLines::builder().stderr())
        .build()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = parapet()?.protect(Router::new().route("/hello", get(async || "hello\n")));

    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    let url = format!("http://{}", listener.local_addr()?);
    println!("listening {url}");
    println!("curl -i {url}/hello # 200 curl says who it is");
    println!("curl -i -H 'User-Agent:' {url}/hello # 403 nobody");
    axum::serve(listener, app.into_make_service_with_connect_info()).await?;
    Ok(())
}
