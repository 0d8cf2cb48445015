//! By what a file is known to be the one that was read.

use std::{
    fs::{self, File, Metadata},
    io,
    path::Path,
    time::{Duration, SystemTime},
};

use super::mode;

/// Some file systems tell time in steps of two seconds: what was written within one may have been written again.
const STEP: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    /// The place on the disk, which a file that took the place of another has for itself.
    place: Option<(u64, u64)>,
}

impl Stamp {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self::new(&metadata))
    }

    pub(super) fn of_file(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self::new(&metadata))
    }

    fn new(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok();
        Self { modified, length: metadata.len(), place: mode::place(metadata) }
    }

    /// Whether a later change would show. It is compared with the clock that wrote the time, the system's.
    pub(super) fn is_settled(&self) -> bool {
        let age =
            self.modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
        age.is_some_and(|age| age > STEP)
    }
}
