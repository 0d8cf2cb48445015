//! One of the processes: this very program, told by its environment what to do.

use std::{
    convert::Infallible,
    env, fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use http::{Request, Response};
use tokio::time::{MissedTickBehavior, interval};
use tower::{Layer, ServiceExt, service_fn};
use tower_parapet::{Body, Parapet, Peer, Redis};

use crate::{
    report::{Answer, unix},
    setup::{DEMAND, Mode},
};

/// Callers of a process, each with one request under way.
const CALLERS: u32 = 8;

pub struct Running {
    child: Child,
    number: u32,
    file: PathBuf,
}

pub fn start(mode: Mode, url: &str, number: u32, duration: Duration) -> Running {
    let port = url.rsplit(':').next().unwrap();
    let name = format!("tower-parapet-drill-{}-{port}-{number}", std::process::id());
    let file = env::temp_dir().join(name);
    let mode = Mode::ALL.iter().position(|each| *each == mode).unwrap();
    let child = Command::new(env::current_exe().unwrap())
        .args(["process", "--exact"])
        .env("PARAPET_DRILL", mode.to_string())
        .env("PARAPET_DRILL_URL", url)
        .env("PARAPET_DRILL_FILE", &file)
        .env("PARAPET_DRILL_MS", duration.as_millis().to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    Running { child, number, file }
}

impl Running {
    /// All that it was answered, once it has ended.
    pub fn answers(mut self) -> Vec<Answer> {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "a process ended with {status}");
        let text = fs::read_to_string(&self.file).unwrap();
        let _ = fs::remove_file(&self.file);
        text.lines().map(|line| Answer::parse(self.number, line)).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes requests, where the environment asks for it.
pub fn run_if_asked() {
    let Ok(mode) = env::var("PARAPET_DRILL") else { return };
    let mode = Mode::ALL[mode.parse::<usize>().unwrap()];
    let var = |name: &str| env::var(format!("PARAPET_DRILL_{name}")).unwrap();
    let (url, file) = (var("URL"), var("FILE"));
    let duration = Duration::from_millis(var("MS").parse().unwrap());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let answers = runtime.unwrap().block_on(call(mode, &url, duration));
    let lines: String = answers.iter().map(|answer| format!("{answer}\n")).collect();
    fs::write(file, lines).unwrap();
}

async fn call(mode: Mode, url: &str, duration: Duration) -> Vec<Answer> {
    let redis = Redis::builder(url).build().unwrap();
    let parapet = Parapet::builder()
        .peer(Peer::Extension)
        .throttle(mode.throttle(redis))
        .public("GET /", "a drill")
        .build()
        .unwrap();
    let service = parapet.layer(service_fn(async |_: Request<Body>| {
        Ok::<_, Infallible>(Response::new(Body::empty()))
    }));
    let begun = Instant::now();
    let callers = (0..CALLERS).map(|_| {
        let service = service.clone();
        tokio::spawn(async move {
            let mut answers = Vec::new();
            let mut beat = interval(Duration::from_secs(1) * CALLERS / DEMAND);
            // Who had to wait makes up for it.
            beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
            while begun.elapsed() < duration {
                beat.tick().await;
                let request =
                    Request::get("/").header("host", "localhost").body(Body::empty()).unwrap();
                let start = unix();
                let response = service.clone().oneshot(request).await.unwrap();
                let is_counted = response.headers().contains_key("ratelimit");
                let status = response.status().as_u16();
                answers.push(Answer { process: 0, start, end: unix(), status, is_counted });
            }
            answers
        })
    });
    let mut answers = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        answers.extend(caller.await.unwrap());
    }
    answers
}
