//! Streams of a real agent, opened again at their times (recordings h04 and g2).

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Version};
use nomad_sim::cluster::{Cluster, Config, NodeConfig};
use nomad_sim::front::{Agent, MemoryFront};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::support::{Got, Reader, cluster, job, open_as, settled, shortened};

/// With this seed the simulated node reports as often as the recorded one did.
const SEED: u64 = 17;

fn read(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures/recordings")
        .join(format!("{name}.jsonl"));
    let content = std::fs::read_to_string(&path).expect("the recording is there");
    let entries = content.lines().map(serde_json::from_str);
    entries.collect::<Result<_, _>>().expect("lines of JSON")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// What a stream showed: index and events of each line.
type Shown = Vec<(u64, Vec<String>)>;

/// Indexes and ids by their order, so that two clusters can be compared.
#[derive(Debug, Default)]
struct Names {
    indexes: BTreeMap<u64, usize>,
    ids: BTreeMap<String, String>,
}

impl Names {
    /// Learns from a stream that shows everything of the job.
    fn learn(&mut self, line: &Value) {
        let (index, _) = shortened(line);
        let next = self.indexes.len() + 1;
        self.indexes.entry(index).or_insert(next);
        for event in line["Events"].as_array().into_iter().flatten() {
            let (id, topic) = (text(event, "Key"), text(event, "Topic"));
            let same = self.ids.values().filter(|name| name.starts_with(topic));
            let name = format!("{topic}#{}", same.count() + 1);
            self.ids.entry(id.to_owned()).or_insert(name);
        }
    }

    fn in_text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (id, name) in &self.ids {
            // The recorder shortened long ids to eleven characters.
            let short: String = id.chars().take(12).collect();
            text = text.replace(id, name).replace(&short, name);
        }
        text
    }

    fn of(&self, shown: &Shown) -> Vec<String> {
        let lines = shown.iter().map(|(index, events)| {
            let rank = self.indexes.get(index).copied().unwrap_or(0);
            format!("{rank}: {}", self.in_text(&events.join(", ")))
        });
        lines.collect()
    }

    /// A query with the other cluster's indexes and ids instead of this one's.
    fn translated(&self, query: &str, other: &Self) -> String {
        let mut query = query.to_owned();
        for (index, rank) in &self.indexes {
            let theirs = other.indexes.iter().find(|(_, r)| *r == rank);
            if let Some((theirs, _)) = theirs {
                query = query.replace(&format!("index={index}"), &format!("index={theirs}"));
            }
        }
        for (id, name) in &self.ids {
            let theirs = other.ids.iter().find(|(_, n)| *n == name);
            if let Some((theirs, _)) = theirs {
                query = query.replace(id, theirs);
            }
        }
        query
    }
}

fn recorded(line: &Value) -> (u64, Vec<String>) {
    let events = line["Events"].as_array().into_iter().flatten();
    let events = events.map(|event| event.as_str().unwrap_or_default().to_owned());
    (line["Index"].as_u64().unwrap_or(0), events.collect())
}

async fn opened(front: &MemoryFront, entry: &Value, query: &str) -> Reader {
    let (note, head) = (text(entry, "note"), text(&entry["res"], "status_line"));
    let mut request = Request::builder().uri(format!("/v1/event/stream?{query}"));
    if head.starts_with("HTTP/1.0") {
        request = request.version(Version::HTTP_10);
    }
    if note.contains("gzip") {
        request = request.header("accept-encoding", "gzip");
    }
    let request = request.body(Bytes::new()).expect("a request");
    Reader::of(front.handle(request).await.expect("a head"))
}

/// Names and values of the headers, but for the time and the length.
fn headers(reader: &Reader) -> BTreeMap<String, String> {
    let headers = reader.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()));
    compared(headers)
}

fn recorded_headers(entry: &Value) -> BTreeMap<String, String> {
    let headers = entry["res"]["headers"].as_object().expect("headers");
    let headers = headers.iter();
    compared(headers.map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default())))
}

fn compared<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    headers
        .filter(|(name, _)| !["date", "content-length"].contains(&name.as_str()))
        .collect()
}

/// The recorded agent had served jobs of the same ids before, and much else since.
async fn has_been_used(cluster: &Cluster, entries: &[Value]) {
    for entry in entries
        .iter()
        .filter(|entry| entry["req"]["method"] == "PUT")
        .take(2)
    {
        let job = &entry["req"]["body"]["Job"];
        settled(cluster, job).await;
        cluster
            .deregister("default", text(job, "ID"), true)
            .expect("purged");
    }
    settled(cluster, &job("other", 1)).await;
    for _ in 0..60 {
        cluster
            .evaluate("default", "other", false)
            .expect("evaluated");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Head, positions, topics, keys and namespaces; the two lines of one index.
#[tokio::test(start_paused = true)]
async fn streams_show_what_was_recorded() {
    let entries = read("h04-event-stream");
    let mut node = NodeConfig::named("node-1");
    node.drivers = vec!["mock_driver".to_owned(), "raw_exec".to_owned()];
    let cluster = Cluster::new(Config {
        nodes: vec![node],
        ..Config::seeded(SEED)
    });
    let front = MemoryFront::new(Agent::new(cluster.clone()));
    has_been_used(&cluster, &entries).await;
    let start = Instant::now();
    let mut theirs = Names::default();
    let lines = |entries: &[Value]| -> Vec<Value> {
        let lines = entries
            .iter()
            .filter(|entry| entry["line"]["Index"].is_u64());
        lines.map(|entry| entry["line"].clone()).collect()
    };
    for line in lines(&entries) {
        theirs.learn(&line);
    }
    let mut ours = Names::default();
    let mut shown = Vec::new();
    let mut main = None;
    for entry in entries.iter().filter(|entry| !entry["req"].is_null()) {
        let at = entry["t"].as_f64().expect("a time");
        sleep_until(start + Duration::from_secs_f64(at)).await;
        let query = text(&entry["req"], "query");
        match text(&entry["req"], "path") {
            "/v1/jobs" => {
                cluster
                    .register(&entry["req"]["body"]["Job"])
                    .expect("registered");
                continue;
            }
            "/v1/event/stream" => {}
            path => panic!("unexpected {path}"),
        }
        if ours.indexes.is_empty() {
            // What is in the buffer is all of the job so far.
            let everything = "topic=Allocation:h04-web&topic=Evaluation:h04-web&topic=Deployment:h04-web&topic=Job:h04-web";
            for line in opened(&front, entry, everything)
                .await
                .lines(Duration::ZERO)
                .await
            {
                if line["Index"].is_u64() {
                    ours.learn(&line);
                }
            }
        }
        let mut reader = opened(&front, entry, &theirs.translated(query, &ours)).await;
        assert_eq!(headers(&reader), recorded_headers(entry), "{query}");
        if entry["stream"] == "main" {
            main = Some(reader);
            continue;
        }
        if at > 30.0 {
            break;
        }
        let status = text(&entry["res"], "status_line").split(' ').nth(1);
        assert_eq!(status, Some(&*reader.status.to_string()), "{query}");
        if reader.status != 200 {
            let body = reader.rest().await;
            assert_eq!(Some(&*body), entry["res"]["lines_shortened"][0].as_str());
            continue;
        }
        let got: Shown = reader
            .lines(Duration::from_millis(900))
            .await
            .iter()
            .map(shortened)
            .collect();
        let expected = entry["res"]["lines_shortened"].as_array().expect("lines");
        let expected: Shown = expected.iter().map(recorded).collect();
        shown.push((query, expected, got));
    }
    let mut main = main.expect("the main stream");
    let got = main.lines(Duration::from_secs(5)).await;
    for line in got.iter().filter(|line| line["Index"].is_u64()) {
        ours.learn(line);
    }
    for (query, expected, got) in &shown {
        assert_eq!(ours.of(got), theirs.of(expected), "{query}");
    }
    let sorted = |line: &Value, names: &Names| {
        let (index, mut events) = shortened(line);
        // The order within a line is chance.
        events.sort();
        names.of(&vec![(index, events)]).remove(0)
    };
    let got: Vec<String> = got.iter().skip(1).map(|line| sorted(line, &ours)).collect();
    let expected: Vec<String> = lines(&entries)
        .iter()
        .map(|line| sorted(line, &theirs))
        .collect();
    assert_eq!(got, expected);
}

/// What a token may not read has a head, no byte, and an end that comes for all at the same moment.
#[tokio::test(start_paused = true)]
async fn refused_streams_are_silent_and_close_together() {
    let front = MemoryFront::of(cluster(nomad_sim::model::Version::default()));
    front.agent().set_acl(Some(nomad_sim::api::Acl::new()));
    let mut entries: Vec<Value> = read("g2-acl-stream-refused");
    entries.retain(|entry| !entry["req"].is_null());
    entries.sort_by(|a, b| {
        a["t"]
            .as_f64()
            .partial_cmp(&b["t"].as_f64())
            .expect("times")
    });
    let start = Instant::now();
    let mut open = Vec::new();
    for entry in &entries {
        let at = entry["t"].as_f64().expect("a time");
        sleep_until(start + Duration::from_secs_f64(at)).await;
        let unknown = text(entry, "note").starts_with("unknown token");
        let token = if unknown {
            "aaaaaaaa-2222-3333-4444-555555555555"
        } else {
            ""
        };
        let reader = open_as(&front, text(&entry["req"], "query"), token).await;
        assert_eq!(reader.status, 200);
        open.push(tokio::spawn(async move {
            let mut reader = reader;
            let end = reader.next(Duration::from_secs(120)).await;
            (end, start.elapsed())
        }));
    }
    let mut ends = Vec::new();
    for reader in open {
        let (end, at) = reader.await.expect("read");
        assert_eq!(end, Got::End(String::new()));
        ends.push(at);
    }
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:?}");
    assert!(ends[0] > Duration::from_secs(40), "{ends:?}");
}
