//! Microsoft Entra ID.

use serde_json::json;

use super::{Row, as_recorded, invalid, pass, remove, row};

const MS_USER: &str = "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ";
const MS_TENANT: &str = crate::DIRECTORY;
const MS_CLIENT: &str = "9ada6f8a-6d83-41bc-b169-a306c21527a5";

pub(super) const ROWS: &[Row] = &[
    row(
        "entra",
        "entra-user",
        as_recorded,
        pass(MS_USER, "Orders.Read Orders.Write", "Orders.Operator", MS_TENANT, MS_CLIENT),
    ),
    row(
        "entra",
        "entra-app",
        as_recorded,
        pass("b2f1c0de-1c2d-4e3f-8a4b-5c6d7e8f9a0b", "", "Orders.Read.All", MS_TENANT, MS_CLIENT),
    ),
    row(
        "entra v1",
        "entra-v1-user",
        as_recorded,
        pass(MS_USER, "Orders.Read", "", MS_TENANT, MS_CLIENT),
    ),
    row(
        "entra",
        "entra-v1-user",
        as_recorded,
        invalid("Entra ID: the token is of version 1; set `accessTokenAcceptedVersion`"),
    ),
    row("entra v1", "entra-user", as_recorded, invalid("Entra ID: the token is of version 2")),
    row(
        "entra",
        "entra-user",
        |t| t.claims["iss"] = json!("https://login.microsoftonline.com/common/v2.0"),
        invalid("Entra ID: the token is of another tenant"),
    ),
    row(
        "entra",
        "entra-user",
        |t| t.claims["aud"] = json!("00000003-0000-0000-c000-000000000000"),
        invalid("Entra ID: request the token with a scope of this API"),
    ),
    row("entra", "entra-user", |t| t.claims["ver"] = json!("1.0"), invalid("does not mark it")),
    row("entra", "entra-id", as_recorded, invalid("Entra ID: the client sends its ID token")),
    row(
        "entra",
        "entra-id",
        |t| remove(t, "nonce"),
        invalid("Entra ID: the client sends its ID token"),
    ),
    row("entra v1", "entra-v1-id", as_recorded, invalid("Entra ID: the client sends its ID token")),
];
