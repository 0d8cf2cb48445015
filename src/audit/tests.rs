use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use http::{Method, StatusCode, Uri};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::entry::Entry;
use super::json::Encoder;
use super::*;
use crate::clock::ManualClock;
use crate::context::{ApiVersion, ClientAddr, Principal, Provenance, RequestId};
use crate::observe::{Observer, Outcome, Record};
use crate::rejection::{Reason, Rejection};

pub(super) fn record(target: &str) -> Record {
    Record {
        request_id: RequestId::at(Duration::from_secs(1)),
        trace_id: None,
        started: Duration::from_millis(1_767_225_599_042),
        elapsed: Duration::from_micros(321),
        method: Method::GET,
        outcome: Outcome::Answered,
        status: Some(StatusCode::OK),
        rejection: None,
        peer: None,
        client: None,
        secure: None,
        version: None,
        principal: None,
        route: None,
        bytes_out: 7,
        notes: Vec::new(),
        uri: Uri::try_from(target).unwrap(),
        is_client_proxy: false,
        is_cross_site: false,
    }
}

fn encoded(record: &Record, parameters: &[&str]) -> String {
    let mut out = Vec::new();
    let parameters = parameters.iter().map(|name| (*name).to_owned()).collect();
    let mut encoder = Encoder::new(Paths::Masked, parameters);
    encoder.record(&mut out, &Entry::of(record, encoder.writes_queries()));
    String::from_utf8(out).unwrap()
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

/// What a shared buffer has received, line by line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn all(&self) -> Vec<Value> {
        let bytes = self.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(parsed).collect()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer that tells when it is called, and then waits for what it shall answer.
struct Scripted {
    called: Sender<()>,
    answers: Receiver<io::Result<usize>>,
    lines: Lines,
}

impl Scripted {
    fn new() -> (Self, Receiver<()>, Sender<io::Result<usize>>, Lines) {
        let (called, calls) = channel();
        let (script, answers) = channel();
        let lines = Lines::default();
        (Self { called, answers, lines: lines.clone() }, calls, script, lines)
    }
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.called.send(());
        // Once the script has ended, everything works.
        let most = self.answers.recv().unwrap_or(Ok(usize::MAX))?.min(bytes.len());
        self.lines.write(&bytes[..most])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn no_space() -> io::Result<usize> {
    Err(io::Error::from(io::ErrorKind::StorageFull))
}

#[test]
fn a_record_has_stable_members_in_a_stable_order() {
    let mut record = record("/orders/7?page=2&token=hush");
    record.outcome = Outcome::Rejected;
    record.status = Some(StatusCode::FORBIDDEN);
    record.peer = Some("10.0.0.1:4711".parse().unwrap());
    let ip = "2001:db8::7".parse().unwrap();
    record.client = Some(ClientAddr::new(ip, Provenance::XForwardedFor));
    record.principal =
        Some(Principal::builder("https://id.example", "alice").scheme("jwt").build());
    record.version = Some(ApiVersion::new("v2"));
    record.rejection = Some(
        Rejection::new(Reason::Forbidden)
            .detail("not yours")
            .expected("`bob`")
            .found("`alice`")
            .cause(io::Error::other("a \"cause\"")),
    );
    record.notes = vec![("plan", "gold".into()), ("tried", "a".into()), ("tried", "b".into())];
    let mut headers = http::HeaderMap::new();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    headers.insert("traceparent", trace.parse().unwrap());
    record.trace_id = crate::context::TraceId::of(&headers);
    let id = record.request_id.clone();
    assert_eq!(
        encoded(&record, &["page"]),
        format!(
            "{}{id}{}",
            r#"{"time":"2025-12-31T23:59:59.042Z","event":"request","request_id":""#,
            concat!(
                r#"","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","outcome":"rejected","#,
                r#""status":403,"reason":"forbidden","#,
                r#""detail":"not yours","expected":"`bob`","found":"`alice`","#,
                r#""cause":"a \"cause\"","method":"GET","path":"/orders/7","query":"page=2&…","#,
                r#""client":{"ip":"2001:db8::7","via":"x-forwarded-for"},"peer":"10.0.0.1:4711","#,
                r#""version":"v2","#,
                r#""principal":{"issuer":"https://id.example","subject":"alice","scheme":"jwt"},"#,
                r#""duration_us":321,"bytes_out":7,"notes":{"plan":"gold","tried":["a","b"]}}"#,
                "\n"
            )
        )
    );
}

#[test]
fn a_query_with_a_token_never_reaches_the_log() {
    let line = encoded(&record("/orders?access_token=hush&page=1"), &[]);
    assert!(!line.contains("hush") && !line.contains("query"));
}

#[test]
fn a_forged_line_in_a_note_stays_inside_its_record() {
    let mut record = record("/");
    record.notes =
        vec![("name", "x\"}\r\n{\"event\":\"request\",\"outcome\":\"answered\"}".into())];
    let line = encoded(&record, &[]);
    assert_eq!(line.matches('\n').count(), 1);
    assert_eq!(parsed(&line)["notes"]["name"], *record.notes[0].1);
}

#[test]
fn every_mistake_of_a_sink_is_reported_at_once() {
    let error = JsonLines::to("/nowhere/at/all/audit.jsonl")
        .capacity(0)
        .query(["page", "access_token"])
        .build()
        .unwrap_err();
    let setters: Vec<_> = error.mistakes().iter().map(|mistake| mistake.setter()).collect();
    assert_eq!(setters, ["capacity", "query", "file"]);
    assert!(JsonLines::builder().build().is_err());
}

#[test]
fn dropping_the_last_clone_writes_what_is_queued() {
    let lines = Lines::default();
    let sink = JsonLines::builder().writer(lines.clone()).build().unwrap();
    let clone = sink.clone();
    for _ in 0..100 {
        sink.completed(&record("/"));
    }
    drop(sink);
    drop(clone);
    assert_eq!(lines.all().len(), 100);
}

#[test]
fn a_flush_returns_when_the_lines_are_out() {
    let lines = Lines::default();
    let sink = JsonLines::builder().writer(lines.clone()).build().unwrap();
    for count in 1..=50 {
        sink.completed(&record("/"));
        sink.flush().unwrap();
        assert_eq!(lines.all().len(), count);
    }
    assert_eq!(sink.stats(), Stats { written: 50, dropped: 0, errors: 0 });
}

#[test]
fn records_beyond_the_capacity_are_dropped_counted_and_told_in_a_line() {
    let (writer, calls, script, lines) = Scripted::new();
    let clock = ManualClock::at_unix(Duration::from_secs(7));
    let builder = JsonLines::builder().writer(writer).capacity(16).with_clock(clock);
    let sink = builder.build().unwrap();
    sink.completed(&record("/first"));
    calls.recv().unwrap();
    for _ in 0..40 {
        sink.completed(&record("/next"));
    }
    assert_eq!(sink.stats(), Stats { written: 0, dropped: 25, errors: 0 });
    drop(script);
    sink.flush().unwrap();
    assert_eq!(sink.stats(), Stats { written: 16, dropped: 25, errors: 0 });
    let all = lines.all();
    assert_eq!(all.len(), 17);
    assert_eq!(
        all[1],
        json!({"time": "1970-01-01T00:00:07.000Z", "event": "dropped", "count": 25})
    );
}

#[test]
fn a_blocking_sink_waits_for_room_and_loses_nothing() {
    let (writer, calls, script, lines) = Scripted::new();
    let builder = JsonLines::builder().writer(writer).capacity(4).when_full(Full::Block);
    let sink = builder.build().unwrap();
    sink.completed(&record("/first"));
    calls.recv().unwrap();
    let pusher = sink.clone();
    let pushes = thread::spawn(move || (0..40).for_each(|_| pusher.completed(&record("/next"))));
    drop(script);
    pushes.join().unwrap();
    sink.flush().unwrap();
    assert_eq!(sink.stats(), Stats { written: 41, dropped: 0, errors: 0 });
    assert_eq!(lines.all().len(), 41);
}

#[test]
fn a_line_cut_short_by_a_full_disk_is_continued_where_it_broke_off() {
    let (writer, _calls, script, lines) = Scripted::new();
    let sink = JsonLines::builder().writer(writer).build().unwrap();
    for answer in [Ok(10), no_space(), no_space(), Ok(3), no_space()] {
        script.send(answer).unwrap();
    }
    sink.completed(&record("/kept"));
    let mut failures = 0;
    drop(script);
    while sink.flush().is_err() {
        failures += 1;
    }
    sink.completed(&record("/after"));
    sink.flush().unwrap();
    assert!((1..=3).contains(&failures));
    assert_eq!(sink.stats(), Stats { written: 2, dropped: 0, errors: 3 });
    let paths: Vec<_> = lines.all().iter().map(|line| line["path"].clone()).collect();
    assert_eq!(paths, ["/kept", "/after"]);
}

#[test]
fn a_broken_output_neither_blocks_requests_nor_the_shutdown() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::BrokenPipe))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let sink = JsonLines::builder().writer(Broken).capacity(10).build().unwrap();
    for _ in 0..1000 {
        sink.completed(&record("/"));
    }
    assert_eq!(sink.flush().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    let stats = sink.stats();
    assert_eq!((stats.written, stats.dropped), (0, 990));
    assert!(stats.errors >= 1);
}

#[test]
fn a_writer_that_panics_ends_the_sink_without_hanging_it() {
    struct Bomb;
    impl Write for Bomb {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("a foreign writer");
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let builder = JsonLines::builder().writer(Bomb).when_full(Full::Block);
    let sink = builder.capacity(1).build().unwrap();
    sink.completed(&record("/"));
    sink.completed(&record("/"));
    assert!(sink.flush().is_err() || sink.stats().dropped > 0);
    sink.completed(&record("/"));
    assert_eq!(sink.stats().written, 0);
}

#[test]
fn a_line_that_a_crash_left_open_is_ended_before_the_next() {
    let path = std::env::temp_dir().join(format!("parapet-crash-{}.jsonl", std::process::id()));
    std::fs::write(&path, "{\"event\":\"requ").unwrap();
    let sink = JsonLines::to(&path).build().unwrap();
    sink.completed(&record("/next"));
    drop(sink);
    let sink = JsonLines::to(&path).build().unwrap();
    sink.completed(&record("/last"));
    drop(sink);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(parsed(lines[1])["path"], "/next");
    assert_eq!(parsed(lines[2])["path"], "/last");
}

#[test]
#[cfg(unix)]
fn a_rotated_file_is_left_alone_once_the_sink_was_told_to_reopen() {
    let folder = std::env::temp_dir().join(format!("parapet-rotate-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (current, old) = (folder.join("audit.jsonl"), folder.join("audit.jsonl.1"));
    let sink = JsonLines::to(&current).build().unwrap();
    for (target, rotate) in [("/first", true), ("/second", false)] {
        sink.completed(&record(target));
        sink.flush().unwrap();
        if rotate {
            std::fs::rename(&current, &old).unwrap();
            sink.reopen();
        }
    }
    drop(sink);
    let paths = [&old, &current].map(|file| {
        parsed(&std::fs::read_to_string(file).unwrap())["path"].as_str().unwrap().to_owned()
    });
    assert_eq!(paths, ["/first", "/second"]);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn threads_that_push_at_once_lose_and_mix_nothing() {
    let lines = Lines::default();
    let sink = JsonLines::builder().writer(lines.clone()).capacity(64).when_full(Full::Block);
    let sink = sink.build().unwrap();
    thread::scope(|scope| {
        for thread in 0..4 {
            let sink = &sink;
            scope.spawn(move || {
                for count in 0..500 {
                    sink.completed(&record(&format!("/{thread}/{count}")));
                }
            });
        }
    });
    drop(sink);
    let mut paths: Vec<_> = lines.all().iter().map(|line| line["path"].to_string()).collect();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), 2000);
}

proptest! {
    #[test]
    fn any_path_a_request_can_carry_is_one_valid_line(
        path in prop::collection::vec(any::<u8>(), 0..80),
        note in any::<String>(),
    ) {
        let target = [b"/".as_slice(), &path].concat();
        if let Ok(uri) = Uri::try_from(target) {
            let mut record = record("/");
            record.uri = uri;
            record.notes.push(("note", note.clone().into()));
            let line = encoded(&record, &[]);
            prop_assert!(line.ends_with(char::is_whitespace));
            prop_assert_eq!(line.lines().count(), 1);
            let value = parsed(&line);
            prop_assert_eq!(&value["notes"]["note"], &note);
            let shown = Paths::Masked.shown(record.path(), None);
            prop_assert_eq!(&value["path"], &*shown);
        }
    }
}
