//! Writing a file so that nobody ever reads half of it.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::mode;

/// Puts a file in the place of another one, in one step: written beside it, flushed to the disk, renamed. It
/// keeps the permissions of the one before; the first is its owner's alone.
pub(crate) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let beside = beside(path)?;
    let written = write(&beside, path, text).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::other("names no file"))?;
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let mut beside = OsString::from(".");
    beside.push(name);
    beside.push(format!(".{:016x}", u64::from_ne_bytes(random)));
    Ok(path.with_file_name(beside))
}

fn write(beside: &Path, path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = mode::private(options.write(true).create_new(true)).open(beside)?;
    if let Ok(before) = fs::metadata(path) {
        file.set_permissions(mode::inherited(&before))?;
    }
    file.write_all(text)?;
    file.sync_all()
}
