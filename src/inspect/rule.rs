use super::Severity;

/// What a self-audit looks for: how much it matters, what to do about it, and where the demand comes
/// from. A guard of one's own may have rules of its own.
///
/// # Example
/// ```
/// use tower_parapet::inspect::{Rule, Severity};
///
/// const OPEN_ON_SUNDAYS: Rule = Rule::new(
///     "open-on-sundays",
///     Severity::Low,
///     "close on Sundays",
///     &["API8:2023"],
/// );
/// assert_eq!(OPEN_ON_SUNDAYS.code(), "open-on-sundays");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    code: &'static str,
    severity: Severity,
    remedy: &'static str,
    demands: &'static [&'static str],
}

impl Rule {
    /// A rule by its code (kebab-case, stable), its severity, what to do, and whose demand it is:
    /// `API2:2023` for the OWASP API Security Top 10, `ASVS 9.2.3` for the Application Security
    /// Verification Standard 5.0.
    pub const fn new(
        code: &'static str,
        severity: Severity,
        remedy: &'static str,
        demands: &'static [&'static str],
    ) -> Self {
        Self { code, severity, remedy, demands }
    }

    /// The stable word it is known by.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// How much a finding by it matters.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What to do about a finding, where that does not depend on what was found.
    pub fn remedy(&self) -> &'static str {
        self.remedy
    }

    /// The items of the OWASP API Security Top 10 2023 and of ASVS 5.0 behind it.
    pub fn demands(&self) -> &'static [&'static str] {
        self.demands
    }
}

macro_rules! rules {
    ($($name:ident $severity:ident $code:literal $remedy:literal [$($demand:literal)*])*) => {
        $(
            pub(crate) const $name: Rule =
                Rule::new($code, Severity::$severity, $remedy, &[$($demand),*]);
        )*

        /// Every rule of this crate, the gravest first. The [findings](crate::findings) page explains them.
        pub const RULES: &[Rule] = &[$($name),*];
    };
}

rules! {
    BARE_STACK High "bare-stack"
        "leave out `.dangerous().bare()`, or name the routes"
        ["API5:2023" "API8:2023" "ASVS 8.2.1"]
    PUBLIC_EVERYTHING High "public-everything"
        "name the routes that are meant to be open"
        ["API5:2023" "ASVS 8.2.1"]
    WEAK_SECRET High "weak-secret"
        "generate the secret from random bytes, or let the issuer sign with a private key"
        ["API2:2023" "ASVS 11.2.3"]
    NO_BODY_LIMIT High "no-body-limit"
        "set `.body_limit(…)` to the largest body that a route needs"
        ["API4:2023" "ASVS 15.2.2"]
    CLEAR_CREDENTIALS High "clear-credentials"
        "leave out `dangerous().clear_credentials()`, and say which proxies and peers are trusted"
        ["API2:2023" "API8:2023" "ASVS 12.2.1"]
    TESTING_IN_RELEASE Medium "testing-in-release"
        "move the feature `testing` to `[dev-dependencies]`"
        ["API8:2023" "ASVS 13.4.2" "ASVS 15.2.3"]
    TRACE_ALLOWED Medium "trace-allowed"
        "add `.sanity(Sanity::builder())`, which lets through the usual methods only"
        ["API8:2023" "ASVS 13.4.4" "ASVS 4.1.4"]
    PUBLIC_ANY_METHOD Medium "public-any-method"
        "write the methods before the pattern, `GET /catalogue` say"
        ["API5:2023" "API8:2023" "ASVS 8.2.1"]
    NO_EARLY_LIMIT Medium "no-early-limit"
        "add `.throttle(Throttle::per_minute(…).by(Key::ClientNet))`"
        ["API4:2023" "ASVS 2.4.1"]
    NO_AUDIT Medium "no-audit"
        "add `.audit(…)` or an observer of your own"
        ["API2:2023" "ASVS 16.3.1" "ASVS 16.3.2"]
    LARGE_BODY Medium "large-body"
        "raise the limit by route, with `Policy::body_limit`, and not for all"
        ["API4:2023" "ASVS 15.2.2"]
    WIDE_PROXIES Medium "wide-proxies"
        "trust the addresses of the proxies only"
        ["API8:2023" "ASVS 4.1.3" "ASVS 15.3.4"]
    SHARED_SECRET Medium "shared-secret"
        "let the issuer sign with a private key and publish the public one"
        ["API2:2023" "ASVS 9.1.2"]
    NO_AUDIENCE Medium "no-audience"
        "let the issuer write `aud`"
        ["API2:2023" "ASVS 9.2.3"]
    PROOF_IGNORED Medium "proof-ignored"
        "check the proof (DPoP or mutual TLS) in front of this service and drop `cnf`"
        ["API2:2023" "ASVS 9.2.2"]
    EXPOSED_FILE Medium "exposed-file"
        "let its owner alone read and write it: `chmod 600`"
        ["API2:2023" "API8:2023" "ASVS 13.3.1"]
    STALE_FILE Medium "stale-file"
        "mend the file; it is read again as soon as it changes"
        ["API2:2023" "API8:2023"]
    PLAIN_KEY_HASHES Medium "plain-key-hashes"
        "rotate the keys that have a plain hash, and leave out `dangerous().plain_hashes()`"
        ["API2:2023" "ASVS 11.4.2"]
    WEAK_PASSWORD_HASH Medium "weak-password-hash"
        "hash the passwords anew with `Basic::hash`, when their users change or next send them"
        ["API2:2023" "ASVS 11.4.2"]
    REVOCATIONS_OPEN Medium "revocations-open"
        "leave out `dangerous().fail_open()`, and let the store answer"
        ["API2:2023" "ASVS 7.4.1"]
    REVOCATIONS_FULL Medium "revocations-full"
        "raise `capacity`, or shorten `longest_lifetime` to what the issuer gives"
        ["API2:2023" "ASVS 7.4.1"]
    THIN_SIGNATURE Medium "thin-signature"
        "leave the default components, and add others with `require`"
        ["API2:2023" "ASVS 11.3.3"]
    NO_SCHEME Medium "no-scheme"
        "add one with `Authenticate::with`"
        ["API2:2023"]
    PLAIN_REDIS Medium "plain-redis"
        "write `rediss://` and leave out `dangerous().plaintext()`, unless the network encrypts by itself"
        ["API8:2023" "ASVS 12.3.1"]
    STORE_OPEN Medium "store-open"
        "write `Shared::closed` or `Shared::local_share`"
        ["API4:2023" "ASVS 2.4.1"]
    STORE_LOST Medium "store-lost"
        "see why, in the finding and the log, and that the store can be reached from here"
        ["API4:2023"]
    IDEMPOTENCY_FULL Medium "idempotency-full"
        "raise `entries` and `bytes`, shorten `keep`, or keep the answers in Redis"
        ["API4:2023"]
    IPV6_KEYS Medium "ipv6-keys"
        "write `ipv6_prefix(64)` or fewer bits"
        ["API4:2023" "ASVS 2.4.1"]
    SHARED_GUESSES Medium "shared-guesses"
        "write `by(Key::ClientNet)`, or combine it with what it is by"
        ["API4:2023" "ASVS 6.3.1"]
    SHARED_BANS Medium "shared-bans"
        "write `ipv4_prefix(32)` and `ipv6_prefix(64)`"
        ["API4:2023" "ASVS 6.3.1"]
    BANS_FULL Medium "bans-full"
        "raise `max_bans`, or shorten `terms`"
        ["API4:2023" "ASVS 6.3.1"]
    NO_EXEMPTION Info "no-exemption"
        "name the proxies with `trusted_proxies`, or networks that many share with `exempt`"
        ["API4:2023"]
    EVADABLE_LIMIT Low "evadable-limit"
        "let a gateway set the header, or limit the client or the caller beside it, by a throttle of its own"
        ["API4:2023" "ASVS 2.4.1"]
    WIDE_EXEMPTION Medium "wide-exemption"
        "exempt the addresses and routes that need it, one by one"
        ["API4:2023" "ASVS 2.4.1" "ASVS 6.3.1"]
    ALLOWS_ALL Medium "allows-all"
        "name the networks that may call"
        ["API8:2023" "ASVS 8.2.4"]
    BROAD_ORIGINS Medium "broad-origins"
        "name the origins one by one, or leave the credentials out"
        ["API8:2023" "ASVS 3.4.2"]
    PLAIN_ORIGIN Medium "plain-origin"
        "name the origin with `https`"
        ["API8:2023" "ASVS 3.4.2"]
    UNKNOWN_ROUTE Medium "unknown-route"
        "give it a rule and a line in the list, or take it out of the router"
        ["API9:2023"]
    API_REDIRECT Medium "api-redirect"
        "write `Https::required()`, and `Policy::browser()` on the routes for browsers"
        ["API8:2023" "ASVS 4.1.2"]
    KEYS_NOT_RENEWED Medium "keys-not-renewed"
        "see why, in the finding and the log, and that the provider can be reached from here"
        ["API2:2023"]
    PUBLIC_WRITE Low "public-write"
        "ask for credentials, or hold the route by limits of its own"
        ["API6:2023" "ASVS 2.4.1"]
    OPTIONAL_WRITE Low "optional-write"
        "write `Policy::authenticated()`, or leave writing to a route of its own"
        ["API5:2023" "ASVS 8.2.1"]
    NO_GUESS_LIMIT Low "no-guess-limit"
        "add a throttle `counting(Count::ForgedCredentials)` by client network"
        ["API2:2023" "ASVS 6.3.1"]
    THROTTLE_TWICE Low "throttle-twice"
        "leave one of the two out: each request is counted twice"
        ["API4:2023"]
    LONG_WAIT Low "long-wait"
        "let them wait for a second at most, so that they are refused while their clients still listen"
        ["API4:2023" "ASVS 15.2.2"]
    SIGNATURE_REPLAY Low "signature-replay"
        "let signers send a nonce, and write `require_nonce()`; leave replays refused"
        ["API2:2023" "ASVS 2.3.4"]
    CLIENT_AUDIENCE Low "client-audience"
        "require a scope of this service's own on every route, or let clients ask for a resource"
        ["API2:2023" "ASVS 9.2.3"]
    LONG_DEADLINE Low "long-deadline"
        "raise the deadline by route, with `Policy::deadline`, and not for all"
        ["API4:2023" "ASVS 15.2.2"]
    WIDE_SKEW Low "wide-skew"
        "synchronise the clocks, and allow for a minute or two"
        ["API2:2023" "ASVS 9.2.1"]
    OUTLIVING_TOKENS Low "outliving-tokens"
        "leave out `dangerous().outliving_tokens()`, and raise `longest_lifetime` to what the issuer gives"
        ["API2:2023" "ASVS 7.4.1"]
    ANY_HOST Low "any-host"
        "name the hosts with `.hosts([…])`"
        ["API8:2023" "ASVS 4.1.3"]
    LARGE_HEAD Low "large-head"
        "leave the defaults, 100 fields and 32 KiB"
        ["API4:2023" "ASVS 15.2.2"]
    DEEP_JSON Low "deep-json"
        "leave the defaults, and validate the one route that needs more by itself"
        ["API4:2023" "ASVS 15.2.2"]
    UNMET_REQUIREMENT Low "unmet-requirement"
        "name at least one scope or role"
        ["API5:2023" "ASVS 8.2.1"]
    FORMATS_IGNORED Low "formats-ignored"
        "leave out `dangerous().ignore_formats()`"
        ["API3:2023" "ASVS 2.2.1"]
    HEADER_MISSING Low "header-missing"
        "leave the default, and let the handlers concerned set their own"
        ["API8:2023" "ASVS 3.4.3" "ASVS 3.4.4" "ASVS 3.4.5" "ASVS 3.4.6"]
    UNKNOWN_PEER Low "unknown-peer"
        "add `.peer(…)`, so that credentials sent in the clear are refused"
        ["API2:2023" "API8:2023" "ASVS 12.2.1"]
    HSTS_OFF Low "hsts-off"
        "leave out `without_hsts()`, unless a proxy in front sends the header"
        ["API8:2023" "ASVS 3.4.1"]
    HSTS_WEAK Low "hsts-weak"
        "leave the default, one year with subdomains, once every subdomain can do HTTPS"
        ["API8:2023" "ASVS 3.4.1"]
    PAST_SUNSET Low "past-sunset"
        "declare it with `.retired(…)`, and take its routes out"
        ["API9:2023" "ASVS 15.2.3"]
    UNLABELLED_COOKIES Low "unlabelled-cookies"
        "leave out `dangerous().unlabelled()` once the clients send `Origin`"
        ["API8:2023" "ASVS 3.5.1"]
    NO_CSRF Low "no-csrf"
        "add `.csrf(Csrf::builder().trust([…]))` with the origins of the policy"
        ["API8:2023" "ASVS 3.5.1" "ASVS 4.4.2"]
    UNTYPED_WRITE Info "untyped-write"
        "add `.validate(JsonSchema::for_route(…))`"
        ["API3:2023" "ASVS 2.2.1" "ASVS 15.3.3"]
    ENCODED_SLASHES Info "encoded-slashes"
        "leave out `Policy::encoded_slashes()` where no name holds a slash"
        ["API8:2023"]
    ON_TRIAL Info "on-trial"
        "take it out of the shadow once its notes look right"
        ["API8:2023"]
    KEY_SKIPPED Info "key-skipped"
        "publish the key in a form that is understood, or take it out of the set"
        ["API2:2023"]
}
