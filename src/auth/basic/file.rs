//! Users in a file that is read again when it changes.

use std::{
    borrow::Borrow,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    store::{UserStore, report_weak},
    user::StoredUser,
};
use crate::{
    answer::Answer,
    auth::{
        StoreError,
        stored::{self, FileStore, FileStoreBuilder, Records},
    },
    clock::Clock,
    error::ConfigError,
    guard::Needs,
    inspect::Findings,
};

/// Users in a JSON file, read again when it changes; clones share what is known of it.
///
/// The file is `{"version": 1, "users": […]}`, each user as [`StoredUser`] serialises. It is one document, so that half
/// of it is no file at all: one that cannot be read, makes no sense or names a user twice leaves what is known as it
/// is, is logged once, and is a finding as long as it lasts. Replace it in one step, as [`write`](Self::write) does.
///
/// It is looked at every two seconds, by the first request after that time, on a thread that may block. A user who
/// is taken out of the file, or gets another password, is refused from the next look on.
///
/// # Example
/// ```
/// use tower_parapet::auth::basic::{Basic, FileUsers, StoredUser};
///
/// # fn run(path: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
/// let hash = Basic::hash("correct horse battery staple")?;
/// FileUsers::write(path, [&StoredUser::builder("alice", hash).build()?])?;
/// let people = Basic::builder(FileUsers::open(path)?).build()?;
/// # let _ = people;
/// # Ok(())
/// # }
/// # let path = std::env::temp_dir().join(format!("users-{}.json", std::process::id()));
/// # run(&path)?;
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FileUsers(FileStore<StoredUser>);

impl FileUsers {
    /// Users from a file, with the defaults of [`builder`](Self::builder).
    ///
    /// # Errors
    /// When the file cannot be read or makes no sense.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        Self::builder(path).build()
    }

    /// Begins a store over a file.
    pub fn builder(path: impl Into<PathBuf>) -> FileUsersBuilder {
        FileUsersBuilder(FileStoreBuilder::new(path.into()))
    }

    /// Writes a file of users in one step: whoever reads it meanwhile reads the one before. A new file is its owner's
    /// alone (mode 600); one that is replaced leaves its permissions to the next. Of two who write at once the last
    /// one wins.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write<T: Borrow<StoredUser>>(
        path: impl AsRef<Path>,
        users: impl IntoIterator<Item = T>,
    ) -> io::Result<()> {
        let users = Vec::from_iter(users);
        let users = users.iter().map(Borrow::borrow).collect();
        stored::write(path.as_ref(), |version| Document::<&StoredUser> { version, users })
    }

    /// Reads the file now, changed or not.
    ///
    /// # Errors
    /// When it cannot be read or makes no sense; what is known stays in use.
    pub fn reload(&self) -> Result<(), StoreError> {
        self.0.reload()
    }

    /// The user of that name, as far as is known without a look at the file.
    pub fn get(&self, name: &str) -> Option<Arc<StoredUser>> {
        self.0.get(name)
    }

    /// All users, as far as they are known without a look at the file, in no order: to write them with a change.
    pub fn users(&self) -> Vec<Arc<StoredUser>> {
        self.0.all()
    }

    /// How many users there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no user.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A file of users.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a file of users")]
struct Document<T> {
    version: u32,
    users: Vec<T>,
}

fn read(text: &str, before: &Records<StoredUser>) -> Result<Records<StoredUser>, String> {
    let Document { version, users } = stored::parse(text)?;
    stored::gather(version, users, before)
}

impl UserStore for FileUsers {
    fn find(&self, name: &str) -> Answer<Result<Option<Arc<StoredUser>>, StoreError>> {
        self.0.find(name)
    }

    fn needs(&self) -> Needs {
        self.0.needs()
    }

    fn findings(&self, report: &mut Findings) {
        report_weak(self.0.known().values(), report);
        self.0.findings(report);
    }
}

impl fmt::Debug for FileUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show("FileUsers", f)
    }
}

/// Builds a [`FileUsers`]; see [`FileUsers::builder`].
pub struct FileUsersBuilder(FileStoreBuilder);

impl FileUsersBuilder {
    /// How often the file is looked at, and so how long a user outlives their removal at most. Default two seconds.
    pub fn look_every(self, time: Duration) -> Self {
        Self(self.0.look_every(time))
    }

    /// Takes time from another clock, in tests for example.
    pub fn with_clock(self, clock: impl Clock) -> Self {
        Self(self.0.with_clock(clock))
    }

    /// The store, with the users who are in the file now.
    ///
    /// # Errors
    /// When the file cannot be read or makes no sense.
    pub fn build(self) -> Result<FileUsers, ConfigError> {
        let remedy = "name a file that `FileUsers::write` wrote, or one of its form";
        self.0.build(read, remedy).map(FileUsers)
    }
}

impl fmt::Debug for FileUsersBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show("FileUsersBuilder", f)
    }
}
