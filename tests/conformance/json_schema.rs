//! The official JSON Schema suite, each test a request body through the public guard.

use std::{
    fs,
    path::{Path, PathBuf},
};

use http::{Request, Response, StatusCode, header};
use serde_json::Value;
use tower::{Layer, ServiceExt, service_fn};
use tower_parapet::{
    Body, layer,
    validate::{Draft, JsonSchema},
};

use crate::corpus::{Tally, folder};

/// Name, draft, and the counts of the README: files, groups, tests, and how many are valid.
const DRAFTS: [(&str, Draft, [usize; 4]); 3] = [
    ("draft2020-12", Draft::Draft202012, [46, 383, 1299, 765]),
    ("draft7", Draft::Draft7, [37, 257, 927, 550]),
    ("draft4", Draft::Draft4, [30, 160, 618, 357]),
];

#[test]
fn every_required_test_of_the_json_schema_corpus_is_judged_as_it_must_be() {
    let Some(folder) = folder("json-schema") else {
        return;
    };
    let remotes = remotes(&folder.join("remotes"));
    assert_eq!(remotes.len(), 79);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut tally = Tally::new("json-schema");
    for (name, draft, counts) in DRAFTS {
        let before = tally.passed();
        let mut seen = [0; 4];
        for path in files(&folder.join("tests").join(name)) {
            seen[0] += 1;
            let groups: Vec<Value> = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            for group in groups {
                seen[1] += 1;
                let builder = JsonSchema::builder(group["schema"].to_string()).draft(draft);
                let builder = remotes
                    .iter()
                    .fold(builder, |builder, (uri, text)| builder.remote(uri, text))
                    // The required tests take `format` for a remark.
                    .dangerous()
                    .ignore_formats();
                let title = format!(
                    "{name}/{}: {}",
                    path.file_name().unwrap().display(),
                    group["description"]
                );
                let guard = builder.build();
                for test in group["tests"].as_array().unwrap() {
                    let is_valid = test["valid"].as_bool().unwrap();
                    seen[2] += 1;
                    seen[3] += usize::from(is_valid);
                    let case = format!("{title}: {}", test["description"]);
                    match &guard {
                        Ok(guard) => {
                            let status = runtime.block_on(send(guard, &test["data"]));
                            let expected = match is_valid {
                                true => StatusCode::OK,
                                false => StatusCode::UNPROCESSABLE_ENTITY,
                            };
                            tally.judge(&format!("{case}: {status}"), status == expected);
                        }
                        Err(error) => tally.judge(&format!("{case}: {error}"), false),
                    }
                }
            }
        }
        assert_eq!(seen, counts);
        tally.tell_also(&format!("{} of {} tests of {name}", tally.passed() - before, counts[2]));
    }
    assert_eq!(tally.read(), 2844);
    tally.finish();
}

/// The answer of a service behind the guard.
async fn send(guard: &JsonSchema, data: &Value) -> StatusCode {
    let text = data.to_string();
    let expected = text.clone();
    let service = service_fn(move |request: Request<Body>| {
        let expected = expected.clone();
        async move {
            // The handler gets the very bytes that were judged.
            let body = http_body_util::BodyExt::collect(request.into_body()).await.unwrap();
            assert_eq!(body.to_bytes(), expected.as_bytes());
            Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
        }
    });
    let request = Request::post("/")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, text.len())
        .body(Body::from(text))
        .unwrap();
    layer(guard.clone()).layer(service).oneshot(request).await.unwrap().status()
}

/// The documents the suite refers to, by the address they are served at.
fn remotes(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let below = path.strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
            found.push((
                format!("http://localhost:1234/{below}"),
                fs::read_to_string(&path).unwrap(),
            ));
        }
    }
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
