//! What the servers store: tables with their indexes. [`super::put`] writes them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::model::{Allocation, Deployment, Evaluation, Job, JobSummary, Node};

pub(crate) type JobRef = usize;
pub(crate) type AllocRef = usize;
pub(crate) type EvalRef = usize;
pub(crate) type DeploymentRef = usize;
pub(crate) type NodeRef = usize;

/// The tables that have an index of their own (`X-Nomad-Index`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    Jobs,
    JobSummaries,
    Allocations,
    Evaluations,
    Deployments,
    Nodes,
}

/// Indexes of the last write to something.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Indexes {
    pub(crate) jobs: u64,
    pub(crate) summaries: u64,
    pub(crate) allocations: u64,
    pub(crate) evaluations: u64,
    pub(crate) deployments: u64,
    pub(crate) nodes: u64,
}

impl Indexes {
    pub(crate) fn of(&self, table: Table) -> u64 {
        match table {
            Table::Jobs => self.jobs,
            Table::JobSummaries => self.summaries,
            Table::Allocations => self.allocations,
            Table::Evaluations => self.evaluations,
            Table::Deployments => self.deployments,
            Table::Nodes => self.nodes,
        }
    }
}

/// A registered job.
#[derive(Debug)]
pub(crate) struct JobRecord {
    pub(crate) job: Arc<Job>,
    /// Newest first.
    pub(crate) versions: Vec<Arc<Job>>,
    pub(crate) summary: JobSummary,
    /// Allocations that are not terminal.
    pub(crate) live: usize,
    /// Evaluations that are pending or blocked.
    pub(crate) open_evals: usize,
}

/// Everything of one job id. It outlives a purge: evaluations stay, and so do the indexes that
/// blocking queries watch.
#[derive(Debug, Default)]
pub(crate) struct JobSlot {
    pub(crate) record: Option<JobRecord>,
    /// By allocation id, the order of the list.
    pub(crate) allocs: BTreeMap<String, AllocRef>,
    /// The newest allocation of each place: a name, for system jobs on one node.
    pub(super) by_name: HashMap<String, AllocRef>,
    /// Those that the servers want to run, in the order of their creation.
    pub(crate) wanted: BTreeSet<AllocRef>,
    pub(crate) evals: Vec<EvalRef>,
    pub(crate) deployments: Vec<DeploymentRef>,
    pub(crate) touched: Indexes,
}

/// The servers' tables.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// Last index of any transaction.
    pub(crate) index: u64,
    pub(crate) indexes: Indexes,
    pub(crate) jobs: Vec<JobSlot>,
    /// By namespace and id, the order of the list.
    pub(crate) job_ids: BTreeMap<(String, String), JobRef>,
    /// In the order of creation; `None` where a purge removed it.
    pub(crate) allocs: Vec<Option<Arc<Allocation>>>,
    /// The job of each allocation.
    pub(crate) alloc_jobs: Vec<JobRef>,
    /// The node of each allocation and the number in its name: a scheduler asks for them all again and again.
    pub(crate) alloc_places: Vec<(Option<NodeRef>, Option<u32>)>,
    /// The earlier allocation of the same job and name whose place each took, linked or not.
    pub(crate) replaces: Vec<Option<AllocRef>>,
    pub(crate) alloc_ids: HashMap<String, AllocRef>,
    pub(crate) evals: Vec<Arc<Evaluation>>,
    /// Evaluations that were collected.
    pub(crate) collected: BTreeSet<EvalRef>,
    pub(crate) eval_ids: HashMap<String, EvalRef>,
    pub(crate) deployments: Vec<Option<Arc<Deployment>>>,
    pub(crate) deployment_ids: HashMap<String, DeploymentRef>,
    pub(crate) nodes: Vec<Arc<Node>>,
    /// CPU (MHz), memory (MB) and disk (MB) that the not terminal allocations of each node take.
    pub(crate) used: Vec<[u64; 3]>,
    pub(crate) node_ids: BTreeMap<String, NodeRef>,
}

impl Tables {
    /// The slot of a job id, made if it is new.
    pub(crate) fn slot(&mut self, namespace: &str, id: &str) -> JobRef {
        let key = (namespace.to_owned(), id.to_owned());
        if let Some(found) = self.job_ids.get(&key) {
            return *found;
        }
        let job = self.jobs.len();
        self.jobs.push(JobSlot::default());
        self.job_ids.insert(key, job);
        job
    }

    pub(crate) fn find_job(&self, namespace: &str, id: &str) -> Option<JobRef> {
        let key = (namespace.to_owned(), id.to_owned());
        let found = *self.job_ids.get(&key)?;
        self.jobs[found].record.as_ref().map(|_| found)
    }

    pub(crate) fn job(&self, job: JobRef) -> Option<&Arc<Job>> {
        self.jobs[job].record.as_ref().map(|record| &record.job)
    }

    pub(crate) fn alloc(&self, alloc: AllocRef) -> Option<&Arc<Allocation>> {
        self.allocs[alloc].as_ref()
    }

    /// The number in an allocation's name.
    pub(crate) fn number(&self, alloc: AllocRef) -> Option<u32> {
        self.alloc_places[alloc].1
    }

    /// Which nodes the servers know: a purge makes them forget one.
    pub(crate) fn known_nodes(&self) -> Vec<bool> {
        let mut known = vec![false; self.nodes.len()];
        for node in self.node_ids.values() {
            known[*node] = true;
        }
        known
    }

    /// The newest deployment of a job.
    pub(crate) fn latest_deployment(&self, slot: JobRef) -> Option<&Arc<Deployment>> {
        let newest = self.jobs[slot].deployments.last()?;
        self.deployments[*newest].as_ref()
    }
}
