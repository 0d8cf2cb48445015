//! Texts for people and machines that must not tell a secret.

use std::fmt::Debug;

use tower_parapet::{
    Introspection, Jwt,
    auth::{
        api_key::{ApiKey, ApiKeys, KeyHash, MemoryKeys, Pepper},
        basic::{Basic, MemoryUsers, StoredUser},
        dpop::Dpop,
        signature::{SignatureKey, Signer, SigningKey},
        webhook::Webhook,
    },
    oauth::PrivateKey,
    outgoing::ClientCredentials,
    remote::Remote,
    testing::TestIssuer,
};

use super::{House, stack};

const SECRET: &str = "s3cret-s3cret-s3cret-s3cret-s3cret";
const PEM: &str = include_str!("../support/keys/es256.pem");

#[test]
fn nothing_that_is_printed_for_debugging_holds_a_secret() {
    let key = ApiKey::generate("shop").unwrap();
    let pepper = Pepper::new("p", SECRET).unwrap();
    let all: Vec<Box<dyn Debug>> = vec![
        Box::new(pepper.clone()),
        Box::new(KeyHash::keyed(&pepper, b"x")),
        Box::new(ApiKeys::builder(MemoryKeys::new()).pepper(pepper)),
        Box::new(Dpop::required().nonce_secret(SECRET)),
        Box::new(Dpop::required().nonce_secret(SECRET).build().unwrap()),
        Box::new(Webhook::github(SECRET)),
        Box::new(Webhook::github(SECRET).build().unwrap()),
        Box::new(SignatureKey::shared(SECRET).unwrap()),
        Box::new(SigningKey::shared(SECRET).unwrap()),
        Box::new(Signer::builder("k", SigningKey::shared(SECRET).unwrap())),
        Box::new(Signer::builder("k", SigningKey::shared(SECRET).unwrap()).build().unwrap()),
        Box::new(PrivateKey::pem(PEM)),
        Box::new(Introspection::builder().client_secret(SECRET)),
        Box::new(Introspection::builder().client_secret_post(SECRET)),
        Box::new(Introspection::builder().private_key_jwt(PrivateKey::pem(PEM))),
        Box::new(ClientCredentials::builder().client_secret(SECRET)),
        Box::new(ClientCredentials::builder().client_secret_post(SECRET)),
        Box::new(ClientCredentials::builder().dpop_key(PrivateKey::pem(PEM))),
        Box::new(Remote::builder().proxy(format!("http://user:{SECRET}@proxy:1"))),
        Box::new(Remote::builder().proxy(format!("http://user:{SECRET}@proxy:1")).build().unwrap()),
        Box::new(Remote::builder().identity_pem("", PEM)),
        Box::new(Jwt::builder().jwks_url(format!("https://id.example/keys?code={SECRET}"))),
        Box::new(
            Jwt::builder()
                .dangerous()
                .shared_secret(tower_parapet::auth::jwt::Algorithm::Hs256, SECRET),
        ),
        Box::new(StoredUser::builder("alice", SECRET)),
        Box::new(key.stored()),
    ];
    let pem: Vec<&str> = PEM.lines().filter(|line| !line.starts_with("--")).collect();
    for (number, printed) in all.iter().enumerate() {
        let text = format!("{printed:?} {printed:#?}");
        let bytes = format!("{:?}", SECRET.as_bytes());
        let is_told = text.contains("s3cret") || text.contains(bytes.trim_matches(['[', ']']));
        assert!(!is_told, "{number}: {text}");
        assert!(!pem.iter().any(|line| text.contains(line)), "{number}: {text}");
    }
    assert!(!format!("{key:?}").contains(key.text().expose()));
}

#[test]
fn no_mistake_in_a_url_tells_the_secret_in_it() {
    let odd = [
        format!("https://user:{SECRET}@id.example/x"),
        format!("http://id.example/x?code={SECRET}"),
        format!("https://id.example/x?code={SECRET}#y"),
        format!("ftp://user:{SECRET}@id.example"),
        format!("user:{SECRET}@id.example"),
    ];
    for url in odd {
        let errors = [
            Jwt::builder().issuer("https://id.example").audience("a").jwks_url(&url).build().err(),
            Introspection::builder()
                .issuer("https://id.example")
                .endpoint(&url)
                .client_id("c")
                .client_secret("x")
                .audience("a")
                .build()
                .err(),
            ClientCredentials::builder()
                .token_url(&url)
                .client_id("c")
                .client_secret("x")
                .for_origin(&url)
                .build()
                .err(),
            ClientCredentials::builder()
                .token_url("https://id.example")
                .client_id("c")
                .client_secret("x")
                .for_channel(&url)
                .build()
                .err(),
            Remote::builder().proxy(url.replace("https", "socks5")).build().err(),
        ];
        assert!(errors.iter().take(4).all(Option::is_some), "{url}");
        for error in errors.into_iter().flatten() {
            let told = format!("{error} {error:?}");
            assert!(!told.contains("s3cret"), "{told}");
        }
    }
}

#[tokio::test]
async fn no_record_and_no_problem_holds_what_was_sent_as_a_credential() {
    let issuer = TestIssuer::default();
    let key = ApiKey::generate("shop").unwrap();
    let keys = MemoryKeys::new();
    keys.insert(ApiKey::rotate("shop", key.id()).unwrap().stored().owner("robot").build().unwrap());
    let house = House::of(
        stack()
            .authenticate(issuer.jwt().sender_constrained(Dpop::optional()))
            .authenticate(Basic::builder(MemoryUsers::new()))
            .authenticate(ApiKeys::builder(keys)),
    );
    let secret = key.text().expose();
    let foreign = issuer.token().foreign().sign();
    let basic = "Basic YWxpY2U6aHVudGVyMmh1bnRlcjI="; // alice:hunter2hunter2
    let sent = [
        vec![("authorization", format!("Bearer {foreign}"))],
        vec![("authorization", format!("DPoP {foreign}")), ("dpop", foreign.clone())],
        vec![("authorization", format!("Bearer {secret}"))],
        vec![("authorization", basic.to_owned())],
        vec![("authorization", format!("Other {secret}"))],
        vec![("x-api-key", secret.to_owned())],
        vec![("x-api-key", format!("{secret}x"))],
        vec![("x-api-key", foreign.clone())],
    ];
    for headers in &sent {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
        let request = super::request("GET", "/in", &headers);
        let response = house.send(request).await;
        assert!(response.status().is_client_error());
        let told = format!("{:?}", response.headers());
        let body = tower_parapet::testing::TestResponse::text(response).await.unwrap();
        let record = house.records.all().pop().unwrap();
        let record = format!("{record:?} {:?}", record.rejection);
        let signature = foreign.rsplit('.').next().unwrap();
        let tail = secret.rsplit('_').next().unwrap();
        for text in [told, body, record] {
            for word in [signature, tail, "hunter2", "YWxpY2U6"] {
                assert!(!text.contains(word), "{word}: {text}");
            }
        }
    }
}
