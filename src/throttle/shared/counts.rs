//! The buckets in Redis: what is asked of them, and what they say.

use std::sync::{Arc, LazyLock};

use ::redis::Value;
use sha2::{Digest as _, Sha256};

use crate::redis::{Arg, Redis, RedisError, Script};

use super::super::limits::Limits;
use super::super::order::{Digest, Mode, Order, Receipt};
use super::super::rule::Moment;
use super::super::verdict::Verdict;
use super::terms::Terms;

/// The server's own time, so that it does not matter what processes believe.
const CLOCK: &str = "local time = redis.call('TIME')\n\
                     local now = tonumber(time[1]) * 1000000 + tonumber(time[2])\n";

static CHARGE: LazyLock<Script> = LazyLock::new(|| script(CLOCK));

/// The script with a clock before it.
pub(super) fn script(clock: &str) -> Script {
    Script::new(format!("{clock}{}", include_str!("charge.lua")))
}

/// What the script is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Says how things stand.
    Peek = 0,
    /// The same, and keeps the bucket's time where the clock was set back.
    Look = 1,
    /// Charges where all limits admit.
    Spend = 2,
    /// Charges whatever they say.
    Charge = 3,
    /// Gives back, and never below empty.
    Refund = 4,
}

impl From<Mode> for Act {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Peek => Self::Peek,
            Mode::Look => Self::Look,
            Mode::Spend => Self::Spend,
        }
    }
}

/// An order that outlives the request it is about.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) tag: u64,
    pub(super) digest: Digest,
    pub(super) limits: Arc<Limits>,
    pub(super) cost: u64,
    pub(super) act: Act,
    pub(super) at: Moment,
    /// Where it is about an earlier charge.
    pub(super) verdict: Verdict,
}

impl Asked {
    pub(super) fn of(order: &Order<'_>) -> Self {
        Self {
            tag: order.tag,
            digest: (order.digest)(),
            limits: order.limits.clone(),
            cost: order.cost,
            act: order.mode.into(),
            at: order.at,
            verdict: Verdict::default(),
        }
    }

    /// The correction of a charge; nothing where no other process saw it.
    pub(super) fn again(receipt: &Receipt, more: i64) -> Option<Self> {
        Some(Self {
            tag: receipt.tag,
            digest: receipt.digest?,
            limits: receipt.limits.clone(),
            cost: more.unsigned_abs(),
            act: if more < 0 { Act::Refund } else { Act::Charge },
            at: receipt.at,
            verdict: receipt.verdict,
        })
    }
}

/// The buckets that processes share.
#[derive(Clone)]
pub(super) struct Counts {
    redis: Redis,
    script: &'static Script,
}

impl Counts {
    pub(super) fn new(redis: Redis) -> Self {
        Self { redis, script: &CHARGE }
    }

    #[cfg(test)]
    pub(super) fn with_script(redis: Redis, script: &'static Script) -> Self {
        Self { redis, script }
    }

    pub(super) fn redis(&self) -> &Redis {
        &self.redis
    }

    /// The name of a bucket. Other limits of the same key have another one, so that a change of
    /// the limits begins anew.
    pub(super) fn key(&self, asked: &Asked) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(asked.limits.summary());
        for limit in asked.limits.each() {
            hash.update([0]);
            hash.update(&*limit.name);
        }
        let of_limits = hash.finalize();
        let short = of_limits.iter().take(8);
        let word = short.fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
        self.redis.key("throttle", &asked.digest, &format!("{word:016x}"))
    }

    /// Asks, in one call for all limits.
    ///
    /// # Errors
    /// Why there is no answer. It may have been charged all the same.
    pub(super) async fn ask(&self, key: &[u8], asked: &Asked) -> Result<Verdict, RedisError> {
        let terms = asked.limits.each().iter().map(|limit| Terms::of(&limit.rule));
        let Some(terms) = terms.collect::<Option<Vec<_>>>() else {
            return Err(self.redis.malformed());
        };
        let mut args = Vec::with_capacity(1 + 5 * terms.len());
        args.push(Arg::Int(asked.act as i64));
        for (index, terms) in terms.iter().enumerate() {
            let charged = asked.verdict.standings().get(index).map_or(0, |s| s.charged);
            terms.write(asked.cost, charged, asked.at, &mut args);
        }
        let answer = self.redis.eval(self.script, &[key], &args).await?;
        verdict(answer, asked, &terms).ok_or_else(|| self.redis.malformed())
    }
}

/// What the numbers of the script say; nothing where they are not its numbers, or where it decided
/// otherwise than the very same rules do here.
fn verdict(answer: Value, asked: &Asked, terms: &[Terms]) -> Option<Verdict> {
    let Value::Array(values) = answer else { return None };
    let mut numbers = Vec::with_capacity(values.len());
    for value in values {
        let Value::Int(number) = value else { return None };
        numbers.push(u64::try_from(number).ok()?);
    }
    let mut numbers = numbers.into_iter();
    let now = numbers.next()?.checked_mul(1_000)?;
    let admitted = numbers.next()? == 1;
    let at = Moment { now, unix: now };
    let mut verdict = Verdict::default();
    let mut states = Vec::with_capacity(terms.len());
    for (limit, terms) in asked.limits.each().iter().zip(terms) {
        let state = terms.read(&mut numbers, now)?;
        let (standing, _) = limit.rule.weigh(Some(state), at, asked.cost);
        verdict.push(standing);
        states.push(state);
    }
    let is_whole = numbers.next().is_none() && verdict.admitted() == admitted;
    if !admitted {
        // Nothing is charged to those that would have admitted what another one refuses.
        let limits = asked.limits.each().iter().zip(&states);
        for ((limit, state), standing) in limits.zip(verdict.standings_mut()) {
            if standing.admitted {
                (*standing, _) = limit.rule.weigh(Some(*state), at, 0);
            }
        }
    }
    is_whole.then_some(verdict)
}
