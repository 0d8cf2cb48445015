//! The two guards: networks are turned away before anything dear, callers once they are proven.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, header};

use crate::clock::nanos;
use crate::context::Principal;
use crate::error::ConfigError;
use crate::guard::{Exchange, Flow, Guard, IntoGuard, Needs, Phase};
use crate::inspect::{Findings, rule};
use crate::observe::{Observer, Signal};
use crate::rejection::{Reason, Rejection};
use crate::service::guard_layer;

use super::ban::Entry;
use super::builder::BansBuilder;
use super::exempt;
use super::warden::{CALLERS, NETWORKS, Warden};

const DETAIL: &str = "too much went wrong with requests from here; come back later";
const SECOND: u64 = 1_000_000_000;

/// Bans networks and callers whose requests keep going wrong. See the [module](super) for behaviour and
/// defaults.
///
/// Clones share everything: keep one to [list](Bans::list) and to [lift](Bans::lift). As a guard it
/// turns networks away; [`ParapetBuilder::bans`](crate::ParapetBuilder::bans) adds the guard that does
/// so with [callers](Bans::callers) too.
#[derive(Clone)]
pub struct Bans(pub(super) Arc<Warden>);

/// The guard that turns away callers who are banned; see [`Bans::callers`].
#[derive(Clone)]
pub struct CallerBans(Arc<Warden>);

impl Bans {
    /// The guard of the same bans that turns away callers, once they are authenticated. It needs no
    /// principal to be there, and lets pass who has none.
    pub fn callers(&self) -> CallerBans {
        CallerBans(self.0.clone())
    }
}

impl Warden {
    #[cold]
    fn refuse(&self, exchange: &mut Exchange, entry: &Entry, now: u64) -> Rejection {
        let left = entry.past.until.saturating_sub(now).div_ceil(SECOND);
        if !exchange.is_rehearsal() {
            self.tally.refused.add();
            exchange.note("banned-for", entry.why.to_string());
        }
        let Entry { who, why, past, .. } = entry;
        let found = format!("`{who}`, banned for another {left} s: {why}, level {}", past.level);
        let refusal = if self.tells_when {
            Rejection::new(Reason::RateLimited).header(header::RETRY_AFTER, HeaderValue::from(left))
        } else {
            Rejection::new(Reason::Banned)
        };
        refusal.detail(DETAIL).expected("a client that is not banned").found(found)
    }

    fn judge_client(&self, exchange: &mut Exchange) -> Result<(), Rejection> {
        let now = nanos(exchange.now());
        self.begin(exchange, now);
        let client = exchange.client().ok_or_else(nowhere)?;
        if exchange.context.is_client_proxy {
            return Ok(());
        }
        let is_cross_site = is_cross_site(exchange);
        exchange.context.is_cross_site = is_cross_site;
        match self.of_address(client.ip(), is_cross_site, now) {
            Some(entry) => Err(self.refuse(exchange, &entry, now)),
            None => Ok(()),
        }
    }

    fn judge_caller(&self, exchange: &mut Exchange) -> Result<(), Rejection> {
        let now = nanos(exchange.now());
        self.begin(exchange, now);
        let of =
            |caller: &Principal| self.register.of_principal(caller.issuer(), caller.subject(), now);
        match exchange.principal().and_then(of) {
            Some(entry) => Err(self.refuse(exchange, &entry, now)),
            None => Ok(()),
        }
    }

    /// Takes over the stack's clock, and has the shared store asked where it is time.
    fn begin(&self, exchange: &Exchange, now: u64) {
        if self.clock.get().is_none() {
            self.clock.get_or_init(|| exchange.env.clock.clone());
        }
        self.tick(now);
    }
}

/// Whether a browser says that a page of another site is behind it. Others may say so too: then it is
/// what bears this mark that they have banned.
fn is_cross_site(exchange: &Exchange) -> bool {
    exchange.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site")
}

#[cold]
fn nowhere() -> Rejection {
    Rejection::new(Reason::AddressUnknown)
        .expected("the address of the peer: name its source, `.peer(Peer::ConnectInfo)` say")
        .found("a request without one")
}

impl Guard for Bans {
    fn name(&self) -> &'static str {
        NETWORKS
    }

    fn phase(&self) -> Phase {
        Phase::Address
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        self.0.judge_client(exchange).map(|()| Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(self.0.summary.to_string())
    }

    fn needs(&self) -> Needs {
        Needs::CLIENT
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        Some(self.0.clone())
    }

    fn findings(&self, report: &mut Findings) {
        let warden = &*self.0;
        if !report.mark("bans", Arc::as_ptr(&self.0).addr()) {
            return;
        }
        if warden.signals.iter().any(|(signal, _)| is_of_guesses(signal)) {
            report.mark("guess-limit", 0);
        }
        if let Some(wire) = &warden.wire {
            wire.findings(report);
        }
        let (v4, v6) = (warden.v4_prefix, warden.v6_prefix);
        if v4 < 32 || v6 < 48 {
            let evidence = format!(
                "/{v4} of IPv4 and /{v6} of IPv6 hold clients who have nothing to do with each other"
            );
            report.add(&rule::SHARED_BANS, "bans", evidence);
        }
        if v6 > 64 {
            let evidence = format!(
                "one customer's /64 of IPv6 is 2^{} networks under a prefix of /{v6}",
                v6 - 64
            );
            report.add(&rule::IPV6_KEYS, "bans", evidence);
        }
        for wide in warden.exempt.iter().filter(|exemption| exempt::is_wide(&exemption.network)) {
            let evidence = format!("the whole of {} is never banned", wide.network);
            report.add(&rule::WIDE_EXEMPTION, "bans", evidence);
        }
        if warden.exempt.is_empty() && !report.is_marked("proxies") {
            let evidence = "no proxy is trusted and no network exempt: what stands in front is banned for all behind";
            report.add(&rule::NO_EXEMPTION, "bans", evidence);
        }
        if warden.tally.overflowed.count() > 0 {
            let evidence = format!("{} bans found no room", warden.tally.overflowed.count());
            report.add(&rule::BANS_FULL, "bans", evidence);
        }
    }
}

fn is_of_guesses(signal: &Signal) -> bool {
    matches!(signal, Signal::FailedLogin | Signal::ForgedCredentials)
}

impl Guard for CallerBans {
    fn name(&self) -> &'static str {
        CALLERS
    }

    fn phase(&self) -> Phase {
        Phase::Quota
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        if exchange.is_claimed() {
            let warden = self.0.clone();
            return Ok(exchange.once_proven(move |exchange| {
                warden.judge_caller(exchange).map(|()| Flow::Continue)
            }));
        }
        self.0.judge_caller(exchange).map(|()| Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Borrowed("turns away callers whom the same bans hit")
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        Some(self.0.clone())
    }
}

impl IntoGuard for BansBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        self.build()?.into_guard()
    }
}

guard_layer!(Bans, CallerBans);

impl fmt::Debug for Bans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bans").field("summary", &self.0.summary).finish_non_exhaustive()
    }
}

impl fmt::Debug for CallerBans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallerBans").field("summary", &self.0.summary).finish_non_exhaustive()
    }
}
