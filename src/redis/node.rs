//! One server: its connection, made once for all who wait, and whether it is worth asking.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::redis::{Cmd, ErrorKind, ServerErrorKind, Value, pipe};

use crate::breaker::{Breaker, Pauses};
use crate::clock::{Clock, SystemClock, within};
use crate::flights::Flights;

use super::error::RedisError;
use super::link::Link;
use super::script::Script;
use super::settings::{Host, Settings};

/// How long a server that failed is left alone.
const PAUSES: Pauses =
    Pauses { first: Duration::from_millis(250), longest: Duration::from_secs(5), are_spread: true };

pub(super) struct Node {
    pub(super) host: Host,
    /// The host, for messages.
    server: Arc<str>,
    settings: Arc<Settings>,
    link: Mutex<Option<Arc<Link>>>,
    connecting: Flights<(), Result<Arc<Link>, RedisError>>,
    loading: Flights<String, Result<(), RedisError>>,
    breaker: Breaker,
    clock: SystemClock,
    is_failing: AtomicBool,
    last: Mutex<Option<RedisError>>,
}

/// What a call came to, where a cluster may have sent it elsewhere.
pub(super) enum Heard {
    Answer(Value),
    /// Another node has the key now.
    Moved(Host),
    /// Another node has the key already, and it has to be told that we know.
    Ask(Host),
}

/// How a call is sent.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Plain,
    /// To a node that is about to have the key's slot.
    Asking,
}

impl Node {
    pub(super) fn new(host: Host, settings: Arc<Settings>) -> Arc<Self> {
        Arc::new(Self {
            server: host.to_string().into(),
            host,
            settings,
            link: Mutex::new(None),
            connecting: Flights::default(),
            loading: Flights::default(),
            breaker: Breaker::new(PAUSES),
            clock: SystemClock::default(),
            is_failing: AtomicBool::new(false),
            last: Mutex::new(None),
        })
    }

    pub(super) fn server(&self) -> &Arc<str> {
        &self.server
    }

    /// Whether it would be asked now.
    pub(super) fn check(&self) -> Result<(), RedisError> {
        self.breaker.check(self.clock.now()).map_err(|open| RedisError::Paused {
            server: self.server.clone(),
            retry_after: open.retry_after,
        })
    }

    /// Why it is not.
    pub(super) fn last_failure(&self) -> Option<RedisError> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs a script, and teaches it to a server that does not know it.
    pub(super) async fn eval(
        self: &Arc<Self>,
        script: &Script,
        call: &Cmd,
        way: Way,
    ) -> Result<Heard, RedisError> {
        match self.send(call, way).await {
            Err(RedisError::Refused { code, .. }) if &*code == "NOSCRIPT" => {
                self.load(script).await?;
                self.send(call, way).await
            }
            heard => heard,
        }
    }

    async fn load(self: &Arc<Self>, script: &Script) -> Result<(), RedisError> {
        let load = script.load();
        let flight = self.loading.join(script.hash().to_owned(), || {
            let node = self.clone();
            async move { node.send(&load, Way::Plain).await.map(drop) }
        });
        flight.await
    }

    /// Sends one command. It is never sent twice: what is not answered may have been done.
    pub(super) async fn send(
        self: &Arc<Self>,
        command: &Cmd,
        way: Way,
    ) -> Result<Heard, RedisError> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(RedisError::Runtime);
        }
        let pass = self.breaker.admit(self.clock.now()).map_err(|open| RedisError::Paused {
            server: self.server.clone(),
            retry_after: open.retry_after,
        })?;
        let heard = self.attempt(command, way).await;
        match &heard {
            Err(error) if error.is_outage() => {
                pass.failed(self.clock.now());
                self.fails(error);
            }
            _ => {
                pass.succeeded();
                self.works();
            }
        }
        heard
    }

    /// Told once, and not with each call.
    #[cold]
    fn fails(&self, error: &RedisError) {
        if !self.is_failing.swap(true, Ordering::Relaxed) {
            tracing::warn!(target: "tower_parapet", error = %error, "redis cannot be asked");
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
    }

    fn works(&self) {
        let is_new = self.is_failing.load(Ordering::Relaxed);
        if is_new && self.is_failing.swap(false, Ordering::Relaxed) {
            let server = &*self.server;
            tracing::info!(target: "tower_parapet", server, "redis is asked again");
        }
    }

    async fn attempt(self: &Arc<Self>, command: &Cmd, way: Way) -> Result<Heard, RedisError> {
        let link = self.link().await?;
        let mut connection = link.connection();
        let limit = self.settings.response_timeout;
        let answer = within(limit, async {
            match way {
                Way::Plain => connection.send_packed_command(command).await,
                Way::Asking => {
                    let mut both = pipe();
                    both.cmd("ASKING").ignore().add_command(command.clone());
                    both.query_async::<(Value,)>(&mut connection).await.map(|(value,)| value)
                }
            }
        });
        let heard = match answer.await {
            None => Err(RedisError::Timeout { server: self.server.clone(), limit }),
            Some(answer) => self.hear(answer.and_then(Value::extract_error)),
        };
        if heard.as_ref().is_err_and(RedisError::ends_the_connection) {
            self.forget(&link);
        }
        heard
    }

    fn hear(&self, answer: Result<Value, ::redis::RedisError>) -> Result<Heard, RedisError> {
        let told = match answer {
            Ok(value) => return Ok(Heard::Answer(value)),
            Err(told) => told,
        };
        let elsewhere = |make: fn(Host) -> Heard| {
            let (address, _) = told.redirect_node()?;
            Host::parse(address, &self.host).map(make)
        };
        let redirected = match told.kind() {
            ErrorKind::Server(ServerErrorKind::Moved) => elsewhere(Heard::Moved),
            ErrorKind::Server(ServerErrorKind::Ask) => elsewhere(Heard::Ask),
            _ => None,
        };
        redirected.ok_or_else(|| RedisError::of_call(&self.server, &told))
    }

    /// The connection there is, else one that all who wait make together.
    async fn link(self: &Arc<Self>) -> Result<Arc<Link>, RedisError> {
        if let Some(link) = self.current() {
            return Ok(link);
        }
        let flight = self.connecting.join((), || {
            let node = self.clone();
            async move { node.connect().await }
        });
        flight.await
    }

    async fn connect(&self) -> Result<Arc<Link>, RedisError> {
        // Somebody may have been done in between.
        if let Some(link) = self.current() {
            return Ok(link);
        }
        let limit = self.settings.connect_timeout;
        let connecting = Link::connect(&self.settings, &self.host, &self.server);
        let link = within(limit, connecting).await.unwrap_or_else(|| {
            let cause = format!("no answer within {limit:?}");
            Err(RedisError::connect(&self.server, cause))
        })?;
        let link = Arc::new(link);
        *self.place() = Some(link.clone());
        Ok(link)
    }

    fn current(&self) -> Option<Arc<Link>> {
        self.place().as_ref().filter(|link| link.is_open()).cloned()
    }

    fn forget(&self, link: &Arc<Link>) {
        let mut place = self.place();
        if place.as_ref().is_some_and(|current| Arc::ptr_eq(current, link)) {
            *place = None;
        }
    }

    fn place(&self) -> std::sync::MutexGuard<'_, Option<Arc<Link>>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
