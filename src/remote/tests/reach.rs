//! Where a request may go, by address and by redirect.

use super::*;

#[tokio::test]
async fn a_name_that_resolves_to_a_metadata_address_is_not_connected_to() {
    let remote = builder()
        .resolve(
            "id.example",
            ["169.254.169.254".parse().unwrap(), "fd00:ec2::254".parse().unwrap()],
        )
        .build()
        .unwrap();
    let error = get(&remote, "https://id.example/keys").await.unwrap_err();
    assert!(matches!(error, RemoteError::Address { .. }), "{error:?}");
    let error = get(&remote, "https://169.254.169.254/latest").await.unwrap_err();
    assert!(matches!(error, RemoteError::Address { .. }), "{error:?}");
    let error = get(&remote, "https://[::ffff:a9fe:a9fe]/latest").await.unwrap_err();
    assert!(matches!(error, RemoteError::Address { .. }), "{error:?}");
}

#[tokio::test]
async fn of_several_addresses_only_those_within_reach_are_tried() {
    let server = Server::plain(|_| ok("{}")).await;
    let addresses = ["169.254.169.254".parse().unwrap(), HERE[0]];
    let remote = builder().resolve("localhost", addresses).build().unwrap();
    let port = server.address.port();
    assert_eq!(get(&remote, format!("http://localhost:{port}/")).await.unwrap().status, 200);
}

#[tokio::test]
async fn localhost_that_resolves_elsewhere_gets_nothing_in_the_clear() {
    let elsewhere = ["192.168.7.7".parse().unwrap(), "93.184.216.34".parse().unwrap()];
    let remote = builder().resolve("localhost", elsewhere).build().unwrap();
    let error = get(&remote, "http://localhost/").await.unwrap_err();
    assert!(matches!(error, RemoteError::Address { .. }), "{error:?}");
}

#[tokio::test]
async fn a_document_of_a_public_host_does_not_lead_to_a_private_one() {
    let authority = Authority::new();
    let server = Server::tls(&authority.sign(&["keys.example"]), |_| ok("{}")).await;
    let public = ["93.184.216.34".parse().unwrap()];
    let remote = builder().ca_pem(&authority.pem).resolve("id.example", public).build().unwrap();
    let found =
        url("https://id.example").discovered(&server.https("keys.example", "/keys")).unwrap();
    let error = remote.get(&found, "*/*").await.unwrap_err();
    assert!(matches!(error, RemoteError::Address { .. }), "{error:?}");
    // Also when somebody who may has a connection open.
    assert_eq!(get(&remote, server.https("keys.example", "/")).await.unwrap().status, 200);
    let error = remote.get(&found, "*/*").await.unwrap_err();
    assert!(matches!(error, RemoteError::Address { .. }), "{error:?}");
    let literal = url("https://id.example").discovered("https://127.0.0.1/keys").unwrap();
    let error = remote.get(&literal, "*/*").await.unwrap_err();
    assert!(matches!(error, RemoteError::Address { .. }), "{error:?}");
}

#[tokio::test]
async fn a_document_of_a_private_host_may_lead_to_another_private_one() {
    let authority = Authority::new();
    let server = Server::tls(&authority.sign(&["keys.example"]), |_| ok("{}")).await;
    let remote = builder().ca_pem(&authority.pem).build().unwrap();
    let found =
        url("https://id.example").discovered(&server.https("keys.example", "/keys")).unwrap();
    assert_eq!(remote.get(&found, "*/*").await.unwrap().status, 200);
    // Never to what nobody may go to.
    let found = url("https://id.example").discovered("https://169.254.169.254/keys").unwrap();
    let error = remote.get(&found, "*/*").await.unwrap_err();
    assert!(matches!(error, RemoteError::Address { .. }), "{error:?}");
}

#[tokio::test]
async fn a_redirect_on_the_host_is_followed_a_few_times() {
    let server = Server::plain(|request| match request.split(' ').nth(1) {
        Some("/3") => ok("there"),
        Some("/2") => redirect(308, "/3"),
        Some("/1") => redirect(307, "/2"),
        Some("/0") => redirect(301, "/1"),
        _ => redirect(302, "/round"),
    })
    .await;
    let remote = builder().build().unwrap();
    assert_eq!(&get(&remote, server.http("/0")).await.unwrap().body[..], b"there");
    let error = get(&remote, server.http("/round")).await.unwrap_err();
    assert!(matches!(error, RemoteError::Redirect { .. }), "{error:?}");
    assert_eq!(server.asked().iter().filter(|asked| asked.contains("/round")).count(), 4);
}

#[tokio::test]
async fn a_redirect_off_the_host_is_an_error_and_nobody_is_asked_there() {
    let other = Server::plain(|_| ok("{}")).await;
    let target = other.http("/");
    let server = Server::plain(move |_| redirect(302, &target)).await;
    let error = get(&builder().build().unwrap(), server.http("/")).await.unwrap_err();
    assert!(matches!(error, RemoteError::Redirect { .. }), "{error:?}");
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn a_form_is_sent_again_only_where_the_method_stays() {
    let server = Server::plain(|request| match request.split(' ').nth(1) {
        Some("/there") => ok(""),
        Some("/307") => redirect(307, "/there"),
        _ => redirect(302, "/there"),
    })
    .await;
    let remote = builder().build().unwrap();
    let post = |path: &str| {
        let (remote, to) = (remote.clone(), url(server.http(path)));
        async move { remote.post_form(&to, HeaderMap::new(), &[("a", "b")]).await }
    };
    assert_eq!(post("/307").await.unwrap().status, 200);
    assert!(matches!(post("/302").await.unwrap_err(), RemoteError::Redirect { .. }));
    assert!(server.asked()[1].starts_with("POST /there"));
}
