//! What a seed draws: a cluster with a job, a command line, and what goes wrong, as data.

mod spec;
mod text;
mod words;

use std::ops::RangeInclusive;
use std::time::Duration;

use nomad_sim::front::{Fault, Outage};
use nomad_sim::model::Version;
use serde_json::Value;

/// The job that every scene is about.
pub(super) const JOB: &str = "web";
/// The token that some commands carry. It must never be seen.
pub(super) const SECRET: &str = "5ec2e7a0-0000-4000-8000-c0ffee5ec2e7";

/// One scene.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub(super) seed: u64,
    /// Nothing goes wrong, nobody interferes: the run must succeed without a word.
    pub(super) calm: bool,
    pub(super) version: Version,
    pub(super) nodes: usize,
    /// Unless it is `default`, only requests that name it are answered.
    pub(super) namespace: &'static str,
    pub(super) kind: &'static str,
    pub(super) groups: Vec<Group>,
    /// The agent serves event streams.
    pub(super) stream: bool,
    /// Bodies arrive in pieces of at most so many bytes.
    pub(super) chunk: usize,
    /// Each answer takes so long.
    pub(super) latency: Duration,
    /// How many allocations are stopped by hand before the run.
    pub(super) stopped_before: usize,
    /// From the moment when everything runs to the start of the program.
    pub(super) age: Duration,
    /// The job is registered again, changed, so long before the start of the program: a deployment is under way.
    pub(super) deploying: Option<Duration>,
    pub(super) command: Command,
    pub(super) terminal: bool,
    /// One for each question; when they are used up, all is agreed to.
    pub(super) answers: Vec<(Duration, Reply)>,
    pub(super) faults: Vec<Trouble>,
    pub(super) outages: Vec<(When, Outage, Duration)>,
    /// The index goes back by so much.
    pub(super) rewind: Option<(When, u64)>,
    pub(super) actors: Vec<(When, Actor)>,
    pub(super) signals: Vec<(When, i32)>,
    /// Nobody reads stdout any more after so many lines.
    pub(super) stdout_lines: Option<usize>,
}

#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) count: u32,
    pub(super) tasks: Vec<Task>,
    pub(super) shutdown_delay: Duration,
    /// A failed task is started again so often, a second later.
    pub(super) restarts: u32,
    /// `fail` or `delay`.
    pub(super) mode: &'static str,
    /// A failed allocation is replaced so often, five seconds later; `None` = always.
    pub(super) reschedules: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Main,
    /// Before the main tasks, and ends.
    Prestart,
    /// Beside the main tasks.
    Sidecar,
    /// After the start of the main tasks, and ends.
    Poststart,
    Poststop,
}

#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) name: &'static str,
    pub(super) part: Part,
    pub(super) kill_timeout: Duration,
    pub(super) shutdown_delay: Duration,
    /// How its processes behave: the key `simulate` of the simulated drivers.
    pub(super) rules: Vec<Value>,
    pub(super) checks: Vec<Check>,
}

/// A check of a service of the provider `nomad`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Check {
    pub(super) http: bool,
    pub(super) interval: Duration,
    /// Health goes by it.
    pub(super) counts: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Command {
    pub(super) batch: Option<Batch>,
    pub(super) wait: Option<Wait>,
    /// `-batch-mode=window`.
    pub(super) window: bool,
    pub(super) on_error: Option<&'static str>,
    pub(super) yes: bool,
    pub(super) groups: Vec<&'static str>,
    pub(super) tasks: Vec<&'static str>,
    pub(super) all_tasks: bool,
    pub(super) reschedule: bool,
    pub(super) no_shutdown_delay: bool,
    pub(super) timeout: Option<Duration>,
    /// `-started-before`, relative to the start of the program, in seconds.
    pub(super) started_before: Option<i64>,
    pub(super) older_than: Option<Duration>,
    /// `-wait=healthy`.
    pub(super) healthy: bool,
    pub(super) min_healthy: Option<Duration>,
    pub(super) max_failures: Option<Batch>,
    /// `-on-deployment=wait`.
    pub(super) await_deployment: bool,
    pub(super) json: bool,
    pub(super) detailed: bool,
    pub(super) dry_run: bool,
    pub(super) verbose: bool,
    pub(super) token: bool,
}

/// A number, or a share.
#[derive(Clone, Copy, Debug)]
pub(super) enum Batch {
    Count(usize),
    Percent(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Wait {
    For(Duration),
    Ask,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Yes,
    No,
    Empty,
    Pause(u64),
    Nonsense,
    /// End of input.
    End,
}

/// A moment of the run.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    /// Once the program has sent so many writes,
    pub(super) writes: usize,
    /// so long after.
    pub(super) then: Duration,
}

/// A fault of some calls.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    /// Part of the path.
    pub(super) path: &'static str,
    pub(super) write: bool,
    pub(super) calls: RangeInclusive<u64>,
    pub(super) fault: Fault,
}

/// What somebody else does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Actor {
    /// Drains a node, and after a while takes it back.
    Drain(usize, Duration),
    Ineligible(usize),
    /// A node's agent dies, and after a while is back.
    KillAgent(usize, Duration),
    PurgeNode(usize),
    /// Registers the job again, changed: every allocation is replaced in a deployment.
    Update,
    Scale(&'static str, u32),
    StopJob,
    PurgeJob,
    /// Another operator restarts one of the allocations that run, counted in the order of processing.
    Restart(usize),
    Stop(usize),
    Evaluate,
    /// The token of the command is deleted.
    Revoke,
}

impl Plot {
    pub(super) fn allocations(&self) -> usize {
        let per_group = |group: &Group| {
            if self.kind == "system" {
                self.nodes
            } else {
                usize::try_from(group.count).unwrap()
            }
        };
        self.groups.iter().map(per_group).sum()
    }

    /// How long health has to hold in this group.
    pub(super) fn healthy_time(&self) -> Duration {
        let of_job = match self.kind {
            "service" => spec::MIN_HEALTHY,
            _ => spec::MIN_HEALTHY_ELSE,
        };
        self.command.min_healthy.unwrap_or(of_job)
    }

    pub(super) fn group(&self, name: &str) -> &Group {
        self.groups.iter().find(|it| it.name == name).unwrap()
    }
}

impl Command {
    /// Allocations are chosen by their age.
    pub(super) fn by_age(&self) -> bool {
        self.started_before.is_some() || self.older_than.is_some()
    }
}

impl Group {
    pub(super) fn has_checks(&self) -> bool {
        self.tasks.iter().any(|task| !task.checks.is_empty())
    }
}

impl Task {
    /// Whether it is meant to run for as long as its allocation does.
    pub(super) fn stays(&self) -> bool {
        matches!(self.part, Part::Main | Part::Sidecar)
    }
}
