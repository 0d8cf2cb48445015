//! Stacks with something to be said about where their keys and passwords are kept.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use tower_parapet::{
    ParapetBuilder,
    auth::{
        api_key::{ApiKey, ApiKeys, FileKeys, MemoryKeys, Pepper},
        basic::{Basic, MemoryUsers, StoredUser},
    },
};

use super::sound;

/// A file of keys, opened while it was good and private, and what became of it.
fn file(name: &str, spoil: impl FnOnce(&PathBuf)) -> ParapetBuilder {
    // Tests run side by side, and each asks for its own.
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("findings-{}-{number}-{name}.json", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let key = ApiKey::generate("orders").unwrap().stored().build().unwrap();
    FileKeys::write(&path, [&key]).unwrap();
    let keys = FileKeys::open(&path).unwrap();
    spoil(&path);
    drop(keys.reload());
    // The file stays: what is found about it is asked for later.
    sound().authenticate(ApiKeys::builder(keys))
}

pub(crate) fn exposed_file() -> ParapetBuilder {
    file("exposed", |path| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    })
}

pub(crate) fn stale_file() -> ParapetBuilder {
    file("stale", |path| fs::write(path, "{").unwrap())
}

pub(crate) fn plain_hashes() -> ParapetBuilder {
    let pepper = Pepper::new("2026", (0..32).collect::<Vec<_>>()).unwrap();
    let keys = ApiKeys::builder(MemoryKeys::new()).pepper(pepper);
    sound().authenticate(keys.dangerous().plain_hashes())
}

pub(crate) fn weak_password_hash() -> ParapetBuilder {
    let hash =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    let alice = StoredUser::builder("alice", hash).build().unwrap();
    sound().authenticate(Basic::builder(MemoryUsers::from_iter([alice])))
}
