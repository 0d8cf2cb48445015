//! By a proxy that keeps what it was asked for.

use super::*;

struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

/// Opens tunnels to one server, whatever it is asked for, or refuses to.
async fn proxy(to: SocketAddr, refusal: Option<&'static str>) -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy { address: listener.local_addr().unwrap(), asked: Arc::default() };
    let asked = proxy.asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let asked = asked.clone();
            tokio::spawn(async move {
                let request = read_request(&mut stream).await.unwrap();
                asked.lock().unwrap().push(request);
                if let Some(refusal) = refusal {
                    return stream.write_all(refusal.as_bytes()).await.unwrap();
                }
                let mut server = TcpStream::connect(to).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
            });
        }
    });
    proxy
}

/// The name resolves to nothing here: the proxy knows it.
fn blind() -> RemoteBuilder {
    Remote::builder()
}

#[tokio::test]
async fn the_proxy_sees_host_and_port_and_the_host_sees_the_request() {
    let authority = Authority::new();
    let server = Server::tls(&authority.sign(&["known-to-proxy.invalid"]), |_| ok("{}")).await;
    let proxy = proxy(server.address, None).await;
    let given = format!("http://user:secret@{}", proxy.address);
    let explicit = blind().ca_pem(&authority.pem).proxy(&given).build().unwrap();
    let variable = |name: &str| (name == "HTTPS_PROXY").then(|| given.clone());
    let environment = blind().ca_pem(&authority.pem).build_in(variable).unwrap();
    for remote in [explicit, environment] {
        let answered = get(&remote, "https://known-to-proxy.invalid/keys?q").await.unwrap();
        assert_eq!(answered.status, 200);
        let asked = proxy.asked.lock().unwrap().pop().unwrap();
        assert!(asked.starts_with("CONNECT known-to-proxy.invalid:443 HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"), "{asked}");
        assert!(!asked.contains("/keys"), "{asked}");
        let seen = server.asked().pop().unwrap();
        assert!(seen.starts_with("GET /keys?q HTTP/1.1\r\n"), "{seen}");
        assert!(!seen.to_lowercase().contains("proxy-authorization"), "{seen}");
    }
}

#[tokio::test]
async fn a_proxy_by_tls_is_asked_within_tls_and_gets_no_client_certificate() {
    let authority = Authority::new();
    let server = Server::tls(&authority.sign(&["known-to-proxy.invalid"]), |_| ok("{}")).await;
    let identity = authority.sign(&["proxy.example"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (acceptor, to) = (acceptor(&identity, None), server.address);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        read_request(&mut stream).await.unwrap();
        let mut server = TcpStream::connect(to).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
    });
    let remote = blind()
        .ca_pem(&authority.pem)
        .resolve("proxy.example", HERE)
        .proxy(format!("https://proxy.example:{port}"))
        .build()
        .unwrap();
    assert_eq!(get(&remote, "https://known-to-proxy.invalid/").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_without_its_password() {
    let anyone = "127.0.0.1:9".parse().unwrap();
    for refusal in
        ["HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "HTTP/1.1 403 Forbidden\r\n\r\n", ""]
    {
        let proxy = proxy(anyone, Some(refusal)).await;
        let given = format!("http://user:secret@{}", proxy.address);
        let remote = blind().proxy(given).build().unwrap();
        let error = get(&remote, "https://known-to-proxy.invalid/").await.unwrap_err();
        assert!(matches!(error, RemoteError::Proxy { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&proxy.address.to_string()) && !text.contains("secret"), "{text}");
    }
}

#[tokio::test]
async fn an_address_out_of_reach_is_out_of_reach_through_a_proxy_too() {
    let proxy = proxy("127.0.0.1:9".parse().unwrap(), None).await;
    let remote = blind().proxy(format!("http://{}", proxy.address)).build().unwrap();
    let error = get(&remote, "https://169.254.169.254/").await.unwrap_err();
    assert!(matches!(error, RemoteError::Address { .. }), "{error:?}");
    assert!(proxy.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn this_machine_is_asked_without_the_proxy() {
    let server = Server::plain(|_| ok("{}")).await;
    let remote = blind().proxy("http://127.0.0.1:9").build().unwrap();
    assert_eq!(get(&remote, server.http("/")).await.unwrap().status, 200);
}
