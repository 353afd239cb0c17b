//! Carries a scene out: the whole program but HTTP over a simulated cluster, on a runtime whose time is virtual and stands still while
//! the report is at work.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use http::Method;
use nomad_restart::{Clock, Env, Pace};
use nomad_sim::api::{Acl, Token};
use nomad_sim::cluster::{Change, Cluster, Config, State, Truth};
use nomad_sim::front::{Agent, Entry as Request, Fault, MemoryFront, Rule};
use nomad_sim::model::{ClientStatus, Time};
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::plot::{Actor, JOB, Plot, Reply, SECRET, Wait, When};
use super::tty::{self, Entry, Keyboard, Log};
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

/// What the stories of a scene share.
#[derive(Clone, Debug)]
struct Stage {
    cluster: Cluster,
    agent: Agent,
    joint: Joint,
    log: Log,
    signals: mpsc::UnboundedSender<i32>,
    foreign: Arc<Mutex<BTreeSet<usize>>>,
    namespace: &'static str,
}

/// Carries the scene of a plot out.
pub(super) fn perform(plot: Plot) -> Run {
    let pace: Arc<OnceLock<Arc<Pace>>> = Arc::default();
    let told = Arc::clone(&pace);
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        // Time goes on when nothing can be done, and not before everything is said.
        .on_thread_park(move || {
            if let Some(pace) = told.get() {
                pace.caught_up();
            }
        })
        .build()
        .unwrap();
    runtime.block_on(play(plot, &pace))
}

async fn play(plot: Plot, pace: &OnceLock<Arc<Pace>>) -> Run {
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
    settle(&cluster, &plot).await;
    if plot.namespace != "default" {
        agent.require_namespace(Some(plot.namespace));
    }

    if plot.command.token {
        let acl = Acl::new().with(SECRET, Token::management("operator"));
        agent.set_acl(Some(acl));
    }

    let log = Log::new(cluster.clone());
    let (io, keyboard) = tty::open(&log, plot.terminal, plot.stdout_lines);
    let (signals, caught) = mpsc::unbounded_channel();
    let stage = Stage {
        joint: Joint::new(MemoryFront::new(agent.clone())),
        cluster,
        agent,
        log,
        signals,
        foreign: Arc::default(),
        namespace: plot.namespace,
    };
    let begun = pace.set(io.pace());
    assert!(begun.is_ok(), "one run for each runtime");
    let before = stage.cluster.read_truth(|truth| truth.writes.len());
    let started = stage.cluster.now();
    let ran = stage.running();
    stage.tell(&plot, Arc::clone(pace.get().unwrap()), keyboard);

    let words: Vec<OsString> = plot
        .words(|seconds| {
            let at = started.plus(seconds * 1_000_000_000);
            DateTime::from_timestamp_nanos(at.nanos()).to_rfc3339_opts(SecondsFormat::Millis, true)
        })
        .into_iter()
        .map(OsString::from)
        .collect();
    let env = Env::from_pairs([("NOMAD_ADDR", "http://127.0.0.1:4646"), ("NO_COLOR", "1")]);
    let clock: Clock = {
        let log = stage.log.clone();
        Arc::new(move || DateTime::from_timestamp_nanos(log.now().nanos()).fixed_offset())
    };
    let bound = bound(&plot, ran.len());
    let transport = Arc::new(stage.joint.clone());
    let run = nomad_restart::run_over(&words, &env, io, transport, clock, caught);
    let code = timeout(bound, run).await.ok();
    let ended = stage.cluster.now();
    // What is still on its way arrives, and takes its effect, before the truth is told.
    sleep(Duration::from_secs(60)).await;
    let foreign = stage.foreign.lock().unwrap_or_else(PoisonError::into_inner);
    Run {
        plot,
        code,
        log: stage.log.entries(),
        truth: stage.cluster.truth(),
        foreign: foreign.clone(),
        before,
        requests: stage.agent.requests(),
        changes: stage
            .cluster
            .read(|state| state.changes().iter().cloned().collect()),
        most_open: stage.joint.most_open(),
        ran,
        started,
        ended,
        bound,
    }
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

impl Stage {
    /// The allocations that run, newest first, then by id.
    fn running(&self) -> Vec<String> {
        self.cluster.read(|state| {
            let mut all: Vec<_> = state
                .job_allocations(self.namespace, JOB)
                .filter(|it| !it.server_terminal() && it.client == ClientStatus::Running)
                .collect();
            all.sort_by(|a, b| {
                b.create_index
                    .cmp(&a.create_index)
                    .then_with(|| a.id.cmp(&b.id))
            });
            all.into_iter().map(|it| it.id.clone()).collect()
        })
    }

    /// Lets everything else happen meanwhile.
    fn tell(&self, plot: &Plot, pace: Arc<Pace>, keyboard: Keyboard) {
        for trouble in &plot.faults {
            let method = if trouble.write {
                Method::PUT
            } else {
                Method::GET
            };
            let rule = Rule::on(trouble.path, trouble.fault.clone())
                .method(method)
                .calls(trouble.calls.clone());
            self.agent.faults().add(rule);
        }
        if !plot.latency.is_zero() {
            let latency = Fault::DelayAnswer(plot.latency);
            self.agent.faults().add(Rule::on("", latency));
        }
        let answers = plot.answers.clone();
        tokio::spawn(self.clone().answer(answers, pace, keyboard));
        for (when, outage, length) in plot.outages.clone() {
            self.later(when, move |stage| async move {
                stage.log.note(Entry::Actor(format!("{outage:?}")));
                stage.agent.set_outage(Some(outage));
                sleep(length).await;
                stage.agent.set_outage(None);
                stage.log.note(Entry::Actor(format!("{outage:?} is over")));
            });
        }
        if let Some((when, by)) = plot.rewind {
            self.later(when, move |stage| async move {
                // Not before the beginning: an index that stays what it is tells of nothing.
                let by = by.min(stage.cluster.read(State::latest_index) / 2);
                stage
                    .log
                    .note(Entry::Actor(format!("indexes go back by {by}")));
                stage.agent.rewind(by);
            });
        }
        for (when, actor) in plot.actors.clone() {
            let job = plot.job();
            self.later(when, move |stage| async move {
                stage.log.note(Entry::Actor(format!("{actor:?}")));
                stage.act(actor, job).await;
            });
        }
        for (when, signal) in plot.signals.clone() {
            self.later(when, move |stage| async move {
                stage.log.note(Entry::Signal(signal));
                // The run may be over.
                let _ = stage.signals.send(signal);
            });
        }
    }

    fn later<F>(&self, when: When, story: impl FnOnce(Self) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send,
    {
        let stage = self.clone();
        tokio::spawn(async move {
            stage.joint.writes(when.writes).await;
            sleep(when.then).await;
            story(stage).await;
        });
    }

    /// The operator: takes a while for each answer.
    async fn answer(
        self,
        answers: Vec<(Duration, Reply)>,
        pace: Arc<Pace>,
        mut keyboard: Keyboard,
    ) {
        let mut answers = answers.into_iter();
        while keyboard.prompts.recv().await.is_some() {
            let (delay, reply) = answers
                .next()
                .unwrap_or((Duration::from_secs(1), Reply::Yes));
            sleep(delay).await;
            let line = match reply {
                Reply::Yes => Some("y\n".to_owned()),
                Reply::No => Some("No\n".to_owned()),
                Reply::Empty => Some("\n".to_owned()),
                Reply::Pause(seconds) => Some(format!("{seconds}s\n")),
                Reply::Nonsense => Some("what?\n".to_owned()),
                Reply::End => None,
            };
            self.log.note(Entry::Typed(line.clone()));
            pace.typed();
            // The program may have ended.
            let _ = keyboard.lines.send(line);
        }
    }

    async fn act(&self, actor: Actor, mut job: serde_json::Value) {
        let (cluster, namespace) = (&self.cluster, self.namespace);
        let node = |node: usize| format!("node-{}", node + 1);
        // The job may have gone meanwhile, and with it the right answer.
        match actor {
            Actor::Drain(number, back) => {
                cluster.drain(&node(number), true);
                sleep(back).await;
                cluster.drain(&node(number), false);
            }
            Actor::Ineligible(number) => {
                cluster.set_eligible(&node(number), false);
            }
            Actor::KillAgent(number, back) => {
                cluster.kill_agent(&node(number));
                sleep(back).await;
                cluster.start_agent(&node(number));
            }
            Actor::PurgeNode(number) => {
                cluster.purge_node(&node(number));
            }
            Actor::Update => {
                job["Meta"] = serde_json::json!({"version": "next"});
                cluster.register(&job).unwrap();
            }
            Actor::Scale(group, count) => {
                let _ = cluster.scale(namespace, JOB, group, count);
            }
            Actor::StopJob => {
                let _ = cluster.deregister(namespace, JOB, false);
            }
            Actor::PurgeJob => {
                let _ = cluster.deregister(namespace, JOB, true);
            }
            Actor::Restart(nth) => {
                if let Some(id) = self.nth(nth) {
                    let cluster = cluster.clone();
                    let call = async move { cluster.restart_allocation(&id, "", false).await };
                    self.foreign_write(|| {
                        // Its first poll is the write.
                        let mut call = Box::pin(call);
                        let waker = std::task::Waker::noop();
                        let _ = call
                            .as_mut()
                            .poll(&mut std::task::Context::from_waker(waker));
                    });
                }
            }
            Actor::Stop(nth) => {
                if let Some(id) = self.nth(nth) {
                    self.foreign_write(|| {
                        let _ = cluster.stop_allocation(&id, false);
                    });
                }
            }
            Actor::Evaluate => {
                let _ = cluster.evaluate(namespace, JOB, false);
            }
            Actor::Revoke => {
                self.agent.revoke(SECRET);
            }
        }
    }

    fn nth(&self, nth: usize) -> Option<String> {
        let running = self.running();
        (!running.is_empty()).then(|| running[nth % running.len()].clone())
    }

    fn foreign_write(&self, write: impl FnOnce()) {
        let count = || self.cluster.read_truth(|truth| truth.writes.len());
        let before = count();
        write();
        let mut foreign = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        foreign.extend(before..count());
    }
}
