//! What a seed draws: a cluster with a job, a command line, and what goes wrong, as data that reads as text.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use nomad_sim::front::{Fault, Outage};
use nomad_sim::model::Version;
use serde_json::{Value, json};

const SECOND: i64 = 1_000_000_000;

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
    pub(super) verbose: bool,
    pub(super) token: bool,
}

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

    /// The words of the command, with the moment that `-started-before` names.
    pub(super) fn words(&self, start: impl Fn(i64) -> String) -> Vec<String> {
        let command = &self.command;
        let mut words = vec!["nomad-restart".to_owned()];
        let mut flag = |is_set: bool, word: &str| {
            if is_set {
                words.push(word.to_owned());
            }
        };
        flag(self.namespace != "default", "-namespace=prod");
        flag(command.token, &format!("-token={SECRET}"));
        flag(command.yes, "-yes");
        flag(command.all_tasks, "-all-tasks");
        flag(command.reschedule, "-reschedule");
        flag(command.no_shutdown_delay, "-no-shutdown-delay");
        flag(command.verbose, "-verbose");
        flag(command.window, "-batch-mode=window");
        for group in &command.groups {
            flag(true, &format!("-group={group}"));
        }
        for task in &command.tasks {
            flag(true, &format!("-task={task}"));
        }
        if let Some(on_error) = command.on_error {
            flag(true, &format!("-on-error={on_error}"));
        }
        match command.batch {
            Some(Batch::Count(n)) => flag(true, &format!("-batch-size={n}")),
            Some(Batch::Percent(n)) => flag(true, &format!("-batch-size={n}%")),
            None => {}
        }
        match command.wait {
            Some(Wait::For(wait)) => flag(true, &format!("-batch-wait={}s", wait.as_secs())),
            Some(Wait::Ask) => flag(true, "-batch-wait=ask"),
            None => {}
        }
        if let Some(timeout) = command.timeout {
            flag(true, &format!("-timeout={}s", timeout.as_secs()));
        }
        if let Some(seconds) = command.started_before {
            flag(true, &format!("-started-before={}", start(seconds)));
        }
        flag(true, JOB);
        words
    }

    /// The specification of the job.
    pub(super) fn job(&self) -> Value {
        json!({"ID": JOB, "Name": JOB, "Type": self.kind, "Namespace": self.namespace, "Datacenters": ["dc1"],
            "TaskGroups": self.groups.iter().map(|group| group.spec(self.kind)).collect::<Vec<_>>()})
    }

    pub(super) fn group(&self, name: &str) -> &Group {
        self.groups.iter().find(|it| it.name == name).unwrap()
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap()
}

impl Group {
    fn spec(&self, kind: &str) -> Value {
        let mut spec = json!({"Name": self.name, "Count": self.count,
            "Tasks": self.tasks.iter().map(Task::spec).collect::<Vec<_>>(),
            "EphemeralDisk": {"SizeMB": 10},
            "ShutdownDelay": nanos(self.shutdown_delay),
            "RestartPolicy": {"Attempts": self.restarts, "Interval": 1800 * SECOND, "Delay": SECOND,
                              "Mode": self.mode}});
        if kind != "system" {
            spec["ReschedulePolicy"] = json!({"Attempts": self.reschedules.unwrap_or(0),
                "Unlimited": self.reschedules.is_none(), "Interval": 3600 * SECOND,
                "Delay": 5 * SECOND, "DelayFunction": "constant"});
        }
        if kind == "service" {
            spec["Migrate"] = json!({"MaxParallel": 3, "HealthCheck": "task_states",
                "MinHealthyTime": SECOND, "HealthyDeadline": 120 * SECOND});
        }
        if kind != "batch" {
            spec["Update"] = json!({"MaxParallel": 5, "HealthCheck": "task_states",
                "MinHealthyTime": SECOND, "HealthyDeadline": 120 * SECOND,
                "ProgressDeadline": 300 * SECOND});
        }
        spec
    }
}

impl Task {
    fn spec(&self) -> Value {
        let lifecycle = match self.part {
            Part::Main => Value::Null,
            Part::Prestart => json!({"Hook": "prestart", "Sidecar": false}),
            Part::Sidecar => json!({"Hook": "prestart", "Sidecar": true}),
            Part::Poststart => json!({"Hook": "poststart", "Sidecar": false}),
            Part::Poststop => json!({"Hook": "poststop", "Sidecar": false}),
        };
        json!({"Name": self.name, "Driver": "docker", "Lifecycle": lifecycle,
            "Config": {"image": "app:1", "simulate": self.rules},
            "KillTimeout": nanos(self.kill_timeout), "ShutdownDelay": nanos(self.shutdown_delay),
            "Resources": {"CPU": 10, "MemoryMB": 10}})
    }

    /// Whether it is meant to run for as long as its allocation does.
    pub(super) fn stays(&self) -> bool {
        matches!(self.part, Part::Main | Part::Sidecar)
    }
}

impl fmt::Display for Plot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = self.words(|seconds| format!("<start {seconds:+}s>"));
        let mood = if self.calm { ", calm" } else { "" };
        writeln!(
            f,
            "seed {}{mood}: {}",
            self.seed,
            command.join(" ").replace(SECRET, "…")
        )?;
        writeln!(
            f,
            "  Nomad {}, {} nodes, event stream {}, chunks of {} bytes after {:?}, namespace {}; {} job, up for {:?}, {} stopped before",
            self.version.text(),
            self.nodes,
            if self.stream { "on" } else { "off" },
            self.chunk,
            self.latency,
            self.namespace,
            self.kind,
            self.age,
            self.stopped_before
        )?;
        for group in &self.groups {
            writeln!(
                f,
                "  group {} × {}: shutdown delay {:?}, {} restarts then {}, reschedules {:?}",
                group.name,
                group.count,
                group.shutdown_delay,
                group.restarts,
                group.mode,
                group.reschedules
            )?;
            for task in &group.tasks {
                writeln!(
                    f,
                    "    task {} ({:?}): kill timeout {:?}, shutdown delay {:?}, {}",
                    task.name,
                    task.part,
                    task.kill_timeout,
                    task.shutdown_delay,
                    Value::from(task.rules.clone())
                )?;
            }
        }
        if self.terminal {
            writeln!(f, "  terminal, answers {:?}", self.answers)?;
        }
        for trouble in &self.faults {
            writeln!(
                f,
                "  fault: {} …{}… calls {:?}: {:?}",
                if trouble.write { "PUT" } else { "GET" },
                trouble.path,
                trouble.calls,
                trouble.fault
            )?;
        }
        for (when, outage, length) in &self.outages {
            writeln!(f, "  outage {when}: {outage:?} for {length:?}")?;
        }
        if let Some((when, by)) = &self.rewind {
            writeln!(f, "  indexes go back {when}, by {by}")?;
        }
        for (when, actor) in &self.actors {
            writeln!(f, "  somebody else {when}: {actor:?}")?;
        }
        for (when, signal) in &self.signals {
            writeln!(f, "  signal {when}: {signal}")?;
        }
        if let Some(lines) = self.stdout_lines {
            writeln!(f, "  stdout is closed after {lines} lines")?;
        }
        Ok(())
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} after write {}", self.then, self.writes)
    }
}
