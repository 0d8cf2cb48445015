//! What only shows in traffic, and is the operator's to put right: told once each.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
};

use super::{Findings, Rule, Severity};

macro_rules! diagnoses {
    ($($(#[$doc:meta])+ $name:ident $severity:ident $code:literal $subject:literal $remedy:literal [$($demand:literal)*])+) => {
        /// A mistake that only traffic shows. Each is logged once for the life of a stack, as a
        /// warning of `tracing` with its evidence and remedy, and stays among the stack's
        /// [findings](crate::Parapet::findings).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Diagnosis { $($(#[$doc])+ $name,)+ }

        impl Diagnosis {
            /// Every diagnosis, in the order of the table.
            pub const ALL: &'static [Diagnosis] = &[$(Diagnosis::$name,)+];

            /// Its code, severity and remedy, and whose demand it is.
            pub fn rule(self) -> &'static Rule {
                match self {
                    $(Diagnosis::$name => {
                        const RULE: Rule = Rule::new($code, Severity::$severity, $remedy, &[$($demand),*]);
                        &RULE
                    })+
                }
            }

            /// The setter or the guard it is about.
            pub fn subject(self) -> &'static str {
                match self { $(Diagnosis::$name => $subject,)+ }
            }
        }
    };
}

diagnoses! {
    /// The server does not say where a connection comes from.
    NoPeerAddress Medium "no-peer-address" "peer"
        "serve with `into_make_service_with_connect_info::<SocketAddr>()` under `.peer(Peer::ConnectInfo)`, or insert `PeerAddr` in the accept loop under `.peer(Peer::Extension)`"
        ["API4:2023" "ASVS 16.2.1"]
    /// A forwarding header came from a peer that is not a trusted proxy.
    UntrustedProxy Low "untrusted-proxy" "trusted_proxies"
        "if this peer is a proxy of yours, add its address with `.trusted_proxies(…)`, else all clients behind it count as one; if it is a client, there is nothing to do"
        ["API4:2023" "ASVS 4.1.3"]
    /// A trusted proxy wrote only the forwarding header that is not believed.
    OtherForwardingHeader Low "other-forwarding-header" "trusted_proxies"
        "set `header` of the trusted proxies to the header your proxy writes"
        ["API4:2023" "ASVS 4.1.3"]
    /// A trusted proxy does not say whether it was called by HTTPS.
    SilentProxy Low "silent-proxy" "trusted_proxies"
        "have the proxy set `X-Forwarded-Proto` (in nginx `proxy_set_header X-Forwarded-Proto $scheme;`), or `proto=` in `Forwarded`; credentials behind it are refused until then"
        ["API2:2023" "ASVS 12.2.1"]
    /// The issuer's clock and this machine's disagree.
    ClockSkew Low "clock-skew" "jwt"
        "synchronise the clocks of this machine and of the issuer; a larger skew of the verifier only hides it"
        ["API2:2023" "ASVS 16.2.2"]
    /// A trusted proxy wrote a request id that is none.
    BadRequestId Low "bad-request-id" "request_id"
        "have the proxy write one id of 1 to 128 letters, digits and -._~+/=:;,@, or name its header with `.request_id(…)`"
        ["API8:2023" "ASVS 16.2.1"]
    /// The service answered with a request id of its own.
    ForeignRequestId Info "foreign-request-id" "request_id"
        "leave the header to the stack, and read the id from `Context::request_id`"
        ["API8:2023" "ASVS 16.2.1"]
    /// A guard or a rule of the table never came into play, among 1000 requests and more. Not
    /// logged: it may still come.
    NeverReached Info "never-reached" "routes"
        "if it should have been, ask `parapet.explain(…)` about a request that it is there for"
        ["API8:2023"]
}

/// How many requests are counted: enough to say that something never happens.
const ENOUGH: usize = 1000;

/// The diagnoses of one stack, and what it saw of its traffic.
#[derive(Default)]
pub(crate) struct Diagnoses {
    told: [AtomicBool; Diagnosis::ALL.len()],
    kept: Mutex<Vec<(Diagnosis, String)>>,
    /// Requests that came, up to [`ENOUGH`].
    served: AtomicUsize,
    /// The place, from 1, of the last guard that any request came to.
    furthest: AtomicUsize,
}

impl Diagnoses {
    /// Tells a diagnosis, unless it was told.
    pub(crate) fn tell(&self, diagnosis: Diagnosis, evidence: impl FnOnce() -> String) {
        let Some(told) = self.told.get(diagnosis as usize) else { return };
        // Read first: once it is told, threads only share the line.
        if !told.load(Relaxed) && !told.swap(true, Relaxed) {
            self.keep(diagnosis, evidence());
        }
    }

    #[cold]
    fn keep(&self, diagnosis: Diagnosis, evidence: String) {
        tracing::warn!(
            target: "tower_parapet",
            diagnosis = diagnosis.rule().code(),
            evidence,
            remedy = diagnosis.rule().remedy(),
            "diagnosis; told once"
        );
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push((diagnosis, evidence));
    }

    /// Whether something is still to be told.
    pub(crate) fn is_due(&self, diagnosis: Diagnosis) -> bool {
        self.told.get(diagnosis as usize).is_some_and(|told| !told.load(Relaxed))
    }

    /// Whether the traffic is still new, so that a look at it is worth its time.
    pub(crate) fn is_watching(&self) -> bool {
        self.served.load(Relaxed) < ENOUGH
    }

    /// A request came, and as far as the guard at this place.
    pub(crate) fn saw(&self, reached: usize) {
        if self.served.load(Relaxed) < ENOUGH {
            self.served.fetch_add(1, Relaxed);
        }
        self.came_to(reached);
    }

    /// A request that waited came this far.
    pub(crate) fn came_to(&self, reached: usize) {
        if self.furthest.load(Relaxed) < reached {
            self.furthest.fetch_max(reached, Relaxed);
        }
    }

    /// How many guards of the stack any request came to, where enough have come to tell.
    pub(crate) fn reached(&self) -> Option<usize> {
        (!self.is_watching()).then(|| self.furthest.load(Relaxed))
    }

    /// Adds what was told so far.
    pub(crate) fn report(&self, report: &mut Findings) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for (diagnosis, evidence) in kept.iter() {
            report.add(diagnosis.rule(), diagnosis.subject(), evidence.clone());
        }
    }
}

impl fmt::Debug for Diagnoses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Diagnoses").field("served", &self.served).finish_non_exhaustive()
    }
}

/// What never happened, among enough requests; a part of the stack keeps one and marks it.
#[derive(Debug, Default)]
pub(crate) struct Seen(AtomicBool);

impl Seen {
    pub(crate) fn mark(&self) {
        if !self.0.load(Relaxed) {
            self.0.store(true, Relaxed);
        }
    }

    pub(crate) fn is_marked(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// A copy has seen nothing yet.
impl Clone for Seen {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Says that a part never came into play.
pub(crate) fn never(report: &mut Findings, subject: impl Into<String>, evidence: &str) {
    let evidence = format!("{evidence}, of {ENOUGH} requests and more");
    report.add(Diagnosis::NeverReached.rule(), subject.into(), evidence);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::{super::RULES, *};

    #[test]
    fn many_threads_tell_a_diagnosis_once() {
        let (diagnoses, formatted) = (Diagnoses::default(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        for diagnosis in Diagnosis::ALL {
                            diagnoses.tell(*diagnosis, || {
                                formatted.fetch_add(1, Relaxed);
                                "seen".to_owned()
                            });
                        }
                    }
                });
            }
        });
        let mut report = Findings::default();
        diagnoses.report(&mut report);
        assert_eq!(report.iter().count(), Diagnosis::ALL.len());
        assert_eq!(formatted.load(Relaxed), Diagnosis::ALL.len());
    }

    #[test]
    fn the_count_stops_where_it_is_enough() {
        let diagnoses = Diagnoses::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..ENOUGH).for_each(|place| diagnoses.saw(place % 3)));
            }
        });
        assert!(diagnoses.served.load(Relaxed) < ENOUGH + 4);
        assert_eq!(diagnoses.reached(), Some(2));
    }

    #[test]
    fn every_code_is_its_own() {
        let codes =
            Diagnosis::ALL.iter().map(|d| d.rule().code()).chain(RULES.iter().map(Rule::code));
        let codes: std::collections::HashSet<_> = codes.collect();
        assert_eq!(codes.len(), Diagnosis::ALL.len() + RULES.len());
        assert!(Diagnosis::ALL.iter().enumerate().all(|(place, d)| *d as usize == place));
    }
}
