//! User names and passwords.

use base64::{Engine, prelude::BASE64_STANDARD};
use tower_parapet::auth::basic::{Basic, MemoryUsers, StoredUser};

use super::{Part, Refused};

/// Of `password`, with less work than anybody should want.
const HASH: &str =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

pub(super) fn part() -> Part {
    let names = ["alice-6b2f", "bob-6b2f"];
    let users = names.map(|name| StoredUser::builder(name, HASH).build().unwrap());
    let basic = Basic::builder(MemoryUsers::from_iter(users));
    Part {
        name: "basic",
        challenges: vec!["Basic"],
        expires: false,
        join: Box::new(|builder| builder.authenticate(basic)),
        refusals: refusals(),
    }
}

fn encoded(name: &'static str, sent: &str, secret: &[&str]) -> Refused {
    Refused {
        name,
        headers: vec![("authorization", format!("Basic {sent}"))],
        status: 401,
        code: "invalid-credentials",
        guard: "basic",
        secret: secret.iter().map(|text| (*text).to_owned()).collect(),
        private: vec!["alice-6b2f", "bob-6b2f", "mallory-6b2f", "unknown"],
        has_cause: false,
        body: "",
    }
}

fn refusals() -> Vec<Refused> {
    let user = |name, user: &str, password: &str| {
        let sent = BASE64_STANDARD.encode(format!("{user}:{password}"));
        encoded(name, &sent, &[password, &sent])
    };
    let missing = Refused {
        headers: Vec::new(),
        code: "missing-credentials",
        guard: "authenticate",
        ..encoded("none", "", &[])
    };
    vec![
        missing,
        user("wrong password", "alice-6b2f", "hunter22hunter22"),
        user("unknown user", "mallory-6b2f", "hunter22hunter22"),
        user("password for a name", "correct horse battery staple", "bob-6b2f"),
        encoded("no colon", "aHVudGVyMjJodW50ZXIyMg==", &["aHVudGVyMjJodW50ZXIyMg", "hunter22"]),
        encoded("no base64", "hunter22!hunter22", &["hunter22"]),
        encoded("empty", "", &[]),
    ]
}
