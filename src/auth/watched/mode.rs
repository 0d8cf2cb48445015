//! Who may read and write a file.

use std::{
    fs::{self, Metadata, OpenOptions, Permissions},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// What strangers on this machine may do with a file that is none of their business.
pub(super) fn exposure(path: &Path) -> Option<&'static str> {
    match fs::metadata(path).ok()?.permissions().mode() {
        mode if mode & 0o022 != 0 => Some("others than its owner may write it"),
        mode if mode & 0o004 != 0 => Some("every user of the machine may read it"),
        _ => None,
    }
}

/// Where a file lies: its device and its number there.
pub(super) fn place(metadata: &Metadata) -> Option<(u64, u64)> {
    Some((metadata.dev(), metadata.ino()))
}

/// For a file that its owner alone may read.
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// What of a file's permissions its successor keeps.
pub(super) fn inherited(metadata: &Metadata) -> Permissions {
    Permissions::from_mode(metadata.permissions().mode() & 0o7777)
}
