//! A guard of one's own, in under thirty lines.
//!
//! ```sh
//! cargo run --example custom_guard
//! ```

use std::{env, error::Error};

use axum::{Router, routing::get};
use tower_parapet::{Exchange, Flow, Guard, Parapet, Phase, Reason, Rejection};

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

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let parapet = Parapet::builder().guard(Named).public("/hello", "an example").build()?;
    let app = parapet.protect(Router::new().route("/hello", get(async || "hello\n")));

    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    let url = format!("http://{}", listener.local_addr()?);
    println!("listening {url}");
    println!("curl -i {url}/hello # 200 curl says who it is");
    println!("curl -i -H 'User-Agent:' {url}/hello # 403 nobody");
    axum::serve(listener, app.into_make_service()).await?;
    Ok(())
}
