use std::fmt;
use std::sync::Arc;

use crate::error::Mistakes;
use crate::guard::Exchange;
use crate::rejection::{Reason, Rejection};

use super::super::by_route::ByRoute;
use super::Settle;

type Estimate = dyn Fn(&Exchange) -> u32 + Send + Sync;

/// What was said of costs so far.
#[derive(Clone)]
pub(in crate::throttle) struct Pricing {
    pub(in crate::throttle) fixed: u32,
    pub(in crate::throttle) routes: Vec<(String, u32)>,
    pub(in crate::throttle) by: Option<Arc<Estimate>>,
    pub(in crate::throttle) settle_by: Option<String>,
    pub(in crate::throttle) by_handler: bool,
    pub(in crate::throttle) settle_at_most: Option<u32>,
    pub(in crate::throttle) shows_header: bool,
}

impl Default for Pricing {
    fn default() -> Self {
        Self {
            fixed: 1,
            routes: Vec::new(),
            by: None,
            settle_by: None,
            by_handler: false,
            settle_at_most: None,
            shows_header: false,
        }
    }
}

impl fmt::Debug for Pricing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pricing")
            .field("fixed", &self.fixed)
            .field("routes", &self.routes)
            .field("by", &self.by.is_some())
            .field("settle_by", &self.settle_by)
            .finish_non_exhaustive()
    }
}

impl Pricing {
    /// The prices of a throttle under which `most` can be spent at once; `counts_guesses` where what
    /// is charged is no request.
    pub(in crate::throttle) fn price(
        &self,
        most: u32,
        counts_guesses: bool,
        mistakes: &mut Mistakes,
    ) -> Price {
        check("cost", "", self.fixed, most, mistakes);
        for (route, cost) in &self.routes {
            check("cost_on", route, *cost, most, mistakes);
        }
        let settle = Settle::new(self, mistakes);
        let varies = self.by.is_some() || !self.routes.is_empty() || settle.is_some();
        if varies && counts_guesses {
            let remedy = "write `cost`: each forged credential costs the same";
            mistakes.push("counting", "ForgedCredentials", "has no request to price", remedy);
        }
        let routes = ByRoute::new("cost_on", &self.routes, mistakes);
        let varying = Varying { routes, by: self.by.clone() };
        Price {
            fixed: self.fixed.into(),
            varying: (self.by.is_some() || !self.routes.is_empty()).then(|| Box::new(varying)),
            settle,
        }
    }

    /// `25 a request`, for the manifest; empty where nothing was said.
    pub(in crate::throttle) fn summary(&self) -> String {
        let mut text = String::new();
        if self.by.is_some() {
            text += ", priced by its head";
        } else if self.fixed != 1 {
            text += &format!(", {} a request", self.fixed);
        }
        for (route, cost) in &self.routes {
            text += &format!(", {cost} for `{route}`");
        }
        match (&self.settle_by, self.by_handler) {
            (Some(name), false) => text += &format!(", settled by `{name}`"),
            (Some(name), true) => text += &format!(", settled by the handler and by `{name}`"),
            (None, true) => text += ", settled by the handler",
            (None, false) => {}
        }
        text
    }
}

fn check(setter: &'static str, route: &str, cost: u32, most: u32, mistakes: &mut Mistakes) {
    let value = match route {
        "" => cost.to_string(),
        route => format!("{route}, {cost}"),
    };
    if cost == 0 {
        let remedy = match route {
            "" => "write at least 1",
            _ => "write at least 1, or exempt the route",
        };
        mistakes.push(setter, value, "spends nothing, so that nothing is limited", remedy);
    } else if cost > most && most > 0 {
        let remedy = format!("write at most the burst, {most}");
        mistakes.push(setter, value, "can never be admitted", remedy);
    }
}

/// What requests cost.
pub(in crate::throttle) struct Price {
    pub(in crate::throttle) fixed: u64,
    varying: Option<Box<Varying>>,
    pub(in crate::throttle) settle: Option<Settle>,
}

struct Varying {
    routes: ByRoute<u32>,
    by: Option<Arc<Estimate>>,
}

impl Price {
    /// What a request is charged before it is let through.
    pub(in crate::throttle) fn of(&self, exchange: &Exchange) -> u64 {
        match &self.varying {
            None => self.fixed,
            Some(varying) => varying.of(exchange).map_or(self.fixed, u64::from),
        }
    }
}

impl Varying {
    fn of(&self, exchange: &Exchange) -> Option<u32> {
        // Where a path reads as two routes, it is the dearer one.
        let of_route = self.routes.of(exchange).into_iter().flatten().max().copied();
        of_route.or_else(|| self.by.as_ref().map(|by| by(exchange)))
    }
}

/// The refusal of a request that no waiting would help.
#[cold]
pub(in crate::throttle) fn too_costly(cost: u64, most: u64, is_quiet: bool) -> Rejection {
    let refusal = Rejection::new(Reason::TooCostly)
        .expected(format!("a request that costs at most {most}"))
        .found(format!("one that costs {cost}"));
    match is_quiet {
        true => refusal.detail("it costs more than can be spent at once; ask for less"),
        false => refusal.detail(format!(
            "it costs {cost}, and at most {most} can be spent at once; ask for less"
        )),
    }
}
