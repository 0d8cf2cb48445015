//! Amazon Cognito.

use serde_json::json;

use super::{Row, as_recorded, invalid, pass, remove, row};

const CO_USER: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
const CO_APP: &str = "3n4b5urk1ft4fl3mg5e62d9ado";

pub(super) const ROWS: &[Row] = &[
    row(
        "cognito",
        "cognito-access",
        as_recorded,
        pass(CO_USER, "openid orders/read", "operators", "", CO_APP),
    ),
    row(
        "cognito",
        "cognito-machine",
        as_recorded,
        pass("1example23456789", "orders/read", "", "", "1example23456789"),
    ),
    row(
        "cognito",
        "cognito-access",
        |t| t.claims["client_id"] = json!("another"),
        invalid("Cognito: name the app client with `client`"),
    ),
    row(
        "cognito",
        "cognito-access",
        |t| remove(t, "client_id"),
        invalid("Cognito: name the app client with `client`"),
    ),
    row(
        "cognito",
        "cognito-access",
        |t| t.claims["client_id"] = json!([CO_APP]),
        invalid("the claim `client_id` is not acceptable"),
    ),
    row(
        "cognito",
        "cognito-access",
        |t| t.claims["aud"] = json!("https://billing.example"),
        invalid("Cognito: the token was requested for another resource"),
    ),
    row(
        "cognito, resource",
        "cognito-access",
        |t| t.claims["aud"] = json!("https://orders.example"),
        pass(CO_USER, "openid orders/read", "operators", "", CO_APP),
    ),
    row(
        "cognito, resource",
        "cognito-access",
        as_recorded,
        invalid("Cognito: access tokens have `aud` only if requested with `resource=`"),
    ),
    row(
        "cognito",
        "cognito-access",
        |t| {
            t.claims["iss"] =
                json!("https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Zz")
        },
        invalid("Cognito: the token is of another user pool"),
    ),
    row("cognito", "cognito-access", |t| remove(t, "token_use"), invalid("`token_use`")),
    row("cognito", "cognito-id", as_recorded, invalid("Cognito: the client sends its ID token")),
    row(
        "cognito",
        "cognito-id",
        |t| {
            remove(t, "at_hash");
            remove(t, "aud");
            t.claims["client_id"] = json!(CO_APP);
        },
        invalid("Cognito: the client sends its ID token"),
    ),
];
