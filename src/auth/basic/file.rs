//! Users in a file that is read again when it changes.

use std::{
    borrow::Borrow,
    collections::HashMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    record::UserRecord,
    store::{UserStore, needs_of, report_weak},
    user::StoredUser,
};
use crate::{
    answer::Answer,
    auth::{
        StoreError,
        watched::{Watched, json_fault, replace},
    },
    clock::{Clock, SystemClock},
    error::{ConfigError, Mistakes},
    guard::Needs,
    inspect::Findings,
};

/// How often the file is looked at, unless something else is said.
const EVERY: Duration = Duration::from_secs(2);

const VERSION: u32 = 1;

type Users = HashMap<Box<str>, Arc<StoredUser>>;

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
pub struct FileUsers(Watched<Users>);

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
        FileUsersBuilder {
            path: path.into(),
            every: EVERY,
            clock: Arc::new(SystemClock::default()),
        }
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
        let users = users.iter().map(|user| UserRecord::of(user.borrow())).collect();
        let mut text = serde_json::to_vec_pretty(&Written { version: VERSION, users })?;
        text.push(b'\n');
        replace(path.as_ref(), &text)
    }

    /// Reads the file now, changed or not.
    ///
    /// # Errors
    /// When it cannot be read or makes no sense; what is known stays in use.
    pub fn reload(&self) -> Result<(), StoreError> {
        self.0.reload().map_err(StoreError::new)
    }

    /// The user of that name, as far as is known without a look at the file.
    pub fn get(&self, name: &str) -> Option<Arc<StoredUser>> {
        self.0.known().get(name).cloned()
    }

    /// All users, as far as they are known without a look at the file, in no order: to write them with a change.
    pub fn users(&self) -> Vec<Arc<StoredUser>> {
        self.0.known().values().cloned().collect()
    }

    /// How many users there are.
    pub fn len(&self) -> usize {
        self.0.known().len()
    }

    /// Whether there is no user.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    users: Vec<UserRecord<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    version: u32,
    users: Vec<StoredUser>,
}

fn read(text: &str, _: &Users) -> Result<Users, String> {
    let read: Read = serde_json::from_str(text)
        .map_err(|error| format!("makes no sense: {}", json_fault(&error)))?;
    if read.version != VERSION {
        return Err(format!("is of version {}, and {VERSION} is understood", read.version));
    }
    let mut users = Users::with_capacity(read.users.len());
    for user in read.users {
        if let Some(twice) = users.insert(Box::from(user.name()), Arc::new(user)) {
            return Err(format!("names user `{}` twice", twice.name()));
        }
    }
    Ok(users)
}

impl UserStore for FileUsers {
    fn find(&self, name: &str) -> Answer<Result<Option<Arc<StoredUser>>, StoreError>> {
        self.0.ask(name, |users, name| Ok(users.get(name).cloned()))
    }

    fn needs(&self) -> Needs {
        needs_of(self.0.known().values())
    }

    fn findings(&self, report: &mut Findings) {
        report_weak(self.0.known().values(), report);
        self.0.findings(report);
    }
}

impl fmt::Debug for FileUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileUsers")
            .field("path", &self.0.path())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// Builds a [`FileUsers`]; see [`FileUsers::builder`].
pub struct FileUsersBuilder {
    path: PathBuf,
    every: Duration,
    clock: Arc<dyn Clock>,
}

impl FileUsersBuilder {
    /// How often the file is looked at, and so how long a user outlives their removal at most. Default two seconds.
    pub fn look_every(mut self, time: Duration) -> Self {
        self.every = time;
        self
    }

    /// Takes time from another clock, in tests for example.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The store, with the users who are in the file now.
    ///
    /// # Errors
    /// When the file cannot be read or makes no sense.
    pub fn build(self) -> Result<FileUsers, ConfigError> {
        let mut mistakes = Mistakes::default();
        let shown = self.path.display().to_string();
        let users = Watched::open(self.path, "user", read, self.every, self.clock);
        let users = users.map_err(|fault| {
            let remedy = "name a file that `FileUsers::write` wrote, or one of its form";
            mistakes.push("builder", shown, fault, remedy);
        });
        mistakes.finish_with(users.ok()).map(FileUsers)
    }
}

impl fmt::Debug for FileUsersBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileUsersBuilder")
            .field("path", &self.path)
            .field("look_every", &self.every)
            .finish_non_exhaustive()
    }
}
