//! What tasks have printed, and checks, over the API: recording l-task-logs, and what a node is asked while it cannot be asked.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use nomad_sim::api::{Acl, Token};
use nomad_sim::cluster::Cluster;
use nomad_sim::front::{Agent, MemoryFront};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::support::{Whole, allocations, cluster, get, send};

const SECRET: &str = "0a0a0a0a-1111-2222-3333-444444444444";

/// The recorded job: a task that says thirty lines and fails, and one that says a word and runs.
fn talkative() -> Value {
    let lines = (1..=30).map(|number| format!("line {number} of what went wrong\n"));
    let lines = lines.collect::<Vec<_>>().concat();
    let group = |name: &str, simulate: &Value| {
        json!({"Name": name, "Count": 1, "RestartPolicy": {"Attempts": 0, "Mode": "fail"},
            "ReschedulePolicy": {"Attempts": 0, "Unlimited": false},
            "Tasks": [{"Name": "app", "Driver": "raw_exec", "Config": {"simulate": simulate}}]})
    };
    json!({"ID": "logs", "Name": "logs", "TaskGroups": [
        group("fails", &json!({"stderr": lines, "run_for": "10ms", "exit_code": 1})),
        group("runs", &json!({"stdout": "out\n"}))]})
}

async fn settled(cluster: &Cluster, job: &Value) {
    cluster.register(job).unwrap();
    sleep(Duration::from_secs(4)).await;
}

async fn ask(front: &MemoryFront, path: &str, query: &str, gzip: bool) -> Whole {
    let mut request = Request::builder()
        .method(Method::GET)
        .uri(format!("{path}?{query}"))
        .header("x-nomad-token", SECRET);
    if gzip {
        request = request.header("accept-encoding", "gzip");
    }
    let answer = send(front, request.body(Bytes::new()).unwrap()).await;
    answer.expect("an answer")
}

fn unzipped(answer: &Whole) -> String {
    let mut text = String::new();
    let mut decoder = flate2::read::GzDecoder::new(&*answer.body);
    std::io::Read::read_to_string(&mut decoder, &mut text).expect("gzip");
    text
}

#[tokio::test(start_paused = true)]
async fn logs_are_answered_as_recorded() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/recordings/l-task-logs.jsonl");
    let content = std::fs::read_to_string(path).expect("the recording is there");
    let front = MemoryFront::new(Agent::new(cluster()));
    let cluster = front.agent().cluster().clone();
    settled(&cluster, &talkative()).await;
    let ids: Vec<(String, String)> = cluster.read(|state| {
        let all = state.job_allocations("default", "logs");
        all.map(|alloc| (alloc.group.clone(), alloc.id.clone()))
            .collect()
    });
    let mut known = Vec::new();
    let mut compared = 0;
    for line in content.lines() {
        let entry: Value = serde_json::from_str(line).expect("a line of JSON");
        let (req, res) = (&entry["req"], &entry["res"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if entry["note"] == "the two allocations" {
            for stub in res["body"].as_array().unwrap() {
                let mut same = ids.iter().filter(|(group, _)| stub["TaskGroup"] == **group);
                known.push((text(&stub["ID"]), same.next().unwrap().1.clone()));
            }
            continue;
        }
        if req.is_null() {
            continue;
        }
        let note = text(&entry["note"]);
        if note == "after the job was purged" {
            cluster.deregister("default", "logs", true).unwrap();
        }
        // Where nothing is said of the token, it may do all of this.
        let given = note.split_once("token with ").map(|(_, rights)| rights);
        let rights = ["read-job", "read-logs", "read-fs"].into_iter();
        let rights = rights.filter(|right| given.is_none_or(|given| given.contains(right)));
        let token = rights.fold(Token::named("reader"), |token, right| {
            token.allow("default", right)
        });
        front.agent().set_acl(Some(Acl::new().with(SECRET, token)));
        let translated = |text: String| {
            let known = known.iter();
            known.fold(text, |text, (theirs, ours)| text.replace(theirs, ours))
        };
        let path = translated(text(&req["path"]));
        let gzip = note == "gzip";
        let answer = ask(&front, &path, &text(&req["query"]), gzip).await;
        let what = format!("{note} {}", answer.text());
        assert_eq!(json!(answer.status), res["status"], "{what}");
        for header in [
            "Content-Type",
            "Content-Encoding",
            "Vary",
            "Content-Length",
            "Transfer-Encoding",
        ] {
            let simulated = answer.headers.get(header).map(|it| it.to_str().unwrap());
            assert_eq!(
                simulated,
                res["headers"][header].as_str(),
                "{header}: {what}"
            );
        }
        match &res["body"] {
            Value::String(recorded) if gzip => assert_eq!(&unzipped(&answer), recorded),
            Value::String(recorded) => {
                assert_eq!(answer.text(), translated(recorded.clone()), "{what}");
            }
            recorded => assert_eq!(&answer.json(), recorded, "{what}"),
        }
        compared += 1;
    }
    assert_eq!(compared, 15);
}

#[tokio::test(start_paused = true)]
async fn what_a_process_says_stays_when_it_starts_again() {
    let front = MemoryFront::new(Agent::new(cluster()));
    let cluster = front.agent().cluster().clone();
    settled(&cluster, &talkative()).await;
    let ids = allocations(&cluster, "logs");
    let (id, log) = loop_for_log(&cluster, &ids);
    assert_eq!(log, b"out\n");
    cluster.restart_allocation(&id, "", false).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(cluster.log(&id, "app", false).unwrap(), b"out\nout\n");
    // Nothing was said there: no byte in either form.
    for plain in ["", "&plain=true"] {
        let target = format!("/v1/client/fs/logs/{id}?task=app&type=stderr{plain}");
        let answer = get(&front, &target).await;
        assert_eq!((answer.status, &*answer.text()), (200, ""));
    }
}

/// The allocation that has said something to its standard output, and what.
fn loop_for_log(cluster: &Cluster, ids: &[String]) -> (String, Vec<u8>) {
    let mut said = ids.iter().filter_map(|id| {
        let log = cluster.log(id, "app", false).unwrap();
        (!log.is_empty()).then(|| (id.clone(), log))
    });
    said.next().expect("one of them")
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_be_asked_has_neither_logs_nor_checks() {
    let front = MemoryFront::new(Agent::new(cluster()));
    let cluster = front.agent().cluster().clone();
    settled(&cluster, &talkative()).await;
    let id = allocations(&cluster, "logs").remove(0);
    let node = cluster.read(|state| state.allocation(&id).unwrap().node_id.clone());
    assert!(cluster.kill_agent(&node));
    let checks = format!("/v1/client/allocation/{id}/checks");
    let logs = format!("/v1/client/fs/logs/{id}?task=app&type=stderr&plain=true");
    for (target, status, text) in [
        (&checks, 500, "EOF"),
        (&checks, 404, "No path to node"),
        (&logs, 404, "No path to node"),
    ] {
        let answer = get(&front, target).await;
        assert_eq!((answer.status, &*answer.text()), (status, text), "{target}");
    }
}

#[tokio::test(start_paused = true)]
async fn checks_need_the_right_to_read_the_job() {
    let front = MemoryFront::new(Agent::new(cluster()));
    let cluster = front.agent().cluster().clone();
    let mut job = talkative();
    job["TaskGroups"][1]["Networks"] = json!([{"DynamicPorts": [{"Label": "http"}]}]);
    job["TaskGroups"][1]["Tasks"][0]["Services"] = json!([{"Name": "app", "PortLabel": "http",
        "Provider": "nomad", "Checks": [{"Name": "up", "Type": "http", "Path": "/",
            "Interval": 1_000_000_000_i64, "Timeout": 1_000_000_000_i64}]}]);
    settled(&cluster, &job).await;
    let id = cluster.read(|state| {
        let mut all = state.job_allocations("default", "logs");
        all.find(|alloc| alloc.group == "runs").unwrap().id.clone()
    });
    // The second path is another name of the first.
    for path in [
        format!("/v1/client/allocation/{id}/checks"),
        format!("/v1/allocation/{id}/checks"),
    ] {
        for (right, status) in [
            ("list-jobs", 403),
            ("alloc-lifecycle", 403),
            ("read-job", 200),
        ] {
            let token = Token::named("some").allow("default", right);
            front.agent().set_acl(Some(Acl::new().with(SECRET, token)));
            let answer = ask(&front, &path, "", false).await;
            assert_eq!(answer.status, status, "{right}: {}", answer.text());
        }
        let answer = ask(&front, &path, "", false).await.json();
        let results: Vec<&Value> = answer.as_object().unwrap().values().collect();
        assert_eq!(results.len(), 1);
        assert_eq!(results[0]["Status"], "success");
    }
    let unknown = "/v1/client/allocation/00000000-0000-0000-0000-000000000000/checks";
    let answer = ask(&front, unknown, "", false).await;
    let text = "Unknown allocation \"00000000-0000-0000-0000-000000000000\"";
    assert_eq!((answer.status, &*answer.text()), (404, text));
}
