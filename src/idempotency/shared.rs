use std::{borrow::Cow, sync::Arc, sync::LazyLock, time::Duration};

use ::redis::Value;

use crate::{
    answer::{Answer, StoreError},
    inspect::{Findings, Readiness, rule},
    redis::{Arg, Redis, RedisError, Script},
};

use super::{Begun, Claim, IdempotencyStore, StoredResponse};

/// What keys are called among others of the same server.
const KIND: &str = "idem";

static BEGIN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("begin.lua")));
static COMPLETE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("complete.lua")));
static RELEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("release.lua")));

/// Keys and answers in Redis or Valkey, for processes that share them: a retry may reach any of them.
///
/// Each step is one call of one script on one key, `prefix:idem:{…}`, so that a cluster serves, too.
/// Its name, the caller and the request are hashes; answers are kept as they are. A lock, and an
/// answer, end by the server's clock: a process that dies frees its keys after the
/// [`lock`](super::IdempotencyBuilder::lock).
///
/// While Redis cannot be asked, requests with a key are refused with 503. What it forgets may run again:
/// give it a `maxmemory-policy` of `noeviction`, and `appendonly yes`; a replica that takes over may not
/// know of the last keys. How many keys there are is bounded by its memory and the limits on requests,
/// and not by caller.
///
/// # Example
/// ```
/// use tower_parapet::{Redis, idempotency::{Idempotency, RedisResponses}};
///
/// let redis = Redis::builder("rediss://redis.internal").build()?;
/// Idempotency::builder(RedisResponses::new(redis)).routes(["POST /orders"]).build()?;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RedisResponses(Redis);

impl RedisResponses {
    /// Keeps them in that Redis.
    pub fn new(redis: Redis) -> Self {
        Self(redis)
    }

    fn key(&self, claim: &Claim) -> Vec<u8> {
        self.0.key(KIND, &claim.key, "")
    }

    fn begun(&self, value: Value) -> Result<Begun, RedisError> {
        let malformed = || self.0.malformed();
        let Value::Array(told) = value else { return Err(malformed()) };
        let mut told = told.into_iter();
        match (told.next(), told.next()) {
            (Some(Value::Int(0)), None) => Ok(Begun::First),
            (Some(Value::Int(1)), None) => Ok(Begun::UnderWay),
            (Some(Value::Int(2)), Some(Value::BulkString(bytes))) => {
                let response = StoredResponse::from_bytes(bytes).ok_or_else(malformed)?;
                Ok(Begun::Done(Arc::new(response)))
            }
            (Some(Value::Int(3)), None) => Ok(Begun::Another),
            _ => Err(malformed()),
        }
    }
}

/// Milliseconds, as Redis counts the life of a key.
fn millis(time: Duration) -> Arg<'static> {
    Arg::Int(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

impl IdempotencyStore for RedisResponses {
    fn begin(&self, claim: &Claim, _: Duration) -> Answer<Result<Begun, StoreError>> {
        let (this, claim, key) = (self.clone(), claim.clone(), self.key(claim));
        Answer::later(async move {
            let args = [Arg::Bytes(&claim.request), Arg::Bytes(&claim.owner), millis(claim.lock)];
            let told = this.0.eval(&BEGIN, &[key], &args).await;
            told.and_then(|value| this.begun(value)).map_err(StoreError::new)
        })
    }

    fn complete(
        &self,
        claim: &Claim,
        response: Arc<StoredResponse>,
        _: Duration,
    ) -> Answer<Result<(), StoreError>> {
        let (redis, claim, key) = (self.0.clone(), claim.clone(), self.key(claim));
        Answer::later(async move {
            let response = response.to_bytes();
            let args = [
                Arg::Bytes(&claim.request),
                Arg::Bytes(&claim.owner),
                Arg::Bytes(&response),
                millis(claim.keep),
            ];
            redis.eval(&COMPLETE, &[key], &args).await.map(drop).map_err(StoreError::new)
        })
    }

    fn release(&self, claim: &Claim) -> Answer<Result<(), StoreError>> {
        let (redis, owner, key) = (self.0.clone(), claim.owner, self.key(claim));
        Answer::later(async move {
            let told = redis.eval(&RELEASE, &[key], &[Arg::Bytes(&owner)]).await;
            told.map(drop).map_err(StoreError::new)
        })
    }

    fn summary(&self) -> Cow<'static, str> {
        format!("redis at {}", self.0.name()).into()
    }

    fn findings(&self, report: &mut Findings) {
        self.0.findings(report);
        if let Err(error) = self.0.check() {
            report.add(&rule::STORE_LOST, "idempotency", error.to_string());
        }
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.0.ready("idempotency", readiness);
    }
}
