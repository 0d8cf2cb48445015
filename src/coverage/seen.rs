use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{Method, StatusCode};

use crate::{
    guard::{Exchange, Flow, Guard, Phase},
    inspect::{Findings, rule},
    observe::{Observer, Outcome, Record},
    rejection::Rejection,
};

use super::{list::RouteList, tree::Tree};

/// How many routes that no list knows are kept.
const MAX_UNKNOWN: usize = 100;

/// The longest description of a route, in bytes before it is escaped.
const MAX_TEXT: usize = 200;

/// Notices routes that are answered and that no list knows. It decides about nothing.
pub(crate) struct KnownRoutes(Arc<Known>);

struct Known {
    list: RouteList,
    tree: Tree,
    unknown: Mutex<BTreeMap<String, StatusCode>>,
    /// Requests to further routes.
    beyond: AtomicU64,
}

impl KnownRoutes {
    pub(crate) fn new(list: RouteList) -> Self {
        let tree = list.tree();
        Self(Arc::new(Known { list, tree, unknown: Mutex::default(), beyond: AtomicU64::new(0) }))
    }
}

impl Guard for KnownRoutes {
    fn name(&self) -> &'static str {
        "known-routes"
    }

    fn phase(&self) -> Phase {
        Phase::Record
    }

    fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> {
        Ok(Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(format!("{} listed; others are told of once they answer", self.0.list.len()))
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        Some(self.0.clone())
    }

    fn findings(&self, report: &mut Findings) {
        for (route, status) in &*self.0.unknown() {
            let evidence = format!("answered {}, and no list knows it", status.as_u16());
            report.add(&rule::UNKNOWN_ROUTE, route.clone(), evidence);
        }
        let beyond = self.0.beyond.load(Ordering::Relaxed);
        if beyond > 0 {
            let evidence =
                format!("{beyond} more requests to such routes beyond the first {MAX_UNKNOWN}");
            report.add(&rule::UNKNOWN_ROUTE, "known_routes", evidence);
        }
    }
}

impl Known {
    fn unknown(&self) -> MutexGuard<'_, BTreeMap<String, StatusCode>> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What any path answers to `OPTIONS` makes no route of its own.
    fn knows(&self, method: &Method, path: &str) -> bool {
        let has =
            |index: usize| self.list.entries.get(index).is_some_and(|entry| entry.has(method));
        let pleases = |index: usize| method == Method::OPTIONS || has(index);
        self.tree.find(path, &pleases).is_some()
    }
}

impl Observer for Known {
    fn completed(&self, record: &Record) {
        let Some(status) = answered(record) else { return };
        if self.knows(&record.method, record.path()) {
            return;
        }
        let pattern = record.route.as_ref().filter(|route| route.is_listed());
        let pattern = pattern.map(|route| route.pattern()).unwrap_or_default();
        let route = described(record.method.as_str(), pattern, record.path());
        let kept = {
            let mut unknown = self.unknown();
            if unknown.contains_key(&route) {
                return;
            }
            let is_full = unknown.len() >= MAX_UNKNOWN;
            if !is_full {
                unknown.insert(route.clone(), status);
            }
            !is_full
        };
        if kept {
            tracing::warn!(
                route,
                status = status.as_u16(),
                remedy = rule::UNKNOWN_ROUTE.remedy(),
                "a route answered that no list knows; told once"
            );
        } else {
            self.beyond.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The status, where it is a handler's and says that there is a route.
fn answered(record: &Record) -> Option<StatusCode> {
    let by_handler = record.rejection.is_none() && record.outcome != Outcome::Responded;
    let is_there = |status: &StatusCode| {
        !matches!(*status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
    };
    record.status.filter(|_| by_handler).filter(is_there)
}

/// The pattern a path was judged by, as far as it goes, then what the path looks like: what seems to
/// be a value is left out, so that neither names nor numbers make routes of their own.
pub(super) fn described(method: &str, pattern: &str, path: &str) -> String {
    let mut wanted = pattern.split('/').skip(1);
    let mut text = format!("{method} ");
    for segment in path.split('/').skip(1) {
        text.push('/');
        text.push_str(match wanted.next() {
            Some(rest) if rest.starts_with("{*") => {
                wanted = "".split('/').skip(1);
                shape(segment)
            }
            Some(parameter) if parameter.contains('{') => parameter,
            _ => shape(segment),
        });
    }
    let end = (0..=MAX_TEXT.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or_default());
    text.escape_debug().to_string()
}

/// A segment that reads like a word, or `{…}`.
fn shape(segment: &str) -> &str {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_word = segment.len() <= 32
        && digits <= 2
        && segment.bytes().all(is_plain)
        && segment.bytes().any(|byte| byte.is_ascii_alphabetic());
    if is_word || segment.is_empty() { segment } else { "{…}" }
}
