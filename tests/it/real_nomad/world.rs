//! A cluster as any client sees it: a real agent's, or the simulated one behind an HTTP address.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use crate::jobs::cluster;
use crate::support::{Program, Served, runtime};

/// No step of a case takes this long.
const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(100);

/// Cases that make nodes ineligible run alone: it concerns every job of the cluster.
static NODES: RwLock<()> = RwLock::new(());

/// Held while a case runs.
#[expect(
    dead_code,
    reason = "the guards are held for what their drop does, and never looked at"
)]
enum Turn {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

/// What a case works with. Takes its jobs away at the end, also after a panic.
pub(super) struct World {
    address: String,
    token: Option<String>,
    /// What every job of the case begins with.
    prefix: String,
    jobs: Vec<String>,
    ineligible: Vec<String>,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    turn: Option<Turn>,
    /// Behind the address, unless a real agent is.
    _served: Option<Served>,
}

impl World {
    pub(super) fn real(case: &str, address: &str, token: Option<&str>) -> Self {
        let shared = NODES.read().unwrap_or_else(PoisonError::into_inner);
        let mut world = Self::at(case, address.trim_end_matches('/'), token, None);
        world.turn = Some(Turn::Shared(shared));
        world
    }

    pub(super) fn simulated(case: &str) -> Self {
        let served = Served::start(|| cluster(1));
        let address = served.address.clone();
        Self::at(case, &address, None, Some(served))
    }

    fn at(case: &str, address: &str, token: Option<&str>, served: Option<Served>) -> Self {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let case = case.replace('_', "-");
        let builder = reqwest::Client::builder().no_proxy();
        Self {
            address: address.to_owned(),
            token: token.map(str::to_owned),
            prefix: format!("e2e-{:x}-{run}-{case}", std::process::id()),
            jobs: Vec::new(),
            ineligible: Vec::new(),
            client: builder.timeout(PATIENCE).build().unwrap(),
            runtime: runtime(),
            turn: None,
            _served: served,
        }
    }

    /// The id of a job of this case.
    pub(super) fn name(&self, job: &str) -> String {
        format!("{}-{job}", self.prefix)
    }

    /// Status and body of one call; `null` for a body that is no JSON.
    fn call(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(u16, Value), reqwest::Error> {
        let mut request = self
            .client
            .request(method.clone(), format!("{}{path}", self.address));
        if let Some(token) = &self.token {
            request = request.header("X-Nomad-Token", token);
        }
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        self.runtime.block_on(async {
            let answer = request.send().await?;
            let status = answer.status().as_u16();
            let body = answer.bytes().await?;
            Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
        })
    }

    #[track_caller]
    pub(super) fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(&Method::GET, path, None).unwrap();
        assert_eq!(status, 200, "GET {path}");
        body
    }

    #[track_caller]
    pub(super) fn put(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.call(&Method::PUT, path, Some(body)).unwrap();
        assert_eq!(status, 200, "PUT {path}");
        answer
    }

    /// Registers a job and waits until it runs.
    #[track_caller]
    pub(super) fn running(&mut self, job: &Value) -> String {
        let id = job["ID"].as_str().unwrap().to_owned();
        self.jobs.push(id.clone());
        self.put("/v1/jobs", &json!({"Job": job}));
        let count = |group: &Value| group["Count"].as_u64().unwrap();
        let groups = job["TaskGroups"].as_array().unwrap();
        // Of a system job one on each node: how many those are, the cluster knows.
        let least = groups.iter().map(count).sum::<u64>();
        self.until("it runs", |world| {
            let allocations = world.allocations(&id);
            let deployment = world.get(&format!("/v1/job/{id}/deployment"));
            let running = |it: &Allocation| it.status == "running";
            allocations.len() as u64 >= least
                && allocations.iter().all(running)
                && (deployment.is_null() || deployment["Status"] == "successful")
        });
        id
    }

    /// Asks until the answer is yes.
    #[track_caller]
    pub(super) fn until(&self, what: &str, yes: impl Fn(&Self) -> bool) {
        let began = std::time::Instant::now();
        while !yes(self) {
            assert!(
                began.elapsed() < PATIENCE,
                "not within {PATIENCE:?}: {what}"
            );
            std::thread::sleep(PAUSE);
        }
    }

    /// The allocations of a job that the servers want to run, oldest first.
    pub(super) fn allocations(&self, job: &str) -> Vec<Allocation> {
        let all = self.all_allocations(job).into_iter();
        all.filter(|allocation| allocation.wanted).collect()
    }

    /// All allocations of a job, oldest first, in the order of their names where they were made at once.
    pub(super) fn all_allocations(&self, job: &str) -> Vec<Allocation> {
        let list = self.get(&format!("/v1/job/{job}/allocations"));
        let mut all: Vec<Value> = list.as_array().unwrap().clone();
        all.sort_by_key(|it| (it["CreateIndex"].as_u64(), it["Name"].to_string()));
        all.iter().map(Allocation::read).collect()
    }

    /// Makes every node take no allocations until the case is over. No other case runs meanwhile.
    pub(super) fn close_nodes(&mut self) {
        if let Some(Turn::Shared(shared)) = self.turn.take() {
            drop(shared);
            let alone = NODES.write().unwrap_or_else(PoisonError::into_inner);
            self.turn = Some(Turn::Alone(alone));
        }
        for node in self.get("/v1/nodes").as_array().unwrap() {
            let id = node["ID"].as_str().unwrap().to_owned();
            self.ineligible.push(id.clone());
            let (status, _) = self.eligibility(&id, "ineligible").unwrap();
            assert_eq!(status, 200, "{id}");
        }
    }

    fn eligibility(&self, node: &str, eligibility: &str) -> Result<(u16, Value), reqwest::Error> {
        let body = json!({"Eligibility": eligibility});
        let path = format!("/v1/node/{node}/eligibility");
        self.call(&Method::PUT, &path, Some(&body))
    }

    /// The real binary, pointed at this cluster.
    pub(super) fn program(&self, args: &[&str]) -> Program {
        self.at_home(Program::new(args))
    }

    /// A command of the shell, as the program prints it.
    pub(super) fn command(&self, command: &str) -> Program {
        self.at_home(Program::shell(command))
    }

    fn at_home(&self, program: Program) -> Program {
        let program = program.env("NOMAD_ADDR", &self.address);
        match &self.token {
            Some(token) => program.env("NOMAD_TOKEN", token),
            None => program,
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Everything is tried, whatever fails: a case that has failed has its own text.
        let mut left = Vec::new();
        for node in std::mem::take(&mut self.ineligible) {
            let done = self.eligibility(&node, "eligible");
            left.extend(done.is_err().then_some(node));
        }
        for job in std::mem::take(&mut self.jobs) {
            let done = self.call(&Method::DELETE, &format!("/v1/job/{job}?purge=true"), None);
            left.extend(done.is_err().then_some(job));
        }
        if !std::thread::panicking() {
            assert!(left.is_empty(), "not cleaned up: {left:?}");
        }
    }
}

/// What the API says of an allocation.
#[derive(Clone, Debug)]
pub(super) struct Allocation {
    pub(super) id: String,
    pub(super) group: String,
    pub(super) node: String,
    pub(super) status: String,
    pub(super) wanted: bool,
    tasks: Value,
}

impl Allocation {
    fn read(stub: &Value) -> Self {
        let text = |key: &str| stub[key].as_str().unwrap_or_default().to_owned();
        Self {
            id: text("ID"),
            group: text("TaskGroup"),
            node: text("NodeID"),
            status: text("ClientStatus"),
            wanted: stub["DesiredStatus"] == "run",
            tasks: stub["TaskStates"].clone(),
        }
    }

    /// How often a task was started again.
    pub(super) fn restarts(&self, task: &str) -> u64 {
        self.tasks[task]["Restarts"].as_u64().unwrap_or(0)
    }

    pub(super) fn state(&self, task: &str) -> &str {
        self.tasks[task]["State"].as_str().unwrap_or_default()
    }

    /// When the task's present process was started, by its node's clock.
    pub(super) fn started(&self, task: &str) -> DateTime<Utc> {
        let time = self.tasks[task]["StartedAt"].as_str().unwrap_or_default();
        time.parse().unwrap_or_else(|_| panic!("{task}: {self:?}"))
    }

    /// When the task was last told to restart, by its node's clock.
    pub(super) fn told(&self, task: &str) -> DateTime<Utc> {
        let events = self.tasks[task]["Events"].as_array().unwrap();
        let mut told = events.iter().rev();
        let told = told.find(|event| event["Type"] == "Restart Signaled");
        DateTime::from_timestamp_nanos(told.unwrap()["Time"].as_i64().unwrap())
    }
}
