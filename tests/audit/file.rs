//! Records in a file: at the end of a service, and on a full disk.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_queued_when_the_service_ends_is_in_the_file() {
    let folder = Folder::new("shutdown");
    let path = folder.path.join("audit.jsonl");
    let mut service = Service::start(JsonLines::to(&path).build().unwrap(), vec![]).await;
    for _ in 0..50 {
        assert_eq!(status(service.address, "/open/ok").await, 200);
    }
    let mut ended = std::mem::replace(&mut service.ended, mpsc::unbounded_channel().1);
    service.stop().await;
    // The stack lets go of the sink first and of the channel's other end last.
    while ended.recv().await.is_some() {}
    assert_eq!(parsed(&std::fs::read_to_string(&path).unwrap()).len(), 50);
}

/// A folder of the test's own, gone when the test is.
struct Folder {
    path: PathBuf,
    mounted: bool,
}

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("parapet-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self { path, mounted: false }
    }

    /// One mebibyte of real disk; or why the machine refuses.
    fn small_disk(name: &str) -> Result<Self, String> {
        let mut folder = Self::new(name);
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&folder.path);
        let done = mount.output().map_err(|error| error.to_string())?;
        folder.mounted = done.status.success();
        if folder.mounted {
            return Ok(folder);
        }
        Err(String::from_utf8_lossy(&done.stderr).trim().to_owned())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.mounted {
            let _ = Command::new("umount").arg(&self.path).status();
        }
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    while file.write_all(&[b'x'; 4096]).is_ok() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_no_request_and_no_line_is_torn_when_there_is_room_again() {
    let disk = match Folder::small_disk("full") {
        Ok(disk) => disk,
        Err(why) if std::env::var_os("CI").is_some() => panic!("no small disk to fill: {why}"),
        Err(why) => return println!("skipped, no small disk to fill: {why}"),
    };
    let (path, filler) = (disk.path.join("audit.jsonl"), disk.path.join("filler"));
    let sink = JsonLines::to(&path).build().unwrap();
    let service = Service::start(sink.clone(), vec![]).await;
    assert_eq!(status(service.address, "/open/ok").await, 200);
    sink.flush().unwrap();
    fill(&filler);
    let mut sent = 1;
    while sink.stats().errors == 0 {
        assert_eq!(status(service.address, "/open/ok").await, 200);
        sent += 1;
    }
    for _ in 0..20 {
        assert_eq!(status(service.address, "/open/ok").await, 200);
        sent += 1;
    }
    assert_eq!(sink.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);
    std::fs::remove_file(&filler).unwrap();
    service.stop().await;
    while sink.flush().is_err() {}
    let stats = sink.stats();
    assert_eq!((stats.written, stats.dropped), (sent, 0));
    drop(sink);
    let all = parsed(&std::fs::read_to_string(&path).unwrap());
    assert_eq!(all.len() as u64, sent);
}
