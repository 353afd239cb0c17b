//! Sends a recording's requests to a simulated cluster at their times, under tokio's paused time, and
//! compares answers and consequences.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nomad_sim::cluster::{Behaviour, Cluster, Config, Selector, State, Timing};
use nomad_sim::model::Version;
use serde_json::Value;
use tokio::time::Instant;

use crate::check;
use crate::recording::{Names, Recording, Request, read};
use crate::send::{Answer, send, translate};
use crate::trace;

/// Runs of each recording: latencies and the moments at which nodes report differ.
const SEEDS: u64 = 3;

/// What came of a replay.
pub(crate) struct Replay {
    pub(crate) recording: Recording,
    pub(crate) recorded: Names,
    /// The simulation's event lines of the recorded job.
    pub(crate) lines: Vec<Value>,
    pub(crate) simulated: Names,
    pub(crate) answers: Vec<(Request, Answer)>,
    /// What the checks of each allocation gave, one after the other.
    pub(crate) results: Results,
}

type Results = BTreeMap<String, Vec<Vec<String>>>;

/// Looks at the checks of a job all the time.
async fn look_at_checks(cluster: Cluster, job: String, results: Arc<Mutex<Results>>) {
    loop {
        let ids: Vec<String> = cluster.read(|state| {
            let all = state.job_allocations("default", &job);
            all.map(|alloc| alloc.id.clone()).collect()
        });
        for id in ids {
            if let Ok(answer) = cluster.checks(&id) {
                let mut results = results.lock().unwrap();
                let seen = results.entry(id).or_default();
                seen.push(check::results(&answer));
                seen.dedup();
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What the simulation has told of one job so far.
struct Seen {
    version: Version,
    job: String,
    next: u64,
    lines: Vec<Value>,
    names: Names,
    /// Lines that tell of the servers.
    transactions: usize,
}

impl Seen {
    fn update(&mut self, state: &State) {
        for change in state.changes().since(self.next) {
            let mut line = change.line();
            self.version.adapt(&mut line);
            let mut events = line["Events"].as_array().unwrap().iter();
            if events.any(|event| event["Key"] == self.job || event["FilterKeys"][0] == self.job) {
                self.names.learn(&line);
                let told = trace::servers(std::slice::from_ref(&line), &self.names);
                self.transactions += told.len();
                self.lines.push(line);
            }
        }
        self.next = state.latest_index() + 1;
    }
}

/// What the recorded shell scripts and the recorder's machine say in their own way.
#[derive(Default)]
pub(crate) struct Setting {
    pub(crate) timing: Timing,
    pub(crate) version: Version,
    /// The recording begins when this job has been running for a while.
    pub(crate) steady: Option<Value>,
    /// A job of this id was registered and purged before.
    pub(crate) purged_before: bool,
    /// How many nodes there are; one unless set.
    pub(crate) nodes: usize,
    /// Seconds of the recording, and what holds from then on.
    pub(crate) rules: Vec<(f64, Selector, Behaviour)>,
}

impl Setting {
    pub(crate) fn rule(mut self, selector: Selector, behaviour: Behaviour) -> Self {
        self.rules.push((0.0, selector, behaviour));
        self
    }

    pub(crate) fn later(mut self, at: f64, selector: Selector, behaviour: Behaviour) -> Self {
        self.rules.push((at, selector, behaviour));
        self
    }
}

/// Replays a recording.
async fn replay(name: &str, setting: &Setting, seed: u64) -> Replay {
    let recording = read(name);
    let recorded = Names::of(&recording.lines);
    let cluster = Cluster::new(Config {
        timing: setting.timing.clone(),
        version: setting.version,
        ..Config::seeded(seed).with_nodes(setting.nodes.max(1))
    });
    let registered = recording.requests.iter().find(|r| r.path == "/v1/jobs");
    let job = setting
        .steady
        .clone()
        .or_else(|| registered.map(|r| r.body["Job"].clone()))
        .unwrap();
    for (at, selector, behaviour) in &setting.rules {
        if *at == 0.0 {
            cluster.behave(selector.clone(), behaviour.clone());
        }
    }
    if setting.purged_before {
        cluster.register(&job).unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let id = job["ID"].as_str().unwrap();
        cluster.deregister("default", id, true).unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let job = job["ID"].as_str().unwrap().to_owned();
    let mut names = Names::default();
    if let Some(steady) = &setting.steady {
        cluster.register(steady).unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        cluster.read(|state| {
            for alloc in state.job_allocations("default", &job) {
                names.allocation(&alloc.id, &alloc.name);
            }
        });
    }
    let mut seen = Seen {
        version: setting.version,
        job,
        next: cluster.read(State::latest_index) + 1,
        lines: Vec::new(),
        names,
        transactions: 0,
    };
    let start = Instant::now();
    let moment = move |seconds: f64| start + Duration::from_secs_f64(seconds);
    let results = Arc::new(Mutex::new(Results::new()));
    let checked = |request: &Request| request.path.ends_with("/checks");
    let looking = recording.requests.iter().any(checked).then(|| {
        let results = Arc::clone(&results);
        tokio::spawn(look_at_checks(cluster.clone(), seen.job.clone(), results))
    });
    // What holds from a later moment on, last one first.
    let mut later: Vec<_> = setting.rules.iter().filter(|rule| rule.0 > 0.0).collect();
    later.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut calls = Vec::new();
    // The file has a request where its answer came; it was sent earlier.
    let mut requests = recording.requests.clone();
    requests.sort_by(|a, b| a.at.total_cmp(&b.at));
    let mut behind = Duration::ZERO;
    for request in requests {
        while let Some((at, selector, behaviour)) = later.pop_if(|rule| rule.0 <= request.at) {
            tokio::time::sleep_until(moment(*at) + behind).await;
            cluster.behave(selector.clone(), behaviour.clone());
        }
        tokio::time::sleep_until(moment(request.at) + behind).await;
        // What the servers had written by then they have written here too: when a node looks at what
        // it has to report is chance.
        let before = recording.times.partition_point(|time| *time < request.at);
        let expected = trace::servers(&recording.lines[..before], &recorded).len();
        let waiting = Instant::now();
        let caught_up = cluster.until(|state| {
            seen.update(state);
            (seen.transactions >= expected).then_some(())
        });
        tokio::time::timeout(Duration::from_secs(5), caught_up)
            .await
            .unwrap_or_else(|_| panic!("fewer than {expected} transactions"));
        behind += waiting.elapsed();
        cluster.read(|state| seen.update(state));
        let path = translate(&request.path, &recorded, &seen.names, &cluster);
        let call = tokio::spawn(send(cluster.clone(), request.clone(), path));
        // The request is sent before the next one; its answer must not hold that up.
        tokio::task::yield_now().await;
        if request.status == 0 {
            // The recorder closed the connection before the answer.
            tokio::time::sleep(Duration::from_secs_f64(request.took)).await;
            call.abort();
            continue;
        }
        calls.push((request, call));
    }
    let mut answers = Vec::new();
    for (request, call) in calls {
        let answer = call.await.unwrap();
        answers.extend(answer.map(|mut answer| {
            setting.version.adapt(&mut answer.body);
            (request, answer)
        }));
    }
    tokio::time::sleep_until(moment(recording.end + 1.5) + behind).await;
    cluster.read(|state| seen.update(state));
    if let Some(looking) = looking {
        looking.abort();
    }
    let results = std::mem::take(&mut *results.lock().unwrap());
    Replay {
        results,
        simulated: seen.names,
        lines: seen.lines,
        recorded,
        recording,
        answers,
    }
}

/// Replays a recording with several seeds and checks each run.
pub(crate) async fn conforms(name: &str, setting: Setting, check: impl Fn(&Replay)) {
    for seed in 1..=SEEDS {
        check(&replay(name, &setting, seed).await);
    }
}
