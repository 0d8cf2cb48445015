//! A chat over WebSockets behind the stack: the token by header, or by a subprotocol as browsers send
//! it; a socket that ends with its token; the same words as server-sent events.
//!
//! ```sh
//! cargo run --example websocket
//! ```
//!
//! It listens on `PORT` (3000; `0` for any free one), prints tokens that it made for itself, and what
//! to try, in which it is the client itself: `--call URL header|subprotocol|listen|none TOKEN`.

use std::{
    env,
    error::Error,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use axum::{
    Router,
    extract::{
        State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::{any, get},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use futures_util::{SinkExt, StreamExt, stream};
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::broadcast::{self, Sender, error::RecvError},
};
use tokio_tungstenite::{
    client_async,
    tungstenite::{self, ClientRequestBuilder},
};
use tower_parapet::{
    ConfigError, Lease, Parapet, Peer, Policy, Principal,
    audit::JsonLines,
    auth::jwt::Jwt,
    authorize::scope,
    throttle::{Key, Throttle},
};

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "chat";

pub(crate) fn parapet(key_set: String) -> Result<Parapet, ConfigError> {
    Parapet::builder()
        .peer(Peer::ConnectInfo)
        .hosts(["127.0.0.1", "localhost"])
        .authenticate(
            Jwt::builder().issuer(ISSUER).audience(AUDIENCE).jwks(key_set).subprotocol("bearer"),
        )
        .throttle(Throttle::per_minute(60).burst(20).by(Key::ClientNet))
        .public("GET /health", "load balancer")
        .route("GET /chat", Policy::require(scope("chat")))
        .route("GET /events", Policy::require(scope("chat")).idle(Duration::from_secs(60)))
        .audit(JsonLines::builder().stderr())
        .build()
}

/// What everybody hears.
type Room = Sender<String>;

/// Browsers offer `chat.v1` beside their token. Messages are short, whoever sends them.
async fn chat(
    upgrade: WebSocketUpgrade,
    caller: Principal,
    lease: Lease,
    State(room): State<Room>,
) -> Response {
    upgrade
        .protocols(["chat.v1"])
        .max_message_size(4 << 10)
        .on_upgrade(async move |socket| talk(socket, caller, lease, room).await)
}

/// The lease keeps the record and the permits of the request until the socket is closed, and ends it
/// with the token.
async fn talk(mut socket: WebSocket, caller: Principal, lease: Lease, room: Room) {
    let mut heard = room.subscribe();
    loop {
        tokio::select! {
            () = lease.expired() => return close(socket, close_code::POLICY, "the token has expired").await,
            said = socket.recv() => match said {
                Some(Ok(Message::Text(said))) => drop(room.send(format!("{}: {said}", caller.subject()))),
                Some(Ok(Message::Binary(_))) => return close(socket, close_code::UNSUPPORTED, "text only").await,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            word = heard.recv() => match word {
                Ok(word) => {
                    if socket.send(Message::text(word)).await.is_err() {
                        return;
                    }
                }
                // Whoever reads too slowly to follow misses some of it.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}

async fn close(mut socket: WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: reason.into() };
    let _ = socket.send(Message::Close(Some(frame))).await;
}

/// The same words for those who only listen; a comment every 15 seconds is a sign of life.
async fn events(lease: Lease, State(room): State<Room>) -> impl IntoResponse {
    let words = stream::unfold((room.subscribe(), lease), async |(mut heard, lease)| {
        loop {
            tokio::select! {
                () = lease.expired() => return None,
                word = heard.recv() => match word {
                    Ok(word) => {
                        return Some((Ok::<_, axum::Error>(Event::default().data(word)), (heard, lease)));
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    });
    Sse::new(words).keep_alive(KeepAlive::default())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = env::args().skip(1).collect::<Vec<_>>();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => serve().await,
        ["--call", url, place, token] => call(url, place, token).await,
        _ => Err("usage: websocket [--call URL header|subprotocol|listen|none TOKEN]".into()),
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let provider = Provider::new()?;
    let parapet = parapet(provider.key_set())?;
    let (room, _) = broadcast::channel(64);
    let router = Router::new()
        .route("/health", get(async || "well\n"))
        .route("/chat", any(chat))
        .route("/events", get(events))
        .with_state(room);
    let app = parapet.protect(router);

    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let (long, short) = (provider.token("chat", 3600)?, provider.token("chat", 2)?);
    print_guide(&url, &long, &short, &provider.token("other", 3600)?)?;

    axum::serve(listener, app.into_make_service_with_connect_info())
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    parapet.flush();
    Ok(())
}

/// Says hello and waits to hear it; the last line is the status of the handshake, or the code that the
/// socket was closed with.
async fn call(url: &str, place: &str, token: &str) -> Result<(), Box<dyn Error>> {
    let host = url.trim_start_matches("http://");
    let request = ClientRequestBuilder::new(format!("ws://{host}/chat").parse()?);
    let request = match place {
        "header" | "listen" => request.with_header("authorization", format!("Bearer {token}")),
        "subprotocol" => {
            request.with_sub_protocol("chat.v1").with_sub_protocol(format!("bearer.{token}"))
        }
        _ => request,
    };
    match client_async(request, TcpStream::connect(host).await?).await {
        Err(tungstenite::Error::Http(refusal)) => {
            let problem = refusal.body().as_deref().map(String::from_utf8_lossy);
            println!("{}", problem.unwrap_or_default());
            println!("{}", refusal.status().as_u16());
        }
        Err(error) => return Err(error.into()),
        Ok((mut socket, answer)) => {
            if place != "listen" {
                socket.send(tungstenite::Message::text("hello")).await?;
            }
            match socket.next().await.transpose()? {
                Some(tungstenite::Message::Close(Some(frame))) => {
                    println!("{}\n{}", frame.reason, u16::from(frame.code));
                }
                said => println!("{said:?}\n{}", answer.status().as_u16()),
            }
        }
    }
    Ok(())
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
    fn key_set(&self) -> String {
        let point = self.key.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap_or_default().split_at(32);
        let (x, y) = (BASE64.encode(x), BASE64.encode(y));
        let key =
            json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "demo", "x": x, "y": y });
        json!({ "keys": [key] }).to_string()
    }

    fn token(&self, scope: &str, seconds: u64) -> Result<String, Box<dyn Error>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": "demo" });
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "scope": scope,
            "iat": now, "exp": now + seconds,
        });
        let signed =
            format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes())?;
        Ok(format!("{signed}.{}", BASE64.encode(signature)))
    }
}

fn print_guide(url: &str, long: &str, short: &str, other: &str) -> Result<(), Box<dyn Error>> {
    let call = format!("{} --call {url}", env::current_exe()?.display());
    println!("listening {url}");
    println!("curl -i {url}/health # 200 public");
    println!("{call} header {long} # 101 by header");
    println!("{call} subprotocol {long} # 101 by subprotocol, as browsers do");
    println!("{call} listen {short} # 1008 a socket ends with its token");
    println!("{call} none '' # 401 no token");
    println!("{call} subprotocol {long}x # 401 a forged token");
    println!("{call} header {other} # 403 a token without the scope");
    println!("curl -i '{url}/chat?access_token={long}' # 401 never read from the query");
    println!("curl -i -H 'Authorization: Bearer {long}' {url}/chat # 400 no handshake");
    Ok(())
}
