//! WebSockets over real sockets, HTTP/1.1 and HTTP/2: the token, the permit, the record, the end.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::ws::{CloseFrame, Message as Sent, WebSocket, WebSocketUpgrade},
    http::HeaderMap,
    response::Response,
    routing::any,
};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, ClientRequestBuilder, Message},
};
use tower_parapet::{Lease, Outcome, Parapet, ParapetBuilder, Peer, Policy, clock::ManualClock};

use crate::{
    permits::{Beginnings, Permits},
    support::{self, Records, request},
    token,
};

const NOW: u64 = 1_700_000_000;

/// Says everything again until the client has enough, or its token ends.
pub(crate) async fn echo(lease: Lease, upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols(["app.v1"]).on_upgrade(async move |mut socket: WebSocket| {
        loop {
            tokio::select! {
                () = lease.expired() => {
                    let why = CloseFrame { code: 1008, reason: "the token has expired".into() };
                    let _ = socket.send(Sent::Close(Some(why))).await;
                    break;
                }
                message = socket.recv() => match message {
                    Some(Ok(message @ Sent::Text(_))) => drop(socket.send(message).await),
                    Some(Ok(_)) => {}
                    _ => break,
                }
            }
        }
    })
}

/// What the handler sees of the subprotocols.
async fn offered(headers: HeaderMap) -> String {
    let lines = headers.get_all("sec-websocket-protocol").iter();
    lines.map(|line| line.to_str().unwrap()).collect::<Vec<_>>().join("; ")
}

struct Service {
    address: SocketAddr,
    clock: ManualClock,
    records: Records,
    beginnings: Beginnings,
    permits: Permits,
}

async fn serve(permits: u32, prefix: Option<&str>) -> Service {
    let clock = ManualClock::at_unix(Duration::from_secs(NOW));
    let (records, beginnings) = (Records::default(), Beginnings::default());
    let permits = Permits::of(permits);
    let tokens = prefix.into_iter().fold(token::jwt(), |tokens, prefix| tokens.subprotocol(prefix));
    let parapet: ParapetBuilder = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .with_clock(clock.clone())
        .authenticate(tokens)
        .guard(permits.clone())
        .route("GET /chat", Policy::authenticated())
        .route("GET /offered", Policy::authenticated())
        .public("GET /open", "to see what is hidden there")
        .observe(records.clone())
        .observe(beginnings.clone());
    let router = Router::new()
        .route("/chat", any(echo))
        .route("/offered", any(offered))
        .route("/open", any(offered));
    let address = support::serve(parapet.build().unwrap().protect(router)).await;
    Service { address, clock, records, beginnings, permits }
}

type Socket = WebSocketStream<TcpStream>;
type Failed = Box<tungstenite::Error>;

impl Service {
    /// A handshake with these headers.
    async fn knock(
        &self,
        headers: &[(&str, &str)],
    ) -> Result<(Socket, tungstenite::handshake::client::Response), Failed> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let uri = format!("ws://{}/chat", self.address).parse().unwrap();
        let request = headers
            .iter()
            .fold(ClientRequestBuilder::new(uri), |r, (name, value)| r.with_header(*name, *value));
        client_async(request, stream).await.map_err(Box::new)
    }

    async fn open(&self, exp: u64) -> Socket {
        let bearer = format!("Bearer {}", token::alice(exp, "chat"));
        self.knock(&[("authorization", &bearer)]).await.unwrap().0
    }

    async fn refusal(&self, headers: &[(&str, &str)]) -> (u16, String) {
        match self.knock(headers).await.map_err(|error| *error) {
            Err(tungstenite::Error::Http(answer)) => {
                let problem = answer.body().as_deref().unwrap_or_default();
                let problem: serde_json::Value = serde_json::from_slice(problem).unwrap();
                let code = problem["type"].as_str().unwrap().rsplit('#').next().unwrap();
                (answer.status().as_u16(), code.to_owned())
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn say(socket: &mut Socket, text: &str) -> Message {
    socket.send(Message::text(text)).await.unwrap();
    socket.next().await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_sockets_as_the_client_opened_are_records_and_permits_as_long_as_they_live() {
    let service = serve(50, None).await;
    let mut sockets = Vec::new();
    for _ in 0..50 {
        let mut socket = service.open(NOW + 60).await;
        assert_eq!(say(&mut socket, "hello").await, Message::text("hello"));
        sockets.push(socket);
    }
    assert_eq!((service.permits.left(), service.records.all().len()), (0, 0));
    let opened = service.beginnings.all();
    assert_eq!(opened, vec![("/chat".to_owned(), Outcome::Upgraded); 50]);
    // Half of them say goodbye, half of them vanish.
    for (place, mut socket) in sockets.into_iter().enumerate() {
        if place % 2 == 0 {
            socket.close(None).await.unwrap();
        }
    }
    let records = service.records.wait_for(50);
    assert!(records.iter().all(|record| record.outcome == Outcome::Upgraded), "{records:?}");
    assert!(records.iter().all(|record| record.principal.as_ref().unwrap().subject() == "alice"));
    service.permits.all_back().await;
    assert_eq!(service.records.all().len(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_closed_with_1008_when_its_token_ends() {
    let service = serve(2, None).await;
    let mut short = service.open(NOW + 60).await;
    let mut long = service.open(NOW + 600).await;
    say(&mut short, "hello").await;
    service.clock.advance(Duration::from_secs(61));
    let Message::Close(Some(frame)) = short.next().await.unwrap().unwrap() else {
        panic!("another message")
    };
    assert_eq!(u16::from(frame.code), 1008);
    drop(short);
    assert_eq!(service.records.wait_for(1)[0].elapsed, Duration::from_secs(61));
    assert_eq!(say(&mut long, "still here").await, Message::text("still here"));
    assert_eq!(service.permits.left(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_handshake_is_a_problem_and_opens_nothing() {
    let service = serve(0, None).await;
    assert_eq!(service.refusal(&[]).await, (401, "missing-credentials".to_owned()));
    let bearer = format!("Bearer {}", token::alice(NOW + 60, "chat"));
    let full = service.refusal(&[("authorization", &bearer)]).await;
    assert_eq!(full, (429, "rate-limited".to_owned()));
    assert_eq!(service.records.wait_for(2)[1].outcome, Outcome::Rejected);
    assert!(service.beginnings.all().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_among_the_subprotocols_is_taken_where_it_was_asked_for_and_chosen_by_nobody() {
    let jwt = token::alice(NOW + 60, "chat");
    let encoded = {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        BASE64_URL_SAFE_NO_PAD.encode(&jwt)
    };
    let kubernetes = "base64url.bearer.authorization.k8s.io";
    for (prefix, entry) in
        [("bearer", format!("bearer.{jwt}")), (kubernetes, format!("{kubernetes}.{encoded}"))]
    {
        let service = serve(1, Some(prefix)).await;
        for offer in [format!("{entry}, app.v1"), format!("app.v1,{entry} , app.v0")] {
            let knocked = service.knock(&[("sec-websocket-protocol", &offer)]).await.unwrap();
            let (mut socket, answer) = knocked;
            assert_eq!(answer.headers()["sec-websocket-protocol"], "app.v1");
            assert!(!format!("{answer:?}").contains(&entry));
            assert_eq!(say(&mut socket, "hello").await, Message::text("hello"));
            drop(socket);
            service.permits.all_back().await;
        }
        let records = service.records.wait_for(2);
        assert_eq!(records[0].principal.as_ref().unwrap().subject(), "alice");
        assert!(!format!("{records:?}").contains(&entry));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_credential_in_one_place_and_a_protocol_to_choose_beside_it() {
    let service = serve(1, Some("bearer")).await;
    let jwt = token::alice(NOW + 60, "chat");
    let (bearer, entry) = (format!("Bearer {jwt}"), format!("bearer.{jwt}, app.v1"));
    let ambiguous = (400, "ambiguous-credentials".to_owned());
    for authorization in [&*bearer, "Basic YTpi"] {
        let both = [("authorization", authorization), ("sec-websocket-protocol", &*entry)];
        assert_eq!(service.refusal(&both).await, ambiguous, "{authorization}");
    }
    let offers = [
        (format!("bearer.{jwt}, bearer.{jwt}, app.v1"), ambiguous),
        (format!("bearer.{jwt}"), (400, "bad-header".to_owned())),
        (format!("bearer.{jwt}x, app.v1"), (401, "invalid-credentials".to_owned())),
        ("bearer., app.v1".to_owned(), (401, "invalid-credentials".to_owned())),
        (
            format!("bearer.{}, app.v1", token::alice(NOW - 61, "chat")),
            (401, "expired-credentials".to_owned()),
        ),
        // Another prefix, and one in another case, are protocols like any other.
        (format!("token.{jwt}, app.v1"), (401, "missing-credentials".to_owned())),
        (format!("Bearer.{jwt}, app.v1"), (401, "missing-credentials".to_owned())),
    ];
    for (offer, refusal) in offers {
        let offer = [("sec-websocket-protocol", &*offer)];
        assert_eq!(service.refusal(&offer).await, refusal, "{offer:?}");
    }
    assert!(!format!("{:?}", service.records.wait_for(9)).contains(&jwt));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_setting_and_outside_of_a_handshake_subprotocols_are_no_credentials() {
    let entry = format!("bearer.{}, app.v1", token::alice(NOW + 60, "chat"));
    let offer = [("sec-websocket-protocol", &*entry)];
    let unasked = serve(1, None).await;
    assert_eq!(unasked.refusal(&offer).await, (401, "missing-credentials".to_owned()));
    let asked = serve(9, Some("bearer")).await;
    let plain = request(asked.address, "GET", "/offered", &offer, b"").await;
    assert_eq!((plain.status, &*plain.code()), (401, "missing-credentials"));
    // Hidden all the same, on a public route too, and from a caller who is known by other means.
    let public = request(asked.address, "GET", "/open", &offer, b"").await;
    assert_eq!(public.text(), "app.v1");
    let bearer = format!("Bearer {}", token::alice(NOW + 60, "chat"));
    let known = [offer[0], ("authorization", &*bearer)];
    let known = request(asked.address, "GET", "/offered", &known, b"").await;
    assert_eq!((known.status, &*known.text()), (200, "app.v1"));
}

#[test]
fn a_prefix_that_is_no_beginning_of_a_subprotocol_is_refused() {
    for prefix in ["", "bearer.", "two words", "a,b", "é"] {
        let error = token::jwt().subprotocol(prefix).build().unwrap_err();
        assert_eq!(error.mistakes().len(), 1, "{prefix}: {error}");
        assert_eq!(error.mistakes()[0].setter(), "subprotocol");
    }
}
