//! Carries a scene out: the whole program but HTTP over a simulated cluster, on a runtime whose time is virtual and stands still while
//! the report is at work.

mod story;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use nomad_restart::{Clock, Env, Io, Pace};
use nomad_sim::api::{Acl, Token};
use nomad_sim::cluster::{Change, Cluster, Config, Truth};
use nomad_sim::front::{Agent, Entry as Request, MemoryFront};
use nomad_sim::model::{ClientStatus, Time};
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use self::story::Stage;
use super::plot::{JOB, Plot, SECRET, Wait, When};
use super::tty::{self, Entry, Log};
use crate::memory::joint::Joint;

/// When every cluster begins.
const START: Time = Time(1_795_507_336_000_000_000);

/// What a scene left.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) plot: Plot,
    /// `None`: it did not end within its bound.
    pub(super) code: Option<u8>,
    pub(super) log: Vec<(Time, Entry)>,
    pub(super) truth: Truth,
    /// Writes of this run on allocations that others sent, by their place in the truth.
    pub(super) foreign: BTreeSet<usize>,
    /// How many writes there were before the run.
    pub(super) before: usize,
    pub(super) requests: Vec<Request>,
    pub(super) changes: Vec<Arc<Change>>,
    pub(super) most_open: usize,
    /// The allocations that ran when the program was started, in the order of processing.
    pub(super) ran: Vec<String>,
    pub(super) started: Time,
    pub(super) ended: Time,
    pub(super) bound: Duration,
}

impl Run {
    /// Whether nothing keeps the program from seeing what the servers know.
    pub(super) fn reads_go_well(&self) -> bool {
        let plot = &self.plot;
        plot.faults.is_empty()
            && plot.outages.is_empty()
            && plot.rewind.is_none()
            && !plot.command.token
    }
}

/// The program whose report is at work, if one is.
type AtWork = Arc<Mutex<Option<Arc<Pace>>>>;

/// Carries the scene of a plot out.
pub(super) fn perform(plot: Plot) -> Run {
    on_virtual_time(|at_work| play(plot, at_work))
}

/// Runs a story on virtual time, which goes on when nothing can be done, and not before everything is said.
fn on_virtual_time<F: Future>(story: impl FnOnce(AtWork) -> F) -> F::Output {
    let at_work = AtWork::default();
    let told = Arc::clone(&at_work);
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .on_thread_park(move || {
            let pace = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(pace) = pace {
                pace.caught_up();
            }
        })
        .build()
        .unwrap();
    runtime.block_on(story(at_work))
}

async fn play(plot: Plot, at_work: AtWork) -> Run {
    let (stage, caught) = set(&plot).await;
    let (io, keyboard) = tty::open(&stage.log, plot.terminal, plot.stdout_lines);
    let pace = io.pace();
    *at_work.lock().unwrap() = Some(Arc::clone(&pace));
    let beginning = stage.beginning();
    stage.tell(&plot, pace, keyboard);
    let bound = bound(&plot, beginning.ran.len());
    let words = words(&plot, beginning.started);
    let code = timeout(bound, stage.program(&words, io, caught)).await.ok();
    let ended = stage.cluster.now();
    // What is still on its way arrives, and takes its effect, before the truth is told.
    sleep(Duration::from_secs(60)).await;
    stage.run(plot, code, beginning, ended, bound)
}

/// A run that was killed, as of the end of the one that continued it.
#[derive(Debug)]
pub(super) struct Killed {
    /// With the truth of both, and the words of the first.
    pub(super) run: Run,
    pub(super) second: Option<Second>,
}

/// The run that continues one that was killed.
#[derive(Debug)]
pub(super) struct Second {
    /// `None`: it did not end within its bound.
    pub(super) code: Option<u8>,
    pub(super) log: Vec<(Time, Entry)>,
    /// How many writes there were before it.
    pub(super) before: usize,
}

/// Carries a scene out in which the program is killed, and started again after a while for what has not started since its start.
pub(super) fn perform_killed(plot: Plot, when: When, gap: Duration) -> Killed {
    on_virtual_time(|at_work| play_killed(plot, when, gap, at_work))
}

async fn play_killed(plot: Plot, when: When, gap: Duration, at_work: AtWork) -> Killed {
    let (stage, caught) = set(&plot).await;
    let (io, keyboard) = tty::open(&stage.log, false, None);
    let pace = io.pace();
    *at_work.lock().unwrap() = Some(Arc::clone(&pace));
    let beginning = stage.beginning();
    stage.tell(&plot, pace, keyboard);
    let bound = bound(&plot, beginning.ran.len());
    let mut words = words(&plot, beginning.started);
    let code = tokio::select! {
        biased;
        () = stage.moment(when) => None,
        code = stage.program(&words, io, caught) => Some(code),
        () = sleep(bound) => None,
    };
    let ended = stage.cluster.now();
    let first = stage.log.entries();
    let mut second = None;
    if code.is_none() {
        sleep(gap).await;
        let before = stage.cluster.read_truth(|truth| truth.writes.len());
        let (io, _keyboard) = tty::open(&stage.log, false, None);
        *at_work.lock().unwrap() = Some(io.pace());
        let age = format!("-started-before={}", stamp(beginning.started));
        words.insert(1, age.into());
        let (_signals, caught) = mpsc::unbounded_channel();
        let code = timeout(bound, stage.program(&words, io, caught)).await.ok();
        second = Some(Second {
            code,
            log: stage.log.entries().split_off(first.len()),
            before,
        });
    }
    sleep(Duration::from_secs(60)).await;
    let mut run = stage.run(plot, code, beginning, ended, bound);
    run.log = first;
    Killed { run, second }
}

/// Sets the cluster up, and waits until its job has run for a while.
async fn set(plot: &Plot) -> (Stage, mpsc::UnboundedReceiver<i32>) {
    let cluster = Cluster::new(
        Config {
            start: Some(START),
            ..Config::seeded(plot.seed)
        }
        .with_nodes(plot.nodes)
        .with_version(plot.version),
    );
    let agent = Agent::new(cluster.clone());
    if plot.namespace != "default" {
        agent.create_namespace(plot.namespace, "");
    }
    agent.enable_event_broker(plot.stream);
    agent.set_chunk_size(plot.chunk);
    cluster.register(&plot.job()).unwrap();
    settle(&cluster, plot).await;
    if plot.namespace != "default" {
        agent.require_namespace(Some(plot.namespace));
    }
    if plot.command.token {
        let acl = Acl::new().with(SECRET, Token::management("operator"));
        agent.set_acl(Some(acl));
    }
    if let Some(since) = plot.deploying {
        cluster.register(&plot.changed_job()).unwrap();
        sleep(since).await;
    }
    let (signals, caught) = mpsc::unbounded_channel();
    let stage = Stage {
        joint: Joint::new(MemoryFront::new(agent.clone())),
        log: Log::new(cluster.clone()),
        cluster,
        agent,
        signals,
        foreign: Arc::default(),
        namespace: plot.namespace,
    };
    (stage, caught)
}

/// How things stood when the program was started.
struct Beginning {
    before: usize,
    started: Time,
    ran: Vec<String>,
}

impl Stage {
    fn beginning(&self) -> Beginning {
        Beginning {
            before: self.cluster.read_truth(|truth| truth.writes.len()),
            started: self.cluster.now(),
            ran: self.running(),
        }
    }

    /// One start of the program, to its end.
    async fn program(
        &self,
        words: &[OsString],
        io: Io,
        caught: mpsc::UnboundedReceiver<i32>,
    ) -> u8 {
        let env = Env::from_pairs([("NOMAD_ADDR", "http://127.0.0.1:4646"), ("NO_COLOR", "1")]);
        let clock: Clock = {
            let log = self.log.clone();
            Arc::new(move || DateTime::from_timestamp_nanos(log.now().nanos()).fixed_offset())
        };
        let transport = Arc::new(self.joint.clone());
        nomad_restart::run_over(words, &env, io, transport, clock, caught).await
    }

    fn run(
        &self,
        plot: Plot,
        code: Option<u8>,
        beginning: Beginning,
        ended: Time,
        bound: Duration,
    ) -> Run {
        let foreign = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        Run {
            plot,
            code,
            log: self.log.entries(),
            truth: self.cluster.truth(),
            foreign: foreign.clone(),
            before: beginning.before,
            requests: self.agent.requests(),
            changes: self
                .cluster
                .read(|state| state.changes().iter().cloned().collect()),
            most_open: self.joint.most_open(),
            ran: beginning.ran,
            started: beginning.started,
            ended,
            bound,
        }
    }
}

/// The command of a scene whose program starts at a moment.
fn words(plot: &Plot, started: Time) -> Vec<OsString> {
    let words = plot.words(|seconds| stamp(started.plus(seconds * 1_000_000_000)));
    words.into_iter().map(OsString::from).collect()
}

fn stamp(at: Time) -> String {
    DateTime::from_timestamp_nanos(at.nanos()).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Waits until the job runs, and has for a while.
async fn settle(cluster: &Cluster, plot: &Plot) {
    let namespace = plot.namespace;
    let settled = cluster.until(|state| {
        let mut allocations = state.job_allocations(namespace, JOB).peekable();
        let runs = allocations.peek().is_some()
            && allocations.all(|it| it.client != ClientStatus::Pending || it.server_terminal());
        let deployed = state
            .job_deployments(namespace, JOB)
            .all(|it| it.status != "running");
        (runs && deployed).then_some(())
    });
    timeout(Duration::from_secs(400), settled)
        .await
        .expect("the job comes up");
    let stopped = cluster.read(|state| {
        let ids = state
            .job_allocations(namespace, JOB)
            .map(|it| it.id.clone());
        ids.take(plot.stopped_before).collect::<Vec<_>>()
    });
    for id in stopped {
        cluster.stop_allocation(&id, true).unwrap();
        if plot.kind == "system" {
            sleep(Duration::from_secs(3)).await;
            cluster.evaluate(namespace, JOB, false).unwrap();
        }
        sleep(Duration::from_secs(30)).await;
    }
    sleep(plot.age).await;
}

/// Virtual time within which the program must have ended, whatever happens.
fn bound(plot: &Plot, allocations: usize) -> Duration {
    let command = &plot.command;
    // Kill timeouts, delays and the progress deadline, or ten minutes where a job sets none.
    let limit = command.timeout.unwrap_or(Duration::from_secs(640));
    let wait = match command.wait {
        Some(Wait::For(wait)) => wait,
        _ => Duration::from_secs(5),
    };
    let answers: Duration = plot.answers.iter().map(|(delay, _)| *delay).sum();
    let outages: Duration = plot.outages.iter().map(|(_, _, length)| *length).sum();
    // Around each batch: reads that are retried for a minute, deployments that are waited for.
    let batch = limit + wait + Duration::from_secs(60 + 600);
    let batches = u32::try_from(allocations + 1).unwrap();
    batch * batches + answers + outages + Duration::from_secs(600)
}
