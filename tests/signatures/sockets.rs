//! A signing client and a verifying service over a real connection.

use axum::{Router, routing::post};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::{Layer, ServiceExt, service_fn};
use tower_parapet::{
    Body, Parapet, Peer, Policy, Principal,
    auth::signature::{MessageSignatures, SignatureAlgorithm, Signer},
};

use super::{keys, signing, support::serve};

/// Sends a request as a client of HTTP/1.1 does: the target by its path, and `Host`.
async fn over_http1(mut request: Request<Body>) -> Result<Response<Incoming>, std::io::Error> {
    let authority = request.uri().authority().unwrap().to_string();
    let stream = TcpStream::connect(&authority).await?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(std::io::Error::other)?;
    tokio::spawn(connection);
    request.headers_mut().insert("host", authority.parse().unwrap());
    *request.uri_mut() = request.uri().path_and_query().unwrap().as_str().parse().unwrap();
    sender.send_request(request).await.map_err(std::io::Error::other)
}

async fn over_http2(request: Request<Body>) -> Result<Response<Incoming>, std::io::Error> {
    let stream = TcpStream::connect(request.uri().authority().unwrap().as_str()).await?;
    let executor = hyper_util::rt::TokioExecutor::new();
    let handshake = hyper::client::conn::http2::handshake(executor, TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(std::io::Error::other)?;
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(std::io::Error::other)
}

#[tokio::test]
async fn a_client_that_signs_is_known_to_a_service_that_verifies() {
    let parapet = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .authenticate(MessageSignatures::builder(keys()).require("@scheme").require_nonce())
        .route("POST /orders", Policy::authenticated())
        .build()
        .unwrap();
    let create = async |caller: Principal, body: String| format!("{}: {body}", caller.subject());
    let app = parapet.protect(Router::new().route("/orders", post(create)));
    let address = serve(app).await;
    let algorithm = SignatureAlgorithm::EcdsaP256Sha256;
    let signer = Signer::builder(algorithm.name(), signing(algorithm)).component("@scheme");
    let signer = signer.component("@request-target");
    let signer = signer.build().unwrap();
    let request = || {
        let request = Request::post(format!("http://{address}/orders?draft=1"));
        request.header("content-type", "text/plain").body(Body::from("seven")).unwrap()
    };
    let one = signer.layer(service_fn(over_http1)).oneshot(request()).await.unwrap();
    assert_eq!(one.into_body().collect().await.unwrap().to_bytes(), "robot: seven");
    let two = signer.layer(service_fn(over_http2)).oneshot(request()).await.unwrap();
    assert_eq!(two.into_body().collect().await.unwrap().to_bytes(), "robot: seven");
    let unsigned = over_http1(request()).await.unwrap();
    assert_eq!(unsigned.status(), 401);
    let signed_twice = signer.layer(signer.layer(service_fn(over_http1)));
    assert_eq!(signed_twice.oneshot(request()).await.unwrap().status(), 200);
}
