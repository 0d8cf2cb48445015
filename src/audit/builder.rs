use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::json::Encoder;
use super::redact;
use super::writer::Output;
use super::{Full, JsonLines, Paths};
use crate::clock::{Clock, SystemClock};
use crate::error::{ConfigError, Mistakes};

/// Builds a [`JsonLines`] sink.
///
/// An output has to be named: a file, standard error or a writer; the last one named counts.
pub struct JsonLinesBuilder {
    output: Option<Destination>,
    capacity: usize,
    full: Full,
    paths: Paths,
    parameters: Vec<String>,
    clock: Arc<dyn Clock>,
}

enum Destination {
    File(PathBuf),
    Stderr,
    Writer(Box<dyn Write + Send>),
}

impl Default for JsonLinesBuilder {
    fn default() -> Self {
        Self {
            output: None,
            capacity: 8192,
            full: Full::default(),
            paths: Paths::default(),
            parameters: Vec::new(),
            clock: Arc::new(SystemClock::default()),
        }
    }
}

impl JsonLinesBuilder {
    /// Appends to a file, made with mode 0640 where it does not exist. A last line that a crash
    /// left unfinished is ended first.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.output = Some(Destination::File(path.into()));
        self
    }

    /// Writes to standard error.
    pub fn stderr(mut self) -> Self {
        self.output = Some(Destination::Stderr);
        self
    }

    /// Writes to a pipe, a socket, a buffer. It is called on the sink's own thread only, with whole
    /// lines, up to 64 KiB and a line at a time, and flushed after each batch.
    pub fn writer(mut self, writer: impl Write + Send + 'static) -> Self {
        self.output = Some(Destination::Writer(Box::new(writer)));
        self
    }

    /// How many records may be on their way. Default 8192.
    pub fn capacity(mut self, records: usize) -> Self {
        self.capacity = records;
        self
    }

    /// What happens to a record that finds no room. Default [`Full::Drop`].
    pub fn when_full(mut self, full: Full) -> Self {
        self.full = full;
        self
    }

    /// How much of the path is written. Default [`Paths::Masked`].
    pub fn paths(mut self, paths: Paths) -> Self {
        self.paths = paths;
        self
    }

    /// Names query parameters to write; one `…` stands for all others, and a value that looks like a
    /// token is replaced by `…` too. Names are compared as sent. Default: nothing of the query is
    /// written.
    pub fn query<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.parameters.extend(names.into_iter().map(Into::into));
        self
    }

    /// The clock that lines about dropped records are dated by. Default the system's.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Opens the output and starts the writer thread.
    ///
    /// # Errors
    /// When no output was named, the file cannot be opened, the capacity is zero, a query parameter
    /// is known to carry credentials, or the thread cannot be started.
    pub fn build(self) -> Result<JsonLines, ConfigError> {
        let mut mistakes = Mistakes::default();
        if self.capacity == 0 {
            mistakes.push(
                "capacity",
                "0",
                "keeps no record",
                "write at least 1; the default is 8192",
            );
        }
        for name in self.parameters.iter().filter(|name| redact::is_secret_parameter(name)) {
            mistakes.push("query", name, "carries credentials", "leave it out of the records");
        }
        let output = match self.output {
            None => {
                mistakes.push(
                    "file",
                    "",
                    "no output was named",
                    "call `file`, `stderr` or `writer`",
                );
                Output::new(Box::new(io::sink()))
            }
            Some(Destination::Stderr) => Output::new(Box::new(io::stderr())),
            Some(Destination::Writer(writer)) => Output::new(writer),
            Some(Destination::File(path)) => Output::file(&path).unwrap_or_else(|error| {
                mistakes.push(
                    "file",
                    path.display().to_string(),
                    format!("cannot be opened for appending ({error})"),
                    "create its folder and let the service write there",
                );
                Output::new(Box::new(io::sink()))
            }),
        };
        let encoder = Encoder::new(self.paths, self.parameters);
        let mut sink = JsonLines::idle(self.capacity, self.full);
        if mistakes.is_empty()
            && let Err(error) = sink.start(output, encoder, self.clock)
        {
            let problem = format!("cannot start its thread ({error})");
            mistakes.push("build", "", problem, "raise the limit on threads");
        }
        mistakes.finish().map(|()| sink)
    }
}

impl fmt::Debug for JsonLinesBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLinesBuilder")
            .field("capacity", &self.capacity)
            .field("full", &self.full)
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}
