//! Okta.

use serde_json::json;

use super::{Row, as_recorded, invalid, pass, remove_typ, row};

const OKTA_APP: &str = "nmdP1fcyvdVO11AL7ECm";

pub(super) const ROWS: &[Row] = &[
    row(
        "okta",
        "okta-access",
        as_recorded,
        pass("alice@shop.example", "openid orders.read", "Operators", "", OKTA_APP),
    ),
    row(
        "okta",
        "okta-machine",
        as_recorded,
        pass("0oalsrbw3g9cGf9m65d7", "orders.read", "", "", "0oalsrbw3g9cGf9m65d7"),
    ),
    row("okta", "okta-org", as_recorded, invalid("Okta: the token is of the org authorization")),
    row(
        "okta",
        "okta-org",
        remove_typ,
        invalid("Okta: the token is of another authorization server"),
    ),
    row(
        "okta",
        "okta-access",
        |t| t.claims["aud"] = json!("https://shop.okta.com"),
        invalid("Okta: the audience is a setting of the authorization server"),
    ),
    row("okta", "okta-id", as_recorded, invalid("Okta: the client sends its ID token")),
    row(
        "okta",
        "okta-id",
        |t| t.claims["aud"] = json!("api://default"),
        invalid("Okta: the client sends its ID token"),
    ),
];
