use super::*;

fn builder() -> ClientCredentialsBuilder {
    ClientCredentials::builder()
        .token_url("https://id.example/token")
        .client_id("orders")
        .client_secret("s3cret")
}

#[test]
fn every_mistake_is_told_at_once_and_no_secret_is() {
    let told = |builder: ClientCredentialsBuilder| builder.build().unwrap_err().to_string();
    let empty = told(ClientCredentials::builder());
    for setter in ["token_url", "client_id", "client_secret", "for_origin"] {
        assert!(empty.contains(&format!("`{setter}`")), "{setter}: {empty}");
    }
    let key = crate::oauth::PrivateKey::pem("geheim");
    let odd = told(
        builder()
            .token_url("http://id.example/token")
            .for_origin("https://stock.example/v1")
            .for_channel("http://stock.example")
            .client_secret_post("another")
            .dpop_key(key),
    );
    for setter in ["token_url", "for_origin", "for_channel", "client_secret", "dpop_key"] {
        assert!(odd.contains(&format!("`{setter}`")), "{setter}: {odd}");
    }
    assert!(!odd.contains("s3cret") && !odd.contains("geheim"), "{odd}");
    let plain = ClientCredentials::builder().discover("http://id.example").client_id("orders");
    let plain = told(plain.client_secret("x").for_origin("https://stock.example"));
    assert!(plain.contains("`discover`") && plain.contains("plain `http`"), "{plain}");
    let within = "https://geheim:geheim@id.example";
    let within = told(builder().token_url(within).for_origin(within));
    assert!(within.contains("has user info") && !within.contains("geheim"), "{within}");
}

#[test]
fn what_is_printed_holds_no_secret() {
    let tokens = builder().for_origin("https://stock.example").dpop().build().unwrap();
    let text = format!("{tokens:?} {:?} {:?}", builder(), tokens.0.slots);
    assert!(!text.contains("s3cret") && !text.contains("czNjcmV0"), "{text}");
}

#[test]
fn a_grant_is_the_same_however_it_is_written() {
    let one = Grant::new().scope("a b").scope("c").resource("https://x.example");
    let other = Grant::new().scope("c  b").resource("https://x.example").scope("a");
    assert_eq!(one, other);
    let fields: Vec<_> = one.audience("y").fields();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(
        fields,
        [
            ("grant_type", "client_credentials"),
            ("scope", "a b c"),
            ("resource", "https://x.example"),
            ("audience", "y"),
        ]
    );
}

#[tokio::test]
async fn grants_of_requests_do_not_pile_up() {
    let tokens = ClientCredentials::builder()
        .token_url("http://127.0.0.1:1/token")
        .client_id("orders")
        .client_secret("x")
        .for_origin("https://stock.example")
        .build()
        .unwrap();
    for number in 0..500 {
        let grant = Grant::new().scope(number.to_string());
        assert!(tokens.token(Some(&grant)).await.unwrap_err().is_unavailable());
    }
    assert!(tokens.0.slots.len() <= 64);
}
