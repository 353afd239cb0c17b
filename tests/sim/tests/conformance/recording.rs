//! Recordings of a real agent, as the fixtures hold them, and names that both sides share.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// A request of a recording with its answer. Times in seconds.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) at: f64,
    pub(crate) took: f64,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Value,
    pub(crate) status: u16,
    pub(crate) answer: Value,
    pub(crate) note: String,
}

/// A recording: its requests, and its event lines in order.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(crate) requests: Vec<Request>,
    pub(crate) lines: Vec<Value>,
    /// When each line arrived.
    pub(crate) times: Vec<f64>,
    /// When the recorder stopped watching.
    pub(crate) end: f64,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Reads `tests/fixtures/recordings/<name>.jsonl`.
pub(crate) fn read(name: &str) -> Recording {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures/recordings")
        .join(format!("{name}.jsonl"));
    let content = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let mut recording = Recording::default();
    for line in content.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let at = entry["t"].as_f64().unwrap_or(0.0);
        if !entry["line"].is_null() {
            recording.lines.push(entry["line"].clone());
            recording.times.push(at);
        } else if !entry["req"].is_null() {
            let (req, res) = (&entry["req"], &entry["res"]);
            recording.requests.push(Request {
                at,
                took: entry["dur"].as_f64().unwrap_or(0.0),
                method: text(&req["method"]),
                path: text(&req["path"]),
                query: text(&req["query"]),
                body: req["body"].clone(),
                status: u16::try_from(res["status"].as_u64().unwrap_or(0)).unwrap(),
                answer: res["body"].clone(),
                note: text(&entry["note"]),
            });
        }
        let took = entry["dur"].as_f64().unwrap_or(0.0);
        recording.end = recording.end.max(at + took);
    }
    recording
}

/// Names for ids that mean the same in a recording and in the simulation: allocations by name and
/// generation (`web[0]#2` is the second of that name), evaluations and deployments by their order.
#[derive(Debug, Default)]
pub(crate) struct Names {
    by_id: BTreeMap<String, String>,
    by_name: BTreeMap<String, String>,
    counts: BTreeMap<String, usize>,
}

impl Names {
    /// Learns the ids of some event lines, in their order.
    pub(crate) fn of<'a>(lines: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut names = Self::default();
        for line in lines {
            names.learn(line);
        }
        names
    }

    pub(crate) fn learn(&mut self, line: &Value) {
        let mut events: Vec<&Value> = line["Events"].as_array().unwrap().iter().collect();
        // The order of the objects within a line is chance.
        events.sort_by_key(|e| text(&e["Payload"]["Allocation"]["Name"]));
        for event in events {
            let id = text(&event["Key"]);
            match event["Topic"].as_str().unwrap() {
                "Allocation" => {
                    self.allocation(&id, &text(&event["Payload"]["Allocation"]["Name"]));
                }
                "Evaluation" => self.add(id, "eval"),
                "Deployment" => self.add(id, "deployment"),
                _ => {}
            }
        }
    }

    /// Learns the id of an allocation from its name, `job.group[index]`.
    pub(crate) fn allocation(&mut self, id: &str, name: &str) {
        let short = name.split_once('.').map_or(name, |(_, short)| short);
        self.add(id.to_owned(), short);
    }

    fn add(&mut self, id: String, kind: &str) {
        if self.by_id.contains_key(&id) {
            return;
        }
        let count = self.counts.entry(kind.to_owned()).or_default();
        *count += 1;
        let name = format!("{kind}#{count}");
        self.by_name.insert(name.clone(), id.clone());
        self.by_id.insert(id, name);
    }

    /// The name of an id, or the id itself.
    pub(crate) fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.by_id.get(id).map_or(id, String::as_str)
    }

    pub(crate) fn id(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(String::as_str)
    }

    /// A text with every known id replaced by its name.
    pub(crate) fn in_text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (id, name) in &self.by_id {
            if text.contains(id.as_str()) {
                text = text.replace(id.as_str(), name);
            }
        }
        text
    }
}
