//! Where permissions are not those of Unix: nothing is said about them.

use std::{
    fs::{Metadata, OpenOptions, Permissions},
    path::Path,
};

pub(super) fn exposure(_: &Path) -> Option<&'static str> {
    None
}

pub(super) fn place(_: &Metadata) -> Option<(u64, u64)> {
    None
}

pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

pub(super) fn inherited(metadata: &Metadata) -> Permissions {
    metadata.permissions()
}
