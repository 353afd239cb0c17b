//! The state of the whole cluster and the loop that carries out what is due.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::behaviour::Rule;
use super::broker::Broker;
use super::changes::{Change, ChangeLog, Object};
use super::config::{Config, Timing};
use super::deployments::Watcher;
use super::node::{Node as NodeSide, Runner};
use super::report::Inbox;
use super::rng::Rng;
use super::tables::{AllocRef, DeploymentRef, EvalRef, JobRef, NodeRef, Tables};
use super::timers::Timers;
use super::truth::Truth;
use crate::model::{ApiError, Node, TaskResources, Time, Version};

/// Answer of a restart call, sent when the old processes are gone.
pub(crate) type Answer = oneshot::Sender<Result<(), ApiError>>;

/// Answer of a registration, a stop, a purge, a scaling or an evaluate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Empty where no evaluation is made (periodic and parameterized jobs).
    pub eval_id: String,
    pub eval_create_index: u64,
    pub job_modify_index: u64,
    /// Index of the answer, also its `X-Nomad-Index`.
    pub index: u64,
    pub warnings: String,
}

/// Answer of a stop of an allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    pub eval_id: String,
    pub index: u64,
}

/// Something that happens later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// The next step of the evaluation that a job's scheduler works on.
    Work { job: JobRef },
    /// Evaluations that a newer one made needless are cancelled.
    Cancel,
    /// A delayed evaluation's time has come.
    Delayed { eval: EvalRef },
    /// A node hears what the servers want of one of its allocations.
    Fetch { alloc: AllocRef },
    /// A node looks at what it has to report.
    Tick { node: NodeRef },
    /// The servers write the collected reports.
    Commit,
    /// A task's current step is over, unless its token has moved on.
    Task {
        alloc: AllocRef,
        task: usize,
        token: u32,
    },
    /// A waiting allocation begins.
    Begin { alloc: AllocRef },
    /// The group's shutdown delay of a stop, or of a restart call, is over.
    GroupDelay { alloc: AllocRef, token: u32 },
    /// An allocation was steady long enough, unless its token has moved on.
    Steady { alloc: AllocRef, token: u32 },
    /// A check of an allocation is run.
    Check { alloc: AllocRef, check: usize },
    /// An allocation's health must be decided.
    HealthDeadline { alloc: AllocRef },
    /// The deployment watcher has looked at a deployment.
    Watched { deployment: DeploymentRef },
    /// The watcher's collected evaluations are written.
    WatcherCommit { deployment: DeploymentRef },
    /// The drainer looks at a node.
    Drain { node: NodeRef },
    /// A node has not been heard of for too long.
    Heartbeat { node: NodeRef },
    /// A deployment must have made progress.
    Progress { deployment: DeploymentRef },
}

/// The whole cluster. Tests and fronts read it through [`super::Cluster::read`].
#[derive(Debug)]
pub struct State {
    pub(crate) now: Time,
    pub(crate) version: Version,
    pub(crate) timing: Timing,
    pub(crate) rng: Rng,
    pub(crate) tables: Tables,
    pub(crate) changes: ChangeLog,
    pub(crate) truth: Truth,
    pub(crate) broker: Broker,
    pub(crate) watcher: Watcher,
    pub(crate) inbox: Inbox,
    pub(crate) nodes: Vec<NodeSide>,
    /// By allocation; `None` before its node has heard of it and after it has forgotten it.
    pub(crate) runners: Vec<Option<Box<Runner>>>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) signing_key: Arc<str>,
    /// What the allocations of a group take, by job (its create index), version and group.
    pub(crate) resources: HashMap<(u64, u64, String), Arc<TaskResources>>,
    /// Behaviour rules of the specification, by job (its create index), version, group and task.
    pub(crate) task_rules: HashMap<(u64, u64, usize, usize), Arc<Vec<Rule>>>,
    timers: Timers<Due>,
}

impl State {
    pub(crate) fn new(config: Config, now: Time) -> Self {
        let mut rng = Rng::new(config.seed);
        let signing_key: Arc<str> = rng.uuid().into();
        let mut state = Self {
            now,
            version: config.version,
            timing: config.timing,
            rng,
            tables: Tables::default(),
            changes: ChangeLog::new(config.history),
            truth: Truth::default(),
            broker: Broker::default(),
            watcher: Watcher::default(),
            inbox: Inbox::default(),
            nodes: Vec::new(),
            runners: Vec::new(),
            rules: Vec::new(),
            signing_key,
            resources: HashMap::new(),
            task_rules: HashMap::new(),
            timers: Timers::default(),
        };
        // A fresh agent has written a few things of its own before the first node registers.
        state.tables.index = 7;
        for (number, node) in config.nodes.into_iter().enumerate() {
            state.tables.index += 1;
            let id = state.rng.uuid();
            let class = format!("v1:{}", state.rng.next());
            let phase = state.rng.within((0, state.timing.tick * 5));
            let port = 4646 + number * 10;
            let new = Node {
                id,
                name: node.name,
                address: "127.0.0.1".to_owned(),
                http_addr: format!("127.0.0.1:{port}"),
                datacenter: node.datacenter,
                class: node.class,
                pool: node.pool,
                drivers: node.drivers,
                cpu: node.cpu,
                memory_mb: node.memory_mb,
                disk_mb: node.disk_mb,
                meta: node
                    .meta
                    .into_iter()
                    .map(|(key, value)| (key, value.into()))
                    .collect(),
                drain: false,
                eligible: true,
                status: "ready",
                status_updated_at: now,
                registered_at: now,
                computed_class: class,
                create_index: state.tables.index,
                modify_index: state.tables.index,
                last_alloc_update_index: 0,
            };
            let stored = state.tables.put_node(number, new);
            state.nodes.push(NodeSide::new(now.plus(phase)));
            state.log("NodeRegistration", vec![Object::Node(stored)]);
        }
        state
    }

    /// When something is due next.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.timers.next()
    }

    pub(crate) fn plan(&mut self, at: Time, what: Due) {
        self.timers.plan(at.max(self.now), what);
    }

    /// Plans something after a delay of nanoseconds.
    pub(crate) fn plan_in(&mut self, delay: i64, what: Due) {
        self.plan(self.now.plus(delay), what);
    }

    /// A latency from one of the ranges of [`Timing`].
    pub(crate) fn draw(&mut self, range: (i64, i64)) -> i64 {
        self.rng.within(range)
    }

    /// Carries out everything that is due until `now`, each thing at its own time.
    pub(crate) fn run_until(&mut self, now: Time) {
        while let Some((at, what)) = self.timers.pop(now) {
            self.now = self.now.max(at);
            if !self.misses(what) {
                self.carry_out(what);
            }
        }
        self.now = self.now.max(now);
    }

    fn carry_out(&mut self, what: Due) {
        match what {
            Due::Work { job } => self.work(job),
            Due::Cancel => self.cancel_needless(),
            Due::Delayed { eval } => self.delayed(eval),
            Due::Fetch { alloc } => self.fetch(alloc),
            Due::Tick { node } => self.tick(node),
            Due::Commit => self.commit_reports(),
            Due::Task { alloc, task, token } => self.task_due(alloc, task, token),
            Due::Begin { alloc } => self.begin(alloc),
            Due::GroupDelay { alloc, token } => self.group_delay_over(alloc, token),
            Due::Steady { alloc, token } => self.steady(alloc, token),
            Due::Check { alloc, check } => self.run_check(alloc, check),
            Due::HealthDeadline { alloc } => self.health_deadline(alloc),
            Due::Watched { deployment } => self.watched(deployment),
            Due::WatcherCommit { deployment } => self.watcher_commit(deployment),
            Due::Drain { node } => self.drainer(node),
            Due::Heartbeat { node } => self.heartbeat_missed(node),
            Due::Progress { deployment } => self.progress_deadline(deployment),
        }
    }

    /// Begins a transaction: the next index.
    pub(crate) fn transaction(&mut self) -> u64 {
        self.tables.index += 1;
        self.tables.index
    }

    /// Tells the change log what the current transaction wrote.
    pub(crate) fn log(&mut self, kind: &'static str, objects: Vec<Object>) {
        if objects.is_empty() {
            return;
        }
        self.changes.push(Change {
            index: self.tables.index,
            time: self.now,
            kind,
            objects,
        });
    }

    pub(crate) fn add_rule(&mut self, rule: Rule) {
        self.rules.push(rule);
    }
}
