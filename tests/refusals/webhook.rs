//! Deliveries that their sender signs.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use tower_parapet::{Policy, auth::webhook::Webhook};

use super::{Part, Refused};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub(super) fn part() -> Part {
    Part {
        name: "webhook",
        challenges: vec!["Webhook"],
        expires: false,
        join: Box::new(|builder| {
            let hook = Webhook::github(SECRET);
            builder.route("GET /orders", Policy::authenticated_by(hook))
        }),
        refusals: refusals(),
    }
}

fn signature(secret: &str, body: &str) -> String {
    let tag = sign(&Key::new(HMAC_SHA256, secret.as_bytes()), body.as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn delivery(name: &'static str, signature: &str) -> Refused {
    Refused {
        name,
        headers: vec![("x-hub-signature-256", format!("sha256={signature}"))],
        status: 401,
        code: "invalid-credentials",
        guard: "webhook",
        secret: [signature, SECRET]
            .into_iter()
            .filter(|secret| secret.len() > 7)
            .map(str::to_owned)
            .collect(),
        private: Vec::new(),
        has_cause: false,
        body: "{\"paid\":true}",
    }
}

fn refusals() -> Vec<Refused> {
    let forged = "fedcba9876543210fedcba9876543210";
    let body = "{\"paid\":true}";
    let missing =
        Refused { headers: Vec::new(), code: "missing-credentials", ..delivery("none", "") };
    vec![
        missing,
        delivery("another's", &signature(forged, body)),
        delivery("of another body", &signature(SECRET, "{}")),
        delivery("too short", &signature(SECRET, body)[..60]),
        delivery("no signature", "hunter22hunter22"),
        delivery("empty", ""),
    ]
}
