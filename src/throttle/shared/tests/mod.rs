mod exactness;
mod model;
mod settings;
mod share;
mod store;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crate::redis::tests::support;

use super::counts::{Act, Asked, Counts, script};
use crate::error::Mistakes;
use crate::redis::{Redis, RedisBuilder, Script};
use crate::throttle::limit::Limit;
use crate::throttle::limits::Limits;
use crate::throttle::rule::Moment;
use crate::throttle::verdict::Verdict;

/// The script by a clock that the test sets, in microseconds, as the value of a key of its own.
/// What is kept is kept for a day, since that clock stands still.
const SET_CLOCK: &str = "local now = tonumber(redis.call('GET', 'clock'))\n\
    local real = redis\n\
    local redis = { error_reply = real.error_reply, call = function(name, key, value, unit, ttl)\n\
      if name == 'SET' then return real.call(name, key, value, unit, 86400000) end\n\
      if value then return real.call(name, key, value) end\n\
      return real.call(name, key)\n\
    end }\n";

static TIMED: LazyLock<Script> = LazyLock::new(|| script(SET_CLOCK));

/// With patience, for machines that are busy.
fn patient(builder: RedisBuilder) -> Redis {
    let long = Duration::from_secs(20);
    builder.connect_timeout(long).response_timeout(long).build().unwrap()
}

fn limits(each: &[Limit]) -> Arc<Limits> {
    let mut mistakes = Mistakes::default();
    let ruled = each.iter().map(|limit| limit.ruled("key", &mut mistakes)).collect();
    mistakes.finish().unwrap();
    let summary: Vec<_> = each.iter().map(|limit| limit.summary("")).collect();
    let limits = Limits::new(0, ruled, summary.join(", and "));
    let mut mistakes = Mistakes::default();
    super::Terms::check(&limits, &mut mistakes);
    mistakes.finish().unwrap();
    Arc::new(limits)
}

fn asked(limits: &Arc<Limits>, digest: u8, act: Act, cost: u64) -> Asked {
    Asked {
        tag: u64::from(digest) + 1,
        digest: [digest; 16],
        limits: limits.clone(),
        cost,
        act,
        at: Moment::default(),
        verdict: Verdict::default(),
    }
}

async fn ask(counts: &Counts, asked: &Asked) -> Verdict {
    let key = counts.key(asked);
    counts.ask(&key, asked).await.unwrap()
}
