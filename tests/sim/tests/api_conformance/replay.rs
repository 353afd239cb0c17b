//! Sends the requests of a recording to a simulated cluster, each at its recorded time.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use nomad_sim::cluster::{Cluster, Config, NodeConfig};
use nomad_sim::front::{Agent, Answer, MemoryFront};
use nomad_sim::model::Time;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::compare::{Known, differences};

/// Headers of an answer that are compared; those of an index by their presence.
const HEADERS: [&str; 8] = [
    "Content-Type",
    "Content-Encoding",
    "Vary",
    "Location",
    "X-Nomad-Index",
    "X-Nomad-Knownleader",
    "X-Nomad-Lastcontact",
    "X-Nomad-Nexttoken",
];

/// A read that shows less than was recorded at its moment is repeated: the simulated nodes may report
/// a little later than the recorded one did.
const ATTEMPTS: usize = 20;
const PAUSE: Duration = Duration::from_millis(100);

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// A cluster like the recorded one: one node with two drivers.
fn cluster() -> Cluster {
    let mut node = NodeConfig::named("node-1");
    node.drivers = vec!["mock_driver".to_owned(), "raw_exec".to_owned()];
    Cluster::new(Config {
        start: Some(Time(1_795_507_336_000_000_000)),
        nodes: vec![node],
        ..Config::seeded(3)
    })
}

/// Plays a recording and returns what was answered differently.
pub(crate) async fn replay(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures/recordings")
        .join(format!("{name}.jsonl"));
    let content = std::fs::read_to_string(&path).expect("the recording is there");
    let front = MemoryFront::new(Agent::new(cluster()));
    let start = Instant::now();
    let mut known = Known::default();
    let mut problems = Vec::new();
    for line in content.lines() {
        let entry: Value = serde_json::from_str(line).expect("a line of JSON");
        if entry["req"].is_null() {
            continue;
        }
        let at = Duration::from_secs_f64(entry["t"].as_f64().unwrap_or(0.0));
        sleep_until(start + at).await;
        let (req, res) = (&entry["req"], &entry["res"]);
        let mut found = Vec::new();
        for _ in 0..ATTEMPTS {
            let mut learning = known.clone();
            let answer = front.handle(request(req, &known)).await.expect("answered");
            found = judge(res, answer, &mut learning).await;
            if found.is_empty() {
                known = learning;
                break;
            }
            if text(req, "method") != "GET" {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        known.under_way |= text(req, "path").ends_with("/restart");
        let told = format!(
            "{:.3} {} {} {} ({})",
            at.as_secs_f64(),
            text(req, "method"),
            text(req, "path"),
            text(req, "query"),
            text(&entry, "note")
        );
        problems.extend(found.iter().map(|problem| format!("{told}\n    {problem}")));
    }
    problems
}

fn request(req: &Value, known: &Known) -> Request<Bytes> {
    let path = known.translate(text(req, "path"));
    let query = known.translate(text(req, "query"));
    let query: Vec<String> = query
        .split('&')
        .map(|pair| match pair.strip_prefix("index=").map(str::parse) {
            Some(Ok(index)) => format!("index={}", known.index(index)),
            _ => pair.to_owned(),
        })
        .collect();
    let body = match &req["body"] {
        Value::Null => String::new(),
        Value::String(raw) => raw.clone(),
        json => json.to_string(),
    };
    Request::builder()
        .method(text(req, "method"))
        .uri(format!("{path}?{}", query.join("&")))
        .body(Bytes::from(known.translate(&body)))
        .expect("a request")
}

async fn judge(res: &Value, mut answer: Answer, known: &mut Known) -> Vec<String> {
    let mut problems = Vec::new();
    let body = answer.body.bytes().await.expect("a whole body");
    if u64::from(answer.status.as_u16()) != res["status"] {
        problems.push(format!(
            "recorded status {}, simulated {}: {}",
            res["status"],
            answer.status,
            String::from_utf8_lossy(&body)
        ));
        return problems;
    }
    problems.extend(headers(&res["headers"], &answer.headers, known));
    let recorded = &res["body"];
    let is_json = text(&res["headers"], "Content-Type") == "application/json";
    match recorded.as_str() {
        // Remarks of the recorder.
        Some(remark) if remark.starts_with('<') && is_json => {}
        Some(plain) if !is_json => {
            let simulated = String::from_utf8_lossy(&body);
            if known.translate(plain) != simulated {
                problems.push(format!("recorded {plain:?}, simulated {simulated:?}"));
            }
        }
        _ => match serde_json::from_slice::<Value>(&body) {
            Ok(simulated) => {
                problems.extend(differences(known, recorded, &simulated));
                problems.extend(own_index(res, &answer.headers, &simulated));
            }
            Err(error) => problems.push(format!("no JSON: {error}")),
        },
    }
    problems
}

fn headers(recorded: &Value, simulated: &HeaderMap, known: &mut Known) -> Vec<String> {
    let mut problems = Vec::new();
    for name in HEADERS {
        let recorded = recorded[name].as_str();
        let simulated = simulated.get(name).and_then(|value| value.to_str().ok());
        let same = match (name, recorded, simulated) {
            ("X-Nomad-Index", Some(recorded), Some(simulated)) => {
                let (recorded, simulated) = (recorded.parse(), simulated.parse());
                if let (Ok(recorded), Ok(simulated)) = (&recorded, &simulated) {
                    known.learn_index(*recorded, *simulated);
                }
                simulated.is_ok() && (recorded == Ok(0)) == (simulated == Ok(0))
            }
            // A token that begins with an index is an index and an id.
            ("X-Nomad-Nexttoken", Some(recorded), Some(simulated)) => {
                let numbered = recorded.starts_with(|c: char| c.is_ascii_digit());
                numbered || recorded == simulated
            }
            _ => recorded == simulated,
        };
        if !same {
            problems.push(format!(
                "{name}: recorded {recorded:?}, simulated {simulated:?}"
            ));
        }
    }
    problems
}

/// Single objects are answered with their own index, where the recording shows it so.
fn own_index(res: &Value, simulated: &HeaderMap, body: &Value) -> Option<String> {
    let own = |header: Option<&str>, body: &Value| {
        let header: u64 = header?.parse().ok()?;
        let index = body["ModifyIndex"].as_u64()?;
        Some(header == index)
    };
    let recorded = own(res["headers"]["X-Nomad-Index"].as_str(), &res["body"])?;
    let header = simulated.get("X-Nomad-Index")?.to_str().ok();
    let simulated = own(header, body)?;
    (recorded && !simulated).then(|| "X-Nomad-Index is not the object's".to_owned())
}
