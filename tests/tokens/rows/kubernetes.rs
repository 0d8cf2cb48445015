//! Kubernetes.

use serde_json::json;

use super::{Row, as_recorded, invalid, pass, remove, row};

const POD: &str = "system:serviceaccount:shop:checkout";

pub(super) const ROWS: &[Row] = &[
    row("kubernetes", "kubernetes-projected", as_recorded, pass(POD, "", "", "shop", POD)),
    row(
        "kubernetes",
        "kubernetes-projected",
        |t| t.claims["aud"] = json!(["https://kubernetes.default.svc.cluster.local", "k3s"]),
        invalid("Kubernetes: set `serviceAccountToken.audience`"),
    ),
    row(
        "kubernetes",
        "kubernetes-projected",
        |t| t.claims["iss"] = json!("https://other.example"),
        invalid("Kubernetes: the token is of another cluster"),
    ),
    row(
        "kubernetes",
        "kubernetes-projected",
        |t| t.claims["sub"] = json!("alice"),
        invalid("does not mark it as one"),
    ),
    row(
        "kubernetes",
        "kubernetes-projected",
        |t| remove(t, "kubernetes.io"),
        invalid("does not mark it as one"),
    ),
    row(
        "kubernetes",
        "kubernetes-secret",
        as_recorded,
        invalid("Kubernetes: a token out of a Secret, which never ends"),
    ),
];
