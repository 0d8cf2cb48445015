//! User names and passwords (RFC 7617), hashed by Argon2id.

mod builder;
mod credentials;
mod file;
mod gate;
mod guard;
mod phc;
mod recall;
mod store;
mod user;
mod verify;

#[cfg(test)]
mod tests;

pub use builder::BasicBuilder;
pub use file::{FileUsers, FileUsersBuilder};
pub use guard::Basic;
pub use store::{MemoryUsers, UserStore};
pub use user::{StoredUser, StoredUserBuilder};

pub use super::StoreError;

/// The scheme's name, in records and in principals.
const SCHEME: &str = "basic";
