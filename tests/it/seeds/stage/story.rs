//! What happens while the program runs: answers, faults, outages, other people, signals.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use nomad_restart::Pace;
use nomad_sim::cluster::{Cluster, State};
use nomad_sim::front::{Agent, Fault, Rule};
use nomad_sim::model::ClientStatus;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::memory::joint::Joint;
use crate::seeds::plot::{Actor, JOB, Plot, Reply, SECRET, When};
use crate::seeds::tty::{Entry, Keyboard, Log};

/// What the stories of a scene share.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) cluster: Cluster,
    pub(super) agent: Agent,
    pub(super) joint: Joint,
    pub(super) log: Log,
    pub(super) signals: mpsc::UnboundedSender<i32>,
    pub(super) foreign: Arc<Mutex<BTreeSet<usize>>>,
    pub(super) namespace: &'static str,
}

impl Stage {
    /// The allocations that run, newest first, then by id.
    pub(super) fn running(&self) -> Vec<String> {
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
    pub(super) fn tell(&self, plot: &Plot, pace: Arc<Pace>, keyboard: Keyboard) {
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
            let job = plot.changed_job();
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

    pub(super) async fn moment(&self, when: When) {
        self.joint.writes(when.writes).await;
        sleep(when.then).await;
    }

    fn later<F>(&self, when: When, story: impl FnOnce(Self) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send,
    {
        let stage = self.clone();
        tokio::spawn(async move {
            stage.moment(when).await;
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

    async fn act(&self, actor: Actor, changed: serde_json::Value) {
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
                cluster.register(&changed).unwrap();
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
