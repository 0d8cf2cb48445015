//! What becomes of which token.

mod auth0;
mod cognito;
mod entra;
mod google;
mod keycloak;
mod kubernetes;
mod okta;
mod plain;

use serde_json::json;
use tower_parapet::Reason;

use crate::{NOW, Token};

pub(crate) struct Row {
    pub(crate) verifier: &'static str,
    pub(crate) fixture: &'static str,
    pub(crate) change: fn(&mut Token),
    pub(crate) expect: Expect,
}

pub(crate) enum Expect {
    Pass {
        subject: &'static str,
        scopes: &'static str,
        roles: &'static str,
        tenant: Option<&'static str>,
        client: Option<&'static str>,
    },
    /// The reason, and what the record has among its words.
    Refused(Reason, &'static str),
}

const fn row(
    verifier: &'static str,
    fixture: &'static str,
    change: fn(&mut Token),
    expect: Expect,
) -> Row {
    Row { verifier, fixture, change, expect }
}

/// Subject, scopes, roles, tenant, client; an empty one is none.
const fn pass(
    subject: &'static str,
    scopes: &'static str,
    roles: &'static str,
    tenant: &'static str,
    client: &'static str,
) -> Expect {
    let tenant = if tenant.is_empty() { None } else { Some(tenant) };
    let client = if client.is_empty() { None } else { Some(client) };
    Expect::Pass { subject, scopes, roles, tenant, client }
}

const fn invalid(cause: &'static str) -> Expect {
    Expect::Refused(Reason::InvalidCredentials, cause)
}

fn as_recorded(_: &mut Token) {}

fn expired(token: &mut Token) {
    token.claims["exp"] = json!(NOW - 61);
}

fn remove(token: &mut Token, claim: &str) {
    token.claims.as_object_mut().unwrap().remove(claim).unwrap();
}

const ALICE: &str = "5d2f4b0c-7f0e-4f6e-9a50-1f4c0d8f2a11";
const KC_SCOPES: &str = "openid orders:read profile email";

fn remove_typ(token: &mut Token) {
    token.header.as_object_mut().unwrap().remove("typ").unwrap();
}

/// All of them, provider by provider.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    [
        keycloak::ROWS,
        auth0::ROWS,
        entra::ROWS,
        cognito::ROWS,
        okta::ROWS,
        google::ROWS,
        kubernetes::ROWS,
        plain::ROWS,
    ]
    .into_iter()
    .flatten()
}
