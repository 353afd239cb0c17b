//! Nodes that drain, die and come back.

use std::collections::BTreeSet;

use super::changes::Object;
use super::state::{Due, State};
use super::tables::{AllocRef, JobRef, NodeRef};
use crate::model::ClientStatus;

/// How long the servers wait for a heartbeat before they call a node down, in nanoseconds.
const HEARTBEAT: i64 = 25_000_000_000;
/// Pause between two looks of the drainer at a node.
const DRAINER: i64 = 1_000_000_000;

impl State {
    /// A node by id or name.
    pub(crate) fn find_node(&self, node: &str) -> Option<NodeRef> {
        let by_id = self.tables.node_ids.get(node).copied();
        by_id.or_else(|| self.tables.nodes.iter().position(|n| n.name == node))
    }

    pub(crate) fn set_eligible(&mut self, node: &str, eligible: bool) -> bool {
        let Some(node) = self.find_node(node) else {
            return false;
        };
        if self.tables.nodes[node].eligible != eligible {
            self.write_node(node, "NodeEligibility", |n| n.eligible = eligible);
            if eligible {
                self.capacity_appeared();
                self.evaluate_again(node);
            }
        }
        true
    }

    /// Evaluates the jobs that a node concerns which takes allocations again: system jobs, and on older servers
    /// every job of which it had an allocation.
    fn evaluate_again(&mut self, node: NodeRef) {
        let id = self.tables.nodes[node].id.clone();
        let jobs: BTreeSet<JobRef> = (0..self.tables.jobs.len())
            .filter(|slot| {
                let system = self
                    .tables
                    .job(*slot)
                    .is_some_and(|job| job.kind == "system");
                let allocs = self.tables.jobs[*slot].allocs.values();
                let mut stored = allocs.filter_map(|alloc| self.tables.alloc(*alloc));
                system
                    || (self.version.evaluates_on_eligibility()
                        && stored.any(|alloc| alloc.node_id == id))
            })
            .collect();
        if jobs.is_empty() {
            return;
        }
        self.transaction();
        let mut objects = Vec::new();
        let evals = self.node_evals(jobs, "node-update", Some(node), &mut objects);
        self.log("EvaluationUpdated", objects);
        for eval in evals {
            self.enqueue(eval);
        }
    }

    /// The servers forget a node.
    pub(crate) fn purge_node(&mut self, node: &str) -> bool {
        let Some(node) = self.find_node(node) else {
            return false;
        };
        let id = self.tables.nodes[node].id.clone();
        let jobs: BTreeSet<JobRef> = self
            .wanted_on(node)
            .into_iter()
            .map(|(job, _)| job)
            .collect();
        self.write_node(node, "NodeDeregistration", |n| {
            n.status = "down";
            n.eligible = false;
        });
        self.nodes[node].agent_dead = true;
        self.drop_calls(node);
        let mut objects = Vec::new();
        let evals = self.node_evals(jobs, "node-update", Some(node), &mut objects);
        self.tables.node_ids.remove(&id);
        self.log("EvaluationUpdated", objects);
        for eval in evals {
            self.enqueue(eval);
        }
        true
    }

    fn write_node(
        &mut self,
        node: NodeRef,
        kind: &'static str,
        change: impl FnOnce(&mut crate::model::Node),
    ) {
        self.transaction();
        let mut changed = (*self.tables.nodes[node]).clone();
        change(&mut changed);
        let stored = self.tables.put_node(node, changed);
        self.log(kind, vec![Object::Node(stored)]);
    }

    /// Starts a drain, or ends it and makes the node eligible again.
    pub(crate) fn drain(&mut self, node: &str, on: bool) -> bool {
        let Some(node) = self.find_node(node) else {
            return false;
        };
        self.write_node(node, "NodeDrain", |n| {
            n.drain = on;
            n.eligible = !on;
        });
        if on {
            self.plan_in(DRAINER, Due::Drain { node });
        } else {
            self.capacity_appeared();
        }
        true
    }

    /// The wanted allocations of a node, by job.
    pub(crate) fn wanted_on(&self, node: NodeRef) -> Vec<(JobRef, AllocRef)> {
        let id = &self.tables.nodes[node].id;
        let slots = self.tables.jobs.iter().enumerate();
        slots
            .flat_map(|(job, slot)| slot.wanted.iter().map(move |alloc| (job, *alloc)))
            .filter(|(_, alloc)| {
                let stored = self.tables.alloc(*alloc);
                stored.is_some_and(|a| a.node_id == *id && !a.client.is_terminal())
            })
            .collect()
    }

    /// The drainer marks as many allocations of a draining node as each group's `migrate` block
    /// allows to be away at once.
    pub(crate) fn drainer(&mut self, node: NodeRef) {
        if !self.tables.nodes[node].drain {
            return;
        }
        let left = self.wanted_on(node);
        if left.is_empty() {
            self.write_node(node, "NodeDrain", |n| n.drain = false);
            return;
        }
        let mut marked = Vec::new();
        for (job, alloc) in left {
            let Some(stored) = self.tables.alloc(alloc) else {
                continue;
            };
            if stored.transition.migrate == Some(true) {
                continue;
            }
            let parallel = stored
                .spec()
                .and_then(|group| group.migrate.as_ref())
                .map_or(1, |migrate| migrate.max_parallel.max(1));
            let group = stored.group.clone();
            let away = self.tables.jobs[job]
                .wanted
                .iter()
                .filter_map(|other| Some((*other, self.tables.alloc(*other)?)))
                .filter(|(other, a)| {
                    a.group == group
                        && (marked.contains(&(job, *other))
                            || a.transition.migrate == Some(true)
                            || a.healthy() != Some(true))
                })
                .count();
            if away < usize::try_from(parallel).unwrap_or(usize::MAX) {
                marked.push((job, alloc));
            }
        }
        if !marked.is_empty() {
            let index = self.transaction();
            let mut objects = Vec::new();
            let jobs: BTreeSet<JobRef> = marked.iter().map(|(job, _)| *job).collect();
            for (job, alloc) in marked {
                if let Some(stored) = self.tables.alloc(alloc) {
                    let mut changed = (**stored).clone();
                    changed.transition.migrate = Some(true);
                    changed.alloc_modify_index = index;
                    let (_, stored) = self.tables.put_alloc(job, changed);
                    objects.push(Object::Allocation(stored));
                }
            }
            let evals = self.node_evals(jobs, "node-drain", None, &mut objects);
            self.log("AllocationUpdateDesiredStatus", objects);
            for eval in evals {
                self.enqueue(eval);
            }
        }
        self.plan_in(DRAINER, Due::Drain { node });
    }

    /// Evaluations of jobs because of a node, within the current transaction.
    fn node_evals(
        &mut self,
        jobs: BTreeSet<JobRef>,
        triggered_by: &'static str,
        node: Option<NodeRef>,
        objects: &mut Vec<Object>,
    ) -> Vec<super::tables::EvalRef> {
        let mut evals = Vec::new();
        for job in jobs {
            let Some(current) = self.tables.job(job).cloned() else {
                continue;
            };
            let mut eval = self.new_eval(&current, triggered_by);
            if let Some(node) = node {
                eval.node_id.clone_from(&self.tables.nodes[node].id);
                eval.node_modify_index = self.tables.nodes[node].modify_index;
            }
            let (reference, stored) = self.tables.put_eval(job, eval);
            objects.push(Object::Evaluation(stored));
            evals.push(reference);
        }
        evals
    }

    /// The agent of a node is killed. Its tasks live on, nothing looks after them, and calls that are
    /// open end without an answer.
    pub(crate) fn kill_agent(&mut self, node: &str) -> bool {
        let Some(node) = self.find_node(node) else {
            return false;
        };
        if self.nodes[node].agent_dead {
            return true;
        }
        self.nodes[node].agent_dead = true;
        self.nodes[node].session_broken = false;
        self.drop_calls(node);
        self.plan_in(HEARTBEAT, Due::Heartbeat { node });
        true
    }

    /// A node's heartbeat is overdue.
    pub(crate) fn heartbeat_missed(&mut self, node: NodeRef) {
        if !self.nodes[node].agent_dead || self.tables.nodes[node].status != "ready" {
            return;
        }
        let now = self.now;
        // The servers have given its connection up by then.
        self.nodes[node].session_broken = true;
        let status = self.status_when_missed(node);
        self.write_node(node, "NodeStreamEvent", |n| {
            n.status = status;
            n.status_updated_at = now;
        });
        let id = self.tables.nodes[node].id.clone();
        let jobs: BTreeSet<JobRef> = (0..self.tables.jobs.len())
            .filter(|job| {
                let allocs = self.tables.jobs[*job].allocs.values();
                let mut stored = allocs.filter_map(|alloc| self.tables.alloc(*alloc));
                stored.any(|a| a.node_id == id && !a.client.is_terminal())
            })
            .collect();
        self.transaction();
        let mut objects = Vec::new();
        let evals = self.node_evals(jobs, "node-update", Some(node), &mut objects);
        self.log("EvaluationUpdated", objects);
        self.become_unknown(node, &evals);
        for eval in evals {
            self.enqueue(eval);
        }
    }

    /// The agent of a node is started again: it finds its tasks, hears what it has missed and tells
    /// what it has.
    pub(crate) fn start_agent(&mut self, node: &str) -> bool {
        let Some(node) = self.find_node(node) else {
            return false;
        };
        if !self.nodes[node].agent_dead {
            return true;
        }
        self.nodes[node].agent_dead = false;
        let now = self.now;
        self.write_node(node, "NodeRegistration", |n| {
            n.status = "ready";
            n.status_updated_at = now;
        });
        for what in std::mem::take(&mut self.nodes[node].missed) {
            self.plan_in(0, what);
        }
        let id = self.tables.nodes[node].id.clone();
        let here: Vec<AllocRef> = (0..self.tables.allocs.len())
            .filter(|alloc| self.tables.alloc(*alloc).is_some_and(|a| a.node_id == id))
            .collect();
        for alloc in here {
            self.tell_node(alloc);
            self.recover(alloc);
            self.reconnect(alloc);
        }
        self.capacity_appeared();
        true
    }

    /// What happens on a node whose agent is dead waits until it is back.
    pub(crate) fn misses(&mut self, what: Due) -> bool {
        let alloc = match what {
            Due::Tick { node } => {
                let dead = self.nodes[node].agent_dead;
                if dead {
                    self.nodes[node].tick_planned = false;
                }
                return dead;
            }
            Due::Fetch { alloc }
            | Due::Task { alloc, .. }
            | Due::Begin { alloc }
            | Due::GroupDelay { alloc, .. }
            | Due::Steady { alloc, .. }
            | Due::Check { alloc, .. }
            | Due::HealthDeadline { alloc } => alloc,
            _ => return false,
        };
        let Some(stored) = self.tables.alloc(alloc) else {
            return false;
        };
        let Some(node) = self.tables.node_ids.get(&stored.node_id).copied() else {
            return false;
        };
        let dead = self.nodes[node].agent_dead;
        if dead {
            self.nodes[node].missed.push(what);
        }
        dead
    }

    /// Allocations that are to stop, and whose node is down, are lost as well.
    pub(crate) fn stopping_on_down_nodes(&self, slot: JobRef) -> Vec<AllocRef> {
        if self.tables.nodes.iter().all(|node| node.status != "down") {
            return Vec::new();
        }
        let allocs = self.tables.jobs[slot].allocs.values().copied();
        allocs
            .filter(|alloc| {
                self.tables.alloc(*alloc).is_some_and(|a| {
                    let node = self.tables.node_ids.get(&a.node_id);
                    let down = node.is_some_and(|n| self.tables.nodes[*n].status == "down");
                    down && a.server_terminal()
                        && matches!(a.client, ClientStatus::Pending | ClientStatus::Running)
                })
            })
            .collect()
    }
}
