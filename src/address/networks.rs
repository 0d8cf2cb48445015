//! Networks as people write them: a CIDR or a single address, in code or in a file.

use std::fmt::Display;
use std::io::Read;
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use crate::cidr::parse;
use crate::error::Mistakes;

/// A list is read into memory at start-up; what is larger than this is not a list of addresses.
const FILE_LIMIT: u64 = 64 * 1024 * 1024;
/// After so many bad lines a file is not a list of addresses, and more would hide other mistakes.
const REPORTED_LINES: usize = 20;

/// What a setter takes as networks: one CIDR or address, or any iterator of them.
///
/// An item is whatever is written as a CIDR (`10.0.0.0/8`, `2001:db8::/32`) or as a single address
/// (`192.0.2.7`): `&str`, `String`, [`IpAddr`](std::net::IpAddr), `ipnet::IpNet`. `M` only tells the two cases apart
/// and is always inferred.
pub trait Networks<M> {
    /// Hands every network, as text, to `each`.
    #[doc(hidden)]
    fn each(self, each: &mut dyn FnMut(String));
}

/// Marks a single network, see [`Networks`].
#[derive(Debug)]
#[non_exhaustive]
pub struct One;

/// Marks an iterator of networks, see [`Networks`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Many;

impl<T: Display> Networks<One> for T {
    fn each(self, each: &mut dyn FnMut(String)) {
        each(self.to_string());
    }
}

impl<I> Networks<Many> for I
where
    I: IntoIterator,
    I::Item: Display,
{
    fn each(self, each: &mut dyn FnMut(String)) {
        for network in self {
            each(network.to_string());
        }
    }
}

/// What one setter was given, kept as it was written until `build()` reads it.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Text { setter: &'static str, text: String },
    File { setter: &'static str, path: PathBuf },
}

impl Source {
    pub(super) fn texts<M>(setter: &'static str, networks: impl Networks<M>, to: &mut Vec<Self>) {
        networks.each(&mut |text| to.push(Self::Text { setter, text }));
    }

    pub(super) fn file(setter: &'static str, path: &Path) -> Self {
        Self::File { setter, path: path.to_owned() }
    }
}

/// Reads everything that was named, and reports everything that cannot be read.
pub(super) fn read(sources: &[Source], mistakes: &mut Mistakes) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for source in sources {
        match source {
            Source::Text { setter, text } => match parse(text) {
                Ok(network) => networks.push(network),
                Err(fault) => mistakes.push(*setter, text, fault.problem, fault.remedy),
            },
            Source::File { setter, path } => read_file(setter, path, &mut networks, mistakes),
        }
    }
    networks
}

fn read_file(setter: &'static str, path: &Path, to: &mut Vec<IpNet>, mistakes: &mut Mistakes) {
    let shown = path.display().to_string();
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) => {
            return mistakes.push(
                setter,
                shown,
                format!("cannot be read: {error}"),
                "name a readable text file with one CIDR a line",
            );
        }
    };
    let mut bad = 0;
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let entry = line.split(['#', ';']).next().unwrap_or_default().trim();
        if entry.is_empty() {
            continue;
        }
        match parse(entry) {
            Ok(network) => to.push(network),
            Err(fault) => {
                bad += 1;
                if bad <= REPORTED_LINES {
                    mistakes.push(
                        setter,
                        format!("{shown}:{number}: {entry}"),
                        fault.problem,
                        fault.remedy,
                    );
                }
            }
        }
    }
    if let Some(more @ 1..) = bad.checked_sub(REPORTED_LINES) {
        mistakes.push(
            setter,
            shown,
            format!("has {more} more lines that are no networks"),
            "write one CIDR or address a line, comments after `#`",
        );
    }
}

fn read_text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(FILE_LIMIT + 1).read_to_string(&mut text)?;
    if read as u64 > FILE_LIMIT {
        return Err(std::io::Error::other("is larger than 64 MiB"));
    }
    Ok(text)
}
