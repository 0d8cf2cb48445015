//! Certificates: theirs and ours.

use super::*;

#[tokio::test]
async fn a_private_root_is_trusted_once_it_is_given() {
    let authority = Authority::new();
    let server = Server::tls(&authority.sign(&["id.example"]), |_| ok("{}")).await;
    let target = server.https("id.example", "/keys");
    let error = get(&builder().build().unwrap(), &target).await.unwrap_err();
    assert!(matches!(error, RemoteError::Tls { .. }), "{error:?}");
    assert!(error.to_string().contains("`ca_pem`"), "{error}");
    for builder in [builder(), builder().only_given_roots()] {
        let remote = builder.ca_pem(&authority.pem).build().unwrap();
        assert_eq!(get(&remote, &target).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_or_of_another_root_is_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = Server::tls(&authority.sign(&["other.example"]), |_| ok("{}")).await;
    let remote = builder().ca_pem(&authority.pem).build().unwrap();
    let error = get(&remote, server.https("id.example", "/")).await.unwrap_err();
    assert!(matches!(error, RemoteError::Tls { .. }), "{error:?}");
    let server = Server::tls(&other.sign(&["id.example"]), |_| ok("{}")).await;
    let error = get(&remote, server.https("id.example", "/")).await.unwrap_err();
    assert!(matches!(error, RemoteError::Tls { .. }), "{error:?}");
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_server_that_asks_gets_the_client_certificate() {
    let authority = Authority::new();
    let acceptor = acceptor(&authority.sign(&["id.example"]), Some(&authority));
    let server = Server::start(Some(acceptor), Arc::new(|_| ok("{}"))).await;
    let target = server.https("id.example", "/");
    let without = builder().ca_pem(&authority.pem).build().unwrap();
    assert!(get(&without, &target).await.is_err());
    let client = authority.sign(&["client"]);
    let with = builder().ca_pem(&authority.pem).identity_pem(&client.pem, &client.key);
    assert_eq!(get(&with.build().unwrap(), &target).await.unwrap().status, 200);
}

#[test]
fn a_key_that_is_not_of_the_certificate_is_a_mistake() {
    let authority = Authority::new();
    let (one, other) = (authority.sign(&["one"]), authority.sign(&["other"]));
    let error = builder().identity_pem(&one.pem, &other.key).build().unwrap_err();
    assert_eq!(error.mistakes()[0].setter(), "identity_pem");
    let error = builder().only_given_roots().build().unwrap_err();
    assert_eq!(error.mistakes()[0].setter(), "only_given_roots");
}
