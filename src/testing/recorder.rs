use std::{
    fmt::Write,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    observe::{Observer, Outcome, Record},
    rejection::{Reason, Rejection},
};

/// How long a record is waited for: it comes when the answer has been read to its end.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many records a failed assertion shows, the latest.
const SHOWN: usize = 10;

/// Keeps what it is told, in order; clones share it.
///
/// A request is recorded when the body of its answer has been read to its end: dropped before, the
/// answer counts as cancelled. [`TestResponse::text`](super::TestResponse::text) reads it.
///
/// # Example
/// ```
/// use tower_parapet::{Parapet, testing::Recorder};
///
/// let seen = Recorder::default();
/// let parapet = Parapet::builder().public("GET /", "a page").observe(seen.clone()).build()?;
/// assert!(seen.records().is_empty());
/// # let _ = parapet;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<(Mutex<Vec<Record>>, Condvar)>);

impl Recorder {
    /// What was told so far.
    pub fn records(&self) -> Vec<Record> {
        self.kept().clone()
    }

    /// Forgets what was told so far.
    pub fn clear(&self) {
        self.kept().clear();
    }

    /// Blocks until there are so many records, and gives all. For requests over real connections,
    /// on a runtime of several threads.
    ///
    /// # Panics
    /// Where they have not come after ten seconds; the message lists those that have.
    #[track_caller]
    #[allow(clippy::panic, reason = "an assertion fails by panicking")]
    pub fn wait_for(&self, count: usize) -> Vec<Record> {
        let is_short = |records: &mut Vec<Record>| records.len() < count;
        let waited = self.0.1.wait_timeout_while(self.kept(), PATIENCE, is_short);
        let (records, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            panic!("waited for {count} records; {}", listing(&records));
        }
        records.clone()
    }

    /// Asserts that the latest request was refused for this reason, and gives its record.
    ///
    /// # Panics
    /// Where it was not; the message lists the records.
    #[track_caller]
    #[allow(clippy::panic, reason = "an assertion fails by panicking")]
    pub fn assert_rejected(&self, reason: Reason) -> Record {
        let records = self.kept();
        match records.last() {
            Some(record) if told(record) == Some(reason) => record.clone(),
            _ => panic!("expected `{}`; {}", reason.code(), listing(&records)),
        }
    }

    /// Asserts that the latest request reached the handler and was answered, and gives its record.
    ///
    /// # Panics
    /// Where it was not; the message lists the records.
    #[track_caller]
    #[allow(clippy::panic, reason = "an assertion fails by panicking")]
    pub fn assert_answered(&self) -> Record {
        let records = self.kept();
        match records.last() {
            Some(record) if record.outcome == Outcome::Answered => record.clone(),
            _ => panic!("expected an answer of the handler; {}", listing(&records)),
        }
    }

    /// Asserts that the cause of the latest refusal, as the audit would tell it, has these words,
    /// and gives its record.
    ///
    /// # Panics
    /// Where it has not; the message lists the records.
    #[track_caller]
    #[allow(clippy::panic, reason = "an assertion fails by panicking")]
    pub fn assert_cause(&self, words: &str) -> Record {
        let records = self.kept();
        let has_words = |record: &&Record| {
            record.rejection.as_ref().is_some_and(|rejection| refusal(rejection).contains(words))
        };
        match records.last().filter(has_words) {
            Some(record) => record.clone(),
            None => panic!("expected a refusal because of `{words}`; {}", listing(&records)),
        }
    }

    /// Asserts that there are exactly so many records, and gives them.
    ///
    /// # Panics
    /// Where there are more or fewer; the message lists them.
    #[track_caller]
    #[allow(clippy::panic, reason = "an assertion fails by panicking")]
    pub fn assert_count(&self, count: usize) -> Vec<Record> {
        let records = self.kept();
        if records.len() != count {
            panic!("expected {count} records; {}", listing(&records));
        }
        records.clone()
    }

    /// A failed assertion of one test thread must not fail the others with it.
    fn kept(&self) -> MutexGuard<'_, Vec<Record>> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Recorder {
    fn completed(&self, record: &Record) {
        self.kept().push(record.clone());
        self.0.1.notify_all();
    }
}

fn told(record: &Record) -> Option<Reason> {
    record.rejection.as_ref().map(Rejection::reason)
}

fn listing(records: &[Record]) -> String {
    let left_out = records.len().saturating_sub(SHOWN);
    let mut text = match (records.len(), left_out) {
        (0, _) => "nothing was recorded: is the recorder the stack's observer, and was the answer \
                   read to its end?"
            .to_owned(),
        (count, 0) => format!("recorded, {count} in all:"),
        (count, _) => format!("recorded, {count} in all, of which the latest:"),
    };
    records.iter().skip(left_out).for_each(|record| line(&mut text, record));
    text
}

fn line(text: &mut String, record: &Record) {
    let status = record.status.map_or("no status".to_owned(), |status| status.as_u16().to_string());
    let outcome = record.outcome.as_str();
    // Into a string: it cannot fail.
    let _ = write!(text, "\n  {} {}: {status}, {outcome}", record.method, record.path());
    if record.outcome == Outcome::Cancelled && record.status.is_some() {
        text.push_str(" (the answer was dropped before it was read to its end)");
    }
    if let Some(caller) = &record.principal {
        let _ = write!(text, ", by {}", caller.subject());
    }
    if let Some(rejection) = &record.rejection {
        let _ = write!(text, ", {}", refusal(rejection));
    }
}

/// A refusal with its private parts, in one line.
pub(super) fn refusal(rejection: &Rejection) -> String {
    let mut text = format!("`{}`", rejection.reason().code());
    let cause = rejection.private_cause().map(ToString::to_string);
    let parts = [
        (" by ", rejection.guard()),
        (": ", cause.as_deref()),
        ("; expected ", rejection.private_expected()),
        ("; found ", rejection.private_found()),
    ];
    for (before, part) in parts {
        if let Some(part) = part {
            text.push_str(before);
            text.push_str(part);
        }
    }
    text
}
