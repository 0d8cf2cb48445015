//! Records in a file that is read again when it changes.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::Guard;
use serde::{Serialize, de::DeserializeOwned};

use super::{Records, Stored, needs, renewed};
use crate::{
    answer::Answer,
    auth::{
        StoreError,
        watched::{ReadFn, Watched, json_fault, replace},
    },
    clock::{Clock, SystemClock},
    error::{ConfigError, Mistakes},
    guard::Needs,
    inspect::Findings,
};

/// How often the file is looked at, unless something else is said.
const EVERY: Duration = Duration::from_secs(2);

/// The version of the documents that are written and understood.
const VERSION: u32 = 1;

/// Records in a file; clones share what is known of it.
#[derive(Clone)]
pub(in crate::auth) struct FileStore<T>(Watched<Records<T>>);

impl<T: Stored> FileStore<T> {
    pub(in crate::auth) fn reload(&self) -> Result<(), StoreError> {
        self.0.reload().map_err(StoreError::new)
    }

    /// What is known, without a look at the file.
    pub(in crate::auth) fn known(&self) -> Guard<Arc<Records<T>>> {
        self.0.known()
    }

    pub(in crate::auth) fn get(&self, name: &str) -> Option<Arc<T>> {
        self.known().get(name).cloned()
    }

    pub(in crate::auth) fn all(&self) -> Vec<Arc<T>> {
        self.known().values().cloned().collect()
    }

    pub(in crate::auth) fn len(&self) -> usize {
        self.known().len()
    }

    /// As [`get`](Self::get), after a look at the file where it is time for one.
    pub(in crate::auth) fn find(&self, name: &str) -> Answer<Result<Option<Arc<T>>, StoreError>> {
        self.0.ask(name, |records, name| Ok(records.get(name).cloned()))
    }

    pub(in crate::auth) fn needs(&self) -> Needs {
        needs(&self.known())
    }

    pub(in crate::auth) fn findings(&self, report: &mut Findings) {
        self.0.findings(report);
    }

    pub(in crate::auth) fn show(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("path", &self.0.path())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// Builds a [`FileStore`].
pub(in crate::auth) struct FileStoreBuilder {
    path: PathBuf,
    every: Duration,
    clock: Arc<dyn Clock>,
}

impl FileStoreBuilder {
    pub(in crate::auth) fn new(path: PathBuf) -> Self {
        Self { path, every: EVERY, clock: Arc::new(SystemClock::default()) }
    }

    pub(in crate::auth) fn look_every(self, every: Duration) -> Self {
        Self { every, ..self }
    }

    pub(in crate::auth) fn with_clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// The store, with what is in the file now; `remedy` says which file would do.
    pub(in crate::auth) fn build<T: Stored>(
        self,
        read: ReadFn<Records<T>>,
        remedy: &'static str,
    ) -> Result<FileStore<T>, ConfigError> {
        let mut mistakes = Mistakes::default();
        let shown = self.path.display().to_string();
        let file = Watched::open(self.path, T::WHAT, read, self.every, self.clock);
        let file = file.map_err(|fault| mistakes.push("builder", shown, fault, remedy));
        mistakes.finish_with(file.ok()).map(FileStore)
    }

    pub(in crate::auth) fn show(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("path", &self.path)
            .field("look_every", &self.every)
            .finish_non_exhaustive()
    }
}

/// Reads a document; what is wrong with one is told without the values in it.
pub(in crate::auth) fn parse<D: DeserializeOwned>(text: &str) -> Result<D, String> {
    serde_json::from_str(text).map_err(|error| format!("makes no sense: {}", json_fault(&error)))
}

/// The records of a document that was read, of which none may stand twice.
pub(in crate::auth) fn gather<T: Stored>(
    version: u32,
    read: Vec<T>,
    before: &Records<T>,
) -> Result<Records<T>, String> {
    if version != VERSION {
        return Err(format!("is of version {version}, and {VERSION} is understood"));
    }
    let mut records = Records::with_capacity(read.len());
    for record in read {
        let record = renewed(before.get(record.name()).cloned(), record);
        if let Some(twice) = records.insert(Box::from(record.name()), record) {
            return Err(format!("names {} `{}` twice", T::WHAT, twice.name()));
        }
    }
    Ok(records)
}

/// Writes the document that `document` makes of a version, in one step.
pub(in crate::auth) fn write<D: Serialize>(
    path: &Path,
    document: impl FnOnce(u32) -> D,
) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(&document(VERSION))?;
    text.push(b'\n');
    replace(path, &text)
}
