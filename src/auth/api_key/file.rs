//! Keys in a file that is read again when it changes.

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
    record::KeyRecord,
    store::{KeyStore, needs_of},
    stored::StoredKey,
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

type Keys = HashMap<Box<str>, Arc<StoredKey>>;

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
pub struct FileKeys(Watched<Keys>);

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
        FileKeysBuilder { path: path.into(), every: EVERY, clock: Arc::new(SystemClock::default()) }
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
        let keys = keys.iter().map(|key| KeyRecord::of(key.borrow())).collect();
        let mut text = serde_json::to_vec_pretty(&Written { version: VERSION, keys })?;
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

    /// The key of that id, as far as is known without a look at the file.
    pub fn get(&self, id: &str) -> Option<Arc<StoredKey>> {
        self.0.known().get(id).cloned()
    }

    /// All keys, as far as they are known without a look at the file, in no order: to write them with a change.
    pub fn keys(&self) -> Vec<Arc<StoredKey>> {
        self.0.known().values().cloned().collect()
    }

    /// How many keys there are, expired ones included.
    pub fn len(&self) -> usize {
        self.0.known().len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    keys: Vec<KeyRecord<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    version: u32,
    keys: Vec<StoredKey>,
}

fn read(text: &str, before: &Keys) -> Result<Keys, String> {
    let read: Read = serde_json::from_str(text)
        .map_err(|error| format!("makes no sense: {}", json_fault(&error)))?;
    if read.version != VERSION {
        return Err(format!("is of version {}, and {VERSION} is understood", read.version));
    }
    let mut keys = Keys::with_capacity(read.keys.len());
    for key in read.keys {
        let known = before.get(key.id());
        // One that did not change keeps what is remembered of it.
        let known = known.filter(|known| KeyRecord::of(known) == KeyRecord::of(&key)).cloned();
        let key = known.unwrap_or_else(|| Arc::new(key));
        if let Some(twice) = keys.insert(Box::from(key.id()), key) {
            return Err(format!("names key `{}` twice", twice.id()));
        }
    }
    Ok(keys)
}

impl KeyStore for FileKeys {
    fn find(&self, id: &str) -> Answer<Result<Option<Arc<StoredKey>>, StoreError>> {
        self.0.ask(id, |keys, id| Ok(keys.get(id).cloned()))
    }

    fn needs(&self) -> Needs {
        needs_of(self.0.known().values())
    }

    fn findings(&self, report: &mut Findings) {
        self.0.findings(report);
    }
}

impl fmt::Debug for FileKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileKeys")
            .field("path", &self.0.path())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// Builds a [`FileKeys`]; see [`FileKeys::builder`].
pub struct FileKeysBuilder {
    path: PathBuf,
    every: Duration,
    clock: Arc<dyn Clock>,
}

impl FileKeysBuilder {
    /// How often the file is looked at, and so how long a key outlives its removal at most. Default two seconds.
    pub fn look_every(mut self, time: Duration) -> Self {
        self.every = time;
        self
    }

    /// Takes time from another clock, in tests for example.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The store, with the keys that are in the file now.
    ///
    /// # Errors
    /// When the file cannot be read or makes no sense.
    pub fn build(self) -> Result<FileKeys, ConfigError> {
        let mut mistakes = Mistakes::default();
        let shown = self.path.display().to_string();
        let keys = Watched::open(self.path, "key", read, self.every, self.clock);
        let keys = keys.map_err(|fault| {
            let remedy = "name a file that `FileKeys::write` wrote, or one of its form";
            mistakes.push("builder", shown, fault, remedy);
        });
        mistakes.finish_with(keys.ok()).map(FileKeys)
    }
}

impl fmt::Debug for FileKeysBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileKeysBuilder")
            .field("path", &self.path)
            .field("look_every", &self.every)
            .finish_non_exhaustive()
    }
}
