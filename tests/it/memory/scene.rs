//! One run of the program over a cluster in memory, and what is left of it: output, exit code, the requests, and the truth.

use std::ffi::OsString;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, FixedOffset, Offset, TimeDelta, Utc};
use http::HeaderMap;
use nomad_restart::{Clock, Env, Screen, Terminal};
use nomad_sim::cluster::{Cluster, Truth, Write, WriteKind};
use nomad_sim::front::{Agent, Entry, MemoryFront, Rule};
use nomad_sim::model::Time;
use serde_json::Value;
use tokio::sync::mpsc::{self, UnboundedSender};

use super::joint::Joint;
use crate::support::normalise;

/// Virtual time within which every run ends.
const LIMIT: Duration = Duration::from_secs(4 * 3600);

/// What else happens, told as a story of its own.
type Story = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A run to come.
pub(crate) struct Scene {
    stage: Stage,
    args: Vec<String>,
    stories: Vec<Story>,
    signals: mpsc::UnboundedReceiver<i32>,
    afterwards: Duration,
    killed_at: Option<Duration>,
}

/// The code of a program that was killed.
pub(crate) const KILLED: u8 = 137;

/// What a story can reach.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    pub(crate) agent: Agent,
    pub(crate) joint: Joint,
    signals: UnboundedSender<i32>,
    /// How far the wall clock is from the cluster's, and where it hangs.
    wall: Arc<Mutex<(TimeDelta, FixedOffset)>>,
}

impl Stage {
    /// Sets the wall clock that the program sees so far off the cluster's, in this time zone.
    pub(crate) fn set_wall_clock(&self, off: TimeDelta, zone: FixedOffset) {
        *self.wall.lock().unwrap() = (off, zone);
    }

    pub(crate) fn signal(&self, number: i32) {
        // The run may be over.
        let _ = self.signals.send(number);
    }

    fn wall_clock(&self) -> DateTime<FixedOffset> {
        let (off, zone) = *self.wall.lock().unwrap();
        (local(self.cluster.now()) + off).with_timezone(&zone)
    }
}

impl Scene {
    pub(crate) fn of(cluster: &Cluster) -> Self {
        let agent = Agent::new(cluster.clone());
        let (sender, signals) = mpsc::unbounded_channel();
        Self {
            stage: Stage {
                cluster: cluster.clone(),
                joint: Joint::new(MemoryFront::new(agent.clone())),
                agent,
                signals: sender,
                wall: Arc::new(Mutex::new((TimeDelta::zero(), Utc.fix()))),
            },
            args: Vec::new(),
            stories: Vec::new(),
            signals,
            afterwards: Duration::from_secs(60),
            killed_at: None,
        }
    }

    /// Tells the truth as of the end of the run, whatever is still on its way.
    pub(crate) fn cut_off(mut self) -> Self {
        self.afterwards = Duration::ZERO;
        self
    }

    /// Kills the program so long after its start, without a chance to say or do anything more.
    pub(crate) fn killed_at(mut self, at: Duration) -> Self {
        self.killed_at = Some(at);
        self
    }

    /// The agent offers no event stream.
    pub(crate) fn without_stream(self) -> Self {
        self.stage.agent.enable_event_broker(false);
        self
    }

    pub(crate) fn args<const N: usize>(mut self, args: [&str; N]) -> Self {
        self.args.extend(args.map(str::to_owned));
        self
    }

    /// The arguments of a command line as the program prints it, the program's name first. Nothing in it is quoted.
    pub(crate) fn command(mut self, line: &str) -> Self {
        assert!(!line.contains(['\'', '"', '\\']), "{line}");
        self.args.extend(line.split(' ').skip(1).map(str::to_owned));
        self
    }

    pub(crate) fn fault(self, rule: Rule) -> Self {
        self.stage.agent.faults().add(rule);
        self
    }

    pub(crate) fn tamper(
        self,
        change: impl Fn(&str, &mut HeaderMap, &mut Value) + Send + Sync + 'static,
    ) -> Self {
        self.stage.joint.tamper(change);
        self
    }

    /// What happens while the program runs, from its start on.
    pub(crate) fn meanwhile<F>(mut self, story: impl FnOnce(Stage) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let told = story(self.stage.clone());
        self.stories.push(Box::pin(told));
        self
    }

    /// Sends the signal once the program has sent so many writes, and this long after.
    pub(crate) fn signal_after(self, writes: usize, then: Duration, signal: i32) -> Self {
        self.meanwhile(move |stage| async move {
            stage.joint.writes(writes).await;
            tokio::time::sleep(then).await;
            stage.signal(signal);
        })
    }

    pub(crate) async fn run(self) -> Ran {
        let Self {
            stage,
            args,
            stories,
            signals,
            afterwards,
            killed_at,
        } = self;
        let (io, screen) = Screen::open(Terminal::default());
        let env = Env::from_pairs([("NOMAD_ADDR", "http://127.0.0.1:4646")]);
        let mut words = vec![OsString::from("nomad-restart")];
        words.extend(args.iter().map(OsString::from));
        let clock: Clock = {
            let stage = stage.clone();
            Arc::new(move || stage.wall_clock())
        };
        let started = stage.cluster.now();
        let before = stage.cluster.read_truth(|truth| truth.writes.len());
        for story in stories {
            tokio::spawn(story);
        }
        let transport = Arc::new(stage.joint.clone());
        let run = nomad_restart::run_over(&words, &env, io, transport, clock, signals);
        let code = tokio::select! {
            code = run => code,
            () = tokio::time::sleep(killed_at.unwrap_or(LIMIT)) => KILLED,
        };
        assert!(
            code != KILLED || killed_at.is_some(),
            "the run did not end:\n{}\n{}",
            screen.stdout(),
            screen.stderr()
        );
        let ended = stage.cluster.now();
        // What is still on its way arrives, and takes its effect, before the truth is told.
        tokio::time::sleep(afterwards).await;
        let ran = Ran {
            stdout: screen.stdout(),
            stderr: screen.stderr(),
            code,
            truth: stage.cluster.truth(),
            before,
            requests: stage.agent.requests(),
            most_open: stage.joint.most_open(),
            budget: args
                .iter()
                .find_map(|arg| arg.strip_prefix("-max-connections="))
                .map_or(50, |number| number.parse().unwrap()),
            started,
            ended,
        };
        ran.check();
        ran
    }
}

fn local(time: Time) -> DateTime<FixedOffset> {
    DateTime::from_timestamp_nanos(time.nanos()).fixed_offset()
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: u8,
    pub(crate) truth: Truth,
    /// How many writes the cluster had seen before.
    before: usize,
    pub(crate) requests: Vec<Entry>,
    /// The most calls that were open at once.
    pub(crate) most_open: usize,
    /// How many the program was allowed.
    budget: usize,
    pub(crate) started: Time,
    pub(crate) ended: Time,
}

impl Ran {
    /// What holds in every run, whatever happens in it.
    #[track_caller]
    fn check(&self) {
        for (id, alloc) in &self.truth.allocations {
            let mut seen = Vec::new();
            for index in alloc.writes.iter().filter(|index| **index >= self.before) {
                let write = &self.truth.writes[*index];
                if write.accepted && matches!(write.kind, WriteKind::Restart { .. }) {
                    assert!(
                        !seen.contains(&&write.kind),
                        "{id} was restarted twice:\n{self:#?}"
                    );
                    seen.push(&write.kind);
                }
            }
        }
        assert!(
            self.most_open <= self.budget,
            "{} calls at once",
            self.most_open
        );
        assert!(
            !self.stdout.contains('\u{1b}') && !self.stderr.contains('\u{1b}'),
            "colours in a pipe"
        );
    }

    /// Fails with everything that was printed unless the program ended with this code.
    #[track_caller]
    pub(crate) fn ended_with(self, code: u8) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Holds stdout against these lines, with `<TS>` and `<id 1>` as [`normalise`] puts them.
    #[track_caller]
    pub(crate) fn printed(self, lines: &[&str]) -> Self {
        assert_eq!(
            normalise(&self.stdout),
            lines.join("\n"),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// The same for stderr; ids are numbered anew.
    #[track_caller]
    pub(crate) fn warned(self, lines: &[&str]) -> Self {
        assert_eq!(
            normalise(&self.stderr),
            lines.join("\n"),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Fails unless stderr contains the text.
    #[track_caller]
    pub(crate) fn explained(self, text: &str) -> Self {
        assert!(
            normalise(&self.stderr).contains(text),
            "{text:?} is not in:\n{}\nstdout:\n{}",
            normalise(&self.stderr),
            self.stdout
        );
        self
    }

    /// The writes of this run on allocations, in the order in which they reached the cluster.
    pub(crate) fn writes(&self) -> Vec<&Write> {
        self.truth.writes[self.before..]
            .iter()
            .filter(|write| {
                matches!(
                    write.kind,
                    WriteKind::Restart { .. } | WriteKind::Stop { .. }
                )
            })
            .collect()
    }

    /// The allocations that this run's writes reached, in that order.
    pub(crate) fn touched(&self) -> Vec<&str> {
        self.writes()
            .into_iter()
            .map(|write| write.target.as_str())
            .collect()
    }

    /// How often a task of an allocation was started during or after this run.
    pub(crate) fn starts(&self, alloc: &str, task: &str) -> usize {
        let processes = self.truth.processes(alloc, task);
        processes
            .iter()
            .filter(|process| process.started.is_some_and(|at| at >= self.started))
            .count()
    }

    /// When the first process of a task that started in this run was seen to run.
    #[track_caller]
    pub(crate) fn runs_again(&self, alloc: &str, task: &str) -> Time {
        let processes = self.truth.processes(alloc, task);
        processes
            .iter()
            .find(|process| process.started.is_some_and(|at| at >= self.started))
            .and_then(|process| process.visible)
            .unwrap_or_else(|| panic!("{alloc} does not run again:\n{}", self.stdout))
    }

    pub(crate) fn took(&self) -> Duration {
        self.ended.since(self.started)
    }

    /// The number of requests that this test names.
    pub(crate) fn count(&self, test: impl Fn(&Entry) -> bool) -> usize {
        self.requests.iter().filter(|entry| test(entry)).count()
    }

    pub(crate) fn reads(&self) -> usize {
        self.count(|entry| entry.method == "GET")
    }

    /// The command that continues, as stderr shows it.
    #[track_caller]
    pub(crate) fn resume(&self) -> &str {
        self.stderr
            .split_once("To continue, run:\n    ")
            .unwrap_or_else(|| panic!("no command to continue in:\n{}", self.stderr))
            .1
            .trim_end()
    }
}

/// The allocations of a job that are to run, in the order in which the program takes them: newest first, then by id.
pub(crate) fn allocations(cluster: &Cluster, job: &str) -> Vec<String> {
    cluster.read(|state| {
        let mut all: Vec<_> = state
            .job_allocations("default", job)
            .filter(|alloc| !alloc.server_terminal())
            .collect();
        all.sort_by(|a, b| {
            b.create_index
                .cmp(&a.create_index)
                .then_with(|| a.id.cmp(&b.id))
        });
        all.into_iter().map(|alloc| alloc.id.clone()).collect()
    })
}
