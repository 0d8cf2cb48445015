//! Auth0.

use serde_json::json;

use super::{Row, as_recorded, invalid, pass, remove, row};

const A0_USER: &str = "auth0|6650c3f1a2b3c4d5e6f70819";
const A0_WEB: &str = "my3Zr1zQ5TqLw8vXcKfH2sJd7bNpG4Ya";
const A0_ORG: &str = "org_9ybsU1dN2dKfDkBi";
const A0_AUDIENCE: &str = "Auth0: request the token with `audience=`";

pub(super) const ROWS: &[Row] = &[
    row(
        "auth0",
        "auth0-access",
        as_recorded,
        pass(A0_USER, "openid profile read:orders", "read:orders refund:orders", A0_ORG, A0_WEB),
    ),
    row(
        "auth0, permissions as scopes",
        "auth0-access",
        as_recorded,
        pass(A0_USER, "read:orders refund:orders", "read:orders refund:orders", A0_ORG, A0_WEB),
    ),
    row(
        "auth0",
        "auth0-machine",
        as_recorded,
        pass(
            "K9xQ2mLwV7cRt5Yp8NzB4sHd1FgJ6uEa@clients",
            "read:orders",
            "",
            "",
            "K9xQ2mLwV7cRt5Yp8NzB4sHd1FgJ6uEa",
        ),
    ),
    row(
        "auth0",
        "auth0-rfc9068",
        as_recorded,
        pass(A0_USER, "read:orders", "read:orders", "", A0_WEB),
    ),
    row(
        "auth0",
        "auth0-access",
        |t| t.claims["aud"] = json!("https://shop.eu.auth0.com/userinfo"),
        invalid(A0_AUDIENCE),
    ),
    row(
        "auth0",
        "auth0-access",
        |t| t.raw = Some("eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aW4.Y2k.dGFn".to_owned()),
        invalid("Auth0: the client asked for no API; request the token with `audience=`"),
    ),
    row(
        "auth0",
        "auth0-access",
        |t| t.raw = Some("x7fP2vXk0yQm4sTn8bLz1cVh3dRw6gJa".to_owned()),
        invalid("Auth0: the client asked for no API; request the token with `audience=`"),
    ),
    row(
        "auth0",
        "auth0-access",
        |t| t.claims["iss"] = json!("https://shop.eu.auth0.com"),
        invalid("the claim `iss`"),
    ),
    row(
        "auth0",
        "auth0-access",
        |t| t.header["alg"] = json!("HS256"),
        invalid("Auth0: set the API's signing algorithm to RS256"),
    ),
    row("auth0", "auth0-id", as_recorded, invalid("Auth0: the client sends its ID token")),
    row(
        "auth0",
        "auth0-id",
        |t| {
            remove(t, "nonce");
            t.claims["aud"] = json!("https://orders.example");
        },
        invalid("Auth0: the client sends its ID token"),
    ),
];
