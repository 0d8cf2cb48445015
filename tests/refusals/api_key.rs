//! API keys.

use std::{sync::LazyLock, time::Duration};

use tower_parapet::{
    ParapetBuilder,
    auth::api_key::{ApiKey, ApiKeys, MemoryKeys},
};

use super::{Part, Refused};

pub(super) fn part() -> Part {
    Part {
        name: "api-key",
        challenges: vec!["ApiKey"],
        expires: true,
        join: Box::new(join),
        refusals: refusals(),
    }
}

struct Keys {
    store: MemoryKeys,
    good: ApiKey,
    expired: ApiKey,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let store = MemoryKeys::new();
    let (good, expired) = (ApiKey::generate("shop").unwrap(), ApiKey::generate("shop").unwrap());
    store.insert(good.stored().owner("owner-88d2").build().unwrap());
    let end = Duration::from_secs(1_000_000_000);
    store.insert(expired.stored().owner("owner-88d2").expires_at(end).build().unwrap());
    Keys { store, good, expired }
});

fn join(builder: ParapetBuilder) -> ParapetBuilder {
    builder.authenticate(ApiKeys::builder(KEYS.store.clone()))
}

fn key(name: &'static str, code: &'static str, text: String) -> Refused {
    let secret = text.rsplit('_').next().unwrap_or_default().to_owned();
    Refused {
        name,
        headers: vec![("x-api-key", text.clone())],
        status: 401,
        code,
        guard: "api-key",
        secret: [text, secret].into_iter().filter(|part| part.len() > 7).collect(),
        private: vec!["owner-88d2", KEYS.good.id(), KEYS.expired.id()],
        has_cause: false,
        body: "",
    }
}

fn refusals() -> Vec<Refused> {
    let good = KEYS.good.text().expose();
    let (before, secret) = good.rsplit_once('_').unwrap();
    let turned: String = secret.chars().rev().collect();
    let unknown = ApiKey::generate("shop").unwrap();
    let missing = Refused {
        name: "none",
        headers: Vec::new(),
        guard: "authenticate",
        ..key("", "missing-credentials", String::new())
    };
    let twice = Refused {
        headers: vec![("x-api-key", good.to_owned()), ("x-api-key", good.to_owned())],
        status: 400,
        guard: "authenticate",
        ..key("twice", "ambiguous-credentials", good.to_owned())
    };
    let invalid = |name, text: String| key(name, "invalid-credentials", text);
    vec![
        missing,
        twice,
        invalid("no key", "hunter22hunter22".to_owned()),
        invalid("empty", String::new()),
        invalid("wrong secret", format!("{before}_{turned}")),
        invalid("unknown", unknown.text().expose().to_owned()),
        key("expired", "expired-credentials", KEYS.expired.text().expose().to_owned()),
    ]
}
