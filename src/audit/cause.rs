//! What lies behind a refusal, as one sentence of bounded length.

use std::error::Error;
use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::redact::MASK;

/// How much of it is told, in bytes.
const SHOWN: usize = 1024;

/// How many errors below the first one are told.
const DEPTH: usize = 8;

/// Writes an error with those below it over what `text` held.
///
/// The words are foreign: they end after 1 KiB, and a panic on the way costs only what would have
/// followed, not the thread that writes for everybody.
pub(super) fn tell(text: &mut String, cause: &(dyn Error + Send + Sync)) {
    text.clear();
    let mut text = Bounded(text);
    let told = catch_unwind(AssertUnwindSafe(|| {
        let mut next: Option<&dyn Error> = Some(cause);
        for depth in 0..DEPTH {
            let Some(error) = next else { break };
            write!(text, "{}{error}", if depth > 0 { ": " } else { "" })?;
            next = error.source();
        }
        Ok::<(), fmt::Error>(())
    }));
    if !matches!(told, Ok(Ok(()))) {
        text.0.push_str(MASK);
    }
}

struct Bounded<'a>(&'a mut String);

impl Write for Bounded<'_> {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let left = SHOWN.saturating_sub(self.0.len());
        if more.len() <= left {
            self.0.push_str(more);
            return Ok(());
        }
        let fitting = (0..=left).rev().find_map(|end| more.get(..end));
        self.0.push_str(fitting.unwrap_or_default());
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{}", self.0())]
    struct Said(fn() -> String);

    impl Said {
        fn told(said: fn() -> String) -> String {
            let mut text = "left over".to_owned();
            tell(&mut text, &Said(said));
            text
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the store failed")]
    struct Store(#[source] std::io::Error);

    #[test]
    fn an_error_is_told_with_those_below_it() {
        let mut text = String::new();
        tell(&mut text, &Store(std::io::Error::other("connection refused")));
        assert_eq!(text, "the store failed: connection refused");
    }

    #[test]
    fn a_long_error_is_cut_between_characters() {
        let text = Said::told(|| "é".repeat(9_999));
        assert_eq!(text, format!("{}…", "é".repeat(SHOWN / 2)));
    }

    #[test]
    fn an_error_that_panics_as_it_is_told_costs_its_own_words_only() {
        assert_eq!(Said::told(|| panic!("in the words")), "…");
    }
}
