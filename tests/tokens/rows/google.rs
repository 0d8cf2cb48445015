//! Google.

use serde_json::json;

use super::{Row, as_recorded, invalid, pass, remove, row};

const GOOGLE_ID: &str = "104029321155338612412";
const GOOGLE_MAIL: &str = "checkout@shop-prod.iam.gserviceaccount.com";

pub(super) const ROWS: &[Row] = &[
    row("google", "google-service", as_recorded, pass(GOOGLE_ID, "", "", "", GOOGLE_MAIL)),
    row("google", "google-instance", as_recorded, pass(GOOGLE_ID, "", "", "", GOOGLE_MAIL)),
    row(
        "google",
        "google-service",
        |t| t.raw = Some("ya29.c.b0Aaekm1K-none-of-your-business".to_owned()),
        invalid("Google: access tokens are opaque"),
    ),
    row(
        "google",
        "google-service",
        |t| t.claims["email"] = json!("robot@strangers.iam.gserviceaccount.com"),
        invalid("Google: name the service account's e-mail address"),
    ),
    row(
        "google",
        "google-service",
        |t| t.claims["email"] = json!("checkout@shop-prod.iam.gserviceaccount.com.example"),
        invalid("Google: only service accounts are taken"),
    ),
    row(
        "google",
        "google-service",
        |t| t.claims["email_verified"] = json!("true"),
        invalid("does not mark it as one"),
    ),
    row(
        "google",
        "google-service",
        |t| t.claims["aud"] = json!("https://billing.example"),
        invalid("Google: the caller has to fetch its ID token for this audience"),
    ),
    row("google", "google-person", as_recorded, invalid("Google: this is a person's sign-in")),
    row(
        "google",
        "google-person",
        |t| {
            remove(t, "at_hash");
            remove(t, "nonce");
            t.claims["aud"] = json!("https://orders.example");
        },
        invalid("Google: only service accounts are taken"),
    ),
];
