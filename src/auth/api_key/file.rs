//! Keys in a file that is read again when it changes.

use std::{
    borrow::Borrow,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{store::KeyStore, stored::StoredKey};
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

/// Keys in a JSON file, read again when it changes; clones share what is known of it.
///
/// The file is `{"version": 1, "keys": […]}`, each key as [`StoredKey`] serialises. It is one document, so that half
/// of it is no file at all: one that cannot be read, makes no sense or names a key twice leaves what is known as it
/// is, is logged once, and is a finding as long as it lasts. Replace it in one step, as [`write`](Self::write) does.
///
/// It is looked at every two seconds, by the first request after that time, on a thread that may block. A key that
/// is taken out of the file is refused from the next look on.
///
/// # Example
/// ```
/// use std::sync::Arc;
/// use tower_parapet::auth::api_key::{ApiKey, ApiKeys, FileKeys};
///
/// # fn run(path: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
/// # FileKeys::write(path, [ApiKey::generate("orders")?.stored().build()?])?;
/// let store = FileKeys::open(path)?;
/// let scheme = ApiKeys::builder(store.clone()).build()?;
///
/// // Elsewhere, where keys are issued.
/// let issued = ApiKey::generate("orders")?;
/// let mut keys = store.keys();
/// keys.push(Arc::new(issued.stored().owner("acme").build()?));
/// FileKeys::write(path, keys)?;
/// println!("shown once: {}", issued.text().expose());
/// # let _ = scheme;
/// # Ok(())
/// # }
/// # let path = std::env::temp_dir().join(format!("keys-{}.json", std::process::id()));
/// # run(&path)?;
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FileKeys(FileStore<StoredKey>);

impl FileKeys {
    /// Keys from a file, with the defaults of [`builder`](Self::builder).
    ///
    /// # Errors
    /// When the file cannot be read or makes no sense.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        Self::builder(path).build()
    }

    /// Begins a store over a file.
    pub fn builder(path: impl Into<PathBuf>) -> FileKeysBuilder {
        FileKeysBuilder(FileStoreBuilder::new(path.into()))
    }

    /// Writes a file of keys in one step: whoever reads it meanwhile reads the one before. A new file is its owner's
    /// alone (mode 600); one that is replaced leaves its permissions to the next. Of two who write at once the last
    /// one wins.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write<T: Borrow<StoredKey>>(
        path: impl AsRef<Path>,
        keys: impl IntoIterator<Item = T>,
    ) -> io::Result<()> {
        let keys = Vec::from_iter(keys);
        let keys = keys.iter().map(Borrow::borrow).collect();
        stored::write(path.as_ref(), |version| Document::<&StoredKey> { version, keys })
    }

    /// Reads the file now, changed or not.
    ///
    /// # Errors
    /// When it cannot be read or makes no sense; what is known stays in use.
    pub fn reload(&self) -> Result<(), StoreError> {
        self.0.reload()
    }

    /// The key of that id, as far as is known without a look at the file.
    pub fn get(&self, id: &str) -> Option<Arc<StoredKey>> {
        self.0.get(id)
    }

    /// All keys, as far as they are known without a look at the file, in no order: to write them with a change.
    pub fn keys(&self) -> Vec<Arc<StoredKey>> {
        self.0.all()
    }

    /// How many keys there are, expired ones included.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A file of keys.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a file of keys")]
struct Document<T> {
    version: u32,
    keys: Vec<T>,
}

fn read(text: &str, before: &Records<StoredKey>) -> Result<Records<StoredKey>, String> {
    let Document { version, keys } = stored::parse(text)?;
    stored::gather(version, keys, before)
}

impl KeyStore for FileKeys {
    fn find(&self, id: &str) -> Answer<Result<Option<Arc<StoredKey>>, StoreError>> {
        self.0.find(id)
    }

    fn needs(&self) -> Needs {
        self.0.needs()
    }

    fn findings(&self, report: &mut Findings) {
        self.0.findings(report);
    }
}

impl fmt::Debug for FileKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show("FileKeys", f)
    }
}

/// Builds a [`FileKeys`]; see [`FileKeys::builder`].
pub struct FileKeysBuilder(FileStoreBuilder);

impl FileKeysBuilder {
    /// How often the file is looked at, and so how long a key outlives its removal at most. Default two seconds.
    pub fn look_every(self, time: Duration) -> Self {
        Self(self.0.look_every(time))
    }

    /// Takes time from another clock, in tests for example.
    pub fn with_clock(self, clock: impl Clock) -> Self {
        Self(self.0.with_clock(clock))
    }

    /// The store, with the keys that are in the file now.
    ///
    /// # Errors
    /// When the file cannot be read or makes no sense.
    pub fn build(self) -> Result<FileKeys, ConfigError> {
        let remedy = "name a file that `FileKeys::write` wrote, or one of its form";
        self.0.build(read, remedy).map(FileKeys)
    }
}

impl fmt::Debug for FileKeysBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show("FileKeysBuilder", f)
    }
}
