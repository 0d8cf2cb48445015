//! Bans in Redis: one script tells and asks, by the clock of the server.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ::redis::Value;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::super::builder::BansBuilder;
use super::super::ladder::Ladder;
use super::super::points::PARTS;
use super::super::{Network, Offender};
use super::{Batch, Change, Cursor, News, Share, ShareError, What};
use crate::clock::nanos;
use crate::inspect::Findings;
use crate::redis::{Arg, Redis, Script};

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("bans.lua")));

/// Rows of one answer.
const PAGE: i64 = 256;

const MILLI: u64 = 1_000_000;

/// What the script has to know of the settings.
struct Terms<'a> {
    threshold: u16,
    window: u64,
    ladder: &'a Ladder,
    most: usize,
}

struct RedisShare {
    redis: Redis,
    name: [u8; 16],
    /// Life and log, ends, rows, and the last batch of this process.
    keys: [Vec<u8>; 5],
    /// The name that a new life of the store gets.
    life: String,
    settings: Vec<i64>,
}

impl BansBuilder {
    /// Shares points and bans with other processes through Redis: those whose prefix is the same. See
    /// the [module](super::super) for what is known when.
    pub fn shared(self, redis: &Redis) -> Self {
        self.shared_as(redis, "bans")
    }

    /// As [`shared`](Self::shared), with those of the same name alone: for services of one prefix that
    /// have bans of several kinds.
    pub fn shared_as(mut self, redis: &Redis, name: &str) -> Self {
        self.shared_by = format!(", shared through redis at {}", redis.name());
        self.share = Some((redis.clone(), name.to_owned()));
        self
    }
}

/// What a builder was given to share by: Redis, and a name.
pub(in super::super) type Given = (Redis, String);

impl BansBuilder {
    pub(in super::super) fn share(&self) -> Option<Arc<dyn Share>> {
        let (redis, name) = self.share.clone()?;
        let ladder = self.ladder();
        let terms = Terms {
            threshold: self.threshold,
            window: nanos(self.window),
            ladder: &ladder,
            most: self.max_bans,
        };
        Some(Arc::new(RedisShare::new(redis, &name, &terms)))
    }
}

impl RedisShare {
    fn new(redis: Redis, name: &str, terms: &Terms<'_>) -> Self {
        let name = digest(name.as_bytes());
        let mut own = [0; 16];
        // Without randomness the process is told apart by where its settings lie.
        if getrandom::fill(&mut own).is_err() {
            own = digest(format!("{:p}", std::ptr::from_ref(terms)).as_bytes());
        }
        let life = hex(&own);
        let key = |part: &str| redis.key("bans", &name, part);
        let keys = [key(""), key("log"), key("ends"), key("rows"), key(&format!("b:{life}"))];
        let decay = terms.ladder.decay();
        let mut settings = vec![
            PAGE,
            terms.most as i64,
            terms.threshold.into(),
            millis(terms.window / PARTS as u64),
            millis(decay),
            terms.ladder.terms().len() as i64,
        ];
        settings.extend(terms.ladder.terms().iter().map(|term| millis(*term)));
        Self { redis, name, keys, life, settings }
    }
}

impl Share for RedisShare {
    fn exchange(
        &self,
        batch: Batch,
        now: u64,
        cursor: Cursor,
    ) -> BoxFuture<'static, Result<News, ShareError>> {
        let words: Vec<Told> = batch.words.iter().map(|word| Told::of(word, now)).collect();
        let mut keys = self.keys.to_vec();
        let points =
            |told: &Told| self.redis.key("bans", &self.name, &format!("p:{}", told.digest));
        keys.extend(words.iter().map(points));
        let (redis, life, settings) =
            (self.redis.clone(), self.life.clone(), self.settings.clone());
        Box::pin(async move {
            let change = cursor.change.to_string();
            let number = batch.number.to_string();
            let texts = [life.as_str(), &cursor.epoch, &change, &number];
            let mut args: Vec<Arg<'_>> =
                texts.iter().map(|text| Arg::Bytes(text.as_bytes())).collect();
            args.extend(settings.iter().map(|number| Arg::Int(*number)));
            words.iter().for_each(|word| word.push_to(&mut args));
            let answer = redis.eval(&SCRIPT, &keys, &args).await?;
            Ok(read(answer).ok_or_else(|| redis.malformed())?)
        })
    }

    fn findings(&self, report: &mut Findings) {
        self.redis.findings(report);
    }
}

/// A word as the script takes it.
struct Told {
    kind: &'static str,
    digest: String,
    who: String,
    why: Arc<str>,
    amount: i64,
    level: i64,
    by_hand: i64,
}

impl Told {
    fn of(word: &super::Word, now: u64) -> Self {
        let who = serde_json::to_string(&word.who).unwrap_or_default();
        let digest = hex(&digest(who.as_bytes()));
        let (kind, why, amount, level, by_hand) = match &word.what {
            What::Offence { points, why } => ("o", why.clone(), i64::from(*points), 0, false),
            What::Ban { until, level, why, by_hand } => {
                ("b", why.clone(), millis(until.saturating_sub(now)), i64::from(*level), *by_hand)
            }
            What::Lift => ("l", Arc::default(), 0, 0, false),
        };
        Self { kind, digest, who, why, amount, level, by_hand: by_hand.into() }
    }

    fn push_to<'a>(&'a self, args: &mut Vec<Arg<'a>>) {
        let texts = [self.kind, &self.digest, &self.who, &*self.why];
        args.extend(texts.map(|text| Arg::Bytes(text.as_bytes())));
        args.extend([self.amount, self.level, self.by_hand].map(Arg::Int));
    }
}

/// A row as the script keeps it.
#[derive(Deserialize)]
struct Row {
    w: String,
    y: String,
    s: f64,
    u: f64,
    l: f64,
    h: f64,
    x: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Who {
    Network(String),
    CrossSite(String),
    Principal { issuer: String, subject: String },
}

fn read(answer: Value) -> Option<News> {
    let Value::Array(items) = answer else { return None };
    let [epoch, change, now, more, rows @ ..] = items.as_slice() else { return None };
    let (change, now) = (text(change)?.parse().ok()?, text(now)?.parse().ok()?);
    Some(News {
        cursor: Cursor { epoch: text(epoch)?.into(), change },
        // One that cannot be read, of a later version say, is nobody's ban here.
        changes: rows.iter().filter_map(|row| read_row(text(row)?, now)).collect(),
        is_more: *more == Value::Int(1),
    })
}

fn read_row(json: &str, now: f64) -> Option<Change> {
    let row: Row = serde_json::from_str(json).ok()?;
    let who = match serde_json::from_str(&row.w).ok()? {
        Who::Network(network) => Offender::Network(network.parse::<Network>().ok()?),
        Who::CrossSite(network) => Offender::CrossSite(network.parse::<Network>().ok()?),
        Who::Principal { issuer, subject } => Offender::principal(&issuer, &subject),
    };
    let span = |millis: f64| Duration::from_millis(millis.max(0.0) as u64);
    Some(Change {
        who,
        why: row.y.into(),
        ago: span(now - row.s),
        left: span(row.u - now),
        level: row.l as u32,
        by_hand: row.h > 0.0,
        is_lifted: row.x > 0.0,
    })
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

fn digest(bytes: &[u8]) -> [u8; 16] {
    let whole = Sha256::digest(bytes);
    let mut half = [0; 16];
    half.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
    half
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Milliseconds, rounded up: a ban is not over before its time.
fn millis(nanos: u64) -> i64 {
    i64::try_from(nanos.div_ceil(MILLI)).unwrap_or(i64::MAX)
}
