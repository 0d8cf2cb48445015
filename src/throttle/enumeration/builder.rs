use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use crate::{
    compose::Patterns,
    error::{ConfigError, Mistakes},
    guard::{Guard, IntoGuard},
    throttle::sip::Secret,
};

use super::{Enumeration, Outcomes, Refusing, guard::Inner, sketch::EXACT, table::Table};

const LONGEST_NAME: usize = 64;
const LONGEST_WINDOW: Duration = Duration::from_secs(31 * 86_400);
const MOST_OBJECTS: u32 = 1_000_000;
/// Where unseen objects are refused, those that were seen are kept one by one.
const MOST_KEPT: u32 = 1_024;
/// What is answered at once beside the last object that is let through.
const UNDER_WAY: usize = 64;
const MOST_CALLERS: usize = 1 << 22;

/// Builds an [`Enumeration`]; see [`Enumeration::named`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct EnumerationBuilder {
    name: String,
    routes: Vec<String>,
    most: Option<u32>,
    window: Duration,
    outcomes: Outcomes,
    refusing: Option<Refusing>,
    max_callers: usize,
}

impl EnumerationBuilder {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            routes: Vec::new(),
            most: None,
            window: Duration::from_secs(3_600),
            outcomes: Outcomes::default(),
            refusing: None,
            max_callers: 10_000,
        }
    }

    /// The routes whose parameters name an object, in the syntax of the policy table:
    /// `GET /orders/{id}`, `/users/{user}/files/{*path}`. Without methods a route is for all of them.
    /// Objects of different patterns are different ones; all parameters of a pattern together are one
    /// object. Required.
    pub fn routes<T: Into<String>>(mut self, routes: impl IntoIterator<Item = T>) -> Self {
        self.routes.extend(routes.into_iter().map(Into::into));
        self
    }

    /// How many different objects one caller may ask for within the window. Required: what an honest
    /// caller needs depends on the service. Up to 1 000 000.
    pub fn at_most(mut self, objects: u32) -> Self {
        self.most = Some(objects);
        self
    }

    /// The time that is looked back on, 2 s to 31 days. Default one hour.
    pub fn within(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Which answers count. Default [`Outcomes::Found`].
    pub fn counting(mut self, outcomes: Outcomes) -> Self {
        self.outcomes = outcomes;
        self
    }

    /// Also refuses, with 429, where a caller has asked for too many. Default: it is only told.
    /// [`Refusing::Unseen`] keeps the objects one by one, and takes `at_most` up to 1024.
    pub fn refusing(mut self, refusing: Refusing) -> Self {
        self.refusing = Some(refusing);
        self
    }

    /// How many callers are remembered, at 2 KiB each at most, 16 KiB where unseen objects are
    /// refused above 64. Default 10 000.
    pub fn max_callers(mut self, callers: usize) -> Self {
        self.max_callers = callers;
        self
    }

    /// The detector.
    ///
    /// # Errors
    /// When a value cannot be used; the error lists every one of them.
    pub fn build(self) -> Result<Enumeration, ConfigError> {
        let mut mistakes = Mistakes::default();
        self.check_name(&mut mistakes);
        let patterns = self.patterns(&mut mistakes);
        let most = self.checked_most(&mut mistakes);
        if !(Duration::from_secs(2)..=LONGEST_WINDOW).contains(&self.window) {
            let value = format!("{:?}", self.window);
            mistakes.push("within", value, "is out of range", "write 2 s to 31 days");
        }
        if !(1..=MOST_CALLERS).contains(&self.max_callers) {
            let remedy = format!("write 1 to {MOST_CALLERS}");
            mistakes.push("max_callers", self.max_callers.to_string(), "is out of range", remedy);
        }
        mistakes.finish()?;
        let kept = match self.refusing {
            Some(Refusing::Unseen) => most as usize + UNDER_WAY,
            _ => 0,
        };
        Ok(Enumeration(Arc::new(Inner {
            summary: self.summary(&patterns, most),
            patterns,
            most: most.into(),
            window: self.window,
            outcomes: self.outcomes,
            refusing: self.refusing,
            exact: kept.max(EXACT),
            table: Table::new(self.max_callers),
            secret: Secret::random(),
            seed: RandomState::new().hash_one(0_u8),
            name: self.name,
        })))
    }

    fn check_name(&self, mistakes: &mut Mistakes) {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let name = &self.name;
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
            let remedy = "write 1 to 64 letters, digits, `-`, `_` or `.`";
            mistakes.push("named", name, "cannot be the name of a detector", remedy);
        }
    }

    fn patterns(&self, mistakes: &mut Mistakes) -> Patterns {
        if self.routes.is_empty() {
            let remedy = "name the routes of the objects, `GET /orders/{id}` say";
            mistakes.push("routes", "", "are none, so that nothing is counted", remedy);
        }
        for route in &self.routes {
            // `{{` is a brace, and no parameter.
            if !route.replace("{{", "").contains('{') {
                let remedy = "write the parameter that does, `/orders/{id}` say";
                mistakes.push("routes", route, "names no object", remedy);
            }
        }
        Patterns::read("routes", &self.routes, &[], mistakes)
    }

    fn checked_most(&self, mistakes: &mut Mistakes) -> u32 {
        let Some(most) = self.most else {
            let remedy = "write how many objects an honest caller needs within the window";
            mistakes.push("at_most", "", "is not said", remedy);
            return 1;
        };
        if most == 0 || most > MOST_OBJECTS {
            let remedy = format!("write 1 to {MOST_OBJECTS}");
            mistakes.push("at_most", most.to_string(), "is out of range", remedy);
        } else if self.refusing == Some(Refusing::Unseen) && most > MOST_KEPT {
            let problem = "are too many to keep one by one for each caller";
            let remedy = format!("write at most {MOST_KEPT}, or `refusing(Refusing::Everything)`");
            mistakes.push("at_most", most.to_string(), problem, remedy);
        }
        most
    }

    fn summary(&self, patterns: &Patterns, most: u32) -> String {
        let routes = patterns.list();
        let window = self.window.as_secs_f64();
        let then = match self.refusing {
            None => "told once",
            Some(Refusing::Unseen) => "then others are refused",
            Some(Refusing::Everything) => "then all are refused",
        };
        let (what, callers) = (self.outcomes, self.max_callers);
        format!(
            "{routes}: {most} {what} per caller within {window} s, {then}, at most {callers} callers"
        )
    }
}

impl IntoGuard for EnumerationBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        self.build()?.into_guard()
    }
}
