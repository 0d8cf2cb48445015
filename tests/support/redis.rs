//! A `redis-server` of the test's own, on a free port of this machine, for as long as it lives.
#![allow(dead_code, unreachable_pub, reason = "each test uses its own part of this")]

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Says why a test is skipped where there is no `redis-server`; with `CI=true` that is a failure.
pub fn is_missing() -> bool {
    let version = Command::new("redis-server").arg("--version").output();
    if version.is_ok_and(|version| version.status.success()) {
        return false;
    }
    assert_ne!(env::var("CI").as_deref(), Ok("true"), "`redis-server` is missing");
    println!("skipped: there is no `redis-server`; `apt-get install redis-server` brings it");
    true
}

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    args: Vec<String>,
    password: Option<String>,
    tls: Option<[String; 3]>,
}

impl Options {
    /// Writes every change to disk before it answers, so that a restart remembers it.
    pub fn append_only(self) -> Self {
        self.arg("--appendonly", "yes").arg("--appendfsync", "always")
    }

    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.arg("--requirepass", password)
    }

    /// Listens with TLS too; authority, certificate and key in PEM. Clients need certificates only
    /// where `--tls-auth-clients yes` says so.
    pub fn tls(mut self, authority: &str, certificate: &str, key: &str) -> Self {
        self.tls = Some([authority, certificate, key].map(str::to_owned));
        self
    }

    pub fn arg(mut self, name: &str, value: &str) -> Self {
        self.args.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// A server that answers.
    pub fn start(self) -> Server {
        for _ in 0..5 {
            let mut server = Server::new(&self);
            // Somebody else may have taken the port meanwhile.
            if server.run() {
                return server;
            }
        }
        panic!("redis-server does not start");
    }
}

/// A running server; dropped, it ends and its files go.
pub struct Server {
    options: Options,
    child: Option<Child>,
    folder: PathBuf,
    pub port: u16,
    pub tls_port: u16,
}

impl Server {
    /// One that forgets everything when it ends.
    pub fn start() -> Self {
        Options::default().start()
    }

    fn new(options: &Options) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tower-parapet-redis-{}-{number}", std::process::id());
        let folder = env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        if let Some(files) = &options.tls {
            for (name, text) in ["ca.pem", "cert.pem", "key.pem"].iter().zip(files) {
                fs::write(folder.join(name), text).unwrap();
            }
        }
        let [port, tls_port] = free_ports();
        Self { options: options.clone(), child: None, folder, port, tls_port }
    }

    fn run(&mut self) -> bool {
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--port", &self.port.to_string()])
            .arg("--dir")
            .arg(&self.folder);
        if self.options.tls.is_some() {
            let file = |name: &str| self.folder.join(name);
            command.args(["--tls-port", &self.tls_port.to_string()]);
            command.arg("--tls-ca-cert-file").arg(file("ca.pem"));
            command.arg("--tls-cert-file").arg(file("cert.pem"));
            command.arg("--tls-key-file").arg(file("key.pem"));
            if !self.options.args.iter().any(|arg| arg == "--tls-auth-clients") {
                command.args(["--tls-auth-clients", "no"]);
            }
        }
        command.args(&self.options.args);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.try_command(&["PING"]).is_some_and(|answer| answer == "PONG") {
                return true;
            }
            if self.child.as_mut().unwrap().try_wait().unwrap().is_some() {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// `rediss://localhost:PORT`.
    pub fn tls_url(&self) -> String {
        format!("rediss://localhost:{}", self.tls_port)
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Again on the same port, with what it wrote to disk.
    pub fn restart(&mut self) {
        self.kill();
        assert!(self.run(), "redis-server does not start again");
    }

    /// Stops it where it is: it still takes connections, and answers nobody.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id();
        let sent = Command::new("sh").arg("-c").arg(format!("kill -{signal} {id}")).status();
        assert!(sent.unwrap().success());
    }

    /// What it answers to a command, over a connection of its own; each line of an array is one
    /// of the text.
    pub fn command(&self, words: &[&str]) -> String {
        self.try_command(words).unwrap_or_else(|| panic!("no answer to {words:?}"))
    }

    fn try_command(&self, words: &[&str]) -> Option<String> {
        let mut connection = Connection::open(self.port)?;
        if let Some(password) = &self.options.password {
            connection.ask(&["AUTH", password])?;
        }
        connection.ask(words)
    }

    /// How often it was asked for a command, `evalsha` say, since it started.
    pub fn calls(&self, command: &str) -> u64 {
        let stats = self.command(&["INFO", "commandstats"]);
        let name = format!("cmdstat_{command}:calls=");
        let line = stats.lines().find_map(|line| line.strip_prefix(&name));
        line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
    }

    pub fn keys(&self) -> Vec<String> {
        self.command(&["KEYS", "*"]).lines().map(str::to_owned).collect()
    }

    /// Everything it is asked from now on.
    pub fn monitor(&self) -> Monitor {
        let mut connection = Connection::open(self.port).unwrap();
        if let Some(password) = &self.options.password {
            connection.ask(&["AUTH", password]).unwrap();
        }
        connection.ask(&["MONITOR"]).unwrap();
        Monitor(connection)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Listens to what a server is asked.
pub struct Monitor(Connection);

impl Monitor {
    /// All of it up to a word, which somebody sends with `ECHO` when they are done.
    pub fn until(&mut self, word: &str) -> String {
        let mut heard = String::new();
        while !heard.contains(word) {
            heard.push_str(&self.0.read().unwrap());
            heard.push('\n');
        }
        heard
    }
}

/// Three masters that share the slots.
pub struct Cluster {
    pub nodes: Vec<Server>,
}

impl Cluster {
    pub fn start() -> Self {
        Self::with(Options::default())
    }

    pub fn with(options: Options) -> Self {
        let node = |_| {
            let [bus, _] = free_ports();
            let options = options.clone().arg("--cluster-enabled", "yes");
            let options = options.arg("--cluster-port", &bus.to_string());
            let mut options = options.arg("--cluster-node-timeout", "2000");
            if options.tls.is_some() {
                options = options.arg("--tls-cluster", "yes");
            }
            (options.start(), bus)
        };
        let (nodes, buses): (Vec<_>, Vec<_>) = (0..3).map(node).unzip();
        let ranges = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];
        for (index, (node, (first, last))) in nodes.iter().zip(ranges).enumerate() {
            node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()]);
            node.command(&["CLUSTER", "ADDSLOTSRANGE", first, last]);
            // What nodes know each other by.
            let first = if options.tls.is_some() { nodes[0].tls_port } else { nodes[0].port };
            let first = first.to_string();
            node.command(&["CLUSTER", "MEET", "127.0.0.1", &first, &buses[0].to_string()]);
        }
        let cluster = Self { nodes };
        let begun = Instant::now();
        while !cluster.is_whole() {
            assert!(begun.elapsed() < PATIENCE, "the cluster does not form");
            thread::sleep(Duration::from_millis(10));
        }
        cluster
    }

    /// Every node knows every slot's owner.
    pub fn is_whole(&self) -> bool {
        self.nodes.iter().all(|node| {
            let info = node.command(&["CLUSTER", "INFO"]);
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        })
    }

    pub fn url(&self) -> String {
        self.nodes[1].url()
    }

    /// How often all of them were asked for a command.
    pub fn calls(&self, command: &str) -> u64 {
        self.nodes.iter().map(|node| node.calls(command)).sum()
    }
}

/// Just enough of its protocol to ask a server by hand.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(port: u16) -> Option<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        Some(Self(BufReader::new(stream)))
    }

    fn ask(&mut self, words: &[&str]) -> Option<String> {
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.0.get_mut().write_all(text.as_bytes()).ok()?;
        self.read()
    }

    fn read(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).ok().filter(|length| *length > 0)?;
        let line = line.trim_end();
        let (kind, rest) = line.split_at_checked(1)?;
        match kind {
            "$" => {
                let Ok(length) = rest.parse::<usize>() else { return Some(String::new()) };
                let mut bytes = vec![0; length + 2];
                self.0.read_exact(&mut bytes).ok()?;
                Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
            }
            "*" => {
                let count = rest.parse::<usize>().unwrap_or(0);
                let items = (0..count).map(|_| self.read()).collect::<Option<Vec<_>>>()?;
                Some(items.join("\n"))
            }
            _ => Some(rest.to_owned()),
        }
    }
}

fn free_ports() -> [u16; 2] {
    let held = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}
