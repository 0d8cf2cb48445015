//! What else could be read as a credential, over a real socket.

use super::*;

#[tokio::test]
async fn no_other_spelling_of_a_credential_is_taken_for_it() {
    let keys = keys();
    let good = keys.good.text().expose().to_owned();
    let address = serve(stack(keys.scheme, &Records::default()).protect(router())).await;
    let ask = async |lines: &[u8]| {
        let head =
            [b"GET /orders HTTP/1.1\r\nhost: a\r\nconnection: close\r\n", lines, b"\r\n\r\n"];
        let answer = support::send(address, &head.concat()).await;
        (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
    };
    // Blanks around a value and the case of names and of `Bearer` mean nothing (RFC 9110).
    for same in [format!("x-api-key: {good}"), format!("X-API-KEY:  \t{good}\t ")] {
        assert_eq!(ask(same.as_bytes()).await, (200, "robot".to_owned()), "{same}");
    }
    assert_eq!(ask(b"AUTHORIZATION: Bearer alice").await, (200, "alice".to_owned()));
    let mut others: Vec<Vec<u8>> = [
        "x-api-key: KEY,",
        "x-api-key: KEY, KEY",
        "x-api-key: ,KEY",
        "x-api-key: \"KEY\"",
        "x-api-key: ApiKey KEY",
        "x-api-key: KEY x",
        "x_api_key: KEY",
        "x-api-key : KEY",
        "authorization: Bearer KEY",
        "authorization: ApiKey KEY",
        "cookie: x-api-key=KEY",
        "x-api-key: KEY\r\nx-api-key: KEY",
        "x-api-key: KEY\r\nX-Api-Key: other",
        "x-api-key:\r\nx-api-key: KEY",
        "x-api-key: KEY\r\nauthorization: Bearer alice",
        "authorization: Bearer alice\r\nauthorization: Basic eDp5",
        "authorization: Bearer alice, Bearer alice",
        "authorization: Basic eDp5, Bearer alice",
        "authorization: Bearer\talice",
        "authorization: Beareralice",
        "x-api-key: KEY\r\n folded",
    ]
    .map(|lines| lines.replace("KEY", &good).into_bytes())
    .into();
    others.push(format!("x-api-key: {}", good.to_uppercase()).into_bytes());
    others.push([b"x-api-key: ", good.as_bytes(), b"\xff"].concat());
    others.push([b"x-api-key: \xef\xbb\xbf", good.as_bytes()].concat());
    others.push([b"x-api-key: ", good.as_bytes(), b"\0"].concat());
    for other in others {
        let (status, body) = ask(&other).await;
        assert!(matches!(status, 400 | 401), "{status} {}", String::from_utf8_lossy(&other));
        assert!(!body.contains(&good));
    }
}
