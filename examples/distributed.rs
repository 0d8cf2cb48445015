//! Two processes that share one limit through Redis, and what they admit together while Redis is
//! stopped and started.
//!
//! ```sh
//! cargo run --example distributed                        # starts a redis-server of its own
//! cargo run --example distributed redis://127.0.0.1:6379 # asks one that is there, and leaves it alone
//! ```
//!
//! It asks both processes for ten times as much as the limit, kills Redis in the middle, and prints
//! what was admitted against the bound that the throttle states. Then both go on listening, until
//! Ctrl-C.

use std::{
    env,
    error::Error,
    fs,
    io::{self, BufRead, BufReader, Read},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{self, Child, ChildStdin, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time};
use tower_parapet::{
    ConfigError, Parapet, Peer, Redis,
    audit::{JsonLines, JsonLinesBuilder},
    throttle::{Key, Shared, Throttle, ThrottleBuilder},
};

const PROCESSES: u32 = 2;
/// What one client network may ask of all processes together.
const PER_SECOND: u32 = 100;
const BURST: u32 = 50;
const SECONDS: u64 = 6;
/// Redis is killed and started again at these seconds.
const OUTAGE: [u64; 2] = [2, 3];

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The limit: while Redis is lost, each process admits its half of it by its own memory. A client
/// that asks often costs one call for ten requests.
fn limit(redis: Redis) -> ThrottleBuilder {
    let shared = Shared::local_share(redis, PROCESSES).leases(10);
    Throttle::per_second(PER_SECOND).burst(BURST).by(Key::ClientNet).named("client").shared(shared)
}

pub(crate) fn parapet(redis: Redis, audit: JsonLinesBuilder) -> Result<Parapet, ConfigError> {
    Parapet::builder()
        .peer(Peer::ConnectInfo)
        .throttle(limit(redis))
        .public("GET /hello", "anybody may ask, but not too often")
        .audit(audit)
        .build()
}

#[tokio::main]
async fn main() -> Outcome {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--process", url] => serve(url).await,
        [url] => drill(url, None).await,
        [] => match RedisServer::start()? {
            Some(server) => drill(&server.url(), Some(server)).await,
            None => Err("there is no `redis-server` here: install it, or name one that runs, \
                         `cargo run --example distributed redis://127.0.0.1:6379`"
                .into()),
        },
        _ => Err("write one URL of a Redis, or none".into()),
    }
}

/// One of the processes: a service like any other, which ends with its owner.
async fn serve(url: &str) -> Outcome {
    let audit = env::temp_dir().join(format!("distributed-{}.jsonl", process::id()));
    println!("audit {}", audit.display());
    let app = parapet(Redis::builder(url).build()?, JsonLines::to(audit))?
        .protect(Router::new().route("/hello", get(async || "hello\n")));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening http://{}", listener.local_addr()?);
    let owner = tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new()));
    axum::serve(listener, app.into_make_service_with_connect_info())
        .with_graceful_shutdown(async { drop(owner.await) })
        .await?;
    Ok(())
}

async fn drill(url: &str, mut server: Option<RedisServer>) -> Outcome {
    let redis = Redis::builder(url).build()?;
    if redis.ping().await.is_err() {
        return Err(format!("no Redis answers at {url}").into());
    }
    let stated = limit(redis).build()?.overshoot(PROCESSES).ok_or("nothing is shared")?;
    let processes = (0..PROCESSES).map(|_| Process::start(url)).collect::<Result<Vec<_>, _>>()?;

    println!("{PROCESSES} processes, one limit: {PER_SECOND} a second, {BURST} at once");
    println!("stated beyond it: {stated}");
    let totals = Arc::new(Totals::default());
    let begun = Instant::now();
    for process in &processes {
        // As much as the limit five times over, at each of two processes.
        for _ in 0..5 {
            tokio::spawn(call(process.address, PER_SECOND, totals.clone()));
        }
    }
    for second in 1..=SECONDS {
        time::sleep_until(time::Instant::from_std(begun + Duration::from_secs(second))).await;
        println!("after {second} s: {totals}");
        match (&mut server, OUTAGE.iter().position(|at| *at == second)) {
            (Some(server), Some(0)) => {
                server.stop();
                println!("redis is killed");
            }
            (Some(server), Some(_)) => {
                server.run()?;
                println!("redis is started again");
            }
            _ => {}
        }
    }
    let elapsed = begun.elapsed();
    totals.stop();

    let limit = stated.limits().first().ok_or("no limit")?;
    let within = u64::from(BURST) + (elapsed.as_secs_f64() * f64::from(PER_SECOND)).ceil() as u64;
    let outage = if server.is_some() { limit.per_outage().unwrap_or(u64::MAX) } else { 0 };
    let bound = within.saturating_add(limit.extra()).saturating_add(outage);
    let admitted = totals.admitted();
    let over = admitted.saturating_sub(within);
    println!(
        "admitted {admitted}: the limit is {within} in that time, overshoot {over} of {} stated",
        bound - within
    );
    if admitted > bound {
        return Err("more was admitted than is stated".into());
    }
    print_guide(&processes);
    tokio::signal::ctrl_c().await?;
    Ok(())
}

fn print_guide(processes: &[Process]) {
    for Process { address, .. } in processes {
        println!("listening http://{address}");
    }
    if let [one, .., other] = processes {
        // By now the bucket is whole again, or soon is.
        println!("sleep 2; curl -i http://{}/hello # 200 within the limit", one.address);
        println!(
            "curl -i http://{}/hello # 200 and the other process counts it too",
            other.address
        );
        println!("curl -i http://{}/elsewhere # 401 what is not listed is closed", one.address);
        println!(
            "curl -s 'http://{}/hello?n=[1-500]' # 429 more than all processes together may admit",
            one.address,
        );
    }
}

/// What was answered, by whichever process.
#[derive(Default)]
struct Totals {
    admitted: AtomicU64,
    refused: AtomicU64,
    other: AtomicU64,
    is_over: AtomicU64,
}

impl Totals {
    fn count(&self, status: StatusCode) {
        let counter = match status {
            StatusCode::OK => &self.admitted,
            StatusCode::TOO_MANY_REQUESTS => &self.refused,
            _ => &self.other,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn admitted(&self) -> u64 {
        self.admitted.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        self.is_over.store(1, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed) == 1
    }
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [admitted, refused, other] = [&self.admitted, &self.refused, &self.other]
            .map(|counter| counter.load(Ordering::Relaxed));
        write!(f, "{admitted} admitted, {refused} refused, {other} answered otherwise")
    }
}

/// One client, with one connection and so many requests a second.
async fn call(address: SocketAddr, per_second: u32, totals: Arc<Totals>) -> io::Result<()> {
    let stream = TcpStream::connect(address).await?;
    let handshake = http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let mut beat = time::interval(Duration::from_secs(1) / per_second);
    while !totals.is_over() {
        beat.tick().await;
        let request = Request::get("/hello").header("host", address.to_string()).body(Empty::new());
        let answer = sender.send_request(request.map_err(io::Error::other)?).await;
        totals.count(answer.map_err(io::Error::other)?.status());
    }
    Ok(())
}

/// A process of the service; it ends when its input does.
struct Process {
    child: Child,
    input: Option<ChildStdin>,
    address: SocketAddr,
}

impl Process {
    fn start(url: &str) -> Outcome<Self> {
        let mut child = Command::new(env::current_exe()?)
            .args(["--process", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        println!("{}", lines.next().ok_or("it says nothing")??);
        let line = lines.next().ok_or("it ends at once")??;
        let address = line.strip_prefix("listening http://").ok_or("it does not listen")?;
        Ok(Self { child, input, address: address.parse()? })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// A Redis of its own, which writes down what it counts before it answers.
struct RedisServer {
    child: Option<Child>,
    port: u16,
    folder: PathBuf,
}

impl RedisServer {
    /// Nothing where the program is not installed.
    fn start() -> Outcome<Option<Self>> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = env::temp_dir().join(format!("distributed-{port}"));
        fs::create_dir_all(&folder)?;
        let mut server = Self { child: None, port, folder };
        match server.run() {
            Ok(()) => Ok(Some(server)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn run(&mut self) -> io::Result<()> {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--port", &self.port.to_string()]);
        command.args(["--appendonly", "yes", "--appendfsync", "always", "--dir"]).arg(&self.folder);
        self.child = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?);
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(io::Error::other("redis-server does not start"))
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
