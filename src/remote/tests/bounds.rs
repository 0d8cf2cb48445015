//! How much, how long, and what is sent.

use std::error::Error;

use super::*;

#[tokio::test]
async fn a_document_comes_with_status_headers_and_body() {
    let server = Server::plain(|_| ok("{}")).await;
    let answered = get(&builder().build().unwrap(), server.http("/keys?x=1")).await.unwrap();
    assert_eq!(answered.status, 200);
    assert_eq!(answered.headers.get("content-length").unwrap(), "2");
    assert_eq!(&answered.body[..], b"{}");
    let asked = server.asked();
    assert!(asked[0].starts_with("GET /keys?x=1 HTTP/1.1\r\n"), "{asked:?}");
    assert!(asked[0].contains("accept: application/json\r\n"), "{asked:?}");
    assert!(asked[0].contains("user-agent: tower-parapet/"), "{asked:?}");
}

#[tokio::test]
async fn a_form_is_written_as_browsers_write_it() {
    let server = Server::plain(|_| ok("")).await;
    let headers =
        HeaderMap::from_iter([(http::header::AUTHORIZATION, "Basic eA==".parse().unwrap())]);
    let form = [("token", "a b&c=ü+*"), ("empty", "")];
    let remote = builder().build().unwrap();
    remote.post_form(&url(server.http("/introspect")), headers, &form).await.unwrap();
    let asked = &server.asked()[0];
    assert!(asked.starts_with("POST /introspect HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("content-type: application/x-www-form-urlencoded\r\n"), "{asked}");
    assert!(asked.contains("authorization: Basic eA==\r\n"), "{asked}");
    assert!(asked.ends_with("\r\n\r\ntoken=a+b%26c%3D%C3%BC%2B*&empty="), "{asked}");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_an_error_announced_or_not() {
    let announced =
        Server::plain(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n".to_vec()).await;
    let streamed = Server::plain(|_| {
        let chunks = "400\r\n".to_owned() + &"x".repeat(1024) + "\r\n";
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned() + &chunks.repeat(3))
            .into_bytes()
    })
    .await;
    let remote = builder().max_body(2048).build().unwrap();
    for server in [announced, streamed] {
        let error = get(&remote, server.http("/?secret")).await.unwrap_err();
        assert!(matches!(error, RemoteError::TooLarge { limit: 2048, .. }), "{error:?}");
        assert!(!error.to_string().contains("secret"));
    }
}

#[tokio::test]
async fn a_body_of_just_the_limit_is_taken() {
    let server = Server::plain(|_| ok(&"x".repeat(2048))).await;
    let answered = get(&builder().max_body(2048).build().unwrap(), server.http("/")).await.unwrap();
    assert_eq!(answered.body.len(), 2048);
}

#[tokio::test]
async fn the_time_counts_until_the_last_byte() {
    let silent = Server::plain(|_| Vec::new()).await;
    let slow =
        Server::plain(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec()).await;
    let remote = builder().timeout(Duration::from_millis(100)).build().unwrap();
    for server in [silent, slow] {
        let error = get(&remote, server.http("/")).await.unwrap_err();
        assert!(matches!(error, RemoteError::Timeout { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn each_stage_has_an_error_of_its_own() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let remote = builder().build().unwrap();
    let error = get(&remote, format!("http://{closed}/")).await.unwrap_err();
    assert!(matches!(error, RemoteError::Connect { .. }), "{error:?}");
    assert!(error.source().is_some());

    let broken = Server::plain(|_| b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()).await;
    let error = get(&remote, broken.http("/")).await.unwrap_err();
    assert!(matches!(error, RemoteError::Exchange { .. }), "{error:?}");

    let cut = Server::plain(|_| {
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab\r\nzz"
            .to_vec()
    })
    .await;
    let error = get(&remote, cut.http("/")).await.unwrap_err();
    assert!(matches!(error, RemoteError::Exchange { .. }), "{error:?}");

    let error = get(&remote, "https://no-such-host.invalid/").await.unwrap_err();
    assert!(matches!(error, RemoteError::Resolve { .. }), "{error:?}");
}

#[tokio::test]
async fn an_answer_other_than_200_is_an_answer_until_it_is_asked_for_more() {
    let server = Server::plain(|_| b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    let answered = get(&builder().build().unwrap(), server.http("/")).await.unwrap();
    assert_eq!(answered.status, 503);
    let error = answered.ok(&url(server.http("/"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`127.0.0.1` answered 503 Service Unavailable; check the URL, and its log"
    );
}

#[tokio::test]
async fn connections_are_kept() {
    let server = Server::plain(|_| ok("{}")).await;
    let remote = builder().build().unwrap();
    for _ in 0..3 {
        get(&remote, server.http("/")).await.unwrap();
    }
    assert_eq!(*server.connections.lock().unwrap(), 1);
}

#[test]
fn nothing_panics_outside_of_a_runtime() {
    let remote = builder().build().unwrap();
    let target = url("http://localhost/");
    let asked = futures_util::FutureExt::now_or_never(remote.get(&target, "*/*"));
    assert!(matches!(asked, Some(Err(RemoteError::Runtime { .. }))));
}

#[test]
fn all_mistakes_come_at_once() {
    let mistakes = Remote::builder()
        .timeout(Duration::ZERO)
        .max_body(0)
        .ca_pem("no certificate")
        .identity_pem("none", "none either, secret")
        .proxy("ftp://user:secret@proxy/")
        .resolve("id.example", [])
        .build()
        .unwrap_err();
    let setters: Vec<_> = mistakes.mistakes().iter().map(|mistake| mistake.setter()).collect();
    let expected =
        ["timeout", "max_body", "resolve", "proxy", "ca_pem", "identity_pem", "identity_pem"];
    assert_eq!(setters, expected);
    assert!(!mistakes.to_string().contains("secret"), "{mistakes}");
}
