//! Keycloak.

use serde_json::json;
use tower_parapet::Reason;

use super::{ALICE, Expect, KC_SCOPES, Row, as_recorded, expired, invalid, pass, remove, row};

const KC_ROLES: &str = "default-roles-shop offline_access operator";
const MAPPER: &str = "Keycloak: add an audience mapper";

pub(super) const ROWS: &[Row] = &[
    row(
        "keycloak",
        "keycloak-access",
        as_recorded,
        pass(ALICE, KC_SCOPES, KC_ROLES, "acme", "web"),
    ),
    row(
        "keycloak, roles of the client",
        "keycloak-access",
        as_recorded,
        pass(ALICE, KC_SCOPES, "refund", "acme", "web"),
    ),
    row(
        "keycloak",
        "keycloak-service-account",
        as_recorded,
        pass(
            "9b1d2c3e-4f50-4a61-b7c8-d9e0f1a2b3c4",
            "orders:read",
            "default-roles-shop",
            "",
            "billing",
        ),
    ),
    row(
        "keycloak",
        "keycloak-access",
        |t| t.header["typ"] = json!("at+jwt"),
        pass(ALICE, KC_SCOPES, KC_ROLES, "acme", "web"),
    ),
    row(
        "keycloak",
        "keycloak-access",
        |t| t.claims["organization"] = json!({"acme": {"id": "42c3"}}),
        pass(ALICE, KC_SCOPES, KC_ROLES, "acme", "web"),
    ),
    row(
        "keycloak",
        "keycloak-access",
        |t| t.claims["organization"] = json!([{"acme": {"id": "42c3"}}]),
        pass(ALICE, KC_SCOPES, KC_ROLES, "acme", "web"),
    ),
    row(
        "keycloak",
        "keycloak-access",
        |t| t.claims["organization"] = json!(["acme", "other"]),
        pass(ALICE, KC_SCOPES, KC_ROLES, "", "web"),
    ),
    row(
        "keycloak",
        "keycloak-access",
        |t| t.claims["nonce"] = json!("before version 25"),
        pass(ALICE, KC_SCOPES, KC_ROLES, "acme", "web"),
    ),
    row(
        "keycloak",
        "keycloak-access",
        |t| remove(t, "realm_access"),
        pass(ALICE, KC_SCOPES, "", "acme", "web"),
    ),
    row(
        "keycloak, one client",
        "keycloak-access",
        as_recorded,
        pass(ALICE, KC_SCOPES, KC_ROLES, "acme", "web"),
    ),
    row(
        "keycloak, one client",
        "keycloak-service-account",
        as_recorded,
        invalid("the claim `azp or client_id` is not that of a client that may call"),
    ),
    row("keycloak", "keycloak-access", |t| t.claims["aud"] = json!("account"), invalid(MAPPER)),
    row("keycloak", "keycloak-access", |t| remove(t, "aud"), invalid(MAPPER)),
    row(
        "keycloak",
        "keycloak-access",
        |t| t.claims["iss"] = json!("http://keycloak:8080/realms/shop"),
        invalid("Keycloak: set `hostname`"),
    ),
    row(
        "keycloak",
        "keycloak-access",
        |t| remove(t, "sub"),
        invalid("Keycloak: add the client scope `basic`"),
    ),
    row(
        "keycloak",
        "keycloak-access",
        |t| {
            t.claims["typ"] = json!("DPoP");
            t.claims["cnf"] = json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"});
        },
        invalid("Keycloak: the client requires DPoP"),
    ),
    row("keycloak", "keycloak-access", |t| remove(t, "typ"), invalid("does not mark it as one")),
    row(
        "keycloak",
        "keycloak-access",
        |t| t.claims["typ"] = json!("Serialized-ID"),
        invalid("does not mark it as one"),
    ),
    row(
        "keycloak",
        "keycloak-access",
        expired,
        Expect::Refused(Reason::ExpiredCredentials, "expired 61 s ago"),
    ),
    row("keycloak", "keycloak-id", as_recorded, invalid("the client sends its ID token")),
    row(
        "keycloak",
        "keycloak-id",
        |t| t.claims["aud"] = json!("orders"),
        invalid("the client sends its ID token"),
    ),
    row(
        "keycloak",
        "keycloak-refresh",
        as_recorded,
        invalid("Keycloak: refresh tokens are signed so"),
    ),
    row(
        "keycloak",
        "keycloak-refresh",
        |t| t.header["alg"] = json!("RS256"),
        invalid("the client sends its refresh token"),
    ),
    row(
        "keycloak",
        "keycloak-refresh",
        |t| {
            t.header["alg"] = json!("RS256");
            t.claims["typ"] = json!("Offline");
            t.claims["aud"] = json!("orders");
        },
        invalid("the client sends its refresh token"),
    ),
    row("keycloak", "keycloak-logout", as_recorded, invalid("logout tokens belong to")),
    row(
        "keycloak",
        "keycloak-logout",
        |t| {
            t.header["typ"] = json!("JWT");
            t.claims["aud"] = json!("orders");
        },
        invalid("logout tokens belong to"),
    ),
    row(
        "keycloak",
        "keycloak-logout",
        |t| {
            t.header["typ"] = json!("JWT");
            remove(t, "events");
        },
        invalid("logout tokens belong to"),
    ),
];
