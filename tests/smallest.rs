//! The smallest axum service, in an empty folder: `cargo add` and five lines protect it.
#![cfg(all(unix, feature = "full"))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod support;

use std::{fs, path::Path, process::Command};

use support::{
    cargo::{cargo, package, target},
    get,
    program::Program,
};

/// Before: what axum's own documentation begins with.
const OPEN: &str = r#"#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let router = axum::Router::new()
        .route("/", axum::routing::get(async || "hello"))
        .route("/admin", axum::routing::get(async || "everything"));
    let app = router.into_make_service();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
"#;

/// After.
const PROTECTED: &str = r#"#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let router = axum::Router::new()
        .route("/", axum::routing::get(async || "hello"))
        .route("/admin", axum::routing::get(async || "everything"));
    let parapet = tower_parapet::Parapet::builder()
        .peer(tower_parapet::Peer::ConnectInfo)
        .public("GET /", "a greeting")
        .build()?;
    let app = parapet.protect(router).into_make_service_with_connect_info();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
"#;

/// Writes a `main.rs`, builds it, and starts it.
fn start(folder: &Path, main: &str) -> Program {
    fs::write(folder.join("src/main.rs"), main).unwrap();
    cargo(folder, &["build", "--quiet"]);
    Program::run(Command::new(target().join("debug/parapet-smallest")))
}

#[tokio::test]
async fn cargo_add_and_five_lines_protect_the_smallest_service() {
    let added = PROTECTED.lines().filter(|line| !OPEN.lines().any(|known| known == *line));
    assert_eq!(added.count(), 5);

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = package("parapet-smallest", OPEN);
    cargo(&folder, &["add", "--quiet", "axum"]);
    cargo(&folder, &["add", "--quiet", "tokio", "--features", "macros,net,rt-multi-thread"]);

    let open = start(&folder, OPEN);
    assert_eq!(get(open.address, "/admin", &[]).await.status, 200);
    drop(open);

    cargo(&folder, &["add", "--quiet", "--path", root.to_str().unwrap(), "tower-parapet"]);
    let service = start(&folder, PROTECTED);
    let answer = get(service.address, "/", &[]).await;
    assert_eq!((answer.status, &*answer.text()), (200, "hello"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let refused = get(service.address, "/admin", &[]).await;
    assert_eq!((refused.status, &*refused.code()), (401, "missing-credentials"));
    assert_eq!(get(service.address, "/%61dmin", &[]).await.status, 401);
    assert_eq!(get(service.address, "/x/../admin", &[]).await.status, 400);
    drop(service);
    fs::remove_dir_all(folder).unwrap();
}
