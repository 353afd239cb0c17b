//! Reading the servers' state: what an API front needs to answer `GET`s and blocking queries.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::changes::ChangeLog;
use super::state::State;
use super::tables::{JobSlot, Table};
use crate::model::{Allocation, Deployment, Evaluation, Job, JobSummary, Node, Time};

/// What a blocking query waits for. A change that does not touch it does not wake the query, although
/// the answer's `X-Nomad-Index` is that of the whole table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watch {
    /// Anything in a table.
    Table(Table),
    /// One job: namespace, id.
    Job(String, String),
    /// Its summary.
    JobSummary(String, String),
    /// Its allocations.
    JobAllocations(String, String),
    /// Evaluations of every job of the namespace whose id begins with this id, as Nomad does it.
    JobEvaluations(String, String),
    /// Its deployments.
    JobDeployments(String, String),
    /// One allocation.
    Allocation(String),
    /// One evaluation.
    Evaluation(String),
    /// One deployment.
    Deployment(String),
    /// One node.
    Node(String),
}

impl State {
    /// The cluster's clock as of the last thing that happened.
    pub fn time(&self) -> Time {
        self.now
    }

    /// Index of the last transaction.
    pub fn latest_index(&self) -> u64 {
        self.tables.index
    }

    /// Index of a table: `X-Nomad-Index` of its lists. Zero while nothing was ever written to it.
    pub fn index(&self, table: Table) -> u64 {
        self.tables.indexes.of(table)
    }

    /// The index at which what a query watches changed last: the query wakes when this grows.
    pub fn watch_index(&self, watch: &Watch) -> u64 {
        let slot = |ns: &str, id: &str| self.slot(ns, id).map(|slot| slot.touched);
        let touched = |ns: &str, id: &str| slot(ns, id).unwrap_or_default();
        match watch {
            Watch::Table(table) => self.index(*table),
            Watch::Job(ns, id) => touched(ns, id).jobs,
            Watch::JobSummary(ns, id) => touched(ns, id).summaries,
            Watch::JobAllocations(ns, id) => touched(ns, id).allocations,
            Watch::JobDeployments(ns, id) => touched(ns, id).deployments,
            Watch::JobEvaluations(ns, id) => self
                .tables
                .job_ids
                .range((ns.clone(), id.clone())..)
                .take_while(|((n, i), _)| n == ns && i.starts_with(id.as_str()))
                .map(|(_, slot)| self.tables.jobs[*slot].touched.evaluations)
                .max()
                .unwrap_or(0),
            Watch::Allocation(id) => self.allocation(id).map_or(0, |a| a.modify_index),
            Watch::Evaluation(id) => self.evaluation(id).map_or(0, |e| e.modify_index),
            Watch::Deployment(id) => self.deployment(id).map_or(0, |d| d.modify_index),
            Watch::Node(id) => self.node(id).map_or(0, |n| n.modify_index),
        }
    }

    fn slot(&self, namespace: &str, id: &str) -> Option<&JobSlot> {
        let key = (namespace.to_owned(), id.to_owned());
        self.tables.job_ids.get(&key).map(|j| &self.tables.jobs[*j])
    }

    /// All jobs with their summaries, by namespace and id.
    pub fn jobs(&self) -> impl Iterator<Item = (&Arc<Job>, &JobSummary)> {
        self.tables.job_ids.values().filter_map(|slot| {
            let record = self.tables.jobs[*slot].record.as_ref()?;
            Some((&record.job, &record.summary))
        })
    }

    /// A job in its newest version.
    pub fn job(&self, namespace: &str, id: &str) -> Option<&Arc<Job>> {
        Some(&self.slot(namespace, id)?.record.as_ref()?.job)
    }

    /// The kept versions of a job, newest first.
    pub fn job_versions(&self, namespace: &str, id: &str) -> &[Arc<Job>] {
        self.slot(namespace, id)
            .and_then(|slot| slot.record.as_ref())
            .map_or(&[], |record| &record.versions)
    }

    /// The summary of a job.
    pub fn job_summary(&self, namespace: &str, id: &str) -> Option<&JobSummary> {
        Some(&self.slot(namespace, id)?.record.as_ref()?.summary)
    }

    /// The allocations of a job, by id.
    pub fn job_allocations(
        &self,
        namespace: &str,
        id: &str,
    ) -> impl Iterator<Item = &Arc<Allocation>> {
        self.slot(namespace, id)
            .into_iter()
            .flat_map(|slot| slot.allocs.values())
            .filter_map(|alloc| self.tables.alloc(*alloc))
    }

    /// All allocations in the order of their creation.
    pub fn allocations(&self) -> impl Iterator<Item = &Arc<Allocation>> {
        self.tables.allocs.iter().flatten()
    }

    /// An allocation by its full id.
    pub fn allocation(&self, id: &str) -> Option<&Arc<Allocation>> {
        self.tables.alloc(*self.tables.alloc_ids.get(id)?)
    }

    /// The evaluations of a job, also of a purged one, in the order of their creation.
    pub fn job_evaluations(
        &self,
        namespace: &str,
        id: &str,
    ) -> impl Iterator<Item = &Arc<Evaluation>> {
        self.slot(namespace, id)
            .into_iter()
            .flat_map(|slot| &slot.evals)
            .map(|eval| &self.tables.evals[*eval])
    }

    /// All evaluations in the order of their creation.
    pub fn evaluations(&self) -> impl Iterator<Item = &Arc<Evaluation>> {
        let collected = &self.tables.collected;
        let evals = self.tables.evals.iter().enumerate();
        evals.filter_map(|(number, eval)| (!collected.contains(&number)).then_some(eval))
    }

    /// An evaluation by its full id.
    pub fn evaluation(&self, id: &str) -> Option<&Arc<Evaluation>> {
        Some(&self.tables.evals[*self.tables.eval_ids.get(id)?])
    }

    /// The evaluations that an evaluation leads to or comes from, itself not among them, in the order
    /// of their creation (`related=true`).
    pub fn related_evaluations(&self, id: &str) -> Vec<&Arc<Evaluation>> {
        let mut found: BTreeSet<usize> = BTreeSet::new();
        let mut open: Vec<usize> = self.tables.eval_ids.get(id).copied().into_iter().collect();
        while let Some(eval) = open.pop() {
            if found.insert(eval) {
                let eval = &self.tables.evals[eval];
                let links = [&eval.previous_eval, &eval.next_eval, &eval.blocked_eval];
                open.extend(
                    links
                        .into_iter()
                        .filter_map(|id| self.tables.eval_ids.get(id)),
                );
            }
        }
        found
            .into_iter()
            .map(|eval| &self.tables.evals[eval])
            .filter(|eval| eval.id != id)
            .collect()
    }

    /// The deployments of a job in the order of their creation.
    pub fn job_deployments(
        &self,
        namespace: &str,
        id: &str,
    ) -> impl Iterator<Item = &Arc<Deployment>> {
        self.slot(namespace, id)
            .into_iter()
            .flat_map(|slot| &slot.deployments)
            .filter_map(|deployment| self.tables.deployments[*deployment].as_ref())
    }

    /// All deployments in the order of their creation.
    pub fn deployments(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        self.tables.deployments.iter().flatten()
    }

    /// A deployment by its full id.
    pub fn deployment(&self, id: &str) -> Option<&Arc<Deployment>> {
        self.tables.deployments[*self.tables.deployment_ids.get(id)?].as_ref()
    }

    /// All nodes by id.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.tables
            .node_ids
            .values()
            .map(|n| &self.tables.nodes[*n])
    }

    /// A node by its full id.
    pub fn node(&self, id: &str) -> Option<&Arc<Node>> {
        Some(&self.tables.nodes[*self.tables.node_ids.get(id)?])
    }

    /// A node by its name.
    pub fn node_named(&self, name: &str) -> Option<&Arc<Node>> {
        self.tables.nodes.iter().find(|node| node.name == name)
    }

    /// The transactions so far, as the event stream would tell them.
    pub fn changes(&self) -> &ChangeLog {
        &self.changes
    }
}
