//! `oidc-provider` of npm on a port of its own, as scripts/oidc-provider starts it.

use std::{
    env, fs,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process,
    sync::atomic::{AtomicU16, Ordering},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::{
    node::Node,
    support::{Answer, request},
};

/// The audience of its JWTs, which a client gets where it names no other.
pub const ORDERS: &str = "https://orders.example";
/// The audience of its opaque tokens.
pub const LEDGER: &str = "https://ledger.example";

pub struct Provider {
    node: Option<Node>,
    pub address: SocketAddr,
    /// Its private keys, which outlive it.
    keys: PathBuf,
}

impl Provider {
    pub fn start() -> Self {
        let port = free_port();
        let keys = env::temp_dir().join(format!("parapet-oidc-{}-{port}.json", process::id()));
        let mut provider = Self { node: None, address: ([127, 0, 0, 1], port).into(), keys };
        provider.start_again();
        provider
    }

    /// On the same port, with the same keys, having forgotten its opaque tokens.
    pub fn start_again(&mut self) {
        assert!(self.node.is_none(), "it runs");
        let port = self.address.port().to_string();
        let arguments = ["--port", &port, "--keys", self.keys.to_str().unwrap()];
        let node = Node::start("provider.mjs", &arguments);
        assert_eq!(node.greeting, format!("listening {}", self.issuer()));
        self.node = Some(node);
    }

    pub fn stop(&mut self) {
        drop(self.node.take());
    }

    /// With other keys, as after a disaster: none of the old ones is in its set.
    pub fn forget_keys(&mut self) {
        assert!(self.node.is_none(), "it runs");
        fs::remove_file(&self.keys).unwrap();
    }

    pub fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Tells it to `publish`, `rotate` or `retire` keys.
    pub fn tell(&mut self, command: &str) -> String {
        self.node.as_mut().unwrap().tell(command)
    }

    /// How often something was asked for since it was started, `GET /jwks` say.
    pub fn count(&mut self, what: &str) -> u64 {
        let counts: Value = serde_json::from_str(&self.tell("counts")).unwrap();
        counts[what].as_u64().unwrap_or(0)
    }

    /// An access token by client credentials, with the name for a secret's first half that all its
    /// clients have.
    pub async fn token(&self, client: &str, resource: &str, scope: &str) -> String {
        let answer = self.ask_for_token(client, resource, scope, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    pub async fn ask_for_token(
        &self,
        client: &str,
        resource: &str,
        scope: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let basic = STANDARD.encode(format!("{client}:{client}-secret"));
        let basic = format!("Basic {basic}");
        let form = "application/x-www-form-urlencoded";
        let mut all = vec![("authorization", basic.as_str()), ("content-type", form)];
        all.extend(headers);
        let escape = |text: &str| text.replace(':', "%3A").replace('/', "%2F").replace(' ', "+");
        let (resource, scope) = (escape(resource), escape(scope));
        let body = format!("grant_type=client_credentials&resource={resource}&scope={scope}");
        request(self.address, "POST", "/token", &all, body.as_bytes()).await
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_file(&self.keys);
    }
}

/// Below the ports that the system hands out, so that nobody gets it between two lives of a provider.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let base = (process::id() % 400) as u16 * 25;
    loop {
        let port = 21_000 + base + NEXT.fetch_add(1, Ordering::Relaxed) % 25;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
