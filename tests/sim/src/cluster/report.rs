//! Reports of the nodes: collected for 50 ms and written in one transaction, with what follows from
//! them: evaluations of failed allocations, deployment counts, job states.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::changes::Object;
use super::scheduler::reschedule_at;
use super::state::{Due, State};
use super::tables::{AllocRef, JobRef, NodeRef};
use crate::model::{ClientStatus, DeploymentStatus, NetworkStatus, TaskState, TaskStateKind, Time};

/// What a node says about one allocation.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) alloc: AllocRef,
    pub(crate) client: ClientStatus,
    pub(crate) description: &'static str,
    pub(crate) states: BTreeMap<String, Arc<TaskState>>,
    pub(crate) health: Option<(bool, Time)>,
    pub(crate) time: Time,
}

/// Reports that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    reports: Vec<Report>,
    senders: Vec<NodeRef>,
    planned: bool,
}

impl State {
    pub(crate) fn receive_reports(&mut self, node: NodeRef, reports: Vec<Report>) {
        self.inbox.reports.extend(reports);
        self.inbox.senders.push(node);
        if !self.inbox.planned {
            self.inbox.planned = true;
            let delay = self.timing.collect + self.draw((500_000, 6_000_000));
            self.plan_in(delay, Due::Commit);
        }
    }

    /// Writes the collected reports.
    pub(crate) fn commit_reports(&mut self) {
        let Inbox {
            reports, senders, ..
        } = std::mem::take(&mut self.inbox);
        let index = self.transaction();
        let mut objects = Vec::new();
        let mut touched: BTreeSet<JobRef> = BTreeSet::new();
        let mut failed: BTreeSet<JobRef> = BTreeSet::new();
        let mut healths: BTreeMap<String, Vec<(String, bool, Time)>> = BTreeMap::new();
        let mut ended = Vec::new();
        let mut back = Vec::new();
        let mut waits = Vec::new();
        for report in reports {
            let Some(stored) = self.tables.alloc(report.alloc).cloned() else {
                continue;
            };
            let job = self.tables.alloc_jobs[report.alloc];
            touched.insert(job);
            self.note_visible(&stored.id, &report);
            let mut changed = (*stored).clone();
            changed.client = report.client;
            changed.client_description = report.description;
            changed.task_states = Some(report.states);
            changed.network = Some(NetworkStatus::default());
            changed.modify_time = report.time;
            if let Some((healthy, timestamp)) = report.health
                && changed.healthy() != Some(healthy)
            {
                changed.health = Some(DeploymentStatus {
                    canary: changed.is_canary(),
                    healthy: Some(healthy),
                    modify_index: index,
                    timestamp: Some(timestamp),
                });
                if !changed.deployment_id.is_empty() {
                    healths
                        .entry(changed.deployment_id.clone())
                        .or_default()
                        .push((changed.group.clone(), healthy, timestamp));
                }
            }
            if stored.client == ClientStatus::Unknown && changed.client != ClientStatus::Unknown {
                waits.push((job, std::mem::take(&mut changed.followup_eval)));
                back.push(report.alloc);
            }
            let newly_ended = changed.client.is_terminal() && !stored.client.is_terminal();
            if newly_ended {
                ended.push(report.alloc);
                let current = self.tables.job(job).cloned();
                let wanted = !changed.server_terminal();
                if changed.client == ClientStatus::Failed
                    && (wanted || self.version.fails_stopped_batch())
                    && let Some(current) = current
                    && !current.stop
                    && (!wanted || reschedule_at(&changed, &current).is_some())
                {
                    failed.insert(job);
                }
            }
            let (_, stored) = self.tables.put_alloc(job, changed);
            objects.push(Object::Allocation(stored));
        }
        let mut evals = self.reconnected(&waits, &mut objects);
        for job in failed {
            if let Some(current) = self.tables.job(job).cloned() {
                let eval = self.new_eval(&current, "alloc-failure");
                let (reference, stored) = self.tables.put_eval(job, eval);
                objects.push(Object::Evaluation(stored));
                evals.push(reference);
            }
        }
        for (deployment, news) in healths {
            objects.extend(self.count_health(&deployment, &news));
        }
        for job in touched {
            objects.extend(self.update_job_status(job));
        }
        self.log("AllocationUpdated", objects);
        self.accept_again(&back);
        for eval in evals {
            self.enqueue(eval);
        }
        if !ended.is_empty() {
            for alloc in ended {
                self.wake_successors(alloc, false);
            }
            self.capacity_appeared();
        }
        for node in senders {
            self.nodes[node].sending = false;
            self.nodes[node].anchor = self.now;
            self.plan_tick(node);
        }
    }

    /// Keeps the record of when the API first shows a process as running.
    fn note_visible(&mut self, id: &str, report: &Report) {
        let now = self.now;
        let Some(truth) = self.truth.allocations.get_mut(id) else {
            return;
        };
        for (task, state) in &report.states {
            if state.state != TaskStateKind::Running {
                continue;
            }
            let processes = truth.processes.get_mut(task);
            let shown = processes.and_then(|list| {
                list.iter_mut()
                    .rev()
                    .find(|process| process.started == state.started_at)
            });
            if let Some(process) = shown
                && process.visible.is_none()
            {
                process.visible = Some(now);
            }
        }
    }
}
