//! Recordings of agents that die and come back: each request at its time, what was done to the agents in
//! between, what was answered, and what the servers wrote and the nodes told meanwhile (recordings i, k02, k03). And the answers of one that is
//! only a client (k01).

use std::path::Path;
use std::time::Duration;

use http::Method;
use nomad_sim::cluster::{Behaviour, Cluster, Config, NodeConfig, Selector, State};
use nomad_sim::front::{Broken, MemoryFront, Outage};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::calls::{request, send};
use crate::recording::Names;
use crate::trace;

/// A read that shows less than was recorded at its moment is repeated: the simulated nodes may report, or be
/// missed, a little later than the recorded ones were.
const ATTEMPTS: usize = 60;
const PAUSE: Duration = Duration::from_millis(100);

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// `<web[0]#2>`: the second allocation of that name.
fn resolved(cluster: &Cluster, path: &str) -> String {
    let Some((before, rest)) = path.split_once('<') else {
        return path.to_owned();
    };
    let (label, after) = rest.split_once('>').expect("a label");
    let (name, generation) = label.split_once('#').expect("a generation");
    let (job, _) = name.split_once('.').expect("a job");
    let number: usize = generation.parse().expect("a number");
    let id = cluster.read(|state| {
        let allocations = state.job_allocations("default", job);
        let mut found: Vec<_> = allocations.filter(|alloc| alloc.name == name).collect();
        found.sort_by_key(|alloc| alloc.create_index);
        found[number - 1].id.clone()
    });
    format!("{before}{id}{after}")
}

/// The label of an allocation.
fn label(cluster: &Cluster, id: &str) -> String {
    cluster.read(|state| {
        let Some(own) = state.allocation(id) else {
            return String::new();
        };
        let same = state.job_allocations("default", &own.job.id);
        let older = same.filter(|it| it.name == own.name && it.create_index <= own.create_index);
        format!("<{}#{}>", own.name, older.count())
    })
}

/// The parts of an answer that the recording has kept.
fn cut(cluster: &Cluster, recorded: &Value, body: &[u8]) -> Value {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return String::from_utf8_lossy(body).into_owned().into();
    };
    let Some(list) = recorded.as_array() else {
        let states = body["AllocStates"].as_array();
        let states = states.map(|states| {
            let cut = |it: &Value| json!({"Field": it["Field"], "Value": it["Value"]});
            states.iter().map(cut).collect::<Vec<_>>()
        });
        return json!({"AllocStates": states, "ClientStatus": body["ClientStatus"]});
    };
    let keys: Vec<&String> = list[0].as_object().expect("objects").keys().collect();
    let mut simulated: Vec<Value> = body
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| {
            let value = |key: &str| match key {
                "Id" => label(cluster, text(item, "ID")).into(),
                "Next" => label(cluster, text(item, "NextAllocation")).into(),
                "Restarts" => item["TaskStates"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(task, state)| (task.clone(), state["Restarts"].clone()))
                    .collect::<serde_json::Map<_, _>>()
                    .into(),
                key => item[key].clone(),
            };
            keys.iter()
                .map(|key| ((*key).clone(), value(key)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        })
        .collect();
    simulated.sort_by_key(|item| (text(item, "Id").to_owned(), text(item, "Name").to_owned()));
    simulated.into()
}

/// What was answered differently; `None` if nothing was.
async fn differs(front: &MemoryFront, line: &Value, path: &str) -> Option<String> {
    let (req, res) = (&line["req"], &line["res"]);
    let cluster = front.agent().cluster();
    let mut query = text(req, "query").to_owned();
    if query.contains("<current>") {
        let list = send(front, request(&Method::GET, path, ""))
            .await
            .expect("a list");
        query = query.replace("<current>", &list.index().to_string());
    }
    let method = Method::from_bytes(text(req, "method").as_bytes()).expect("a method");
    let body = match &req["body"] {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let answer = send(front, request(&method, &format!("{path}?{query}"), &body)).await;
    let wanted = match text(res, "error") {
        "ConnectionRefusedError" => Some(Broken::Refused),
        "RemoteDisconnected" => Some(Broken::Cut),
        _ => None,
    };
    let answer = match (answer, wanted) {
        (Err(broken), Some(wanted)) if broken == wanted => return None,
        (Ok(answer), None) => answer,
        (answer, _) => return Some(format!("{res} was recorded, not {answer:?}")),
    };
    if res["status"] != answer.status {
        return Some(format!(
            "{res} was recorded, not {} {}",
            answer.status,
            answer.text()
        ));
    }
    let recorded = &res["body"];
    if recorded.is_null() {
        return None;
    }
    let simulated = cut(cluster, recorded, &answer.body);
    // What an agent that is only a client has asked a server for, it says so.
    let recorded = &match recorded
        .as_str()
        .and_then(|it| it.strip_prefix("rpc error: "))
    {
        Some(text) if simulated.as_str() == Some(text) => Value::from(text),
        _ => recorded.clone(),
    };
    (*recorded != simulated).then(|| format!("{recorded:#} was recorded, not {simulated:#}"))
}

/// Does what was done to an agent.
fn act(front: &MemoryFront, note: &str) {
    let (agent, cluster) = (front.agent(), front.agent().cluster());
    match note {
        "SIGKILL to the agent" => {
            cluster.kill_agent("node-1");
            agent.set_outage(Some(Outage::Down));
        }
        // It takes its time until it answers.
        "the agent is started again" => {}
        "the API answers again" => {
            cluster.start_agent("node-1");
            agent.set_outage(None);
        }
        "SIGKILL to the agent of node-3" => assert!(cluster.kill_agent("node-3")),
        "the agent of node-3 is started again" => assert!(cluster.start_agent("node-3")),
        note => panic!("{note}"),
    }
}

/// What is replayed, and where.
struct Situation<'a> {
    recording: &'a str,
    /// Its events are compared.
    job: &'a str,
    nodes: usize,
    /// Allocations that were on `node-3`.
    on_node_3: &'a [&'a str],
    rules: Vec<(Selector, Behaviour)>,
    /// The job was registered and purged before.
    purged_before: bool,
    /// What is different in the simulation, as the documentation of the crate says: this is not compared.
    aside: Aside,
}

#[derive(Clone, Copy, PartialEq)]
enum Aside {
    /// Evaluations for news of a node.
    NodeUpdates,
    /// All evaluations, and which of them an allocation waits for.
    Evaluations,
    /// How the processes of lost allocations end.
    Lost,
    /// Everything but answers.
    All,
}

impl Aside {
    fn cut(self, transactions: Vec<String>) -> Vec<String> {
        let is_kept = |part: &&str| match self {
            Self::NodeUpdates => !part.contains(" node-update "),
            Self::Evaluations => !part.starts_with("evaluation "),
            Self::Lost => true,
            Self::All => false,
        };
        let cut = |transaction: String| {
            let (kind, parts) = transaction.split_once(": ")?;
            let parts: Vec<_> = parts.split("; ").filter(is_kept).collect();
            let text = format!("{kind}: {}", parts.join("; "));
            let words = text.split(' ');
            let words: Vec<_> = words
                .filter(|word| self != Self::Evaluations || !word.starts_with("follow-up="))
                .collect();
            (!parts.is_empty()).then(|| words.join(" "))
        };
        transactions.into_iter().filter_map(cut).collect()
    }
}

/// Replays a recording. What is placed where depends on the seed: the first one is taken with which the allocations are placed as they were.
async fn replay(situation: &Situation<'_>) {
    for seed in 1..100 {
        if replay_with(situation, seed).await {
            return;
        }
    }
    panic!("{:?} are never on node-3", situation.on_node_3);
}

async fn replay_with(situation: &Situation<'_>, seed: u64) -> bool {
    let Situation {
        recording: name,
        job,
        nodes,
        on_node_3,
        rules,
        purged_before,
        aside,
    } = situation;
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures/recordings")
        .join(format!("{name}.jsonl"));
    let content = std::fs::read_to_string(&path).expect("the recording is there");
    let nodes = (1..=*nodes).map(|number| {
        let mut node = NodeConfig::named(&format!("node-{number}"));
        node.drivers = vec!["mock_driver".to_owned(), "raw_exec".to_owned()];
        node
    });
    let cluster = Cluster::new(Config {
        nodes: nodes.collect(),
        ..Config::seeded(seed)
    });
    for (selector, behaviour) in rules {
        cluster.behave(selector.clone(), behaviour.clone());
    }
    if *purged_before {
        let registered = content.lines().find_map(|line| {
            let mut line: Value = serde_json::from_str(line).ok()?;
            let spec = line["req"]["body"]["Job"].take();
            (spec["ID"] == *job).then_some(spec)
        });
        cluster
            .register(&registered.expect("a registration"))
            .expect("registered");
        sleep(Duration::from_secs(1)).await;
        cluster.deregister("default", job, true).expect("purged");
        sleep(Duration::from_secs(5)).await;
    }
    let first = cluster.read(State::latest_index) + 1;
    let front = MemoryFront::of(cluster.clone());
    let start = Instant::now();
    let mut behind = Duration::ZERO;
    let mut calls = Vec::new();
    let mut lines = Vec::new();
    for line in content.lines().skip(1) {
        let mut line: Value = serde_json::from_str(line).expect("a line of JSON");
        if !line["line"].is_null() {
            lines.push(line["line"].take());
            continue;
        }
        let at = Duration::from_secs_f64(line["t"].as_f64().expect("a time"));
        sleep_until(start + at + behind).await;
        let is_there = |label: &&str| {
            let id = resolved(&cluster, label);
            let there = |state: &State| {
                let found = state.allocation(&id);
                found.is_some_and(|it| it.node_name == "node-3")
            };
            cluster.read(there)
        };
        let placed = !line["note"]
            .as_str()
            .is_some_and(|it| it.contains("register"));
        if placed && !on_node_3.iter().all(is_there) {
            return false;
        }
        if line["req"].is_null() {
            act(&front, text(&line, "note"));
            continue;
        }
        let path = resolved(&cluster, text(&line["req"], "path"));
        if !line["dur"].is_null() {
            // Others are sent before it is answered.
            let front = front.clone();
            calls.push(tokio::spawn(async move {
                let found = differs(&front, &line, &path).await;
                assert_eq!(found, None, "{line}");
            }));
            tokio::task::yield_now().await;
            continue;
        }
        let waiting = Instant::now();
        let mut found = differs(&front, &line, &path).await;
        for _ in 1..ATTEMPTS {
            if found.is_none() || text(&line["req"], "method") != "GET" {
                break;
            }
            sleep(PAUSE).await;
            found = differs(&front, &line, &path).await;
        }
        behind += waiting.elapsed();
        assert_eq!(found, None, "{line}");
    }
    for call in calls {
        call.await.expect("as recorded");
    }
    sleep(Duration::from_secs(2)).await;
    if !lines.is_empty() {
        events(&cluster, first, job, &lines, *aside);
    }
    true
}

/// The servers wrote the same transactions about the job, in the same order, and its allocations went through the same states and events.
fn events(cluster: &Cluster, first: u64, job: &str, recorded: &[Value], aside: Aside) {
    let mut simulated = Vec::new();
    cluster.read(|state| {
        for change in state.changes().since(first) {
            let line = change.line();
            let mut events = line["Events"].as_array().into_iter().flatten();
            if events.any(|event| event["Key"] == job || event["FilterKeys"][0] == job) {
                simulated.push(line);
            }
        }
    });
    let (of_recorded, of_simulated) = (Names::of(recorded), Names::of(&simulated));
    assert_eq!(
        aside.cut(trace::servers(&simulated, &of_simulated)),
        aside.cut(trace::servers(recorded, &of_recorded))
    );
    let told = trace::nodes(&simulated, &of_simulated);
    for (name, recorded) in trace::nodes(recorded, &of_recorded) {
        let simulated = &told[&name];
        let is_lost = recorded.states.iter().any(|state| state == "lost");
        if aside == Aside::Lost && is_lost {
            assert!(simulated.went_through(&recorded), "allocation {name}");
            continue;
        }
        assert!(
            simulated.agrees(&recorded),
            "allocation {name}: {simulated:#?}, recorded {recorded:#?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn i_the_only_agent_dies_and_is_started_again() {
    let stubborn = (
        Selector::job("i-slow").task("app"),
        Behaviour::ignores_signal(),
    );
    replay(&Situation {
        recording: "i-agent-restart",
        job: "i-web",
        nodes: 1,
        on_node_3: &[],
        rules: vec![stubborn],
        purged_before: true,
        aside: Aside::NodeUpdates,
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn k02_the_agent_of_a_node_dies_and_is_started_again() {
    replay(&Situation {
        recording: "k02-node-dies",
        job: "k02-dead",
        nodes: 3,
        on_node_3: &["<k02-dead.web[0]#1>", "<k02-dead.any[0]#1>"],
        rules: Vec::new(),
        purged_before: false,
        aside: Aside::Lost,
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn k03_a_node_that_is_sat_out_disconnects_and_comes_back() {
    replay(&Situation {
        recording: "k03-node-disconnects",
        job: "k03-unknown",
        nodes: 3,
        on_node_3: &["<k03-unknown.keep[1]#1>", "<k03-unknown.swap[0]#1>"],
        rules: Vec::new(),
        purged_before: false,
        aside: Aside::Evaluations,
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn k01_an_agent_that_is_only_a_client() {
    let init = (
        Selector::job("k01-client").task("init"),
        Behaviour::exits_after(0, 0),
    );
    replay(&Situation {
        recording: "k01-client-only-agent",
        job: "k01-client",
        nodes: 3,
        on_node_3: &["<k01-client.web[2]#1>"],
        rules: vec![init],
        purged_before: false,
        aside: Aside::All,
    })
    .await;
}
