//! Without a preset the marks that are common to many remain.

use super::{ALICE, KC_SCOPES, Row, as_recorded, invalid, pass, row};

pub(super) const ROWS: &[Row] = &[
    row("no preset", "keycloak-access", as_recorded, pass(ALICE, KC_SCOPES, "", "", "web")),
    row("no preset", "keycloak-id", as_recorded, invalid("the client sends its ID token")),
    row("no preset", "keycloak-logout", as_recorded, invalid("logout tokens belong to")),
];
